/* SPDX-License-Identifier: Apache-2.0 */
/* What segment knows about words: the dictionary, and small classes of function words. Immutable once made, shared by
 * lanes. */
#ifndef SEGMENT_LEXICON_H
#define SEGMENT_LEXICON_H

#include "lane_vec.h"
#include "model.h"

#define SEG_C_STARTER 1u  /* begins sentences with a capital, and no names */
#define SEG_C_HONOUR 2u   /* ông, bà: a capital before a name that is not part of it */
#define SEG_C_VI 4u       /* frequent in Vietnamese */
#define SEG_C_VI_PLAIN 8u /* frequent in Vietnamese written without marks */
#define SEG_C_EN 16u      /* frequent in English */
#define SEG_C_SURNAME 32u
#define SEG_C_SECTION 64u /* before the number of a part of a text: Điều 5. */

#define SEG_CLASS_SLOTS 1024u

typedef struct seg_lexicon {
  lane_mem mem;
  seg_dict dict;
  const seg_model *model; /* NULL while one is trained */
  void *block;            /* own block of the dictionary, or NULL if it is that of the model */
  uint64_t keys[SEG_CLASS_SLOTS];
  uint8_t classes[SEG_CLASS_SLOTS];
} seg_lexicon;

/* With a model [borrow as long as the lexicon], and a user's own words (NULL: none) beside those of the model. 0; -1
 * when memory is out, -2 when there are too many words, -3 when the model's dictionary is broken. *ret_skipped: lines
 * of the list that are no words. */
int seg_lexicon_init(seg_lexicon *lex, const lane_mem *mem, const seg_model *model, const char *words, size_t n,
                     size_t *ret_skipped);

/* With a dictionary only: enough for tokens and sentences, not for words. */
void seg_lexicon_bare(seg_lexicon *lex, const lane_mem *mem, const seg_dict *dict);

void seg_lexicon_done(seg_lexicon *lex);

/* SEG_C_… bits of a syllable key. */
unsigned seg_class(const seg_lexicon *lex, uint64_t key);

#endif
