/* SPDX-License-Identifier: Apache-2.0 */
/* Names, character references and text of a page: see dom.h. */
#include <string.h>
#include <strings.h>
#include <utf8proc.h>

#include "dom.h"
#include "vi_text.h"

typedef struct ref {
  const char *name; /* with its ';' */
  uint32_t first, second;
} ref;

#include "dom_names.inc"
#include "dom_refs.inc"

#define REF_LONGEST 32u
#define OLD_REF_LONGEST 6u /* of the names that count without ';' */
#define REPLACEMENT 0xFFFDu

/* ---- names ----------------------------------------------------------------------------------------------------------
 */

static unsigned lower(char c) { return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c); }

static unsigned look_up(const char *s, size_t n, const char *const *names, const uint8_t *slots, unsigned mask) {
  unsigned h = (unsigned)n * 31 + lower(s[0]) * 7 + lower(s[n - 1]) * 113 + lower(s[n / 2]) * 61;
  for (h = (h ^ (h >> 7)) & mask; slots[h]; h = (h + 1) & mask) {
    const char *name = names[slots[h]];
    if (strncasecmp(name, s, n) == 0 && !name[n]) return slots[h];
  }
  return 0;
}

unsigned clean_tag_find(const char *s, size_t n) {
  if (n == 0 || n > TAG_LONGEST) return 0;
  return look_up(s, n, clean_tag_names, tag_slots, sizeof tag_slots - 1);
}

unsigned clean_attr_find(const char *s, size_t n) {
  if (n == 0 || n > ATTR_LONGEST) return 0;
  return look_up(s, n, clean_attr_names, attr_slots, sizeof attr_slots - 1);
}

/* ---- character references -------------------------------------------------------------------------------------------
 */

static int is_alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

static const ref *find_ref(const char *s, size_t n) {
  size_t lo = 0, hi = sizeof refs / sizeof *refs;
  while (lo < hi) {
    size_t mid = (lo + hi) / 2;
    int c = strncmp(refs[mid].name, s, n);
    if (c == 0 && refs[mid].name[n]) c = 1;
    if (c == 0) return &refs[mid];
    if (c < 0) {
      lo = mid + 1;
    } else {
      hi = mid;
    }
  }
  return NULL;
}

/* Numbers 128 to 159 mean what they mean in windows-1252. */
static uint32_t fix_number(uint32_t v) {
  static const uint16_t table[32] = {0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                     0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0,      0x017D, 0,
                                     0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                     0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178};
  if (v >= 0x80 && v < 0xA0 && table[v - 0x80]) return table[v - 0x80];
  return v == 0 || v > 0x10FFFF || (v >= 0xD800 && v < 0xE000) ? REPLACEMENT : v;
}

static int digit_of(char c, int hex) {
  if (c >= '0' && c <= '9') return c - '0';
  unsigned l = lower(c);
  return hex && l >= 'a' && l <= 'f' ? (int)l - 'a' + 10 : -1;
}

/* "&#…" at s[i]. Returns behind it, or i if it is none. */
static size_t read_number(const char *s, size_t end, size_t i, uint32_t *ret) {
  size_t k = i + 2;
  int hex = k < end && lower(s[k]) == 'x', d;
  if (hex) k++;
  size_t from = k;
  uint32_t v = 0;
  for (; k < end && (d = digit_of(s[k], hex)) >= 0; k++) {
    if (v <= 0x10FFFF) v = v * (hex ? 16 : 10) + (uint32_t)d;
  }
  if (k == from) return i;
  *ret = fix_number(v);
  return k < end && s[k] == ';' ? k + 1 : k;
}

/* "&name" at s[i]. Returns behind it, or i if it is none. */
static size_t read_name(const char *s, size_t end, size_t i, int in_value, const ref **ret) {
  size_t from = i + 1, n = 0;
  while (n < REF_LONGEST && from + n < end && is_alnum(s[from + n])) n++;
  if (n == 0) return i;
  if (from + n < end && s[from + n] == ';' && (*ret = find_ref(s + from, n + 1))) return from + n + 1;
  for (size_t m = n < OLD_REF_LONGEST ? n : OLD_REF_LONGEST; m >= 2; m--) {
    *ret = find_ref(s + from, m);
    if (!*ret) continue;
    char next = from + m < end ? s[from + m] : ' ';
    return in_value && (next == '=' || is_alnum(next)) ? i : from + m;
  }
  return i;
}

/* The reference at s[*i] == '&'; 0 if it is none. */
static uint32_t read_ref(const char *s, size_t end, size_t *i, int in_value, uint32_t *ret_second) {
  uint32_t v = 0;
  const ref *r = NULL;
  size_t behind = *i;
  if (*i + 1 < end && s[*i + 1] == '#') {
    behind = read_number(s, end, *i, &v);
  } else {
    behind = read_name(s, end, *i, in_value, &r);
    if (behind > *i) {
      v = r->first;
      if (ret_second) *ret_second = r->second;
    }
  }
  if (behind == *i) return 0;
  *i = behind;
  return v;
}

