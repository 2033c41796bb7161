/* SPDX-License-Identifier: Apache-2.0 */
/* Which patterns may begin at a token: lists by word, class and shape. */
#include <string.h>

#include <sluice/plugin.h>

#include "annot.h"
#include "lexicon.h"
#include "pattern_impl.h"

/* Makes room for what is known of a syllable. */
static int make_word(ex_patterns *ps, uint32_t syllable) {
  if (ex_patterns_room((void **)&ps->open.words, syllable + 1, &ps->cap_words, 1) != 0 ||
      ex_patterns_room((void **)&ps->by_word, syllable + 1, &ps->cap_lists, sizeof(*ps->by_word)) != 0)
    return SL_ENOMEM;
  for (uint32_t n = ps->open.n_words; n <= syllable; n++) {
    ps->open.words[n] = 0;
    memset(ps->by_word[n], 0, sizeof(ps->by_word[n]));
  }
  if (ps->open.n_words <= syllable) ps->open.n_words = syllable + 1;
  return 0;
}

/* Is there a way through the program on which no word is read? */
static bool wordless(const struct code *code, unsigned n) {
  bool reach[PROGRAM_MAX + 1] = {true};
  /* Jumps lead forwards only. */
  for (unsigned pc = 0; pc < n; pc++) {
    if (!reach[pc]) continue;
    if (code[pc].op == OP_END) return true;
    if (code[pc].op == OP_SPLIT || code[pc].op == OP_JUMP) reach[code[pc].to] = true;
    if (code[pc].op != OP_JUMP && code[pc].op != OP_WORD) reach[pc + 1] = true;
  }
  return false;
}

/* Patterns that begin with a shape are tried only before one of their words. */
static int note_anchors(ex_patterns *ps, const struct code *code, unsigned n) {
  for (unsigned pc = 0; pc < n; pc++) {
    if (code[pc].op != OP_WORD) continue;
    if (make_word(ps, code[pc].a) != 0) return SL_ENOMEM;
    ps->open.words[code[pc].a] |= EX_PAT_ANCHOR;
  }
  return 0;
}

/* The list of the patterns that begin with this instruction; NULL when memory is out. */
static uint32_t *list_of(ex_patterns *ps, unsigned kind, const struct code *code, bool anchored) {
  struct lists *l = &ps->lists[kind];
  switch (code->op) {
  case OP_CLASS:
    ps->open.classes[kind] |= EX_BIT(code->a);
    return &l->by_class[code->a];
  case OP_WORD:
    if (make_word(ps, code->a) != 0) return NULL;
    ps->open.words[code->a] |= (uint8_t)(1u << kind);
    return &ps->by_word[code->a][kind];
  case OP_ENTITY:
    ps->open.entities[kind] = true;
    return &l->by[BY_ENTITY];
  case OP_NUMBER:
    ps->open.flags[kind] |= TK_NUM;
    return &l->by[BY_NUMBER];
  case OP_SHAPE:
    if (anchored) {
      ps->open.flags[kind] |= code->a & TK_UPPER ? TK_UPPER : TK_WORD;
      return &l->by[code->a & TK_UPPER ? BY_CAPITAL : BY_LETTERS];
    }
    break;
  default:
    break;
  }
  ps->open.flags[kind] |= TK_WORD | TK_NUM | TK_PUNCT;
  return &l->by[BY_ANY];
}

/* Marks the instructions that may be asked at pc before anything is read; reach[n]: the match may end. */
static void reachable(const struct code *code, unsigned n, unsigned pc, bool *reach) {
  bool on[PROGRAM_MAX + 1] = {false};
  memset(reach, 0, (n + 1) * sizeof(*reach));
  on[pc] = true;
  /* Jumps lead forwards only. */
  for (; pc < n; pc++) {
    if (!on[pc]) continue;
    unsigned op = code[pc].op;
    if (op == OP_SPLIT || op == OP_JUMP) on[code[pc].to] = true;
    if (op == OP_SPLIT || op == OP_SAVE || op == OP_START || op == OP_GLUED) {
      on[pc + 1] = true;
    } else if (op != OP_JUMP) {
      reach[op == OP_END ? n : pc] = true;
    }
  }
}

/* What may follow the element of instruction pc. */
static void note_second(const struct code *code, unsigned n, unsigned pc, struct second *s) {
  bool reach[PROGRAM_MAX + 1];
  reachable(code, n, pc + 1, reach);
  s->any |= reach[n] || code[pc].op == OP_CLASS || code[pc].op == OP_GLUED;
  for (unsigned k = 0; k < n; k++) {
    if (!reach[k]) continue;
    switch (code[k].op) {
    case OP_WORD:
      s->words |= ex_lex_bit(code[k].a);
      break;
    case OP_CLASS:
      s->classes |= EX_BIT(code[k].a);
      break;
    case OP_ENTITY:
      s->types |= code[k].a;
      break;
    default:
      s->flags |= code[k].op == OP_NUMBER ? TK_NUM : code[k].op == OP_MARK ? TK_PUNCT : TK_WORD;
    }
  }
}

/* Adds the pattern to a list, or what follows instruction pc to the entry that it has there. */
static int enter(ex_patterns *ps, uint32_t *list, const struct code *code, unsigned n, unsigned pc, uint32_t pattern) {
  if (!*list || ps->entries[*list - 1].pattern != pattern) {
    if (ex_patterns_room((void **)&ps->entries, ps->n_entries + 1, &ps->cap_entries, sizeof(struct entry)) != 0)
      return SL_ENOMEM;
    ps->entries[ps->n_entries] = (struct entry){.pattern = pattern, .next = *list, .entity = code[pc].op == OP_ENTITY};
    *list = ++ps->n_entries;
  }
  struct entry *e = &ps->entries[*list - 1];
  if (e->entity != (code[pc].op == OP_ENTITY)) e->second.any = true;
  note_second(code, n, pc, &e->second);
  return 0;
}

int ex_patterns_index(ex_patterns *ps, const struct code *code, unsigned n, uint32_t pattern) {
  bool reach[PROGRAM_MAX + 1] = {false}, anchored = !wordless(code, n);
  unsigned kind = ps->items[pattern].type == EX_PAT_ORDER ? EX_PAT_ORDERS : EX_PAT_NAMES;
  reachable(code, n, 0, reach);
  for (unsigned pc = 0; pc < n; pc++) {
    if (!reach[pc]) continue;
    if (code[pc].op == OP_SHAPE && anchored && note_anchors(ps, code, n) != 0) return SL_ENOMEM;
    uint32_t *list = list_of(ps, kind, &code[pc], anchored);
    if (!list || enter(ps, list, code, n, pc, pattern) != 0) return SL_ENOMEM;
  }
  return 0;
}
