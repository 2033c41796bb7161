/* SPDX-License-Identifier: Apache-2.0 */
/* Small stage types of every kind, for the tests of the harness. */
#ifndef TESTS_CONFORMANCE_STAGES_H
#define TESTS_CONFORMANCE_STAGES_H

#include <sluice/plugin.h>

/* Writes /n = length of /text + `plus`; `mode` makes it misbehave in one way. */
extern const sl_stage_type stage_length;
/* Holds documents and emits one for each `n`, with them as parents; the rest on flush or after a second. */
extern const sl_stage_type stage_gather;
/* Answers after 10 ms on the clock, or when its pipe is readable. */
extern const sl_stage_type stage_later;
/* One document for each item of /items. */
extern const sl_stage_type stage_split;
/* Three documents and a bad one. */
extern const sl_stage_type stage_numbers;
/* Claims /word for its document; drops one whose word belongs to another, rejects one without a word. Removes the word
 * of a document with /free. */
extern const sl_stage_type stage_claim;
/* Keeps documents whose /ok is true, asks for another try or rejects the others. */
extern const sl_stage_type stage_store;

#endif
