/* SPDX-License-Identifier: Apache-2.0 */
/* The articles of a page: table, journal, page file. */
#include "book.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sluice/plugin.h>

#include "../common/outfile.h"

#define BEGIN "<!-- sluice-page 1 -->\n"
#define FINISH "<!-- sluice-page end -->\n"

static int32_t say(book_error *err, int32_t code, const char *message, const char *detail, const char *hint) {
  err->code = code;
  snprintf(err->message, sizeof err->message, "%s", message);
  snprintf(err->detail, sizeof err->detail, "%s", detail ? detail : "");
  err->hint = hint;
  return code;
}

static int32_t no_memory(book_error *err) {
  return say(err, SL_ENOMEM, "memory is out for the articles of the page", NULL, "write fewer articles to one page");
}

static int32_t say_errno(book_error *err, const char *what, const char *path) {
  char message[192];
  const char *hint = errno == ENOSPC || errno == EDQUOT ? "free some space on the disk: it is tried again"
                                                        : "check the path, the owner and the rights";
  snprintf(message, sizeof message, "%s: %s", what, strerror(errno));
  return say(err, errno == EACCES || errno == EPERM || errno == EROFS ? SL_EPERM : SL_EIO, message, path, hint);
}

/* ---- the table ----------------------------------------------------------------------------------------------------
 */

static uint64_t hash(const char *key) {
  uint64_t h = UINT64_C(0xCBF29CE484222325);
  for (; *key; key++) h = (h ^ (unsigned char)*key) * UINT64_C(0x100000001B3);
  return h ^ h >> 29;
}

/* The slot of key: that of its entry, or the empty one where it belongs. */
static size_t slot_of(const book *b, const char *key) {
  size_t slot = (size_t)hash(key) & (b->n_slots - 1);
  while (b->slots[slot] && strcmp(b->entries[b->slots[slot] - 1].key, key) != 0) slot = (slot + 1) & (b->n_slots - 1);
  return slot;
}

static int grow_slots(book *b) {
  size_t want = b->n_slots ? b->n_slots * 2 : 1024;
  uint32_t *slots = calloc(want, sizeof *slots);
  if (!slots) return -1;
  free(b->slots);
  b->slots = slots;
  b->n_slots = want;
  for (size_t i = 0; i < b->n; i++) b->slots[slot_of(b, b->entries[i].key)] = (uint32_t)i + 1;
  return 0;
}

/* Room for one more entry. */
static int make_room(book *b) {
  if (b->n * 2 >= b->n_slots && grow_slots(b) != 0) return -1;
  if (b->n < b->cap) return 0;
  size_t cap = b->cap ? b->cap * 2 : 256;
  if (cap > UINT32_MAX / 2) return -1;
  book_entry *grown = realloc(b->entries, cap * sizeof *grown);
  if (!grown) return -1;
  b->entries = grown;
  b->cap = cap;
  return 0;
}

/* Puts a copy of a block under its key. */
static int put(book *b, const char *block, size_t len) {
  char *key = page_key_of(block, len), *copy = malloc(len);
  if (!key || !copy || make_room(b) != 0) {
    free(key);
    free(copy);
    return -1;
  }
  memcpy(copy, block, len);
  size_t slot = slot_of(b, key);
  if (b->slots[slot] == 0) {
    b->entries[b->n] = (book_entry){.key = key};
    b->slots[slot] = (uint32_t)++b->n;
  } else {
    free(key);
  }
  book_entry *e = &b->entries[b->slots[slot] - 1];
  b->bytes = b->bytes - e->len + len;
  free(e->block);
  e->block = copy;
  e->len = len;
  return 0;
}

size_t book_size_with(const book *b, const char *key, size_t len) {
  size_t slot = b->n_slots ? slot_of(b, key) : 0;
  size_t old = b->n_slots && b->slots[slot] ? b->entries[b->slots[slot] - 1].len : 0;
  return b->bytes - old + len;
}

/* ---- reading ------------------------------------------------------------------------------------------------------
 */

/* Length of the line at data, with its end; 0 if it has none. */
static size_t line_at(const char *data, size_t len) {
  const char *end = len ? memchr(data, '\n', len) : NULL;
  return end ? (size_t)(end - data) + 1 : 0;
}

