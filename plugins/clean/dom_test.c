/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the page parser: tokens, tree, references, limits, memory that runs out. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "test_dom.h"

static uint64_t until; /* allocations that still work; 0: all */
static void *scarce(size_t n) {
  if (until && --until == 0) {
    until = 1;
    return NULL;
  }
  return malloc(n);
}

static const clean_mem heap = {scarce, free};
static clean_dom dom;
static clean_weights weights;

static int setup(void **state) {
  (void)state;
  clean_dom_init(&dom, &heap);
  clean_weights_init(&weights, &heap);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  clean_dom_done(&dom);
  clean_weights_done(&weights);
  return 0;
}

static void read_page(const char *s, size_t n) {
  assert_int_equal(clean_dom_parse(&dom, s, n, 0), 0);
  const char *fault = dom_fault(&dom);
  if (fault) fail_msg("%.200s: %s", s, fault);
  assert_int_equal(clean_weigh(&weights, &dom), 0);
  fault = weights_fault(&dom, &weights);
  if (fault) fail_msg("%.200s: %s", s, fault);
}

/* The tree as "p('a' b('c'))"; white space alone is left out. */
static void print_node(uint32_t i, char *out, size_t cap) {
  const clean_node *e = &dom.nodes[i];
  size_t n = strlen(out);
  char text[256] = "";
  if (e->kind == CLEAN_N_TEXT) {
    clean_dom_flat(&dom, i, text, sizeof text);
    if (*text) snprintf(out + n, cap - n, "%s'%s'", n && out[n - 1] != '(' ? " " : "", text);
    return;
  }
  if (e->kind == CLEAN_N_RAW || e->kind == CLEAN_N_COMMENT) {
    const char *mark = e->kind == CLEAN_N_RAW ? "=" : "!";
    snprintf(out + n, cap - n, "%s%s'%.*s'", n && out[n - 1] != '(' ? " " : "", mark, (int)(e->end - e->start),
             dom.s + e->start);
    return;
  }
  const char *name = e->kind == CLEAN_N_ROOT ? "" : e->tag ? clean_tag_names[e->tag] : "?";
  int nested = e->kind != CLEAN_N_ROOT && e->last > i;
  snprintf(out + n, cap - n, "%s%s%s", n && out[n - 1] != '(' ? " " : "", name, nested ? "(" : "");
  for (uint32_t k = clean_dom_first(&dom, i); k != CLEAN_DOM_NONE; k = clean_dom_next(&dom, k)) print_node(k, out, cap);
  n = strlen(out);
  if (nested) snprintf(out + n, cap - n, ")");
}

static void tree_is(const char *page, const char *want) {
  char got[2048] = "";
  read_page(page, strlen(page));
  print_node(0, got, sizeof got);
  if (strcmp(got, want) != 0) fail_msg("%s\n  gave %s\n  not  %s", page, got, want);
}

static void elements_close_each_other(void **state) {
  (void)state;
  tree_is("<p>a<p>b</p>c", "p('a') p('b') 'c'");
  tree_is("<div><p>a<div>b</div>c</p></div>", "div(p('a') div('b') 'c' p)");
  tree_is("<ul><li>a<li>b<ul><li>c</ul>d<li>e</ul>", "ul(li('a') li('b' ul(li('c')) 'd') li('e'))");
  tree_is("<dl><dt>a<dd>b<dt>c<dd>d</dl>", "dl(dt('a') dd('b') dt('c') dd('d'))");
  tree_is("<h1>a<h2>b</h3>c", "h1('a') h2('b') 'c'");
  tree_is("<select><option>a<option>b<optgroup><option>c</select>d",
          "select(option('a') option('b') optgroup(option('c'))) 'd'");
  tree_is("<button>a<button>b</button>c", "button('a') button('b') 'c'");
  tree_is("a</p>b<br/>c</br>d", "'a' p 'b' br 'c' br 'd'");
  tree_is("<a href=1>x<a href=2>y</a>z", "a('x') a('y') 'z'");
  tree_is("<custom-el>a<other>b</custom-el>c</other>d", "?('a' ?('b')) 'c' 'd'");
  tree_is("<img><br><hr>x</img></hr>y", "img br hr 'x' 'y'");
}

