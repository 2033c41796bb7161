/* SPDX-License-Identifier: Apache-2.0 */
/* summarize: which sentences are chosen, budgets, keywords, bodies that are not as they should be. */
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

#include "summary.h"

static const lane_mem heap = {malloc, free};

static const sl_stage_type *type(void) { return sluice_plugin()->types[0]; }

static sl_harness *started(const char *params) {
  sl_harness *h = sl_harness_new(type(), params);
  int32_t rc = sl_harness_start(h);
  if (rc != 0) fail_msg("start: %d %s", rc, sl_harness_last(h).message);
  return h;
}

/* A body of the sentences given, each with its words, parted by single spaces; free it with cJSON_free. */
static char *body_of(const char *title, const char *const *sentences, size_t n) {
  cJSON *body = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(body, "sentences");
  size_t size = 1, at = 0;
  for (size_t i = 0; i < n; i++) size += strlen(sentences[i]) + 1;
  char *text = calloc(size, 1);
  assert_non_null(text);
  for (size_t i = 0; i < n; i++) {
    size_t len = strlen(sentences[i]);
    cJSON *s = cJSON_CreateObject();
    cJSON_AddNumberToObject(s, "start", (double)at);
    cJSON_AddNumberToObject(s, "end", (double)(at + len));
    cJSON_AddStringToObject(s, "words", sentences[i]);
    cJSON_AddItemToArray(list, s);
    memcpy(text + at, sentences[i], len);
    at += len;
    if (i + 1 < n) text[at++] = ' ';
  }
  cJSON_AddStringToObject(body, "text", text);
  if (title) cJSON_AddStringToObject(body, "title", title);
  char *out = cJSON_PrintUnformatted(body);
  assert_non_null(out);
  cJSON_Delete(body);
  free(text);
  return out;
}

static const char *const news[] = {
    "Sáng 5/3 , tỉnh khởi_công cầu vượt sông Hằng_Giang với tổng vốn 1.250 tỷ đồng .",
    "Cầu dài 860 m , rộng bốn làn_xe , dự_kiến thông_xe vào cuối năm 2027 .",
    "Ông Khải yêu_cầu nhà_thầu bảo_đảm tiến_độ thi_công cầu vượt sông Hằng_Giang .",
    "Trời nắng đẹp .",
    "Tỉnh khởi_công cầu vượt sông Hằng_Giang sáng 5/3 với tổng vốn 1.250 tỷ đồng .",
    "Theo sở , cầu vượt sông sẽ rút_ngắn đường từ trung_tâm đến khu_công_nghiệp còn 6 km .",
};
#define N_NEWS (sizeof(news) / sizeof(news[0]))

/* Pushes a body and returns the summary's indices as text. */
static const char *summarized(sl_harness *h, const char *title, const char *const *sentences, size_t n) {
  char *body = body_of(title, sentences, n);
  int32_t verdict = sl_harness_push_json(h, body);
  cJSON_free(body);
  if (verdict != SL_V_OK) fail_msg("verdict %d: %s", verdict, sl_harness_last(h).message);
  return sl_harness_string(h, sl_harness_pull(h), "/summary/sentences");
}

static void centroid_takes_the_lead_and_nothing_twice(void **state) {
  (void)state;
  sl_harness *h = started("{ sentences: 3 }");
  const char *found = summarized(h, NULL, news, N_NEWS);
  assert_non_null(strstr(found, "[0,"));
  assert_null(strstr(found, "4")); /* says what 0 says */
  assert_null(strstr(found, "3")); /* says nothing */
  sl_harness_free(h);
}

static void lead_takes_the_first(void **state) {
  (void)state;
  sl_harness *h = started("{ sentences: 2, method: lead }");
  assert_string_equal(summarized(h, NULL, news, N_NEWS), "[0,1]");
  sl_harness_free(h);
}

