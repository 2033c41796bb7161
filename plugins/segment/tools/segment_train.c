/* SPDX-License-Identifier: Apache-2.0 */
/* segment-train: trains and measures models of the stage `segment`. See plugins/segment/README.md. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "segment.h"
#include "train.h"

#define MAX_FILES 64

static const lane_mem heap = {malloc, free};

typedef struct arguments {
  const char *out, *model;
  const char *treebanks[MAX_FILES], *lists[MAX_FILES];
  size_t n_treebanks, n_lists;
  seg_train_options options;
  unsigned folds;
  bool contiguous, eval, bench;
} arguments;

static const char usage[] =
    "usage: segment-train -o MODEL -t TREEBANK... -w WORDS...      trains a model\n"
    "       segment-train --eval -m MODEL -t TREEBANK...           measures one\n"
    "       segment-train --folds K -t TREEBANK... -w WORDS...     trains K times without a part, measures on it\n"
    "       segment-train --bench -m MODEL -t TREEBANK...          syllables per second of CPU time, best of five\n"
    "\n"
    "  -t, --treebank FILE   CoNLL-U; may be given several times\n"
    "  -w, --words FILE      words, one a line; ! before a word leaves it out; may be given several times\n"
    "  -o, --out FILE        where the model is written\n"
    "  -m, --model FILE      the model to measure\n"
    "      --contiguous      parts are runs of neighbouring sentences (default: every K-th sentence)\n"
    "      --passes N        over the data (default 5)\n"
    "      --runs N          in different orders, summed (default 15)\n"
    "      --bits N          2^N weights (default 16)\n"
    "      --seed N          of the orders (default 1)\n";

static int fail(const char *what, const char *path) {
  fprintf(stderr, "segment-train: %s: %s\n", path, what);
  return 1;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static char *read_all(const char *path, size_t *ret_n) {
  FILE *f = fopen(path, "rbe");
  if (!f) return NULL;
  size_t n = 0, cap = 1 << 16;
  char *buf = malloc(cap);
  while (buf) {
    n += fread(buf + n, 1, cap - n, f);
    if (n < cap) break;
    char *more = realloc(buf, cap *= 2);
    if (!more) free(buf);
    buf = more;
  }
  bool bad = ferror(f) != 0;
  fclose(f);
  if (bad) free(buf);
  *ret_n = n;
  return bad ? NULL : buf;
}

static int read_treebanks(const arguments *a, seg_treebank *tb) {
  for (size_t i = 0; i < a->n_treebanks; i++) {
    size_t n = 0;
    const char *why = "";
    char *data = read_all(a->treebanks[i], &n);
    if (!data) return fail(errno ? strerror(errno) : "it cannot be read", a->treebanks[i]);
    long line = seg_treebank_add(tb, data, n, &why);
    free(data);
    if (line < 0) return fail("memory is out", a->treebanks[i]);
    if (line > 0) {
      fprintf(stderr, "segment-train: %s:%ld: %s\n", a->treebanks[i], line, why);
      return 1;
    }
  }
  if (tb->sentences.n) return 0;
  fprintf(stderr, "segment-train: no sentences; name a treebank with -t\n");
  return 2;
}

static int read_lists(const arguments *a, seg_word_list *lists) {
  for (size_t i = 0; i < a->n_lists; i++) {
    lists[i].text = read_all(a->lists[i], &lists[i].n);
    if (!lists[i].text) return fail(errno ? strerror(errno) : "it cannot be read", a->lists[i]);
  }
  return 0;
}

/* Written beside its place and renamed: nobody maps half a model. */
static int write_model(const char *path, const void *block, size_t size) {
  size_t n = strlen(path) + 5;
  char *temp = malloc(n);
  if (!temp) return fail("memory is out", path);
  snprintf(temp, n, "%s.new", path);
  FILE *f = fopen(temp, "wbe");
  bool ok = f && fwrite(block, 1, size, f) == size;
  if (f) ok = fclose(f) == 0 && ok;
  if (ok) ok = rename(temp, path) == 0;
  int rc = ok ? 0 : fail(strerror(errno), path);
  if (!ok && f) remove(temp);
  free(temp);
  return rc;
}

/* ---- the three tasks --------------------------------------------------------------------------------------------- */

static void print_score(const char *what, const seg_score *s) {
  printf("%-24s precision %.2f  recall %.2f  F1 %.2f\n", what, 100 * seg_score_precision(s), 100 * seg_score_recall(s),
         100 * seg_score_f1(s));
}