static void tables_keep_their_parts(void **state) {
  (void)state;
  tree_is("<table><tr><td>a<td>b<tr><th>c</table>d", "table(tr(td('a') td('b')) tr(th('c'))) 'd'");
  tree_is("<table><thead><tr><td>a<tbody><tr><td>b</table>", "table(thead(tr(td('a'))) tbody(tr(td('b'))))");
  tree_is("<table><tr><td><table><tr><td>in</table>out<td>b</table>",
          "table(tr(td(table(tr(td('in'))) 'out') td('b')))");
  tree_is("<table><tr><td><p>a</div>b</td></tr></table>", "table(tr(td(p('a' 'b'))))");
  tree_is("<div><td>a</td></div>", "div('a')"); /* cells without a table are none */
  tree_is("<table><tr><td>a</table></td>b", "table(tr(td('a'))) 'b'");
  tree_is("<table><caption>a<tr><td>b</table>", "table(caption('a') tr(td('b')))");
  tree_is("<table><table><tr><td>a</table>", "table table(tr(td('a')))");
}

static void crossed_tags_lose_nothing(void **state) {
  (void)state;
  tree_is("<b><p>a</b>b</p>c", "b(p('a' 'b') 'c')");
  tree_is("<i><b>a</i>b</b>c", "i(b('a')) 'b' 'c'");
  tree_is("<a href=1><div>a</a>b</div>c", "a(div('a' 'b') 'c')");
  uint32_t a = 1;
  assert_true(clean_dom_is(&dom, a, CLEAN_T_A) && (dom.nodes[a].flags & CLEAN_NF_CROSSED));
  assert_true(clean_dom_inside(&dom, 3, a));  /* 'a' */
  assert_false(clean_dom_inside(&dom, 4, a)); /* 'b' stands behind </a> */
  assert_int_equal(weights.w[0].link_chars, 1);
  tree_is("<form><div>a</form>b</div>c", "form(div('a' 'b') 'c')");
  tree_is("</div></b></foo>a", "'a'");
  tree_is("<div><span>a</div>b</span>c", "div(span('a')) 'b' 'c'");
}

static void head_and_body_are_found(void **state) {
  (void)state;
  tree_is("<!doctype html><html><head><title>a</title><meta x></head><body>b</body></html>c",
          "html(head(title(='a') meta) body('b' 'c'))");
  tree_is("<html><head><title>a</title><div>b</div><p>c", "html(head(title(='a')) div('b') p('c'))");
  tree_is("<head><link>text", "head(link) 'text'");
  tree_is("<html><body><html><body class=x>a<head>b", "html(body('a' 'b'))");
  tree_is("<head><noscript><img></noscript></head><p>a", "head(noscript) img p('a')");
}

