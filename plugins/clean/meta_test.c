/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of a page's metadata: lenient JSON-LD, dates of many languages, names, the order of trust, limits, memory that
 * runs out. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "meta.h"

static uint64_t until; /* allocations that still work; 0: all */
static size_t bytes;   /* given out */
static void *scarce(size_t n) {
  if (until && --until == 0) {
    until = 1;
    return NULL;
  }
  bytes += n;
  return malloc(n);
}

static const clean_mem heap = {scarce, free};
static clean_dom dom;
static clean_meta meta;

static int setup(void **state) {
  (void)state;
  clean_dom_init(&dom, &heap);
  clean_meta_init(&meta, &heap);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  clean_dom_done(&dom);
  clean_meta_done(&meta);
  return 0;
}

static void read_at(const char *page, const char *url) {
  assert_int_equal(clean_dom_parse(&dom, page, strlen(page), 0), 0);
  assert_int_equal(clean_meta_read(&meta, &dom, url), 0);
}

static void read_page(const char *page) { read_at(page, NULL); }

static void field_is(int field, const char *want, const char *source) {
  const char *got = meta.text[field] ? meta.text[field] : "(none)", *from = meta.source[field];
  if (strcmp(got, want) != 0) fail_msg("field %d is %s, expected %s", field, got, want);
  if (source && (!from || strcmp(from, source) != 0)) fail_msg("from %s, expected %s", from ? from : "(none)", source);
}

static void authors_are(const char *want, const char *source) {
  char got[1024] = "";
  for (size_t i = 0; i < meta.authors.n; i++) {
    size_t n = strlen(got);
    snprintf(got + n, sizeof got - n, "%s%s", i ? "; " : "", meta.authors.items[i]);
  }
  if (strcmp(got, want) != 0) fail_msg("authors are %s, expected %s", got, want);
  const char *from = meta.source[CLEAN_M_AUTHORS];
  if (source && (!from || strcmp(from, source) != 0)) fail_msg("from %s, expected %s", from ? from : "(none)", source);
}

static void published_is(const char *want, const char *source) {
  char got[CLEAN_WHEN_MAX] = "(none)";
  if (meta.has_published) clean_when_print(&meta.published, CLEAN_NO_ZONE, got);
  if (strcmp(got, want) != 0) fail_msg("published is %s, expected %s", got, want);
  const char *from = meta.source[CLEAN_M_PUBLISHED];
  if (source && (!from || strcmp(from, source) != 0)) fail_msg("from %s, expected %s", from ? from : "(none)", source);
}

/* ---- JSON-LD --------------------------------------------------------------------------------------------------------
 */

static void print_value(const clean_ld *ld, uint32_t i, char *out, size_t cap) {
  const clean_ld_value *v = &ld->values[i];
  size_t n = strlen(out);
  if (v->key != CLEAN_LD_NONE) snprintf(out + n, cap - n, "%s=", clean_ld_key(ld, i));
  n = strlen(out);
  if (v->type >= CLEAN_LD_STRING) {
    snprintf(out + n, cap - n, v->type == CLEAN_LD_STRING ? "'%s'" : "%s", clean_ld_text(ld, i));
    return;
  }
  snprintf(out + n, cap - n, v->type == CLEAN_LD_OBJECT ? "{" : "[");
  for (uint32_t k = v->child; k != CLEAN_LD_NONE; k = ld->values[k].next) {
    if (k != v->child) strncat(out, " ", cap - strlen(out) - 1);
    print_value(ld, k, out, cap);
  }
  strncat(out, v->type == CLEAN_LD_OBJECT ? "}" : "]", cap - strlen(out) - 1);
}

static void json_is(const char *block, const char *want) {
  clean_ld ld;
  char got[2048] = "";
  clean_ld_init(&ld, &heap);
  clean_ld_read(&ld, block, strlen(block));
  print_value(&ld, 0, got, sizeof got);
  if (strcmp(got, want) != 0) fail_msg("%s\nis       %s\nexpected %s", block, got, want);
  clean_ld_done(&ld);
}

