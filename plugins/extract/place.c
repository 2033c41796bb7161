/* SPDX-License-Identifier: Apache-2.0 */
/* Places: admin word or natural feature with its name, names of the gazetteer, capitals that context makes a place. */
#include "annot.h"

/* The highest level at which the gazetteer has a name. */
static char level_of(const ex_doc *doc, const ex_hit *gaz) {
  char best = 'W';
  uint32_t unit = ex_lex_entry(doc->lex, gaz->entry)->gaz;
  for (; unit; unit = ex_lex_unit(doc->lex, unit)->next) {
    char level = ex_lex_unit(doc->lex, unit)->level;
    if (level == 'P' || (level == 'D' && best == 'W')) best = level;
  }
  return best;
}

int ex_is_province(const ex_doc *doc, uint32_t t) {
  const ex_hit *gaz = ex_hit_at(doc, t, C_GAZ);
  return gaz && gaz->len > 1 && level_of(doc, gaz) == 'P';
}

/* Capitals that name a place, joined by hyphens and apostrophes where written without spaces ("K'Bang"). */
static uint32_t name_run(const ex_doc *doc, uint32_t t) {
  if (t >= doc->n_tok || !ex_free(doc, t) || !ex_same_line(doc, t) || !(ex_flags(doc, t) & TK_UPPER)) return t;
  uint32_t end = t + 1;
  while (end - t < 4) {
    uint32_t mark = ex_mark(doc, end);
    if ((mark == '\'' || mark == 0x2019) && ex_glued(doc, end) && ex_glued(doc, end + 1) && ex_upper(doc, end + 1)) {
      end += 2;
      continue;
    }
    if (!ex_upper(doc, end) || ex_len(doc, end, C_TITLE) || ex_len(doc, end, C_ORG_HEAD) > 1 ||
        ex_len(doc, end, C_ADMIN))
      break;
    /* "phố Hàng Mành Hà Nội": two places. */
    if (ex_len(doc, end, C_PLACE) > 1 || ex_is_province(doc, end)) break;
    /* A person's name behind the place: "xã Tân Phong Nguyễn Văn A". */
    if (ex_len(doc, end, C_FAMILY) && ex_upper(doc, end + 1) && ex_upper(doc, end + 2)) break;
    end++;
  }
  return end;
}

/* The longest place name at t that the lexicon knows; t if there is none. */
static uint32_t known_end(const ex_doc *doc, uint32_t t) {
  if (t >= doc->n_tok || !ex_free(doc, t)) return t;
  uint32_t a = ex_len(doc, t, C_GAZ), b = ex_len(doc, t, C_PLACE);
  return t + (a > b ? a : b);
}

static uint32_t any_name_end(const ex_doc *doc, uint32_t t) {
  if (!ex_same_line(doc, t)) return t;
  uint32_t known = known_end(doc, t);
  return known > t ? known : name_run(doc, t);
}

/* The name or number behind an admin word. */
/* A number as the name of a unit: "quận 1". */
static int numbered_unit(const ex_doc *doc, uint32_t t) {
  return (ex_flags(doc, t) & TK_NUM) && ex_same_line(doc, t) && ex_free(doc, t) &&
         !ex_any(doc, t + 1, EX_BIT(C_NOUN) | EX_BIT(C_UNIT)) && !ex_is(doc, t + 1, '%');
}

/* "UBND tỉnh Lê Bình": there is a ward of that name, but no province. */
static int is_stranger(const ex_doc *doc, uint32_t head, uint32_t name, uint32_t known) {
  const ex_hit *gaz = ex_hit_at(doc, name, C_GAZ);
  return gaz && name + gaz->len == known && ex_len(doc, name, C_FAMILY) &&
         !ex_has_kind(doc, gaz, ex_admin_kind(doc, head));
}

static uint32_t admin_end(const ex_doc *doc, uint32_t t, const ex_hit *head, uint32_t *ret_core) {
  uint32_t at = t + head->len, attrs = ex_attrs(doc, head);
  if (ex_is(doc, at, '.') && ex_glued(doc, at)) at++;
  *ret_core = at;
  if ((attrs & EXA_CODE) && numbered_unit(doc, at)) return at + 1;
  uint32_t known = ex_same_line(doc, at) ? known_end(doc, at) : at, name = ex_name_end(doc, at, 0);
  if ((attrs & EXA_BARE) && is_stranger(doc, t, at, known)) return 0;
  if (known > at && name <= known) return known;
  /* "Chủ tịch UBND tỉnh Vũ Thị Lan": a person behind a bare admin word. Units of the country are in the gazetteer: an
   * unknown name that could be a family's is a person, too. */
  if ((attrs & EXA_OPTIONAL) || name || ex_any(doc, at, EX_BIT(C_EVENT))) return 0;
  if ((attrs & EXA_BARE) && ex_len(doc, at, C_FAMILY)) return 0;
  uint32_t end = any_name_end(doc, at);
  /* "tổ dân phố My Điền 2" */
  if (end > at && (attrs & EXA_CODE) && numbered_unit(doc, end) && doc->tok[end].end - doc->tok[end].start < 3) end++;
  return end > at ? end : 0;
}

/* "sông Hồng", "quốc lộ 1A", "đường Nguyễn Huệ". */
/* "quốc lộ 1A" */
static uint32_t road_number_end(const ex_doc *doc, uint32_t t) {
  if (!(ex_flags(doc, t) & TK_NUM) || !ex_same_line(doc, t) || !ex_free(doc, t)) return 0;
  int letter = (ex_flags(doc, t + 1) & (TK_ONE | TK_UPPER)) == (TK_ONE | TK_UPPER) && ex_glued(doc, t + 1);
  return t + 1 + (uint32_t)letter;
}

