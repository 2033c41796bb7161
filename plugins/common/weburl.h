/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URLs as browsers read them: the WHATWG parser and serialiser, and a canonical form under which a page is known.
 *
 * A parsed URL is its serialisation (`href`) with the places of its parts; parse(href) gives the same URL again. Every
 * scheme is parsed, so that what is no web page can be refused by name; weburl_is_web says whether it is http or https.
 * Input is any bytes: what is not UTF-8 reads as U+FFFD. Host names go through UTS #46 (ICU), so a plugin that compiles
 * weburl.c, weburl_host.c and weburl_canon.c says `PKG icu-uc`. Time and memory are linear in the input and the base.
 *
 * Thread-safe: nothing is shared but what ICU keeps.
 */
#ifndef SLUICE_PLUGINS_WEBURL_H
#define SLUICE_PLUGINS_WEBURL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lane_vec.h"

/* Longest input, in bytes. */
#define WEBURL_MAX (256u * 1024u)

typedef enum weburl_scheme {
  WEBURL_OTHER,
  WEBURL_HTTP,
  WEBURL_HTTPS,
  WEBURL_WS,
  WEBURL_WSS,
  WEBURL_FTP,
  WEBURL_FILE,
} weburl_scheme;

typedef enum weburl_host {
  WEBURL_HOST_NONE,   /* mailto:x */
  WEBURL_HOST_EMPTY,  /* file:///x */
  WEBURL_HOST_DOMAIN, /* ASCII, small letters, xn-- where needed; may end in a dot */
  WEBURL_HOST_IPV4,   /* 192.0.2.1 */
  WEBURL_HOST_IPV6,   /* [2001:db8::1], with its brackets */
  WEBURL_HOST_OPAQUE, /* of a scheme that is not special */
} weburl_host;

/* A part: bytes [at, at + len) of href. */
typedef struct weburl_part {
  uint32_t at, len;
} weburl_part;

typedef struct weburl {
  char *href; /* NUL-terminated; NULL when there is none */
  uint32_t len;
  weburl_scheme scheme_id;
  weburl_host host_kind;
  int32_t port; /* -1: none, or the default of the scheme */
  bool has_query, has_fragment, opaque_path;
  weburl_part scheme;   /* without ':' */
  weburl_part username; /* percent-encoded; empty if there is none */
  weburl_part password;
  weburl_part host;
  weburl_part path;     /* begins with '/' if the scheme is special */
  weburl_part query;    /* without '?' */
  weburl_part fragment; /* without '#' */
  const lane_mem *mem;
} weburl;

/* Parses s[0, n), relative to base unless that is NULL. *out is overwritten, not freed first; on an error it is empty
 * (weburl_free is allowed). mem [borrow until weburl_free]. Returns 0; SL_EPARSE with *ret_why (may be NULL; a constant
 * text that follows "the URL …" in a message), SL_ELIMIT if n > WEBURL_MAX, or SL_ENOMEM. base and out may not be the
 * same. */
int weburl_parse(weburl *out, const lane_mem *mem, const char *s, size_t n, const weburl *base, const char **ret_why);

/* *out becomes a copy. 0 or SL_ENOMEM. */
int weburl_copy(weburl *out, const weburl *u);

/* Empties a URL. A zeroed one may be freed, and one twice. */
void weburl_free(weburl *u);

/* Bytes of a part: [borrow until the URL is freed], not NUL-terminated. */
static inline const char *weburl_at(const weburl *u, weburl_part part) { return u->href + part.at; }

/* http or https: what can be fetched. Such a URL has a host and a path. */
static inline bool weburl_is_web(const weburl *u) {
  return u->scheme_id == WEBURL_HTTP || u->scheme_id == WEBURL_HTTPS;
}

/* The port that is connected to; -1 for a scheme without one. */
int32_t weburl_port(const weburl *u);

/* "/path?query" as it stands in a request: one part of href. Empty path becomes part of length 0. */
weburl_part weburl_request(const weburl *u);

/* scheme://host[:port], without user and path: one part of href unless there is a user; so it is written into buf (cap
 * bytes, NUL-terminated). Returns its length, 0 if it does not fit or there is no host. */
size_t weburl_origin(const weburl *u, char *buf, size_t cap);

/* ---- the canonical form --------------------------------------------------------------------------------------------
 *
 * A key, for a set of URLs that were seen; it is not meant to be fetched. Two URLs have the same key if they differ
 * only in
 *
 *   - the fragment, user name and password, the default port, a dot at the end of the host;
 *   - the spelling of percent-encoding: letters, digits and - . _ ~ are not encoded, all other escapes have capitals, a
 *     % that begins no escape is %25;
 *   - parameters that only tell where a reader came from (below), empty parameters, the order of different parameters
 *     (those of one name keep their order), and a "?" with nothing behind it;
 *   - session ids: `;jsessionid=…` in the path, the parameters jsessionid, phpsessid, aspsessionid*, cfid, cftoken, and
 *     sid, sessid, sessionid, session_id, session if the value looks like a random one (16 or more letters and digits,
 *     both among them).
 *
 * Kept as they are: http and https, www., letter case of path and query, double slashes, a slash at the end, "+" and
 * %20.
 *
 * Parameters that are dropped, whatever their case: utm_*, itm_*, mtm_*, pk_*, piwik_*, matomo_*, hsa_*, _hs*, __hs*,
 * mc_cid, mc_eid, fbclid, fb_action_ids, fb_action_types, fb_source, fb_ref, gclid, gclsrc, gbraid, wbraid, dclid,
 * msclkid, yclid, ymclid, _openstat, ysclid, twclid, ttclid, li_fat_id, igshid, igsh, zarsrc, vero_id, vero_conv,
 * mkt_tok, oly_anon_id, oly_enc_id, wickedid, rb_clickid, s_cid, s_kwcid, ef_id, epik, irclickid, dicbo, cmpid, _ga,
 * _gl, _gac, spm, ml_subscriber, ml_subscriber_hash, xtor, at_campaign, at_medium, __twitter_impression, guccounter,
 * guce_referrer*. */
typedef struct weburl_rules {
  const char *const *strip; /* further names that are dropped: ASCII, any case; a * at the end stands for any rest */
  size_t n_strip;
  const char *const *keep; /* names that are never dropped, in the same spelling */
  size_t n_keep;
  bool keep_trackers; /* the list above is not used */
  bool keep_sessions; /* session ids stay */
  bool keep_order;    /* parameters stay in their order */
} weburl_rules;

/* *ret [own: mem->free of u] becomes the key, NUL-terminated; *ret_len (may be NULL) its length. rules NULL: the
 * defaults. 0, SL_EINVAL if u is not http or https, or SL_ENOMEM. The key of a parsed key is the key. */
int weburl_canonical(const weburl *u, const weburl_rules *rules, char **ret, size_t *ret_len);

#endif
