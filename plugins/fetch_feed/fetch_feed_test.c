/* SPDX-License-Identifier: Apache-2.0 */
/* The feed parser, on feeds of each kind and with each fault that feeds have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sluice/harness.h>

#include "feed.h"
#include "feed_doc.h"
#include "webdate.h"
#include "webtext.h"
#include "xmltok.h"

static const lane_mem memory = {malloc, free};

/* What a feed came to. */
typedef struct outcome {
  int rc;
  const char *why;
  feed_kind kind;
  char alternate[200];
  bool truncated;
  cJSON *items; /* bodies */
  char keys[8][300];
} outcome;

typedef struct sink {
  const lane_mem *mem;
  feed_place place;
  outcome *out;
} sink;

static int take(void *user, const feed_head *head, const feed_item *item) {
  sink *s = user;
  feed_doc d;
  int rc = feed_doc_make(&s->place, head, item, &d);
  if (rc != 0) return rc;
  int n = cJSON_GetArraySize(s->out->items);
  if (n < 8) (void)snprintf(s->out->keys[n], sizeof s->out->keys[n], "%s", d.key);
  cJSON *body = d.body;
  d.body = NULL;
  feed_doc_free(s->mem, &d);
  if (cJSON_AddItemToArray(s->out->items, body)) return 0;
  cJSON_Delete(body);
  return SL_ENOMEM;
}

static outcome parse_as(const lane_mem *mem, const char *url, const char *bytes, size_t n, const char *type) {
  outcome out = {.items = cJSON_CreateArray()};
  weburl at = {0};
  const feed_limits limits = {1000, 1u << 20};
  if (!out.items || weburl_parse(&at, mem, url, strlen(url), NULL, NULL) != 0) {
    out.rc = SL_ENOMEM;
    return out;
  }
  sink s = {mem, {mem, &at, false, 0, true, INT64_C(1760000000000000000)}, &out};
  feed_parser *p = feed_new(mem, &limits, take, &s);
  out.rc = p ? feed_parse(p, bytes, n, type, &out.why) : SL_ENOMEM;
  if (p) {
    const feed_head *head = feed_head_of(p);
    out.kind = head->kind;
    out.truncated = head->truncated;
    if (head->alternate) (void)snprintf(out.alternate, sizeof out.alternate, "%s", head->alternate);
  }
  feed_free(p);
  weburl_free(&at);
  return out;
}

static outcome parse(const char *text) {
  return parse_as(&memory, "https://bao.example/rss", text, strlen(text), NULL);
}

static const char *at(const outcome *o, int i, const char *name) {
  const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(o->items, i), name));
  return s ? s : "(none)";
}

static const char *printed(const outcome *o, int i, const char *name) {
  static char text[2000];
  cJSON *v = cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(o->items, i), name);
  (void)cJSON_PrintPreallocated(v, text, sizeof text, 0);
  return v ? text : "(none)";
}

static void is_good(const outcome *o, int items) {
  if (o->rc != 0) print_error("rc %d: %s\n", o->rc, o->why);
  assert_int_equal(o->rc, 0);
  assert_int_equal(cJSON_GetArraySize(o->items), items);
}

#define RSS(items)                                                                                                 \
  "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>Tin</title><link>https://bao.example/</link>" items \
  "</channel></rss>"

/* ---- files of each kind --------------------------------------------------------------------------------------------
 */

static char *file(const char *name, size_t *ret_n) {
  char path[512];
  (void)snprintf(path, sizeof path, "%s/%s", TESTDATA, name);
  FILE *f = fopen(path, "rb");
  if (!f) fail_msg("cannot open %s", path);
  char *bytes = malloc(1 << 20);
  *ret_n = bytes ? fread(bytes, 1, 1 << 20, f) : 0;
  fclose(f);
  return bytes;
}

