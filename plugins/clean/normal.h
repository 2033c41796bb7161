/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Normal form of the text: NFC, marks of Vietnamese letters in order, plain white space.
 *
 * Every line end becomes \n; runs of other white space (no-break spaces, tabs, control characters) become one space,
 * and none is left at the ends of a line; zero-width characters, direction marks and soft hyphens go; Ð and ð (eth)
 * become Đ and đ where the text is Vietnamese. Lines are never joined and never dropped, so that line i of the output
 * is line i of the input. Tone marks stay on the letter where they were (hòa, hoà).
 */
#ifndef CLEAN_NORMAL_H
#define CLEAN_NORMAL_H

#include "buf.h"

/* in: valid UTF-8. Appends to out; look at out->oom afterwards. Linear in in->n. */
void clean_normal(clean_view *in, clean_buf *out);

#endif
