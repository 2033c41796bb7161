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

/* "2025-08-21", or with a time "2025-08-21T10:30:00+07:00"; a time without zone gets `zone` (minutes; CLEAN_NO_ZONE:
 * none). */
void clean_when_print(const clean_when *w, int zone, char out[CLEAN_WHEN_MAX]);

/* "+07:00", "Z", "-0330" as minutes; 0 on success. */
int clean_zone_read(const char *s, size_t n, int *ret_minutes);

#endif
