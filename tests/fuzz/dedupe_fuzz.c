/* SPDX-License-Identifier: Apache-2.0 */
/* Sketches of any bytes: white space and letter case change nothing, a text is like itself, and an index of few slots
 * answers what it was given. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static dd_sketch sketch(const char *s, size_t n, const char *t, size_t m) {
  dd_sketcher k;
  dd_sketch out;
  dd_sketch_begin(&k);
  dd_sketch_add(&k, s, n);
  dd_sketch_add(&k, t, m);
  dd_sketch_end(&k, &out);
  return out;
}

/* The same with ASCII letters turned round and spaces doubled. */
static void check_folding(const char *s, size_t n, const dd_sketch *want) {
  char *t = malloc(2 * n + 1);
  size_t m = 0;
  if (!t) abort();
  for (size_t i = 0; i < n; i++) {
    char c = s[i];
    if (c == ' ') t[m++] = '\n';
    t[m++] = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ? (char)(c ^ 32) : c;
  }
  dd_sketch got = sketch(t, m, "", 0);
  if (memcmp(&got, want, sizeof got) != 0) abort();
  free(t);
}

/* Each line is a document; the window is five. */
static void check_index(const char *s, size_t n) {
  lane_mem mem = {malloc, free};
  dd_index x;
  uint32_t i = 0;
  dd_index_init(&x, &mem, 5);
  for (size_t at = 0; at < n && i < 100; i++) {
    const char *end = memchr(s + at, '\n', n - at);
    size_t len = end ? (size_t)(end - s) - at : n - at;
    dd_sketch k = sketch(s + at, len, "", 0);
    dd_entry e = {.time = 1, .seq = i, .has_sig = k.has_sig};
    double similarity;
    memcpy(e.hash, k.hash, DD_HASH);
    dd_hash((const char *)&i, sizeof i, e.who);
    if (dd_index_put(&x, i % 5, &e, k.sig) != 0) abort();
    if (dd_index_who(&x, e.who) != i % 5 || dd_index_hash(&x, e.hash) == DD_NONE) abort();
    dd_search q = {k.sig, 1, 0, UINT64_MAX};
    if (k.has_sig && dd_index_like(&x, &q, &similarity) == DD_NONE) abort();
    if (i % 7 == 3) dd_index_remove(&x, i % 5);
    at += len + 1;
  }
  dd_index_done(&x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  const char *s = (const char *)data;
  dd_sketch whole = sketch(s, len, "", 0);
  if (whole.has_sig != (whole.words >= DD_RUN)) abort();
  if (whole.has_sig && dd_similarity(whole.sig, whole.sig) < 1) abort();
  check_folding(s, len, &whole);
  check_index(s, len);
  return 0;
}