uint32_t clean_dom_char(const char *s, size_t end, size_t *i, int in_value, uint32_t *ret_second) {
  if (ret_second) *ret_second = 0;
  if (s[*i] == '&') {
    uint32_t v = read_ref(s, end, i, in_value, ret_second);
    if (v) return v;
    (*i)++;
    return '&';
  }
  if (s[*i] == '\0') {
    (*i)++;
    return REPLACEMENT;
  }
  return vi_next(s, end, i);
}

/* ---- attributes -----------------------------------------------------------------------------------------------------
 */

const clean_attribute *clean_dom_attr(const clean_dom *d, uint32_t node, unsigned id) {
  const clean_node *e = &d->nodes[node];
  for (unsigned k = 0; k < e->n_attrs; k++) {
    if (d->attrs[e->attr + k].id == id) return &d->attrs[e->attr + k];
  }
  return NULL;
}

static size_t encode(uint32_t c, char *out) {
  return (size_t)utf8proc_encode_char((utf8proc_int32_t)c, (utf8proc_uint8_t *)out);
}

static size_t put_char(char *out, size_t n, size_t cap, uint32_t c) {
  char buf[4];
  size_t m = encode(c, buf);
  if (n + m >= cap) return 0;
  memcpy(out + n, buf, m);
  return m;
}

size_t clean_dom_value(const clean_dom *d, uint32_t node, unsigned id, char *ret, size_t cap) {
  const clean_attribute *a = clean_dom_attr(d, node, id);
  size_t n = 0;
  if (a) {
    size_t i = a->value, end = i + a->value_len, m = 1;
    while (i < end && m) {
      uint32_t second, c = clean_dom_char(d->s, end, &i, 1, &second);
      n += m = put_char(ret, n, cap, c);
      if (second && m) n += m = put_char(ret, n, cap, second);
    }
  }
  ret[n] = '\0';
  return n;
}

int clean_dom_value_is(const clean_dom *d, uint32_t node, unsigned id, const char *word) {
  const clean_attribute *a = clean_dom_attr(d, node, id);
  size_t n = strlen(word);
  return a && a->value_len == n && strncasecmp(d->s + a->value, word, n) == 0;
}

/* ---- text -----------------------------------------------------------------------------------------------------------
 */

void clean_dom_text(clean_view *in, size_t start, size_t end, clean_buf *out) {
  const char *s = in->s;
  size_t i = start, from = start;
  while (i < end) {
    if (s[i] != '&' && s[i] != '\0') {
      i++;
      continue;
    }
    size_t at = i;
    uint32_t second = 0, c = REPLACEMENT;
    if (s[i] == '\0') {
      i++;
    } else {
      c = read_ref(s, end, &i, 0, &second);
      if (!c) {
        i++;
        continue;
      }
    }
    clean_copy(out, in, from, at - from);
    char buf[8];
    size_t m = encode(c, buf);
    if (second) m += encode(second, buf + m);
    clean_unit(out, buf, m, in, at, i - at);
    from = i;
  }
  clean_copy(out, in, from, end - from);
}

size_t clean_dom_flat(const clean_dom *d, uint32_t node, char *ret, size_t cap) {
  size_t n = 0;
  int gap = 0, full = 0;
  for (uint32_t k = node; k <= d->nodes[node].last && !full; k++) {
    const clean_node *e = &d->nodes[k];
    if (e->kind == CLEAN_N_ELEMENT && (clean_tag_flags[e->tag] & CLEAN_TF_BLOCK)) gap = n > 0;
    if (clean_dom_is(d, k, CLEAN_T_BR)) gap = n > 0;
    if (e->kind != CLEAN_N_TEXT) continue;
    for (size_t i = e->start; i < e->end && !full;) {
      uint32_t second, c = clean_dom_char(d->s, e->end, &i, 0, &second);
      if (vi_is_space(c)) {
        gap = n > 0;
        continue;
      }
      size_t m = gap ? put_char(ret, n, cap, ' ') : 0;
      full = gap && !m;
      gap = 0;
      size_t k2 = full ? 0 : put_char(ret, n + m, cap, c);
      if (k2 == 0) {
        full = 1;
        break;
      }
      n += m + k2;
      if (second) n += put_char(ret, n, cap, second);
    }
  }
  ret[n] = '\0';
  return n;
}

size_t clean_dom_raw(const clean_dom *d, uint32_t node, const char **ret) {
  uint32_t k = clean_dom_first(d, node);
  if (k == CLEAN_DOM_NONE || (d->nodes[k].kind != CLEAN_N_RAW && d->nodes[k].kind != CLEAN_N_TEXT)) return 0;
  *ret = d->s + d->nodes[k].start;
  return d->nodes[k].end - d->nodes[k].start;
}
