/* SPDX-License-Identifier: Apache-2.0 */
/* extract: cases of every rule and trap (testdata/cases.txt), lexicon files, the stage in the harness, linear work, and
 * the figures on hand-annotated articles if there are some. EXTRACT_BLESS=1 writes the expected lines of the cases
 * anew. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <sluice/harness.h>

#include "annot.h"
#include "number.h"
#include "output.h"

/* ---- helpers ------------------------------------------------------------------------------------------------------
 */

static char *read_file(const char *path) {
  FILE *f = fopen(path, "rb");
  if (!f) return NULL;
  assert_int_equal(fseek(f, 0, SEEK_END), 0);
  size_t n = (size_t)ftell(f);
  rewind(f);
  char *s = malloc(n + 1);
  assert_non_null(s);
  assert_int_equal(fread(s, 1, n, f), n);
  s[n] = '\0';
  fclose(f);
  return s;
}

static const sl_stage_type *stage_type(void) { return sluice_plugin()->types[0]; }

/* A stage that runs; the harness owns it. */
static sl_harness *start(const char *params) {
  sl_harness *h = sl_harness_new(stage_type(), params);
  assert_int_equal(sl_harness_start(h), 0);
  return h;
}

static const char *str(const cJSON *o, const char *key) {
  const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);
  return cJSON_IsString(v) ? v->valuestring : "";
}

static char *body_of(const char *text, const char *published) {
  cJSON *o = cJSON_CreateObject();
  cJSON_AddStringToObject(o, "text", text);
  if (published && *published) cJSON_AddStringToObject(o, "published", published);
  char *s = cJSON_PrintUnformatted(o);
  cJSON_Delete(o);
  return s;
}

/* The body after the stage. [borrow until the harness is cleared] */
static const cJSON *annotate(sl_harness *h, const char *text, const char *published) {
  char *body = body_of(text, published);
  sl_harness_clear(h);
  assert_int_equal(sl_harness_push_json(h, body), SL_V_OK);
  cJSON_free(body);
  return sl_harness_body(h, sl_harness_pull(h));
}

struct sink {
  char *s;
  size_t n, cap;
};

static void SL_PRINTF(2, 3) say(struct sink *to, const char *fmt, ...) {
  va_list ap;
  if (to->cap - to->n < 65536) {
    to->cap = to->cap * 2 + 131072;
    to->s = realloc(to->s, to->cap);
    assert_non_null(to->s);
  }
  va_start(ap, fmt);
  to->n += (size_t)vsnprintf(to->s + to->n, to->cap - to->n, fmt, ap);
  va_end(ap);
}

static const cJSON *entity(const cJSON *body, const cJSON *ref) {
  const cJSON *e;
  if (!cJSON_IsString(ref)) return NULL;
  cJSON_ArrayForEach(
      e, cJSON_GetObjectItemCaseSensitive(body, "entities")) if (strcmp(str(e, "id"), ref->valuestring) == 0) return e;
  fail_msg("reference %s leads nowhere", ref->valuestring);
  return NULL;
}

static const char *name_of(const cJSON *body, const cJSON *ref) {
  const cJSON *e = entity(body, ref);
  return e ? str(e, "norm") : "-";
}

/* ---- annotations as lines -----------------------------------------------------------------------------------------
 */

static void line_of_entity(struct sink *to, const cJSON *body, const cJSON *e) {
  const char *type = str(e, "type"), *text = str(e, "text"), *norm = str(e, "norm");
  say(to, "%s%s %s", cJSON_GetObjectItemCaseSensitive(e, "nested") ? "  in role " : "", type, text);
  if (strcmp(norm, text) != 0) say(to, " = %s", norm);
  if (strcmp(type, "ROLE") == 0) {
    const cJSON *all = cJSON_GetObjectItemCaseSensitive(e, "persons"), *p;
    say(to, " ->%s", all ? "" : " ");
    if (!all) say(to, "%s %s", name_of(body, cJSON_GetObjectItemCaseSensitive(e, "person")), str(e, "attach"));
    cJSON_ArrayForEach(p, all) say(to, " %s;", name_of(body, p));
  }
  if (*str(e, "core")) say(to, " core(%s)", str(e, "core"));
  if (*str(e, "gaz"))
    say(to, " %s %s%s%s", str(e, "level"), str(e, "gaz"), *str(e, "until") ? "<" : "", *str(e, "since") ? ">" : "");
  if (*str(e, "precision")) say(to, " %s/%s", str(e, "precision"), str(e, "year_from"));
  if (*str(e, "calendar")) say(to, " %s", str(e, "calendar"));
  if (*str(e, "value"))
    say(to, " (%s%s%s %s)", str(e, "value"), *str(e, "value_to") ? ".." : "", str(e, "value_to"), str(e, "unit"));
  if (*str(e, "no")) say(to, " no(%s) sym(%s)", str(e, "no"), str(e, "sym"));
  if (*str(e, "issuer")) say(to, " by(%s)", str(e, "issuer"));
  if (*str(e, "issued")) say(to, " on(%s)", str(e, "issued"));
  say(to, "\n");
}

