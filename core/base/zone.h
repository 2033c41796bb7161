/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time zones, read from the system's zoneinfo (TZif, RFC 8536) without touching the process's TZ.
 *
 * Times are seconds since 1970-01-01 UTC; a local time is the same count as if the clock on the wall showed UTC. [any]
 */
#ifndef SLUICE_BASE_ZONE_H
#define SLUICE_BASE_ZONE_H

#include "base/err.h"

typedef struct sl_zone sl_zone;

/* name: "Asia/Ho_Chi_Minh", "UTC", "+07:00"; NULL: the process's own zone (TZ, /etc/localtime). *ret [own]. */
int sl_zone_new(const char *name, sl_zone **ret, sl_err *err);
/* From the bytes of a TZif file. */
int sl_zone_parse(const void *data, size_t len, sl_zone **ret, sl_err *err);
/* From a rule of POSIX's TZ, "CET-1CEST,M3.5.0,M10.5.0/3". */
int sl_zone_rule(const char *rule, sl_zone **ret, sl_err *err);
void sl_zone_free(sl_zone *z);
/* Seconds east of UTC at t, and when that changes next (INT64_MAX: never). */
int32_t sl_zone_offset(const sl_zone *z, int64_t t, int64_t *ret_until);
/* The first moment at which the clock shows a local time; for one that it skips, the end of the gap. */
int64_t sl_zone_moment(const sl_zone *z, int64_t local);

#endif
