/* SPDX-License-Identifier: Apache-2.0 */
/*
 * robots.txt: RFC 9309, and what the reference matcher (github.com/google/robotstxt) accepts beyond it.
 *
 * One block of memory holds everything: the texts of agents and patterns, and the tables. A pattern is kept as the
 * reference compares it: bytes that are not ASCII are escaped, escapes have capitals.
 */
#include "robots.h"

#include <string.h>

#include <sluice/plugin.h>

#define DAY_MS (24 * 60 * 60 * 1000LL)

/* A text of the file as it is kept: bytes [at, at + len) of `text`, a NUL behind it. */
typedef struct text {
  uint32_t at, len;
} text;

/* Agents of a group stand in `agents`, its rules in `rules`. */
typedef struct group {
  uint32_t agents, n_agents;
  uint32_t rules, n_rules;
  int64_t delay_ms; /* -1: none */
  bool any;         /* one of its agents is * */
} group;

typedef struct rule {
  text pattern;
  bool allow;
} rule;

struct robots {
  const lane_mem *mem;
  lane_vec text;     /* char */
  lane_vec agents;   /* text */
  lane_vec rules;    /* rule */
  lane_vec groups;   /* group */
  lane_vec sitemaps; /* text */
  bool all_denied;
  /* While parsing. */
  bool separated; /* a rule has followed the agents: the next agent begins a new group */
  bool failed;
};

/* A piece of a line. */
typedef struct slice {
  const char *s;
  size_t n;
} slice;

static char lower(char c) { return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c); }
static bool blank(char c) {
  return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r' || c == '\n' || c == '\0';
}

static slice trim(slice t) {
  while (t.n && blank(t.s[0])) t.s++, t.n--;
  while (t.n && blank(t.s[t.n - 1])) t.n--;
  return t;
}

static bool begins(slice t, const char *with) {
  size_t i = 0;
  for (; with[i]; i++)
    if (i == t.n || lower(t.s[i]) != with[i]) return false;
  return true;
}

/* ---- building ---- */

static void *add(robots *r, lane_vec *v, size_t item) {
  if (r->failed || lane_vec_reserve(r->mem, v, item, v->n + 1) != 0) {
    r->failed = true;
    return NULL;
  }
  return (char *)v->items + item * v->n++;
}

static void put_text(robots *r, text *t, const char *s, size_t n) {
  if (!n) return;
  if (r->failed || lane_vec_reserve(r->mem, &r->text, 1, r->text.n + n) != 0) {
    r->failed = true;
    return;
  }
  memcpy((char *)r->text.items + r->text.n, s, n);
  r->text.n += n;
  t->len += (uint32_t)n;
}

static text begin_text(const robots *r) { return (text){.at = (uint32_t)r->text.n}; }

static void end_text(robots *r, text *t) {
  put_text(r, t, "", 1);
  if (!r->failed) t->len--;
}

static int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A pattern in the spelling of paths. */
static text put_pattern(robots *r, slice v) {
  static const char digits[] = "0123456789ABCDEF";
  text t = begin_text(r);
  for (size_t i = 0; i < v.n; i++) {
    unsigned char c = (unsigned char)v.s[i];
    if (c == '%' && v.n - i >= 3 && hex(v.s[i + 1]) >= 0 && hex(v.s[i + 2]) >= 0) {
      char escape[3] = {'%', digits[hex(v.s[i + 1])], digits[hex(v.s[i + 2])]};
      put_text(r, &t, escape, 3);
      i += 2;
    } else if (c >= 0x80) {
      char escape[3] = {'%', digits[c >> 4], digits[c & 15]};
      put_text(r, &t, escape, 3);
    } else {
      put_text(r, &t, v.s + i, 1);
    }
  }
  end_text(r, &t);
  return t;
}

static group *last_group(const robots *r) { return r->groups.n ? (group *)r->groups.items + (r->groups.n - 1) : NULL; }

static void agent_line(robots *r, slice v) {
  group *g = last_group(r);
  if (!g || r->separated) {
    g = add(r, &r->groups, sizeof *g);
    if (!g) return;
    *g = (group){.agents = (uint32_t)r->agents.n, .rules = (uint32_t)r->rules.n, .delay_ms = -1};
    r->separated = false;
  }
  /* "*" alone, or with something behind a space. */
  if (v.n && v.s[0] == '*' && (v.n == 1 || blank(v.s[1]))) {
    g->any = true;
    return;
  }
  size_t n = 0;
  while (n < v.n && ((lower(v.s[n]) >= 'a' && lower(v.s[n]) <= 'z') || v.s[n] == '-' || v.s[n] == '_')) n++;
  text *t = add(r, &r->agents, sizeof *t);
  if (!t) return;
  text made = begin_text(r);
  put_text(r, &made, v.s, n);
  end_text(r, &made);
  *t = made;
  g->n_agents++;
}