static int train(const arguments *a, const seg_treebank *tb, const seg_word_list *lists) {
  seg_train_data data = {tb, NULL, lists, a->n_lists};
  seg_model m;
  void *block;
  size_t size;
  const char *wrong = seg_train(&heap, &data, &a->options, &block, &size);
  if (wrong) return fail(wrong, a->out);
  int rc = write_model(a->out, block, size);
  if (rc == 0 && !seg_model_open(&m, block, size)) {
    printf("%s: %zu bytes, %u words, %u weights, from %u sentences\n", a->out, size, m.dict.head->n_words,
           1u << m.head->bits, m.head->sentences);
  }
  free(block);
  return rc;
}

static bool in_fold(const arguments *a, const seg_treebank *tb, size_t i, unsigned fold) {
  return (a->contiguous ? i * a->folds / tb->sentences.n : i % a->folds) == fold;
}

/* One fold: trains on the others, measures on it. */
static int fold(const arguments *a, seg_train_data *data, bool *use, unsigned number, seg_score *ret_score) {
  const seg_treebank *tb = data->treebank;
  void *block;
  size_t size;
  seg_model m;
  for (size_t i = 0; i < tb->sentences.n; i++) use[i] = !in_fold(a, tb, i, number);
  data->use = use;
  const char *wrong = seg_train(&heap, data, &a->options, &block, &size);
  if (wrong) return fail(wrong, "fold");
  wrong = seg_model_open(&m, block, size);
  for (size_t i = 0; i < tb->sentences.n; i++) use[i] = !use[i];
  memset(ret_score, 0, sizeof(*ret_score));
  int rc = wrong ? fail(wrong, "fold") : seg_score_words(&heap, &m, tb, use, ret_score);
  free(block);
  return rc;
}

static int cross_validate(const arguments *a, const seg_treebank *tb, const seg_word_list *lists) {
  seg_train_data data = {tb, NULL, lists, a->n_lists};
  bool *use = malloc(tb->sentences.n * sizeof(bool));
  seg_score all = {0, 0, 0};
  double sum = 0;
  int rc = use ? 0 : fail("memory is out", "folds");
  for (unsigned i = 0; rc == 0 && i < a->folds; i++) {
    char name[32];
    seg_score s;
    rc = fold(a, &data, use, i, &s);
    if (rc != 0) break;
    snprintf(name, sizeof(name), "fold %u", i + 1);
    print_score(name, &s);
    sum += seg_score_f1(&s);
    all = (seg_score){all.right + s.right, all.gold + s.gold, all.found + s.found};
  }
  free(use);
  if (rc != 0) return rc;
  print_score("all folds", &all);
  printf("mean F1 of %u folds %.2f\n", a->folds, 100 * sum / a->folds);
  return 0;
}

static int evaluate(const seg_treebank *tb, const seg_model *m) {
  static const size_t per[] = {1, 5, 0};
  static const char *const names[] = {"sentences, one by one", "sentences, five each", "sentences, all in one"};
  seg_score s = {0, 0, 0};
  if (seg_score_words(&heap, m, tb, NULL, &s) != 0) return fail("memory is out", "words");
  print_score("words", &s);
  for (size_t i = 0; i < 3; i++) {
    s = (seg_score){0, 0, 0};
    if (seg_score_sentences(&heap, m, tb, per[i], &s) != 0) return fail("memory is out", "sentences");
    print_score(names[i], &s);
  }
  return 0;
}

static double cpu_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Rounds over the treebank's text for half a second of CPU time; the seconds that one takes, negative when memory is
 * out. */
static double seconds_per_round(segmenter *sg, const seg_treebank *tb, int language) {
  size_t rounds = 0;
  double start = cpu_seconds(), spent = 0;
  while (spent < 0.5) {
    if (segmenter_run(sg, tb->text.items, tb->text.n, language) != 0) return -1;
    rounds++;
    spent = cpu_seconds() - start;
  }
  return spent / (double)rounds;
}

