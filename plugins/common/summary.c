/* SPDX-License-Identifier: Apache-2.0 */
/* Scores sentences and chooses among them. */
#include "summary.h"

#include <math.h>
#include <stdlib.h>

#include "vi_text.h"

/* Parts of a score, and the other figures here: chosen by tests/bench/rouge.py on articles in many languages at once,
 * so that they do not fit a few texts. */
#define W_TOPIC 0.55
#define W_PLACE 0.50
#define W_TITLE 0.50
/* The subject is what the first sentences speak of: news says it there, and what comes later cannot change the worth of
 * what stands before it. */
#define TOPIC_SENTENCES 15u
/* A sentence this like the subject speaks of nothing else. */
#define TOPIC_FULL 0.625
/* What a word weighs that stands in one sentence of those, or in none. */
#define ONCE 0.4
#define NEVER 0.28
/* Relevance against repetition. */
#define LAMBDA 0.85
/* A sentence this like a chosen one says the same. */
#define SAME 0.75
/* Sentences shorter than MIN say too little, longer ones than MAX too much at once. Syllables. */
#define MIN_LEN 8.0
#define MAX_LEN 35.0
/* A headline is shorter. */
#define MAX_HEADLINE 30.0
/* What somebody says is left of its score when it is the whole sentence. */
#define SPEECH 0.85
/* How fast the place loses its weight, and how many syllables of a title are looked at. */
#define PLACE_DECAY 0.5
#define MAX_TITLE 64u
/* Sentences that are compared with each other; in longer texts those with the best scores. */
#define MAX_CANDIDATES 500u

/* A term of a sentence. */
typedef struct sum_use {
  uint32_t term;
  uint32_t count;
} sum_use;

static void init_openings(summarizer *s);

void summarizer_init(summarizer *s, const lane_mem *mem) {
  memset(s, 0, sizeof(*s));
  s->mem = *mem;
  sum_terms_init(&s->terms, &s->mem);
  init_openings(s);
}

void summarizer_done(summarizer *s) {
  lane_vec *all[] = {&s->sentences, &s->uses, &s->weights, &s->order};
  for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) lane_vec_done(&s->mem, all[i]);
  sum_terms_done(&s->terms);
}

void summarizer_clear(summarizer *s) {
  s->sentences.n = s->uses.n = s->weights.n = s->order.n = 0;
  sum_terms_clear(&s->terms);
}

/* The next word of a sentence: what stands between spaces, or in a slice of the text a run of letters and digits. */
static bool next_word(const char *s, size_t n, size_t *i, size_t *ret_start) {
  while (*i < n && (s[*i] == ' ' || s[*i] == '\n' || s[*i] == '\t' || s[*i] == '\r')) ++*i;
  *ret_start = *i;
  while (*i < n && s[*i] != ' ' && s[*i] != '\n' && s[*i] != '\t' && s[*i] != '\r') ++*i;
  return *i > *ret_start;
}

static int by_term(const void *a, const void *b) {
  const sum_use *x = a, *y = b;
  return (x->term > y->term) - (x->term < y->term);
}

/* Sorts the uses of a sentence by term and joins equal ones. */
static void join_uses(summarizer *s, sum_sentence *q) {
  sum_use *uses = (sum_use *)s->uses.items + q->first_term;
  size_t n = s->uses.n - q->first_term, kept = 0;
  if (n) qsort(uses, n, sizeof(*uses), by_term);
  for (size_t i = 0; i < n; i++) {
    if (kept && uses[kept - 1].term == uses[i].term) {
      uses[kept - 1].count++;
    } else {
      uses[kept++] = uses[i];
    }
  }
  q->n_terms = (uint32_t)kept;
  s->uses.n = q->first_term + kept;
}

/* Notes how an occurrence is written. Behind a quotation mark a word begins a sentence, too; that is left out of
 * account. */
static void note_case(sum_term *t, const char *word, size_t n, bool first) {
  if (!vi_is_upper(vi_peek(word, n, 0))) {
    if (!(t->flags & SUM_TERM_LOWER)) {
      t->form = word;
      t->form_len = (uint32_t)n;
    }
    t->flags |= SUM_TERM_LOWER;
  } else if (!first) {
    t->flags |= SUM_TERM_UPPER;
  }
}

