/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of the objects that are open while JSON is read, to find duplicates: pairwise while an object is small, by a
 * seeded hash table of its own from SL_JSONKEYS_SMALL keys on. Private to core/doc.
 */
#ifndef SLUICE_DOC_JSONKEYS_H
#define SLUICE_DOC_JSONKEYS_H

#include <stddef.h>
#include <stdint.h>

#define SL_JSONKEYS_SMALL 24
#define SL_JSONKEYS_INLINE 64

typedef struct sl_jsonkey {
  const char *text; /* decoded */
  size_t len;
} sl_jsonkey;

typedef struct sl_jsontab sl_jsontab; /* the table of one large object */

typedef struct sl_jsonkeys {
  sl_jsonkey *items;
  uint32_t *signs; /* length and some bytes: different signs are different keys */
  size_t count, cap;
  sl_jsonkey inline_items[SL_JSONKEYS_INLINE];
  uint32_t inline_signs[SL_JSONKEYS_INLINE + 4]; /* four are compared at a time */
} sl_jsonkeys;

void sl_jsonkeys_init(sl_jsonkeys *keys);
void sl_jsonkeys_done(sl_jsonkeys *keys);
/* Adds a key of the object whose keys begin at `first`. *tab belongs to the object, NULL at first. text [borrow until
 * the object is closed]. SL_EEXIST if it is there; SL_ENOMEM. */
int sl_jsonkeys_add(sl_jsonkeys *keys, size_t first, sl_jsontab **tab, const char *text, size_t len);
void sl_jsontab_free(sl_jsontab *tab);

#endif
