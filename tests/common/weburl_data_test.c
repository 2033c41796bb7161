/* SPDX-License-Identifier: Apache-2.0 */
/* The URL parser over the WHATWG suite, urltestdata.json, where the folder SLUICE_TEST_DATA has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "weburl.h"

static const lane_mem mem = {malloc, free};

/* ---- just enough JSON: strings keep NUL and halves of surrogate pairs (as U+FFFD), which cJSON cannot ---- */

typedef struct str {
  char *s; /* NULL: null or not there */
  size_t n;
} str;

enum {
  INPUT,
  BASE,
  HREF,
  PROTOCOL,
  USERNAME,
  PASSWORD,
  HOSTNAME,
  PORT,
  PATHNAME,
  SEARCH,
  HASH,
  FAILURE,
  RELATIVE,
  KEYS
};
static const char *const names[KEYS] = {"input", "base",     "href",   "protocol", "username", "password",  "hostname",
                                        "port",  "pathname", "search", "hash",     "failure",  "relativeTo"};

static unsigned hex4(const char *s) {
  char digits[5] = {s[0], s[1], s[2], s[3], 0};
  return (unsigned)strtoul(digits, NULL, 16);
}

static char *put_utf8(char *out, uint32_t c) {
  if (c < 0x80) {
    *out++ = (char)c;
    return out;
  }
  if (c >= 0x10000) *out++ = (char)(0xF0 | c >> 18);
  if (c >= 0x800) *out++ = c >= 0x10000 ? (char)(0x80 | (c >> 12 & 63)) : (char)(0xE0 | c >> 12);
  *out++ = c >= 0x800 ? (char)(0x80 | (c >> 6 & 63)) : (char)(0xC0 | c >> 6);
  *out++ = (char)(0x80 | (c & 63));
  return out;
}

