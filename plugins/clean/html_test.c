/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what clean makes of pages as a whole: sites that the pipeline describes, selectors, pages of many kinds. */
#include "test_support.h"

#include <dirent.h>
#include <sluice/harness.h>

#include "select.h"

#define P_1 "Đoạn thứ nhất của bài báo nói về mùa màng ở đồng bằng, đủ dài để được coi là một đoạn văn thật sự."
#define P_2 "Đoạn thứ hai nói về giá cả và thị trường, người dân mong giá ổn định trong những tháng tới đây."

/* ---- selectors ---- */

static clean_dom dom;

static void selects(const char *selector, const char *page, const char *want) {
  clean_select *s = NULL;
  char got[256] = "";
  assert_int_equal(clean_select_new(&heap, selector, &s, &why), 0);
  clean_dom_init(&dom, &heap);
  assert_int_equal(clean_dom_parse(&dom, page, strlen(page), 0), 0);
  for (uint32_t i = 1; i < dom.n_nodes; i++) {
    if (dom.nodes[i].kind != CLEAN_N_ELEMENT || !clean_select_match(s, &dom, i)) continue;
    size_t n = strlen(got);
    clean_dom_flat(&dom, i, got + n, sizeof got - n - 1);
    strcat(got, "|");
  }
  if (strcmp(got, want) != 0) fail_msg("%s selects '%s', not '%s'", selector, got, want);
  clean_dom_done(&dom);
  clean_select_free(&heap, s);
}

static void selectors_find_elements(void **state) {
  (void)state;
  static const char page[] = "<div id=main class='Box big'><p class=lead>a</p><div><p>b</p><x-y "
                             "data-role='content'>c</x-y></div></div><p>d</p>";
  selects("p", page, "a|b|d|");
  selects("P", page, "a|b|d|");
  selects("div p", page, "a|b|");
  selects("div > p", page, "a|b|");
  selects("#main > p", page, "a|");
  selects("#main>p , .nosuch", page, "a|");
  selects(".big .lead, x-y", page, "a|c|");
  selects("div.Box.big > div > p", page, "b|");
  selects("div.box p", page, "");
  selects("[data-role=content]", page, "c|");
  selects("[data-role]", page, "c|");
  selects("[data-role='content'], [class^=le], [class$=ad]", page, "a|c|");
  selects("[class~=big] [data-role*=tent]", page, "c|");
  selects("* > * > x-y", page, "c|");
  selects("div > div > div p", page, "");
  selects("div div p", page, "b|");
  selects("div > p", "<div><b><p>a</p></b></div>", "");
}

static void broken_selectors_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *selector, *word;
  } cases[] = {{"", "expected a tag"},      {"div >", "expected a tag"},
               {"p,", "expected a tag"},    {".", "expected a name"},
               {"p..x", "a name"},          {"[", "name of an attr"},
               {"[a", "'=' or ']'"},        {"[a=\"b]", "closing quote"},
               {"[a=b", "expected ']'"},    {"p:hover+q", "expected a space"},
               {"p + q", "expected a tag"}, {"#", "expected a name"}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    clean_select *s = NULL;
    assert_int_equal(clean_select_new(&heap, cases[k].selector, &s, &why), SL_EINVAL);
    if (!strstr(why.message, cases[k].word)) fail_msg("%s: %s", cases[k].selector, why.message);
    assert_non_null(strstr(why.message, "at character"));
  }
}

static void the_longest_host_names_the_site(void **state) {
  (void)state;
  static const clean_site sites[] = {{.host = "bao.example"}, {.host = "thethao.bao.example"}};
  assert_ptr_equal(clean_site_find(sites, 2, "https://bao.example/x"), &sites[0]);
  assert_ptr_equal(clean_site_find(sites, 2, "http://www.Bao.example:8080"), &sites[0]);
  assert_ptr_equal(clean_site_find(sites, 2, "https://u:p@m.thethao.bao.example/?q"), &sites[1]);
  assert_null(clean_site_find(sites, 2, "https://xbao.example/"));
  assert_null(clean_site_find(sites, 2, "bao.example"));
  assert_null(clean_site_find(sites, 2, NULL));
}

/* ---- sites ---- */

static const char odd_page[] =
    "<html><body><div class=q1><h3 class=t>Tên bài</h3><div class=s>Lời dẫn của bài báo nằm ở một chỗ lạ trên "
    "trang.</div></div>"
    "<div class=q2><p>" P_2 " Đây là phần của trang khác, dài hơn cả bài báo và không thuộc về bài.</p><p>" P_2
    " Cũng thế.</p>"
    "<p>" P_2 " Lại một đoạn như vậy, nói dông dài.</p></div>"
    "<div class=q3><div>" P_1 "</div><div class=x>Mua ngay kẻo hết</div><div>" P_2 "</div></div></body></html>";