/* Each file has the same two items, as far as its format can say them. */
static void test_formats(void **state) {
  static const struct {
    const char *name;
    feed_kind kind;
  } files[] = {{"rss091.xml", FEED_RSS},      {"rss10.rdf", FEED_RDF},   {"rss20.xml", FEED_RSS},
               {"atom03.xml", FEED_ATOM},     {"atom10.xml", FEED_ATOM}, {"jsonfeed10.json", FEED_JSON},
               {"jsonfeed11.json", FEED_JSON}};
  (void)state;
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    size_t n;
    char *bytes = file(files[i].name, &n);
    outcome o = parse_as(&memory, "https://bao.example/rss", bytes, n, NULL);
    is_good(&o, 2);
    assert_int_equal(o.kind, files[i].kind);
    assert_string_equal(at(&o, 0, "url"), "https://bao.example/thoi-su/khoi-cong-1.html");
    assert_string_equal(at(&o, 0, "title"), "Khởi công đường sắt & nhà ga");
    assert_string_equal(at(&o, 0, "summary"), "Thủ tướng yêu cầu hoàn thành trong năm.");
    assert_string_equal(at(&o, 1, "url"), "https://bao.example/kinh-te/gia-vang-2.html");
    assert_string_equal(
        printed(&o, 0, "feed"),
        "{\"title\":\"Báo thử\",\"url\":\"https://bao.example/rss\",\"site\":\"https://bao.example/\"}");
    if (strcmp(files[i].name, "rss091.xml") != 0) {
      assert_string_equal(at(&o, 0, "published"), "2025-08-21T10:30:00+07:00");
      assert_string_equal(printed(&o, 0, "authors"), "[\"Nguyễn An\"]");
    }
    cJSON_Delete(o.items);
    free(bytes);
  }
}

static void test_all_fields(void **state) {
  (void)state;
  size_t n;
  char *bytes = file("rss20.xml", &n);
  outcome o = parse_as(&memory, "https://bao.example/rss", bytes, n, NULL);
  assert_string_equal(at(&o, 0, "guid"), "bao-1");
  assert_string_equal(o.keys[0], "https://bao.example/guid=bao-1");
  assert_string_equal(o.keys[1], "https://bao.example/kinh-te/gia-vang-2.html");
  assert_string_equal(at(&o, 0, "content_html"), "<p>Toàn <b>văn</b>.</p>");
  assert_string_equal(printed(&o, 0, "categories"), "[\"Thời sự\",\"Giao thông\"]");
  assert_string_equal(at(&o, 0, "image"), "https://img.bao.example/1.jpg");
  assert_string_equal(printed(&o, 0, "enclosures"),
                      "[{\"url\":\"https://bao.example/a.mp3\",\"type\":\"audio/mpeg\",\"length\":12345}]");
  assert_string_equal(at(&o, 0, "comments"), "https://bao.example/thoi-su/khoi-cong-1.html#comments");
  assert_string_equal(at(&o, 0, "language"), "vi");
  assert_string_equal(at(&o, 1, "image"), "https://bao.example/anh/2.png?w=1&h=2");
  cJSON_Delete(o.items);
  free(bytes);
}

/* ---- faults --------------------------------------------------------------------------------------------------------
 */

static void test_junk_before(void **state) {
  static const char *const before[] = {"\xef\xbb\xbf", " \r\n\t ", "PHP Notice: x in y on line 3\n",
                                       "\xef\xbb\xbf\n\xef\xbb\xbf"};
  (void)state;
  for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
    char text[1000];
    (void)snprintf(text, sizeof text, "%s%s", before[i], RSS("<item><title>A</title><link>/a</link></item>"));
    outcome o = parse(text);
    is_good(&o, 1);
    assert_string_equal(at(&o, 0, "url"), "https://bao.example/a");
    cJSON_Delete(o.items);
  }
}

static void test_entities(void **state) {
  (void)state;
  outcome o = parse(RSS(
      "<item><title>AT&T &nbsp;&ldquo;Ph&oacute;&rdquo; &amp; R&D &#8211; &#150; 1 < 2 &unknown; &#0;&#x1F600;</title>"
      "<link>/a?x=1&y=2</link></item>"));
  is_good(&o, 1);
  assert_string_equal(at(&o, 0, "title"), "AT&T “Phó” & R&D – – 1 < 2 &unknown; 😀");
  assert_string_equal(at(&o, 0, "url"), "https://bao.example/a?x=1&y=2");
  cJSON_Delete(o.items);
}