/* Length of the block at data, 0 if there is no whole one. */
static size_t block_at(const char *data, size_t len) {
  size_t rows = line_at(data, len);
  size_t text = rows && page_is_rows(data, rows) ? line_at(data + rows, len - rows) : 0;
  return text && page_is_text(data + rows, text) ? rows + text : 0;
}

/* Takes the blocks at the beginning of data; *ret_used: how far they go. */
static int32_t take_blocks(book *b, const char *data, size_t len, size_t *ret_used, book_error *err) {
  size_t at = 0;
  for (size_t n; (n = block_at(data + at, len - at)) != 0; at += n)
    if (put(b, data + at, n) != 0) return no_memory(err);
  *ret_used = at;
  return SL_OK;
}

/* All of a file, [own: free]. *ret is NULL if there is none. */
static int32_t read_all(const char *path, int fd, char **ret, size_t *ret_len, book_error *err) {
  struct stat st;
  *ret = NULL;
  *ret_len = 0;
  if (fstat(fd, &st) != 0) return say_errno(err, "the file cannot be read", path);
  if (!S_ISREG(st.st_mode)) return say(err, SL_EINVAL, "expected a plain file", path, "name another path");
  char *data = malloc((size_t)st.st_size + 1);
  if (!data) return no_memory(err);
  size_t len = 0;
  while (len < (size_t)st.st_size) {
    ssize_t n = pread(fd, data + len, (size_t)st.st_size - len, (off_t)len);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      free(data);
      return say_errno(err, "the file cannot be read", path);
    }
    if (n == 0) break;
    len += (size_t)n;
  }
  data[len] = '\0';
  *ret = data;
  *ret_len = len;
  return SL_OK;
}

