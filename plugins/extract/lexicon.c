/* SPDX-License-Identifier: Apache-2.0 */
/* The trie of forms and the reader of lexicon files. */
#include "lexicon.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cjson/cJSON.h>
#include <sluice/plugin.h>

#include <vi_text.h>

#include "pattern.h"
#include "token.h"

#define LINE_MAX_BYTES 1024u
#define FILE_MAX_BYTES (64u << 20)

struct class_info {
  const char *name;
  int strict;
  uint32_t attrs; /* allowed */
};

#define STRENGTHS (EXA_DEMAND | EXA_REQUEST | EXA_ASSIGN | EXA_URGE | EXA_NOTE)

static const struct class_info classes[C_COUNT] = {
    [C_FAMILY] = {"family", 1, EXA_WEAK},
    [C_GIVEN] = {"given", 1, 0},
    [C_HONORIFIC] = {"honorific", 0, EXA_WEAK},
    [C_EPONYM] = {"eponym", 1, 0},
    [C_TITLE] = {"title", 0, EXA_SOLO | EXA_NEEDS | EXA_FREE | EXA_WEAK},
    [C_TITLE_PRE] = {"title_prefix", 0, 0},
    [C_TITLE_MOD] = {"title_modifier", 0, 0},
    [C_RANK] = {"rank", 0, EXA_WEAK},
    [C_JOB] = {"job", 0, EXA_WEAK},
    [C_GROUP] = {"group", 0, 0},
    [C_ORG] = {"org", 0, EXA_OPTIONAL | EXA_MID | EXA_OF},
    [C_ORG_HEAD] = {"org_head", 0, EXA_SOLO | EXA_EPONYM | EXA_OF | EXA_FREE | EXA_OPTIONAL | EXA_WEAK | EXA_OUT},
    [C_ORG_WORD] = {"org_word", 0, EXA_LOW | EXA_SOLO},
    [C_ADMIN] = {"admin", 0, EXA_BARE | EXA_CODE | EXA_OPTIONAL},
    [C_PLACE] = {"place", 1, EXA_MID | EXA_WEAK | EXA_OPTIONAL},
    [C_PLACE_HEAD] = {"place_head", 0, EXA_CODE | EXA_WEAK},
    [C_SITE_HEAD] = {"site_head", 0, EXA_WEAK},
    [C_EVENT] = {"event", 0, 0},
    [C_PREP] = {"preposition", 0, 0},
    [C_DATE_CUE] = {"date_cue", 0, EXA_WEAK | EXA_SOLO},
    [C_PERIOD] = {"period", 0, 0},
    [C_DATE_PART] = {"date_part", 0, 0},
    [C_LEGAL] = {"legal", 0, EXA_WEAK},
    [C_LEGAL_NAME] = {"legal_name", 0, 0},
    [C_UNIT] = {"unit", 0, EXA_WEAK},
    [C_NOUN] = {"noun", 0, 0},
    [C_NOUN_TAIL] = {"noun_tail", 0, 0},
    [C_SCALE] = {"scale", 0, 0},
    [C_NUMWORD] = {"number", 0, 0},
    [C_NOT_COUNT] = {"not_count", 0, 0},
    [C_SAY] = {"say", 0, EXA_WEAK},
    [C_DIRECTIVE] = {"directive", 0, STRENGTHS | EXA_WEAK},
    [C_MODAL] = {"modal", 0, EXA_WEAK},
    [C_ADVERB] = {"adverb", 0, 0},
    [C_ADDRESSEE] = {"addressee", 0, 0},
    [C_NOUN_MARK] = {"noun_mark", 0, 0},
    [C_NOT_VERB] = {"not_verb", 0, 0},
    [C_ABBREV] = {"abbreviation", 0, 0},
    [C_STOP] = {"stop", 0, 0},
    [C_CHANGE] = {"change", 0, 0},
    [C_BECOMES] = {"becomes", 0, 0},
    [C_DEADLINE] = {"deadline", 0, 0},
    [C_CONTINUE] = {"continue", 0, 0},
    [C_VERB] = {"verb", 0, EXA_WEAK},
    [C_COMPOUND] = {"compound", 0, 0},
    [C_VOICE] = {"voice", 0, 0},
    [C_GAZ] = {"gazetteer", 1, 0},
    [C_PATTERN] = {"pattern", 0, 0},
    [C_PAIR] = {"pair", 0, 0},
    [C_WEIGHT] = {"weight", 0, 0},
};

