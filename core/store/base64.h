/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648, section 4), with padding. [any] */
#ifndef SLUICE_STORE_BASE64_H
#define SLUICE_STORE_BASE64_H

#include <stddef.h>

/* [own: sl_mem_free]; NULL when memory is out. */
char *sl_base64(const void *data, size_t len);
/* [own: sl_mem_free]; NULL when memory is out or the text is not base64. */
void *sl_base64_decode(const char *text, size_t len, size_t *ret_len);

#endif
