/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of a pipeline: what it must know after a restart, in one SQLite database (WAL) in the folder `state:`.
 *
 * One writer thread commits in groups: what is put goes into a queue (bounded in bytes: who puts waits) and is
 * committed by the next commit, together with the checkpoint that the collector gives. The collector is called first,
 * the queue is emptied after it: what was put before the collector looked is never behind the checkpoint. A commit
 * begins when something was put or sl_state_touch was called and `commit_every` has passed since the last one began, or
 * at once when somebody waits (done callbacks, sl_state_sync).
 *
 * A commit that fails (disk full, I/O) loses nothing: its contents are kept and tried again, first after 200 ms, then
 * with longer pauses up to 5 s; meanwhile sl_state_stuck says why. Without a folder the same lives in memory.
 *
 * Safety: all functions [any] unless stated; the collector and the done callbacks run on the writer thread and may not
 * call functions that wait (put with a full queue, sync, close).
 */
#ifndef SLUICE_STORE_STATE_H
#define SLUICE_STORE_STATE_H

#include "store/dead.h"

typedef struct sl_state sl_state;

typedef struct sl_state_opts {
  const char *folder;   /* made if missing; NULL: in memory */
  const char *pipeline; /* its name, for the lock and messages */
  int64_t commit_every; /* nanoseconds */
  int64_t spool_bytes, kv_bytes, dead_max, dead_bytes, dead_age;
  int32_t dead_drop_oldest; /* when full: 1 drop the oldest (counted), 0 refuse: sl_state_dead_room is 0 then */
  void (*log)(void *user, int32_t level, const char *text); /* or NULL. [any] */
  void *log_user;
} sl_state_opts;

/* Takes the lock (`lock` in the folder: flock, and pid, pipeline, host and start of the holder as text; a second
 * process is told them), opens, migrates (a copy state.db.v<N>.bak first), starts the writer thread. A database of a
 * newer schema is refused. *ret [own]. */
int sl_state_open(const sl_state_opts *opts, sl_state **ret, sl_err *err);
/* Commits what is left (one try; what could not be committed is logged), closes and frees. */
void sl_state_close(sl_state *s);
/* New bounds and log after a reload. */
void sl_state_configure(sl_state *s, const sl_state_opts *opts);
int sl_state_durable(const sl_state *s);        /* 1: has a folder */
const char *sl_state_folder(const sl_state *s); /* NULL: in memory */

/* ---- commits ---- */

/* One commit's checkpoint, filled by the collector. Keys are short texts such as "source/fetch"; values [copied]. */
typedef struct sl_checkpoint sl_checkpoint;
void sl_checkpoint_put(sl_checkpoint *c, const char *key, const void *value, size_t len); /* replaces */
void sl_checkpoint_sync_fd(sl_checkpoint *c, int fd);            /* [take]: fdatasync before the commit, then closed */
void sl_checkpoint_remove_queued(sl_checkpoint *c, uint64_t id); /* a queue row whose document has ended */
/* NULL removes it. Waits until a collector that is running has returned. */
void sl_state_set_collector(sl_state *s, void (*collect)(void *user, sl_checkpoint *c), void *user);
/* There is something for the collector; async-signal-unsafe, cheap. */
void sl_state_touch(sl_state *s);
/* Waits until everything put or touched so far is committed. SL_ETIMEOUT after timeout_ns. */
int sl_state_sync(sl_state *s, int64_t timeout_ns, sl_err *err);
/* What the last committed checkpoint holds under key. *ret [own: sl_mem_free], NULL if nothing. */
int sl_state_recall(sl_state *s, const char *key, void **ret, size_t *ret_len, sl_err *err);
/* Calls cb for each key with the prefix, sorted. */
int sl_state_recall_each(sl_state *s, const char *prefix, int (*cb)(void *user, const char *key, const sl_bytes *value),
                         void *user, sl_err *err);
