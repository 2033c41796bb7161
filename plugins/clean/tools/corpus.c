/* SPDX-License-Identifier: Apache-2.0 */
/* Pages with marked articles: see corpus.h. */
#include "corpus.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "vi_text.h"

#define FILE_MAX ((size_t)256 << 20)
#define NAMES_MIN 15  /* classes by which two pages are compared */
#define NAMES_SAME 35 /* per cent in common: one content system */

static const clean_mem heap = {malloc, free};
static const clean_options usual = {
    .charset = "auto", .format = CLEAN_FORMAT_HTML, .replace = 1, .rules = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}};

static void *need(void *p) {
  if (p) return p;
  fputs("memory is out\n", stderr);
  exit(1);
}

static char *read_all(const char *path, size_t *ret_n) {
  gzFile f = gzopen(path, "rb");
  size_t cap = 1 << 20, n = 0;
  if (!f) return NULL;
  char *s = need(malloc(cap + 1));
  for (;;) {
    if (n == cap) s = need(realloc(s, (cap *= 2) + 1));
    int got = gzread(f, s + n, (unsigned)(cap - n));
    if (got <= 0 || n > FILE_MAX) break;
    n += (size_t)got;
  }
  gzclose(f);
  s[n] = '\0';
  *ret_n = n;
  return s;
}

/* ---- tokens ---------------------------------------------------------------------------------------------------------
 */

static uint64_t mix(uint64_t h) {
  h ^= h >> 31;
  h *= 0x9E3779B97F4A7C15ull;
  return h ^ (h >> 29);
}

/* Words (letters, digits, underscores; case regarded) of a text as hashes; line ends as 0 when lines is set. */
static size_t tokens_of(const char *s, size_t n, int lines, uint64_t *ret) {
  size_t count = 0;
  uint64_t h = 0;
  for (size_t i = 0; i <= n;) {
    size_t at = i;
    uint32_t c = '\n';
    if (i < n) {
      c = vi_next(s, n, &i);
    } else {
      i++;
    }
    if ((vi_entry(c) & (VI_LETTER | VI_DIGIT)) || c == '_') {
      h = ((h ? h : 0xCBF29CE484222325ull) ^ c) * 0x100000001B3ull;
      continue;
    }
    if (h) ret[count++] = mix(h) | 1;
    h = 0;
    if (lines && (c == '\n' || at == n)) ret[count++] = 0;
  }
  return count;
}

static uint64_t hash_run(const uint64_t *t, size_t n) {
  uint64_t h = n;
  for (size_t k = 0; k < n; k++) h = mix(h * 31 + t[k]);
  return h;
}

