/* SPDX-License-Identifier: Apache-2.0 */
/* From a page to lines of text: see html.h. */
#include "html.h"

#include <string.h>
#include <strings.h>
#include <utf8proc.h>

void clean_page_init(clean_page *page, const clean_mem *mem) {
  memset(page, 0, sizeof *page);
  clean_buf_init(&page->text, mem);
  clean_dom_init(&page->dom, mem);
  clean_weights_init(&page->weights, mem);
  clean_pick_init(&page->pick, mem);
  clean_meta_init(&page->meta, mem);
}

void clean_page_done(clean_page *page) {
  const clean_mem *mem = page->text.mem;
  mem->free(page->hints);
  mem->free(page->types);
  clean_buf_done(&page->text);
  clean_dom_done(&page->dom);
  clean_weights_done(&page->weights);
  clean_pick_done(&page->pick);
  clean_meta_done(&page->meta);
  clean_page_init(page, mem);
}

void clean_page_clear(clean_page *page, size_t keep) {
  clean_buf_clear(&page->text, keep);
  clean_dom_clear(&page->dom, keep);
  clean_weights_clear(&page->weights, keep);
  clean_pick_clear(&page->pick, keep);
  page->n_lines = 0;
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

/* ---- lines ----------------------------------------------------------------------------------------------------------
 */

typedef struct writer {
  clean_page *page;
  clean_view *in;
  int oom;
} writer;

static int blank(const char *s, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (s[i] != ' ') return 0;
  }
  return 1;
}

static void add_line(writer *w, uint8_t hint, uint8_t type) {
  clean_page *page = w->page;
  void *hints = page->hints, *types = page->types;
  const clean_mem *mem = page->text.mem;
  if (clean_grow(mem, &hints, &page->cap_hints, page->n_lines, page->n_lines + 1, 1)) w->oom = 1;
  page->hints = hints;
  if (clean_grow(mem, &types, &page->cap_types, page->n_lines, page->n_lines + 1, 1)) w->oom = 1;
  page->types = types;
  if (w->oom) return;
  page->hints[page->n_lines] = hint;
  page->types[page->n_lines++] = type;
}

/* Takes back what stands behind byte n. */
static void cut_text(clean_buf *b, size_t n) {
  while (b->n_runs && b->runs[b->n_runs - 1].text >= n) b->n_runs--;
  if (b->n_runs) {
    sl_span *last = &b->runs[b->n_runs - 1];
    uint64_t over = last->text + last->text_len > n ? last->text + last->text_len - n : 0;
    if (over && last->text_len == last->src_len) last->src_len -= over;
    last->text_len -= over;
  }
  b->n = n;
}

/* Ends the lines that were appended from byte `from` on; those without text go. */
static void end_lines(writer *w, size_t from, uint8_t hint, uint8_t type) {
  clean_buf *b = &w->page->text;
  if (b->oom || b->n == from) return;
  if (blank(b->s + from, b->n - from)) {
    cut_text(b, from);
    return;
  }
  clean_insert(b, "\n", 1);
  for (size_t i = from; !b->oom && !w->oom && i < b->n; i++) {
    if (b->s[i] == '\n') add_line(w, hint, type);
  }
}

static void join_lines(clean_buf *b, size_t from) {
  for (size_t i = from; !b->oom && i < b->n; i++) {
    if (b->s[i] == '\n') b->s[i] = ' ';
  }
}

/* All blocks of a kind as one line. */
static void write_joined(writer *w, uint8_t kind) {
  clean_page *page = w->page;
  size_t from = page->text.n;
  uint8_t type = CLEAN_B_PARA;
  for (size_t i = 0; i < page->weights.n_blocks; i++) {
    if (page->pick.kinds[i] != kind) continue;
    if (page->text.n > from) clean_insert(&page->text, " ", 1);
    clean_block_text(&page->dom, &page->weights, &page->weights.blocks[i], 0, w->in, &page->text);
    type = page->weights.blocks[i].type;
  }
  join_lines(&page->text, from);
  end_lines(w, from, kind, type);
}

static void write_title(writer *w) {
  clean_page *page = w->page;
  size_t from = page->text.n;
  const char *title = page->meta.text[CLEAN_M_TITLE];
  if (page->pick.title != CLEAN_DOM_NONE || !title) {
    write_joined(w, CLEAN_K_TITLE);
    return;
  }
  clean_insert(&page->text, title, strlen(title));
  join_lines(&page->text, from);
  end_lines(w, from, CLEAN_K_TITLE, CLEAN_B_HEADING);
}

static void write_body(writer *w) {
  clean_page *page = w->page;
  for (size_t i = 0; i < page->weights.n_blocks && !page->text.oom && !w->oom; i++) {
    uint8_t kind = page->pick.kinds[i];
    const clean_block *b = &page->weights.blocks[i];
    if (kind == CLEAN_K_OUT || kind == CLEAN_K_TITLE) continue;
    size_t from = page->text.n;
    if (b->state & CLEAN_WS_STAMP) {
      clean_block_text(&page->dom, &page->weights, b, CLEAN_WS_STAMP, w->in, &page->text);
      end_lines(w, from, CLEAN_K_PREFIX, b->type);
      from = page->text.n;
    }
    if (kind == CLEAN_K_LEAD) continue;
    clean_block_text(&page->dom, &page->weights, b, 0, w->in, &page->text);
    end_lines(w, from, kind, b->type);
  }
}

