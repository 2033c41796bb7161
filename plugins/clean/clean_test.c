/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of clean: encodings, normal form, lines, dates, pages, the map, the stage. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <cjson/cJSON.h>
#include <dirent.h>
#include <iconv.h>
#include <sluice/harness.h>
#include <utf8proc.h>

#include "normal.h"
#include "test_fonts.h"
#include "test_pages.h"
#include "test_support.h"

/* ---- normal form ---- */

static void normal_is(const char *in, const char *want) {
  clean_buf out;
  clean_view v = {in, strlen(in), NULL, 0, 0, 0};
  clean_buf_init(&out, &heap);
  clean_normal(&v, &out);
  assert_int_equal(out.oom, 0);
  if (out.n != strlen(want) || memcmp(out.s ? out.s : "", want, out.n) != 0) {
    fail_msg("'%s' became '%.*s', expected '%s'", in, (int)out.n, out.s, want);
  }
  clean_buf_done(&out);
}

static void composes_letters_and_orders_marks(void **state) {
  (void)state;
  normal_is("Vie\xCC\xA3\xCC\x82t", "Việt"); /* dot below, circumflex: canonical order */
  normal_is("Vie\xCC\x82\xCC\xA3t", "Việt");
  normal_is("tie\xCC\x81\xCC\x82ng", "tiếng"); /* tone before circumflex: NFC alone gives é with a circumflex on top */
  normal_is("ti\xC3\xA9\xCC\x82ng", "tiếng");
  normal_is("ba\xCC\x80\xCC\x86ng", "bằng"); /* tone before breve */
  normal_is("n\xC6\xB0\xC6\xA1\xCC\x81"
            "c",
            "nước"); /* horn as letter, tone as mark */
  normal_is("nu\xCC\x9Bo\xCC\x81\xCC\x9B"
            "c",
            "nước");
  normal_is("\xCC\x81", "\xCC\x81");
  normal_is("a\n\xD9\x90\xD9\x8F", "a\n\xD9\x8F\xD9\x90");       /* marks alone at the start of a line */
  normal_is("Vie\xC2\xAD\xCC\x82\xE2\x80\x8B\xCC\xA3t", "Việt"); /* something invisible inside the letter */
  normal_is("\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB", "한");       /* Hangul from its parts */
  normal_is("\xE2\x84\xAB", "Å");                                /* Angstrom sign: a singleton */
  normal_is("hoà hòa quý thuỷ thủy", "hoà hòa quý thuỷ thủy");
}

static void eth_becomes_d_in_vietnamese_only(void **state) {
  (void)state;
  normal_is("\xC3\x90\xE1\xBA\xA3ng \xC3\xB0\xE1\xBB\x95i m\xE1\xBB\x9Bi", "Đảng đổi mới");
  normal_is("Það er góð þýðing á Íslandi", "Það er góð þýðing á Íslandi");
}

static void white_space_becomes_plain(void **state) {
  (void)state;
  normal_is("a\xC2\xA0"
            "b \t c\r\nd\re\x0B"
            "f",
            "a b c\nd\ne\nf");
  normal_is("  a  \n\n \t\n b ", "a\n\n\nb");
  normal_is("a\xE2\x80\x8B"
            "b c\xC2\xAD"
            "d \xEF\xBB\xBF"
            "e\xE2\x80\xA8"
            "f",
            "ab cd e\nf");
  normal_is("a\x01"
            "b\x7F"
            "c",
            "a b c");
  normal_is("x\xE2\x80\x8Dy", "xy"); /* joiner behind Latin: litter */
  normal_is("\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x94\xAC", "\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x94\xAC"); /* emoji */
  normal_is("", "");
  normal_is(" \t ", "");
}

/* Lines stay lines whatever stands in them: hints are kept by line. */
static void lines_are_neither_joined_nor_lost(void **state) {
  (void)state;
  static const char in[] = "a \n\n b\r\n\r\nc\xC2\xA0\n\xE2\x80\x8B\ne\xCC\x81\n\xCC\x81x\n";
  clean_buf out;
  clean_view v = {in, sizeof in - 1, NULL, 0, 0, 0};
  clean_buf_init(&out, &heap);
  clean_normal(&v, &out);
  size_t lines = 0;
  for (size_t i = 0; i < out.n; i++) lines += out.s[i] == '\n';
  assert_int_equal(lines, 8);
  clean_buf_done(&out);
}

/* ---- encodings ---- */

/* Through iconv, to fresh memory. */
static char *encode(const char *charset, const char *s, size_t n, size_t *ret_n) {
  iconv_t cd = iconv_open(charset, "UTF-8");
  assert_true(cd != (iconv_t)-1);
  size_t cap = n * 4 + 16, left = cap;
  char *out = malloc(cap), *op = out, *ip = (char *)(uintptr_t)s;
  assert_true(iconv(cd, &ip, &n, &op, &left) != (size_t)-1);
  iconv(cd, NULL, NULL, &op, &left);
  iconv_close(cd);
  *ret_n = cap - left;
  return out;
}

