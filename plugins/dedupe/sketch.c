/* SPDX-License-Identifier: Apache-2.0 */
/* Sketches of texts. */
#include "sketch.h"

#include <string.h>

#include "vi_text.h"

/* The finisher of MurmurHash3: every bit of the input moves every bit of the output. */
static uint64_t mix(uint64_t h) {
  h = (h ^ h >> 33) * UINT64_C(0xFF51AFD7ED558CCD);
  h = (h ^ h >> 33) * UINT64_C(0xC4CEB9FE1A85EC53);
  return h ^ h >> 33;
}

void dd_sketch_begin(dd_sketcher *s) {
  memset(s, 0, sizeof *s);
  memset(s->bins, 0xFF, sizeof s->bins);
  s->a = UINT64_C(0x243F6A8885A308D3);
  s->b = UINT64_C(0x13198A2E03707344);
}

static void absorb(uint64_t *a, uint64_t *b, uint64_t unit) {
  *a = mix(*a ^ unit);
  *b = mix(*b + unit * UINT64_C(0x9E3779B97F4A7C15) + 1);
}

static void add_word(dd_sketcher *s, uint64_t key) {
  absorb(&s->a, &s->b, key);
  s->ring[s->words++ % DD_RUN] = mix(key);
  if (s->words < DD_RUN) return;
  uint64_t run = 0;
  for (unsigned i = 0; i < DD_RUN; i++) run = run * UINT64_C(0x9E3779B97F4A7C15) + s->ring[(s->words + i) % DD_RUN];
  run = mix(run);
  uint64_t *bin = &s->bins[run >> 57];
  if (run < *bin) *bin = run;
}

/* Letters that are not parted by spaces. */
static bool stands_alone(uint32_t cp) {
  return (cp >= 0xE00 && cp < 0xF00) || (cp >= 0x1000 && cp < 0x10A0) || (cp >= 0x1780 && cp < 0x1800) ||
         (cp >= 0x3040 && cp < 0x3100) || (cp >= 0x3400 && cp < 0xA000) || (cp >= 0xF900 && cp < 0xFB00) ||
         (cp >= 0x20000 && cp < 0x40000);
}

/* Whether the word may have such letters; the Vietnamese ones of three bytes (U+1E80 to U+1EFF) are told apart quickly.
 */
static bool may_stand_alone(const char *text, const vi_word *w) {
  const unsigned char *p = (const unsigned char *)text;
  for (size_t i = w->start; i < w->end; i++)
    if (p[i] >= 0xE0 && (p[i] != 0xE1 || p[i + 1] < 0xBA || p[i + 1] > 0xBB)) return true;
  return false;
}

/* A run of letters of which some stand alone: those between them are words. */
static void add_run(dd_sketcher *s, const char *text, const vi_word *w) {
  size_t from = w->start;
  for (size_t i = w->start; i <= w->end;) {
    size_t at = i;
    uint32_t cp = i < w->end ? vi_next(text, w->end, &i) : 0;
    if (at < w->end && !stands_alone(cp)) continue;
    uint64_t key = at > from ? vi_key(text + from, at - from) : 0;
    if (key) add_word(s, key);
    if (at == w->end) break;
    if (!vi_is_mark(cp)) add_word(s, (uint64_t)cp << 32);
    from = i;
  }
}

void dd_sketch_add(dd_sketcher *s, const char *text, size_t n) {
  vi_word w;
  for (size_t i = 0; vi_next_word(text, n, &i, &w);) {
    if (may_stand_alone(text, &w))
      add_run(s, text, &w);
    else
      add_word(s, w.key);
  }
}

void dd_sketch_end(dd_sketcher *s, dd_sketch *ret) {
  memset(ret, 0, sizeof *ret);
  absorb(&s->a, &s->b, s->words);
  memcpy(ret->hash, &s->a, 8);
  memcpy(ret->hash + 8, &s->b, 8);
  ret->words = s->words;
  ret->has_sig = s->words >= DD_RUN;
  for (uint64_t i = 0; i < DD_SIG && ret->has_sig; i++) {
    uint64_t from = i;
    for (uint64_t k = 1; s->bins[from] == UINT64_MAX; k++) from = mix(i << 32 | k) % DD_SIG;
    ret->sig[i] = (unsigned char)s->bins[from];
  }
}

double dd_similarity(const unsigned char *a, const unsigned char *b) {
  unsigned same = 0;
  for (unsigned i = 0; i < DD_SIG; i++) same += a[i] == b[i];
  /* One in 256 is equal by chance. */
  double share = ((double)same / DD_SIG - 1.0 / 256) / (1 - 1.0 / 256);
  return share > 0 ? share : 0;
}

void dd_hash(const char *s, size_t n, unsigned char ret[DD_HASH]) {
  uint64_t a = UINT64_C(0xA4093822299F31D0), b = UINT64_C(0x082EFA98EC4E6C89);
  for (size_t i = 0; i < n; i += 8) {
    uint64_t unit = 0;
    memcpy(&unit, s + i, n - i < 8 ? n - i : 8);
    absorb(&a, &b, unit);
  }
  absorb(&a, &b, n);
  memcpy(ret, &a, 8);
  memcpy(ret + 8, &b, 8);
}
