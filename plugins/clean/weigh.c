/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over a page that counts and cuts blocks: see weigh.h. */
#include "weigh.h"

#include <string.h>
#include <strings.h>

#include "vi_text.h"
#include "vocabulary.h"

#define NONE CLEAN_DOM_NONE
#define PARA_MIN 20u

void clean_weights_init(clean_weights *w, const clean_mem *mem) {
  memset(w, 0, sizeof *w);
  w->mem = mem;
}

void clean_weights_done(clean_weights *w) {
  w->mem->free(w->w);
  w->mem->free(w->blocks);
  w->mem->free(w->cache);
  clean_weights_init(w, w->mem);
}

void clean_weights_clear(clean_weights *w, size_t keep) {
  if (w->cap * sizeof(clean_weight) + w->cap_blocks * sizeof(clean_block) > keep) clean_weights_done(w);
  w->n = w->n_blocks = 0;
}

/* ---- names ----------------------------------------------------------------------------------------------------------
 */

static int is_ws(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static uint64_t name_marks(clean_weights *w, const char *s, size_t n) {
  uint64_t key = 0xCBF29CE484222325u;
  for (size_t i = 0; i < n; i++) key = (key ^ (unsigned char)s[i]) * 0x100000001B3u;
  key ^= key >> 29;
  if (key == 0) key = 1;
  size_t slot = key % CLEAN_MARK_CACHE;
  if (w->cache[slot].key != key) {
    w->cache[slot].marks = clean_mark(s, n) | clean_vocabulary(s, n);
    w->cache[slot].key = key;
  }
  return w->cache[slot].marks;
}

static uint64_t names_marks(clean_weights *w, const char *s, size_t n) {
  uint64_t f = 0;
  for (size_t i = 0; i < n;) {
    while (i < n && is_ws(s[i])) i++;
    size_t from = i;
    while (i < n && !is_ws(s[i])) i++;
    if (i > from) f |= name_marks(w, s + from, i - from);
  }
  return f;
}

static int value_is(const char *v, size_t n, const char *word) {
  return n == strlen(word) && strncasecmp(v, word, n) == 0;
}

static int value_starts(const char *v, size_t n, const char *word) {
  return n >= strlen(word) && strncasecmp(v, word, strlen(word)) == 0;
}

/* Whether a style says `key: value`. */
static int style_has(const char *v, size_t n, const char *key, const char *value) {
  size_t k = strlen(key), m = strlen(value);
  for (size_t i = 0; i + k < n; i++) {
    if ((v[i] | 0x20) != key[0] || strncasecmp(v + i, key, k) != 0) continue;
    size_t at = i + k;
    while (at < n && (is_ws(v[at]) || v[at] == ':')) at++;
    if (at > i + k && n - at >= m && strncasecmp(v + at, value, m) == 0) return 1;
  }
  return 0;
}

static uint64_t role_marks(const char *v, size_t n) {
  if (value_is(v, n, "content")) return CLEAN_W_CONTENT;
  if (value_is(v, n, "sapo")) return CLEAN_W_LEAD;
  return value_is(v, n, "publishdate") ? CLEAN_W_DATE : 0;
}

static void read_attributes(clean_weights *w, const clean_dom *d, uint32_t i) {
  const clean_node *e = &d->nodes[i];
  clean_weight *x = &w->w[i];
  int may_right = e->tag == CLEAN_T_P || e->tag == CLEAN_T_DIV;
  for (unsigned k = 0; k < e->n_attrs; k++) {
    const clean_attribute *a = &d->attrs[e->attr + k];
    const char *v = d->s + a->value;
    size_t n = a->value_len;
    switch (a->id) {
    case CLEAN_A_CLASS:
    case CLEAN_A_ID:
      x->marks |= names_marks(w, v, n);
      break;
    case CLEAN_A_ITEMPROP:
      x->marks |= value_is(v, n, "articleBody") ? CLEAN_W_CONTENT : 0;
      break;
    case CLEAN_A_DATA_ROLE:
      x->marks |= role_marks(v, n);
      break;
    case CLEAN_A_TYPE:
      x->marks |= value_starts(v, n, "Related") ? CLEAN_W_RELATED : 0;
      break;
    case CLEAN_A_ALIGN:
      x->marks |= may_right && value_is(v, n, "right") ? CLEAN_W_RIGHT : 0;
      break;
    case CLEAN_A_HIDDEN:
      x->state |= CLEAN_WS_HIDDEN;
      break;
    case CLEAN_A_ARIA_HIDDEN:
      x->state |= value_is(v, n, "true") ? CLEAN_WS_HIDDEN : 0;
      break;
    case CLEAN_A_STYLE:
      if (style_has(v, n, "display", "none")) x->state |= CLEAN_WS_HIDDEN;
      if (may_right && style_has(v, n, "text-align", "right")) x->marks |= CLEAN_W_RIGHT;
      break;
    default:
      break;
    }
  }
}

/* ---- counting -------------------------------------------------------------------------------------------------------
 */

/* What one run of text holds. */
typedef struct tally {
  uint32_t chars, words, commas, stops, uppers, digits, first, end; /* first, end: bytes of what is not white space */
  uint32_t last;                                                    /* last character */
  int in_word, ideographs;
} tally;

static int is_comma(uint32_t c) {
  return c == ',' || c == 0x3001 || c == 0xFF0C || c == 0x060C || c == 0xFE50 || c == 0x2E41 || c == 0x104A;
}

static int is_stop(uint32_t c) {
  return c == '.' || c == '!' || c == '?' || c == 0x3002 || c == 0xFF0E || c == 0xFF01 || c == 0xFF1F || c == 0x06D4 ||
         c == 0x061F || c == 0x0964 || c == 0x2026 || c == 0x0965 || c == 0x1362 || c == 0x104B || c == 0x17D4 ||
         c == 0x0589;
}

/* Scripts written without spaces: a character is half a word. */
static int is_ideograph(uint32_t c) {
  return c >= 0x0E00 &&
         ((c >= 0x3040 && c <= 0x9FFF) || (c >= 0x20000 && c <= 0x3FFFF) || (c >= 0xF900 && c <= 0xFAFF) ||
          (c >= 0x0E00 && c <= 0x0EFF) || (c >= 0x1000 && c <= 0x109F) || (c >= 0x1780 && c <= 0x17FF));
}

static void count_wide(tally *t, uint32_t c) {
  unsigned entry = vi_entry(c);
  t->commas += (uint32_t)is_comma(c);
  t->stops += (uint32_t)is_stop(c);
  if (is_ideograph(c)) {
    t->ideographs++;
    if (t->ideographs % 2) t->words++;
    t->in_word = 0;
  } else if (entry & (VI_LETTER | VI_DIGIT | VI_MARK)) {
    if (!t->in_word) {
      t->words++;
      t->uppers += (entry & VI_UPPER) != 0;
    }
    t->in_word = 1;
  } else if (!vi_is_ignorable(c)) {
    t->in_word = 0;
  }
}

/* 1 letter, 2 digit, 4 capital, 8 comma, 16 stop, 32 white space, 64 needs a closer look */
static const uint8_t ascii[128] = {
    [0] = 64,  ['\t'] = 32, ['\n'] = 32, ['\v'] = 32, ['\f'] = 32, ['\r'] = 32, [' '] = 32, ['!'] = 16, ['&'] = 64,
    [','] = 8, ['.'] = 16,  ['?'] = 16,  ['0'] = 2,   ['1'] = 2,   ['2'] = 2,   ['3'] = 2,  ['4'] = 2,  ['5'] = 2,
    ['6'] = 2, ['7'] = 2,   ['8'] = 2,   ['9'] = 2,   ['A'] = 5,   ['B'] = 5,   ['C'] = 5,  ['D'] = 5,  ['E'] = 5,
    ['F'] = 5, ['G'] = 5,   ['H'] = 5,   ['I'] = 5,   ['J'] = 5,   ['K'] = 5,   ['L'] = 5,  ['M'] = 5,  ['N'] = 5,
    ['O'] = 5, ['P'] = 5,   ['Q'] = 5,   ['R'] = 5,   ['S'] = 5,   ['T'] = 5,   ['U'] = 5,  ['V'] = 5,  ['W'] = 5,
    ['X'] = 5, ['Y'] = 5,   ['Z'] = 5,   ['a'] = 1,   ['b'] = 1,   ['c'] = 1,   ['d'] = 1,  ['e'] = 1,  ['f'] = 1,
    ['g'] = 1, ['h'] = 1,   ['i'] = 1,   ['j'] = 1,   ['k'] = 1,   ['l'] = 1,   ['m'] = 1,  ['n'] = 1,  ['o'] = 1,
    ['p'] = 1, ['q'] = 1,   ['r'] = 1,   ['s'] = 1,   ['t'] = 1,   ['u'] = 1,   ['v'] = 1,  ['w'] = 1,  ['x'] = 1,
    ['y'] = 1, ['z'] = 1,
};

static void count_ascii(tally *t, unsigned class) {
  if (class & 3) {
    t->digits += (class & 2) != 0;
    if (!t->in_word) {
      t->words++;
      t->uppers += (class & 4) != 0;
    }
    t->in_word = 1;
  } else {
    t->commas += (class & 8) != 0;
    t->stops += (class & 16) != 0;
    t->in_word = 0;
  }
}

static void count_text(tally *t, const char *s, size_t start, size_t end) {
  t->in_word = 0;
  for (size_t i = start; i < end;) {
    unsigned char u = (unsigned char)s[i];
    unsigned class = u < 128 ? ascii[u] : 64;
    size_t at = i;
    if (class & 32) {
      t->in_word = 0;
      i++;
      continue;
    }
    if (class & 64) {
      uint32_t c = clean_dom_char(s, end, &i, 0, NULL);
      if (vi_is_space(c) || vi_is_ignorable(c)) {
        if (vi_is_space(c)) t->in_word = 0;
        continue;
      }
      t->last = c;
      if (c < 128) {
        count_ascii(t, ascii[c]);
      } else {
        count_wide(t, c);
      }
    } else {
      t->last = u;
      count_ascii(t, class);
      i++;
    }
    if (!t->chars++) t->first = (uint32_t)at;
    t->end = (uint32_t)i;
  }
}

/* ---- blocks ---------------------------------------------------------------------------------------------------------
 */

typedef struct weigher {
  clean_weights *w;
  const clean_dom *d;
  clean_block block; /* at hand; chars == 0: none yet */
  uint32_t stack[CLEAN_DOM_DEPTH + 2], rows[CLEAN_DOM_DEPTH + 2];
  uint32_t depth; /* open elements */
  uint32_t n_rows;
  uint32_t seen_link; /* the last link counted in the block */
  int breaks, oom;
} weigher;

static int ends_sentence(uint32_t c) {
  return is_stop(c) || c == ':' || c == ';' || c == '"' || c == 0x201D || c == 0xBB || c == ')' || c == 0x300D ||
         c == 0x201C || c == 0xFF1A;
}

/* Type and place of a block from the elements around it. */
static void name_block(const weigher *g, clean_block *b) {
  const clean_dom *d = g->d;
  b->node = 0;
  b->type = CLEAN_B_PARA;
  int inner = 1;
  for (uint32_t k = g->depth; k-- > 0;) {
    const clean_node *e = &d->nodes[g->stack[k]];
    unsigned flags = clean_tag_flags[e->tag];
    if (!(flags & CLEAN_TF_BLOCK)) continue;
    if (inner) b->node = g->stack[k];
    if (inner && (e->tag == CLEAN_T_TR || e->tag == CLEAN_T_TD || e->tag == CLEAN_T_TH)) b->type = CLEAN_B_ROW;
    inner = 0;
    if (flags & CLEAN_TF_HEADING) {
      b->type = CLEAN_B_HEADING;
      b->level = (uint8_t)(e->tag - CLEAN_T_H1 + 1);
    } else if (e->tag == CLEAN_T_LI || e->tag == CLEAN_T_DD || e->tag == CLEAN_T_DT) {
      b->type = CLEAN_B_ITEM;
    } else if (e->tag == CLEAN_T_BLOCKQUOTE) {
      b->type = CLEAN_B_QUOTE;
    } else if (e->tag == CLEAN_T_FIGCAPTION || e->tag == CLEAN_T_CAPTION) {
      b->type = CLEAN_B_CAPTION;
    } else if (e->tag == CLEAN_T_PRE) {
      b->type = CLEAN_B_PRE;
    } else if (e->tag != CLEAN_T_P && e->tag != CLEAN_T_DIV && e->tag != CLEAN_T_CENTER) {
      return;
    }
    if (b->type != CLEAN_B_PARA) return;
  }
}

static void end_block(weigher *g) {
  clean_weights *w = g->w;
  void *p = w->blocks;
  clean_block *b = &g->block;
  g->breaks = 0;
  g->seen_link = NONE;
  if (b->chars == 0) return;
  if (clean_grow(w->mem, &p, &w->cap_blocks, w->n_blocks, w->n_blocks + 1, sizeof(clean_block))) {
    g->oom = 1;
    return;
  }
  w->blocks = p;
  name_block(g, b);
  w->blocks[w->n_blocks++] = *b;
  memset(b, 0, sizeof *b);
}

static void take_text(weigher *g, uint32_t i) {
  const clean_node *e = &g->d->nodes[i];
  clean_weight *x = &g->w->w[i];
  clean_block *b = &g->block;
  tally t = {0};
  count_text(&t, g->d->s, e->start, e->end);
  if (t.chars == 0) return;
  g->breaks = 0;
  x->chars = t.chars;
  x->words = t.words;
  x->commas = t.commas;
  x->stops = t.stops;
  if (b->chars == 0) {
    b->first = i;
    b->start = t.first;
    b->state = CLEAN_WS_HIDDEN;
  }
  if (x->link != NONE) {
    x->link_chars = t.chars;
    if (g->seen_link != x->link) b->links++;
    g->seen_link = x->link;
  }
  b->last = i;
  b->end = t.end;
  b->chars += t.chars;
  b->link_chars += x->link_chars;
  b->words += t.words;
  b->commas += t.commas;
  b->stops += t.stops;
  b->uppers = (uint16_t)(b->uppers + t.uppers > UINT16_MAX ? UINT16_MAX : b->uppers + t.uppers);
  b->digits = (uint16_t)(b->digits + t.digits > UINT16_MAX ? UINT16_MAX : b->digits + t.digits);
  b->ends = (uint8_t)ends_sentence(t.last);
  b->state = (uint8_t)((b->state & x->state & CLEAN_WS_HIDDEN) | ((b->state | x->state) & CLEAN_WS_STAMP));
}

/* Whether a row's cells hold no blocks: it is one line. */
static int plain_row(const clean_dom *d, uint32_t row) {
  uint32_t cells = 0;
  for (uint32_t k = row + 1; k <= d->nodes[row].last; k++) {
    const clean_node *e = &d->nodes[k];
    if (e->kind != CLEAN_N_ELEMENT) continue;
    if (e->tag == CLEAN_T_TD || e->tag == CLEAN_T_TH) {
      cells++;
    } else if ((clean_tag_flags[e->tag] & CLEAN_TF_BLOCK) && e->tag != CLEAN_T_P && e->tag != CLEAN_T_OPTION) {
      return 0;
    }
  }
  return cells > 1;
}

static int cuts(const weigher *g, uint32_t i) {
  const clean_node *e = &g->d->nodes[i];
  if (!(clean_tag_flags[e->tag] & CLEAN_TF_BLOCK)) return 0;
  int in_row = e->tag == CLEAN_T_TD || e->tag == CLEAN_T_TH || e->tag == CLEAN_T_P;
  return !(in_row && g->n_rows && g->rows[g->n_rows - 1] != i && e->parent >= g->rows[g->n_rows - 1]);
}

static void leave(weigher *g) {
  uint32_t i = g->stack[g->depth - 1];
  if (cuts(g, i)) end_block(g);
  g->depth--;
  if (g->n_rows && g->rows[g->n_rows - 1] == i) g->n_rows--;
  g->w->w[i].n_blocks = (uint32_t)g->w->n_blocks - g->w->w[i].blocks;
}

static void enter(weigher *g, uint32_t i) {
  const clean_node *e = &g->d->nodes[i];
  clean_weight *x = &g->w->w[i];
  unsigned flags = clean_tag_flags[e->tag];
  if (flags & CLEAN_TF_UNSEEN) x->state |= CLEAN_WS_UNSEEN;
  if (e->tag == CLEAN_T_NOSCRIPT) x->state |= CLEAN_WS_HIDDEN;
  if (e->tag == CLEAN_T_HEAD || (e->flags & CLEAN_NF_TEMPLATE)) x->state |= CLEAN_WS_UNSEEN;
  read_attributes(g->w, g->d, i);
  if (e->tag == CLEAN_T_HTML || e->tag == CLEAN_T_BODY)
    x->state &= (uint8_t)~CLEAN_WS_HIDDEN; /* shown by a script later */
  if (x->marks & CLEAN_W_STAMP) x->state |= CLEAN_WS_STAMP;
  if (e->tag == CLEAN_T_A) x->link = i;
  if (cuts(g, i)) {
    end_block(g);
  } else if (e->tag == CLEAN_T_BR && ++g->breaks == 2) {
    end_block(g);
  }
  if (e->tag == CLEAN_T_TR && plain_row(g->d, i)) g->rows[g->n_rows++] = i;
  x->blocks = (uint32_t)g->w->n_blocks;
  if (e->last > i) g->stack[g->depth++] = i;
}

/* From the end of the page to its start: what stands below is added to each element. */
static void sum_up(clean_weights *w, const clean_dom *d) {
  for (size_t i = d->n_nodes; i-- > 1;) {
    const clean_node *e = &d->nodes[i];
    clean_weight *x = &w->w[i], *up = &w->w[e->parent];
    if (x->state & CLEAN_WS_UNSEEN) continue;
    up->chars += x->chars;
    up->link_chars += x->link_chars;
    up->words += x->words;
    up->commas += x->commas;
    up->stops += x->stops;
    up->links += x->links + (e->kind == CLEAN_N_ELEMENT && e->tag == CLEAN_T_A);
    up->images += x->images + (e->kind == CLEAN_N_ELEMENT && (e->tag == CLEAN_T_IMG || e->tag == CLEAN_T_AMP_IMG));
    up->paras += x->paras + (e->kind == CLEAN_N_ELEMENT && e->tag == CLEAN_T_P && x->chars >= PARA_MIN);
  }
}

static void weigh_node(weigher *g, uint32_t i) {
  const clean_dom *d = g->d;
  const clean_node *e = &d->nodes[i];
  while (g->depth && d->nodes[g->stack[g->depth - 1]].last < i) leave(g);
  clean_weight *x = &g->w->w[i];
  const clean_weight *up = i ? &g->w->w[e->parent] : NULL;
  *x = (clean_weight){.link = NONE, .blocks = (uint32_t)g->w->n_blocks};
  if (up) {
    x->state = up->state;
    x->path = (up->path ^ e->tag) * 0x01000193u + e->kind;
    if (up->link != NONE && e->start < d->nodes[up->link].end) x->link = up->link;
  }
  if (e->kind == CLEAN_N_ELEMENT) {
    enter(g, i);
  } else if (e->kind == CLEAN_N_TEXT && !(x->state & CLEAN_WS_UNSEEN)) {
    take_text(g, i);
  }
}

/* Some pages hide all of it until a script runs: where next to nothing would be seen, nothing counts as hidden. */
static void show_all(clean_weights *w) {
  uint64_t all = 0, shown = 0;
  for (size_t i = 0; i < w->n_blocks; i++) {
    all += w->blocks[i].chars;
    shown += w->blocks[i].state & CLEAN_WS_HIDDEN ? 0 : w->blocks[i].chars;
  }
  if (shown * 10 >= all) return;
  for (size_t i = 0; i < w->n_blocks; i++) w->blocks[i].state &= (uint8_t)~CLEAN_WS_HIDDEN;
  for (size_t i = 0; i < w->n; i++) w->w[i].state &= (uint8_t)~CLEAN_WS_HIDDEN;
}

int clean_weigh(clean_weights *w, const clean_dom *d) {
  weigher g = {.w = w, .d = d, .seen_link = NONE};
  void *p = w->w;
  w->n_blocks = 0;
  if (!w->cache) {
    w->cache = w->mem->alloc(CLEAN_MARK_CACHE * sizeof *w->cache);
    if (!w->cache) return SL_ENOMEM;
    memset(w->cache, 0, CLEAN_MARK_CACHE * sizeof *w->cache);
  }
  if (clean_grow(w->mem, &p, &w->cap, 0, d->n_nodes, sizeof(clean_weight))) return SL_ENOMEM;
  w->w = p;
  w->n = d->n_nodes;
  for (size_t i = 0; i < d->n_nodes && !g.oom; i++) weigh_node(&g, (uint32_t)i);
  while (g.depth && !g.oom) leave(&g);
  end_block(&g);
  if (g.oom) return SL_ENOMEM;
  if (w->n) w->w[0].n_blocks = (uint32_t)w->n_blocks;
  sum_up(w, d);
  show_all(w);
  return SL_OK;
}

/* ---- text of a block ------------------------------------------------------------------------------------------------
 */

/* White space and line separators of what was appended from `from` on become spaces. */
static void flatten(clean_buf *out, size_t from, int keep_lines) {
  char *s = out->s;
  for (size_t i = from; i < out->n; i++) {
    unsigned char c = (unsigned char)s[i];
    if (c < 0x20 && !(keep_lines && c == '\n')) s[i] = ' ';
    if (c == 0xC2 && i + 1 < out->n && (unsigned char)s[i + 1] == 0x85) s[i] = s[i + 1] = ' ';
    if (c == 0xE2 && i + 2 < out->n && (unsigned char)s[i + 1] == 0x80 && ((unsigned char)s[i + 2] & 0xFE) == 0xA8) {
      s[i] = s[i + 1] = s[i + 2] = ' ';
    }
  }
}

void clean_block_text(const clean_dom *d, const clean_weights *w, const clean_block *b, unsigned part, clean_view *in,
                      clean_buf *out) {
  int paras = 0;
  for (uint32_t i = b->first; i <= b->last && !out->oom; i++) {
    const clean_node *e = &d->nodes[i];
    if (e->kind == CLEAN_N_ELEMENT && !part) {
      if (e->tag == CLEAN_T_BR) clean_insert(out, "\n", 1);
      if (e->tag == CLEAN_T_P && paras++) clean_insert(out, " ", 1);
      if (e->tag == CLEAN_T_TD || e->tag == CLEAN_T_TH) clean_insert(out, " | ", 3);
    }
    if (e->kind != CLEAN_N_TEXT || (w->w[i].state & CLEAN_WS_UNSEEN) || (w->w[i].state & CLEAN_WS_STAMP) != part)
      continue;
    size_t from = out->n, start = e->start > b->start ? e->start : b->start, end = e->end < b->end ? e->end : b->end;
    if (start < end) clean_dom_text(in, start, end, out);
    if (!out->oom) flatten(out, from, b->type == CLEAN_B_PRE);
  }
}
