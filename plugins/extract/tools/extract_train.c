/* SPDX-License-Identifier: Apache-2.0 */
/*
 * extract-train: learns the weights for runs of capitals that no lexicon explains.
 *
 *   extract-train DATA_FOLDER NAMES.txt > weights.txt
 *
 * The examples are made, not collected: names of the lexicons and of NAMES.txt between words that stand beside such
 * names there. An averaged perceptron reads them in an order that a fixed generator of numbers gives: the same files
 * give the same bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "annot.h"
#include "run.h"

#define EXAMPLES 12000u
#define ROUNDS 5u
#define LIST_MAX 20000u
#define SCALE 24.0 /* of the averaged weights, before they are rounded */

/* Strings of one section. */
struct list {
  char **items;
  unsigned n;
};

enum {
  PERSON,
  SURNAME,
  ORG,
  LOC,
  OTHER,
  BEFORE_PERSON,
  AFTER_PERSON,
  BEFORE_LOC,
  AFTER_LOC,
  BEFORE_ORG,
  AFTER_ORG,
  BEFORE_OTHER,
  AFTER_OTHER,
  FAMILY,
  GIVEN,
  PLACE,
  BODY,
  EVENT,
  LISTS
};

static const char *const sections[LISTS] = {
    "[person]",       "[surname]",    "[org]",       "[loc]",        "[other]",     "[before person]",
    "[after person]", "[before loc]", "[after loc]", "[before org]", "[after org]", "[before other]",
    "[after other]",  "[family]",     "[given]",     "[place]",      "[org] ",      "[event]"};

static struct list lists[LISTS];
static uint64_t state = UINT64_C(0x5DEECE66D);

static unsigned draw(unsigned n) {
  state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (unsigned)((state >> 33) % n);
}

static void die(const char *what, const char *name) {
  fprintf(stderr, "extract-train: %s: %s\n", what, name);
  exit(1);
}

static void keep(struct list *to, const char *s, size_t n) {
  while (n && *s == ' ') {
    s++;
    n--;
  }
  while (n && (s[n - 1] == ' ' || s[n - 1] == '\n' || s[n - 1] == '\r')) n--;
  if (n > 1 && *s == '"') {
    s++;
    n -= 2;
  }
  if (n == 0 || to->n == LIST_MAX) return;
  if (!to->items) to->items = calloc(LIST_MAX, sizeof(char *));
  char *copy = to->items ? strndup(s, n) : NULL;
  if (!copy) die("memory is out", "names");
  to->items[to->n++] = copy;
}

/* Reads the sections from `low` to `high` of a file. In lexicons everything behind | is left out. */
static void read_lists(const char *path, int low, int high) {
  char line[4096];
  int section = -1;
  FILE *f = fopen(path, "rb");
  if (!f) die("cannot be opened", path);
  while (fgets(line, sizeof(line), f)) {
    if (*line == '#' || *line == '\n' || *line == '!') continue;
    if (*line == '[') {
      section = -1;
      for (int k = low; k < high; k++)
        if (strncmp(line, sections[k], strcspn(sections[k], "]") + 1) == 0) section = k;
      continue;
    }
    if (section < 0) continue;
    char *bar = strchr(line, '|');
    if (bar) *bar = '\0';
    for (char *at = line; at;) {
      char *semi = strchr(at, ';');
      keep(&lists[section], at, semi ? (size_t)(semi - at) : strlen(at));
      at = semi ? semi + 1 : NULL;
    }
  }
  fclose(f);
}

static const char *any(int list) { return lists[list].items[draw(lists[list].n)]; }

static void make_name(unsigned cls, char *out, size_t cap) {
  switch (cls) {
  case EX_RUN_PERSON:
    /* One draw a statement: compilers differ in which argument of a call they work out first. */
    if (draw(4) == 0) {
      const char *given = any(GIVEN), *family = any(FAMILY);
      snprintf(out, cap, "%s %s", family, given);
    } else {
      const char *surname = any(SURNAME), *person = any(PERSON);
      snprintf(out, cap, draw(5) ? "%s %s" : "%s", person, surname);
    }
    return;
  case EX_RUN_LOC:
    snprintf(out, cap, "%s", any(draw(2) ? LOC : PLACE));
    return;
  case EX_RUN_ORG:
    snprintf(out, cap, "%s", any(draw(2) ? ORG : BODY));
    return;
  default:
    snprintf(out, cap, "%s", any(draw(3) ? OTHER : EVENT));
  }
}

/* Weights while they are learned. */
struct model {
  double now[EX_RUN_BUCKETS][EX_RUN_CLASSES], sum[EX_RUN_BUCKETS][EX_RUN_CLASSES];
};

