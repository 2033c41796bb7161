/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passes over the files: which of them are read, from where, and when the next pass begins.
 *
 * The first pass has up to three phases. The survey looks where known files are now (a log may have been renamed while
 * nobody watched). Then what earlier runs left unfinished is read to its end, in the order of the cursors, since these
 * must grow. Then all files are walked over. Later passes are walks alone.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "names.h"
#include "stage.h"

#define MAX_SEARCHES 3
#define MISSES_WATCH 10 /* passes in a row that do not find a file that is gone */
#define MISSES_ONCE 2   /* the survey and the walk */

static int reads_lines(const fetch_stage *s, const char *path) {
  return s->p->format == FORMAT_NDJSON ||
         (s->p->format == FORMAT_AUTO && s->bodies && fetch_kind_of(path) != FETCH_JSON);
}

/* ---- which file it is -------------------------------------------------------------------------------------------- */

static int is_inode(const fetch_file *f, const struct stat *st) {
  return f->ino == (uint64_t)st->st_ino && f->dev == (uint64_t)st->st_dev;
}

/* Size and time as when it was read. */
static int looks_same(const fetch_file *f, const struct stat *st) {
  return f->known && f->size == (uint64_t)st->st_size && f->mtime == fetch_mtime(st) && f->ino == (uint64_t)st->st_ino;
}

/* 1 if its own path does not lead to it any more. */
static int has_moved(const fetch_file *f) {
  struct stat st;
  return f->orphan || stat(f->path, &st) < 0 || !is_inode(f, &st);
}

/* The NDJSON file that was known under another path and is at this one now; NULL if there is none. */
static fetch_file *find_moved(const fetch_stage *s, const struct stat *st) {
  fetch_file *other = fetch_book_by_inode(&s->book, st);
  return other && other->lines && (uint64_t)st->st_size >= other->size && has_moved(other) ? other : NULL;
}

static void lose_path(fetch_stage *s, fetch_file *file) {
  fetch_book_orphan(&s->book, file);
  file->round = s->round;
}

static int32_t add_file(fetch_stage *s, const fetch_found *f, int replaced, fetch_file **ret) {
  fetch_file *file = *ret = fetch_book_add(&s->book, f->path);
  if (!file) return SL_ENOMEM;
  file->replaced = replaced;
  file->lines = reads_lines(s, f->path);
  return SL_OK;
}

/* What the book knows of a file that was found; NULL if nothing and `add` is not set. NDJSON that was renamed keeps its
 * place; a page under a new name is a new page. 0 or an error. */
static int32_t recognise(sl_ctx *ctx, fetch_stage *s, const fetch_found *f, int add, fetch_file **ret) {
  fetch_file *file = *ret = fetch_book_by_path(&s->book, f->path);
  int strange = !file || (file->known && file->ino != (uint64_t)f->st.st_ino);
  if (!reads_lines(s, f->path) || !strange) return file || !add ? SL_OK : add_file(s, f, 0, ret);
  fetch_file *other = find_moved(s, &f->st);
  if (other) {
    if (file) lose_path(s, file);
    *ret = other;
    return fetch_book_move(&s->book, ctx, other, f->path);
  }
  return file || !add ? SL_OK : add_file(s, f, 0, ret); /* another inode: read_lines looks what is in it */
}

/* 1 if nobody has written to the file for the time `settle`. */
static int settled(sl_ctx *ctx, fetch_stage *s, fetch_file *file, const struct stat *st) {
  int64_t mtime = fetch_mtime(st), now = sl_monotonic(ctx);
  if (!s->p->watch || mtime <= sl_now(ctx) - s->p->settle) return 1;
  if (!file->cand_since || file->cand_size != (uint64_t)st->st_size || file->cand_mtime != mtime) {
    file->cand_size = (uint64_t)st->st_size;
    file->cand_mtime = mtime;
    file->cand_since = now;
  }
  if (now - file->cand_since >= s->p->settle) return 1;
  if (s->soon > file->cand_since + s->p->settle) s->soon = file->cand_since + s->p->settle;
  return 0;
}

