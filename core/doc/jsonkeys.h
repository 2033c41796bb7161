/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of the objects that are open while JSON is read or printed, to find duplicates: by one bit for each key and,
 * where bits meet, pairwise while an object is small; by a seeded hash table of its own from SL_JSONKEYS_SMALL keys on.
 * Private to core/doc.
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
  uint32_t inline_signs[SL_JSONKEYS_INLINE];
} sl_jsonkeys;

/* What an open object needs. All zero but for `first` at the start. */
typedef struct sl_jsonobj {
  size_t first;  /* where its keys begin */
  uint64_t seen; /* a bit for each sign: a key whose bit is not set is new */
  sl_jsontab *tab;
} sl_jsonobj;

void sl_jsonkeys_init(sl_jsonkeys *keys);
void sl_jsonkeys_done(sl_jsonkeys *keys);
/* An object is opened: its keys begin here. */
static inline sl_jsonobj sl_jsonkeys_open(const sl_jsonkeys *keys) { return (sl_jsonobj){keys->count, 0, NULL}; }
/* Adds a key of the innermost open object. text [borrow until the object is closed]. SL_EEXIST if it is there;
 * SL_ENOMEM. */
int sl_jsonkeys_add(sl_jsonkeys *keys, sl_jsonobj *object, const char *text, size_t len);
/* The innermost object is closed, or given up. */
void sl_jsonkeys_close(sl_jsonkeys *keys, sl_jsonobj *object);

#endif
