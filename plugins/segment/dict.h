/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dictionary of words: a trie over syllable numbers in one block of bytes that is used where it lies.
 *
 * The block (little-endian): a header; a hash table from syllable keys (vi_key, then vi_key_i) to numbers from 1; for
 * each syllable the child of the root; for each syllable what is known of it; then the trie in breadth-first order, so
 * that the children of a node stand together: node i has the children first[i] .. first[i + 1), sorted by syllable. The
 * block is immutable and shared by every lane.
 */
#ifndef SEGMENT_DICT_H
#define SEGMENT_DICT_H

#include "lane_vec.h"

#define SEG_DICT_MAX_SYLLABLES 16 /* in one word */
#define SEG_NODE_MASK 0x00FFFFFFu

/* What ends at a node. */
#define SEG_DICT_WORD 0x80000000u   /* a word */
#define SEG_DICT_PROPER 0x40000000u /* a name only: each word in text begins with a capital */
#define SEG_DICT_OWN 0x20000000u    /* from the user's list: always a word; without SEG_DICT_WORD, never one */
#define SEG_DICT_LISTED 0x10000000u /* from a list, not only from a treebank */
#define SEG_DICT_SEEN 0x07000000u   /* how a treebank has it: SEG_SEEN_… */
#define SEG_DICT_CLASS (SEG_DICT_LISTED | SEG_DICT_SEEN)
#define SEG_DICT_CLASS_SHIFT 24u

/* How often a treebank has the syllables of a word as one word, and how often as several. */
#define SEG_SEEN_NEVER 0u
#define SEG_SEEN_WHOLE_ONCE 1u
#define SEG_SEEN_WHOLE 2u
#define SEG_SEEN_MOSTLY_WHOLE 3u
#define SEG_SEEN_BOTH 4u /* or more often apart */
#define SEG_SEEN_APART_ONCE 5u
#define SEG_SEEN_APART 6u

/* What a treebank and the lists know of a syllable: bits of seg_dict.notes. */
#define SEG_NOTE_POS(x) ((x)&15u)           /* part of speech that it mostly is as a word of its own; 0: never seen */
#define SEG_NOTE_POS2(x) ((x) >> 4 & 15u)   /* the second one, if it is not rare */
#define SEG_NOTE_FREE(x) ((x) >> 8 & 7u)    /* how often it is a word of its own: 1 never … 6 always; 0: never seen */
#define SEG_NOTE_FIRSTS(x) ((x) >> 11 & 7u) /* how many listed words it begins, in steps */
#define SEG_NOTE_LASTS(x) ((x) >> 14 & 7u)  /* how many it ends */

typedef struct seg_dict_head {
  char magic[8];    /* "SLSEGDIC" */
  uint32_t version; /* 2 */
  uint32_t order;   /* 0x01020304 */
  uint32_t size;    /* of the block, bytes */
  uint32_t n_slots; /* of the hash table, a power of two */
  uint32_t n_syllables;
  uint32_t n_nodes; /* with the root, node 0 */
  uint32_t n_words;
  uint32_t reserved;
  uint64_t checksum; /* FNV-1a of everything behind the header */
} seg_dict_head;

typedef struct seg_dict {
  const seg_dict_head *head;
  const uint64_t *keys;  /* n_slots; 0 is free */
  const uint32_t *root;  /* n_syllables + 1: the root's child by syllable, 0 if none */
  const uint32_t *notes; /* n_syllables + 1: SEG_NOTE_… */
  const uint32_t *first; /* n_nodes + 1: first child, and SEG_DICT_… flags */
  const uint16_t *ids;   /* n_slots */
  const uint16_t *label; /* n_nodes: the syllable that leads to the node */
} seg_dict;

/* Checks the block and points into it. size bytes at data, aligned to 8 [borrow as long as the dictionary]. Returns
 * NULL, or what is wrong with it. */
const char *seg_dict_open(seg_dict *d, const void *data, size_t size);

/* The syllable with this key (as vi_key makes it), 0 if no word has it. */
uint32_t seg_dict_syllable(const seg_dict *d, uint64_t key);

/* From a node (0: the root) by a syllable to the next node; 0 if no word goes on like this. */
static inline uint32_t seg_dict_step(const seg_dict *d, uint32_t node, uint32_t syllable) {
  if (node == 0) return d->root[syllable];
  uint32_t lo = d->first[node] & SEG_NODE_MASK, hi = d->first[node + 1] & SEG_NODE_MASK, end = hi;
  while (lo < hi) {
    uint32_t mid = lo + (hi - lo) / 2;
    if (d->label[mid] < syllable) {
      lo = mid + 1;
    } else {
      hi = mid;
    }
  }
  return lo < end && d->label[lo] == syllable ? lo : 0;
}

static inline uint32_t seg_dict_flags(const seg_dict *d, uint32_t node) {
  return d->first[node] & (SEG_DICT_WORD | SEG_DICT_PROPER | SEG_DICT_OWN);
}

/* SEG_SEEN_…, and 8 for SEG_DICT_LISTED. */
static inline uint32_t seg_dict_class(const seg_dict *d, uint32_t node) {
  uint32_t f = d->first[node];
  return (f & SEG_DICT_SEEN) >> SEG_DICT_CLASS_SHIFT | (f & SEG_DICT_LISTED ? 8u : 0u);
}

/* Where a key starts its search in a table of a power of two of slots. */
static inline uint32_t seg_dict_slot(uint64_t key, uint32_t n_slots) {
  return (uint32_t)((key * UINT64_C(0x9E3779B97F4A7C15)) >> 40) & (n_slots - 1);
}

uint64_t seg_dict_checksum(const void *data, size_t size);

#endif