/* The string at **p, which stands on its quote; **p goes behind it. */
static str read_string(const char **p) {
  const char *s = *p + 1;
  size_t most = strcspn(s, "\"") + 1;
  while (s[most - 2] == '\\') most += strcspn(s + most, "\"") + 1;
  str r = {malloc(most), 0};
  assert_non_null(r.s);
  char *out = r.s;
  for (; *s != '"'; s++) {
    if (*s != '\\') {
      *out++ = *s;
      continue;
    }
    static const char plain[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
    if (*++s != 'u') {
      *out++ = means[strchr(plain, *s) - plain];
      continue;
    }
    uint32_t c = hex4(s + 1);
    s += 4;
    if (c >= 0xD800 && c < 0xDC00 && s[1] == '\\' && s[2] == 'u' && hex4(s + 3) >= 0xDC00 && hex4(s + 3) < 0xE000) {
      c = 0x10000 + ((c - 0xD800) << 10) + (hex4(s + 3) - 0xDC00);
      s += 6;
    }
    out = put_utf8(out, c >= 0xD800 && c < 0xE000 ? 0xFFFD : c);
  }
  r.n = (size_t)(out - r.s);
  *p = s + 1;
  return r;
}

/* The object at **p. */
static void read_case(const char **p, str *c) {
  memset(c, 0, KEYS * sizeof *c);
  for (++*p; **p != '}';) {
    if (**p != '"') {
      ++*p;
      continue;
    }
    str key = read_string(p), value = {NULL, 0};
    *p += strspn(*p, " :\n");
    if (**p == '"') {
      value = read_string(p);
    } else {
      if (**p == 't') value = (str){calloc(1, 1), 0};
      *p += strcspn(*p, ",}\n");
    }
    for (unsigned k = 0; k < KEYS; k++)
      if (strlen(names[k]) == key.n && memcmp(names[k], key.s, key.n) == 0) {
        c[k] = value;
        value.s = NULL;
      }
    free(value.s);
    free(key.s);
  }
  ++*p;
}

/* ---- the suite ---- */

static bool part_is(const weburl *u, weburl_part part, const char *before, const char *after, const str *want) {
  size_t b = part.len || strcmp(before, "") == 0 ? strlen(before) : 0, a = strlen(after);
  return want->n == b + part.len + a && memcmp(want->s, before, b) == 0 &&
         memcmp(want->s + b, weburl_at(u, part), part.len) == 0 && memcmp(want->s + b + part.len, after, a) == 0;
}

static bool as_wanted(const weburl *u, const str *c) {
  char port[12] = "";
  if (u->port >= 0) snprintf(port, sizeof port, "%d", u->port);
  return c[HREF].n == u->len && memcmp(c[HREF].s, u->href, u->len) == 0 &&
         part_is(u, u->scheme, "", ":", &c[PROTOCOL]) && part_is(u, u->username, "", "", &c[USERNAME]) &&
         part_is(u, u->password, "", "", &c[PASSWORD]) && part_is(u, u->host, "", "", &c[HOSTNAME]) &&
         strlen(port) == c[PORT].n && memcmp(port, c[PORT].s, c[PORT].n) == 0 &&
         part_is(u, u->path, "", "", &c[PATHNAME]) && part_is(u, u->query, "?", "", &c[SEARCH]) &&
         part_is(u, u->fragment, "#", "", &c[HASH]);
}

static bool web_prefix(const str *s) {
  size_t skip = 0;
  while (skip < s->n && (unsigned char)s->s[skip] <= ' ') skip++;
  return s->s && s->n - skip >= 4 && strncasecmp(s->s + skip, "http", 4) == 0;
}

/* Whether the case is about http or https: what comes out is, or what goes in says so. */
static bool about_web(const str *c) {
  if (!c[FAILURE].s) return web_prefix(&c[HREF]);
  return web_prefix(&c[INPUT]) || (c[BASE].s && web_prefix(&c[BASE]));
}

static bool passes(const str *c) {
  weburl base = {0}, u = {0}, again = {0};
  bool ok = true;
  int rc = 0;
  if (c[BASE].s) rc = weburl_parse(&base, &mem, c[BASE].s, c[BASE].n, NULL, NULL);
  if (rc == 0) rc = weburl_parse(&u, &mem, c[INPUT].s, c[INPUT].n, c[BASE].s ? &base : NULL, NULL);
  if (c[FAILURE].s)
    ok = rc != 0;
  else
    ok = rc == 0 && as_wanted(&u, c) && weburl_parse(&again, &mem, u.href, u.len, NULL, NULL) == 0 &&
         strcmp(again.href, u.href) == 0;
  if (!ok)
    printf("input <%.*s> base <%s> wanted <%s> got <%s>\n", (int)c[INPUT].n, c[INPUT].s, c[BASE].s ? base.href : "",
           c[FAILURE].s ? "failure" : c[HREF].s, u.href ? u.href : "failure");
  weburl_free(&base);
  weburl_free(&u);
  weburl_free(&again);
  return ok;
}

static char *read_file(const char *path) {
  FILE *f = fopen(path, "rb");
  if (!f) return NULL;
  assert_int_equal(fseek(f, 0, SEEK_END), 0);
  long n = ftell(f);
  rewind(f);
  char *text = malloc((size_t)n + 1);
  assert_non_null(text);
  assert_int_equal(fread(text, 1, (size_t)n, f), (size_t)n);
  text[n] = '\0';
  (void)fclose(f);
  return text;
}

static void suite(void **state) {
  (void)state;
  const char *folder = getenv("SLUICE_TEST_DATA");
  char path[4096];
  unsigned web = 0, web_ok = 0, all = 0, all_ok = 0;
  if (!folder) {
    printf("skipped: SLUICE_TEST_DATA is not set\n");
    return;
  }
  snprintf(path, sizeof path, "%s/data/url/urltestdata.json", folder);
  char *text = read_file(path);
  assert_non_null(text);
  for (const char *p = text + strspn(text, " \n["); *p && *p != ']';) {
    if (*p == '"') {
      free(read_string(&p).s);
    } else if (*p == '{') {
      str c[KEYS];
      read_case(&p, c);
      bool ok = passes(c);
      all++;
      all_ok += ok;
      web += about_web(c);
      web_ok += ok && about_web(c);
      for (unsigned k = 0; k < KEYS; k++) free(c[k].s);
    } else {
      p++;
    }
  }
  free(text);
  printf("urltestdata: %u of %u cases of http and https, %u of %u of all\n", web_ok, web, all_ok, all);
  assert_true(web > 400);
  assert_int_equal(web_ok, web);
  assert_int_equal(all_ok, all);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(suite)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
