/* SPDX-License-Identifier: Apache-2.0 */
/* Words in, trie out: sorts the words by syllable numbers and lays the trie out level by level. */
#include "dict_build.h"

#include <stdlib.h>

#include "vi_text.h"

/* In flags while building: the word is left out. */
#define OMIT 1u

void seg_build_init(seg_build *b, const lane_mem *mem) {
  memset(b, 0, sizeof(*b));
  b->mem = *mem;
}

void seg_build_done(seg_build *b) {
  lane_vec_done(&b->mem, &b->syllables);
  lane_vec_done(&b->mem, &b->words);
}

static bool is_joint(uint32_t cp) { return cp == '-' || cp == '_' || vi_is_space(cp); }

/* Cuts a line into syllable keys; returns how many, 0 if it is no word. */
static unsigned line_keys(const char *s, size_t n, uint64_t *keys, bool *ret_name) {
  unsigned count = 0;
  *ret_name = false;
  for (size_t i = 0; i < n;) {
    size_t start = i;
    while (i < n) {
      size_t next = i;
      uint32_t cp = vi_next(s, n, &next);
      if (is_joint(cp)) break;
      if (!(vi_entry(cp) & (VI_LETTER | VI_MARK))) return 0;
      if (count == 0 && i == start) *ret_name = vi_is_upper(cp);
      i = next;
    }
    if (i > start) {
      uint64_t key = vi_key(s + start, i - start);
      if (key == 0 || count == SEG_DICT_MAX_SYLLABLES) return 0;
      keys[count++] = vi_key_i(key);
    }
    while (i < n && is_joint(vi_peek(s, n, i))) vi_next(s, n, &i);
  }
  return count;
}

static int add_keys(seg_build *b, const uint64_t *keys, unsigned count, uint32_t flags) {
  if (b->syllables.n + count > UINT32_MAX) return -1;
  if (lane_vec_reserve(&b->mem, &b->syllables, sizeof(uint64_t), b->syllables.n + count) != 0) return -1;
  if (lane_vec_reserve(&b->mem, &b->words, sizeof(seg_build_word), b->words.n + 1) != 0) return -1;
  memcpy((uint64_t *)b->syllables.items + b->syllables.n, keys, count * sizeof(uint64_t));
  seg_build_word *w = (seg_build_word *)b->words.items + b->words.n++;
  *w = (seg_build_word){(uint32_t)b->syllables.n, count, flags};
  b->syllables.n += count;
  return 0;
}

static int add_word(seg_build *b, const char *s, size_t n) {
  uint64_t keys[SEG_DICT_MAX_SYLLABLES];
  bool name, omit = s[0] == '!';
  unsigned count = line_keys(s + omit, n - omit, keys, &name);
  uint32_t flags = omit ? OMIT : SEG_DICT_WORD | (name ? SEG_DICT_PROPER : 0);
  if (b->listed && !omit) flags |= SEG_DICT_LISTED;
  if (b->own) flags = SEG_DICT_OWN | (omit ? 0 : flags);
  if (count > 0) return add_keys(b, keys, count, flags);
  b->skipped++;
  return 0;
}

int seg_build_list(seg_build *b, const char *text, size_t n) {
  for (size_t i = 0; i < n;) {
    const char *nl = memchr(text + i, '\n', n - i);
    size_t end = nl ? (size_t)(nl - text) : n, stop = end;
    const char *remark = memchr(text + i, '#', end - i);
    if (remark) stop = (size_t)(remark - text);
    size_t start = i;
    while (start < stop && vi_is_space((unsigned char)text[start])) start++;
    while (stop > start && (text[stop - 1] == ' ' || text[stop - 1] == '\r' || text[stop - 1] == '\t')) stop--;
    if (start < stop && add_word(b, text + start, stop - start) != 0) return -1;
    i = end + 1;
  }
  return 0;
}

/* Adds the words below a node whose path is keys[0, depth). */
static int add_below(seg_build *b, const seg_dict *d, const uint64_t *by_id, uint32_t node, uint64_t *keys,
                     unsigned depth) {
  uint32_t flags = node && seg_dict_flags(d, node) ? d->first[node] & ~SEG_NODE_MASK : 0;
  if (flags && add_keys(b, keys, depth, flags) != 0) return -1;
  if (depth == SEG_DICT_MAX_SYLLABLES) return 0;
  uint32_t end = d->first[node + 1] & SEG_NODE_MASK;
  for (uint32_t child = d->first[node] & SEG_NODE_MASK; child < end; child++) {
    keys[depth] = by_id[d->label[child]];
    if (add_below(b, d, by_id, child, keys, depth + 1) != 0) return -1;
  }
  return 0;
}

