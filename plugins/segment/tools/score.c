/* SPDX-License-Identifier: Apache-2.0 */
/* Compares what the segmenter finds with a treebank. Part of the training tool. */
#include "segment.h"
#include "train.h"

double seg_score_precision(const seg_score *s) { return s->found ? (double)s->right / (double)s->found : 0; }
double seg_score_recall(const seg_score *s) { return s->gold ? (double)s->right / (double)s->gold : 0; }
double seg_score_f1(const seg_score *s) {
  return s->found + s->gold ? 2.0 * (double)s->right / (double)(s->found + s->gold) : 0;
}

/* A span is right when a word of the treebank begins and ends with it and none ends inside. */
static bool is_right(const char *text, const char *ends, seg_range r) {
  size_t before = r.start;
  while (before > 0 && text[before - 1] == ' ') before--;
  if ((before > 0 && !ends[before - 1]) || !ends[r.end - 1]) return false;
  for (size_t i = r.start; i + 1 < r.end; i++) {
    if (ends[i]) return false;
  }
  return true;
}

int seg_score_words(const lane_mem *mem, const seg_model *m, const seg_treebank *tb, const bool *use, seg_score *s) {
  const seg_tb_sentence *all = tb->sentences.items;
  seg_lexicon lex;
  segmenter sg;
  size_t skipped;
  int rc = seg_lexicon_init(&lex, mem, m, NULL, 0, &skipped);
  segmenter_init(&sg, &lex, SEG_BREAK_SPACE);
  for (size_t i = 0; rc == 0 && i < tb->sentences.n; i++) {
    if (use && !use[i]) continue;
    const char *text = (const char *)tb->text.items + all[i].at, *ends = (const char *)tb->ends.items + all[i].at;
    rc = segmenter_run(&sg, text, all[i].n, SEG_LANG_VI);
    for (size_t k = 0; k < all[i].n; k++) s->gold += ends[k] != 0;
    s->found += sg.words.n;
    for (size_t k = 0; k < sg.words.n; k++) s->right += is_right(text, ends, ((const seg_range *)sg.words.items)[k]);
  }
  segmenter_done(&sg);
  seg_lexicon_done(&lex);
  return rc == 0 ? 0 : -1;
}

/* All sentences in one text, and the end of each. */
static int join(const lane_mem *mem, const seg_treebank *tb, size_t per, lane_vec *text, lane_vec *ends) {
  const seg_tb_sentence *all = tb->sentences.items;
  for (size_t i = 0; i < tb->sentences.n; i++) {
    const char *s = (const char *)tb->text.items + all[i].at;
    size_t n = all[i].n;
    while (n > 0 && s[n - 1] == ' ') n--;
    if (n == 0) continue;
    if (lane_vec_reserve(mem, text, 1, text->n + n + 2) != 0) return -1;
    if (lane_vec_reserve(mem, ends, sizeof(uint32_t), ends->n + 1) != 0) return -1;
    memcpy((char *)text->items + text->n, s, n);
    text->n += n;
    ((uint32_t *)ends->items)[ends->n++] = (uint32_t)text->n;
    bool last = per && (i + 1) % per == 0;
    memcpy((char *)text->items + text->n, last ? "\n\n" : " ", last ? 2 : 1);
    text->n += last ? 2 : 1;
  }
  return 0;
}

int seg_score_sentences(const lane_mem *mem, const seg_model *m, const seg_treebank *tb, size_t per, seg_score *s) {
  seg_lexicon lex;
  segmenter sg;
  lane_vec text = {0}, ends = {0};
  size_t skipped, at = 0;
  int rc = seg_lexicon_init(&lex, mem, m, NULL, 0, &skipped);
  segmenter_init(&sg, &lex, SEG_BREAK_AUTO);
  if (rc == 0) rc = join(mem, tb, per, &text, &ends);
  if (rc == 0) rc = segmenter_run(&sg, text.items, text.n, SEG_LANG_VI);
  for (size_t i = 0; rc == 0 && i < sg.sentences.n; i++) {
    uint32_t end = ((const seg_result_sentence *)sg.sentences.items)[i].end;
    const uint32_t *gold = ends.items;
    while (at < ends.n && gold[at] < end) at++;
    s->right += at < ends.n && gold[at] == end;
  }
  s->gold += ends.n;
  s->found += sg.sentences.n;
  segmenter_done(&sg);
  seg_lexicon_done(&lex);
  lane_vec_done(mem, &text);
  lane_vec_done(mem, &ends);
  return rc == 0 ? 0 : -1;
}
