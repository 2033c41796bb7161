/* SPDX-License-Identifier: Apache-2.0 */
/* Globs over paths. */
#include "glob.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_EXPANSIONS 1024

int fetch_glob_wild(const char *text) {
  for (; *text; text++) {
    if (*text == '\\' && text[1])
      text++;
    else if (strchr("*?[{", *text))
      return 1;
  }
  return 0;
}

/* Reads one code point; an invalid byte is one character above all code points. */
static uint32_t next_char(const char **p) {
  const unsigned char *s = (const unsigned char *)*p;
  int more = s[0] < 0x80 ? 0 : (s[0] & 0xE0) == 0xC0 ? 1 : (s[0] & 0xF0) == 0xE0 ? 2 : (s[0] & 0xF8) == 0xF0 ? 3 : -1;
  uint32_t c = more <= 0 ? s[0] : s[0] & (0x3Fu >> more);
  for (int i = 1; i <= more; i++) {
    if ((s[i] & 0xC0) != 0x80) {
      more = -1;
      break;
    }
    c = c << 6 | (s[i] & 0x3Fu);
  }
  *p += more > 0 ? more + 1 : 1;
  return more < 0 ? 0x110000u + s[0] : c;
}

/* Matches c against the class that begins after '['. *p moves behind ']'. -1: there is no end, '[' is literal. */
static int class_match(const char **p, uint32_t c) {
  const char *s = *p;
  int negate = *s == '!' || *s == '^', hit = 0, first = 1;
  if (negate) s++;
  while (*s && (first || *s != ']')) {
    first = 0;
    if (*s == '\\' && s[1]) s++;
    uint32_t low = next_char(&s), high = low;
    if (*s == '-' && s[1] && s[1] != ']') {
      s++;
      if (*s == '\\' && s[1]) s++;
      high = next_char(&s);
    }
    hit |= c >= low && c <= high;
  }
  if (!*s) return -1;
  *p = s + 1;
  return hit != negate;
}

/* Matches one character of the name against one element of the pattern that is not '*'. */
static int one(const char **pattern, const char **name) {
  const char *p = *pattern, *s = *name;
  if (!*s || !*p) return 0;
  uint32_t c = next_char(&s);
  int hit;
  if (*p == '?') {
    p++;
    hit = 1;
  } else if (*p == '[') {
    const char *in = p + 1;
    hit = class_match(&in, c);
    if (hit >= 0)
      p = in;
    else
      hit = next_char(&p) == c;
  } else {
    if (*p == '\\' && p[1]) p++;
    hit = next_char(&p) == c;
  }
  if (!hit) return 0;
  *pattern = p;
  *name = s;
  return 1;
}

int fetch_glob_name(const char *p, const char *s) {
  const char *star = NULL, *resume = NULL;
  if (*s == '.' && (*p == '*' || *p == '?' || *p == '[')) return 0;
  for (;;) {
    if (*p == '*') {
      star = ++p;
      resume = s;
    } else if (!*p && !*s) {
      return 1;
    } else if (!one(&p, &s)) {
      if (!star || !*resume) return 0;
      next_char(&resume);
      s = resume;
      p = star;
    }
  }
}

static int is_deep(const char *part) { return strcmp(part, "**") == 0; }

/* partial: could something below path match? The components are few, so the recursion of `**` is shallow. */
static int match_from(const fetch_glob *g, uint32_t at, const char *path, int partial) {
  if (!*path) {
    if (partial) return at < g->n;
    while (at < g->n && is_deep(g->parts[at])) at++;
    return at == g->n;
  }
  if (at == g->n) return 0;
  const char *slash = strchr(path, '/');
  const char *rest = slash ? slash + 1 : path + strlen(path);
  if (is_deep(g->parts[at])) {
    if (match_from(g, at + 1, path, partial)) return 1;
    return path[0] != '.' && match_from(g, at, rest, partial);
  }
  char name[1024];
  size_t len = slash ? (size_t)(slash - path) : strlen(path);
  if (len >= sizeof name) return 0;
  memcpy(name, path, len);
  name[len] = '\0';
  int hit = g->literal ? strcmp(g->parts[at], name) == 0 : fetch_glob_name(g->parts[at], name);
  return hit && match_from(g, at + 1, rest, partial);
}

int fetch_glob_match(const fetch_glob *g, const char *rel) { return match_from(g, 0, rel, 0); }
int fetch_glob_enter(const fetch_glob *g, const char *rel) { return match_from(g, 0, rel, 1); }

static void glob_done(fetch_glob *g) {
  for (uint32_t i = 0; i < g->n; i++) free(g->parts[i]);
  free(g->parts);
  free(g->root);
  memset(g, 0, sizeof *g);
}

void fetch_glob_free(fetch_glob *list, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) glob_done(&list[i]);
  free(list);
}

static void unescape(char *s) {
  char *out = s;
  for (; *s; s++) {
    if (*s == '\\' && s[1]) s++;
    *out++ = *s;
  }
  *out = '\0';
}