static void rule_line(robots *r, slice v, bool allow) {
  group *g = last_group(r);
  if (!g) return;
  r->separated = true;
  rule *made = add(r, &r->rules, sizeof *made);
  if (!made) return;
  g->n_rules++;
  made->allow = allow;
  made->pattern = put_pattern(r, v);
  /* A folder may be fetched if its index page may. */
  const char *slash = v.n ? memrchr(v.s, '/', v.n) : NULL;
  if (!allow || !slash) return;
  size_t at = (size_t)(slash - v.s);
  if (v.n - at < 10 || memcmp(slash, "/index.htm", 10) != 0) return;
  made = add(r, &r->rules, sizeof *made);
  if (!made) return;
  g->n_rules++;
  made->allow = true;
  made->pattern = put_pattern(r, (slice){v.s, at + 1});
  if (r->failed) return;
  r->text.n--; /* the NUL */
  put_text(r, &made->pattern, "$", 1);
  end_text(r, &made->pattern);
}

/* Seconds with a fraction, as milliseconds; -1 if it is no number. */
static int64_t read_delay(slice v) {
  int64_t ms = 0, unit = 100;
  size_t i = 0;
  if (v.n == 0 || v.s[0] < '0' || v.s[0] > '9') return -1;
  for (; i < v.n && v.s[i] >= '0' && v.s[i] <= '9'; i++) {
    ms = ms * 10 + (v.s[i] - '0') * 1000LL;
    if (ms > DAY_MS) ms = DAY_MS;
  }
  if (i < v.n && (v.s[i] == '.' || v.s[i] == ','))
    for (i++; i < v.n && v.s[i] >= '0' && v.s[i] <= '9'; i++, unit /= 10) ms += (v.s[i] - '0') * unit;
  return ms > DAY_MS ? DAY_MS : ms;
}

static void sitemap_line(robots *r, slice v) {
  if (v.n == 0) return;
  text *t = add(r, &r->sitemaps, sizeof *t);
  if (!t) return;
  text made = begin_text(r);
  put_text(r, &made, v.s, v.n);
  end_text(r, &made);
  *t = made;
}

static bool is_disallow(slice key) {
  static const char *const spellings[] = {"disallow", "dissallow", "dissalow", "disalow", "diasllow", "disallaw"};
  for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++)
    if (begins(key, spellings[i])) return true;
  return false;
}

static void key_and_value(robots *r, slice key, slice value) {
  if (begins(key, "user-agent") || begins(key, "useragent") || begins(key, "user agent")) {
    agent_line(r, value);
  } else if (begins(key, "allow")) {
    rule_line(r, value, true);
  } else if (is_disallow(key)) {
    rule_line(r, value, false);
  } else if (begins(key, "sitemap") || begins(key, "site-map")) {
    sitemap_line(r, value);
  } else if (begins(key, "crawl-delay") || begins(key, "crawldelay")) {
    group *g = last_group(r);
    int64_t ms = read_delay(value);
    if (g && ms > g->delay_ms) g->delay_ms = ms;
  }
}

static void line(robots *r, slice l) {
  if (l.n > ROBOTS_LINE) l.n = ROBOTS_LINE;
  const char *comment = l.n ? memchr(l.s, '#', l.n) : NULL;
  if (comment) l.n = (size_t)(comment - l.s);
  l = trim(l);
  if (l.n == 0) return;
  const char *colon = memchr(l.s, ':', l.n);
  size_t at = 0;
  if (colon) {
    at = (size_t)(colon - l.s);
  } else {
    /* Without a colon: a key and one word. */
    while (at < l.n && l.s[at] != ' ' && l.s[at] != '\t') at++;
    slice word = trim((slice){l.s + at, l.n - at});
    if (word.n == 0 || memchr(word.s, ' ', word.n) || memchr(word.s, '\t', word.n)) return;
  }
  slice key = trim((slice){l.s, at});
  slice value = at < l.n ? trim((slice){l.s + at + 1, l.n - at - 1}) : (slice){l.s + at, 0};
  if (key.n) key_and_value(r, key, value);
}

static robots *make(const lane_mem *mem) {
  robots *r = mem->alloc(sizeof *r);
  if (!r) return NULL;
  memset(r, 0, sizeof *r);
  r->mem = mem;
  return r;
}

robots *robots_fixed(const lane_mem *mem, bool allow) {
  robots *r = make(mem);
  if (r) r->all_denied = !allow;
  return r;
}