static void lines_of_speech(struct sink *to, const cJSON *body) {
  const cJSON *d, *q, *c, *a;
  cJSON_ArrayForEach(d, cJSON_GetObjectItemCaseSensitive(body, "directives")) {
    const cJSON *deadline = cJSON_GetObjectItemCaseSensitive(d, "deadline");
    int inherited = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(d, "inherited_speaker"));
    say(to, "DIRECTIVE %s%s %s %s [", *str(d, "speaker_norm") ? str(d, "speaker_norm") : "-",
        inherited ? " (inherited)" : "", str(d, "verb"), str(d, "strength"));
    cJSON_ArrayForEach(a, cJSON_GetObjectItemCaseSensitive(d, "addressees")) say(to, "%s;", name_of(body, a));
    say(to, "] to(%s) ", str(cJSON_GetObjectItemCaseSensitive(d, "to"), "text"));
    if (cJSON_IsObject(deadline)) say(to, "by(%s) ", str(deadline, "norm"));
    say(to, ": %s\n", str(cJSON_GetObjectItemCaseSensitive(d, "content"), "text"));
  }
  cJSON_ArrayForEach(q, cJSON_GetObjectItemCaseSensitive(body, "quotes"))
      say(to, "%s %s %s: %s\n", cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(q, "direct")) ? "QUOTE" : "REPORT",
          *str(q, "speaker_norm") ? str(q, "speaker_norm") : "-", str(q, "verb"), str(q, "text"));
  cJSON_ArrayForEach(c, cJSON_GetObjectItemCaseSensitive(body, "changes"))
      say(to, "CHANGE %s -> %s\n", name_of(body, cJSON_GetObjectItemCaseSensitive(c, "from")),
          name_of(body, cJSON_GetObjectItemCaseSensitive(c, "to")));
}

/* Keeps the lines whose first word is in `only` ("DATE,QUANTITY"); "" keeps all. */
static void keep_only(char *lines, const char *only) {
  char *out = lines;
  for (char *at = lines; *at;) {
    char *end = strchr(at, '\n') + 1;
    const char *word = strncmp(at, "  in role ", 10) == 0 ? at + 10 : at;
    size_t n = strcspn(word, " ");
    char needle[64];
    snprintf(needle, sizeof(needle), "%.*s", (int)n, word);
    if (!*only || strstr(only, needle)) {
      memmove(out, at, (size_t)(end - at));
      out += end - at;
    }
    at = end;
  }
  *out = '\0';
}

/* Every span must be the slice that it says, and ids must count up. */
static void check_spans(const cJSON *body, const cJSON *list, const char *text) {
  const cJSON *e;
  (void)body;
  cJSON_ArrayForEach(e, list) {
    const cJSON *start_ = cJSON_GetObjectItemCaseSensitive(e, "start"),
                *end_ = cJSON_GetObjectItemCaseSensitive(e, "end");
    const char *slice = str(e, "text");
    assert_true(cJSON_IsNumber(start_) && cJSON_IsNumber(end_));
    size_t start_at = (size_t)start_->valuedouble, end_at = (size_t)end_->valuedouble;
    assert_true(start_at < end_at && end_at <= strlen(text));
    if (*slice && strncmp(text + start_at, slice, end_at - start_at) != 0)
      fail_msg("span %zu..%zu is not \"%s\"", start_at, end_at, slice);
  }
}