static int add_part(fetch_glob *g, const char *part, size_t len) {
  char **grown = realloc(g->parts, (g->n + 1) * sizeof *grown);
  if (!grown) return -1;
  g->parts = grown;
  g->parts[g->n] = strndup(part, len);
  return g->parts[g->n++] ? 0 : -1;
}

int fetch_glob_folder(fetch_glob *g, int recursive) {
  if (g->n) {
    size_t a = strlen(g->root), b = strlen(g->parts[0]);
    char *root = malloc(a + b + 2);
    if (!root) return -1;
    memcpy(root, g->root, a);
    if (a > 1) root[a++] = '/';
    memcpy(root + a, g->parts[0], b + 1);
    glob_done(&(fetch_glob){.root = g->root, .parts = g->parts, .n = g->n});
    g->root = root;
    g->parts = NULL;
    g->n = 0;
  }
  g->literal = 0;
  if (recursive && add_part(g, "**", 2) < 0) return -1;
  return add_part(g, "*", 1);
}

/* Length of the folders before the first wildcard; for a literal path, before the last component. 0: "/". */
static size_t root_length(const char *path, int literal) {
  size_t root = 0;
  for (const char *p = path; *p;) {
    const char *slash = strchr(p + (*p == '/'), '/');
    if (!slash) break;
    char *part = strndup(p, (size_t)(slash - p));
    int wild = !part || (!literal && fetch_glob_wild(part));
    free(part);
    if (wild) break;
    root = (size_t)(slash - path);
    p = slash;
  }
  return root;
}

/* Two `**` in a row mean what one does, and cost more. */
static int repeats_deep(const fetch_glob *g, const char *p, size_t len) {
  return len == 2 && p[0] == '*' && p[1] == '*' && g->n && is_deep(g->parts[g->n - 1]);
}

/* Splits a path without braces. */
static int split(const char *path, int literal, fetch_glob *g) {
  size_t root = root_length(path, literal);
  g->literal = literal || !fetch_glob_wild(path + root);
  g->root = root ? strndup(path, root) : strdup("/");
  if (!g->root) return -1;
  if (!literal) unescape(g->root);
  for (const char *p = path + root; *p;) {
    while (*p == '/') p++;
    size_t len = strcspn(p, "/");
    if (len && (literal || !repeats_deep(g, p, len)) && add_part(g, p, len) < 0) return -1;
    p += len;
  }
  if (g->literal && !literal)
    for (uint32_t i = 0; i < g->n; i++) unescape(g->parts[i]);
  return 0;
}

static int append(const char *path, int literal, uint32_t group, fetch_glob **list, uint32_t *n) {
  if (*n >= MAX_EXPANSIONS) return -1;
  fetch_glob *grown = realloc(*list, (*n + 1) * sizeof *grown);
  if (!grown) return -1;
  *list = grown;
  fetch_glob *g = &grown[*n];
  memset(g, 0, sizeof *g);
  g->group = group;
  if (split(path, literal, g) < 0) {
    glob_done(g);
    return -1;
  }
  ++*n;
  return 0;
}

/* The brace pair to expand first: *open is NULL if there is none with an end. */
static void find_braces(const char *path, const char **open, const char **close) {
  *open = NULL;
  int depth = 0;
  for (const char *p = path; *p; p++) {
    if (*p == '\\' && p[1]) {
      p++;
    } else if (*p == '{') {
      if (depth++ == 0) *open = p;
    } else if (*p == '}' && depth > 0 && --depth == 0) {
      *close = p;
      return;
    }
  }
  *open = NULL;
}

static int expand(const char *path, uint32_t group, fetch_glob **list, uint32_t *n) {
  const char *open, *close = NULL;
  find_braces(path, &open, &close);
  if (!open) return append(path, 0, group, list, n);
  size_t head = (size_t)(open - path), tail = strlen(close + 1);
  int depth = 0;
  for (const char *p = open + 1, *from = p;; p++) {
    if (*p == '\\' && p < close - 1) {
      p++;
      continue;
    }
    if (*p == '{') depth++;
    if (*p == '}' && p != close) depth--;
    if (p != close && !(*p == ',' && depth == 0)) continue;
    size_t len = (size_t)(p - from);
    char *one_path = malloc(head + len + tail + 1);
    if (!one_path) return -1;
    memcpy(one_path, path, head);
    memcpy(one_path + head, from, len);
    memcpy(one_path + head + len, close + 1, tail + 1);
    int rc = expand(one_path, group, list, n);
    free(one_path);
    if (rc < 0 || p == close) return rc;
    from = p + 1;
  }
}

int fetch_glob_add(const char *path, uint32_t group, fetch_glob **list, uint32_t *n) {
  struct stat st;
  if (lstat(path, &st) == 0) return append(path, 1, group, list, n);
  return expand(path, group, list, n);
}
