/* SPDX-License-Identifier: Apache-2.0 */
/* Sentences of a group, and its body. */
#include "compose.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "vi_text.h"

#define LAMBDA 0.75
/* Sentences with this share of common words say the same. */
#define SAME 0.6
/* Candidates that are compared with each other. */
#define MAX_CHOICES 400u
#define TOPIC_WORDS 5u

static const char *string_of(const cJSON *body, const char *name) {
  const cJSON *v = cJSON_GetObjectItemCaseSensitive(body, name);
  return cJSON_IsString(v) ? v->valuestring : NULL;
}

/* ---- choosing -------------------------------------------------------------------------------------------------------
 */

static double common(const dg_pick *a, const dg_pick *b) {
  uint32_t same = 0;
  for (uint32_t i = 0, k = 0; i < a->n_keys && k < b->n_keys;) {
    if (a->keys[i] == b->keys[k]) {
      same++;
      i++;
      k++;
    } else if (a->keys[i] < b->keys[k]) {
      i++;
    } else {
      k++;
    }
  }
  return same ? same / sqrt((double)a->n_keys * b->n_keys) : 0;
}

int dg_repeats(const dg_pick *a, const dg_pick *b) { return common(a, b) >= SAME; }

/* Likeness of a sentence to what the group speaks of. */
static double relevance(const dg_pick *p, const dg_cluster *c) {
  double sum = 0;
  for (uint32_t i = 0, k = 0; i < p->n_keys && k < c->n_terms;) {
    if (p->keys[i] == c->vector[k].key) {
      sum += c->vector[k++].weight;
      i++;
    } else if (p->keys[i] < c->vector[k].key) {
      i++;
    } else {
      k++;
    }
  }
  return p->n_keys && c->norm > 0 ? sum / (sqrt(p->n_keys) * c->norm) : 0;
}

static int by_value(const void *a, const void *b) {
  const dg_choice *x = a, *y = b;
  if (x->value != y->value) return x->value > y->value ? -1 : 1;
  if (x->member != y->member) return x->member < y->member ? -1 : 1;
  return (x->pick->start > y->pick->start) - (x->pick->start < y->pick->start);
}

static size_t list_choices(const dg_member *members, size_t n, const dg_cluster *cluster, dg_choice *choices) {
  size_t count = 0;
  for (size_t i = 0; i < n; i++) {
    if (members[i].twin != i) continue;
    for (uint32_t k = 0; k < members[i].item->n_picks; k++) {
      const dg_pick *p = &members[i].item->picks[k];
      choices[count++] = (dg_choice){(uint32_t)i, p, p->score + relevance(p, cluster), 0, 0};
    }
  }
  if (count) qsort(choices, count, sizeof(*choices), by_value);
  return count < MAX_CHOICES ? count : MAX_CHOICES;
}

static dg_choice *best_of(dg_choice *choices, size_t n) {
  dg_choice *best = NULL;
  double best_value = 0;
  for (size_t i = 0; i < n; i++) {
    double value = LAMBDA * choices[i].value - (1 - LAMBDA) * choices[i].redundancy;
    if (choices[i].chosen || choices[i].redundancy >= SAME || (best && value <= best_value)) continue;
    best = &choices[i];
    best_value = value;
  }
  return best;
}

size_t dg_choose(const dg_member *members, size_t n, const dg_cluster *cluster, size_t most, dg_choice *choices) {
  size_t count = list_choices(members, n, cluster, choices);
  for (size_t k = 0; k < most; k++) {
    dg_choice *c = best_of(choices, count);
    if (!c) break;
    c->chosen = 1;
    for (size_t i = 0; i < count; i++) {
      double same = common(choices[i].pick, c->pick);
      if (same > choices[i].redundancy) choices[i].redundancy = same;
    }
  }
  return count;
}

/* ---- names ---------------------------------------------------------------------------------------------------------
 */

static uint64_t hash(uint64_t h, const char *s) {
  for (; *s; s++) h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001B3);
  return (h ^ 0xFF) * UINT64_C(0x100000001B3);
}

void dg_name(const dg_member *members, size_t n, char ret[17]) {
  uint64_t h = UINT64_C(0xCBF29CE484222325);
  if (n) h = hash(h, members[0].key);
  snprintf(ret, 17, "%016llx", (unsigned long long)h);
}

void dg_revision(const dg_member *members, size_t n, char ret[17]) {
  uint64_t h = UINT64_C(0xCBF29CE484222325);
  for (size_t i = 0; i < n; i++) h = hash(h, members[i].key);
  snprintf(ret, 17, "%016llx", (unsigned long long)h);
}

/* ---- writing -------------------------------------------------------------------------------------------------------
 */

/* A tree in work: once memory is out nothing is added any more. */
typedef struct maker {
  int failed;
} maker;

static void put(maker *m, cJSON *object, const char *key, cJSON *item) {
  if (item && object && (key ? cJSON_AddItemToObjectCS(object, key, item) : cJSON_AddItemToArray(object, item))) return;
  cJSON_Delete(item);
  m->failed = 1;
}