/* Pushes a page from this address; returns the document that comes out. */
static sl_doc *push_page(sl_harness *h, const char *url, const char *page) {
  char body[256];
  snprintf(body, sizeof body, "{\"url\":\"%s\"}", url);
  assert_int_equal(
      sl_harness_push(h, sl_harness_set_payload(h, sl_harness_doc(h, body), page, strlen(page), "text/html")), SL_V_OK);
  return sl_harness_pull(h);
}

static void a_site_may_say_where_its_article_stands(void **state) {
  (void)state;
  sl_harness *h =
      sl_harness_new(sluice_plugin()->types[0],
                     "{ sites: [ { host: bao.example, content: .q3, title: h3.t, lead: .s, drop: [.x, .y] } ] }");
  assert_int_equal(sl_harness_start(h), 0);
  sl_doc *d = push_page(h, "https://www.bao.example/tin/1", odd_page);
  assert_string_equal(sl_harness_string(h, d, "/text"),
                      "Tên bài\nLời dẫn của bài báo nằm ở một chỗ lạ trên trang.\n" P_1 "\n" P_2 "\n");
  assert_string_equal(sl_harness_string(h, d, "/title"), "Tên bài");
  assert_string_equal(sl_harness_string(h, d, "/lead"), "Lời dẫn của bài báo nằm ở một chỗ lạ trên trang.");
  assert_string_equal(sl_harness_string(h, d, "/removed/0/kind"), "site");
  assert_string_equal(sl_harness_string(h, d, "/removed/0/text"), "Mua ngay kẻo hết");
  d = push_page(h, "https://other.example/", odd_page);
  assert_null(strstr(sl_harness_string(h, d, "/text"), "Đoạn thứ nhất"));
  d = push_page(h, "https://bao.example/", "<body><div class=other><p>" P_1 "</p><p>" P_2 "</p></div></body>");
  assert_string_equal(sl_harness_string(h, d, "/text"), P_1 "\n" P_2 "\n"); /* nothing matches: as usual */
  sl_harness_free(h);
}

static void a_broken_selector_stops_the_pipeline(void **state) {
  (void)state;
  static const char *const params[] = {"{ sites: [ { host: bao.example, content: 'div >' } ] }",
                                       "{ sites: [ { host: bao.example, drop: [p, '..x'] } ] }"};
  for (size_t k = 0; k < sizeof params / sizeof *params; k++) {
    sl_harness *h = sl_harness_new(sluice_plugin()->types[0], params[k]);
    assert_int_equal(sl_harness_create(h), SL_EINVAL);
    assert_non_null(strstr(sl_harness_last(h).message, "of the selector"));
    sl_harness_free(h);
  }
  sl_harness *h = sl_harness_new(sluice_plugin()->types[0], "{ sites: [ { content: p } ] }");
  assert_int_not_equal(sl_harness_create(h), 0);
  sl_harness_free(h);
}

static void a_page_may_have_too_many_tags(void **state) {
  (void)state;
  sl_harness *h = sl_harness_new(sluice_plugin()->types[0], "{ max_nodes: 10 }");
  assert_int_equal(sl_harness_start(h), 0);
  assert_int_equal(sl_harness_push_payload(h, "<p>a<p>b<p>c<p>d<p>e<p>f", 24, "text/html", NULL), SL_V_REJECT);
  assert_int_equal(sl_harness_last(h).code, SL_ELIMIT);
  assert_non_null(strstr(sl_harness_last(h).hint, "max_nodes"));
  sl_harness_free(h);
}

/* ---- parts of pages ---- */

static void captions_stand_apart(void **state) {
  (void)state;
  sl_harness *h = sl_harness_new(sluice_plugin()->types[0], NULL);
  assert_int_equal(sl_harness_start(h), 0);
  sl_doc *d =
      push_page(h, "https://bao.example/",
                "<h1>Tên của bài</h1><div class=detail-content><p>" P_1 "</p><figure><img><figcaption>Gặt lúa ở "
                "cánh đồng.</figcaption></figure><p>" P_2 "</p></div>");
  assert_string_equal(sl_harness_string(h, d, "/captions/0"), "Gặt lúa ở cánh đồng.");
  assert_string_equal(sl_harness_string(h, d, "/text"), "Tên của bài\n" P_1 "\n" P_2 "\n");
  d = push_page(h, "https://bao.example/", "<h1>Tên của bài</h1><div class=detail-content><p>" P_1 "</p></div>");
  assert_null(sl_harness_string(h, d, "/captions"));
  sl_harness_free(h);
}

