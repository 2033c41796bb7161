/* SPDX-License-Identifier: Apache-2.0 */
/* A tolerant reader of XML in pieces. */
#include "xmltok.h"

#include <libxml/HTMLparser.h>
#include <string.h>
#include <strings.h>

#include <sluice/plugin.h>

#define REFERENCE_MAX 32u
#define SCOPES_MAX 64u

typedef enum mode { TEXT, CDATA, COMMENT, PI, DOCTYPE, SKIP } mode;

/* A declared prefix, as long as its element is open. */
typedef struct scope {
  uint32_t depth;
  char prefix[24];
  const char *canonical; /* of the table; NULL: the prefix itself */
} scope;

struct xmltok {
  const lane_mem *mem;
  xmltok_events events;
  void *user;
  const xmltok_ns *table;
  size_t n_table;
  mode mode;
  bool subset; /* DOCTYPE: within [ ] */
  bool truncated, unclosed;
  lane_vec buf;   /* bytes that wait for more */
  lane_vec names; /* of open elements, raw, NUL-terminated, one behind the other */
  lane_vec work;  /* names and values of the tag at hand */
  uint32_t starts[XMLTOK_DEPTH_MAX];
  uint32_t depth;
  scope scopes[SCOPES_MAX];
  uint32_t n_scopes;
};

xmltok *xmltok_new(const lane_mem *mem, const xmltok_events *events, void *user, const xmltok_ns *table,
                   size_t n_table) {
  xmltok *t = mem->alloc(sizeof *t);
  if (!t) return NULL;
  memset(t, 0, sizeof *t);
  t->mem = mem;
  t->events = *events;
  t->user = user;
  t->table = table;
  t->n_table = n_table;
  return t;
}

void xmltok_free(xmltok *t) {
  if (!t) return;
  lane_vec_done(t->mem, &t->buf);
  lane_vec_done(t->mem, &t->names);
  lane_vec_done(t->mem, &t->work);
  t->mem->free(t);
}

size_t xmltok_depth(const xmltok *t) { return t->depth; }
bool xmltok_unclosed(const xmltok *t) { return t->unclosed; }
bool xmltok_truncated(const xmltok *t) { return t->truncated; }

const char *xmltok_value(const xmltok_attr *attrs, size_t n, const char *name) {
  for (size_t i = 0; i < n; i++)
    if (strcmp(attrs[i].name, name) == 0) return attrs[i].value;
  return NULL;
}

/* ---- references -------------------------------------------------------------------------------------------------- */

static size_t put_utf8(uint32_t c, char out[8]) {
  if (c < 0x80) {
    out[0] = (char)c;
    return 1;
  }
  size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  for (size_t i = n - 1; i > 0; i--, c >>= 6) out[i] = (char)(0x80u | (c & 0x3fu));
  out[0] = (char)((n == 2 ? 0xc0u : n == 3 ? 0xe0u : 0xf0u) | c);
  return n;
}

/* What a number stands for: bytes of windows-1252 in the range of C1, as in HTML; no control characters. */
static uint32_t code_point(uint32_t c) {
  static const uint16_t cp1252[32] = {0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
                                      0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd,
                                      0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
                                      0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178};
  if (c >= 0x80 && c < 0xa0) return cp1252[c - 0x80];
  if (c < 0x20) return c == '\t' || c == '\n' || c == '\r' ? c : ' ';
  if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || (c & 0xfffe) == 0xfffe) return 0xfffd;
  return c;
}

static bool is_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

static int digit(char c, uint32_t base) {
  int v = c >= '0' && c <= '9'   ? c - '0'
          : c >= 'a' && c <= 'f' ? c - 'a' + 10
          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                 : -1;
  return v < (int)base ? v : -1;
}

static int number(const char *s, size_t n, char out[8], size_t *ret_n) {
  size_t at = 2;
  uint32_t base = 10, c = 0;
  if (at < n && (s[at] == 'x' || s[at] == 'X')) {
    base = 16;
    at++;
  }
  size_t first = at;
  for (; at < n && at < REFERENCE_MAX && digit(s[at], base) >= 0; at++)
    if (c <= 0x10ffff) c = c * base + (uint32_t)digit(s[at], base);
  if (at == n && n < REFERENCE_MAX) return -1;
  if (at == first) return 0;
  *ret_n = put_utf8(code_point(c), out);
  return (int)at + (at < n && s[at] == ';');
}

