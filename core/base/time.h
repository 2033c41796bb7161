/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks and ISO 8601. [any] */
#ifndef SLUICE_BASE_TIME_H
#define SLUICE_BASE_TIME_H

#include <stddef.h>
#include <stdint.h>

#define SL_TIME_US ((int64_t)1000)
#define SL_TIME_MS ((int64_t)1000000)
#define SL_TIME_S ((int64_t)1000000000)

/* Nanoseconds: of the steady clock, since 1970-01-01 UTC, of CPU time of this thread. */
int64_t sl_time_mono(void);
int64_t sl_time_wall(void);
int64_t sl_time_cpu(void);
/* "2025-08-21T07:05:09Z", with digits > 0: "….123Z". buf of 40 bytes. Returns buf. */
const char *sl_time_iso(int64_t wall_ns, int digits, char *buf, size_t cap);
/* Reads "2025-08-21", "2025-08-21T07:05:09[.123][Z|+07:00]" (no zone: UTC). 0 or SL_EPARSE. */
int sl_time_parse(const char *text, int64_t *ret_wall_ns);
/* Days since 1970-01-01 of a date of the proleptic Gregorian calendar, and back. */
int64_t sl_time_days(int64_t year, int month, int day);
void sl_time_date(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day);

#endif
