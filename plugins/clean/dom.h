/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A page as flat arrays: nodes in the order of the page, attributes, the bytes they came from.
 *
 * Written for finding an article, not for rendering. Every byte of text keeps its place: a text node is a span of the
 * page, and character references are decoded when somebody asks. Tokens are cut as HTML says (script, style, title and
 * textarea hold raw text, comments and attributes in all their broken forms, references with all names). The tree is
 * simpler: elements never move, so that a node's subtree is the run of nodes [i, last] and lies in one run of bytes.
 *   - What must not stand inside each other closes by itself: p, li, dt and dd, table parts, options, headings.
 *   - An end tag closes its nearest open element, within the table cell or the like it stands in; one that fits none is
 *     passed over; </p> and </br> alone make an empty element, as they break lines.
 *   - Crossed tags (<b><p></b></p>): b ends at its end tag as `end` says, its subtree goes on to where the tree allows.
 *     To know whether text is inside a link ask clean_dom_inside, not the parents alone.
 *   - Text that HTML moves in front of a table stays where it was written.
 *   - html, head and body are not made up where the page has none.
 * Time and memory are linear in the page whatever stands in it: elements deeper than CLEAN_DOM_DEPTH become siblings,
 * attributes above CLEAN_DOM_ATTRS of a tag are left out, and both are counted. There are at most as many nodes as
 * bytes.
 */
#ifndef CLEAN_DOM_H
#define CLEAN_DOM_H

#include "buf.h"
#include "charset.h"
#include "dom_names.h"

#define CLEAN_DOM_DEPTH 512u
#define CLEAN_DOM_ATTRS 64u
#define CLEAN_DOM_NONE UINT32_MAX

#define CLEAN_N_ROOT 0 /* node 0: the page, parent of all */
#define CLEAN_N_ELEMENT 1
#define CLEAN_N_TEXT 2    /* outside of raw elements; may be all white space */
#define CLEAN_N_RAW 3     /* content of script, style, and the like; references are not decoded */
#define CLEAN_N_COMMENT 4 /* [start, end) is what stands between its marks */

#define CLEAN_NF_NOSCRIPT 1u   /* stands inside noscript */
#define CLEAN_NF_TEMPLATE 2u   /* stands inside template: never shown */
#define CLEAN_NF_SVG 4u        /* stands inside svg or math */
#define CLEAN_NF_CROSSED 8u    /* its end tag came before the end of what stands in it */
#define CLEAN_NF_REFERENCE 16u /* text with a '&' */
#define CLEAN_NF_NUL 32u       /* text with a NUL, which is read as U+FFFD */
#define CLEAN_NF_MADE 64u      /* there is no such start tag: </p>, </br> */

typedef struct clean_node {
  uint32_t start, end; /* bytes of the page. Element: from '<' of its start tag to behind its end tag, or to where it
                          was closed. Text: all of it */
  uint32_t inner;      /* element: behind '>' of its start tag */
  uint32_t parent;     /* index; CLEAN_DOM_NONE for the root */
  uint32_t last;       /* index of the last node of its subtree; itself when it is empty */
  uint32_t attr;       /* index of its first attribute */
  uint16_t tag;        /* CLEAN_T_…; 0: a name that is not known. Text: 0 */
  uint8_t n_attrs;
  uint8_t kind;      /* CLEAN_N_… */
  uint8_t flags;     /* CLEAN_NF_… */
  uint8_t depth_cut; /* 1: stood deeper than CLEAN_DOM_DEPTH */
  uint16_t depth;
} clean_node;

typedef struct clean_attribute {
  uint32_t name, value; /* where they start in the page */
  uint32_t value_len;   /* raw: references are not decoded */
  uint16_t name_len;
  uint16_t id; /* CLEAN_A_…; 0: a name that is not known */
} clean_attribute;

typedef struct clean_dom {
  const clean_mem *mem;
  const char *s; /* [borrow] the page */
  size_t n;
  clean_node *nodes;
  size_t n_nodes, cap_nodes;
  clean_attribute *attrs;
  size_t n_attrs, cap_attrs;
  uint32_t cut_depth, cut_attrs; /* elements that stood too deep, attributes left out */
} clean_dom;

void clean_dom_init(clean_dom *d, const clean_mem *mem);
void clean_dom_done(clean_dom *d);
/* Forgets the page; gives memory back where it is more than keep bytes. */
void clean_dom_clear(clean_dom *d, size_t keep);

/* s: valid UTF-8, below 4 GiB, and must stay while d is used. Returns 0, SL_ELIMIT (more than max_nodes nodes; 0: no
 * limit) or SL_ENOMEM; d is then empty. Never fails otherwise. */
int clean_dom_parse(clean_dom *d, const char *s, size_t n, size_t max_nodes);

/* ---- walking --------------------------------------------------------------------------------------------------------
 */

static inline uint32_t clean_dom_first(const clean_dom *d, uint32_t i) {
  return d->nodes[i].last > i ? i + 1 : CLEAN_DOM_NONE;
}
static inline uint32_t clean_dom_next(const clean_dom *d, uint32_t i) {
  uint32_t up = d->nodes[i].parent, k = d->nodes[i].last + 1;
  return up != CLEAN_DOM_NONE && k <= d->nodes[up].last ? k : CLEAN_DOM_NONE;
}
static inline int clean_dom_is(const clean_dom *d, uint32_t i, unsigned tag) {
  return d->nodes[i].kind == CLEAN_N_ELEMENT && d->nodes[i].tag == tag;
}
/* Whether node k stands in the element i, crossed tags regarded. */
static inline int clean_dom_inside(const clean_dom *d, uint32_t k, uint32_t i) {
  return k > i && k <= d->nodes[i].last && d->nodes[k].start < d->nodes[i].end;
}

/* ---- attributes -----------------------------------------------------------------------------------------------------
 */

/* The attribute with this id, or NULL. */
const clean_attribute *clean_dom_attr(const clean_dom *d, uint32_t node, unsigned id);
/* Its value with references decoded, cut at cap - 1 bytes (never inside a character), ended by NUL. Returns its bytes;
 * 0 and
 * "" when there is no such attribute. */
size_t clean_dom_value(const clean_dom *d, uint32_t node, unsigned id, char *ret, size_t cap);
/* Whether the value is this word, ASCII case not regarded. */
int clean_dom_value_is(const clean_dom *d, uint32_t node, unsigned id, const char *word);

/* ---- text -----------------------------------------------------------------------------------------------------------
 */

/* One character of text or attribute value at byte *i < end, references decoded and NUL as U+FFFD; moves *i. A
 * reference that stands for two characters gives the first; *ret_second (may be NULL) the other, else 0. in_value: as
 * in an attribute, where a name without ';' before '=' or a letter is no reference. */
uint32_t clean_dom_char(const char *s, size_t end, size_t *i, int in_value, uint32_t *ret_second);

/* Appends the bytes [start, end) of the page as text: references decoded and NUL replaced, each with its way back
 * through `in`, which is a view of the page (in->s == d->s). White space stays as it is. */
void clean_dom_text(clean_view *in, size_t start, size_t end, clean_buf *out);

/* The text of a whole subtree, raw elements left out, white space runs as one space, none at the ends; cut at cap - 1
 * bytes and ended by NUL. Returns its bytes. */
size_t clean_dom_flat(const clean_dom *d, uint32_t node, char *ret, size_t cap);

/* The content of a raw element (script, style, title, textarea): *ret [borrow] and its bytes; 0 when it is empty. title
 * and textarea may hold references. */
size_t clean_dom_raw(const clean_dom *d, uint32_t node, const char **ret);

#endif
