/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a pipeline: opening, closing, and the writer thread. */
#include "store/state.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "base/time.h"
#include "store/state_impl.h"

#define PAUSE_FIRST (200 * SL_TIME_MS)
#define PAUSE_MOST (5 * SL_TIME_S)
/* How often old rows are looked for when nothing else happens. */
#define HOUSEKEEPING (60 * SL_TIME_S)

void sl_state_say(sl_state *s, int32_t level, const char *fmt, ...) {
  char text[1200];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  pthread_mutex_lock(&s->lock);
  void (*log)(void *user, int32_t lv, const char *t) = s->opts.log;
  void *user = s->opts.log_user;
  pthread_mutex_unlock(&s->lock);
  if (log) log(user, level, text);
}

/* ---- the writer ---- */

/* When the next attempt begins: 0 at once, INT64_MAX when there is nothing. The lock is held. */
static int64_t next_begin(const sl_state *s) {
  int needed = s->pending.first || s->batch.first || s->wanted > s->committed || s->why.code ||
               atomic_load_explicit(&s->touched, memory_order_relaxed);
  if (!needed) return s->housekept + HOUSEKEEPING;
  if (s->retry_at) return s->retry_at;
  if (s->urgent || s->wanted > s->committed) return 0;
  return s->began + s->opts.commit_every;
}

/* The lock is held. 0: the state is closed and nothing is left to do. */
static int wait_for_work(sl_state *s) {
  while (!s->stop) {
    int64_t at = next_begin(s), now = sl_time_mono();
    if (at <= now) return 1;
    struct timespec t = {.tv_sec = at / SL_TIME_S, .tv_nsec = at % SL_TIME_S};
    pthread_cond_timedwait(&s->work, &s->lock, &t);
  }
  return s->pending.first || s->batch.first || s->why.code || s->wanted > s->committed ||
         atomic_load_explicit(&s->touched, memory_order_relaxed);
}

static void run_collector(sl_state *s) {
  pthread_mutex_lock(&s->lock);
  void (*collect)(void *user, sl_checkpoint *c) = s->collect;
  void *user = s->collect_user;
  s->collecting = collect != NULL;
  pthread_mutex_unlock(&s->lock);
  if (!collect) return;
  collect(user, &s->checkpoint);
  pthread_mutex_lock(&s->lock);
  s->collecting = 0;
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->lock);
}

/* What is pending goes behind what an attempt that failed has left. Returns whether the commit must survive the
 * machine. */
static int take_pending(sl_state *s) {
  pthread_mutex_lock(&s->lock);
  int full = s->urgent || s->wanted > s->committed || s->stop;
  if (s->pending.first) {
    *s->batch.last = s->pending.first;
    s->batch.last = s->pending.last;
    s->pending = (sl_sops){NULL, &s->pending.first};
  }
  if (!s->batch_since) s->batch_since = s->since;
  s->since = 0;
  s->urgent = 0;
  pthread_mutex_unlock(&s->lock);
  return full;
}

static void call_back(const sl_sops *ops, int rc) {
  for (const sl_sop *op = ops->first; op; op = op->next)
    if (op->done) op->done(op->user, rc);
}

static void free_ops(sl_sops *ops) {
  while (ops->first) {
    sl_sop *op = ops->first;
    ops->first = op->next;
    sl_mem_free(op);
  }
  ops->last = &ops->first;
}

static void succeeded(sl_state *s, sl_sops *gone, int full, int64_t took) {
  /* Before those who wait go on: after a sync all callbacks were called. */
  call_back(gone, 0);
  pthread_mutex_lock(&s->lock);
  int was_stuck = s->why.code != 0;
  s->batch_since = 0;
  s->committed = s->begun;
  s->unsynced = !full;
  s->why = (sl_err){0};
  s->pause = s->retry_at = 0;
  s->stats.last_ns = took;
  if (took > s->stats.max_ns) s->stats.max_ns = took;
  s->in_commit = 0;
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->lock);
  free_ops(gone);
  if (was_stuck) sl_state_say(s, SL_LOG_WARN, "the state is written again");
}

static void failed(sl_state *s, const sl_err *why) {
  char pause[32];
  pthread_mutex_lock(&s->lock);
  int first = s->why.code == 0, last = s->stop;
  s->why = *why;
  s->stats.failures++;
  s->pause = s->pause ? s->pause * 2 : PAUSE_FIRST;
  if (s->pause > PAUSE_MOST) s->pause = PAUSE_MOST;
  s->retry_at = sl_time_mono() + s->pause;
  s->in_commit = 0;
  int64_t in = s->pause;
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->lock);
  if (first && !last)
    sl_state_say(s, SL_LOG_ERROR, "%s%s%s; nothing is lost, it is tried again in %s", why->message,
                 *why->hint ? ": " : "", why->hint, sl_str_show_duration(in, pause, sizeof pause));
}

