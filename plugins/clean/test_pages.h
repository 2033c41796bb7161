/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of clean over pages. Included once, by clean_test.c. */
#ifndef CLEAN_TEST_PAGES_H
#define CLEAN_TEST_PAGES_H

#include "test_support.h"

#define P_1 "Đoạn thứ nhất của bài báo nói về mùa màng ở đồng bằng, đủ dài để được coi là một đoạn văn thật sự."
#define P_2 "Đoạn thứ hai nói về giá cả &amp; thị tr&#432;ờng; <b>người dân</b> mong giá ổn định trong những tháng tới."

static int run_page(const char *s) { return run_bytes(s, strlen(s), "text/html", &usual); }

static void pages_give_title_lead_and_paragraphs(void **state) {
  (void)state;
  assert_int_equal(
      run_page("<html><head><title>Được mùa - Báo Mẫu</title><meta property='article:published_time' "
               "content='2025-08-21T10:30:00+07:00'></head><body><nav><a href=/>Trang chủ</a></nav>"
               "<h1>Được mùa</h1><h2 class='detail-sapo'>Nông dân vui vì được mùa, được giá trong vụ này.</h2>"
               "<div class='detail-content afcbc-body'><p>" P_1 "</p>"
               "<figure><img src=x.jpg><figcaption>Gặt lúa</figcaption></figure>"
               "<div class='box-tin-lien-quan'><a href=/b>Bài khác</a></div><script>var a='<p>x</p>';</script>"
               "<p>" P_2 "</p><p style='text-align:right'><strong>Mai Lan</strong></p></div>"
               "<div class='comment-list'><p>Bình luận dài dòng của một bạn đọc nào đó về bài viết này ở đây.</p></div>"
               "<footer>Bản quyền</footer></body></html>"),
      0);
  assert_string_equal(text(),
                      "Được mùa\nNông dân vui vì được mùa, được giá trong vụ này.\n" P_1
                      "\nĐoạn thứ hai nói về giá cả & thị trường; người dân mong giá ổn định trong những tháng tới.\n");
  assert_string_equal(published(), "2025-08-21T10:30:00+07:00");
  assert_int_equal(work.n_removed, 3);
  assert_string_equal(removed(0), "caption: Gặt lúa");
  assert_string_equal(removed(1), "related: Bài khác");
  assert_string_equal(removed(2), "byline: Mai Lan");
  assert_int_equal(work.lines.n_authors, 1);
}

/* One page for each family of content systems: the same article must come out. */
static void pages_of_vietnamese_papers(void **state) {
  (void)state;
#define LEAD "Nông dân vui vì được mùa, được giá trong vụ lúa này."
#define P_3 "Đoạn cuối cùng nhắc lại rằng vụ sau sẽ khó hơn, nên các hộ cần chủ động nguồn nước và giống lúa tốt."
  static const char *const pages[] = {
      /* VnExpress */
      "<title>Được mùa lúa - Báo</title><div class='sidebar-1'><span class='date'>Thứ năm, 21/8/2025, 10:30 "
      "(GMT+7)</span>"
      "<h1 class='title-detail'>\n Được mùa lúa </h1><h2 class='title'>Được mùa lúa</h2><p class='description'>" LEAD
      "</p>"
      "<article class='fck_detail '><p class='Normal'>" P_1
      "</p><figure class='tplCaption'><figcaption><p class='Image'>Gặt lúa. "
      "Ảnh: <em>A</em></p></figcaption></figure><p class='Normal'>" P_3
      "</p><p style='text-align:right;'><strong>Mai Lan</strong>"
      "</p></article></div><div class='sidebar-2'><a href=1>Xem nhiều</a></div>",
      /* VCCorp: Tuổi Trẻ, Thanh Niên, … */
      "<h1 class='detail-title article-title' data-role='title'>Được mùa lúa</h1><div class='detail-author-bot'></div>"
      "<div class='detail-time' data-role='publishdate'>21/08/2025 10:30 GMT+7</div><div class='detail-cmain'>"
      "<h2 class='detail-sapo' data-role='sapo'>" LEAD
      "</h2><div class='detail-content afcbc-body' data-role='content' "
      "itemprop='articleBody'><p>" P_1
      "</p><figure class='VCSortableInPreviewMode' type='Photo'><div class='PhotoCMS_Caption'>"
      "<p>Gặt lúa. Ảnh: A</p></div></figure><div class='VCSortableInPreviewMode' type='RelatedOneNews'><a href=2>Bài "
      "khác</a>"
      "</div><p>" P_3 "</p></div><div class='author-info'><a class='name' title='Mai Lan'>Mai Lan</a></div></div>",
      /* ePi: Nhân Dân, SGGP, VietnamPlus, provincial papers */
      "<meta property='article:published_time' content='2025-08-21T10:30:00+0700'><div class='main-col content-col'>"
      "<h1 class='article__title cms-title'>Được mùa lúa</h1><h2 class='article__sapo cms-desc'>" LEAD "</h2>"
      "<div class='article__body zce-content-body cms-body' itemprop='articleBody'><p>" P_1
      "</p><table class='picture'><tr><td><img>"
      "</td></tr><tr><td class='caption'><p>Gặt lúa. Ảnh: A</p></td></tr></table><div class='ads_middle "
      "sda_middle'>Quảng cáo"
      "</div><p>" P_3 "</p><div class='article-relate'><a class='cms-relate' href=3>Bài khác</a></div></div></div>",
      /* Dân trí */
      "<article class='singular-container'><h1 class='title-page detail'>Được mùa lúa</h1><time class='author-time' "
      "datetime='2025-08-21 10:30'>Thứ năm, 21/08/2025 - 10:30</time><h2 class='singular-sapo'>(Dân trí) - " LEAD
      "</h2>"
      "<div class='singular-content'><p>" P_1
      "</p><figure class='image'><figcaption>Gặt lúa (Ảnh: A).</figcaption></figure><p>" P_3 "</p></div></article>",
      /* VietNamNet */
      "<h1 class='content-detail-title'>Được mùa lúa</h1><div class='bread-crumb-detail__time'>Thứ Năm, 21/08/2025 - "
      "10:30</div>"
      "<h2 class='content-detail-sapo'>" LEAD "</h2><div class='maincontent main-content'><p>" P_1
      "</p><div class='ck-cms-insert-neww"
      "-group'><a href=4>Bài khác</a></div><figure><figcaption>Gặt lúa. Ảnh: A</figcaption></figure><p>" P_3
      "</p></div>",
      /* Znews */
      "<h1 class='the-article-title'>Được mùa lúa</h1><ul class='the-article-meta'><li "
      "class='the-article-publish'>21/8/2025 10:30 "
      "(GMT+7)</li></ul><p class='the-article-summary'>" LEAD "</p><div class='the-article-body'><p>" P_1
      "</p><table class='picture'>"
      "<tr><td class='pic'></td></tr><tr><td class='pCaption caption'>Gặt lúa. Ảnh: A</td></tr></table><p>" P_3
      "</p></div>",
  };
  for (size_t k = 0; k < sizeof pages / sizeof *pages; k++) {
    char s[8192];
    snprintf(s, sizeof s, "<html><body><nav><a href=/>Trang chủ</a></nav>%s<footer>Tòa soạn</footer></body></html>",
             pages[k]);
    assert_int_equal(run_page(s), 0);
    if (strcmp(text(), "Được mùa lúa\n" LEAD "\n" P_1 "\n" P_3 "\n") != 0) fail_msg("page %zu: %s", k, text());
    if (strcmp(published(), "2025-08-21T10:30:00+07:00") != 0) fail_msg("page %zu: published %s", k, published());
    unsigned captions = 0;
    for (size_t i = 0; i < work.n_removed; i++) captions += work.removed[i].kind == CLEAN_K_CAPTION;
    if (captions != 1) fail_msg("page %zu: %u captions", k, captions);
    assert_true(work.title_end > 0 && work.lead_end > work.title_end);
  }
}

