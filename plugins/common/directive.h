/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a register of directives needs beside the fields of `extract`: the roles of whoever speaks, and the last day of
 * a deadline. Header only; lenient like article.h.
 */
#ifndef SLUICE_PLUGINS_DIRECTIVE_H
#define SLUICE_PLUGINS_DIRECTIVE_H

#include <stdio.h>

#include "article.h"

/* Two digits from 1 to most, or 0. */
static inline int directive_pair(const char *s, int most) {
  if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9') return 0;
  int v = (s[0] - '0') * 10 + (s[1] - '0');
  return v <= most ? v : 0;
}

static inline int directive_month_days(int year, int month) {
  static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)) return 29;
  return days[month - 1];
}

/* Four digits, or 0. */
static inline int directive_year(const char *s) {
  int v = 0;
  for (int i = 0; i < 4; i++) {
    if (s[i] < '0' || s[i] > '9') return 0;
    v = v * 10 + (s[i] - '0');
  }
  return v;
}

/* What stands behind a year: "", "-Q2", "-09", "-09-30", the latter perhaps with a time. 0, or -1. */
static inline int directive_rest(const char *s, int year, int *ret_month, int *ret_day) {
  *ret_month = 12;
  *ret_day = 0;
  if (!s[0]) return 0;
  if (s[0] != '-') return -1;
  if (s[1] == 'Q') {
    *ret_month = (s[2] - '0') * 3;
    return s[2] >= '1' && s[2] <= '4' && !s[3] ? 0 : -1;
  }
  *ret_month = directive_pair(s + 1, 12);
  if (*ret_month == 0) return -1;
  if (!s[3]) return 0;
  if (s[3] != '-') return -1;
  *ret_day = directive_pair(s + 4, directive_month_days(year, *ret_month));
  return *ret_day && (!s[6] || s[6] == 'T') ? 0 : -1;
}

/* The last day of a date as `extract` normalises it: 2025-09 is 2025-09-30, 2025-Q2 is 2025-06-30, 2025/2030 is
 * 2030-12-31. 0, or -1 if that is not known (no year, a length of time). */
static inline int directive_last_day(const char *norm, char ret[11]) {
  const char *slash = norm ? strchr(norm, '/') : NULL;
  const char *s = slash ? slash + 1 : norm;
  int year = s ? directive_year(s) : 0, month, day;
  if (year == 0 || strchr(s, '/') || directive_rest(s + 4, year, &month, &day) != 0) return -1;
  if (day == 0) day = directive_month_days(year, month);
  snprintf(ret, 11, "%04u-%02u-%02u", (unsigned)year % 10000, (unsigned)month % 100, (unsigned)day % 100);
  return 0;
}

/* Who speaks: the name of the entity, else the words that stand for it; NULL if nobody is named. */
static inline const char *directive_speaker(const article_refs *refs, const cJSON *directive) {
  const char *name = article_name(refs, article_get(directive, "speaker"));
  if (!name || !*name) name = article_string(directive, "speaker_norm");
  return name && *name ? name : article_words(article_get(directive, "speaker_text"));
}

/* Whether this role is held by the person with that id. */
static inline int directive_holds(const cJSON *role, const char *person) {
  const cJSON *one = article_get(role, "person"), *many = article_get(role, "persons");
  if (cJSON_IsString(one) && strcmp(one->valuestring, person) == 0) return 1;
  if (!cJSON_IsArray(many)) return 0;
  for (const cJSON *p = many->child; p; p = p->next)
    if (cJSON_IsString(p) && strcmp(p->valuestring, person) == 0) return 1;
  return 0;
}

/* Whether `name` stands in out, where names are joined by "; ". */
static inline int directive_listed(const char *out, const char *name) {
  size_t n = strlen(name);
  for (const char *p = out; (p = strstr(p, name)); p += n ? n : 1) {
    if ((p == out || p[-1] == ' ') && (p[n] == '\0' || p[n] == ';')) return 1;
    if (n == 0) return 1;
  }
  return 0;
}

/* The roles of the speaker in the order of the text, each once, joined by "; ", as many as fit; "" if there are none.
 * entities: the first of the list. */
static inline void directive_roles(const article_refs *refs, const cJSON *entities, const cJSON *directive, char *out,
                                   size_t cap) {
  const char *speaker = article_string(directive, "speaker");
  size_t used = 0, looked = 0;
  out[0] = '\0';
  if (!speaker || !article_is(article_entity(refs, speaker), "PERSON")) return;
  for (const cJSON *e = entities; e && looked < 4096; e = e->next) {
    const char *name = article_is(e, "ROLE") ? article_entity_name(e) : NULL;
    looked += name != NULL;
    if (!name || !directive_holds(e, speaker) || directive_listed(out, name)) continue;
    if (used + strlen(name) + 3 > cap) return;
    used += (size_t)snprintf(out + used, cap - used, "%s%s", used ? "; " : "", name);
  }
}

#endif
