/* SPDX-License-Identifier: Apache-2.0 */
/* The perceptron, and the model file that comes of it. */
#include "train.h"

#include "dict_build.h"
#include "cells.h"
#include "lexicon.h"
#include "notes.h"
#include "token.h"

/* One sentence ready to learn from: cells, right labels, and the features of its boundaries behind each other. */
typedef struct example {
  uint32_t cells_at, n;
  uint32_t features_at;
} example;

typedef struct trainer {
  const lane_mem *mem;
  const seg_train_data *data;
  const seg_train_options *o;
  lane_vec examples; /* example */
  lane_vec cells;    /* seg_cell */
  lane_vec begins;   /* uint8_t, as long as cells */
  lane_vec features; /* uint32_t */
  lane_vec tokens, scratch, guess;
  int32_t *weights; /* 2^bits, and the two of the label before */
  int64_t *lag;     /* what the average has less than weights * ticks */
  int64_t *total;   /* over all runs */
  int64_t ticks;    /* sentences seen in this run */
  uint32_t random;
} trainer;

static const char *const no_memory = "memory is out";

static uint32_t n_weights(const trainer *tr) { return (1u << tr->o->bits) + 2; }

static const seg_tb_sentence *sentence(const trainer *tr, size_t i) {
  return (const seg_tb_sentence *)tr->data->treebank->sentences.items + i;
}

static size_t n_sentences(const trainer *tr) { return tr->data->treebank->sentences.n; }

static bool used(const trainer *tr, size_t i) { return !tr->data->use || tr->data->use[i]; }

/* Neighbours are in different blocks: text to come has names of the treebank's articles, too. */
static size_t block_of(const trainer *tr, size_t i) { return (i / tr->o->blocks + i) % tr->o->blocks; }

/* ---- the dictionary ---------------------------------------------------------------------------------------------- */

/* Adds the words of several syllables of a sentence. */
static int add_sentence_words(const trainer *tr, size_t i, seg_build *b) {
  const seg_tb_sentence *s = sentence(tr, i);
  const char *text = (const char *)tr->data->treebank->text.items + s->at;
  const char *ends = (const char *)tr->data->treebank->ends.items + s->at;
  size_t start = 0;
  for (size_t k = 0; k < s->n; k++) {
    if (!ends[k]) continue;
    while (start < k && text[start] == ' ') start++;
    size_t n = k + 1 - start;
    bool several = memchr(text + start, ' ', n) && !memchr(text + start, '#', n) && text[start] != '!';
    if (several && seg_build_list(b, text + start, n) != 0) return -1;
    start = k + 1;
  }
  return 0;
}

/* The lists' words and those of the sentences that `in` names, with notes. 0, -1 when memory is out, -2. */
static int make_dict_of(const trainer *tr, const bool *in, void **ret_block, size_t *ret_size) {
  seg_build b;
  int rc = 0;
  seg_build_init(&b, tr->mem);
  b.listed = true;
  for (size_t i = 0; rc == 0 && i < tr->data->n_lists; i++) {
    rc = seg_build_list(&b, tr->data->lists[i].text, tr->data->lists[i].n);
  }
  b.listed = false;
  for (size_t i = 0; rc == 0 && i < n_sentences(tr); i++) {
    if (in[i]) rc = add_sentence_words(tr, i, &b);
  }
  if (rc == 0) rc = seg_build_block(&b, ret_block, ret_size);
  seg_build_done(&b);
  if (rc != 0) return rc;
  rc = seg_notes_make(tr->mem, tr->data->treebank, in, *ret_block, *ret_size);
  if (rc != 0) tr->mem->free(*ret_block);
  return rc;
}

