/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The window: sketches of the last documents, found by record key, by hash and by likeness.
 *
 * Entries stand in slots 0 .. window-1, which the caller gives out. Likeness is looked for among the entries that share
 * a band, three equal bytes in one of 42 places of the signature; each band leads to the last DD_CELLS entries that
 * have it, so the time of a search is bounded whatever the texts are. Memory grows with the
 * entries up to the window: about 550 bytes an entry. A window has at most DD_WINDOW slots.
 */
#ifndef DEDUPE_INDEX_H
#define DEDUPE_INDEX_H

#include "lane_vec.h"
#include "sketch.h"

#define DD_BAND 3u
#define DD_BANDS (DD_SIG / DD_BAND)
#define DD_CELLS 8u
#define DD_NONE UINT32_MAX
#define DD_WINDOW 10000000u

typedef struct dd_entry {
  unsigned char hash[DD_HASH];
  unsigned char who[DD_HASH];   /* of the record key */
  int64_t time;                 /* wall clock, ns, when it was seen last */
  uint64_t seq;                 /* counts the documents that were taken */
  char *name;                   /* what the caller wants to remember, NUL-terminated; or NULL. From mem */
  uint32_t next_hash, next_who; /* slot + 1 */
  bool used, has_sig;
} dd_entry;

typedef struct dd_index {
  lane_mem mem;
  uint32_t window;
  uint32_t cap; /* slots that there is room for */
  uint32_t used;
  dd_entry *entries;
  unsigned char *sigs; /* DD_SIG bytes a slot */
  uint32_t *heads;     /* by hash, then by who: 2 * cap, rounded up */
  uint32_t n_heads;    /* of each; a power of two */
  uint32_t *cells;     /* n_buckets * DD_CELLS: the last one first */
  uint32_t n_buckets;  /* a power of two */
} dd_index;

void dd_index_init(dd_index *x, const lane_mem *mem, uint32_t window);
void dd_index_done(dd_index *x);

/* The slot of the document, of an entry with this hash, or DD_NONE. */
uint32_t dd_index_who(const dd_index *x, const unsigned char *who);
uint32_t dd_index_hash(const dd_index *x, const unsigned char *hash);

/* What a search may find. */
typedef struct dd_search {
  const unsigned char *sig;
  double least;   /* similarity */
  int64_t oldest; /* entries seen before this time do not count */
  uint64_t below; /* nor do those with this seq or a later one */
} dd_search;

/* The slot of the entry that is most like the signature, the earliest of equals; DD_NONE if there is none. */
uint32_t dd_index_like(const dd_index *x, const dd_search *q, double *ret_similarity);

/* Puts an entry into a slot below the window, in the place of what was there. name [take on ok]. 0, or -1 when memory
 * is out: then nothing was changed. */
int dd_index_put(dd_index *x, uint32_t slot, const dd_entry *entry, const unsigned char *sig);
void dd_index_remove(dd_index *x, uint32_t slot);

#endif
