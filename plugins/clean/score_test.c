/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what tells an article's blocks from the rest: names, likeness, figures, trees. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "likeness.h"
#include "score.h"

static const clean_mem heap = {malloc, free};
static clean_dom dom;
static clean_weights weights;
static clean_meta meta;
static clean_score score;

static long allowed = -1; /* allocations until memory is out; below 0: never */

static void *few(size_t n) {
  if (allowed == 0) return NULL;
  if (allowed > 0) allowed--;
  return malloc(n);
}

static const clean_mem scarce = {few, free};

static void read_page(const char *page) {
  clean_dom_init(&dom, &heap);
  clean_weights_init(&weights, &heap);
  clean_meta_init(&meta, &heap);
  assert_int_equal(clean_dom_parse(&dom, page, strlen(page), 0), 0);
  assert_int_equal(clean_weigh(&weights, &dom), 0);
  assert_int_equal(clean_meta_read(&meta, &dom, NULL), 0);
}

static void drop_page(void) {
  clean_meta_done(&meta);
  clean_weights_done(&weights);
  clean_dom_done(&dom);
}

/* ---- names ---- */

#define V(x) (1ull << (CLEAN_W_FREE + CLEAN_V_##x))

static void names_say_what_they_say(void **state) {
  (void)state;
  static const struct {
    const char *name;
    uint64_t with, without;
  } cases[] = {
      {"article", V(ARTICLE), V(TEXT)},
      {"articleBody", V(ARTICLE) | V(TEXT), V(RELATED)},
      {"c-article__body--wide", V(ARTICLE) | V(TEXT), V(ADVERT)},
      {"post_content", V(ARTICLE) | V(TEXT), V(COMMENT)},
      {"newsletter-signup-box", V(SUBSCRIBE) | V(BOX), V(ARTICLE)},
      {"adipose", 0, V(ADVERT)}, /* "ad" must be a whole word */
      {"ad-slot", V(ADVERT), V(ARTICLE)},
      {"relatedArticles", V(RELATED) | V(ARTICLE), V(SIDE)},
      {"CommentsList", V(COMMENT) | V(TEASER), V(ARTICLE)},
      {"figcaption", V(CAPTION), V(MEDIA)},
      {"noidung", V(TEXT), V(NAVIGATION)},
      {"", 0, ~0ull},
      {"x", 0, ~0ull},
      {"--__--", 0, ~0ull},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    uint64_t got = clean_vocabulary(cases[i].name, strlen(cases[i].name));
    if ((got & cases[i].with) != cases[i].with || (got & cases[i].without)) {
      fail_msg("%s: %llx, expected %llx and not %llx", cases[i].name, (unsigned long long)got,
               (unsigned long long)cases[i].with, (unsigned long long)cases[i].without);
    }
  }
}

static void long_names_are_cut(void **state) {
  (void)state;
  char name[4096];
  memset(name, 'a', sizeof name);
  assert_int_equal(clean_vocabulary(name, sizeof name), 0);
  for (size_t i = 0; i < sizeof name; i += 2) name[i] = '-';
  assert_int_equal(clean_vocabulary(name, sizeof name), 0);
}

/* ---- likeness ---- */

static size_t common(const char *a, const char *b, unsigned run) {
  clean_set set = {0};
  clean_runs r = {0};
  size_t found = 0, n = strlen(b);
  assert_int_equal(clean_set_text(&set, &heap, a, run), 0);
  for (size_t i = 0; i <= n; i++) {
    if (clean_runs_char(&r, i < n ? (unsigned char)b[i] : ' '))
      found += (size_t)clean_set_has(&set, clean_runs_hash(&r, run));
  }
  heap.free(set.slots);
  return found;
}

static void words_are_compared_in_runs(void **state) {
  (void)state;
  assert_int_equal(common("One two, three FOUR.", "one TWO three four", 1), 4);
  assert_int_equal(common("One two, three FOUR.", "one two three four", 2), 3);
  assert_int_equal(common("One two, three FOUR.", "one two three four", 3), 2);
  assert_int_equal(common("One two, three FOUR.", "four three two one", 2), 0);
  assert_int_equal(common("", "one", 1), 0);
  assert_int_equal(common("one", "", 1), 0);
}

