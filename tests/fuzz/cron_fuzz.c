/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes cron expressions, rules of TZ and zone files: the first byte says which. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cron.h"
#include "base/zone.h"

/* 2025-08-21 */
#define NOW ((int64_t)1755734400)

static void try_zone(sl_zone *z) {
  for (int64_t t = NOW, until = 0, n = 0; n < 16; n++, t = until) {
    int32_t offset = sl_zone_offset(z, t, &until);
    if (until <= t) abort(); /* nothing would ever end */
    int64_t local = t + offset, first = sl_zone_moment(z, local);
    if (first > t) abort(); /* t shows it, so the first moment is not later */
    if (until > NOW * 100) break;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (!size) return 0;
  char text[256];
  size_t n = size - 1 < sizeof text - 1 ? size - 1 : sizeof text - 1;
  memcpy(text, data + 1, n);
  text[n] = 0;
  sl_zone *z = NULL;
  sl_cron *c = NULL;
  sl_err err = {0};
  switch (data[0] % 3) {
  case 0:
    if (sl_cron_new(text, "UTC", &c, &err)) {
      if (!err.code || !err.message[0]) abort();
      break;
    }
    for (int64_t t = NOW * 1000000000, i = 0; i < 4; i++) {
      int64_t next = sl_cron_next(c, t);
      if (next < 0) break;
      if (next <= t || next % 60000000000) abort();
      t = next;
    }
    break;
  case 1:
    if (!sl_zone_rule(text, &z, &err)) try_zone(z);
    break;
  default:
    if (!sl_zone_parse(data + 1, size - 1, &z, &err)) try_zone(z);
  }
  sl_zone_free(z);
  sl_cron_free(c);
  return 0;
}
