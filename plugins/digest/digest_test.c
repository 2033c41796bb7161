/* SPDX-License-Identifier: Apache-2.0 */
/* digest: groups, near-duplicates, sentences with their sources, windows that end, bodies that are not as they should
 * be. */
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

#include "group.h"

static const lane_mem heap = {malloc, free};

static sl_harness *started(const char *params) {
  sl_harness *h = sl_harness_new(sluice_plugin()->types[0], params);
  int32_t rc = sl_harness_start(h);
  if (rc != 0) fail_msg("start: %d %s", rc, sl_harness_last(h).message);
  return h;
}

/* Three articles on a bridge (the third repeats the first but for a word), two on schools, one on rice. Sentences are
 * parted by |, words by spaces. */
static const struct {
  const char *id, *title, *published, *text;
} news[] = {
    {"cau-1", "Khởi công cầu Hằng Giang", "2025-03-05",
     "Sáng 5/3 , tỉnh khởi_công cầu vượt sông Hằng_Giang với tổng vốn 1.250 tỷ đồng .|"
     "Cầu Hằng_Giang dài 860 m , rộng bốn làn_xe , dự_kiến thông_xe vào cuối năm 2027 .|"
     "Ông Khải yêu_cầu nhà_thầu bảo_đảm tiến_độ thi_công cầu vượt sông Hằng_Giang ."},
    {"truong-1", "Trường học miền núi thiếu giáo viên", "2025-03-06",
     "Năm_học này huyện Mù_Cang_Chải thiếu 120 giáo_viên tiểu_học và mầm_non .|"
     "Giáo_viên tiểu_học ở các điểm trường lẻ phải dạy hai ca mỗi ngày .|"
     "Huyện Mù_Cang_Chải đề_nghị tỉnh tuyển thêm giáo_viên ngay trong tháng ."},
    {"cau-2", "Cầu Hằng Giang vượt tiến độ", "2025-09-10",
     "Sau sáu tháng thi_công , nhà_thầu cầu Hằng_Giang đã xong bốn trụ giữa sông .|"
     "Nhà_thầu cho biết cầu Hằng_Giang có_thể thông_xe sớm ba tháng so với tiến_độ .|"
     "Người_dân hai bờ sông Hằng_Giang mong cầu sớm hoàn_thành để bỏ chuyến phà cũ ."},
    {"cau-3", "Khởi công cầu Hằng Giang", "2025-03-05",
     "Sáng 5/3 , tỉnh khởi_công cầu vượt sông Hằng_Giang với tổng vốn 1.250 tỷ đồng .|"
     "Cầu Hằng_Giang dài 860 m , rộng bốn làn_xe , dự_kiến thông_xe vào cuối năm 2027 .|"
     "Ông Khải đề_nghị nhà_thầu bảo_đảm tiến_độ thi_công cầu vượt sông Hằng_Giang ."},
    {"lua-1", "Giá lúa tăng", "2025-03-07",
     "Giá lúa tươi tại đồng_bằng sông Cửu_Long tăng 300 đồng một cân trong tuần .|"
     "Thương_lái thu_mua lúa tươi tận ruộng vì gạo xuất_khẩu được giá .|"
     "Nông_dân lãi hơn 20 triệu đồng mỗi héc_ta lúa đông_xuân ."},
    {"truong-2", "Tuyển 80 giáo viên cho Mù Cang Chải", "2025-03-20",
     "Tỉnh đồng_ý tuyển 80 giáo_viên tiểu_học cho huyện Mù_Cang_Chải trong tháng tư .|"
     "Giáo_viên mầm_non và tiểu_học nhận việc tại điểm trường lẻ được hỗ_trợ nhà công_vụ .|"
     "Huyện Mù_Cang_Chải còn thiếu 40 giáo_viên mầm_non ."},
};
#define N_NEWS (sizeof(news) / sizeof(news[0]))

