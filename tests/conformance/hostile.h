/* SPDX-License-Identifier: Apache-2.0 */
/* Documents that no stage should be surprised by. */
#ifndef TESTS_CONFORMANCE_HOSTILE_H
#define TESTS_CONFORMANCE_HOSTILE_H

#include <stddef.h>

/* An article as it is between all stages, sound in every field. */
extern const char hostile_sound[];
/* Calls cb with the JSON text of one document after the other. extra: further top-level fields to spoil, NULL-ended. */
void hostile_each(const char *const *extra, void (*cb)(void *user, const char *name, const char *body), void *user);
/* Payloads: bytes and media types that do not fit each other. */
typedef struct hostile_payload {
  const char *name, *media_type, *data;
  size_t len;
} hostile_payload;
extern const hostile_payload hostile_payloads[];
extern const size_t hostile_n_payloads;

#endif