static char *lines_of(sl_harness *h, const char *text, const char *published, const char *only) {
  struct sink to = {0};
  const cJSON *body = annotate(h, text, published), *e;
  say(&to, "%s", "");
  check_spans(body, cJSON_GetObjectItemCaseSensitive(body, "entities"), text);
  check_spans(body, cJSON_GetObjectItemCaseSensitive(body, "quotes"), text);
  cJSON_ArrayForEach(e, cJSON_GetObjectItemCaseSensitive(body, "entities")) line_of_entity(&to, body, e);
  lines_of_speech(&to, body);
  keep_only(to.s, only);
  return to.s;
}

/* ---- cases --------------------------------------------------------------------------------------------------------
 */

/* A value of the head line "==== name | published=… | only=…"; "" if it is not there. */
static void head_value(const char *head, const char *key, char *out, size_t cap) {
  const char *at = strstr(head, key), *eol = strchr(head, '\n');
  out[0] = '\0';
  if (!at || at > eol) return;
  at += strlen(key);
  snprintf(out, cap, "%.*s", (int)strcspn(at, " |\n"), at);
}

static int run_case(sl_harness *h, char *block, FILE *bless) {
  char published[32], only[128];
  char *text = strchr(block, '\n') + 1, *line = strstr(text, "\n----\n");
  assert_non_null(line);
  head_value(block, "published=", published, sizeof(published));
  head_value(block, "only=", only, sizeof(only));
  *line = '\0';
  char *expected = line + 6, *got = lines_of(h, text, published, only);
  int same = strcmp(expected, got) == 0;
  if (bless) fprintf(bless, "%s\n----\n%s", block, got);
  if (!same && !bless) print_error("%.*s\nexpected:\n%sgot:\n%s\n", (int)strcspn(block, "\n"), block, expected, got);
  free(got);
  return same;
}

static void test_cases(void **state) {
  (void)state;
  char *all = read_file(TESTDATA "/cases.txt");
  assert_non_null(all);
  sl_harness *h = start("");
  FILE *bless = getenv("EXTRACT_BLESS") ? fopen(TESTDATA "/cases.txt", "wb") : NULL;
  int bad = 0, n = 0;
  for (char *at = strstr(all, "===="); at;) {
    char *next = strstr(at + 4, "\n====");
    char kept = '\0';
    if (next) {
      kept = next[1];
      next[1] = '\0';
    }
    bad += !run_case(h, at, bless);
    n++;
    if (next) next[1] = kept;
    at = next ? next + 1 : NULL;
  }
  if (bless) fclose(bless);
  sl_harness_free(h);
  free(all);
  assert_true(n > 20);
  assert_int_equal(bless ? 0 : bad, 0);
}

/* ---- lexicon files ------------------------------------------------------------------------------------------------
 */

static int read_lexicon(const char *text, char *msg, size_t cap) {
  ex_lex *lex = ex_lex_new();
  assert_non_null(lex);
  int rc = ex_lex_read(lex, "own.txt", text, strlen(text), msg, cap);
  ex_lex_free(lex);
  return rc;
}