int sl_state_forget(sl_state *s, const char *key, sl_err *err); /* removes a key; queued */
/* 1 and the reason while commits fail; ret may be NULL. */
int sl_state_stuck(sl_state *s, sl_err *ret);

typedef struct sl_state_stats {
  uint64_t commits, failures;
  int64_t last_commit;     /* wall clock, ns; 0: none yet */
  int64_t last_ns, max_ns; /* time that a commit took */
  int64_t oldest_pending;  /* monotonic, ns: when the oldest thing that is not committed was put; 0: none */
  uint64_t dead, dead_bytes, dead_dropped; /* dead letters now; dropped since the start because of the bound */
  uint64_t queued, queued_bytes;           /* rows of the queue */
  uint64_t kv, kv_bytes;
  uint64_t file_bytes; /* database and WAL */
} sl_state_stats;
void sl_state_get_stats(sl_state *s, sl_state_stats *ret);

/* ---- notes of sources ---- */

/* value NULL removes. Seen by get and each at once. */
int sl_state_note_put(sl_state *s, const char *source, const char *key, const void *value, size_t len, sl_err *err);
int sl_state_note_get(sl_state *s, const char *source, const char *key, void **ret, size_t *ret_len, sl_err *err);
int sl_state_note_each(sl_state *s, const char *source, const char *prefix,
                       int (*cb)(void *user, const char *key, const sl_bytes *value), void *user, sl_err *err);

/* ---- key-value state of stages ---- */

/* Writes become visible to get at once. owner: record key of the document. expires: wall clock ns, 0 never. When
 * kv_bytes is reached the entries that expire first, then the oldest, give way (counted and logged). value NULL
 * removes. */
int sl_state_kv_put(sl_state *s, const char *stage, const sl_bytes *key, const sl_bytes *value, const char *owner,
                    int64_t expires, sl_err *err);
/* SL_ENOTFOUND if missing or expired. *ret_value, *ret_owner [own: sl_mem_free]. */
int sl_state_kv_get(sl_state *s, const char *stage, const sl_bytes *key, void **ret_value, size_t *ret_len,
                    char **ret_owner, sl_err *err);

/* ---- the queue: documents that wait on disk ---- */

#define SL_QUEUE_RETRY 1 /* a retry that waits long */
#define SL_QUEUE_SPOOL 2 /* pushed to a source */
#define SL_QUEUE_SPILL 3 /* before a sink whose breaker is open */
#define SL_QUEUE_AGAIN 4 /* a dead letter that is tried again */

typedef struct sl_queue_entry {
  uint64_t id; /* given by the store, growing */
  int32_t kind;
  const char *stage; /* id of the stage that the document enters; SPOOL: the source that it comes from */
  uint32_t attempts; /* so far */
  int64_t due;       /* wall clock ns; 0 at once */
  const char *uri, *locator, *revision; /* origin; "" if none */
  const char *splits;                   /* path of splits: "0/3", "" if none */
  sl_bytes body, payload;               /* body: JSON text */
  const char *media_type;               /* "" if none */
  sl_bytes map;                         /* the edit map, serialized; len 0 none */
  const char *why;                      /* the last error, "" if none */
} sl_queue_entry;

/* Copied. done (may be NULL) is called on the writer thread with 0 after the commit, or with an error if the entry was
 * given up (close). SL_ELIMIT when spool_bytes would be passed. n entries are committed together. */
int sl_state_queue_put(sl_state *s, const sl_queue_entry *entries, uint32_t n, void (*done)(void *user, int rc),
                       void *user, sl_err *err);
typedef struct sl_queue_filter {
  uint64_t after; /* rows with a greater id */
  int64_t now;    /* rows that are due then */
  uint32_t max;
  uint32_t n_skip;
  const char *const *skip; /* not the SPILL rows of these stages */
} sl_queue_filter;
/* Committed rows by id; cb [borrow during the call] returns non-zero to stop. */
int sl_state_queue_read(sl_state *s, const sl_queue_filter *filter, int (*cb)(void *user, const sl_queue_entry *entry),
                        void *user, sl_err *err);
