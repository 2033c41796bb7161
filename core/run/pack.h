/* SPDX-License-Identifier: Apache-2.0 */
/* Documents to rows of the state's queue and back: body, payload, origin, splits, edit map. [any] */
#ifndef SLUICE_RUN_PACK_H
#define SLUICE_RUN_PACK_H

#include "base/buf.h"
#include "store/state.h"

struct sl_doc;

/* What backs the parts of an entry that do not stand in the document. */
typedef struct sl_packed {
  sl_buf splits;
} sl_packed;

/* Fills body, payload, media_type, origin, splits, map of *ret [borrow from doc and hold]. Whatever it returns, hold is
 * the caller's to end with sl_packed_done. */
int sl_pack(struct sl_doc *doc, sl_packed *hold, sl_queue_entry *ret, sl_err *err);
void sl_packed_done(sl_packed *hold);
/* *ret [own]. */
int sl_unpack(const sl_queue_entry *entry, struct sl_doc **ret, sl_err *err);

#endif
