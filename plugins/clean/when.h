/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates of publication as Vietnamese news sites write them: "21/08/2025 10:30", "Thứ Năm, 21/8/2025, 10:30 (GMT+7)",
 * "Cập nhật lúc 10h30 ngày 21-8-2025", ISO 8601.
 */
#ifndef CLEAN_WHEN_H
#define CLEAN_WHEN_H

#include <stddef.h>
#include <stdint.h>

typedef struct clean_when {
  int year, month, day;
  int hour, minute, second; /* hour -1: no time */
  int zone;                 /* minutes east of UTC; CLEAN_NO_ZONE: not given */
  int weekday;              /* 1 if a weekday was named */
} clean_when;

#define CLEAN_NO_ZONE 100000
#define CLEAN_WHEN_MAX 32

/* Reads date words, a date, a time and a zone in any order from s (NFC, UTF-8). Returns the bytes that belong to them,
 * 0 if there is no complete date (day, month and year). */
size_t clean_when_read(const char *s, size_t n, clean_when *ret);

/* Finds the first complete date in s[0, n) wherever it stands (the first 400 bytes), with the time and zone beside it:
 * ISO 8601 and its relatives, RFC 822, "August 21, 2025, 10:30 pm EDT", "21. srpna 2025", "2025年8月21日 10時30分",
 * dates in numbers. month_first: 08/09/2025 is August 9. Returns where it ends, 0 if there is none. */
size_t clean_when_find(const char *s, size_t n, int month_first, clean_when *ret);

/* The same for a value that is nothing but a date; knows seconds and milliseconds since 1970, too. 0 if it is none. */
size_t clean_when_value(const char *s, size_t n, int month_first, clean_when *ret);

/* Whether there is such a day between 1900 and 2199. */
int clean_when_real(int year, int month, int day);

/* Month (1-12) whose name, full or short, in one of thirty languages is s[0, n); 0 if there is none. */
int clean_when_month(const char *s, size_t n);

/* "2025-08-21", or with a time "2025-08-21T10:30:00+07:00"; a time without zone gets `zone` (minutes; CLEAN_NO_ZONE:
 * none). */
void clean_when_print(const clean_when *w, int zone, char out[CLEAN_WHEN_MAX]);

/* "+07:00", "Z", "-0330" as minutes; 0 on success. */
int clean_zone_read(const char *s, size_t n, int *ret_minutes);

#endif
