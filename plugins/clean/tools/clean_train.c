/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clean-train FOLDER [--folds N] [--pages] [--write FILE]: trains the trees that tell an article from the rest of its
 * page, and says how well they do on pages of publishers that they were not trained on.
 *
 * FOLDER as in corpus.h. Without --write the pages are put into N parts (8), no publisher and no content system in two
 * of them; each part is judged by trees of the others. With --write trees of all pages go to FILE (score_model.inc).
 * The same pages give the same bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boost.h"
#include "corpus.h"
#include "judge.h"

#define UNIT CLEAN_SCORE_UNIT
#define PARTS 5 /* of the training pages, for the first trees' odds that the second trees are trained on */
#define SEED 20

typedef struct model {
  clean_forest first, second;
} model;

typedef struct trainer {
  corpus c;
  unsigned folds;
  int pages;      /* 1: print the figures of each */
  int32_t **odds; /* of each page's blocks, by first trees that did not see it */
  uint8_t **rows;
} trainer;

static void *need(void *p) {
  if (p) return p;
  fputs("memory is out\n", stderr);
  exit(1);
}

/* Long blocks count more, but not by their length. */
static uint16_t weight_of(uint32_t words) {
  static const uint16_t steps[] = {4, 4, 6, 9, 11, 12, 14, 16, 17, 19};
  if (words < 10) return steps[words];
  return (uint16_t)(words >= 60 ? 70 : 20 + words - 10);
}

/* How a page of other habits would look: what names say is left out (1), and semantic tags as well (2). */
static void mask(uint8_t *row, int how) {
  if (how >= 1) memset(row + CLEAN_F_UP_MARK, 31, CLEAN_F_UP_WORD_LAST + 1 - CLEAN_F_UP_MARK);
  if (how >= 2) {
    memset(row + CLEAN_F_UP_TAG + 3, 31, 4); /* aside, footer, header, nav */
    memset(row + CLEAN_F_UP_TAG + 8, 31, 2); /* article, main */
    row[CLEAN_F_TAG] = row[CLEAN_F_TAG] == 2 ? 1 : row[CLEAN_F_TAG];
    for (int k = 0; k < 4; k++) {
      uint8_t *tag = row + CLEAN_F_NEIGHBOURS + k * CLEAN_F_NEIGHBOUR_COUNT + 3;
      *tag = *tag == 2 ? 1 : *tag;
    }
  }
}

typedef struct choice {
  int second;    /* trees over rows, not figures */
  int masks;     /* copies of each page with names or tags masked */
  unsigned but;  /* fold that is left out */
  unsigned part; /* of the rest, the part that is left out; PARTS: none */
} choice;

static int chosen(const corpus_page *p, const choice *ch) {
  return p->fold != ch->but && (ch->part == PARTS || (p->group * 7 + 3) % PARTS != ch->part);
}

static void train(trainer *t, const choice *ch, const boost_options *opt, clean_forest *ret) {
  size_t n = 0, size = ch->second ? CLEAN_ROW : CLEAN_F_COUNT;
  int copies = 1 + ch->masks;
  for (size_t k = 0; k < t->c.n; k++) n += chosen(&t->c.pages[k], ch) ? t->c.pages[k].n * (size_t)copies : 0;
  uint8_t *columns = need(malloc(n * size + 1)), *label = need(malloc(n + 1));
  uint16_t *weight = need(malloc((n + 1) * sizeof *weight));
  size_t at = 0;
  for (size_t k = 0; k < t->c.n; k++) {
    const corpus_page *p = &t->c.pages[k];
    for (int how = 0; chosen(p, ch) && how < copies; how++) {
      for (size_t i = 0; i < p->n; i++, at++) {
        uint8_t row[CLEAN_ROW];
        memcpy(row, ch->second ? t->rows[k] + i * size : p->figures.f + i * size, size);
        mask(row, how);
        for (size_t f = 0; f < size; f++) columns[f * n + at] = row[f];
        label[at] = p->label[i];
        weight[at] = p->neutral[i] ? 0 : weight_of(p->words[i]);
        if (how) weight[at] /= 2;
      }
    }
  }
  boost_rows rows = {columns, n, size, label, weight};
  if (boost_train(&rows, opt, ret)) need(NULL);
  free(columns);
  free(label);
  free(weight);
}

