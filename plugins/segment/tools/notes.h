/* SPDX-License-Identifier: Apache-2.0 */
/* What a treebank says of the words and syllables of a dictionary. Part of the training tool. */
#ifndef SEGMENT_NOTES_H
#define SEGMENT_NOTES_H

#include "conllu.h"
#include "dict.h"

/* Counts in the sentences that `in` names and writes what comes of it into the block of a dictionary. 0, -1 when memory
 * is out, -2 when the block is broken. */
int seg_notes_make(const lane_mem *mem, const seg_treebank *tb, const bool *in, void *block, size_t size);

#endif
