/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Patch (RFC 6902): making and applying, never altering the inputs. [any] */
#ifndef SLUICE_DOC_PATCH_H
#define SLUICE_DOC_PATCH_H

#include "base/err.h"

struct cJSON;

/* The operations (add, remove, replace, move if cheap) that lead from a to b, as a JSON array. *ret [own]. */
int sl_patch_make(const struct cJSON *a, const struct cJSON *b, struct cJSON **ret, sl_err *err);
/* Applies to a copy; *ret [own]. All of RFC 6902, test and copy included; the error names the operation. */
int sl_patch_apply(const struct cJSON *doc, const struct cJSON *patch, struct cJSON **ret, sl_err *err);

#endif
