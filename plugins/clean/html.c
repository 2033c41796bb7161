/* SPDX-License-Identifier: Apache-2.0 */
/* From a page to lines of text: see html.h. */
#include "html.h"

#include <libxml/HTMLparser.h>
#include <stdio.h>
#include <strings.h>

#define DEPTH_MAX 512 /* nested tags; the parser's own limit of 256 would lose the rest of the page in silence */
#define DEPTH_PLAIN 200
#define ATTRS_MAX 256 /* of one tag: the parser compares each with each */

void clean_page_init(clean_page *page, const clean_mem *mem) {
  memset(page, 0, sizeof *page);
  clean_buf_init(&page->text, mem);
}

void clean_page_done(clean_page *page) {
  page->text.mem->free(page->hints);
  clean_buf_done(&page->text);
}

/* Behind white space, comments and an XML declaration at the start of a page. */
static size_t behind_prolog(const char *s, size_t n) {
  size_t i = n >= 3 && memcmp(s, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
  for (;;) {
    while (i < n && (s[i] == ' ' || s[i] == '\n' || s[i] == '\r' || s[i] == '\t')) i++;
    int comment = n - i >= 7 && memcmp(s + i, "<!--", 4) == 0, xml = n - i >= 5 && memcmp(s + i, "<?xml", 5) == 0;
    if (!comment && !xml) return i;
    const char *end = memmem(s + i + 4, n - i - 4, comment ? "-->" : ">", comment ? 3 : 1);
    if (!end) return n;
    i = (size_t)(end - s) + (comment ? 3 : 1);
  }
}

int clean_is_html(const char *s, size_t n, const char *media_type) {
  static const char *const types[] = {"text/html", "application/xhtml"};
  static const char *const starts[] = {"<!doctype html", "<html", "<head",    "<body", "<meta",
                                       "<title",         "<link", "<article", "<div",  "<p>"};
  for (size_t k = 0; media_type && k < sizeof types / sizeof *types; k++) {
    if (strncasecmp(media_type, types[k], strlen(types[k])) == 0) return 1;
  }
  size_t head = n < 4096 ? n : 4096, i = behind_prolog(s, head);
  for (size_t k = 0; k < sizeof starts / sizeof *starts; k++) {
    size_t m = strlen(starts[k]);
    if (n - i >= m && strncasecmp(s + i, starts[k], m) == 0) return 1;
  }
  return 0;
}

/* ---- guard
 * ------------------------------------------------------------------------------------------------------------ */

static int name_at(const char *s, size_t n, const char *name) {
  size_t m = strlen(name);
  return n > m && strncasecmp(s, name, m) == 0 &&
         (s[m] == ' ' || s[m] == '>' || s[m] == '/' || s[m] == '\n' || s[m] == '\t' || s[m] == '\r');
}

/* Tags that have no end tag, or whose end tag is commonly left out. */
static int shallow(const char *s, size_t n) {
  static const char *const names[] = {"br",   "img",  "meta",   "link",   "input", "hr",       "p",      "li",
                                      "td",   "tr",   "th",     "option", "dt",    "dd",       "source", "col",
                                      "area", "base", "embed",  "param",  "track", "wbr",      "tbody",  "thead",
                                      "path", "use",  "circle", "rect",   "svg",   "colgroup", "frame"};
  for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
    if (name_at(s, n, names[k])) return 1;
  }
  return 0;
}

static int ends_attr(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '/' || c == '"' || c == '\'';
}

/* End of the tag at s[i] == '<', and how many attributes it has. */
static size_t tag_end(const char *s, size_t n, size_t i, size_t *ret_attrs) {
  size_t attrs = 0;
  char quote = 0;
  for (i++; i < n; i++) {
    if (quote) {
      if (s[i] == quote) quote = 0;
    } else if (s[i] == '>') {
      break;
    } else if ((s[i] == '"' || s[i] == '\'') && s[i - 1] == '=') {
      quote = s[i];
    } else if (s[i] > ' ' && s[i] != '/' && ends_attr(s[i - 1])) {
      attrs++;
    }
  }
  *ret_attrs = attrs;
  return i;
}

