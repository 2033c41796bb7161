/* SPDX-License-Identifier: Apache-2.0 */
/* The table of words: open addressing over folded keys. */
#include "terms.h"

#include "vi_text.h"

#define N_STOPS (sizeof(((sum_terms *)0)->stops) / sizeof(uint64_t))

static size_t spread(uint64_t key) { return (size_t)((key * UINT64_C(0x9E3779B97F4A7C15)) >> 32); }

uint64_t sum_word_key(const char *s, size_t n, uint32_t *ret_syllables) {
  uint64_t key = UINT64_C(0xCBF29CE484222325);
  uint32_t syllables = 0, parts = 0;
  vi_word w;
  for (size_t i = 0; i < n && vi_next_word(s, n, &i, &w);) {
    key = (key ^ vi_key_i(w.key)) * UINT64_C(0x100000001B3);
    key ^= key >> 31;
    parts++;
    syllables += w.letters > 0;
  }
  *ret_syllables = syllables;
  return parts ? key | 1 : 0;
}

bool sum_terms_is_stop(const sum_terms *t, uint64_t key) {
  for (size_t slot = spread(key) & (N_STOPS - 1); t->stops[slot] != 0; slot = (slot + 1) & (N_STOPS - 1)) {
    if (t->stops[slot] == key) return true;
  }
  return false;
}

/* The next word of a list parted by spaces; false at its end. */
static bool next_item(const char *s, size_t n, size_t *i, size_t *ret_start) {
  while (*i < n && s[*i] == ' ') ++*i;
  *ret_start = *i;
  while (*i < n && s[*i] != ' ') ++*i;
  return *i > *ret_start;
}

void sum_terms_init(sum_terms *t, const lane_mem *mem) {
  memset(t, 0, sizeof(*t));
  t->mem = mem;
  size_t n = strlen(sum_stopwords), used = 0, start;
  for (size_t i = 0; next_item(sum_stopwords, n, &i, &start);) {
    uint32_t syllables;
    uint64_t key = sum_word_key(sum_stopwords + start, i - start, &syllables);
    if (sum_terms_is_stop(t, key) || ++used >= N_STOPS * 3 / 4) continue;
    size_t slot = spread(key) & (N_STOPS - 1);
    while (t->stops[slot] != 0) slot = (slot + 1) & (N_STOPS - 1);
    t->stops[slot] = key;
  }
}

void sum_terms_done(sum_terms *t) {
  lane_vec_done(t->mem, &t->terms);
  lane_vec_done(t->mem, &t->slots);
  t->n_slots = 0;
}

void sum_terms_clear(sum_terms *t) {
  t->terms.n = 0;
  if (t->n_slots) memset(t->slots.items, 0, t->n_slots * sizeof(uint32_t));
}

/* Twice the slots, at least 1024, when half of them are taken. */
static int make_room(sum_terms *t) {
  if (t->terms.n * 2 < t->n_slots) return 0;
  size_t want = t->n_slots ? t->n_slots * 2 : 1024;
  if (lane_vec_reserve(t->mem, &t->slots, sizeof(uint32_t), want) != 0) return -1;
  uint32_t *slots = t->slots.items;
  const sum_term *terms = t->terms.items;
  memset(slots, 0, want * sizeof(uint32_t));
  t->n_slots = want;
  for (size_t i = 0; i < t->terms.n; i++) {
    size_t slot = spread(terms[i].key) & (want - 1);
    while (slots[slot]) slot = (slot + 1) & (want - 1);
    slots[slot] = (uint32_t)i + 1;
  }
  return 0;
}

uint32_t sum_terms_find(sum_terms *t, const char *s, size_t n, bool add) {
  uint32_t syllables;
  uint64_t key = sum_word_key(s, n, &syllables);
  if (key == 0) return SUM_NOT_THERE;
  if (add && make_room(t) != 0) return SUM_NO_MEMORY;
  if (t->n_slots == 0) return SUM_NOT_THERE;
  uint32_t *slots = t->slots.items;
  size_t slot = spread(key) & (t->n_slots - 1);
  for (; slots[slot]; slot = (slot + 1) & (t->n_slots - 1)) {
    if (((sum_term *)t->terms.items)[slots[slot] - 1].key == key) return slots[slot] - 1;
  }
  if (!add) return SUM_NOT_THERE;
  if (lane_vec_reserve(t->mem, &t->terms, sizeof(sum_term), t->terms.n + 1) != 0) return SUM_NO_MEMORY;
  sum_term *term = (sum_term *)t->terms.items + t->terms.n++;
  memset(term, 0, sizeof(*term));
  term->key = key;
  term->syllables = syllables;
  term->flags = syllables == 0 || sum_terms_is_stop(t, key) ? SUM_TERM_STOP : 0u;
  term->form = s;
  term->form_len = (uint32_t)n;
  term->first = (uint32_t)t->terms.n;
  slots[slot] = (uint32_t)t->terms.n;
  return (uint32_t)t->terms.n - 1;
}

bool sum_term_is_name(const sum_term *t) {
  if (t->flags & SUM_TERM_LOWER) return false;
  if (t->flags & SUM_TERM_UPPER) return true;
  /* Only seen at the start of sentences: a name if it has a second capital. */
  vi_word w;
  size_t i = 0, syllables = 0;
  while (i < t->form_len && vi_next_word(t->form, t->form_len, &i, &w)) {
    if (!w.first_upper) return false;
    syllables++;
  }
  return syllables > 1;
}
