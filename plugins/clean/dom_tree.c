/* SPDX-License-Identifier: Apache-2.0 */
/* Which element closes which: see dom.h for how this is simpler than in a browser. */
#include "dom_tree.h"

#include <string.h>
#include <strings.h>

/* Elements whose start tag closes an open p. */
static int closes_p(unsigned tag) {
  switch (tag) {
  case CLEAN_T_OPTION:
  case CLEAN_T_OPTGROUP:
  case CLEAN_T_SELECT:
  case CLEAN_T_CAPTION:
  case CLEAN_T_COLGROUP:
  case CLEAN_T_THEAD:
  case CLEAN_T_TBODY:
  case CLEAN_T_TFOOT:
  case CLEAN_T_TR:
  case CLEAN_T_TD:
  case CLEAN_T_TH:
  case CLEAN_T_LEGEND:
  case CLEAN_T_FRAME:
    return 0;
  default:
    return (clean_tag_flags[tag] & CLEAN_TF_BLOCK) != 0;
  }
}

static clean_node *node_at(const dom_tree *t, uint32_t level) { return &t->d->nodes[t->stack[level]]; }

static int live(const clean_node *e) { return !(e->flags & CLEAN_NF_CROSSED); }

/* ---- opening and closing --------------------------------------------------------------------------------------------
 */

static clean_node *add_node(dom_tree *t, unsigned kind, size_t start, size_t end) {
  clean_dom *d = t->d;
  void *p = d->nodes;
  if (t->rc) return NULL;
  if (d->n_nodes >= t->max_nodes) {
    t->rc = SL_ELIMIT;
    return NULL;
  }
  if (clean_grow(d->mem, &p, &d->cap_nodes, d->n_nodes, d->n_nodes + 1, sizeof(clean_node))) {
    t->rc = SL_ENOMEM;
    return NULL;
  }
  d->nodes = p;
  uint32_t i = (uint32_t)d->n_nodes++;
  unsigned flags =
      (t->noscript ? CLEAN_NF_NOSCRIPT : 0) | (t->template ? CLEAN_NF_TEMPLATE : 0) | (t->foreign ? CLEAN_NF_SVG : 0);
  d->nodes[i] = (clean_node){.start = (uint32_t)start,
                             .end = (uint32_t)end,
                             .inner = (uint32_t)end,
                             .parent = t->depth ? t->stack[t->depth - 1] : CLEAN_DOM_NONE,
                             .last = i,
                             .attr = (uint32_t)t->first_attr,
                             .kind = (uint8_t)kind,
                             .flags = (uint8_t)flags,
                             .depth = (uint16_t)t->depth};
  return &d->nodes[i];
}

static void count_open(dom_tree *t, unsigned tag, unsigned by) {
  t->open[tag] += by;
  if (tag == CLEAN_T_NOSCRIPT) t->noscript += by;
  if (tag == CLEAN_T_TEMPLATE) t->template += by;
  if (tag == CLEAN_T_SVG || tag == CLEAN_T_MATH) t->foreign += by;
}

/* Closes the elements from this level of the stack on; their bytes end at `end`. */
static void pop_to(dom_tree *t, uint32_t level, size_t end) {
  if (t->depth == CLEAN_DOM_DEPTH && level < t->depth) memset(t->cut, 0, sizeof t->cut);
  while (t->depth > level) {
    clean_node *e = node_at(t, --t->depth);
    e->last = (uint32_t)t->d->n_nodes - 1;
    if (!live(e)) continue;
    e->end = (uint32_t)end;
    count_open(t, e->tag, UINT32_MAX);
  }
}

/* The level of the nearest open element with this tag, above any with a stop flag; 0: there is none (the root is none).
 */
static uint32_t nearest(const dom_tree *t, unsigned tag, unsigned stop) {
  if (!t->open[tag]) return 0;
  for (uint32_t k = t->depth; k-- > 1;) {
    const clean_node *e = node_at(t, k);
    if (e->tag == tag && live(e)) return k;
    if (clean_tag_flags[e->tag] & stop) return 0;
  }
  return 0;
}

static void close_nearest(dom_tree *t, unsigned tag, unsigned stop, size_t end) {
  uint32_t k = nearest(t, tag, stop);
  if (k) pop_to(t, k, end);
}

