/* SPDX-License-Identifier: Apache-2.0 */
/* extract: patterns, word pairs, weights and the taking out of what is built in, as a user's files give them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <sluice/harness.h>

#include "annot.h"
#include "output.h"
#include "run.h"

/* A lexicon with these lines behind the ones that are built in. */
static ex_lex *lexicon(const char *lines) {
  char msg[1024];
  ex_lex *lex = ex_lex_new();
  assert_non_null(lex);
  assert_int_equal(ex_lex_read_builtin(lex, msg, sizeof(msg)), 0);
  if (ex_lex_read(lex, "own.txt", lines, strlen(lines), msg, sizeof(msg)) != 0) fail_msg("%s", msg);
  return lex;
}

/* "TYPE text = norm; …" of all entities, then "ORDER speaker verb [to] content". */
static void found(const char *lines, const char *text, char *out, size_t cap) {
  ex_lex *lex = lexicon(lines);
  ex_doc doc;
  cJSON *list[4], *e;
  size_t n = 0;
  ex_doc_init(&doc, lex);
  assert_int_equal(ex_annotate(&doc, text, strlen(text), NULL, 0, "2025-09-04", EX_RUN_DIRECTIVES | EX_RUN_QUOTES), 0);
  assert_int_equal(ex_output(&doc, EX_ALL_TYPES, &list[0], &list[1], &list[2], &list[3]), 0);
  out[0] = '\0';
  cJSON_ArrayForEach(e, list[0]) {
    const char *type = cJSON_GetObjectItem(e, "type")->valuestring,
               *slice = cJSON_GetObjectItem(e, "text")->valuestring;
    const cJSON *norm = cJSON_GetObjectItem(e, "norm");
    int same = !cJSON_IsString(norm) || strcmp(norm->valuestring, slice) == 0;
    n += (size_t)snprintf(out + n, cap - n, "%s %s%s%s; ", type, slice, same ? "" : " = ",
                          same ? "" : norm->valuestring);
    assert_true(n < cap);
  }
  cJSON_ArrayForEach(e, list[1]) {
    const cJSON *who = cJSON_GetObjectItem(e, "speaker_norm");
    n += (size_t)snprintf(out + n, cap - n, "ORDER %s %s: %s; ", cJSON_IsString(who) ? who->valuestring : "-",
                          cJSON_GetObjectItem(e, "verb")->valuestring,
                          cJSON_GetObjectItem(cJSON_GetObjectItem(e, "content"), "text")->valuestring);
    assert_true(n < cap);
  }
  for (int k = 0; k < 4; k++) cJSON_Delete(list[k]);
  ex_doc_done(&doc);
  ex_lex_free(lex);
}

static void check(const char *lines, const char *text, const char *expected) {
  char out[4096];
  found(lines, text, out, sizeof(out));
  if (strcmp(out, expected) != 0) fail_msg("%s\n%s\nexpected: %s\nfound:    %s", lines, text, expected, out);
}

static void test_own_patterns(void **state) {
  (void)state;
  /* Words, shapes, classes, numbers, choices, repetitions, glued tokens, an extent, captures. */
  check("[pattern]\nband: ORG = (gánh | phường) [Aa{1,3}] ngũ sắc\n", "Hôm ấy gánh Mây Lang Thang ngũ sắc hát.",
        "ORG Mây Lang Thang; ");
  check("[pattern]\nflight: ORG = (QH | VJ) ~ N(100-999)\n", "Chuyến QH123 trễ, chuyến QH 123 và QH12 thì không.",
        "ORG QH123; ");
  check("[pattern]\nweek: DATE = tuần thứ n:N(1-53) năm y:N(2000-2100) | norm=$y-W$n; precision=period\n",
        "Trong tuần thứ 7 năm 2025 trời mưa.", "DATE tuần thứ 7 năm 2025 = 2025-W07; ");
  check("[pattern]\nlevel: QUANTITY = mực nước v:N u:(phân | tấc) | norm=mực nước\n", "Sông ở mực nước 35 phân.",
        "QUANTITY mực nước 35 phân = mực nước; ");
  check("[pattern]\nplace: LOC = bến <family> aa?\n", "Họ qua bến Nguyễn xưa.", "LOC bến Nguyễn xưa; ");
  check("[pattern]\nnickname: PERSON = Aa \"\\\"\" aa \"\\\"\"\n[pattern]\nrole: ROLE = (trùm | đầu lĩnh) phường aa\n",
        "Hắn là đầu lĩnh phường chèo Nguyễn Văn Tám.", "ROLE đầu lĩnh phường chèo; PERSON Nguyễn Văn Tám; ");
}