/* Reads the words of sentence i into terms. */
static int read_sentence(summarizer *s, size_t i) {
  sum_sentence *q = (sum_sentence *)s->sentences.items + i;
  q->first_term = (uint32_t)s->uses.n;
  q->syllables = 0;
  bool first = true;
  for (size_t at = 0, start; next_word(q->words, q->words_len, &at, &start);) {
    uint32_t id = sum_terms_find(&s->terms, q->words + start, at - start, true);
    if (id == SUM_NO_MEMORY) return -1;
    if (id == SUM_NOT_THERE) continue;
    sum_term *t = (sum_term *)s->terms.terms.items + id;
    t->count++;
    if (t->last != i + 1) t->sentences++;
    t->last = (uint32_t)i + 1;
    note_case(t, q->words + start, at - start, first);
    first = false;
    q->syllables += t->syllables ? t->syllables : 1;
    if (t->flags & SUM_TERM_STOP) continue;
    if (lane_vec_reserve(&s->mem, &s->uses, sizeof(sum_use), s->uses.n + 1) != 0) return -1;
    ((sum_use *)s->uses.items)[s->uses.n++] = (sum_use){id, 1};
  }
  join_uses(s, q);
  return 0;
}

/* How much a term tells about the subject: often in the first sentences, and in several of them. Only those count, so
 * that an end that is cut off changes no weight. */
static int weigh_terms(summarizer *s) {
  size_t n = s->terms.terms.n;
  if (lane_vec_reserve(&s->mem, &s->weights, sizeof(double), n * 2 + 1) != 0) return -1;
  double *count = s->weights.items, *in = count + n;
  memset(count, 0, n * 2 * sizeof(double));
  const sum_sentence *q = s->sentences.items;
  unsigned seen = 0;
  for (size_t i = 0; i < s->sentences.n && seen < TOPIC_SENTENCES; i++) {
    const sum_use *u = (const sum_use *)s->uses.items + q[i].first_term;
    seen += q[i].syllables > 0;
    for (uint32_t k = 0; k < q[i].n_terms; k++) {
      count[u[k].term] += u[k].count;
      in[u[k].term] += 1;
    }
  }
  s->topic = 0;
  for (size_t i = 0; i < n; i++) {
    double weight = in[i] == 0 ? 0 : log(1.0 + count[i]) * (in[i] > 1 ? 1.0 : ONCE);
    s->topic += weight * weight;
    count[i] = in[i] == 0 ? NEVER : weight;
    in[i] = 0;
  }
  s->topic = sqrt(s->topic);
  s->weights.n = n;
  return 0;
}

/* Cosine of a sentence with the subject; a word that the subject lacks makes the sentence longer only. */
static double likeness_to_topic(const summarizer *s, const sum_sentence *q) {
  const sum_use *u = (const sum_use *)s->uses.items + q->first_term;
  const double *w = s->weights.items;
  double dot = 0, sum = 0;
  for (uint32_t i = 0; i < q->n_terms; i++) {
    double weight = w[u[i].term], x = u[i].count * weight;
    sum += x * x;
    if (weight != NEVER) dot += x * weight;
  }
  return sum > 0 && s->topic > 0 ? dot / (sqrt(sum) * s->topic) : 0;
}

/* Cosine of a sentence with counts of words v (by term) of length norm. */
static double cosine(const summarizer *s, const sum_sentence *q, const double *v, double norm) {
  const sum_use *u = (const sum_use *)s->uses.items + q->first_term;
  double dot = 0;
  for (uint32_t i = 0; i < q->n_terms; i++) dot += u[i].count * v[u[i].term];
  return q->norm > 0 && norm > 0 ? dot / (q->norm * norm) : 0;
}

static void set_norms(summarizer *s) {
  sum_sentence *q = s->sentences.items;
  const sum_use *uses = s->uses.items;
  for (size_t i = 0; i < s->sentences.n; i++) {
    double sum = 0;
    for (uint32_t k = 0; k < q[i].n_terms; k++) {
      double x = uses[q[i].first_term + k].count;
      sum += x * x;
    }
    q[i].norm = sqrt(sum);
  }
}

/* The syllables of a title, each once. */
typedef struct title_keys {
  uint64_t slots[MAX_TITLE * 4];
  unsigned char number[MAX_TITLE * 4];
  unsigned n;
} title_keys;

static size_t title_slot(const title_keys *t, uint64_t key) {
  size_t mask = MAX_TITLE * 4 - 1, slot = (size_t)((key * UINT64_C(0x9E3779B97F4A7C15)) >> 40) & mask;
  while (t->slots[slot] != 0 && t->slots[slot] != key) slot = (slot + 1) & mask;
  return slot;
}

