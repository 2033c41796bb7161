/* SPDX-License-Identifier: Apache-2.0 */
/* xoshiro256** 1.0 and splitmix64, after Blackman and Vigna, https://prng.di.unimi.it (public domain). */
#include "base/rng.h"

#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static uint64_t rotl(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

void sl_rng_init(sl_rng *rng, uint64_t seed) {
  for (int i = 0; i < 4; i++) {
    uint64_t z = (seed += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    rng->s[i] = z ^ (z >> 31);
  }
}

uint64_t sl_rng_next(sl_rng *rng) {
  uint64_t *s = rng->s;
  uint64_t result = rotl(s[1] * 5, 7) * 9;
  uint64_t t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotl(s[3], 45);
  return result;
}

uint64_t sl_rng_below(sl_rng *rng, uint64_t n) {
  if (n == 0) return 0;
  uint64_t reject = (UINT64_MAX - n + 1) % n; /* values below it would make the low results likelier */
  uint64_t x;
  do {
    x = sl_rng_next(rng);
  } while (x < reject);
  return x % n;
}

double sl_rng_double(sl_rng *rng) { return (double)(sl_rng_next(rng) >> 11) * 0x1.0p-53; }

uint64_t sl_rng_seed(void) {
  uint64_t seed = 0;
  if (getentropy(&seed, sizeof seed) == 0) return seed;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_nsec * 0x9e3779b97f4a7c15u ^ (uint64_t)now.tv_sec ^ ((uint64_t)getpid() << 32);
}