/* The body of an article, as JSON text [own: cJSON_free]. */
static char *body_of(size_t n) {
  cJSON *body = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(body, "sentences");
  char text[2048];
  size_t len = 0;
  for (const char *at = news[n].text; *at;) {
    size_t part = strcspn(at, "|"), start = len;
    char words[512];
    snprintf(words, sizeof(words), "%.*s", (int)part, at);
    for (size_t i = 0; i < part; i++) text[len++] = at[i] == '_' ? ' ' : at[i];
    cJSON *s = cJSON_CreateObject();
    cJSON_AddNumberToObject(s, "start", (double)start);
    cJSON_AddNumberToObject(s, "end", (double)len);
    cJSON_AddStringToObject(s, "words", words);
    cJSON_AddItemToArray(list, s);
    at += part;
    if (*at) at++;
    text[len++] = *at ? '\n' : '\0';
  }
  cJSON_AddStringToObject(body, "text", text);
  cJSON_AddStringToObject(body, "id", news[n].id);
  cJSON_AddStringToObject(body, "title", news[n].title);
  cJSON_AddStringToObject(body, "published", news[n].published);
  cJSON_AddStringToObject(body, "lang", "vi");
  cJSON_AddStringToObject(body, "own", "field");
  char *out = cJSON_PrintUnformatted(body);
  cJSON_Delete(body);
  return out;
}

static sl_doc *article(sl_harness *h, size_t n) {
  char *body = body_of(n), uri[64];
  sl_doc *doc = sl_harness_doc(h, body);
  cJSON_free(body);
  snprintf(uri, sizeof(uri), "file:///%s.txt", news[n].id);
  sl_harness_set_payload(h, doc, "raw", 3, "text/plain");
  return sl_harness_set_origin(h, doc, uri, NULL, "r1");
}

static void push_all(sl_harness *h) {
  for (size_t i = 0; i < N_NEWS; i++) assert_int_equal(sl_harness_push(h, article(h, i)), SL_V_HELD);
}

static const char *ids_of(sl_harness *h, sl_doc *doc) {
  static char out[512];
  const cJSON *sources = sl_harness_at(h, doc, "/digest/sources"), *s;
  out[0] = '\0';
  cJSON_ArrayForEach(s, sources) {
    const cJSON *id = cJSON_GetObjectItem(s, "id");
    snprintf(out + strlen(out), sizeof(out) - strlen(out), "%s%s", *out ? " " : "", id->valuestring);
  }
  return out;
}

static void groups_documents_by_subject(void **state) {
  (void)state;
  sl_harness *h = started(NULL);
  push_all(h);
  assert_int_equal(sl_harness_held(h), N_NEWS);
  assert_int_equal(sl_harness_count(h), 0);
  assert_int_equal(sl_harness_flush(h, SL_FLUSH_END), 0);
  assert_int_equal(sl_harness_count(h), 3);
  sl_doc *bridge = sl_harness_pull(h), *school = sl_harness_pull(h), *rice = sl_harness_pull(h);
  assert_string_equal(ids_of(h, bridge), "cau-1 cau-2 cau-3");
  assert_string_equal(ids_of(h, school), "truong-1 truong-2");
  assert_string_equal(ids_of(h, rice), "lua-1");
  for (uint32_t i = 0; i < 3; i++) assert_non_null(sl_harness_parent(h, bridge, i));
  assert_null(sl_harness_parent(h, bridge, 3));
  assert_int_equal(sl_harness_held(h), 0);
  assert_string_equal(sl_harness_string(h, bridge, "/digest/documents"), "3");
  assert_string_equal(sl_harness_string(h, bridge, "/digest/from"), "2025-03-05");
  assert_string_equal(sl_harness_string(h, bridge, "/published"), "2025-09-10");
  assert_string_equal(sl_harness_string(h, bridge, "/digest/topic/0"), "Hằng Giang");
  assert_string_equal(sl_harness_string(h, bridge, "/lang"), "vi");
  assert_string_equal(sl_harness_string(h, rice, "/title"), "Giá lúa tăng");
  assert_null(sl_harness_at(h, bridge, "/own"));
  sl_harness_free(h);
}

