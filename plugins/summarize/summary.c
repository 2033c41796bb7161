/* SPDX-License-Identifier: Apache-2.0 */
/* Scores sentences and chooses among them. */
#include "summary.h"

#include <math.h>
#include <stdlib.h>

#include "vi_text.h"

/* Parts of a score. Chosen on news; the lead of an article is its best summary, so the place counts, but for the first
 * sentences only. */
#define W_CENTROID 0.55
#define W_PLACE 0.25
#define W_TITLE 0.20
/* Relevance against repetition. */
#define LAMBDA 0.85
/* A sentence this like a chosen one says the same. */
#define SAME 0.75
/* Sentences shorter than MIN say too little, longer ones than MAX too much at once. Syllables. */
#define MIN_LEN 8.0
#define MAX_LEN 50.0
/* How fast the place loses its weight, and how many words of a title are looked at. */
#define PLACE_DECAY 0.7
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

/* How much a term tells about the subject: often in the text, and in several sentences. */
static int weigh_terms(summarizer *s) {
  size_t n = s->terms.terms.n;
  if (lane_vec_reserve(&s->mem, &s->weights, sizeof(double), n * 2 + 1) != 0) return -1;
  double *w = s->weights.items;
  const sum_term *t = s->terms.terms.items;
  for (size_t i = 0; i < n; i++) {
    w[i] = t[i].flags & SUM_TERM_STOP ? 0 : log(1.0 + t[i].count) * (t[i].sentences > 1 ? 1.0 : 0.4);
  }
  s->weights.n = n;
  return 0;
}

/* Cosine of a sentence with the vector v (by term) of length norm. */
static double cosine(const summarizer *s, const sum_sentence *q, const double *v, double norm) {
  const sum_use *u = (const sum_use *)s->uses.items + q->first_term;
  const double *w = s->weights.items;
  double dot = 0;
  for (uint32_t i = 0; i < q->n_terms; i++) dot += u[i].count * w[u[i].term] * v[u[i].term];
  return q->norm > 0 && norm > 0 ? dot / (q->norm * norm) : 0;
}

static void set_norms(summarizer *s) {
  sum_sentence *q = s->sentences.items;
  const sum_use *uses = s->uses.items;
  const double *w = s->weights.items;
  for (size_t i = 0; i < s->sentences.n; i++) {
    double sum = 0;
    for (uint32_t k = 0; k < q[i].n_terms; k++) {
      double x = uses[q[i].first_term + k].count * w[uses[q[i].first_term + k].term];
      sum += x * x;
    }
    q[i].norm = sqrt(sum);
  }
}

/* Puts the title's terms into v (zero before); returns its length as a vector. The title has no words marked, so at
 * each syllable the longest of its next four that the text has as a word is taken. */
static double title_vector(const summarizer *s, sum_terms *terms, const char *title, size_t n, double *v) {
  const double *w = s->weights.items;
  size_t starts[MAX_TITLE], ends[MAX_TITLE], count = 0;
  vi_word word;
  for (size_t at = 0; count < MAX_TITLE && at < n && vi_next_word(title, n, &at, &word); count++) {
    starts[count] = word.start;
    ends[count] = word.end;
  }
  double sum = 0;
  for (size_t i = 0; i < count;) {
    size_t step = count - i < 4 ? count - i : 4;
    uint32_t id = SUM_NOT_THERE;
    for (; step > 0; step--) {
      id = sum_terms_find(terms, title + starts[i], ends[i + step - 1] - starts[i], false);
      if (id != SUM_NOT_THERE) break;
    }
    if (id != SUM_NOT_THERE && v[id] == 0) {
      v[id] = w[id];
      sum += w[id] * w[id];
    }
    i += step ? step : 1;
  }
  return sqrt(sum);
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

/* Scores every sentence. v: zeros, one for each term. */
static void score_all(summarizer *s, const char *title, size_t title_len, double *v) {
  sum_sentence *q = s->sentences.items;
  const sum_term *terms = s->terms.terms.items;
  const double *w = s->weights.items;
  size_t n = s->sentences.n, n_terms = s->terms.terms.n;
  double best = 0, title_norm = title ? title_vector(s, &s->terms, title, title_len, v) : 0;
  for (size_t i = 0; i < n; i++) q[i].redundancy = cosine(s, &q[i], v, title_norm);
  double norm = 0;
  for (size_t i = 0; i < n_terms; i++) {
    v[i] = terms[i].flags & SUM_TERM_STOP ? 0 : w[i];
    norm += v[i] * v[i];
  }
  norm = sqrt(norm);
  for (size_t i = 0; i < n; i++) {
    q[i].score = cosine(s, &q[i], v, norm);
    if (q[i].score > best) best = q[i].score;
  }
  size_t before = 0; /* sentences that could be chosen; the title takes no place */
  for (size_t i = 0; i < n; i++) {
    double centroid = best > 0 ? q[i].score / best : 0, like_title = q[i].redundancy;
    double place = 1.0 / (1.0 + PLACE_DECAY * (double)before) + (q[i].paragraph_start ? 0.05 : 0);
    double worth = W_CENTROID * centroid + W_PLACE * place + W_TITLE * like_title;
    bool no_candidate = q[i].syllables == 0 || (n > 1 && is_title(&q[i], like_title, title_len));
    q[i].score = worth * length_factor(q[i].syllables) * opening_factor(s, &q[i]) * form_factor(&q[i]);
    if (no_candidate) q[i].score = -1;
    before += !no_candidate;
    q[i].redundancy = 0;
  }
  memset(v, 0, n_terms * sizeof(double));
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
  const double *w = s->weights.items;
  for (uint32_t i = 0; i < chosen->n_terms; i++) v[u[i].term] = u[i].count * w[u[i].term];
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

int sum_choose(summarizer *s, const char *title, size_t title_len, const sum_options *o) {
  sum_sentence *q = s->sentences.items;
  for (size_t i = 0; i < s->sentences.n; i++) {
    q[i].chosen = 0;
    if (read_sentence(s, i) != 0) return -1;
  }
  if (weigh_terms(s) != 0) return -1;
  double *v = (double *)s->weights.items + s->terms.terms.n;
  memset(v, 0, s->terms.terms.n * sizeof(double));
  set_norms(s);
  score_all(s, title, title_len, v);
  keep_one(s);
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
