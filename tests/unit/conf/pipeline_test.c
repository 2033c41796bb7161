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
#include "base/cron.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/strlist.h"
#include "conf/diag.h"
#include "conf/equal.h"
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
  assert_int_equal(s[4].batch.age, 0);
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

/* ---- paths and substitution ---- */

static const char *store_path(const char *text, const sl_load_opts *opts, char buf[256]) {
  sl_pipeline *p = load(text, opts);
  snprintf(buf, 256, "%s", ((const fake_out *)p->stages[1].params)->path);
  sl_pipeline_free(p);
  return buf;
}

#define STORE(path)                                                                                             \
  "stages:\n  - { id: in, uses: files, with: { paths: a } }\n  - { id: out, uses: store, with: { path: \"" path \
  "\" } }\n"

static void paths_resolve_by_where_they_come_from(void **state) {
  (void)state;
  char buf[256];
  sl_load_opts opts = options();
  setenv("T_DIR", "results", 1);
  setenv("T_ABS", "/srv", 1);
  setenv("T_EMPTY", "", 1);
  unsetenv("T_NONE");
  assert_string_equal(store_path(STORE("x.db"), &opts, buf), "/etc/p/x.db");
  assert_string_equal(store_path(STORE("../x.db"), &opts, buf), "/etc/x.db");
  assert_string_equal(store_path(STORE("/x.db"), &opts, buf), "/x.db");
  assert_string_equal(store_path(STORE("${T_DIR}/x.db"), &opts, buf), "/work/dir/results/x.db");
  assert_string_equal(store_path(STORE("out/${T_DIR}.db"), &opts, buf), "/etc/p/out/results.db");
  assert_string_equal(store_path(STORE("${T_ABS}/x.db"), &opts, buf), "/srv/x.db");
  assert_string_equal(store_path(STORE("${T_NONE:-out}/x.db"), &opts, buf), "/etc/p/out/x.db");
  assert_string_equal(store_path(STORE("${T_NONE:-${T_DIR}}/x.db"), &opts, buf), "/work/dir/results/x.db");
  assert_string_equal(store_path(STORE("${T_EMPTY:-e}/x.db"), &opts, buf), "/etc/p/e/x.db");
  assert_string_equal(store_path(STORE("${T_EMPTY}x.db"), &opts, buf), "/etc/p/x.db");
  assert_string_equal(store_path(STORE("$${T_DIR}/$x.db"), &opts, buf), "/etc/p/${T_DIR}/$x.db");
  const char *sets[] = {"out.path=set.db"};
  opts.sets = sets;
  opts.n_sets = 1;
  assert_string_equal(store_path(STORE("x.db"), &opts, buf), "/work/dir/set.db");
}

static void what_is_substituted_never_becomes_structure(void **state) {
  (void)state;
  sl_load_opts opts = options();
  setenv("T_EVIL", "a\n  - { id: evil, uses: drain }\n# ]}", 1);
  sl_pipeline *p = load(STORE("${T_EVIL}"), &opts);
  assert_int_equal(p->n_stages, 2);
  sl_pipeline_free(p);
}

static void a_substituted_scalar_takes_the_type(void **state) {
  (void)state;
  sl_load_opts opts = options();
  setenv("T_N", "17", 1);
  setenv("T_B", "false", 1);
  setenv("T_BUDGET", "5MiB", 1);
  sl_pipeline *p = load(
      "budget: ${T_BUDGET}\nstages:\n  - { id: in, uses: lines, with: { paths: a }, provides: [/text, /sentences] }\n"
      "  - { id: sum, uses: summarize, with: { sentences: \"${T_N}\", title: \"${T_B}\" } }\n"
      "  - { id: e, uses: every, with: { value: { a: \"${T_N}\", b: '${T_N}', c: 9007199254740993 } } }\n"
      "  - { id: out, uses: drain }\n",
      &opts);
  assert_int_equal(p->budget, 5 << 20);
  assert_int_equal(((const fake_sum *)p->stages[1].params)->sentences, 17);
  assert_int_equal(((const fake_sum *)p->stages[1].params)->title, 0);
  char *text = NULL;
  size_t len;
  assert_int_equal(sl_json_print(((const fake_every *)p->stages[2].params)->value, &text, &len, NULL), 0);
  assert_string_equal(text, "{\"a\":\"17\",\"b\":\"17\",\"c\":9007199254740993}");
  sl_mem_free(text);
  sl_pipeline_free(p);
}