/* Of all blocks of the treebank but one (SIZE_MAX: of all). *ret_block is set only when it works. */
static const char *make_dict(const trainer *tr, size_t without, void **ret_block, size_t *ret_size) {
  bool *in = tr->mem->alloc(n_sentences(tr) * sizeof(bool));
  void *block = NULL;
  if (!in) return no_memory;
  for (size_t i = 0; i < n_sentences(tr); i++) in[i] = used(tr, i) && block_of(tr, i) != without;
  int rc = make_dict_of(tr, in, &block, ret_size);
  tr->mem->free(in);
  if (rc == 0) *ret_block = block;
  return rc == 0 ? NULL : rc == -1 ? no_memory : "the words have more than 65535 different syllables";
}

/* ---- examples ---------------------------------------------------------------------------------------------------- */

static int add_features(trainer *tr, const seg_cell *c, size_t n) {
  for (size_t i = 1; i < n; i++) {
    if (!c[i].joins) continue;
    if (lane_vec_reserve(tr->mem, &tr->features, sizeof(uint32_t), tr->features.n + SEG_N_FEATURES) != 0) return -1;
    seg_features(&c[i], tr->o->bits, (uint32_t *)tr->features.items + tr->features.n);
    tr->features.n += SEG_N_FEATURES;
  }
  return 0;
}

static int add_example(trainer *tr, const seg_lexicon *lex, size_t i) {
  const seg_tb_sentence *s = sentence(tr, i);
  const char *text = (const char *)tr->data->treebank->text.items + s->at;
  const char *ends = (const char *)tr->data->treebank->ends.items + s->at;
  seg_cell *c;
  tr->tokens.n = 0;
  if (seg_tokenize(&tr->tokens, tr->mem, &lex->dict, text, 0, s->n) != 0) return -1;
  const seg_token *t = tr->tokens.items;
  size_t n = tr->tokens.n, total = tr->cells.n + n;
  if (seg_cells(&tr->scratch, lex, t, n, &c) != 0 || total > UINT32_MAX || tr->features.n > UINT32_MAX) return -1;
  if (lane_vec_reserve(tr->mem, &tr->cells, sizeof(seg_cell), total) != 0) return -1;
  if (lane_vec_reserve(tr->mem, &tr->begins, 1, total) != 0) return -1;
  if (lane_vec_reserve(tr->mem, &tr->guess, 1, n) != 0) return -1;
  if (lane_vec_reserve(tr->mem, &tr->examples, sizeof(example), tr->examples.n + 1) != 0) return -1;
  example e = {(uint32_t)tr->cells.n, (uint32_t)n, (uint32_t)tr->features.n};
  ((example *)tr->examples.items)[tr->examples.n++] = e;
  memcpy((seg_cell *)tr->cells.items + e.cells_at, c, n * sizeof(seg_cell));
  uint8_t *begins = (uint8_t *)tr->begins.items + e.cells_at;
  for (size_t k = 0; k < n; k++) begins[k] = !c[k].joins || seg_tb_word_ends(text, ends, t[k].start);
  tr->cells.n = tr->begins.n = total;
  return add_features(tr, c, n);
}

/* Each block is seen with a dictionary without its own words, so that what is learnt of the dictionary holds for new
 * text. */
static const char *make_examples(trainer *tr) {
  for (size_t block = 0; block < tr->o->blocks; block++) {
    void *data = NULL;
    size_t size;
    const char *wrong = make_dict(tr, block, &data, &size);
    seg_dict d;
    if (!wrong) wrong = seg_dict_open(&d, data, size);
    if (wrong) {
      if (data) tr->mem->free(data);
      return wrong;
    }
    seg_lexicon lex;
    seg_lexicon_bare(&lex, tr->mem, &d);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n_sentences(tr); i++) {
      if (used(tr, i) && block_of(tr, i) == block) rc = add_example(tr, &lex, i);
    }
    tr->mem->free(data);
    if (rc != 0) return no_memory;
  }
  return tr->examples.n ? NULL : "the treebank has no sentences";
}

/* ---- learning ---------------------------------------------------------------------------------------------------- */

static void change(trainer *tr, uint32_t i, int32_t by) {
  tr->weights[i] += by;
  tr->lag[i] += by * tr->ticks;
}

