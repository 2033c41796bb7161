/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of files, in memory and as notes in the state. */
#include "book.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTE_PREFIX "part/"
#define NOTE_NEXT "next"
#define NOTE_MAX 8192 /* a path of PATH_MAX and the numbers */

int64_t fetch_mtime(const struct stat *st) {
  return (int64_t)st->st_mtim.tv_sec * 1000000000 + (int64_t)st->st_mtim.tv_nsec;
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

static uint32_t hash_path(const char *path) {
  uint32_t h = 2166136261u;
  for (; *path; path++) h = (h ^ (unsigned char)*path) * 16777619u;
  return h;
}

static uint32_t hash_inode(uint64_t dev, uint64_t ino) {
  uint64_t h = (ino ^ dev << 32 ^ dev) * UINT64_C(0x9E3779B97F4A7C15);
  return (uint32_t)(h >> 32);
}

static fetch_file **path_slot(const fetch_book *b, const char *path) {
  return &b->paths[hash_path(path) & (b->n_slots - 1)];
}

static fetch_file **inode_slot(const fetch_book *b, uint64_t dev, uint64_t ino) {
  return &b->inodes[hash_inode(dev, ino) & (b->n_slots - 1)];
}

static void link_path(fetch_book *b, fetch_file *f) {
  fetch_file **slot = path_slot(b, f->path);
  f->by_path = *slot;
  *slot = f;
}

static void unlink_path(fetch_book *b, const fetch_file *f) {
  fetch_file **at = path_slot(b, f->path);
  while (*at && *at != f) at = &(*at)->by_path;
  if (*at) *at = f->by_path;
}

static void link_inode(fetch_book *b, fetch_file *f) {
  fetch_file **slot = inode_slot(b, f->dev, f->ino);
  f->by_inode = *slot;
  *slot = f;
}

static void unlink_inode(fetch_book *b, const fetch_file *f) {
  fetch_file **at = inode_slot(b, f->dev, f->ino);
  while (*at && *at != f) at = &(*at)->by_inode;
  if (*at) *at = f->by_inode;
}

/* Every file is in both tables, so one walk over the old paths finds all. */
static int grow(fetch_book *b) {
  uint32_t slots = b->n_slots ? b->n_slots * 2 : 64;
  fetch_file **paths = calloc(slots, sizeof *paths), **inodes = calloc(slots, sizeof *inodes);
  if (!paths || !inodes) {
    free(paths);
    free(inodes);
    return -1;
  }
  fetch_book old = *b;
  b->paths = paths;
  b->inodes = inodes;
  b->n_slots = slots;
  for (uint32_t i = 0; i < old.n_slots; i++)
    for (fetch_file *f = old.paths[i], *next; f; f = next) {
      next = f->by_path;
      link_path(b, f);
      link_inode(b, f);
    }
  free(old.paths);
  free(old.inodes);
  return 0;
}

fetch_file *fetch_book_by_path(const fetch_book *b, const char *path) {
  fetch_file *f = b->n_slots ? *path_slot(b, path) : NULL;
  while (f && (f->orphan || strcmp(f->path, path) != 0)) f = f->by_path;
  return f;
}

fetch_file *fetch_book_by_inode(const fetch_book *b, const struct stat *st) {
  fetch_file *f = b->n_slots ? *inode_slot(b, (uint64_t)st->st_dev, (uint64_t)st->st_ino) : NULL;
  while (f && (!f->known || f->dev != (uint64_t)st->st_dev || f->ino != (uint64_t)st->st_ino)) f = f->by_inode;
  return f;
}

fetch_file *fetch_book_add(fetch_book *b, const char *path) {
  if (b->n_files >= b->n_slots && grow(b) < 0) return NULL;
  fetch_file *f = calloc(1, sizeof *f);
  if (f) f->path = strdup(path);
  if (!f || !f->path) {
    free(f);
    return NULL;
  }
  f->group = -1;
  link_path(b, f);
  link_inode(b, f);
  b->n_files++;
  return f;
}

void fetch_book_orphan(fetch_book *b, fetch_file *f) {
  (void)b;
  f->orphan = 1;
}

void fetch_book_identify(fetch_book *b, fetch_file *f, const struct stat *st) {
  unlink_inode(b, f);
  f->dev = (uint64_t)st->st_dev;
  f->ino = (uint64_t)st->st_ino;
  f->size = (uint64_t)st->st_size;
  f->mtime = fetch_mtime(st);
  f->known = 1;
  link_inode(b, f);
}

/* The parts leave the list of those that documents may come back to. */
static void unlist(fetch_book *b, const fetch_file *f, const fetch_part *only) {
  uint32_t n = 0;
  pthread_mutex_lock(b->lock);
  for (uint32_t i = 0; i < b->n_live; i++) {
    int gone = b->live[i] == only;
    for (const fetch_part *p = only ? NULL : f->first; p && !gone; p = p->next) gone = p == b->live[i];
    if (!gone) b->live[n++] = b->live[i];
  }
  b->n_live = n;
  pthread_mutex_unlock(b->lock);
}

void fetch_book_release(fetch_book *b, fetch_file *f) {
  int listed = 0;
  for (const fetch_part *p = f->first; p; p = p->next) listed |= !p->closed;
  if (listed && b->n_live) unlist(b, f, NULL);
  unlink_path(b, f);
  unlink_inode(b, f);
  while (f->first) {
    fetch_part *p = f->first;
    f->first = p->next;
    free(p);
  }
  free(f->path);
  free(f);
  b->n_files--;
}

/* ---- notes ------------------------------------------------------------------------------------------------------- */

static void note_key(char out[32], uint64_t base) { snprintf(out, 32, NOTE_PREFIX "%016" PRIx64, base); }

static void put_hex(char out[33], const unsigned char mark[16]) {
  static const char digits[] = "0123456789abcdef";
  for (int i = 0; i < 16; i++) {
    out[2 * i] = digits[mark[i] >> 4];
    out[2 * i + 1] = digits[mark[i] & 15];
  }
  out[32] = '\0';
}

static int32_t put_next(fetch_book *b, sl_ctx *ctx) {
  char text[24];
  if (!b->resume || b->next_noted >= b->next) return SL_OK;
  int n = snprintf(text, sizeof text, "%" PRIu64, b->next);
  int32_t rc = b->resume->put(ctx, NOTE_NEXT, text, (size_t)n);
  if (rc == SL_OK) b->next_noted = b->next;
  return rc;
}

int32_t fetch_book_note(fetch_book *b, sl_ctx *ctx, const fetch_file *f, const fetch_part *p) {
  char key[32], mark[33], text[NOTE_MAX];
  if (!b->resume) return SL_OK;
  note_key(key, p->base);
  put_hex(mark, f->mark);
  int flags = p->done | p->single << 1 | f->lines << 2 | f->open << 3 | f->stuck << 4;
  int n = snprintf(text, sizeof text,
                   "1 %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %d %" PRIu64 " %" PRIu64 " %" PRIu64
                   " %" PRId64 " %" PRId64 " %d %" PRIu32 " %s %s",
                   p->base, f->id, p->start, p->end, p->last, flags, f->dev, f->ino, f->size, f->mtime, f->revision,
                   f->failed, f->settings, mark, f->path);
  if (n < 0 || (size_t)n >= sizeof text) return SL_ELIMIT;
  return b->resume->put(ctx, key, text, (size_t)n);
}

/* The next number of a note; *at moves behind it and the space. */
static int next_number(const char **at, int64_t *ret) {
  char *end;
  *ret = (int64_t)(**at == '-' ? (uint64_t)strtoll(*at, &end, 10) : strtoull(*at, &end, 10));
  if (end == *at || *end != ' ') return -1;
  *at = end + 1;
  return 0;
}

static int get_hex(const char *text, unsigned char mark[16]) {
  for (int i = 0; i < 16; i++) {
    unsigned v = 0;
    for (int k = 0; k < 2; k++) {
      char c = text[2 * i + k];
      if (c >= '0' && c <= '9')
        v = v * 16 + (unsigned)(c - '0');
      else if (c >= 'a' && c <= 'f')
        v = v * 16 + (unsigned)(c - 'a' + 10);
      else
        return -1;
    }
    mark[i] = (unsigned char)v;
  }
  return text[32] == ' ' ? 0 : -1;
}

static void append_part(fetch_file *f, fetch_part *p) {
  if (f->last)
    f->last->next = p;
  else
    f->first = p;
  f->last = p;
}

/* Gives the file another path in the book alone. 0 or -1. */
static int change_path(fetch_book *b, fetch_file *f, const char *path) {
  char *copy = strdup(path);
  if (!copy) return -1;
  unlink_path(b, f);
  free(f->path);
  f->path = copy;
  f->orphan = 0;
  link_path(b, f);
  return 0;
}

/* The file that a note is about. Of two that were at one path the one that was noted last has it; the other was renamed
 * since, and is found again by its inode. NULL when memory is out. */
static fetch_file *file_of_note(fetch_book *b, uint64_t id, const char *path, uint64_t dev, uint64_t ino) {
  fetch_file *there = fetch_book_by_path(b, path), *f = *path_slot(b, path);
  while (f && (f->id != id || strcmp(f->path, path) != 0)) f = f->by_path;
  if (!f) {
    f = *inode_slot(b, dev, ino);
    while (f && (f->id != id || f->dev != dev || f->ino != ino)) f = f->by_inode;
  }
  if (there && there != f) fetch_book_orphan(b, there);
  if (!f) return fetch_book_add(b, path);
  if ((f->orphan || strcmp(f->path, path) != 0) && change_path(b, f, path) < 0) return NULL;
  return f;
}

/* One note into the book. 0, SL_EPARSE or SL_ENOMEM. */
static int32_t read_note(fetch_book *b, const char *text) {
  int64_t v[14];
  unsigned char mark[16];
  const char *at = text;
  for (int i = 0; i < 14; i++)
    if (next_number(&at, &v[i]) < 0) return SL_EPARSE;
  if (v[0] != 1 || strlen(at) < 34 || get_hex(at, mark) < 0) return SL_EPARSE;
  const char *path = at + 33;
  int flags = (int)v[6];
  fetch_file *f = file_of_note(b, (uint64_t)v[2], path, (uint64_t)v[7], (uint64_t)v[8]);
  fetch_part *p = f ? calloc(1, sizeof *p) : NULL;
  if (!p) return SL_ENOMEM;
  for (fetch_part *q = f->first; q; q = q->next)
    if (f->revision != v[11]) q->closed = 1; /* what it was read from is not there any more */
  *p = (fetch_part){.base = (uint64_t)v[1],
                    .start = (uint64_t)v[3],
                    .end = (uint64_t)v[4],
                    .last = (uint64_t)v[5],
                    .done = flags & 1,
                    .single = flags >> 1 & 1,
                    .old = 1};
  append_part(f, p);
  struct stat st = {.st_dev = (dev_t)v[7], .st_ino = (ino_t)v[8], .st_size = (off_t)v[9]};
  fetch_book_identify(b, f, &st);
  f->id = (uint64_t)v[2];
  f->mtime = v[10];
  f->revision = v[11];
  f->failed = (int32_t)v[12];
  f->settings = (uint32_t)v[13];
  f->lines = flags >> 2 & 1;
  f->open = flags >> 3 & 1;
  f->stuck = flags >> 4 & 1;
  memcpy(f->mark, mark, sizeof mark);
  uint64_t behind = p->base + (p->done ? (p->end > p->start ? p->end - p->start : 0) + 1 : FETCH_LEAP);
  if (behind <= p->last) behind = p->last + 1;
  if (b->next < behind) b->next = behind;
  return SL_OK;
}

typedef struct loading {
  fetch_book *book;
  int32_t rc;
} loading;

static int32_t load_one(void *user, const char *key, const sl_bytes *value) {
  loading *l = user;
  char text[NOTE_MAX];
  (void)key;
  l->rc = value->len < sizeof text ? SL_OK : SL_EPARSE;
  if (l->rc == SL_OK) {
    memcpy(text, value->data, value->len);
    text[value->len] = '\0';
    l->rc = read_note(l->book, text);
  }
  return l->rc != SL_OK;
}

int32_t fetch_book_open(fetch_book *b, sl_ctx *ctx, const sl_resume *resume, int32_t track) {
  loading l = {b, SL_OK};
  sl_bytes next;
  b->resume = resume;
  b->track = resume && track;
  b->keeps = resume || track;
  b->next = 1;
  if (grow(b) < 0) return SL_ENOMEM;
  if (!resume) return SL_OK;
  int32_t rc = resume->each(ctx, NOTE_PREFIX, load_one, &l);
  if (rc != SL_OK || l.rc != SL_OK) return rc != SL_OK ? rc : l.rc;
  if (resume->get(ctx, NOTE_NEXT, &next) == SL_OK && next.len < 24) {
    char text[24] = "";
    memcpy(text, next.data, next.len);
    b->next_noted = strtoull(text, NULL, 10);
    if (b->next < b->next_noted) b->next = b->next_noted;
  }
  uint64_t position = resume->position(ctx);
  if (b->next <= position) b->next = position + 1;
  for (uint32_t i = 0; i < b->n_slots; i++)
    for (fetch_file *f = b->paths[i]; f; f = f->by_path)
      for (fetch_part *p = f->first; p; p = p->next) p->closed |= fetch_book_given(b, ctx, p);
  return SL_OK;
}

void fetch_book_close(fetch_book *b) {
  pthread_mutex_lock(b->lock);
  free(b->live);
  b->live = NULL;
  b->n_live = b->cap_live = 0;
  pthread_mutex_unlock(b->lock);
  for (uint32_t i = 0; i < b->n_slots; i++)
    while (b->paths[i]) fetch_book_release(b, b->paths[i]);
  free(b->paths);
  free(b->inodes);
  pthread_mutex_t *lock = b->lock;
  memset(b, 0, sizeof *b);
  b->lock = lock;
}

static int32_t remove_note(fetch_book *b, sl_ctx *ctx, const fetch_part *p) {
  char key[32];
  if (!b->resume) return SL_OK;
  int32_t rc = put_next(b, ctx); /* the highest cursor must not be forgotten with its part */
  note_key(key, p->base);
  return rc != SL_OK ? rc : b->resume->put(ctx, key, NULL, 0);
}

int32_t fetch_book_forget(fetch_book *b, sl_ctx *ctx, fetch_file *f) {
  int32_t rc = SL_OK;
  for (const fetch_part *p = f->first; p && rc == SL_OK; p = p->next) rc = remove_note(b, ctx, p);
  fetch_book_release(b, f);
  return rc;
}

int32_t fetch_book_move(fetch_book *b, sl_ctx *ctx, fetch_file *f, const char *path) {
  int32_t rc = change_path(b, f, path) < 0 ? SL_ENOMEM : SL_OK;
  for (const fetch_part *p = f->first; p && rc == SL_OK; p = p->next) rc = fetch_book_note(b, ctx, f, p);
  return rc;
}

/* ---- parts ------------------------------------------------------------------------------------------------------- */

static int list_live(fetch_book *b, fetch_part *p) {
  int rc = 0;
  pthread_mutex_lock(b->lock);
  if (b->n_live == b->cap_live) {
    uint32_t cap = b->cap_live ? b->cap_live * 2 : 64;
    fetch_part **grown = realloc(b->live, cap * sizeof(fetch_part *));
    if (grown) {
      b->live = grown;
      b->cap_live = cap;
    }
    rc = grown ? 0 : -1;
  }
  if (rc == 0) b->live[b->n_live++] = p;
  pthread_mutex_unlock(b->lock);
  return rc;
}

fetch_part *fetch_book_part(fetch_book *b, fetch_file *f, uint64_t start) {
  fetch_part *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  p->base = b->next++;
  p->start = start;
  if (b->track && list_live(b, p) < 0) {
    free(p);
    return NULL;
  }
  append_part(f, p);
  if (!f->id) f->id = p->base;
  return p;
}

int32_t fetch_book_again(fetch_book *b, fetch_part *p) { return b->track ? list_live(b, p) : 0; }

int32_t fetch_book_stream(fetch_book *b, sl_ctx *ctx, uint64_t *ret) {
  *ret = b->next;
  b->next += FETCH_LEAP;
  return put_next(b, ctx);
}

int32_t fetch_book_given(const fetch_book *b, sl_ctx *ctx, const fetch_part *p) {
  if (!p->done) return 0;
  if (!p->last || b->resume->position(ctx) >= p->last) return 1;
  return p->single && b->resume->given(ctx, p->last);
}

uint64_t fetch_book_reached(const fetch_book *b, sl_ctx *ctx, const fetch_part *p) {
  uint64_t position = b->resume->position(ctx);
  if (position < p->base) return p->start;
  uint64_t at = p->start + (position - p->base);
  return p->done && at > p->end ? p->end : at;
}

void fetch_book_emitted(fetch_book *b, fetch_part *p, uint64_t cursor) {
  if (!b->track) return;
  pthread_mutex_lock(b->lock);
  if (!p->first) p->first = cursor;
  p->top = cursor;
  p->emitted++;
  pthread_mutex_unlock(b->lock);
}

void fetch_book_ended(fetch_book *b, uint64_t cursor) {
  pthread_mutex_lock(b->lock);
  uint32_t from = 0, to = b->n_live; /* the last part that begins at or below the cursor */
  while (from < to) {
    uint32_t mid = from + (to - from) / 2;
    if (b->live[mid]->base <= cursor)
      from = mid + 1;
    else
      to = mid;
  }
  /* What an earlier start gave may still come back. */
  fetch_part *p = from > 0 ? b->live[from - 1] : NULL;
  if (p && p->first && p->first <= cursor && cursor <= p->top) p->ended++;
  pthread_mutex_unlock(b->lock);
}

/* Parts whose documents have all ended leave the list. */
static void close_parts(fetch_book *b) {
  uint32_t n = 0;
  pthread_mutex_lock(b->lock);
  for (uint32_t i = 0; i < b->n_live; i++) {
    fetch_part *p = b->live[i];
    p->closed = p->done && p->ended >= p->emitted;
    if (!p->closed) b->live[n++] = p;
  }
  b->n_live = n;
  pthread_mutex_unlock(b->lock);
}

int32_t fetch_book_tidy(fetch_book *b, sl_ctx *ctx) {
  if (b->track) close_parts(b);
  int all = !b->resume; /* nothing depends on what has ended */
  for (uint32_t i = 0; i < b->n_slots; i++)
    for (fetch_file *f = b->paths[i]; f; f = f->by_path)
      while (f->first && f->first != f->last && (all || f->first->closed)) {
        fetch_part *p = f->first;
        int32_t rc = remove_note(b, ctx, p);
        if (rc != SL_OK) return rc;
        f->first = p->next;
        free(p);
      }
  return SL_OK;
}

int32_t fetch_book_each(fetch_book *b, int32_t (*f)(void *user, fetch_file *file), void *user) {
  for (uint32_t i = 0; i < b->n_slots; i++)
    for (fetch_file *file = b->paths[i], *next; file; file = next) {
      next = file->by_path;
      int32_t rc = f(user, file);
      if (rc != SL_OK) return rc;
    }
  return SL_OK;
}
