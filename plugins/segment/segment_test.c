/* SPDX-License-Identifier: Apache-2.0 */
/* segment: traps of Vietnamese text, offsets, dictionaries, the stage in the harness, and figures on a treebank if
 * there is one. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <sluice/harness.h>
#include <utf8proc.h>

#include "dict_build.h"
#include "segment.h"
#include "vi_text.h"

static const lane_mem heap = {malloc, free};
static seg_lexicon lexicon;

static seg_model model;

static int load_lexicon(void **state) {
  size_t skipped;
  (void)state;
  const char *wrong = seg_model_shipped(&model);
  if (wrong) fail_msg("the model in the plugin: %s", wrong);
  return seg_lexicon_init(&lexicon, &heap, &model, NULL, 0, &skipped);
}

static int unload_lexicon(void **state) {
  (void)state;
  seg_lexicon_done(&lexicon);
  return 0;
}

/* ---- helpers ----------------------------------------------------------------------------------------------------- */

static char *read_file(const char *path, size_t *ret_n) {
  FILE *f = fopen(path, "rb");
  if (!f) return NULL;
  size_t n = 0, cap = 1 << 22;
  char *buf = malloc(cap + 1);
  assert_non_null(buf);
  n = fread(buf, 1, cap, f);
  fclose(f);
  buf[n] = '\0';
  if (ret_n) *ret_n = n;
  return buf;
}

/* \n in a line of the test data. */
static void unescape(char *s) {
  char *o = s;
  for (; *s; s++) {
    if (s[0] == '\\' && s[1] == 'n') {
      *o++ = '\n';
      s++;
    } else {
      *o++ = *s;
    }
  }
  *o = '\0';
}

typedef void (*block_fn)(const char *name, const char *text, const char *expected);

/* Calls fn for each block of a file of test data; expected lines are joined by \n. Returns how many there were. */
static int each_block(const char *path, block_fn fn) {
  char name[256] = "", text[4096] = "", expected[4096] = "";
  int blocks = 0;
  char *data = read_file(path, NULL);
  assert_non_null(data);
  for (char *line = data, *next; line; line = next) {
    next = strchr(line, '\n');
    if (next) *next++ = '\0';
    if (*line == '\0' || !next) {
      if (*text) {
        fn(name, text, expected);
        blocks++;
      }
      *text = *expected = '\0';
    } else if (*line == '#') {
      snprintf(name, sizeof(name), "%s", line + 2);
    } else if (*line == '>') {
      snprintf(text, sizeof(text), "%s", line + 2);
      unescape(text);
    } else {
      unescape(line);
      strcat(strcat(expected, line), "\n");
    }
  }
  free(data);
  return blocks;
}

static seg_range range_at(const segmenter *sg, const lane_vec *v, size_t i) {
  (void)sg;
  return ((const seg_range *)v->items)[i];
}

/* What must hold for every result: ranges lie in the text, in order, at borders of characters, around no white space.
 */
static void check_result(const segmenter *sg, const char *s, size_t n) {
  size_t at = 0;
  for (size_t i = 0; i < sg->sentences.n; i++) {
    seg_result_sentence q = ((const seg_result_sentence *)sg->sentences.items)[i];
    assert_true(q.start >= at && q.start < q.end && q.end <= n);
    assert_true(q.first_word < q.last_word && q.last_word <= sg->words.n);
    size_t word_at = q.start;
    for (uint32_t w = q.first_word; w < q.last_word; w++) {
      seg_range r = range_at(sg, &sg->words, w);
      assert_true(r.start >= word_at && r.start < r.end && r.end <= q.end);
      size_t k = r.end;
      assert_false(vi_is_space(vi_peek(s, n, r.start)));
      assert_false(vi_is_space(vi_prev(s, &k)));
      word_at = r.end;
    }
    at = q.end;
  }
  at = 0;
  for (size_t i = 0; i < sg->paragraphs.n; i++) {
    seg_range r = range_at(sg, &sg->paragraphs, i);
    assert_true(r.start >= at && r.start < r.end && r.end <= n);
    at = r.end;
  }
}

/* ---- traps ---------------------------------------------------------------------------------------------------------
 */

static int failures;

