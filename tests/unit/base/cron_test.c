/* SPDX-License-Identifier: Apache-2.0 */
/* Cron expressions and time zones. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/cron.h"
#include "base/time.h"
#include "base/zone.h"

static int64_t moment(const char *text) {
  int64_t t = 0;
  if (sl_time_parse(text, &t)) fail_msg("%s is no time", text);
  return t;
}

typedef struct next_case {
  const char *expression, *zone, *now, *next; /* next NULL: never */
} next_case;

static void check(const next_case *t, size_t n) {
  for (size_t i = 0; i < n; i++) {
    sl_cron *c = NULL;
    sl_err err = {0};
    if (sl_cron_new(t[i].expression, t[i].zone, &c, &err)) fail_msg("%s: %s", t[i].expression, err.message);
    int64_t found = sl_cron_next(c, moment(t[i].now)), wanted = t[i].next ? moment(t[i].next) : -1;
    char text[40] = "never";
    if (found != wanted) {
      if (found >= 0) sl_time_iso(found, 3, text, sizeof text);
      fail_msg("%s in %s after %s: expected %s, found %s", t[i].expression, t[i].zone, t[i].now,
               t[i].next ? t[i].next : "never", text);
    }
    sl_cron_free(c);
  }
}

static void next_times(void **state) {
  (void)state;
  static const next_case cases[] = {
      {"* * * * *", "UTC", "2025-08-21T07:05:09Z", "2025-08-21T07:06:00Z"},
      {"* * * * *", "UTC", "2025-08-21T07:05:00Z", "2025-08-21T07:06:00Z"},
      {"* * * * *", "UTC", "2025-08-21T07:04:59.999Z", "2025-08-21T07:05:00Z"},
      {"*/15 * * * *", "UTC", "2025-08-21T07:46:00Z", "2025-08-21T08:00:00Z"},
      {"5-20/5 3 * * *", "UTC", "2025-08-21T03:15:30Z", "2025-08-21T03:20:00Z"},
      {"5-20/5 3 * * *", "UTC", "2025-08-21T03:20:00Z", "2025-08-22T03:05:00Z"},
      {"0,30 8,20 * * *", "UTC", "2025-08-21T08:30:00Z", "2025-08-21T20:00:00Z"},
      {"30 6 * * mon-fri", "UTC", "2025-08-22T06:30:00Z", "2025-08-25T06:30:00Z"}, /* a Friday */
      {"0 0 * * fri-sun", "UTC", "2025-08-22T00:00:00Z", "2025-08-23T00:00:00Z"},
      {"0 0 * * 5-7", "UTC", "2025-08-23T00:00:00Z", "2025-08-24T00:00:00Z"},
      {"0 0 * * 0", "UTC", "2025-08-21T00:00:00Z", "2025-08-24T00:00:00Z"},
      {"0 0 * * 7", "UTC", "2025-08-21T00:00:00Z", "2025-08-24T00:00:00Z"},
      {"0 0 1 JAN *", "UTC", "2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z"},
      {"@hourly", "UTC", "2025-12-31T23:00:01Z", "2026-01-01T00:00:00Z"},
      {"@daily", "UTC", "2025-12-31T23:00:01Z", "2026-01-01T00:00:00Z"},
      {"@weekly", "UTC", "2025-08-21T00:00:00Z", "2025-08-24T00:00:00Z"},
      {"@monthly", "UTC", "2025-08-21T00:00:00Z", "2025-09-01T00:00:00Z"},
      {"@yearly", "UTC", "2025-08-21T00:00:00Z", "2026-01-01T00:00:00Z"},
      {"59 23 31 12 *", "UTC", "2025-12-31T23:59:00Z", "2026-12-31T23:59:00Z"},
      {"0 0 31 * *", "UTC", "2025-08-31T00:00:00Z", "2025-10-31T00:00:00Z"},
      {"1 0 * * *", "UTC", "1969-12-31T23:00:00Z", "1970-01-01T00:01:00Z"},
  };
  check(cases, sizeof cases / sizeof *cases);
}