static void test_bombs(void **state) {
  (void)state;
  outcome o = parse(
      "<?xml version=\"1.0\"?><!DOCTYPE rss [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;\"><!ENTITY c SYSTEM "
      "\"file:///etc/passwd\">]><rss><channel><item><title>&b; &c;</title><link>/a</link></item></channel></rss>");
  is_good(&o, 1);
  assert_string_equal(at(&o, 0, "title"), "&b; &c;");
  cJSON_Delete(o.items);
  /* 200 levels: what came before counts. */
  char deep[4000] = "<rss><channel><item><title>A</title><link>/a</link></item>";
  for (int i = 0; i < 200; i++) strcat(deep, "<x>");
  o = parse(deep);
  is_good(&o, 1);
  cJSON_Delete(o.items);
}

static void test_twice_escaped(void **state) {
  (void)state;
  outcome o = parse(
      RSS("<item><title>&lt;![CDATA[ Giá &amp;amp; lượng ]]&gt;</title><link> <![CDATA[ /a ]]> </link>"
          "<description><![CDATA[&lt;p&gt;Một&lt;/p&gt;&lt;p&gt;Hai&amp;nbsp;ba&lt;/p&gt;]]></description></item>"));
  is_good(&o, 1);
  assert_string_equal(at(&o, 0, "title"), "Giá & lượng");
  assert_string_equal(at(&o, 0, "url"), "https://bao.example/a");
  assert_string_equal(at(&o, 0, "summary"), "Một\nHai ba");
  cJSON_Delete(o.items);
}

static void test_raw_html(void **state) {
  (void)state;
  outcome o = parse(
      RSS("<item><link>/a</link><description><p>Một<br>hai <img src='/i.gif'></p><script>x()</script></description>"
          "<title>T</title></item><item><title>Sau</title><link>/b</link></item>"));
  is_good(&o, 2);
  assert_string_equal(at(&o, 0, "summary"), "Một\nhai");
  assert_string_equal(at(&o, 0, "image"), "https://bao.example/i.gif");
  assert_string_equal(at(&o, 0, "title"), "T");
  assert_string_equal(at(&o, 1, "title"), "Sau");
  cJSON_Delete(o.items);
}

static void test_items_not_closed(void **state) {
  (void)state;
  outcome o =
      parse(RSS("<item><title>A</title><link>/a</link><item><title>B</title><link>/b</link><item><title>C</title>"
                "<link>/c</link></item>"));
  is_good(&o, 3);
  assert_string_equal(at(&o, 0, "title"), "A");
  assert_string_equal(at(&o, 1, "url"), "https://bao.example/b");
  assert_string_equal(at(&o, 2, "title"), "C");
  cJSON_Delete(o.items);
}

static void test_cut_off(void **state) {
  (void)state;
  const char *whole = RSS("<item><title>A</title><link>/a</link></item><item><title>B</title><link>/b</link></item>");
  const char *second = strstr(whole, "<item><title>B");
  outcome o = parse_as(&memory, "https://bao.example/rss", whole, (size_t)(second - whole) + 20, NULL);
  assert_int_equal(o.rc, 0);
  assert_true(o.truncated);
  assert_string_equal(at(&o, 0, "title"), "A");
  cJSON_Delete(o.items);
  /* Cut anywhere it neither fails badly nor loses what is whole. */
  for (size_t n = 0; n < strlen(whole); n++) {
    o = parse_as(&memory, "https://bao.example/rss", whole, n, NULL);
    assert_true(o.rc == 0 || o.rc == SL_EPARSE);
    if (whole + n >= second) assert_true(cJSON_GetArraySize(o.items) >= 1);
    cJSON_Delete(o.items);
  }
}

static void test_control_characters(void **state) {
  static const char text[] = "<rss><channel><item><title>A\x01"
                             "B\0C\x0b</title><link>/a</link></item></channel></rss>";
  (void)state;
  outcome o = parse_as(&memory, "https://bao.example/rss", text, sizeof text - 1, NULL);
  is_good(&o, 1);
  assert_string_equal(at(&o, 0, "title"), "A B C");
  cJSON_Delete(o.items);
}

