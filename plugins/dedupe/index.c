/* SPDX-License-Identifier: Apache-2.0 */
/* The window of documents. */
#include "index.h"

#include <string.h>

#define LEAST_CAP 256u

void dd_index_init(dd_index *x, const lane_mem *mem, uint32_t window) {
  memset(x, 0, sizeof *x);
  x->mem = *mem;
  x->window = window;
}

static void give_back(const lane_mem *m, void *p) {
  if (p) m->free(p);
}

static void free_tables(dd_index *x) {
  give_back(&x->mem, x->entries);
  give_back(&x->mem, x->sigs);
  give_back(&x->mem, x->heads);
  give_back(&x->mem, x->cells);
}

void dd_index_done(dd_index *x) {
  for (uint32_t i = 0; i < x->cap; i++) give_back(&x->mem, x->entries[i].name);
  free_tables(x);
  lane_mem mem = x->mem;
  dd_index_init(x, &mem, x->window);
}

/* ---- chains by hash and by who ---- */

static uint32_t *head(const dd_index *x, const unsigned char *key, bool who) {
  uint32_t h;
  memcpy(&h, key, sizeof h);
  return &x->heads[(h & (x->n_heads - 1)) + (who ? x->n_heads : 0)];
}

static uint32_t *next_of(const dd_index *x, uint32_t slot, bool who) {
  return who ? &x->entries[slot].next_who : &x->entries[slot].next_hash;
}

static const unsigned char *key_of(const dd_index *x, uint32_t slot, bool who) {
  return who ? x->entries[slot].who : x->entries[slot].hash;
}

static uint32_t chained(const dd_index *x, const unsigned char *key, bool who) {
  if (!x->cap) return DD_NONE;
  for (uint32_t i = *head(x, key, who); i; i = *next_of(x, i - 1, who))
    if (memcmp(key_of(x, i - 1, who), key, DD_HASH) == 0) return i - 1;
  return DD_NONE;
}

uint32_t dd_index_who(const dd_index *x, const unsigned char *who) { return chained(x, who, true); }
uint32_t dd_index_hash(const dd_index *x, const unsigned char *hash) { return chained(x, hash, false); }

static void chain(dd_index *x, uint32_t slot, bool who) {
  uint32_t *first = head(x, key_of(x, slot, who), who);
  *next_of(x, slot, who) = *first;
  *first = slot + 1;
}

static void unchain(dd_index *x, uint32_t slot, bool who) {
  uint32_t *at = head(x, key_of(x, slot, who), who);
  while (*at && *at != slot + 1) at = next_of(x, *at - 1, who);
  if (*at) *at = *next_of(x, slot, who);
}

/* ---- bands ---- */

/* A cell is slot + 1 with eight bits of the band's hash above, so that others are passed over without a look at them.
 */
#define SLOT_BITS 24u
#define SLOT_MASK ((1u << SLOT_BITS) - 1)

static uint32_t *bucket(const dd_index *x, unsigned band, const unsigned char *sig, uint32_t *ret_tag) {
  uint32_t v = 0;
  memcpy(&v, sig + band * DD_BAND, DD_BAND);
  uint64_t h = ((uint64_t)band << 32 | v) * UINT64_C(0x9E3779B97F4A7C15);
  *ret_tag = (uint32_t)(h >> 8) & ~SLOT_MASK;
  return x->cells + (size_t)(h >> 32 & (x->n_buckets - 1)) * DD_CELLS;
}

static void band_together(dd_index *x, uint32_t slot) {
  const unsigned char *sig = x->sigs + (size_t)slot * DD_SIG;
  for (unsigned band = 0; band < DD_BANDS; band++) {
    uint32_t tag, *cells = bucket(x, band, sig, &tag);
    memmove(cells + 1, cells, (DD_CELLS - 1) * sizeof *cells);
    cells[0] = (slot + 1) | tag;
  }
}

/* Whether a cell still leads to an entry with the band: slots are used again. */
static bool shares(const dd_index *x, uint32_t slot, unsigned band, const unsigned char *sig) {
  const dd_entry *e = &x->entries[slot];
  return e->used && e->has_sig &&
         memcmp(x->sigs + (size_t)slot * DD_SIG + band * DD_BAND, sig + band * DD_BAND, DD_BAND) == 0;
}