static void check_sentences(const char *name, const char *text, const char *expected) {
  segmenter sg;
  char found[8192] = "";
  segmenter_init(&sg, &lexicon, SEG_BREAK_AUTO);
  assert_int_equal(segmenter_run(&sg, text, strlen(text), -1), 0);
  check_result(&sg, text, strlen(text));
  for (size_t i = 0; i < sg.sentences.n; i++) {
    seg_result_sentence q = ((const seg_result_sentence *)sg.sentences.items)[i];
    strncat(strncat(found, text + q.start, q.end - q.start), "\n", 2);
  }
  segmenter_done(&sg);
  if (strcmp(found, expected) == 0) return;
  print_error("%s\nexpected:\n%sfound:\n%s\n", name, expected, found);
  failures++;
}

static void words_of(const char *text, char *out, size_t cap) {
  segmenter sg;
  lane_vec v = {0};
  segmenter_init(&sg, &lexicon, SEG_BREAK_AUTO);
  assert_int_equal(segmenter_run(&sg, text, strlen(text), SEG_LANG_VI), 0);
  check_result(&sg, text, strlen(text));
  *out = '\0';
  for (size_t i = 0; i < sg.sentences.n; i++) {
    v.n = 0;
    assert_int_equal(segmenter_words_text(&sg, text, i, &v), 0);
    size_t len = strlen(out);
    snprintf(out + len, cap - len, "%s%.*s", i ? " " : "", (int)v.n, (const char *)v.items);
  }
  lane_vec_done(&heap, &v);
  segmenter_done(&sg);
}

static void check_words(const char *name, const char *text, const char *expected) {
  char found[8192];
  words_of(text, found, sizeof(found) - 1);
  strcat(found, "\n");
  if (strcmp(found, expected) == 0) return;
  print_error("%s\nexpected: %sfound:    %s\n", name, expected, found);
  failures++;
}

static void sentence_traps(void **state) {
  (void)state;
  failures = 0;
  assert_true(each_block(TESTDATA "/sentences.txt", check_sentences) >= 50);
  assert_int_equal(failures, 0);
}

static void word_traps(void **state) {
  (void)state;
  failures = 0;
  assert_true(each_block(TESTDATA "/words.txt", check_words) >= 27);
  assert_int_equal(failures, 0);
}

/* The same text with decomposed letters has the same words, letter by letter. */
static void decomposed_text(void **state) {
  (void)state;
  const char *text = "Tổng Bí thư Tô Lâm nhấn mạnh nhiệm vụ chuyển đổi số ở Đồng Tháp và châu Á.";
  char *nfd = (char *)utf8proc_NFD((const utf8proc_uint8_t *)text);
  assert_non_null(nfd);
  char a[1024], b[1024];
  words_of(text, a, sizeof(a));
  words_of(nfd, b, sizeof(b));
  char *back = (char *)utf8proc_NFC((const utf8proc_uint8_t *)b);
  assert_string_not_equal(a, b);
  assert_string_equal(a, back);
  free(back);
  free(nfd);
}

static void keys(void **state) {
  (void)state;
#define KEY(s) vi_key(s, strlen(s))
  assert_true(KEY("hòa") == KEY("HOÀ"));
  assert_true(KEY("ủy") == KEY("uỷ"));
  assert_true(KEY("quý") != KEY("quỳ"));
  assert_true(KEY("đi") != KEY("di"));
  assert_true(KEY("tiếng") == KEY("tie\xCC\x82\xCC\x81ng"));
  assert_true(KEY("tiếng") == KEY("tie\xCC\x81\xCC\x82ng")); /* marks in the wrong order */
  assert_true(vi_key_i(KEY("kỹ")) == KEY("kĩ"));
  assert_true(vi_key_i(KEY("quy")) != KEY("qui"));
  assert_true(vi_key_plain(vi_key_toneless(KEY("đường"))) == KEY("duong"));
  assert_true(KEY("chlorhydric") == KEY("CHLORHYDRIC"));
  assert_true(KEY("chlorhydric") != KEY("chlorhydrit"));
  assert_true(KEY("") == 0);
#undef KEY
  char out[64];
  size_t n = vi_fold_text("Tổng  Bí\nThư, HOÀ", strlen("Tổng  Bí\nThư, HOÀ"), out, sizeof(out));
  assert_int_equal(n, strlen("tông3 bi2 thư, hoa1"));
  assert_memory_equal(out, "tông3 bi2 thư, hoa1", n);
  assert_true(vi_fold_text("Đường", strlen("Đường"), out, 3) == (size_t)-1);
}

