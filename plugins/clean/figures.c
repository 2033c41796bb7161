/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of blocks: see figures.h. */
#include "figures.h"

#include <string.h>

#include "vi_text.h"

#define NONE CLEAN_DOM_NONE
#define FAR 31u         /* no such element around the block */
#define UP_MAX 30u      /* elements around a block that are looked at */
#define PLAIN_WORDS 10u /* of a block that is plain text */
#define TITLE_RUN 1u
#define DESCRIPTION_RUN 2u
#define WITNESS_RUN 3u
#define WITNESS_MIN 200u

typedef struct clean_tally {
  uint64_t key; /* 0: free */
  uint32_t plain, chars, linked, count;
} clean_tally;

typedef struct reader {
  clean_figures *f;
  const clean_dom *d;
  const clean_weights *w;
  const clean_meta *meta;
  size_t n, mask;
  uint32_t center; /* deepest node with half of the plain text */
  uint32_t plain_all, chars_all, title_words;
  size_t title;             /* block of the title, or SIZE_MAX */
  size_t from, to;          /* first and last plain block in the center */
  int witness, description; /* there is one */
} reader;

void clean_figures_init(clean_figures *f, const clean_mem *mem) {
  memset(f, 0, sizeof *f);
  f->mem = mem;
}

void clean_figures_done(clean_figures *f) {
  f->mem->free(f->f);
  f->mem->free(f->plain);
  f->mem->free(f->table);
  f->mem->free(f->like);
  f->mem->free(f->title.slots);
  f->mem->free(f->description.slots);
  f->mem->free(f->witness.slots);
  f->mem->free(f->own.slots);
  clean_figures_init(f, f->mem);
}

void clean_figures_clear(clean_figures *f, size_t keep) {
  size_t all = f->cap + f->cap_plain * sizeof *f->plain + f->cap_table * sizeof *f->table +
               f->cap_like * sizeof *f->like + (f->witness.cap + f->own.cap) * sizeof *f->own.slots;
  if (all > keep) clean_figures_done(f);
  f->n = 0;
}

/* ---- bytes ----------------------------------------------------------------------------------------------------------
 */

/* Twelve steps for each doubling. */
uint8_t clean_size_byte(uint64_t x) {
  unsigned whole = 0;
  uint64_t y = x + 1;
  while (y >> (whole + 1)) whole++;
  uint64_t rest = whole ? ((y << 8) >> whole) - 256 : 0; /* 0 to 255 between two powers */
  uint64_t v = whole * 12 + rest * 12 / 256;
  return (uint8_t)(v > 255 ? 255 : v);
}

uint8_t clean_share_byte(uint64_t part, uint64_t all) {
  uint64_t v = all ? part * 250 / all : 0;
  return (uint8_t)(v > 250 ? 250 : v);
}

static uint8_t cap_byte(uint64_t x) { return (uint8_t)(x > 255 ? 255 : x); }

/* 128 and what lies before or behind it, in steps that grow. */
static uint8_t side_byte(int64_t x) {
  int64_t v = x < 0 ? -(int64_t)clean_size_byte((uint64_t)-x) : (int64_t)clean_size_byte((uint64_t)x);
  return (uint8_t)(v < -127 ? 1 : v > 127 ? 255 : 128 + v);
}

/* ---- tables ---------------------------------------------------------------------------------------------------------
 */

static clean_tally *tally_of(const reader *r, uint64_t key) {
  size_t i = (key ^ key >> 31) & r->mask;
  while (r->f->table[i].key && r->f->table[i].key != key) i = (i + 1) & r->mask;
  r->f->table[i].key = key;
  return &r->f->table[i];
}

static void count_in(const reader *r, uint64_t key, const clean_block *b, int plain) {
  clean_tally *t = tally_of(r, key);
  t->plain += plain ? b->chars : 0;
  t->chars += b->chars;
  t->linked += b->link_chars;
  t->count++;
}