static int is_packed(const char *path) {
  size_t n = strlen(path);
  return (n > 3 && strcmp(path + n - 3, ".gz") == 0) || (n > 4 && strcmp(path + n - 4, ".zst") == 0) ||
         (n > 5 && strcmp(path + n - 5, ".zstd") == 0);
}

/* ---- reading one ------------------------------------------------------------------------------------------------- */

static void set_revision(fetch_stage *s) {
  if (s->file && s->file->revision)
    snprintf(s->revision, sizeof s->revision, "mtime=%lld.%09lld", (long long)(s->file->revision / 1000000000),
             (long long)(s->file->revision % 1000000000));
}

static int32_t name_it(sl_ctx *ctx, fetch_stage *s, fetch_found *f) {
  s->uri = fetch_uri(f->path);
  if (s->uri) return 0;
  if (f->fd >= 0) close(f->fd);
  return fetch_out_of_memory(ctx);
}

static int32_t wrong_kind(sl_ctx *ctx, fetch_stage *s, const fetch_found *f) {
  fetch_reason because = {
      SL_EUNSUP, "this file holds JSON documents, but the stage makes pages", f->path,
      "read it with a stage whose paths end in .json or .jsonl, or say format: text to take it as it "
      "is"};
  if (f->fd >= 0) close(f->fd);
  if (s->file) fetch_book_identify(&s->book, s->file, &f->st);
  return fetch_reject_file(ctx, s, &because);
}

/* 1 if the file, as it is now, begins with what was read of it. */
static int begins_as_read(const fetch_file *file, const fetch_found *f) {
  unsigned char mark[16];
  uint64_t size = (uint64_t)f->st.st_size;
  int same_time = file->mtime == fetch_mtime(&f->st);
  if (size < file->size || (size == file->size && !file->open && !same_time)) return 0;
  if (file->ino != (uint64_t)f->st.st_ino && (size != file->size || !same_time)) return 0; /* no restored copy */
  return fetch_mark_blocks(f->fd, file->size, mark) == 0 && memcmp(mark, file->mark, sizeof mark) == 0;
}

/* Where an open NDJSON file is to be read on: s->from. 0: nothing is new; 1: read; or an error. */
static int32_t plan_lines(fetch_stage *s, const fetch_found *f) {
  fetch_file *file = s->file;
  s->from = 0;
  if (!file->known || !file->last) return 1;
  if (begins_as_read(file, f)) {
    s->from = file->last->end;
    if ((uint64_t)f->st.st_size > file->size || file->open || file->failed) return 1;
    fetch_book_identify(&s->book, file, &f->st);
    return 0;
  }
  if (file->ino != (uint64_t)f->st.st_ino) { /* another file; the old one may be found under another name */
    lose_path(s, file);
    int32_t rc = add_file(s, f, 1, &s->file);
    if (rc != SL_OK) return rc;
    s->file->round = s->round;
    s->file->group = (int32_t)f->group;
  } else if (!file->failed) {
    file->replaced = 1;
  }
  return 1;
}

/* Reads f, which is open, from where it was left. */
static int32_t read_lines(sl_ctx *ctx, fetch_stage *s, const fetch_found *f) {
  int32_t plan = s->file ? plan_lines(s, f) : 1;
  if (plan != 1) {
    close(f->fd);
    fetch_close_file(s);
    return plan == 0 ? 0 : fetch_out_of_memory(ctx);
  }
  if (s->file) {
    if (s->from == 0) {
      s->file->revision = s->file->replaced ? fetch_mtime(&f->st) : 0;
      fetch_book_identify(&s->book, s->file, &f->st);
      if (fetch_mark_blocks(f->fd, s->file->size, s->file->mark) < 0) memset(s->file->mark, 0, sizeof s->file->mark);
    }
    s->file->failed = s->file->stuck = 0;
  }
  set_revision(s);
  if (s->file && s->file->replaced && s->file->last) { /* noted even if it is empty now */
    int32_t rc = fetch_begin_part(ctx, s, 0, 0);
    if (rc != 0) {
      close(f->fd);
      return rc;
    }
  }
  return fetch_begin_lines(ctx, s, f->fd);
}