static void text_and_markup_are_told_apart(void **state) {
  (void)state;
  tree_is("a < b <3 <> </> <!x> <?php ?> c&d", "'a < b <3 <>' 'c&d'");
  tree_is("a<!--b-->c<!-->d<!--->e<!--f--!>g<!--h", "'a' !'b' 'c' !'' 'd' !'' 'e' !'f' 'g' !'h'");
  tree_is("<script>if (a<b) '<p>'</scrip></script>x", "script(='if (a<b) '<p>'</scrip>') 'x'");
  tree_is("<script><!-- <script> </script> --></script>x", "script(='<!-- <script> </script> -->') 'x'");
  tree_is("<script><!-- a </script>x", "script(='<!-- a ') 'x'");
  tree_is("<script><!-- <script> a </script>x", "script(='<!-- <script> a ') 'x'"); /* the page is not given up */
  tree_is("<style>a>b{}</STYLE >x", "style(='a>b{}') 'x'");
  tree_is("<title>a<b>&amp;</title>x", "title(='a<b>&amp;') 'x'");
  tree_is("<textarea><p></textarea>x", "textarea(='<p>') 'x'");
  tree_is("<svg><title>a</title><path/><g/><![CDATA[x<y]]></svg>z", "svg(title('a') path g ='x<y') 'z'");
  tree_is("<svg><g><div>a</div>b", "svg(g) div('a') 'b'");
  tree_is("<p>a<a href='x", "p('a')"); /* a tag without end is no tag */
  tree_is("<p a='>' b=\"<i>\" c=d>x", "p('x')");
  tree_is("<template><p>a</template><noscript><p>b</p></noscript><p>c", "template(p('a')) noscript(p('b')) p('c')");
  assert_int_equal(weights.n_blocks, 2);
  assert_true(weights.blocks[0].state & CLEAN_WS_HIDDEN);
}

static void attributes_in_every_writing(void **state) {
  (void)state;
  static const char page[] =
      "<a HREF = 'x&amp;y&notit=1&lt' class=\"b\n c\" ID=q/ hidden data-x=1 href=second =odd \"junk>t</a>";
  char v[64], small[6];
  read_page(page, sizeof page - 1);
  assert_int_equal(clean_dom_value(&dom, 1, CLEAN_A_HREF, v, sizeof v), 12);
  assert_string_equal(v, "x&y&notit=1<");
  assert_string_equal((clean_dom_value(&dom, 1, CLEAN_A_CLASS, v, sizeof v), v), "b\n c");
  assert_string_equal((clean_dom_value(&dom, 1, CLEAN_A_ID, v, sizeof v), v), "q/");
  assert_non_null(clean_dom_attr(&dom, 1, CLEAN_A_HIDDEN));
  assert_null(clean_dom_attr(&dom, 1, CLEAN_A_SRC));
  assert_true(clean_dom_value_is(&dom, 1, CLEAN_A_ID, "Q/"));
  assert_int_equal(clean_dom_value(&dom, 1, CLEAN_A_SRC, v, sizeof v), 0);
  assert_int_equal(clean_dom_value(&dom, 1, CLEAN_A_HREF, small, sizeof small), 5);
  assert_string_equal(small, "x&y&n");
  read_page("<p id='\xE1\xBB\x87\xE1\xBB\x87'>", 16);
  assert_int_equal(clean_dom_value(&dom, 1, CLEAN_A_ID, small, 5), 3); /* never half a character */
}

static void references_in_every_writing(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {"&amp;&AMP;&amp;amp;", "&&&amp;"},
      {"&eacute;&Eacute &eacutex", "éÉ éx"},
      {"&notit; &notin; &not", "¬it; ∉ ¬"},
      {"&#233;&#xe9;&#XE9 &#233x", "éééx"},
      {"&#150;&#x80;&#0;&#xD800;&#x110000;&#99999999999;", "–€\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"&; &# &#x; &nosuch; &", "&; &# &#x; &nosuch; &"},
      {"&NotEqualTilde;&nbsp;x", "≂̸ x"},
      {"&CounterClockwiseContourIntegral;", "∳"},
      {"1&lt2&gt;3", "1<2>3"},
  };
  char v[128];
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    read_page(cases[k][0], strlen(cases[k][0]));
    clean_dom_flat(&dom, 0, v, sizeof v);
    if (k == 3) assert_string_equal(v, "ééé éx");
    if (k != 3 && strcmp(v, cases[k][1]) != 0) fail_msg("%s gave '%s', not '%s'", cases[k][0], v, cases[k][1]);
  }
}

