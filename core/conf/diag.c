/* SPDX-License-Identifier: Apache-2.0 */
/* Errors and warnings about a pipeline file, collected, and shown with the source line and a caret. */
#include "conf/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "conf/arena.h"

#define MAX_KEPT 1000u
#define MAX_SHOWN 100u /* characters of a source line; longer ones are shown around the caret */

typedef struct source {
  struct source *next;
  const char *name, *text;
  size_t len;
  uint32_t index;
} source;

typedef struct hidden {
  struct hidden *next;
  sl_pos pos;
  uint32_t end_line, end_col;
} hidden;

typedef struct item {
  sl_diag d;
  uint32_t source, seq;
} item;

struct sl_diags {
  sl_arena *arena;
  source *sources;
  hidden *hidden;
  item *items;
  uint32_t n, cap, n_sources;
  uint32_t errors, warnings, skipped;
  int first_code;
  int sorted, nomem;
  uint32_t last; /* seq of the item that a hint belongs to, plus 1; 0: none */
};

sl_diags *sl_diags_new(void) {
  sl_diags *d = sl_mem_calloc(1, sizeof *d);
  if (d && !(d->arena = sl_arena_new())) {
    sl_mem_free(d);
    d = NULL;
  }
  return d;
}

void sl_diags_free(sl_diags *diags) {
  if (!diags) return;
  sl_mem_free(diags->items);
  sl_arena_free(diags->arena);
  sl_mem_free(diags);
}

/* ---- sources ---- */

const char *sl_diags_source(sl_diags *diags, const char *name, const char *text, size_t len) {
  source *s = sl_arena_alloc(diags->arena, sizeof *s);
  char *name_copy = s ? sl_arena_strdup(diags->arena, name) : NULL;
  char *text_copy = name_copy ? sl_arena_strndup(diags->arena, text, len) : NULL;
  if (!text_copy) {
    sl_diags_nomem(diags);
    return NULL;
  }
  s->name = name_copy;
  s->text = text_copy;
  s->len = len;
  s->index = diags->n_sources++;
  s->next = diags->sources;
  diags->sources = s;
  return s->name;
}

static const source *find_source(const sl_diags *diags, const char *file) {
  for (const source *s = diags->sources; s; s = s->next)
    if (s->name == file) return s;
  for (const source *s = diags->sources; file && s; s = s->next)
    if (strcmp(s->name, file) == 0) return s;
  return NULL;
}

const char *sl_diags_source_text(const sl_diags *diags, const char *file, size_t *ret_len) {
  const source *s = find_source(diags, file);
  if (!s) return NULL;
  *ret_len = s->len;
  return s->text;
}

void sl_diags_hide(sl_diags *diags, sl_pos pos, uint32_t end_line, uint32_t end_col) {
  hidden *h = sl_arena_alloc(diags->arena, sizeof *h);
  if (!h) {
    sl_diags_nomem(diags);
    return;
  }
  *h = (hidden){.next = diags->hidden, .pos = pos, .end_line = end_line, .end_col = end_col};
  diags->hidden = h;
}

/* ---- adding ---- */

int sl_diags_nomem(sl_diags *diags) {
  diags->nomem = 1;
  return SL_ENOMEM;
}

static int is_known(const sl_diags *diags, sl_pos pos, int severity, const char *message) {
  for (uint32_t i = 0; i < diags->n; i++) {
    const sl_diag *d = &diags->items[i].d;
    if (d->pos.line == pos.line && d->pos.col == pos.col && d->pos.file == pos.file && d->severity == severity &&
        strcmp(d->message, message) == 0)
      return 1;
  }
  return 0;
}

static int grow(sl_diags *diags) {
  if (diags->n < diags->cap) return 0;
  uint32_t cap = diags->cap ? diags->cap * 2 : 16;
  item *items = sl_mem_realloc(diags->items, cap * sizeof *items);
  if (!items) return SL_ENOMEM;
  diags->items = items;
  diags->cap = cap;
  return 0;
}