static void lists_tables_and_headings_are_text(void **state) {
  (void)state;
  static const char page[] =
      "<h1>Tên của bài</h1><div itemprop=articleBody><p>" P_1
      "</p><h2>Các bước</h2><ol><li>Cày ải, phơi đất cho kỹ trước "
      "vụ.<li>Gieo sạ khi nước vào đều.</ol><table><tr><th>Tỉnh</th><th>Tấn</th></tr><tr><td>An "
      "Giang</td><td>4,1</td></tr>"
      "</table><blockquote><p>Được mùa thì vui, nhưng giá mới là điều quyết định.</p></blockquote><p>" P_2 "</p></div>";
  assert_int_equal(run_bytes(page, sizeof page - 1, "text/html", &usual), 0);
  assert_string_equal(text(),
                      "Tên của bài\n" P_1 "\nCác bước\nCày ải, phơi đất cho kỹ trước vụ.\nGieo sạ khi nước vào đều.\n"
                      "Tỉnh | Tấn\nAn Giang | 4,1\nĐược mùa thì vui, nhưng giá mới là điều quyết định.\n" P_2 "\n");
}

/* A page that a script fills in: its article stands in JSON-LD alone. */
static void the_article_of_linked_data_is_the_last_resort(void **state) {
  (void)state;
  static const char page[] =
      "<html><head><title>Tên của bài - Báo</title><script "
      "type='application/ld+json'>{\"@type\":\"NewsArticle\",\"headline\":"
      "\"Tên của bài\",\"articleBody\":\"<p>" P_1 "</p><p>" P_2 " Giá &amp; thị trường.</p>\\n" P_1
      " Và thế là hết.\"}</script></head><body><div id=app></div><footer>Bản quyền</footer></body></html>";
  assert_int_equal(run_bytes(page, sizeof page - 1, "text/html", &usual), 0);
  assert_string_equal(text(), "Tên của bài\n" P_1 "\n" P_2 " Giá & thị trường.\n" P_1 " Và thế là hết.\n");
}

/* Lines of a that stand in b, and all lines of a. */
static void count_lines(const char *a, const char *b, unsigned *found, unsigned *all) {
  char line[4096];
  for (const char *end; (end = strchr(a, '\n')); a = end + 1) {
    snprintf(line, sizeof line, "%.*s\n", (int)(end - a), a);
    const char *hit = strstr(b, line);
    *found += hit && (hit == b || hit[-1] == '\n');
    *all += 1;
  }
}

/* Pages of many kinds and languages, each beside the text that was written first. */
static void pages_become_the_texts_that_were_meant(void **state) {
  (void)state;
  struct dirent **files;
  unsigned right = 0, given = 0, found = 0, wanted = 0;
  int n = scandir(TESTDATA "/pages", &files, NULL, alphasort);
  assert_true(n > 80);
  for (int i = 0; i < n; i++) {
    char path[512], *dot = strstr(files[i]->d_name, ".html");
    if (dot) {
      size_t len, m;
      unsigned before = found, all = wanted;
      snprintf(path, sizeof path, TESTDATA "/pages/%s", files[i]->d_name);
      char *page = read_file(path, &len);
      memcpy(strstr(path, ".html"), ".txt", 5);
      char *want = read_file(path, &m);
      assert_int_equal(run_bytes(page, len, "text/html", &usual), 0);
      count_lines(want, text(), &found, &wanted);
      count_lines(text(), want, &right, &given);
      if (found - before < wanted - all) {
        print_message("%s: %u of %u lines\n", files[i]->d_name, found - before, wanted - all);
      }
      free(page);
      free(want);
    }
    free(files[i]);
  }
  free(files);
  print_message("%u of %u lines found, %u of %u right\n", found, wanted, right, given);
  assert_true(found * 100 >= wanted * 93);
  assert_true(right * 100 >= given * 95);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(selectors_find_elements),
      cmocka_unit_test(broken_selectors_are_refused),
      cmocka_unit_test(the_longest_host_names_the_site),
      cmocka_unit_test(a_site_may_say_where_its_article_stands),
      cmocka_unit_test(a_broken_selector_stops_the_pipeline),
      cmocka_unit_test(a_page_may_have_too_many_tags),
      cmocka_unit_test(captions_stand_apart),
      cmocka_unit_test(lists_tables_and_headings_are_text),
      cmocka_unit_test(pages_become_the_texts_that_were_meant),
      cmocka_unit_test(the_article_of_linked_data_is_the_last_resort),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
