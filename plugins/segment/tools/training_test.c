/* SPDX-License-Identifier: Apache-2.0 */
/* The trainer: same data, same bytes; what it learns; broken treebanks and models; every allocation that fails. */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dict_build.h"
#include "notes.h"
#include "segment.h"
#include "train.h"
#include "vi_text.h"

static const lane_mem heap = {malloc, free};
static const seg_train_options small = {.seed = 1, .passes = 4, .runs = 2, .bits = 10, .blocks = 4};

static char *read_file(const char *path, size_t *ret_n) {
  FILE *f = fopen(path, "rb");
  if (!f) return NULL;
  enum { cap = 1 << 22 };
  char *buf = malloc(cap);
  assert_non_null(buf);
  *ret_n = fread(buf, 1, cap, f);
  fclose(f);
  return buf;
}

/* A treebank and one list of words. */
typedef struct material {
  seg_treebank tb;
  seg_word_list list;
} material;

static void load(material *m, const lane_mem *mem) {
  size_t n;
  const char *why = "";
  char *data = read_file(TESTDATA "/small.conllu", &n);
  assert_non_null(data);
  seg_treebank_init(&m->tb, mem);
  long line = seg_treebank_add(&m->tb, data, n, &why);
  if (line != 0) fail_msg("line %ld: %s", line, why);
  free(data);
  m->list.text = read_file(TESTDATA "/words.txt", &m->list.n);
  assert_non_null(m->list.text);
}

static void unload(material *m) {
  seg_treebank_done(&m->tb);
  free((char *)(uintptr_t)m->list.text);
}

static void *train(const material *m, const seg_train_options *o, size_t *ret_size) {
  seg_train_data data = {&m->tb, NULL, &m->list, 1};
  void *block;
  const char *wrong = seg_train(&heap, &data, o, &block, ret_size);
  if (wrong) fail_msg("%s", wrong);
  return block;
}

/* ---- treebanks --------------------------------------------------------------------------------------------------- */

static void reads_conllu(void **state) {
  (void)state;
  const char *data =
      "# text = (\n1\tLBKT\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No\n2\tHà Nội\t_\tNOUN\tNNP\t_\t_\t_\t_\tx|SpaceAfter=No\n"
      "3-4\tabc\t_\t_\t_\t_\t_\t_\t_\t_\n3\tRBKT\t_\t_\t_\t_\t_\t_\t_\t_\r\n\n\n1\tHết\t_\t_\t_\t_\t_\t_\t_\t_";
  seg_treebank tb;
  const char *why;
  seg_treebank_init(&tb, &heap);
  assert_int_equal(seg_treebank_add(&tb, data, strlen(data), &why), 0);
  assert_int_equal(tb.sentences.n, 2);
  const seg_tb_sentence *s = tb.sentences.items;
  const char *text = tb.text.items, *ends = tb.ends.items;
  assert_int_equal(s[0].n, strlen("(Hà Nội) "));
  assert_memory_equal(text, "(Hà Nội) Hết ", tb.text.n);
  assert_int_equal(ends[0], SEG_POS_OTHER);
  assert_int_equal(ends[strlen("(Hà") - 1], 0);
  assert_int_equal(ends[strlen("(Hà Nội") - 1], SEG_POS_OTHER + 1);
  assert_int_equal(ends[strlen("(Hà Nội)") - 1], SEG_POS_OTHER);
  assert_true(seg_tb_word_ends(text, ends, 0) && seg_tb_word_ends(text, ends, strlen("(Hà Nội) ")));
  assert_false(seg_tb_word_ends(text, ends, strlen("(Hà ")));
  seg_treebank_done(&tb);
}

static void names_broken_lines(void **state) {
  (void)state;
  static const struct {
    const char *data;
    long line;
    const char *why;
  } cases[] = {
      {"1\ta\t_\t_\t_\t_\t_\t_\t_\t_\n2\tb\t_\n", 2, "ten columns"},
      {"# x\n\n1\t\t_\t_\t_\t_\t_\t_\t_\t_\n", 3, "is empty"},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    seg_treebank tb;
    const char *why = "";
    seg_treebank_init(&tb, &heap);
    assert_int_equal(seg_treebank_add(&tb, cases[i].data, strlen(cases[i].data), &why), cases[i].line);
    if (!strstr(why, cases[i].why)) fail_msg("expected \"%s\", found \"%s\"", cases[i].why, why);
    seg_treebank_done(&tb);
  }
}

