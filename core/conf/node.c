/* SPDX-License-Identifier: Apache-2.0 */
/* A YAML document as a tree in which every node knows its file, line and column. */
#include "conf/node.h"

#include <string.h>

#include <cjson/cJSON.h>
#include <yaml.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "doc/codec.h"

typedef struct builder {
  yaml_parser_t parser;
  sl_arena *arena;
  sl_diags *diags;
  const char *file;
  sl_map *anchors; /* name -> node; NULL while the node is being built */
  uint32_t count;
  int failed; /* reported already */
} builder;

/* A growing list while a collection is built; what it points to lives in the arena. */
typedef struct vec {
  sl_node **items;
  uint32_t n, cap;
} vec;

static sl_pos pos_of(const builder *b, yaml_mark_t mark) {
  return (sl_pos){.file = b->file, .line = (uint32_t)mark.line + 1, .col = (uint32_t)mark.column + 1};
}

static sl_node *nomem(builder *b) {
  b->failed = 1;
  sl_diags_nomem(b->diags);
  return NULL;
}

static sl_node *refuse(builder *b, sl_pos pos, int code, const char *message, const char *hint) {
  b->failed = 1;
  sl_diags_error(b->diags, pos, code, "%s", message);
  if (hint) sl_diags_hint(b->diags, "%s", hint);
  return NULL;
}

/* ---- errors of libyaml ---- */

static const char *syntax_hint(const builder *b, const char *problem, sl_pos pos) {
  size_t len = 0;
  const char *text = sl_diags_line(b->diags, b->file, pos.line, &len);
  if (text && memchr(text, '\t', len < pos.col ? len : pos.col))
    return "indent with spaces; YAML does not allow tabs there";
  if (strstr(problem, "mapping values are not allowed"))
    return "a text with `: ` in it must be quoted; or the line is indented too far";
  if (strstr(problem, "cannot start any token")) return "quote a text that begins with a special character";
  if (strstr(problem, "expected key") || strstr(problem, "expected '-' indicator"))
    return "check the indentation of this line and of those above it";
  if (strstr(problem, "unexpected end of stream")) return "the quote that begins here is never closed";
  if (strstr(problem, "undefined alias")) return "quote a text that begins with `*`";
  return NULL;
}

static void syntax_error(builder *b) {
  const yaml_parser_t *p = &b->parser;
  b->failed = 1;
  if (p->error == YAML_MEMORY_ERROR) {
    sl_diags_nomem(b->diags);
    return;
  }
  const char *problem = p->problem ? p->problem : "unknown problem";
  /* An open quote is found at the end of the file only: the place to show is where it was opened. */
  int open_quote = p->context && strstr(problem, "unexpected end of stream");
  sl_pos pos = pos_of(b, open_quote ? p->context_mark : p->problem_mark);
  if (p->error == YAML_READER_ERROR) {
    size_t len = 0;
    const char *text = sl_diags_source_text(b->diags, b->file, &len);
    if (text) sl_utf8_place(text, len, p->problem_offset < len ? p->problem_offset : len, &pos.line, &pos.col);
    sl_diags_error(b->diags, pos, SL_EPARSE, "not YAML: %s (U+%04X)", problem, (unsigned)p->problem_value);
    return;
  }
  sl_diags_error(b->diags, pos, SL_EPARSE, "not YAML: %s%s%s", problem, p->context ? " " : "",
                 p->context ? p->context : "");
  const char *hint = syntax_hint(b, problem, pos);
  if (hint) sl_diags_hint(b->diags, "%s", hint);
}

/* 0, or -1 when the error was reported. */
static int next_event(builder *b, yaml_event_t *event) {
  if (yaml_parser_parse(&b->parser, event)) return 0;
  syntax_error(b);
  return -1;
}

/* ---- building ---- */

static sl_node *new_node(builder *b, uint32_t kind, yaml_mark_t start, yaml_mark_t end) {
  sl_node *n = sl_arena_alloc(b->arena, sizeof *n);
  if (!n) return nomem(b);
  n->kind = kind;
  n->weight = 1;
  n->pos = pos_of(b, start);
  n->end_line = (uint32_t)end.line + 1;
  n->end_col = (uint32_t)end.column + 1;
  return n;
}