/* Upper and lower case by the tables equal utf8proc's for every code point. */
static void classes(void **state) {
  (void)state;
  for (uint32_t cp = 0; cp < 0x110000; cp++) {
    if (cp == 0xD800) cp = 0xE000;
    int cat = (int)utf8proc_category((utf8proc_int32_t)cp);
    if (cp == VI_BAD) continue;
    bool upper = cat == UTF8PROC_CATEGORY_LU || cat == UTF8PROC_CATEGORY_LT;
    if (vi_is_upper(cp) != upper || vi_is_lower(cp) != (cat == UTF8PROC_CATEGORY_LL)) {
      fail_msg("U+%04X: category %d, table says upper %d lower %d", cp, cat, vi_is_upper(cp), vi_is_lower(cp));
    }
  }
}

static void languages(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int lang;
  } cases[] = {
      {"Thành phố đã hoàn thành nhiệm vụ được giao.", SEG_LANG_VI},
      {"Thanh pho da hoan thanh nhiem vu duoc giao cho cac don vi trong nam nay.", SEG_LANG_VI},
      {"The city has finished the work that was given to it in June.", SEG_LANG_EN},
      {"Die Stadt hat die Arbeit im Juni abgeschlossen, sagte der Bürgermeister.", SEG_LANG_UND},
      {"La ville a terminé les travaux au mois de juin, a déclaré le maire.", SEG_LANG_UND},
      {"123 456 !!!", SEG_LANG_UND},
      {"", SEG_LANG_UND},
      {"今天天气很好", SEG_LANG_UND},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    int lang = seg_language(&lexicon, cases[i].text, strlen(cases[i].text));
    if (lang != cases[i].lang) fail_msg("%s: expected %d, found %d", cases[i].text, cases[i].lang, lang);
  }
}

/* Each sentence is cut by the rules of its own language; a language that is given holds for all. */
static void mixed_languages(void **state) {
  (void)state;
  const char *text =
      "Bộ trưởng trích lời bài hát nổi tiếng. All you need is love, said the singer in the song. Sau đó ông "
      "về Hà Nội. Der Minister sagte gestern dem Sender kein einziges Wort. OK bye!";
  static const int expected[] = {SEG_LANG_VI, SEG_LANG_EN, SEG_LANG_VI, SEG_LANG_UND, SEG_LANG_VI};
  segmenter sg;
  segmenter_init(&sg, &lexicon, SEG_BREAK_AUTO);
  assert_int_equal(segmenter_run(&sg, text, strlen(text), -1), 0);
  assert_int_equal(sg.language, SEG_LANG_VI);
  assert_int_equal(sg.sentences.n, 5);
  for (size_t i = 0; i < 5; i++) {
    const seg_result_sentence *q = (const seg_result_sentence *)sg.sentences.items + i;
    if (q->language != expected[i]) fail_msg("sentence %zu: expected %d, found %d", i, expected[i], q->language);
    for (uint32_t w = q->first_word; w < q->last_word && q->language != SEG_LANG_VI; w++) {
      seg_range r = range_at(&sg, &sg.words, w);
      assert_null(memchr(text + r.start, ' ', r.end - r.start));
    }
  }
  assert_int_equal(segmenter_run(&sg, text, strlen(text), SEG_LANG_VI), 0);
  for (size_t i = 0; i < sg.sentences.n; i++) {
    assert_int_equal(((const seg_result_sentence *)sg.sentences.items)[i].language, SEG_LANG_VI);
  }
  segmenter_done(&sg);
}

