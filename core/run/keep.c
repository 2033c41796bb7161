/* SPDX-License-Identifier: Apache-2.0 */
/* The checkpoint of a running engine. */
#include "run/keep.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/time.h"
#include "doc/codec.h"
#include "run/runtime.h"

/* How long the end of a run waits for a commit; with a disk that is full it would be in vain. */
#define LAST_COMMIT (10 * SL_TIME_S)
#define LAST_COMMIT_AT_ONCE (1 * SL_TIME_S)

/* ---- opening ---- */

static int number_of(void *user, const char *id) {
  const sl_keep *k = user;
  for (uint32_t i = 0; i < k->n_sinks; i++)
    if (!strcmp(k->sink_ids[i], id)) return (int)i;
  for (uint32_t i = 0; i < k->e->n_stages; i++) {
    const sl_stage_rt *st = &k->e->stages[i];
    for (uint32_t w = 0; st->sink_no != SL_NO_SINK && w < st->conf->n_was; w++)
      if (!strcmp(st->conf->was[w], id)) return (int)st->sink_no;
  }
  return -1;
}

static int load_track(sl_keep *k, const char *key, sl_track **ret, sl_err *err) {
  void *text = NULL;
  size_t len = 0;
  int rc = sl_track_new(ret, err);
  if (!rc) rc = sl_state_recall(k->state, key, &text, &len, err);
  if (!rc && text) rc = sl_track_load(*ret, &(sl_bytes){text, len}, number_of, k, err);
  if (rc == SL_EPARSE) {
    sl_err_detail(err, "key %s", key);
    sl_err_hint(err, "`sluice state check` looks at all of it; `--reprocess` begins anew");
  }
  sl_mem_free(text);
  return rc;
}

static int number_sinks(sl_keep *k, sl_err *err) {
  sl_engine *e = k->e;
  for (uint32_t i = 0; i < e->n_stages; i++) {
    sl_stage_rt *st = &e->stages[i];
    st->sink_no = SL_NO_SINK;
    if (st->type->kind != SL_SINK) continue;
    if (k->n_sinks == SL_TRACK_SINKS)
      return sl_err_set(err, SL_ELIMIT, "a pipeline with a state may have %d sinks at most", SL_TRACK_SINKS);
    k->sink_ids[k->n_sinks] = st->conf->id;
    st->sink_no = k->n_sinks++;
  }
  return 0;
}

/* One line a stage: what it was made of. */
static char *fingerprint(const sl_engine *e) {
  sl_buf out = {0};
  for (uint32_t i = 0; i < e->n_stages; i++) {
    const sl_stage_conf *c = e->stages[i].conf;
    char *with = c->with ? cJSON_PrintUnformatted(c->with) : NULL;
    sl_buf_addf(&out, "%s\t%s\t%s\t%016" PRIx64 "\n", c->id, c->uses, c->plugin_build ? c->plugin_build : "",
                sl_hash_str(with ? with : "", 1));
    cJSON_free(with);
  }
  return sl_buf_take(&out, NULL);
}

/* 1 if the text has a line of a stage with this id. */
static int has_line(const char *text, const char *id) {
  size_t n = strlen(id);
  for (const char *at = text; *at; at += strcspn(at, "\n") + 1) {
    if (!strncmp(at, id, n) && at[n] == '\t') return 1;
    if (!at[strcspn(at, "\n")]) break;
  }
  return 0;
}

/* What the stage was called in the text, if `was` tells; else NULL. */
static const char *old_name(const sl_engine *e, const char *id, size_t len, const char *before) {
  for (uint32_t i = 0; i < e->n_stages; i++) {
    const sl_stage_conf *c = e->stages[i].conf;
    if (strlen(c->id) != len || strncmp(c->id, id, len) != 0) continue;
    for (uint32_t w = 0; w < c->n_was; w++)
      if (has_line(before, c->was[w])) return c->was[w];
  }
  return NULL;
}