static void test_lexicon_errors(void **state) {
  static const struct {
    const char *text, *message;
  } bad[] = {
      {"Hà Nội\n", "own.txt:1: an entry stands before the first section"},
      {"# a\n[titel]\n", "own.txt:2: unknown class \"titel\""},
      {"[title\n", "own.txt:1: a section is written [class]"},
      {"[title]\nBí thư | sollo\n", "own.txt:2: unknown attribute \"sollo\""},
      {"[title]\nBí thư | demand\n", "own.txt:2: attribute \"demand\" means nothing in section [title]"},
      {"[scale]\ntỷ | value=viel\n", "own.txt:2: expected a number after value="},
      {"[title]\n | solo\n", "own.txt:2: expected a form"},
      {"[title]\na b c d e f g h i k l m n o p q r\n", "own.txt:2: a form may have at most 16 syllables"},
      {"[title]\n\xff\xfe\n", "own.txt:2: the line is not UTF-8"},
      {"[gazetteer]\nP* x c Hà Nội\n", "own.txt:2: expected \"P* 01 c Name\""},
      {"[gazetteer]\nD< 001 q Ba Đình\n", "own.txt:2: a district or ward stands before its province"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    char msg[512];
    assert_int_equal(read_lexicon(bad[i].text, msg, sizeof(msg)), SL_EPARSE);
    if (!strstr(msg, bad[i].message)) fail_msg("expected \"%s\", found \"%s\"", bad[i].message, msg);
  }
  char msg[512];
  assert_int_equal(read_lexicon("[title]\na | x\nb | y\n", msg, sizeof(msg)), SL_EPARSE);
  assert_non_null(strstr(msg, "own.txt:2:"));
  assert_non_null(strstr(msg, "own.txt:3:"));
  assert_int_equal(read_lexicon("\xEF\xBB\xBF[title]\r\nBí thư | solo\r\n", msg, sizeof(msg)), 0);
}

/* Writes a lexicon into a new folder; the path of the folder. */
static const char *make_folder(const char *file, const char *text) {
  static char folder[64];
  char path[128];
  strcpy(folder, "/tmp/extract_test_XXXXXX");
  assert_non_null(mkdtemp(folder));
  snprintf(path, sizeof(path), "%s/%s", folder, file);
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  fputs(text, f);
  fclose(f);
  return folder;
}

static void drop_folder(const char *folder, const char *file) {
  char path[128];
  snprintf(path, sizeof(path), "%s/%s", folder, file);
  unlink(path);
  rmdir(folder);
}

static void test_own_lexicon(void **state) {
  (void)state;
  static const char text[] = "Chánh tổng Bàng Bạc gặp Liên minh Sao Xanh ở Đồi Gió. Quốc hội họp.";
  const char *folder =
      make_folder("mine.txt", "[title]\nChánh tổng | solo\n[org]\n!Quốc hội\nLiên minh Sao Xanh | norm=LMSX\n"
                              "[place]\nĐồi Gió\n");
  char params[256];
  snprintf(params, sizeof(params), "{ lexicons: %s }", folder);
  sl_harness *h = start(params);
  char *lines = lines_of(h, text, "", "");
  assert_string_equal(lines,
                      "ROLE Chánh tổng -> Bàng Bạc pre\nPERSON Bàng Bạc\nORG Liên minh Sao Xanh = LMSX\nLOC Đồi Gió\n");
  free(lines);
  sl_harness_free(h);
  drop_folder(folder, "mine.txt");
}

static void check_create_error(const char *params, int32_t code, const char *part) {
  sl_harness *h = sl_harness_new(stage_type(), params);
  assert_int_equal(sl_harness_start(h), code);
  sl_harness_error e = sl_harness_last(h);
  char all[8192];
  snprintf(all, sizeof(all), "%s %s", e.message, e.detail);
  if (!strstr(all, part)) fail_msg("expected \"%s\", found \"%s\"", part, all);
  sl_harness_free(h);
}

static void test_bad_parameters(void **state) {
  (void)state;
  char params[256], part[256];
  check_create_error("{ types: [PERSON, PLACE] }", SL_EINVAL, "unknown entity type \"PLACE\"");
  check_create_error("{ lexicons: /nowhere/at/all }", SL_ENOTFOUND, "/nowhere/at/all");
  const char *folder = make_folder("bad.txt", "[org]\nA\nB | x\n");
  snprintf(params, sizeof(params), "{ lexicons: [%s/bad.txt] }", folder);
  snprintf(part, sizeof(part), "%s/bad.txt:3: unknown attribute \"x\"", folder);
  check_create_error(params, SL_EPARSE, part);
  drop_folder(folder, "bad.txt");
  folder = make_folder("not_a_lexicon.md", "");
  snprintf(params, sizeof(params), "{ lexicons: %s }", folder);
  check_create_error(params, SL_ENOTFOUND, "expected *.txt files");
  drop_folder(folder, "not_a_lexicon.md");
}

/* ---- numbers ------------------------------------------------------------------------------------------------------
 */

static void test_numbers(void **state) {
  static const struct {
    const char *text;
    double scale;
    const char *expected;
  } cases[] = {{"1.234", 1, "1234"},       {"7,59", 1, "7.59"},        {"1.234.567,8", 1, "1234567.8"},
               {"2,5", 1e9, "2500000000"}, {"0,75", 1e6, "750000"},    {"007", 1, "7"},
               {"7.5", 1, "7.5"},          {"1,50", 1, "1.5"},         {"3,4", 1e15, "3400000000000000"},
               {"12.3456", 1, "12.3456"},  {"10.000", 1e3, "10000000"}};
  ex_lex *lex = ex_lex_new();
  ex_doc doc;
  (void)state;
  ex_doc_init(&doc, lex);
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    ex_number x;
    char out[96];
    assert_int_equal(ex_annotate(&doc, cases[i].text, strlen(cases[i].text), NULL, 0, NULL, 0), 0);
    assert_int_equal(ex_number_at(&doc, 0, &x), doc.n_tok);
    ex_number_scale(&x, cases[i].scale);
    ex_number_print(&x, out);
    assert_string_equal(out, cases[i].expected);
  }
  ex_doc_done(&doc);
  ex_lex_free(lex);
}