static void names_near_duplicates(void **state) {
  (void)state;
  sl_harness *h = started(NULL);
  push_all(h);
  assert_int_equal(sl_harness_flush(h, SL_FLUSH_END), 0);
  sl_doc *doc = sl_harness_pull(h);
  assert_null(sl_harness_at(h, doc, "/digest/sources/0/duplicate_of"));
  assert_null(sl_harness_at(h, doc, "/digest/sources/1/duplicate_of"));
  assert_string_equal(sl_harness_string(h, doc, "/digest/sources/2/duplicate_of"), "0");
  assert_true(sl_harness_at(h, doc, "/digest/sources/2/likeness")->valuedouble >= 0.6);
  const cJSON *s;
  cJSON_ArrayForEach(s, sl_harness_at(h, doc, "/digest/sentences"))
      assert_int_not_equal(cJSON_GetObjectItem(cJSON_GetObjectItem(s, "source"), "document")->valueint, 2);
  sl_harness_free(h);
  h = started("{ duplicate: 1 }"); /* only what is equal */
  push_all(h);
  assert_int_equal(sl_harness_push(h, article(h, 0)), SL_V_HELD);
  assert_int_equal(sl_harness_flush(h, SL_FLUSH_END), 0);
  doc = sl_harness_pull(h);
  assert_null(sl_harness_at(h, doc, "/digest/sources/2/duplicate_of"));
  assert_string_equal(sl_harness_string(h, doc, "/digest/sources/3/duplicate_of"), "0");
  sl_harness_free(h);
}

/* Every sentence is a slice of its source and of the digest's text; they stand in the order of the dates; none twice.
 */
static void cites_its_sources(void **state) {
  (void)state;
  sl_harness *h = started("{ sentences: 4 }");
  push_all(h);
  assert_int_equal(sl_harness_flush(h, SL_FLUSH_END), 0);
  for (sl_doc *doc; (doc = sl_harness_pull(h));) {
    const char *text = sl_harness_at(h, doc, "/text")->valuestring, *before = "";
    const cJSON *s, *sources = sl_harness_at(h, doc, "/digest/sources");
    int count = 0;
    cJSON_ArrayForEach(s, sl_harness_at(h, doc, "/digest/sentences")) {
      const char *its = cJSON_GetObjectItem(s, "text")->valuestring;
      int start = cJSON_GetObjectItem(s, "start")->valueint, end = cJSON_GetObjectItem(s, "end")->valueint;
      assert_int_equal(end - start, strlen(its));
      assert_memory_equal(text + start, its, strlen(its));
      const cJSON *source = cJSON_GetObjectItem(s, "source"), *bytes = cJSON_GetObjectItem(source, "bytes");
      int member = cJSON_GetObjectItem(source, "document")->valueint;
      const cJSON *from = cJSON_GetArrayItem(sources, member);
      assert_string_equal(cJSON_GetObjectItem(source, "id")->valuestring, cJSON_GetObjectItem(from, "id")->valuestring);
      sl_doc *parent = sl_harness_parent(h, doc, (uint32_t)member);
      const char *original = sl_harness_at(h, parent, "/text")->valuestring;
      int b = cJSON_GetArrayItem(bytes, 0)->valueint, e = cJSON_GetArrayItem(bytes, 1)->valueint;
      assert_int_equal(e - b, strlen(its));
      assert_memory_equal(original + b, its, strlen(its));
      const char *date = cJSON_GetObjectItem(from, "published")->valuestring;
      assert_true(strcmp(before, date) <= 0);
      before = date;
      count++;
    }
    assert_in_range(count, 1, 4);
    assert_string_equal(sl_harness_string(h, doc, "/summary/text"), text);
  }
  sl_harness_free(h);
}