robots *robots_parse(const lane_mem *mem, const char *bytes, size_t n) {
  static const char mark[] = "\xEF\xBB\xBF";
  robots *r = make(mem);
  size_t skip = 0;
  if (!r) return NULL;
  if (n > ROBOTS_MAX) n = ROBOTS_MAX;
  while (skip < 3 && skip < n && bytes[skip] == mark[skip]) skip++;
  for (size_t i = skip; i < n && !r->failed;) {
    size_t end = i;
    while (end < n && bytes[end] != '\n' && bytes[end] != '\r') end++;
    line(r, (slice){bytes + i, end - i});
    i = end + 1;
  }
  if (!r->failed) return r;
  robots_free(r);
  return NULL;
}

void robots_free(robots *r) {
  if (!r) return;
  const lane_mem *mem = r->mem;
  lane_vec_done(mem, &r->text);
  lane_vec_done(mem, &r->agents);
  lane_vec_done(mem, &r->rules);
  lane_vec_done(mem, &r->groups);
  lane_vec_done(mem, &r->sitemaps);
  mem->free(r);
}

/* ---- matching ---- */

static const char *text_at(const robots *r, text t) { return (const char *)r->text.items + t.at; }

/* Whether pattern matches the beginning of path; * stands for anything, $ at the end for the end. The parts between
 * stars are found from left to right, each as early as it goes, which is linear and finds a match if there is one. */
static bool matches(slice pattern, slice path) {
  bool anchored = pattern.n > 0 && pattern.s[pattern.n - 1] == '$', first = true;
  if (anchored) pattern.n--;
  for (;;) {
    const char *star = pattern.n ? memchr(pattern.s, '*', pattern.n) : NULL;
    size_t n = star ? (size_t)(star - pattern.s) : pattern.n;
    if (n > path.n) return false;
    if (first || (!star && anchored)) {
      /* At the beginning; or, behind a star, at the end. */
      size_t skip = first ? 0 : path.n - n;
      if (n && memcmp(path.s + skip, pattern.s, n) != 0) return false;
      if (!star) return !anchored || skip + n == path.n;
      path.s += n;
      path.n -= n;
    } else {
      const char *found = n ? memmem(path.s, path.n, pattern.s, n) : path.s;
      if (!found) return false;
      path.n -= (size_t)(found - path.s) + n;
      path.s = found + n;
      if (!star) return true;
    }
    first = false;
    pattern.s += n + 1;
    pattern.n -= n + 1;
  }
}

static bool names_agent(const robots *r, const group *g, const char *agent, size_t n) {
  for (uint32_t i = 0; i < g->n_agents; i++) {
    text t = ((const text *)r->agents.items)[g->agents + i];
    const char *name = text_at(r, t);
    size_t k = 0;
    if (t.len != n) continue;
    while (k < n && lower(name[k]) == lower(agent[k])) k++;
    if (k == n) return true;
  }
  return false;
}

bool robots_names(const robots *r, const char *agent) {
  size_t n = strlen(agent);
  for (size_t i = 0; i < r->groups.n; i++)
    if (names_agent(r, (const group *)r->groups.items + i, agent, n)) return true;
  return false;
}

/* Whether the group counts for the agent; named: a group names it. */
static bool counts(const robots *r, const group *g, const char *agent, size_t n, bool named) {
  return named ? names_agent(r, g, agent, n) : g->any;
}

bool robots_allows(const robots *r, const char *agent, const char *path, size_t n) {
  slice target = n ? (slice){path, n} : (slice){"/", 1};
  size_t agent_len = strlen(agent);
  bool named = robots_names(r, agent);
  int64_t allow = -1, deny = -1;
  if (r->all_denied) return false;
  for (size_t i = 0; i < r->groups.n; i++) {
    const group *g = (const group *)r->groups.items + i;
    if (!counts(r, g, agent, agent_len, named)) continue;
    for (uint32_t k = 0; k < g->n_rules; k++) {
      const rule *u = (const rule *)r->rules.items + g->rules + k;
      int64_t *best = u->allow ? &allow : &deny;
      if (u->pattern.len > *best && matches((slice){text_at(r, u->pattern), u->pattern.len}, target))
        *best = u->pattern.len;
    }
  }
  return deny <= 0 || allow >= deny;
}

int64_t robots_delay_ms(const robots *r, const char *agent) {
  size_t n = strlen(agent);
  bool named = robots_names(r, agent);
  int64_t delay = -1;
  for (size_t i = 0; i < r->groups.n; i++) {
    const group *g = (const group *)r->groups.items + i;
    if (counts(r, g, agent, n, named) && g->delay_ms > delay) delay = g->delay_ms;
  }
  return delay;
}

size_t robots_sitemaps(const robots *r) { return r->sitemaps.n; }

const char *robots_sitemap(const robots *r, size_t i) {
  return i < r->sitemaps.n ? text_at(r, ((const text *)r->sitemaps.items)[i]) : NULL;
}