static void leap_days(void **state) {
  (void)state;
  static const next_case cases[] = {
      {"0 12 29 2 *", "UTC", "2025-01-01T00:00:00Z", "2028-02-29T12:00:00Z"},
      {"0 12 29 2 *", "UTC", "2096-02-29T12:00:00Z", "2104-02-29T12:00:00Z"}, /* 2100 is none */
      {"0 0 30 2 *", "UTC", "2025-01-01T00:00:00Z", NULL},
      {"0 0 31 4,6,9,11 *", "UTC", "2025-01-01T00:00:00Z", NULL},
      {"0 0 28-31 2 *", "UTC", "2025-02-28T00:00:00Z", "2026-02-28T00:00:00Z"},
      {"0 0 28-31 2 *", "UTC", "2028-02-28T00:00:00Z", "2028-02-29T00:00:00Z"},
  };
  check(cases, sizeof cases / sizeof *cases);
}

static void both_days(void **state) {
  (void)state;
  static const next_case cases[] = {
      /* Either suffices: the 13th (a Saturday), and Fridays. */
      {"0 0 13 * fri", "UTC", "2025-09-06T00:00:00Z", "2025-09-12T00:00:00Z"},
      {"0 0 13 * fri", "UTC", "2025-09-12T00:00:00Z", "2025-09-13T00:00:00Z"},
      /* A field that begins with * does not count as restricted: Mondays on odd days. */
      {"0 0 */2 * mon", "UTC", "2025-09-01T00:00:00Z", "2025-09-15T00:00:00Z"},
      {"0 0 13 * *", "UTC", "2025-09-01T00:00:00Z", "2025-09-13T00:00:00Z"},
      {"0 0 * * mon", "UTC", "2025-09-02T00:00:00Z", "2025-09-08T00:00:00Z"},
  };
  check(cases, sizeof cases / sizeof *cases);
}

static void zones(void **state) {
  (void)state;
  static const next_case cases[] = {
      {"30 6 * * *", "Asia/Ho_Chi_Minh", "2025-08-21T00:00:00Z", "2025-08-21T23:30:00Z"},
      {"30 6 * * *", "+07:00", "2025-08-21T00:00:00Z", "2025-08-21T23:30:00Z"},
      {"0 9 * * *", "+0530", "2025-08-21T00:00:00Z", "2025-08-21T03:30:00Z"},
      {"0 9 * * *", "-3", "2025-08-21T00:00:00Z", "2025-08-21T12:00:00Z"},
      /* Berlin: 02:00 to 03:00 is skipped on 2025-03-30 at 01:00 UTC, and shown twice on 2025-10-26. */
      {"30 2 * * *", "Europe/Berlin", "2025-03-29T12:00:00Z", "2025-03-30T01:00:00Z"},
      {"30 2 * * *", "Europe/Berlin", "2025-03-30T01:00:00Z", "2025-03-31T00:30:00Z"},
      {"*/20 2 * * *", "Europe/Berlin", "2025-03-30T00:59:59Z", "2025-03-30T01:00:00Z"},
      {"*/20 * * * *", "Europe/Berlin", "2025-03-30T00:40:00Z", "2025-03-30T01:00:00Z"},
      {"*/20 * * * *", "Europe/Berlin", "2025-03-30T01:00:00Z", "2025-03-30T01:20:00Z"},
      {"30 2 * * *", "Europe/Berlin", "2025-10-25T12:00:00Z", "2025-10-26T00:30:00Z"},
      {"30 2 * * *", "Europe/Berlin", "2025-10-26T00:30:00Z", "2025-10-27T01:30:00Z"},
      {"30 2 * * *", "Europe/Berlin", "2025-10-26T01:10:00Z", "2025-10-27T01:30:00Z"},
      {"0 * * * *", "Europe/Berlin", "2025-10-26T00:30:00Z", "2025-10-26T02:00:00Z"},
      /* After the last change in the file: by its rule. */
      {"30 2 * * *", "Europe/Berlin", "2060-03-27T12:00:00Z", "2060-03-28T01:00:00Z"},
      {"30 2 * * *", "Europe/Berlin", "2060-10-30T12:00:00Z", "2060-10-31T00:30:00Z"},
      /* New York: 2025-03-09 at 07:00 UTC, 2025-11-02 at 06:00 UTC. */
      {"15 2 * * *", "America/New_York", "2025-03-09T00:00:00Z", "2025-03-09T07:00:00Z"},
      {"15 1 * * *", "America/New_York", "2025-11-02T00:00:00Z", "2025-11-02T05:15:00Z"},
      {"15 1 * * *", "America/New_York", "2025-11-02T05:15:00Z", "2025-11-03T06:15:00Z"},
      {"0 0 * * sun", "America/New_York", "2025-03-02T05:00:00Z", "2025-03-09T05:00:00Z"},
      /* Half an hour, on the southern side; a whole day that was skipped. */
      {"15 2 * * *", "Australia/Lord_Howe", "2025-10-04T12:00:00Z", "2025-10-04T15:30:00Z"},
      {"0 12 30 12 *", "Pacific/Apia", "2011-12-30T00:00:00Z", "2011-12-30T10:00:00Z"},
      {"0 3 * * *", "Europe/Dublin", "2050-07-01T00:00:00Z", "2050-07-01T02:00:00Z"},
  };
  check(cases, sizeof cases / sizeof *cases);
}