static void windows_end_for_many_reasons(void **state) {
  (void)state;
  static const uint32_t why[] = {SL_FLUSH_BOUND, SL_FLUSH_CREDIT, SL_FLUSH_DRAIN, SL_FLUSH_END};
  sl_harness *h = started(NULL);
  for (size_t i = 0; i < 4; i++) {
    assert_int_equal(sl_harness_push(h, article(h, 0)), SL_V_HELD);
    assert_int_equal(sl_harness_push(h, article(h, 2)), SL_V_HELD);
    assert_int_equal(sl_harness_flush(h, why[i]), 0);
    assert_int_equal(sl_harness_held(h), 0);
    assert_string_equal(ids_of(h, sl_harness_pull(h)), "cau-1 cau-2");
    assert_int_equal(sl_harness_flush(h, why[i]), 0); /* an empty window */
    assert_null(sl_harness_pull(h));
  }
  /* What is held when it stops is forgotten, and a new window begins. */
  assert_int_equal(sl_harness_push(h, article(h, 4)), SL_V_HELD);
  sl_harness_stop(h);
  assert_int_equal(sl_harness_start(h), 0);
  assert_int_equal(sl_harness_push(h, article(h, 0)), SL_V_HELD);
  assert_int_equal(sl_harness_flush(h, SL_FLUSH_END), 0);
  assert_string_equal(ids_of(h, sl_harness_pull(h)), "cau-1");
  assert_null(sl_harness_pull(h));
  sl_harness_free(h);
}

static void documents_that_are_alone(void **state) {
  (void)state;
  sl_harness *h = started("{ alone: pass }");
  push_all(h);
  assert_int_equal(sl_harness_flush(h, SL_FLUSH_END), 0);
  assert_int_equal(sl_harness_count(h), 3);
  sl_harness_pull(h);
  sl_harness_pull(h);
  sl_doc *rice = sl_harness_pull(h);
  assert_string_equal(sl_harness_string(h, rice, "/own"), "field");
  assert_null(sl_harness_at(h, rice, "/digest"));
  sl_harness_free(h);
  h = started("{ alone: drop }");
  push_all(h);
  assert_int_equal(sl_harness_flush(h, SL_FLUSH_END), 0);
  assert_int_equal(sl_harness_count(h), 2);
  assert_int_equal(sl_harness_held(h), 0);
  sl_harness_free(h);
}

/* The name stays as long as the first document does; the revision tells what is in it. */
static void has_a_name_that_stays(void **state) {
  (void)state;
  char ids[2][64];
  for (int i = 0; i < 2; i++) {
    sl_harness *h = started(NULL);
    assert_int_equal(sl_harness_push(h, article(h, 0)), SL_V_HELD);
    if (i) assert_int_equal(sl_harness_push(h, article(h, 2)), SL_V_HELD);
    assert_int_equal(sl_harness_flush(h, SL_FLUSH_END), 0);
    sl_doc *doc = sl_harness_pull(h);
    snprintf(ids[i], sizeof(ids[i]), "%s", sl_harness_string(h, doc, "/id"));
    sl_origin origin;
    sl_get_origin(sl_harness_ctx(h), doc, &origin);
    assert_string_equal(origin.uri + strlen("digest:"), ids[i] + strlen("digest-"));
    assert_non_null(origin.revision);
    sl_bytes payload;
    const char *type;
    sl_payload(sl_harness_ctx(h), doc, &payload, &type);
    assert_null(payload.data);
    sl_harness_free(h);
  }
  assert_string_equal(ids[0], ids[1]);
}