static void paragraph_kinds(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int breaks;
    const char *expected; /* starts and ends */
  } cases[] = {
      {"a b\n\nc", SEG_BREAK_AUTO, "0-3 5-6 "},
      {"\n\n a\r\n\r\nb \n", SEG_BREAK_AUTO, "3-4 8-9 "},
      {"Một.\nHai.", SEG_BREAK_AUTO, "0-6 7-11 "},
      {"Một\nhai.", SEG_BREAK_AUTO, "0-10 "},
      {"Một\nhai.", SEG_BREAK_PARAGRAPH, "0-5 6-10 "},
      {"Một.\nHai.\n\nBa", SEG_BREAK_SPACE, "0-11 13-15 "},
      {"", SEG_BREAK_AUTO, ""},
      {" \n \t\n", SEG_BREAK_AUTO, ""},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    lane_vec v = {0};
    char found[128] = "";
    assert_int_equal(seg_paragraphs(&v, &heap, cases[i].text, strlen(cases[i].text), cases[i].breaks), 0);
    for (size_t k = 0; k < v.n; k++) {
      seg_range r = ((const seg_range *)v.items)[k];
      snprintf(found + strlen(found), 32, "%u-%u ", r.start, r.end);
    }
    lane_vec_done(&heap, &v);
    assert_string_equal(found, cases[i].expected);
  }
}

/* ---- dictionaries
 * ---------------------------------------------------------------------------------------------------- */

static void user_words(void **state) {
  (void)state;
  const char *list = "# our own\nsiêu cấp vip\n!công nghệ\nLâu Đài Cát\nabc1\n\n";
  seg_lexicon own;
  size_t skipped;
  assert_int_equal(seg_lexicon_init(&own, &heap, &model, list, strlen(list), &skipped), 0);
  assert_int_equal(skipped, 1);
  seg_lexicon saved = lexicon;
  lexicon = own;
  char found[512];
  words_of("Hàng siêu cấp vip của công nghệ thông tin, công nghệ, kinh tế, lâu đài cát", found, sizeof(found));
  lexicon = saved;
  /* What the model knows of its words and syllables is known with the user's beside them. */
  uint32_t nodes[2] = {0, 0}, notes[2] = {0, 0};
  const seg_dict *dicts[] = {&model.dict, &own.dict};
  for (size_t i = 0; i < 2; i++) {
    uint32_t kinh = seg_dict_syllable(dicts[i], vi_key("kinh", 4)),
             te = seg_dict_syllable(dicts[i], vi_key("tế", strlen("tế")));
    nodes[i] = seg_dict_class(dicts[i], seg_dict_step(dicts[i], seg_dict_step(dicts[i], 0, kinh), te));
    notes[i] = dicts[i]->notes[te];
  }
  assert_true(nodes[0] & 8u);
  assert_int_equal(nodes[0], nodes[1]);
  assert_true(notes[0] != 0);
  assert_int_equal(notes[0], notes[1]);
  seg_lexicon_done(&own);
  assert_string_equal(found, "Hàng siêu_cấp_vip của công_nghệ_thông_tin , công nghệ , kinh_tế , lâu_đài cát");
}

static void damaged_dictionaries(void **state) {
  (void)state;
  seg_build b;
  void *block;
  size_t size;
  seg_dict d;
  const char *list = "một hai\nmột hai ba\nbốn năm\n";
  seg_build_init(&b, &heap);
  assert_int_equal(seg_build_list(&b, list, strlen(list)), 0);
  assert_int_equal(seg_build_block(&b, &block, &size), 0);
  seg_build_done(&b);
  assert_null(seg_dict_open(&d, block, size));
  assert_int_equal(d.head->n_words, 3);
  uint32_t node = seg_dict_step(&d, 0, seg_dict_syllable(&d, vi_key("MỘT", 5)));
  assert_true(node != 0);
  assert_int_equal(seg_dict_flags(&d, node), 0);
  node = seg_dict_step(&d, node, seg_dict_syllable(&d, vi_key("hai", 3)));
  assert_int_equal(seg_dict_flags(&d, node), SEG_DICT_WORD);
  for (size_t i = 0; i < size; i++) { /* no single byte may change unnoticed, but in the header's spare field */
    ((char *)block)[i] ^= 0x40;
    bool spare = i >= offsetof(seg_dict_head, reserved) && i < offsetof(seg_dict_head, checksum);
    bool count = i >= offsetof(seg_dict_head, n_words) && i < offsetof(seg_dict_head, reserved);
    if (!spare && !count && seg_dict_open(&d, block, size) == NULL)
      fail_msg("byte %zu of %zu changed unnoticed", i, size);
    ((char *)block)[i] ^= 0x40;
  }
  assert_non_null(seg_dict_open(&d, block, size - 1));
  assert_non_null(seg_dict_open(&d, block, 7));
  free(block);
}