static void json_as_pages_have_it(void **state) {
  (void)state;
  json_is("{\"a\": \"b\", \"c\": [1, true, null, {\"d\": -2.5e3}]}", "[{a='b' c=[1 true null {d=-2.5e3}]}]");
  json_is("[{\"a\":\"b\",},]", "[[{a='b'}]]");
  json_is("{\"a\":\"b\" \"c\":\"d\"}", "[{a='b\" \"c'}]");
  json_is("{\"a\":\"b\"\n\"c\":\"d\"}", "[{a='b' c='d'}]");
  json_is("{\"a\":\"one\ntwo\tthree\x01\"}", "[{a='one two three '}]");
  json_is("<!-- {\"a\":1} -->", "[{a=1}]");
  json_is("//<![CDATA[\n{\"a\":1}\n//]]>", "[{a=1}]");
  json_is("/*<![CDATA[*/{\"a\":1}/*]]>*/", "[{a=1}]");
  json_is("{&quot;a&quot;: &quot;b &amp; c&quot;}", "[{a='b & c'}]");
  json_is("{\"a\":1}{\"b\":2};", "[{a=1} {b=2}]");
  json_is("{\"a\":\"\\u0110\\u1ed3ng \\ud83d\\ude00 \\/ \\' \\ud800\"}", "[{a='Đồng 😀 / ' \xEF\xBF\xBD'}]");
  json_is("{\"a\":\"she said \"no\" twice\",\"b\":1}", "[{a='she said \"no\" twice' b=1}]");
  json_is("{\"a\":[\"b\",\"c\"}", "[{a=['b' 'c']}]");
  json_is("{\"a\":{\"b\":\"c", "[{a={b='c'}}]");
  json_is("}]{\"a\":1}", "[{a=1}]");
  json_is("{'a':'b', c: d}", "[{a='b' c=d}]");
  json_is("{\"a\":}", "[{}]");
  json_is("{\"a\"}", "[{}]");
  json_is("no data here", "[]");
  json_is("", "[]");
}

static void json_of_two_blocks_and_deep(void **state) {
  (void)state;
  clean_ld ld;
  char deep[4096];
  clean_ld_init(&ld, &heap);
  clean_ld_read(&ld, "{\"a\":1}", 7);
  clean_ld_read(&ld, "{\"b\":2}", 7);
  uint32_t first = ld.values[0].child, second = ld.values[first].next;
  assert_string_equal(clean_ld_text(&ld, clean_ld_get(&ld, first, "a")), "1");
  assert_string_equal(clean_ld_text(&ld, clean_ld_get(&ld, second, "b")), "2");
  assert_int_equal(clean_ld_get(&ld, second, "a"), CLEAN_LD_NONE);
  clean_ld_clear(&ld, SIZE_MAX);
  size_t n = 0;
  for (int i = 0; i < 400; i++) n += (size_t)snprintf(deep + n, sizeof deep - n, "{\"k\":");
  for (int i = 0; i < 400; i++) deep[n++] = '}';
  clean_ld_read(&ld, "{\"before\":0}", 12);
  clean_ld_read(&ld, deep, n);
  clean_ld_read(&ld, "{\"after\":1}", 11);
  assert_int_equal(ld.n, 1 + 2 + CLEAN_LD_DEPTH + 2);
  assert_string_equal(clean_ld_key(&ld, (uint32_t)ld.n - 1), "after");
  clean_ld_done(&ld);
}

static void json_has_bounds(void **state) {
  (void)state;
  size_t n = 3 * CLEAN_LD_BYTES;
  char *s = malloc(n);
  clean_ld ld;
  assert_non_null(s);
  static const char *const fills[] = {"[",        "{\"a\":", "1,",     "\"", "\" ", "\\",
                                      "\"a\" \"", "{}",      "&quot;", "//", "<!--"};
  for (size_t k = 0; k < sizeof fills / sizeof *fills; k++) {
    size_t m = strlen(fills[k]);
    for (size_t i = 0; i < n; i++) s[i] = fills[k][i % m];
    clean_ld_init(&ld, &heap);
    for (int round = 0; round < 3; round++) clean_ld_read(&ld, s, n);
    assert_true(ld.n <= CLEAN_LD_VALUES + 1);
    assert_true(ld.bytes <= CLEAN_LD_BYTES);
    assert_true(ld.n_chars <= 4 * CLEAN_LD_BYTES);
    assert_false(ld.oom);
    clean_ld_done(&ld);
  }
  free(s);
}

