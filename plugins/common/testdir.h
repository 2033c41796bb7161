/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of its own for each test: files written and read whole, and removed at the end. For tests only; aborts on
 * failure. */
#ifndef SLUICE_PLUGINS_TESTDIR_H
#define SLUICE_PLUGINS_TESTDIR_H

#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct testdir {
  char path[128];
} testdir;

static inline void testdir_fail(const char *what, const char *path) {
  fprintf(stderr, "testdir: %s: ", what);
  perror(path);
  abort();
}

static inline testdir testdir_new(void) {
  testdir d;
  const char *tmp = getenv("TMPDIR");
  snprintf(d.path, sizeof d.path, "%.100s/sluice-XXXXXX", tmp && *tmp ? tmp : "/tmp");
  if (!mkdtemp(d.path)) testdir_fail("cannot make", d.path);
  return d;
}

static inline int testdir_drop(const char *path, const struct stat *st, int type, struct FTW *at) {
  (void)st;
  (void)type;
  (void)at;
  return remove(path);
}

static inline void testdir_free(testdir *d) { nftw(d->path, testdir_drop, 16, FTW_DEPTH | FTW_PHYS); }

/* A path in the folder; eight of them are valid at a time. */
static inline const char *testdir_path(const testdir *d, const char *name) {
  static char paths[8][512];
  static int turn;
  char *out = paths[turn++ % 8];
  snprintf(out, sizeof paths[0], "%s/%s", d->path, name);
  return out;
}

static inline const char *testdir_put(const testdir *d, const char *name, const void *data, size_t len) {
  const char *path = testdir_path(d, name);
  FILE *f = fopen(path, "wb");
  if (!f || fwrite(data, 1, len, f) != len || fclose(f) != 0) testdir_fail("cannot write", path);
  return path;
}

static inline const char *testdir_write(const testdir *d, const char *name, const char *text) {
  return testdir_put(d, name, text, strlen(text));
}

static inline void testdir_mkdir(const testdir *d, const char *name) {
  if (mkdir(testdir_path(d, name), 0777) < 0) testdir_fail("cannot make", name);
}

/* The file's content with a NUL behind it [own: free]; NULL if it is not there. */
static inline char *testdir_read(const testdir *d, const char *name, size_t *ret_len) {
  const char *path = testdir_path(d, name);
  FILE *f = fopen(path, "rb");
  if (!f) return NULL;
  fseek(f, 0, SEEK_END);
  long size = ftell(f);
  rewind(f);
  char *data = malloc((size_t)size + 1);
  if (!data || fread(data, 1, (size_t)size, f) != (size_t)size) testdir_fail("cannot read", path);
  fclose(f);
  data[size] = '\0';
  if (ret_len) *ret_len = (size_t)size;
  return data;
}

static inline int testdir_has(const testdir *d, const char *name) { return access(testdir_path(d, name), F_OK) == 0; }

/* printf into one of four buffers. */
__attribute__((format(printf, 1, 2))) static inline const char *testdir_text(const char *format, ...) {
  static char texts[4][2048];
  static int turn;
  char *out = texts[turn++ % 4];
  va_list args;
  va_start(args, format);
  vsnprintf(out, sizeof texts[0], format, args);
  va_end(args);
  return out;
}

#endif