static const struct {
  const char *name;
  uint32_t bit;
} attr_names[] = {
    {"solo", EXA_SOLO},       {"eponym", EXA_EPONYM},     {"of", EXA_OF},     {"low", EXA_LOW},
    {"mid", EXA_MID},         {"needs", EXA_NEEDS},       {"free", EXA_FREE}, {"weak", EXA_WEAK},
    {"bare", EXA_BARE},       {"optional", EXA_OPTIONAL}, {"code", EXA_CODE}, {"demand", EXA_DEMAND},
    {"request", EXA_REQUEST}, {"assign", EXA_ASSIGN},     {"urge", EXA_URGE}, {"note", EXA_NOTE},
    {"out", EXA_OUT},
};

struct slot {
  uint64_t key;
  uint32_t value; /* 0: empty */
};

struct map {
  struct slot *slots;
  uint32_t mask; /* slots - 1 */
  uint32_t used;
};

struct ex_lex {
  struct ex_lex_open open; /* first, see ex_lex_open */
  struct map syllables;    /* folded key -> id */
  struct map edges;        /* node << 32 | id -> node */
  struct map pairs;        /* id << 32 | id -> 1 */
  ex_patterns *patterns;
  int16_t (*weights)[EX_RUN_CLASSES]; /* EX_RUN_BUCKETS of them, NULL: none */
  ex_unit *units;
  char *strings;
  uint32_t n_ids, n_nodes, n_entries, n_units, n_strings;
  uint32_t cap_firsts, cap_foreign, cap_nodes, cap_entries, cap_units, cap_strings;
};

/* What the reader of one file knows. */
struct reader {
  ex_lex *lex;
  const char *name;
  unsigned line;
  ex_class cls;
  uint32_t province, district; /* of the gazetteer */
  char *msg;
  size_t cap, used;
  int errors, oom;
};

static uint32_t map_place(const struct map *m, uint64_t key) {
  uint64_t h = (key ^ key >> 32) * UINT64_C(0x9E3779B97F4A7C15);
  uint32_t i = (uint32_t)(h >> 32) & m->mask;
  while (m->slots[i].value && m->slots[i].key != key) i = (i + 1) & m->mask;
  return i;
}

static uint32_t map_get(const struct map *m, uint64_t key) { return m->slots[map_place(m, key)].value; }

/* Memory of the host: cJSON's allocator is the host's. */
static void *zeroed(size_t bytes) {
  void *p = cJSON_malloc(bytes);
  return p ? memset(p, 0, bytes) : NULL;
}

static int map_grow(struct map *m) {
  struct map bigger = {zeroed((size_t)(m->mask + 1) * 2 * sizeof(struct slot)), (m->mask + 1) * 2 - 1, m->used};
  if (!bigger.slots) return SL_ENOMEM;
  for (uint32_t i = 0; i <= m->mask; i++)
    if (m->slots[i].value) bigger.slots[map_place(&bigger, m->slots[i].key)] = m->slots[i];
  cJSON_free(m->slots);
  *m = bigger;
  return 0;
}

static int map_put(struct map *m, uint64_t key, uint32_t value) {
  if (m->used * 2 > m->mask && map_grow(m) != 0) return SL_ENOMEM;
  uint32_t i = map_place(m, key);
  m->used += !m->slots[i].value;
  m->slots[i] = (struct slot){key, value};
  return 0;
}

static int map_init(struct map *m, uint32_t slots) {
  m->slots = zeroed(slots * sizeof(struct slot));
  m->mask = slots - 1;
  return m->slots ? 0 : SL_ENOMEM;
}

/* Room for one more element; *items may move. */
static int room(void **items, uint32_t n, uint32_t *cap, size_t size) {
  if (n < *cap) return 0;
  uint32_t more = *cap ? *cap * 2 : 256;
  void *p = cJSON_malloc((size_t)more * size);
  if (!p) return SL_ENOMEM;
  if (n) memcpy(p, *items, (size_t)n * size);
  cJSON_free(*items);
  *items = p;
  *cap = more;
  return 0;
}

