/* SPDX-License-Identifier: Apache-2.0 */
/* Random graphs: wherever the loader accepts one, no document may arrive anywhere twice when it is walked. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "../../conf/fake_types.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/rng.h"
#include "conf/diag.h"
#include "doc/cond.h"

#define STAGES_MAX 10u

static void add_when(sl_buf *buf, sl_rng *rng) {
  switch (sl_rng_below(rng, 6)) {
  case 0:
    sl_buf_addstr(buf, ", when: else");
    break;
  case 1:
    sl_buf_addf(buf, ", when: { path: /x, equals: %u }", (unsigned)sl_rng_below(rng, 3));
    break;
  case 2:
    sl_buf_addf(buf, ", when: { path: /y, in: [%u, 2] }", (unsigned)sl_rng_below(rng, 2));
    break;
  case 3:
    sl_buf_addf(buf, ", when: { not: { path: /x, equals: %u } }", (unsigned)sl_rng_below(rng, 3));
    break;
  case 4:
    sl_buf_addf(buf, ", when: { path: /x, %s: 1 }", sl_rng_below(rng, 2) ? "lt" : "gt");
    break;
  default:
    break;
  }
}

/* A source, some transforms that read from one or two of the stages above, and a sink for each that nobody reads. */
static void write_graph(sl_buf *buf, sl_rng *rng) {
  uint32_t n = 2 + (uint32_t)sl_rng_below(rng, STAGES_MAX - 2), read[STAGES_MAX] = {0};
  sl_buf_addstr(buf, "stages:\n  - { id: s0, uses: lines, with: { paths: a }, provides: [/x, /y] }\n");
  for (uint32_t i = 1; i < n; i++) {
    uint32_t a = (uint32_t)sl_rng_below(rng, i), b = (uint32_t)sl_rng_below(rng, i);
    read[a] = read[b] = 1;
    if (a == b)
      sl_buf_addf(buf, "  - { id: s%u, uses: pass, from: s%u", i, a);
    else
      sl_buf_addf(buf, "  - { id: s%u, uses: pass, from: [s%u, s%u]", i, a, b);
    add_when(buf, rng);
    sl_buf_addstr(buf, " }\n");
  }
  for (uint32_t i = 0; i < n; i++)
    if (!read[i]) sl_buf_addf(buf, "  - { id: out%u, uses: drain, from: s%u }\n", i, i);
}

static int takes(const sl_pipeline *p, const sl_edge *e, const cJSON *body) {
  if (!e->is_else) return sl_cond_match(e->when, body);
  for (uint32_t k = 0; k < p->n_edges; k++) {
    const sl_edge *s = &p->edges[k];
    if (s->from == e->from && !s->is_else && sl_cond_match(s->when, body)) return 0;
  }
  return 1;
}

static void walk(const sl_pipeline *p, const cJSON *body, const char *text) {
  uint32_t arrived[64] = {1};
  for (uint32_t s = 0; s < p->n_stages; s++) {
    if (arrived[s] > 1) fail_msg("a document arrives at %s %u times in\n%s", p->stages[s].id, arrived[s], text);
    for (uint32_t k = 0; k < p->n_edges; k++)
      if (p->edges[k].from == s && takes(p, &p->edges[k], body)) arrived[p->edges[k].to] += arrived[s];
  }
}

static uint32_t count_merges(const sl_pipeline *p) {
  uint32_t merges = 0;
  for (uint32_t i = 0; i < p->n_edges; i++)
    for (uint32_t k = i + 1; k < p->n_edges; k++) merges += p->edges[i].to == p->edges[k].to;
  return merges;
}

static void accepted_graphs_double_nothing(void **state) {
  (void)state;
  sl_rng rng;
  sl_rng_init(&rng, 11);
  sl_load_opts opts = {.resolve = fake_resolve, .cwd = "/cwd"};
  uint32_t accepted = 0, merges = 0, refused = 0;
  for (int i = 0; i < 3000; i++) {
    sl_buf text = {0};
    write_graph(&text, &rng);
    sl_diags *diags = sl_diags_new();
    sl_pipeline *p = NULL;
    if (sl_pipeline_load_text(text.data, text.len, "g.yaml", &opts, diags, &p) == 0) {
      accepted++;
      merges += count_merges(p);
      for (int b = 0; b < 9; b++) {
        char body[64];
        snprintf(body, sizeof body, "{\"x\":%d,\"y\":%d}", b % 3, b / 3);
        cJSON *tree = cJSON_Parse(body);
        walk(p, tree, text.data);
        cJSON_Delete(tree);
      }
    }
    for (uint32_t k = 0; k < sl_diags_count(diags); k++)
      refused += strstr(sl_diags_at(diags, k)->message, "one document can reach") != NULL;
    sl_pipeline_free(p);
    sl_diags_free(diags);
    sl_buf_done(&text);
  }
  /* Both must really occur for the test to say something. */
  assert_true(accepted > 300);
  assert_true(merges > 100);
  assert_true(refused > 300);
}

static void a_thicket_of_paths_is_given_up(void **state) {
  (void)state;
  /* Ladder of forks that can be told apart only by trying every path: 2^40 of them. */
  sl_buf text = {0};
  sl_buf_addstr(&text, "stages:\n  - { id: in, uses: lines, with: { paths: a }, provides: [/x] }\n");
  sl_buf_addstr(&text, "  - { id: l, uses: pass, from: in }\n  - { id: r, uses: pass, from: in }\n");
  const char *last = "l";
  char names[2][16];
  for (int i = 0; i < 40; i++) {
    sl_buf_addf(&text, "  - { id: a%d, uses: pass, from: %s, when: { path: /x, equals: 1 } }\n", i, last);
    sl_buf_addf(&text, "  - { id: b%d, uses: pass, from: %s, when: else }\n", i, last);
    sl_buf_addf(&text, "  - { id: c%d, uses: pass, from: [a%d, b%d] }\n", i, i, i);
    snprintf(names[i & 1], sizeof names[0], "c%d", i);
    last = names[i & 1];
  }
  sl_buf_addf(&text, "  - { id: l2, uses: pass, from: %s, when: { path: /x, equals: 1 } }\n", last);
  sl_buf_addstr(&text, "  - { id: r2, uses: pass, from: r, when: { path: /x, equals: 2 } }\n");
  sl_buf_addstr(&text, "  - { id: out, uses: drain, from: [l2, r2] }\n");
  sl_load_opts opts = {.resolve = fake_resolve, .cwd = "/cwd"};
  sl_diags *diags = sl_diags_new();
  sl_pipeline *p = NULL;
  assert_int_not_equal(sl_pipeline_load_text(text.data, text.len, "g.yaml", &opts, diags, &p), 0);
  assert_string_equal(sl_diags_at(diags, 0)->message,
                      "too many paths lead from `in` to `out` to prove that no document arrives twice");
  sl_diags_free(diags);
  sl_buf_done(&text);
}

int main(void) {
  sl_mem_install();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(accepted_graphs_double_nothing),
      cmocka_unit_test(a_thicket_of_paths_is_given_up),
  };
  return cmocka_run_group_tests_name("conf/merge", tests, NULL, NULL);
}
