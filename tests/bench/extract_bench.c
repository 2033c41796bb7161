/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The speed of extract by hand: extract_bench FILE…, plain texts. Annotates them one by one, as one text of 10 MB, and
 * one by one with the JSON of the annotations; best of several rounds, CPU time of the thread. With `--once` one round
 * of 1 MB, to be counted by callgrind.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>
#include <sluice/plugin.h>

#include "annot.h"
#include "output.h"

#define WHAT (EX_RUN_DIRECTIVES | EX_RUN_QUOTES)

typedef struct text {
  char *s;
  size_t n;
} text;

static double cpu(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static text read_text(const char *path) {
  text t = {NULL, 0};
  FILE *f = fopen(path, "rb");
  if (!f || fseek(f, 0, SEEK_END) != 0) {
    fprintf(stderr, "%s: cannot be read\n", path);
    exit(1);
  }
  long n = ftell(f);
  rewind(f);
  t.s = malloc((size_t)n + 1);
  if (!t.s) exit(1);
  t.n = fread(t.s, 1, (size_t)n, f);
  t.s[t.n] = '\0';
  fclose(f);
  return t;
}

typedef struct job {
  const text *texts;
  size_t n, bytes; /* again and again until so many were read */
  int json, rounds;
} job;

/* Seconds of one round; *ret_found: what was found. */
static double run(ex_doc *doc, const job *j, size_t *ret_read, uint64_t *ret_found) {
  double start = cpu();
  *ret_read = *ret_found = 0;
  for (size_t i = 0; *ret_read < j->bytes; i = (i + 1) % j->n) {
    if (ex_annotate(doc, j->texts[i].s, j->texts[i].n, NULL, 0, "2025-08-21", WHAT) != 0) exit(1);
    *ret_read += j->texts[i].n;
    *ret_found += doc->order.n + doc->directives.n + doc->quotes.n;
    if (!j->json) continue;
    cJSON *out[4];
    if (ex_output(doc, EX_ALL_TYPES, &out[0], &out[1], &out[2], &out[3]) != 0) exit(1);
    for (int k = 0; k < 4; k++) cJSON_Delete(out[k]);
  }
  return cpu() - start;
}

static void row(ex_doc *doc, const char *name, const job *j) {
  double best = 0;
  size_t read = 0;
  uint64_t found = 0;
  for (int k = 0; k < j->rounds; k++) {
    double took = run(doc, j, &read, &found);
    if ((double)read / took > best) best = (double)read / took;
  }
  printf("%-34s %8.2f MB  %6.1f MB/s  %llu found\n", name, (double)read / 1e6, best / 1e6, (unsigned long long)found);
}

/* All texts one behind the other, until there are `bytes`. */
static text joined(const text *texts, size_t n, size_t bytes) {
  text all = {malloc(bytes + 1), 0};
  for (size_t i = 0; all.s && all.n + texts[i].n + 1 <= bytes; i = (i + 1) % n) {
    memcpy(all.s + all.n, texts[i].s, texts[i].n);
    all.n += texts[i].n;
    all.s[all.n++] = '\n';
  }
  if (!all.s) exit(1);
  all.s[all.n] = '\0';
  return all;
}

int main(int argc, char **argv) {
  int once = argc > 1 && strcmp(argv[1], "--once") == 0, first = 1 + once;
  if (argc <= first) {
    fprintf(stderr, "usage: extract_bench [--once] FILE...\n");
    return 2;
  }
  size_t n = (size_t)(argc - first);
  text *texts = calloc(n, sizeof(*texts));
  char msg[512];
  ex_lex *lex = ex_lex_new();
  if (!texts || !lex || ex_lex_read_builtin(lex, msg, sizeof(msg)) != 0) return 1;
  for (size_t i = 0; i < n; i++) texts[i] = read_text(argv[first + (int)i]);
  ex_doc doc;
  ex_doc_init(&doc, lex);
  if (once) {
    row(&doc, "texts one by one, with JSON", &(job){texts, n, 1000000, 1, 1});
  } else {
    text all = joined(texts, n, 10000000);
    row(&doc, "texts one by one", &(job){texts, n, 10000000, 0, 8});
    row(&doc, "one text of 10 MB", &(job){&all, 1, all.n, 0, 8});
    row(&doc, "texts one by one, with JSON", &(job){texts, n, 10000000, 1, 8});
    free(all.s);
  }
  ex_doc_done(&doc);
  ex_lex_free(lex);
  for (size_t i = 0; i < n; i++) free(texts[i].s);
  free(texts);
  return 0;
}