static uint64_t hash_bytes(uint64_t h, const char *s, size_t n) {
  for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 0x100000001B3ull;
  return h;
}

/* Tags and classes of the block's element and two around it. */
static uint64_t names_key(const reader *r, uint32_t node) {
  uint64_t h = 0xCBF29CE484222325ull;
  for (int k = 0; k < 3 && node != NONE; k++, node = r->d->nodes[node].parent) {
    const clean_attribute *a = clean_dom_attr(r->d, node, CLEAN_A_CLASS);
    h = (h ^ (r->d->nodes[node].tag + 1u)) * 0x100000001B3ull;
    if (a) h = hash_bytes(h, r->d->s + a->value, a->value_len < 256 ? a->value_len : 256);
  }
  return h | 1;
}

static void read_words(reader *r, const clean_block *b, clean_like *like) {
  clean_runs run = {0};
  clean_figures *f = r->f;
  f->own.n = 0;
  int own = clean_set_start(&f->own, f->mem, b->chars + 2) == 0;
  for (uint32_t i = b->first; i <= b->last; i++) {
    const clean_node *e = &r->d->nodes[i];
    if (e->kind != CLEAN_N_TEXT || (r->w->w[i].state & CLEAN_WS_UNSEEN)) continue;
    size_t at = e->start > b->start ? e->start : b->start, end = e->end < b->end ? e->end : b->end;
    for (int last = 0; !last;) {
      last = i == b->last && at >= end;
      if (!last && at >= end) break;
      uint32_t c = last ? ' ' : clean_dom_char(r->d->s, end, &at, 0, NULL);
      if (!clean_runs_char(&run, c)) continue;
      uint64_t one = clean_runs_hash(&run, TITLE_RUN);
      int fresh = own && clean_set_add(&f->own, one);
      like->unique += (uint32_t)fresh;
      like->title += fresh && clean_set_has(&f->title, one);
      like->description += r->description && clean_set_has(&f->description, clean_runs_hash(&run, DESCRIPTION_RUN));
      like->witness += r->witness && clean_set_has(&f->witness, clean_runs_hash(&run, WITNESS_RUN));
    }
  }
  like->words = run.n;
  like->text = (run.text ^ 0x5851F42D4C957F2Dull) | 1;
}

static int is_plain(const clean_block *b) {
  return b->words >= PLAIN_WORDS && (uint64_t)b->link_chars * 100 < (uint64_t)b->chars * 35 &&
         !(b->state & CLEAN_WS_HIDDEN);
}

static int make_room(reader *r) {
  clean_figures *f = r->f;
  size_t size = 64;
  while (size < r->n * 8) size *= 2;
  void *bytes = f->f, *plain = f->plain, *table = f->table, *like = f->like;
  int rc = clean_grow(f->mem, &bytes, &f->cap, 0, (r->n + 1) * CLEAN_F_COUNT, 1);
  f->f = bytes;
  if (!rc) rc = clean_grow(f->mem, &plain, &f->cap_plain, 0, r->d->n_nodes, sizeof *f->plain);
  f->plain = plain;
  if (!rc) rc = clean_grow(f->mem, &table, &f->cap_table, 0, size, sizeof *f->table);
  f->table = table;
  if (!rc) rc = clean_grow(f->mem, &like, &f->cap_like, 0, r->n + 1, sizeof *f->like);
  f->like = like;
  if (rc) return rc;
  r->mask = size - 1;
  memset(f->table, 0, size * sizeof *f->table);
  memset(f->plain, 0, r->d->n_nodes * sizeof *f->plain);
  memset(f->like, 0, (r->n + 1) * sizeof *f->like);
  memset(f->f, 0, (r->n + 1) * CLEAN_F_COUNT);
  return SL_OK;
}