/* ---- dates ----------------------------------------------------------------------------------------------------------
 */

static void dates_of_machines_and_people(void **state) {
  (void)state;
  static const struct {
    const char *text, *want;
    int month_first;
  } cases[] = {
      {"2025-08-21T10:30:00.000+07:00", "2025-08-21T10:30:00+07:00", 0},
      {"2025-08-21T10:30Z", "2025-08-21T10:30:00+00:00", 0},
      {"2025-08-21 10:30:05 -0400", "2025-08-21T10:30:05-04:00", 0},
      {"20250821T103000Z", "2025-08-21T10:30:00+00:00", 0},
      {"20250821", "2025-08-21", 0},
      {" 1755747000 ", "2025-08-21T03:30:00+00:00", 0},
      {"1755747000123", "2025-08-21T03:30:00+00:00", 0},
      {"Thu, 21 Aug 2025 10:30:00 GMT", "2025-08-21T10:30:00+00:00", 0},
      {"Thu Aug 21 10:30:00 EDT 2025", "2025-08-21T10:30:00-04:00", 0},
      {"Thứ Năm, 21/8/2025, 10:30 (GMT+7)", "2025-08-21T10:30:00+07:00", 0},
      {"10h30 ngày 21-8-2025", "2025-08-21T10:30:00", 0},
      {"21 tháng 8 năm 2025, 10 giờ 30 phút", "2025-08-21T10:30:00", 0},
      {"08/09/2025", "2025-09-08", 0},
      {"08/09/2025", "2025-08-09", 1},
      {"21/08/2025", "2025-08-21", 1},
      {"08.09.2025", "2025-09-08", 1},
      {"12:20pm Jan 7, 2024", "2024-01-07T12:20:00", 0},
      {"January 7th, 2024 at 12:05 a.m. ET", "2024-01-07T00:05:00-05:00", 0},
      {"Posted: Aug 08, 2024 4:00 AM EDT | Last updated: 9 August", "2024-08-08T04:00:00-04:00", 0},
      {"3. Mai 2024, 17.47 Uhr", "2024-05-03T17:47:00", 0},
      {"Freitag, 05.07.24", "2024-07-05", 0},
      {"2 de diciembre de 2024, 1:20 h", "2024-12-02T01:20:00", 0},
      {"1er août 2023 à 18h05", "2023-08-01T18:05:00", 0},
      {"27 lutego 2024, 11:20", "2024-02-27T11:20:00", 0},
      {"12 октября 2023 г., 16:40 МСК", "2023-10-12T16:40:00+03:00", 0},
      {"3 Temmuz 2024 Çarşamba 18:24", "2024-07-03T18:24:00", 0},
      {"4 marraskuuta 2024 klo 13.05", "2024-11-04T13:05:00", 0},
      {"2024 m. kovo 31 d. 16:59", "2024-03-31T16:59:00", 0},
      {"21. srpna 2025", "2025-08-21", 0},
      {"2025年1月13日 21時37分", "2025-01-13T21:37:00", 0},
      {"2025년 5월 15일 오후 8:00", "2025-05-15T20:00:00", 0},
      {"9 مايو 2024 10:20", "2024-05-09T10:20:00", 0},
      {"26 सितंबर 2024", "2024-09-26", 0},
      {"21 ΙΑΝΟΥΑΡΊΟΥ 2025", "2025-01-21", 0},
      {"2025-02-30", "(none)", 0},
      {"version 1.2.3.2024", "(none)", 0},
      {"May 5", "(none)", 0},
      {"10:30", "(none)", 0},
      {"call 0200 123 456 789", "(none)", 0},
      {"99999999999999999999", "(none)", 0},
      {"", "(none)", 0},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    clean_when w;
    char got[CLEAN_WHEN_MAX] = "(none)";
    if (clean_when_value(cases[k].text, strlen(cases[k].text), cases[k].month_first, &w))
      clean_when_print(&w, CLEAN_NO_ZONE, got);
    if (strcmp(got, cases[k].want) != 0) fail_msg("%s is %s, expected %s", cases[k].text, got, cases[k].want);
  }
  assert_int_equal(clean_when_month("MÄRZ", strlen("MÄRZ")), 3);
  assert_int_equal(clean_when_month("ma", 2), 0);
}