ex_lex *ex_lex_new(void) {
  ex_lex *lex = zeroed(sizeof(*lex));
  if (!lex) return NULL;
  if (map_init(&lex->syllables, 1024) != 0 || map_init(&lex->edges, 1024) != 0 || map_init(&lex->pairs, 1024) != 0)
    goto fail;
  /* Number 0 of each kind means "none". */
  if (room((void **)&lex->open.firsts, 0, &lex->cap_firsts, sizeof(uint32_t)) != 0) goto fail;
  if (room((void **)&lex->open.foreign, 0, &lex->cap_foreign, 1) != 0) goto fail;
  if (room((void **)&lex->open.nodes, 0, &lex->cap_nodes, sizeof(struct ex_lex_node)) != 0) goto fail;
  if (room((void **)&lex->open.entries, 0, &lex->cap_entries, sizeof(ex_entry)) != 0) goto fail;
  if (room((void **)&lex->units, 0, &lex->cap_units, sizeof(ex_unit)) != 0) goto fail;
  if (room((void **)&lex->strings, 0, &lex->cap_strings, 1) != 0) goto fail;
  if (!(lex->patterns = ex_patterns_new())) goto fail;
  lex->open.nodes[0] = (struct ex_lex_node){0, 0};
  lex->open.firsts[0] = 0;
  lex->open.foreign[0] = 0;
  memset(&lex->open.entries[0], 0, sizeof(ex_entry));
  memset(&lex->units[0], 0, sizeof(ex_unit));
  lex->strings[0] = '\0';
  lex->n_nodes = lex->n_entries = lex->n_units = lex->n_strings = 1;
  return lex;
fail:
  ex_lex_free(lex);
  return NULL;
}

void ex_lex_free(ex_lex *lex) {
  if (!lex) return;
  cJSON_free(lex->syllables.slots);
  cJSON_free(lex->edges.slots);
  cJSON_free(lex->pairs.slots);
  ex_patterns_free(lex->patterns);
  cJSON_free(lex->weights);
  cJSON_free(lex->open.nodes);
  cJSON_free(lex->open.firsts);
  cJSON_free(lex->open.foreign);
  cJSON_free(lex->open.entries);
  cJSON_free(lex->units);
  cJSON_free(lex->strings);
  cJSON_free(lex);
}

uint32_t ex_lex_id(const ex_lex *lex, uint64_t key) { return map_get(&lex->syllables, key); }
uint32_t ex_lex_child(const ex_lex *lex, uint32_t node, uint32_t id) {
  return map_get(&lex->edges, (uint64_t)node << 32 | id);
}
const ex_unit *ex_lex_unit(const ex_lex *lex, uint32_t unit) { return &lex->units[unit]; }
const char *ex_lex_string(const ex_lex *lex, uint32_t offset) { return lex->strings + offset; }
const char *ex_class_name(ex_class cls) { return cls > C_NONE && cls < C_COUNT ? classes[cls].name : ""; }
int ex_class_strict(ex_class cls) { return classes[cls].strict; }

static void SL_PRINTF(2, 3) complain(struct reader *r, const char *fmt, ...) {
  r->errors++;
  if (r->used + 1 >= r->cap) return;
  char text[400];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof(text), fmt, ap);
  va_end(ap);
  int k = snprintf(r->msg + r->used, r->cap - r->used, "%s%s:%u: %s", r->used ? "\n" : "", r->name, r->line, text);
  if (k > 0) r->used += (size_t)k < r->cap - r->used ? (size_t)k : r->cap - r->used - 1;
}

/* Adds a string; 0 when memory is out. */
static uint32_t add_string(ex_lex *lex, const char *s, size_t n) {
  while (lex->n_strings + n + 1 > lex->cap_strings) {
    uint32_t full = lex->cap_strings;
    if (room((void **)&lex->strings, full, &lex->cap_strings, 1) != 0) return 0;
  }
  uint32_t at = lex->n_strings;
  memcpy(lex->strings + at, s, n);
  lex->strings[at + n] = '\0';
  lex->n_strings += (uint32_t)n + 1;
  return at;
}

