/* SPDX-License-Identifier: Apache-2.0 */
/* Substitution in the texts of a parsed file. */
#include "conf/subst.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/strlist.h"
#include "base/utf8.h"

#define MAX_NESTING 8

typedef struct subst {
  const char *base;
  sl_strlist *files; /* or NULL */
  sl_buf out;
  sl_err *err;
  uint32_t nth; /* number of the outermost substitution in work */
  int outside;  /* what was put in last came from the environment */
} subst;

static int is_name_char(char c, int first) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (!first && c >= '0' && c <= '9');
}

/* The closing brace of the "${" at p, NULL if there is none. */
static const char *closing(const char *p, const char *end) {
  int depth = 0;
  for (; p < end; p++) {
    if (p + 2 < end && p[0] == '$' && p[1] == '$' && p[2] == '{') {
      p += 2;
    } else if (p + 1 < end && p[0] == '$' && p[1] == '{') {
      depth++;
      p++;
    } else if (*p == '}' && --depth == 0) {
      return p;
    }
  }
  return NULL;
}

static int expand(subst *s, const char *p, const char *end, int depth);

static int add(subst *s, const char *data, size_t len) {
  if (s->out.len + len > SL_SUBST_MAX_BYTES)
    return sl_err_set(s->err, SL_ELIMIT, "the substituted text is longer than %zu bytes", SL_SUBST_MAX_BYTES);
  return sl_buf_add(&s->out, data, len) ? sl_err_set(s->err, SL_ENOMEM, "memory is out") : 0;
}

/* The file's text, without the end of its last line. */
static int add_text(subst *s, const char *name, const char *text, size_t n) {
  size_t bad = 0;
  if (!sl_utf8_valid(text, n, &bad) || memchr(text, 0, n))
    return sl_err_set(s->err, SL_EENCODING, "`${file:%.100s}`: the file is not text in UTF-8", name);
  if (n && text[n - 1] == '\n') n--;
  if (n && text[n - 1] == '\r') n--;
  return add(s, text, n);
}

static int add_file(subst *s, const char *path, size_t len, int depth) {
  subst sub = {.base = s->base, .files = s->files, .err = s->err, .nth = s->nth};
  int rc = expand(&sub, path, path + len, depth + 1);
  char *full = NULL, *text = NULL;
  size_t n = 0;
  if (!rc && !sub.out.len) rc = sl_err_set(s->err, SL_EINVAL, "`${file:}` names no file");
  if (!rc && !(full = sl_path_abs(sub.out.data, sub.outside ? NULL : s->base)))
    rc = sl_err_set(s->err, SL_ENOMEM, "memory is out");
  if (!rc && s->files && !sl_strlist_has(s->files, full) && sl_strlist_add(s->files, full))
    rc = sl_err_set(s->err, SL_ENOMEM, "memory is out");
  if (!rc && (rc = sl_path_read(full, SL_SUBST_MAX_BYTES, &text, &n, s->err)) != 0 && rc != SL_ENOMEM)
    sl_err_prefix(s->err, "`${file:%.100s}`", sub.out.data);
  if (!rc) rc = add_text(s, sub.out.data, text, n);
  sl_mem_free(text);
  sl_mem_free(full);
  sl_buf_done(&sub.out);
  return rc;
}

/* The value of a variable; PWD is always the working directory, whatever a parent process left in the environment.
 * [own] */
static int value_of(const char *name, char **ret, sl_err *err) {
  const char *value = getenv(name);
  if (strcmp(name, "PWD") == 0)
    *ret = sl_path_cwd();
  else
    *ret = value ? sl_mem_strdup(value) : NULL;
  return !*ret && (value || strcmp(name, "PWD") == 0) ? sl_err_set(err, SL_ENOMEM, "memory is out") : 0;
}

static int add_value(subst *s, const char *name, const char *value) {
  if (!value) {
    sl_err_set(s->err, SL_ENOTFOUND, "the environment variable %s is not set", name);
    sl_err_hint(s->err, "set it, or give a default: ${%s:-…}", name);
    return SL_ENOTFOUND;
  }
  if (!sl_utf8_valid(value, strlen(value), NULL))
    return sl_err_set(s->err, SL_EENCODING, "the environment variable %s is not text in UTF-8", name);
  if (s->out.len == 0 && *value) s->outside = 1;
  return add(s, value, strlen(value));
}

/* What stands between the braces: [p, end). */
static int add_expression(subst *s, const char *p, const char *end, int depth) {
  if (depth > MAX_NESTING)
    return sl_err_set(s->err, SL_ELIMIT, "substitutions are nested more than %d deep", MAX_NESTING);
  if (end - p >= 5 && memcmp(p, "file:", 5) == 0) return add_file(s, p + 5, (size_t)(end - p - 5), depth);
  size_t n = 0;
  while (p + n < end && is_name_char(p[n], n == 0)) n++;
  int has_default = end - p - (ptrdiff_t)n >= 2 && p[n] == ':' && p[n + 1] == '-';
  char name[128];
  if (!n || n >= sizeof name || (p + n < end && !has_default)) {
    sl_err_set(s->err, SL_EINVAL, "`${%.*s}` is not a substitution", (int)(end - p < 60 ? end - p : 60), p);
    sl_err_hint(s->err, "write ${NAME}, ${NAME:-default} or ${file:PATH}; $${ gives a literal ${");
    return SL_EINVAL;
  }
  memcpy(name, p, n);
  name[n] = 0;
  char *value = NULL;
  int rc = value_of(name, &value, s->err);
  if (!rc && has_default && (!value || !*value))
    rc = expand(s, p + n + 2, end, depth + 1);
  else if (!rc)
    rc = add_value(s, name, value);
  sl_mem_free(value);
  return rc;
}