static void title_decides(void **state) {
  (void)state;
  static const char *const s[] = {
      "Hội_nghị bàn nhiều việc của năm_học mới trong buổi sáng nay .",
      "Học_phí mầm_non giữ nguyên như trước cho mọi trường trong tỉnh .",
      "Sách_giáo_khoa mới sẽ đến tay học_sinh vào giữa tháng tám .",
      "Giáo_viên vùng cao được hỗ_trợ tiền nhà và tiền đi_lại .",
      "Bếp_ăn bán_trú của các trường phải ghi rõ nguồn thực_phẩm .",
  };
  sl_harness *h = started("{ sentences: 2 }");
  assert_null(strstr(summarized(h, NULL, s, 5), "3"));
  assert_non_null(strstr(summarized(h, "Hỗ trợ tiền nhà cho giáo viên vùng cao", s, 5), "3"));
  sl_harness_free(h);
}

static void the_title_itself_is_not_a_summary(void **state) {
  (void)state;
  static const char *const s[] = {
      "Khởi_công cầu vượt sông Hằng_Giang",
      "Sáng 5/3 , tỉnh khởi_công cầu vượt sông Hằng_Giang , nối hai bờ của thành_phố .",
      "Cầu dài 860 m , rộng bốn làn_xe .",
  };
  sl_harness *h = started("{ sentences: 1 }");
  assert_string_equal(summarized(h, "Khởi công cầu vượt sông Hằng Giang", s, 3), "[1]");
  sl_harness_free(h);
  h = started("{ sentences: 1, method: lead }");
  assert_string_equal(summarized(h, "Khởi công cầu vượt sông Hằng Giang", s, 3), "[1]");
  assert_string_equal(summarized(h, "Khởi công cầu vượt sông Hằng Giang", s, 1), "[0]");
  static const char *const twice[] = {"Khởi_công cầu vượt sông Hằng_Giang", "Khởi_công cầu vượt sông Hằng_Giang"};
  assert_string_equal(summarized(h, "Khởi công cầu vượt sông Hằng Giang", twice, 2), "[0]");
  sl_harness_free(h);
}

/* Half of a quotation, a sentence that leans on another, and a list of those present are taken after others. */
static void fragments_lose(void **state) {
  (void)state;
  static const char *const s[] = {
      "Tham_dự hội_nghị có lãnh_đạo Sở_Xây_dựng và các nhà_thầu cầu vượt sông .",
      "Tuy_nhiên , tiến_độ thi_công cầu vượt sông vẫn chậm so với kế_hoạch .",
      "Nhà_thầu thi_công cầu vượt sông xin lùi tiến_độ đến cuối năm sau .",
      "Chúng_tôi thiếu cát để thi_công cầu vượt sông đúng tiến_độ \" , nhà_thầu nói .",
  };
  sl_harness *h = started("{ sentences: 1 }");
  assert_string_equal(summarized(h, NULL, s, 4), "[2]");
  sl_harness_free(h);
}

static void budgets(void **state) {
  (void)state;
  sl_harness *h = started("{ sentences: 5, max_syllables: 40 }");
  const cJSON *list;
  char *body = body_of(NULL, news, N_NEWS);
  assert_int_equal(sl_harness_push_json(h, body), SL_V_OK);
  sl_doc *doc = sl_harness_pull(h);
  list = sl_harness_at(h, doc, "/summary/sentences");
  assert_in_range(cJSON_GetArraySize(list), 1, 3);
  sl_harness_free(h);
  h = started("{ sentences: 5, max_syllables: 3 }"); /* one is taken even if none fits */
  assert_int_equal(sl_harness_push_json(h, body), SL_V_OK);
  assert_int_equal(cJSON_GetArraySize(sl_harness_at(h, sl_harness_pull(h), "/summary/sentences")), 1);
  sl_harness_free(h);
  h = started("{ sentences: 100, max_syllables: 0, ratio: 0.3 }");
  assert_int_equal(sl_harness_push_json(h, body), SL_V_OK);
  assert_in_range(cJSON_GetArraySize(sl_harness_at(h, sl_harness_pull(h), "/summary/sentences")), 1, 2);
  sl_harness_free(h);
  cJSON_free(body);
}

