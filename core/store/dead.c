/* SPDX-License-Identifier: Apache-2.0 */
/* Dead letters: the writer for a pipeline without a state, and reading by kind of file. */
#include "store/dead.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/time.h"
#include "store/dead_file.h"
#include "store/state_impl.h"

#define COMMIT_LIMIT (30 * SL_TIME_S)

struct sl_dead {
  pthread_mutex_t lock;
  char *folder, *path;
  int in_state; /* SQLite, else JSON lines */
  sl_state *db;
  struct sl_dead_lines *lines;
};

int sl_dead_new(const char *state, const char *path, sl_dead **ret, sl_err *err) {
  sl_dead *d = sl_mem_calloc(1, sizeof(*d));
  char *file = state ? sl_path_join(state, "state.db") : sl_mem_strdup(path);
  if (!d || !file) {
    sl_mem_free(d);
    sl_mem_free(file);
    return sl_err_set(err, SL_ENOMEM, "no memory for the dead letters");
  }
  pthread_mutex_init(&d->lock, NULL);
  d->path = file;
  d->in_state = state != NULL;
  d->folder = sl_mem_strdup(state);
  *ret = d;
  return 0;
}

/* The file if it is there, or the nearest folder above it that is. [own]; NULL with errno. */
static char *nearest(const char *path) {
  char *at = sl_mem_strdup(path);
  while (at && access(at, F_OK) != 0) {
    char *up = errno == ENOENT ? sl_path_dir(at) : NULL;
    if (!up || strcmp(up, at) == 0) {
      sl_mem_free(up);
      sl_mem_free(at);
      return NULL;
    }
    sl_mem_free(at);
    at = up;
  }
  return at;
}

int sl_dead_check(const sl_dead *d, sl_err *err) {
  char *at = nearest(d->path);
  int is_file = at && strcmp(at, d->path) == 0;
  int rc = 0;
  if (!at || access(at, is_file ? W_OK : W_OK | X_OK) != 0) {
    rc = sl_err_errno(err, errno, "dead letters cannot be written to %s", d->path);
  } else if (is_file == sl_path_is_dir(at)) {
    rc = sl_err_set(err, SL_EIO, "dead letters cannot be written to %s: %s is a %s", d->path, at,
                    is_file ? "folder" : "file");
  }
  if (rc) sl_err_hint(err, "name a place that can be written: %s", d->in_state ? "state:" : "dead_letters: or state:");
  sl_mem_free(at);
  return rc;
}

static int put_in_state(sl_dead *d, const sl_dead_entry *entry, sl_err *err) {
  sl_state_opts opts = {.folder = d->folder, .pipeline = entry->pipeline, .dead_drop_oldest = 1};
  int rc = d->db ? 0 : sl_state_open(&opts, &d->db, err);
  if (!rc) rc = sl_state_dead_put(d->db, entry, err);
  return rc ? rc : sl_state_sync(d->db, COMMIT_LIMIT, err);
}

static int put_in_lines(sl_dead *d, const sl_dead_entry *entry, sl_err *err) {
  int rc = d->lines ? 0 : sl_path_mkdirs_for(d->path, err);
  if (!rc && !d->lines) rc = sl_dead_lines_open(d->path, &d->lines, err);
  return rc ? rc : sl_dead_lines_put(d->lines, entry, err);
}

int sl_dead_put(sl_dead *d, const sl_dead_entry *entry, sl_err *err) {
  pthread_mutex_lock(&d->lock);
  int rc = d->in_state ? put_in_state(d, entry, err) : put_in_lines(d, entry, err);
  pthread_mutex_unlock(&d->lock);
  return rc;
}

const char *sl_dead_path(const sl_dead *d) { return d->path; }

void sl_dead_free(sl_dead *d) {
  if (!d) return;
  sl_state_close(d->db);
  sl_dead_lines_close(d->lines);
  pthread_mutex_destroy(&d->lock);
  sl_mem_free(d->folder);
  sl_mem_free(d->path);
  sl_mem_free(d);
}

static int read_state(const char *path, int (*cb)(void *user, const sl_dead_entry *entry), void *user, sl_err *err) {
  sl_sdb db;
  int version = 0, rc = sl_sdb_open(&db, path, SL_SDB_READ, err);
  if (rc) return rc;
  rc = sl_schema_version(&db, path, &version, err);
  if (!rc) rc = sl_dead_select(&db, version, NULL, cb, user, err);
  sl_sdb_close(&db);
  return rc;
}

int sl_dead_read(const char *where, int (*cb)(void *user, const sl_dead_entry *entry), void *user, sl_err *err) {
  char *path = sl_path_is_dir(where) ? sl_path_join(where, "state.db") : sl_mem_strdup(where);
  if (!path) return sl_err_set(err, SL_ENOMEM, "no memory to read the dead letters");
  int rc;
  if (!sl_path_exists(path)) {
    rc = sl_err_set(err, SL_ENOTFOUND, "there are no dead letters at %s", where);
    sl_err_hint(err, "name a state folder, its state.db, or a <name>.dead.jsonl file");
  } else if (strcmp(sl_path_ext(path), ".db") == 0) {
    rc = read_state(path, cb, user, err);
  } else {
    rc = sl_dead_lines_read(path, cb, user, err);
  }
  sl_mem_free(path);
  return rc;
}
