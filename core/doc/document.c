/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents over shared bodies.
 *
 * A body grows forms (checked text, one-line text, tree) and loses them only
 * while it has one holder. `ready` says which forms are there; it is written
 * last, with release, so that who sees a bit may use the form without the lock.
 * Making a form of a body with several holders happens under one of a few
 * locks, chosen by address.
 *
 * Safety: the lock of a body is a leaf; nothing else is taken under it, and no
 * callback runs there but the release of the text that a printed one replaces.
 */
#include "doc/document.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/mem.h"
#include "base/str.h"
#include "doc/codec.h"
#include "doc/editmap.h"

#define CHECKED 1u /* text is valid JSON, an object */
#define LINE 2u    /* text is valid and one line */
#define TREE 4u

struct sl_bodybuf {
  atomic_uint refs;
  atomic_uint ready;
  cJSON *tree;
  const char *text; /* NULL: none */
  size_t len;
  sl_release_cb release; /* NULL: text is static */
  void *user;
};

struct sl_paybuf {
  atomic_uint refs;
  const void *data;
  size_t len;
  sl_release_cb release;
  void *user;
  char media_type[];
};

/* ---- counts ---- */

static void ref(atomic_uint *refs) { atomic_fetch_add_explicit(refs, 1, memory_order_relaxed); }

/* 1 if this was the last. Alone, nobody can take another one, so a load will
 * do. */
static int unref(atomic_uint *refs) {
  if (atomic_load_explicit(refs, memory_order_acquire) == 1) return 1;
  return atomic_fetch_sub_explicit(refs, 1, memory_order_acq_rel) == 1;
}

static int is_unique(const atomic_uint *refs) { return atomic_load_explicit(refs, memory_order_acquire) == 1; }

/* ---- bodies ---- */

#define LOCKS_4 \
  PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER
static pthread_mutex_t locks[16] = {LOCKS_4, LOCKS_4, LOCKS_4, LOCKS_4};

static pthread_mutex_t *lock_of(const sl_bodybuf *body) {
  uintptr_t x = (uintptr_t)body;
  return &locks[(x >> 6 ^ x >> 10 ^ x >> 16) & 15];
}

static void release_mem(void *data, void *user) {
  (void)user;
  sl_mem_free(data);
}

static void drop_text(sl_bodybuf *body) {
  if (body->release != NULL) {
    union {
      const char *c;
      void *v;
    } u = {.c = body->text}; /* lent as const, given back to who owns it */
    body->release(u.v, body->user);
  }
  body->text = NULL;
  body->len = 0;
  body->release = NULL;
  body->user = NULL;
}

/* {} */
static void make_empty(sl_bodybuf *body) {
  body->tree = NULL;
  body->text = "{}";
  body->len = 2;
  body->release = NULL;
  body->user = NULL;
  atomic_store_explicit(&body->ready, CHECKED | LINE, memory_order_relaxed);
}

static sl_bodybuf *body_new(void) {
  sl_bodybuf *body = sl_mem_alloc(sizeof *body);
  if (body == NULL) return NULL;
  atomic_init(&body->refs, 1);
  atomic_init(&body->ready, 0);
  make_empty(body);
  return body;
}

static void body_unref(sl_bodybuf *body) {
  if (body == NULL || !unref(&body->refs)) return;
  cJSON_Delete(body->tree);
  drop_text(body);
  sl_mem_free(body);
}

static uint32_t body_ready(const sl_bodybuf *body) { return atomic_load_explicit(&body->ready, memory_order_acquire); }

static void body_mark(sl_bodybuf *body, uint32_t bits) {
  atomic_fetch_or_explicit(&body->ready, bits, memory_order_release);
}

static int not_object(sl_err *err) {
  sl_err_set(err, SL_EPARSE, "the body must be a JSON object, found another JSON value");
  sl_err_hint(err, "wrap the value: {\"value\": …}");
  return SL_EPARSE;
}