static void score_first(trainer *t, size_t k, const clean_forest *first) {
  const corpus_page *p = &t->c.pages[k];
  memset(t->odds[k], 0, (p->n + 1) * sizeof **t->odds);
  clean_trees_score(first->trees, first->n, p->figures.f, p->n, CLEAN_F_COUNT, t->odds[k]);
}

static const clean_mem heap = {malloc, free};

static void make_rows(trainer *t, size_t k) {
  clean_context c;
  const corpus_page *p = &t->c.pages[k];
  clean_context_init(&c, &heap);
  if (clean_context_read(&c, &p->dom, p->blocks, &p->figures, t->odds[k], t->rows[k])) need(NULL);
  clean_context_done(&c);
}

static const boost_options first_options = {
    .trees = 100, .rate = 0.12, .keep = 60, .smooth = 60, .per_mille = 600, .seed = SEED};
static const boost_options second_options = {
    .trees = 60, .rate = 0.12, .keep = 100, .smooth = 100, .per_mille = 600, .seed = SEED + 1};

/* Trees of all pages but those of one fold. */
static void train_both(trainer *t, unsigned but, model *ret) {
  choice first = {0, 2, but, PARTS};
  for (unsigned part = 0; part < PARTS; part++) {
    choice inner = {0, 2, but, part};
    train(t, &inner, &first_options, &ret->first);
    for (size_t k = 0; k < t->c.n; k++) {
      const corpus_page *p = &t->c.pages[k];
      if (p->fold != but && !chosen(p, &inner)) score_first(t, k, &ret->first);
    }
  }
  train(t, &first, &first_options, &ret->first);
  for (size_t k = 0; k < t->c.n; k++) {
    if (t->c.pages[k].fold == but) score_first(t, k, &ret->first);
    make_rows(t, k);
  }
  choice second = {1, 0, but, PARTS};
  train(t, &second, &second_options, &ret->second);
}

typedef struct sums {
  double precision, recall;
} sums;

static corpus_score add_score(const corpus_page *p, const uint8_t *keep, sums *to) {
  corpus_score s = corpus_page_score(p, keep);
  to->precision += s.precision;
  to->recall += s.recall;
  return s;
}

/* The four ways to choose blocks of a page that are compared. */
static void score_page(trainer *t, size_t k, const model *m, sums *to) {
  const corpus_page *p = &t->c.pages[k];
  uint8_t *keep = need(malloc(p->n + 1));
  int32_t *odds = need(calloc(p->n + 1, sizeof *odds));
  add_score(p, p->label, &to[0]);
  for (size_t i = 0; i < p->n; i++) keep[i] = (uint8_t)clean_judge_is_text(p->ruled[i]);
  add_score(p, keep, &to[1]);
  for (size_t i = 0; i < p->n; i++) keep[i] = t->odds[k][i] > 0;
  add_score(p, keep, &to[2]);
  clean_trees_score(m->second.trees, m->second.n, t->rows[k], p->n, CLEAN_ROW, odds);
  for (size_t i = 0; i < p->n; i++) keep[i] = odds[i] > 0;
  add_score(p, keep, &to[3]);
  clean_case trial = {p->blocks, p->n, odds, p->ruled, p->comments, p->news};
  clean_judge(&trial, keep);
  for (size_t i = 0; i < p->n; i++) keep[i] = (uint8_t)clean_judge_is_text(keep[i]);
  corpus_score s = add_score(p, keep, &to[4]);
  if (t->pages) printf("%.3f P %.3f R %.3f %s\n", s.f1, s.precision, s.recall, p->name);
  free(keep);
  free(odds);
}