/* ---- figures ---- */

#define P_A "The first paragraph of the article says what happened in the town hall on Tuesday, and who was there."
#define P_B "The second paragraph adds what the mayor said about it: the roof, she thought, would hold for a year."
#define P_C "The third paragraph ends the report with the next meeting, which is open to all who live in the town."
#define PAGE                                                                                                       \
  "<html><head><title>Roof of the town hall</title><meta property='og:description' content='What happened in the " \
  "town hall on Tuesday'></head><body><nav><ul><li><a href=/a>News</a></li><li><a href=/b>Sport</a></li><li><a "   \
  "href=/c>Weather today</a></li></ul></nav><article class='story'><h1>Roof of the town hall</h1><div "            \
  "class='story-body'><p>" P_A "</p><p>" P_B "</p><p>" P_C "</p></div></article><aside class='related'><h3>More "  \
  "news</h3><p><a href=/d>Seal pup found in a car park</a></p><p><a href=/e>School to open late</a></p></aside>"   \
  "<footer><p>Copyright of the paper</p></footer></body></html>"

static size_t block_of(const char *start) {
  for (size_t i = 0; i < weights.n_blocks; i++) {
    if (strncmp(dom.s + weights.blocks[i].start, start, strlen(start)) == 0) return i;
  }
  fail_msg("no block begins with '%s'", start);
  return 0;
}

static void figures_tell_text_from_links(void **state) {
  (void)state;
  clean_figures f;
  read_page(PAGE);
  clean_figures_init(&f, &heap);
  assert_int_equal(clean_figures_read(&f, &dom, &weights, &meta), 0);
  assert_int_equal(f.n, weights.n_blocks);
  const uint8_t *text = f.f + block_of("The second") * CLEAN_F_COUNT, *link = f.f + block_of("Seal") * CLEAN_F_COUNT;
  assert_int_equal(text[CLEAN_F_LINKED], 0);
  assert_int_equal(link[CLEAN_F_LINKED], 250);
  assert_true(text[CLEAN_F_WORDS] > link[CLEAN_F_WORDS]);
  assert_int_equal(text[CLEAN_F_SHARE], 250);
  assert_int_equal(text[CLEAN_F_CENTER_UP], 0);
  assert_true(link[CLEAN_F_CENTER_UP] > 0);
  assert_int_equal(text[CLEAN_F_UP_TAG + 8], 2);                             /* article */
  assert_int_equal(link[CLEAN_F_UP_TAG + 8], 31);                            /* none */
  assert_int_equal(link[CLEAN_F_UP_TAG + 3], link[CLEAN_F_UP_TAG + 11] + 2); /* aside, above p, above a */
  assert_int_equal(link[CLEAN_F_UP_WORD + CLEAN_V_RELATED], link[CLEAN_F_UP_TAG + 3]);
  const uint8_t *lead = f.f + block_of("The first") * CLEAN_F_COUNT;
  assert_true(lead[CLEAN_F_DESCRIPTION_LIKE] > text[CLEAN_F_DESCRIPTION_LIKE]);
  assert_int_equal(f.f[block_of("Roof") * CLEAN_F_COUNT + CLEAN_F_TITLE_COVERS], 250);
  clean_figures_done(&f);
  drop_page();
}

static void sizes_and_shares_are_monotonous(void **state) {
  (void)state;
  for (uint64_t x = 0; x < 100000; x++) assert_true(clean_size_byte(x) <= clean_size_byte(x + 1));
  assert_int_equal(clean_size_byte(0), 0);
  assert_int_equal(clean_size_byte(UINT32_MAX), 255);
  assert_int_equal(clean_share_byte(5, 0), 0);
  assert_int_equal(clean_share_byte(5, 5), 250);
  assert_int_equal(clean_share_byte(9, 5), 250);
  assert_int_equal(clean_share_byte(1, 2), 125);
}

/* ---- trees ---- */

