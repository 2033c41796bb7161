/* SPDX-License-Identifier: Apache-2.0 */
/* An allocator that fails at the n-th request, for tests. */
#ifndef SLUICE_TESTS_TESTMEM_H
#define SLUICE_TESTS_TESTMEM_H

#include <stdlib.h>

static long testmem_left = -1; /* requests that succeed; -1: all */

static void *testmem_alloc(size_t n) {
  if (testmem_left == 0) return NULL;
  if (testmem_left > 0) testmem_left--;
  return (malloc)(n);
}

static const lane_mem testmem = {testmem_alloc, free};

#endif