int xmltok_reference(const char *s, size_t n, char out[8], size_t *ret_n) {
  char name[REFERENCE_MAX];
  size_t at = 1;
  if (n < 2) return -1;
  if (s[1] == '#') return number(s, n, out, ret_n);
  while (at < n && at < REFERENCE_MAX && is_name(s[at])) at++;
  if (at == n && n < REFERENCE_MAX) return -1;
  if (at < 2 || at >= REFERENCE_MAX || s[at] != ';') return 0;
  memcpy(name, s + 1, at - 1);
  name[at - 1] = '\0';
  if (strcmp(name, "apos") == 0) {
    out[0] = '\'';
    *ret_n = 1;
    return (int)at + 1;
  }
  const htmlEntityDesc *e = htmlEntityLookup((const xmlChar *)name);
  if (!e) return 0;
  *ret_n = put_utf8(e->value, out);
  return (int)at + 1;
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

static bool is_control(char c) {
  unsigned char b = (unsigned char)c;
  return (b < 0x20 && b != '\t' && b != '\n' && b != '\r') || b == 0x7f;
}

static int tell(xmltok *t, const char *s, size_t n) { return n && t->depth ? t->events.text(t->user, s, n) : 0; }

/* Text without references: control characters are taken out. */
static int tell_clean(xmltok *t, const char *s, size_t n) {
  size_t from = 0;
  int rc = 0;
  for (size_t i = 0; i < n && rc == 0; i++) {
    if (!is_control(s[i])) continue;
    rc = tell(t, s + from, i - from);
    if (rc == 0) rc = tell(t, " ", 1);
    from = i + 1;
  }
  return rc == 0 ? tell(t, s + from, n - from) : rc;
}

/* Tells s[0, n), which holds no tag. *ret_used: what may be forgotten; a reference may need more, unless it is the end.
 */
static int tell_text(xmltok *t, const char *s, size_t n, bool end, size_t *ret_used) {
  size_t at = 0;
  int rc = 0;
  while (at < n && rc == 0) {
    const char *amp = memchr(s + at, '&', n - at);
    size_t len = amp ? (size_t)(amp - s) - at : n - at;
    rc = tell_clean(t, s + at, len);
    at += len;
    if (!amp || rc != 0) break;
    char out[8];
    size_t n_out = 0;
    int used = xmltok_reference(amp, n - at, out, &n_out);
    if (used < 0 && !end) break;
    if (used > 0)
      rc = tell(t, out, n_out);
    else
      rc = tell(t, "&", 1);
    at += used > 0 ? (size_t)used : 1;
  }
  *ret_used = at;
  return rc;
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

/* Length of a URI without "/" or "#" at its end. */
static size_t bare(const char *uri) {
  size_t n = strlen(uri);
  while (n > 0 && (uri[n - 1] == '/' || uri[n - 1] == '#')) n--;
  return n;
}

static const char *canonical_of(const xmltok *t, const char *uri) {
  size_t n = bare(uri);
  for (size_t i = 0; i < t->n_table; i++)
    if (bare(t->table[i].uri) == n && strncasecmp(t->table[i].uri, uri, n) == 0) return t->table[i].prefix;
  return NULL;
}

static void declare(xmltok *t, const char *prefix, const char *uri) {
  if (t->n_scopes == SCOPES_MAX || strlen(prefix) >= sizeof t->scopes[0].prefix) return;
  scope *s = &t->scopes[t->n_scopes++];
  s->depth = t->depth;
  memcpy(s->prefix, prefix, strlen(prefix) + 1);
  s->canonical = canonical_of(t, uri);
}

static const char *find_prefix(const xmltok *t, const char *prefix, size_t n) {
  for (uint32_t i = t->n_scopes; i > 0; i--) {
    const scope *s = &t->scopes[i - 1];
    if (strlen(s->prefix) == n && strncmp(s->prefix, prefix, n) == 0) return s->canonical;
  }
  return NULL;
}

/* The name with the prefix of the table, in out. An attribute without prefix is in no namespace. */
static void resolve(const xmltok *t, const char *raw, bool attribute, char *out, size_t cap) {
  const char *colon = strchr(raw, ':'), *local = colon ? colon + 1 : raw;
  size_t n = colon ? (size_t)(colon - raw) : 0;
  const char *prefix = colon || !attribute ? find_prefix(t, raw, n) : "";
  size_t n_prefix = prefix ? strlen(prefix) : n;
  if (!prefix) prefix = raw;
  size_t n_local = strlen(local), at = 0;
  if (n_prefix + n_local + 2 > cap) n_local = n_prefix + 2 < cap ? cap - n_prefix - 2 : 0;
  if (n_prefix + 2 > cap) n_prefix = 0;
  if (n_prefix) {
    memcpy(out, prefix, n_prefix);
    at = n_prefix;
    out[at++] = ':';
  }
  memcpy(out + at, local, n_local);
  out[at + n_local] = '\0';
}

/* ---- tags -------------------------------------------------------------------------------------------------------- */

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }
static bool begins_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' || (unsigned char)c >= 0x80;
}
static bool in_name(char c) {
  return !is_space(c) && c != '>' && c != '/' && c != '=' && c != '<' && c != '"' && c != '\'';
}

