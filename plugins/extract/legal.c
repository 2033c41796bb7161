/* SPDX-License-Identifier: Apache-2.0 */
/* References to documents: "Nghị quyết số 57-NQ/TW", "Nghị định 168/2024/NĐ-CP", "Luật Đất đai năm 2024". */
#include "annot.h"

struct ref {
  uint32_t kind_end;   /* tokens of the kind: [t, kind_end) */
  uint32_t no0, no1;   /* tokens of the number */
  uint32_t sym0, sym1; /* tokens of the symbol, equal: none */
  uint32_t end;
};

static int is_dash(uint32_t cp) { return cp == '-' || cp == '/' || cp == 0x2013 || cp == '.' || cp == '&'; }

/* "624/ QĐ-BQP": a space behind the slash. */
static int slash_before_symbol(const ex_doc *doc, uint32_t t) {
  return ex_is(doc, t, '/') && ex_same_line(doc, t + 1) && (ex_flags(doc, t + 1) & TK_CAPS) && ex_is(doc, t + 2, '-') &&
         ex_glued(doc, t + 2);
}

/* Behind the number: "-CT/TW", "/2024/NĐ-CP". Marks and symbols stand without spaces; a symbol has capitals. */
static uint32_t symbol_end(const ex_doc *doc, uint32_t t, uint32_t *ret_sym0) {
  uint32_t end = t, sym0 = 0;
  while (is_dash(ex_mark(doc, t)) && ex_glued(doc, t) && (ex_glued(doc, t + 1) || slash_before_symbol(doc, t))) {
    uint32_t f = ex_flags(doc, t + 1);
    int year = (f & TK_NUM) && doc->tok[t + 1].value >= 1945 && doc->tok[t + 1].value <= 2100;
    if (!year && !(f & TK_UPPER)) break;
    if (!year && !sym0) sym0 = t + 1;
    t += 2;
    /* "UBTVQH15", "QH15": a number hangs on the symbol; "TTg" is one word. */
    if ((ex_flags(doc, t) & TK_NUM) && ex_glued(doc, t) && !year) t++;
    end = t;
  }
  *ret_sym0 = sym0;
  return sym0 ? end : 0;
}

static int numbered(const ex_doc *doc, uint32_t t, int weak, struct ref *r) {
  int so = ex_word(doc, t, "số");
  uint32_t no = so ? t + 1 : t;
  if (!(ex_flags(doc, no) & TK_NUM) || !ex_same_line(doc, no)) return 0;
  r->no0 = no;
  r->no1 = r->end = no + 1;
  r->sym0 = r->sym1 = 0;
  uint32_t sym0, end = symbol_end(doc, no + 1, &sym0);
  if (end) {
    r->sym0 = sym0;
    r->sym1 = r->end = end;
    r->no1 = sym0 - 1;
    return 1;
  }
  /* "Nghị định 116/2020" */
  uint32_t year =
      ex_is(doc, no + 1, '/') && ex_glued(doc, no + 2) && (ex_flags(doc, no + 2) & TK_NUM) ? doc->tok[no + 2].value : 0;
  if (year >= 1945 && year <= 2100) {
    r->no1 = r->end = no + 3;
    return 1;
  }
  if (so) return 1;
  /* A bare number: not a count ("nghị quyết 2 năm"), not a date, not a decimal. */
  if (weak || ex_len(doc, no + 1, C_UNIT) || ex_len(doc, no + 1, C_NOUN) || ex_len(doc, no + 1, C_SCALE)) return 0;
  return !(is_dash(ex_mark(doc, no + 1)) && ex_glued(doc, no + 1) && (ex_flags(doc, no + 2) & TK_NUM));
}

