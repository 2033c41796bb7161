/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the state share.
 *
 * Safety: `lock` guards everything below it in the struct and is not held while a callback or SQLite is called (but to
 * count the queue again after a change by hand); a connection's lock is taken before it, never after.
 */
#ifndef SLUICE_STORE_STATE_IMPL_H
#define SLUICE_STORE_STATE_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "base/map.h"
#include "base/thread.h"
#include "store/sdb.h"
#include "store/state.h"

/* What waits for a commit, in bytes; who puts more waits. */
#define SL_STATE_PENDING_MAX ((uint64_t)64 << 20)
/* Longer values would be refused by SQLite within a commit, again and again. */
#define SL_STATE_VALUE_MAX ((size_t)512 << 20)

#define SL_SOP_NOTE 1
#define SL_SOP_KV 2
#define SL_SOP_FORGET 3
#define SL_SOP_QUEUE 4
#define SL_SOP_DEAD 5

/* Something that was put and is not committed: one block of memory with all it points to. */
typedef struct sl_sop {
  struct sl_sop *next;  /* in the order of the puts */
  struct sl_sop *chain; /* older ones with the same hash (NOTE, KV) */
  uint64_t hash;
  size_t size;          /* of the block */
  int32_t kind, remove; /* remove: NOTE, KV */
  const char *owner;    /* KV */
  const char *place;    /* NOTE: source; KV: stage; FORGET: "" */
  sl_bytes key, value;  /* key is NUL-terminated beyond its end */
  int64_t expires;      /* KV */
  uint32_t n;           /* QUEUE: entries */
  uint64_t bytes;       /* QUEUE, DEAD: as the tables count them */
  sl_queue_entry *entries;
  sl_dead_entry *dead;
  void (*done)(void *user, int rc);
  void *user;
} sl_sop;

typedef struct sl_sops {
  sl_sop *first, **last;
} sl_sops;

struct sl_checkpoint {
  sl_map *values; /* key: sl_bytes in one block with its bytes */
  int *fds;
  uint64_t *removed;
  size_t n_fds, cap_fds, n_removed, cap_removed;
  int durable, failed; /* failed: memory was out, something is missing */
};

#define SL_SOP_BUCKETS 8192

struct sl_state {
  char *folder, *file, *pipeline;
  int lock_fd;
  dev_t dev; /* of the database as it was opened */
  ino_t inode;
  sl_sdb wdb, rdb, *reader; /* in memory the reader is &wdb */
  sl_thread *thread;
  sl_checkpoint checkpoint; /* writer thread */
  sl_sops batch;            /* writer thread; kept while commits fail */
  int64_t housekept;        /* writer thread: when old rows were looked for */
  uint32_t config, written; /* writer thread: `configured` as this commit saw it; as the database has it */
  sl_map *gone;             /* writer thread: rows that this commit takes from the queue, as counts */

  pthread_mutex_t lock;
  pthread_cond_t work, changed; /* for the writer; for those who wait */
  sl_state_opts opts;           /* folder and pipeline are not used */
  void (*collect)(void *user, sl_checkpoint *c);
  void *collect_user;
  int collecting, stop;
  uint32_t configured; /* times that opts were given */
  sl_sops pending;
  uint64_t pending_bytes;            /* with those of the batch; so are the next ones */
  uint64_t queue_rows, queue_bytes;  /* pending rows of the queue */
  uint64_t dead_rows, dead_bytes;    /* pending dead letters */
  int64_t since;                     /* when the oldest of what is pending or touched came; 0: nothing */
  int64_t batch_since;               /* the same of the commit that is made */
  uint64_t begun, committed, wanted; /* attempts; the last that succeeded; the one that somebody waits for */
  int urgent;                        /* a put with a callback is pending */
  int in_commit, unsynced;           /* unsynced: the last commit may be lost with the machine */
  int64_t began;                     /* when the last attempt began */
  int64_t pause, retry_at;           /* after a failure; 0: none */
  sl_err why;                        /* code 0: commits succeed */
  sl_map *counts;                    /* rows of the queue with those that are pending: "KIND STAGE" to uint64_t [own] */
  sl_totals totals;                  /* committed */
  sl_state_stats stats;              /* commits, failures, times, dead_dropped */
  sl_sop *buckets[SL_SOP_BUCKETS];   /* newest first: NOTE and KV that are not committed */
  _Atomic int touched;
};

/* ---- parts ---- */

void sl_state_say(sl_state *s, int32_t level, const char *fmt, ...) SL_PRINTF(3, 4);

/* Reading with callbacks: what a callback puts does not wait, because the writer may wait for the reader. */
void sl_state_read_begin(sl_state *s);
void sl_state_read_end(sl_state *s);

/* state_lock.c */
int sl_state_lock(const char *folder, const char *pipeline, int *ret_fd, sl_err *err);
void sl_state_unlock(const char *folder, int fd);

/* state_op.c. Copies of what is put. [own: sl_mem_free]; NULL when memory is out. */
sl_sop *sl_sop_value(int32_t kind, const char *place, const sl_bytes *key, const sl_bytes *value, const char *owner);
sl_sop *sl_sop_queue(const sl_queue_entry *entries, uint32_t n);
sl_sop *sl_sop_dead(const sl_dead_entry *entry);
/* As the tables count them. */
uint64_t sl_queue_entry_bytes(const sl_queue_entry *e);
uint64_t sl_dead_entry_bytes(const sl_dead_entry *e);
/* Puts it, after waiting for room if `wait`. op [take on ok]. */
int sl_state_put(sl_state *s, sl_sop *op, int wait, sl_err *err);
/* The newest that is pending for a key, NULL if there is none. The lock is held. */
const sl_sop *sl_state_pending(const sl_state *s, int32_t kind, const char *place, const sl_bytes *key);
/* Takes those of a list that is committed out of the buckets. The lock is held. */
void sl_state_unlist(sl_state *s, const sl_sops *ops);

/* state_commit.c: one attempt, on the writer thread. When it succeeds the batch goes to *ret_done. */
int sl_state_commit(sl_state *s, int full, sl_sops *ret_done, sl_err *err);
/* Runs change in a transaction of its own, durable when it returns. Not on the writer thread. */
int sl_state_change(sl_state *s, int (*change)(sl_sdb *db, void *user, sl_err *err), void *user, sl_err *err);
void sl_checkpoint_clear(sl_checkpoint *c);

/* state_queue.c, state_dead.c: within a transaction */
int sl_queue_insert(sl_sdb *db, const sl_queue_entry *e, sl_err *err);
/* Adds to a count. */
int sl_queue_count_add(sl_map *counts, int32_t kind, const char *stage, int64_t n);
/* Counts again what is committed and pending. The connection's lock and the state's are held. */
int sl_queue_recount(sl_state *s, sl_sdb *db, sl_err *err);
int sl_dead_insert(sl_sdb *db, const sl_dead_entry *e, sl_err *err);
/* Entries of a filter (NULL: all), by id; version of the schema. */
int sl_dead_select(sl_sdb *db, int version, const sl_dead_filter *filter,
                   int (*cb)(void *user, const sl_dead_entry *entry), void *user, sl_err *err);
int sl_dead_count(sl_sdb *db, int version, const sl_dead_filter *filter, uint64_t *ret_n, sl_err *err);

#endif