#define NAME_MAX_LEN 120u

static int pop(xmltok *t) {
  char name[NAME_MAX_LEN + 32];
  const char *raw = (const char *)t->names.items + t->starts[t->depth - 1];
  resolve(t, raw, false, name, sizeof name);
  int rc = t->events.end(t->user, name);
  while (t->n_scopes && t->scopes[t->n_scopes - 1].depth >= t->depth) t->n_scopes--;
  t->depth--;
  t->names.n = t->starts[t->depth];
  return rc;
}

static int end_tag(xmltok *t, const char *s, size_t n) {
  size_t len = 0;
  while (len < n && in_name(s[len])) len++;
  if (len > NAME_MAX_LEN) len = NAME_MAX_LEN;
  for (uint32_t d = t->depth; d > 0; d--) {
    const char *open = (const char *)t->names.items + t->starts[d - 1];
    if (strlen(open) != len || strncasecmp(open, s, len) != 0) continue;
    int rc = 0;
    while (t->depth >= d && rc == 0) rc = pop(t);
    return rc;
  }
  return 0;
}

static int push_name(xmltok *t, const char *s, size_t len) {
  if (t->depth == XMLTOK_DEPTH_MAX) return SL_ELIMIT;
  if (lane_vec_reserve(t->mem, &t->names, 1, t->names.n + len + 1) != 0) return SL_ENOMEM;
  t->starts[t->depth++] = (uint32_t)t->names.n;
  char *to = (char *)t->names.items + t->names.n;
  memcpy(to, s, len);
  to[len] = '\0';
  t->names.n += len + 1;
  return 0;
}

typedef struct raw_attr {
  uint32_t name, value; /* places in work */
} raw_attr;

/* Copies with references decoded; room was made. */
static void copy_value(xmltok *t, const char *s, size_t n) {
  char *out = (char *)t->work.items;
  for (size_t i = 0; i < n;) {
    char made[8];
    size_t n_made = 0;
    int used = s[i] == '&' ? xmltok_reference(s + i, n - i, made, &n_made) : 0;
    if (used > 0) {
      memcpy(out + t->work.n, made, n_made);
      t->work.n += n_made;
      i += (size_t)used;
    } else {
      out[t->work.n++] = is_control(s[i]) || is_space(s[i]) ? ' ' : s[i];
      i++;
    }
  }
  out[t->work.n++] = '\0';
}

static void copy_name(xmltok *t, const char *s, size_t n) {
  if (n > NAME_MAX_LEN) n = NAME_MAX_LEN;
  char *to = (char *)t->work.items + t->work.n;
  memcpy(to, s, n);
  to[n] = '\0';
  t->work.n += n + 1;
}

/* One attribute from s + at; returns where it ends. */
static size_t take_attr(xmltok *t, const char *s, size_t n, size_t at, raw_attr *a) {
  size_t from = at;
  while (at < n && in_name(s[at])) at++;
  a->name = (uint32_t)t->work.n;
  copy_name(t, s + from, at - from);
  while (at < n && is_space(s[at])) at++;
  a->value = (uint32_t)t->work.n;
  if (at >= n || s[at] != '=') {
    copy_value(t, "", 0);
    return at;
  }
  at++;
  while (at < n && is_space(s[at])) at++;
  if (at < n && (s[at] == '"' || s[at] == '\'')) {
    const char *close = memchr(s + at + 1, s[at], n - at - 1);
    size_t end = close ? (size_t)(close - s) : n;
    copy_value(t, s + at + 1, end - at - 1);
    return end < n ? end + 1 : n;
  }
  from = at;
  while (at < n && !is_space(s[at])) at++;
  copy_value(t, s + from, at - from);
  return at;
}

static size_t take_attrs(xmltok *t, const char *s, size_t n, raw_attr *attrs) {
  size_t n_attrs = 0, at = 0;
  while (at < n && n_attrs < XMLTOK_ATTRS_MAX) {
    if (!in_name(s[at])) {
      at++;
      continue;
    }
    at = take_attr(t, s, n, at, &attrs[n_attrs++]);
  }
  return n_attrs;
}