static void long_sentences(void **state) {
  (void)state;
  enum { words = 40000 };
  static const char line[] = "1\tab\t_\t_\t_\t_\t_\t_\t_\t_\n";
  char *data = malloc(words * strlen(line) + 1), *o = data;
  seg_treebank tb;
  const char *why = "";
  assert_non_null(data);
  for (size_t i = 0; i < words; i++, o += strlen(line)) memcpy(o, line, strlen(line));
  seg_treebank_init(&tb, &heap);
  assert_true(seg_treebank_add(&tb, data, (size_t)(o - data), &why) > 20000);
  assert_non_null(strstr(why, "64 KiB"));
  seg_treebank_done(&tb);
  free(data);
}

/* ---- notes ------------------------------------------------------------------------------------------------------- */

static uint32_t node_of(const seg_dict *d, const char *a, const char *b) {
  uint32_t first = seg_dict_syllable(d, vi_key(a, strlen(a))), second = seg_dict_syllable(d, vi_key(b, strlen(b)));
  return seg_dict_step(d, seg_dict_step(d, 0, first), second);
}

/* What is known of words and syllables comes from the lists and from the sentences that are named, and from no other.
 */
static void notes(void **state) {
  (void)state;
  static const char data[] =
      "1\tSinh "
      "viên\t_\tNOUN\t_\t_\t_\t_\t_\t_\n2\thọc\t_\tVERB\t_\t_\t_\t_\t_\t_\n3\tsinh\t_\tVERB\t_\t_\t_\t_\t_\t_\n\n"
      "1\tsinh viên\t_\tNOUN\t_\t_\t_\t_\t_\t_\n2\thọc\t_\tNOUN\t_\t_\t_\t_\t_\t_\n3\tviên "
      "chức\t_\tNOUN\t_\t_\t_\t_\t_\t_\n\n"
      "1\tsinh học\t_\tNOUN\t_\t_\t_\t_\t_\t_\n";
  static const char list[] = "sinh viên\nhọc sinh\nsinh học\n", words[] = "viên chức\n";
  static const bool in[] = {true, true, false};
  static const struct {
    const char *a, *b;
    uint32_t expected;
  } cases[] = {{"sinh", "viên", 8 | SEG_SEEN_WHOLE},
               {"học", "sinh", 8 | SEG_SEEN_APART_ONCE},
               {"sinh", "học", 8 | SEG_SEEN_NEVER},
               {"viên", "chức", SEG_SEEN_WHOLE_ONCE}};
  seg_treebank tb;
  seg_build b;
  seg_dict d;
  void *block;
  size_t size;
  const char *why;
  seg_treebank_init(&tb, &heap);
  assert_int_equal(seg_treebank_add(&tb, data, strlen(data), &why), 0);
  seg_build_init(&b, &heap);
  b.listed = true;
  assert_int_equal(seg_build_list(&b, list, strlen(list)), 0);
  b.listed = false;
  assert_int_equal(seg_build_list(&b, words, strlen(words)), 0);
  assert_int_equal(seg_build_block(&b, &block, &size), 0);
  assert_int_equal(seg_notes_make(&heap, &tb, in, block, size), 0);
  assert_null(seg_dict_open(&d, block, size));
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    uint32_t found = seg_dict_class(&d, node_of(&d, cases[i].a, cases[i].b));
    if (found != cases[i].expected)
      fail_msg("%s %s: expected %u, found %u", cases[i].a, cases[i].b, cases[i].expected, found);
  }
  uint32_t hoc = d.notes[seg_dict_syllable(&d, vi_key("học", strlen("học")))];
  assert_int_equal(SEG_NOTE_POS(hoc), SEG_POS_OTHER + 1);  /* noun, once */
  assert_int_equal(SEG_NOTE_POS2(hoc), SEG_POS_OTHER + 2); /* verb, once */
  assert_int_equal(SEG_NOTE_FREE(hoc), 6);
  assert_int_equal(SEG_NOTE_FIRSTS(hoc), 1);
  assert_int_equal(SEG_NOTE_LASTS(hoc), 1);
  uint32_t vien = d.notes[seg_dict_syllable(&d, vi_key("viên", strlen("viên")))];
  assert_int_equal(SEG_NOTE_POS(vien), 0);
  assert_int_equal(SEG_NOTE_FREE(vien), 1);
  assert_int_equal(SEG_NOTE_FIRSTS(vien), 0);
  seg_build_done(&b);
  seg_treebank_done(&tb);
  free(block);
}

/* ---- training ---------------------------------------------------------------------------------------------------- */

static void same_data_same_bytes(void **state) {
  (void)state;
  material m;
  size_t a_size, b_size, c_size;
  load(&m, &heap);
  void *a = train(&m, &small, &a_size), *b = train(&m, &small, &b_size);
  seg_train_options other = small;
  other.seed = 2;
  void *c = train(&m, &other, &c_size);
  assert_int_equal(a_size, b_size);
  assert_memory_equal(a, b, a_size);
  assert_int_equal(a_size, c_size);
  assert_memory_not_equal(a, c, a_size);
  free(a);
  free(b);
  free(c);
  unload(&m);
}

