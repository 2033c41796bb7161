/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as the core takes it (RFC 8259, valid UTF-8, no NUL, no lone surrogates, at most 512 deep), checked before
 * anything of a request is accepted. */
#ifndef SLUICE_LISTEN_JSON_CHECK_H
#define SLUICE_LISTEN_JSON_CHECK_H

#include <stddef.h>

typedef struct listen_error {
  const char *why; /* a fixed text */
  size_t at;       /* the byte */
} listen_error;

/* Where the value ends that begins at `at` of text[0..len); text[len] is readable and 0. 0 and *ret if it is not valid.
 */
size_t listen_json_value(const char *text, size_t len, size_t at, listen_error *ret);
/* Behind white space. */
size_t listen_json_space(const char *text, size_t len, size_t at);
/* 1 if the bytes are UTF-8 without control characters. */
int listen_utf8_line(const char *text, size_t len);

#endif