static void a_file_may_hold_a_secret(void **state) {
  (void)state;
  char dir[] = "/tmp/sluice-conf-XXXXXX", path[128], text[512];
  assert_non_null(mkdtemp(dir));
  snprintf(path, sizeof path, "%s/token", dir);
  assert_int_equal(sl_path_write(path, "s3cret\n", 7, 0600, NULL), 0);
  snprintf(text, sizeof text,
           "stages:\n  - { id: in, uses: files, with: { paths: a } }\n"
           "  - { id: out, uses: store, with: { path: x, token: \"${file:%s}\" } }\n",
           path);
  sl_load_opts opts = options();
  sl_strlist files = {0};
  opts.files = &files;
  sl_pipeline *p = load(text, &opts);
  assert_string_equal(((const fake_out *)p->stages[1].params)->token, "s3cret");
  assert_int_equal(files.count, 1);
  assert_string_equal(files.items[0], path);
  sl_strlist_done(&files);
  sl_pipeline_free(p);
  assert_int_equal(remove(path), 0);
  assert_int_equal(remove(dir), 0);
}

static void equal_parameters(void **state) {
  (void)state;
  static const struct {
    const char *params;
    int same;
  } cases[] = {{"{ path: x, token: abc }", 1},
               {"{ token: 'abc', path: ./x }", 1},
               {"{ path: x, token: abd }", 0},
               {"{ path: y, token: abc }", 0},
               {"{ path: x }", 0}};
  sl_load_opts opts = options();
  sl_pipeline *a = load("stages:\n  - { id: in, uses: files, with: { paths: [a, b] } }\n"
                        "  - { id: out, uses: store, with: { path: x, token: abc } }\n",
                        &opts);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[512];
    snprintf(text, sizeof text,
             "stages:\n  - { id: in, uses: files, with: { paths: %s } }\n  - { id: out, uses: store, with: %s }\n",
             cases[i].same ? "[a, b]" : "[a, c]", cases[i].params);
    sl_pipeline *b = load(text, &opts);
    for (int k = 0; k < 2; k++) {
      int found = sl_params_equal(a->stages[k].type, a->stages[k].params, b->stages[k].params);
      if (found != cases[i].same) fail_msg("stage %d, %s: expected %d, found %d", k, text, cases[i].same, found);
    }
    sl_pipeline_free(b);
  }
  sl_pipeline_free(a);
}

/* ---- --set ---- */

static void set_wins_over_the_file(void **state) {
  (void)state;
  sl_load_opts opts = options();
  const char *sets[] = {"lanes=2",         "name=other",
                        "sum.sentences=9", "sum.method=lead",
                        "vi.path=/v.db",   "in.paths=[x, \"y z\"]",
                        "budget=1GiB",     "in.charset=[not a list]"};
  opts.sets = sets;
  opts.n_sets = sizeof sets / sizeof *sets;
  sl_pipeline *p = load(whole, &opts);
  assert_int_equal(p->lanes, 2);
  assert_string_equal(p->name, "other");
  assert_int_equal(p->budget, 1 << 30);
  assert_int_equal(((const fake_sum *)p->stages[3].params)->sentences, 9);
  const fake_in *in = p->stages[0].params;
  assert_int_equal(in->paths.count, 2);
  assert_string_equal(((const char *const *)in->paths.items)[1], "/etc/p/y z");
  assert_string_equal(in->charset, "[not a list]");
  assert_string_equal(((const fake_out *)p->stages[5].params)->path, "/v.db");
  sl_pipeline_free(p);
}

static void set_changes_one_use_of_an_alias(void **state) {
  (void)state;
  sl_load_opts opts = options();
  const char *sets[] = {"b.charset=latin1"};
  opts.sets = sets;
  opts.n_sets = 1;
  sl_pipeline *p =
      load("stages:\n  - { id: a, uses: files, with: &w { paths: x } }\n  - { id: b, uses: files, with: *w }\n"
           "  - { id: out, uses: drain, from: [a, b] }\n",
           &opts);
  assert_string_equal(((const fake_in *)p->stages[0].params)->charset, "utf-8");
  assert_string_equal(((const fake_in *)p->stages[1].params)->charset, "latin1");
  sl_pipeline_free(p);
}

