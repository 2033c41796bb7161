/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parse and print, ours beside cJSON's, in one run: ratios mean more than rates on a busy machine.
 *
 * codec_bench [seconds for each figure, default 0.3]. Makes its own documents: 9 KB of mostly Vietnamese text in three
 * fields, 100 bytes, and an annotated one with many small values.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/time.h"
#include "base/utf8.h"
#include "doc/codec.h"
#include "doc/document.h"

static double seconds = 0.3;

struct sample {
  const char *name;
  sl_buf json;
  cJSON *tree;
};

static const char sentence[] =
    "Chủ tịch Ủy ban nhân dân tỉnh yêu cầu các sở, ngành khẩn trương hoàn thành việc rà soát quy hoạch "
    "trước ngày 30/9, báo cáo Thủ tướng Chính phủ. ";

static void make_news(struct sample *s) {
  s->name = "news, 9 KB";
  cJSON *o = cJSON_CreateObject();
  sl_buf text = {0};
  for (int i = 0; i < 48; i++) {
    sl_buf_addstr(&text, sentence);
    if (i % 6 == 5) sl_buf_addc(&text, '\n');
  }
  cJSON_AddStringToObject(o, "id", "doc-000123");
  cJSON_AddStringToObject(o, "title", "Đẩy nhanh tiến độ các dự án giao thông trọng điểm");
  cJSON_AddStringToObject(o, "text", text.data);
  sl_buf_done(&text);
  s->tree = o;
}

static void make_small(struct sample *s) {
  s->name = "small, 100 B";
  cJSON *o = cJSON_CreateObject();
  cJSON_AddNumberToObject(o, "id", 123456);
  cJSON_AddStringToObject(o, "lang", "vi");
  cJSON_AddStringToObject(o, "title", "Hội nghị toàn quốc về chuyển đổi số");
  cJSON_AddNumberToObject(o, "score", 0.75);
  s->tree = o;
}

static void make_annotated(struct sample *s) {
  s->name = "annotated";
  make_news(s);
  s->name = "annotated, 30 KB";
  cJSON *list = cJSON_AddArrayToObject(s->tree, "entities");
  for (int i = 0; i < 200; i++) {
    cJSON *e = cJSON_CreateObject();
    char id[16];
    snprintf(id, sizeof id, "e%d", i);
    cJSON_AddStringToObject(e, "id", id);
    cJSON_AddStringToObject(e, "type", "PERSON");
    cJSON_AddNumberToObject(e, "start", i * 37);
    cJSON_AddNumberToObject(e, "end", i * 37 + 9);
    cJSON_AddStringToObject(e, "text", "Tô Lâm");
    cJSON_AddItemToArray(list, e);
  }
}

/* Runs fn over and over for the time; returns nanoseconds for one call. */
static double measure(void (*fn)(struct sample *s), struct sample *s) {
  int64_t n = 0;
  fn(s);
  int64_t start = sl_time_cpu();
  int64_t end = start + (int64_t)(seconds * 1e9);
  int64_t now = start;
  for (int64_t batch = 1; now < end; batch = batch < 1024 ? batch * 2 : batch) {
    for (int64_t i = 0; i < batch; i++) fn(s);
    n += batch;
    now = sl_time_cpu();
  }
  return (double)(now - start) / (double)n;
}

static void parse_theirs(struct sample *s) { cJSON_Delete(cJSON_ParseWithLength(s->json.data, s->json.len)); }

static void parse_ours(struct sample *s) {
  cJSON *tree = NULL;
  if (sl_json_parse(s->json.data, s->json.len, NULL, &tree, NULL, NULL) != 0) abort();
  cJSON_Delete(tree);
}

static void check_ours(struct sample *s) {
  if (sl_json_check(s->json.data, s->json.len, NULL, NULL, NULL) != 0) abort();
}

static void utf8_ours(struct sample *s) {
  if (!sl_utf8_valid(s->json.data, s->json.len, NULL)) abort();
}

static void print_theirs(struct sample *s) { cJSON_free(cJSON_PrintUnformatted(s->tree)); }