int seg_build_dict(seg_build *b, const seg_dict *d) {
  uint64_t keys[SEG_DICT_MAX_SYLLABLES];
  uint64_t *by_id = b->mem.alloc((d->head->n_syllables + 1) * sizeof(uint64_t));
  if (!by_id) return -1;
  memset(by_id, 0, (d->head->n_syllables + 1) * sizeof(uint64_t));
  for (uint32_t i = 0; i < d->head->n_slots; i++) {
    if (d->keys[i]) by_id[d->ids[i]] = d->keys[i];
  }
  b->notes_of = d;
  int rc = add_below(b, d, by_id, 0, keys, 0);
  b->mem.free(by_id);
  return rc;
}

/* ---- laying out -------------------------------------------------------------------------------------------------- */

/* What two entries for the same syllables come to: the user's wins, then what is left out, and a name that is also a
 * word is a word. What is known of either is kept. */
static uint32_t join_flags(uint32_t a, uint32_t b) {
  uint32_t known = (a | b) & SEG_DICT_CLASS, kinds = SEG_DICT_WORD | SEG_DICT_PROPER | SEG_DICT_OWN;
  if ((a ^ b) & SEG_DICT_OWN) return known | ((a & SEG_DICT_OWN ? a : b) & ~SEG_DICT_CLASS);
  return (a | b) & OMIT ? OMIT : known | (a & b & kinds);
}

/* A word by syllable numbers, padded with zeros so that sorting is one comparison. */
typedef struct row {
  uint16_t id[SEG_DICT_MAX_SYLLABLES];
  uint32_t n;
  uint32_t flags;
} row;

/* The rows [lo, hi) that share their first `depth` syllables: one node. */
typedef struct span {
  uint32_t lo, hi, depth;
} span;

static int by_key(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

static int by_row(const void *a, const void *b) {
  const row *x = a, *y = b;
  for (unsigned i = 0; i < SEG_DICT_MAX_SYLLABLES; i++) {
    if (x->id[i] != y->id[i]) return x->id[i] < y->id[i] ? -1 : 1;
  }
  return 0;
}

typedef struct layout {
  const lane_mem *mem;
  uint64_t *keys; /* unique, sorted */
  size_t n_keys;
  row *rows;
  size_t n_rows; /* unique */
  span *nodes;   /* breadth first */
  uint32_t *first;
  uint16_t *label;
  size_t n_nodes, max_nodes;
} layout;

static void layout_done(layout *l) {
  void *all[] = {l->keys, l->rows, l->nodes, l->first, l->label};
  for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
    if (all[i]) l->mem->free(all[i]);
  }
}

static int number_syllables(layout *l, const seg_build *b) {
  l->keys = l->mem->alloc(b->syllables.n * sizeof(uint64_t) + 8);
  if (!l->keys) return -1;
  if (b->syllables.n) memcpy(l->keys, b->syllables.items, b->syllables.n * sizeof(uint64_t));
  qsort(l->keys, b->syllables.n, sizeof(uint64_t), by_key);
  for (size_t i = 0; i < b->syllables.n; i++) {
    if (l->n_keys == 0 || l->keys[l->n_keys - 1] != l->keys[i]) l->keys[l->n_keys++] = l->keys[i];
  }
  return l->n_keys > 65535 ? -2 : 0;
}

static int make_rows(layout *l, const seg_build *b) {
  const uint64_t *all = b->syllables.items;
  const seg_build_word *words = b->words.items;
  l->rows = l->mem->alloc(b->words.n * sizeof(row) + 8);
  if (!l->rows) return -1;
  l->max_nodes = 1;
  for (size_t i = 0; i < b->words.n; i++) {
    row *r = &l->rows[i];
    memset(r, 0, sizeof(*r));
    for (uint32_t k = 0; k < words[i].n; k++) {
      const uint64_t *at = bsearch(&all[words[i].at + k], l->keys, l->n_keys, sizeof(uint64_t), by_key);
      r->id[k] = (uint16_t)(at - l->keys + 1);
    }
    r->n = words[i].n;
    r->flags = words[i].flags;
    l->max_nodes += r->n;
  }
  qsort(l->rows, b->words.n, sizeof(row), by_row);
  for (size_t i = 0; i < b->words.n; i++) {
    if (l->n_rows && by_row(&l->rows[l->n_rows - 1], &l->rows[i]) == 0) {
      l->rows[l->n_rows - 1].flags = join_flags(l->rows[l->n_rows - 1].flags, l->rows[i].flags);
    } else {
      l->rows[l->n_rows++] = l->rows[i];
    }
  }
  size_t kept = 0;
  for (size_t i = 0; i < l->n_rows; i++) {
    if (!(l->rows[i].flags & OMIT)) l->rows[kept++] = l->rows[i];
  }
  l->n_rows = kept;
  return l->max_nodes > SEG_NODE_MASK ? -2 : 0;
}

