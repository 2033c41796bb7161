/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents: an envelope that belongs to one holder, over a body, payload, origin and edit map shared by reference
 * count.
 *
 * Rules: an envelope has one owner at a time and no lock. What it points to is immutable while its count is above one;
 * the body is made unique before it is written. A body is JSON text, a cJSON tree, or both; text is validated before it
 * is stored, so that turning it into a tree can fail for want of memory only. Several threads may look at one shared
 * body at the same time: the tree is then made once, under a lock.
 *
 * The struct is open to the layers above (flow keeps its delivery fields here), and to nobody else.
 */
#ifndef SLUICE_DOC_DOCUMENT_H
#define SLUICE_DOC_DOCUMENT_H

#include <stdatomic.h>

#include "base/err.h"

struct cJSON;
struct sl_token; /* flow/token.h */
struct sl_unit;  /* flow/unit.h */

typedef struct sl_bodybuf sl_bodybuf; /* opaque; atomic count */
typedef struct sl_paybuf sl_paybuf;   /* opaque; atomic count */
typedef struct sl_editmap sl_editmap; /* opaque; atomic count; doc/editmap.h */

/* Immutable once shared. The strings stand behind the struct in the same block. */
typedef struct sl_orig {
  atomic_uint refs;
  uint32_t key_len;
  sl_origin o;
  const char *key; /* record key: uri, and "#" locator if there is one */
} sl_orig;

/* Path of splits: which child of which child; immutable, counted. */
typedef struct sl_splits {
  atomic_uint refs;
  uint32_t n;
  uint32_t step[];
} sl_splits;

struct sl_doc {
  sl_bodybuf *body;    /* never NULL */
  sl_paybuf *payload;  /* or NULL */
  sl_orig *orig;       /* or NULL: origin not set */
  sl_editmap *map;     /* or NULL */
  sl_splits *splits;   /* or NULL */
  sl_doc *next, *prev; /* intrusive list of whoever holds the envelope */
  uint32_t attempt;    /* 1 the first time */
  uint32_t slot, sub;  /* place among the documents of its unit; sub: among those that share a slot */
  struct sl_unit *unit;
  struct sl_token *token;
  void *more;      /* flow: further tokens of a document with many parents */
  sl_err *why;     /* reason of a rejection or retry; owned; or NULL */
  uint64_t cursor; /* the source's position after this document */
  int64_t due;     /* flow: when a retry is due, monotonic nanoseconds */
  uint32_t flags;  /* flow */
  uint32_t zone;   /* flow: where the document is counted as live */
  uint32_t stage;  /* flow: index of the stage that the document is about to enter */
};

/* [own] body {}, attempt 1. NULL when memory is out. */
sl_doc *sl_doc_new(void);
/* A second envelope that shares everything but the delivery fields (unit, slot, token, more, why, next, prev, zone,
 * flags: zero). */
sl_doc *sl_doc_share(const sl_doc *doc);
/* NULL is fine. Does not touch token, unit and more: those are the caller's to settle first. */
void sl_doc_free(sl_doc *doc);

/* [borrow until edited or freed]; NULL with err set when memory is out, or when text that nobody has checked yet is
 * bad: it is checked and built in one pass, so sl_doc_check before is needed only where nothing looks at the body. */
const struct cJSON *sl_doc_body(sl_doc *doc, sl_err *err);
/* Unique first (deep copy if shared). Drops the cached text. */
struct cJSON *sl_doc_edit(sl_doc *doc, sl_err *err);
/* body [take], an object. */
int sl_doc_set_body(sl_doc *doc, struct cJSON *body, sl_err *err);
/* JSON text that has not been validated yet; see sl_host.doc_set_text for release, which is called after a failure,
 * too. */
int sl_doc_set_text(sl_doc *doc, const void *json, size_t len, sl_release_cb release, void *user, sl_err *err);
/* Validates text set by sl_doc_set_text, once; must succeed before the document goes on. The error carries the byte
 * offset. */
int sl_doc_check(sl_doc *doc, sl_err *err);
/* Printed JSON without newline. Cached in the body. [borrow until edited or freed] */
int sl_doc_text(sl_doc *doc, sl_bytes *ret, sl_err *err);
/* The text as it stands, valid JSON or not; len 0 if there is none. [borrow until edited or freed] */
void sl_doc_given(const sl_doc *doc, sl_bytes *ret);
/* 1 if the body has been text only so far: nobody has looked. */
int sl_doc_is_raw(const sl_doc *doc);
/* Frees the tree of a body that is not shared and has its text: after printing for a TEXT sink. */
void sl_doc_drop_tree(sl_doc *doc);

void sl_doc_payload(const sl_doc *doc, sl_bytes *ret, const char **ret_media_type);
int sl_doc_set_payload(sl_doc *doc, const void *data, size_t len, const char *media_type, sl_release_cb release,
                       void *user, sl_err *err);
void sl_doc_origin(const sl_doc *doc, sl_origin *ret);
int sl_doc_set_origin(sl_doc *doc, const sl_origin *origin, sl_err *err);
/* Origin and splits as one string, "" if there is none. [borrow until origin or splits change] */
const char *sl_doc_key(const sl_doc *doc);
/* Appends a step to the path of splits. */
int sl_doc_add_split(sl_doc *doc, uint32_t step, sl_err *err);
/* Order of two documents of one unit: slot, then splits. <0, 0, >0 */
int sl_doc_order(const sl_doc *a, const sl_doc *b);
/* Approximate bytes held by body and payload. */
size_t sl_doc_size(const sl_doc *doc);

#endif