/* ---- the graph ---- */

static void stages_come_in_order_with_their_edges(void **state) {
  (void)state;
  sl_load_opts opts = options();
  sl_pipeline *p = load("stages:\n"
                        "  - { id: a, uses: files, with: { paths: a } }\n"
                        "  - { id: both, uses: pass, from: [a, fix] }\n"
                        "  - { id: out, uses: drain, on_error: { then: { route: q } } }\n"
                        "  - { id: b, uses: files, with: { paths: b } }\n"
                        "  - { id: fix, uses: pass }\n"
                        "  - { id: q, uses: drain, from: [] }\n",
                        &opts);
  static const char *const order[] = {"a", "b", "fix", "both", "out", "q"};
  for (uint32_t i = 0; i < 6; i++) assert_string_equal(p->stages[i].id, order[i]);
  static const uint32_t edges[][3] = {{0, 3, 0}, {1, 2, 0}, {2, 3, 0}, {3, 4, 0}, {4, 5, 1}};
  assert_int_equal(p->n_edges, 5);
  for (uint32_t i = 0; i < 5; i++) {
    assert_int_equal(p->edges[i].from, edges[i][0]);
    assert_int_equal(p->edges[i].to, edges[i][1]);
    assert_int_equal(p->edges[i].is_error, edges[i][2]);
  }
  assert_int_equal(p->stages[4].on_error.then, SL_THEN_ROUTE);
  assert_int_equal(p->stages[4].on_error.route, 5);
  assert_int_equal(p->stages[3].on_error.route, -1);
  sl_pipeline_free(p);
}

static void defaults_follow_the_stage_type(void **state) {
  (void)state;
  sl_load_opts opts = options();
  sl_pipeline *p =
      load("defaults: { threads: 6 }\nstages:\n"
           "  - { id: in, uses: poll }\n  - { id: hold, uses: hold }\n  - { id: slow, uses: slow, threads: 2 }\n"
           "  - { id: pass, uses: pass }\n  - { id: out, uses: drain }\n",
           &opts);
  static const int64_t threads[] = {1, 1, 2, 1, 6};
  for (uint32_t i = 0; i < 5; i++) assert_int_equal(p->stages[i].threads, threads[i]);
  assert_int_equal(p->stages[0].order, SL_ORDER_NONE);
  assert_int_equal(p->stages[4].order, SL_ORDER_SOURCE);
  assert_int_equal(p->stages[0].in_flight, 256);
  sl_pipeline_free(p);
  p = load("stages: [ { id: in, uses: poll }, { id: slow, uses: slow }, { id: out, uses: drain } ]", &opts);
  assert_int_equal(p->stages[1].threads, 4);
  assert_int_equal(p->stages[2].threads, 1);
  assert_string_equal(p->name, "news");
  sl_pipeline_free(p);
}

static void needs_are_what_only_the_input_can_bring(void **state) {
  (void)state;
  sl_load_opts opts = options();
  sl_pipeline *p = load("stages:\n  - { id: in, uses: lines, with: { paths: a }, provides: [/lang] }\n"
                        "  - { id: seg, uses: segment }\n  - { id: sum, uses: summarize }\n"
                        "  - { id: e, uses: every, with: { pointer: /other } }\n  - { id: out, uses: drain }\n",
                        &opts);
  assert_int_equal(p->stages[1].n_needs, 1);
  assert_string_equal(p->stages[1].needs[0], "/text");
  assert_int_equal(p->stages[2].n_needs, 0); /* what lacked /text ended at seg */
  assert_int_equal(p->stages[3].n_needs, 1);
  assert_string_equal(p->stages[3].needs[0], "/other");
  sl_pipeline_free(p);
}

static void state_may_be_a_folder(void **state) {
  (void)state;
  sl_load_opts opts = options();
  sl_pipeline *p = load("state: var\ndead_letters: bad.jsonl\n" STORE("x"), &opts);
  assert_string_equal(p->state, "/etc/p/var");
  assert_string_equal(p->dead_path, "/etc/p/bad.jsonl");
  sl_pipeline_free(p);
}