/* ---- odd input
 * -------------------------------------------------------------------------------------------------------- */

/* Long texts of one kind take room and time in proportion: the time limit of the test is the check. */
static void long_texts(void **state) {
  (void)state;
  static const char *const pieces[] = {"a",    "a ",   ".",    ". ",   "A.",   "(",     "(. ",      "- ",
                                       "a-",   "\"",   "\n",   "\n\n", "Một ", "1.",    "Hà Nội. ", "\xCC\x81",
                                       "\xFF", "…”) ", "a.b@", "x.vn", "v.v.", "A a. ", "www.a",    "công nghệ "};
  enum { size = 2 << 20 };
  char *text = malloc(size);
  assert_non_null(text);
  segmenter sg;
  segmenter_init(&sg, &lexicon, SEG_BREAK_AUTO);
  for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
    size_t len = strlen(pieces[i]), n = 0;
    while (n + len <= size) {
      memcpy(text + n, pieces[i], len);
      n += len;
    }
    assert_int_equal(segmenter_run(&sg, text, n, SEG_LANG_VI), 0);
    check_result(&sg, text, n);
  }
  segmenter_done(&sg);
  free(text);
}

static void too_long(void **state) {
  (void)state;
  segmenter sg;
  segmenter_init(&sg, &lexicon, SEG_BREAK_AUTO);
  assert_int_equal(segmenter_run(&sg, "", SEG_MAX_TEXT + 1, SEG_LANG_VI), -2);
  segmenter_done(&sg);
}

/* ---- the stage
 * ---------------------------------------------------------------------------------------------------------- */

static const sl_stage_type *type(void) { return sluice_plugin()->types[0]; }

static sl_harness *started(const char *params) {
  sl_harness *h = sl_harness_new(type(), params);
  int32_t rc = sl_harness_start(h);
  if (rc != 0) fail_msg("start: %d %s", rc, sl_harness_last(h).message);
  return h;
}

static void stage_writes(void **state) {
  (void)state;
  sl_harness *h = started(NULL);
  assert_int_equal(
      sl_harness_push_json(h, "{\"id\":7,\"text\":\"Hà Nội mưa. Huế nắng.\\n\\nTP.HCM mát.\",\"lang\":\"xx\"}"),
      SL_V_OK);
  sl_doc *doc = sl_harness_pull(h);
  assert_true(sl_harness_equals(
      h, doc,
      "{\"id\":7,\"text\":\"Hà Nội mưa. Huế nắng.\\n\\nTP.HCM mát.\",\"lang\":\"vi\",\"paragraphs\":[[0,29],[31,43]],"
      "\"sentences\":[{\"start\":0,\"end\":15,\"words\":\"Hà_Nội mưa .\"},{\"start\":16,\"end\":29,\"words\":\"Huế "
      "nắng .\"},"
      "{\"start\":31,\"end\":43,\"words\":\"TP.HCM mát .\"}]}"));
  sl_harness_free(h);
}

/* An article, field by field. */
static void stage_golden(void **state) {
  (void)state;
  size_t n;
  char *text = read_file(TESTDATA "/article.txt", &n), *expected = read_file(TESTDATA "/article.json", NULL);
  assert_true(text && expected && n > 0);
  text[n - 1] = '\0'; /* the final line end */
  cJSON *body = cJSON_CreateObject();
  cJSON_AddStringToObject(body, "text", text);
  char *json = cJSON_PrintUnformatted(body);
  sl_harness *h = started(NULL);
  assert_int_equal(sl_harness_push_json(h, json), SL_V_OK);
  assert_true(sl_harness_equals(h, sl_harness_pull(h), expected));
  sl_harness_free(h);
  cJSON_free(json);
  cJSON_Delete(body);
  free(text);
  free(expected);
}