/* Names the stages of `now` whose line is not among the lines of `before`, and those that are gone. */
static void name_changes(sl_engine *e, char *before, char *now) {
  sl_buf out = {0};
  char *save = NULL;
  size_t old_len = strlen(before);
  for (char *line = strtok_r(now, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
    size_t id = strcspn(line, "\t"), len = strlen(line);
    const char *what = "new";
    for (const char *at = before; at < before + old_len; at += strcspn(at, "\n") + 1) {
      if (strncmp(at, line, id + 1) != 0) continue;
      what = strcspn(at, "\n") == len && !strncmp(at, line, len) ? NULL : "changed";
      break;
    }
    const char *was = what && !strcmp(what, "new") ? old_name(e, line, id, before) : NULL;
    if (was)
      sl_buf_addf(&out, "%s%.*s (was %s)", out.len ? ", " : "", (int)id, line, was);
    else if (what)
      sl_buf_addf(&out, "%s%.*s (%s)", out.len ? ", " : "", (int)id, line, what);
  }
  if (out.len) sl_run_log(e, SL_LOG_INFO, NULL, "stages that differ from the last run: %s", out.data);
  sl_buf_done(&out);
}

static void compare(sl_keep *k) {
  void *before = NULL;
  size_t len = 0;
  sl_err err;
  char *now = fingerprint(k->e);
  if (now && !sl_state_recall(k->state, "pipeline", &before, &len, &err) && before) {
    char *text = sl_mem_strndup(before, len);
    if (text) name_changes(k->e, text, now);
    sl_mem_free(text);
  }
  sl_mem_free(before);
  sl_mem_free(now);
}

int sl_keep_open(sl_engine *e, sl_keep **ret, sl_err *err) {
  sl_keep *k = sl_mem_calloc(1, sizeof(*k));
  int rc = SL_ENOMEM;
  if (!k) goto nomem;
  k->e = e;
  k->state = e->opts.state;
  pthread_mutex_init(&k->lock, NULL);
  k->tracks = sl_mem_calloc(e->n_stages + 1, sizeof(*k->tracks));
  k->sink_ids = sl_mem_calloc(e->n_stages + 1, sizeof(*k->sink_ids));
  if (!k->tracks || !k->sink_ids) goto nomem;
  if ((rc = number_sinks(k, err))) goto fail;
  rc = SL_ENOMEM;
  k->sinks = sl_mem_calloc(k->n_sinks + 1, sizeof(*k->sinks));
  if (!k->sinks) goto nomem;
  for (uint32_t i = 0; i < e->n_stages; i++) {
    char key[256];
    if (e->stages[i].type->kind != SL_SOURCE) continue;
    snprintf(key, sizeof(key), "source/%s", e->stages[i].conf->id);
    if ((rc = load_track(k, key, &k->tracks[i], err))) goto fail;
  }
  if ((rc = load_track(k, "queue", &k->queue, err))) goto fail;
  sl_intents_opts intents = {sl_state_folder(k->state), k->sink_ids, k->n_sinks, number_of, k};
  rc = sl_intents_open(&intents, &k->intents, err);
  if (rc) goto fail;
  compare(k);
  *ret = k;
  return 0;
nomem:
  sl_err_set(err, SL_ENOMEM, "no memory for the pipeline's checkpoint");
fail:
  sl_keep_close(k);
  return rc;
}

void sl_saved_drop(sl_saved *s) {
  for (int i = 0; i < s->n_fds; i++) close(s->fds[i]);
  s->n_fds = 0;
}

void sl_keep_close(sl_keep *k) {
  if (!k) return;
  for (uint32_t i = 0; k->tracks && i < k->e->n_stages; i++) sl_track_free(k->tracks[i]);
  sl_track_free(k->queue);
  for (uint32_t i = 0; k->sinks && i < k->n_sinks; i++) sl_saved_drop(&k->sinks[i]);
  sl_intents_close(k->intents);
  sl_mem_free(k->tracks);
  sl_mem_free(k->sink_ids);
  sl_mem_free(k->sinks);
  pthread_mutex_destroy(&k->lock);
  sl_mem_free(k);
}

/* ---- commits ---- */

/* One call of the collector. */
struct collecting {
  sl_keep *k;
  sl_checkpoint *c;
  uint64_t commits; /* that have succeeded */
};

static void row_done(void *user, uint64_t id) {
  struct collecting *now = user;
  sl_checkpoint_remove_queued(now->c, id);
  sl_requeue_leaves(&now->k->e->requeue, id, now->commits);
}

static void put_track(struct collecting *now, const char *key, sl_track *t, int rows) {
  sl_keep *k = now->k;
  sl_checkpoint *c = now->c;
  sl_buf out = {0};
  int rc = sl_track_scan(t, k->sink_ids, k->n_sinks, rows ? row_done : NULL, now, &out);
  /* Without memory this commit has the older positions: documents may come again, and their sinks know them. */
  if (!rc) sl_checkpoint_put(c, key, out.data, out.len);
  sl_buf_done(&out);
}

static void put_sink(sl_keep *k, sl_checkpoint *c, uint32_t i) {
  sl_saved *s = &k->sinks[i];
  char key[256];
  for (int f = 0; f < s->n_fds; f++) sl_checkpoint_sync_fd(c, s->fds[f]);
  s->n_fds = 0;
  if (!s->dirty) return;
  snprintf(key, sizeof(key), "sink/%s", k->sink_ids[i]);
  sl_checkpoint_put(c, key, s->data, s->len);
  s->dirty = 0;
}

static void collect(void *user, sl_checkpoint *c) {
  sl_keep *k = user;
  char key[256];
  sl_state_stats stats;
  sl_state_get_stats(k->state, &stats);
  struct collecting now = {k, c, stats.commits};
  pthread_mutex_lock(&k->lock);
  sl_requeue_forget(&k->e->requeue, stats.commits);
  for (uint32_t i = 0; i < k->e->n_stages; i++) {
    if (!k->tracks[i]) continue;
    snprintf(key, sizeof(key), "source/%s", k->e->stages[i].conf->id);
    put_track(&now, key, k->tracks[i], 0);
  }
  uint32_t flew = sl_track_loose(k->queue);
  put_track(&now, "queue", k->queue, 1);
  int landed = sl_track_loose(k->queue) < flew;
  for (uint32_t i = 0; i < k->n_sinks; i++) put_sink(k, c, i);
  pthread_mutex_unlock(&k->lock);
  if (landed) {
    atomic_store(&k->e->requeue.poked, 1);
    sl_loop_poke(k->e);
  }
  char *print = fingerprint(k->e);
  if (print) sl_checkpoint_put(c, "pipeline", print, strlen(print));
  sl_mem_free(print);
}

void sl_keep_start(sl_keep *k) {
  sl_state_set_collector(k->state, collect, k);
  k->running = 1;
  sl_state_touch(k->state);
}

int sl_keep_commit(sl_keep *k, sl_err *err) {
  sl_state_touch(k->state);
  return sl_state_sync(k->state, atomic_load(&k->e->stop) > 1 ? LAST_COMMIT_AT_ONCE : LAST_COMMIT, err);
}

void sl_keep_stop(sl_keep *k) {
  sl_err err;
  if (!k->running) return;
  k->running = 0;
  if (sl_keep_commit(k, &err))
    sl_run_log(k->e, SL_LOG_ERROR, NULL,
               "the last commit of the state failed: %s; documents come again in the next run", err.message);
  sl_state_set_collector(k->state, NULL, NULL);
}

/* ---- documents ---- */

int sl_keep_known(const sl_keep *k, const sl_stage_rt *st, uint64_t cursor) {
  return sl_track_given(k->tracks[st->index], cursor);
}

int sl_keep_emit(sl_keep *k, const sl_stage_rt *st, uint64_t cursor, sl_slot **ret, sl_err *err) {
  *ret = sl_track_emit(k->tracks[st->index], cursor);
  if (*ret) return 0;
  return sl_err_set(err, SL_ENOMEM, "no memory for a document of source '%s'", st->conf->id);
}

static sl_track *track_of(const sl_keep *k, const sl_token *t) {
  uint32_t source = t->unit->source;
  return source == SL_SOURCE_QUEUE ? k->queue : k->tracks[source];
}

/* Which part of its document this is: 0, the whole. */
static uint64_t part_of(const sl_doc *doc) {
  const sl_splits *s = doc->splits;
  return s && s->n ? sl_hash(s->step, s->n * sizeof(s->step[0]), s->n) | 1 : 0;
}

struct ask {
  const sl_keep *k;
  uint32_t sink;
  uint64_t part;
  int tokens, known;
};

static void ask_one(void *user, sl_token *t) {
  struct ask *a = user;
  a->tokens++;
  if (t->slot && sl_track_has(track_of(a->k, t), t->slot, a->sink, a->part)) a->known++;
}

int sl_keep_has(const sl_keep *k, const sl_stage_rt *sink, const sl_doc *doc) {
  struct ask a = {.k = k, .sink = sink->sink_no, .part = part_of(doc)};
  sl_doc_each_token(doc, ask_one, &a);
  return a.tokens && a.tokens == a.known;
}

static void mark_one(void *user, sl_token *t) {
  struct ask *a = user;
  if (t->slot) (void)sl_track_stored(track_of(a->k, t), t->slot, a->sink, a->part);
}

static void mark(sl_keep *k, uint32_t sink, const sl_doc *doc) {
  struct ask a = {.k = k, .sink = sink, .part = part_of(doc)};
  sl_doc_each_token(doc, mark_one, &a);
}

/* What the call saved takes the place of what waits. More files than there is room for: the oldest is synced by the
 * sink's own thread. */
static void take_saved(sl_saved *to, sl_saved *from) {
  for (int i = 0; i < from->n_fds; i++) {
    if (to->n_fds == SL_SAVE_FDS) {
      fdatasync(to->fds[0]);
      close(to->fds[0]);
      memmove(&to->fds[0], &to->fds[1], (SL_SAVE_FDS - 1) * sizeof(to->fds[0]));
      to->n_fds--;
    }
    to->fds[to->n_fds++] = from->fds[i];
  }
  from->n_fds = 0;
  if (!from->dirty) return;
  memcpy(to->data, from->data, from->len);
  to->len = from->len;
  to->dirty = 1;
  from->dirty = 0;
}

void sl_keep_publish(sl_keep *k, sl_call *c, sl_doc *const *docs, uint32_t n, const int32_t *verdicts) {
  uint32_t sink = c->st->sink_no;
  pthread_mutex_lock(&k->lock);
  for (uint32_t i = 0; i < n; i++)
    if (verdicts[i] == SL_V_OK || verdicts[i] == SL_V_DROP) mark(k, sink, docs[i]);
  if (c->saved) take_saved(&k->sinks[sink], c->saved);
  pthread_mutex_unlock(&k->lock);
  sl_state_touch(k->state);
}

void sl_keep_done(sl_keep *k, const sl_stage_rt *sink, const sl_doc *doc) {
  pthread_mutex_lock(&k->lock);
  mark(k, sink->sink_no, doc);
  pthread_mutex_unlock(&k->lock);
}

/* ---- beginning anew ---- */

struct forget {
  sl_state *s;
  const char *source;
  sl_buf keys; /* NUL-separated */
};

static int note_key(void *user, const char *key, const sl_bytes *value) {
  struct forget *f = user;
  (void)value;
  return sl_buf_add(&f->keys, key, strlen(key) + 1) != 0;
}

static int forget_notes(sl_state *s, const char *source, sl_err *err) {
  struct forget f = {.s = s, .source = source};
  int rc = sl_state_note_each(s, source, "", note_key, &f, err);
  for (size_t at = 0; !rc && at < f.keys.len; at += strlen(f.keys.data + at) + 1)
    rc = sl_state_note_put(s, source, f.keys.data + at, NULL, 0, err);
  sl_buf_done(&f.keys);
  return rc;
}

int sl_keep_forget(sl_state *s, const sl_pipeline *p, sl_err *err) {
  int rc = forget_notes(s, SL_NOTES_CRASHES, err);
  for (uint32_t i = 0; i < p->n_stages && !rc; i++) {
    char key[256];
    if (p->stages[i].type->kind != SL_SOURCE) continue;
    snprintf(key, sizeof(key), "source/%s", p->stages[i].id);
    rc = sl_state_forget(s, key, err);
    if (!rc) rc = forget_notes(s, p->stages[i].id, err);
  }
  return rc ? rc : sl_state_sync(s, LAST_COMMIT, err);
}