static void trees_are_walked_to_their_leaves(void **state) {
  (void)state;
  static clean_tree tree;
  int32_t odds[3] = {0, 5, 0};
  const uint8_t rows[] = {0, 0, 10, 0, 11, 200};
  memset(tree.limit, 255, sizeof tree.limit);
  tree.figure[0] = 0;
  tree.limit[0] = 10;
  tree.figure[2] = 1;
  tree.limit[2] = 100;
  tree.leaf[0] = -7;
  tree.leaf[16] = 3; /* right, left */
  tree.leaf[24] = 9; /* right, right */
  clean_trees_score(&tree, 1, rows, 3, 2, odds);
  assert_int_equal(odds[0], -7);
  assert_int_equal(odds[1], -2);
  assert_int_equal(odds[2], 9);
}

static void the_article_is_likely_and_the_rest_is_not(void **state) {
  (void)state;
  static const char *const text[] = {"The first", "The second", "The third"};
  static const char *const rest[] = {"News", "Weather", "Seal", "School", "Copyright"};
  read_page(PAGE);
  clean_score_init(&score, &heap);
  assert_int_equal(clean_score_blocks(&score, &dom, &weights, &meta), 0);
  for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
    if (score.odds[block_of(text[i])] <= 0) fail_msg("'%s' is not likely: %d", text[i], score.odds[block_of(text[i])]);
  }
  for (size_t i = 0; i < sizeof rest / sizeof *rest; i++) {
    if (score.odds[block_of(rest[i])] >= 0) fail_msg("'%s' is likely: %d", rest[i], score.odds[block_of(rest[i])]);
  }
  clean_score_done(&score);
  drop_page();
}

static void a_work_space_serves_many_pages(void **state) {
  (void)state;
  static const char *const pages[] = {PAGE, "", "<p>x", PAGE, "<table><tr><td>a</td></tr></table>", PAGE};
  int32_t first = 0;
  clean_score_init(&score, &heap);
  for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
    read_page(pages[i]);
    assert_int_equal(clean_score_blocks(&score, &dom, &weights, &meta), 0);
    if (strcmp(pages[i], PAGE) == 0) {
      if (i == 0) first = score.odds[block_of("The second")];
      assert_int_equal(score.odds[block_of("The second")], first);
    }
    clean_score_clear(&score, i % 2 ? 0 : SIZE_MAX);
    drop_page();
  }
  clean_score_done(&score);
}

static void memory_may_run_out_anywhere(void **state) {
  (void)state;
  int rc = SL_ENOMEM;
  read_page(PAGE);
  for (long n = 0; rc && n < 1000; n++) {
    clean_score_init(&score, &scarce);
    allowed = n;
    rc = clean_score_blocks(&score, &dom, &weights, &meta);
    allowed = -1;
    if (rc) assert_int_equal(rc, SL_ENOMEM);
    clean_score_done(&score);
  }
  assert_int_equal(rc, 0);
  drop_page();
}

static void long_and_deep_pages_are_scored(void **state) {
  (void)state;
  size_t n = 0, cap = (size_t)4 << 20;
  char *page = malloc(cap);
  assert_non_null(page);
  for (int i = 0; i < 700; i++) n += (size_t)snprintf(page + n, cap - n, "<div class=c%d>", i);
  for (int i = 0; i < 30000; i++) n += (size_t)snprintf(page + n, cap - n, "<p>word %d and some more words, yes.", i);
  read_page(page);
  clean_score_init(&score, &heap);
  assert_int_equal(clean_score_blocks(&score, &dom, &weights, &meta), 0);
  assert_int_equal(weights.n_blocks, 30000);
  clean_score_done(&score);
  drop_page();
  free(page);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_say_what_they_say),
      cmocka_unit_test(long_names_are_cut),
      cmocka_unit_test(words_are_compared_in_runs),
      cmocka_unit_test(figures_tell_text_from_links),
      cmocka_unit_test(sizes_and_shares_are_monotonous),
      cmocka_unit_test(trees_are_walked_to_their_leaves),
      cmocka_unit_test(the_article_is_likely_and_the_rest_is_not),
      cmocka_unit_test(a_work_space_serves_many_pages),
      cmocka_unit_test(memory_may_run_out_anywhere),
      cmocka_unit_test(long_and_deep_pages_are_scored),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
