/* SPDX-License-Identifier: Apache-2.0 */
/* Personal names: a family name with capitals behind it, or any capitals behind an honorific or role. */
#include "annot.h"

#define NAME_MAX 5u /* syllables of a Vietnamese name */

/* Does something else begin with this capital: a role, a body, a unit with more than one syllable? */
static int other_begins(const ex_doc *doc, uint32_t t) {
  return ex_len(doc, t, C_TITLE) > 1 || ex_len(doc, t, C_ORG_HEAD) > 1 || ex_len(doc, t, C_ORG) > 1 ||
         ex_len(doc, t, C_RANK) > 1 || ex_len(doc, t, C_EVENT) > 1;
}

static int is_caps(const ex_doc *doc, uint32_t t) { return (ex_flags(doc, t) & TK_CAPS) != 0; }

/* "N.V.A.", "H.": initials with stops; the last stop is left to the sentence. Returns the end, 0 if there are none. */
static uint32_t initials_end(const ex_doc *doc, uint32_t t) {
  uint32_t end = t;
  while (end - t < 16 && (ex_flags(doc, end) & (TK_ONE | TK_UPPER)) == (TK_ONE | TK_UPPER) && ex_free(doc, end) &&
         ex_is(doc, end + 1, '.') && ex_glued(doc, end + 1) && (end == t || ex_glued(doc, end)))
    end += 2;
  if (end == t) return 0;
  /* "K.N tại": no stop behind the last one. */
  int last =
      (ex_flags(doc, end) & (TK_ONE | TK_UPPER)) == (TK_ONE | TK_UPPER) && ex_free(doc, end) && ex_glued(doc, end);
  return last ? end + 1 : end - 1;
}

/* Capitals from t on, at most max, all of one kind (all caps or not). */
static uint32_t run_end(const ex_doc *doc, uint32_t t, uint32_t max) {
  uint32_t end = t + 1;
  ++*doc->steps;
  while (end - t < max && ex_upper(doc, end) && !other_begins(doc, end)) {
    if (is_caps(doc, end) != is_caps(doc, t) && !(ex_flags(doc, end) & TK_ONE) && !(ex_flags(doc, t) & TK_ONE)) break;
    end++;
    /* "Trần Nhật S.": an initial ends the name. */
    if ((ex_flags(doc, end - 1) & TK_ONE) && ex_is(doc, end, '.') && ex_glued(doc, end)) {
      uint32_t more = initials_end(doc, end - 1);
      return more ? more : end;
    }
  }
  return end;
}

/* Foreign names: capitals, also joined by hyphens ("Kim Jong-un"). */
static uint32_t foreign_end(const ex_doc *doc, uint32_t t) {
  uint32_t end = t + 1;
  for (;;) {
    ++*doc->steps;
    int hyphen = (ex_is(doc, end, '-') || ex_is(doc, end, '\'') || ex_is(doc, end, 0x2019)) && ex_glued(doc, end) &&
                 ex_glued(doc, end + 1) && (ex_flags(doc, end + 1) & TK_WORD);
    if (hyphen && ex_free(doc, end + 1)) {
      end += 2;
    } else if (end - t < NAME_MAX && ex_upper(doc, end) && !other_begins(doc, end)) {
      end++;
    } else {
      return end;
    }
  }
}

/* The longest place that begins at t. Names of provinces and countries are no family names: "Hà Nội", "Thái Lan". */
static uint32_t known_place(const ex_doc *doc, uint32_t t, int *ret_high) {
  const ex_hit *gaz = ex_hit_at(doc, t, C_GAZ), *place = ex_hit_at(doc, t, C_PLACE);
  *ret_high = place != NULL;
  if (gaz) {
    uint32_t unit = ex_lex_entry(doc->lex, gaz->entry)->gaz;
    for (; unit; unit = ex_lex_unit(doc->lex, unit)->next)
      if (ex_lex_unit(doc->lex, unit)->level == 'P') *ret_high = 1;
  }
  uint32_t a = gaz ? gaz->len : 0, b = place ? place->len : 0;
  return a > b ? a : b;
}

/* A name with a family name and no title: is it one? */
static int convincing(const ex_doc *doc, uint32_t t, uint32_t end, int weak) {
  uint32_t n = end - t;
  int high = 0, given = ex_len(doc, end - 1, C_GIVEN) != 0, initial = (ex_flags(doc, end - 1) & TK_ONE) != 0;
  uint32_t place = known_place(doc, t, &high);
  if (place >= n || (place >= 2 && high)) return 0;
  if (ex_upper(doc, end) && n >= NAME_MAX) return 0;
  if (n < 2 || (n == 2 && (weak || !given))) return 0;
  if (weak && !given && !initial) return 0;
  for (uint32_t k = t; k < end; k++)
    if ((ex_flags(doc, k) & TK_FOREIGN) && !(ex_flags(doc, k) & TK_ONE)) return 0;
  return 1;
}

/* A name that begins with a family name. */
static uint32_t family_end(const ex_doc *doc, uint32_t t, const ex_hit *family, int titled) {
  uint32_t first = t + family->len - 1, end = run_end(doc, first, titled ? NAME_MAX + 1 : NAME_MAX);
  if (titled && end > first && (ex_flags(doc, end - 1) & TK_FOREIGN)) return foreign_end(doc, t);
  if (end <= first + 1) return 0;
  return titled || convincing(doc, t, end, (ex_attrs(doc, family) & EXA_WEAK) != 0) ? end : 0;
}

/* Any capitals behind a role or honorific. */
static uint32_t titled_end(const ex_doc *doc, uint32_t t, int titled) {
  static const uint64_t others = EX_BIT(C_TITLE) | EX_BIT(C_ADMIN) | EX_BIT(C_ORG) | EX_BIT(C_EVENT);
  /* Behind an honorific one syllable may be a name whatever else it means: "ông Nam", "ông Hạt". */
  int single = titled > 1 && !ex_upper(doc, t + 1) && !ex_any(doc, t, EX_BIT(C_TITLE) | EX_BIT(C_ORG));
  if (other_begins(doc, t) || (!single && ex_any(doc, t, others))) return 0;
  if (ex_flags(doc, t) & TK_FOREIGN || ex_flags(doc, t + 1) & TK_FOREIGN) return foreign_end(doc, t);
  int high = 0;
  uint32_t place = known_place(doc, t, &high), end = run_end(doc, t, NAME_MAX + 1);
  if (ex_upper(doc, end)) end = run_end(doc, t, 3);
  /* Behind a role one syllable must be a known given name: "Trưởng Ban Tuyển sinh". */
  if (titled == 1 && end == t + 1 && !ex_len(doc, t, C_GIVEN) && !(ex_flags(doc, t) & TK_ONE)) return 0;
  /* "Thủ tướng Nhật Bản": a country is nobody's name. */
  if (high && place == end - t && (place > 1 || titled < 2)) return 0;
  return end;
}

uint32_t ex_name_end(const ex_doc *doc, uint32_t t, int titled) {
  if (!ex_free(doc, t) || !(ex_flags(doc, t) & TK_UPPER) || (titled && !ex_same_line(doc, t))) return 0;
  const ex_hit *family = ex_hit_at(doc, t, C_FAMILY);
  uint32_t end = ex_pattern_end(doc, t, E_PERSON);
  if (!end && titled) end = initials_end(doc, t);
  if (!end && family) {
    uint32_t last = t + family->len;
    end = family_end(doc, t, family, titled);
    /* Untitled capitals that do not convince are no name at all. */
    if (!end && !titled && ex_upper(doc, last)) return 0;
  }
  return end || !titled ? end : titled_end(doc, t, titled);
}