static void text_is_the_slices(void **state) {
  (void)state;
  sl_harness *h = started("{ method: lead, sentences: 2 }");
  assert_int_equal(sl_harness_push_json(h, "{\"text\":\"Một\\nhai ba. Bốn năm. Sáu.\",\"sentences\":["
                                           "{\"start\":0,\"end\":13,\"words\":\"Một_hai ba .\"},"
                                           "{\"start\":14,\"end\":25,\"words\":\"Bốn năm .\"},"
                                           "{\"start\":26,\"end\":31,\"words\":\"Sáu .\"}]}"),
                   SL_V_OK);
  sl_doc *doc = sl_harness_pull(h);
  assert_string_equal(sl_harness_string(h, doc, "/summary"), "{\"text\":\"Một hai ba. Bốn năm.\",\"sentences\":[0,1]}");
  sl_harness_free(h);
}

static void nothing_and_one(void **state) {
  (void)state;
  sl_harness *h = started("{ keywords: 3 }");
  assert_int_equal(sl_harness_push_json(h, "{\"text\":\"\",\"sentences\":[]}"), SL_V_OK);
  assert_true(sl_harness_equals(
      h, sl_harness_pull(h),
      "{\"text\":\"\",\"sentences\":[],\"summary\":{\"text\":\"\",\"sentences\":[]},\"keywords\":[]}"));
  assert_int_equal(
      sl_harness_push_json(h, "{\"text\":\"Hà Nội.\",\"title\":\"Hà Nội\",\"sentences\":[{\"start\":0,\"end\":10}]}"),
      SL_V_OK);
  sl_doc *doc = sl_harness_pull(h);
  assert_string_equal(sl_harness_string(h, doc, "/summary/text"), "Hà Nội.");
  assert_int_equal(
      sl_harness_push_json(h, "{\"text\":\"...\",\"sentences\":[{\"start\":0,\"end\":3,\"words\":\"...\"}]}"), SL_V_OK);
  assert_string_equal(sl_harness_string(h, sl_harness_pull(h), "/summary"), "{\"text\":\"\",\"sentences\":[]}");
  sl_harness_free(h);
}

static void keywords_tell_the_subject(void **state) {
  (void)state;
  sl_harness *h = started("{ keywords: 2 }");
  char *body = body_of(NULL, news, N_NEWS);
  assert_int_equal(sl_harness_push_json(h, body), SL_V_OK);
  cJSON_free(body);
  assert_string_equal(sl_harness_string(h, sl_harness_pull(h), "/keywords/0"), "Hằng Giang");
  sl_harness_free(h);
}

static char *read_file(const char *path) {
  FILE *f = fopen(path, "rb");
  char *buf = calloc(1, 1 << 16);
  assert_true(f && buf);
  assert_in_range(fread(buf, 1, (1 << 16) - 1, f), 1, (1 << 16) - 2);
  fclose(f);
  return buf;
}

/* An article as segment leaves it, and what becomes of it. */
static void golden(void **state) {
  (void)state;
  char *body = read_file(TESTDATA "/article.json"), *expected = read_file(TESTDATA "/article.expected.json");
  sl_harness *h = started("{ keywords: 6 }");
  assert_int_equal(sl_harness_push_json(h, body), SL_V_OK);
  assert_true(sl_harness_equals(h, sl_harness_pull(h), expected));
  sl_harness_free(h);
  free(body);
  free(expected);
}

static void same_input_same_summary(void **state) {
  (void)state;
  sl_harness *h = started("{ sentences: 3, keywords: 5 }");
  char *body = body_of("Cầu vượt sông", news, N_NEWS), *first = NULL;
  for (int i = 0; i < 3; i++) {
    assert_int_equal(sl_harness_push_json(h, body), SL_V_OK);
    const char *found = sl_harness_text(h, sl_harness_pull(h));
    if (first) assert_string_equal(found, first);
    free(first);
    first = strdup(found);
  }
  free(first);
  cJSON_free(body);
  sl_harness_free(h);
}

