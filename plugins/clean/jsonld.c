/* SPDX-License-Identifier: Apache-2.0 */
/* Lenient JSON-LD: see jsonld.h. */
#include "jsonld.h"

#include <string.h>

typedef struct reader {
  clean_ld *ld;
  const char *s;
  size_t n, i;
  uint32_t open;                      /* the container that is being read */
  uint32_t tails[CLEAN_LD_DEPTH + 1]; /* the last member of each open container */
  uint32_t depth;                     /* of open; 0: the array of blocks */
  uint32_t over;                      /* containers open below the last depth that is kept */
  uint32_t key;                       /* read and waiting for its value */
} reader;

void clean_ld_init(clean_ld *ld, const clean_mem *mem) { *ld = (clean_ld){.mem = mem, .blocks = CLEAN_LD_NONE}; }

void clean_ld_done(clean_ld *ld) {
  ld->mem->free(ld->values);
  ld->mem->free(ld->chars);
  clean_ld_init(ld, ld->mem);
}

void clean_ld_clear(clean_ld *ld, size_t keep) {
  if (ld->cap * sizeof *ld->values > keep || ld->cap_chars > keep) clean_ld_done(ld);
  ld->n = ld->n_chars = ld->bytes = 0;
  ld->blocks = CLEAN_LD_NONE;
  ld->oom = 0;
}

/* ---- storing --------------------------------------------------------------------------------------------------------
 */

static void put_char(clean_ld *ld, char c) {
  if (ld->oom) return;
  if (ld->n_chars == ld->cap_chars) {
    void *p = ld->chars;
    if (clean_grow(ld->mem, &p, &ld->cap_chars, ld->n_chars, ld->n_chars + 1, 1)) {
      ld->oom = 1;
      return;
    }
    ld->chars = p;
  }
  ld->chars[ld->n_chars++] = c;
}

static void put_utf8(clean_ld *ld, uint32_t c) {
  if (c == 0 || (c >= 0xD800 && c < 0xE000) || c > 0x10FFFF) c = 0xFFFD;
  if (c < 0x80) {
    put_char(ld, (char)c);
  } else if (c < 0x800) {
    put_char(ld, (char)(0xC0 | c >> 6));
  } else if (c < 0x10000) {
    put_char(ld, (char)(0xE0 | c >> 12));
    put_char(ld, (char)(0x80 | (c >> 6 & 0x3F)));
  } else {
    put_char(ld, (char)(0xF0 | c >> 18));
    put_char(ld, (char)(0x80 | (c >> 12 & 0x3F)));
    put_char(ld, (char)(0x80 | (c >> 6 & 0x3F)));
  }
  if (c >= 0x80) put_char(ld, (char)(0x80 | (c & 0x3F)));
}

/* A new value at the end of the open container; CLEAN_LD_NONE when it is not kept. */
static uint32_t add_value(reader *r, uint8_t type, uint32_t text, size_t text_len) {
  clean_ld *ld = r->ld;
  void *p = ld->values;
  uint32_t key = r->key;
  r->key = CLEAN_LD_NONE;
  if (ld->oom || r->over) return CLEAN_LD_NONE;
  if (clean_grow(ld->mem, &p, &ld->cap, ld->n, ld->n + 1, sizeof *ld->values)) {
    ld->oom = 1;
    return CLEAN_LD_NONE;
  }
  ld->values = p;
  uint32_t i = (uint32_t)ld->n++;
  ld->values[i] = (clean_ld_value){.parent = r->open,
                                   .next = CLEAN_LD_NONE,
                                   .child = CLEAN_LD_NONE,
                                   .key = key,
                                   .text = text,
                                   .text_len = (uint32_t)text_len,
                                   .type = type};
  if (i == 0) return i;
  uint32_t *tail = &r->tails[r->depth];
  *(*tail == CLEAN_LD_NONE ? &ld->values[r->open].child : &ld->values[*tail].next) = i;
  *tail = i;
  return i;
}

/* ---- tokens ---------------------------------------------------------------------------------------------------------
 */

static int at(const reader *r, const char *word) {
  size_t n = strlen(word);
  return r->n - r->i >= n && memcmp(r->s + r->i, word, n) == 0;
}

static int blank(char c) { return (unsigned char)c <= ' ' || c == ',' || c == ';'; }

/* Behind white space, commas, comments and what pages put around a block. */
static void skip_between(reader *r) {
  static const char *const marks[] = {"<![CDATA[", "]]>", "<!--", "-->", "\xEF\xBB\xBF", "\xC2\xA0"};
  for (int again = 1; again && r->i < r->n;) {
    again = 0;
    while (r->i < r->n && blank(r->s[r->i])) r->i++;
    for (size_t k = 0; k < sizeof marks / sizeof *marks; k++) {
      if (!at(r, marks[k])) continue;
      r->i += strlen(marks[k]);
      again = 1;
    }
    if (at(r, "//") || at(r, "/*")) {
      int line = r->s[r->i + 1] == '/';
      /* "//<![CDATA[" often has the data behind it in the same line. */
      for (r->i += 2; r->i < r->n && !at(r, line ? "\n" : "*/") && !at(r, "<![CDATA[") && !at(r, "{");) r->i++;
      if (at(r, "*/")) r->i += 2;
      again = 1;
    }
  }
}

