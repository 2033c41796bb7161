/* SPDX-License-Identifier: Apache-2.0 */
/* What `sluice top` shows, made from two answers of /api/stages. */
#ifndef SLUICE_CLI_TOP_VIEW_H
#define SLUICE_CLI_TOP_VIEW_H

#include "base/buf.h"

struct cJSON;

#define SL_TOP_ORDER 0 /* of the pipeline */
#define SL_TOP_RATE 1
#define SL_TOP_QUEUE 2
#define SL_TOP_RETRIED 3
#define SL_TOP_DEAD 4
#define SL_TOP_LATENCY 5
#define SL_TOP_SORTS 6

/* The name of a way to sort: "rate". */
const char *sl_top_sort_name(int sort);
/* was may be NULL: then there are no rates, and latencies are those since the start. width: columns of
 * the terminal, 0: no limit. */
void sl_top_draw(const struct cJSON *was, const struct cJSON *now, int sort, int colors, int width, sl_buf *out);

#endif
