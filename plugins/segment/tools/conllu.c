/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the second, fourth and tenth of the ten columns of CoNLL-U. */
#include "conllu.h"

typedef struct column {
  const char *s;
  size_t n;
} column;

void seg_treebank_init(seg_treebank *tb, const lane_mem *mem) {
  memset(tb, 0, sizeof(*tb));
  tb->mem = *mem;
}

void seg_treebank_done(seg_treebank *tb) {
  lane_vec_done(&tb->mem, &tb->text);
  lane_vec_done(&tb->mem, &tb->ends);
  lane_vec_done(&tb->mem, &tb->sentences);
}

static bool equals(column c, const char *word) { return c.n == strlen(word) && memcmp(c.s, word, c.n) == 0; }

/* The columns of a line; returns how many there are, ten at most. */
static unsigned split(const char *line, size_t n, column out[10]) {
  unsigned count = 0;
  while (count < 10) {
    const char *tab = memchr(line, '\t', n);
    size_t len = tab ? (size_t)(tab - line) : n;
    out[count++] = (column){line, len};
    if (!tab) break;
    line += len + 1;
    n -= len + 1;
  }
  return count;
}

static bool is_plain_number(column c) {
  for (size_t i = 0; i < c.n; i++) {
    if (c.s[i] < '0' || c.s[i] > '9') return false;
  }
  return c.n > 0;
}

static char part_of_speech(column c) {
  static const char *const names[] = {"NOUN", "VERB",  "ADV", "ADP", "ADJ",   "PROPN", "PRON",
                                      "NUM",  "SCONJ", "AUX", "DET", "CCONJ", "PART",  "X"};
  for (int i = 0; i < (int)(sizeof(names) / sizeof(names[0])); i++) {
    if (equals(c, names[i])) return (char)(SEG_POS_OTHER + 1 + i);
  }
  return SEG_POS_OTHER;
}

/* Appends a word and the space behind it. */
static int add_word(seg_treebank *tb, column form, char pos, bool space) {
  if (equals(form, "LBKT")) form = (column){"(", 1};
  if (equals(form, "RBKT")) form = (column){")", 1};
  size_t need = tb->text.n + form.n + 1;
  if (lane_vec_reserve(&tb->mem, &tb->text, 1, need) != 0) return -1;
  if (lane_vec_reserve(&tb->mem, &tb->ends, 1, need) != 0) return -1;
  char *text = (char *)tb->text.items + tb->text.n, *ends = (char *)tb->ends.items + tb->ends.n;
  memcpy(text, form.s, form.n);
  memset(ends, 0, form.n + 1);
  ends[form.n - 1] = pos;
  text[form.n] = ' ';
  tb->text.n += form.n + space;
  tb->ends.n = tb->text.n;
  return 0;
}

static int end_sentence(seg_treebank *tb, size_t start) {
  if (tb->text.n == start) return 0;
  if (lane_vec_reserve(&tb->mem, &tb->sentences, sizeof(seg_tb_sentence), tb->sentences.n + 1) != 0) return -1;
  ((seg_tb_sentence *)tb->sentences.items)[tb->sentences.n++] = (seg_tb_sentence){start, tb->text.n - start};
  return 0;
}

/* One line that is neither empty nor a remark. 0, -1, or 1 with *ret_why. */
static int add_line(seg_treebank *tb, const char *line, size_t n, size_t start, const char **ret_why) {
  column c[10];
  *ret_why = "expected ten columns parted by tabs";
  if (split(line, n, c) != 10) return 1;
  if (!is_plain_number(c[0])) return 0; /* a range or an empty node: its parts have lines of their own */
  *ret_why = "the second column, the word, is empty";
  if (c[1].n == 0) return 1;
  *ret_why = "the sentence is longer than 64 KiB";
  if (tb->text.n - start + c[1].n > SEG_MAX_SENTENCE) return 1;
  bool glued = false;
  for (size_t i = 0; i + 13 <= c[9].n && !glued; i++) glued = memcmp(c[9].s + i, "SpaceAfter=No", 13) == 0;
  return add_word(tb, c[1], part_of_speech(c[3]), !glued);
}

long seg_treebank_add(seg_treebank *tb, const char *data, size_t n, const char **ret_why) {
  size_t start = tb->text.n;
  long number = 0;
  for (size_t i = 0; i < n;) {
    const char *nl = memchr(data + i, '\n', n - i);
    size_t end = nl ? (size_t)(nl - data) : n, stop = end;
    number++;
    if (stop > i && data[stop - 1] == '\r') stop--;
    if (stop == i) {
      if (end_sentence(tb, start) != 0) return -1;
      start = tb->text.n;
    } else if (data[i] != '#') {
      int rc = add_line(tb, data + i, stop - i, start, ret_why);
      if (rc != 0) return rc < 0 ? -1 : number;
    }
    i = end + 1;
  }
  return end_sentence(tb, start) != 0 ? -1 : 0;
}

bool seg_tb_word_ends(const char *text, const char *ends, size_t at) {
  while (at > 0 && text[at - 1] == ' ') at--;
  return at == 0 || ends[at - 1];
}
