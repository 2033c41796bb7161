/* SPDX-License-Identifier: Apache-2.0 */
/* A list of owned strings. */
#include "base/strlist.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

void sl_strlist_init(sl_strlist *list) { *list = (sl_strlist){0}; }

void sl_strlist_done(sl_strlist *list) {
  if (list == NULL) return;
  for (size_t i = 0; i < list->count; i++) sl_mem_free(list->items[i]);
  sl_mem_free(list->items);
  *list = (sl_strlist){0};
}

int sl_strlist_add_n(sl_strlist *list, const char *text, size_t len) {
  if (list->count == list->cap) {
    size_t cap = list->cap == 0 ? 8 : list->cap * 2;
    char **items = sl_mem_realloc(list->items, cap * sizeof *items);
    if (items == NULL) return SL_ENOMEM;
    list->items = items;
    list->cap = cap;
  }
  char *copy = sl_mem_strndup(text, len);
  if (copy == NULL) return SL_ENOMEM;
  list->items[list->count++] = copy;
  return SL_OK;
}

int sl_strlist_add(sl_strlist *list, const char *text) { return sl_strlist_add_n(list, text, strlen(text)); }

int sl_strlist_has(const sl_strlist *list, const char *text) {
  for (size_t i = 0; i < list->count; i++) {
    if (strcmp(list->items[i], text) == 0) return 1;
  }
  return 0;
}

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

void sl_strlist_sort(sl_strlist *list) {
  if (list->count > 1) qsort(list->items, list->count, sizeof *list->items, by_bytes);
}

char *sl_strlist_join(const sl_strlist *list, const char *between) {
  sl_buf buf = {0};
  for (size_t i = 0; i < list->count; i++) {
    if (i > 0) (void)sl_buf_addstr(&buf, between);
    (void)sl_buf_addstr(&buf, list->items[i]);
  }
  return sl_buf_take(&buf, NULL);
}