static void what_is_kept_has_bounds(void **state) {
  (void)state;
  sl_load_opts opts = options();
  sl_pipeline *p = load(STORE("x"), &opts);
  assert_null(p->state);
  assert_int_equal(p->keep.checkpoint, 250 * 1000000);
  assert_int_equal(p->keep.spool, 1 << 30);
  assert_int_equal(p->keep.kv, 1 << 30);
  assert_int_equal(p->keep.dead_max, 100000);
  assert_int_equal(p->keep.dead_bytes, 1 << 30);
  assert_int_equal(p->keep.dead_age, 0);
  assert_int_equal(p->keep.dead_when_full, SL_DEAD_FULL_STOP);
  assert_int_equal(p->admin.off, 0);
  assert_null(p->admin.listen);
  assert_int_equal(p->stages[0].on_error.breaker, 5);
  sl_pipeline_free(p);
  p = load("state: { path: var, checkpoint: 1s, spool: 2MiB, kv: 3KiB }\n"
           "dead_letters: { path: d.jsonl, max: 7, max_bytes: 1MiB, max_age: 30d, when_full: drop_oldest }\n"
           "admin: { listen: '[::1]:9600', token: geheim }\n" STORE("x"),
           &opts);
  assert_string_equal(p->state, "/etc/p/var");
  assert_string_equal(p->dead_path, "/etc/p/d.jsonl");
  assert_int_equal(p->keep.checkpoint, 1000000000);
  assert_int_equal(p->keep.spool, 2 << 20);
  assert_int_equal(p->keep.kv, 3 << 10);
  assert_int_equal(p->keep.dead_max, 7);
  assert_int_equal(p->keep.dead_bytes, 1 << 20);
  assert_int_equal(p->keep.dead_age, (int64_t)30 * 86400 * 1000000000);
  assert_int_equal(p->keep.dead_when_full, SL_DEAD_FULL_DROP_OLDEST);
  assert_string_equal(p->admin.listen, "[::1]:9600");
  assert_string_equal(p->admin.token, "geheim");
  sl_pipeline_free(p);
  p = load("state: { path: none }\nadmin: none\n" STORE("x"), &opts);
  assert_null(p->state);
  assert_int_equal(p->admin.off, 1);
  sl_pipeline_free(p);
}

static void sources_may_have_a_schedule(void **state) {
  (void)state;
  sl_load_opts opts = options();
  sl_pipeline *p = load("stages:\n"
                        "  - { id: a, uses: files, schedule: 10m, with: { paths: x } }\n"
                        "  - { id: b, uses: files, schedule: '30 6 * * *', with: { paths: x } }\n"
                        "  - { id: c, uses: files, schedule: { cron: '30 6 * * *', zone: Asia/Ho_Chi_Minh, jitter: 5s "
                        "}, with: { paths: x } }\n"
                        "  - { id: d, uses: poll, schedule: { every: 1h, jitter: 1m }, was: old }\n"
                        "  - { id: e, uses: files, with: { paths: x } }\n"
                        "  - { id: out, uses: drain, from: [a, b, c, d, e], was: [one, two] }\n",
                        &opts);
  const sl_stage_conf *s = p->stages;
  assert_int_equal(s[0].schedule.every, (int64_t)600 * 1000000000);
  assert_int_equal(s[0].schedule.jitter, 0);
  assert_null(s[0].schedule.cron);
  assert_non_null(s[1].schedule.cron);
  assert_int_equal(s[1].schedule.every, 0);
  /* 2025-08-21T00:00:00Z, and 06:30 in Ho Chi Minh City on that day and the next. */
  int64_t day = (int64_t)1755734400 * 1000000000;
  assert_int_equal(sl_cron_next(s[2].schedule.cron, day), day + (int64_t)(23 * 3600 + 1800) * 1000000000);
  assert_int_equal(s[2].schedule.jitter, (int64_t)5 * 1000000000);
  assert_int_equal(s[3].schedule.jitter, (int64_t)60 * 1000000000);
  assert_int_equal(s[3].n_was, 1);
  assert_string_equal(s[3].was[0], "old");
  assert_true(!s[4].schedule.every && !s[4].schedule.cron && !s[4].n_was);
  assert_int_equal(s[5].n_was, 2);
  assert_string_equal(s[5].was[1], "two");
  sl_pipeline_free(p);
}

/* ---- bad times ---- */

