/* SPDX-License-Identifier: Apache-2.0 */
/* A growing list of owned strings. All zero is an empty list. Not locked. */
#ifndef SLUICE_BASE_STRLIST_H
#define SLUICE_BASE_STRLIST_H

#include <stddef.h>

typedef struct sl_strlist {
  char **items; /* [own] each */
  size_t count, cap;
} sl_strlist;

void sl_strlist_init(sl_strlist *list);
void sl_strlist_done(sl_strlist *list);
/* Copies text. 0 or SL_ENOMEM. */
int sl_strlist_add(sl_strlist *list, const char *text);
int sl_strlist_add_n(sl_strlist *list, const char *text, size_t len);
int sl_strlist_has(const sl_strlist *list, const char *text);
/* By bytes. */
void sl_strlist_sort(sl_strlist *list);
/* "a, b, c". [own: sl_mem_free]; NULL when memory is out. */
char *sl_strlist_join(const sl_strlist *list, const char *between);

#endif