/* Behind "khu di tích": "quốc gia đặc biệt". */
static uint32_t skip_rank(const ex_doc *doc, uint32_t t) {
  static const char *const words[] = {"quốc", "gia", "đặc", "biệt", "lịch", "sử"};
  uint32_t end = t;
  for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++)
    if (ex_same_line(doc, end) && !(ex_flags(doc, end) & TK_UPPER) && ex_word(doc, end, words[k])) end++;
  return end;
}

static uint32_t head_end(const ex_doc *doc, uint32_t t, const ex_hit *head, uint32_t *ret_core) {
  uint32_t at = t + head->len, number = ex_attrs(doc, head) & EXA_CODE ? road_number_end(doc, at) : 0;
  *ret_core = at;
  if (number) return number;
  /* "Hồ Chí Minh": a capital head that is a family name, too, is a head only before a known place or a lone syllable.
   */
  if ((ex_flags(doc, t) & TK_UPPER) && ex_len(doc, t, C_FAMILY) && head->len == 1) {
    uint32_t known = known_end(doc, at), run = name_run(doc, at);
    if (known > at && known >= run) return known;
    return run == at + 1 && !ex_len(doc, at, C_GIVEN) ? run : 0;
  }
  /* "khu di tích quốc gia đặc biệt Pắc Pó": the name alone is the place. */
  at = skip_rank(doc, at);
  *ret_core = at;
  uint32_t end = any_name_end(doc, at);
  int known = end > at && known_end(doc, at) == end;
  return end > at && (known || !ex_any(doc, at, EX_BIT(C_EVENT) | EX_BIT(C_TITLE))) ? end : 0;
}

/* "Trụ sở Trung ương Đảng", "Sân vận động Mỹ Đình". */
static uint32_t site_end(const ex_doc *doc, uint32_t t, const ex_hit *head) {
  uint32_t at = t + head->len;
  if (!ex_same_line(doc, at)) return 0;
  uint32_t end = ex_org_end(doc, at, 0);
  if (end > at) return end;
  end = any_name_end(doc, at);
  return end > at && !ex_len(doc, at, C_EVENT) ? end : 0;
}

/* Is the name only a part of a longer run of capitals? */
static int part_of_run(const ex_doc *doc, uint32_t t, uint32_t end) {
  if (t > 0 && ex_same_line(doc, t) && !ex_glued(doc, t) && ex_free(doc, t - 1) && (ex_flags(doc, t - 1) & TK_UPPER) &&
      !(ex_flags(doc, t - 1) & TK_BOS))
    return 1;
  return ex_upper(doc, end) && !ex_len(doc, end, C_FAMILY) && !ex_len(doc, end, C_GAZ) && !ex_len(doc, end, C_TITLE);
}

static uint32_t bare_end(const ex_doc *doc, uint32_t t, int *ret_weak) {
  const ex_hit *place = ex_hit_at(doc, t, C_PLACE), *gaz = ex_hit_at(doc, t, C_GAZ);
  int bos = (ex_flags(doc, t) & TK_BOS) != 0;
  *ret_weak = 0;
  /* "tiếng Anh" */
  if (t > 0 && ex_word(doc, t - 1, "tiếng")) return 0;
  if (place && (!gaz || place->len >= gaz->len)) {
    uint32_t attrs = ex_attrs(doc, place), end = t + place->len;
    if ((attrs & EXA_WEAK) || ((attrs & EXA_MID) && bos)) return 0;
    if (!(ex_flags(doc, t) & (TK_FOREIGN | TK_CAPS)) && part_of_run(doc, t, place->len == 1 ? end : doc->n_tok))
      return 0;
    return end;
  }
  if (!gaz) return 0;
  uint32_t end = t + gaz->len;
  char level = level_of(doc, gaz);
  int part = part_of_run(doc, t, end);
  if (gaz->len == 1 && (level != 'P' || part)) return 0;
  if (level == 'P' && !part) return end;
  *ret_weak = level != 'D' || part || bos;
  return end;
}

uint32_t ex_unit_end(const ex_doc *doc, uint32_t t, uint32_t *ret_core, int *ret_weak) {
  *ret_core = t;
  *ret_weak = 0;
  if (!ex_free(doc, t)) return 0;
  uint32_t made = ex_pattern_end(doc, t, E_LOC);
  if (made || !doc->tok[t].id) return made;
  const ex_hit *place = ex_hit_at(doc, t, C_PLACE), *head = ex_hit_at(doc, t, C_ADMIN);
  uint32_t end = 0;
  if (head && head->len == 1 && ex_in_compound(doc, t) && known_end(doc, t + 1) == t + 1) head = NULL;
  if (head && (!place || place->len <= head->len)) end = admin_end(doc, t, head, ret_core);
  if (end) return end;
  head = ex_hit_at(doc, t, C_PLACE_HEAD);
  if (head && head->len == 1 && ex_in_compound(doc, t)) head = NULL;
  if (head && !(place && place->len > head->len)) end = head_end(doc, t, head, ret_core);
  if (end) return end;
  *ret_core = t;
  return bare_end(doc, t, ret_weak);
}

uint32_t ex_place_end(const ex_doc *doc, uint32_t t, uint32_t *ret_core, int *ret_weak) {
  const ex_hit *site = ex_hit_at(doc, t, C_SITE_HEAD);
  /* "Phủ Chủ tịch" stands in the lexicon as a whole. */
  if (site && ex_len(doc, t, C_PLACE) > site->len) site = NULL;
  uint32_t end = site && ex_free(doc, t) && (ex_flags(doc, t) & TK_UPPER) ? site_end(doc, t, site) : 0;
  *ret_core = t;
  *ret_weak = 0;
  return end ? end : ex_unit_end(doc, t, ret_core, ret_weak);
}