static void a_missing_file_is_an_error(void **state) {
  (void)state;
  sl_load_opts opts = options();
  sl_diags *diags = sl_diags_new();
  sl_pipeline *p = NULL;
  assert_int_equal(sl_pipeline_load("/no/such/file.yaml", &opts, diags, &p), SL_ENOTFOUND);
  assert_null(p);
  assert_int_equal(sl_diags_errors(diags), 1);
  assert_non_null(strstr(sl_diags_at(diags, 0)->message, "/no/such/file.yaml"));
  sl_diags_free(diags);
}

static void loading_survives_any_failed_allocation(void **state) {
  (void)state;
  sl_load_opts opts = options();
  const char *sets[] = {"lanes=2", "sum.sentences=4"};
  opts.sets = sets;
  opts.n_sets = 2;
  sl_pipeline_free(load(whole, &opts));
  int64_t live = sl_mem_live();
  uint64_t i = 1, failures = 0;
  for (int rc = -1; rc != 0; i++) {
    sl_pipeline *p = NULL;
    sl_mem_fail_at(i);
    sl_diags *diags = sl_diags_new();
    rc = diags ? sl_pipeline_load_text(whole, strlen(whole), "/etc/p/news.yaml", &opts, diags, &p) : SL_ENOMEM;
    uint64_t rest = sl_mem_fail_at(0);
    if (rc) {
      assert_int_equal(rc, SL_ENOMEM);
      assert_null(p);
      assert_true(!diags || sl_diags_errors(diags) > 0);
      failures++;
    } else if (!rest) {
      rc = -1; /* the failure was taken in stride: a check that fell away must not end the loop */
      assert_non_null(p);
    }
    sl_pipeline_free(p);
    sl_diags_free(diags);
    assert_true(i < 100000);
  }
  assert_true(failures > 200);
  assert_int_equal(sl_mem_live(), live);
}

static void the_diagnostics_survive_any_failed_allocation(void **state) {
  (void)state;
  static const char bad[] =
      "budgett: 1\nlanes: x\nstages:\n  - { id: a, uses: fils }\n  - { id: b, uses: every, with: { rules: [ 1 ] } }\n";
  sl_load_opts opts = options();
  int64_t live = sl_mem_live();
  for (uint64_t i = 1, rest = 0; !rest; i++) {
    sl_pipeline *p = NULL;
    sl_buf buf = {0};
    sl_mem_fail_at(i);
    sl_diags *diags = sl_diags_new();
    if (diags) {
      assert_int_not_equal(sl_pipeline_load_text(bad, strlen(bad), "x.yaml", &opts, diags, &p), 0);
      (void)sl_diags_print(diags, &buf, 1);
      cJSON *json = NULL;
      (void)sl_diags_json(diags, &json, NULL);
      cJSON_Delete(json);
    }
    rest = sl_mem_fail_at(0);
    assert_null(p);
    sl_buf_done(&buf);
    sl_diags_free(diags);
    assert_true(i < 100000);
  }
  assert_int_equal(sl_mem_live(), live);
}

int main(void) {
  sl_mem_install();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_whole_file),
      cmocka_unit_test(effective_parameters_hide_secrets),
      cmocka_unit_test(paths_resolve_by_where_they_come_from),
      cmocka_unit_test(what_is_substituted_never_becomes_structure),
      cmocka_unit_test(a_substituted_scalar_takes_the_type),
      cmocka_unit_test(a_file_may_hold_a_secret),
      cmocka_unit_test(equal_parameters),
      cmocka_unit_test(set_wins_over_the_file),
      cmocka_unit_test(set_changes_one_use_of_an_alias),
      cmocka_unit_test(stages_come_in_order_with_their_edges),
      cmocka_unit_test(defaults_follow_the_stage_type),
      cmocka_unit_test(needs_are_what_only_the_input_can_bring),
      cmocka_unit_test(state_may_be_a_folder),
      cmocka_unit_test(what_is_kept_has_bounds),
      cmocka_unit_test(sources_may_have_a_schedule),
      cmocka_unit_test(a_missing_file_is_an_error),
      cmocka_unit_test(loading_survives_any_failed_allocation),
      cmocka_unit_test(the_diagnostics_survive_any_failed_allocation),
  };
  return cmocka_run_group_tests_name("conf/pipeline", tests, NULL, NULL);
}