static int32_t read_page(book *b, book_error *err) {
  char *data;
  size_t len, used = 0;
  int fd = open(b->path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT ? SL_OK : say_errno(err, "the page cannot be read", b->path);
  int32_t rc = read_all(b->path, fd, &data, &len, err);
  close(fd);
  if (rc != SL_OK || len == 0) {
    free(data);
    return rc;
  }
  const char *begin = memmem(data, len, BEGIN, sizeof BEGIN - 1);
  if (begin) {
    begin += sizeof BEGIN - 1;
    begin += line_at(begin, len - (size_t)(begin - data)); /* what the page says about itself */
    size_t rest = len - (size_t)(begin - data);
    rc = take_blocks(b, begin, rest, &used, err);
    if (rc == SL_OK && (rest - used < sizeof FINISH - 1 || memcmp(begin + used, FINISH, sizeof FINISH - 1) != 0))
      begin = NULL;
  }
  if (rc == SL_OK && !begin)
    rc = say(err, SL_EEXIST, "expected a page of this stage or no file, found something else", b->path,
             "name another path, move the file away, or set mode: replace");
  free(data);
  return rc;
}

/* The whole blocks of the journal; what a crash left behind them is cut off. */
static int32_t read_journal(book *b, book_error *err) {
  char *data;
  size_t len, used = 0;
  int32_t rc = read_all(b->part, b->fd, &data, &len, err);
  if (rc == SL_OK) rc = take_blocks(b, data, len, &used, err);
  free(data);
  if (rc != SL_OK) return rc;
  if (used < len && ftruncate(b->fd, (off_t)used) != 0) return say_errno(err, "the journal cannot be cut", b->part);
  b->journal = (int64_t)used;
  b->dirty |= used > 0;
  return SL_OK;
}

/* Opens and locks the journal. One that was removed between the two calls is opened again. */
static int32_t lock_journal(book *b, book_error *err) {
  for (int tries = 0; tries < 100; tries++) {
    struct stat st;
    int fd = open(b->part, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) return say_errno(err, "the journal of the page cannot be opened", b->part);
    b->fd = fd;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
      return say(err, SL_EEXIST, "another process or stage writes this page", b->path,
                 "name another path, or wait until it has ended");
    if (fstat(fd, &st) == 0 && st.st_nlink > 0) return SL_OK;
    close(fd);
    b->fd = -1;
  }
  return say(err, SL_EEXIST, "other processes write this page again and again", b->path, "name another path");
}

static char *with_ending(const char *path, const char *ending) {
  size_t n = strlen(path), m = strlen(ending) + 1;
  char *out = malloc(n + m);
  if (!out) return NULL;
  memcpy(out, path, n);
  memcpy(out + n, ending, m);
  return out;
}

int32_t book_open(book *b, const char *path, int fresh, book_error *err) {
  b->fd = -1;
  b->path = with_ending(path, "");
  b->part = with_ending(path, ".part");
  b->tmp = with_ending(path, ".tmp");
  if (!b->path || !b->part || !b->tmp) return no_memory(err);
  if (outfile_make_parents(path) != 0) return say_errno(err, "the folder of the page cannot be made", path);
  int32_t rc = lock_journal(b, err);
  if (rc != SL_OK) return rc;
  /* Where nothing new comes, the old page stays. */
  b->dirty = access(b->path, F_OK) != 0;
  if (fresh) return ftruncate(b->fd, 0) == 0 ? SL_OK : say_errno(err, "the journal cannot be cut", b->part);
  rc = read_page(b, err);
  return rc == SL_OK ? read_journal(b, err) : rc;
}

/* ---- writing ------------------------------------------------------------------------------------------------------
 */

static int write_at(int fd, const char *data, size_t len, int64_t at) {
  while (len) {
    ssize_t n = pwrite(fd, data, len, (off_t)at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    data += n;
    at += n;
    len -= (size_t)n;
  }
  return 0;
}

int32_t book_add(book *b, const char *data, size_t len, book_error *err) {
  size_t used;
  if (len == 0) return SL_OK;
  int32_t rc = SL_OK;
  if (write_at(b->fd, data, len, b->journal) != 0)
    rc = say_errno(err, "the journal of the page cannot be written", b->part);
  if (rc == SL_OK) rc = take_blocks(b, data, len, &used, err);
  if (rc == SL_OK) {
    b->journal += (int64_t)len;
    b->dirty = 1;
  } else if (ftruncate(b->fd, (off_t)b->journal) != 0) {
    return say_errno(err, "the journal of the page cannot be cut", b->part);
  }
  return rc;
}

/* Writes to a stream; nothing is done once it has failed. */
static void put_out(FILE *out, const char *data, size_t len) {
  if (len && !ferror(out)) fwrite(data, 1, len, out);
}

/* Makes the renaming of path durable. */
static void sync_folder(const char *path) {
  char folder[4096];
  const char *slash = strrchr(path, '/');
  snprintf(folder, sizeof folder, "%.*s", slash && slash > path ? (int)(slash - path) : 1, slash ? path : ".");
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  (void)fsync(fd); /* some file systems cannot */
  close(fd);
}

int32_t book_render(book *b, const page_buf *head, const page_buf *tail, book_error *err) {
  FILE *out = fopen(b->tmp, "we");
  if (!out) return say_errno(err, "the page cannot be written", b->tmp);
  put_out(out, head->data, head->len);
  for (size_t i = 0; i < b->n; i++) put_out(out, b->entries[i].block, b->entries[i].len);
  put_out(out, tail->data, tail->len);
  int bad = ferror(out) || fflush(out) != 0 || fsync(fileno(out)) != 0;
  int why = errno;
  bad |= fclose(out) != 0;
  errno = why ? why : EIO;
  if (!bad && rename(b->tmp, b->path) == 0) {
    b->dirty = 0;
    sync_folder(b->path);
    if (ftruncate(b->fd, 0) == 0) b->journal = 0;
    return SL_OK;
  }
  int32_t rc = say_errno(err, "the page cannot be written", b->path);
  unlink(b->tmp);
  return rc;
}

void book_close(book *b) {
  if (b->fd > 0) {
    if (b->journal == 0 && b->part && !b->dirty) unlink(b->part);
    close(b->fd);
  }
  for (size_t i = 0; i < b->n; i++) {
    free(b->entries[i].key);
    free(b->entries[i].block);
  }
  free(b->entries);
  free(b->slots);
  free(b->path);
  free(b->part);
  free(b->tmp);
  memset(b, 0, sizeof *b);
  b->fd = -1;
}