static void read_title(title_keys *t, const char *title, size_t n) {
  vi_word w;
  memset(t, 0, sizeof(*t));
  for (size_t at = 0; t->n < MAX_TITLE && at < n && vi_next_word(title, n, &at, &w);) {
    uint64_t key = vi_key_i(w.key) | 1;
    size_t slot = title_slot(t, key);
    if (t->slots[slot] != 0) continue;
    t->slots[slot] = key;
    t->number[slot] = (unsigned char)t->n++;
  }
}

/* Syllables of the title that the sentence has, over the mean length of both. */
static double likeness_to_title(const title_keys *t, const sum_sentence *q) {
  if (t->n == 0 || q->syllables == 0) return 0;
  uint64_t found = 0;
  vi_word w;
  for (size_t at = 0; at < q->words_len && vi_next_word(q->words, q->words_len, &at, &w);) {
    size_t slot = title_slot(t, vi_key_i(w.key) | 1);
    if (t->slots[slot] != 0) found |= UINT64_C(1) << t->number[slot];
  }
  return __builtin_popcountll(found) / sqrt((double)t->n * q->syllables);
}

static double length_factor(uint32_t syllables) {
  if (syllables < MIN_LEN) return syllables / MIN_LEN;
  return syllables > MAX_LEN ? sqrt(MAX_LEN / syllables) : 1;
}

/* How sentences begin that lean on others, or only say who was there; and what that leaves of their score. */
static const struct {
  const char *words;
  double factor;
} openings[SUM_OPENINGS] = {
    {"nhưng", 0.85},    {"tuy nhiên", 0.85}, {"tuy vậy", 0.85},     {"do đó", 0.85},       {"vì vậy", 0.85},
    {"vì thế", 0.85},   {"bởi vậy", 0.85},   {"ngoài ra", 0.85},    {"bên cạnh đó", 0.85}, {"trong khi đó", 0.85},
    {"mặt khác", 0.85}, {"đồng thời", 0.85}, {"theo đó", 0.9},      {"trong đó", 0.85},    {"điều này", 0.85},
    {"điều đó", 0.85},  {"việc này", 0.85},  {"họ", 0.85},          {"đây là", 0.9},       {"đó là", 0.85},
    {"tham dự", 0.6},   {"cùng dự", 0.6},    {"cùng tham dự", 0.6}, {"dự buổi", 0.6},      {"dự hội nghị", 0.6},
    {"đến dự", 0.6},    {"về phía", 0.7},    {"cùng đi", 0.6},      {"however", 0.85},     {"but", 0.85},
};

static void init_openings(summarizer *s) {
  for (size_t k = 0; k < SUM_OPENINGS; k++) {
    size_t n = strlen(openings[k].words), i = 0;
    vi_word w;
    sum_opening *o = &s->openings[k];
    for (o->n = 0; o->n < 3 && i < n && vi_next_word(openings[k].words, n, &i, &w); o->n++) o->keys[o->n] = w.key;
  }
}

static double opening_factor(const summarizer *s, const sum_sentence *q) {
  uint64_t keys[3] = {0, 0, 0};
  size_t i = 0;
  vi_word w;
  for (unsigned k = 0; k < 3 && i < q->words_len && vi_next_word(q->words, q->words_len, &i, &w); k++) keys[k] = w.key;
  for (size_t k = 0; k < SUM_OPENINGS; k++) {
    const sum_opening *o = &s->openings[k];
    if (memcmp(keys, o->keys, o->n * sizeof(keys[0])) == 0) return openings[k].factor;
  }
  return 1;
}

static bool is_stop(uint32_t cp) {
  return cp == '.' || cp == '!' || cp == '?' || cp == 0x2026 || cp == 0x3002 || cp == '"' || cp == 0x201D || cp == ')';
}

/* A quotation that begins or ends in another sentence; a heading, which has no stop. */
static double form_factor(const sum_sentence *q) {
  int straight = 0, curly = 0;
  uint32_t last = 0;
  for (size_t i = 0; i < q->words_len;) {
    uint32_t cp = vi_next(q->words, q->words_len, &i);
    straight += cp == '"';
    curly += (cp == 0x201C) - (cp == 0x201D);
    if (!vi_is_space(cp)) last = cp;
  }
  return (straight % 2 != 0 || curly != 0 ? 0.6 : 1) * (is_stop(last) ? 1 : 0.7);
}