static int expand(subst *s, const char *p, const char *end, int depth) {
  while (p < end) {
    const char *dollar = memchr(p, '$', (size_t)(end - p));
    size_t plain = (size_t)((dollar ? dollar : end) - p);
    int rc = plain ? add(s, p, plain) : 0;
    if (rc || !dollar) return rc;
    p = dollar;
    if (end - p >= 3 && memcmp(p, "$${", 3) == 0) {
      rc = add(s, "${", 2);
      p += 3;
      if (depth == 0) s->nth++;
    } else if (end - p >= 2 && p[1] == '{') {
      const char *close = closing(p, end);
      if (!close) {
        sl_err_set(s->err, SL_EINVAL, "`${` without `}`");
        sl_err_hint(s->err, "close it, or write $${ for a literal ${");
        return SL_EINVAL;
      }
      rc = add_expression(s, p + 2, close, depth);
      p = close + 1;
      if (depth == 0 && !rc) s->nth++;
    } else {
      rc = add(s, "$", 1);
      p++;
    }
    if (rc) return rc;
  }
  return 0;
}

/* The text of a scalar. s->err: what failed; *ret_nth: which substitution, from 0. */
static int subst_text(sl_arena *arena, subst *s, sl_node *node, uint32_t *ret_nth) {
  if (!strstr(node->text, "${")) return 0;
  int rc = expand(s, node->text, node->text + strlen(node->text), 0);
  if (!rc) {
    const char *copy = sl_arena_strndup(arena, s->out.data ? s->out.data : "", s->out.len);
    if (copy) {
      node->text = copy;
      node->flags |= SL_NODE_SUBST | (s->outside ? SL_NODE_OUTSIDE : 0u);
    } else {
      rc = sl_err_set(s->err, SL_ENOMEM, "memory is out");
    }
  }
  *ret_nth = s->nth;
  sl_buf_done(&s->out);
  return rc;
}

/* The place of the nth "${" (from 0) inside a scalar; the scalar's own if the source does not show it. */
static sl_pos place_of(const sl_diags *diags, const sl_node *node, uint32_t nth) {
  sl_pos pos = node->pos;
  for (uint32_t line = node->pos.line; line <= node->end_line; line++) {
    size_t len = 0;
    const char *text = sl_diags_line(diags, node->pos.file, line, &len);
    if (!text) return node->pos;
    uint32_t col = 1, depth = 0;
    for (size_t i = 0; i + 1 < len; i = sl_utf8_next(text, len, i), col++) {
      if (line == node->pos.line && col < node->pos.col) continue;
      if (text[i] == '}' && depth) depth--;
      if (text[i] != '$' || text[i + 1] != '{') continue;
      if (depth++ || nth--) continue;
      pos.line = line;
      pos.col = col;
      return pos;
    }
  }
  return node->pos;
}

static int is_whole(const char *t) {
  if (strncmp(t, "${", 2) != 0) return 0;
  t += 2;
  if (strncmp(t, "file:", 5) == 0) return strcspn(t, "${}") + 1 == strlen(t) && t[strlen(t) - 1] == '}';
  size_t n = 0;
  while (is_name_char(t[n], n == 0)) n++;
  return n && strcmp(t + n, "}") == 0;
}

static int subst_scalar(sl_arena *arena, sl_diags *diags, const char *base, sl_strlist *files, sl_node *node) {
  sl_err err = {0};
  uint32_t nth = 0;
  subst s = {.base = base, .files = files, .err = &err};
  if (is_whole(node->text)) node->flags |= SL_NODE_WHOLE;
  int rc = subst_text(arena, &s, node, &nth);
  if (rc) sl_diags_add(diags, place_of(diags, node, nth), &err);
  return rc == SL_ENOMEM ? rc : 0;
}

int sl_subst_tree(sl_arena *arena, sl_diags *diags, const char *base, sl_strlist *files, sl_node *root) {
  if (root->flags & SL_NODE_SEEN) return 0;
  root->flags |= SL_NODE_SEEN;
  int rc = 0;
  if (root->kind == SL_NODE_SCALAR) return subst_scalar(arena, diags, base, files, root);
  for (uint32_t i = 0; !rc && i < root->count; i++)
    rc = sl_subst_tree(arena, diags, base, files, root->kind == SL_NODE_MAP ? root->pairs[i].value : root->items[i]);
  return rc;
}