static int hex4(const reader *r, size_t i, uint32_t *ret) {
  uint32_t v = 0;
  if (r->n - i < 4) return 0;
  for (size_t k = i; k < i + 4; k++) {
    char c = r->s[k];
    uint32_t d = c >= '0' && c <= '9' ? (uint32_t)(c - '0') : (uint32_t)((c | 0x20) - 'a') + 10;
    if (d > 15 || (c < '0')) return 0;
    v = v << 4 | d;
  }
  *ret = v;
  return 1;
}

static void read_escape(reader *r) {
  static const char from[] = "nrtbf", to[] = "\n\n\t  ";
  uint32_t c, low;
  r->i++;
  if (r->i >= r->n) return;
  char e = r->s[r->i++];
  const char *p = memchr(from, e, sizeof from - 1);
  if (p) {
    put_char(r->ld, to[p - from]);
  } else if (e == 'u' && hex4(r, r->i, &c)) {
    r->i += 4;
    if (c >= 0xD800 && c < 0xDC00 && r->n - r->i > 6 && r->s[r->i] == '\\' && r->s[r->i + 1] == 'u' &&
        hex4(r, r->i + 2, &low) && low >= 0xDC00 && low < 0xE000) {
      c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
      r->i += 6;
    }
    put_utf8(r->ld, c);
  } else {
    put_char(r->ld, e); /* \" \\ \/ and the wrong ones: \' */
  }
}

/* Whether the quote at s[i] ends its string: what follows must go on like JSON. White space behind a quote is looked at
 * here once and read once. */
static int ends_string(const reader *r, size_t i) {
  int line = 0, script = r->s[i] == '\''; /* the pages that quote so leave names bare, too */
  for (i++; i < r->n && (unsigned char)r->s[i] <= ' '; i++) line |= r->s[i] == '\n';
  if (i >= r->n || strchr(":}]<", r->s[i])) return 1;
  if (r->s[i] == '/') return i + 1 < r->n && (r->s[i + 1] == '/' || r->s[i + 1] == '*');
  if (r->s[i] != ',') return line && r->s[i] == '"';
  for (i++; i < r->n && blank(r->s[i]); i++) continue;
  return script || i >= r->n || strchr("\"'{[}]/-0123456789", r->s[i]) != NULL;
}

/* Reads a string at its quote into chars; returns where it starts there. */
static uint32_t read_string(reader *r, size_t *ret_len) {
  char quote = r->s[r->i++];
  uint32_t start = (uint32_t)r->ld->n_chars;
  while (r->i < r->n) {
    char c = r->s[r->i];
    if (c == '\\') {
      read_escape(r);
      continue;
    }
    if (c == quote && ends_string(r, r->i)) break;
    put_char(r->ld, (unsigned char)c < ' ' ? ' ' : c);
    r->i++;
  }
  r->i += r->i < r->n;
  *ret_len = r->ld->n_chars - start;
  put_char(r->ld, '\0');
  return start;
}

/* A number, true, or whatever stands there without quotes. */
static uint32_t read_bare(reader *r, size_t *ret_len) {
  uint32_t start = (uint32_t)r->ld->n_chars;
  size_t from = r->i;
  while (r->i < r->n && !strchr(",:{}[]\"\n", r->s[r->i]) && (unsigned char)r->s[r->i] > ' ') {
    put_char(r->ld, r->s[r->i++]);
  }
  if (r->i == from) r->i++;
  *ret_len = r->ld->n_chars - start;
  put_char(r->ld, '\0');
  return start;
}

/* ---- the block ------------------------------------------------------------------------------------------------------
 */

static void open_container(reader *r, uint8_t type) {
  r->i++;
  if (r->over || r->depth == CLEAN_LD_DEPTH) {
    r->over++;
    r->key = CLEAN_LD_NONE;
    return;
  }
  uint32_t v = add_value(r, type, 0, 0);
  if (v == CLEAN_LD_NONE) return;
  r->open = v;
  r->tails[++r->depth] = CLEAN_LD_NONE;
}

static void close_container(reader *r) {
  uint8_t type = r->s[r->i++] == '}' ? CLEAN_LD_OBJECT : CLEAN_LD_ARRAY;
  r->key = CLEAN_LD_NONE;
  if (r->over) {
    r->over--;
    return;
  }
  /* An end of the other kind closes what was forgotten, if there is something of its kind open. */
  uint32_t up = r->open, levels = 0;
  while (up != 0 && r->ld->values[up].type != type) {
    up = r->ld->values[up].parent;
    levels++;
  }
  if (up == 0) return;
  r->open = r->ld->values[up].parent;
  r->depth -= levels + 1;
}