static void score_example(const trainer *tr, const example *e, seg_cell *c) {
  const uint32_t *f = (const uint32_t *)tr->features.items + e->features_at;
  for (uint32_t i = 0; i < e->n; i++) {
    c[i].score = -SEG_SCORE_FORCED;
    if (!c[i].joins) continue;
    c[i].score = c[i].linked = 0;
    for (unsigned k = 0; k < SEG_N_PLAIN; k++) c[i].score += tr->weights[*f++];
    for (unsigned k = 0; k < SEG_N_LINKED; k++) c[i].linked += tr->weights[*f++];
  }
}

static void learn(trainer *tr, const example *e) {
  seg_cell *c = (seg_cell *)tr->cells.items + e->cells_at;
  const uint8_t *gold = (const uint8_t *)tr->begins.items + e->cells_at;
  const uint32_t *f = (const uint32_t *)tr->features.items + e->features_at;
  uint8_t *guess = tr->guess.items;
  uint32_t before = 1u << tr->o->bits;
  score_example(tr, e, c);
  seg_best_labels(c, e->n, tr->weights[before], tr->weights[before + 1], guess);
  tr->ticks++;
  for (uint32_t i = 1; i < e->n; i++) {
    if (!c[i].joins) continue;
    int32_t by = (int32_t)guess[i] - (int32_t)gold[i]; /* 1: should have been inside */
    int32_t linked = (!gold[i] && !gold[i - 1]) - (!guess[i] && !guess[i - 1]);
    for (unsigned k = 0; by && k < SEG_N_PLAIN; k++) change(tr, f[k], by);
    for (unsigned k = SEG_N_PLAIN; linked && k < SEG_N_FEATURES; k++) change(tr, f[k], linked);
    if (!gold[i]) change(tr, before + !gold[i - 1], 1);
    if (!guess[i]) change(tr, before + !guess[i - 1], -1);
    f += SEG_N_FEATURES;
  }
}

static uint32_t next_random(trainer *tr) {
  tr->random ^= tr->random << 13;
  tr->random ^= tr->random >> 17;
  return tr->random ^= tr->random << 5;
}

static void run(trainer *tr, uint32_t *order, uint32_t number) {
  uint32_t n = (uint32_t)tr->examples.n;
  memset(tr->weights, 0, n_weights(tr) * sizeof(int32_t));
  memset(tr->lag, 0, n_weights(tr) * sizeof(int64_t));
  tr->ticks = 0;
  tr->random = (tr->o->seed + number) * 2654435761u | 1u;
  for (uint32_t i = 0; i < n; i++) order[i] = i;
  for (uint32_t pass = 0; pass < tr->o->passes; pass++) {
    for (uint32_t i = n - 1; i > 0; i--) {
      uint32_t k = next_random(tr) % (i + 1), swap = order[i];
      order[i] = order[k];
      order[k] = swap;
    }
    for (uint32_t i = 0; i < n; i++) learn(tr, (const example *)tr->examples.items + order[i]);
  }
  for (uint32_t i = 0; i < n_weights(tr); i++) tr->total[i] += tr->weights[i] * tr->ticks - tr->lag[i];
}

