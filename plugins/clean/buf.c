/* SPDX-License-Identifier: Apache-2.0 */
/* Mapped text: see buf.h. */
#include "buf.h"

#include <string.h>

/* Neighbouring units are joined up to this length, so that a text whose every letter changed (UTF-16) has a run per
 * word. */
#define UNIT_MAX 48

void clean_buf_init(clean_buf *b, const clean_mem *mem) {
  memset(b, 0, sizeof *b);
  b->mem = mem;
}

void clean_buf_done(clean_buf *b) {
  b->mem->free(b->s);
  b->mem->free(b->runs);
  clean_buf_init(b, b->mem);
}

void clean_buf_clear(clean_buf *b, size_t keep) {
  if (b->cap > keep || b->cap_runs * sizeof(sl_span) > keep) clean_buf_done(b);
  b->n = 0;
  b->n_runs = 0;
  b->oom = 0;
}

clean_view clean_buf_view(const clean_buf *b) {
  static const sl_span none;
  return (clean_view){b->s ? b->s : "", b->n, b->runs ? b->runs : &none, b->n_runs, 0, 0};
}

int clean_grow(const clean_mem *mem, void **p, size_t *cap, size_t used, size_t need, size_t size) {
  if (need <= *cap) return SL_OK;
  size_t grown = *cap ? *cap : 64;
  while (grown < need) {
    if (grown > SIZE_MAX / 4 / size) return SL_ENOMEM;
    grown *= 2;
  }
  void *q = mem->alloc(grown * size);
  if (!q) return SL_ENOMEM;
  if (used) memcpy(q, *p, used * size);
  mem->free(*p);
  *p = q;
  *cap = grown;
  return SL_OK;
}

static int room(clean_buf *b, size_t more) {
  if (b->oom) return 0;
  void *p = b->s;
  if (clean_grow(b->mem, &p, &b->cap, b->n, b->n + more, 1)) b->oom = 1;
  b->s = p;
  return !b->oom;
}

static int word_byte(char c) {
  unsigned char u = (unsigned char)c;
  return u >= 0x80 || (u >= '0' && u <= '9') || (u >= 'A' && u <= 'Z') || (u >= 'a' && u <= 'z');
}

/* Whether the unit [text, text + len) may join the run before it. */
static int joins_unit(const clean_buf *b, const sl_span *last, uint64_t text_len, uint64_t src_len) {
  if (last->text_len == last->src_len || text_len == src_len) return 0;
  if (last->text_len + text_len > UNIT_MAX || last->text_len + text_len == last->src_len + src_len) return 0;
  return word_byte(b->s[last->text]) && word_byte(b->s[last->text + last->text_len]);
}

/* Records a run for the text_len bytes at the end of what was appended. */
static void add_run(clean_buf *b, uint64_t text, uint64_t text_len, uint64_t src, uint64_t src_len) {
  if (b->oom || text_len == 0) return;
  if (b->n_runs) {
    sl_span *last = &b->runs[b->n_runs - 1];
    int adjacent = last->text + last->text_len == text && last->src + last->src_len == src;
    int same = last->text_len == last->src_len && text_len == src_len;
    if (adjacent && (same || joins_unit(b, last, text_len, src_len))) {
      last->text_len += text_len;
      last->src_len += src_len;
      return;
    }
  }
  void *p = b->runs;
  if (clean_grow(b->mem, &p, &b->cap_runs, b->n_runs, b->n_runs + 1, sizeof(sl_span))) b->oom = 1;
  b->runs = p;
  if (!b->oom) b->runs[b->n_runs++] = (sl_span){text, text_len, src, src_len};
}

/* Moves the view's cursor to the first run that ends behind off. */
static size_t seek(clean_view *v, size_t off) {
  size_t i = v->cursor;
  if (i > v->n_runs || (i > 0 && v->runs[i - 1].text + v->runs[i - 1].text_len > off)) {
    size_t lo = 0, hi = v->n_runs;
    while (lo < hi) {
      size_t mid = (lo + hi) / 2;
      if (v->runs[mid].text + v->runs[mid].text_len > off) {
        hi = mid;
      } else {
        lo = mid + 1;
      }
    }
    i = lo;
  }
  while (i < v->n_runs && v->runs[i].text + v->runs[i].text_len <= off) i++;
  v->cursor = i;
  return i;
}

void clean_copy(clean_buf *b, clean_view *v, size_t off, size_t len) {
  if (len == 0 || !room(b, len)) return;
  size_t at = b->n, end = off + len;
  memcpy(b->s + at, v->s + off, len);
  b->n += len;
  if (!v->runs) {
    add_run(b, at, len, v->base + off, len);
    return;
  }
  for (size_t i = seek(v, off); i < v->n_runs && v->runs[i].text < end; i++) {
    const sl_span *r = &v->runs[i];
    uint64_t from = r->text > off ? r->text : off;
    uint64_t to = r->text + r->text_len < end ? r->text + r->text_len : end;
    uint64_t text = at + (from - off);
    if (r->text_len == r->src_len) {
      add_run(b, text, to - from, r->src + (from - r->text), to - from);
    } else {
      add_run(b, text, to - from, r->src, r->src_len);
    }
    v->cursor = i;
  }
}

int clean_source(clean_view *v, size_t off, size_t len, uint64_t *ret_start, uint64_t *ret_end) {
  if (len == 0) return 0;
  if (!v->runs) {
    *ret_start = v->base + off;
    *ret_end = v->base + off + len;
    return 1;
  }
  size_t end = off + len, i = seek(v, off);
  uint64_t lo = UINT64_MAX, hi = 0;
  for (; i < v->n_runs && v->runs[i].text < end; i++) {
    const sl_span *r = &v->runs[i];
    uint64_t a = r->src, z = r->src + r->src_len;
    if (r->text_len == r->src_len) {
      if (r->text < off) a += off - r->text;
      if (r->text + r->text_len > end) z -= r->text + r->text_len - end;
    }
    if (a < lo) lo = a;
    if (z > hi) hi = z;
    v->cursor = i;
  }
  if (lo >= hi) return 0;
  *ret_start = lo;
  *ret_end = hi;
  return 1;
}

void clean_raw(clean_buf *b, const char *s, size_t n, uint64_t src, uint64_t src_len) {
  if (n == 0 || !room(b, n)) return;
  memcpy(b->s + b->n, s, n);
  b->n += n;
  add_run(b, b->n - n, n, src, src_len);
}

void clean_unit(clean_buf *b, const char *s, size_t n, clean_view *v, size_t off, size_t len) {
  uint64_t start, end;
  if (clean_source(v, off, len, &start, &end)) {
    clean_raw(b, s, n, start, end - start);
  } else {
    clean_insert(b, s, n);
  }
}

void clean_insert(clean_buf *b, const char *s, size_t n) {
  if (n == 0 || !room(b, n)) return;
  memcpy(b->s + b->n, s, n);
  b->n += n;
}