static unsigned guess(const struct model *m, const uint16_t *f, unsigned n) {
  double sum[EX_RUN_CLASSES] = {0};
  unsigned best = 0;
  for (unsigned k = 0; k < n; k++)
    for (unsigned c = 0; c < EX_RUN_CLASSES; c++) sum[c] += m->now[f[k]][c];
  for (unsigned c = 1; c < EX_RUN_CLASSES; c++)
    if (sum[c] > sum[best]) best = c;
  return best;
}

/* One example: makes it, guesses, learns. Returns 1 if the guess was right. */
static int learn(struct model *m, ex_doc *doc, double left) {
  static const int before[] = {BEFORE_OTHER, BEFORE_PERSON, BEFORE_LOC, BEFORE_ORG};
  static const int after[] = {AFTER_OTHER, AFTER_PERSON, AFTER_LOC, AFTER_ORG};
  char name[256], text[1024];
  uint16_t f[EX_RUN_FEATURES];
  unsigned cls = draw(EX_RUN_CLASSES);
  make_name(cls, name, sizeof(name));
  const char *lead = draw(6) ? any(before[cls]) : "";
  int n = snprintf(text, sizeof(text), "hôm %s ", lead);
  size_t start = (size_t)n, end = start + strlen(name);
  snprintf(text + n, sizeof(text) - (size_t)n, "%s %s thêm.", name, any(after[cls]));
  if (ex_annotate(doc, text, strlen(text), NULL, 0, NULL, 0) != 0) die("memory is out", "text");
  uint32_t t0 = 0, t1;
  while (t0 < doc->n_tok && doc->tok[t0].start < start) t0++;
  for (t1 = t0; t1 < doc->n_tok && doc->tok[t1].start < end; t1++) continue;
  if (t1 == t0 || t1 - t0 > 4) return 1;
  unsigned k, count = ex_run_features(doc, t0, t1, f), found = guess(m, f, count);
  for (k = 0; found != cls && k < count; k++) {
    m->now[f[k]][cls] += 1;
    m->now[f[k]][found] -= 1;
    m->sum[f[k]][cls] += left;
    m->sum[f[k]][found] -= left;
  }
  return found == cls;
}

static void print_weights(const struct model *m) {
  printf("# Made by extract-train; do not edit. Runs of capitals: bucket, then weights of other, person, place, "
         "body.\n[weight]\n");
  for (unsigned b = 0; b < EX_RUN_BUCKETS; b++) {
    int w[EX_RUN_CLASSES], some = 0;
    for (unsigned c = 0; c < EX_RUN_CLASSES; c++) {
      double x = m->sum[b][c] * SCALE;
      w[c] = (int)(x < 0 ? x - 0.5 : x + 0.5);
      some |= w[c];
    }
    if (some) printf("%u %d %d %d %d\n", b, w[0], w[1], w[2], w[3]);
  }
}

int main(int argc, char **argv) {
  static struct model m;
  char path[4096], msg[2048];
  if (argc != 3) die("expected", "DATA_FOLDER NAMES.txt");
  read_lists(argv[2], 0, FAMILY);
  static const struct {
    const char *file;
    int list;
  } files[] = {
      {"people.txt", FAMILY}, {"given.txt", GIVEN}, {"places.txt", PLACE}, {"bodies.txt", BODY}, {"places.txt", EVENT}};
  for (size_t k = 0; k < sizeof(files) / sizeof(files[0]); k++) {
    snprintf(path, sizeof(path), "%s/%s", argv[1], files[k].file);
    read_lists(path, files[k].list, files[k].list + 1);
  }
  for (int k = 0; k < LISTS; k++)
    if (lists[k].n == 0) die("the section is empty", sections[k]);
  ex_lex *lex = ex_lex_new();
  ex_doc doc;
  if (!lex || ex_lex_read_builtin(lex, msg, sizeof(msg)) != 0) die("the lexicons cannot be read", argv[1]);
  ex_doc_init(&doc, lex);
  unsigned right = 0, total = EXAMPLES * ROUNDS;
  for (unsigned k = 0; k < total; k++) {
    int ok = learn(&m, &doc, (double)(total - k) / total);
    if (k >= total - EXAMPLES) right += (unsigned)ok;
  }
  fprintf(stderr, "extract-train: %.1f %% of the last %u examples right before learning them\n",
          100.0 * right / EXAMPLES, EXAMPLES);
  print_weights(&m);
  ex_doc_done(&doc);
  ex_lex_free(lex);
  for (int k = 0; k < LISTS; k++) {
    for (unsigned i = 0; i < lists[k].n; i++) free(lists[k].items[i]);
    free(lists[k].items);
  }
  return 0;
}