static cJSON *put_new(maker *m, cJSON *object, const char *key, cJSON *item) {
  put(m, object, key, item);
  return m->failed ? NULL : item;
}

static void put_text(maker *m, cJSON *object, const char *key, const char *text) {
  if (text && *text) put(m, object, key, cJSON_CreateString(text));
}

static void put_number(maker *m, cJSON *object, const char *key, double v) {
  put(m, object, key, cJSON_CreateNumber(v));
}

static void put_source(maker *m, cJSON *list, const dg_member *all, size_t i) {
  const dg_member *d = &all[i];
  cJSON *o = m->failed ? NULL : put_new(m, list, NULL, cJSON_CreateObject());
  put_text(m, o, "id", string_of(d->body, "id"));
  put_text(m, o, "key", d->key);
  put_text(m, o, "uri", d->uri);
  put_text(m, o, "title", string_of(d->body, "title"));
  put_text(m, o, "published", string_of(d->body, "published"));
  if (d->twin == i) return;
  put_number(m, o, "duplicate_of", d->twin);
  put_number(m, o, "likeness", floor(d->likeness * 100 + 0.5) / 100);
}

/* Text in work: sentences, one a line. */
typedef struct lines {
  char *data;
  size_t len;
} lines;

/* Appends text[start, end) with each run of white space as one space. */
static void add_line(lines *l, const char *text, size_t start, size_t end) {
  if (l->len) l->data[l->len++] = '\n';
  size_t from = l->len;
  for (size_t i = start; i < end;) {
    size_t at = i;
    uint32_t cp = vi_next(text, end, &i);
    if (vi_is_space(cp)) {
      if (l->len > from && l->data[l->len - 1] != ' ') l->data[l->len++] = ' ';
    } else {
      memcpy(l->data + l->len, text + at, i - at);
      l->len += i - at;
    }
  }
  l->data[l->len] = '\0';
}

/* Where the sentence comes from, and who else says it. */
static void put_origin(maker *m, cJSON *sentence, const dg_member *all, const dg_choice *c, const dg_choice *choices,
                       size_t n_choices) {
  cJSON *source = put_new(m, sentence, "source", cJSON_CreateObject());
  put_number(m, source, "document", c->member);
  put_text(m, source, "id", string_of(all[c->member].body, "id"));
  cJSON *bytes = m->failed ? NULL : put_new(m, source, "bytes", cJSON_CreateArray());
  put_number(m, bytes, NULL, (double)c->pick->start);
  put_number(m, bytes, NULL, (double)c->pick->end);
  cJSON *also = m->failed ? NULL : put_new(m, sentence, "also", cJSON_CreateArray());
  for (size_t i = 0; i < n_choices && !m->failed; i++) {
    if (choices[i].member == c->member || choices[i].chosen || !dg_repeats(c->pick, choices[i].pick)) continue;
    put_number(m, also, NULL, choices[i].member);
  }
}

static int by_time(const void *a, const void *b) {
  const dg_choice *x = a, *y = b;
  if (x->chosen != y->chosen) return x->chosen > y->chosen ? -1 : 1;
  if (x->redundancy != y->redundancy) return x->redundancy < y->redundancy ? -1 : 1;
  if (x->member != y->member) return x->member < y->member ? -1 : 1;
  return (x->pick->start > y->pick->start) - (x->pick->start < y->pick->start);
}

/* The chosen sentences in order, copied to out; redundancy becomes the rank of the member's date. */
static size_t in_order(const dg_member *members, const dg_choice *choices, size_t n, dg_choice *out) {
  size_t count = 0;
  for (size_t i = 0; i < n; i++) {
    if (!choices[i].chosen) continue;
    out[count] = choices[i];
    const char *date = string_of(members[choices[i].member].body, "published");
    double rank = 0;
    for (size_t k = 0; k < n; k++) {
      const char *other = choices[k].chosen ? string_of(members[choices[k].member].body, "published") : NULL;
      rank += choices[k].chosen && strcmp(other ? other : "", date ? date : "") < 0;
    }
    out[count++].redundancy = rank;
  }
  if (count) qsort(out, count, sizeof(*out), by_time);
  return count;
}

/* Choices of a group, and room for those taken. */
typedef struct taken {
  const dg_choice *choices;
  size_t n;
  dg_choice *ordered;
} taken;

static void put_sentences(maker *m, cJSON *list, lines *l, const dg_member *all, const taken *t) {
  size_t n = in_order(all, t->choices, t->n, t->ordered);
  for (size_t i = 0; i < n && !m->failed; i++) {
    const dg_choice *c = &t->ordered[i];
    size_t before = l->len ? l->len + 1 : 0;
    add_line(l, string_of(all[c->member].body, "text"), c->pick->start, c->pick->end);
    cJSON *o = put_new(m, list, NULL, cJSON_CreateObject());
    put_number(m, o, "start", (double)before);
    put_number(m, o, "end", (double)l->len);
    put(m, o, "text", cJSON_CreateString(l->data + before));
    put_origin(m, o, all, c, t->choices, t->n);
  }
}