/* ---- the stage ----------------------------------------------------------------------------------------------------
 */

static void test_empty_text(void **state) {
  (void)state;
  sl_harness *h = start("");
  assert_int_equal(sl_harness_push_json(h, "{\"text\": \"\"}"), SL_V_OK);
  sl_doc *doc = sl_harness_pull(h);
  assert_true(
      sl_harness_equals(h, doc, "{\"text\":\"\",\"entities\":[],\"directives\":[],\"quotes\":[],\"changes\":[]}"));
  sl_harness_free(h);
}

static void test_wrong_types(void **state) {
  static const struct {
    const char *body, *part;
  } bad[] = {
      {"{}", "/text: expected a string"},
      {"{\"text\": 7}", "/text: expected a string"},
      {"{\"text\": \"a\", \"sentences\": {}}", "/sentences: expected an array"},
      {"{\"text\": \"a b\", \"sentences\": [{\"start\": 0, \"end\": 9}]}", "/sentences/0: expected start <= end <= 3"},
      {"{\"text\": \"a b\", \"sentences\": [{\"start\": 0, \"end\": 1}, {\"start\": -1, \"end\": 2}]}", "/sentences/1"},
      {"{\"text\": \"a b\", \"sentences\": [{\"start\": 2, \"end\": 3}, {\"start\": 0, \"end\": 1}]}", "/sentences/1"},
      {"{\"text\": \"a b\", \"sentences\": [\"x\"]}", "/sentences/0"},
      {"{\"text\": \"a b\", \"sentences\": [{\"start\": 0.5, \"end\": 1}]}", "/sentences/0"},
  };
  (void)state;
  sl_harness *h = start("");
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    assert_int_equal(sl_harness_push_json(h, bad[i].body), SL_V_REJECT);
    sl_harness_error e = sl_harness_last(h);
    if (!strstr(e.message, bad[i].part)) fail_msg("expected \"%s\", found \"%s\"", bad[i].part, e.message);
  }
  /* What is not needed may be of any type. */
  assert_int_equal(sl_harness_push_json(h, "{\"text\": \"ngày 2/9\", \"published\": 7, \"sentences\": []}"), SL_V_OK);
  assert_string_equal(sl_harness_string(h, sl_harness_pull(h), "/entities/0/norm"), "XXXX-09-02");
  sl_harness_free(h);
}

static void test_given_sentences(void **state) {
  (void)state;
  sl_harness *h = start("");
  /* A name does not run over the border of a sentence that is given. */
  assert_int_equal(sl_harness_push_json(h, "{\"text\": \"Gặp ông Trần Văn An Bình yên.\", \"sentences\": "
                                           "[{\"start\": 0, \"end\": 26}, {\"start\": 27, \"end\": 37}]}"),
                   SL_V_OK);
  assert_string_equal(sl_harness_string(h, sl_harness_pull(h), "/entities/0/text"), "Trần Văn An");
  sl_harness_free(h);
}

static void test_parameters(void **state) {
  static const char text[] =
      "Ngày 2/9, Bí thư Tỉnh ủy Trần Văn An yêu cầu Sở Y tế báo cáo. Ông nói: “Phải làm thật nhanh, thật kỹ”.";
  (void)state;
  sl_harness *h = start("{ types: [PERSON, DATE], directives: false, quotes: false, changes: false }");
  char *lines = lines_of(h, text, "2025-09-01", "");
  assert_string_equal(lines, "DATE Ngày 2/9 = 2025-09-02 core(2/9) day/header\nPERSON Trần Văn An\n");
  free(lines);
  sl_doc *doc = sl_harness_doc(h, "{\"text\": \"a\"}");
  assert_int_equal(sl_harness_push(h, doc), SL_V_OK);
  assert_null(sl_harness_at(h, doc, "/changes"));
  sl_harness_free(h);
  /* What is not written is null where it is referred to, never a number that leads nowhere. */
  h = start("{ types: [ROLE] }");
  lines = lines_of(h, text, "", "ROLE,DIRECTIVE");
  assert_string_equal(lines,
                      "ROLE Bí thư Tỉnh ủy -> - pre\nDIRECTIVE Trần Văn An yêu cầu demand [] to(Sở Y tế) : báo cáo\n");
  free(lines);
  sl_harness_free(h);
}