/* Text leads back to its bytes, references as one unit. */
static void text_knows_its_place(void **state) {
  (void)state;
  static const char page[] = "<p>g&#7841;o \0 &amp; t</p>";
  clean_buf out;
  uint64_t start, end;
  read_page(page, sizeof page - 1);
  clean_view in = {page, sizeof page - 1, NULL, 0, 0, 100}, v;
  clean_buf_init(&out, &heap);
  clean_dom_text(&in, dom.nodes[2].start, dom.nodes[2].end, &out);
  assert_int_equal(out.n, 13);
  assert_memory_equal(out.s, "gạo \xEF\xBF\xBD & t", 13);
  v = clean_buf_view(&out);
  assert_true(clean_source(&v, 1, 3, &start, &end));
  assert_int_equal(start, 104);
  assert_int_equal(end, 111);
  assert_true(clean_source(&v, out.n - 1, 1, &start, &end));
  assert_int_equal(start, 100 + sizeof page - 1 - 5);
  clean_buf_done(&out);
}

/* Pages that hold up other parsers: nothing is lost but attributes, and the tree stays as small as the page. */
static void hostile_pages(void **state) {
  (void)state;
  static const char *const runs[] = {"<",
                                     "&",
                                     "<!--",
                                     "<a ",
                                     "&amp;",
                                     "</p>",
                                     "<p>x",
                                     "]]>",
                                     "<b",
                                     "&#x",
                                     "<table><td>",
                                     "<b><p>",
                                     "<script><!--<script></script>",
                                     "<b><i></b>",
                                     "</div>",
                                     "<div></b>",
                                     "<a><div></a>",
                                     "<svg>",
                                     "<table><tr><td><b>",
                                     "<li>",
                                     "<!-- -- ",
                                     "<title>",
                                     "<form><div>",
                                     "<dd><table>",
                                     "<select><option>",
                                     "<foo><bar>",
                                     "</foo>",
                                     "<template>",
                                     "<h1><p>",
                                     "<button>",
                                     "<a href='",
                                     "\"",
                                     "<x a=",
                                     "<![CDATA[",
                                     "<p></br>",
                                     "&CounterClockwise"};
  size_t cap = (size_t)1 << 20;
  char *s = malloc(cap + 64);
  for (size_t k = 0; k < sizeof runs / sizeof *runs; k++) {
    size_t m = strlen(runs[k]), n = 0;
    for (; n + m < cap; n += m) memcpy(s + n, runs[k], m);
    memcpy(s + n, "tail", 4);
    read_page(s, n + 4);
  }
  free(s);
}

static void limits_cut_and_count(void **state) {
  (void)state;
  size_t cap = (size_t)4 << 20, n = 0;
  char *s = malloc(cap), text[64];
  for (int i = 0; i < 200000; i++) n += (size_t)sprintf(s + n, "<div>");
  n += (size_t)sprintf(s + n, "deep");
  for (int i = 0; i < 200000; i++) n += (size_t)sprintf(s + n, "</div>");
  n += (size_t)sprintf(s + n, "<p>behind");
  read_page(s, n);
  assert_int_equal(dom.cut_depth, 200000 - (CLEAN_DOM_DEPTH - 1));
  clean_dom_flat(&dom, 0, text, sizeof text);
  assert_string_equal(text, "deep behind");
  assert_int_equal(dom.nodes[dom.n_nodes - 2].depth,
                   1); /* the end tags of the elements that were cut close nothing else */
  n = (size_t)sprintf(s, "<p ");
  for (int i = 0; i < 60000; i++) n += (size_t)sprintf(s + n, "a%d=1 ", i);
  n += (size_t)sprintf(s + n, ">x<p class=y>");
  read_page(s, n);
  assert_int_equal(dom.cut_attrs, 60000 - CLEAN_DOM_ATTRS);
  assert_non_null(clean_dom_attr(&dom, 3, CLEAN_A_CLASS));
  assert_int_equal(clean_dom_parse(&dom, "<p><p><p>", 9, 3), SL_ELIMIT);
  assert_int_equal(dom.n_nodes, 0);
  free(s);
}