static int is_object_text(const char *text, size_t len) {
  size_t i = 0;
  while (i < len && (text[i] == ' ' || text[i] == '\t' || text[i] == '\n' || text[i] == '\r')) i++;
  return i < len && text[i] == '{';
}

/* The makers of forms: alone with the body, or under its lock. */

static int make_checked(sl_bodybuf *body, sl_err *err) {
  if (body_ready(body) & (CHECKED | TREE)) return SL_OK;
  int rc = sl_json_check(body->text, body->len, NULL, NULL, err);
  if (rc == SL_OK && !is_object_text(body->text, body->len)) rc = not_object(err);
  if (rc == SL_OK) body_mark(body, CHECKED);
  return rc;
}

static int make_tree(sl_bodybuf *body, sl_err *err) {
  uint32_t ready = body_ready(body);
  cJSON *tree = NULL;
  if (ready & TREE) return SL_OK;
  int rc = ready & CHECKED ? sl_json_parse_trusted(body->text, body->len, &tree, err)
                           : sl_json_parse(body->text, body->len, NULL, &tree, NULL, err);
  if (rc != SL_OK) return rc;
  if (!cJSON_IsObject(tree)) {
    cJSON_Delete(tree);
    return not_object(err);
  }
  body->tree = tree;
  body_mark(body, TREE | CHECKED);
  return SL_OK;
}

static int make_line(sl_bodybuf *body, sl_err *err) {
  if (body_ready(body) & LINE) return SL_OK;
  int rc = body->text == NULL ? SL_OK : make_checked(body, err);
  if (rc != SL_OK) return rc;
  /* White space between tokens is the only place for a line break in valid
   * JSON. */
  if (body->text != NULL && memchr(body->text, '\n', body->len) == NULL &&
      memchr(body->text, '\r', body->len) == NULL) {
    body_mark(body, LINE);
    return SL_OK;
  }
  char *text = NULL;
  size_t len = 0;
  rc = make_tree(body, err);
  if (rc == SL_OK) rc = sl_json_print(body->tree, &text, &len, err);
  if (rc != SL_OK) return rc;
  drop_text(body);
  body->text = text;
  body->len = len;
  body->release = release_mem;
  body_mark(body, CHECKED | LINE);
  return SL_OK;
}

static int make(sl_bodybuf *body, uint32_t form, sl_err *err, int (*maker)(sl_bodybuf *, sl_err *)) {
  if (body_ready(body) & form) return SL_OK;
  if (is_unique(&body->refs)) return maker(body, err);
  pthread_mutex_t *lock = lock_of(body);
  pthread_mutex_lock(lock);
  int rc = maker(body, err);
  pthread_mutex_unlock(lock);
  return rc;
}

/* A body that nobody shares and whose forms are gone, in the document's hands.
 */
static sl_bodybuf *fresh_body(sl_doc *doc) {
  sl_bodybuf *body = doc->body;
  if (!is_unique(&body->refs)) {
    sl_bodybuf *mine = body_new();
    if (mine == NULL) return NULL;
    body_unref(body);
    doc->body = mine;
    return mine;
  }
  cJSON_Delete(body->tree);
  drop_text(body);
  make_empty(body);
  return body;
}

/* ---- envelopes ---- */

sl_doc *sl_doc_new(void) {
  sl_doc *doc = sl_mem_alloc(sizeof *doc);
  sl_bodybuf *body = body_new();
  if (doc == NULL || body == NULL) {
    sl_mem_free(doc);
    body_unref(body);
    return NULL;
  }
  *doc = (sl_doc){.body = body, .attempt = 1};
  return doc;
}

