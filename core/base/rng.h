/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers that can be replayed: xoshiro256**, seeded by splitmix64. Not for secrets. One thread per generator.
 */
#ifndef SLUICE_BASE_RNG_H
#define SLUICE_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

typedef struct sl_rng {
  uint64_t s[4];
} sl_rng;

void sl_rng_init(sl_rng *rng, uint64_t seed);
uint64_t sl_rng_next(sl_rng *rng);
/* Even over [0, n); 0 for n = 0. */
uint64_t sl_rng_below(sl_rng *rng, uint64_t n);
/* [0, 1) */
double sl_rng_double(sl_rng *rng);
/* A seed from the system. */
uint64_t sl_rng_seed(void);

#endif
