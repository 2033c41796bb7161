/* SPDX-License-Identifier: Apache-2.0 */
/* Opens and searches the block that dict_build.c makes. */
#include "dict.h"

#include <stdbool.h>

#include "vi_text.h"

uint64_t seg_dict_checksum(const void *data, size_t size) {
  const unsigned char *p = data;
  uint64_t h = UINT64_C(0xCBF29CE484222325);
  for (size_t i = 0; i < size; i++) h = (h ^ p[i]) * UINT64_C(0x100000001B3);
  return h;
}

/* Each syllable has one number, from 1 without gaps, and a search for any key ends at a free slot. */
static bool syllables_fit(const seg_dict *d) {
  const seg_dict_head *h = d->head;
  uint8_t seen[65536 / 8] = {0};
  uint32_t used = 0;
  for (uint32_t i = 0; i < h->n_slots; i++) {
    uint32_t id = d->ids[i];
    if (d->keys[i] == 0) continue;
    if (id == 0 || id > h->n_syllables || (seen[id / 8] >> id % 8 & 1)) return false;
    seen[id / 8] |= (uint8_t)(1u << id % 8);
    used++;
  }
  return used == h->n_syllables && used < h->n_slots;
}

/* The trie leads only forward and inside itself, else a search could leave the block. */
static bool trie_fits(const seg_dict *d) {
  const seg_dict_head *h = d->head;
  uint32_t before = 1;
  for (uint32_t i = 0; i <= h->n_nodes; i++) {
    uint32_t first = d->first[i] & SEG_NODE_MASK;
    if (first < before || first > h->n_nodes || (i < h->n_nodes && first <= i)) return false;
    before = first;
  }
  for (uint32_t i = 0; i <= h->n_syllables; i++) {
    if (d->root[i] >= h->n_nodes) return false;
  }
  for (uint32_t i = 1; i < h->n_nodes; i++) {
    if (d->label[i] == 0 || d->label[i] > h->n_syllables) return false;
  }
  return true;
}

const char *seg_dict_open(seg_dict *d, const void *data, size_t size) {
  const seg_dict_head *h = data;
  if (size < sizeof(*h) || memcmp(h->magic, "SLSEGDIC", 8) != 0) return "it is not a compiled dictionary";
  if (h->version != 2 || h->order != 0x01020304) return "it was compiled for another version or machine";
  if (h->size != size) return "it is cut or too long";
  uint64_t slots = h->n_slots, nodes = h->n_nodes, syllables = h->n_syllables;
  uint64_t need = sizeof(*h) + slots * 8 + (syllables + 1) * 8 + (nodes + 1) * 4 + slots * 2 + nodes * 2;
  if (slots == 0 || (slots & (slots - 1)) != 0 || syllables > 65535 || nodes == 0 || need != size) {
    return "its sizes do not fit together";
  }
  const char *p = (const char *)data + sizeof(*h);
  if (seg_dict_checksum(p, size - sizeof(*h)) != h->checksum) return "its checksum does not fit";
  d->head = h;
  d->keys = (const uint64_t *)(const void *)p;
  d->root = (const uint32_t *)(const void *)(d->keys + slots);
  d->notes = d->root + syllables + 1;
  d->first = d->notes + syllables + 1;
  d->ids = (const uint16_t *)(const void *)(d->first + nodes + 1);
  d->label = d->ids + slots;
  if (!syllables_fit(d)) return "its syllables are broken";
  return trie_fits(d) ? NULL : "its trie is broken";
}

uint32_t seg_dict_syllable(const seg_dict *d, uint64_t key) {
  if (key == 0) return 0;
  key = vi_key_i(key);
  uint32_t mask = d->head->n_slots - 1;
  for (uint32_t slot = seg_dict_slot(key, d->head->n_slots); d->keys[slot] != 0; slot = (slot + 1) & mask) {
    if (d->keys[slot] == key) return d->ids[slot];
  }
  return 0;
}