static void test_encodings(void **state) {
  (void)state;
  /* Windows-1258 with its combining marks, as declared; the label says so in capitals. */
  outcome o = parse("<?xml version='1.0' encoding='WINDOWS-1258'?><rss><channel><item><title>Ti\xea\xec"
                    "ng Vi\xea\xf2t</title>"
                    "<link>/a</link></item></channel></rss>");
  is_good(&o, 1);
  assert_string_equal(at(&o, 0, "title"), "Tiếng Việt");
  cJSON_Delete(o.items);
  /* UTF-8 that is labelled as something else, in the file and in the header. */
  const char *text =
      "<?xml version='1.0' "
      "encoding='iso-8859-1'?><rss><channel><item><title>Tiếng</title><link>/a</link></item></channel></rss>";
  o = parse_as(&memory, "https://bao.example/rss", text, strlen(text), "text/xml; charset=us-ascii");
  is_good(&o, 1);
  assert_string_equal(at(&o, 0, "title"), "Tiếng");
  cJSON_Delete(o.items);
  /* Latin-1 without a label, decomposed Unicode, UTF-16 with a mark. */
  o = parse("<rss><channel><item><title>Caf\xe9</title><link>/a</link></item></channel></rss>");
  assert_string_equal(at(&o, 0, "title"), "Café");
  cJSON_Delete(o.items);
  o = parse("<rss><channel><item><title>Tie\xcc\x82\xcc\x81ng</title><link>/a</link></item></channel></rss>");
  assert_string_equal(at(&o, 0, "title"), "Tiếng");
  cJSON_Delete(o.items);
  char wide[400];
  size_t n = 0;
  wide[n++] = '\xff';
  wide[n++] = '\xfe';
  for (const char *c = "<rss><channel><item><title>A</title><link>/a</link></item></channel></rss>"; *c; c++) {
    wide[n++] = *c;
    wide[n++] = '\0';
  }
  o = parse_as(&memory, "https://bao.example/rss", wide, n, NULL);
  is_good(&o, 1);
  assert_string_equal(at(&o, 0, "title"), "A");
  cJSON_Delete(o.items);
}

static void test_links(void **state) {
  (void)state;
  outcome o = parse(
      "<feed xmlns='http://www.w3.org/2005/Atom' xml:base='https://kho.example/goc/'><title>T</title>"
      "<entry xml:base='muc/'><title>A</title><link rel='self' href='/self'/><link "
      "href='a.html#x'/><id>urn:1</id></entry>"
      "<entry><title>B</title><link rel='enclosure' href='/b.mp3' type='audio/mpeg' length='7'/><link rel='alternate' "
      "type='text/html' href='../b.html'/><id>tag:b</id></entry></feed>");
  is_good(&o, 2);
  assert_string_equal(at(&o, 0, "url"), "https://bao.example/muc/a.html");
  assert_string_equal(at(&o, 1, "url"), "https://kho.example/b.html");
  assert_string_equal(printed(&o, 1, "enclosures"),
                      "[{\"url\":\"https://kho.example/b.mp3\",\"type\":\"audio/mpeg\",\"length\":7}]");
  cJSON_Delete(o.items);
  /* No guid: the URL without what trackers add. No link: a guid that is one. Neither: the content. */
  o = parse(RSS("<item><title>A</title><link>https://bao.example/a?utm_source=rss</link></item>"
                "<item><title>B</title><guid>https://bao.example/b</guid></item><item><title>C</title></item>"
                "<item><title>D</title><link>javascript:alert(1)</link></item>"));
  is_good(&o, 4);
  assert_string_equal(o.keys[0], "https://bao.example/a");
  assert_string_equal(at(&o, 1, "url"), "https://bao.example/b");
  assert_string_equal(at(&o, 2, "url"), "(none)");
  assert_memory_equal(o.keys[2], "https://bao.example/sha256=", 27);
  assert_string_equal(at(&o, 3, "url"), "(none)");
  assert_string_not_equal(o.keys[2], o.keys[3]);
  cJSON_Delete(o.items);
}