/* A document whose pattern names no kind has none; that is no lack of memory. */
static void test_without_captures(void **state) {
  (void)state;
  check("[pattern]\nmemo: LEGAL_REF = phiếu chuyển AA\n", "Theo phiếu chuyển TNMT, việc đã xong.",
        "LEGAL_REF phiếu chuyển TNMT; ");
  check("[pattern]\nhalf: QUANTITY = nửa số hộ\n", "Có nửa số hộ nghèo.", "QUANTITY nửa số hộ; ");
}

static void test_nothing_and_removal(void **state) {
  (void)state;
  check("[pattern]\nscore: NONE = tỷ số N \"-\" N đều\n", "Kết quả: tỷ số 3-3 đều người xem vui.", "");
  check("[pattern]\nx: ORG = hội làng Aa\nx: LOC = hội làng Aa\n", "Về hội làng Gióng chơi.", "LOC hội làng Gióng; ");
  check("[pattern]\nx: ORG = hội làng Aa\n!x\n", "Về hội làng gióng chơi.", "");
  check("", "Đêm 12 rạng sáng 13/5 có mưa.", "DATE Đêm 12 rạng sáng 13/5 = 2025-05-12/2025-05-13; ");
  check("[pattern]\n!*\n", "Đêm 12 rạng sáng 13/5 có mưa.", "DATE rạng sáng 13/5 = 2025-05-13; ");
  check("[org]\n!*\n", "Quốc hội họp.", "");
}

static void test_orders(void **state) {
  (void)state;
  check("", "Sở Y tế được Chủ tịch UBND tỉnh Trần Văn Nam giao lập đề án.",
        "ORG Sở Y tế; ROLE Chủ tịch UBND tỉnh; ORG UBND tỉnh = Ủy ban nhân dân tỉnh; PERSON Trần Văn Nam; "
        "ORDER Trần Văn Nam giao: lập đề án; ");
  check("[pattern]\nbegs: ORDER = w:{PERSON} (van nài) v:(xin) t:{ORG} \":\"\n",
        "Ông Trần Văn Nam van nài xin Sở Y tế: cứu lấy rừng.",
        "PERSON Trần Văn Nam; ORG Sở Y tế; ORDER Trần Văn Nam xin: cứu lấy rừng; ");
}