static void rejects(void **state) {
  (void)state;
  static const struct {
    const char *body, *message;
  } cases[] = {
      {"{}", "/text is missing"},
      {"{\"text\":1}", "/text must be a string"},
      {"{\"text\":\"a\"}", "/sentences is missing"},
      {"{\"text\":\"a\",\"sentences\":{}}", "/sentences must be an array"},
      {"{\"text\":\"a\",\"sentences\":[1]}", "/sentences/0 must be an object"},
      {"{\"text\":\"a\",\"sentences\":[{\"end\":1}]}", "/sentences/0/start must be a number from 0"},
      {"{\"text\":\"a\",\"sentences\":[{\"start\":-1,\"end\":1}]}", "/sentences/0/start must be a number from 0"},
      {"{\"text\":\"a\",\"sentences\":[{\"start\":0,\"end\":\"1\"}]}", "/sentences/0/end must be a number from 0"},
      {"{\"text\":\"a\",\"sentences\":[{\"start\":0,\"end\":1},{\"start\":0,\"end\":9}]}",
       "/sentences/1/end is 9, but /text has 1 bytes"},
      {"{\"text\":\"a\",\"sentences\":[{\"start\":0,\"end\":1e300}]}", NULL},
      {"{\"text\":\"ab\",\"sentences\":[{\"start\":0,\"end\":0.5}]}",
       "/sentences/0/end is 0.5, where no character of /text begins"},
      {"{\"text\":\"đ\",\"sentences\":[{\"start\":1,\"end\":2}]}",
       "/sentences/0/start is 1, where no character of /text begins"},
      {"{\"text\":\"ab\",\"sentences\":[{\"start\":2,\"end\":1}]}", "/sentences/0/end is before its start"},
  };
  sl_harness *h = started(NULL);
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    int32_t verdict = sl_harness_push_json(h, cases[i].body);
    if (verdict != SL_V_REJECT) fail_msg("%s: verdict %d", cases[i].body, verdict);
    if (cases[i].message) assert_string_equal(sl_harness_last(h).message, cases[i].message);
    assert_int_equal(sl_harness_last(h).code, SL_EINVAL);
  }
  sl_harness_free(h);
}

/* Fields that are only used if they are there may be anything. */
static void odd_extras(void **state) {
  (void)state;
  sl_harness *h = started(NULL);
  assert_int_equal(
      sl_harness_push_json(h, "{\"text\":\"Hà Nội mưa to.\",\"title\":[1],\"paragraphs\":{\"a\":1},\"summary\":5,"
                              "\"sentences\":[{\"start\":0,\"end\":18,\"words\":7}]}"),
      SL_V_OK);
  assert_string_equal(sl_harness_string(h, sl_harness_pull(h), "/summary/sentences"), "[0]");
  assert_int_equal(sl_harness_push_json(h, "{\"text\":\"Một hai.\",\"paragraphs\":[[0,5],7,[\"x\"]],"
                                           "\"sentences\":[{\"start\":0,\"end\":10,\"words\":\"\"}]}"),
                   SL_V_OK);
  assert_string_equal(sl_harness_string(h, sl_harness_pull(h), "/summary/sentences"), "[]");
  sl_harness_free(h);
}

/* Many sentences of many words: the time limit of the test is the check. */
static void long_texts(void **state) {
  (void)state;
  enum { n = 40000 };
  summarizer s;
  static char words[n][128];
  summarizer_init(&s, &heap);
  assert_int_equal(lane_vec_reserve(&heap, &s.sentences, sizeof(sum_sentence), n), 0);
  sum_sentence *q = s.sentences.items;
  memset(q, 0, n * sizeof(*q));
  for (size_t i = 0; i < n; i++) {
    snprintf(words[i], sizeof(words[i]), "từ%zu công_nghệ mới_%zu của tỉnh %zu đã về %zu làng .", i, i % 97, i, i * 7);
    q[i].words = words[i];
    q[i].words_len = strlen(words[i]);
  }
  s.sentences.n = n;
  sum_options o = {SUM_CENTROID, 100, 0, 0, 0};
  assert_int_equal(sum_choose(&s, "công nghệ mới", strlen("công nghệ mới"), &o), 0);
  size_t chosen = 0, count;
  for (size_t i = 0; i < n; i++) chosen += q[i].chosen;
  assert_in_range(chosen, 1, 100);
  assert_int_equal(sum_keywords(&s, 10, &count), 0);
  assert_int_equal(count, 10);
  summarizer_done(&s);
}