static void test_undeclared_prefixes(void **state) {
  (void)state;
  outcome o =
      parse(RSS("<item><title>A</title><link>/a</link><dc:creator>An</dc:creator><media:thumbnail url='/t.jpg'/>"
                "<content:encoded><![CDATA[<p>x</p>]]></content:encoded><atom:link rel='self' href='/self'/></item>"));
  is_good(&o, 1);
  assert_string_equal(printed(&o, 0, "authors"), "[\"An\"]");
  assert_string_equal(at(&o, 0, "image"), "https://bao.example/t.jpg");
  assert_string_equal(at(&o, 0, "content_html"), "<p>x</p>");
  assert_string_equal(at(&o, 0, "url"), "https://bao.example/a");
  cJSON_Delete(o.items);
}

static void test_xhtml(void **state) {
  (void)state;
  outcome o = parse("<a:feed xmlns:a='http://www.w3.org/2005/Atom'><a:entry><a:title type='html'>&lt;b&gt;A&lt;/b&gt; "
                    "&amp;amp; B</a:title>"
                    "<a:link href='/a'/><a:content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'>1 &lt; 2 <em "
                    "title='\"q\"'>x</em>"
                    "</div></a:content></a:entry></a:feed>");
  is_good(&o, 1);
  assert_string_equal(at(&o, 0, "title"), "A & B");
  assert_string_equal(at(&o, 0, "content_html"), "<div>1 &lt; 2 <em title=\"&quot;q&quot;\">x</em></div>");
  assert_string_equal(at(&o, 0, "summary"), "1 < 2 x");
  cJSON_Delete(o.items);
}

static void test_pages(void **state) {
  (void)state;
  outcome o = parse("<!DOCTYPE html><html><head><meta charset=utf-8><link rel=stylesheet href=/a.css>"
                    "<link rel=\"alternate\" type=\"application/rss+xml\" title=\"RSS\" "
                    "href=\"/rss/home.rss\"></head><body>x</body></html>");
  assert_int_equal(o.rc, SL_EPARSE);
  assert_int_equal(o.kind, FEED_PAGE);
  assert_string_equal(o.why, "it is a web page");
  assert_string_equal(o.alternate, "/rss/home.rss");
  cJSON_Delete(o.items);
  static const struct {
    const char *text, *why;
  } others[] = {{"", "it is empty"},
                {"hello", "it has neither XML nor JSON in it"},
                {"<opml/>", "it is XML, but neither RSS nor Atom"},
                {"{\"a\": 1}", "it is JSON, but no JSON Feed"},
                {"{\"version\": \"https://jsonfeed.org/version/1\", \"items\": [",
                 "it begins like JSON, but cannot be read as such (cut off?)"}};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    o = parse(others[i].text);
    assert_int_equal(o.rc, SL_EPARSE);
    assert_string_equal(o.why, others[i].why);
    cJSON_Delete(o.items);
  }
}

static void test_authors(void **state) {
  (void)state;
  outcome o = parse(RSS(
      "<item><title>A</title><link>/a</link><author>an@bao.example (Nguyễn An)</author><dc:creator>Bình &lt;b@x.vn&gt;"
      "</dc:creator><dc:creator>Nguyễn An</dc:creator></item>"));
  is_good(&o, 1);
  assert_string_equal(printed(&o, 0, "authors"), "[\"Nguyễn An\",\"Bình\"]");
  cJSON_Delete(o.items);
}

/* ---- dates ---------------------------------------------------------------------------------------------------------
 */

