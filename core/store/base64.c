/* SPDX-License-Identifier: Apache-2.0 */
/* Base64. */
#include "store/base64.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *sl_base64(const void *data, size_t len) {
  const uint8_t *in = data;
  char *out = sl_mem_alloc((len + 2) / 3 * 4 + 1), *o = out;
  if (!out) return NULL;
  for (size_t i = 0; i < len; i += 3) {
    uint32_t v = (uint32_t)in[i] << 16 | (i + 1 < len ? (uint32_t)in[i + 1] << 8 : 0) | (i + 2 < len ? in[i + 2] : 0);
    *o++ = alphabet[v >> 18];
    *o++ = alphabet[v >> 12 & 63];
    *o++ = i + 1 < len ? alphabet[v >> 6 & 63] : '=';
    *o++ = i + 2 < len ? alphabet[v & 63] : '=';
  }
  *o = 0;
  return out;
}

void *sl_base64_decode(const char *text, size_t len, size_t *ret_len) {
  if (len % 4) return NULL;
  uint8_t *out = sl_mem_alloc(len / 4 * 3 + 1);
  size_t n = 0, pad = 0;
  if (!out) return NULL;
  for (size_t i = 0; i < len; i += 4) {
    uint32_t v = 0;
    for (size_t k = 0; k < 4; k++) {
      char c = text[i + k];
      const char *at = c && c != '=' ? strchr(alphabet, c) : NULL;
      int padding = c == '=' && i + 4 == len && k >= 2;
      if ((!at && !padding) || (at && pad)) {
        sl_mem_free(out);
        return NULL;
      }
      pad += (size_t)padding;
      v = v << 6 | (at ? (uint32_t)(at - alphabet) : 0);
    }
    out[n++] = (uint8_t)(v >> 16);
    out[n++] = (uint8_t)(v >> 8);
    out[n++] = (uint8_t)v;
  }
  *ret_len = n - pad;
  return out;
}
