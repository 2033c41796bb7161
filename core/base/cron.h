/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Five-field cron expressions with a time zone: minute, hour, day of month, month, day of week.
 *
 * Fields take `*`, numbers, names (jan, mon; English, three letters), ranges, lists and steps; Sunday is 0 or 7;
 * `@hourly`,
 * `@daily`, `@weekly`, `@monthly`, `@yearly` stand for their expressions. If both days are restricted either suffices
 * (POSIX crontab). A local time that the clock skips runs at the first minute after the gap; one that it shows twice
 * runs once, the first time. Zones are names of the system's zoneinfo, or a fixed offset as in "+07:00".
 */
#ifndef SLUICE_BASE_CRON_H
#define SLUICE_BASE_CRON_H

#include "base/err.h"

typedef struct sl_cron sl_cron;

/* zone NULL: the process's local zone. *ret [own]. The error says which field is wrong and what it may hold. */
int sl_cron_new(const char *expression, const char *zone, sl_cron **ret, sl_err *err);
void sl_cron_free(sl_cron *c);
/* The first moment after `now` (wall clock, nanoseconds) at which it fires; -1 if there is none within ten years. */
int64_t sl_cron_next(const sl_cron *c, int64_t now);

#endif