/* The very bytes, on every machine: whole numbers only. */
static void known_bytes(void **state) {
  (void)state;
  material m;
  size_t size;
  seg_model model;
  load(&m, &heap);
  void *block = train(&m, &small, &size);
  assert_null(seg_model_open(&model, block, size));
  char found[64];
  snprintf(found, sizeof(found), "%zu %016llx", size, (unsigned long long)model.head->checksum);
  assert_string_equal(found, "4352 9f44a60d3400d9b2");
  free(block);
  unload(&m);
}

static void learns(void **state) {
  (void)state;
  material m;
  size_t size;
  seg_model model;
  seg_score s = {0, 0, 0};
  load(&m, &heap);
  seg_train_options o = small;
  o.passes = 10;
  o.bits = 14;
  void *block = train(&m, &o, &size);
  assert_null(seg_model_open(&model, block, size));
  assert_int_equal(seg_score_words(&heap, &model, &m.tb, NULL, &s), 0);
  if (seg_score_f1(&s) < 0.98) fail_msg("F1 on what it was trained on is %.4f", seg_score_f1(&s));
  s = (seg_score){0, 0, 0};
  assert_int_equal(seg_score_sentences(&heap, &model, &m.tb, 4, &s), 0);
  assert_int_equal(s.right, 16);
  assert_int_equal(s.found, 16);
  free(block);
  unload(&m);
}

/* What is counted: spans with both ends right and no end inside. */
static void scores(void **state) {
  (void)state;
  seg_score s = {.right = 3, .gold = 4, .found = 6};
  assert_true(seg_score_precision(&s) == 0.5);
  assert_true(seg_score_recall(&s) == 0.75);
  assert_true(seg_score_f1(&s) > 0.5999 && seg_score_f1(&s) < 0.6001);
  s = (seg_score){0, 0, 0};
  assert_true(seg_score_f1(&s) == 0 && seg_score_precision(&s) == 0 && seg_score_recall(&s) == 0);
}

static void refuses(void **state) {
  (void)state;
  material m;
  void *block;
  size_t size;
  load(&m, &heap);
  seg_train_data data = {&m.tb, NULL, &m.list, 1};
  seg_train_options o = small;
  o.bits = 7;
  assert_non_null(strstr(seg_train(&heap, &data, &o, &block, &size), "8 to 22"));
  o = small;
  o.passes = 0;
  assert_non_null(strstr(seg_train(&heap, &data, &o, &block, &size), "passes"));
  o = small;
  o.blocks = 0;
  assert_non_null(strstr(seg_train(&heap, &data, &o, &block, &size), "blocks"));
  seg_treebank none;
  seg_treebank_init(&none, &heap);
  data.treebank = &none;
  assert_non_null(strstr(seg_train(&heap, &data, &small, &block, &size), "no sentences"));
  static const char single[] = "# text = Hay\n1\tHay\t_\t_\t_\t_\t_\t_\t_\t_\n\n";
  const char *why = NULL;
  assert_int_equal(seg_treebank_add(&none, single, strlen(single), &why), 0);
  assert_non_null(strstr(seg_train(&heap, &data, &small, &block, &size), "nothing can be learned"));
  seg_treebank_done(&none);
  unload(&m);
}

/* ---- faults ------------------------------------------------------------------------------------------------------ */

static long left; /* allocations until one fails */

static void *counted_alloc(size_t n) { return left-- == 0 ? NULL : malloc(n); }

static void without_memory(void **state) {
  (void)state;
  static const lane_mem mem = {counted_alloc, free};
  static const seg_train_options quick = {.seed = 1, .passes = 1, .runs = 1, .bits = 8, .blocks = 2};
  material m;
  load(&m, &heap);
  seg_train_data data = {&m.tb, NULL, &m.list, 1};
  bool failed = true;
  for (long nth = 0; failed && nth < 2000; nth++) {
    void *block = NULL;
    size_t size;
    left = nth;
    const char *wrong = seg_train(&mem, &data, &quick, &block, &size);
    failed = left < 0;
    if (wrong) {
      assert_string_equal(wrong, "memory is out");
      assert_true(failed);
    }
    free(block);
  }
  assert_false(failed);
  unload(&m);
}

/* No byte of a model changes unnoticed. */
static void damaged_models(void **state) {
  (void)state;
  material m;
  size_t size;
  seg_model model;
  load(&m, &heap);
  char *block = train(&m, &small, &size);
  assert_null(seg_model_open(&model, block, size));
  for (size_t i = 0; i < size; i++) {
    block[i] ^= 0x10;
    if (!seg_model_open(&model, block, size)) fail_msg("byte %zu of %zu changed unnoticed", i, size);
    block[i] ^= 0x10;
  }
  for (size_t n = 0; n < size; n += n < 100 ? 1 : 97) assert_non_null(seg_model_open(&model, block, n));
  free(block);
  unload(&m);
}