/* Whether a block or the like is open above this level. */
static int crosses(const dom_tree *t, uint32_t level) {
  for (uint32_t k = t->depth; k-- > level + 1;) {
    if (clean_tag_flags[node_at(t, k)->tag] & (CLEAN_TF_BLOCK | CLEAN_TF_SCOPE)) return 1;
  }
  return 0;
}

/* Ends the element at this level, which may have open blocks in it: they stay. */
static void cross(dom_tree *t, uint32_t level, size_t end) {
  clean_node *e = node_at(t, level);
  if (!crosses(t, level)) {
    pop_to(t, level, end);
    return;
  }
  e->end = (uint32_t)end;
  e->flags |= CLEAN_NF_CROSSED;
  count_open(t, e->tag, UINT32_MAX);
}

void clean_tree_open(dom_tree *t) {
  if (!add_node(t, CLEAN_N_ROOT, 0, t->d->n)) return;
  t->d->nodes[0].inner = 0;
  t->stack[t->depth++] = 0;
  t->open[0]++;
}

void clean_tree_close(dom_tree *t) {
  if (t->depth) pop_to(t, 0, t->d->n);
}

/* ---- start tags -----------------------------------------------------------------------------------------------------
 */

/* An item closes the one before it in the same list. */
static void close_item(dom_tree *t, unsigned a, unsigned b, size_t end) {
  if (!t->open[a] && !t->open[b]) return;
  for (uint32_t k = t->depth; k-- > 1;) {
    const clean_node *e = node_at(t, k);
    if ((e->tag == a || e->tag == b) && live(e)) {
      pop_to(t, k, end);
      return;
    }
    int passed = e->tag == CLEAN_T_DIV || e->tag == CLEAN_T_P || e->tag == CLEAN_T_ADDRESS;
    if ((clean_tag_flags[e->tag] & (CLEAN_TF_BLOCK | CLEAN_TF_SCOPE)) && !passed) return;
  }
}

/* How far up a part of a table closes what is open: 1 row group, 2 row, 3 cell. */
static unsigned table_rank(unsigned tag) {
  switch (tag) {
  case CLEAN_T_CAPTION:
  case CLEAN_T_COLGROUP:
  case CLEAN_T_THEAD:
  case CLEAN_T_TBODY:
  case CLEAN_T_TFOOT:
    return 1;
  case CLEAN_T_TR:
    return 2;
  case CLEAN_T_TD:
  case CLEAN_T_TH:
    return 3;
  default:
    return 0;
  }
}

/* Closes the parts of the innermost table that end where a part of this rank begins. 0: no table is open. */
static int close_table_parts(dom_tree *t, unsigned rank, size_t end) {
  if (!t->open[CLEAN_T_TABLE]) return 0;
  uint32_t found = 0;
  for (uint32_t k = t->depth; k-- > 1;) {
    unsigned tag = node_at(t, k)->tag, r = table_rank(tag);
    if (tag == CLEAN_T_TEMPLATE) return 0;
    if (tag == CLEAN_T_TABLE) {
      if (found) pop_to(t, found, end);
      return 1;
    }
    if (r >= rank || tag == CLEAN_T_CAPTION || tag == CLEAN_T_COLGROUP) found = k;
  }
  return 0;
}

/* A table right in a table, not in a cell, ends the outer one. */
static void close_outer_table(dom_tree *t, size_t end) {
  if (!t->open[CLEAN_T_TABLE]) return;
  for (uint32_t k = t->depth; k-- > 1;) {
    unsigned tag = node_at(t, k)->tag;
    if (tag == CLEAN_T_TABLE) {
      pop_to(t, k, end);
      return;
    }
    if (clean_tag_flags[tag] & CLEAN_TF_SCOPE) return;
  }
}

/* html, head and body count once, and only where they belong. */
static int frame_tag_fits(dom_tree *t, unsigned tag) {
  if (tag == CLEAN_T_HTML) return t->depth == 1 && !t->open[tag];
  if (tag == CLEAN_T_HEAD) return !t->seen_head++ && !t->seen_body;
  if (t->seen_body) return 0;
  for (uint32_t k = 1; k < t->depth; k++) {
    if (node_at(t, k)->tag != CLEAN_T_HTML) return 0;
  }
  t->seen_body = 1;
  return 1;
}