typedef struct measure {
  size_t depth, deepest;
  uint64_t work; /* what the parser spends on attributes */
  size_t attrs;  /* of the last tag */
} measure;

/* Counts in the tag or other markup at s[i] == '<'. Returns its last byte. */
static size_t measure_tag(measure *m, const char *s, size_t n, size_t i) {
  char c = s[i + 1];
  const char *name = s + i + 1;
  if (c == '!' || c == '?' || name_at(name, n - i - 1, "script") || name_at(name, n - i - 1, "style")) {
    size_t end = clean_skip_markup(s, n, i);
    return end > i ? end - 1 : i;
  }
  if (c == '/') {
    if (m->depth > 0 && !shallow(s + i + 2, n - i - 2)) m->depth--;
    return i + 1;
  }
  if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))) return i;
  size_t end = tag_end(s, n, i, &m->attrs);
  if (!shallow(name, n - i - 1) && s[end - 1] != '/') m->depth++;
  if (m->depth > m->deepest) m->deepest = m->depth;
  m->work += m->attrs * m->attrs;
  return end > i + 1 ? end - 1 : i;
}

/* Refuses what the parser would need more than linear time for. Also says how deep the page goes. */
static int guard(const char *s, size_t n, size_t *ret_depth, clean_why *why) {
  measure m = {0};
  for (size_t i = 0; i + 1 < n; i++) {
    const char *lt = memchr(s + i, '<', n - i);
    if (!lt || (size_t)(lt - s) + 1 >= n) break;
    size_t at = (size_t)(lt - s);
    m.attrs = 0;
    i = measure_tag(&m, s, n, at);
    if (m.attrs <= ATTRS_MAX && m.deepest <= DEPTH_MAX && m.work <= (uint64_t)n * 8 + 1000000) continue;
    char detail[96];
    snprintf(detail, sizeof detail, "at byte %zu: depth %zu, %zu attributes in the tag", at, m.depth, m.attrs);
    return clean_refuse(why, SL_ELIMIT, detail, "such pages are broken or hostile; convert the page to text first",
                        "expected at most %d nested tags and %d attributes in a tag", DEPTH_MAX, ATTRS_MAX);
  }
  *ret_depth = m.deepest;
  return SL_OK;
}

/* ---- walk
 * ------------------------------------------------------------------------------------------------------------- */

typedef struct walk {
  clean_tree *t;
  clean_page *page;
  clean_align al;
  clean_buf part[3]; /* title, lead, body */
  uint8_t *hints;    /* of the lines of the body */
  size_t n_hints, cap_hints;
  size_t line;  /* where the body's last line starts */
  uint8_t hint; /* of that line */
  int oom;
} walk;

#define PART_TITLE 0
#define PART_LEAD 1
#define PART_BODY 2
#define HINT_SKIP 255

static int blank(const char *s, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (s[i] != ' ' && s[i] != '\n') return 0;
  }
  return 1;
}

static int blank_from(const clean_buf *b, size_t from) { return b->n <= from || blank(b->s + from, b->n - from); }

static void push_hint(const clean_mem *mem, uint8_t **hints, size_t *n, size_t *cap, uint8_t hint, int *oom) {
  void *p = *hints;
  if (clean_grow(mem, &p, cap, *n, *n + 1, 1)) {
    *oom = 1;
    return;
  }
  *hints = p;
  (*hints)[(*n)++] = hint;
}

static void end_line(walk *w) {
  clean_buf *b = &w->part[PART_BODY];
  if (b->oom) return;
  if (blank_from(b, w->line)) {
    while (b->n_runs && b->runs[b->n_runs - 1].text >= w->line) b->n_runs--;
    b->n = w->line;
    return;
  }
  clean_insert(b, "\n", 1);
  push_hint(b->mem, &w->hints, &w->n_hints, &w->cap_hints, w->hint, &w->oom);
  w->line = b->n;
}

static uint32_t index_of(const xmlNode *node) { return (uint32_t)(uintptr_t)node->_private; }