static void one_article_in_many_encodings_is_one_text(void **state) {
  (void)state;
  static const char *const charsets[] = {"UTF-16LE", "UTF-16BE", "UTF-16", "UTF-32", "CP1258", "VISCII", "TCVN5712-1"};
  size_t n, m;
  char *s = read_file(NEWS "/04-chat-van-quoc-hoi.txt", &n), want[8192];
  /* What the old encodings do not have. */
  for (char *p = s; (p = strstr(p, "\xE2\x80\x9C")) != NULL;) memcpy(p, "\"  ", 3);
  for (char *p = s; (p = strstr(p, "\xE2\x80\x9D")) != NULL;) memcpy(p, "\"  ", 3);
  assert_int_equal(run_bytes(s, n, NULL, &usual), 0);
  snprintf(want, sizeof want, "%s", text());
  for (size_t k = 0; k < sizeof charsets / sizeof *charsets; k++) {
    char *bytes = encode(charsets[k], s, n, &m);
    int rc = run_bytes(bytes, m, "text/plain", &usual);
    if (rc) fail_msg("%s: %s", charsets[k], why.message);
    if (strcmp(text(), want) != 0) fail_msg("%s, taken for %s: %s", charsets[k], work.charset, text());
    free(bytes);
  }
  char *nfd = (char *)utf8proc_NFD((const utf8proc_uint8_t *)s);
  assert_int_equal(run_bytes(nfd, strlen(nfd), NULL, &usual), 0);
  assert_string_equal(text(), want);
  free(nfd);
  free(s);
}

static void encodings_are_told_apart(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    size_t n;
    const char *type, *charset, *text;
  } cases[] = {
      {"plain ascii", 11, NULL, "UTF-8", "plain ascii\n"},
      {"caf\xE9 au lait, tr\xE8s bon", 23, "text/plain; charset=ISO-8859-1", "ISO-8859-1", "café au lait, très bon\n"},
      {"a\0b\0c\0d\0", 8, NULL, "UTF-16LE", "abcd\n"},
      {"\0a\0b\0c\0d", 8, NULL, "UTF-16BE", "abcd\n"},
      {"\xEF\xBB\xBFvi\xE1\xBB\x87t", 9, "text/plain; charset=windows-1252", "UTF-8", "việt\n"},
      {"vi\xE1\xBB\x87t", 6, "text/plain; charset=windows-1252", "UTF-8", "việt\n"}, /* the label is wrong */
      {"Vi\xEA\xF2t Nam ti\xEA\xECng Vi\xEA\xF2t", 22, "text/plain; charset=iso-8859-1", "WINDOWS-1258",
       "Việt Nam tiếng Việt\n"},
      {"\xD0\x9F\xD1\x80", 4, NULL, "UTF-8", "Пр\n"},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    int rc = run_bytes(cases[k].bytes, cases[k].n, cases[k].type, &usual);
    if (rc) fail_msg("case %zu: %s", k, why.message);
    assert_string_equal(work.charset, cases[k].charset);
    assert_string_equal(text(), cases[k].text);
  }
}

static void broken_bytes_are_refused_with_their_place(void **state) {
  (void)state;
  assert_int_equal(run("Một bài báo về Hà Nội và th\xC3nh phố"), SL_EENCODING);
  assert_non_null(strstr(why.message, "byte 37"));
  assert_non_null(strstr(why.detail, "C3"));
  assert_int_equal(run_bytes("\xFF\xFE"
                             "a\0\x00\xD8"
                             "b\0",
                             8, NULL, &usual),
                   SL_EENCODING);
  assert_non_null(strstr(why.message, "byte 4"));
  assert_int_equal(run_bytes("\xFF\xFE"
                             "a\0b",
                             5, NULL, &usual),
                   SL_EENCODING);
}

static void broken_bytes_are_replaced_and_listed(void **state) {
  (void)state;
  clean_options opt = usual;
  opt.replace = 1;
  static const char in[] = "Bài báo về Hà Nội, \xE1\xBA và \xFF hết.";
  assert_int_equal(run_bytes(in, sizeof in - 1, NULL, &opt), 0);
  assert_string_equal(text(), "Bài báo về Hà Nội, \xEF\xBF\xBD và \xEF\xBF\xBD hết.\n");
  assert_int_equal(work.n_removed, 2);
  assert_string_equal(removed(0), "invalid: \xEF\xBF\xBD");
  assert_int_equal(work.removed[0].end - work.removed[0].start, 2);
  assert_int_equal((unsigned char)in[work.removed[1].start], 0xFF);
}

static void what_is_no_text_is_refused(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    size_t n;
    const char *word;
  } cases[] = {{"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n1 0 obj", 24, "PDF"},
               {"PK\003\004\x14\0\x06\0\x08\0", 10, "ZIP"},
               {"\x89PNG\r\n\x1A\n\0\0\0\rIHDR", 16, "PNG"},
               {"\xFF\xD8\xFF\xE0\0\x10JFIF", 10, "JPEG"},
               {"\x01\x02\x03\x04\x05\x06", 6, "binary"}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    assert_int_equal(run_bytes(cases[k].bytes, cases[k].n, NULL, &usual), SL_EENCODING);
    if (!strstr(why.message, cases[k].word)) fail_msg("expected %s in: %s", cases[k].word, why.message);
  }
}