/* What does not belong in the head ends it. */
static void leave_head(dom_tree *t, size_t end) {
  uint32_t k = t->open[CLEAN_T_HEAD] ? nearest(t, CLEAN_T_HEAD, 0) : 0;
  if (k && !t->template) pop_to(t, k, end);
}

static void leave_foreign(dom_tree *t, size_t end) {
  for (uint32_t k = 1; k < t->depth; k++) {
    unsigned tag = node_at(t, k)->tag;
    if (tag != CLEAN_T_SVG && tag != CLEAN_T_MATH) continue;
    if (!nearest(t, CLEAN_T_FOREIGNOBJECT, 0)) pop_to(t, k, end);
    return;
  }
}

/* Closes what ends where this element begins. 0: the tag is passed over. */
static int make_way(dom_tree *t, unsigned tag, size_t at) {
  unsigned flags = clean_tag_flags[tag];
  if (tag == CLEAN_T_HTML) return frame_tag_fits(t, tag);
  if (t->open[CLEAN_T_HEAD] && !(flags & CLEAN_TF_HEAD)) leave_head(t, at);
  if (t->foreign && (flags & CLEAN_TF_BLOCK)) leave_foreign(t, at);
  if (tag == CLEAN_T_HEAD || tag == CLEAN_T_BODY) return frame_tag_fits(t, tag);
  unsigned rank = table_rank(tag);
  if (rank) return close_table_parts(t, rank, at);
  if (closes_p(tag)) close_nearest(t, CLEAN_T_P, CLEAN_TF_SCOPE, at);
  if ((flags & CLEAN_TF_HEADING) && (clean_tag_flags[node_at(t, t->depth - 1)->tag] & CLEAN_TF_HEADING)) {
    pop_to(t, t->depth - 1, at);
  }
  switch (tag) {
  case CLEAN_T_LI:
    close_item(t, tag, tag, at);
    break;
  case CLEAN_T_DT:
  case CLEAN_T_DD:
    close_item(t, CLEAN_T_DT, CLEAN_T_DD, at);
    break;
  case CLEAN_T_TABLE:
    close_outer_table(t, at);
    break;
  case CLEAN_T_BUTTON:
  case CLEAN_T_OPTION:
    close_nearest(t, tag, CLEAN_TF_SCOPE, at);
    break;
  case CLEAN_T_OPTGROUP:
    close_nearest(t, CLEAN_T_OPTION, CLEAN_TF_SCOPE, at);
    close_nearest(t, tag, CLEAN_TF_SCOPE, at);
    break;
  case CLEAN_T_A: {
    uint32_t k = nearest(t, tag, CLEAN_TF_SCOPE);
    if (k) cross(t, k, at);
    break;
  }
  default:
    break;
  }
  return 1;
}

int clean_tree_start(dom_tree *t, const dom_tag *el) {
  if (t->rc || !make_way(t, el->tag, el->start)) return 0;
  clean_node *e = add_node(t, CLEAN_N_ELEMENT, el->start, el->inner);
  if (!e) return 0;
  uint32_t i = (uint32_t)t->d->n_nodes - 1;
  e->tag = (uint16_t)el->tag;
  e->n_attrs = (uint8_t)(t->d->n_attrs - t->first_attr);
  if (el->tag == CLEAN_T_SVG || el->tag == CLEAN_T_MATH) e->flags |= CLEAN_NF_SVG;
  if ((clean_tag_flags[el->tag] & CLEAN_TF_VOID) || (el->closed && (e->flags & CLEAN_NF_SVG))) return 1;
  if (t->depth == CLEAN_DOM_DEPTH) {
    e->depth_cut = 1;
    t->d->cut_depth++;
    t->cut[el->tag]++;
    return 1;
  }
  count_open(t, el->tag, 1);
  t->stack[t->depth++] = i;
  return 1;
}

/* ---- end tags -------------------------------------------------------------------------------------------------------
 */

/* An empty element where only an end tag stands. */
static void make_empty(dom_tree *t, const dom_tag *el) {
  t->first_attr = t->d->n_attrs;
  clean_node *e = add_node(t, CLEAN_N_ELEMENT, el->start, el->inner);
  if (!e) return;
  e->tag = (uint16_t)el->tag;
  e->flags |= CLEAN_NF_MADE;
}

