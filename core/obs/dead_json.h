/* SPDX-License-Identifier: Apache-2.0 */
/* A dead letter as JSON: the same from the admin server and from `sluice dlq --json`. */
#ifndef SLUICE_OBS_DEAD_JSON_H
#define SLUICE_OBS_DEAD_JSON_H

#include "store/dead.h"

struct cJSON;

/* whole: with body, and payload as base64; else with their sizes only. [own]; NULL when memory is out. */
struct cJSON *sl_dead_json(const sl_dead_entry *entry, int whole);

#endif