static int32_t read_file(sl_ctx *ctx, fetch_stage *s, const fetch_found *f, uint64_t *credit) {
  if (reads_lines(s, f->path)) return read_lines(ctx, s, f);
  if (s->p->format == FORMAT_AUTO && !s->bodies && fetch_kind_of(f->path) != FETCH_PAGE) return wrong_kind(ctx, s, f);
  if (s->file && s->file->last && !s->file->failed) s->file->revision = fetch_mtime(&f->st);
  set_revision(s);
  return fetch_whole_file(ctx, s, f, credit);
}

/* A finding that cannot be read: a dead letter, once for each reason. */
static int32_t broken_file(sl_ctx *ctx, fetch_stage *s, const fetch_found *f) {
  fetch_reason because = {f->error == EACCES || f->error == EPERM ? SL_EPERM
                          : f->error == ENOENT                    ? SL_ENOTFOUND
                                                                  : SL_EIO,
                          f->why, f->error ? strerror(f->error) : NULL,
                          "check the file and its rights; the other files are read"};
  fetch_file *file = NULL;
  s->blind |= f->folder;
  if (s->book.keeps) {
    file = fetch_book_by_path(&s->book, f->path);
    if (!file) file = fetch_book_add(&s->book, f->path);
    if (!file) return fetch_out_of_memory(ctx);
    file->round = s->round;
    file->group = (int32_t)f->group;
    if (file->stuck && file->failed == because.code) {
      fetch_close_file(s);
      return 0;
    }
    file->stuck = 1;
    s->from = file->last ? file->last->end : 0;
  }
  s->file = file;
  if (!s->uri) s->uri = fetch_uri(f->path);
  if (!s->uri) return fetch_out_of_memory(ctx);
  return fetch_reject_file(ctx, s, &because);
}

/* Pipes and devices: read once, never again. */
static int32_t read_stream(sl_ctx *ctx, fetch_stage *s, fetch_found *f, uint64_t *credit) {
  int32_t rc = s->book.keeps ? fetch_book_stream(&s->book, ctx, &s->base) : SL_OK;
  if (rc != SL_OK) return fetch_no_state(ctx, rc);
  s->begun = s->book.keeps;
  if (fetch_walk_open(s->walk, f) < 0) return broken_file(ctx, s, f);
  rc = name_it(ctx, s, f);
  return rc != 0 ? rc : read_file(ctx, s, f, credit);
}

/* 1 if the file that was found is to be opened. */
static int is_due(sl_ctx *ctx, fetch_stage *s, fetch_file *file, const struct stat *st, const char *path) {
  if (!file->stuck && !file->open && looks_same(file, st) && !(file->failed && file->settings != s->settings)) return 0;
  if (file->lines && !is_packed(path)) return 1;
  return settled(ctx, s, file, st);
}

static int32_t found_file(sl_ctx *ctx, fetch_stage *s, fetch_found *f, uint64_t *credit) {
  if (!s->book.keeps || !S_ISREG(f->st.st_mode)) return read_stream(ctx, s, f, credit);
  fetch_file *file;
  int32_t rc = recognise(ctx, s, f, 1, &file);
  if (rc != SL_OK) return fetch_no_state(ctx, rc);
  file->round = s->round;
  file->group = (int32_t)f->group;
  if (!is_due(ctx, s, file, &f->st, f->path)) return 0;
  if (fetch_walk_open(s->walk, f) < 0) {
    if (f->error == ENOENT) return 0; /* it was removed meanwhile */
    return broken_file(ctx, s, f);
  }
  file->cand_since = 0;
  rc = name_it(ctx, s, f);
  if (rc != 0) return rc;
  s->file = file;
  return read_file(ctx, s, f, credit);
}

/* ---- what an earlier run left --------------------------------------------------------------------------------------
 */

