/* SPDX-License-Identifier: Apache-2.0 */
/* JSON numbers: the grammar, the value as a double, and whether the double still says what the text said. Private to
 * core/doc. */
#ifndef SLUICE_DOC_JSONNUM_H
#define SLUICE_DOC_JSONNUM_H

#include <stddef.h>

struct cJSON;

typedef struct sl_jsonnum {
  double value;
  const char *end; /* behind the number; on an error the byte that does not fit */
  int keep;        /* 1: the printed value would be another decimal, so the text must be kept */
} sl_jsonnum;

/* Reads a number at p (its first byte is '-' or a digit). 0; SL_EPARSE where the grammar is broken; SL_ELIMIT where it
 * is too large for a double; SL_ENOMEM. */
int sl_jsonnum_read(const char *p, const char *end, sl_jsonnum *ret);
/* 1 if both texts, well-formed numbers, denote the same decimal. */
int sl_jsonnum_same(const char *a, size_t a_len, const char *b, size_t b_len);
/* The text to print for a number item into buf (32 bytes), or its own text. *ret_len 0: not finite. [borrow] */
const char *sl_jsonnum_text(const struct cJSON *item, char *buf, size_t *ret_len);
/* Number items equal by value. */
int sl_jsonnum_equal(const struct cJSON *a, const struct cJSON *b);
/* What cJSON puts in valueint: clamped to int. */
int sl_jsonnum_int(double value);

#endif
