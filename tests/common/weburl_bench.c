/* SPDX-License-Identifier: Apache-2.0 */
/* Parses and canonicalises the URLs of a file, one a line, again and again; prints how many a second. By hand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "weburl.h"

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const lane_mem mem = {malloc, free};

/* One URL; the bytes of its key. */
static size_t one(const char *s, size_t n, int with_key) {
  weburl u;
  char *key = NULL;
  size_t len = 0;
  if (weburl_parse(&u, &mem, s, n, NULL, NULL) != 0) return 0;
  if (with_key && weburl_canonical(&u, NULL, &key, &len) == 0) free(key);
  weburl_free(&u);
  return len + 1;
}

static void measure(const char *what, const char *text, size_t n, int with_key) {
  size_t urls = 0, sum = 0, bytes = 0;
  double from = now(), took = 0;
  while (took < 1) {
    for (size_t i = 0; i < n;) {
      size_t len = strcspn(text + i, "\n");
      sum += one(text + i, len, with_key);
      bytes += len;
      urls++;
      i += len + 1;
    }
    took = now() - from;
  }
  printf("%s: %.0f URLs a second, %.1f MB a second (%zu)\n", what, (double)urls / took, (double)bytes / took / 1e6,
         sum % 10);
}

int main(int argc, char **argv) {
  static char text[4 << 20];
  FILE *f = argc > 1 ? fopen(argv[1], "rb") : stdin;
  if (!f) return 1;
  size_t n = fread(text, 1, sizeof text - 1, f);
  (void)fclose(f);
  measure("parse", text, n, 0);
  measure("parse and canonical", text, n, 1);
  for (size_t len = 1024; len <= WEBURL_MAX; len *= 4) {
    char *big = malloc(len);
    if (!big) return 1;
    for (size_t i = 0; i < len; i++) big[i] = "p=%41&"[i % 6];
    memcpy(big, "http://a.example/?", 18);
    size_t times = 64 * 1024 * 1024 / len / 16;
    double from = now();
    for (size_t i = 0; i < times; i++) (void)one(big, len, 1);
    printf("one URL of %zu bytes: %.1f MB a second\n", len, (double)(times * len) / (now() - from) / 1e6);
    free(big);
  }
  return 0;
}