/* ---- names ----------------------------------------------------------------------------------------------------------
 */

static void names_are(const char *text, int loose, const char *want) {
  static char items[12][CLEAN_NAME_MAX];
  clean_names names = {items, 0, 12};
  char got[2048] = "";
  clean_names_add(&names, text, strlen(text), loose);
  for (size_t i = 0; i < names.n; i++) {
    strcat(got, i ? "; " : "");
    strcat(got, items[i]);
  }
  if (strcmp(got, want) != 0) fail_msg("%s is %s, expected %s", text, got, want);
}

static void names_out_of_tags(void **state) {
  (void)state;
  names_are("Jane Doe", 0, "Jane Doe");
  names_are("By Jane Doe and John Q. Public", 0, "Jane Doe; John Q. Public");
  names_are("Anna Berg und Karl Maier, dpa", 0, "Anna Berg; Karl Maier; dpa");
  names_are("Elena Ott (eo)", 0, "Elena Ott");
  names_are("Ana Ruiz, Leo Sanz y Marta Gil", 0, "Ana Ruiz; Leo Sanz; Marta Gil");
  names_are("Jane Doe, jane doe", 0, "Jane Doe");
  names_are("Trần Hoài An", 0, "Trần Hoài An");
  names_are("Bởi: Trần Hoài An", 0, "Trần Hoài An");
  names_are("Anne de la Tour", 0, "Anne de la Tour");
  names_are("Van Der Meer", 0, "Van Der Meer");
  names_are("Jane Doe, professor of history at the university", 0, "Jane Doe");
  names_are("신현주 기자", 0, "신현주");
  names_are("Redaktion", 0, "Redaktion");
  names_are("jane-doe", 0, "");
  names_are("@jane", 0, "");
  names_are("jane@paper.example", 0, "");
  names_are("https://www.facebook.com/paper", 0, "");
  names_are("10592", 0, "");
  names_are("one two three four five six seven eight nine ten eleven", 0, "");
}

static void names_out_of_lines(void **state) {
  (void)state;
  names_are("By Jane Doe | Staff Writer", 1, "Jane Doe");
  names_are("Jane Doe · The Daily Paper Online · Posted: Aug 08, 2024", 1, "Jane Doe");
  names_are("05.06.2025 um 14:46 von Anna Berg", 1, "");
  names_are("Von Anna Berg\n05.06.2025, 14:46 Uhr\nKommentare", 1, "Anna Berg");
  names_are("Ein Kommentar von Anna Berg", 1, "Anna Berg");
  names_are("Jane Doe for The Daily Paper", 1, "Jane Doe");
  names_are("BÍCH NGỌC - VÀNG A DẾ", 1, "BÍCH NGỌC; VÀNG A DẾ");
  names_are("(Image: Getty Images)", 1, "");
  names_are("Follow us on Facebook", 1, "");
  names_are("Read more", 1, "");
  names_are("フォロー", 1, "");
  names_are("松岡大地", 1, "松岡大地");
  assert_true(clean_says_by("By Jane Doe", 11));
  assert_true(clean_says_by("Autor: Anna Berg", 16));
  assert_false(clean_says_by("Bystanders saw it", 17));
  assert_true(clean_same_name("Jane  DOE", "jane doe"));
  assert_false(clean_same_name("Jane Doe", "Jane"));
}

/* ---- pages ----------------------------------------------------------------------------------------------------------
 */

#define LD(json) "<script type='application/ld+json'>" json "</script>"