static void attempt(sl_state *s) {
  sl_err err = {0};
  sl_sops gone;
  run_collector(s);
  int full = take_pending(s);
  int64_t start = sl_time_mono();
  if (sl_state_commit(s, full, &gone, &err) == 0)
    succeeded(s, &gone, full, sl_time_mono() - start);
  else
    failed(s, &err);
}

static void writer(void *arg) {
  sl_state *s = arg;
  for (;;) {
    pthread_mutex_lock(&s->lock);
    int more = wait_for_work(s), last = s->stop;
    if (more) {
      s->begun++;
      s->began = sl_time_mono();
      s->in_commit = 1;
      /* Before the collector looks: who touches after it has looked is seen by the next commit. */
      (void)atomic_exchange_explicit(&s->touched, 0, memory_order_acq_rel);
    }
    pthread_mutex_unlock(&s->lock);
    if (more) attempt(s);
    if (last) return;
  }
}

/* ---- open and close ---- */

static void copy_opts(sl_state *s, const sl_state_opts *o) {
  s->opts = *o;
  s->opts.folder = s->opts.pipeline = NULL;
  s->configured++;
}

static void free_state(sl_state *s) {
  sl_checkpoint_clear(&s->checkpoint);
  sl_mem_free(s->checkpoint.fds);
  sl_mem_free(s->checkpoint.removed);
  if (s->reader == &s->rdb) sl_sdb_close(&s->rdb);
  sl_sdb_close(&s->wdb);
  sl_state_unlock(s->folder, s->lock_fd);
  pthread_cond_destroy(&s->work);
  pthread_cond_destroy(&s->changed);
  pthread_mutex_destroy(&s->lock);
  if (s->counts) sl_map_free(s->counts);
  if (s->gone) sl_map_free(s->gone);
  sl_mem_free(s->folder);
  sl_mem_free(s->file);
  sl_mem_free(s->pipeline);
  sl_mem_free(s);
}

static int open_files(sl_state *s, sl_err *err) {
  struct stat st;
  int rc;
  if (!s->folder) {
    rc = sl_sdb_open(&s->wdb, NULL, SL_SDB_MEMORY, err);
    if (!rc) rc = sl_schema_prepare(&s->wdb, NULL, err);
    s->reader = &s->wdb;
    return rc;
  }
  if ((rc = sl_path_mkdirs(s->folder, err)) != 0) return sl_err_prefix(err, "the state folder cannot be made");
  if ((rc = sl_state_lock(s->folder, s->pipeline, &s->lock_fd, err)) != 0) return rc;
  if ((rc = sl_sdb_open(&s->wdb, s->file, SL_SDB_WRITE, err)) != 0) return rc;
  if ((rc = sl_schema_prepare(&s->wdb, s->file, err)) != 0) return rc;
  if (stat(s->file, &st) != 0) return sl_err_errno(err, errno, "cannot look at %s", s->file);
  s->dev = st.st_dev;
  s->inode = st.st_ino;
  if ((rc = sl_sdb_open(&s->rdb, s->file, SL_SDB_READ, err)) != 0) return rc;
  s->reader = &s->rdb;
  return 0;
}

static sl_state *new_state(const sl_state_opts *opts) {
  sl_state *s = sl_mem_calloc(1, sizeof *s);
  pthread_condattr_t attr;
  if (!s) return NULL;
  s->lock_fd = -1;
  pthread_mutex_init(&s->lock, NULL);
  pthread_condattr_init(&attr);
  pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  pthread_cond_init(&s->work, &attr);
  pthread_cond_init(&s->changed, &attr);
  pthread_condattr_destroy(&attr);
  s->pending.last = &s->pending.first;
  s->batch.last = &s->batch.first;
  s->checkpoint.durable = opts->folder != NULL;
  copy_opts(s, opts);
  s->pipeline = sl_mem_strdup(opts->pipeline ? opts->pipeline : "");
  s->folder = sl_mem_strdup(opts->folder);
  s->file = opts->folder ? sl_path_join(opts->folder, "state.db") : NULL;
  if (s->pipeline && !s->folder == !opts->folder && !s->file == !opts->folder) return s;
  free_state(s);
  return NULL;
}