/* A page without any name that is known: the element with the paragraphs. */
static void pages_without_known_names(void **state) {
  (void)state;
  assert_int_equal(
      run_page("<title>Được mùa lúa năm nay | Báo</title><table><tr><td><ul><li><a href=1>Mục một của trang</a>"
               "<li><a href=2>Mục hai của trang</a></ul></td><td><div><p>" P_1 "<p>" P_2
               "<br>Dòng mới.</div></td></tr></table>"),
      0);
  assert_string_equal(text(),
                      "Được mùa lúa năm nay\n" P_1
                      "\nĐoạn thứ hai nói về giá cả & thị trường; người dân mong giá ổn định trong những tháng tới.\n"
                      "Dòng mới.\n");
}

static void hostile_pages_are_read(void **state) {
  (void)state;
  size_t cap = 64 + 4 * MIB;
  char *s = malloc(cap), *p = s;
  for (int i = 0; i < 200000; i++) p += sprintf(p, "<div>");
  sprintf(p, P_1);
  assert_int_equal(run_page(s), 0); /* deeper than any limit: nothing gets lost */
  assert_string_equal(text(), P_1 "\n");
  assert_int_equal(work.page.dom.cut_depth, 200000 + 1 - CLEAN_DOM_DEPTH);
  p = s + sprintf(s, "<p ");
  for (int i = 0; i < 60000; i++) p += sprintf(p, "a%d=1 ", i);
  sprintf(p, ">" P_1 "</p><p class=x>" P_1 " Thêm nữa.");
  assert_int_equal(run_page(s), 0);
  assert_string_equal(text(), P_1 "\n" P_1 " Thêm nữa.\n");
  assert_int_equal(work.page.dom.cut_attrs, 60000 - CLEAN_DOM_ATTRS);
  assert_int_equal(run_bytes("<p>a\0b " P_1 "</p>", sizeof "<p>a\0b " P_1 "</p>" - 1, "text/html", &usual), 0);
  assert_non_null(strstr(text(), P_1)); /* a NUL does not end the page */
  static const char *const runs[] = {"<",    "&",           "<!--", "<a ", "&amp;", "</p>",
                                     "<p>x", "<table><td>", "]]>",  "<b",  "&#x"};
  for (size_t k = 0; k < sizeof runs / sizeof *runs; k++) {
    size_t m = strlen(runs[k]), n = 0;
    for (; n + m < MIB; n += m) memcpy(s + n, runs[k], m);
    run_bytes(s, n, "text/html", &usual);
  }
  free(s);
}

#endif