static void cross_validate(trainer *t) {
  static const char *const names[] = {"by the labels", "rules alone", "first trees, unseen pages",
                                      "second trees, unseen pages", "rules and trees, unseen pages"};
  sums sum[5] = {{0}};
  model *m = need(malloc(sizeof *m));
  for (unsigned fold = 0; fold < t->folds; fold++) {
    train_both(t, fold, m);
    for (size_t k = 0; k < t->c.n; k++) {
      if (t->c.pages[k].fold == fold) score_page(t, k, m, sum);
    }
    fprintf(stderr, "part %u of %u\n", fold + 1, t->folds);
  }
  for (size_t k = 0; k < 5; k++) {
    double p = sum[k].precision / (double)t->c.n, r = sum[k].recall / (double)t->c.n;
    printf("%-30s P %.4f R %.4f F1 %.4f\n", names[k], p, r, 2 * p * r / (p + r));
  }
  free(m);
}

static void write_trees(FILE *f, const char *name, const clean_forest *trees) {
  fprintf(f, "static const clean_tree %s[] = {\n", name);
  for (size_t t = 0; t < trees->n; t++) {
    const clean_tree *x = &trees->trees[t];
    fprintf(f, "{{");
    for (size_t i = 0; i < sizeof x->figure; i++) fprintf(f, "%u,", x->figure[i]);
    fprintf(f, "},{");
    for (size_t i = 0; i < sizeof x->limit; i++) fprintf(f, "%u,", x->limit[i]);
    fprintf(f, "},\n{");
    for (size_t i = 0; i < sizeof x->leaf / sizeof *x->leaf; i++) fprintf(f, "%d,", x->leaf[i]);
    fprintf(f, "}},\n");
  }
  fprintf(f, "};\n");
}

static int write_model(const char *path, const model *m) {
  FILE *f = fopen(path, "w");
  if (!f) {
    fprintf(stderr, "%s: cannot be written\n", path);
    return 1;
  }
  fputs("/* SPDX-License-Identifier: Apache-2.0 */\n/* Written by clean-train from pages marked by the Fundus project "
        "(MIT; see "
        "NOTICE). */\n/* clang-format off */\n",
        f);
  write_trees(f, "first_trees", &m->first);
  write_trees(f, "second_trees", &m->second);
  return fclose(f) != 0;
}

int main(int argc, char **argv) {
  trainer t = {.folds = 8};
  const char *folder = NULL, *out = NULL;
  int rc = 0;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--folds") == 0 && i + 1 < argc) {
      t.folds = (unsigned)atoi(argv[++i]);
    } else if (strcmp(argv[i], "--write") == 0 && i + 1 < argc) {
      out = argv[++i];
    } else if (strcmp(argv[i], "--pages") == 0) {
      t.pages = 1;
    } else {
      folder = argv[i];
    }
  }
  if (!folder || t.folds < 2 || t.folds > 100) {
    fprintf(stderr, "usage: clean-train FOLDER [--folds N] [--pages] [--write FILE]\n");
    return 2;
  }
  if (corpus_read(&t.c, folder, t.folds)) return 1;
  t.odds = need(calloc(t.c.n + 1, sizeof *t.odds));
  t.rows = need(calloc(t.c.n + 1, sizeof *t.rows));
  for (size_t k = 0; k < t.c.n; k++) {
    t.odds[k] = need(malloc((t.c.pages[k].n + 1) * sizeof **t.odds));
    t.rows[k] = need(malloc((t.c.pages[k].n + 1) * CLEAN_ROW));
  }
  if (out) {
    model *m = need(malloc(sizeof *m));
    train_both(&t, UINT32_MAX, m);
    rc = write_model(out, m);
    free(m);
  } else {
    cross_validate(&t);
  }
  for (size_t k = 0; k < t.c.n; k++) {
    free(t.odds[k]);
    free(t.rows[k]);
  }
  free(t.odds);
  free(t.rows);
  corpus_free(&t.c);
  return rc;
}