static void figures_of_blocks(void **state) {
  (void)state;
  static const char page[] =
      "<div class='detail-content'><h2>Một đề mục</h2><p>Câu một, câu hai. <a href=1>Liên "
      "kết</a></p>nối<br>tiếp<br><br>khối mới"
      "<ul><li>mục<li hidden>ẩn</ul><table><tr><td>a<td>b<tr><td>c<td>1,5</table><script>x</script></div>";
  static const struct {
    unsigned type, chars, links, words, state;
  } want[] = {{CLEAN_B_HEADING, 8, 0, 3, 0}, {CLEAN_B_PARA, 21, 7, 6, 0}, {CLEAN_B_PARA, 7, 0, 2, 0},
              {CLEAN_B_PARA, 7, 0, 2, 0},    {CLEAN_B_ITEM, 3, 0, 1, 0},  {CLEAN_B_ITEM, 2, 0, 1, 2},
              {CLEAN_B_ROW, 2, 0, 2, 0},     {CLEAN_B_ROW, 4, 0, 3, 0}};
  read_page(page, sizeof page - 1);
  assert_int_equal(weights.n_blocks, sizeof want / sizeof *want);
  for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
    const clean_block *b = &weights.blocks[i];
    if (b->type != want[i].type || b->chars != want[i].chars || b->link_chars != want[i].links ||
        b->words != want[i].words || (b->state != 0) != (want[i].state != 0)) {
      fail_msg("block %zu: type %u, %u characters, %u in links, %u words, state %u", i, b->type, b->chars,
               b->link_chars, b->words, b->state);
    }
  }
  assert_true(weights.w[1].marks & CLEAN_W_CONTENT);
  assert_int_equal(weights.w[1].commas, 2);
  clean_buf out;
  clean_view in = {page, sizeof page - 1, NULL, 0, 0, 0};
  clean_buf_init(&out, &heap);
  clean_block_text(&dom, &weights, &weights.blocks[2], 0, &in, &out);
  assert_int_equal(out.n, strlen("nối\ntiếp"));
  assert_memory_equal(out.s, "nối\ntiếp", out.n);
  out.n = 0;
  clean_block_text(&dom, &weights, &weights.blocks[7], 0, &in, &out);
  assert_memory_equal(out.s, "c | 1,5", out.n);
  clean_buf_done(&out);
}

static void memory_runs_out_anywhere(void **state) {
  (void)state;
  static const char page[] = "<p class=a>x<table><tr><td>y<td>z</table><ul><li>1<li>2<li>3";
  size_t big = 20000, n = 0;
  char *s = malloc(big + sizeof page);
  while (n < big) n += (size_t)sprintf(s + n, "%s", page);
  for (uint64_t nth = 1;; nth++) {
    clean_dom d;
    clean_weights w;
    until = 0;
    clean_dom_init(&d, &heap);
    clean_weights_init(&w, &heap);
    until = nth;
    int rc = clean_dom_parse(&d, s, n, 0);
    if (rc == 0) rc = clean_weigh(&w, &d);
    until = 0;
    clean_dom_done(&d);
    clean_weights_done(&w);
    if (rc == 0) {
      assert_true(nth > 10);
      break;
    }
    assert_int_equal(rc, SL_ENOMEM);
  }
  free(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(elements_close_each_other),
      cmocka_unit_test(tables_keep_their_parts),
      cmocka_unit_test(crossed_tags_lose_nothing),
      cmocka_unit_test(head_and_body_are_found),
      cmocka_unit_test(text_and_markup_are_told_apart),
      cmocka_unit_test(attributes_in_every_writing),
      cmocka_unit_test(references_in_every_writing),
      cmocka_unit_test(text_knows_its_place),
      cmocka_unit_test(hostile_pages),
      cmocka_unit_test(limits_cut_and_count),
      cmocka_unit_test(figures_of_blocks),
      cmocka_unit_test(memory_runs_out_anywhere),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