/* The part cannot be gone on with as it was: what is missing of the file is read by the walk, under new cursors. */
static int32_t abandon(sl_ctx *ctx, fetch_stage *s, fetch_file *f, fetch_part *p) {
  uint64_t at = fetch_book_reached(&s->book, ctx, p);
  for (; p; p = p->next) {
    p->start = p->start < at ? p->start : at;
    p->end = at;
    p->last = 0;
    p->done = p->closed = 1;
    int32_t rc = fetch_book_note(&s->book, ctx, f, p);
    if (rc != SL_OK) return fetch_no_state(ctx, rc);
  }
  f->open = 1;
  f->failed = f->stuck = 0;
  return 0;
}

/* 1 if the open file is the one that the part was read from. */
static int is_same_file(const fetch_stage *s, const fetch_file *file, const fetch_found *f) {
  unsigned char mark[16];
  if (file->failed) return 0;
  if (!reads_lines(s, f->path)) return looks_same(file, &f->st);
  return (uint64_t)f->st.st_size >= file->size && fetch_mark_blocks(f->fd, file->size, mark) == 0 &&
         memcmp(mark, file->mark, sizeof mark) == 0;
}

static int32_t restart_walk(sl_ctx *ctx, fetch_stage *s) {
  fetch_walk_free(s->walk);
  s->walk = fetch_new_walk(s->p);
  s->round++;
  s->blind = 0;
  s->soon = INT64_MAX;
  for (uint32_t i = 0; i < s->p->paths.count; i++) s->missing[i] &= (unsigned char)~FETCH_NOW;
  return s->walk ? 0 : fetch_out_of_memory(ctx);
}

static int32_t next_old(sl_ctx *ctx, fetch_stage *s, uint64_t *credit) {
  fetch_file *file = s->old_files[s->at_old];
  fetch_part *p = s->old[s->at_old++];
  fetch_found f;
  if (p->closed) return 0;
  if (fetch_walk_find(s->finder, file->path, &f) < 0) return fetch_out_of_memory(ctx);
  int there = f.kind == FETCH_FILE && !file->orphan && fetch_walk_open(s->finder, &f) == 0;
  if (!there || !is_same_file(s, file, &f)) {
    if (f.fd >= 0) close(f.fd);
    if (!file->lines || file->failed || ++s->searches > MAX_SEARCHES) return abandon(ctx, s, file, p);
    s->at_old--; /* it may have been renamed since: it is looked for once more */
    s->phase = PHASE_SURVEY;
    return restart_walk(ctx, s);
  }
  int32_t rc = name_it(ctx, s, &f);
  if (rc != 0) return rc;
  if (fetch_book_again(&s->book, p) < 0) {
    close(f.fd);
    return fetch_out_of_memory(ctx);
  }
  s->file = file;
  s->part = p;
  s->begun = s->again = 1;
  s->from = p->single ? p->start : fetch_book_reached(&s->book, ctx, p);
  s->base = p->base + (s->from - p->start);
  set_revision(s);
  if (reads_lines(s, f.path)) return fetch_begin_lines(ctx, s, f.fd);
  return fetch_whole_file(ctx, s, &f, credit);
}

static int by_base(const void *a, const void *b) {
  const fetch_part *x = *(fetch_part *const *)a, *y = *(fetch_part *const *)b;
  return x->base < y->base ? -1 : x->base > y->base;
}

static int32_t count_old(void *user, fetch_file *f) {
  for (const fetch_part *p = f->first; p; p = p->next) ((fetch_stage *)user)->n_old += !p->closed;
  return SL_OK;
}

static int32_t put_old(void *user, fetch_file *f) {
  fetch_stage *s = user;
  for (fetch_part *p = f->first; p; p = p->next)
    if (!p->closed) s->old[s->n_old++] = p;
  return SL_OK;
}

static int32_t put_owner(void *user, fetch_file *f) {
  fetch_stage *s = user;
  for (fetch_part *p = f->first; p; p = p->next) {
    if (p->closed) continue;
    fetch_part **at = bsearch(&p, s->old, s->n_old, sizeof(fetch_part *), by_base);
    s->old_files[at - s->old] = f;
  }
  return SL_OK;
}

