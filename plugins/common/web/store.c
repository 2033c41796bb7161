/* SPDX-License-Identifier: Apache-2.0 */
/* What outlives the process: robots.txt of hosts, in the key-value state of a transform or the notes of a source. */
#include "impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A note of a source may have 64 KiB; what is larger is fetched again. */
#define NOTE_MAX 65000

static void key_of(const web_host *h, char *key, size_t cap) { snprintf(key, cap, "robots:%s", h->key); }

void web_store_robots(web_client *c, const web_host *h, sl_doc *doc, int64_t until, const void *text, size_t len) {
  char key[600], head[40];
  int n = snprintf(head, sizeof head, "%" PRId64 "\n", until);
  bool as_note = !c->kv && c->notes;
  if ((!c->kv && !as_note) || (c->kv && !doc) || (as_note && len > NOTE_MAX) || c->p->replay) return;
  char *value = c->mem.alloc((size_t)n + len);
  if (!value) return;
  memcpy(value, head, (size_t)n);
  if (len) memcpy(value + n, text, len);
  key_of(h, key, sizeof key);
  const sl_bytes k = {key, strlen(key)}, v = {value, (size_t)n + len};
  /* Failing to keep it costs another request, no more. */
  if (as_note)
    (void)c->notes->put(c->ctx, key, value, v.len);
  else
    (void)c->kv->put(c->ctx, doc, &k, &v, until - sl_now(c->ctx));
  c->mem.free(value);
}

int web_load_robots(web_client *c, const web_host *h, sl_doc *doc, int64_t *ret_until, char **ret, size_t *ret_len) {
  char key[600], head[32];
  sl_bytes v = {0};
  if (c->p->replay) return SL_ENOTFOUND;
  key_of(h, key, sizeof key);
  const sl_bytes k = {key, strlen(key)};
  int32_t rc = SL_ENOTFOUND;
  if (c->kv && doc)
    rc = c->kv->get(c->ctx, doc, &k, &v, NULL);
  else if (!c->kv && c->notes)
    rc = c->notes->get(c->ctx, key, &v);
  if (rc) return rc;
  const char *end = v.len ? memchr(v.data, '\n', v.len < sizeof head ? v.len : sizeof head) : NULL;
  if (!end) return SL_EPARSE;
  size_t n = (size_t)(end - (const char *)v.data);
  if (n >= sizeof head) return SL_EPARSE;
  memcpy(head, v.data, n);
  head[n] = '\0';
  *ret_until = strtoll(head, NULL, 10);
  *ret_len = v.len - n - 1;
  *ret = web_dup_n(c, end + 1, *ret_len);
  return *ret ? 0 : SL_ENOMEM;
}

typedef struct purge {
  char *keys[256];
  uint32_t n;
  int64_t now;
} purge;

static int32_t find_past(void *user, const char *key, const sl_bytes *value) {
  purge *p = user;
  char head[32] = "";
  memcpy(head, value->data, value->len < sizeof head - 1 ? value->len : sizeof head - 1);
  if (strtoll(head, NULL, 10) > p->now) return 0;
  if (!(p->keys[p->n] = strdup(key))) return 1;
  return ++p->n == sizeof p->keys / sizeof *p->keys;
}

void web_purge_robots(web_client *c) {
  purge p = {.now = sl_now(c->ctx)};
  if (c->kv || !c->notes) return;
  do {
    p.n = 0;
    (void)c->notes->each(c->ctx, "robots:", find_past, &p);
    for (uint32_t i = 0; i < p.n; i++) {
      (void)c->notes->put(c->ctx, p.keys[i], NULL, 0);
      free(p.keys[i]);
    }
  } while (p.n == sizeof p.keys / sizeof *p.keys);
}