/* ---- dates ---- */

static void dates_of_publication_are_read(void **state) {
  (void)state;
  static const struct {
    const char *in, *out;
  } cases[] = {
      {"date 2025-08-21", "2025-08-21"},
      {"21/08/2025 10:30", "2025-08-21T10:30:00+07:00"},
      {"Thứ Năm, 21/8/2025, 10:30 (GMT+7)", "2025-08-21T10:30:00+07:00"},
      {"Thứ năm, ngày 21-08-2025, 10h05", "2025-08-21T10:05:00+07:00"},
      {"Chủ nhật, 24.8.2025", "2025-08-24"},
      {"Cập nhật lúc 9 giờ 05 phút, 01/02/2024", "2024-02-01T09:05:00+07:00"},
      {"21/08/2025 | 10:30 PM", "2025-08-21T22:30:00+07:00"},
      {"21/08/2025 12:15 SA", "2025-08-21T00:15:00+07:00"},
      {"2025-08-21T10:30:05Z", "2025-08-21T10:30:05+00:00"},
      {"2025-08-21T10:30:05.123+0900", "2025-08-21T10:30:05+09:00"},
      {"10:30 29/02/2024", "2024-02-29T10:30:00+07:00"},
      {"Thứ 2, 15/09/2025 | 17:02:13 [GMT +7]", "2025-09-15T17:02:13+07:00"},
      {"Thứ Hai, ngày 15 tháng 9 năm 2025", "2025-09-15"},
      {"29/02/2023", ""},
      {"32/01/2025", ""},
      {"21/8", ""},
      {"1.234.5678", ""},
      {"24/7", ""},
      {"2025", ""},
      {"", ""},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    clean_when w;
    char out[CLEAN_WHEN_MAX] = "";
    size_t n = clean_when_read(cases[k].in, strlen(cases[k].in), &w);
    if (n) clean_when_print(&w, 420, out);
    if (strcmp(out, cases[k].out) != 0) fail_msg("'%s' became '%s', expected '%s'", cases[k].in, out, cases[k].out);
    if (n && n != strlen(cases[k].in)) fail_msg("'%s': only %zu bytes were read", cases[k].in, n);
  }
}

static void a_date_in_a_sentence_stays(void **state) {
  (void)state;
  assert_int_equal(run("Ngày 21/8/2025, tỉnh công bố quyết định.\n\nQuyết định có hiệu lực từ 01/9/2025."), 0);
  assert_string_equal(text(), "Ngày 21/8/2025, tỉnh công bố quyết định.\nQuyết định có hiệu lực từ 01/9/2025.\n");
  assert_string_equal(published(), "");
}

/* ---- lines ---- */

/* Two paragraphs of an article. */
#define LONG_1 \
  "Sáng 3/9, Ủy ban nhân dân tỉnh tổ chức hội nghị triển khai kế hoạch thu hoạch vụ hè thu." LONG_MORE "\n\n"
#define LONG_2 "Theo báo cáo, toàn tỉnh đã thu hoạch 45.000 ha, năng suất đạt 6,1 tấn/ha." LONG_MORE "\n"
#define LONG_MORE " Giá lúa tăng 300 đồng/kg so với cùng kỳ nên nông dân phấn khởi và xuống giống vụ mới."

static void captions_go_and_sentences_stay(void **state) {
  (void)state;
  static const struct {
    const char *line;
    int goes;
  } cases[] = {
      {"Quang cảnh hội nghị. Ảnh: Minh Khôi", 1},
      {"Nông dân thu hoạch lúa (Ảnh: Mai Lan).", 1},
      {"Nông dân thu hoạch lúa - Ảnh: MAI LAN/TTXVN", 1},
      {"Máy gặt trên cánh đồng. Ảnh minh họa", 1},
      {"Máy gặt trên cánh đồng (Ảnh tư liệu)", 1},
      {"Máy gặt trên cánh đồng. Nguồn ảnh: Sở Nông nghiệp", 1},
      {"Chủ tịch UBND tỉnh Nguyễn Văn Mẫu phát biểu tại hội nghị.", 1},
      {"Các đại biểu tham dự hội nghị.", 1},
      {"Nông dân thu hoạch lúa tại xã Bình Minh.", 1},
      {"Lực lượng chức năng kiểm tra thiết bị chữa cháy tại chợ.", 1},
      {"Bí thư Tỉnh ủy trao quyết định và tặng hoa chúc mừng các đồng chí.", 1},
      {"Đồng chí Lê Văn Mẫu, Bí thư Tỉnh ủy, Chủ tịch HĐND tỉnh phát biểu tại hội nghị.", 1},
      {"Toàn cảnh phiên họp. (Nguồn: TTXVN)", 1},
      {"Vụ việc đang được điều tra làm rõ.", 0},
      {"Hội nghị bế mạc vào chiều cùng ngày.", 0},
      {"Chủ tịch UBND tỉnh yêu cầu các sở báo cáo trước ngày 10/9.", 0},
      {"\"Chúng tôi rất mừng\", một nông dân nói.", 0},
      {"Tuy nhiên, nông dân vẫn lo đầu ra.", 0},
      {"Không ai bị thương.", 0},
      {"Giá lúa tăng", 0},
      {"Nông dân được hỗ trợ 30% chi phí.", 0},
      {"Ảnh hưởng của bão là rất lớn.", 0},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    char in[2048];
    snprintf(in, sizeof in, LONG_1 "%s\n\n" LONG_2, cases[k].line);
    assert_int_equal(run(in), 0);
    int gone = work.n_removed == 1 && work.removed[0].kind == CLEAN_K_CAPTION;
    if (gone != cases[k].goes) fail_msg("%s: %s", cases[k].line, gone ? "was taken out" : "stayed");
    if (!gone) assert_int_equal(work.n_removed, 0);
  }
}