static int inside(const clean_tree *t, uint32_t i, uint32_t root) {
  return root != UINT32_MAX && i >= root && i <= t->el[root].last;
}

static void take_text(walk *w, const xmlNode *node) {
  const char *s = (const char *)node->content;
  size_t n = s ? strlen(s) : 0;
  uint32_t i = index_of(node->parent);
  clean_buf *out = NULL;
  if (inside(w->t, i, w->t->title)) {
    out = &w->part[PART_TITLE];
  } else if (inside(w->t, i, w->t->lead) && clean_el_hint(w->t, i) != CLEAN_K_PREFIX) {
    out = &w->part[PART_LEAD];
  } else if (inside(w->t, i, w->t->body) || inside(w->t, i, w->t->lead)) {
    uint8_t hint = clean_el_hint(w->t, i);
    clean_buf *body = &w->part[PART_BODY];
    if (hint != HINT_SKIP) out = body;
    if (out && hint != w->hint) {
      if (!blank_from(body, w->line)) end_line(w);
      w->hint = hint;
    }
  }
  clean_align_text(&w->al, s, n, out);
}

static void enter(walk *w, const xmlNode *node) {
  uint32_t i = index_of(node);
  if (!inside(w->t, i, w->t->body) && !inside(w->t, i, w->t->lead)) return;
  if ((w->t->el[i].flags & CLEAN_H_BLOCK) || xmlStrcmp(node->name, (const xmlChar *)"br") == 0) end_line(w);
  if (node->name[0] == 't' && (node->name[1] == 'd' || node->name[1] == 'h') && !node->name[2])
    clean_insert(&w->part[PART_BODY], " ", 1);
}

static void leave(walk *w, const xmlNode *node) {
  uint32_t i = index_of(node);
  if ((w->t->el[i].flags & CLEAN_H_BLOCK) && inside(w->t, i, w->t->body)) end_line(w);
  if (i == w->t->lead || i == w->t->body) end_line(w);
}

static int raw_text(const xmlNode *e) {
  return xmlStrcasecmp(e->name, (const xmlChar *)"script") == 0 ||
         xmlStrcasecmp(e->name, (const xmlChar *)"style") == 0;
}

/* All nodes in the order of the page, without recursion. */
static void walk_tree(walk *w, xmlNode *root) {
  xmlNode *node = root;
  while (node && !w->oom && !w->part[PART_BODY].oom) {
    int down = node->type == XML_ELEMENT_NODE;
    if (down) enter(w, node);
    if (node->type == XML_TEXT_NODE && node->parent && node->parent->type == XML_ELEMENT_NODE) take_text(w, node);
    if (down && node->children && !raw_text(node)) {
      node = node->children;
      continue;
    }
    if (down) leave(w, node);
    while (node && node != root && !node->next) {
      node = node->parent;
      if (node && node->type == XML_ELEMENT_NODE) leave(w, node);
    }
    if (!node || node == root) break;
    node = node->next;
  }
}

/* Title, lead and body one behind the other. */
static void join_parts(walk *w) {
  clean_page *page = w->page;
  clean_buf *out = &page->text;
  for (int k = 0; k <= PART_LEAD; k++) {
    clean_view v = clean_buf_view(&w->part[k]);
    if (blank(v.s, v.n)) continue;
    clean_copy(out, &v, 0, v.n);
    clean_insert(out, "\n", 1);
    push_hint(out->mem, &page->hints, &page->n_hints, &page->cap_hints, k == PART_TITLE ? CLEAN_K_TITLE : CLEAN_K_LEAD,
              &w->oom);
  }
  clean_view body = clean_buf_view(&w->part[PART_BODY]);
  clean_copy(out, &body, 0, body.n);
  for (size_t i = 0; i < w->n_hints; i++) {
    push_hint(out->mem, &page->hints, &page->n_hints, &page->cap_hints, w->hints[i], &w->oom);
  }
}