static void own_zone(void **state) {
  (void)state;
  static const next_case cases[] = {{"30 6 * * *", NULL, "2025-08-21T00:00:00Z", "2025-08-21T23:30:00Z"}};
  static const char *const names[] = {"Asia/Ho_Chi_Minh", ":Asia/Ho_Chi_Minh", "<+07>-7", "ICT-7"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    setenv("TZ", names[i], 1);
    check(cases, 1);
  }
  setenv("TZ", "", 1);
  static const next_case utc[] = {{"30 6 * * *", NULL, "2025-08-21T00:00:00Z", "2025-08-21T06:30:00Z"}};
  check(utc, 1);
  unsetenv("TZ");
}

static void rules(void **state) {
  (void)state;
  static const struct {
    const char *rule, *at;
    int32_t offset;
  } cases[] = {{"CET-1CEST,M3.5.0,M10.5.0/3", "2025-03-30T00:59:59Z", 3600},
               {"CET-1CEST,M3.5.0,M10.5.0/3", "2025-03-30T01:00:00Z", 7200},
               {"CET-1CEST,M3.5.0,M10.5.0/3", "2025-10-26T01:00:00Z", 3600},
               {"EST5EDT", "2025-07-01T00:00:00Z", -4 * 3600},
               {"IST-2IDT,M3.4.4/26,M10.5.0", "2025-03-28T00:00:00Z", 3 * 3600},
               {"<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", "2025-03-30T01:00:00Z", -2 * 3600},
               {"AAA0BBB,J60,J300", "2028-03-01T01:59:59Z", 0},
               {"AAA0BBB,J60,J300", "2028-03-01T02:00:00Z", 3600},
               {"AAA0BBB,59,300", "2028-02-29T02:00:00Z", 3600},
               {"XXX3YYY2,0/0,J365/25", "2025-12-31T23:59:59Z", -2 * 3600}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    sl_zone *z = NULL;
    sl_err err = {0};
    int64_t until;
    if (sl_zone_rule(cases[i].rule, &z, &err)) fail_msg("%s: %s", cases[i].rule, err.message);
    int32_t found = sl_zone_offset(z, moment(cases[i].at) / SL_TIME_S, &until);
    if (found != cases[i].offset)
      fail_msg("%s at %s: expected %d, found %d", cases[i].rule, cases[i].at, cases[i].offset, found);
    sl_zone_free(z);
  }
  static const char *const wrong[] = {"",
                                      "C-1",
                                      "CET",
                                      "CET-1CEST,",
                                      "CET-1CEST,M3.5.0",
                                      "CET-1CEST,M13.5.0,M10.5.0",
                                      "CET-1CEST,M3.6.0,M10.5.0",
                                      "CET-25",
                                      "CET-1CEST,M3.5.0,M10.5.0/3x",
                                      "<CET-1"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    sl_zone *z = NULL;
    if (sl_zone_rule(wrong[i], &z, NULL) != SL_EPARSE) fail_msg("\"%s\" was taken for a rule", wrong[i]);
  }
}