static int tell_start(xmltok *t, const raw_attr *raw, size_t n) {
  static const size_t name_room = NAME_MAX_LEN + 32;
  xmltok_attr attrs[XMLTOK_ATTRS_MAX];
  char *base = (char *)t->work.items;
  /* Declarations first: they hold for the names of this tag, too. */
  for (size_t i = 0; i < n; i++) {
    const char *name = base + raw[i].name;
    if (strcmp(name, "xmlns") == 0) declare(t, "", base + raw[i].value);
    if (strncmp(name, "xmlns:", 6) == 0) declare(t, name + 6, base + raw[i].value);
  }
  for (size_t i = 0; i < n; i++) {
    char *to = base + t->work.n + i * name_room;
    resolve(t, base + raw[i].name, true, to, name_room);
    attrs[i] = (xmltok_attr){to, base + raw[i].value};
  }
  char name[NAME_MAX_LEN + 32];
  resolve(t, (const char *)t->names.items + t->starts[t->depth - 1], false, name, sizeof name);
  return t->events.start(t->user, name, attrs, n);
}

/* The tag s[0, n), without its brackets. */
static int start_tag(xmltok *t, const char *s, size_t n) {
  raw_attr attrs[XMLTOK_ATTRS_MAX];
  bool empty = n > 0 && s[n - 1] == '/';
  if (empty) n--;
  size_t len = 0;
  while (len < n && in_name(s[len])) len++;
  /* A reference is never shorter than what it stands for, but for the terminators and the resolved names. */
  if (lane_vec_reserve(t->mem, &t->work, 1, 2 * n + XMLTOK_ATTRS_MAX * (NAME_MAX_LEN + 40)) != 0) return SL_ENOMEM;
  t->work.n = 0;
  int rc = push_name(t, s, len > NAME_MAX_LEN ? NAME_MAX_LEN : len);
  if (rc != 0) return rc;
  rc = tell_start(t, attrs, take_attrs(t, s + len, n - len, attrs));
  return rc == 0 && empty ? pop(t) : rc;
}

/* Where the tag that begins at s[0] == '<' ends: the index of its '>'; SIZE_MAX if that is not there yet. A "<" outside
 * of quotes means that it was never closed; *ret_open: the index is that of this "<". */
static size_t tag_end(const char *s, size_t n, bool *ret_open) {
  char quote = 0;
  *ret_open = false;
  for (size_t i = 1; i < n; i++) {
    if (quote) {
      if (s[i] == quote) quote = 0;
    } else if ((s[i] == '"' || s[i] == '\'') && s[i - 1] == '=') {
      quote = s[i];
    } else if (s[i] == '"' || s[i] == '\'') {
      /* "name = 'value'": blanks before the quote. */
      size_t b = i - 1;
      while (b > 0 && i - b < 16 && is_space(s[b])) b--;
      if (s[b] == '=') quote = s[i];
    } else if (s[i] == '>') {
      return i;
    } else if (s[i] == '<') {
      *ret_open = true;
      return i;
    }
  }
  return SIZE_MAX;
}

/* ---- the machine ------------------------------------------------------------------------------------------------- */

static const char *find(const char *s, size_t n, const char *what) { return memmem(s, n, what, strlen(what)); }

static size_t tail_kept(size_t n, size_t keep) { return n > keep ? n - keep : 0; }

/* In a comment, an instruction, CDATA. *ret_used: bytes that are done with; 0 and no change of mode: more is needed. */
static int in_span(xmltok *t, const char *s, size_t n, bool end, size_t *ret_used) {
  const char *close = t->mode == CDATA ? "]]>" : t->mode == COMMENT ? "-->" : t->mode == PI ? "?>" : ">";
  const char *found = find(s, n, close);
  size_t len = found ? (size_t)(found - s) : end ? n : tail_kept(n, strlen(close) - 1);
  int rc = t->mode == CDATA ? tell_clean(t, s, len) : 0;
  *ret_used = found ? len + strlen(close) : len;
  if (found) t->mode = TEXT;
  return rc;
}

static size_t in_doctype(xmltok *t, const char *s, size_t n) {
  size_t i = 0;
  for (; i < n; i++) {
    if (!t->subset && s[i] == '[') t->subset = true;
    if (!t->subset && s[i] == '>') {
      t->mode = TEXT;
      return i + 1;
    }
    if (t->subset && s[i] == ']') {
      size_t k = i + 1;
      while (k < n && is_space(s[k])) k++;
      if (k == n) return i;
      if (s[k] == '>') {
        t->mode = TEXT;
        t->subset = false;
        return k + 1;
      }
    }
  }
  return i;
}