uint32_t ex_lex_intern(ex_lex *lex, uint64_t key) {
  uint32_t id = ex_lex_id(lex, key);
  if (id) return id;
  if (room((void **)&lex->open.firsts, lex->n_ids + 1, &lex->cap_firsts, sizeof(uint32_t)) != 0) return 0;
  if (room((void **)&lex->open.foreign, lex->n_ids + 1, &lex->cap_foreign, 1) != 0) return 0;
  id = lex->n_ids + 1;
  if (map_put(&lex->syllables, key, id) != 0) return 0;
  lex->n_ids = id;
  lex->open.firsts[id] = 0;
  lex->open.foreign[id] = !ex_is_syllable(key);
  return id;
}

const ex_patterns *ex_lex_patterns(const ex_lex *lex) { return lex->patterns; }

int ex_lex_weighted(const ex_lex *lex) { return lex->weights != NULL; }
const int16_t *ex_lex_weight(const ex_lex *lex, unsigned bucket) { return lex->weights[bucket % EX_RUN_BUCKETS]; }

int ex_lex_pair(const ex_lex *lex, uint32_t a, uint32_t b) {
  return a && b && map_get(&lex->pairs, (uint64_t)a << 32 | b) != 0;
}

/* The node of a form, made if need be; 0 when memory is out. */
static uint32_t make_node(ex_lex *lex, const uint64_t *keys, unsigned n) {
  uint32_t node = 0;
  for (unsigned i = 0; i < n; i++) {
    uint32_t id = ex_lex_intern(lex, keys[i]);
    if (!id) return 0;
    uint32_t child = ex_lex_step(lex, node, id);
    if (!child) {
      if (room((void **)&lex->open.nodes, lex->n_nodes, &lex->cap_nodes, sizeof(struct ex_lex_node)) != 0) return 0;
      child = lex->n_nodes++;
      lex->open.nodes[child] = (struct ex_lex_node){0, 0};
      lex->open.nodes[node].filter |= ex_lex_bit(id);
      if (map_put(&lex->edges, (uint64_t)node << 32 | id, child) != 0) return 0;
      if (!node) lex->open.firsts[id] = child;
    }
    node = child;
  }
  return node;
}

/* The entry of a form in a class, made if need be; the later definition wins. With and without a capital are two forms.
 * NULL when memory is out. */
static ex_entry *make_entry(ex_lex *lex, ex_class cls, const uint64_t *keys, unsigned n, uint32_t caps) {
  uint32_t node = make_node(lex, keys, n);
  if (!node) return NULL;
  for (uint32_t e = lex->open.nodes[node].head; e; e = lex->open.entries[e].next)
    if (lex->open.entries[e].cls == cls && (lex->open.entries[e].caps & 1) == (caps & 1)) return &lex->open.entries[e];
  if (room((void **)&lex->open.entries, lex->n_entries, &lex->cap_entries, sizeof(ex_entry)) != 0) return NULL;
  ex_entry *entry = &lex->open.entries[lex->n_entries];
  *entry = (ex_entry){.cls = (uint16_t)cls, .len = (uint16_t)n, .caps = caps, .next = lex->open.nodes[node].head};
  lex->open.nodes[node].head = lex->n_entries++;
  return entry;
}

/* Splits a form into keys. Returns their number, 0 after a complaint. */
static unsigned read_form(struct reader *r, const char *s, size_t n, uint64_t *keys, uint32_t *ret_caps) {
  unsigned count = 0;
  ex_tok tok;
  uint64_t key;
  *ret_caps = 0;
  for (size_t i = 0; ex_tok_next(s, n, &i, &tok, &key);) {
    if (count == EX_FORM_MAX) {
      complain(r, "a form may have at most %d syllables; shorten it", EX_FORM_MAX);
      return 0;
    }
    if (tok.flags & TK_UPPER) *ret_caps |= 1u << count;
    keys[count++] = key;
  }
  if (count == 0) complain(r, "expected a form, found nothing before `|`");
  return count;
}

/* Trims white space at both ends. */
static const char *trim(const char *s, size_t *n) {
  while (*n && (*s == ' ' || *s == '\t')) {
    s++;
    --*n;
  }
  while (*n && (s[*n - 1] == ' ' || s[*n - 1] == '\t' || s[*n - 1] == '\r')) --*n;
  return s;
}

static void read_value(struct reader *r, ex_entry *entry, const char *s, size_t n) {
  char number[32], *end = NULL;
  if (n < sizeof(number)) {
    memcpy(number, s, n);
    number[n] = '\0';
    entry->value = strtod(number, &end);
  }
  if (n == 0 || !end || *end) complain(r, "expected a number after value=, found \"%.*s\"", (int)n, s);
}