/* The sentence is the title over again. */
static bool is_title(const sum_sentence *q, double likeness, size_t title_len) {
  return likeness > 0.9 && q->words_len <= title_len + title_len / 4 + 8;
}

/* The sentence is what somebody says, from its first character on. */
static bool is_speech(const sum_sentence *q) {
  size_t i = 0;
  while (i < q->words_len) {
    uint32_t cp = vi_next(q->words, q->words_len, &i);
    if (!vi_is_space(cp)) return cp == '"' || cp == 0x201C || cp == 0x2018 || cp == 0xAB || cp == 0x201E;
  }
  return false;
}

/* Scores every sentence by itself, the subject and the title: nothing behind the subject's sentences changes it. */
static void score_all(summarizer *s, const char *title, size_t title_len, const sum_options *o) {
  sum_sentence *q = s->sentences.items;
  size_t n = s->sentences.n, before = 0; /* sentences that could be chosen; the title takes no place */
  title_keys keys;
  read_title(&keys, title, title ? title_len : 0);
  for (size_t i = 0; i < n; i++) {
    double like_title = likeness_to_title(&keys, &q[i]), topic = likeness_to_topic(s, &q[i]) / TOPIC_FULL;
    double place = 1.0 / (1.0 + PLACE_DECAY * (double)before) + (q[i].paragraph_start ? 0.05 : 0);
    double worth = W_TOPIC * (topic < 1 ? topic : 1) + W_PLACE * place + W_TITLE * like_title;
    bool repeats = n > 1 && !o->title_is_lead && is_title(&q[i], like_title, title_len);
    bool no_candidate = q[i].syllables == 0 || repeats;
    q[i].score = worth * length_factor(q[i].syllables) * opening_factor(s, &q[i]) * form_factor(&q[i]);
    if (is_speech(&q[i])) q[i].score *= SPEECH;
    if (no_candidate) q[i].score = -1;
    before += !no_candidate;
    q[i].redundancy = 0;
  }
}

/* ---- choosing ---------------------------------------------------------------------------------------------------- */

typedef struct ranked {
  double score;
  uint32_t id;
} ranked;

static int by_score(const void *a, const void *b) {
  const ranked *x = a, *y = b;
  if (x->score != y->score) return x->score > y->score ? -1 : 1;
  return (x->id > y->id) - (x->id < y->id);
}

/* The candidates, best first: at most MAX_CANDIDATES. */
static int rank_sentences(summarizer *s) {
  const sum_sentence *q = s->sentences.items;
  if (lane_vec_reserve(&s->mem, &s->order, sizeof(ranked), s->sentences.n + 1) != 0) return -1;
  ranked *r = s->order.items;
  s->order.n = 0;
  for (size_t i = 0; i < s->sentences.n; i++) {
    if (q[i].score >= 0) r[s->order.n++] = (ranked){q[i].score, (uint32_t)i};
  }
  if (s->order.n) qsort(r, s->order.n, sizeof(*r), by_score);
  if (s->order.n > MAX_CANDIDATES) s->order.n = MAX_CANDIDATES;
  return 0;
}

static size_t budget(const summarizer *s, const sum_options *o) {
  size_t all = 0, most = o->max_syllables ? o->max_syllables : SIZE_MAX;
  const sum_sentence *q = s->sentences.items;
  for (size_t i = 0; i < s->sentences.n; i++) all += q[i].syllables;
  if (o->ratio > 0 && (double)all * o->ratio < (double)most) most = (size_t)((double)all * o->ratio);
  return most;
}

/* The best candidate that fits into `room`; the best of all if none does and `any`. NULL if there is none. */
static sum_sentence *best_candidate(summarizer *s, size_t room, bool any) {
  const ranked *r = s->order.items;
  sum_sentence *q = s->sentences.items, *best = NULL;
  double best_value = 0;
  for (size_t i = 0; i < s->order.n; i++) {
    sum_sentence *c = &q[r[i].id];
    double value = LAMBDA * c->score - (1 - LAMBDA) * c->redundancy;
    if (c->chosen || c->redundancy >= SAME || c->syllables > room || (best && value <= best_value)) continue;
    best = c;
    best_value = value;
  }
  return best || !any || s->order.n == 0 ? best : &q[r[0].id];
}

