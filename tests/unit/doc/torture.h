/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the n-th allocation of a call fail, for every n until the call
 * succeeds; nothing may leak. */
#ifndef TORTURE_H
#define TORTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"

/* Calls fn(arg) with the n-th allocation failing. fn answers 0 or SL_ENOMEM and
 * frees what it made. Returns the rounds. */
static inline uint64_t torture(int (*fn)(void *arg), void *arg) {
  assert_int_equal(fn(arg), 0); /* caches that live as long as the process are made here */
  for (uint64_t n = 1; n < 100000; n++) {
    int64_t before = sl_mem_live();
    sl_mem_fail_at(n);
    int rc = fn(arg);
    uint64_t rest = sl_mem_fail_at(0);
    assert_int_equal(sl_mem_live(), before);
    if (rest > 0) { /* fewer than n allocations: none failed */
      assert_int_equal(rc, 0);
      return n;
    }
    if (rc != 0) assert_int_equal(rc, SL_ENOMEM);
  }
  fail_msg("the call did not come to an end");
  return 0;
}

#endif