static void add(sl_diags *diags, sl_pos pos, int severity, int code, const char *message) {
  diags->last = 0;
  if (diags->n < MAX_KEPT && is_known(diags, pos, severity, message)) return;
  if (severity == SL_DIAG_ERROR) {
    diags->errors++;
    if (!diags->first_code) diags->first_code = code;
  } else {
    diags->warnings++;
  }
  if (diags->n >= MAX_KEPT) {
    diags->skipped++;
    return;
  }
  char *copy = sl_arena_strdup(diags->arena, message);
  if (!copy || grow(diags)) {
    sl_diags_nomem(diags);
    return;
  }
  const source *s = find_source(diags, pos.file);
  item *it = &diags->items[diags->n];
  *it = (item){.d = {.severity = severity, .code = code, .pos = pos, .message = copy},
               .source = s ? s->index : UINT32_MAX,
               .seq = diags->n};
  diags->n++;
  diags->last = diags->n;
  diags->sorted = 0;
}

/* vsnprintf may cut inside a character; what is shown stays UTF-8. */
static void format(char *buf, size_t cap, const char *fmt, va_list args) {
  int n = vsnprintf(buf, cap, fmt, args);
  if (n < 0) n = 0;
  if ((size_t)n >= cap) n = (int)sl_utf8_clip(buf, cap - 1, cap - 1);
  buf[n] = 0;
}

void sl_diags_error(sl_diags *diags, sl_pos pos, int code, const char *fmt, ...) {
  char text[1024];
  va_list args;
  va_start(args, fmt);
  format(text, sizeof text, fmt, args);
  va_end(args);
  add(diags, pos, SL_DIAG_ERROR, code, text);
}

void sl_diags_warn(sl_diags *diags, sl_pos pos, const char *fmt, ...) {
  char text[1024];
  va_list args;
  va_start(args, fmt);
  format(text, sizeof text, fmt, args);
  va_end(args);
  add(diags, pos, SL_DIAG_WARNING, 0, text);
}

void sl_diags_hint(sl_diags *diags, const char *fmt, ...) {
  if (!diags->last) return;
  char text[512];
  va_list args;
  va_start(args, fmt);
  format(text, sizeof text, fmt, args);
  va_end(args);
  char *copy = sl_arena_strdup(diags->arena, text);
  if (!copy) {
    sl_diags_nomem(diags);
    return;
  }
  for (uint32_t i = 0; i < diags->n; i++)
    if (diags->items[i].seq + 1 == diags->last) diags->items[i].d.hint = copy;
}

void sl_diags_add(sl_diags *diags, sl_pos pos, const sl_err *err) {
  sl_pos at = err->pos.file ? err->pos : pos;
  if (err->code == SL_ENOMEM) {
    sl_diags_nomem(diags);
    return;
  }
  sl_diags_error(diags, at, err->code, "%s", err->message);
  if (err->hint[0]) sl_diags_hint(diags, "%s", err->hint);
}

/* ---- reading ---- */

uint32_t sl_diags_errors(const sl_diags *diags) { return diags->errors + (diags->nomem ? 1u : 0u); }
uint32_t sl_diags_warnings(const sl_diags *diags) { return diags->warnings; }
uint32_t sl_diags_count(const sl_diags *diags) { return diags->n; }

int sl_diags_code(const sl_diags *diags) {
  if (diags->nomem) return SL_ENOMEM;
  return diags->first_code;
}

static int compare(const void *pa, const void *pb) {
  const item *a = pa, *b = pb;
  if (a->source != b->source) return a->source < b->source ? -1 : 1;
  if (a->d.pos.line != b->d.pos.line) return a->d.pos.line < b->d.pos.line ? -1 : 1;
  if (a->d.pos.col != b->d.pos.col) return a->d.pos.col < b->d.pos.col ? -1 : 1;
  return a->seq < b->seq ? -1 : a->seq > b->seq;
}

static void sort(sl_diags *diags) {
  if (diags->sorted || !diags->n) return;
  qsort(diags->items, diags->n, sizeof *diags->items, compare);
  diags->sorted = 1;
}

const sl_diag *sl_diags_at(sl_diags *diags, uint32_t i) {
  sort(diags);
  return i < diags->n ? &diags->items[i].d : NULL;
}

/* ---- showing ---- */

/* Bytes of the line break at p, 0 if there is none: the same ones that libyaml counts. */
static size_t line_break(const char *p, const char *end) {
  size_t left = (size_t)(end - p);
  if (left >= 2 && p[0] == '\r' && p[1] == '\n') return 2;
  if (left >= 1 && (*p == '\n' || *p == '\r')) return 1;
  if (left >= 2 && memcmp(p, "\xc2\x85", 2) == 0) return 2;
  if (left >= 3 && (memcmp(p, "\xe2\x80\xa8", 3) == 0 || memcmp(p, "\xe2\x80\xa9", 3) == 0)) return 3;
  return 0;
}