int sl_state_open(const sl_state_opts *opts, sl_state **ret, sl_err *err) {
  sl_state *s = new_state(opts);
  if (!s) return sl_err_set(err, SL_ENOMEM, "no memory for the state");
  int rc = open_files(s, err);
  if (!rc) rc = sl_sdb_totals(&s->wdb, &s->totals, err);
  if (!rc) rc = sl_queue_recount(s, &s->wdb, err);
  if (!rc && (rc = sl_thread_start("sluice-state", SL_ROLE_NONE, writer, s, &s->thread)) != 0)
    sl_err_set(err, rc, "cannot start the thread of the state");
  if (rc) {
    free_state(s);
    return rc;
  }
  *ret = s;
  return 0;
}

void sl_state_close(sl_state *s) {
  if (!s) return;
  pthread_mutex_lock(&s->lock);
  s->stop = 1;
  pthread_cond_broadcast(&s->work);
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->lock);
  sl_thread_join(s->thread);
  /* The lock of sl_state_put has seen `stop`: nothing comes any more. */
  if (s->why.code) sl_state_say(s, SL_LOG_ERROR, "the last commit failed, what it held is lost: %s", s->why.message);
  call_back(&s->batch, SL_ESTATE);
  call_back(&s->pending, SL_ESTATE);
  free_ops(&s->batch);
  free_ops(&s->pending);
  free_state(s);
}

void sl_state_configure(sl_state *s, const sl_state_opts *opts) {
  pthread_mutex_lock(&s->lock);
  copy_opts(s, opts);
  pthread_cond_signal(&s->work);
  pthread_mutex_unlock(&s->lock);
}

int sl_state_durable(const sl_state *s) { return s->folder != NULL; }
const char *sl_state_folder(const sl_state *s) { return s->folder; }

/* ---- commits, seen from outside ---- */

void sl_state_set_collector(sl_state *s, void (*collect)(void *user, sl_checkpoint *c), void *user) {
  pthread_mutex_lock(&s->lock);
  while (s->collecting) pthread_cond_wait(&s->changed, &s->lock);
  s->collect = collect;
  s->collect_user = user;
  pthread_mutex_unlock(&s->lock);
}

void sl_state_touch(sl_state *s) {
  /* A read-modify-write even when it is set: what the caller did before is then visible to the collector. */
  if (atomic_exchange_explicit(&s->touched, 1, memory_order_acq_rel)) return;
  pthread_mutex_lock(&s->lock);
  if (!s->since) s->since = sl_time_mono();
  pthread_cond_signal(&s->work);
  pthread_mutex_unlock(&s->lock);
}

int sl_state_sync(sl_state *s, int64_t timeout_ns, sl_err *err) {
  int64_t end = sl_time_mono() + timeout_ns;
  struct timespec t = {.tv_sec = end / SL_TIME_S, .tv_nsec = end % SL_TIME_S};
  int rc = 0;
  pthread_mutex_lock(&s->lock);
  int dirty = s->pending.first || s->unsynced || s->in_commit || s->why.code ||
              atomic_load_explicit(&s->touched, memory_order_acquire);
  /* A commit that is being made may have looked before the caller put: only one that begins later counts. */
  uint64_t want = dirty ? s->begun + 1 : s->committed;
  if (s->wanted < want) s->wanted = want;
  pthread_cond_signal(&s->work);
  while (s->committed < want && !s->stop && rc == 0) rc = pthread_cond_timedwait(&s->changed, &s->lock, &t);
  if (s->committed >= want)
    rc = 0;
  else if (s->stop)
    rc = sl_err_set(err, SL_ESTATE, "the state is being closed");
  else
    rc = sl_err_set(err, SL_ETIMEOUT, "the state is not committed%s%s", s->why.code ? ": " : " yet", s->why.message);
  pthread_mutex_unlock(&s->lock);
  return rc;
}

int sl_state_stuck(sl_state *s, sl_err *ret) {
  pthread_mutex_lock(&s->lock);
  int stuck = s->why.code != 0;
  if (stuck && ret) *ret = s->why;
  pthread_mutex_unlock(&s->lock);
  return stuck;
}

static uint64_t size_of(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

void sl_state_get_stats(sl_state *s, sl_state_stats *ret) {
  pthread_mutex_lock(&s->lock);
  *ret = s->stats;
  ret->oldest_pending = s->batch_since ? s->batch_since : s->since;
  ret->dead = s->totals.dead + s->dead_rows;
  ret->dead_bytes = s->totals.dead_bytes + s->dead_bytes;
  ret->queued = s->totals.queued + s->queue_rows;
  ret->queued_bytes = s->totals.queued_bytes + s->queue_bytes;
  ret->kv = s->totals.kv;
  ret->kv_bytes = s->totals.kv_bytes;
  pthread_mutex_unlock(&s->lock);
  if (!s->file) return;
  char wal[4200];
  snprintf(wal, sizeof wal, "%s-wal", s->file);
  ret->file_bytes = size_of(s->file) + size_of(wal);
}