static void a_full_page(void **state) {
  (void)state;
  read_page(
      "<html lang='en_GB'><head><title>Old title | Paper</title><link rel=canonical href='https://paper.example/a'>"
      "<meta property='og:title' content='Boats &amp; bells'><meta property='og:site_name' content='Paper'>"
      "<meta property='og:description' content='About boats.'><meta property='og:image' content='//img.example/b.jpg'>"
      "<meta property='article:section' content='Sea'><meta property='article:tag' content='boats'>"
      "<meta property='article:tag' content='bells'><meta property='article:modified_time' "
      "content='2025-08-22T09:00:00Z'>" LD(
          "{\"@graph\":[{\"@type\":\"NewsArticle\",\"headline\":\"Boats and bells\",\"author\":{\"@id\":\"#p\"},"
          "\"datePublished\":\"2025-08-21T10:30:00+01:00\",\"articleBody\":\"All the text.\"},"
          "{\"@type\":\"Person\",\"@id\":\"#p\",\"name\":\"Jane Doe\"}]}") "</head><body><h1>Boats</h1></body></html>");
  field_is(CLEAN_M_TITLE, "Boats and bells", "json-ld");
  authors_are("Jane Doe", "json-ld");
  published_is("2025-08-21T10:30:00+01:00", "json-ld");
  assert_true(meta.has_modified && meta.modified.day == 22);
  field_is(CLEAN_M_DESCRIPTION, "About boats.", "og:description");
  field_is(CLEAN_M_SITE, "Paper", "og:site_name");
  field_is(CLEAN_M_LANGUAGE, "en-GB", "html lang");
  field_is(CLEAN_M_CANONICAL, "https://paper.example/a", "link rel=canonical");
  field_is(CLEAN_M_IMAGE, "https://img.example/b.jpg", "og:image");
  field_is(CLEAN_M_SECTION, "Sea", "article:section");
  assert_int_equal(meta.n_tags, 2);
  assert_string_equal(meta.tags[1], "bells");
  assert_string_equal(meta.article_body, "All the text.");
  read_page("<p>nothing at all</p>");
  field_is(CLEAN_M_TITLE, "(none)", NULL);
  authors_are("", NULL);
  published_is("(none)", NULL);
  assert_null(meta.article_body);
}

static void titles(void **state) {
  (void)state;
  read_page("<title>A long story about mills - The Paper</title><h1>A long story about mills</h1>");
  field_is(CLEAN_M_TITLE, "A long story about mills", "h1");
  read_page("<title>A long story about mills - The Paper</title><p>no heading</p>");
  field_is(CLEAN_M_TITLE, "A long story about mills", "title");
  read_page(
      "<meta property=og:site_name content='The Paper'><meta property=og:title content='Mills | The Paper'><h1>x</h1>");
  field_is(CLEAN_M_TITLE, "Mills", "og:title");
  read_page("<meta property=og:title content='Mills - Wind - paper.example'><meta property=og:url "
            "content='https://www.paper.example/m'>");
  field_is(CLEAN_M_TITLE, "Mills - Wind", "og:title");
  read_page("<h1>The Paper</h1><meta property=og:site_name content='The Paper'><h1>A story</h1>");
  field_is(CLEAN_M_TITLE, "A story", "h1");
  read_page(
      LD("{\"@type\":\"Article\",\"headline\":\"A long story about old mills in...\"}") "<h1>A long story about old "
                                                                                        "mills in the valley</h1>");
  field_is(CLEAN_M_TITLE, "A long story about old mills in the valley", "h1");
  read_page(LD("{\"@type\":\"Article\",\"headline\":\"He said &quot;no&quot;\"}"));
  field_is(CLEAN_M_TITLE, "He said \"no\"", "json-ld");
  read_page("<h1>Rotating files<a href='#r'>¶</a></h1>");
  field_is(CLEAN_M_TITLE, "Rotating files", "h1");
}