static const char *learn_all(trainer *tr) {
  size_t n = n_weights(tr);
  uint32_t *order = tr->mem->alloc(tr->examples.n * sizeof(uint32_t));
  tr->weights = tr->mem->alloc(n * sizeof(int32_t));
  tr->lag = tr->mem->alloc(n * sizeof(int64_t));
  tr->total = tr->mem->alloc(n * sizeof(int64_t));
  bool ok = order && tr->weights && tr->lag && tr->total;
  if (ok) memset(tr->total, 0, n * sizeof(int64_t));
  for (uint32_t i = 0; ok && i < tr->o->runs; i++) run(tr, order, i);
  if (order) tr->mem->free(order);
  return ok ? NULL : no_memory;
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

static int64_t largest(const trainer *tr) {
  int64_t most = 1;
  for (uint32_t i = 0; i < n_weights(tr); i++) {
    int64_t w = tr->total[i] < 0 ? -tr->total[i] : tr->total[i];
    if (w > most) most = w;
  }
  return most;
}

/* The weight on a scale on which the largest is 32767, rounded. */
static int32_t quantised(int64_t w, int64_t most) {
  int64_t scaled =
      most > INT64_MAX / 40000 ? w / (most / 32767) : (w * 32767 * 2 + (w < 0 ? -most : most)) / (2 * most);
  return (int32_t)(scaled < -32767 ? -32767 : scaled > 32767 ? 32767 : scaled);
}

static const char *make_block(const trainer *tr, void **ret_block, size_t *ret_size) {
  void *dict = NULL;
  size_t dict_size, n = (size_t)1 << tr->o->bits;
  const char *wrong = make_dict(tr, SIZE_MAX, &dict, &dict_size);
  if (wrong) return wrong;
  seg_model_head h = {.version = SEG_MODEL_VERSION, .order = SEG_MODEL_ORDER, .features = SEG_FEATURES_VERSION};
  memcpy(h.magic, SEG_MODEL_MAGIC, sizeof(h.magic));
  h.bits = tr->o->bits;
  h.dict_at = sizeof(h);
  h.dict_size = (uint32_t)dict_size;
  h.weights_at = (uint32_t)((sizeof(h) + dict_size + 7) / 8 * 8);
  h.size = h.weights_at + n * sizeof(int16_t);
  h.sentences = (uint32_t)tr->examples.n;
  int64_t most = largest(tr);
  h.after_begin = quantised(tr->total[n], most);
  h.after_inside = quantised(tr->total[n + 1], most);
  char *block = h.size > SEG_MODEL_MAX_SIZE ? NULL : tr->mem->alloc(h.size);
  if (!block) {
    tr->mem->free(dict);
    return no_memory;
  }
  memset(block, 0, h.size);
  memcpy(block + h.dict_at, dict, dict_size);
  tr->mem->free(dict);
  int16_t *weights = (int16_t *)(void *)(block + h.weights_at);
  for (size_t i = 0; i < n; i++) weights[i] = (int16_t)quantised(tr->total[i], most);
  memcpy(block, &h, sizeof(h));
  h.checksum = seg_model_checksum(block, h.size);
  memcpy(block, &h, sizeof(h));
  *ret_block = block;
  *ret_size = h.size;
  return NULL;
}

static void trainer_done(trainer *tr) {
  lane_vec *vecs[] = {&tr->examples, &tr->cells, &tr->begins, &tr->features, &tr->tokens, &tr->scratch, &tr->guess};
  void *blocks[] = {tr->weights, tr->lag, tr->total};
  for (size_t i = 0; i < sizeof(vecs) / sizeof(vecs[0]); i++) lane_vec_done(tr->mem, vecs[i]);
  for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
    if (blocks[i]) tr->mem->free(blocks[i]);
  }
}

const char *seg_train(const lane_mem *mem, const seg_train_data *data, const seg_train_options *o, void **ret_block,
                      size_t *ret_size) {
  trainer tr = {.mem = mem, .data = data, .o = o};
  if (o->bits < SEG_MODEL_MIN_BITS || o->bits > SEG_MODEL_MAX_BITS) return "the bits must be 8 to 22";
  if (o->passes < 1 || o->passes > 1000 || o->runs < 1 || o->runs > 1000) return "passes and runs must be 1 to 1000";
  if (o->blocks < 1 || o->blocks > 1000) return "the blocks must be 1 to 1000";
  const char *wrong = data->treebank->sentences.n ? make_examples(&tr) : "the treebank has no sentences";
  if (!wrong && !tr.features.n) wrong = "the treebank has no two syllables beside each other: nothing can be learned";
  if (!wrong) wrong = learn_all(&tr);
  if (!wrong) wrong = make_block(&tr, ret_block, ret_size);
  trainer_done(&tr);
  return wrong;
}
