/* SPDX-License-Identifier: Apache-2.0 */
/* Edit maps as sorted runs. */
#include "doc/editmap.h"

#include <string.h>

#include "base/mem.h"

struct sl_editmap {
  atomic_uint refs;
  size_t n;
  sl_span spans[];
};

static int is_exact(const sl_span *s) { return s->text_len == s->src_len; }

/* A map being made: runs come in order of text. */
struct builder {
  sl_editmap *map;
  size_t cap;
  int failed;
};

static void add(struct builder *b, sl_span s) {
  if (s.text_len == 0 || b->failed) return;
  if (b->map != NULL && b->map->n > 0) {
    sl_span *last = &b->map->spans[b->map->n - 1];
    if (is_exact(last) && is_exact(&s) && last->text + last->text_len == s.text && last->src + last->src_len == s.src) {
      last->text_len += s.text_len;
      last->src_len += s.src_len;
      return;
    }
  }
  if (b->map == NULL || b->map->n == b->cap) {
    size_t cap = b->cap == 0 ? 8 : b->cap * 2;
    sl_editmap *map = sl_mem_realloc(b->map, sizeof *map + cap * sizeof map->spans[0]);
    if (map == NULL) {
      b->failed = 1;
      return;
    }
    if (b->map == NULL) map->n = 0;
    b->map = map;
    b->cap = cap;
  }
  b->map->spans[b->map->n++] = s;
}

static int finish(struct builder *b, sl_editmap **ret, sl_err *err) {
  if (b->map == NULL && !b->failed) {
    b->map = sl_mem_alloc(sizeof *b->map);
    if (b->map != NULL) b->map->n = 0;
    b->cap = 0;
  }
  if (b->map == NULL || b->failed) {
    sl_mem_free(b->map);
    return sl_err_set(err, SL_ENOMEM, "cannot make an edit map: memory is out");
  }
  if (b->map->n < b->cap) {
    sl_editmap *fit = sl_mem_realloc(b->map, sizeof *fit + b->map->n * sizeof fit->spans[0]);
    if (fit != NULL) b->map = fit;
  }
  atomic_init(&b->map->refs, 1);
  *ret = b->map;
  return SL_OK;
}

int sl_editmap_new(const sl_span *spans, size_t n, uint64_t text_len, sl_editmap **ret, sl_err *err) {
  struct builder b = {0};
  uint64_t at = 0;
  for (size_t i = 0; i < n; i++) {
    sl_span s = spans[i];
    if (s.text < at || s.text > text_len || s.text_len > text_len - s.text || s.src + s.src_len < s.src) {
      sl_mem_free(b.map);
      sl_err_set(err, SL_EINVAL,
                 "run %zu of the edit map covers text bytes %llu to %llu: "
                 "expected runs in order, inside the %llu bytes of text",
                 i, (unsigned long long)s.text, (unsigned long long)(s.text + s.text_len),
                 (unsigned long long)text_len);
      return SL_EINVAL;
    }
    at = s.text + s.text_len;
    add(&b, s);
  }
  return finish(&b, ret, err);
}

sl_editmap *sl_editmap_ref(sl_editmap *map) {
  atomic_fetch_add_explicit(&map->refs, 1, memory_order_relaxed);
  return map;
}

void sl_editmap_unref(sl_editmap *map) {
  if (map != NULL && atomic_fetch_sub_explicit(&map->refs, 1, memory_order_acq_rel) == 1) sl_mem_free(map);
}

size_t sl_editmap_count(const sl_editmap *map) { return map->n; }
const sl_span *sl_editmap_spans(const sl_editmap *map) { return map->spans; }
size_t sl_editmap_size(const sl_editmap *map) { return sizeof *map + map->n * sizeof map->spans[0]; }

