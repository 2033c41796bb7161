/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch_files on foreign bytes: decompression, lines and arrays. The first byte chooses the sizes of reads and chunks;
 * whatever they are, the lines must be the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "reader.h"
#include "records.h"

#define MAX_LINE 100

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const fetch_memory memory = {malloc, free};

static uint64_t mix(uint64_t hash, const void *data, size_t len) {
  const unsigned char *p = data;
  for (size_t i = 0; i < len; i++) hash = (hash ^ p[i]) * 1099511628211u;
  return hash;
}

/* A hash of all lines and of how the stream ended. */
static uint64_t lines(int fd, size_t step, size_t chunk) {
  uint64_t hash = 14695981039346656037u;
  fetch_lines l;
  fetch_line line;
  int kind;
  lseek(fd, 0, SEEK_SET);
  fetch_lines_init(&l, fetch_reader_new(dup(fd), 50, step), &memory, MAX_LINE);
  l.chunk_size = chunk;
  uint64_t last = 0;
  while ((kind = fetch_lines_next(&l, &line)) == FETCH_LINE || kind == FETCH_LINE_LONG) {
    if (line.start < last || line.end < line.start || line.next < line.end) abort();
    last = line.next;
    if (kind == FETCH_LINE_LONG) continue;
    if (line.len > MAX_LINE || line.end - line.start != line.len || memchr(line.data, '\n', line.len)) abort();
    hash = mix(mix(hash, line.data, line.len), &line.start, sizeof line.start);
    fetch_chunk_release(NULL, line.chunk);
  }
  fetch_lines_done(&l);
  return kind == FETCH_LINE_END ? hash : 0;
}

static void elements(const char *text, size_t len) {
  fetch_json j = {.text = text, .len = len, .at = fetch_json_space(text, len, 0)};
  size_t start, n, end = 0;
  if (j.at >= len || text[j.at] != '[') return;
  while (fetch_json_next(&j, &start, &n) == FETCH_JSON_VALUE) {
    if (start < end || start + n > len || n == 0) abort();
    end = start + n;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  int fd = memfd_create("fuzz", MFD_CLOEXEC);
  if (fd < 0 || write(fd, data + 1, size - 1) != (ssize_t)(size - 1)) abort();
  uint64_t whole = lines(fd, 0, FETCH_CHUNK), cut = lines(fd, data[0] % 16, 32u + data[0]);
  if (whole != cut && whole != 0 && cut != 0) abort();
  close(fd);
  elements((const char *)data + 1, size - 1);
  return 0;
}
