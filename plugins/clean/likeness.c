/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of words by hash: see likeness.h. */
#include "likeness.h"

#include <string.h>

#include "vi_text.h"

#define SEED 0xCBF29CE484222325ull
#define PRIME 0x100000001B3ull
#define TEXT_MAX ((size_t)1 << 20)

static uint64_t mix(uint64_t x) {
  x ^= x >> 32;
  x *= 0x9E3779B97F4A7C15ull;
  return x ^ (x >> 29);
}

static int end_word(clean_runs *r) {
  if (!r->word) return 0;
  for (unsigned k = CLEAN_RUN_MAX - 1; k > 0; k--) r->last[k] = r->last[k - 1];
  r->last[0] = mix(r->word);
  r->text = (r->text ^ r->last[0]) * PRIME;
  r->word = 0;
  r->n++;
  return 1;
}

int clean_runs_char(clean_runs *r, uint32_t c) {
  unsigned entry = vi_entry(c);
  int ideograph = (c >= 0x3040 && c <= 0x9FFF) || (c >= 0x0E00 && c <= 0x0EFF) || c >= 0x20000;
  if (vi_is_ignorable(c)) return 0;
  int part = (entry & (VI_LETTER | VI_DIGIT | VI_MARK)) != 0;
  if (part && !ideograph && !r->ideograph) {
    r->word = ((r->word ? r->word : SEED) ^ vi_to_lower(c)) * PRIME;
    return 0;
  }
  int ended = end_word(r);
  r->ideograph = ideograph;
  if (part) r->word = (SEED ^ vi_to_lower(c)) * PRIME;
  return ended;
}

uint64_t clean_runs_hash(const clean_runs *r, unsigned run) {
  if (r->n < run) return 0;
  uint64_t h = SEED;
  for (unsigned k = 0; k < run; k++) h = (h ^ r->last[k]) * PRIME;
  h = mix(h);
  return h ? h : 1;
}

int clean_set_start(clean_set *s, const clean_mem *mem, size_t n) {
  size_t size = 16;
  while (size < n * 2) size *= 2;
  void *p = s->slots;
  if (clean_grow(mem, &p, &s->cap, 0, size, sizeof *s->slots)) return SL_ENOMEM;
  s->slots = p;
  s->mask = size - 1;
  s->n = 0;
  memset(s->slots, 0, size * sizeof *s->slots);
  return SL_OK;
}

int clean_set_add(clean_set *s, uint64_t hash) {
  size_t i = hash & s->mask;
  while (s->slots[i] && s->slots[i] != hash) i = (i + 1) & s->mask;
  if (s->slots[i]) return 0;
  s->slots[i] = hash;
  s->n++;
  return 1;
}

int clean_set_has(const clean_set *s, uint64_t hash) {
  if (s->n == 0) return 0;
  size_t i = hash & s->mask;
  while (s->slots[i] && s->slots[i] != hash) i = (i + 1) & s->mask;
  return s->slots[i] != 0;
}

int clean_set_text(clean_set *s, const clean_mem *mem, const char *text, unsigned run) {
  clean_runs r = {0};
  size_t n = text ? strlen(text) : 0;
  if (n > TEXT_MAX) n = TEXT_MAX;
  if (clean_set_start(s, mem, n / 2 + 2)) return SL_ENOMEM;
  for (size_t i = 0, end = 0; !end;) {
    end = i >= n;
    uint32_t c = end ? ' ' : vi_next(text, n, &i);
    uint64_t hash = clean_runs_char(&r, c) ? clean_runs_hash(&r, run) : 0;
    if (hash) clean_set_add(s, hash);
  }
  return SL_OK;
}