static void stage_tokens(void **state) {
  (void)state;
  sl_harness *h = started("{ tokens: true, language: vi }");
  assert_int_equal(sl_harness_push_json(h, "{\"text\":\"Hà Nội mưa.\"}"), SL_V_OK);
  assert_string_equal(sl_harness_string(h, sl_harness_pull(h), "/sentences/0/tokens"), "[0,9,10,14,14,15]");
  sl_harness_free(h);
}

static void stage_other_languages(void **state) {
  (void)state;
  sl_harness *h = started("{ language: en }");
  assert_int_equal(sl_harness_push_json(h, "{\"text\":\"Hà Nội is big.\"}"), SL_V_OK);
  sl_doc *doc = sl_harness_pull(h);
  assert_string_equal(sl_harness_string(h, doc, "/lang"), "en");
  assert_string_equal(sl_harness_string(h, doc, "/sentences/0/words"), "Hà Nội is big .");
  sl_harness_free(h);
}

static void stage_empty(void **state) {
  (void)state;
  sl_harness *h = started(NULL);
  assert_int_equal(sl_harness_push_json(h, "{\"text\":\"\"}"), SL_V_OK);
  assert_true(
      sl_harness_equals(h, sl_harness_pull(h), "{\"text\":\"\",\"lang\":\"und\",\"paragraphs\":[],\"sentences\":[]}"));
  sl_harness_free(h);
}

static void stage_rejects(void **state) {
  (void)state;
  sl_harness *h = started(NULL);
  assert_int_equal(sl_harness_push_json(h, "{}"), SL_V_REJECT);
  assert_string_equal(sl_harness_last(h).message, "/text is missing");
  assert_int_equal(sl_harness_push_json(h, "{\"text\":[1]}"), SL_V_REJECT);
  assert_string_equal(sl_harness_last(h).message, "/text must be a string");
  assert_int_equal(sl_harness_last(h).code, SL_EINVAL);
  sl_harness_free(h);
}

static void stage_dictionary(void **state) {
  (void)state;
  sl_harness *h = started("{ dictionary: " TESTDATA "/own-words.txt }");
  assert_non_null(strstr(sl_harness_log(h), "1 lines of the dictionary are left out"));
  assert_int_equal(sl_harness_push_json(h, "{\"text\":\"Món bánh tráng trộn này của Phố Hàng Bún rất ngon.\"}"),
                   SL_V_OK);
  assert_string_equal(sl_harness_string(h, sl_harness_pull(h), "/sentences/0/words"),
                      "Món bánh_tráng_trộn này của Phố_Hàng_Bún rất ngon .");
  sl_harness_free(h);
  h = sl_harness_new(type(), "{ dictionary: " TESTDATA "/not-there.txt }");
  assert_int_equal(sl_harness_create(h), SL_EIO);
  assert_non_null(strstr(sl_harness_last(h).message, "not-there.txt"));
  sl_harness_free(h);
}

static void stage_mixed(void **state) {
  (void)state;
  sl_harness *h = started(NULL);
  assert_int_equal(sl_harness_push_json(h, "{\"text\":\"Ông ấy hát. All you need is love.\"}"), SL_V_OK);
  assert_true(sl_harness_equals(
      h, sl_harness_pull(h),
      "{\"text\":\"Ông ấy hát. All you need is love.\",\"lang\":\"vi\",\"paragraphs\":[[0,37]],\"sentences\":["
      "{\"start\":0,\"end\":15,\"words\":\"Ông ấy hát .\"},"
      "{\"start\":16,\"end\":37,\"words\":\"All you need is love .\",\"lang\":\"en\"}]}"));
  sl_harness_free(h);
}