static uint64_t chance = 88172645463325252u;

static unsigned draw(unsigned below) {
  chance ^= chance << 13;
  chance ^= chance >> 7;
  chance ^= chance << 17;
  return (unsigned)(chance >> 33) % below;
}

/* A text of n sentences whose words are drawn from a subject of its own and from all others. */
static size_t make_text(char (*words)[512], size_t n) {
  unsigned subject = draw(50) * 12;
  for (size_t i = 0; i < n; i++) {
    size_t used = 0, len = 4 + draw(30);
    for (size_t k = 0; k < len && used < 480; k++)
      used += (size_t)snprintf(words[i] + used, sizeof(words[i]) - used, "từ_số%u ",
                               draw(3) ? subject + draw(12) : draw(600));
    snprintf(words[i] + used, sizeof(words[i]) - used, ".");
  }
  return n;
}

static void choose_of(summarizer *s, char (*words)[512], size_t n, size_t sentences) {
  summarizer_clear(s);
  assert_int_equal(lane_vec_reserve(&heap, &s->sentences, sizeof(sum_sentence), n), 0);
  sum_sentence *q = s->sentences.items;
  memset(q, 0, n * sizeof(*q));
  for (size_t i = 0; i < n; i++) {
    q[i].words = words[i];
    q[i].words_len = strlen(words[i]);
    q[i].paragraph_start = i % 3 == 0;
  }
  s->sentences.n = n;
  sum_options o = {SUM_CENTROID, sentences, 150, 0, 0};
  assert_int_equal(sum_choose(s, "từ số 5", strlen("từ số 5"), &o), 0);
}

/* Whatever is cut off behind the first fifteen sentences: what was chosen stays chosen if it is still there. If nothing
 * chosen was cut off, the summary is the same; else only as many are new as there were cut off or become possible by
 * them. */
static void a_cut_end_does_not_reshuffle(void **state) {
  (void)state;
  enum { most = 60 };
  static char words[most][512];
  summarizer whole, part;
  summarizer_init(&whole, &heap);
  summarizer_init(&part, &heap);
  unsigned same = 0, lost = 0;
  for (int round = 0; round < 400; round++) {
    size_t n = make_text(words, 16 + draw(most - 16)), left = 15 + draw((unsigned)n - 15), wanted = 1 + draw(5),
           cut = 0;
    choose_of(&whole, words, n, wanted);
    choose_of(&part, words, left, wanted);
    const sum_sentence *a = whole.sentences.items, *b = part.sentences.items;
    for (size_t i = 0; i < left; i++)
      if (a[i].score != b[i].score)
        fail_msg("round %d: sentence %zu scores %g, then %g", round, i, a[i].score, b[i].score);
    for (size_t i = left; i < n; i++) cut += a[i].chosen;
    lost += cut > 0;
    for (size_t i = 0; cut == 0 && i < left; i++)
      if (a[i].chosen != b[i].chosen) fail_msg("round %d: sentence %zu of %zu (%zu left)", round, i, n, left);
    same += cut == 0;
  }
  assert_in_range(same, 100, 400);
  assert_in_range(lost, 1, 300);
  summarizer_done(&whole);
  summarizer_done(&part);
}