/* ---- the article as JSON-LD has it ---------------------------------------------------------------------------------
 */

#define WITNESS_MIN 250u /* characters of an article that is worth it */
#define TAG_MAX 1000u    /* bytes of a tag in it */
#define WITNESS_TIMES 4u /* how much more it must hold than what was found in the page */

static size_t count_chars(const char *s) {
  size_t n = 0;
  for (; *s; s++) n += (unsigned char)*s > ' ' && ((unsigned char)*s & 0xC0) != 0x80;
  return n;
}

/* Whether JSON-LD holds an article of which the page itself shows next to nothing: a page that a script fills in. */
static int witness_is_better(const clean_page *page) {
  const char *s = page->meta.article_body;
  size_t found = 0, said = s ? count_chars(s) : 0;
  if (said < WITNESS_MIN || page->pick.chosen) return 0;
  for (size_t i = 0; i < page->weights.n_blocks; i++) {
    if (page->pick.kinds[i] < CLEAN_K_DATE && page->pick.kinds[i] != CLEAN_K_TITLE)
      found += page->weights.blocks[i].chars;
  }
  return found * WITNESS_TIMES < said;
}

/* Behind the tag at s[i]; i if there is none. *ret_line: whether it ends a line. */
static size_t behind_tag(const char *s, size_t n, size_t i, int *ret_line) {
  const char *end = s[i] == '<' ? memchr(s + i, '>', n - i < TAG_MAX ? n - i : TAG_MAX) : NULL;
  if (!end) return i;
  size_t name = i + 1 + (s[i + 1] == '/'), m = name;
  while ((s[m] | 0x20) >= 'a' && (s[m] | 0x20) <= 'z') m++;
  if (s[m] >= '1' && s[m] <= '6') m++;
  unsigned tag = clean_tag_find(s + name, m - name);
  *ret_line = tag == CLEAN_T_BR || (clean_tag_flags[tag] & CLEAN_TF_BLOCK);
  return m == name ? i : (size_t)(end - s) + 1;
}

static void put_char(clean_buf *b, uint32_t c) {
  char out[4];
  if (c < ' ' || c == 0x85 || c == 0x2028 || c == 0x2029) c = ' ';
  clean_insert(b, out, (size_t)utf8proc_encode_char((utf8proc_int32_t)c, (utf8proc_uint8_t *)out));
}

/* Its text, line by line; tags are line ends where they are blocks. It comes from nowhere in the page. */
static void write_witness(writer *w) {
  clean_buf *b = &w->page->text;
  const char *s = w->page->meta.article_body;
  size_t n = strlen(s), from = b->n, i = 0;
  while (i < n && !b->oom && !w->oom) {
    int line = s[i] == '\n';
    size_t behind = behind_tag(s, n, i, &line);
    if (line) {
      end_lines(w, from, CLEAN_K_BODY, CLEAN_B_PARA);
      from = b->n;
    }
    if (behind > i || line) {
      i = behind > i ? behind : i + 1;
      continue;
    }
    uint32_t second;
    put_char(b, clean_dom_char(s, n, &i, 0, &second));
    if (second) put_char(b, second);
  }
  end_lines(w, from, CLEAN_K_BODY, CLEAN_B_PARA);
}

int clean_html(clean_view *in, const clean_page_options *opt, clean_page *page, clean_why *why) {
  writer w = {page, in, 0};
  int rc = clean_dom_parse(&page->dom, in->s, in->n, opt->max_nodes);
  if (rc == SL_ELIMIT && in->n >= UINT32_MAX - 1) {
    return clean_refuse(why, rc, NULL, NULL, "expected a page below 4 GiB, found %zu bytes", in->n);
  }
  if (rc == SL_ELIMIT) {
    return clean_refuse(why, rc, NULL, "raise max_nodes", "expected at most %zu tags and pieces of text in a page",
                        opt->max_nodes);
  }
  if (!rc) rc = clean_weigh(&page->weights, &page->dom);
  if (!rc) rc = clean_meta_read(&page->meta, &page->dom, opt->url);
  const clean_site *site = clean_site_find(opt->sites, opt->n_sites, opt->url);
  if (!rc) rc = clean_pick_blocks(&page->pick, &page->dom, &page->weights, &page->meta, site);
  if (!rc) {
    write_title(&w);
    write_joined(&w, CLEAN_K_LEAD);
    if (witness_is_better(page)) {
      write_witness(&w);
    } else {
      write_body(&w);
    }
    if (w.oom || page->text.oom) rc = SL_ENOMEM;
  }
  return rc ? clean_refuse(why, rc, NULL, NULL, "memory is out") : SL_OK;
}
