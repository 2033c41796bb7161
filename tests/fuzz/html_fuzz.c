/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a page: the tree is sound, no larger than the page, and all text leads back into the page in its order.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "html.h"
#include "test_dom.h"

#define CHECK(condition)                           \
  do {                                             \
    if (!(condition)) {                            \
      fprintf(stderr, "broken: %s\n", #condition); \
      abort();                                     \
    }                                              \
  } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const clean_mem heap = {malloc, free};

static void check_text(const clean_buf *b, size_t n, int in_order) {
  uint64_t text = 0, src = 0;
  CHECK(clean_utf8_valid(b->s ? b->s : "", b->n) == b->n);
  for (size_t i = 0; i < b->n_runs; i++) {
    const sl_span *r = &b->runs[i];
    CHECK(r->text >= text && r->text_len > 0 && r->text + r->text_len <= b->n && r->src + r->src_len <= n);
    CHECK(!in_order || r->src >= src);
    text = r->text + r->text_len;
    src = r->src + r->src_len;
  }
}

static void check_page(const clean_page *p, clean_view *in) {
  const char *fault = dom_fault(&p->dom);
  if (!fault) fault = weights_fault(&p->dom, &p->weights);
  if (fault) fprintf(stderr, "broken: %s\n", fault);
  CHECK(!fault);
  clean_buf out;
  clean_buf_init(&out, &heap);
  for (size_t i = 0; i < p->weights.n_blocks; i++) {
    clean_block_text(&p->dom, &p->weights, &p->weights.blocks[i], 0, in, &out);
  }
  check_text(&out, in->n, 1);
  clean_buf_done(&out);
  check_text(&p->text, in->n, 0);
  size_t lines = 0;
  for (size_t i = 0; i < p->text.n; i++) lines += p->text.s[i] == '\n';
  CHECK(lines == p->n_lines && (p->text.n == 0 || p->text.s[p->text.n - 1] == '\n'));
}

/* Attribute values, as metadata reads them. */
static void check_values(const clean_dom *d) {
  char value[64];
  for (uint32_t i = 0; i < d->n_nodes; i++) {
    if (d->nodes[i].kind != CLEAN_N_ELEMENT) continue;
    size_t n = clean_dom_value(d, i, CLEAN_A_CONTENT, value, sizeof value);
    CHECK(n < sizeof value && strlen(value) <= n && clean_utf8_valid(value, n) == n);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static clean_page page;
  static int made;
  if (!made++) clean_page_init(&page, &heap);
  size_t n = clean_utf8_valid((const char *)data, size);
  char *s = malloc(n ? n : 1);
  CHECK(s);
  memcpy(s, data, n);
  clean_why why = {0};
  clean_view in = {s, n, NULL, 0, 0, 0};
  clean_page_clear(&page, 1 << 20);
  clean_page_options opt = {.url = n % 2 ? "https://bao.example/tin/2025/08/21/bai.html" : NULL};
  int rc = clean_html(&in, &opt, &page, &why);
  CHECK(rc == SL_OK);
  check_page(&page, &in);
  check_values(&page.dom);
  free(s);
  return 0;
}
