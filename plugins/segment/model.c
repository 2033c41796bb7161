/* SPDX-License-Identifier: Apache-2.0 */
/* Opens and checks the model file that segment-train writes. */
#include "model.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cells.h"

extern const unsigned char embed_vi_bin[], embed_vi_bin_end[];

#define COVERED_FROM (offsetof(seg_model_head, checksum) + sizeof(uint64_t))

_Static_assert(sizeof(seg_model_head) == 64, "the header has no gaps");

uint64_t seg_model_checksum(const void *data, size_t size) {
  return seg_dict_checksum((const char *)data + COVERED_FROM, size - COVERED_FROM);
}

/* [at, at + size) lies behind the header, inside the block, and at a multiple of 8. */
static bool inside(const seg_model_head *h, uint64_t at, uint64_t size) {
  return at >= sizeof(*h) && at % 8 == 0 && at + size <= h->size;
}

const char *seg_model_open(seg_model *m, const void *data, size_t size) {
  const seg_model_head *h = data;
  memset(m, 0, sizeof(*m));
  if (size < sizeof(*h) || memcmp(h->magic, SEG_MODEL_MAGIC, sizeof(h->magic)) != 0) return "it is not a model";
  if (h->order != SEG_MODEL_ORDER) return "it was trained on a machine with another byte order";
  if (h->version != SEG_MODEL_VERSION || h->features != SEG_FEATURES_VERSION) {
    return "it was trained for another version of segment";
  }
  if (h->size != size || size > SEG_MODEL_MAX_SIZE) return "it is cut or too long";
  if (h->bits < SEG_MODEL_MIN_BITS || h->bits > SEG_MODEL_MAX_BITS) return "its sizes do not fit together";
  if (!inside(h, h->dict_at, h->dict_size) || !inside(h, h->weights_at, sizeof(int16_t) << h->bits)) {
    return "its sizes do not fit together";
  }
  int32_t most = SEG_SCORE_FORCED / 4;
  if (h->after_begin < -most || h->after_begin > most || h->after_inside < -most || h->after_inside > most) {
    return "its weights are out of range";
  }
  if (seg_model_checksum(data, size) != h->checksum) return "its checksum does not fit";
  const char *wrong = seg_dict_open(&m->dict, (const char *)data + h->dict_at, h->dict_size);
  if (wrong) return wrong;
  m->head = h;
  m->weights = (const int16_t *)(const void *)((const char *)data + h->weights_at);
  return NULL;
}

const char *seg_model_map(seg_model *m, const char *path, int *ret_errno) {
  struct stat st;
  memset(m, 0, sizeof(*m));
  *ret_errno = 0;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &st) != 0) {
    *ret_errno = errno;
    if (fd >= 0) close(fd);
    return "it cannot be read";
  }
  const char *wrong = NULL;
  size_t size = (size_t)st.st_size;
  void *map = MAP_FAILED;
  if (!S_ISREG(st.st_mode) || st.st_size <= 0 || size > SEG_MODEL_MAX_SIZE) {
    wrong = "it is not a model";
  } else if ((map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED) {
    *ret_errno = errno;
    wrong = "it cannot be mapped";
  }
  close(fd);
  if (!wrong) wrong = seg_model_open(m, map, size);
  if (wrong && map != MAP_FAILED) munmap(map, size);
  if (wrong) return wrong;
  m->map = map;
  m->map_size = size;
  return NULL;
}

const char *seg_model_shipped(seg_model *m) {
  return seg_model_open(m, embed_vi_bin, (size_t)((uintptr_t)embed_vi_bin_end - (uintptr_t)embed_vi_bin));
}

void seg_model_unmap(seg_model *m) {
  if (m->map) munmap(m->map, m->map_size);
  memset(m, 0, sizeof(*m));
}
