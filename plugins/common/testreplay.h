/* SPDX-License-Identifier: Apache-2.0 */
/* A web of files, for tests of stages that use the HTTP client: exchanges as `record` writes them, played by `replay`.
 * A plugin that includes it compiles sha256.c. For tests only. */
#ifndef SLUICE_PLUGINS_TESTREPLAY_H
#define SLUICE_PLUGINS_TESTREPLAY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sluice/harness.h>

#include "sha256.h"
#include "testdir.h"

#define REPLAY_OK "HTTP/1.1 200 OK\r\nETag: \"1\"\r\n\r\n"
#define REPLAY_GONE "HTTP/1.1 410 Gone\r\n\r\n"
#define REPLAY_BUSY "HTTP/1.1 503 Busy\r\n\r\n"

static inline void replay_put(const testdir *d, const char *url, int status, const char *headers, const char *body) {
  char hex[65], name[100];
  size_t cap = strlen(body) + strlen(headers) + strlen(url) + 200;
  char *text = malloc(cap);
  sha256_hex(url, strlen(url), hex);
  snprintf(name, sizeof name, "%.40s.exchange", hex);
  int n = text ? snprintf(text, cap, "sluice-exchange 1\nurl: %s\nstatus: %d\nheaders: %zu\nbody: %zu\n\n%s%s", url,
                          status, strlen(headers), strlen(body), headers, body)
               : -1;
  if (n < 0) testdir_fail("no memory for", url);
  testdir_put(d, name, text, (size_t)n);
  free(text);
}

/* The plugin's source over the exchanges in d, as params say otherwise; kept (NULL: none): its state.
 * [own: sl_harness_free] */
static inline sl_harness *replay_source(const testdir *d, const char *params, sl_harness_state *kept) {
  sl_harness *h = sl_harness_new(sluice_plugin()->types[0],
                                 testdir_text("{ replay: \"%s\", delay: 0s, retries: 0, %s }", d->path, params));
  if (kept) sl_harness_use_state(h, kept);
  return h;
}

static inline int replay_rejected(sl_harness *h) {
  int n = 0;
  while (sl_harness_pull_rejected(h)) n++;
  return n;
}

/* Produces until the source has come to its end, or fails; the last answer. */
static inline int32_t replay_run(sl_harness *h, uint64_t credit) {
  int32_t answer = SL_P_MORE;
  for (int i = 0; i < 3000 && answer != SL_P_END && answer != SL_V_FATAL; i++) {
    answer = sl_harness_produce(h, credit);
    if (answer == SL_P_WAIT) sl_harness_advance(h, INT64_C(100000000));
  }
  return answer;
}

/* With little credit one document is given at a time, `all` in a run. Frees h. */
static inline void replay_credit(sl_harness *h, uint32_t all) {
  uint32_t most = 0;
  assert_int_equal(sl_harness_start(h), 0);
  int32_t answer = SL_P_MORE;
  for (int i = 0; i < 1000 && answer != SL_P_END; i++) {
    uint32_t before = sl_harness_count(h);
    answer = sl_harness_produce(h, 1);
    if (answer == SL_P_WAIT) sl_harness_advance(h, INT64_C(100000000));
    if (sl_harness_count(h) - before > most) most = sl_harness_count(h) - before;
  }
  assert_int_equal(answer, SL_P_END);
  assert_int_equal(sl_harness_count(h), all);
  assert_int_equal(most, 1);
  sl_harness_free(h);
}

/* A source over recorded exchanges that gives `all` documents in a run; kept: its state. [own: sl_harness_free] */
typedef sl_harness *replay_begin(sl_harness_state *kept);

/* Stopped at any point, it gives the rest when it is started again. */
static inline void replay_stops(replay_begin *begin, uint32_t all) {
  int end = 0;
  for (int steps = 0; steps < 200 && !end; steps++) {
    sl_harness_state *kept = sl_harness_state_new();
    sl_harness *h = begin(kept);
    uint32_t given = 0;
    assert_int_equal(sl_harness_start(h), 0);
    for (int i = 0; i < steps && !end; i++) {
      int32_t answer = sl_harness_produce(h, 1);
      assert_int_not_equal(answer, SL_V_FATAL);
      if (answer == SL_P_WAIT) sl_harness_advance(h, INT64_C(100000000));
      end = answer == SL_P_END;
    }
    given = sl_harness_count(h);
    sl_harness_acknowledge_all(h);
    sl_harness_stop(h);
    assert_int_equal(sl_harness_start(h), 0);
    assert_int_equal(replay_run(h, 1 << 20), SL_P_END);
    if (sl_harness_count(h) != all)
      fail_msg("stopped after %d steps with %u: %u documents", steps, given, sl_harness_count(h));
    sl_harness_free(h);
    sl_harness_state_free(kept);
  }
  assert_true(end);
}

/* Whichever allocation fails, nothing is lost: the run fails, or the next one gives what is missing. */
static inline void replay_allocation(replay_begin *begin, uint32_t all) {
  int failed = 1;
  for (uint64_t nth = 1; failed; nth++) {
    sl_harness_state *kept = sl_harness_state_new();
    sl_harness *h = begin(kept);
    sl_harness_fail_alloc(h, nth);
    int32_t rc = sl_harness_start(h), answer = rc == 0 ? replay_run(h, 1 << 20) : SL_V_FATAL;
    failed = sl_harness_alloc_failed(h);
    if (answer == SL_V_FATAL) assert_int_equal(sl_harness_last(h).code, SL_ENOMEM);
    uint32_t given = sl_harness_count(h);
    sl_harness_acknowledge_all(h);
    sl_harness_free(h);
    h = begin(kept);
    assert_int_equal(sl_harness_start(h), 0);
    assert_int_equal(replay_run(h, 1 << 20), SL_P_END);
    if (given + sl_harness_count(h) != all)
      fail_msg("allocation %d: %u and %u documents", (int)nth, given, sl_harness_count(h));
    sl_harness_free(h);
    sl_harness_state_free(kept);
  }
}

#endif