static int make_nodes(layout *l) {
  l->nodes = l->mem->alloc(l->max_nodes * sizeof(span));
  l->first = l->mem->alloc((l->max_nodes + 1) * sizeof(uint32_t));
  l->label = l->mem->alloc(l->max_nodes * sizeof(uint16_t));
  if (!l->nodes || !l->first || !l->label) return -1;
  l->nodes[0] = (span){0, (uint32_t)l->n_rows, 0};
  l->label[0] = 0;
  l->n_nodes = 1;
  for (size_t i = 0; i < l->n_nodes; i++) {
    span s = l->nodes[i];
    uint32_t at = s.lo, flags = 0;
    if (s.depth > 0 && l->rows[at].n == s.depth) flags = l->rows[at++].flags;
    l->first[i] = (uint32_t)l->n_nodes | flags;
    while (at < s.hi) {
      uint32_t end = at + 1;
      while (end < s.hi && l->rows[end].id[s.depth] == l->rows[at].id[s.depth]) end++;
      l->label[l->n_nodes] = l->rows[at].id[s.depth];
      l->nodes[l->n_nodes++] = (span){at, end, s.depth + 1};
      at = end;
    }
  }
  l->first[l->n_nodes] = (uint32_t)l->n_nodes;
  return 0;
}

static void fill_block(const layout *l, const seg_dict *notes_of, char *block, seg_dict_head *h) {
  char *p = block + sizeof(*h);
  uint64_t *keys = (uint64_t *)(void *)p;
  uint32_t *root = (uint32_t *)(void *)(keys + h->n_slots);
  uint32_t *notes = root + h->n_syllables + 1;
  uint32_t *first = notes + h->n_syllables + 1;
  uint16_t *ids = (uint16_t *)(void *)(first + h->n_nodes + 1);
  uint16_t *label = ids + h->n_slots;
  memset(p, 0, h->size - sizeof(*h));
  for (uint32_t i = 0; i < h->n_syllables; i++) {
    uint32_t slot = seg_dict_slot(l->keys[i], h->n_slots);
    while (keys[slot] != 0) slot = (slot + 1) & (h->n_slots - 1);
    keys[slot] = l->keys[i];
    ids[slot] = (uint16_t)(i + 1);
    if (notes_of) notes[i + 1] = notes_of->notes[seg_dict_syllable(notes_of, l->keys[i])];
  }
  memcpy(first, l->first, (l->n_nodes + 1) * sizeof(uint32_t));
  memcpy(label, l->label, l->n_nodes * sizeof(uint16_t));
  uint32_t end = first[1] & SEG_NODE_MASK;
  for (uint32_t i = 1; i < end && i < h->n_nodes; i++) root[label[i]] = i;
  h->checksum = seg_dict_checksum(p, h->size - sizeof(*h));
  memcpy(block, h, sizeof(*h));
}

static int make_block(const layout *l, const seg_dict *notes_of, void **ret_block, size_t *ret_size) {
  seg_dict_head h = {.version = 2, .order = 0x01020304};
  memcpy(h.magic, "SLSEGDIC", 8);
  h.n_syllables = (uint32_t)l->n_keys;
  h.n_nodes = (uint32_t)l->n_nodes;
  h.n_words = (uint32_t)l->n_rows;
  h.n_slots = 16;
  while (h.n_slots < h.n_syllables * 2) h.n_slots *= 2;
  size_t size = sizeof(h) + h.n_slots * (size_t)10 + (h.n_syllables + 1) * (size_t)8 + (h.n_nodes + 1) * (size_t)4 +
                h.n_nodes * (size_t)2;
  if (size > UINT32_MAX) return -2;
  h.size = (uint32_t)size;
  char *block = l->mem->alloc(size);
  if (!block) return -1;
  fill_block(l, notes_of, block, &h);
  *ret_block = block;
  *ret_size = size;
  return 0;
}

int seg_build_block(seg_build *b, void **ret_block, size_t *ret_size) {
  layout l = {.mem = &b->mem};
  int rc = number_syllables(&l, b);
  if (rc == 0) rc = make_rows(&l, b);
  if (rc == 0) rc = make_nodes(&l);
  if (rc == 0) rc = make_block(&l, b->notes_of, ret_block, ret_size);
  layout_done(&l);
  return rc;
}

void seg_build_note(void *block, size_t size, const uint8_t *seen, const uint32_t *notes) {
  char *p = (char *)block + sizeof(seg_dict_head);
  seg_dict_head h;
  memcpy(&h, block, sizeof(h));
  uint32_t *to = (uint32_t *)(void *)(p + h.n_slots * (size_t)8) + h.n_syllables + 1;
  uint32_t *first = to + h.n_syllables + 1;
  memcpy(to, notes, (h.n_syllables + 1) * sizeof(uint32_t));
  for (uint32_t i = 1; i < h.n_nodes; i++) {
    if (first[i] & SEG_DICT_WORD) first[i] |= (uint32_t)seen[i] << SEG_DICT_CLASS_SHIFT;
  }
  h.checksum = seg_dict_checksum(p, size - sizeof(h));
  memcpy(block, &h, sizeof(h));
}
