/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model file: a dictionary and the weights of the word tagger in one block of bytes that is used where it lies.
 *
 * The block (little-endian): a header; the dictionary (dict.h); 2^bits weights, int16_t, by hashed feature. It is
 * immutable and shared by every lane; several processes share its pages.
 */
#ifndef SEGMENT_MODEL_H
#define SEGMENT_MODEL_H

#include "dict.h"

#define SEG_MODEL_MAGIC "SLSEGMOD"
#define SEG_MODEL_VERSION 1u
#define SEG_MODEL_ORDER 0x01020304u
#define SEG_MODEL_MIN_BITS 8u
#define SEG_MODEL_MAX_BITS 22u
#define SEG_MODEL_MAX_SIZE ((size_t)1 << 28)

typedef struct seg_model_head {
  char magic[8];
  uint32_t version;
  uint32_t order;
  uint64_t size;     /* of the block, bytes */
  uint64_t checksum; /* as seg_dict_checksum, of everything behind this field */
  uint32_t features; /* SEG_FEATURES_VERSION of the trainer */
  uint32_t bits;     /* 2^bits weights */
  uint32_t dict_at, dict_size;
  uint32_t weights_at;
  int32_t after_begin, after_inside; /* what a syllable inside a word gains by the label before it */
  uint32_t sentences;                /* it was trained on: for people */
} seg_model_head;

typedef struct seg_model {
  const seg_model_head *head;
  const int16_t *weights;
  seg_dict dict;
  void *map; /* of seg_model_map */
  size_t map_size;
} seg_model;

/* Checks the block and points into it. size bytes at data, aligned to 8 [borrow as long as the model]. Returns NULL, or
 * what is wrong with it. */
const char *seg_model_open(seg_model *m, const void *data, size_t size);

/* Maps a file and opens it. NULL, or what is wrong; *ret_errno then says why the file cannot be read, 0 if it can. */
const char *seg_model_map(seg_model *m, const char *path, int *ret_errno);
void seg_model_unmap(seg_model *m);

/* Opens the model that is part of the plugin. NULL, or what is wrong with it. */
const char *seg_model_shipped(seg_model *m);

/* Bytes behind the header's checksum are what it covers. */
uint64_t seg_model_checksum(const void *data, size_t size);

#endif