static void odd_bodies(void **state) {
  (void)state;
  static const struct {
    const char *body, *message;
  } cases[] = {
      {"{}", "/text is missing"},
      {"{\"text\":1,\"sentences\":[]}", "/text must be a string"},
      {"{\"text\":\"a\"}", "/sentences is missing"},
      {"{\"text\":\"a\",\"sentences\":{}}", "/sentences must be an array"},
      {"{\"text\":\"a\",\"sentences\":[1]}", "/sentences/0 does not lie in /text: expected start and end in bytes"},
      {"{\"text\":\"đ\",\"sentences\":[{\"start\":0,\"end\":1}]}",
       "/sentences/0 does not lie in /text: expected start and end in bytes"},
      {"{\"text\":\"ab\",\"sentences\":[{\"start\":0,\"end\":1},{\"start\":2,\"end\":1}]}",
       "/sentences/1 does not lie in /text: expected start and end in bytes"},
  };
  sl_harness *h = started(NULL);
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    int32_t verdict = sl_harness_push_json(h, cases[i].body);
    if (verdict != SL_V_REJECT) fail_msg("%s: verdict %d", cases[i].body, verdict);
    assert_string_equal(sl_harness_last(h).message, cases[i].message);
  }
  /* Nothing to say is no fault: each is alone. */
  assert_int_equal(sl_harness_push_json(h, "{\"text\":\"\",\"sentences\":[]}"), SL_V_HELD);
  assert_int_equal(sl_harness_push_json(
                       h, "{\"text\":\"...\",\"title\":7,\"published\":[],\"sentences\":[{\"start\":0,\"end\":3}]}"),
                   SL_V_HELD);
  assert_int_equal(sl_harness_flush(h, SL_FLUSH_END), 0);
  assert_int_equal(sl_harness_count(h), 2);
  assert_string_equal(sl_harness_string(h, sl_harness_pull(h), "/text"), "");
  sl_harness_free(h);
}

/* ---- grouping itself ------------------------------------------------------------------------------------------------
 */

static uint64_t chance = 88172645463325252u;

static unsigned draw(unsigned below) {
  chance ^= chance << 13;
  chance ^= chance >> 7;
  chance ^= chance << 17;
  return (unsigned)(chance >> 33) % below;
}

/* An item of a subject: words of its own, some of others, and shingles. */
static dg_item *make_item(unsigned subject, const dg_item *like) {
  dg_item *item = calloc(1, sizeof(*item));
  assert_non_null(item);
  for (uint32_t i = 0; i < 40; i++) {
    uint64_t word = i < 20 ? 1000 + subject * 100 + i : 10 + draw(900);
    item->terms[item->n_terms++] = (dg_term){word * 2 + 1, 1 + draw(5)};
  }
  for (uint32_t i = 1; i < item->n_terms; i++) /* by key, each once */
    for (uint32_t k = i; k > 0 && item->terms[k].key < item->terms[k - 1].key; k--) {
      dg_term t = item->terms[k];
      item->terms[k] = item->terms[k - 1];
      item->terms[k - 1] = t;
    }
  uint32_t kept = 1;
  for (uint32_t i = 1; i < item->n_terms; i++)
    if (item->terms[i].key != item->terms[kept - 1].key) item->terms[kept++] = item->terms[i];
  item->n_terms = kept;
  item->n_shingles = 100;
  for (uint32_t i = 0; i < DG_SIGNATURE; i++)
    item->signature[i] = like && draw(10) ? like->signature[i] : (uint32_t)draw(1u << 30);
  return item;
}