/* A string or bare word: key or value. */
static void read_scalar(reader *r) {
  char c = r->s[r->i];
  size_t len;
  int is_string = c == '"' || (c == '\'' && r->n - r->i > 1);
  uint32_t text = is_string ? read_string(r, &len) : read_bare(r, &len);
  int in_object = !r->over && r->ld->values[r->open].type == CLEAN_LD_OBJECT;
  if (r->ld->oom) return;
  if (in_object && r->key == CLEAN_LD_NONE) {
    skip_between(r);
    if (r->i < r->n && r->s[r->i] == ':') {
      r->i++;
      r->key = text;
    }
    return;
  }
  /* Words outside of everything are text of the page, not data. */
  if (r->depth > 0 || is_string) add_value(r, is_string ? CLEAN_LD_STRING : CLEAN_LD_OTHER, text, len);
}

static void read_values(reader *r) {
  while (!r->ld->oom && r->ld->n < CLEAN_LD_VALUES) {
    skip_between(r);
    if (r->i >= r->n) break;
    char c = r->s[r->i];
    if (c == '{') {
      open_container(r, CLEAN_LD_OBJECT);
    } else if (c == '[') {
      open_container(r, CLEAN_LD_ARRAY);
    } else if (c == '}' || c == ']') {
      close_container(r);
    } else if (c == ':') {
      r->i++;
    } else {
      read_scalar(r);
    }
  }
}

/* Replaces the references of an escaped block; returns the bytes. */
static size_t unescape(const char *s, size_t n, char *out) {
  static const struct {
    const char *name;
    char c;
  } refs[] = {{"&quot;", '"'}, {"&#34;", '"'}, {"&#x22;", '"'}, {"&amp;", '&'},
              {"&lt;", '<'},   {"&gt;", '>'},  {"&#39;", '\''}};
  size_t k = 0;
  for (size_t i = 0; i < n;) {
    size_t step = 1;
    out[k] = s[i];
    for (size_t m = 0; s[i] == '&' && m < sizeof refs / sizeof *refs; m++) {
      size_t len = strlen(refs[m].name);
      if (n - i < len || memcmp(s + i, refs[m].name, len) != 0) continue;
      out[k] = refs[m].c;
      step = len;
      break;
    }
    i += step;
    k++;
  }
  return k;
}

/* Whether the block has no quotes but escaped ones. */
static int is_escaped(const char *s, size_t n) {
  return !memchr(s, '"', n) && (memmem(s, n, "&quot;", 6) || memmem(s, n, "&#34;", 5) || memmem(s, n, "&#x22;", 6));
}

void clean_ld_read(clean_ld *ld, const char *s, size_t n) {
  char *copy = NULL;
  if (ld->oom || ld->bytes >= CLEAN_LD_BYTES) return;
  if (n > CLEAN_LD_BYTES - ld->bytes) n = CLEAN_LD_BYTES - ld->bytes;
  ld->bytes += n;
  if (n && is_escaped(s, n)) {
    copy = ld->mem->alloc(n);
    if (!copy) {
      ld->oom = 1;
      return;
    }
    n = unescape(s, n, copy);
    s = copy;
  }
  reader r = {.ld = ld, .s = s, .n = n, .key = CLEAN_LD_NONE, .open = CLEAN_LD_NONE};
  if (ld->n == 0) add_value(&r, CLEAN_LD_ARRAY, 0, 0);
  r.open = 0;
  r.tails[0] = ld->blocks;
  if (!ld->oom) read_values(&r);
  ld->blocks = r.tails[0];
  ld->mem->free(copy);
}

/* ---- looking up -----------------------------------------------------------------------------------------------------
 */

uint32_t clean_ld_get(const clean_ld *ld, uint32_t object, const char *name) {
  if (object >= ld->n || ld->values[object].type != CLEAN_LD_OBJECT) return CLEAN_LD_NONE;
  for (uint32_t i = ld->values[object].child; i != CLEAN_LD_NONE; i = ld->values[i].next) {
    if (strcmp(clean_ld_key(ld, i), name) == 0) return i;
  }
  return CLEAN_LD_NONE;
}

const char *clean_ld_text(const clean_ld *ld, uint32_t value) {
  if (value >= ld->n || ld->values[value].type < CLEAN_LD_STRING) return NULL;
  return ld->chars + ld->values[value].text;
}

const char *clean_ld_key(const clean_ld *ld, uint32_t value) {
  if (value >= ld->n || ld->values[value].key == CLEAN_LD_NONE) return "";
  return ld->chars + ld->values[value].key;
}
