/* SPDX-License-Identifier: Apache-2.0 */
/* fetch_sitemap on foreign bytes: decompression, encodings, entries. What is compressed must read as what it was made
 * from. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "sitemap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const lane_mem memory = {malloc, free};

static int take(void *user, const sitemap_entry *e) {
  uint64_t *hash = user;
  const char *all[] = {e->loc, e->lastmod, e->title, e->date, e->language, e->publication, e->keywords};
  if (!e->loc || !*e->loc) abort();
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    for (const char *c = all[i] ? all[i] : "-"; *c; c++) *hash = (*hash ^ (unsigned char)*c) * 1099511628211u;
  return 0;
}

static uint64_t entries(const char *s, size_t n) {
  const sitemap_limits limits = {1000, 1u << 20};
  uint64_t hash = 14695981039346656037u;
  sitemap *m = sitemap_new(&memory, &limits, take, &hash);
  if (!m) return 0;
  sitemap_open(m, s, n, "text/xml");
  while (sitemap_step(m) == 1) {
  }
  if (sitemap_count(m) > limits.entries) abort();
  sitemap_free(m);
  return hash;
}

static size_t zip(const uint8_t *data, size_t n, char *out, size_t cap) {
  z_stream z = {0};
  if (deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) abort();
  z.next_in = (Bytef *)(uintptr_t)data;
  z.avail_in = (uInt)n;
  z.next_out = (Bytef *)out;
  z.avail_out = (uInt)cap;
  int rc = deflate(&z, Z_FINISH);
  deflateEnd(&z);
  return rc == Z_STREAM_END ? z.total_out : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static char zipped[1 << 16];
  uint64_t plain = entries((const char *)data, size);
  size_t n =
      size < 30000 && !(size > 1 && data[0] == 0x1f && data[1] == 0x8b) ? zip(data, size, zipped, sizeof zipped) : 0;
  if (n && entries(zipped, n) != plain) abort();
  if (size > 4) (void)sitemap_match("*a?b*", "https://a.example/xaxb");
  return 0;
}