static void many_items(void **state) {
  (void)state;
  enum { n = 3000, subjects = 150 };
  static dg_item *items[n];
  static unsigned subject[n];
  for (unsigned i = 0; i < n; i++) {
    subject[i] = i % subjects;
    /* Every tenth repeats the one of its subject before it. */
    items[i] = make_item(subject[i], i >= subjects * 2 && i % 10 == 0 ? items[subject[i]] : NULL);
  }
  dg_limits limits = {0.6, 0.3};
  dg_groups g, again;
  assert_int_equal(dg_group(&heap, items, n, &limits, &g), 0);
  unsigned wrong = 0, twins = 0, of_wrong = 0;
  for (unsigned i = 0; i < n; i++) {
    wrong += g.cluster[i] != g.cluster[subject[i]];
    twins += g.twin[i] != i;
    of_wrong += g.twin[i] != i && subject[g.twin[i]] != subject[i];
  }
  assert_int_equal(wrong, 0);
  assert_int_equal(of_wrong, 0);
  assert_in_range(twins, (n / 10 - subjects / 5) * 9 / 10, n / 10);
  assert_int_equal(g.n_clusters, subjects);
  assert_int_equal(dg_group(&heap, items, n, &limits, &again), 0);
  assert_memory_equal(g.cluster, again.cluster, n * sizeof(uint32_t));
  assert_memory_equal(g.twin, again.twin, n * sizeof(uint32_t));
  dg_groups_done(&heap, &g);
  dg_groups_done(&heap, &again);
  for (unsigned i = 0; i < n; i++) free(items[i]);
}

/* Items that are all the same, and items that have a word in common with all others, are compared with few others: the
 * time limit of the test is the check. */
static void the_worst_windows(void **state) {
  (void)state;
  enum { n = 8000 };
  static dg_item *items[n];
  dg_limits limits = {0.6, 0.3};
  dg_groups g;
  dg_item *one = make_item(1, NULL);
  for (unsigned i = 0; i < n; i++) items[i] = one;
  assert_int_equal(dg_group(&heap, items, n, &limits, &g), 0);
  assert_int_equal(g.n_clusters, 1);
  assert_int_equal(g.clusters[0].members, n);
  dg_groups_done(&heap, &g);
  for (unsigned i = 0; i < n; i++) {
    items[i] = make_item(i + 5000, NULL);
    items[i]->terms[0] = (dg_term){3, 9};
  }
  assert_int_equal(dg_group(&heap, items, n, &limits, &g), 0);
  assert_in_range(g.n_clusters, n - n / 100, n);
  dg_groups_done(&heap, &g);
  for (unsigned i = 0; i < n; i++) free(items[i]);
  free(one);
}

/* Every allocation fails once in turn: no crash, no leak, and no document is lost without a reason. */
static void without_memory(void **state) {
  (void)state;
  int failed = 1;
  for (uint64_t nth = 1; failed && nth < 4000; nth++) {
    sl_harness *h = started(NULL);
    sl_doc *docs[N_NEWS];
    for (size_t i = 0; i < N_NEWS; i++) docs[i] = article(h, i);
    sl_harness_fail_alloc(h, nth);
    for (size_t i = 0; i < N_NEWS; i++) {
      int32_t verdict = sl_harness_push(h, docs[i]);
      if (verdict != SL_V_HELD) {
        assert_int_equal(verdict, SL_V_RETRY);
        assert_int_equal(sl_harness_last(h).code, SL_ENOMEM);
      }
    }
    assert_int_equal(sl_harness_flush(h, SL_FLUSH_END), 0);
    failed = sl_harness_alloc_failed(h);
    for (size_t i = 0; i < N_NEWS; i++) {
      int32_t verdict = sl_harness_verdict(h, docs[i]);
      if (verdict == SL_V_REJECT)
        assert_int_equal(sl_harness_error_of(h, docs[i]).code, SL_ENOMEM);
      else
        assert_true(verdict == SL_V_OK || verdict == SL_V_RETRY);
    }
    sl_harness_free(h);
  }
  assert_false(failed);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(groups_documents_by_subject),
      cmocka_unit_test(names_near_duplicates),
      cmocka_unit_test(cites_its_sources),
      cmocka_unit_test(windows_end_for_many_reasons),
      cmocka_unit_test(documents_that_are_alone),
      cmocka_unit_test(has_a_name_that_stays),
      cmocka_unit_test(odd_bodies),
      cmocka_unit_test(many_items),
      cmocka_unit_test(the_worst_windows),
      cmocka_unit_test(without_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