/* ---- what ships -------------------------------------------------------------------------------------------------- */

/* The data that the shipped model is made of; false if they are not there. */
static bool load_shipped(seg_treebank *train_part, seg_treebank *dev_part, seg_word_list lists[2]) {
  const char *dir = getenv("SLUICE_TEST_DATA"), *why = "";
  if (!dir) {
    print_message("skipped: SLUICE_TEST_DATA is not set\n");
    return false;
  }
  static const char *const names[] = {"train", "dev"};
  seg_treebank *parts[] = {train_part, dev_part};
  char path[1024];
  seg_treebank_init(train_part, &heap);
  if (dev_part != train_part) seg_treebank_init(dev_part, &heap);
  for (size_t i = 0; i < 2; i++) {
    size_t n;
    snprintf(path, sizeof(path), "%s/data/ud-vtb/vi_vtb-ud-%s.conllu", dir, names[i]);
    char *data = read_file(path, &n);
    if (!data) fail_msg("%s is not there", path);
    assert_int_equal(seg_treebank_add(parts[i], data, n, &why), 0);
    free(data);
  }
  snprintf(path, sizeof(path), "%s/data/vnvocab/vnvocab.txt", dir);
  lists[0].text = read_file(path, &lists[0].n);
  lists[1].text = read_file(TESTDATA "/../../data/extra.txt", &lists[1].n);
  assert_true(lists[0].text && lists[1].text);
  return true;
}

/* The model that comes with the plugin is what its data make. */
static void shipped_model(void **state) {
  (void)state;
  static const seg_train_options options = SEG_TRAIN_DEFAULTS;
  seg_treebank tb;
  seg_word_list lists[2];
  if (!load_shipped(&tb, &tb, lists)) return;
  seg_train_data data = {&tb, NULL, lists, 2};
  void *block;
  size_t size, shipped_size;
  char *shipped = read_file(TESTDATA "/../../data/vi.bin", &shipped_size);
  assert_non_null(shipped);
  const char *wrong = seg_train(&heap, &data, &options, &block, &size);
  if (wrong) fail_msg("%s", wrong);
  assert_int_equal(size, shipped_size);
  assert_memory_equal(block, shipped, size);
  seg_treebank_done(&tb);
  free(block);
  free(shipped);
  for (size_t i = 0; i < 2; i++) free((char *)(uintptr_t)lists[i].text);
}

/* Trained on the train part only, with VnVocab only, measured on the dev part: text and words it has not seen. */
static void held_out(void **state) {
  (void)state;
  static const seg_train_options options = {.seed = 1, .passes = 6, .runs = 2, .bits = 16, .blocks = 4};
  seg_treebank train_part, dev_part;
  seg_word_list lists[2];
  if (!load_shipped(&train_part, &dev_part, lists)) return;
  seg_train_data data = {&train_part, NULL, lists, 1};
  seg_score words = {0, 0, 0}, ends = {0, 0, 0};
  seg_model m;
  void *block;
  size_t size;
  const char *wrong = seg_train(&heap, &data, &options, &block, &size);
  if (wrong) fail_msg("%s", wrong);
  assert_null(seg_model_open(&m, block, size));
  assert_int_equal(seg_score_words(&heap, &m, &dev_part, NULL, &words), 0);
  assert_int_equal(seg_score_sentences(&heap, &m, &dev_part, 0, &ends), 0);
  print_message("train only, on dev: words F1 %.4f, sentences in one text F1 %.4f\n", seg_score_f1(&words),
                seg_score_f1(&ends));
  assert_true(seg_score_f1(&words) > 0.965);
  assert_true(seg_score_f1(&ends) > 0.985);
  seg_treebank_done(&train_part);
  seg_treebank_done(&dev_part);
  free(block);
  for (size_t i = 0; i < 2; i++) free((char *)(uintptr_t)lists[i].text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_conllu),
      cmocka_unit_test(names_broken_lines),
      cmocka_unit_test(notes),
      cmocka_unit_test(long_sentences),
      cmocka_unit_test(same_data_same_bytes),
      cmocka_unit_test(known_bytes),
      cmocka_unit_test(learns),
      cmocka_unit_test(scores),
      cmocka_unit_test(refuses),
      cmocka_unit_test(without_memory),
      cmocka_unit_test(damaged_models),
      cmocka_unit_test(shipped_model),
      cmocka_unit_test(held_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
