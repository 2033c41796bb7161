/* SPDX-License-Identifier: Apache-2.0 */
/* dict_compile OUT LIST…: compiles lists of words to the block that segment carries (data/words.bin). */
#include <stdio.h>
#include <stdlib.h>

#include "dict_build.h"

static char *read_all(const char *path, size_t *ret_n) {
  FILE *f = fopen(path, "rb");
  if (!f) return NULL;
  size_t n = 0, cap = 1 << 16;
  char *buf = malloc(cap);
  while (buf) {
    size_t got = fread(buf + n, 1, cap - n, f);
    n += got;
    if (n < cap) break;
    char *more = realloc(buf, cap *= 2);
    if (!more) free(buf);
    buf = more;
  }
  fclose(f);
  *ret_n = n;
  return buf;
}

static int fail(const char *what, const char *path) {
  fprintf(stderr, "dict_compile: %s: %s\n", what, path);
  return 1;
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: dict_compile OUT LIST...\n");
    return 2;
  }
  lane_mem mem = {malloc, free};
  seg_build b;
  seg_build_init(&b, &mem);
  for (int i = 2; i < argc; i++) {
    size_t n = 0;
    char *text = read_all(argv[i], &n);
    if (!text) return fail("cannot read", argv[i]);
    if (seg_build_list(&b, text, n) != 0) return fail("memory is out", argv[i]);
    free(text);
  }
  void *block = NULL;
  size_t size = 0;
  if (seg_build_block(&b, &block, &size) != 0) return fail("the lists are too large", argv[1]);
  seg_dict d;
  const char *wrong = seg_dict_open(&d, block, size);
  if (wrong) return fail(wrong, argv[1]);
  FILE *f = fopen(argv[1], "wb");
  if (!f || fwrite(block, 1, size, f) != size || fclose(f) != 0) return fail("cannot write", argv[1]);
  printf("%s: %u words, %u syllables, %u nodes, %zu bytes; %zu lines were no words\n", argv[1], d.head->n_words,
         d.head->n_syllables, d.head->n_nodes, size, b.skipped);
  free(block);
  seg_build_done(&b);
  return 0;
}