/* The title's block: of the heading that is the title, else the first that has its words. */
static void find_title(reader *r) {
  const clean_weight *h1 = r->meta->h1 != NONE && r->meta->h1 < r->w->n ? &r->w->w[r->meta->h1] : NULL;
  r->title = SIZE_MAX;
  if (h1 && h1->n_blocks) {
    r->title = h1->blocks;
    return;
  }
  for (size_t i = 0; i < r->n && r->title_words; i++) {
    const clean_like *x = &r->f->like[i];
    if (x->title * 10 >= r->title_words * 6 && x->title * 10 >= x->unique * 6) {
      r->title = i;
      return;
    }
  }
}

static int first_pass(reader *r) {
  clean_figures *f = r->f;
  const char *title = r->meta->text[CLEAN_M_TITLE], *about = r->meta->text[CLEAN_M_DESCRIPTION];
  const char *body = r->meta->article_body;
  r->witness = body && strlen(body) >= WITNESS_MIN;
  r->description = about && strlen(about) >= 20;
  int rc = clean_set_text(&f->title, f->mem, title, TITLE_RUN);
  if (!rc) rc = clean_set_text(&f->description, f->mem, about, DESCRIPTION_RUN);
  if (!rc) rc = clean_set_text(&f->witness, f->mem, r->witness ? body : NULL, WITNESS_RUN);
  if (!rc) rc = make_room(r);
  if (rc) return rc;
  r->title_words = (uint32_t)f->title.n;
  for (size_t i = 0; i < r->n; i++) {
    const clean_block *b = &r->w->blocks[i];
    clean_like *x = &f->like[i];
    read_words(r, b, x);
    x->plain = (uint8_t)is_plain(b);
    x->path = ((uint64_t)r->w->w[b->node].path << 8 | 3) * 0x9E3779B97F4A7C15ull | 1;
    x->names = names_key(r, b->node);
    count_in(r, x->path, b, x->plain);
    count_in(r, x->names, b, x->plain);
    count_in(r, x->text, b, x->plain);
    r->chars_all += b->chars;
    if (x->plain) f->plain[b->node] += b->chars;
    if (x->plain) r->plain_all += b->chars;
  }
  return SL_OK;
}

static int under(const reader *r, uint32_t node, uint32_t top) { return node >= top && node <= r->d->nodes[top].last; }

static void find_center(reader *r) {
  const clean_dom *d = r->d;
  uint32_t *plain = r->f->plain;
  for (size_t i = d->n_nodes; i-- > 1;) plain[d->nodes[i].parent] += plain[i];
  r->center = 0;
  for (uint32_t i = 1; i < d->n_nodes; i++) {
    if (plain[i] && (uint64_t)plain[i] * 2 >= r->plain_all && d->nodes[i].depth > d->nodes[r->center].depth)
      r->center = i;
  }
  r->from = SIZE_MAX;
  r->to = 0;
  for (size_t i = 0; i < r->n; i++) {
    if (!r->f->like[i].plain || !under(r, r->w->blocks[i].node, r->center)) continue;
    if (r->from == SIZE_MAX) r->from = i;
    r->to = i;
  }
  if (r->from == SIZE_MAX) r->from = 0;
}

/* ---- figures --------------------------------------------------------------------------------------------------------
 */

