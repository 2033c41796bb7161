/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts a page into tags, text and comments, and hands them to the tree: see dom.h. */
#include "dom_tree.h"

#include <string.h>
#include <strings.h>

void clean_dom_init(clean_dom *d, const clean_mem *mem) {
  memset(d, 0, sizeof *d);
  d->mem = mem;
}

void clean_dom_done(clean_dom *d) {
  d->mem->free(d->nodes);
  d->mem->free(d->attrs);
  clean_dom_init(d, d->mem);
}

void clean_dom_clear(clean_dom *d, size_t keep) {
  if (d->cap_nodes * sizeof(clean_node) + d->cap_attrs * sizeof(clean_attribute) > keep) clean_dom_done(d);
  d->n_nodes = d->n_attrs = 0;
  d->cut_depth = d->cut_attrs = 0;
  d->s = NULL;
  d->n = 0;
}

static int is_ws(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f'; }

static int is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/* What may end a name in a tag. */
static int ends_name(char c) { return is_ws(c) || c == '/' || c == '>'; }

static size_t find(const char *s, size_t n, size_t i, const char *what, size_t m) {
  const char *hit = i < n ? memmem(s + i, n - i, what, m) : NULL;
  return hit ? (size_t)(hit - s) : n;
}

static size_t find_char(const char *s, size_t n, size_t i, char c) {
  const char *hit = i < n ? memchr(s + i, c, n - i) : NULL;
  return hit ? (size_t)(hit - s) : n;
}

/* ---- tags -----------------------------------------------------------------------------------------------------------
 */

static void add_attribute(dom_tree *t, const clean_attribute *a) {
  clean_dom *d = t->d;
  if (d->n_attrs - t->first_attr >= CLEAN_DOM_ATTRS) {
    d->cut_attrs++;
    return;
  }
  void *p = d->attrs;
  if (clean_grow(d->mem, &p, &d->cap_attrs, d->n_attrs, d->n_attrs + 1, sizeof(clean_attribute))) {
    t->rc = SL_ENOMEM;
    return;
  }
  d->attrs = p;
  d->attrs[d->n_attrs++] = *a;
}

/* The value at s[i], behind '='. Returns where reading goes on. */
static size_t read_value(const char *s, size_t n, size_t i, clean_attribute *a) {
  while (i < n && is_ws(s[i])) i++;
  if (i < n && (s[i] == '"' || s[i] == '\'')) {
    size_t end = find_char(s, n, i + 1, s[i]);
    a->value = (uint32_t)(i + 1);
    a->value_len = (uint32_t)(end - i - 1);
    return end < n ? end + 1 : n;
  }
  size_t from = i;
  while (i < n && !is_ws(s[i]) && s[i] != '>') i++;
  a->value = (uint32_t)from;
  a->value_len = (uint32_t)(i - from);
  return i;
}

/* The attributes from s[i] on, up to and with '>'. Returns what stands behind it, or n + 1 when the page ends before.
 */
static size_t read_attributes(dom_tree *t, size_t i, int keep, int *ret_closed) {
  const char *s = t->d->s;
  size_t n = t->d->n;
  *ret_closed = 0;
  for (;;) {
    while (i < n && (is_ws(s[i]) || s[i] == '/')) {
      *ret_closed = s[i] == '/';
      i++;
    }
    if (i >= n) return n + 1;
    if (s[i] == '>') return i + 1;
    *ret_closed = 0;
    size_t from = i++;
    while (i < n && !ends_name(s[i]) && s[i] != '=') i++;
    clean_attribute a = {.name = (uint32_t)from, .value = (uint32_t)i};
    size_t len = i - from;
    a.name_len = (uint16_t)(len < UINT16_MAX ? len : UINT16_MAX);
    while (i < n && is_ws(s[i])) i++;
    if (i < n && s[i] == '=') i = read_value(s, n, i + 1, &a);
    if (!keep) continue;
    a.id = (uint16_t)clean_attr_find(s + from, len);
    add_attribute(t, &a);
  }
}

/* Whether the end tag of the raw element stands at s[i] == '<'. */
static int ends_raw(const char *s, size_t n, size_t i, const char *name, size_t m) {
  return n - i > m + 2 && s[i + 1] == '/' && strncasecmp(s + i + 2, name, m) == 0 && ends_name(s[i + 2 + m]);
}

static size_t end_of_raw(const char *s, size_t n, size_t i, const char *name, size_t m) {
  for (; (i = find_char(s, n, i, '<')) < n; i++) {
    if (ends_raw(s, n, i, name, m)) return i;
  }
  return n;
}

/* Inside a comment in a script a pair of script tags does not end it. From the comment at i on; n: it never ends. */
static size_t end_behind_comment(const char *s, size_t n, size_t i) {
  int comment = 0, inner = 0;
  for (; i < n; i++) {
    if (comment && s[i] == '-' && n - i >= 3 && memcmp(s + i, "-->", 3) == 0) comment = inner = 0;
    if (s[i] != '<') continue;
    if (!comment && n - i >= 4 && memcmp(s + i, "<!--", 4) == 0) {
      comment = 1;
      i++;
    } else if (ends_raw(s, n, i, "script", 6)) {
      if (!inner) return i;
      inner = 0;
    } else if (comment && n - i > 7 && strncasecmp(s + i + 1, "script", 6) == 0 && ends_name(s[i + 7])) {
      inner = 1;
    }
  }
  return n;
}

static size_t end_of_script(dom_tree *t, size_t from) {
  const char *s = t->d->s;
  size_t n = t->d->n, open = n, end = from;
  for (; (end = find_char(s, n, end, '<')) < n && !ends_raw(s, n, end, "script", 6); end++) {
    if (open == n && n - end >= 4 && memcmp(s + end, "<!--", 4) == 0) open = end;
  }
  if (open == n || t->script_runs_on) return end;
  size_t behind = end_behind_comment(s, n, open);
  if (behind < n) return behind;
  t->script_runs_on = 1; /* the rest of the page is not given up, nor searched again */
  return end;
}

/* The content of the raw element that just began at byte i. Returns where it ends. */
static size_t read_raw(dom_tree *t, size_t i, unsigned tag) {
  const char *s = t->d->s, *name = clean_tag_names[tag];
  size_t n = t->d->n, end;
  if (tag == CLEAN_T_PLAINTEXT) {
    end = n;
  } else {
    end = tag == CLEAN_T_SCRIPT ? end_of_script(t, i) : end_of_raw(s, n, i, name, strlen(name));
  }
  if (end > i) clean_tree_leaf(t, CLEAN_N_RAW, i, end);
  return end;
}

static size_t read_start_tag(dom_tree *t, size_t i) {
  const char *s = t->d->s;
  size_t n = t->d->n, from = i + 1, k = from;
  while (k < n && !ends_name(s[k])) k++;
  unsigned tag = clean_tag_find(s + from, k - from);
  int closed;
  t->first_attr = t->d->n_attrs;
  size_t behind = read_attributes(t, k, 1, &closed);
  if (behind > n) {
    t->d->n_attrs = t->first_attr;
    return n;
  }
  dom_tag el = {.start = i, .inner = behind, .name_len = k - from, .tag = tag, .closed = closed};
  if (!clean_tree_start(t, &el)) {
    t->d->n_attrs = t->first_attr;
    return behind;
  }
  unsigned flags = clean_tag_flags[tag];
  int foreign = t->foreign && tag == CLEAN_T_TITLE;
  if (!(flags & (CLEAN_TF_RAW | CLEAN_TF_RCDATA)) || foreign || (closed && t->foreign)) return behind;
  return read_raw(t, behind, tag);
}

static size_t read_end_tag(dom_tree *t, size_t i) {
  const char *s = t->d->s;
  size_t n = t->d->n, from = i + 2, k = from;
  int closed;
  while (k < n && !ends_name(s[k])) k++;
  size_t behind = read_attributes(t, k, 0, &closed);
  if (behind > n) return n;
  dom_tag el = {.start = i, .inner = behind, .name_len = k - from, .tag = clean_tag_find(s + from, k - from)};
  clean_tree_end(t, &el);
  return behind;
}

/* ---- comments and the like ------------------------------------------------------------------------------------------
 */

/* Behind "<!--" at i. Returns where reading goes on; *ret_end: where the comment's text ends. */
static size_t comment_end(const char *s, size_t n, size_t i, size_t *ret_end) {
  *ret_end = i;
  if (i < n && s[i] == '>') return i + 1;
  if (n - i >= 2 && s[i] == '-' && s[i + 1] == '>') return i + 2;
  for (size_t k = i; (k = find(s, n, k, "--", 2)) < n; k++) {
    int bang = k + 3 < n && s[k + 2] == '!' && s[k + 3] == '>';
    if (!bang && !(k + 2 < n && s[k + 2] == '>')) continue;
    *ret_end = k;
    return k + (bang ? 4 : 3);
  }
  *ret_end = n;
  return n;
}

/* "<!", "<?" or "</" before what is no name, at i. */
static size_t read_other(dom_tree *t, size_t i) {
  const char *s = t->d->s;
  size_t n = t->d->n, end;
  if (n - i >= 4 && memcmp(s + i, "<!--", 4) == 0) {
    size_t behind = comment_end(s, n, i + 4, &end);
    clean_tree_leaf(t, CLEAN_N_COMMENT, i + 4, end);
    return behind;
  }
  if (t->foreign && n - i >= 9 && memcmp(s + i, "<![CDATA[", 9) == 0) {
    end = find(s, n, i + 9, "]]>", 3);
    if (end > i + 9) clean_tree_leaf(t, CLEAN_N_RAW, i + 9, end);
    return end < n ? end + 3 : n;
  }
  end = find_char(s, n, i, '>');
  return end < n ? end + 1 : n;
}

/* Whether s[i] == '<' begins markup. */
static int is_markup(const char *s, size_t n, size_t i) {
  if (i + 1 >= n) return 0;
  char c = s[i + 1];
  return is_letter(c) || c == '!' || c == '?' || (c == '/' && i + 2 < n);
}

/* The text from i on. Returns where the next markup begins. */
static size_t read_text(dom_tree *t, size_t i) {
  const char *s = t->d->s;
  size_t n = t->d->n, end = i;
  while ((end = find_char(s, n, end, '<')) < n && !is_markup(s, n, end)) end++;
  if (end > i) clean_tree_leaf(t, CLEAN_N_TEXT, i, end);
  return end;
}

int clean_dom_parse(clean_dom *d, const char *s, size_t n, size_t max_nodes) {
  clean_dom_clear(d, SIZE_MAX);
  if (n >= UINT32_MAX - 1) return SL_ELIMIT;
  d->s = s;
  d->n = n;
  dom_tree t = {.d = d, .max_nodes = max_nodes ? max_nodes : SIZE_MAX};
  clean_tree_open(&t);
  for (size_t i = 0; i < n && t.rc == SL_OK;) {
    if (s[i] != '<' || !is_markup(s, n, i)) {
      i = read_text(&t, i);
    } else if (is_letter(s[i + 1])) {
      i = read_start_tag(&t, i);
    } else if (s[i + 1] == '/' && is_letter(s[i + 2])) {
      i = read_end_tag(&t, i);
    } else {
      i = read_other(&t, i);
    }
  }
  clean_tree_close(&t);
  if (t.rc) clean_dom_clear(d, SIZE_MAX);
  return t.rc;
}
