/* SPDX-License-Identifier: Apache-2.0 */
/* From a payload to an article: see article.h. */
#include "article.h"

#include "normal.h"

#define KEEP_BYTES ((size_t)4 << 20) /* work space that is not given back after a document */
#define BADS_MAX 64                  /* places of invalid bytes that are listed */

void clean_work_init(clean_work *w, const clean_mem *mem) {
  memset(w, 0, sizeof *w);
  w->mem = w->lines.mem = mem;
  clean_buf_init(&w->decoded, mem);
  clean_buf_init(&w->normal, mem);
  clean_buf_init(&w->out, mem);
  clean_page_init(&w->page, mem);
}

void clean_work_done(clean_work *w) {
  clean_buf_done(&w->decoded);
  clean_buf_done(&w->normal);
  clean_buf_done(&w->out);
  clean_page_done(&w->page);
  w->mem->free(w->lines.items);
  w->mem->free(w->removed);
  w->mem->free(w->bads.items);
  clean_work_init(w, w->mem);
}

static void reset(clean_work *w) {
  clean_buf_clear(&w->decoded, KEEP_BYTES);
  clean_buf_clear(&w->normal, KEEP_BYTES);
  clean_buf_clear(&w->out, KEEP_BYTES);
  clean_page_clear(&w->page, KEEP_BYTES);
  w->n_removed = 0;
  w->bads.n = 0;
  w->title_start = w->title_end = w->lead_start = w->lead_end = 0;
  w->has_when = w->when_of_page = 0;
}

static int add_removed(clean_work *w, clean_view *v, size_t start, size_t end, uint8_t kind) {
  void *p = w->removed;
  while (start < end && v->s[start] == ' ') start++;
  while (end > start && v->s[end - 1] == ' ') end--;
  if (start == end) return SL_OK;
  if (clean_grow(w->mem, &p, &w->cap_removed, w->n_removed, w->n_removed + 1, sizeof(clean_removed))) return SL_ENOMEM;
  w->removed = p;
  clean_removed *r = &w->removed[w->n_removed++];
  *r = (clean_removed){.text = v->s + start, .n = end - start, .kind = kind};
  if (!clean_source(v, start, end - start, &r->start, &r->end)) r->start = r->end = 0;
  return SL_OK;
}

/* Writes the lines that stay, one paragraph each, and lists the others. */
static int assemble(clean_work *w, const clean_options *opt) {
  clean_view v = clean_buf_view(&w->normal), listed = v;
  clean_lines *ls = &w->lines;
  for (size_t i = 0; i < ls->n; i++) {
    const clean_line *l = &ls->items[i];
    if (l->mid > l->begin && add_removed(w, &listed, l->begin, l->mid, CLEAN_K_DATE)) return SL_ENOMEM;
    if (l->start > l->mid && add_removed(w, &listed, l->mid, l->start, CLEAN_K_PREFIX)) return SL_ENOMEM;
    if (l->kind == CLEAN_K_BLANK || l->start == l->end) continue;
    if (l->kind >= CLEAN_K_DATE) {
      if (add_removed(w, &listed, l->start, l->end, l->kind)) return SL_ENOMEM;
      continue;
    }
    if (w->out.n > 0 && opt->blank_line) clean_insert(&w->out, "\n", 1);
    size_t from = w->out.n;
    clean_copy(&w->out, &v, l->start, l->end - l->start);
    if (i == ls->title) w->title_start = from, w->title_end = w->out.n;
    if (i == ls->lead) w->lead_start = from, w->lead_end = w->out.n;
    if (l->end < v.n) {
      clean_copy(&w->out, &v, l->end, 1);
    } else {
      clean_insert(&w->out, "\n", 1);
    }
  }
  return w->out.oom ? SL_ENOMEM : SL_OK;
}

/* Encoding and page: a view of UTF-8 whose lines are the document's. */
static int to_text(clean_work *w, const clean_input *in, const clean_options *opt, clean_view *ret, clean_why *why) {
  const char *s = in->s, *media_type = in->media_type;
  size_t n = in->n;
  clean_charset cs;
  int html = opt->format == CLEAN_FORMAT_HTML || (opt->format == CLEAN_FORMAT_AUTO && clean_is_html(s, n, media_type));
  int rc = clean_detect(s, n, media_type, opt->charset, html, &cs, why);
  if (rc) return rc;
  memcpy(w->charset, cs.name, sizeof w->charset);
  if (opt->replace && !w->bads.items) {
    w->bads.items = w->mem->alloc(BADS_MAX * sizeof(clean_bad));
    w->bads.cap = w->bads.items ? BADS_MAX : 0;
  }
  rc = clean_decode(s, n, &cs, &w->decoded, opt->replace ? &w->bads : NULL, ret, why);
  if (rc || w->decoded.oom) return rc ? rc : SL_ENOMEM;
  /* Only now can a page in UTF-16 be seen as one. */
  html = html || (opt->format == CLEAN_FORMAT_AUTO && clean_is_html(ret->s, ret->n, media_type));
  w->is_html = html;
  if (!html) return SL_OK;
  clean_page_options page = {in->url, opt->max_nodes, opt->sites, opt->n_sites};
  rc = clean_html(ret, &page, &w->page, why);
  if (rc == SL_OK) *ret = clean_buf_view(&w->page.text);
  return rc;
}

static int list_bads(clean_work *w) {
  size_t n = w->bads.n < w->bads.cap ? w->bads.n : w->bads.cap;
  for (size_t i = 0; i < n; i++) {
    void *p = w->removed;
    if (clean_grow(w->mem, &p, &w->cap_removed, w->n_removed, w->n_removed + 1, sizeof(clean_removed)))
      return SL_ENOMEM;
    w->removed = p;
    const clean_bad *b = &w->bads.items[i];
    w->removed[w->n_removed++] = (clean_removed){"\xEF\xBF\xBD", 3, b->start, b->start + b->len, CLEAN_K_INVALID};
  }
  return SL_OK;
}

int clean_article(clean_work *w, const clean_input *in, const clean_lexicon *lex, const clean_options *opt,
                  clean_why *why) {
  clean_view text = {in->s, in->n, NULL, 0, 0, 0};
  memcpy(w->charset, "UTF-8", 6);
  w->is_html = 0;
  reset(w);
  int rc = in->utf8 ? SL_OK : to_text(w, in, opt, &text, why);
  if (rc == SL_ENOMEM) return clean_refuse(why, rc, NULL, NULL, "memory is out");
  if (rc) return rc;
  clean_normal(&text, &w->normal);
  if (w->normal.oom ||
      clean_lines_cut(&w->lines, w->normal.s, w->normal.n, w->page.hints, w->is_html ? w->page.n_lines : 0) ||
      clean_lines_classify(&w->lines, w->normal.s, lex, &opt->rules) || list_bads(w) || assemble(w, opt)) {
    return clean_refuse(why, SL_ENOMEM, NULL, NULL, "memory is out");
  }
  const clean_when *when = w->is_html && w->page.meta.has_published ? &w->page.meta.published : NULL;
  int better = w->lines.has_when && (!when || (when->hour < 0 && w->lines.when.hour >= 0));
  w->has_when = when || w->lines.has_when;
  w->when_of_page = when && !better;
  if (w->has_when) w->when = better ? w->lines.when : *when;
  return SL_OK;
}