static void test_dates(void **state) {
  static const struct {
    const char *text, *iso;
  } dates[] = {
      {"Thu, 21 Aug 2025 10:30:00 +0700", "2025-08-21T10:30:00+07:00"},
      {"21 Aug 25 10:30 GMT", "2025-08-21T10:30:00+00:00"},
      {"Thursday, 21-Aug-25 10:30:00 EST", "2025-08-21T10:30:00-05:00"},
      {"Thu, 21 August 2025 10:30:00 GMT+7", "2025-08-21T10:30:00+07:00"},
      {"thu, 21 aug 2025 10:30:00 ict", "2025-08-21T10:30:00+07:00"},
      {"Mon, 21 Aug 2025 10:30:00", "2025-08-21T10:30:00+03:00"},
      {"Thu Aug 21 10:30:00 2025", "2025-08-21T10:30:00+03:00"},
      {"August 21, 2025 10:30 PM", "2025-08-21T22:30:00+03:00"},
      {"2025-08-21T10:30:00Z", "2025-08-21T10:30:00+00:00"},
      {"2025-08-21T10:30:00.123456+07:00", "2025-08-21T10:30:00+07:00"},
      {"2025-08-21 10:30:00 +0700", "2025-08-21T10:30:00+07:00"},
      {"2025-08-21T10:30-0330", "2025-08-21T10:30:00-03:30"},
      {"20250821T103000Z", "2025-08-21T10:30:00+00:00"},
      {"20250821", "2025-08-21T00:00:00+03:00"},
      {"2025-08-21", "2025-08-21T00:00:00+03:00"},
      {"2025-08", "2025-08-01T00:00:00+03:00"},
      {"2025", "2025-01-01T00:00:00+03:00"},
      {"21/08/2025 10:30", "2025-08-21T10:30:00+03:00"},
      {"10:30 21/8/2025", "2025-08-21T10:30:00+03:00"},
      {"8/21/2025 10:30:00 PM", "2025-08-21T22:30:00+03:00"},
      {"8/5/2025 12:05:00 AM", "2025-08-05T00:05:00+03:00"},
      {"21/08/2025 10:30:00 CH", "2025-08-21T22:30:00+03:00"},
      {"21.08.2025", "2025-08-21T00:00:00+03:00"},
      {"Thứ Năm, 21/8/2025, 10:30 (GMT+7)", "2025-08-21T10:30:00+07:00"},
      {"ngày 21 tháng 8 năm 2025", "2025-08-21T00:00:00+03:00"},
      {"1755747000", "2025-08-21T03:30:00+00:00"},
      {"1755747000000", "2025-08-21T03:30:00+00:00"},
      {"29 Feb 2024 00:00:00 Z", "2024-02-29T00:00:00+00:00"},
      {"2025-12-31T23:59:60Z", "2026-01-01T00:00:00+00:00"},
      {"2025-08-21T24:00:00Z", "2025-08-22T00:00:00+00:00"},
  };
  static const char *const none[] = {"",
                                     "   ",
                                     "hôm nay",
                                     "32/08/2025",
                                     "2025-13-01",
                                     "21 Foo 2025",
                                     "10:30",
                                     "0000-00-00 00:00:00",
                                     "2025-08-21T25:00:00Z",
                                     "99999999999999999999",
                                     "1 2 3 4 5 6 7 8",
                                     "2025-08-21T10:99:00Z"};
  (void)state;
  for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
    webdate d;
    char text[WEBDATE_TEXT] = "(none)";
    if (webdate_parse(dates[i].text, strlen(dates[i].text), 180, &d) == 0) webdate_text(&d, text);
    if (strcmp(text, dates[i].iso) != 0) fail_msg("%s: expected %s, found %s", dates[i].text, dates[i].iso, text);
  }
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
    webdate d;
    char text[WEBDATE_TEXT] = "(none)";
    if (webdate_parse(none[i], strlen(none[i]), 180, &d) == 0) webdate_text(&d, text);
    if (strcmp(text, "(none)") != 0) fail_msg("%s: expected no date, found %s", none[i], text);
  }
}