/* A title that stands only in the head: og:title, or <title> without the site's name. */
static void title_from_head(walk *w) {
  const clean_tree *t = w->t;
  const char *s = t->og_title ? t->og_title : t->title_text ? (const char *)t->title_text->content : NULL;
  if (!s || t->title != UINT32_MAX) return;
  size_t n = strlen(s);
  if (!t->og_title) {
    static const char *const cuts[] = {" - ", " | ", " – ", " — ", " » ", " :: "};
    size_t best = n;
    for (size_t k = 0; k < sizeof cuts / sizeof *cuts; k++) {
      const char *p = strstr(s + (n > 20 ? 20 : n), cuts[k]), *last = NULL;
      for (; p; p = strstr(p + 1, cuts[k])) last = p;
      if (last && (size_t)(last - s) < best) best = (size_t)(last - s);
    }
    n = best;
  }
  size_t from = w->part[PART_TITLE].n;
  clean_insert(&w->part[PART_TITLE], s, n);
  for (size_t i = from; i < w->part[PART_TITLE].n; i++) {
    if (w->part[PART_TITLE].s[i] == '\n' || w->part[PART_TITLE].s[i] == '\r') w->part[PART_TITLE].s[i] = ' ';
  }
}

static int read_tree(clean_view *in, clean_page *page, xmlDoc *doc, clean_why *why) {
  const clean_mem *mem = page->text.mem;
  clean_tree t = {.mem = mem};
  walk w = {.t = &t, .page = page, .al = {in, 0, (uint64_t)in->n * 4 + 1000000}};
  for (int k = 0; k < 3; k++) clean_buf_init(&w.part[k], mem);
  int rc = clean_tree_weigh(&t, doc, page);
  if (rc == SL_OK && t.n > 0) {
    walk_tree(&w, t.el[0].node);
    end_line(&w);
    title_from_head(&w);
    join_parts(&w);
  }
  if (w.oom || w.part[0].oom || w.part[1].oom || w.part[2].oom || page->text.oom) rc = SL_ENOMEM;
  for (int k = 0; k < 3; k++) clean_buf_done(&w.part[k]);
  mem->free(w.hints);
  mem->free(t.el);
  if (rc) clean_refuse(why, rc, NULL, NULL, "memory is out");
  return rc;
}

/* Control characters stop the parser: a copy of the page has spaces in their place. */
static int without_controls(clean_view *in, const clean_mem *mem, char **ret) {
  size_t i = 0;
  *ret = NULL;
  while (i < in->n && ((unsigned char)in->s[i] >= 0x20 || in->s[i] == '\n' || in->s[i] == '\r' || in->s[i] == '\t'))
    i++;
  if (i == in->n) return SL_OK;
  char *s = mem->alloc(in->n);
  if (!s) return SL_ENOMEM;
  for (i = 0; i < in->n; i++) {
    unsigned char c = (unsigned char)in->s[i];
    s[i] = c < 0x20 && c != '\n' && c != '\r' && c != '\t' ? ' ' : in->s[i];
  }
  *ret = s;
  return SL_OK;
}

int clean_html(clean_view *in, clean_page *page, clean_why *why) {
  size_t depth = 0;
  char *copy;
  if (in->n > INT32_MAX) {
    return clean_refuse(why, SL_ELIMIT, NULL, NULL, "expected a page below 2 GiB, found %zu bytes", in->n);
  }
  if (guard(in->s, in->n, &depth, why)) return why->code;
  if (without_controls(in, page->text.mem, &copy)) return clean_refuse(why, SL_ENOMEM, NULL, NULL, "memory is out");
  clean_view view = *in;
  if (copy) view.s = copy;
  int options = HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET | HTML_PARSE_COMPACT |
                HTML_PARSE_IGNORE_ENC;
  if (depth > DEPTH_PLAIN) options |= XML_PARSE_HUGE;
  xmlDoc *doc = view.n ? htmlReadMemory(view.s, (int)view.n, NULL, "UTF-8", options) : NULL;
  int rc = SL_OK;
  if (doc) {
    rc = read_tree(&view, page, doc, why);
    xmlFreeDoc(doc);
  } else if (view.n) {
    rc = clean_refuse(why, SL_EPARSE, NULL, NULL, "the page has no markup that a parser can read");
  }
  page->text.mem->free(copy);
  return rc;
}
