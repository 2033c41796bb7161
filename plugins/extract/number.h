/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as Vietnamese writes them, exact, as decimal strings. */
#ifndef EXTRACT_NUMBER_H
#define EXTRACT_NUMBER_H

#include "annot.h"

/* A decimal number: digits without sign, `places` of them behind the point. */
typedef struct ex_number {
  char digits[48];
  unsigned n, places;
} ex_number;

/* Reads the number that begins at token t: groups of three behind `.` are thousands, `,` is the decimal mark (and so is
 * a
 * `.` before another count of digits). Returns the token behind it, 0 if t is no number or it has more than 40 digits.
 */
uint32_t ex_number_at(const ex_doc *doc, uint32_t t, ex_number *ret);
/* Multiplies by a power of ten given as a number (1e9). */
void ex_number_scale(ex_number *x, double factor);
/* Adds a smaller whole number to one that ends with enough zeros for it (1000000000 + 200000000). Returns 0 if it does
 * not. */
int ex_number_add(ex_number *x, const ex_number *more);
/* Writes it plainly ("2500000000", "7.59"); out must hold 96 bytes. */
void ex_number_print(const ex_number *x, char *out);

#endif