static void image_names_and_the_line_below_go(void **state) {
  (void)state;
  assert_int_equal(run(LONG_1 "lua he thu 01.JPG\nGặt lúa ở xã Bình Minh, mùa vàng.\n\n" LONG_2), 0);
  assert_int_equal(work.n_removed, 2);
  assert_string_equal(removed(0), "image: lua he thu 01.JPG");
  assert_string_equal(removed(1), "caption: Gặt lúa ở xã Bình Minh, mùa vàng.");
}

static void lines_of_the_site_go(void **state) {
  (void)state;
  static const char *const lines[] = {"Chia sẻ Facebook Twitter", "Bình luận (0)", "12 bình luận",
                                      "Từ khóa: lúa, gạo",        "Quảng cáo",     "Tags: mùa vụ"};
  for (size_t k = 0; k < sizeof lines / sizeof *lines; k++) {
    char in[2048];
    snprintf(in, sizeof in, LONG_1 LONG_2 "\n%s\n", lines[k]);
    assert_int_equal(run(in), 0);
    if (work.n_removed != 1 || work.removed[0].kind != CLEAN_K_SITE) fail_msg("%s stayed", lines[k]);
  }
  assert_int_equal(run("Được mùa lúa hè thu\n\n" LONG_1 "Được mùa lúa hè thu - 1\n\n" LONG_2), 0);
  assert_int_equal(work.n_removed, 1);
  assert_string_equal(removed(0), "image: Được mùa lúa hè thu - 1");
}

static void links_to_other_articles_go(void **state) {
  (void)state;
  assert_int_equal(run(LONG_1 LONG_2 "\nXem thêm: Giá lúa tăng mạnh\n\n>> Vì sao gạo khan hiếm?\n\nTin liên quan\n"
                                     "Nông dân được mùa\n\nGạo Việt vào châu Âu\n"),
                   0);
  assert_int_equal(work.n_removed, 5);
  for (size_t i = 0; i < 5; i++) assert_int_equal(work.removed[i].kind, CLEAN_K_RELATED);
  assert_string_equal(removed(4), "related: Gạo Việt vào châu Âu");
}

/* A box in the middle of the text ends with the next paragraph. */
static void a_box_of_links_ends_with_the_next_paragraph(void **state) {
  (void)state;
  assert_int_equal(run(LONG_1 "Tin liên quan\nNông dân được mùa\n\n" LONG_2), 0);
  assert_int_equal(work.n_removed, 2);
  assert_non_null(strstr(text(), "Theo báo cáo, toàn tỉnh"));
}

static void credits_at_the_end_become_authors(void **state) {
  (void)state;
  static const struct {
    const char *line, *kind, *author;
  } cases[] = {
      {"Phương Nhi", "byline", "Phương Nhi"},
      {"TUYẾN PHAN", "byline", "TUYẾN PHAN"},
      {"Văn Toàn - Thu Hà", "byline", "Văn Toàn"},
      {"Bài và ảnh: Quốc Hưng", "byline", "Quốc Hưng"},
      {"Tác giả: Lê Minh", "byline", "Lê Minh"},
      {"Minh Anh (theo Reuters)", "byline", "Minh Anh"},
      {"Theo TTXVN", "credit", NULL},
      {"(Nguồn: TTXVN)", "credit", NULL},
      {"Nguồn: Báo Mẫu", "credit", NULL},
      {"PV", "byline", NULL},
      {"Nhóm phóng viên", "byline", NULL},
      {"Thu Hằng/VOV-Trung tâm Tin", "byline", "Thu Hằng"},
      {"Tin, ảnh: Mai Phương", "byline", "Mai Phương"},
      {"Theo baochinhphu.vn", "credit", NULL},
      {"(TTXVN/Vietnam+)", "credit", NULL},
      {"H.A.", "byline", "H.A."},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    char in[2048], want[256];
    snprintf(in, sizeof in, LONG_1 LONG_2 "\n%s\n", cases[k].line);
    snprintf(want, sizeof want, "%s: %s", cases[k].kind, cases[k].line);
    assert_int_equal(run(in), 0);
    if (work.n_removed != 1) fail_msg("%s: %zu lines were taken out", cases[k].line, work.n_removed);
    assert_string_equal(removed(0), want);
    if (cases[k].author) {
      assert_true(work.lines.n_authors >= 1);
      char got[64];
      snprintf(got, sizeof got, "%.*s", (int)(work.lines.authors[0].end - work.lines.authors[0].start),
               work.normal.s + work.lines.authors[0].start);
      assert_string_equal(got, cases[k].author);
    }
  }
}

