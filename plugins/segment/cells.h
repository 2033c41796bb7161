/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tagger sees of a sentence: a cell for each token, and the features of the boundary before a token.
 *
 * The trainer and the segmenter share this file: a change of what is hashed is a new SEG_FEATURES_VERSION, and every
 * model has to be trained again.
 */
#ifndef SEGMENT_CELLS_H
#define SEGMENT_CELLS_H

#include "lexicon.h"
#include "token.h"

#define SEG_FEATURES_VERSION 2u
#define SEG_N_PLAIN 51
#define SEG_N_LINKED 8 /* count only when the token before is inside a word, too */
#define SEG_N_FEATURES (SEG_N_PLAIN + SEG_N_LINKED)
#define SEG_PAD 3 /* cells before the first token and behind the last */
#define SEG_SCORE_FORCED (1 << 26)

typedef struct seg_cell {
  uint32_t id;                     /* of the syllable: case, tone placement and i/y folded */
  uint32_t note;                   /* what the dictionary says of the syllable: SEG_NOTE_…; of others the shape */
  int32_t score;                   /* of the boundary before the token being inside a word */
  int32_t linked;                  /* what that gains if the boundary before is inside a word, too */
  uint16_t starts;                 /* bit k: a word of the dictionary starts here and has k syllables */
  uint8_t shape;                   /* SEG_SHAPE_… */
  uint8_t classes;                 /* surname, honorific, function word that starts sentences */
  uint8_t from, to;                /* syllables of the longest word that starts, ends here; 0: none */
  uint8_t over_len, over_at;       /* of the longest word over the boundary before the token, and how far into it */
  uint8_t short_len, short_at;     /* of the shortest one */
  uint8_t over_class, short_class; /* of these two words: seg_dict_class + 1; 0: none */
  uint8_t from_class, to_class;
  uint8_t name_len, name_at; /* of a name over it that stands in small letters */
  uint8_t run_at, run_len;   /* in a run of capitalised syllables, from 1; more than 7 are 7 */
  uint8_t greedy;            /* a word begins here by longest match from the left */
  uint8_t joins;             /* the boundary before the token can be inside a word */
  uint8_t placed;            /* the token has a capital by its place: first of a sentence or quotation */
  uint8_t back;              /* of the search: the better label before, for either label */
} seg_cell;

/* Makes the cells of tokens t[0, n), with SEG_PAD more at either end; *ret_cells is the first token's. 0 or -1. */
int seg_cells(lane_vec *scratch, const seg_lexicon *lex, const seg_token *t, size_t n, seg_cell **ret_cells);

/* The hashed features of the boundary before cell c, for which c->joins is set: the plain ones, then the linked ones.
 */
void seg_features(const seg_cell *c, uint32_t bits, uint32_t out[SEG_N_FEATURES]);

/* Sets the cell's scores to the sums of the 2^bits weights of these features. */
void seg_weigh(seg_cell *c, uint32_t bits, const int16_t *weights);

/* From the scores of c[0, n) to the best labels: begins[i] is 1 where a word begins. after_…: seg_model_head. */
void seg_best_labels(seg_cell *c, size_t n, int32_t after_begin, int32_t after_inside, uint8_t *begins);

#endif
