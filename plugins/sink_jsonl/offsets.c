/* SPDX-License-Identifier: Apache-2.0 */
/* Prints a document with its offsets in code points or UTF-16 units. */
#include "offsets.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP 64 /* bytes of text between two entries of the index */

typedef struct {
  jsonl_buf *out;
  const unsigned char *text;
  size_t len;
  uint32_t *at; /* units before byte i * STEP */
  int unit;
} printer;

int jsonl_put(jsonl_buf *b, const void *data, size_t len) {
  if (len == 0) return 0;
  if (b->cap - b->len < len) {
    size_t cap = b->cap ? b->cap : 65536;
    while (cap - b->len < len) cap *= 2;
    char *grown = realloc(b->data, cap);
    if (!grown) return -1;
    b->data = grown;
    b->cap = cap;
  }
  memcpy(b->data + b->len, data, len);
  b->len += len;
  return 0;
}

static int puts_json(printer *p, const char *s) { return jsonl_put(p->out, s, strlen(s)); }

/* Units that begin in [from, to). */
static uint32_t units(const printer *p, size_t from, size_t to) {
  uint32_t n = 0;
  for (size_t i = from; i < to; i++) {
    n += (p->text[i] & 0xC0) != 0x80;
    n += p->unit == OFFSETS_UTF16 && p->text[i] >= 0xF0;
  }
  return n;
}

static int build_index(printer *p) {
  size_t n = p->len / STEP + 1;
  p->at = malloc(n * sizeof *p->at);
  if (!p->at) return -1;
  p->at[0] = 0;
  for (size_t i = 1; i < n; i++) p->at[i] = p->at[i - 1] + units(p, (i - 1) * STEP, i * STEP);
  return 0;
}

static int is_offset(const printer *p, const cJSON *v) {
  return cJSON_IsNumber(v) && v->valuedouble >= 0 && v->valuedouble <= (double)p->len &&
         v->valuedouble == floor(v->valuedouble);
}

static int put_offset(printer *p, const cJSON *v) {
  char number[32];
  size_t byte = (size_t)v->valuedouble, block = byte / STEP;
  snprintf(number, sizeof number, "%u", p->at[block] + units(p, block * STEP, byte));
  return puts_json(p, number);
}

static int put_string(printer *p, const char *s) {
  static const char *const shorts = "\b\t\n\f\r\"\\";
  static const char *const names = "btnfr\"\\";
  if (jsonl_put(p->out, "\"", 1) < 0) return -1;
  for (const char *from = s;; s++) {
    unsigned char c = (unsigned char)*s;
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    if (jsonl_put(p->out, from, (size_t)(s - from)) < 0) return -1;
    if (c == 0) break;
    char escape[8] = {'\\'};
    const char *known = strchr(shorts, c);
    if (known)
      escape[1] = names[known - shorts];
    else
      snprintf(escape, sizeof escape, "\\u%04x", c);
    if (puts_json(p, escape) < 0) return -1;
    from = s + 1;
  }
  return jsonl_put(p->out, "\"", 1);
}

/* The text that the reader kept counts while it agrees with the value; else the shortest digits that read back the
 * same. */
static int put_number(printer *p, const cJSON *v) {
  char number[40];
  double d = v->valuedouble;
  if (v->valuestring && strtod(v->valuestring, NULL) == d) return puts_json(p, v->valuestring);
  if (!isfinite(d)) return puts_json(p, "null");
  if (d == floor(d) && fabs(d) < 9e15) {
    snprintf(number, sizeof number, "%lld", (long long)d);
    return puts_json(p, number);
  }
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(number, sizeof number, "%.*g", digits, d);
    if (strtod(number, NULL) == d) break;
  }
  return puts_json(p, number);
}

static int put_scalar(printer *p, const cJSON *v) {
  switch (v->type & 0xFF) {
  case cJSON_False:
    return puts_json(p, "false");
  case cJSON_True:
    return puts_json(p, "true");
  case cJSON_Number:
    return put_number(p, v);
  case cJSON_String:
    return put_string(p, v->valuestring);
  case cJSON_Raw:
    return puts_json(p, v->valuestring);
  default:
    return puts_json(p, "null");
  }
}

static int has_span(const printer *p, const cJSON *object) {
  int seen = 0;
  for (const cJSON *c = object->child; c; c = c->next) {
    if (strcmp(c->string, "start") == 0 && is_offset(p, c)) seen |= 1;
    if (strcmp(c->string, "end") == 0 && is_offset(p, c)) seen |= 2;
  }
  return seen == 3;
}

#define NUMBERS_PLAIN 0   /* numbers are numbers */
#define NUMBERS_OFFSETS 1 /* every number below is an offset */
#define NUMBERS_ROOT 2    /* the document itself */
#define NUMBERS_SENTENCES 3

static int put_value(printer *p, const cJSON *v, int mode);

static int child_mode(int mode, int span, const char *key) {
  if (mode == NUMBERS_ROOT && strcmp(key, "paragraphs") == 0) return NUMBERS_OFFSETS;
  if (mode == NUMBERS_ROOT && strcmp(key, "sentences") == 0) return NUMBERS_SENTENCES;
  if (mode == NUMBERS_SENTENCES && strcmp(key, "tokens") == 0) return NUMBERS_OFFSETS;
  if (span && (strcmp(key, "start") == 0 || strcmp(key, "end") == 0)) return NUMBERS_OFFSETS;
  return NUMBERS_PLAIN;
}

static int put_object(printer *p, const cJSON *v, int mode) {
  int span = mode != NUMBERS_ROOT && has_span(p, v);
  for (const cJSON *c = v->child; c; c = c->next) {
    if (puts_json(p, c == v->child ? "{" : ",") < 0 || put_string(p, c->string) < 0 || puts_json(p, ":") < 0) return -1;
    if (put_value(p, c, child_mode(mode, span, c->string)) < 0) return -1;
  }
  return puts_json(p, v->child ? "}" : "{}");
}

static int put_array(printer *p, const cJSON *v, int mode) {
  for (const cJSON *c = v->child; c; c = c->next)
    if (puts_json(p, c == v->child ? "[" : ",") < 0 || put_value(p, c, mode) < 0) return -1;
  return puts_json(p, v->child ? "]" : "[]");
}

static int put_value(printer *p, const cJSON *v, int mode) {
  if (cJSON_IsObject(v)) return put_object(p, v, mode);
  if (cJSON_IsArray(v)) return put_array(p, v, mode);
  if (mode == NUMBERS_OFFSETS && is_offset(p, v)) return put_offset(p, v);
  return put_scalar(p, v);
}

int jsonl_print_offsets(jsonl_buf *b, const cJSON *body, int unit) {
  printer p = {.out = b, .unit = unit, .text = (const unsigned char *)""};
  size_t before = b->len;
  for (const cJSON *c = body->child; c; c = c->next)
    if (strcmp(c->string, "text") == 0 && cJSON_IsString(c)) p.text = (const unsigned char *)c->valuestring;
  p.len = strlen((const char *)p.text);
  int rc = build_index(&p);
  if (rc == 0) rc = put_value(&p, body, NUMBERS_ROOT);
  free(p.at);
  if (rc < 0) b->len = before;
  return rc;
}