sl_doc *sl_doc_share(const sl_doc *doc) {
  sl_doc *copy = sl_mem_alloc(sizeof *copy);
  if (copy == NULL) return NULL;
  *copy = *doc;
  copy->next = copy->prev = NULL;
  copy->zone = copy->flags = 0;
  copy->unit = NULL;
  copy->slot = copy->sub = 0;
  copy->token = NULL;
  copy->more = NULL;
  copy->why = NULL;
  ref(&copy->body->refs);
  if (copy->payload != NULL) ref(&copy->payload->refs);
  if (copy->orig != NULL) ref(&copy->orig->refs);
  if (copy->map != NULL) (void)sl_editmap_ref(copy->map);
  if (copy->splits != NULL) ref(&copy->splits->refs);
  return copy;
}

static void payload_unref(sl_paybuf *pay) {
  if (pay == NULL || !unref(&pay->refs)) return;
  union {
    const void *c;
    void *v;
  } u = {.c = pay->data};
  if (pay->release != NULL) pay->release(u.v, pay->user);
  sl_mem_free(pay);
}

static void orig_unref(sl_orig *orig) {
  if (orig != NULL && unref(&orig->refs)) sl_mem_free(orig);
}

static void splits_unref(sl_splits *splits) {
  if (splits != NULL && unref(&splits->refs)) sl_mem_free(splits);
}

void sl_doc_free(sl_doc *doc) {
  if (doc == NULL) return;
  body_unref(doc->body);
  payload_unref(doc->payload);
  orig_unref(doc->orig);
  sl_editmap_unref(doc->map);
  splits_unref(doc->splits);
  sl_mem_free(doc->why);
  sl_mem_free(doc);
}

/* ---- body ---- */

const cJSON *sl_doc_body(sl_doc *doc, sl_err *err) {
  return make(doc->body, TREE, err, make_tree) == SL_OK ? doc->body->tree : NULL;
}

cJSON *sl_doc_edit(sl_doc *doc, sl_err *err) {
  if (sl_doc_body(doc, err) == NULL) return NULL;
  sl_bodybuf *body = doc->body;
  if (!is_unique(&body->refs)) {
    sl_bodybuf *mine = body_new();
    cJSON *tree = mine == NULL ? NULL : sl_json_copy(body->tree);
    if (tree == NULL) {
      body_unref(mine);
      sl_err_set(err, SL_ENOMEM, "cannot copy the body for writing: memory is out");
      return NULL;
    }
    mine->tree = tree;
    body_unref(body);
    doc->body = body = mine;
  }
  drop_text(body);
  atomic_store_explicit(&body->ready, TREE, memory_order_relaxed);
  return body->tree;
}

int sl_doc_set_body(sl_doc *doc, cJSON *body, sl_err *err) {
  if (!cJSON_IsObject(body)) {
    cJSON_Delete(body);
    return sl_err_set(err, SL_EINVAL, "the body must be a JSON object, found %s",
                      body == NULL ? "nothing" : "another value");
  }
  sl_bodybuf *mine = fresh_body(doc);
  if (mine == NULL) {
    cJSON_Delete(body);
    return sl_err_set(err, SL_ENOMEM, "cannot set the body: memory is out");
  }
  drop_text(mine);
  mine->tree = body;
  atomic_store_explicit(&mine->ready, TREE, memory_order_relaxed);
  return SL_OK;
}

int sl_doc_set_text(sl_doc *doc, const void *json, size_t len, sl_release_cb release, void *user, sl_err *err) {
  union {
    const void *c;
    void *v;
  } data = {.c = json};
  if (release == NULL) {
    data.v = sl_mem_alloc(len + 1);
    if (data.v == NULL) return sl_err_set(err, SL_ENOMEM, "cannot copy a body of %zu bytes: memory is out", len);
    if (len > 0) memcpy(data.v, json, len);
    ((char *)data.v)[len] = '\0';
    release = release_mem;
  }
  sl_bodybuf *mine = fresh_body(doc);
  if (mine == NULL) {
    release(data.v, user);
    return sl_err_set(err, SL_ENOMEM, "cannot set the body: memory is out");
  }
  mine->text = data.v;
  mine->len = len;
  mine->release = release;
  mine->user = user;
  atomic_store_explicit(&mine->ready, 0, memory_order_relaxed);
  return SL_OK;
}