static void print_ours(struct sample *s) {
  char *text = NULL;
  size_t len = 0;
  if (sl_json_print(s->tree, &text, &len, NULL) != 0) abort();
  sl_mem_free(text);
}

static void both_theirs(struct sample *s) {
  cJSON *tree = cJSON_ParseWithLength(s->json.data, s->json.len);
  cJSON_free(cJSON_PrintUnformatted(tree));
  cJSON_Delete(tree);
}

static void both_ours(struct sample *s) {
  cJSON *tree = NULL;
  char *text = NULL;
  size_t len = 0;
  if (sl_json_parse(s->json.data, s->json.len, NULL, &tree, NULL, NULL) != 0) abort();
  if (sl_json_print(tree, &text, &len, NULL) != 0) abort();
  cJSON_Delete(tree);
  sl_mem_free(text);
}

static void copy_theirs(struct sample *s) { cJSON_Delete(cJSON_Duplicate(s->tree, 1)); }
static void copy_ours(struct sample *s) { cJSON_Delete(sl_json_copy(s->tree)); }

/* What workload B does to a document: text in, four fields, text out. */
static void life_ours(struct sample *s) {
  sl_doc *doc = sl_doc_new();
  sl_bytes bytes = {0};
  sl_origin origin = {"file:///data/lines.jsonl", "byte=123456-123556", NULL};
  if (doc == NULL || sl_doc_set_text(doc, s->json.data, s->json.len, NULL, NULL, NULL) != 0) abort();
  if (sl_doc_set_origin(doc, &origin, NULL) != 0) abort();
  cJSON *body = sl_doc_edit(doc, NULL);
  if (body == NULL) abort();
  cJSON_AddStringToObject(body, "a1", "v");
  cJSON_AddStringToObject(body, "a2", "v");
  cJSON_AddStringToObject(body, "a3", "v");
  cJSON_AddStringToObject(body, "a4", "v");
  if (sl_doc_text(doc, &bytes, NULL) != 0) abort();
  sl_doc_free(doc);
}

static void life_theirs(struct sample *s) {
  cJSON *body = cJSON_ParseWithLength(s->json.data, s->json.len);
  cJSON_AddStringToObject(body, "a1", "v");
  cJSON_AddStringToObject(body, "a2", "v");
  cJSON_AddStringToObject(body, "a3", "v");
  cJSON_AddStringToObject(body, "a4", "v");
  cJSON_free(cJSON_PrintUnformatted(body));
  cJSON_Delete(body);
}

static void row(struct sample *s, const char *what, void (*theirs)(struct sample *), void (*ours)(struct sample *)) {
  double b = measure(ours, s);
  double mb = (double)s->json.len * 1e3;
  printf("%-17s %-16s ours %9.0f ns %7.0f MB/s", s->name, what, b, mb / b);
  if (theirs != NULL) {
    double a = measure(theirs, s);
    printf("   cJSON %9.0f ns %7.0f MB/s   ratio %5.2f", a, mb / a, a / b);
  }
  printf("\n");
}

int main(int argc, char **argv) {
  if (argc > 1) seconds = atof(argv[1]);
  void (*const makers[])(struct sample *) = {make_news, make_small, make_annotated};
  sl_mem_install();
  printf("kernel %s\n", sl_utf8_kernel());
  for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++) {
    struct sample s = {0};
    makers[i](&s);
    if (sl_json_print_to(s.tree, &s.json, NULL) != 0) return 1;
    row(&s, "utf8", NULL, utf8_ours);
    row(&s, "check", NULL, check_ours);
    row(&s, "parse, delete", parse_theirs, parse_ours);
    row(&s, "print", print_theirs, print_ours);
    row(&s, "parse, print", both_theirs, both_ours);
    row(&s, "copy, delete", copy_theirs, copy_ours);
    row(&s, "document's life", life_theirs, life_ours);
    sl_buf_done(&s.json);
    cJSON_Delete(s.tree);
  }
  return 0;
}