static void own_figures(const reader *r, const clean_block *b, const clean_like *x, uint8_t *f) {
  const clean_node *e = &r->d->nodes[b->node];
  f[CLEAN_F_CHARS] = clean_size_byte(b->chars);
  f[CLEAN_F_WORDS] = clean_size_byte(b->words);
  f[CLEAN_F_LINKED] = clean_share_byte(b->link_chars, b->chars);
  f[CLEAN_F_LINKS] = cap_byte(b->links);
  f[CLEAN_F_COMMAS] = cap_byte((uint64_t)b->commas * 400 / (b->words + 1));
  f[CLEAN_F_STOPS] = cap_byte((uint64_t)b->stops * 400 / (b->words + 1));
  f[CLEAN_F_ENDS] = b->ends;
  f[CLEAN_F_DIGITS] = clean_share_byte(b->digits, b->chars);
  f[CLEAN_F_UPPERS] = clean_share_byte(b->uppers, b->words);
  f[CLEAN_F_WORD_LENGTH] = cap_byte((uint64_t)b->chars * 10 / (b->words + 1));
  f[CLEAN_F_TYPE] = b->type;
  f[CLEAN_F_LEVEL] = b->level;
  f[CLEAN_F_TAG] = e->tag == CLEAN_T_P ? 2 : e->tag == CLEAN_T_DIV || e->tag == CLEAN_T_SECTION ? 1 : 0;
  f[CLEAN_F_HIDDEN] = (b->state & CLEAN_WS_HIDDEN) != 0;
  f[CLEAN_F_DEPTH] = cap_byte(e->depth);
  f[CLEAN_F_TITLE_LIKE] = clean_share_byte(x->title, x->unique);
  f[CLEAN_F_TITLE_COVERS] = clean_share_byte(x->title, r->title_words);
  f[CLEAN_F_DESCRIPTION_LIKE] = r->description ? (uint8_t)(1 + clean_share_byte(x->description, x->words)) : 0;
  f[CLEAN_F_WITNESS_LIKE] =
      r->witness ? (uint8_t)(1 + clean_share_byte(x->witness, x->words > 2 ? x->words - 2 : 1)) : 0;
  f[CLEAN_F_REPEATED] = cap_byte(tally_of(r, x->text)->count);
}

static int tag_group(unsigned tag) {
  switch (tag) {
  case CLEAN_T_UL:
  case CLEAN_T_OL:
  case CLEAN_T_DL:
    return 0;
  case CLEAN_T_TABLE:
    return 1;
  case CLEAN_T_FIGURE:
  case CLEAN_T_FIGCAPTION:
  case CLEAN_T_PICTURE:
    return 2;
  case CLEAN_T_ASIDE:
    return 3;
  case CLEAN_T_FOOTER:
    return 4;
  case CLEAN_T_HEADER:
    return 5;
  case CLEAN_T_NAV:
  case CLEAN_T_MENU:
    return 6;
  case CLEAN_T_FORM:
    return 7;
  case CLEAN_T_ARTICLE:
    return 8;
  case CLEAN_T_MAIN:
    return 9;
  case CLEAN_T_BLOCKQUOTE:
    return 10;
  case CLEAN_T_A:
    return 11;
  default:
    return -1;
  }
}

static void around(const reader *r, const clean_block *b, uint8_t *f) {
  uint64_t seen = 0;
  memset(f + CLEAN_F_UP_TAG, (int)FAR, CLEAN_F_NEIGHBOURS - CLEAN_F_UP_TAG);
  uint32_t node = r->d->nodes[b->first].parent; /* names of the inline elements around all of it count as well */
  while (node != b->node && node != NONE && r->d->nodes[node].last < b->last) node = r->d->nodes[node].parent;
  for (uint32_t up = 0; node != NONE && node != 0 && up < UP_MAX; node = r->d->nodes[node].parent, up++) {
    unsigned tag = r->d->nodes[node].tag;
    if (tag == CLEAN_T_BODY || tag == CLEAN_T_HTML) break;
    int group = tag_group(tag);
    if (group >= 0 && f[CLEAN_F_UP_TAG + group] == FAR) f[CLEAN_F_UP_TAG + group] = (uint8_t)up;
    uint64_t fresh = r->w->w[node].marks & ~seen;
    seen |= fresh;
    for (uint64_t m = fresh; m; m &= m - 1) {
      unsigned bit = (unsigned)__builtin_ctzll(m);
      if (bit <= CLEAN_F_UP_MARK_LAST - CLEAN_F_UP_MARK) {
        f[CLEAN_F_UP_MARK + bit] = (uint8_t)up;
      } else if (bit >= CLEAN_W_FREE && bit < CLEAN_W_FREE + CLEAN_V_COUNT) {
        f[CLEAN_F_UP_WORD + bit - CLEAN_W_FREE] = (uint8_t)up;
      }
    }
  }
}