static bool may_be(const char *s, size_t n, const char *what) {
  size_t len = strlen(what);
  return strncasecmp(s, what, n < len ? n : len) == 0;
}

/* At "<!" or "<?". Bytes that are done with; 0: more is needed. */
static size_t begin_span(xmltok *t, const char *s, size_t n, bool end) {
  static const struct {
    const char *text;
    mode mode;
  } spans[] = {{"<?", PI}, {"<!--", COMMENT}, {"<![CDATA[", CDATA}, {"<!DOCTYPE", DOCTYPE}};
  for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
    if (!may_be(s, n, spans[i].text)) continue;
    if (n < strlen(spans[i].text) && !end) return 0;
    t->mode = spans[i].mode;
    t->subset = false;
    return n < strlen(spans[i].text) ? n : strlen(spans[i].text);
  }
  t->mode = SKIP;
  return 2;
}

/* At "<". */
static int at_tag(xmltok *t, const char *s, size_t n, bool end, size_t *ret_used) {
  *ret_used = 0;
  if (n < 2) {
    *ret_used = end ? n : 0;
    t->truncated |= end;
    return 0;
  }
  if (s[1] == '!' || s[1] == '?') {
    *ret_used = begin_span(t, s, n, end);
    return 0;
  }
  if (s[1] != '/' && !begins_name(s[1])) {
    *ret_used = 1;
    return tell(t, "<", 1);
  }
  bool open;
  size_t close = tag_end(s, n < XMLTOK_TAG_MAX ? n : XMLTOK_TAG_MAX, &open);
  if (close == SIZE_MAX && n < XMLTOK_TAG_MAX && !end) return 0;
  if (close == SIZE_MAX) {
    /* A quote that is never closed: it ends at the first bracket. Without one it is no tag, or cut off. */
    const char *first = memchr(s, '>', n < XMLTOK_TAG_MAX ? n : XMLTOK_TAG_MAX);
    t->truncated |= !first && end;
    *ret_used = n < XMLTOK_TAG_MAX ? n : XMLTOK_TAG_MAX;
    if (!first) return 0;
    close = (size_t)(first - s);
  }
  *ret_used = open ? close : close + 1;
  return s[1] == '/' ? end_tag(t, s + 2, close - 2) : start_tag(t, s + 1, close - 1);
}

static int step(xmltok *t, const char *s, size_t n, bool end, size_t *ret_used) {
  if (t->mode == DOCTYPE) {
    *ret_used = in_doctype(t, s, n);
    if (end && t->mode == DOCTYPE) *ret_used = n;
    return 0;
  }
  if (t->mode != TEXT) return in_span(t, s, n, end, ret_used);
  if (s[0] == '<') return at_tag(t, s, n, end, ret_used);
  const char *tag = memchr(s, '<', n);
  return tell_text(t, s, tag ? (size_t)(tag - s) : n, end || tag, ret_used);
}

static int run(xmltok *t, bool end) {
  size_t at = 0, n = t->buf.n;
  int rc = 0;
  while (at < n && rc == 0) {
    size_t used = 0;
    mode before = t->mode;
    rc = step(t, (const char *)t->buf.items + at, n - at, end, &used);
    at += used;
    if (used == 0 && t->mode == before) break;
  }
  if (at) memmove(t->buf.items, (const char *)t->buf.items + at, n - at);
  t->buf.n = n - at;
  return rc;
}

int xmltok_push(xmltok *t, const char *bytes, size_t n) {
  /* In pieces, so that the buffer stays small whatever is given. */
  for (size_t at = 0; at < n;) {
    size_t piece = n - at < 65536 ? n - at : 65536;
    if (lane_vec_reserve(t->mem, &t->buf, 1, t->buf.n + piece) != 0) return SL_ENOMEM;
    memcpy((char *)t->buf.items + t->buf.n, bytes + at, piece);
    t->buf.n += piece;
    at += piece;
    int rc = run(t, false);
    if (rc != 0) return rc;
  }
  return 0;
}

int xmltok_finish(xmltok *t) {
  t->truncated |= t->mode != TEXT;
  int rc = run(t, true);
  t->truncated |= t->depth > 0;
  t->unclosed = true;
  while (t->depth > 0 && rc == 0) rc = pop(t);
  return rc;
}