static void title_lead_and_prefix(void **state) {
  (void)state;
  assert_int_equal(
      run("Được mùa lúa hè thu\n\nTTO - Nông dân trong tỉnh phấn khởi vì lúa được mùa, được giá, thương lái "
          "thu mua ngay tại ruộng.\n\n" LONG_1 LONG_2),
      0);
  assert_int_equal(work.title_end - work.title_start, strlen("Được mùa lúa hè thu"));
  assert_memory_equal(work.out.s + work.lead_start, "Nông dân trong tỉnh", strlen("Nông dân trong tỉnh"));
  assert_string_equal(removed(0), "prefix: TTO -");
  /* A first line that is a sentence is no title; a first paragraph with the time of the event is no lead. */
  assert_int_equal(run(LONG_1 LONG_2), 0);
  assert_int_equal(work.title_end, 0);
  assert_int_equal(work.lead_end, 0);
}

static void words_in_brackets_are_no_prefix_without_a_dash(void **state) {
  (void)state;
  assert_int_equal(run("(Kỳ 2) Người dân trong vùng đã quen với lũ.\n\n" LONG_1), 0);
  assert_int_equal(work.n_removed, 0);
}

static void a_repeated_paragraph_stays_once(void **state) {
  (void)state;
  assert_int_equal(run(LONG_1 LONG_2 "\n" LONG_2), 0);
  assert_int_equal(work.n_removed, 1);
  assert_int_equal(work.removed[0].kind, CLEAN_K_DUPLICATE);
}

static void a_text_of_captions_alone_stays(void **state) {
  (void)state;
  assert_int_equal(run("Quang cảnh buổi lễ. Ảnh: Minh Khôi\n\nTin liên quan"), 0);
  assert_true(work.out.n > 0);
}

static void rules_can_be_switched_off(void **state) {
  (void)state;
  clean_options opt = {.charset = "auto"};
  static const char in[] = " date 2025-08-21 " LONG_1 "a.jpg\nQuang cảnh. Ảnh: A\n\nPhương Nhi\n\nTin liên quan";
  assert_int_equal(run_bytes(in, sizeof in - 1, NULL, &opt), 0);
  assert_int_equal(work.n_removed, 0);
  assert_string_equal(published(), "2025-08-21");
  opt.blank_line = 1;
  assert_int_equal(run_bytes("a.\nb.", 5, NULL, &opt), 0);
  assert_string_equal(text(), "a.\n\nb.\n");
}

/* ---- the map ---- */

/* Both sides of a run are the same text in normal form. */
static void check_run(const sl_span *r, const char *s, const char *name) {
  clean_buf a, b;
  char *src = malloc(r->src_len);
  memcpy(src, s + r->src, r->src_len);
  for (size_t i = 0; i + 1 < r->src_len; i++) {
    if ((unsigned char)src[i] != 0xC3 || (src[i + 1] != '\x90' && src[i + 1] != '\xB0')) continue;
    src[i + 1] = src[i + 1] == '\x90' ? '\x90' : '\x91'; /* eth, which clean takes for d with stroke */
    src[i] = '\xC4';
  }
  clean_view v = {src, r->src_len, NULL, 0, 0, 0}, t = {work.out.s + r->text, r->text_len, NULL, 0, 0, 0};
  clean_buf_init(&a, &heap);
  clean_buf_init(&b, &heap);
  clean_normal(&v, &a);
  clean_normal(&t, &b);
  if (a.n != b.n || memcmp(a.s ? a.s : "", b.s ? b.s : "", a.n) != 0) {
    fail_msg("%s: text '%.*s' leads to '%.*s'", name, (int)t.n, t.s, (int)v.n, s + r->src);
  }
  clean_buf_done(&a);
  clean_buf_done(&b);
  free(src);
}

/* Runs are sorted, inside, and lead to what they came from. */
static void check_map(const char *s, size_t n, const char *name) {
  uint64_t at = 0;
  for (size_t i = 0; i < work.out.n_runs; i++) {
    const sl_span *r = &work.out.runs[i];
    if (r->text < at || r->text_len == 0 || r->text + r->text_len > work.out.n || r->src + r->src_len > n) {
      fail_msg("%s: run %zu [%zu +%zu) from [%zu +%zu)", name, i, (size_t)r->text, (size_t)r->text_len, (size_t)r->src,
               (size_t)r->src_len);
    }
    at = r->text + r->text_len;
    if (strcmp(work.charset, "UTF-8") == 0 && !work.is_html) check_run(r, s, name);
  }
}

