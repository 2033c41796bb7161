/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table over folded words. Folding is Unicode's, by utf8proc: "ĐẢNG" and "Đảng" are one word. */
#include "count.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

typedef struct word {
  char *key;  /* folded */
  char *text; /* as first seen */
  uint32_t count;
  int32_t stop;
} word;

struct counter {
  word *words;
  size_t n, cap;
  size_t n_stop;  /* the first ones are stop words */
  uint32_t *slot; /* index + 1 into words; 0: free */
  size_t slots;   /* a power of two, at least twice n */
};

counter *counter_new(void) { return calloc(1, sizeof(counter)); }

static void forget(counter *c, size_t keep) {
  while (c->n > keep) {
    word *w = &c->words[--c->n];
    free(w->key);
    free(w->text);
  }
}

void counter_free(counter *c) {
  if (!c) return;
  forget(c, 0);
  free(c->words);
  free(c->slot);
  free(c);
}

static size_t hash(const char *key) { /* FNV-1a */
  uint64_t h = 14695981039346656037u;
  for (; *key; key++) h = (h ^ (unsigned char)*key) * 1099511628211u;
  return (size_t)h;
}

static uint32_t *find(const counter *c, const char *key) {
  size_t at = hash(key) & (c->slots - 1);
  while (c->slot[at] && strcmp(c->words[c->slot[at] - 1].key, key) != 0) at = (at + 1) & (c->slots - 1);
  return &c->slot[at];
}

static void index_all(counter *c) {
  memset(c->slot, 0, c->slots * sizeof *c->slot);
  for (size_t i = 0; i < c->n; i++) *find(c, c->words[i].key) = (uint32_t)(i + 1);
}

void counter_clear(counter *c) {
  forget(c, c->n_stop);
  if (c->slots) index_all(c);
}

static int grow(counter *c) {
  size_t cap = c->cap ? c->cap * 2 : 64;
  word *words = realloc(c->words, cap * sizeof *words);
  if (!words) return -1;
  c->words = words;
  c->cap = cap;
  uint32_t *slot = realloc(c->slot, cap * 2 * sizeof *slot);
  if (!slot) return -1;
  c->slot = slot;
  c->slots = cap * 2;
  index_all(c);
  return 0;
}

/* Case folded and composed; NULL when memory is out or the text is not UTF-8. */
static char *fold(const char *text, size_t len) {
  utf8proc_uint8_t *key = NULL;
  utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)len, &key,
               UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD);
  return (char *)key;
}

static int count_one(counter *c, const char *text, size_t len, int stop) {
  if (c->n == c->cap && grow(c)) return -1;
  char *key = fold(text, len);
  if (!key) return -1;
  uint32_t *slot = find(c, key);
  if (*slot) {
    c->words[*slot - 1].count++;
    free(key);
    return 0;
  }
  char *seen = strndup(text, len);
  if (!seen) {
    free(key);
    return -1;
  }
  for (char *p = seen; *p; p++)
    if (*p == '_') *p = ' ';
  c->words[c->n] = (word){key, seen, 1, stop};
  *slot = (uint32_t)++c->n;
  return 0;
}

int counter_stop(counter *c, const char *text) {
  if (count_one(c, text, strlen(text), 1)) return -1;
  c->n_stop = c->n;
  return 0;
}

static int begins_with_letter(const char *text, size_t len) {
  utf8proc_int32_t cp = 0;
  if (utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)len, &cp) <= 0) return 0;
  utf8proc_category_t kind = utf8proc_category(cp);
  return kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO;
}

int counter_add(counter *c, const char *words) {
  while (*words) {
    size_t len = strcspn(words, " ");
    if (len && begins_with_letter(words, len) && count_one(c, words, len, 0)) return -1;
    words += len + (words[len] == ' ');
  }
  return 0;
}

size_t counter_best(const counter *c, uint32_t min, counted *best, size_t n) {
  size_t have = 0;
  for (size_t i = 0; i < c->n; i++) {
    const word *w = &c->words[i];
    if (w->stop || w->count < min || !n) continue;
    size_t at = have < n ? have++ : n; /* its place among the best: equal counts stay in the order of the text */
    while (at > 0 && best[at - 1].count < w->count) {
      if (at < n) best[at] = best[at - 1];
      at--;
    }
    if (at < n) best[at] = (counted){w->text, w->count};
  }
  return have;
}
