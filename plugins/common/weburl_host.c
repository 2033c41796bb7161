/* SPDX-License-Identifier: Apache-2.0 */
/* The host parser of the URL standard: names by UTS #46, IPv4 in all its spellings, IPv6. */
#include <stdatomic.h>
#include <stdio.h>
#include <unicode/uidna.h>

#include "weburl_impl.h"

/* Names that are not ASCII: longest before and after the mapping. Punycode takes quadratic time, and DNS ends at 253.
 */
#define NAME_MAX 1024
#define NAME_OUT 4096

static const char too_long[] = "has a host name that is too long";
static const char bad_name[] = "has a host name that is not valid";
static const char bad_char[] = "has a character in its host that may not be there";
static const char bad_ipv4[] = "has a host that ends in a number but is no IPv4 address";
static const char bad_ipv6[] = "has a host in brackets that is no IPv6 address";

/* Forbidden host code points (1), and those that a domain may not have either (2), but for other controls. */
static const unsigned char bad_chars[128] = {
    [0] = 1,   ['\t'] = 1, ['\n'] = 1, ['\r'] = 1, [' '] = 1,  ['#'] = 1, ['%'] = 2, ['/'] = 1, [':'] = 1, ['<'] = 1,
    ['>'] = 1, ['?'] = 1,  ['@'] = 1,  ['['] = 1,  ['\\'] = 1, [']'] = 1, ['^'] = 1, ['|'] = 1, [127] = 2,
};

static bool forbidden(unsigned char c, bool domain) {
  if (c >= 0x80) return false;
  return bad_chars[c] == 1 || (domain && (bad_chars[c] || c < 0x20));
}

/* ---- IPv4 ---- */

/* A number of an IPv4 address: decimal, 0x…, 0…. -1 if it is none; large ones end at 2^32. */
static int64_t ipv4_number(const char *s, size_t n) {
  int radix = 10;
  int64_t v = 0;
  if (n == 0) return -1;
  if (n >= 2 && s[0] == '0' && weburl_lower(s[1]) == 'x') {
    radix = 16;
    s += 2;
    n -= 2;
  } else if (n >= 2 && s[0] == '0') {
    radix = 8;
    s++;
    n--;
  }
  for (size_t i = 0; i < n; i++) {
    int digit = weburl_hex(s[i]);
    if (digit < 0 || digit >= radix) return -1;
    v = v * radix + digit;
    if (v > UINT32_MAX) v = (int64_t)UINT32_MAX + 1;
  }
  return v;
}

/* Where the last part begins; *n loses a dot at the end. */
static size_t last_part(const char *s, size_t *n) {
  if (*n > 1 && s[*n - 1] == '.') (*n)--;
  size_t at = *n;
  while (at > 0 && s[at - 1] != '.') at--;
  return at;
}

static bool ends_in_number(const char *s, size_t n) {
  size_t at = last_part(s, &n), i = at;
  while (i < n && s[i] >= '0' && s[i] <= '9') i++;
  if (i == n && i > at) return true;
  return ipv4_number(s + at, n - at) >= 0;
}