/* Old annotations are replaced, other fields stay. */
static void test_again(void **state) {
  (void)state;
  sl_harness *h = start("");
  assert_int_equal(sl_harness_push_json(h, "{\"text\": \"Hà Nội.\", \"entities\": 7, \"quotes\": [1], \"own\": true}"),
                   SL_V_OK);
  sl_doc *doc = sl_harness_pull(h);
  assert_string_equal(sl_harness_string(h, doc, "/entities/0/text"), "Hà Nội");
  assert_string_equal(sl_harness_string(h, doc, "/quotes"), "[]");
  assert_string_equal(sl_harness_string(h, doc, "/own"), "true");
  sl_harness_free(h);
}

/* Every allocation in turn fails while a document is annotated: it is to be tried again, and then succeeds. */
static void test_memory(void **state) {
  static const char text[] =
      "Ngày 2/9, các Ủy viên Bộ Chính trị: Bí thư Thành ủy Trần Văn An; Bộ trưởng Bộ Y tế Lê Thị Bình yêu cầu Sở "
      "Y tế giảm 5 bệnh viện còn 3 bệnh viện theo Nghị định số 1/2025/NĐ-CP. Ông An nói: “Phải làm thật "
      "nhanh, thật kỹ”.";
  (void)state;
  sl_harness *h = start("");
  char *body = body_of(text, "2025-09-01");
  uint64_t n = 0;
  for (int failed = 1; failed; sl_harness_clear(h)) {
    sl_doc *doc = sl_harness_doc(h, body);
    sl_harness_fail_alloc(h, ++n);
    int32_t verdict = sl_harness_push(h, doc);
    failed = sl_harness_alloc_failed(h);
    assert_int_equal(verdict, failed ? SL_V_RETRY : SL_V_OK);
    if (failed) assert_int_equal(sl_harness_last(h).code, SL_ENOMEM);
  }
  assert_true(n > 50);
  cJSON_free(body);
  sl_harness_free(h);
}

static void test_memory_at_create(void **state) {
  (void)state;
  for (uint64_t n = 1; n < 40; n++) {
    sl_harness *h = sl_harness_new(stage_type(), "");
    sl_harness_fail_alloc(h, n);
    int32_t rc = sl_harness_start(h);
    int failed = sl_harness_alloc_failed(h);
    if (failed) assert_int_equal(rc, SL_ENOMEM);
    if (!failed) assert_int_equal(rc, 0);
    sl_harness_free(h);
  }
}

/* ---- linear work --------------------------------------------------------------------------------------------------
 */

static uint64_t work_of(ex_doc *doc, const char *unit, size_t bytes) {
  size_t k = strlen(unit), n = bytes / k * k;
  char *text = malloc(n + 1);
  assert_non_null(text);
  for (size_t i = 0; i < n; i += k) memcpy(text + i, unit, k);
  text[n] = '\0';
  assert_int_equal(ex_annotate(doc, text, n, NULL, 0, "2025-08-21", EX_RUN_DIRECTIVES | EX_RUN_QUOTES), 0);
  free(text);
  return doc->work;
}