/* Paragraphs, sentences and words, and the same without words of several syllables; the best of five. */
static int bench(const seg_treebank *tb, const seg_model *m) {
  seg_lexicon lex;
  segmenter sg;
  size_t skipped, syllables = 0;
  double whole = 1e9, bare = 1e9;
  if (seg_lexicon_init(&lex, &heap, m, NULL, 0, &skipped) != 0) return fail("memory is out", "bench");
  const char *text = tb->text.items;
  for (size_t i = 1; i < tb->text.n; i++) syllables += text[i] == ' ' && text[i - 1] != ' ';
  segmenter_init(&sg, &lex, SEG_BREAK_AUTO);
  for (unsigned i = 0; i < 5 && whole > 0 && bare > 0; i++) {
    double a = seconds_per_round(&sg, tb, SEG_LANG_VI), b = seconds_per_round(&sg, tb, SEG_LANG_UND);
    whole = a < whole ? a : whole;
    bare = b < bare ? b : bare;
  }
  segmenter_done(&sg);
  seg_lexicon_done(&lex);
  if (whole < 0 || bare < 0) return fail("memory is out", "bench");
  printf("%.2f million syllables, %.1f MB a second of CPU time; %.2f times the time without words\n",
         (double)syllables / whole / 1e6, (double)tb->text.n / whole / 1e6, whole / bare);
  return 0;
}

static int measure(const arguments *a, const seg_treebank *tb) {
  seg_model m;
  int error;
  const char *wrong = seg_model_map(&m, a->model, &error);
  if (wrong) return fail(error ? strerror(error) : wrong, a->model);
  int rc = a->bench ? bench(tb, &m) : evaluate(tb, &m);
  seg_model_unmap(&m);
  return rc;
}

/* ---- arguments --------------------------------------------------------------------------------------------------- */

static bool number(const char *s, uint32_t *ret) {
  char *end;
  errno = 0;
  unsigned long v = strtoul(s, &end, 10);
  if (*s < '0' || *s > '9' || *end || errno || v > UINT32_MAX) return false;
  *ret = (uint32_t)v;
  return true;
}

static bool add_file(const char **files, size_t *n, const char *path) {
  if (*n == MAX_FILES) return false;
  files[(*n)++] = path;
  return true;
}

static bool take(arguments *a, int option, const char *value) {
  switch (option) {
  case 't':
    return add_file(a->treebanks, &a->n_treebanks, value);
  case 'w':
    return add_file(a->lists, &a->n_lists, value);
  case 'o':
    a->out = value;
    return true;
  case 'm':
    a->model = value;
    return true;
  case 'e':
    return a->eval = true;
  case 'b':
    return a->bench = true;
  case 'c':
    return a->contiguous = true;
  case 'k':
    return number(value, &a->folds) && a->folds >= 2 && a->folds <= 1000;
  case 'p':
    return number(value, &a->options.passes);
  case 'r':
    return number(value, &a->options.runs);
  case 'B':
    return number(value, &a->options.bits);
  case 's':
    return number(value, &a->options.seed);
  default:
    return false;
  }
}

static bool parse(arguments *a, int argc, char **argv) {
  static const struct option options[] = {
      {"treebank", required_argument, NULL, 't'},
      {"words", required_argument, NULL, 'w'},
      {"out", required_argument, NULL, 'o'},
      {"model", required_argument, NULL, 'm'},
      {"eval", no_argument, NULL, 'e'},
      {"bench", no_argument, NULL, 'b'},
      {"contiguous", no_argument, NULL, 'c'},
      {"folds", required_argument, NULL, 'k'},
      {"passes", required_argument, NULL, 'p'},
      {"runs", required_argument, NULL, 'r'},
      {"bits", required_argument, NULL, 'B'},
      {"seed", required_argument, NULL, 's'},
      {NULL, 0, NULL, 0},
  };
  for (int c; (c = getopt_long(argc, argv, "t:w:o:m:", options, NULL)) != -1;) {
    if (!take(a, c, optarg)) return false;
  }
  int tasks = (a->out != NULL) + (a->eval || a->bench) + (a->folds > 0);
  return optind == argc && tasks == 1 && (a->eval || a->bench) == (a->model != NULL);
}

int main(int argc, char **argv) {
  arguments a = {.options = SEG_TRAIN_DEFAULTS};
  if (!parse(&a, argc, argv)) {
    fputs(usage, stderr);
    return 2;
  }
  seg_treebank tb;
  seg_word_list lists[MAX_FILES] = {{NULL, 0}};
  seg_treebank_init(&tb, &heap);
  int rc = read_treebanks(&a, &tb);
  if (rc == 0) rc = read_lists(&a, lists);
  if (rc == 0 && a.folds) rc = cross_validate(&a, &tb, lists);
  if (rc == 0 && a.out) rc = train(&a, &tb, lists);
  if (rc == 0 && a.model) rc = measure(&a, &tb);
  for (size_t i = 0; i < a.n_lists; i++) free((char *)(uintptr_t)lists[i].text);
  seg_treebank_done(&tb);
  return rc;
}