static int count_nodes(builder *b, uint32_t more, sl_pos pos) {
  if (more <= SL_NODE_MAX_COUNT && b->count + more <= SL_NODE_MAX_COUNT) {
    b->count += more;
    return 0;
  }
  b->failed = 1;
  sl_diags_error(b->diags, pos, SL_ELIMIT,
                 "too many values: a pipeline file may hold %u, aliases counted as often as used", SL_NODE_MAX_COUNT);
  return -1;
}

static int set_anchor(builder *b, const yaml_char_t *anchor, sl_node *node) {
  if (!anchor) return 0;
  if (!b->anchors && !(b->anchors = sl_map_new(NULL))) return nomem(b), -1;
  if (sl_map_set(b->anchors, (const char *)anchor, node)) return nomem(b), -1;
  return 0;
}

static int push(builder *b, vec *v, sl_node *node) {
  if (v->n == v->cap) {
    uint32_t cap = v->cap ? v->cap * 2 : 8;
    sl_node **items = sl_mem_realloc(v->items, cap * sizeof(void *));
    if (!items) return nomem(b), -1;
    v->items = items;
    v->cap = cap;
  }
  v->items[v->n++] = node;
  return 0;
}

static int check_tag(builder *b, const yaml_char_t *tag, yaml_mark_t mark, uint32_t *flags) {
  static const char prefix[] = "tag:yaml.org,2002:";
  static const char *const core[] = {"str", "int", "float", "bool", "null", "seq", "map"};
  if (!tag || strcmp((const char *)tag, "!") == 0) {
    if (tag) *flags |= SL_NODE_QUOTED;
    return 0;
  }
  const char *name = (const char *)tag;
  if (strncmp(name, prefix, sizeof prefix - 1) == 0) {
    name += sizeof prefix - 1;
    for (size_t i = 0; i < sizeof core / sizeof *core; i++) {
      if (strcmp(name, core[i]) != 0) continue;
      if (i == 0) *flags |= SL_NODE_QUOTED;
      return 0;
    }
  }
  b->failed = 1;
  sl_diags_error(b->diags, pos_of(b, mark), SL_EPARSE, "unknown tag `%.80s`", (const char *)tag);
  sl_diags_hint(b->diags, "leave it out; quote a text that begins with `!`");
  return -1;
}

static sl_node *build(builder *b, yaml_event_t *event, uint32_t depth);

static sl_node *build_scalar(builder *b, const yaml_event_t *e) {
  sl_node *n = new_node(b, SL_NODE_SCALAR, e->start_mark, e->end_mark);
  if (!n || count_nodes(b, 1, n->pos)) return NULL;
  if (e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) n->flags |= SL_NODE_QUOTED;
  if (check_tag(b, e->data.scalar.tag, e->start_mark, &n->flags)) return NULL;
  const char *text = (const char *)e->data.scalar.value;
  size_t len = e->data.scalar.length;
  if (memchr(text, 0, len)) return refuse(b, n->pos, SL_EPARSE, "a text may not hold the character U+0000", NULL);
  if (!(n->text = sl_arena_strndup(b->arena, text, len))) return nomem(b);
  return set_anchor(b, e->data.scalar.anchor, n) ? NULL : n;
}

static sl_node *build_alias(builder *b, const yaml_event_t *e) {
  const char *name = (const char *)e->data.alias.anchor;
  sl_pos pos = pos_of(b, e->start_mark);
  if (!b->anchors || !sl_map_has(b->anchors, name)) {
    b->failed = 1;
    sl_diags_error(b->diags, pos, SL_EPARSE, "unknown alias `*%.80s`", name);
    sl_diags_hint(b->diags, "`&%.80s` must stand above it; quote a text that begins with `*`", name);
    return NULL;
  }
  sl_node *n = sl_map_get(b->anchors, name);
  if (!n) return refuse(b, pos, SL_EPARSE, "an alias inside its own anchor would never end", NULL);
  return count_nodes(b, n->weight, pos) ? NULL : n;
}

/* Events up to `end` as nodes: the items of a list, or keys and values in turn. */
static int build_items(builder *b, yaml_event_type_t end, uint32_t depth, vec *v, yaml_mark_t *ret_end) {
  for (;;) {
    yaml_event_t event;
    if (next_event(b, &event)) return -1;
    if (event.type == end) {
      *ret_end = event.end_mark;
      yaml_event_delete(&event);
      return 0;
    }
    sl_node *item = build(b, &event, depth + 1);
    if (!item || push(b, v, item)) return -1;
  }
}

