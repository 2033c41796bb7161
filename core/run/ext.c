/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of the extensions over the state. */
#include "run/ext.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/time.h"
#include "plugin/host_doc.h"
#include "run/pack.h"
#include "run/runtime.h"

static sl_call *call_of(sl_ctx *ctx) { return (sl_call *)(void *)ctx; }
static sl_keep *keep_of(sl_ctx *ctx) { return call_of(ctx)->actor->e->keep; }

static int32_t failed(sl_ctx *ctx, const sl_err *err) {
  (ctx->host->fail)(ctx, NULL, err->code, err->message, err->detail, err->hint);
  return err->code;
}

static int32_t wrong(sl_ctx *ctx, const char *text) {
  (ctx->host->fail)(ctx, NULL, SL_EPLUGIN, text, NULL, NULL);
  return SL_EPLUGIN;
}

/* Keeps what a table lends until its next call. */
static void lend(sl_call *c, void *data) {
  sl_mem_free(c->lent);
  c->lent = data;
}

/* ---- sluice.resume/1 ---- */

static uint64_t resume_position(sl_ctx *ctx) {
  return sl_track_position(keep_of(ctx)->tracks[call_of(ctx)->st->index]);
}

static int32_t resume_given(sl_ctx *ctx, uint64_t cursor) {
  return sl_track_given(keep_of(ctx)->tracks[call_of(ctx)->st->index], cursor);
}

static int32_t resume_put(sl_ctx *ctx, const char *key, const void *value, size_t len) {
  sl_err err;
  if (len > 65536) return wrong(ctx, "resume: a note may have 64 KiB at most");
  return sl_state_note_put(keep_of(ctx)->state, call_of(ctx)->st->conf->id, key, value, len, &err) ? failed(ctx, &err)
                                                                                                   : 0;
}

static int32_t resume_get(sl_ctx *ctx, const char *key, sl_bytes *ret) {
  void *value = NULL;
  size_t len = 0;
  sl_err err;
  int rc = sl_state_note_get(keep_of(ctx)->state, call_of(ctx)->st->conf->id, key, &value, &len, &err);
  if (rc == SL_ENOTFOUND) return rc;
  if (rc) return failed(ctx, &err);
  lend(call_of(ctx), value);
  *ret = (sl_bytes){value, len};
  return 0;
}

static int32_t resume_each(sl_ctx *ctx, const char *prefix,
                           int32_t (*cb)(void *user, const char *key, const sl_bytes *value), void *user) {
  sl_err err;
  int rc = sl_state_note_each(keep_of(ctx)->state, call_of(ctx)->st->conf->id, prefix, cb, user, &err);
  return rc ? failed(ctx, &err) : 0;
}

static const sl_resume resume_table = {sizeof(sl_resume), 0,          resume_position, resume_given,
                                       resume_put,        resume_get, resume_each};

/* ---- sluice.ledger/1 ---- */

static int32_t ledger_recall(sl_ctx *ctx, sl_bytes *ret_saved, sl_bytes *ret_intent, int32_t *ret_rebooted) {
  sl_call *c = call_of(ctx);
  sl_keep *k = keep_of(ctx);
  char key[256];
  void *value = NULL;
  size_t len = 0;
  sl_err err;
  (void)snprintf(key, sizeof(key), "sink/%s", c->st->conf->id);
  if (sl_state_recall(k->state, key, &value, &len, &err)) return failed(ctx, &err);
  lend(c, value);
  *ret_saved = (sl_bytes){value ? value : "", len};
  sl_intents_get(k->intents, c->st->sink_no, ret_intent);
  *ret_rebooted = sl_intents_rebooted(k->intents);
  return 0;
}

static int32_t ledger_intend(sl_ctx *ctx, const void *data, size_t len) {
  if (!sl_intents_set(keep_of(ctx)->intents, call_of(ctx)->st->sink_no, data, len)) return 0;
  return wrong(ctx, "ledger: an intent may have 1 KiB at most");
}