static void read_attr(struct reader *r, ex_entry *entry, const char *s, size_t n) {
  s = trim(s, &n);
  if (n == 0) return;
  if (n > 5 && memcmp(s, "norm=", 5) == 0) {
    uint32_t at = add_string(r->lex, s + 5, n - 5);
    if (!at) r->oom = 1;
    entry->norm = at;
    return;
  }
  if (n > 6 && memcmp(s, "value=", 6) == 0) {
    read_value(r, entry, s + 6, n - 6);
    return;
  }
  for (size_t i = 0; i < sizeof(attr_names) / sizeof(attr_names[0]); i++) {
    if (strlen(attr_names[i].name) != n || memcmp(attr_names[i].name, s, n) != 0) continue;
    if (!(classes[r->cls].attrs & attr_names[i].bit)) {
      complain(r, "attribute \"%.*s\" means nothing in section [%s]; take it out", (int)n, s, classes[r->cls].name);
    } else {
      entry->attrs |= attr_names[i].bit;
    }
    return;
  }
  complain(r, "unknown attribute \"%.*s\"; known are norm=, value= and the flags of section [%s] in data/README.md",
           (int)n, s, classes[r->cls].name);
}

static void read_entry(struct reader *r, const char *s, size_t n) {
  int off = n > 0 && *s == '!';
  if (off) {
    s++;
    n--;
  }
  const char *bar = memchr(s, '|', n);
  size_t form = bar ? (size_t)(bar - s) : n;
  uint64_t keys[EX_FORM_MAX];
  uint32_t caps;
  unsigned count = read_form(r, s, form, keys, &caps);
  if (!count) return;
  ex_entry *entry = make_entry(r->lex, r->cls, keys, count, caps);
  if (!entry) {
    r->oom = 1;
    return;
  }
  entry->attrs = off ? EXA_OFF : 0;
  entry->norm = 0;
  for (size_t at = form + 1; bar && at <= n;) {
    const char *semi = memchr(s + at, ';', n - at);
    size_t stop = semi ? (size_t)(semi - s) : n;
    read_attr(r, entry, s + at, stop - at);
    at = stop + 1;
  }
}

/* Adds the name of a unit that is already in units. */
static void add_unit_name(struct reader *r, const char *name, size_t n, uint32_t unit) {
  uint64_t keys[EX_FORM_MAX];
  uint32_t caps;
  unsigned count = read_form(r, name, n, keys, &caps);
  if (!count) return;
  ex_entry *entry = make_entry(r->lex, C_GAZ, keys, count, caps);
  if (!entry) {
    r->oom = 1;
    return;
  }
  r->lex->units[unit].next = entry->gaz;
  entry->gaz = unit;
  entry->attrs = 0;
}

/* A province that was read before, 0 if there is none. */
static uint32_t find_province(const ex_lex *lex, const ex_unit *u) {
  for (uint32_t i = 1; i < lex->n_units; i++)
    if (lex->units[i].level == 'P' && lex->units[i].validity == u->validity && strcmp(lex->units[i].code, u->code) == 0)
      return i;
  return 0;
}

/* `P* 01 c Hà Nội`, `D< 001 q Ba Đình`, `00004 p Phúc Xá` or `W> 00004 p Ba Đình`: see data/README.md. */
/* Reads level, validity, code and kind into u. Returns the bytes read, 0 if they are not there. */
static size_t read_unit_head(const char *s, size_t n, ex_unit *u) {
  size_t at = 0, code = 0;
  if (n > 3 && (*s == 'P' || *s == 'D' || *s == 'W')) {
    u->level = s[0];
    u->validity = s[1];
    at = 3;
  }
  while (at + code < n && s[at + code] >= '0' && s[at + code] <= '9') code++;
  if (code == 0 || code >= sizeof(u->code) || at + code + 3 >= n) return 0;
  memcpy(u->code, s + at, code);
  at += code;
  u->kind = s[at + 1];
  int sound = s[at] == ' ' && s[at + 2] == ' ' && memchr("*<>", u->validity, 3) && memchr("tcqhsnpxd", u->kind, 9);
  return sound ? at + 3 : 0;
}