static int by_value(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

/* Sorted hashes of the runs of t[0, n). */
static size_t runs_of(const uint64_t *t, size_t n, uint64_t *ret) {
  size_t size = n < CORPUS_RUN ? n : CORPUS_RUN, count = 0;
  for (size_t i = 0; n && i + size <= n; i++) ret[count++] = hash_run(t + i, size);
  qsort(ret, count, sizeof *ret, by_value);
  return count;
}

static int has(const uint64_t *sorted, size_t n, uint64_t x) {
  return n && bsearch(&x, sorted, n, sizeof x, by_value) != NULL;
}

corpus_score corpus_page_score(const corpus_page *p, const uint8_t *keep) {
  size_t all = p->first[p->n], n = 0, same = 0;
  uint64_t *t = need(malloc((all + 1) * 8)), *a = need(malloc((all + 1) * 8)), *b = need(malloc((p->n_gold + 1) * 8));
  for (size_t i = 0; i < p->n; i++) {
    if (!keep[i]) continue;
    memcpy(t + n, p->tokens + p->first[i], (p->first[i + 1] - p->first[i]) * 8);
    n += p->first[i + 1] - p->first[i];
  }
  size_t na = runs_of(t, n, a), nb = runs_of(p->gold, p->n_gold, b);
  for (size_t i = 0, k = 0; i < na && k < nb;) {
    if (a[i] == b[k]) {
      same++;
      i++;
      k++;
    } else if (a[i] < b[k]) {
      i++;
    } else {
      k++;
    }
  }
  corpus_score s = {na ? (double)same / (double)na : 0, nb ? (double)same / (double)nb : 1, 0};
  s.f1 = s.precision + s.recall > 0 ? 2 * s.precision * s.recall / (s.precision + s.recall) : 0;
  free(t);
  free(a);
  free(b);
  return s;
}

/* ---- labels ---------------------------------------------------------------------------------------------------------
 */

typedef struct gold {
  uint64_t *runs, *words, *lines; /* sorted */
  size_t n_runs, n_words, n_lines;
} gold;

static void read_gold(corpus_page *p, const char *text, gold *g) {
  size_t n = strlen(text);
  uint64_t *t = need(malloc((n * 2 + 4) * 8));
  size_t all = tokens_of(text, n, 1, t);
  p->gold = need(malloc((all + 1) * 8));
  g->lines = need(malloc((all + 1) * 8));
  g->n_lines = p->n_gold = 0;
  for (size_t i = 0, from = 0; i < all; i++) {
    if (t[i]) {
      p->gold[p->n_gold++] = t[i];
      continue;
    }
    if (i > from) g->lines[g->n_lines++] = hash_run(t + from, i - from);
    from = i + 1;
  }
  free(t);
  qsort(g->lines, g->n_lines, 8, by_value);
  g->runs = need(malloc((p->n_gold + 1) * 8));
  g->n_runs = runs_of(p->gold, p->n_gold, g->runs);
  g->words = need(malloc((p->n_gold + 1) * 8));
  memcpy(g->words, p->gold, p->n_gold * 8);
  g->n_words = p->n_gold;
  qsort(g->words, g->n_words, 8, by_value);
}

static uint8_t label_of(const corpus_page *p, size_t i, const gold *g) {
  const uint64_t *t = p->tokens + p->first[i];
  size_t n = p->first[i + 1] - p->first[i], found = 0;
  if (n == 0) return 0;
  if (has(g->lines, g->n_lines, hash_run(t, n))) return 1;
  if (n < CORPUS_RUN) {
    if (p->blocks[i].chars < 40) return 0;
    for (size_t k = 0; k < n; k++) found += (size_t)has(g->words, g->n_words, t[k]);
    return found * 2 > n;
  }
  for (size_t k = 0; k + CORPUS_RUN <= n; k++) found += (size_t)has(g->runs, g->n_runs, hash_run(t + k, CORPUS_RUN));
  return found * 2 > n - CORPUS_RUN + 1;
}

static double company(const corpus_page *p, size_t i) {
  double sum = 0;
  for (size_t k = i > 6 ? i - 6 : 0; k < p->n && k <= i + 6; k++) {
    if (k != i && p->label[k]) sum += p->words[k];
  }
  return sum;
}

/* Of blocks with the same text the one among the article's other blocks is meant. */
static void drop_copies(corpus_page *p) {
  for (size_t i = 0; i < p->n; i++) {
    size_t n = p->first[i + 1] - p->first[i];
    for (size_t k = i + 1; p->label[i] && k < p->n; k++) {
      if (!p->label[k] || p->first[k + 1] - p->first[k] != n) continue;
      if (memcmp(p->tokens + p->first[i], p->tokens + p->first[k], n * 8) != 0) continue;
      p->label[company(p, k) > company(p, i) ? i : k] = 0;
    }
  }
}

static void mark_neutral(corpus_page *p, const clean_dom *d) {
  for (size_t i = 0; i < p->n; i++) {
    const clean_block *b = &p->blocks[i];
    uint32_t top = CLEAN_DOM_NONE, node = b->node, beside = 0;
    for (int up = 0; up < 8 && node != CLEAN_DOM_NONE && node != 0; up++, node = d->nodes[node].parent) {
      unsigned tag = d->nodes[node].tag;
      if (tag == CLEAN_T_UL || tag == CLEAN_T_OL || tag == CLEAN_T_DL || tag == CLEAN_T_TABLE) top = node;
    }
    if (top == CLEAN_DOM_NONE || p->label[i] || b->link_chars * 2 > b->chars) continue;
    for (size_t k = 0; k < p->n; k++) {
      beside += p->label[k] && d->nodes[p->blocks[k].node].parent == d->nodes[top].parent;
    }
    p->neutral[i] = beside >= 2;
  }
}

/* ---- pages ----------------------------------------------------------------------------------------------------------
 */

static void read_names(corpus_page *p, const clean_dom *d) {
  size_t cap = 1024, n = 0;
  p->names = need(malloc(cap * 8));
  for (size_t i = 0; i < d->n_attrs; i++) {
    const clean_attribute *a = &d->attrs[i];
    const char *s = d->s + a->value;
    if (a->id != CLEAN_A_CLASS) continue;
    for (size_t k = 0, from = 0, digits = 0; k <= a->value_len; k++) {
      if (k < a->value_len && s[k] != ' ' && s[k] != '\n' && s[k] != '\t') {
        digits += s[k] >= '0' && s[k] <= '9';
        continue;
      }
      if (k - from > 4 && digits < 3) {
        if (n == cap) p->names = need(realloc(p->names, (cap *= 2) * 8));
        uint64_t h = 1;
        for (size_t c = from; c < k; c++) h = (h ^ (unsigned char)s[c]) * 0x100000001B3ull;
        p->names[n++] = mix(h);
      }
      from = k + 1;
      digits = 0;
    }
  }
  qsort(p->names, n, 8, by_value);
  for (size_t i = 0; i < n; i++) {
    if (p->n_names == 0 || p->names[i] != p->names[p->n_names - 1]) p->names[p->n_names++] = p->names[i];
  }
}

static void read_blocks(corpus_page *p, clean_work *w, const char *text) {
  const clean_page *page = &w->page;
  gold g = {0};
  clean_figures_init(&p->figures, &heap);
  p->n = page->weights.n_blocks;
  p->blocks = need(malloc((p->n + 1) * sizeof *p->blocks));
  p->words = need(calloc(p->n + 1, sizeof *p->words));
  p->label = need(calloc(p->n + 1, 1));
  p->neutral = need(calloc(p->n + 1, 1));
  p->first = need(calloc(p->n + 1, sizeof *p->first));
  p->tokens = need(malloc((page->dom.n + 1) * sizeof *p->tokens));
  p->ruled = need(calloc(p->n + 1, 1));
  p->comments = need(calloc(p->n + 1, 1));
  p->news = clean_judge_is_news(&page->meta.ld);
  if (p->n) memcpy(p->blocks, page->weights.blocks, p->n * sizeof *p->blocks);
  if (p->n) memcpy(p->ruled, page->pick.ruled, p->n);
  if (p->n) memcpy(p->comments, page->pick.comments, p->n);
  clean_buf out;
  clean_buf_init(&out, &heap);
  clean_view in = {.s = page->dom.s, .n = page->dom.n};
  for (size_t i = 0; i < p->n; i++) {
    clean_buf_clear(&out, SIZE_MAX);
    clean_block_text(&page->dom, &page->weights, &p->blocks[i], 0, &in, &out);
    p->first[i + 1] = p->first[i] + tokens_of(out.s ? out.s : "", out.n, 0, p->tokens + p->first[i]);
    p->words[i] = p->blocks[i].words;
  }
  if (clean_figures_read(&p->figures, &page->dom, &page->weights, &page->meta)) need(NULL);
  p->dom = page->dom;
  p->dom.nodes = need(malloc((page->dom.n_nodes + 1) * sizeof *p->dom.nodes));
  memcpy(p->dom.nodes, page->dom.nodes, page->dom.n_nodes * sizeof *p->dom.nodes);
  p->dom.s = NULL;
  p->dom.attrs = NULL;
  read_gold(p, text, &g);
  for (size_t i = 0; i < p->n; i++) p->label[i] = label_of(p, i, &g);
  drop_copies(p);
  mark_neutral(p, &page->dom);
  read_names(p, &page->dom);
  free(g.runs);
  free(g.words);
  free(g.lines);
  clean_buf_done(&out);
}

static int read_page(corpus_page *p, const char *folder, const char *name, const char *text) {
  static clean_lexicon *lex;
  clean_work work;
  clean_why why = {0};
  char path[4096];
  size_t n = 0;
  snprintf(p->name, sizeof p->name, "%s", name);
  snprintf(path, sizeof path, "%s/pages/%s.html.gz", folder, name);
  char *s = read_all(path, &n);
  if (!s) {
    fprintf(stderr, "%s: cannot be read\n", path);
    return -1;
  }
  if (!lex) lex = need(clean_lexicon_new(&heap));
  clean_work_init(&work, &heap);
  clean_input in = {.s = s, .n = n, .media_type = "text/html"};
  int rc = clean_article(&work, &in, lex, &usual, &why);
  if (rc) {
    fprintf(stderr, "%s: %s\n", path, why.message);
  } else {
    read_blocks(p, &work, text);
  }
  clean_work_done(&work);
  free(s);
  return rc ? -1 : 0;
}

/* ---- groups ---------------------------------------------------------------------------------------------------------
 */

static unsigned find(unsigned *up, unsigned i) {
  while (up[i] != i) i = up[i];
  return i;
}

/* at_Name_V1_2: "Name" says who the publisher is. */
static int same_publisher(const char *a, const char *b) {
  const char *x = strchr(a, '_'), *y = strchr(b, '_');
  if (!x || !y) return strcmp(a, b) == 0;
  const char *xe = strstr(x, "_V"), *ye = strstr(y, "_V");
  size_t n = xe ? (size_t)(xe - x) : strlen(x), m = ye ? (size_t)(ye - y) : strlen(y);
  return n == m && memcmp(x, y, n) == 0;
}

static int same_system(const corpus_page *a, const corpus_page *b) {
  size_t same = 0, least = a->n_names < b->n_names ? a->n_names : b->n_names;
  if (least <= NAMES_MIN) return 0;
  for (size_t i = 0, k = 0; i < a->n_names && k < b->n_names;) {
    uint64_t x = a->names[i], y = b->names[k];
    same += x == y;
    i += x <= y;
    k += y <= x;
  }
  return same * 100 > least * NAMES_SAME;
}

static void make_groups(corpus *c, unsigned folds) {
  unsigned *up = need(malloc((c->n + 1) * sizeof *up)), *load = need(calloc(folds + 1, sizeof *load));
  for (unsigned i = 0; i < c->n; i++) up[i] = i;
  for (unsigned i = 0; i < c->n; i++) {
    for (unsigned k = 0; k < i; k++) {
      if (!same_publisher(c->pages[i].name, c->pages[k].name) && !same_system(&c->pages[i], &c->pages[k])) continue;
      unsigned a = find(up, i), b = find(up, k);
      up[a > b ? a : b] = a > b ? b : a;
    }
  }
  for (unsigned i = 0; i < c->n; i++) {
    unsigned root = find(up, i), least = 0;
    c->pages[i].group = root;
    if (root == i) {
      for (unsigned f = 1; f < folds; f++) least = load[f] < load[least] ? f : least;
      c->pages[i].fold = least;
      for (unsigned k = i; k < c->n; k++) load[least] += find(up, k) == root;
    } else {
      c->pages[i].fold = c->pages[root].fold;
    }
  }
  free(up);
  free(load);
}

int corpus_read(corpus *c, const char *folder, unsigned folds) {
  char path[4096];
  size_t n = 0;
  snprintf(path, sizeof path, "%s/ground-truth.json.gz", folder);
  char *s = read_all(path, &n);
  cJSON *all = s ? cJSON_Parse(s) : NULL;
  int rc = all ? 0 : -1;
  free(s);
  if (rc) {
    fprintf(stderr, "%s: expected a JSON object of pages, found none\n", path);
    return rc;
  }
  c->pages = need(calloc((size_t)cJSON_GetArraySize(all) + 1, sizeof *c->pages));
  const cJSON *item;
  cJSON_ArrayForEach(item, all) {
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(item, "articleBody"));
    if (read_page(&c->pages[c->n++], folder, item->string, text ? text : "")) rc = -1;
  }
  cJSON_Delete(all);
  make_groups(c, folds);
  return rc;
}

void corpus_free(corpus *c) {
  for (size_t i = 0; i < c->n; i++) {
    corpus_page *p = &c->pages[i];
    clean_figures_done(&p->figures);
    free(p->dom.nodes);
    free(p->label);
    free(p->neutral);
    free(p->words);
    free(p->first);
    free(p->tokens);
    free(p->gold);
    free(p->blocks);
    free(p->ruled);
    free(p->comments);
    free(p->names);
  }
  free(c->pages);
}