static int32_t ledger_save(sl_ctx *ctx, const void *data, size_t len, int32_t fd) {
  sl_call *c = call_of(ctx);
  if (len > SL_SAVE_BYTES) return wrong(ctx, "ledger: a record may have 4 KiB at most");
  if (!c->saved && !(c->saved = sl_mem_calloc(1, sizeof(*c->saved)))) {
    sl_err err;
    sl_err_set(&err, SL_ENOMEM, "no memory for the record of sink '%s'", c->st->conf->id);
    return failed(ctx, &err);
  }
  sl_saved *s = c->saved;
  if (fd >= 0) {
    int copy = s->n_fds < SL_SAVE_FDS ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;
    if (copy >= 0) {
      s->fds[s->n_fds++] = copy;
    } else if (fdatasync(fd)) {
      sl_err err;
      sl_err_errno(&err, errno, "cannot make the output of sink '%s' durable", c->st->conf->id);
      return failed(ctx, &err);
    }
  }
  memcpy(s->data, data, len);
  s->len = len;
  s->dirty = 1;
  return 0;
}

static const sl_ledger ledger_table = {sizeof(sl_ledger), 0, ledger_recall, ledger_intend, ledger_save};

/* ---- sluice.kv/1 ---- */

static int32_t kv_get(sl_ctx *ctx, sl_doc *doc, const sl_bytes *key, sl_bytes *ret, int32_t *ret_own) {
  sl_call *c = call_of(ctx);
  void *value = NULL;
  char *owner = NULL;
  size_t len = 0;
  sl_err err;
  int rc = sl_kv_get(c->actor->e->kv, c->st->conf->id, key, &value, &len, &owner, &err);
  if (rc == SL_ENOTFOUND) return rc;
  if (rc) return failed(ctx, &err);
  lend(c, value);
  *ret = (sl_bytes){value, len};
  if (ret_own) *ret_own = !strcmp(owner, sl_doc_key(doc));
  sl_mem_free(owner);
  return 0;
}

static int32_t kv_write(sl_ctx *ctx, sl_doc *doc, sl_kv_write *w, int64_t ttl_ns, sl_bytes *ret) {
  sl_call *c = call_of(ctx);
  void *other = NULL;
  size_t len = 0;
  sl_err err;
  if (!doc->token) return wrong(ctx, "kv: the document is not on its way");
  if (w->key->len > 1024 || (w->value && w->value->len > 1 << 20))
    return wrong(ctx, "kv: a key may have 1 KiB, a value 1 MiB at most");
  w->stage = c->st->conf->id;
  w->owner = sl_doc_key(doc);
  w->expires = ttl_ns > 0 ? sl_time_wall() + ttl_ns : 0;
  int rc = sl_kv_put(c->actor->e->kv, doc->token, w, &other, &len, &err);
  if (rc == SL_EEXIST) {
    lend(c, other);
    if (ret) *ret = (sl_bytes){other, len};
    return rc;
  }
  return rc ? failed(ctx, &err) : 0;
}

static int32_t kv_put(sl_ctx *ctx, sl_doc *doc, const sl_bytes *key, const sl_bytes *value, int64_t ttl_ns) {
  return kv_write(ctx, doc, &(sl_kv_write){.key = key, .value = value}, ttl_ns, NULL);
}

static int32_t kv_claim(sl_ctx *ctx, sl_doc *doc, const sl_bytes *key, const sl_bytes *value, int64_t ttl_ns,
                        sl_bytes *ret) {
  return kv_write(ctx, doc, &(sl_kv_write){.key = key, .value = value, .claim = 1}, ttl_ns, ret);
}

static int32_t kv_remove(sl_ctx *ctx, sl_doc *doc, const sl_bytes *key) {
  return kv_write(ctx, doc, &(sl_kv_write){.key = key}, 0, NULL);
}

static const sl_kv kv_table = {sizeof(sl_kv), 0, kv_get, kv_put, kv_claim, kv_remove};

/* ---- sluice.spool/1 ---- */

/* One put that waits for its commit. */
typedef struct sl_spooled {
  struct sl_spooled *next;
  sl_engine *e;
  void (*done)(void *user, int32_t rc);
  void *user;
  int rc;
} sl_spooled;

static void spool_committed(void *user, int rc) {
  sl_spooled *s = user;
  sl_engine *e = s->e;
  s->rc = rc;
  pthread_mutex_lock(&e->spool_lock);
  s->next = e->spooled;
  e->spooled = s;
  pthread_mutex_unlock(&e->spool_lock);
  atomic_store(&e->requeue.poked, 1);
  atomic_fetch_sub(&e->requeue.committing, 1);
  sl_loop_poke(e);
}