uint32_t dd_index_like(const dd_index *x, const dd_search *q, double *ret_similarity) {
  uint32_t best = DD_NONE;
  double most = 0;
  for (unsigned band = 0; x->cap && band < DD_BANDS; band++) {
    uint32_t tag;
    const uint32_t *cells = bucket(x, band, q->sig, &tag);
    for (unsigned i = 0; i < DD_CELLS && cells[i]; i++) {
      uint32_t slot = (cells[i] & SLOT_MASK) - 1;
      if ((cells[i] & ~SLOT_MASK) != tag) continue;
      const dd_entry *e = &x->entries[slot];
      if (slot == best || !shares(x, slot, band, q->sig) || e->time < q->oldest || e->seq >= q->below) continue;
      double s = dd_similarity(x->sigs + (size_t)slot * DD_SIG, q->sig);
      if (s < q->least || s < most || (s == most && best != DD_NONE && e->seq > x->entries[best].seq)) continue;
      best = slot;
      most = s;
    }
  }
  *ret_similarity = most;
  return best;
}

/* ---- room ---- */

/* Chains and bands of all entries, the oldest slots first. */
static void rebuild(dd_index *x) {
  for (uint32_t i = 0; i < x->cap; i++) {
    if (!x->entries[i].used) continue;
    chain(x, i, false);
    chain(x, i, true);
    if (x->entries[i].has_sig) band_together(x, i);
  }
}

static void *zeroed(const lane_mem *m, size_t n) {
  void *p = m->alloc(n);
  if (p) memset(p, 0, n);
  return p;
}

/* A larger block with what was in the old one. */
static bool widen(const lane_mem *m, void **block, size_t have, size_t want) {
  void *p = zeroed(m, want);
  if (!p) return false;
  if (have) memcpy(p, *block, have);
  give_back(m, *block);
  *block = p;
  return true;
}

/* Room for `slot`. One block after the other, so that little is there twice; cap is raised when all are there. */
static int grow(dd_index *x, uint32_t slot) {
  uint64_t cap = x->cap ? x->cap : LEAST_CAP;
  uint32_t n_heads = LEAST_CAP;
  while (cap <= slot) cap *= 2;
  if (cap > x->window) cap = x->window;
  while (n_heads < cap) n_heads *= 2;
  uint32_t n_buckets = n_heads * 8;
  void *entries = x->entries, *sigs = x->sigs;
  bool ok = widen(&x->mem, &entries, x->cap * sizeof *x->entries, cap * sizeof *x->entries);
  x->entries = entries;
  ok = ok && widen(&x->mem, &sigs, (size_t)x->cap * DD_SIG, cap * DD_SIG);
  x->sigs = sigs;
  uint32_t *heads = ok ? zeroed(&x->mem, (size_t)n_heads * 2 * sizeof *heads) : NULL;
  uint32_t *cells = heads ? zeroed(&x->mem, (size_t)n_buckets * DD_CELLS * sizeof *cells) : NULL;
  if (!cells) {
    give_back(&x->mem, heads);
    return -1;
  }
  give_back(&x->mem, x->heads);
  give_back(&x->mem, x->cells);
  x->heads = heads;
  x->cells = cells;
  x->n_heads = n_heads;
  x->n_buckets = n_buckets;
  x->cap = (uint32_t)cap;
  rebuild(x);
  return 0;
}

void dd_index_remove(dd_index *x, uint32_t slot) {
  if (slot >= x->cap || !x->entries[slot].used) return;
  unchain(x, slot, false);
  unchain(x, slot, true);
  give_back(&x->mem, x->entries[slot].name);
  memset(&x->entries[slot], 0, sizeof x->entries[slot]);
  x->used--;
}

int dd_index_put(dd_index *x, uint32_t slot, const dd_entry *entry, const unsigned char *sig) {
  if (slot >= x->cap && grow(x, slot) != 0) return -1;
  dd_index_remove(x, slot);
  x->entries[slot] = *entry;
  x->entries[slot].used = true;
  x->used++;
  chain(x, slot, false);
  chain(x, slot, true);
  if (!entry->has_sig) return 0;
  memcpy(x->sigs + (size_t)slot * DD_SIG, sig, DD_SIG);
  band_together(x, slot);
  return 0;
}
