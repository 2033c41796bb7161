/* SPDX-License-Identifier: Apache-2.0 */
/* Puts the parts together: paragraph by paragraph into tokens, sentences, words. */
#include "segment.h"

#include "sentence.h"
#include "token.h"
#include "vi_text.h"
#include "words.h"

void segmenter_init(segmenter *sg, const seg_lexicon *lex, int breaks) {
  memset(sg, 0, sizeof(*sg));
  sg->lex = lex;
  sg->breaks = breaks;
}

void segmenter_done(segmenter *sg) {
  lane_vec *all[] = {&sg->paragraphs, &sg->sentences, &sg->words, &sg->tokens, &sg->bounds, &sg->begins, &sg->lattice};
  for (size_t i = 0; sg->lex && i < sizeof(all) / sizeof(all[0]); i++) lane_vec_done(&sg->lex->mem, all[i]);
}

static int add_words(segmenter *sg, const seg_token *t, size_t n, int language) {
  const lane_mem *mem = &sg->lex->mem;
  if (lane_vec_reserve(mem, &sg->begins, 1, n) != 0) return -1;
  if (lane_vec_reserve(mem, &sg->words, sizeof(seg_range), sg->words.n + n) != 0) return -1;
  uint8_t *begins = sg->begins.items;
  if (language == SEG_LANG_VI) {
    if (seg_words_mark(&sg->lattice, sg->lex, t, n, begins) != 0) return -1;
  } else {
    memset(begins, 1, n);
  }
  seg_range *words = sg->words.items;
  for (size_t i = 0; i < n; i++) {
    if (begins[i]) {
      words[sg->words.n++] = (seg_range){t[i].start, t[i].end};
    } else {
      words[sg->words.n - 1].end = t[i].end;
    }
  }
  return 0;
}

static int add_paragraph(segmenter *sg, const char *s, seg_range p) {
  const lane_mem *mem = &sg->lex->mem;
  sg->tokens.n = sg->bounds.n = 0;
  if (seg_tokenize(&sg->tokens, mem, &sg->lex->dict, s, p.start, p.end) != 0) return -1;
  const seg_token *t = sg->tokens.items;
  if (seg_sentences(&sg->bounds, mem, sg->lex, t, sg->tokens.n) != 0) return -1;
  if (lane_vec_reserve(mem, &sg->sentences, sizeof(seg_result_sentence), sg->sentences.n + sg->bounds.n) != 0)
    return -1;
  for (size_t i = 0; i < sg->bounds.n; i++) {
    seg_sentence b = ((const seg_sentence *)sg->bounds.items)[i];
    seg_result_sentence r = {t[b.first].start, t[b.last - 1].end, (uint32_t)sg->words.n, 0, sg->language};
    if (sg->mixed) r.language = seg_sentence_language(sg->lex, t + b.first, b.last - b.first, sg->language);
    if (add_words(sg, t + b.first, b.last - b.first, r.language) != 0) return -1;
    r.last_word = (uint32_t)sg->words.n;
    ((seg_result_sentence *)sg->sentences.items)[sg->sentences.n++] = r;
  }
  return 0;
}

int segmenter_run(segmenter *sg, const char *s, size_t n, int language) {
  sg->paragraphs.n = sg->sentences.n = sg->words.n = 0;
  if (n > SEG_MAX_TEXT) return -2;
  sg->mixed = language < 0;
  sg->language = language >= 0 ? language : seg_language(sg->lex, s, n);
  if (seg_paragraphs(&sg->paragraphs, &sg->lex->mem, s, n, sg->breaks) != 0) return -1;
  for (size_t i = 0; i < sg->paragraphs.n; i++) {
    if (add_paragraph(sg, s, ((const seg_range *)sg->paragraphs.items)[i]) != 0) return -1;
  }
  return 0;
}

int segmenter_words_text(const segmenter *sg, const char *s, size_t i, lane_vec *out) {
  seg_result_sentence r = ((const seg_result_sentence *)sg->sentences.items)[i];
  const seg_range *words = sg->words.items;
  /* A word is never longer than its slice, and a space parts it from the next. */
  size_t room = out->n + (r.end - r.start) + (r.last_word - r.first_word) + 1;
  if (lane_vec_reserve(&sg->lex->mem, out, 1, room) != 0) return -1;
  char *o = (char *)out->items + out->n;
  for (uint32_t w = r.first_word; w < r.last_word; w++) {
    if (w > r.first_word) *o++ = ' ';
    for (size_t k = words[w].start; k < words[w].end;) {
      size_t from = k;
      uint32_t cp = vi_next(s, words[w].end, &k);
      if (vi_is_space(cp)) {
        if (o[-1] != '_') *o++ = '_';
      } else {
        memcpy(o, s + from, k - from);
        o += k - from;
      }
    }
  }
  out->n = (size_t)(o - (char *)out->items);
  return 0;
}