/* When the next row that is not due at `now` will be; INT64_MAX: none. */
int64_t sl_state_queue_next_due(sl_state *s, int64_t now);
/* Rows of a stage (NULL: all) and kind (0: all). */
uint64_t sl_state_queue_count(sl_state *s, const char *stage, int32_t kind);
/* Rows of a renamed stage. */
int sl_state_rename(sl_state *s, const char *old_id, const char *new_id, sl_err *err);

/* ---- dead letters ---- */

/* Queued. One with the same pipeline, stage, key (not "") and revision takes the place of the older one. */
int sl_state_dead_put(sl_state *s, const sl_dead_entry *entry, sl_err *err);
/* 1 while another one fits (always, if the oldest give way). */
int sl_state_dead_room(sl_state *s);

typedef struct sl_dead_filter {
  const char *stage, *code;       /* NULL: any */
  int64_t older_than, newer_than; /* ns of age at `now`; 0: any */
  uint64_t id;                    /* 0: any */
  uint64_t limit;                 /* reading: so many, the first by id; 0: all */
  int32_t newest;                 /* reading: the last so many instead, still in the order of ids */
} sl_dead_filter;
/* How many there are, whatever the limit; reads no document. */
int sl_state_dead_count(sl_state *s, const sl_dead_filter *filter, uint64_t *ret_n, sl_err *err);
int sl_state_dead_each(sl_state *s, const sl_dead_filter *filter, int (*cb)(void *user, const sl_dead_entry *entry),
                       void *user, sl_err *err);
/* Moves them to the queue (kind AGAIN), to enter stage `at` (NULL: the stage that failed), all in one transaction;
 * body, if not NULL, replaces the body (of the one that id names). *ret_n: how many. Durable when it returns. */
int sl_state_dead_retry(sl_state *s, const sl_dead_filter *filter, const char *at, const sl_bytes *body,
                        uint64_t *ret_n, sl_err *err);
int sl_state_dead_edit(sl_state *s, uint64_t id, const sl_bytes *body, sl_err *err);
int sl_state_dead_drop(sl_state *s, const sl_dead_filter *filter, uint64_t *ret_n, sl_err *err);

/* ---- for the commands: no writer, the database of a stopped or running pipeline ---- */

/* PRAGMA integrity_check, versions, dangling rows, ledger files; each finding goes to cb. *ret_bad: how many. Reads
 * only. */
int sl_state_check(const char *folder, void (*cb)(void *user, int bad, const char *text), void *user, uint32_t *ret_bad,
                   sl_err *err);
/* The figures, and each checkpoint key with its value, without opening for writing. */
int sl_state_show(const char *folder, sl_state_stats *ret,
                  int (*cb)(void *user, const char *key, const sl_bytes *value), void *user, sl_err *err);
/* Dead letters, committed ones; *ret_n (or NULL): how many there are, whatever the limit. */
int sl_state_show_dead(const char *folder, const sl_dead_filter *filter,
                       int (*cb)(void *user, const sl_dead_entry *entry), void *user, uint64_t *ret_n, sl_err *err);
/* The same for the notes of sources, by source and key. */
int sl_state_show_notes(const char *folder,
                        int (*cb)(void *user, const char *source, const char *key, const sl_bytes *value), void *user,
                        sl_err *err);
/* The bounds and the name of the pipeline as its last run had them: *ret with pipeline [own: sl_mem_free] or NULL, the
 * rest 0 where it is not known. */
int sl_state_bounds(const char *folder, sl_state_opts *ret, sl_err *err);
/* Takes the lock: refuses while a pipeline runs. *ret_before, *ret_after: bytes. */
int sl_state_vacuum(const char *folder, uint64_t *ret_before, uint64_t *ret_after, sl_err *err);
/* Who holds the lock: text as in the lock file, "" if nobody. */
int sl_state_holder(const char *folder, char *buf, size_t cap);

#endif