/* The parts that are not finished, in the order of their cursors. */
static int32_t collect_old(sl_ctx *ctx, fetch_stage *s) {
  s->n_old = s->at_old = 0;
  fetch_book_each(&s->book, count_old, s);
  s->phase = PHASE_WALK;
  if (s->n_old == 0) return 0;
  s->old = calloc(s->n_old, sizeof(fetch_part *));
  s->old_files = calloc(s->n_old, sizeof(fetch_file *));
  s->finder = fetch_new_walk(s->p);
  if (!s->old || !s->old_files || !s->finder) return fetch_out_of_memory(ctx);
  s->n_old = 0;
  fetch_book_each(&s->book, put_old, s);
  qsort(s->old, s->n_old, sizeof(fetch_part *), by_base);
  fetch_book_each(&s->book, put_owner, s);
  s->phase = PHASE_OLD;
  return 0;
}

/* ---- the survey -------------------------------------------------------------------------------------------------- */

static int32_t surveyed(sl_ctx *ctx, fetch_stage *s, const fetch_found *f) {
  fetch_file *file;
  if (f->kind != FETCH_FILE || !S_ISREG(f->st.st_mode)) return 0;
  int32_t rc = recognise(ctx, s, f, 0, &file);
  if (rc != SL_OK) return fetch_no_state(ctx, rc);
  s->n_found++;
  if (file) file->round = s->round;
  int done = file && file->first && !file->open && looks_same(file, &f->st);
  for (const fetch_part *p = done ? file->first : NULL; p; p = p->next) done &= p->closed;
  done |= f->st.st_size == 0 && reads_lines(s, f->path); /* nothing in it, nothing noted */
  s->n_done += (uint64_t)done;
  return 0;
}

static int32_t end_survey(sl_ctx *ctx, fetch_stage *s) {
  char text[160];
  if (!s->told_resume) {
    snprintf(text, sizeof text, "resuming: %llu of %llu files done; --reprocess starts over",
             (unsigned long long)s->n_done, (unsigned long long)s->n_found);
    sl_log(ctx, SL_LOG_INFO, text);
    s->told_resume = 1;
  }
  int32_t rc = restart_walk(ctx, s);
  if (rc != 0) return rc;
  s->phase = PHASE_OLD;
  return s->old ? 0 : collect_old(ctx, s);
}

/* ---- the end of a pass ---------------------------------------------------------------------------------------------
 */

typedef struct forgetting {
  sl_ctx *ctx;
  fetch_stage *s;
} forgetting;

/* A file that several passes did not find is gone and forgotten (a pass may miss one that is renamed meanwhile); but
 * not when it may only be out of sight. */
static int32_t forget_gone(void *user, fetch_file *f) {
  forgetting *g = user;
  fetch_stage *s = g->s;
  if (s->round < f->round + (s->p->watch ? MISSES_WATCH : MISSES_ONCE)) return SL_OK;
  if (f->orphan) return fetch_book_forget(&s->book, g->ctx, f);
  if (s->blind) return SL_OK;
  for (uint32_t i = 0; i < s->p->paths.count; i++)
    if (s->missing[i] & FETCH_NOW && (f->group < 0 || f->group == (int32_t)i)) return SL_OK;
  return fetch_book_forget(&s->book, g->ctx, f);
}

static void next_pass(sl_ctx *ctx, void *stage, void *user) {
  (void)user;
  ((fetch_stage *)stage)->timer = 0;
  sl_wake(ctx);
}

static int32_t end_pass(sl_ctx *ctx, fetch_stage *s) {
  forgetting g = {ctx, s};
  int32_t rc = s->book.keeps ? fetch_book_each(&s->book, forget_gone, &g) : SL_OK;
  if (rc == SL_OK && s->book.keeps) rc = fetch_book_tidy(&s->book, ctx);
  if (rc != SL_OK) return fetch_no_state(ctx, rc);
  s->phase = PHASE_END;
  if (!s->p->watch) return SL_P_END;
  int64_t now = sl_monotonic(ctx), due = now + s->p->poll;
  s->phase = PHASE_WAIT;
  s->due = s->soon < due ? s->soon : due;
  s->timer = sl_timer_start(ctx, s->due > now ? s->due - now : 0, 0, next_pass, NULL);
  return s->timer ? SL_P_WAIT : fetch_out_of_memory(ctx);
}