static void read_unit(struct reader *r, const char *s, size_t n) {
  ex_unit u = {.level = 'W', .validity = r->lex->units[r->district ? r->district : r->province].validity};
  size_t head = read_unit_head(s, n, &u);
  if (!head && u.validity) {
    complain(r, "expected \"P* 01 c Name\", \"D< 001 q Name\" or \"00004 p Name\", found \"%.*s\"",
             (int)(n > 60 ? 60 : n), s);
    return;
  }
  u.parent = u.level == 'P' ? 0 : u.level == 'W' && r->district ? r->district : r->province;
  if (!head || (u.level != 'P' && !u.parent)) {
    complain(r, "a district or ward stands before its province");
    return;
  }
  uint32_t known = u.level == 'P' ? find_province(r->lex, &u) : 0;
  if (!known) {
    if (room((void **)&r->lex->units, r->lex->n_units, &r->lex->cap_units, sizeof(ex_unit)) != 0) {
      r->oom = 1;
      return;
    }
    known = r->lex->n_units++;
    r->lex->units[known] = u;
    add_unit_name(r, s + head, n - head, known);
  }
  if (u.level != 'W') r->district = u.level == 'D' ? known : 0;
  if (u.level == 'P') r->province = known;
}

static void read_section(struct reader *r, const char *s, size_t n) {
  r->cls = C_NONE;
  if (n < 2 || s[n - 1] != ']') {
    complain(r, "a section is written [class]; the closing bracket is missing");
    return;
  }
  for (int c = C_NONE + 1; c < C_COUNT; c++)
    if (strlen(classes[c].name) == n - 2 && memcmp(classes[c].name, s + 1, n - 2) == 0) {
      r->cls = (ex_class)c;
      return;
    }
  complain(r, "unknown class \"%.*s\"; the classes are listed in data/README.md", (int)(n - 2), s + 1);
}

static int valid_utf8(const char *s, size_t n) {
  for (size_t i = 0; i < n;)
    if (vi_next(s, n, &i) == VI_BAD) return 0;
  return 1;
}

/* A word of two syllables. */
static void read_pair(struct reader *r, const char *s, size_t n) {
  uint64_t keys[EX_FORM_MAX];
  uint32_t caps;
  unsigned count = read_form(r, s, n, keys, &caps);
  if (count && count != 2) complain(r, "expected a word of two syllables, found %u", count);
  if (count != 2) return;
  uint32_t a = ex_lex_intern(r->lex, keys[0]), b = ex_lex_intern(r->lex, keys[1]);
  if (!a || !b || map_put(&r->lex->pairs, (uint64_t)a << 32 | b, 1) != 0) r->oom = 1;
}

/* "BUCKET W W W W". The line is copied: the file's text has no end that sscanf would see. */
static void read_weight(struct reader *r, const char *s, size_t n) {
  char line[64];
  unsigned bucket;
  int w[EX_RUN_CLASSES];
  snprintf(line, sizeof(line), "%.*s", (int)(n < sizeof(line) ? n : sizeof(line) - 1), s);
  if (sscanf(line, "%u %d %d %d %d", &bucket, &w[0], &w[1], &w[2], &w[3]) != 5 || bucket >= EX_RUN_BUCKETS) {
    complain(r, "expected a bucket below %u and four weights, found \"%s\"", EX_RUN_BUCKETS, line);
    return;
  }
  if (!r->lex->weights) r->lex->weights = zeroed(EX_RUN_BUCKETS * sizeof(*r->lex->weights));
  if (!r->lex->weights) {
    r->oom = 1;
    return;
  }
  for (unsigned c = 0; c < EX_RUN_CLASSES; c++)
    r->lex->weights[bucket][c] = (int16_t)(w[c] > INT16_MAX ? INT16_MAX : w[c] < INT16_MIN ? INT16_MIN : w[c]);
}

static void read_pattern(struct reader *r, const char *s, size_t n) {
  char why[200];
  int rc = ex_pattern_read(r->lex->patterns, r->lex, s, n, why, sizeof(why));
  if (rc == SL_ENOMEM) r->oom = 1;
  if (rc == SL_EPARSE) complain(r, "%s", why);
}

/* "!*": what was read before into the class of the section counts no more. */
static void empty_class(struct reader *r) {
  for (uint32_t i = 1; i < r->lex->n_entries; i++)
    if (r->lex->open.entries[i].cls == r->cls) r->lex->open.entries[i].attrs |= EXA_OFF;
  if (r->cls == C_PATTERN) ex_patterns_clear(r->lex->patterns);
}

