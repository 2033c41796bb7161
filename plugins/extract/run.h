/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of capitals that no lexicon explains: features and the linear classifier over them. The weights stand in the
 * section [weight] of a lexicon file, one line a bucket: its number and a weight for each class. */
#ifndef EXTRACT_RUN_H
#define EXTRACT_RUN_H

#include "annot.h"

enum { EX_RUN_OTHER, EX_RUN_PERSON, EX_RUN_LOC, EX_RUN_ORG };

#define EX_RUN_FEATURES 64u

/* The buckets of what speaks for the class of tokens [t, end); out holds EX_RUN_FEATURES. Returns their number. */
unsigned ex_run_features(const ex_doc *doc, uint32_t t, uint32_t end, uint16_t *out);
/* The class of tokens [t, end); *ret_margin: how far it is before the second. EX_RUN_OTHER without weights. */
unsigned ex_run_class(const ex_doc *doc, uint32_t t, uint32_t end, int *ret_margin);

#endif
