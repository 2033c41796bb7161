/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes through extract: annotations lie inside the text, in order, and refer to each other; any bytes as a
 * lexicon or as patterns, with which a text is then annotated. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <sluice/plugin.h>

#include "annot.h"
#include "output.h"

#define CHECK(condition)                           \
  do {                                             \
    if (!(condition)) {                            \
      fprintf(stderr, "broken: %s\n", #condition); \
      abort();                                     \
    }                                              \
  } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_span(const ex_span *s, size_t n) { CHECK(s->start <= s->end && s->end <= n); }

static void check_entities(const ex_doc *doc, size_t n) {
  for (uint32_t k = 0; k < doc->order.n; k++) {
    const ex_ent *e = ex_ent_at(doc, ((const uint32_t *)doc->order.items)[k]);
    CHECK(e->t0 < e->t1 && e->t1 <= doc->n_tok);
    CHECK(e->start < e->end && e->end <= n);
    CHECK(e->core1 == 0 || (e->core0 >= e->start && e->core0 < e->core1 && e->core1 <= e->end));
    CHECK(e->person == EX_NONE || e->person < doc->ents.n);
    CHECK(e->link == EX_NONE || e->link < doc->ents.n);
  }
}

static void check(const ex_doc *doc, size_t n) {
  check_entities(doc, n);
  for (uint32_t k = 0; k < doc->directives.n; k++) {
    const ex_directive *d = (const ex_directive *)doc->directives.items + k;
    check_span(&d->speaker_text, n);
    check_span(&d->verb, n);
    check_span(&d->to, n);
    check_span(&d->content, n);
    CHECK(d->speaker == EX_NONE || d->speaker < doc->ents.n);
    CHECK(d->first_to + d->n_to <= doc->targets.n);
  }
  for (uint32_t k = 0; k < doc->quotes.n; k++) {
    const ex_quote *q = (const ex_quote *)doc->quotes.items + k;
    check_span(&q->speaker_text, n);
    check_span(&q->content, n);
    CHECK(q->content.start < q->content.end);
  }
}

/* section: a line that stands before the text, or "". */
static void as_lexicon(const char *section, const char *text, size_t n) {
  static const char sample[] =
      "Ngày 2/9, Bí thư Trần Văn An yêu cầu Sở Y tế (SYT) nộp 12-15 tỷ đồng trước 30/9. Bob Smith nói \"không\".";
  char msg[512];
  ex_lex *lex = ex_lex_new();
  ex_doc doc;
  CHECK(lex);
  if (*section) CHECK(ex_lex_read(lex, "fuzz", section, strlen(section), msg, sizeof(msg)) == 0);
  int rc = ex_lex_read(lex, "fuzz", text, n, msg, sizeof(msg));
  CHECK(rc == 0 || (rc == SL_EPARSE && strlen(msg) > 0 && strlen(msg) < sizeof(msg)));
  ex_doc_init(&doc, lex);
  CHECK(ex_annotate(&doc, sample, sizeof(sample) - 1, NULL, 0, "2025-08-21", 3) == 0);
  check(&doc, sizeof(sample) - 1);
  ex_doc_done(&doc);
  ex_lex_free(lex);
}

/* Patterns are made of the rest of the input, behind the head of a line for each. */
static void as_patterns(const char *text, size_t n) {
  char *lines = malloc(n + 64);
  CHECK(lines);
  int head = snprintf(lines, 64, "[pattern]\nx: %s = ", n % 3 == 0 ? "ORG" : n % 3 == 1 ? "DATE" : "ORDER");
  memcpy(lines + head, text, n);
  char *exact = malloc((size_t)head + n);
  CHECK(exact);
  memcpy(exact, lines, (size_t)head + n);
  free(lines);
  as_lexicon("", exact, (size_t)head + n);
  free(exact);
}

/* Borders at every `step` bytes: wherever they fall. */
static uint32_t make_borders(ex_span *to, uint32_t max, size_t n, size_t step) {
  uint32_t count = 0;
  for (size_t at = 0; step && at < n && count < max; at += step)
    to[count++] = (ex_span){(uint32_t)at, (uint32_t)(at + step < n ? at + step : n)};
  return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static ex_lex *lex;
  static ex_doc doc;
  char msg[512];
  if (!lex) {
    lex = ex_lex_new();
    CHECK(lex && ex_lex_read_builtin(lex, msg, sizeof(msg)) == 0);
    ex_doc_init(&doc, lex);
  }
  if (size < 1) return 0;
  /* A block of its own, so that reading one byte too far is seen. */
  size_t n = size - 1;
  char *text = malloc(n ? n : 1);
  CHECK(text);
  memcpy(text, data + 1, n);
  if (data[0] == 'L') {
    as_lexicon("", text, n);
  } else if (data[0] == 'P') {
    as_patterns(text, n);
  } else {
    ex_span borders[64];
    uint32_t n_borders = make_borders(borders, 64, n, data[0] & 0x80 ? 1 + (data[0] & 0x3F) : 0);
    CHECK(ex_annotate(&doc, text, n, borders, n_borders, data[0] & 1 ? "2025-08-21" : NULL, 3) == 0);
    check(&doc, n);
    cJSON *out[4];
    CHECK(ex_output(&doc, EX_ALL_TYPES, &out[0], &out[1], &out[2], &out[3]) == 0);
    for (int i = 0; i < 4; i++) cJSON_Delete(out[i]);
  }
  free(text);
  return 0;
}
