/* SPDX-License-Identifier: Apache-2.0 */
/* URLs in their order. */
#include "lines.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../common/sha256.h"

int fetch_lines_open(fetch_lines *l, const sl_list *urls, const char *path, uint64_t at) {
  *l = (fetch_lines){.urls = urls, .path = path, .base = urls->count, .at = at};
  if (!path) return 0;
  l->file = fopen(path, "re");
  if (!l->file) return SL_EIO;
  if (at > l->base && fseeko(l->file, (off_t)(at - l->base), SEEK_SET)) {
    fetch_lines_close(l);
    return SL_EIO;
  }
  return 0;
}

void fetch_lines_close(fetch_lines *l) {
  if (l->file) fclose(l->file);
  free(l->line);
  l->file = NULL;
  l->line = NULL;
  l->cap = 0;
}

/* One line of the file, up to its limit; the rest of a longer one is passed over. Bytes taken, 0 at the end. */
static int64_t read_line(fetch_lines *l, size_t *ret_len) {
  int64_t taken = 0;
  int c;
  *ret_len = 0;
  if (!l->line && !(l->line = malloc(FETCH_LINE_MAX + 1))) return SL_ENOMEM;
  while ((c = getc_unlocked(l->file)) != EOF) {
    taken++;
    if (c == '\n') break;
    if (*ret_len < FETCH_LINE_MAX) l->line[(*ret_len)++] = c ? (char)c : ' ';
  }
  l->line[*ret_len] = '\0';
  return ferror(l->file) ? SL_EIO : taken;
}

static const char *trim(char *line, size_t len, uint64_t taken_from) {
  if (taken_from == 0 && len >= 3 && memcmp(line, "\xEF\xBB\xBF", 3) == 0) {
    line += 3;
    len -= 3;
  }
  while (len > 0 && (unsigned char)line[len - 1] <= ' ') line[--len] = '\0';
  while (*line && (unsigned char)*line <= ' ') line++;
  return line;
}

int fetch_lines_next(fetch_lines *l, const char **ret_url, uint64_t *ret_place) {
  while (l->at < l->base) {
    const char *url = ((const char *const *)l->urls->items)[l->at++];
    if (!*url) continue;
    *ret_url = url;
    *ret_place = l->at;
    return 1;
  }
  while (l->file) {
    size_t len;
    uint64_t from = l->at - l->base;
    int64_t taken = read_line(l, &len);
    if (taken < 0) return (int)taken;
    if (taken == 0) return 0;
    l->at += (uint64_t)taken;
    const char *url = trim(l->line, len, from);
    if (!*url || *url == '#') continue;
    *ret_url = url;
    *ret_place = l->at;
    return 1;
  }
  return 0;
}

int fetch_lines_back(fetch_lines *l, uint64_t at) {
  l->at = at;
  if (!l->file) return 0;
  return fseeko(l->file, at > l->base ? (off_t)(at - l->base) : 0, SEEK_SET) ? SL_EIO : 0;
}

void fetch_lines_mark(const sl_list *urls, const char *path, const char *of, char mark[128]) {
  const char *const *items = urls->items;
  char hex[65] = "", all[65 * 2 + 1];
  unsigned long long inode = 0, size = 0, old_inode = 0, old_size = 0;
  char old_hex[17] = "";
  struct stat st;
  for (uint32_t i = 0; i < urls->count; i++) { /* a hash of the hash before and the next URL's */
    char one[65];
    sha256_hex(items[i], strlen(items[i]), one);
    snprintf(all, sizeof all, "%s%s", hex, one);
    sha256_hex(all, strlen(all), hex);
  }
  if (path && stat(path, &st) == 0) {
    inode = (unsigned long long)st.st_ino;
    size = (unsigned long long)st.st_size;
  }
  /* A file that has grown is the same. */
  if (of && sscanf(of, "%llu %llu %16s", &old_inode, &old_size, old_hex) >= 2 && old_inode == inode &&
      old_size <= size && strncmp(old_hex, hex, 16) == 0)
    size = old_size;
  snprintf(mark, 128, "%llu %llu %.16s", inode, size, hex);
}
