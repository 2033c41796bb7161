/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notes on a dictionary: how a treebank has its words, and what its syllables are when they stand alone.
 *
 * The tagger weighs them like any other feature. They must come from other sentences than those that are learnt from,
 * else a word would vouch for itself.
 */
#include "notes.h"

#include "dict_build.h"
#include "token.h"

#define MAX_MATCH 9u

typedef struct counts {
  seg_dict d;
  uint32_t *whole, *apart;                   /* by node */
  uint32_t (*alone)[SEG_POS_COUNT];          /* by syllable and part of speech */
  uint32_t *inside, *firsts, *lasts, *notes; /* by syllable */
  uint8_t *seen;                             /* by node */
} counts;

static void *zeros(const lane_mem *mem, size_t n, size_t size) {
  void *p = mem->alloc(n * size);
  if (p) memset(p, 0, n * size);
  return p;
}

static bool counts_init(counts *c, const lane_mem *mem) {
  size_t nodes = c->d.head->n_nodes, syllables = c->d.head->n_syllables + (size_t)1;
  c->whole = zeros(mem, nodes, sizeof(uint32_t));
  c->apart = zeros(mem, nodes, sizeof(uint32_t));
  c->seen = zeros(mem, nodes, 1);
  c->alone = zeros(mem, syllables, sizeof(*c->alone));
  c->inside = zeros(mem, syllables, sizeof(uint32_t));
  c->firsts = zeros(mem, syllables, sizeof(uint32_t));
  c->lasts = zeros(mem, syllables, sizeof(uint32_t));
  c->notes = zeros(mem, syllables, sizeof(uint32_t));
  return c->whole && c->apart && c->seen && c->alone && c->inside && c->firsts && c->lasts && c->notes;
}

static void counts_done(counts *c, const lane_mem *mem) {
  void *all[] = {c->whole, c->apart, c->seen, c->alone, c->inside, c->firsts, c->lasts, c->notes};
  for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
    if (all[i]) mem->free(all[i]);
  }
}

/* The tokens t[i, n) from the begin of a word: each dictionary word there, if a word ends with it, too. begins[n]:
 * true. */
static void count_words(counts *c, const seg_token *t, const uint8_t *begins, size_t i, size_t n) {
  uint32_t node = c->d.root[t[i].syllable];
  bool apart = false;
  for (size_t k = i + 1; node && k < n && k < i + MAX_MATCH && t[k].syllable; k++) {
    node = seg_dict_step(&c->d, node, t[k].syllable);
    if (!node) break;
    apart = apart || begins[k];
    if (begins[k + 1]) (*(apart ? &c->apart[node] : &c->whole[node]))++;
  }
}

static void count_sentence(counts *c, const seg_token *t, const uint8_t *begins, size_t n, const char *ends) {
  for (size_t i = 0; i < n; i++) {
    if (!t[i].syllable) continue;
    if (begins[i]) count_words(c, t, begins, i, n);
    if (i > 0 && (t[i].flags & SEG_T_UPPER)) continue; /* names say little of what a syllable is */
    unsigned pos = (unsigned char)ends[t[i].end - 1];
    if (begins[i] && begins[i + 1] && pos < SEG_POS_COUNT) {
      c->alone[t[i].syllable][pos]++;
    } else {
      c->inside[t[i].syllable]++;
    }
  }
}

static int count_treebank(counts *c, const lane_mem *mem, const seg_treebank *tb, const bool *in) {
  const seg_tb_sentence *s = tb->sentences.items;
  lane_vec tokens = {0}, begins = {0};
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < tb->sentences.n; i++) {
    if (!in[i]) continue;
    const char *text = (const char *)tb->text.items + s[i].at, *ends = (const char *)tb->ends.items + s[i].at;
    tokens.n = 0;
    rc = seg_tokenize(&tokens, mem, &c->d, text, 0, s[i].n);
    if (rc == 0) rc = lane_vec_reserve(mem, &begins, 1, tokens.n + 1);
    if (rc != 0) break;
    const seg_token *t = tokens.items;
    uint8_t *b = begins.items;
    for (size_t k = 0; k < tokens.n; k++) b[k] = seg_tb_word_ends(text, ends, t[k].start);
    b[tokens.n] = 1;
    count_sentence(c, t, b, tokens.n, ends);
  }
  lane_vec_done(mem, &tokens);
  lane_vec_done(mem, &begins);
  return rc == 0 ? 0 : -1;
}

/* Listed words below a node, by their first and last syllables. */
static void count_listed(counts *c, uint32_t node, uint32_t first) {
  uint32_t end = c->d.first[node + 1] & SEG_NODE_MASK;
  for (uint32_t child = c->d.first[node] & SEG_NODE_MASK; child < end; child++) {
    uint32_t from = node ? first : c->d.label[child];
    if (node && (c->d.first[child] & SEG_DICT_LISTED)) {
      c->firsts[from]++;
      c->lasts[c->d.label[child]]++;
    }
    count_listed(c, child, from);
  }
}

static unsigned step(uint32_t n, const uint32_t *limits, unsigned count) {
  unsigned i = 0;
  while (i < count && n >= limits[i]) i++;
  return i;
}

static uint8_t seen(uint32_t whole, uint32_t apart) {
  if (whole == 0) return apart == 0 ? SEG_SEEN_NEVER : apart == 1 ? SEG_SEEN_APART_ONCE : SEG_SEEN_APART;
  if (apart == 0) return whole == 1 ? SEG_SEEN_WHOLE_ONCE : SEG_SEEN_WHOLE;
  return whole > apart ? SEG_SEEN_MOSTLY_WHOLE : SEG_SEEN_BOTH;
}

static uint32_t note(const counts *c, uint32_t syllable) {
  static const uint32_t shares[] = {1, 15, 50, 85, 100}, words[] = {1, 2, 5, 12, 30};
  const uint32_t *n = c->alone[syllable];
  uint32_t best = 0, second = 0, all = 0, total;
  for (uint32_t i = 1; i < SEG_POS_COUNT; i++) {
    all += n[i];
    if (n[i] > n[best]) best = i;
  }
  for (uint32_t i = 1; i < SEG_POS_COUNT; i++) {
    if (i != best && n[i] > n[second]) second = i;
  }
  if (n[second] * 4 < n[best]) second = 0;
  total = all + c->inside[syllable];
  uint32_t is_free = total == 0 ? 0 : 1 + step((uint32_t)((uint64_t)all * 100 / total), shares, 5);
  return best | second << 4 | is_free << 8 | step(c->firsts[syllable], words, 5) << 11 |
         step(c->lasts[syllable], words, 5) << 14;
}

int seg_notes_make(const lane_mem *mem, const seg_treebank *tb, const bool *in, void *block, size_t size) {
  counts c;
  memset(&c, 0, sizeof(c));
  if (seg_dict_open(&c.d, block, size)) return -2;
  int rc = counts_init(&c, mem) ? count_treebank(&c, mem, tb, in) : -1;
  if (rc == 0) {
    count_listed(&c, 0, 0);
    for (uint32_t i = 0; i < c.d.head->n_nodes; i++) c.seen[i] = seen(c.whole[i], c.apart[i]);
    for (uint32_t i = 1; i <= c.d.head->n_syllables; i++) c.notes[i] = note(&c, i);
    seg_build_note(block, size, c.seen, c.notes);
  }
  counts_done(&c, mem);
  return rc;
}
