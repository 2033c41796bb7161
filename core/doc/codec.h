/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON text to cJSON trees and back: strict where cJSON is lenient, and faster.
 *
 * Accepts RFC 8259 and nothing else: rejects invalid UTF-8, raw control characters, "\u0000", lone surrogates, bad
 * numbers (leading zeros, 1e400), trailing bytes, too deep and too large input, each with the byte
 * offset. Numbers that a double does not hold exactly keep their text in valuestring of the cJSON_Number; the printer
 * writes that text as long as it still agrees with valuedouble. Trees are plain cJSON: any plugin may walk, change and
 * delete them. Of members with the same key the last one counts.
 */
#ifndef SLUICE_DOC_CODEC_H
#define SLUICE_DOC_CODEC_H

#include "base/err.h"

struct cJSON;

#define SL_JSON_MAX_DEPTH 512
#define SL_JSON_MAX_BYTES ((size_t)1 << 30)

typedef struct sl_json_limits {
  uint32_t max_depth; /* 0: SL_JSON_MAX_DEPTH */
  size_t max_bytes;   /* 0: SL_JSON_MAX_BYTES */
} sl_json_limits;

/* Validates without building. ret_offset (or NULL) gets the byte offset of the error. limits NULL: the defaults. */
int sl_json_check(const char *text, size_t len, const sl_json_limits *limits, size_t *ret_offset, sl_err *err);
/* Validates and builds in one pass. *ret [own]: cJSON_Delete. text need not be NUL-terminated. */
int sl_json_parse(const char *text, size_t len, const sl_json_limits *limits, struct cJSON **ret, size_t *ret_offset,
                  sl_err *err);
/* The same for text that sl_json_check has accepted: skips the checks. */
int sl_json_parse_trusted(const char *text, size_t len, struct cJSON **ret, sl_err *err);

/* Prints without white space into *ret [own: sl_mem_free], *ret_len bytes, NUL-terminated beyond. Non-ASCII as UTF-8. A
 * tree with invalid UTF-8 in a string (a plugin's doing) is an SL_EENCODING error that names the JSON pointer. */
int sl_json_print(const struct cJSON *tree, char **ret, size_t *ret_len, sl_err *err);
/* The same into a growing buffer (base/buf.h), appended. */
struct sl_buf;
int sl_json_print_to(const struct cJSON *tree, struct sl_buf *buf, sl_err *err);
/* Indented by two spaces, for people. */
int sl_json_print_pretty(const struct cJSON *tree, struct sl_buf *buf, sl_err *err);
/* Deep copy that keeps the text of numbers. [own] NULL when memory is out. */
struct cJSON *sl_json_copy(const struct cJSON *tree);
/* Equal as JSON values: numbers by value, objects whatever the order of their keys. */
int sl_json_equal(const struct cJSON *a, const struct cJSON *b);

#endif