/* ---- findings ---------------------------------------------------------------------------------------------------- */

static int32_t tell_missing(sl_ctx *ctx, fetch_stage *s, uint32_t group) {
  char text[1200];
  int told = s->missing[group] & FETCH_TOLD;
  s->missing[group] = FETCH_NOW | FETCH_TOLD;
  if (s->p->missing && s->round == 1) {
    fetch_fail_missing(ctx, s->p, group);
    return SL_V_FATAL;
  }
  if (told) return 0;
  snprintf(text, sizeof text, "no file matches %s", fetch_path_at(s->p, group));
  sl_log(ctx, SL_LOG_WARN, text);
  return 0;
}

static int32_t tell_skipped(sl_ctx *ctx, fetch_stage *s, const fetch_found *f) {
  char text[1400];
  if (s->p->watch) { /* once, not in each pass */
    fetch_file *file = fetch_book_by_path(&s->book, f->path);
    if (!file) file = fetch_book_add(&s->book, f->path);
    if (!file) return fetch_out_of_memory(ctx);
    file->round = s->round;
    file->group = (int32_t)f->group;
    if (file->told) return 0;
    file->told = 1;
  }
  snprintf(text, sizeof text, "%s is left out: %s", f->path, f->why);
  sl_log(ctx, SL_LOG_WARN, text);
  sl_count(ctx, "files_skipped", 1);
  return 0;
}

int32_t fetch_next_file(sl_ctx *ctx, fetch_stage *s, uint64_t *credit) {
  fetch_found f;
  *credit = *credit > DOC_COST ? *credit - DOC_COST : 0;
  if (s->phase == PHASE_WAIT) {
    if (s->timer && sl_monotonic(ctx) < s->due) return SL_P_WAIT;
    sl_timer_stop(ctx, s->timer);
    s->timer = 0;
    s->phase = PHASE_WALK;
    return restart_walk(ctx, s);
  }
  if (s->phase == PHASE_OLD) {
    if (s->at_old < s->n_old) return next_old(ctx, s, credit);
    s->phase = PHASE_WALK;
  }
  if (fetch_walk_next(s->walk, &f) < 0) return fetch_out_of_memory(ctx);
  if (s->phase == PHASE_SURVEY) return f.kind == FETCH_END ? end_survey(ctx, s) : surveyed(ctx, s, &f);
  if (f.kind == FETCH_END) return end_pass(ctx, s);
  if (f.kind == FETCH_MISSING) return tell_missing(ctx, s, f.group);
  if (f.kind == FETCH_SKIPPED) return tell_skipped(ctx, s, &f);
  return f.kind == FETCH_FILE ? found_file(ctx, s, &f, credit) : broken_file(ctx, s, &f);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

void fetch_pass_stop(fetch_stage *s) {
  fetch_close_file(s);
  fetch_walk_free(s->walk);
  fetch_walk_free(s->finder);
  free(s->old);
  free(s->old_files);
  free(s->missing);
  s->walk = s->finder = NULL;
  s->old = NULL;
  s->old_files = NULL;
  s->missing = NULL;
  s->n_old = s->at_old = 0;
  fetch_book_close(&s->book);
}

int32_t fetch_pass_start(sl_ctx *ctx, fetch_stage *s) {
  const sl_resume *resume = sl_extension(ctx, SL_EXT_RESUME);
  int32_t rc = fetch_book_open(&s->book, ctx, resume, s->p->watch);
  if (rc != SL_OK) {
    fetch_no_state(ctx, rc);
    return rc;
  }
  s->missing = calloc(s->p->paths.count, 1);
  s->timer = 0;
  s->round = 0;
  s->n_found = s->n_done = 0;
  s->searches = 0;
  s->phase = s->book.n_files ? PHASE_SURVEY : PHASE_WALK;
  if (!s->missing) return fetch_no_memory(ctx);
  return restart_walk(ctx, s) == 0 ? SL_OK : SL_ENOMEM;
}