/* Without a zone the language of the feed, or its host, tells; a date of tomorrow year is none. */
static void test_zones(void **state) {
  (void)state;
  const char *text = "<rss><channel><language>vi-VN</language><item><title>A</title><link>/a</link><pubDate>21/08/2025 "
                     "10:30</pubDate></item>"
                     "<item><title>B</title><link>/b</link><pubDate>2099-01-01</pubDate></item></channel></rss>";
  outcome o = parse(text);
  assert_string_equal(at(&o, 0, "published"), "2025-08-21T10:30:00+07:00");
  assert_string_equal(at(&o, 1, "published"), "(none)");
  cJSON_Delete(o.items);
  text =
      "<rss><channel><item><title>A</title><link>/a</link><pubDate>21/08/2025 10:30</pubDate></item></channel></rss>";
  o = parse_as(&memory, "https://bao.vn/rss", text, strlen(text), NULL);
  assert_string_equal(at(&o, 0, "published"), "2025-08-21T10:30:00+07:00");
  cJSON_Delete(o.items);
  o = parse(text);
  assert_string_equal(at(&o, 0, "published"), "2025-08-21T10:30:00+00:00");
  cJSON_Delete(o.items);
}

/* ---- the reader of XML ---------------------------------------------------------------------------------------------
 */

typedef struct trace {
  char text[4000];
  size_t n;
} trace;

static void note(trace *t, const char *s, size_t n) {
  if (t->n + n + 1 >= sizeof t->text) return;
  memcpy(t->text + t->n, s, n);
  t->text[t->n += n] = '\0';
}

static int on_start(void *user, const char *name, const xmltok_attr *a, size_t n) {
  note(user, "<", 1);
  note(user, name, strlen(name));
  for (size_t i = 0; i < n; i++) {
    note(user, " ", 1);
    note(user, a[i].name, strlen(a[i].name));
    note(user, "=", 1);
    note(user, a[i].value, strlen(a[i].value));
  }
  note(user, ">", 1);
  return 0;
}

static int on_end(void *user, const char *name) {
  note(user, "</", 2);
  note(user, name, strlen(name));
  note(user, ">", 1);
  return 0;
}

static int on_text(void *user, const char *s, size_t n) {
  note(user, s, n);
  return 0;
}

static void test_pieces(void **state) {
  static const xmltok_events events = {on_start, on_end, on_text};
  static const xmltok_ns table[] = {{"urn:a/", "p"}, {"urn:b", ""}};
  static const struct {
    const char *text, *trace;
  } cases[] = {
      {"<a x=1 y='2' z=\"&lt;3>\" w>t</a>", "<a x=1 y=2 z=<3> w=>t</a>"},
      {"<q:a xmlns:q='urn:A' q:b='1'><b xmlns='urn:b'/></q:a>", "<p:a xmlns:q=urn:A p:b=1><b xmlns=urn:b></b></p:a>"},
      {"<a><b><c>1</b>2</a></z>3", "<a><b><c>1</c></b>2</a>"},
      {"<a>1<!-- <b> -->2<?x > ?>3<![CDATA[<&amp;]]>4<!x>5</a>", "<a>123<&amp;45</a>"},
      {"<!DOCTYPE a [ <!ENTITY x \"y]>\"> ]><a>&x;&amp;&lt;&#65;&#x42;&AMP&eacute;</a>", NULL},
      {"<A>x</a>", "<A>x</A>"},
      {"<a>1 < 2 <3 & 4", "<a>1 < 2 <3 & 4</a>"},
      {"<a b=\"x<y\">z</a", "<a b=x<y>z</a>"},
      {"<a <b>x</b></a>", "<a><b>x</b></a>"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    trace whole = {0};
    for (size_t step = 0; step < 8; step++) {
      trace t = {0};
      xmltok *x = xmltok_new(&memory, &events, &t, table, 2);
      size_t n = strlen(cases[i].text), by = step == 0 ? n : step;
      for (size_t from = 0; from < n; from += by)
        assert_int_equal(xmltok_push(x, cases[i].text + from, n - from < by ? n - from : by), 0);
      assert_int_equal(xmltok_finish(x), 0);
      xmltok_free(x);
      if (step == 0) {
        whole = t;
        if (cases[i].trace) assert_string_equal(t.text, cases[i].trace);
      }
      assert_string_equal(t.text, whole.text);
    }
  }
}

/* What takes a parser of XML minutes takes no time here: 60,000 attributes, 100,000 tags, quotes that never close. */
static void test_linear(void **state) {
  static const xmltok_events events = {on_start, on_end, on_text};
  static const char *const parts[] = {" a='b'", "<b ", "<a \"", "<a>", "&", "<![CDATA[", "]]", "<!--", "</a"};
  (void)state;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    trace t = {0};
    size_t n = strlen(parts[i]), times = 100000;
    char *text = malloc(n * times);
    for (size_t k = 0; k < times; k++) memcpy(text + k * n, parts[i], n);
    xmltok *x = xmltok_new(&memory, &events, &t, NULL, 0);
    int rc = xmltok_push(x, "<x", 2);
    if (rc == 0) rc = xmltok_push(x, text, n * times);
    if (rc == 0) rc = xmltok_finish(x);
    assert_true(rc == 0 || rc == SL_ELIMIT);
    xmltok_free(x);
    free(text);
  }
}