static uint32_t parent_of(const reader *r, uint32_t node) {
  uint32_t up = r->d->nodes[node].parent;
  return up == NONE ? 0 : up;
}

static int is_frame(unsigned tag) {
  return tag == CLEAN_T_DIV || tag == CLEAN_T_SECTION || tag == CLEAN_T_ARTICLE || tag == CLEAN_T_TD ||
         tag == CLEAN_T_MAIN;
}

static void containers(const reader *r, const clean_block *b, uint8_t *f) {
  const clean_dom *d = r->d;
  const uint32_t *plain = r->f->plain;
  uint32_t up = parent_of(r, b->node), above = parent_of(r, up), node = is_frame(d->nodes[b->node].tag) ? b->node : up;
  for (int k = 0; k < 4; k++, node = parent_of(r, node))
    f[CLEAN_F_SHARE + k] = clean_share_byte(plain[node], r->plain_all);
  const clean_weight *p = &r->w->w[up], *g = &r->w->w[above];
  f[CLEAN_F_PARENT_LINKED] = clean_share_byte(p->link_chars, p->chars);
  f[CLEAN_F_PARENT_PLAIN] = clean_share_byte(plain[up], p->chars);
  f[CLEAN_F_PARENT_CHARS] = clean_size_byte(p->chars);
  f[CLEAN_F_ABOVE_LINKED] = clean_share_byte(g->link_chars, g->chars);
  f[CLEAN_F_ABOVE_PLAIN] = clean_share_byte(plain[above], g->chars);
  uint32_t steps = 0, common = b->node;
  while (common != 0 && !under(r, r->center, common) && !under(r, common, r->center)) {
    common = parent_of(r, common);
    steps++;
  }
  int inside = under(r, b->node, r->center);
  f[CLEAN_F_CENTER_UP] = inside ? 0 : cap_byte(steps + 1);
  f[CLEAN_F_CENTER_DOWN] = inside ? cap_byte(100u + d->nodes[b->node].depth - d->nodes[r->center].depth)
                                  : cap_byte(d->nodes[r->center].depth > d->nodes[common].depth
                                                 ? (unsigned)(d->nodes[r->center].depth - d->nodes[common].depth)
                                                 : 0);
}

static void places(const reader *r, size_t i, uint64_t chars, uint64_t plain, uint64_t title_plain, uint8_t *f) {
  f[CLEAN_F_PLACE] = clean_share_byte(chars, r->chars_all);
  f[CLEAN_F_PLAIN_PLACE] = clean_share_byte(plain, r->plain_all);
  f[CLEAN_F_BLOCKS] = clean_size_byte(r->n);
  f[CLEAN_F_PLAIN] = clean_size_byte(r->plain_all);
  f[CLEAN_F_TITLE_BLOCKS] = r->title == SIZE_MAX ? 0 : side_byte((int64_t)i - (int64_t)r->title);
  f[CLEAN_F_TITLE_PLAIN] = r->title == SIZE_MAX ? 0 : side_byte((int64_t)plain - (int64_t)title_plain);
  int64_t off = i < r->from ? (int64_t)i - (int64_t)r->from : i > r->to ? (int64_t)i - (int64_t)r->to : 0;
  f[CLEAN_F_CENTER_BLOCKS] = side_byte(off);
  const clean_like *x = &r->f->like[i];
  const clean_tally *path = tally_of(r, x->path), *names = tally_of(r, x->names);
  f[CLEAN_F_PATH] = clean_share_byte(path->plain, r->plain_all);
  f[CLEAN_F_NAMES] = clean_share_byte(names->plain, r->plain_all);
  f[CLEAN_F_NAMES_COUNT] = cap_byte(names->count);
  f[CLEAN_F_NAMES_LINKED] = clean_share_byte(names->linked, names->chars);
}