static void each_run_leads_to_its_bytes(void **state) {
  (void)state;
  DIR *d = opendir(NEWS);
  assert_non_null(d);
  unsigned count = 0;
  for (struct dirent *e; (e = readdir(d)) != NULL;) {
    if (e->d_name[0] == '.') continue;
    char path[512];
    size_t n;
    snprintf(path, sizeof path, "%s/%s", NEWS, e->d_name);
    char *s = read_file(path, &n);
    if (run_bytes(s, n, NULL, &usual) == 0) check_map(s, n, e->d_name);
    free(s);
    count++;
  }
  closedir(d);
  assert_true(count >= 14);
}

/* The source of a word, as a string. */
static void source_is(const char *in, size_t n, const char *word, const char *want, size_t want_n) {
  const char *at = memmem(work.out.s, work.out.n, word, strlen(word));
  assert_non_null(at);
  clean_view v = clean_buf_view(&work.out);
  uint64_t start, end;
  assert_true(clean_source(&v, (size_t)(at - work.out.s), strlen(word), &start, &end));
  assert_true(end <= n);
  if (end - start != want_n || memcmp(in + start, want, want_n) != 0) {
    fail_msg("'%s' leads to '%.*s', expected '%.*s'", word, (int)(end - start), in + start, (int)want_n, want);
  }
}

static void words_lead_to_where_they_came_from(void **state) {
  (void)state;
  static const char nfd[] =
      " date 2025-08-21 Tie\xCC\x82\xCC\x81ng  Vie\xCC\xA3\xCC\x82t\xC2\xA0ngày nay.\r\n\r\nHết rồi.";
  assert_int_equal(run_bytes(nfd, sizeof nfd - 1, NULL, &usual), 0);
  assert_string_equal(text(), "Tiếng Việt ngày nay.\nHết rồi.\n");
  source_is(nfd, sizeof nfd - 1, "Tiếng", "Tie\xCC\x82\xCC\x81ng", 9);
  source_is(nfd, sizeof nfd - 1, "Việt ngày", "Vie\xCC\xA3\xCC\x82t\xC2\xA0ngày", 15);
  source_is(nfd, sizeof nfd - 1, "Hết", "Hết", 5);
  static const char page[] = "<p>Giá <b>g&#7841;o</b> tăng &amp; giá ng&ocirc; giảm trong tháng này ở nhiều nơi.</p>";
  assert_int_equal(run_bytes(page, sizeof page - 1, "text/html", &usual), 0);
  source_is(page, sizeof page - 1, "gạo", "g&#7841;o", 9);
  source_is(page, sizeof page - 1, "gạo tăng & giá", "g&#7841;o</b> tăng &amp; giá", 30);
  source_is(page, sizeof page - 1, "ngô", "ng&ocirc;", 9);
  source_is(page, sizeof page - 1, "nhiều nơi", "nhiều nơi", 12);
  static const char wide[] = "\xFF\xFE"
                             "N\0g\0\xE0\0y\0 \0n\0a\0y\0.\0";
  assert_int_equal(run_bytes(wide, sizeof wide - 1, NULL, &usual), 0);
  source_is(wide, sizeof wide - 1, "nay", "n\0a\0y\0", 6);
}

/* ---- size ---- */

/* None of these takes more than linear time; the test's time limit is what would notice. */
static void large_inputs_are_read(void **state) {
  (void)state;
  static const char *const units[] = {"Một câu bình thường, có dấu. ",
                                      "Một dòng ngắn có dấu chấm.\n",
                                      "e\xCC\x81\xCC\x82\xCC\xA3",
                                      "\xCC\x81",
                                      "Tin liên quan\n",
                                      "Ảnh: A\n",
                                      "21/08/2025 10:30\n",
                                      "a.jpg\n",
                                      "(a) - ",
                                      " \n",
                                      "\"",
                                      "Nguyễn Văn A\n"};
  char *s = malloc(10 * MIB);
  for (size_t k = 0; k < sizeof units / sizeof *units; k++) {
    size_t m = strlen(units[k]), cap = k == 0 ? 10 * MIB : 2 * MIB, n = 0;
    for (; n + m <= cap; n += m) memcpy(s + n, units[k], m);
    assert_int_equal(run_bytes(s, n, "text/plain", &usual), 0);
    assert_true(work.out.n <= n + 1);
  }
  free(s);
}

/* ---- the stage ---- */

static sl_harness *stage(const char *params) {
  sl_harness *h = sl_harness_new(sluice_plugin()->types[0], params);
  assert_int_equal(sl_harness_start(h), 0);
  return h;
}