static void wrong_expressions(void **state) {
  (void)state;
  static const struct {
    const char *expression, *message, *hint;
  } cases[] = {
      {"", "expected five fields, found 0 in \"\"",
       "minute, hour, day of the month, month, day of the week: 30 6 * * mon-fri"},
      {"* * * *", "expected five fields, found 4 in \"* * * *\"", NULL},
      {"* * * * * *", "expected five fields, found more: \"*\"", NULL},
      {"60 * * * *", "minute: expected 0 to 59, a range, a list, a step or *, found \"60\"", NULL},
      {"* 24 * * *", "hour: expected 0 to 23, a range, a list, a step or *, found \"24\"", NULL},
      {"* * 0 * *", "day of the month: expected 1 to 31, a range, a list, a step or *, found \"0\"", NULL},
      {"* * * foo *", "month: expected 1 to 12 or a name, a range, a list, a step or *, found \"foo\"",
       "names are the first three letters in English: jan, feb"},
      {"* * * * 8", "day of the week: expected 0 to 7 or a name, a range, a list, a step or *, found \"8\"", NULL},
      {"* 22-6 * * *", "hour: the range \"22-6\" runs backwards", "write two ranges: 22-23,0-6"},
      {"5/10 * * * *", "minute: a step needs a range, found \"5/10\"", "write 5-59/10"},
      {"*/0 * * * *", "minute: expected 0 to 59, a range, a list, a step or *, found \"*/0\"", NULL},
      {"1,,2 * * * *", "minute: expected 0 to 59, a range, a list, a step or *, found \"1,,2\"", NULL},
      {"1, * * * *", "minute: expected 0 to 59, a range, a list, a step or *, found \"1,\"", NULL},
      {"-1 * * * *", "minute: expected 0 to 59, a range, a list, a step or *, found \"-1\"", NULL},
      {"@often", "expected @hourly, @daily, @weekly, @monthly or @yearly, found \"@often\"", NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    sl_cron *c = NULL;
    sl_err err = {0};
    assert_int_equal(sl_cron_new(cases[i].expression, "UTC", &c, &err), SL_EINVAL);
    assert_string_equal(err.message, cases[i].message);
    if (cases[i].hint) assert_string_equal(err.hint, cases[i].hint);
  }
}

static void wrong_zones(void **state) {
  (void)state;
  static const struct {
    const char *zone;
    int code;
  } cases[] = {
      {"Asia/Nowhere", SL_ENOTFOUND}, {"+25:00", SL_EINVAL},    {"+7:5", SL_EINVAL}, {"../etc/passwd", SL_EINVAL},
      {"/etc/localtime", SL_EINVAL},  {"tzdata.zi", SL_EINVAL}, {"", SL_EINVAL},     {"Asia", SL_ENOTFOUND}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    sl_cron *c = NULL;
    sl_err err = {0};
    int rc = sl_cron_new("* * * * *", cases[i].zone, &c, &err);
    if (rc != cases[i].code)
      fail_msg("\"%s\": expected %d, found %d %s", cases[i].zone, cases[i].code, rc, err.message);
    assert_string_equal(err.hint, "write a name as in Asia/Ho_Chi_Minh, or an offset as in +07:00");
  }
  sl_zone *z = NULL;
  assert_int_equal(sl_zone_parse("TZif2", 5, &z, NULL), SL_EPARSE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(next_times),        cmocka_unit_test(leap_days),
      cmocka_unit_test(both_days),         cmocka_unit_test(zones),
      cmocka_unit_test(own_zone),          cmocka_unit_test(rules),
      cmocka_unit_test(wrong_expressions), cmocka_unit_test(wrong_zones),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