void sl_spool_tell(sl_engine *e) {
  pthread_mutex_lock(&e->spool_lock);
  sl_spooled *list = e->spooled, *in_order = NULL;
  e->spooled = NULL;
  pthread_mutex_unlock(&e->spool_lock);
  while (list) {
    sl_spooled *next = list->next;
    list->next = in_order;
    in_order = list;
    list = next;
  }
  while (in_order) {
    sl_spooled *s = in_order;
    in_order = s->next;
    s->done(s->user, s->rc);
    sl_mem_free(s);
  }
}

static int32_t spool_rows(sl_call *c, sl_doc *const *docs, uint32_t n, sl_spooled *s, sl_err *err) {
  sl_engine *e = c->actor->e;
  sl_queue_entry *rows = sl_mem_calloc(n, sizeof(*rows));
  sl_packed *holds = sl_mem_calloc(n, sizeof(*holds));
  int rc = rows && holds ? 0 : sl_err_set(err, SL_ENOMEM, "no memory for the spool");
  for (uint32_t i = 0; i < n && !rc; i++) {
    rows[i].kind = SL_QUEUE_SPOOL;
    rows[i].stage = c->st->conf->id;
    rows[i].why = "";
    rc = sl_doc_check(docs[i], err);
    if (!rc) rc = sl_pack(docs[i], &holds[i], &rows[i], err);
  }
  if (!rc) {
    atomic_fetch_add(&e->requeue.committing, 1);
    rc = sl_state_queue_put(e->opts.state, rows, n, spool_committed, s, err);
    if (rc) atomic_fetch_sub(&e->requeue.committing, 1);
  }
  for (uint32_t i = 0; holds && i < n; i++) sl_packed_done(&holds[i]);
  sl_mem_free(rows);
  sl_mem_free(holds);
  return rc;
}

static int32_t spool_put(sl_ctx *ctx, sl_doc *const *docs, uint32_t n, void (*done)(void *user, int32_t rc),
                         void *user) {
  sl_call *c = call_of(ctx);
  sl_engine *e = c->actor->e;
  sl_err err;
  int rc = 0;
  SL_ASSERT_LOOP();
  if (!atomic_load(&e->requeue.put_open)) rc = sl_err_set(&err, SL_ESTATE, "the pipeline is stopping");
  if (!rc && sl_state_stuck(e->opts.state, &err)) rc = SL_ESTATE;
  sl_spooled *s = rc ? NULL : sl_mem_calloc(1, sizeof(*s));
  if (!rc && !s) rc = sl_err_set(&err, SL_ENOMEM, "no memory for the spool");
  if (!rc) {
    *s = (sl_spooled){.e = e, .done = done, .user = user};
    rc = spool_rows(c, docs, n, s, &err);
  }
  for (uint32_t i = 0; i < n; i++) ctx->host->doc_free(ctx, docs[i]);
  if (!rc) return 0;
  sl_mem_free(s);
  err.code = rc;
  return failed(ctx, &err);
}

static int32_t spool_durable(sl_ctx *ctx) { return sl_state_durable(keep_of(ctx)->state); }

static const sl_spool spool_table = {sizeof(sl_spool), 0, spool_put, spool_durable};

/* ---- sluice.listen/1 ---- */

static int32_t listen_open(sl_ctx *ctx, const char *address, int32_t backlog, int32_t *ret_fd, char *ret_address,
                           size_t cap) {
  sl_engine *e = call_of(ctx)->actor->e;
  sl_err err;
  int rc = e->opts.listen(e->opts.listen_user, address, backlog, ret_fd, ret_address, cap, &err);
  return rc ? failed(ctx, &err) : 0;
}

static const sl_listen listen_table = {sizeof(sl_listen), 0, listen_open};

const void *sl_run_extension(sl_ctx *ctx, const char *id) {
  const sl_call *c = call_of(ctx);
  const sl_engine *e = c->actor->e;
  if (!strcmp(id, SL_EXT_LISTEN)) return e->opts.listen ? &listen_table : NULL;
  if (e->keep) {
    if (!strcmp(id, SL_EXT_RESUME)) return c->st->type->kind == SL_SOURCE ? &resume_table : NULL;
    if (!strcmp(id, SL_EXT_LEDGER)) return c->st->type->kind == SL_SINK ? &ledger_table : NULL;
    if (!strcmp(id, SL_EXT_KV)) return c->st->type->kind == SL_TRANSFORM ? &kv_table : NULL;
    if (!strcmp(id, SL_EXT_SPOOL)) return c->st->mode == SL_MODE_ASYNC_SOURCE ? &spool_table : NULL;
  }
  return sl_host_doc_extension(ctx, id);
}