/* ---- memory --------------------------------------------------------------------------------------------------------
 */

static const sl_stage_type *type_of(void) { return sluice_plugin()->types[0]; }

static void test_allocation(void **state) {
  static const char *const names[] = {"rss20.xml", "atom10.xml", "jsonfeed11.json"};
  (void)state;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    size_t n;
    char *bytes = file(names[i], &n);
    sl_harness *h = sl_harness_new(type_of(), "{ urls: \"https://bao.example/rss\" }");
    assert_int_equal(sl_harness_create(h), 0);
    const sl_ctx *ctx = sl_harness_ctx(h);
    const lane_mem mem = {ctx->host->alloc, ctx->host->free};
    int failed = 1;
    for (uint64_t nth = 1; failed; nth++) {
      sl_harness_fail_alloc(h, nth);
      outcome o = parse_as(&mem, "https://bao.example/rss", bytes, n, NULL);
      failed = sl_harness_alloc_failed(h);
      /* cJSON does not tell want of memory from bad JSON. */
      if (failed) assert_true(o.rc == SL_ENOMEM || (o.rc == SL_EPARSE && i == 2));
      if (!failed) is_good(&o, 2);
      cJSON_Delete(o.items);
    }
    sl_harness_free(h);
    free(bytes);
  }
}

static void test_parameters(void **state) {
  static const struct {
    const char *params, *message;
  } bad[] = {{"{ urls: \"ftp://bao.example/rss\" }", "expected http:// or https:// URLs of feeds"},
             {"{ urls: \"rss\" }", "expected http:// or https:// URLs of feeds"},
             {"{ urls: \"https://bao.example/rss\", zone: Hanoi }", "expected a zone"}};
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    sl_harness *h = sl_harness_new(type_of(), bad[i].params);
    assert_int_equal(sl_harness_create(h), SL_EINVAL);
    assert_string_equal(sl_harness_last(h).message, bad[i].message);
    sl_harness_free(h);
  }
  int failed = 1;
  for (uint64_t nth = 1; failed; nth++) {
    sl_harness *h = sl_harness_new(type_of(), "{ urls: \"https://bao.example/rss\", zone: \"+07:00\" }");
    sl_harness_fail_alloc(h, nth);
    int32_t rc = sl_harness_create(h);
    failed = sl_harness_alloc_failed(h);
    assert_int_equal(rc, failed ? SL_ENOMEM : 0);
    sl_harness_free(h);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_formats),
      cmocka_unit_test(test_all_fields),
      cmocka_unit_test(test_junk_before),
      cmocka_unit_test(test_entities),
      cmocka_unit_test(test_bombs),
      cmocka_unit_test(test_twice_escaped),
      cmocka_unit_test(test_raw_html),
      cmocka_unit_test(test_cut_off),
      cmocka_unit_test(test_items_not_closed),
      cmocka_unit_test(test_control_characters),
      cmocka_unit_test(test_encodings),
      cmocka_unit_test(test_links),
      cmocka_unit_test(test_undeclared_prefixes),
      cmocka_unit_test(test_xhtml),
      cmocka_unit_test(test_pages),
      cmocka_unit_test(test_authors),
      cmocka_unit_test(test_dates),
      cmocka_unit_test(test_zones),
      cmocka_unit_test(test_pieces),
      cmocka_unit_test(test_linear),
      cmocka_unit_test(test_allocation),
      cmocka_unit_test(test_parameters),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