/* A model of the user's own, and files that are none. */
static void stage_model(void **state) {
  (void)state;
  static const struct {
    const char *params;
    int32_t code;
    const char *message;
  } cases[] = {
      {"{ model: " TESTDATA "/not-there.bin }", SL_EIO, "No such file"},
      {"{ model: " TESTDATA "/article.txt }", SL_EINVAL, "it is not a model"},
      {"{ model: " TESTDATA " }", SL_EINVAL, "it is not a model"},
  };
  sl_harness *h = started("{ model: " TESTDATA "/../data/vi.bin }");
  assert_int_equal(sl_harness_push_json(h, "{\"text\":\"Hà Nội mưa.\"}"), SL_V_OK);
  assert_true(sl_harness_equals(h, sl_harness_pull(h),
                                "{\"text\":\"Hà Nội mưa.\",\"lang\":\"vi\",\"paragraphs\":[[0,15]],"
                                "\"sentences\":[{\"start\":0,\"end\":15,\"words\":\"Hà_Nội mưa .\"}]}"));
  sl_harness_free(h);
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    h = sl_harness_new(type(), cases[i].params);
    assert_int_equal(sl_harness_create(h), cases[i].code);
    if (!strstr(sl_harness_last(h).message, cases[i].message))
      fail_msg("expected \"%s\", found \"%s\"", cases[i].message, sl_harness_last(h).message);
    sl_harness_free(h);
  }
}

/* Every allocation fails once in turn: no crash, no leak, and the document is not half written. */
static void stage_without_memory(void **state) {
  (void)state;
  const char *body = "{\"text\":\"Tổng Bí thư Tô Lâm đến Huế. Ông nói: “Phải làm ngay.”\\n\\nHết.\"}";
  int failed = 1;
  for (uint64_t nth = 1; failed && nth < 2000; nth++) {
    sl_harness *h = started("{ tokens: true }");
    sl_doc *doc = sl_harness_doc(h, body);
    sl_harness_fail_alloc(h, nth);
    int32_t verdict = sl_harness_push(h, doc);
    failed = sl_harness_alloc_failed(h);
    if (failed && verdict == SL_V_RETRY) {
      assert_int_equal(sl_harness_last(h).code, SL_ENOMEM);
    } else {
      assert_int_equal(verdict, SL_V_OK);
    }
    sl_harness_free(h);
  }
  assert_false(failed);
  for (uint64_t nth = 1, more = 1; more && nth < 200; nth++) {
    sl_harness *h = sl_harness_new(type(), "{ dictionary: " TESTDATA "/own-words.txt }");
    sl_harness_fail_alloc(h, nth);
    int32_t rc = sl_harness_start(h);
    more = (uint64_t)sl_harness_alloc_failed(h);
    assert_int_equal(rc, more ? SL_ENOMEM : 0);
    sl_harness_free(h);
  }
}

/* ---- figures
 * ------------------------------------------------------------------------------------------------------------ */

typedef struct treebank {
  char *text; /* sentences parted by empty lines, tokens by spaces */
  size_t n;
  unsigned char *word_end, *sentence_end; /* by bytes that are not white space: 1 where one ends */
} treebank;

/* Columns of CoNLL-U: the second is the word. Brackets are written LBKT and RBKT. */
static treebank load_treebank(const char *path) {
  treebank t = {0};
  char *data = read_file(path, &t.n);
  if (!data) return t;
  t.text = malloc(t.n + 2);
  t.word_end = calloc(t.n + 1, 1);
  t.sentence_end = calloc(t.n + 1, 1);
  assert_true(t.text && t.word_end && t.sentence_end);
  size_t o = 0, solid = 0;
  for (char *line = data, *next; line && *line; line = next) {
    next = strchr(line, '\n');
    if (next) *next++ = '\0';
    const char *word = strchr(line, '\t');
    char *end = word ? strchr(word + 1, '\t') : NULL;
    if (*line == '\0') {
      t.text[o++] = '\n';
      t.text[o++] = '\n';
      if (solid) t.sentence_end[solid] = 1;
    }
    if (*line == '#' || !end) continue;
    *end = '\0';
    word++;
    if (strcmp(word, "LBKT") == 0) word = "(";
    if (strcmp(word, "RBKT") == 0) word = ")";
    for (; *word; word++) {
      solid += *word != ' ';
      t.text[o++] = *word;
    }
    t.text[o++] = ' ';
    t.word_end[solid] = 1;
  }
  t.n = o;
  free(data);
  return t;
}

