/* SPDX-License-Identifier: Apache-2.0 */
/* Annotations as JSON, in the form of the document's body. */
#ifndef EXTRACT_OUTPUT_H
#define EXTRACT_OUTPUT_H

#include "annot.h"

struct cJSON;

/* Which entity types are written: bit 1 << E_…. */
#define EX_ALL_TYPES ((1u << E_TYPES) - 1)

/* The gazetteer's unit of a LOC, 0 if there is none or several fit: by admin word, by the places named beside it, by
 * the date of /published (units since and until July 2025). */
uint32_t ex_unit_of(const ex_doc *doc, const ex_ent *loc);

/* Arrays of the last ex_annotate. ret_changes may be NULL. Returns 0, or SL_ENOMEM with nothing made. [own] */
int ex_output(const ex_doc *doc, uint32_t types, struct cJSON **ret_entities, struct cJSON **ret_directives,
              struct cJSON **ret_quotes, struct cJSON **ret_changes);

#endif
