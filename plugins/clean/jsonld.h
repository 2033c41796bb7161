/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON-LD as pages really have it: a reader that takes whatever it can understand.
 *
 * Blocks are read one after another into one flat array; value 0 is an array that holds them all. Forgiven are control
 * characters and bare quotes in strings, wrong escapes, commas too many or too few, comments, CDATA and <!-- around a
 * block, blocks whose markup is escaped (&quot;), several values in a block, missing ends. Nothing is an error: what
 * makes no sense is passed over. Deeper than CLEAN_LD_DEPTH nothing is kept, behind CLEAN_LD_VALUES or CLEAN_LD_BYTES
 * reading stops. Time and memory are linear in the block.
 */
#ifndef CLEAN_JSONLD_H
#define CLEAN_JSONLD_H

#include "buf.h"

#define CLEAN_LD_DEPTH 48u
#define CLEAN_LD_VALUES 60000u
#define CLEAN_LD_BYTES ((size_t)2 << 20) /* of all blocks of a page */
#define CLEAN_LD_NONE UINT32_MAX

#define CLEAN_LD_OBJECT 0
#define CLEAN_LD_ARRAY 1
#define CLEAN_LD_STRING 2
#define CLEAN_LD_OTHER 3 /* number, true, false, null: its text as written */

typedef struct clean_ld_value {
  uint32_t parent, next, child; /* index, or CLEAN_LD_NONE */
  uint32_t key, text;           /* offsets into chars: strings ended by NUL; key CLEAN_LD_NONE: in an array */
  uint32_t text_len;
  uint8_t type;
} clean_ld_value;

typedef struct clean_ld {
  const clean_mem *mem;
  clean_ld_value *values;
  size_t n, cap;
  char *chars;
  size_t n_chars, cap_chars;
  size_t bytes;    /* read so far */
  uint32_t blocks; /* the last value of the outermost array */
  int oom;
} clean_ld;

void clean_ld_init(clean_ld *ld, const clean_mem *mem);
void clean_ld_done(clean_ld *ld);
/* Forgets the blocks; gives memory back where it is more than keep bytes. */
void clean_ld_clear(clean_ld *ld, size_t keep);

/* Adds the block s[0, n). Memory that is out is remembered in ld->oom. */
void clean_ld_read(clean_ld *ld, const char *s, size_t n);

/* The member of an object with this name; CLEAN_LD_NONE if there is none or `object` is no object. */
uint32_t clean_ld_get(const clean_ld *ld, uint32_t object, const char *name);
/* The text of a string or other scalar, else NULL. [borrow until the next block] */
const char *clean_ld_text(const clean_ld *ld, uint32_t value);
/* The key of a member, else "". [borrow until the next block] */
const char *clean_ld_key(const clean_ld *ld, uint32_t value);

#endif