int sl_doc_check(sl_doc *doc, sl_err *err) { return make(doc->body, CHECKED | TREE, err, make_checked); }

int sl_doc_text(sl_doc *doc, sl_bytes *ret, sl_err *err) {
  int rc = make(doc->body, LINE, err, make_line);
  if (rc == SL_OK) *ret = (sl_bytes){doc->body->text, doc->body->len};
  return rc;
}

void sl_doc_given(const sl_doc *doc, sl_bytes *ret) { *ret = (sl_bytes){doc->body->text, doc->body->len}; }

int sl_doc_is_raw(const sl_doc *doc) { return (body_ready(doc->body) & TREE) == 0; }

void sl_doc_drop_tree(sl_doc *doc) {
  sl_bodybuf *body = doc->body;
  uint32_t ready = body_ready(body);
  if (!is_unique(&body->refs) || (ready & TREE) == 0 || (ready & LINE) == 0) return;
  cJSON_Delete(body->tree);
  body->tree = NULL;
  atomic_store_explicit(&body->ready, CHECKED | LINE, memory_order_relaxed);
}

/* ---- payload ---- */

void sl_doc_payload(const sl_doc *doc, sl_bytes *ret, const char **ret_media_type) {
  const sl_paybuf *pay = doc->payload;
  if (ret != NULL) *ret = pay == NULL ? (sl_bytes){NULL, 0} : (sl_bytes){pay->data, pay->len};
  if (ret_media_type != NULL) *ret_media_type = pay == NULL ? NULL : pay->media_type;
}

int sl_doc_set_payload(sl_doc *doc, const void *data, size_t len, const char *media_type, sl_release_cb release,
                       void *user, sl_err *err) {
  sl_paybuf *pay = NULL;
  if (data != NULL) {
    const char *type = media_type == NULL ? "application/octet-stream" : media_type;
    size_t type_size = strlen(type) + 1;
    /* A copy stands in the same block, behind the media type. */
    pay = sl_mem_alloc(sizeof *pay + type_size + (release == NULL ? len : 0));
    if (pay == NULL) {
      union {
        const void *c;
        void *v;
      } u = {.c = data};
      if (release != NULL) release(u.v, user);
      return sl_err_set(err, SL_ENOMEM, "cannot set a payload of %zu bytes: memory is out", len);
    }
    atomic_init(&pay->refs, 1);
    memcpy(pay->media_type, type, type_size);
    if (release == NULL && len > 0) memcpy(pay->media_type + type_size, data, len);
    pay->data = release == NULL ? pay->media_type + type_size : data;
    pay->len = len;
    pay->release = release;
    pay->user = user;
  }
  payload_unref(doc->payload);
  doc->payload = pay;
  return SL_OK;
}

/* ---- origin ---- */

void sl_doc_origin(const sl_doc *doc, sl_origin *ret) {
  *ret = doc->orig == NULL ? (sl_origin){"", NULL, NULL} : doc->orig->o;
}

const char *sl_doc_key(const sl_doc *doc) { return doc->orig == NULL ? "" : doc->orig->key; }

static size_t size_of(const char *s) { return s == NULL ? 0 : strlen(s) + 1; }

static char *append(char *at, const char *text, size_t len) {
  memcpy(at, text, len);
  return at + len;
}

/* Strings behind the struct: key, uri, locator, revision. The key is uri, "#"
 * and locator, "~" and the steps of splits. */