static void the_article_among_many_objects(void **state) {
  (void)state;
  read_page(
      LD("[{\"@type\":\"ItemList\",\"itemListElement\":[{\"@type\":\"NewsArticle\",\"headline\":\"Another\","
         "\"datePublished\":\"2001-01-01\"}]},{\"@type\":\"WebPage\",\"mainEntity\":{\"@type\":[\"Thing\",\"Article\"],"
         "\"headline\":\"This one\",\"author\":[\"Ann Lee\",{\"name\":[\"Bo Ray\"]},{\"givenName\":\"Cy\","
         "\"familyName\":\"Dahl\"}],\"datePublished\":\"2025-01-02\",\"keywords\":\"a1, b2\","
         "\"video\":{\"@type\":\"VideoObject\",\"name\":\"clip\",\"uploadDate\":\"1999-01-01\"}}}]"));
  field_is(CLEAN_M_TITLE, "This one", "json-ld");
  authors_are("Ann Lee; Bo Ray; Cy Dahl", "json-ld");
  published_is("2025-01-02", "json-ld");
  assert_int_equal(meta.n_tags, 2);
  /* An article without a date beside a page with one. */
  read_page(LD("{\"@type\":\"NewsArticle\",\"headline\":\"T\"}")
                LD("{\"@type\":\"WebPage\",\"datePublished\":\"2025-03-04T05:06:07Z\"}"));
  published_is("2025-03-04T05:06:07+00:00", "json-ld");
}

static void authors_by_trust(void **state) {
  (void)state;
  /* An organisation gives way to a byline, and that to nothing. */
  read_page(LD("{\"@type\":\"NewsArticle\",\"headline\":\"T\",\"author\":{\"@type\":\"Organization\",\"name\":"
               "\"Paper\"}}") "<h1>T</h1><div class=byline>By <a href=/x>Jane Doe</a> and <a href=/y>Bo Ray</a></div>");
  authors_are("Jane Doe; Bo Ray", "byline");
  read_page(LD("{\"@type\":\"NewsArticle\",\"headline\":\"T\",\"author\":{\"@type\":\"Organization\",\"name\":"
               "\"Paper\"}}") "<h1>T</h1>");
  authors_are("Paper", "json-ld");
  assert_true(meta.group_authors);
  /* The name of the site is no person, whatever the tag says. */
  read_page("<meta property=og:site_name content='Paper'><meta name=author content=Paper><h1>T</h1>"
            "<a rel=author href=/jane>Jane Doe</a>");
  authors_are("Jane Doe", "a rel=author");
  read_page("<meta name=author content='Jane Doe'><h1>T</h1><span class=author>Bo Ray</span>");
  authors_are("Jane Doe", "author");
  read_page("<h1>T</h1><span itemprop=author itemscope><b itemprop=name>Jane Doe</b></span>");
  authors_are("Jane Doe", "microdata");
  read_page(
      "<h1>T</h1><figure itemscope itemtype='http://schema.org/ImageObject'><i itemprop=author>Photo Man</i></figure>");
  authors_are("", NULL);
  read_page("<meta name=twitter:label1 content='Được viết bởi'><meta name=twitter:data1 content='Diệu Linh'>");
  authors_are("Diệu Linh", "twitter:data1");
  read_page("<meta name=twitter:label1 content='Reading time'><meta name=twitter:data1 content='3 minutes'>");
  authors_are("", NULL);
  read_page("<h1>T</h1><p>Von <b>Anna Berg</b></p><p>Text.</p>");
  authors_are("Anna Berg", "byline");
  read_page("<h1>T</h1><p>Text of the story.</p><p style='text-align: right;'><strong>Quốc Thắng</strong></p>");
  authors_are("Quốc Thắng", "signature");
  read_page("<h1>T</h1><p>1<p>2<p>3<p>4<p>5<p>6<div class=comments><span class=comment-author>Mad Max</span></div>");
  authors_are("", NULL);
  read_page("<h1>T</h1><p>1<p>2<p>3<p>4<p>5<p>6<div class=related-links><span class=byline>By Bo Ray</span></div>");
  authors_are("", NULL);
  read_page("<meta name=citation_author content='Ann Lee'><meta name=citation_author content='Bo Ray'>");
  authors_are("Ann Lee; Bo Ray", "citation_author");
}