static int check_key(builder *b, sl_map *seen, sl_node *key) {
  if (key->kind != SL_NODE_SCALAR) {
    refuse(b, key->pos, SL_EPARSE, "a key must be a text, not a list or map", NULL);
    return -1;
  }
  if (strcmp(key->text, "<<") == 0 && !(key->flags & SL_NODE_QUOTED)) {
    refuse(b, key->pos, SL_EUNSUP, "merge keys (`<<`) are not supported",
           "put what stages share under `defaults:`, or use an alias for a whole value");
    return -1;
  }
  const sl_node *first = sl_map_get(seen, key->text);
  if (first) {
    /* Parsing goes on: later errors are worth showing, too. */
    sl_diags_error(b->diags, key->pos, SL_EPARSE, "the key `%.80s` is here twice", key->text);
    sl_diags_hint(b->diags, "the first stands in line %u", first->pos.line);
    return 0;
  }
  if (sl_map_set(seen, key->text, key)) return nomem(b), -1;
  return 0;
}

static int fill_map(builder *b, sl_node *n, const vec *v) {
  n->pairs = sl_arena_array(b->arena, v->n / 2, sizeof *n->pairs);
  sl_map *seen = n->pairs ? sl_map_new(NULL) : NULL;
  if (!seen) return nomem(b), -1;
  int rc = 0;
  for (uint32_t i = 0; !rc && i + 1 < v->n; i += 2) {
    rc = check_key(b, seen, v->items[i]);
    n->pairs[n->count++] = (sl_pair){.key = v->items[i], .value = v->items[i + 1]};
    n->weight += v->items[i]->weight + v->items[i + 1]->weight;
  }
  sl_map_free(seen);
  return rc;
}

static int fill_list(builder *b, sl_node *n, const vec *v) {
  n->items = sl_arena_array(b->arena, v->n, sizeof(void *));
  if (!n->items) return nomem(b), -1;
  for (uint32_t i = 0; i < v->n; i++) {
    n->items[n->count++] = v->items[i];
    n->weight += v->items[i]->weight;
  }
  return 0;
}

static sl_node *build_collection(builder *b, const yaml_event_t *e, uint32_t depth) {
  int is_map = e->type == YAML_MAPPING_START_EVENT;
  const yaml_char_t *anchor = is_map ? e->data.mapping_start.anchor : e->data.sequence_start.anchor;
  const yaml_char_t *tag = is_map ? e->data.mapping_start.tag : e->data.sequence_start.tag;
  sl_node *n = new_node(b, is_map ? SL_NODE_MAP : SL_NODE_LIST, e->start_mark, e->end_mark);
  if (!n || count_nodes(b, 1, n->pos) || check_tag(b, tag, e->start_mark, &n->flags)) return NULL;
  if (depth >= SL_NODE_MAX_DEPTH) return refuse(b, n->pos, SL_ELIMIT, "nested too deep: 64 levels are allowed", NULL);
  if (set_anchor(b, anchor, NULL)) return NULL;
  vec v = {0};
  yaml_mark_t end = e->end_mark;
  int rc = build_items(b, is_map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT, depth, &v, &end);
  if (!rc) rc = is_map ? fill_map(b, n, &v) : fill_list(b, n, &v);
  sl_mem_free(v.items);
  if (rc || set_anchor(b, anchor, n)) return NULL;
  n->end_line = (uint32_t)end.line + 1;
  n->end_col = (uint32_t)end.column + 1;
  return n;
}

/* The node that begins with the event; the event is deleted. */
static sl_node *build(builder *b, yaml_event_t *event, uint32_t depth) {
  sl_node *n = NULL;
  switch (event->type) {
  case YAML_SCALAR_EVENT:
    n = build_scalar(b, event);
    break;
  case YAML_ALIAS_EVENT:
    n = build_alias(b, event);
    break;
  case YAML_SEQUENCE_START_EVENT:
  case YAML_MAPPING_START_EVENT:
    n = build_collection(b, event, depth);
    break;
  default:
    refuse(b, pos_of(b, event->start_mark), SL_EBUG, "unexpected event of libyaml", NULL);
  }
  yaml_event_delete(event);
  return n;
}

/* Skips the events that open the stream and the document. Returns 1 with the root's event, 0 for an empty file, or -1.
 */
