/* SPDX-License-Identifier: Apache-2.0 */
/* A whole file, loaded: what ends up in the pipeline. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "../../conf/fake_types.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/path.h"
#include "conf/diag.h"
#include "doc/codec.h"

static sl_load_opts options(void) {
  return (sl_load_opts){.resolve = fake_resolve, .cwd = "/work/dir", .supplier = fake_supplier};
}

/* Loads text as /etc/p/news.yaml; prints what was wrong with it. */
static sl_pipeline *load(const char *text, const sl_load_opts *opts) {
  sl_diags *diags = sl_diags_new();
  sl_pipeline *p = NULL;
  int rc = sl_pipeline_load_text(text, strlen(text), "/etc/p/news.yaml", opts, diags, &p);
  if (rc) {
    sl_buf buf = {0};
    sl_diags_print(diags, &buf, 0);
    print_error("%s\n", buf.data ? buf.data : "?");
    sl_buf_done(&buf);
  }
  assert_int_equal(rc, 0);
  sl_diags_free(diags);
  return p;
}

static const char *const whole = "version: 1\n"
                                 "name: vietnamese-news\n"
                                 "lanes: 3\n"
                                 "budget: 64MiB\n"
                                 "grace: 5s\n"
                                 "unrouted: error\n"
                                 "log: debug\n"
                                 "defaults: { on_error: { retry: 9, backoff: 1s }, batch: { documents: 10 } }\n"
                                 "stages:\n"
                                 "  - { id: in, uses: files, with: { paths: 'a/*.txt' } }\n"
                                 "  - { id: clean, uses: clean }\n"
                                 "  - { id: segment, uses: segment, on_error: { retry: 1, then: drop } }\n"
                                 "  - { id: sum, uses: summarize, with: { sentences: 5, method: lead } }\n"
                                 "  - { id: out, uses: store, with: { path: out.db, token: abc }, batch: { bytes: 1MiB "
                                 "}, order: strict, threads: 2 }\n"
                                 "  - id: vi\n"
                                 "    uses: store\n"
                                 "    from: sum\n"
                                 "    when: { path: /lang, equals: vi }\n"
                                 "    with: { path: vi.db }\n";

static void a_whole_file(void **state) {
  (void)state;
  sl_load_opts opts = options();
  sl_pipeline *p = load(whole, &opts);
  assert_string_equal(p->name, "vietnamese-news");
  assert_string_equal(p->file, "/etc/p/news.yaml");
  assert_null(p->state);
  assert_string_equal(p->dead_path, "/work/dir/vietnamese-news.dead.jsonl");
  assert_int_equal(p->lanes, 3);
  assert_int_equal(p->budget, 64 << 20);
  assert_int_equal(p->grace, 5000000000);
  assert_int_equal(p->unrouted, SL_UNROUTED_ERROR);
  assert_int_equal(p->log_level, SL_LOG_DEBUG);
  assert_int_equal(p->n_stages, 6);
  const sl_stage_conf *s = p->stages;
  assert_string_equal(s[0].id, "in");
  const fake_in *in = s[0].params;
  assert_int_equal(in->paths.count, 1);
  assert_string_equal(((const char *const *)in->paths.items)[0], "/etc/p/a/*.txt");
  assert_string_equal(in->charset, "utf-8");
  assert_string_equal(s[0].plugin_path, "/plugins/fake.so");
  assert_string_equal(s[0].plugin_build, "00ff");
  assert_int_equal(s[1].on_error.retry, 9);
  assert_int_equal(s[1].on_error.backoff, 1000000000);
  assert_int_equal(s[1].on_error.backoff_max, 30000000000);
  assert_int_equal(s[2].on_error.retry, 1);
  assert_int_equal(s[2].on_error.backoff, 1000000000);
  assert_int_equal(s[2].on_error.then, SL_THEN_DROP);
  const fake_sum *sum = s[3].params;
  assert_int_equal(sum->sentences, 5);
  assert_int_equal(sum->method, 1);
  assert_int_equal(sum->title, 1);
  assert_true(sum->ratio == 0.5);
  assert_string_equal(((const fake_out *)s[4].params)->path, "/etc/p/out.db");
  assert_string_equal(((const fake_out *)s[4].params)->token, "abc");
  assert_int_equal(s[4].batch.documents, 10);
  assert_int_equal(s[4].batch.bytes, 1 << 20);
  assert_int_equal(s[4].batch.age, 50000000);
  assert_int_equal(s[4].order, SL_ORDER_STRICT);
  assert_int_equal(s[4].threads, 2);
  assert_int_equal(s[4].pos.line, 14);
  assert_int_equal(s[4].pos.col, 11);
  assert_string_equal(s[4].pos.file, "/etc/p/news.yaml");
  assert_int_equal(p->n_edges, 5);
  assert_int_equal(p->edges[4].from, 3);
  assert_int_equal(p->edges[4].to, 5);
  assert_non_null(p->edges[4].when);
  assert_null(p->edges[3].when);
  sl_pipeline_free(p);
}

static void effective_parameters_hide_secrets(void **state) {
  (void)state;
  sl_load_opts opts = options();
  sl_pipeline *p = load(whole, &opts);
  char *text = NULL;
  size_t len;
  assert_int_equal(sl_json_print(p->stages[4].with, &text, &len, NULL), 0);
  assert_string_equal(text, "{\"path\":\"/etc/p/out.db\",\"token\":\"(secret)\"}");
  sl_mem_free(text);
  assert_int_equal(sl_json_print(p->stages[3].with, &text, &len, NULL), 0);
  assert_string_equal(text, "{\"sentences\":5,\"ratio\":0.5,\"method\":\"lead\",\"title\":true}");
  sl_mem_free(text);
  sl_pipeline_free(p);
}

int main(void) {
  sl_mem_install();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_whole_file),
      cmocka_unit_test(effective_parameters_hide_secrets),
  };
  return cmocka_run_group_tests_name("conf/pipeline", tests, NULL, NULL);
}