/* "Luật Thủ đô (sửa đổi)", "Luật Đất đai năm 2024", "Hiến pháp 2013": the tokens behind the kind. */
static uint32_t named_end(const ex_doc *doc, uint32_t t) {
  uint32_t len = ex_len(doc, t, C_LEGAL_NAME), end = t;
  if (len && (ex_flags(doc, t) & TK_UPPER)) {
    end = t + len;
  } else if (ex_upper(doc, t) && !(ex_flags(doc, t) & TK_FOREIGN)) {
    end = t + 1;
    uint32_t f = ex_flags(doc, end);
    if (!ex_same_line(doc, end) || !(f & TK_WORD) || (f & TK_UPPER) || ex_len(doc, end, C_STOP)) return t;
    end++;
  }
  uint32_t open = ex_is(doc, end, '(') ? 1 : 0;
  if (ex_word(doc, end + open, "sửa") && ex_word(doc, end + open + 1, "đổi")) {
    uint32_t close = end + open + 2;
    if (!open || ex_is(doc, close, ')')) end = close + open;
  }
  uint32_t year = ex_word(doc, end, "năm") ? end + 1 : end;
  if ((ex_flags(doc, year) & TK_NUM) && doc->tok[year].value >= 1945 && doc->tok[year].value <= 2100) end = year + 1;
  return end;
}

static int takes_name(const ex_doc *doc, uint32_t t) {
  return (ex_flags(doc, t) & TK_UPPER) &&
         (ex_word(doc, t, "luật") || ex_word(doc, t, "hiến") || ex_word(doc, t, "pháp") ||
          (ex_word(doc, t, "bộ") && ex_word(doc, t + 1, "luật")));
}

/* Pool string of tokens [t0, t1), as they stand. */
static uint32_t slice(ex_doc *doc, uint32_t t0, uint32_t t1) {
  if (t0 >= t1) return 0;
  return ex_keep(doc, doc->s + doc->tok[t0].start, doc->tok[t1 - 1].end - doc->tok[t0].start);
}

static void add_ref(ex_doc *doc, uint32_t t, const struct ref *r) {
  uint32_t i = ex_add(doc, E_LEGAL, t, r->end);
  if (i == EX_NONE) return;
  uint32_t kind = slice(doc, t, r->kind_end), no = slice(doc, r->no0, r->no1), sym = slice(doc, r->sym0, r->sym1),
           norm = 0;
  if (no) {
    const char *rest = doc->s + doc->tok[r->no0].start;
    norm = ex_keepf(doc, "%s %.*s", ex_kept(doc, kind), (int)(doc->tok[r->end - 1].end - doc->tok[r->no0].start), rest);
  }
  ex_ent *e = ex_ent_at(doc, i);
  e->kind = kind;
  e->unit = no;
  e->extra = sym;
  e->norm = norm;
}

void ex_find_legal(ex_doc *doc) {
  for (uint32_t t = 0; t < doc->n_tok && !doc->oom; t++) {
    const ex_hit *hit = ex_hit_at(doc, t, C_LEGAL);
    if (!hit || !ex_free(doc, t)) continue;
    doc->work++;
    int weak = (ex_attrs(doc, hit) & EXA_WEAK) != 0;
    struct ref r = {.kind_end = t + hit->len};
    /* "Hiến pháp 2013": the year is part of the name. */
    uint32_t year = ex_flags(doc, r.kind_end) & TK_NUM ? doc->tok[r.kind_end].value : 0;
    int dated = takes_name(doc, t) && year >= 1945 && year <= 2100;
    if (!dated && numbered(doc, r.kind_end, weak, &r)) {
      add_ref(doc, t, &r);
    } else if (takes_name(doc, t)) {
      r.no0 = r.no1 = r.sym0 = r.sym1 = 0;
      r.end = named_end(doc, r.kind_end);
      uint32_t named = r.end;
      if (named > r.kind_end && ex_word(doc, named, "số") && numbered(doc, named, 1, &r)) r.kind_end = named;
      if (r.end > r.kind_end) add_ref(doc, t, &r);
    }
  }
}