static int first_event(builder *b, yaml_event_t *event) {
  for (;;) {
    if (next_event(b, event)) return -1;
    if (event->type == YAML_STREAM_END_EVENT) {
      yaml_event_delete(event);
      return 0;
    }
    if (event->type != YAML_STREAM_START_EVENT && event->type != YAML_DOCUMENT_START_EVENT) return 1;
    yaml_event_delete(event);
  }
}

static void check_rest(builder *b) {
  for (int done = 0; !done;) {
    yaml_event_t event;
    if (next_event(b, &event)) return;
    if (event.type == YAML_DOCUMENT_START_EVENT) {
      refuse(b, pos_of(b, event.start_mark), SL_EPARSE, "a second document begins here; a file holds one pipeline",
             "remove the `---`, or make it a file of its own");
      done = 1;
    }
    done |= event.type == YAML_STREAM_END_EVENT;
    yaml_event_delete(&event);
  }
}

static int check_bytes(sl_diags *diags, const char *file, const char *text, size_t len) {
  sl_pos pos = {.file = file, .line = 1, .col = 1};
  if (len > SL_NODE_MAX_BYTES) {
    pos.line = 0;
    sl_diags_error(diags, pos, SL_ELIMIT, "the file has %zu bytes; a pipeline file may have %zu", len,
                   SL_NODE_MAX_BYTES);
    return -1;
  }
  if (len >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0)) {
    pos.line = 0;
    sl_diags_error(diags, pos, SL_EENCODING, "the file is in UTF-16; a pipeline file must be in UTF-8");
    sl_diags_hint(diags, "save it as UTF-8, or convert it: iconv -f UTF-16 -t UTF-8");
    return -1;
  }
  size_t bad = 0;
  if (!sl_utf8_valid(text, len, &bad)) {
    sl_utf8_place(text, len, bad, &pos.line, &pos.col);
    sl_diags_error(diags, pos, SL_EENCODING, "not UTF-8: the byte 0x%02X at offset %zu", (unsigned char)text[bad], bad);
    sl_diags_hint(diags, "save the file as UTF-8");
    return -1;
  }
  return 0;
}

sl_node *sl_node_parse(sl_arena *arena, sl_diags *diags, const char *file, const char *text, size_t len) {
  if (check_bytes(diags, file, text, len)) return NULL;
  builder b = {.arena = arena, .diags = diags, .file = file};
  if (!yaml_parser_initialize(&b.parser)) {
    sl_diags_nomem(diags);
    return NULL;
  }
  yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&b.parser, (const unsigned char *)text, len);
  uint32_t errors = sl_diags_errors(diags);
  yaml_event_t event;
  sl_node *root = NULL;
  int rc = first_event(&b, &event);
  if (rc > 0) root = build(&b, &event, 0);
  if (rc == 0) root = new_node(&b, SL_NODE_MAP, (yaml_mark_t){0}, (yaml_mark_t){0});
  if (root && rc > 0) check_rest(&b);
  yaml_parser_delete(&b.parser);
  sl_map_free(b.anchors);
  return b.failed || sl_diags_errors(diags) > errors ? NULL : root;
}

/* ---- reading ---- */

sl_node *sl_node_scalar(sl_arena *arena, sl_pos pos, const char *text, uint32_t flags) {
  sl_node *n = sl_arena_alloc(arena, sizeof *n);
  if (!n || !(n->text = sl_arena_strdup(arena, text))) return NULL;
  n->kind = SL_NODE_SCALAR;
  n->flags = flags;
  n->weight = 1;
  n->pos = pos;
  n->end_line = pos.line;
  n->end_col = pos.col + (uint32_t)sl_utf8_count(text, strlen(text));
  return n;
}

const sl_pair *sl_node_pair(const sl_node *node, const char *key) {
  if (!node || node->kind != SL_NODE_MAP) return NULL;
  for (uint32_t i = 0; i < node->count; i++)
    if (strcmp(node->pairs[i].key->text, key) == 0) return &node->pairs[i];
  return NULL;
}

sl_node *sl_node_get(const sl_node *node, const char *key) {
  const sl_pair *pair = sl_node_pair(node, key);
  return pair ? pair->value : NULL;
}

int sl_node_is_null(const sl_node *node) {
  if (node->kind != SL_NODE_SCALAR || (node->flags & (SL_NODE_QUOTED | SL_NODE_SUBST))) return 0;
  return !*node->text || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0;
}