/* The first run that ends behind pos. */
static size_t first_behind(const sl_editmap *map, uint64_t pos) {
  size_t lo = 0;
  size_t hi = map->n;
  while (lo < hi) {
    size_t mid = lo + (hi - lo) / 2;
    if (map->spans[mid].text + map->spans[mid].text_len > pos) {
      hi = mid;
    } else {
      lo = mid + 1;
    }
  }
  return lo;
}

/* The part of a run that lies in text [start, end); text_len 0 if none does. A
 * run that is one unit keeps its whole source. */
static sl_span cut(const sl_span *s, uint64_t start, uint64_t end) {
  uint64_t from = s->text > start ? s->text : start;
  uint64_t to = s->text + s->text_len < end ? s->text + s->text_len : end;
  sl_span part = {from, to > from ? to - from : 0, s->src, s->src_len};
  if (is_exact(s)) {
    part.src = s->src + (from - s->text);
    part.src_len = part.text_len;
  }
  return part;
}

/* A place between bytes. */
static int lookup_place(const sl_editmap *map, uint64_t pos, uint64_t *ret) {
  size_t i = first_behind(map, pos);
  if (i < map->n && map->spans[i].text <= pos) {
    const sl_span *s = &map->spans[i];
    *ret = is_exact(s) ? s->src + (pos - s->text) : s->src;
    return SL_OK;
  }
  if (i > 0 && map->spans[i - 1].text + map->spans[i - 1].text_len == pos) {
    *ret = map->spans[i - 1].src + map->spans[i - 1].src_len;
    return SL_OK;
  }
  return SL_ENOTFOUND;
}

int sl_editmap_lookup(const sl_editmap *map, uint64_t start, uint64_t end, uint64_t *ret_start, uint64_t *ret_end) {
  uint64_t lo = UINT64_MAX;
  uint64_t hi = 0;
  if (start >= end) {
    if (start > end || lookup_place(map, start, &lo) != SL_OK) return SL_ENOTFOUND;
    *ret_start = *ret_end = lo;
    return SL_OK;
  }
  for (size_t i = first_behind(map, start); i < map->n && map->spans[i].text < end; i++) {
    sl_span part = cut(&map->spans[i], start, end);
    if (part.src < lo) lo = part.src;
    if (part.src + part.src_len > hi) hi = part.src + part.src_len;
  }
  if (lo == UINT64_MAX) return SL_ENOTFOUND;
  *ret_start = lo;
  *ret_end = hi;
  return SL_OK;
}

int sl_editmap_compose(const sl_editmap *later, const sl_editmap *earlier, sl_editmap **ret, sl_err *err) {
  struct builder b = {0};
  for (size_t i = 0; i < later->n; i++) {
    const sl_span *s = &later->spans[i];
    uint64_t end = s->src + s->src_len;
    if (!is_exact(s)) {
      uint64_t from;
      uint64_t to;
      if (sl_editmap_lookup(earlier, s->src, end, &from, &to) == SL_OK)
        add(&b, (sl_span){s->text, s->text_len, from, to - from});
      continue;
    }
    for (size_t k = first_behind(earlier, s->src); k < earlier->n && earlier->spans[k].text < end; k++) {
      sl_span part = cut(&earlier->spans[k], s->src, end);
      part.text = s->text + (part.text - s->src);
      add(&b, part);
    }
  }
  return finish(&b, ret, err);
}

int sl_editmap_splice(const sl_editmap *map, uint64_t start, uint64_t end, uint64_t len, sl_editmap **ret,
                      sl_err *err) {
  struct builder b = {0};
  if (start > end) return sl_err_set(err, SL_EINVAL, "the range to replace ends before it begins");
  for (size_t i = 0; i < map->n && map->spans[i].text < start; i++) add(&b, cut(&map->spans[i], 0, start));
  for (size_t i = first_behind(map, end); i < map->n; i++) {
    sl_span part = cut(&map->spans[i], end, UINT64_MAX);
    part.text = part.text - end + start + len;
    add(&b, part);
  }
  return finish(&b, ret, err);
}
