/* SPDX-License-Identifier: Apache-2.0 */
/* Documents that wait for a retry: a heap by doc->due. Not locked: the owner does that. */
#ifndef SLUICE_FLOW_DELAY_H
#define SLUICE_FLOW_DELAY_H

#include "flow/docs.h"

typedef struct sl_delay {
  sl_doc **heap;
  uint32_t n, cap;
} sl_delay;

/* doc [take on ok]. 0 or SL_ENOMEM. */
int sl_delay_push(sl_delay *q, sl_doc *doc);
/* The next document that is due at `now`; NULL if none. [own] */
sl_doc *sl_delay_pop(sl_delay *q, int64_t now);
/* When the first is due; INT64_MAX if none. */
int64_t sl_delay_next(const sl_delay *q);
void sl_delay_done(sl_delay *q);

#endif
