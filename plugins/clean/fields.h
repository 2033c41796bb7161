/* SPDX-License-Identifier: Apache-2.0 */
/* The fields that clean adds to a document, as JSON. Everything returns 0 when memory is out. */
#ifndef CLEAN_FIELDS_H
#define CLEAN_FIELDS_H

#include <cjson/cJSON.h>

#include "article.h"

/* Adds title, lead, published and authors to o, and for a page what it says about itself with the places it was taken
 * from (/sources), each unless `body` has such a field already. zone: of times that name none, in minutes; it is not
 * used for pages that say they are in another language than Vietnamese. */
int clean_fields(const clean_mem *mem, const clean_work *w, const cJSON *body, int zone, cJSON *o);

cJSON *clean_json_string(const clean_mem *mem, const char *s, size_t n);
/* [take] item, which may be NULL. */
int clean_json_push(cJSON *array, cJSON *item);
/* [take] item; key must be a constant. */
int clean_json_put(cJSON *object, const char *key, cJSON *item);

#endif