static void read_line(struct reader *r, const char *s, size_t n) {
  s = trim(s, &n);
  if (n == 0 || *s == '#') return;
  if (n > LINE_MAX_BYTES || !valid_utf8(s, n)) {
    complain(r, n > LINE_MAX_BYTES ? "the line is longer than 1024 bytes; split it"
                                   : "the line is not UTF-8; save the file as UTF-8");
  } else if (*s == '[') {
    read_section(r, s, n);
  } else if (r->cls == C_NONE) {
    if (r->errors == 0) complain(r, "an entry stands before the first section; write [class] above it");
  } else if (n == 2 && memcmp(s, "!*", 2) == 0) {
    empty_class(r);
  } else if (r->cls == C_PATTERN) {
    read_pattern(r, s, n);
  } else if (r->cls == C_PAIR) {
    read_pair(r, s, n);
  } else if (r->cls == C_WEIGHT) {
    read_weight(r, s, n);
  } else if (r->cls == C_GAZ) {
    read_unit(r, s, n);
  } else {
    read_entry(r, s, n);
  }
}

int ex_lex_read(ex_lex *lex, const char *name, const char *text, size_t len, char *msg, size_t cap) {
  struct reader r = {.lex = lex, .name = name, .msg = msg, .cap = cap};
  if (cap) msg[0] = '\0';
  size_t at = len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
  while (at < len && !r.oom) {
    const char *nl = memchr(text + at, '\n', len - at);
    size_t stop = nl ? (size_t)(nl - text) : len;
    r.line++;
    read_line(&r, text + at, stop - at);
    at = stop + 1;
  }
  return r.oom ? SL_ENOMEM : r.errors ? SL_EPARSE : 0;
}

static int read_file(ex_lex *lex, const char *path, char *msg, size_t cap) {
  int rc = SL_EIO;
  char *text = NULL;
  FILE *f = fopen(path, "rb");
  if (!f) {
    snprintf(msg, cap, "%s: cannot be opened: %s", path, strerror(errno));
    return errno == ENOENT ? SL_ENOTFOUND : SL_EIO;
  }
  if (fseek(f, 0, SEEK_END) != 0) goto io;
  long size = ftell(f);
  if (size < 0 || (unsigned long)size > FILE_MAX_BYTES || fseek(f, 0, SEEK_SET) != 0) goto io;
  text = cJSON_malloc((size_t)size + 1);
  if (!text) {
    rc = SL_ENOMEM;
    goto out;
  }
  if (fread(text, 1, (size_t)size, f) != (size_t)size) goto io;
  rc = ex_lex_read(lex, path, text, (size_t)size, msg, cap);
  goto out;
io:
  snprintf(msg, cap, "%s: cannot be read: expected a text file of at most 64 MiB", path);
out:
  cJSON_free(text);
  fclose(f);
  return rc;
}

static int is_txt(const struct dirent *d) {
  size_t n = strlen(d->d_name);
  return n > 4 && d->d_name[0] != '.' && strcmp(d->d_name + n - 4, ".txt") == 0;
}

int ex_lex_read_path(ex_lex *lex, const char *path, char *msg, size_t cap) {
  struct stat st;
  if (stat(path, &st) != 0) {
    snprintf(msg, cap, "%s: expected a lexicon file or folder: %s", path, strerror(errno));
    return SL_ENOTFOUND;
  }
  if (!S_ISDIR(st.st_mode)) return read_file(lex, path, msg, cap);
  struct dirent **names = NULL;
  int n = scandir(path, &names, is_txt, alphasort), rc = 0;
  if (n < 0) {
    snprintf(msg, cap, "%s: the folder cannot be read: %s", path, strerror(errno));
    return SL_EIO;
  }
  if (n == 0) {
    snprintf(msg, cap, "%s: expected *.txt files in the folder, found none", path);
    rc = SL_ENOTFOUND;
  }
  for (int i = 0; i < n; i++) {
    char file[4096];
    if (rc == 0 && (size_t)snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name) < sizeof(file))
      rc = read_file(lex, file, msg, cap);
    free(names[i]);
  }
  free(names);
  return rc;
}