/* Decodes one token of a JSON pointer; tokens longer than the buffer name nothing here. */
static const char *next_token(const char *p, char *token, size_t cap) {
  size_t n = 0;
  for (p++; *p && *p != '/'; p++) {
    char c = *p;
    if (c == '~' && (p[1] == '0' || p[1] == '1')) c = *++p == '0' ? '~' : '/';
    if (n + 1 < cap) token[n++] = c;
  }
  token[n] = 0;
  return p;
}

static const sl_node *child(const sl_node *node, const char *token) {
  if (node->kind == SL_NODE_MAP) return sl_node_get(node, token);
  if (node->kind != SL_NODE_LIST || !*token) return NULL;
  uint64_t index = 0;
  for (const char *p = token; *p; p++) {
    if (*p < '0' || *p > '9' || index > SL_NODE_MAX_COUNT) return NULL;
    index = index * 10 + (uint64_t)(*p - '0');
  }
  return index < node->count ? node->items[index] : NULL;
}

const sl_node *sl_node_at(const sl_node *node, const char *pointer) {
  char token[256];
  while (*pointer == '/') {
    pointer = next_token(pointer, token, sizeof token);
    const sl_node *next = child(node, token);
    if (!next) break;
    node = next;
  }
  return node;
}

const sl_node *sl_node_key_at(const sl_node *node, const char *pointer) {
  char token[256];
  const sl_node *key = NULL;
  while (*pointer == '/') {
    pointer = next_token(pointer, token, sizeof token);
    const sl_pair *pair = sl_node_pair(node, token);
    key = pair ? pair->key : NULL;
    node = child(node, token);
    if (!node) return NULL;
  }
  return key;
}

const char *sl_node_kind_name(const sl_node *node) {
  if (node->kind == SL_NODE_LIST) return "a list";
  if (node->kind == SL_NODE_MAP) return "a map";
  return sl_node_is_null(node) ? "nothing" : "a text";
}

/* ---- as JSON ---- */

static size_t count_digits(const char *t) {
  size_t n = 0;
  while (t[n] >= '0' && t[n] <= '9') n++;
  return n;
}

/* 1 if the text is a JSON number, or one with a plus before it. */
static int looks_like_number(const char *t) {
  if (*t == '-' || *t == '+') t++;
  size_t digits = count_digits(t);
  if (!digits || (digits > 1 && *t == '0')) return 0; /* 007 is a text: a number would lose its zeros */
  t += digits;
  if (*t == '.') {
    if (!(digits = count_digits(++t))) return 0;
    t += digits;
  }
  if (*t == 'e' || *t == 'E') {
    t++;
    if (*t == '-' || *t == '+') t++;
    if (!(digits = count_digits(t))) return 0;
    t += digits;
  }
  return !*t;
}

static cJSON *scalar_json(const sl_node *node) {
  const char *t = node->text;
  if (!(node->flags & SL_NODE_QUOTED)) {
    if (sl_node_is_null(node)) return cJSON_CreateNull();
    if (strcmp(t, "true") == 0 || strcmp(t, "false") == 0) return cJSON_CreateBool(*t == 't');
    if (looks_like_number(t)) {
      if (*t == '+') t++;
      cJSON *number = NULL;
      int rc = sl_json_parse(t, strlen(t), NULL, &number, NULL, NULL);
      if (!rc) return number;
      if (rc == SL_ENOMEM) return NULL;
      t = node->text; /* beyond the range of a double: a text keeps it */
    }
  }
  return cJSON_CreateString(t);
}

static cJSON *to_json(const sl_node *node) {
  if (node->kind == SL_NODE_SCALAR) return scalar_json(node);
  cJSON *all = node->kind == SL_NODE_MAP ? cJSON_CreateObject() : cJSON_CreateArray();
  for (uint32_t i = 0; all && i < node->count; i++) {
    int is_map = node->kind == SL_NODE_MAP;
    cJSON *one = to_json(is_map ? node->pairs[i].value : node->items[i]);
    int ok =
        one && (is_map ? cJSON_AddItemToObject(all, node->pairs[i].key->text, one) : cJSON_AddItemToArray(all, one));
    if (ok) continue;
    cJSON_Delete(one);
    cJSON_Delete(all);
    all = NULL;
  }
  return all;
}

int sl_node_json(const sl_node *node, struct cJSON **ret, sl_err *err) {
  cJSON *tree = to_json(node);
  if (!tree) return sl_err_set(err, SL_ENOMEM, "memory is out");
  *ret = tree;
  return 0;
}