static const char *find_line(const source *s, uint32_t line, size_t *ret_len) {
  const char *p = s->text, *end = s->text + s->len;
  for (uint32_t at = 1; at < line; at++) {
    while (p < end && !line_break(p, end)) p++;
    if (p >= end) return NULL;
    p += line_break(p, end);
  }
  const char *stop = p;
  while (stop < end && !line_break(stop, end)) stop++;
  *ret_len = (size_t)(stop - p);
  return p;
}

const char *sl_diags_line(const sl_diags *diags, const char *file, uint32_t line, size_t *ret_len) {
  const source *s = find_source(diags, file);
  return s && line ? find_line(s, line, ret_len) : NULL;
}

typedef struct range {
  uint32_t first, last;
} range;

/* Columns that a terminal gives to a character. Ranges from Unicode 15: marks and format characters take none, East
 * Asian wide characters two. */
static unsigned width_of(uint32_t cp) {
  static const range none[] = {{0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},   {0x610, 0x61a},   {0x64b, 0x65f},
                               {0xe31, 0xe31},   {0xe34, 0xe3a},   {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x200b, 0x200f},
                               {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}};
  static const range two[] = {{0x1100, 0x115f}, {0x2e80, 0x303e},   {0x3041, 0x4dbf},   {0x4e00, 0xa4cf},
                              {0xac00, 0xd7a3}, {0xf900, 0xfaff},   {0xfe30, 0xfe4f},   {0xff00, 0xff60},
                              {0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++)
    if (cp >= none[i].first && cp <= none[i].last) return 0;
  for (size_t i = 0; i < sizeof two / sizeof *two; i++)
    if (cp >= two[i].first && cp <= two[i].last) return 2;
  return 1;
}

/* Characters that could move the cursor or turn the text around on a terminal. */
static int is_unsafe(uint32_t cp) {
  return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

static int is_hidden(const sl_diags *diags, const char *file, uint32_t line, uint32_t col) {
  for (const hidden *h = diags->hidden; h; h = h->next) {
    if (h->pos.file != file || line < h->pos.line || line > h->end_line) continue;
    if (line == h->pos.line && col < h->pos.col) continue;
    if (line == h->end_line && col >= h->end_col) continue;
    return 1;
  }
  return 0;
}

typedef struct cell {
  char text[4];
  uint8_t len, width;
} cell;

static size_t show_char(const sl_diags *diags, sl_pos at, const char *p, size_t left, cell *ret) {
  uint32_t cp = 0;
  int bad = 0;
  size_t n = sl_utf8_decode(p, left, &cp, &bad);
  if (is_hidden(diags, at.file, at.line, at.col)) {
    cp = '*';
  } else if (cp != '\t' && (bad || is_unsafe(cp))) {
    cp = 0xfffd;
  }
  ret->len = (uint8_t)sl_utf8_encode(cp, ret->text);
  ret->width = (uint8_t)(cp == '\t' ? 0xff : width_of(cp));
  return n;
}

static void print_source(const sl_diags *diags, const sl_diag *d, sl_buf *buf, int colour) {
  size_t len = 0;
  const char *line = sl_diags_line(diags, d->pos.file, d->pos.line, &len);
  if (!line) return;
  uint32_t total = (uint32_t)sl_utf8_count(line, len), first = 1, last = total;
  if (total > MAX_SHOWN) {
    first = d->pos.col > MAX_SHOWN / 2 ? d->pos.col - MAX_SHOWN / 2 : 1;
    last = first + MAX_SHOWN;
  }
  sl_buf pad = {0};
  sl_buf_addstr(buf, "    ");
  if (first > 1) {
    sl_buf_addstr(buf, "…");
    sl_buf_addc(&pad, ' ');
  }
  sl_pos at = d->pos;
  at.col = 1;
  for (size_t i = 0; i < len && at.col <= last; at.col++) {
    cell c;
    i += show_char(diags, at, line + i, len - i, &c);
    if (at.col < first) continue;
    sl_buf_add(buf, c.text, c.len);
    if (at.col >= d->pos.col) continue;
    if (c.width == 0xff)
      sl_buf_addc(&pad, '\t');
    else
      for (unsigned w = 0; w < c.width; w++) sl_buf_addc(&pad, ' ');
  }
  if (last < total) sl_buf_addstr(buf, "…");
  sl_buf_addstr(buf, "\n    ");
  sl_buf_add(buf, pad.data ? pad.data : "", pad.len);
  sl_buf_addstr(buf, colour ? "\x1b[1;32m^\x1b[0m\n" : "^\n");
  if (pad.failed) buf->failed = 1;
  sl_buf_done(&pad);
}

static void add_safe(sl_buf *buf, const char *text) {
  for (size_t i = 0, len = strlen(text); i < len;) {
    uint32_t cp;
    int bad = 0;
    size_t n = sl_utf8_decode(text + i, len - i, &cp, &bad);
    if (bad || is_unsafe(cp))
      sl_buf_addstr(buf, "\xef\xbf\xbd");
    else
      sl_buf_add(buf, text + i, n);
    i += n;
  }
}

static void print_one(const sl_diags *diags, const sl_diag *d, sl_buf *buf, int colour) {
  int is_error = d->severity == SL_DIAG_ERROR;
  if (colour) sl_buf_addstr(buf, "\x1b[1m");
  if (d->pos.file) {
    add_safe(buf, d->pos.file);
    if (d->pos.line) sl_buf_addf(buf, ":%u:%u", d->pos.line, d->pos.col);
    sl_buf_addstr(buf, ": ");
  }
  if (colour) sl_buf_addstr(buf, is_error ? "\x1b[31m" : "\x1b[35m");
  sl_buf_addstr(buf, is_error ? "error: " : "warning: ");
  if (colour) sl_buf_addstr(buf, "\x1b[0m");
  add_safe(buf, d->message);
  sl_buf_addc(buf, '\n');
  print_source(diags, d, buf, colour);
  if (!d->hint) return;
  sl_buf_addstr(buf, colour ? "  \x1b[1;36mhint:\x1b[0m " : "  hint: ");
  add_safe(buf, d->hint);
  sl_buf_addc(buf, '\n');
}

int sl_diags_print(sl_diags *diags, struct sl_buf *buf, int colour) {
  sort(diags);
  for (uint32_t i = 0; i < diags->n; i++) print_one(diags, &diags->items[i].d, buf, colour);
  if (diags->skipped) sl_buf_addf(buf, "%u more are not shown\n", diags->skipped);
  if (diags->nomem) sl_buf_addstr(buf, "error: memory is out\n");
  return buf->failed ? SL_ENOMEM : 0;
}

static int add_json(cJSON *list, const sl_diag *d) {
  cJSON *o = cJSON_CreateObject();
  if (!o || !cJSON_AddItemToArray(list, o)) {
    cJSON_Delete(o);
    return SL_ENOMEM;
  }
  int is_error = d->severity == SL_DIAG_ERROR;
  if (!cJSON_AddStringToObject(o, "severity", is_error ? "error" : "warning")) return SL_ENOMEM;
  if (is_error && !cJSON_AddStringToObject(o, "code", sl_err_name(d->code))) return SL_ENOMEM;
  if (d->pos.file && !cJSON_AddStringToObject(o, "file", d->pos.file)) return SL_ENOMEM;
  if (d->pos.line &&
      (!cJSON_AddNumberToObject(o, "line", d->pos.line) || !cJSON_AddNumberToObject(o, "col", d->pos.col)))
    return SL_ENOMEM;
  if (!cJSON_AddStringToObject(o, "message", d->message)) return SL_ENOMEM;
  if (d->hint && !cJSON_AddStringToObject(o, "hint", d->hint)) return SL_ENOMEM;
  return 0;
}

int sl_diags_json(sl_diags *diags, struct cJSON **ret, sl_err *err) {
  sort(diags);
  cJSON *list = cJSON_CreateArray();
  int rc = list ? 0 : SL_ENOMEM;
  for (uint32_t i = 0; !rc && i < diags->n; i++) rc = add_json(list, &diags->items[i].d);
  if (!rc && diags->nomem) {
    sl_diag nomem = {.severity = SL_DIAG_ERROR, .code = SL_ENOMEM, .message = "memory is out"};
    rc = add_json(list, &nomem);
  }
  if (rc) {
    cJSON_Delete(list);
    return sl_err_set(err, rc, "memory is out");
  }
  *ret = list;
  return 0;
}