static void dates_by_trust(void **state) {
  (void)state;
  read_page("<meta name=pubdate content='2025-08-21T10:30:00+07:00'>" LD(
      "{\"@type\":\"Article\",\"headline\":\"T\",\"datePublished\":\"2025-08-21\"}"));
  published_is("2025-08-21T10:30:00+07:00", "json-ld"); /* the day of one, the time of the other */
  read_page("<meta name=its_publication content=1755747000>");
  published_is("2025-08-21T03:30:00+00:00", "its_publication");
  read_page("<meta name=DC:date.issued content=2025-08-21>");
  published_is("2025-08-21", "dc.date.issued");
  read_page("<h1>T</h1><time itemprop=datePublished datetime='2025-08-21T10:30:00Z'>yesterday</time>");
  published_is("2025-08-21T10:30:00+00:00", "microdata");
  read_page("<h1>T</h1><time class='entry-date published' datetime='2025-08-21T10:30:00Z'></time><time class=updated "
            "datetime='2025-08-23'>");
  published_is("2025-08-21T10:30:00+00:00", "time");
  assert_true(meta.has_modified && meta.modified.day == 23);
  read_page("<link rel=canonical href='https://paper.example/2025/08/21/boats.html'><h1>T</h1>");
  published_is("2025-08-21", "url");
  read_at("<h1>T</h1><span class=date>21/8/2025, 10:30 (GMT+7)</span>", "https://paper.example/2025-08-21-boats");
  published_is("2025-08-21T10:30:00+07:00", "url");
  read_page("<h1>T</h1><div>Thứ Năm, 21/8/2025, 10:30 (GMT+7)</div>");
  published_is("2025-08-21T10:30:00+07:00", "text");
  read_page("<h1>T</h1><script>var data={\"publishedAt\":\"2025-08-21T10:30:00Z\"}</script>");
  published_is("2025-08-21T10:30:00+00:00", "script");
  read_page("<html lang=en-US><h1>T</h1><span class=date>08/09/2025</span>");
  published_is("2025-08-09", "time");
  read_page("<html lang=en-GB><h1>T</h1><span class=date>08/09/2025</span>");
  published_is("2025-09-08", "time");
  read_page("<h1>T</h1><p>This page was last edited on 3 March 2024.</p>");
  published_is("(none)", NULL);
  read_page("<meta name=date content='0000-00-00'><meta name=pubdate content='soon'>");
  published_is("(none)", NULL);
}

static void addresses_and_languages(void **state) {
  (void)state;
  read_at("<link rel=canonical href='/a?b=1&amp;c=2'><meta property=og:image content='/i.jpg'>",
          "https://paper.example:8080/x/y?z");
  field_is(CLEAN_M_CANONICAL, "https://paper.example:8080/a?b=1&c=2", "link rel=canonical");
  field_is(CLEAN_M_IMAGE, "https://paper.example:8080/i.jpg", "og:image");
  field_is(CLEAN_M_SITE, "paper.example", "url");
  read_page("<link rel=canonical href='/a'><meta property=og:image content='data:image/gif;base64,R0'>");
  field_is(CLEAN_M_CANONICAL, "(none)", NULL);
  field_is(CLEAN_M_IMAGE, "(none)", NULL);
  read_page("<html lang='{{lang}}'><meta property=og:locale content=vi_VN>");
  field_is(CLEAN_M_LANGUAGE, "vi-VN", "og:locale");
}

/* ---- limits ---------------------------------------------------------------------------------------------------------
 */

static char *repeat(const char *before, const char *s, size_t times, const char *after) {
  size_t a = strlen(before), n = strlen(s), z = strlen(after);
  char *page = malloc(a + n * times + z + 1), *p = page;
  assert_non_null(page);
  memcpy(p, before, a);
  p += a;
  for (size_t i = 0; i < times; i++, p += n) memcpy(p, s, n);
  memcpy(p, after, z + 1);
  return page;
}