/* Each sample against what it must become; SLUICE_BLESS=1 writes the expectation anew. */
static void samples_become_what_is_expected(void **state) {
  (void)state;
  sl_harness *h = stage(NULL);
  struct dirent **files;
  int n = scandir(NEWS, &files, NULL, alphasort);
  assert_true(n > 14);
  for (int i = 0; i < n; i++) {
    char path[512], golden[512];
    snprintf(path, sizeof path, "%s/%s", NEWS, files[i]->d_name);
    snprintf(golden, sizeof golden, TESTDATA "/news/%s.json", files[i]->d_name);
    if (files[i]->d_name[0] != '.') {
      sl_doc *doc = sl_harness_set_payload_file(h, sl_harness_doc(h, NULL), path,
                                                strstr(path, ".html") ? "text/html" : "text/plain");
      int32_t verdict = sl_harness_push(h, doc);
      sl_doc *out = sl_harness_pull(h);
      sl_harness_error e = sl_harness_last(h);
      char got[32768];
      snprintf(got, sizeof got, "%s\n", out ? sl_harness_text(h, out) : verdict == SL_V_DROP ? "dropped" : e.message);
      if (getenv("SLUICE_BLESS") && getenv("SLUICE_BLESS")[0]) {
        FILE *f = fopen(golden, "wb");
        assert_non_null(f);
        fputs(got, f);
        fclose(f);
      }
      size_t m;
      char *want = read_file(golden, &m);
      if (strcmp(got, want) != 0) fail_msg("%s\nis       %s\nexpected %s", files[i]->d_name, got, want);
      free(want);
      sl_harness_clear(h);
    }
    free(files[i]);
  }
  free(files);
  sl_harness_free(h);
}

/* The five seed documents give the texts that were made by hand. */
static void seeds_become_the_gold_texts(void **state) {
  (void)state;
  const char *data = getenv("SLUICE_TEST_DATA");
  if (!data) {
    print_message("skipped: SLUICE_TEST_DATA is not set\n");
    return;
  }
  char path[1024];
  snprintf(path, sizeof path, "%s/seeds", data);
  struct dirent **files;
  int n = scandir(path, &files, NULL, alphasort);
  for (int i = 0; i < n; i++) {
    size_t m, k;
    if (strstr(files[i]->d_name, ".txt")) {
      snprintf(path, sizeof path, "%s/seeds/%s", data, files[i]->d_name);
      char *s = read_file(path, &m);
      snprintf(path, sizeof path, "%s/gold/%.*s.clean.txt", data, (int)strlen(files[i]->d_name) - 4, files[i]->d_name);
      char *want = read_file(path, &k);
      assert_int_equal(run_bytes(s, m, NULL, &usual), 0);
      assert_string_equal(text(), want);
      check_map(s, m, path);
      free(s);
      free(want);
    }
    free(files[i]);
  }
  if (n > 0) free(files);
}

static void a_document_with_text_and_no_payload(void **state) {
  (void)state;
  sl_harness *h = stage(NULL);
  assert_int_equal(sl_harness_push_json(
                       h, "{\"id\":7,\"title\":\"Đã có\",\"text\":\" date 2025-08-21 Tiê\u0301ng \\tViệt.\\r\\n\"}"),
                   SL_V_OK);
  sl_doc *out = sl_harness_pull(h);
  assert_string_equal(sl_harness_string(h, out, "/text"), "Tiếng Việt.\n");
  assert_string_equal(sl_harness_string(h, out, "/title"), "Đã có");
  assert_string_equal(sl_harness_string(h, out, "/published"), "2025-08-21");
  assert_string_equal(sl_harness_string(h, out, "/removed"), "[{\"kind\":\"date\",\"text\":\"date 2025-08-21\"}]");
  assert_string_equal(sl_harness_string(h, out, "/id"), "7");
  sl_harness_free(h);
}

static void nothing_to_clean_is_refused(void **state) {
  (void)state;
  sl_harness *h = stage(NULL);
  assert_int_equal(sl_harness_push_json(h, "{\"id\":1}"), SL_V_REJECT);
  assert_int_equal(sl_harness_last(h).code, SL_ENOTFOUND);
  assert_int_equal(sl_harness_push_json(h, "{\"text\":[1]}"), SL_V_REJECT);
  sl_harness_free(h);
}

static void empty_documents(void **state) {
  (void)state;
  static const struct {
    const char *params;
    int32_t verdict;
  } cases[] = {{NULL, SL_V_DROP}, {"{ empty: reject }", SL_V_REJECT}, {"{ empty: keep }", SL_V_OK}};
  for (size_t k = 0; k < 3; k++) {
    sl_harness *h = stage(cases[k].params);
    assert_int_equal(sl_harness_push_payload(h, "", 0, "text/plain", NULL), cases[k].verdict);
    assert_int_equal(sl_harness_push_payload(h, " \r\n\xC2\xA0", 5, "text/plain", NULL), cases[k].verdict);
    assert_int_equal(sl_harness_push_payload(h, "<html><body></body></html>", 26, "text/html", NULL), cases[k].verdict);
    if (cases[k].verdict == SL_V_OK) assert_string_equal(sl_harness_string(h, sl_harness_pull(h), "/text"), "");
    if (cases[k].verdict == SL_V_DROP) assert_true(sl_harness_metric(h, "empty") == 3);
    sl_harness_free(h);
  }
}

static void the_map_of_the_host_leads_to_the_payload(void **state) {
  (void)state;
  static const char in[] = " date 2025-08-21 Ngày 21/8, hội nghị diễn ra.\r\n";
  sl_harness *h = stage(NULL);
  assert_int_equal(sl_harness_push_payload(h, in, sizeof in - 1, "text/plain", "file:///a.txt"), SL_V_OK);
  sl_doc *out = sl_harness_pull(h);
  uint64_t start, end;
  assert_int_equal(sl_harness_source_of(h, out, 0, 5, &start, &end), 0);
  assert_int_equal(start, 17);
  assert_int_equal(end, 22);
  sl_harness_free(h);
}