/* Ten times the text is ten times the work: for news, and for text made to hurt. */
static void test_linear(void **state) {
  static const char *const units[] = {"Ngày 21/8, Bí thư Tỉnh ủy Trần Văn An yêu cầu Sở Y tế tỉnh Hà Nam báo cáo trước "
                                      "ngày 30/9. Ông An nói: “Phải làm thật "
                                      "nhanh, thật kỹ”. Hà Nội cần giảm 526 xã còn 126 xã.\n",
                                      "“ông Nam nói ",
                                      "\" a ",
                                      "Đoàn công tác của ",
                                      "Ban Thường vụ ",
                                      "yêu cầu ",
                                      "Hà Nội đề nghị Huế, ",
                                      "các Bí thư: ",
                                      "Bí thư Thành ủy, ",
                                      "đã đồng thời ",
                                      "Nguyễn Văn An, ",
                                      "ông Kim-",
                                      "1.1,",
                                      "5 đến ",
                                      "năm 2030, ",
                                      "Tân Lập, ",
                                      "A.B.",
                                      "(((",
                                      "Hà Nội cần ",
                                      "ông ",
                                      "5 xã, phường, ",
                                      "ngày 3/5, "};
  char msg[256];
  (void)state;
  ex_lex *lex = ex_lex_new();
  assert_non_null(lex);
  assert_int_equal(ex_lex_read_builtin(lex, msg, sizeof(msg)), 0);
  ex_doc doc;
  ex_doc_init(&doc, lex);
  for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
    size_t bytes = i == 0 ? 1000000 : 50000;
    uint64_t one = work_of(&doc, units[i], bytes), ten = work_of(&doc, units[i], bytes * 10);
    if (ten > one * 21 / 2)
      fail_msg("\"%s\": %llu steps, ten times as long %llu", units[i], (unsigned long long)one,
               (unsigned long long)ten);
    if (ten > bytes * 10 * 12)
      fail_msg("\"%s\": %llu steps for %zu bytes", units[i], (unsigned long long)ten, bytes * 10);
  }
  ex_doc_done(&doc);
  ex_lex_free(lex);
}

/* ---- figures ------------------------------------------------------------------------------------------------------
 */

/* Code points in s[0, n). */
static size_t points(const char *s, size_t n) {
  size_t count = 0;
  for (size_t i = 0; i < n; i++) count += ((unsigned char)s[i] & 0xC0) != 0x80;
  return count;
}

/* Where byte `at` of the cleaned text stands in the raw one, in code points: lines are the same, some are left out. */
static size_t raw_point(const char *clean, const char *raw, size_t at) {
  const char *from = raw;
  for (const char *line = clean; *line;) {
    size_t n = strcspn(line, "\n");
    char *copy = strndup(line, n);
    const char *found = n ? strstr(from, copy) : from;
    free(copy);
    assert_non_null(found);
    if (clean + at >= line && clean + at <= line + n)
      return points(raw, (size_t)(found - raw) + at - (size_t)(line - clean));
    from = found + n;
    line += n + (line[n] == '\n');
  }
  return 0;
}

static void add_pairs(const cJSON *body, const cJSON *role, cJSON *pairs) {
  const cJSON *all = cJSON_GetObjectItemCaseSensitive(role, "persons"), *p;
  const cJSON *one = cJSON_GetObjectItemCaseSensitive(role, "person");
  int n = all ? cJSON_GetArraySize(all) : cJSON_IsString(one);
  for (int i = 0; i < n; i++) {
    p = all ? cJSON_GetArrayItem(all, i) : one;
    cJSON *pair = cJSON_CreateObject();
    cJSON_AddStringToObject(pair, "person", name_of(body, p));
    cJSON_AddStringToObject(pair, "role", str(role, "norm"));
    cJSON_AddItemToArray(pairs, pair);
  }
}

/* Our annotations in the form that score_gold.py reads. */
static char *prediction(const cJSON *body, const char *clean, const char *raw) {
  cJSON *out = cJSON_CreateObject(), *ents = cJSON_AddArrayToObject(out, "entities");
  cJSON *pairs = cJSON_AddArrayToObject(out, "person_roles"), *dirs = cJSON_AddArrayToObject(out, "directives");
  const cJSON *e;
  cJSON_ArrayForEach(e, cJSON_GetObjectItemCaseSensitive(body, "entities")) {
    if (strcmp(str(e, "type"), "ROLE") == 0) add_pairs(body, e, pairs);
    if (cJSON_GetObjectItemCaseSensitive(e, "nested")) continue;
    cJSON *x = cJSON_CreateObject();
    cJSON_AddStringToObject(x, "type", str(e, "type"));
    cJSON_AddStringToObject(x, "text", str(e, "text"));
    cJSON_AddNumberToObject(
        x, "cp_start",
        (double)raw_point(clean, raw, (size_t)cJSON_GetObjectItemCaseSensitive(e, "start")->valuedouble));
    cJSON_AddItemToArray(ents, x);
  }
  cJSON_ArrayForEach(e, cJSON_GetObjectItemCaseSensitive(body, "directives")) {
    cJSON *x = cJSON_CreateObject();
    char first[512];
    snprintf(first, sizeof(first), "%.511s", str(cJSON_GetObjectItemCaseSensitive(e, "content"), "text"));
    char *at = first;
    for (int words = 0; *at && (*at != ' ' || ++words < 8); at++) continue;
    *at = '\0';
    if (*str(e, "speaker_norm")) cJSON_AddStringToObject(x, "speaker", str(e, "speaker_norm"));
    cJSON_AddStringToObject(x, "verb", str(e, "verb"));
    cJSON_AddStringToObject(x, "content_first8", first);
    cJSON_AddItemToArray(dirs, x);
  }
  char *s = cJSON_PrintUnformatted(out);
  cJSON_Delete(out);
  return s;
}