static sl_orig *orig_new(const sl_origin *origin, const sl_splits *splits) {
  size_t uri = size_of(origin->uri);
  size_t locator = size_of(origin->locator);
  size_t revision = size_of(origin->revision);
  size_t steps = splits == NULL ? 0 : splits->n;
  sl_orig *orig = sl_mem_alloc(sizeof *orig + uri * 2 + locator * 2 + revision + steps * 11 + 2);
  if (orig == NULL) return NULL;
  atomic_init(&orig->refs, 1);
  char *p = (char *)(orig + 1);
  orig->key = p;
  p = append(p, origin->uri, uri - 1);
  if (locator > 0) {
    *p++ = '#';
    p = append(p, origin->locator, locator - 1);
  }
  for (size_t i = 0; i < steps; i++) {
    *p++ = i == 0 ? '~' : '.';
    p += sl_str_int_text(splits->step[i], p);
  }
  *p++ = '\0';
  orig->key_len = (uint32_t)(p - orig->key - 1);
  orig->o.uri = p;
  p = append(p, origin->uri, uri);
  orig->o.locator = locator == 0 ? NULL : p;
  p = locator == 0 ? p : append(p, origin->locator, locator);
  orig->o.revision = revision == 0 ? NULL : p;
  if (revision > 0) (void)append(p, origin->revision, revision);
  return orig;
}

int sl_doc_set_origin(sl_doc *doc, const sl_origin *origin, sl_err *err) {
  if (origin == NULL || origin->uri == NULL) return sl_err_set(err, SL_EINVAL, "the origin must have a uri");
  sl_orig *orig = orig_new(origin, doc->splits);
  if (orig == NULL) return sl_err_set(err, SL_ENOMEM, "cannot set the origin: memory is out");
  orig_unref(doc->orig);
  doc->orig = orig;
  return SL_OK;
}

int sl_doc_add_split(sl_doc *doc, uint32_t step, sl_err *err) {
  uint32_t n = doc->splits == NULL ? 0 : doc->splits->n;
  sl_splits *splits = sl_mem_alloc(sizeof *splits + ((size_t)n + 1) * sizeof splits->step[0]);
  sl_orig *orig = NULL;
  if (splits != NULL) {
    atomic_init(&splits->refs, 1);
    splits->n = n + 1;
    if (n > 0) memcpy(splits->step, doc->splits->step, n * sizeof splits->step[0]);
    splits->step[n] = step;
    sl_origin origin;
    sl_doc_origin(doc, &origin);
    orig = orig_new(&origin, splits);
  }
  if (orig == NULL) {
    sl_mem_free(splits);
    return sl_err_set(err, SL_ENOMEM, "cannot split the document: memory is out");
  }
  splits_unref(doc->splits);
  orig_unref(doc->orig);
  doc->splits = splits;
  doc->orig = orig;
  return SL_OK;
}

int sl_doc_order(const sl_doc *a, const sl_doc *b) {
  if (a->slot != b->slot) return a->slot < b->slot ? -1 : 1;
  if (a->sub != b->sub) return a->sub < b->sub ? -1 : 1;
  uint32_t n = a->splits == NULL ? 0 : a->splits->n;
  uint32_t m = b->splits == NULL ? 0 : b->splits->n;
  for (uint32_t i = 0; i < n && i < m; i++) {
    if (a->splits->step[i] != b->splits->step[i]) return a->splits->step[i] < b->splits->step[i] ? -1 : 1;
  }
  return n == m ? 0 : (n < m ? -1 : 1);
}

/* ---- size ---- */

static size_t tree_size(const cJSON *item, uint32_t depth) {
  size_t sum = 0;
  for (; item != NULL; item = item->next) {
    sum += sizeof *item + size_of(item->string) + size_of(item->valuestring);
    if (item->child != NULL && depth < SL_JSON_MAX_DEPTH) sum += tree_size(item->child, depth + 1);
  }
  return sum;
}

size_t sl_doc_size(const sl_doc *doc) {
  const sl_bodybuf *body = doc->body;
  uint32_t ready = body_ready(body);
  size_t size = sizeof *doc + sizeof *body;
  /* A shared text may be replaced meanwhile; one that is ready may not. */
  if (is_unique(&body->refs) || (ready & LINE)) size += body->len;
  if (ready & TREE) size += tree_size(body->tree, 0);
  return doc->payload == NULL ? size : size + doc->payload->len;
}