/* Pages that are made to be slow or large give what the first of their kind says, and take memory in proportion. */
static void crowded_pages(void **state) {
  (void)state;
  static const char *const crowds[] = {
      "<meta name=author content='Jane Doe'><meta property=article:tag content=boats>",
      "<script type='application/ld+json'>{\"@type\":\"Article\",\"author\":{\"@id\":\"#none\"}}</script>",
      "<h1>Heading</h1>",
      "<div class='author byline comment related date time'><span class=author>Jane Doe</span>",
      "<time datetime='2025-08-21'>21/8/2025</time>",
      "<a rel='author tag' href='/author/x'>By Jane Doe and Bo Ray, Ann Lee</a>",
      "<p style='text-align:right'>Jane Doe</p>",
      "<span itemprop=author itemscope>",
      "<p>By</p>",
  };
  for (size_t k = 0; k < sizeof crowds / sizeof *crowds; k++) {
    char *page = repeat("<html><head><title>T</title></head><body><h1>First</h1>", crowds[k], 20000, "</body></html>");
    bytes = 0;
    read_page(page);
    assert_true(meta.authors.n <= CLEAN_M_AUTHORS_MAX && meta.n_tags <= CLEAN_M_TAGS_MAX);
    if (bytes > 400 * strlen(page)) fail_msg("%s: %zu bytes of memory for %zu", crowds[k], bytes, strlen(page));
    free(page);
  }
}

static void long_values_are_cut(void **state) {
  (void)state;
  char *page = repeat("<meta name=description content='", "đồng ", 100000, "'><meta name=author content='Jane Doe'>");
  read_page(page);
  assert_non_null(meta.text[CLEAN_M_DESCRIPTION]);
  size_t n = strlen(meta.text[CLEAN_M_DESCRIPTION]);
  if (n > CLEAN_M_TEXT || n < CLEAN_M_TEXT - 16) fail_msg("%zu bytes are left", n);
  authors_are("Jane Doe", "author");
  free(page);
}

static void memory_runs_out_anywhere(void **state) {
  (void)state;
  static const char page[] =
      "<html lang=vi><title>T - P</title><meta property=og:title content='A title'><meta property=article:tag "
      "content=x1>"
      "<meta name=author content='Jane Doe'><link rel=canonical href='/2025/08/21/a'><h1>A title</h1>"
      "<span class=byline>By Bo Ray</span>" LD(
          "{&quot;@type&quot;:&quot;NewsArticle&quot;,&quot;headline&quot;:&quot;A title&quot;,"
          "&quot;author&quot;:[&quot;Ann Lee&quot;],&quot;articleBody&quot;:&quot;x&quot;}") "<time "
                                                                                             "datetime=2025-08-21>x</"
                                                                                             "time>";
  int failed = 0;
  for (uint64_t k = 1;; k++) {
    clean_dom_done(&dom);
    clean_meta_done(&meta);
    until = 0;
    assert_int_equal(clean_dom_parse(&dom, page, sizeof page - 1, 0), 0);
    until = k;
    int rc = clean_meta_read(&meta, &dom, "https://paper.example/");
    uint64_t left = until;
    until = 0;
    if (rc == 0 && left > 1) break;
    if (rc) assert_int_equal(rc, SL_ENOMEM);
    failed += rc != 0;
    assert_true(k < 1000);
  }
  assert_true(failed > 3);
  authors_are("Ann Lee", "json-ld");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(json_as_pages_have_it),
      cmocka_unit_test(json_of_two_blocks_and_deep),
      cmocka_unit_test(json_has_bounds),
      cmocka_unit_test(dates_of_machines_and_people),
      cmocka_unit_test(names_out_of_tags),
      cmocka_unit_test(names_out_of_lines),
      cmocka_unit_test(a_full_page),
      cmocka_unit_test(titles),
      cmocka_unit_test(the_article_among_many_objects),
      cmocka_unit_test(authors_by_trust),
      cmocka_unit_test(dates_by_trust),
      cmocka_unit_test(addresses_and_languages),
      cmocka_unit_test(crowded_pages),
      cmocka_unit_test(long_values_are_cut),
      cmocka_unit_test(memory_runs_out_anywhere),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
