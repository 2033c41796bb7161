/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How well copies are told from what is none: variants of the project's own articles (edits, cuts, a page's frame
 * around them, paragraphs in another order) against other articles in the same frame and against the other half of the
 * same article.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sluice/plugin.h>

#include "sketch.h"

#define MOST 64

static const char head[] =
    "Trang chủ Thời sự Thế giới Kinh doanh Giải trí Thể thao Pháp luật Giáo dục Sức khỏe Đời sống Du lịch\n";
static const char foot[] = "\nChia sẻ bài viết này. Bình luận của bạn đọc. Đăng nhập để bình luận. Tin cùng chuyên "
                           "mục. Đọc nhiều nhất trong tuần.\n";

typedef struct text {
  char s[16384];
  size_t n;
} text;

static text articles[MOST];
static unsigned n_articles;
static double least; /* the stage's default */

static void put(text *t, const char *s, size_t n) {
  assert_true(t->n + n < sizeof t->s);
  memcpy(t->s + t->n, s, n);
  t->s[t->n += n] = '\0';
}

static int load(void **state) {
  const sl_stage_type *type = sluice_plugin()->types[0];
  (void)state;
  for (uint32_t i = 0; i < type->n_params; i++)
    if (strcmp(type->params[i].name, "similarity") == 0) least = strtod(type->params[i].def, NULL);
  DIR *d = opendir(ARTICLES);
  assert_non_null(d);
  for (struct dirent *e; (e = readdir(d)) && n_articles < MOST;) {
    char path[4096];
    if (!strstr(e->d_name, ".txt")) continue;
    snprintf(path, sizeof path, "%s/%s", ARTICLES, e->d_name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    text *t = &articles[n_articles++];
    t->n = fread(t->s, 1, sizeof t->s / 2, f);
    (void)fclose(f);
  }
  closedir(d);
  return 0;
}

/* Takes the n-th of every `of` paragraphs, or leaves it out. */
static text paragraphs(const text *t, unsigned n, unsigned of, bool without) {
  text out = {.n = 0};
  unsigned i = 0;
  for (const char *p = t->s; *p; i++) {
    size_t len = strcspn(p, "\n");
    len += strspn(p + len, "\n");
    if ((i % of == n) != without) put(&out, p, len);
    p += len;
  }
  return out;
}

/* Each `of`-th word is another one. */
static text edited(const text *t, unsigned of) {
  text out = {.n = 0};
  unsigned i = 0;
  for (const char *p = t->s; *p; i++) {
    size_t len = strcspn(p, " \n");
    if (i % of == of - 1)
      put(&out, "khác", strlen("khác"));
    else
      put(&out, p, len);
    p += len;
    len = strspn(p, " \n");
    put(&out, p, len);
    p += len;
  }
  return out;
}

/* The first `percent` of it. */
static text cut(const text *t, unsigned percent) {
  text out = {.n = 0};
  size_t n = t->n * percent / 100;
  while (n < t->n && t->s[n] != ' ') n++;
  put(&out, t->s, n);
  return out;
}

static text framed(const text *t) {
  text out = {.n = 0};
  put(&out, head, strlen(head));
  put(&out, t->s, t->n);
  put(&out, foot, strlen(foot));
  return out;
}

/* The second half in front of the first. */
static text turned(const text *t) {
  text out = {.n = 0};
  const char *half = strchr(t->s + t->n / 2, '\n');
  if (!half) half = t->s + t->n;
  put(&out, half, strlen(half));
  put(&out, "\n", 1);
  put(&out, t->s, (size_t)(half - t->s));
  return out;
}

static double like(const text *a, const text *b) {
  dd_sketcher s;
  dd_sketch x, y;
  dd_sketch_begin(&s);
  dd_sketch_add(&s, a->s, a->n);
  dd_sketch_end(&s, &x);
  dd_sketch_begin(&s);
  dd_sketch_add(&s, b->s, b->n);
  dd_sketch_end(&s, &y);
  return dd_similarity(x.sig, y.sig);
}

typedef struct figure {
  unsigned n, found;
  double least, most;
} figure;

static void count(figure *f, double similarity) {
  if (f->n == 0) f->least = f->most = similarity;
  if (similarity < f->least) f->least = similarity;
  if (similarity > f->most) f->most = similarity;
  f->n++;
  f->found += similarity >= least;
}

static void tell(const char *what, const figure *f) {
  printf("%-36s %3u of %3u, %.2f to %.2f\n", what, f->found, f->n, f->least, f->most);
}

static void copies_are_found(void **state) {
  (void)state;
  enum { EDIT_30, EDIT_12, CUT_80, CUT_65, LEFT_OUT, FRAME, TURN, ALL, KINDS };
  static const char *const names[KINDS] = {
      "one word in 30 changed", "one word in 12 changed",         "the last fifth cut off",
      "the last third cut off", "every fifth paragraph left out", "framed",
      "halves turned round",    "edited, cut and framed"};
  figure f[KINDS] = {0};
  unsigned all = 0, found = 0;
  for (unsigned i = 0; i < n_articles; i++) {
    const text *t = &articles[i];
    text c = cut(t, 80), e = edited(&c, 30);
    text made[KINDS] = {edited(t, 30), edited(t, 12), c,         cut(t, 65), paragraphs(t, 2, 5, true),
                        framed(t),     turned(t),     framed(&e)};
    for (unsigned k = 0; k < KINDS; k++) count(&f[k], like(t, &made[k]));
  }
  for (unsigned k = 0; k < KINDS; k++) {
    tell(names[k], &f[k]);
    all += f[k].n;
    found += f[k].found;
  }
  printf("%u of %u copies found\n", found, all);
  assert_true(least > 0 && least < 1);
  assert_true(found * 100 >= all * 97);
}

static void others_are_not(void **state) {
  (void)state;
  figure different = {0}, half = {0};
  for (unsigned i = 0; i < n_articles; i++) {
    text a = framed(&articles[i]);
    for (unsigned k = 0; k < i; k++) {
      text b = framed(&articles[k]);
      count(&different, like(&a, &b));
    }
    text odd = paragraphs(&articles[i], 0, 2, false), even = paragraphs(&articles[i], 0, 2, true);
    if (even.n > 500) count(&half, like(&odd, &even));
  }
  tell("different articles in one frame", &different);
  tell("two halves of one article", &half);
  assert_true(different.n >= 100 && half.n >= 10);
  assert_int_equal(different.found, 0);
  assert_int_equal(half.found, 0);
  assert_true(different.most < 0.4 && half.most < 0.3);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(copies_are_found), cmocka_unit_test(others_are_not)};
  return cmocka_run_group_tests(tests, load, NULL);
}