static void test_pattern_errors(void **state) {
  static const struct {
    const char *line, *message;
  } bad[] = {
      {"ORG = Aa", "expected \"name: TYPE = elements\""},
      {"a: FIRM = Aa", "expected PERSON, ROLE, ORG"},
      {"a: ORG Aa", "expected = behind the type"},
      {"a: ORG = ", "expected elements behind ="},
      {"a: ORG = (Aa", "expected a closing )"},
      {"a: ORG = [Aa", "expected a closing ]"},
      {"a: ORG = Aa)", "expected the end of the pattern"},
      {"a: ORG = <nonsense>", "expected a class of the lexicon"},
      {"a: ORG = <title", "expected a class of the lexicon"},
      {"a: ORG = {PERSON}", "entities can be asked for in patterns of ORDER only"},
      {"a: ORDER = {PERSONS}", "expected a type of entities"},
      {"a: ORG = N(9-1)", "expected a range like N(1-31)"},
      {"a: ORG = N(1-", "expected a range like N(1-31)"},
      {"a: ORG = Aa{3,1}", "expected {m,n} with at most 8"},
      {"a: ORG = Aa{1,9}", "expected {m,n} with at most 8"},
      {"a: ORG = \"x", "the closing \" is missing"},
      {"a: ORG = a:Aa b:Aa c:Aa d:Aa e:Aa f:Aa g:Aa h:Aa", "captures at most seven"},
      {"a: ORG = ((((((((((Aa))))))))))", "too many brackets"},
      {"a: ORG = ((Aa{8}){8}){8}", "too many elements"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    char text[256], msg[512];
    ex_lex *lex = ex_lex_new();
    assert_non_null(lex);
    int n = snprintf(text, sizeof(text), "[pattern]\n%s", bad[i].line);
    /* A block of its own: the reader must not look behind its end. */
    char *block = malloc((size_t)n);
    assert_non_null(block);
    memcpy(block, text, (size_t)n);
    int rc = ex_lex_read(lex, "own.txt", block, (size_t)n, msg, sizeof(msg));
    if (rc != SL_EPARSE) fail_msg("%s: expected %d, found %d", bad[i].line, SL_EPARSE, rc);
    if (strncmp(msg, "own.txt:2: ", 11) != 0 || !strstr(msg, bad[i].message))
      fail_msg("%s\nexpected \"%s\", found \"%s\"", bad[i].line, bad[i].message, msg);
    free(block);
    ex_lex_free(lex);
  }
}

static void test_other_errors(void **state) {
  static const struct {
    const char *text, *message;
  } bad[] = {{"[pair]\nmột\n", "own.txt:2: expected a word of two syllables, found 1"},
             {"[weight]\n4096 0 0 0 0\n", "own.txt:2: expected a bucket below 4096 and four weights"},
             {"[weight]\n7 1 2 3\n", "own.txt:2: expected a bucket below 4096 and four weights"}};
  (void)state;
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    char msg[512];
    ex_lex *lex = ex_lex_new();
    assert_int_equal(ex_lex_read(lex, "own.txt", bad[i].text, strlen(bad[i].text), msg, sizeof(msg)), SL_EPARSE);
    if (!strstr(msg, bad[i].message)) fail_msg("expected \"%s\", found \"%s\"", bad[i].message, msg);
    ex_lex_free(lex);
  }
}

/* A pattern that would run for ever in a naive matcher: the steps are bounded, the work is linear. */
static void test_bounded(void **state) {
  (void)state;
  ex_lex *lex = lexicon("[pattern]\nbad: ORG = ((Aa? Aa?)? (Aa? Aa?)?)* (Aa | aa)* vĩnh hằng\nworse: LOC = (_* _*)? _* "
                        "(_? _?)* hết\n");
  ex_doc doc;
  uint64_t work[2];
  ex_doc_init(&doc, lex);
  for (int i = 0; i < 2; i++) {
    size_t n = i ? 400000 : 40000;
    char *text = malloc(n + 1);
    assert_non_null(text);
    for (size_t k = 0; k < n; k++) text[k] = "Mây Trắng bay "[k % 18];
    text[n] = '\0';
    assert_int_equal(ex_annotate(&doc, text, n, NULL, 0, NULL, 3), 0);
    work[i] = doc.work;
    free(text);
  }
  if (work[1] > work[0] * 21 / 2)
    fail_msg("%llu steps, ten times as long %llu", (unsigned long long)work[0], (unsigned long long)work[1]);
  ex_doc_done(&doc);
  ex_lex_free(lex);
}

/* Foreign names that stand in no lexicon are told apart by what was learned; without weights they are left out. */
static void test_weights(void **state) {
  (void)state;
  check("", "Số tiền được chuyển cho Sokhan Vithyea với tiền công nhỏ.", "PERSON Sokhan Vithyea; ");
  check("", "Họ ký với Gravetech Solutions hôm qua.", "ORG Gravetech Solutions; ");
  ex_lex *lex = ex_lex_new();
  ex_doc doc;
  int margin;
  static const char text[] = "gặp Sokhan Vithyea";
  ex_doc_init(&doc, lex);
  assert_int_equal(ex_annotate(&doc, text, strlen(text), NULL, 0, NULL, 0), 0);
  assert_int_equal(ex_run_class(&doc, 1, 3, &margin), EX_RUN_OTHER);
  assert_int_equal(margin, 0);
  ex_doc_done(&doc);
  ex_lex_free(lex);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_own_patterns),
      cmocka_unit_test(test_without_captures),
      cmocka_unit_test(test_nothing_and_removal),
      cmocka_unit_test(test_orders),
      cmocka_unit_test(test_pattern_errors),
      cmocka_unit_test(test_other_errors),
      cmocka_unit_test(test_bounded),
      cmocka_unit_test(test_weights),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