/* Elements that are not known are told by their names. */
static void end_unknown(dom_tree *t, const dom_tag *el) {
  const char *s = t->d->s, *name = s + el->start + 2;
  if (t->open[CLEAN_T_UNKNOWN] < 2) return; /* the root counts as one */
  for (uint32_t k = t->depth; k-- > 1;) {
    const clean_node *e = node_at(t, k);
    if (clean_tag_flags[e->tag] & CLEAN_TF_SCOPE) return;
    if (e->tag != CLEAN_T_UNKNOWN || e->inner - e->start < el->name_len + 2) continue;
    char behind = s[e->start + 1 + el->name_len];
    int whole = behind == '>' || behind == '/' || behind == ' ' || (behind >= '\t' && behind <= '\r');
    if (!whole || strncasecmp(s + e->start + 1, name, el->name_len) != 0) continue;
    pop_to(t, k, el->inner);
    return;
  }
}

/* h2 ends with </h3>, too. */
static void end_heading(dom_tree *t, const dom_tag *el) {
  for (uint32_t k = t->depth; k-- > 1;) {
    unsigned flags = clean_tag_flags[node_at(t, k)->tag];
    if (flags & CLEAN_TF_HEADING) {
      pop_to(t, k, el->inner);
      return;
    }
    if (flags & CLEAN_TF_SCOPE) return;
  }
}

/* The end tag of a table or of one of its parts closes it in the innermost table only. */
static void end_table_part(dom_tree *t, const dom_tag *el) {
  if (!t->open[el->tag]) return;
  for (uint32_t k = t->depth; k-- > 1;) {
    unsigned tag = node_at(t, k)->tag;
    if (tag == el->tag) {
      pop_to(t, k, el->inner);
      return;
    }
    if (tag == CLEAN_T_TABLE || tag == CLEAN_T_TEMPLATE) return;
  }
}

static void end_known(dom_tree *t, const dom_tag *el) {
  unsigned flags = clean_tag_flags[el->tag];
  if (flags & CLEAN_TF_HEADING) {
    end_heading(t, el);
  } else if (table_rank(el->tag) || el->tag == CLEAN_T_TABLE) {
    end_table_part(t, el);
  } else if ((flags & CLEAN_TF_FORMAT) || el->tag == CLEAN_T_FORM || el->tag == CLEAN_T_SPAN) {
    uint32_t k = nearest(t, el->tag, el->tag == CLEAN_T_FORM ? 0 : CLEAN_TF_SCOPE);
    if (k) cross(t, k, el->inner);
  } else {
    close_nearest(t, el->tag, el->tag == CLEAN_T_TEMPLATE ? 0 : CLEAN_TF_SCOPE & ~flags, el->inner);
  }
}

void clean_tree_end(dom_tree *t, const dom_tag *el) {
  if (t->rc || el->tag == CLEAN_T_HTML || el->tag == CLEAN_T_BODY) return;
  if (t->depth == CLEAN_DOM_DEPTH && t->cut[el->tag]) {
    t->cut[el->tag]--;
    return;
  }
  if (el->tag == CLEAN_T_UNKNOWN) {
    end_unknown(t, el);
  } else if (el->tag == CLEAN_T_BR || (el->tag == CLEAN_T_P && !nearest(t, CLEAN_T_P, CLEAN_TF_SCOPE))) {
    make_empty(t, el);
  } else {
    end_known(t, el);
  }
}

/* ---- text -----------------------------------------------------------------------------------------------------------
 */

static int all_space(const char *s, size_t i, size_t end) {
  while (i < end && (s[i] == ' ' || (s[i] >= '\t' && s[i] <= '\r'))) i++;
  return i == end;
}

void clean_tree_leaf(dom_tree *t, unsigned kind, size_t start, size_t end) {
  const char *s = t->d->s;
  if (kind == CLEAN_N_TEXT && t->open[CLEAN_T_HEAD] && !all_space(s, start, end)) {
    /* Text in an element that the head may hold stays there. */
    if (node_at(t, t->depth - 1)->tag == CLEAN_T_HEAD) leave_head(t, start);
  }
  t->first_attr = t->d->n_attrs;
  clean_node *e = add_node(t, kind, start, end);
  if (!e || kind == CLEAN_N_COMMENT) return;
  if (memchr(s + start, '&', end - start)) e->flags |= CLEAN_NF_REFERENCE;
  if (kind == CLEAN_N_TEXT && memchr(s + start, '\0', end - start)) e->flags |= CLEAN_NF_NUL;
}