/* Notes in each candidate how much it has in common with the chosen one. */
static void note_redundancy(summarizer *s, const sum_sentence *chosen, double *v) {
  const ranked *r = s->order.items;
  sum_sentence *q = s->sentences.items;
  const sum_use *u = (const sum_use *)s->uses.items + chosen->first_term;
  for (uint32_t i = 0; i < chosen->n_terms; i++) v[u[i].term] = u[i].count;
  for (size_t i = 0; i < s->order.n; i++) {
    double same = cosine(s, &q[r[i].id], v, chosen->norm);
    if (same > q[r[i].id].redundancy) q[r[i].id].redundancy = same;
  }
  for (uint32_t i = 0; i < chosen->n_terms; i++) v[u[i].term] = 0;
}

static void choose_centroid(summarizer *s, const sum_options *o, double *v) {
  size_t room = budget(s, o);
  for (size_t k = 0; k < o->sentences; k++) {
    sum_sentence *c = best_candidate(s, room, k == 0);
    if (!c) break;
    c->chosen = 1;
    room = c->syllables < room ? room - c->syllables : 0;
    note_redundancy(s, c, v);
  }
}

static void choose_lead(summarizer *s, const sum_options *o) {
  size_t room = budget(s, o), taken = 0;
  sum_sentence *q = s->sentences.items;
  for (size_t i = 0; i < s->sentences.n && taken < o->sentences; i++) {
    if (q[i].score < 0) continue;
    if (taken && q[i].syllables > room) break;
    q[i].chosen = 1;
    room = q[i].syllables < room ? room - q[i].syllables : 0;
    taken++;
  }
}

/* Where every sentence is the title, the first one is the summary. */
static void keep_one(summarizer *s) {
  sum_sentence *q = s->sentences.items, *first = NULL;
  for (size_t i = s->sentences.n; i > 0; i--) {
    if (q[i - 1].score >= 0) return;
    if (q[i - 1].syllables > 0) first = &q[i - 1];
  }
  if (first) first->score = 0;
}

/* The sentence that alone says most: the best one, and rather a short one. */
static void find_headline(summarizer *s) {
  const sum_sentence *q = s->sentences.items;
  double best = -1;
  s->headline = SIZE_MAX;
  for (size_t i = 0; i < s->sentences.n; i++) {
    double score = q[i].score * (q[i].syllables > MAX_HEADLINE ? sqrt(MAX_HEADLINE / q[i].syllables) : 1);
    if (score < 0 || score <= best) continue;
    best = score;
    s->headline = i;
  }
}

int sum_choose(summarizer *s, const char *title, size_t title_len, const sum_options *o) {
  sum_sentence *q = s->sentences.items;
  for (size_t i = 0; i < s->sentences.n; i++) {
    q[i].chosen = 0;
    if (read_sentence(s, i) != 0) return -1;
  }
  if (weigh_terms(s) != 0) return -1;
  double *v = (double *)s->weights.items + s->terms.terms.n; /* zeros */
  set_norms(s);
  score_all(s, title, title_len, o);
  keep_one(s);
  find_headline(s);
  if (o->method == SUM_LEAD) {
    choose_lead(s, o);
    return 0;
  }
  if (rank_sentences(s) != 0) return -1;
  choose_centroid(s, o, v);
  return 0;
}

/* A word that stands often and is more than a syllable, or a name, tells more. */
static double keyword_weight(const sum_term *t) {
  if (t->flags & SUM_TERM_STOP) return 0;
  bool name = sum_term_is_name(t);
  double kind = t->syllables > 1 ? (name ? 1.3 : 1.0) : (name ? 0.8 : 0.3);
  return t->count * kind * (t->sentences > 1 ? 1.0 : 0.5) * (1.0 + 0.15 * (t->syllables > 2));
}

int sum_keywords(summarizer *s, size_t n, size_t *ret_n) {
  const sum_term *t = s->terms.terms.items;
  size_t count = 0;
  if (lane_vec_reserve(&s->mem, &s->order, sizeof(ranked), s->terms.terms.n + 1) != 0) return -1;
  ranked *r = s->order.items;
  for (size_t i = 0; i < s->terms.terms.n; i++) {
    double weight = keyword_weight(&t[i]);
    if (weight > 0) r[count++] = (ranked){weight, (uint32_t)i};
  }
  if (count) qsort(r, count, sizeof(*r), by_score);
  s->order.n = count < n ? count : n;
  *ret_n = s->order.n;
  return 0;
}

uint32_t sum_keyword(const summarizer *s, size_t i) { return ((const ranked *)s->order.items)[i].id; }