/* Annotates one article and writes the prediction; appends both files to the command. */
static void predict(sl_harness *h, const char *data, const char *name, const char *folder, char *command, size_t cap) {
  char path[512];
  snprintf(path, sizeof(path), "%s/gold/%s.clean.txt", data, name);
  char *clean = read_file(path);
  snprintf(path, sizeof(path), "%s/seeds/%s.txt", data, name);
  char *raw = read_file(path);
  snprintf(path, sizeof(path), "%s/gold/%s.json", data, name);
  char *gold = read_file(path);
  assert_true(clean && raw && gold);
  cJSON *g = cJSON_Parse(gold);
  char *pred = prediction(annotate(h, clean, str(g, "document_date")), clean, raw);
  snprintf(command + strlen(command), cap - strlen(command), " %s %s/%s.json", path, folder, name);
  snprintf(path, sizeof(path), "%s/%s.json", folder, name);
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  fputs(pred, f);
  fclose(f);
  cJSON_free(pred);
  cJSON_Delete(g);
  free(clean);
  free(raw);
  free(gold);
}

static double f1(const int *c) { return 2.0 * c[0] / (2.0 * c[0] + c[1] + c[2]); }

static void test_gold(void **state) {
  const char *data = getenv("SLUICE_TEST_DATA");
  (void)state;
  if (!data) {
    print_message("skipped: SLUICE_TEST_DATA is not set\n");
    return;
  }
  static const char *const names[] = {"000_2141874729631f33", "001_c595a17db9558f09", "002_32d77b9e17cb1270",
                                      "003_eda85a7bb6e66d14", "004_b25b9569367280b9"};
  char command[8192], folder[] = "/tmp/extract_gold_XXXXXX", line[256];
  assert_non_null(mkdtemp(folder));
  snprintf(command, sizeof(command), "python3 %s/gold/score_gold.py", data);
  sl_harness *h = start("");
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
    predict(h, data, names[i], folder, command, sizeof(command));
  sl_harness_free(h);
  FILE *p = popen(command, "r");
  assert_non_null(p);
  int entities[3] = {0}, pairs[3] = {0}, directives[3] = {0};
  while (fgets(line, sizeof(line), p)) {
    int c[3];
    const char *tp = strstr(line, " TP ");
    print_message("%s", line);
    if (!tp || sscanf(tp, " TP %d FP %d FN %d", &c[0], &c[1], &c[2]) != 3) continue;
    int *to = line[0] != '~'                         ? entities
              : strncmp(line, "~PERSON", 7) == 0     ? pairs
              : strncmp(line, "~DIRECTIVE", 10) == 0 ? directives
                                                     : NULL;
    for (int k = 0; to && k < 3; k++) to[k] += c[k];
  }
  assert_int_equal(pclose(p), 0);
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    char path[512];
    snprintf(path, sizeof(path), "%s/%s.json", folder, names[i]);
    unlink(path);
  }
  rmdir(folder);
  print_message("entities F1 %.3f, person-role pairs %.3f, directives %.3f\n", f1(entities), f1(pairs), f1(directives));
  if (f1(entities) < 0.98 || f1(pairs) < 0.95 || f1(directives) < 0.9) fail_msg("expected at least .98, .95, .90");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_cases),       cmocka_unit_test(test_lexicon_errors),
      cmocka_unit_test(test_own_lexicon), cmocka_unit_test(test_bad_parameters),
      cmocka_unit_test(test_numbers),     cmocka_unit_test(test_empty_text),
      cmocka_unit_test(test_wrong_types), cmocka_unit_test(test_given_sentences),
      cmocka_unit_test(test_parameters),  cmocka_unit_test(test_again),
      cmocka_unit_test(test_memory),      cmocka_unit_test(test_memory_at_create),
      cmocka_unit_test(test_linear),      cmocka_unit_test(test_gold),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