static void limits_and_parameters(void **state) {
  (void)state;
  sl_harness *h = stage("{ max_bytes: 10, drop_payload: true, list_removed: false, utc_offset: none }");
  assert_int_equal(sl_harness_push_payload(h, "hơn mười byte", 16, "text/plain", NULL), SL_V_REJECT);
  assert_int_equal(sl_harness_last(h).code, SL_ELIMIT);
  assert_int_equal(sl_harness_push_payload(h, "vừa lúa", 10, "text/plain", NULL), SL_V_OK);
  sl_doc *out = sl_harness_pull(h);
  assert_null(sl_harness_payload(h, out, NULL).data);
  assert_null(sl_harness_at(h, out, "/removed"));
  sl_harness_free(h);
  static const char *const bad[] = {"{ charset: no-such-thing }", "{ utc_offset: seven }", "{ empty: perhaps }"};
  for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
    h = sl_harness_new(sluice_plugin()->types[0], bad[k]);
    assert_true(sl_harness_create(h) < 0);
    sl_harness_free(h);
  }
}

/* With any one allocation failing, the document is asked for again and stays what it was. */
static void memory_may_be_out_at_any_point(void **state) {
  (void)state;
  size_t n;
  char *page = read_file(NEWS "/08-sot-xuat-huyet.html", &n);
  unsigned failures = 0;
  for (uint64_t nth = 1; nth < 100000; nth++) {
    sl_harness *h = stage(NULL);
    sl_doc *doc = sl_harness_set_payload(h, sl_harness_doc(h, "{\"id\":1}"), page, n, "text/html");
    sl_harness_fail_alloc(h, nth);
    int32_t verdict = sl_harness_push(h, doc);
    int failed = sl_harness_alloc_failed(h);
    if (!failed) {
      assert_int_equal(verdict, SL_V_OK);
      sl_harness_free(h);
      break;
    }
    failures++;
    if (verdict == SL_V_RETRY) {
      assert_null(sl_harness_at(h, doc, "/text"));
    } else {
      assert_int_equal(verdict, SL_V_OK);
    }
    sl_harness_free(h);
  }
  assert_true(failures > 20);
  free(page);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(composes_letters_and_orders_marks),
      cmocka_unit_test(eth_becomes_d_in_vietnamese_only),
      cmocka_unit_test(white_space_becomes_plain),
      cmocka_unit_test(lines_are_neither_joined_nor_lost),
      cmocka_unit_test(one_article_in_many_encodings_is_one_text),
      cmocka_unit_test(encodings_are_told_apart),
      cmocka_unit_test(fonts_say_what_everybody_knows),
      cmocka_unit_test(tcvn3_is_the_standard),
      cmocka_unit_test(fonts_have_every_letter),
      cmocka_unit_test(articles_in_fonts_are_the_same_text),
      cmocka_unit_test(other_languages_are_in_no_font),
      cmocka_unit_test(broken_bytes_are_refused_with_their_place),
      cmocka_unit_test(broken_bytes_are_replaced_and_listed),
      cmocka_unit_test(what_is_no_text_is_refused),
      cmocka_unit_test(dates_of_publication_are_read),
      cmocka_unit_test(a_date_in_a_sentence_stays),
      cmocka_unit_test(captions_go_and_sentences_stay),
      cmocka_unit_test(image_names_and_the_line_below_go),
      cmocka_unit_test(lines_of_the_site_go),
      cmocka_unit_test(links_to_other_articles_go),
      cmocka_unit_test(a_box_of_links_ends_with_the_next_paragraph),
      cmocka_unit_test(credits_at_the_end_become_authors),
      cmocka_unit_test(title_lead_and_prefix),
      cmocka_unit_test(words_in_brackets_are_no_prefix_without_a_dash),
      cmocka_unit_test(a_repeated_paragraph_stays_once),
      cmocka_unit_test(a_text_of_captions_alone_stays),
      cmocka_unit_test(rules_can_be_switched_off),
      cmocka_unit_test(pages_give_title_lead_and_paragraphs),
      cmocka_unit_test(pages_of_vietnamese_papers),
      cmocka_unit_test(pages_without_known_names),
      cmocka_unit_test(hostile_pages_are_read),
      cmocka_unit_test(each_run_leads_to_its_bytes),
      cmocka_unit_test(words_lead_to_where_they_came_from),
      cmocka_unit_test(large_inputs_are_read),
      cmocka_unit_test(samples_become_what_is_expected),
      cmocka_unit_test(seeds_become_the_gold_texts),
      cmocka_unit_test(a_document_with_text_and_no_payload),
      cmocka_unit_test(nothing_to_clean_is_refused),
      cmocka_unit_test(empty_documents),
      cmocka_unit_test(the_map_of_the_host_leads_to_the_payload),
      cmocka_unit_test(limits_and_parameters),
      cmocka_unit_test(memory_may_be_out_at_any_point),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