#define NEAR 5u
#define SIDE 4u

static void nearby(const reader *r, size_t i, uint8_t *f) {
  uint64_t plain = 0, linked = 0, chars = 0, before = 0, after = 0;
  size_t from = i > NEAR ? i - NEAR : 0, to = i + NEAR < r->n ? i + NEAR : r->n - 1;
  for (size_t k = from; k <= to; k++) {
    const clean_block *b = &r->w->blocks[k];
    uint32_t here = r->f->like[k].plain ? b->chars : 0;
    plain += here;
    linked += b->link_chars;
    chars += b->chars;
    if (k < i && k + SIDE >= i) before += here;
    if (k > i && k <= i + SIDE) after += here;
  }
  f[CLEAN_F_NEAR_PLAIN] = clean_share_byte(plain, chars);
  f[CLEAN_F_NEAR_LINKED] = clean_share_byte(linked, chars);
  f[CLEAN_F_NEAR_BEFORE] = clean_size_byte(before);
  f[CLEAN_F_NEAR_AFTER] = clean_size_byte(after);
}

static void neighbours(const reader *r, size_t i, uint8_t *f) {
  static const int where[4] = {-2, -1, 1, 2};
  static const uint8_t which[] = {CLEAN_F_WORDS, CLEAN_F_LINKED, CLEAN_F_STOPS, CLEAN_F_TAG,
                                  CLEAN_F_LEVEL, CLEAN_F_ENDS,   CLEAN_F_NAMES};
  for (int k = 0; k < 4; k++) {
    uint8_t *to = f + CLEAN_F_NEIGHBOURS + k * CLEAN_F_NEIGHBOUR_COUNT;
    int64_t at = (int64_t)i + where[k];
    if (at < 0 || at >= (int64_t)r->n) {
      memset(to, 255, CLEAN_F_NEIGHBOUR_COUNT);
      continue;
    }
    const uint8_t *from = r->f->f + (size_t)at * CLEAN_F_COUNT;
    for (size_t m = 0; m < sizeof which; m++) to[m] = from[which[m]];
    uint32_t other = r->w->blocks[at].node, own = r->w->blocks[i].node;
    to[sizeof which] = r->d->nodes[other].parent == r->d->nodes[own].parent;
    to[sizeof which + 1] = r->f->like[at].names == r->f->like[i].names;
  }
}

int clean_figures_read(clean_figures *f, const clean_dom *d, const clean_weights *w, const clean_meta *meta) {
  reader r = {.f = f, .d = d, .w = w, .meta = meta, .n = w->n_blocks};
  int rc = first_pass(&r);
  f->n = 0;
  if (rc) return rc;
  find_center(&r);
  find_title(&r);
  uint64_t chars = 0, plain = 0, title_plain = 0;
  for (size_t i = 0; i < r.n && i < r.title && r.title != SIZE_MAX; i++) {
    title_plain += f->like[i].plain ? w->blocks[i].chars : 0;
  }
  for (size_t i = 0; i < r.n; i++) {
    uint8_t *to = f->f + i * CLEAN_F_COUNT;
    own_figures(&r, &w->blocks[i], &f->like[i], to);
    around(&r, &w->blocks[i], to);
    containers(&r, &w->blocks[i], to);
    places(&r, i, chars, plain, title_plain, to);
    nearby(&r, i, to);
    chars += w->blocks[i].chars;
    plain += f->like[i].plain ? w->blocks[i].chars : 0;
  }
  for (size_t i = 0; i < r.n; i++) neighbours(&r, i, f->f + i * CLEAN_F_COUNT);
  f->n = r.n;
  return SL_OK;
}
