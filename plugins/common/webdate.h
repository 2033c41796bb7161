/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates as feeds and sitemaps write them.
 *
 * Read are: RFC 822 and its misspellings (two-digit years, month names in full, no weekday or a wrong one, zones by
 * name or as GMT+7), ISO 8601 (with a blank for the T, fractions, a zone with or without colon, a year or month alone,
 * 20250821T103000Z), asctime, "August 21, 2025 10:30 AM", 21/08/2025 10:30 and 10:30 21/8/2025 (day first; the month
 * first only where the second number is above 12, or AM or PM follows), 21-Aug-2025, "21 tháng 8 năm 2025", "Thứ Năm,
 * 21/8/2025, 10:30 (GMT+7)", SA and CH for the halves of the day, and seconds or milliseconds since 1970.
 */
#ifndef SLUICE_PLUGINS_WEBDATE_H
#define SLUICE_PLUGINS_WEBDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "2025-08-21T10:30:00+07:00" and its terminator. */
#define WEBDATE_TEXT 32

typedef struct webdate {
  int64_t seconds; /* since 1970, UTC */
  int32_t offset;  /* minutes east of UTC; of zone_missing if none is given */
  bool has_time, has_zone;
} webdate;

/* zone_missing: minutes east of UTC for a date without zone. 0, or SL_EPARSE. Years 1900 to 2199. */
int webdate_parse(const char *s, size_t n, int32_t zone_missing, webdate *ret);
/* ISO 8601 with the date's own zone. */
void webdate_text(const webdate *d, char out[WEBDATE_TEXT]);
/* "+07:00", "-0330", "7", "Z", "UTC", "GMT+7", or a zone's name: its minutes. SL_EPARSE if it is none. */
int webdate_zone(const char *s, size_t n, int32_t *ret);

#endif