static const char *put_ipv4(weburl_buf *b, const char *s, size_t n, weburl_host *ret_kind) {
  int64_t parts[4];
  uint32_t address = 0;
  unsigned count = 0;
  (void)last_part(s, &n);
  for (size_t at = 0; at <= n;) {
    size_t end = at;
    while (end < n && s[end] != '.') end++;
    if (count == 4 || (parts[count] = ipv4_number(s + at, end - at)) < 0) return bad_ipv4;
    count++;
    at = end + 1;
  }
  for (unsigned i = 0; i + 1 < count; i++) {
    if (parts[i] > 255) return bad_ipv4;
    address |= (uint32_t)parts[i] << (24 - 8 * i);
  }
  if (parts[count - 1] >= (int64_t)1 << (8 * (5 - count))) return bad_ipv4;
  address |= (uint32_t)parts[count - 1];
  char text[16];
  int len =
      snprintf(text, sizeof text, "%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255);
  weburl_put(b, text, (size_t)len);
  *ret_kind = WEBURL_HOST_IPV4;
  return NULL;
}

/* ---- IPv6 ---- */

typedef struct ipv6 {
  uint16_t piece[8];
  unsigned n;   /* pieces read */
  int compress; /* the piece that :: stands before, or -1 */
} ipv6;

/* The IPv4 address at the end. */
static bool ipv6_embedded(ipv6 *a, const char *s, size_t n) {
  unsigned seen = 0;
  size_t i = 0;
  if (a->n > 6) return false;
  while (i < n) {
    int v = -1;
    if (seen > 0 && (seen == 4 || s[i++] != '.')) return false;
    for (; i < n && s[i] >= '0' && s[i] <= '9'; i++) {
      if (v == 0) return false;
      v = v < 0 ? s[i] - '0' : v * 10 + s[i] - '0';
      if (v > 255) return false;
    }
    if (v < 0) return false;
    a->piece[a->n] = (uint16_t)(a->piece[a->n] * 256 + v);
    seen++;
    if (seen == 2 || seen == 4) a->n++;
  }
  return seen == 4;
}

static bool ipv6_parse(ipv6 *a, const char *s, size_t n) {
  size_t i = 0;
  memset(a, 0, sizeof *a);
  a->compress = -1;
  if (n > 0 && s[0] == ':') {
    if (n < 2 || s[1] != ':') return false;
    i = 2;
    a->compress = 0;
  }
  while (i < n) {
    unsigned v = 0, digits = 0;
    if (a->n == 8) return false;
    if (s[i] == ':') {
      if (a->compress >= 0) return false;
      i++;
      a->compress = (int)a->n;
      continue;
    }
    size_t from = i;
    for (; digits < 4 && i < n && weburl_hex(s[i]) >= 0; i++, digits++) v = v * 16 + (unsigned)weburl_hex(s[i]);
    if (i < n && s[i] == '.') {
      if (digits == 0 || !ipv6_embedded(a, s + from, n - from)) return false;
      break;
    }
    if (i < n && (s[i++] != ':' || i == n)) return false;
    a->piece[a->n++] = (uint16_t)v;
  }
  return a->compress >= 0 ? a->n < 8 : a->n == 8;
}

/* Moves the pieces behind :: to the end. */
static void ipv6_spread(ipv6 *a) {
  if (a->compress < 0) return;
  unsigned tail = a->n - (unsigned)a->compress;
  for (unsigned k = 0; k < tail; k++) {
    a->piece[7 - k] = a->piece[a->n - 1 - k];
    if (7 - k != a->n - 1 - k) a->piece[a->n - 1 - k] = 0;
  }
}

/* The first of the longest runs of zeros that is longer than one; 8 if there is none. */
static unsigned ipv6_zeros(const ipv6 *a, unsigned *ret_len) {
  unsigned best = 8;
  *ret_len = 1;
  for (unsigned i = 0; i < 8; i++) {
    unsigned len = 0;
    while (i + len < 8 && a->piece[i + len] == 0) len++;
    if (len > *ret_len) {
      best = i;
      *ret_len = len;
    }
    if (len) i += len - 1;
  }
  return best;
}

static const char *put_ipv6(weburl_buf *b, const char *s, size_t n, weburl_host *ret_kind) {
  ipv6 a;
  unsigned len;
  char text[48];
  size_t at = 0;
  if (!ipv6_parse(&a, s, n)) return bad_ipv6;
  ipv6_spread(&a);
  unsigned zeros = ipv6_zeros(&a, &len);
  text[at++] = '[';
  for (unsigned i = 0; i < 8; i++) {
    if (i == zeros) {
      at += (size_t)snprintf(text + at, sizeof text - at, i == 0 ? "::" : ":");
      i += len - 1;
      continue;
    }
    at += (size_t)snprintf(text + at, sizeof text - at, i < 7 ? "%x:" : "%x", a.piece[i]);
  }
  text[at++] = ']';
  weburl_put(b, text, at);
  *ret_kind = WEBURL_HOST_IPV6;
  return NULL;
}

/* ---- names ---- */

/* The one mapping object, made when the first name needs it; it is immutable. NULL when memory is out. */
static const UIDNA *mapping(void) {
  static _Atomic(UIDNA *) shared;
  UIDNA *have = atomic_load(&shared);
  UErrorCode rc = U_ZERO_ERROR;
  if (have) return have;
  UIDNA *made = uidna_openUTS46(
      UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ | UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_NONTRANSITIONAL_TO_UNICODE, &rc);
  if (U_FAILURE(rc) || !made) return NULL;
  if (atomic_compare_exchange_strong(&shared, &have, made)) return made;
  uidna_close(made);
  return have;
}

/* Domain to ASCII without its strict rules: hyphens, empty and long labels may be. */
static const char *put_mapped(weburl_buf *b, const char *s, size_t n) {
  const uint32_t allowed = UIDNA_ERROR_EMPTY_LABEL | UIDNA_ERROR_LABEL_TOO_LONG | UIDNA_ERROR_DOMAIN_NAME_TOO_LONG |
                           UIDNA_ERROR_LEADING_HYPHEN | UIDNA_ERROR_TRAILING_HYPHEN | UIDNA_ERROR_HYPHEN_3_4;
  UIDNAInfo info = UIDNA_INFO_INITIALIZER;
  UErrorCode rc = U_ZERO_ERROR;
  char out[NAME_OUT];
  if (n > NAME_MAX) return too_long;
  const UIDNA *idna = mapping();
  if (!idna) {
    b->failed = true;
    return NULL;
  }
  int32_t len = uidna_nameToASCII_UTF8(idna, s, (int32_t)n, out, NAME_OUT, &info, &rc);
  if (rc == U_MEMORY_ALLOCATION_ERROR) b->failed = true;
  if (rc == U_BUFFER_OVERFLOW_ERROR) return too_long;
  if (U_FAILURE(rc) || (info.errors & ~allowed)) return bad_name;
  weburl_put(b, out, (size_t)len);
  return NULL;
}

/* Percent-decodes into b; whether all of it is ASCII. */
static bool put_decoded(weburl_buf *b, const char *s, size_t n) {
  bool ascii = true;
  if (!weburl_buf_room(b, n)) return true;
  char *out = b->p + b->n;
  for (size_t i = 0; i < n; i++) {
    int c = s[i] == '%' ? weburl_escape(s + i, n - i) : -1;
    char byte = c >= 0 ? (char)c : s[i];
    if (c >= 0) i += 2;
    if (byte & 0x80) ascii = false;
    *out++ = weburl_lower(byte);
  }
  b->n = (size_t)(out - b->p);
  return ascii;
}

static const char *put_domain(weburl_buf *b, const char *s, size_t n, weburl_host *ret_kind) {
  size_t from = b->n;
  if (!put_decoded(b, s, n) && !b->failed) {
    char raw[NAME_MAX];
    size_t len = b->n - from;
    if (len > sizeof raw) return too_long;
    memcpy(raw, b->p + from, len);
    b->n = from;
    const char *why = put_mapped(b, raw, len);
    if (why) return why;
  }
  if (b->failed) return NULL;
  const char *name = b->p + from;
  size_t len = b->n - from;
  if (len == 0) return bad_name;
  for (size_t i = 0; i < len; i++)
    if (forbidden((unsigned char)name[i], true)) return bad_char;
  *ret_kind = WEBURL_HOST_DOMAIN;
  if (!ends_in_number(name, len)) return NULL;
  b->n = from; /* the name is read before the address is written over it */
  return put_ipv4(b, name, len, ret_kind);
}

const char *weburl_put_host(weburl_buf *b, const char *s, size_t n, bool special, weburl_host *ret_kind) {
  if (n > 0 && s[0] == '[') return n < 2 || s[n - 1] != ']' ? bad_ipv6 : put_ipv6(b, s + 1, n - 2, ret_kind);
  if (special) return put_domain(b, s, n, ret_kind);
  for (size_t i = 0; i < n; i++)
    if (forbidden((unsigned char)s[i], false)) return bad_char;
  weburl_put_encoded(b, s, n, WEBURL_SET_C0);
  *ret_kind = n ? WEBURL_HOST_OPAQUE : WEBURL_HOST_EMPTY;
  return NULL;
}