/* Spans are right when both ends are; counted over the bytes that are not white space. */
static void score_treebank(const char *name, const char *path) {
  treebank t = load_treebank(path);
  if (!t.text) {
    print_message("skipped: %s is not there\n", path);
    return;
  }
  segmenter sg;
  segmenter_init(&sg, &lexicon, SEG_BREAK_AUTO);
  assert_int_equal(segmenter_run(&sg, t.text, t.n, SEG_LANG_VI), 0);
  size_t solid = 0, at = 0, gold = 0, right = 0;
  for (size_t i = 0; i <= t.n; i++) gold += t.word_end[i];
  for (size_t w = 0; w < sg.words.n; w++) {
    seg_range r = range_at(&sg, &sg.words, w);
    size_t from, inner = 0;
    for (; at < r.start; at++) solid += t.text[at] != ' ' && t.text[at] != '\n';
    from = solid;
    for (; at < r.end; at++) {
      inner += solid > from && t.word_end[solid] && t.text[at] != ' ';
      solid += t.text[at] != ' ' && t.text[at] != '\n';
    }
    right += (from == 0 || t.word_end[from]) && t.word_end[solid] && inner == 0;
  }
  double p = (double)right / (double)sg.words.n, r = (double)right / (double)gold, f = 2 * p * r / (p + r);
  print_message("%s: words precision %.4f recall %.4f F1 %.4f\n", name, p, r, f);
  assert_true(f > 0.98);
  segmenter_done(&sg);
  free(t.text);
  free(t.word_end);
  free(t.sentence_end);
}

/* Sentences of the treebank in paragraphs of five: how many ends are found, and how many are false. */
static void score_sentences(const char *name, const char *path) {
  treebank t = load_treebank(path);
  if (!t.text) return;
  size_t breaks = 0;
  for (size_t i = 0; i < t.n; i++) {
    if (t.text[i] == '\n' && ++breaks % 10 > 1) t.text[i] = ' ';
  }
  segmenter sg;
  segmenter_init(&sg, &lexicon, SEG_BREAK_AUTO);
  assert_int_equal(segmenter_run(&sg, t.text, t.n, SEG_LANG_VI), 0);
  size_t solid = 0, at = 0, gold = 0, right = 0;
  for (size_t i = 0; i <= t.n; i++) gold += t.sentence_end[i];
  for (size_t i = 0; i < sg.sentences.n; i++) {
    seg_result_sentence q = ((const seg_result_sentence *)sg.sentences.items)[i];
    for (; at < q.end; at++) solid += t.text[at] != ' ' && t.text[at] != '\n';
    right += t.sentence_end[solid];
  }
  double p = (double)right / (double)sg.sentences.n, r = (double)right / (double)gold, f = 2 * p * r / (p + r);
  print_message("%s: sentence ends precision %.4f recall %.4f F1 %.4f\n", name, p, r, f);
  assert_true(f > 0.985);
  segmenter_done(&sg);
  free(t.text);
  free(t.word_end);
  free(t.sentence_end);
}

static void figures(void **state) {
  (void)state;
  const char *dir = getenv("SLUICE_TEST_DATA");
  if (!dir) {
    print_message("skipped: SLUICE_TEST_DATA is not set\n");
    return;
  }
  char path[1024];
  snprintf(path, sizeof(path), "%s/data/ud-vtb/vi_vtb-ud-dev.conllu", dir);
  score_treebank("UD-VTB dev, which the model has seen", path);
  score_sentences("UD-VTB dev", path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keys),
      cmocka_unit_test(classes),
      cmocka_unit_test(sentence_traps),
      cmocka_unit_test(word_traps),
      cmocka_unit_test(decomposed_text),
      cmocka_unit_test(languages),
      cmocka_unit_test(mixed_languages),
      cmocka_unit_test(stage_mixed),
      cmocka_unit_test(stage_model),
      cmocka_unit_test(paragraph_kinds),
      cmocka_unit_test(user_words),
      cmocka_unit_test(damaged_dictionaries),
      cmocka_unit_test(long_texts),
      cmocka_unit_test(too_long),
      cmocka_unit_test(stage_writes),
      cmocka_unit_test(stage_golden),
      cmocka_unit_test(stage_tokens),
      cmocka_unit_test(stage_other_languages),
      cmocka_unit_test(stage_empty),
      cmocka_unit_test(stage_rejects),
      cmocka_unit_test(stage_dictionary),
      cmocka_unit_test(stage_without_memory),
      cmocka_unit_test(figures),
  };
  return cmocka_run_group_tests(tests, load_lexicon, unload_lexicon);
}
