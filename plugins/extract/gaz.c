/* SPDX-License-Identifier: Apache-2.0 */
/* Which unit of the gazetteer a place is. */
#include <string.h>

#include "output.h"

#include <vi_text.h>

#define CHAIN_MAX 64u /* units of one name looked at */

char ex_admin_kind(const ex_doc *doc, uint32_t t) {
  static const struct {
    const char *word, *second;
    char kind;
  } words[] = {{"tỉnh", NULL, 't'},  {"thành", "phố", 'c'}, {"TP", NULL, 'c'},    {"quận", NULL, 'q'},
               {"huyện", NULL, 'h'}, {"thị", "xã", 's'},    {"thị", "trấn", 'n'}, {"TX", NULL, 's'},
               {"TT", NULL, 'n'},    {"phường", NULL, 'p'}, {"xã", NULL, 'x'},    {"đặc", "khu", 'd'},
               {"Q", NULL, 'q'},     {"P", NULL, 'p'},      {"H", NULL, 'h'}};
  for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
    if (ex_word(doc, t, words[i].word) && (!words[i].second || ex_word(doc, t + 1, words[i].second)))
      return words[i].kind;
  return '?';
}

int ex_has_kind(const ex_doc *doc, const ex_hit *gaz, char kind) {
  uint32_t u = ex_lex_entry(doc->lex, gaz->entry)->gaz;
  for (uint32_t n = 0; u && n < CHAIN_MAX; u = ex_lex_unit(doc->lex, u)->next, n++)
    if (ex_lex_unit(doc->lex, u)->kind == kind) return 1;
  return 0;
}

/* The letter of the admin word before a name; 0: there is none, '?': one that is no unit. */
static char kind_before(const ex_doc *doc, const ex_ent *loc) {
  return !loc->core1 || loc->core0 == loc->start ? 0 : ex_admin_kind(doc, loc->t0);
}

static uint32_t first_unit(const ex_lex *lex, uint32_t node) {
  for (uint32_t i = ex_lex_at(lex, node); i; i = ex_lex_entry(lex, i)->next)
    if (ex_lex_entry(lex, i)->cls == C_GAZ) return ex_lex_entry(lex, i)->gaz;
  return 0;
}

/* Units of the name written as text ("Thành phố Hồ Chí Minh" without its admin word). */
static uint32_t units_of_text(const ex_lex *lex, const char *s) {
  uint32_t node = 0, found = 0;
  vi_word w;
  size_t n = strlen(s), i = 0;
  if (n > 12 && strncmp(s, "Thành phố ", strlen("Thành phố ")) == 0) i = strlen("Thành phố ");
  while (vi_next_word(s, n, &i, &w)) {
    node = ex_lex_step(lex, node, ex_lex_id(lex, vi_key_i(w.key)));
    if (!node) return 0;
    found = node;
  }
  return found ? first_unit(lex, found) : 0;
}

static uint32_t units_of_core(const ex_doc *doc, const ex_ent *loc) {
  uint32_t t = loc->t0;
  while (loc->core1 && t + 1 < loc->t1 && doc->tok[t].start < loc->core0) t++;
  for (uint32_t i = doc->hit_at[t]; i < doc->hit_at[t + 1]; i++) {
    const ex_entry *e = ex_lex_entry(doc->lex, doc->hit[i].entry);
    if (t + doc->hit[i].len != loc->t1) continue;
    if (e->cls == C_GAZ) return e->gaz;
    if (e->cls == C_PLACE && e->norm) return units_of_text(doc->lex, ex_lex_string(doc->lex, e->norm));
  }
  return 0;
}

/* 1 if `unit` or one above it is `above`. */
static int lies_in(const ex_lex *lex, uint32_t unit, uint32_t above) {
  for (int k = 0; unit && k < 4; k++) {
    if (unit == above) return 1;
    unit = ex_lex_unit(lex, unit)->parent;
  }
  return 0;
}

/* The place behind a comma: "xã Tân Lập, huyện Vũ Thư, tỉnh Thái Bình". */
static const ex_ent *place_behind(const ex_doc *doc, const ex_ent *loc) {
  if (!ex_is(doc, loc->t1, ',')) return NULL;
  uint32_t i = ex_owner(doc, loc->t1 + 1);
  return i != EX_NONE && ex_ent_at(doc, i)->type == E_LOC ? ex_ent_at(doc, i) : NULL;
}

static int fits(const ex_unit *u, char kind, char level) {
  if (kind == '?') return 0;
  return kind ? u->kind == kind : u->level == level;
}

/* Is the unit's time that of the document? Without a date the newer units count. */
static int in_force(const ex_doc *doc, const ex_unit *u) {
  int after = doc->year == 0 || doc->year > 2025 || (doc->year == 2025 && doc->month >= 7);
  return u->validity == '*' || u->validity == (after ? '>' : '<');
}

static char highest_level(const ex_doc *doc, uint32_t head) {
  char level = 'W';
  for (uint32_t u = head, n = 0; u && n < CHAIN_MAX; u = ex_lex_unit(doc->lex, u)->next, n++) {
    char l = ex_lex_unit(doc->lex, u)->level;
    if (l == 'P' || (l == 'D' && level == 'W')) level = l;
  }
  return level;
}

/* How well a unit fits: a province before all, then one that lies in the place named behind, then one in force. */
static int score_of(const ex_doc *doc, uint32_t u, uint32_t above) {
  const ex_unit *unit = ex_lex_unit(doc->lex, u);
  int score = (in_force(doc, unit) ? 1 : 0) | (unit->level == 'P' ? 4 : 0);
  for (uint32_t a = above, m = 0; a && m < CHAIN_MAX; a = ex_lex_unit(doc->lex, a)->next, m++)
    if (a != u && lies_in(doc->lex, u, a)) score |= 2;
  return score;
}

uint32_t ex_unit_of(const ex_doc *doc, const ex_ent *loc) {
  uint32_t head = units_of_core(doc, loc), best = 0, ties = 0;
  if (!head) return 0;
  char kind = kind_before(doc, loc), level = highest_level(doc, head);
  const ex_ent *behind = place_behind(doc, loc);
  uint32_t above = behind ? units_of_core(doc, behind) : 0;
  int best_score = -1;
  for (uint32_t u = head, n = 0; u && n < CHAIN_MAX; u = ex_lex_unit(doc->lex, u)->next, n++) {
    if (!fits(ex_lex_unit(doc->lex, u), kind, level)) continue;
    int score = score_of(doc, u, above);
    ties = score == best_score ? ties + 1 : score > best_score ? 0 : ties;
    if (score > best_score) {
      best_score = score;
      best = u;
    }
  }
  return ties ? 0 : best;
}