static void a_headline(void **state) {
  (void)state;
  static const char *const s[] = {
      "Hội_nghị bàn nhiều việc .",
      "Học_phí mầm_non giữ nguyên như trước cho mọi trường trong tỉnh từ năm_học mới .",
      "Sách_giáo_khoa mới sẽ đến tay học_sinh vào giữa tháng tám .",
  };
  sl_harness *h = started("{ headline: true, keywords: 2 }");
  char *body = body_of("Học phí mầm non giữ nguyên", s, 3);
  assert_int_equal(sl_harness_push_json(h, body), SL_V_OK);
  sl_doc *doc = sl_harness_pull(h);
  assert_string_equal(sl_harness_string(h, doc, "/headline/sentence"), "1");
  assert_string_equal(sl_harness_string(h, doc, "/headline/text"), s[1]);
  assert_non_null(sl_harness_string(h, doc, "/keywords/1"));
  assert_int_equal(sl_harness_push_json(h, "{\"text\":\"\",\"sentences\":[]}"), SL_V_OK);
  assert_string_equal(sl_harness_string(h, sl_harness_pull(h), "/headline"), "null");
  cJSON_free(body);
  /* The lead stands in for a title, and may itself be chosen. */
  body = body_of(NULL, s, 3);
  char *with_lead = malloc(strlen(body) + 200);
  sprintf(with_lead, "{\"lead\":\"%s\",%s", s[2], body + 1);
  assert_int_equal(sl_harness_push_json(h, with_lead), SL_V_OK);
  assert_string_equal(sl_harness_string(h, sl_harness_pull(h), "/headline/sentence"), "2");
  free(with_lead);
  cJSON_free(body);
  sl_harness_free(h);
}

/* Of two sentences with the same words and place, one is somebody's speech. */
static void what_is_told_beats_what_is_said(void **state) {
  (void)state;
  static const char *const s[] = {
      "\" Cầu vượt sông sẽ thông_xe đúng tiến_độ vào cuối năm \" , ông Khải nói .",
      "Cầu vượt sông sẽ thông_xe đúng tiến_độ vào cuối năm , ông Khải nói .",
  };
  double scores[2];
  for (size_t i = 0; i < 2; i++) {
    summarizer sum;
    summarizer_init(&sum, &heap);
    assert_int_equal(lane_vec_reserve(&heap, &sum.sentences, sizeof(sum_sentence), 1), 0);
    sum_sentence *q = sum.sentences.items;
    memset(q, 0, sizeof(*q));
    q->words = s[i];
    q->words_len = strlen(s[i]);
    sum.sentences.n = 1;
    sum_options o = {SUM_CENTROID, 1, 0, 0, 0};
    assert_int_equal(sum_choose(&sum, NULL, 0, &o), 0);
    scores[i] = q->score;
    summarizer_done(&sum);
  }
  if (!(scores[0] < scores[1])) fail_msg("said %g, told %g", scores[0], scores[1]);
}

/* Every allocation fails once in turn: no crash, no leak, and the document is not half written. */
static void without_memory(void **state) {
  (void)state;
  char *body = body_of("Cầu vượt sông", news, N_NEWS);
  int failed = 1;
  for (uint64_t nth = 1; failed && nth < 2000; nth++) {
    sl_harness *h = started("{ keywords: 3, headline: true }");
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
  cJSON_free(body);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(centroid_takes_the_lead_and_nothing_twice),
      cmocka_unit_test(lead_takes_the_first),
      cmocka_unit_test(title_decides),
      cmocka_unit_test(the_title_itself_is_not_a_summary),
      cmocka_unit_test(fragments_lose),
      cmocka_unit_test(budgets),
      cmocka_unit_test(text_is_the_slices),
      cmocka_unit_test(nothing_and_one),
      cmocka_unit_test(keywords_tell_the_subject),
      cmocka_unit_test(golden),
      cmocka_unit_test(same_input_same_summary),
      cmocka_unit_test(rejects),
      cmocka_unit_test(odd_extras),
      cmocka_unit_test(long_texts),
      cmocka_unit_test(a_cut_end_does_not_reshuffle),
      cmocka_unit_test(a_headline),
      cmocka_unit_test(what_is_told_beats_what_is_said),
      cmocka_unit_test(without_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