/* How a word is written in one of the documents. */
static const char *form_of(const dg_member *members, size_t n, uint64_t key) {
  for (size_t i = 0; i < n; i++)
    for (uint32_t k = 0; k < members[i].item->n_forms; k++)
      if (members[i].item->forms[k].key == key && members[i].item->forms[k].text[0])
        return members[i].item->forms[k].text;
  return NULL;
}

static void put_topic(maker *m, cJSON *list, const dg_member *members, size_t n, const dg_cluster *c) {
  unsigned char used[DG_GROUP_VECTOR] = {0};
  for (uint32_t found = 0, tries = 0; found < TOPIC_WORDS && tries < c->n_terms && !m->failed; tries++) {
    uint32_t best = UINT32_MAX;
    for (uint32_t i = 0; i < c->n_terms; i++)
      if (!used[i] && (best == UINT32_MAX || c->vector[i].weight > c->vector[best].weight)) best = i;
    if (best == UINT32_MAX) break;
    used[best] = 1;
    const char *form = form_of(members, n, c->vector[best].key);
    if (!form) continue;
    put(m, list, NULL, cJSON_CreateString(form));
    found++;
  }
}

/* The title of the document that is most like the group; the first of equals. */
static const char *title_of(const dg_member *members, size_t n, const dg_cluster *c) {
  const char *best = NULL;
  double best_value = -1;
  for (size_t i = 0; i < n; i++) {
    const char *title = string_of(members[i].body, "title");
    double value = 0;
    for (uint32_t a = 0, b = 0; a < members[i].item->n_terms && b < c->n_terms;) {
      const dg_term *x = &members[i].item->terms[a], *y = &c->vector[b];
      if (x->key == y->key) value += y->weight;
      a += x->key <= y->key;
      b += x->key >= y->key;
    }
    if (!title || !*title || value <= best_value) continue;
    best = title;
    best_value = value;
  }
  return best;
}

static void put_dates(maker *m, cJSON *body, cJSON *digest, const dg_member *members, size_t n) {
  const char *first = NULL, *last = NULL;
  for (size_t i = 0; i < n; i++) {
    const char *date = string_of(members[i].body, "published");
    if (!date) continue;
    if (!first || strcmp(date, first) < 0) first = date;
    if (!last || strcmp(date, last) > 0) last = date;
  }
  put_text(m, body, "published", last);
  put_text(m, digest, "from", first);
  put_text(m, digest, "until", last);
}

static void fill_digest(maker *m, cJSON *digest, const dg_member *members, size_t n, lines *l, const taken *t) {
  cJSON *sources = m->failed ? NULL : put_new(m, digest, "sources", cJSON_CreateArray());
  for (size_t i = 0; i < n && !m->failed; i++) put_source(m, sources, members, i);
  put_sentences(m, put_new(m, digest, "sentences", cJSON_CreateArray()), l, members, t);
}

static void fill_head(maker *m, cJSON *body, const dg_member *members, size_t n, const dg_cluster *cluster) {
  char id[32], name[17];
  dg_name(members, n, name);
  snprintf(id, sizeof(id), "digest-%s", name);
  put_number(m, body, "schema", 1);
  put_text(m, body, "id", id);
  put_text(m, body, "lang", string_of(members[0].body, "lang"));
  put_text(m, body, "title", title_of(members, n, cluster));
}

cJSON *dg_compose(const dg_member *members, size_t n, const dg_cluster *cluster, const dg_choice *choices,
                  size_t n_choices) {
  maker m = {0};
  size_t room = 1;
  for (size_t i = 0; i < n_choices; i++)
    if (choices[i].chosen) room += choices[i].pick->end - choices[i].pick->start + 1;
  lines l = {cJSON_malloc(room), 0};
  dg_choice *ordered = cJSON_malloc((n_choices + 1) * sizeof(*ordered));
  cJSON *body = l.data && ordered ? cJSON_CreateObject() : NULL;
  if (body) {
    l.data[0] = '\0';
    fill_head(&m, body, members, n, cluster);
    cJSON *digest = put_new(&m, body, "digest", cJSON_CreateObject());
    put_number(&m, digest, "documents", (double)n);
    put_dates(&m, body, digest, members, n);
    put_topic(&m, put_new(&m, digest, "topic", cJSON_CreateArray()), members, n, cluster);
    taken t = {choices, n_choices, ordered};
    fill_digest(&m, digest, members, n, &l, &t);
    put(&m, body, "text", cJSON_CreateString(l.data));
    cJSON *summary = m.failed ? NULL : put_new(&m, body, "summary", cJSON_CreateObject());
    put(&m, summary, "text", cJSON_CreateString(l.data));
  }
  cJSON_free(l.data);
  cJSON_free(ordered);
  if (body && !m.failed) return body;
  cJSON_Delete(body);
  return NULL;
}
