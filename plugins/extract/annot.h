/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The annotator: from a text to entities, directives, quotes and changes.
 *
 * A cascade over one array of tokens. Each rule looks at tokens at most a bounded distance away, or moves a cursor only
 * forwards, so the work is linear in the text; `work` counts it. Patterns of the lexicon files go first (found.c), then
 * the rules in the order of the files: legal.c, date.c, quantity.c (numbers are unmistakable and go first), then one
 * pass of name.c, org.c, place.c, role.c from left to right, then link.c (who holds which role, whose given name it
 * is), then speech.c (directives and quotes).
 *
 * Everything is an index into the arrays of ex_doc, which keep their memory from document to document: one ex_doc per
 * lane.
 */
#ifndef EXTRACT_ANNOT_H
#define EXTRACT_ANNOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lexicon.h"
#include "pattern.h"
#include "token.h"

typedef enum ex_type { E_PERSON, E_ROLE, E_ORG, E_LOC, E_DATE, E_LEGAL, E_QUANTITY, E_TYPES } ex_type;

#define EX_NONE UINT32_MAX
#define E_NOTHING E_TYPES /* tokens that a pattern takes away from all rules; always hidden */

/* Flags of entities. */
#define EF_HIDDEN 1u        /* not written: nested in another or taken back */
#define EF_PLURAL 2u        /* ROLE: behind các, những */
#define EF_SHARED 4u        /* ROLE: holds for the persons of a list */
#define EF_NESTED 8u        /* ORG inside a ROLE */
#define EF_GIVEN 16u        /* PERSON: given name only */
#define EF_TITLED 32u       /* PERSON: an honorific or role stands before it */
#define EF_COREF 128u       /* ROLE: by itself, for a person named before */
#define EF_POST 256u        /* ROLE: behind the name */
#define EF_HEADER_YEAR 512u /* DATE: year taken from /published */
#define EF_TEXT_YEAR 1024u  /* DATE: year from the expression */
#define EF_WEAK 2048u       /* LOC: dropped unless something speaks for it; DATE: lunar; QUANTITY: a unit of measure */

typedef struct ex_ent {
  uint32_t t0, t1;       /* tokens [t0, t1) */
  uint32_t start, end;   /* bytes */
  uint32_t core0, core1; /* bytes of the part without admin word, cue or unit; 0, 0: none */
  uint8_t type;
  char precision; /* DATE: d day, m month, q quarter, y year, p period, i interval, u duration */
  uint16_t share; /* ROLE, EF_SHARED: number of further persons in doc->shares */
  uint32_t flags;
  uint32_t person;      /* ROLE: entity of the holder; PERSON: entity that has the full name; EX_NONE */
  uint32_t link;        /* ROLE: its ORG; LEGAL_REF: its issuer; EX_NONE */
  uint32_t first_share; /* ROLE: first index in doc->shares */
  uint32_t norm;        /* offset into doc->text pool + 1; 0: the slice itself */
  uint32_t unit;   /* QUANTITY: pool offset + 1 of the unit; LEGAL_REF: of the number; LOC: index of the gazetteer */
  uint32_t extra;  /* QUANTITY: pool offset + 1 of the upper value; LEGAL_REF: of the symbol */
  uint32_t kind;   /* LEGAL_REF: pool offset + 1 of the kind; QUANTITY: of the value */
  uint32_t issued; /* LEGAL_REF: entity of the date of issue; QUANTITY: of its period; EX_NONE */
  uint32_t measure0, measure1; /* QUANTITY: bytes of what is measured; 0, 0: unknown */
} ex_ent;

typedef struct ex_span {
  uint32_t start, end; /* bytes */
} ex_span;

typedef struct ex_directive {
  uint32_t speaker; /* entity; EX_NONE */
  ex_span speaker_text, verb, to, content, deadline;
  uint32_t first_to, n_to; /* in doc->targets */
  uint32_t deadline_date;  /* entity; EX_NONE */
  uint32_t deadline_norm;  /* offset into doc->text pool + 1 */
  uint32_t strength;       /* EXA_DEMAND …, 0: implicit */
  bool inherited;
} ex_directive;

typedef struct ex_quote {
  uint32_t speaker;
  ex_span speaker_text, verb, content;
  bool direct;
} ex_quote;

typedef struct ex_change {
  uint32_t from, to; /* entities */
} ex_change;

typedef struct ex_hit {
  uint32_t entry;
  uint8_t len, cls;
  bool capital; /* the form is written with a capital */
} ex_hit;

typedef struct ex_sentence {
  uint32_t t0, t1; /* tokens */
} ex_sentence;

/* A growing array. */
typedef struct ex_vec {
  void *items;
  uint32_t n, cap;
} ex_vec;

typedef struct ex_doc {
  const ex_lex *lex;
  const char *s;
  uint32_t n;        /* bytes */
  const ex_tok *tok; /* = toks.items */
  uint32_t n_tok;
  const uint32_t *hit_at;  /* n_tok + 1 borders in hits */
  const uint64_t *classes; /* of each token: bit 1 << class of its hits */
  const ex_hit *hit;
  uint32_t *own;        /* entity + 1 that owns a token, 0: free */
  int year, month, day; /* of /published, 0: unknown */
  ex_vec toks, hits, hit_ats, masks, owns, sentences;
  ex_vec ents, shares, targets, directives, quotes, changes;
  ex_vec pool;     /* strings of this document */
  ex_vec names;    /* persons with a full name, newest last */
  ex_vec order;    /* entities in the order of the text */
  ex_vec links;    /* roles of each person, see link.c */
  ex_vec matches;  /* names that patterns made: ex_pat_match in the order of e0 */
  uint64_t work;   /* steps taken, for tests of linearity */
  uint64_t *steps; /* = &work, so that questions about a const document count, too */
  bool oom;        /* an allocation failed: what was found is not to be used */
} ex_doc;

void ex_doc_init(ex_doc *doc, const ex_lex *lex);
void ex_doc_done(ex_doc *doc);

#define EX_RUN_DIRECTIVES 1u
#define EX_RUN_QUOTES 2u

/* Annotates text [borrow until the next call]. borders [borrow]: n_borders sentences as byte spans, sorted, may be
 * none. published: "YYYY-MM-DD…" or NULL. Returns 0, SL_ENOMEM, or SL_ELIMIT for text of 2 GiB or more. */
int ex_annotate(ex_doc *doc, const char *text, size_t len, const ex_span *borders, uint32_t n_borders,
                const char *published, uint32_t what);

/* ---- for the rules ---- */

/* Appends a zeroed element of `size` bytes; NULL when memory is out (doc->oom is set). */
void *ex_push(ex_doc *doc, ex_vec *v, size_t size);
/* The same for n elements that hold anything. */
void *ex_push_many(ex_doc *doc, ex_vec *v, uint32_t n, size_t size);
/* Copies s[0, n) into the pool; returns offset + 1, 0 when memory is out. */
uint32_t ex_keep(ex_doc *doc, const char *s, size_t n);
uint32_t ex_keepf(ex_doc *doc, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *ex_kept(const ex_doc *doc, uint32_t at);

/* The longest hit of a class at a token, of equals the form with a capital; NULL if there is none. */
const ex_hit *ex_hit_find(const ex_doc *doc, uint32_t t, ex_class cls);
static inline const ex_hit *ex_hit_at(const ex_doc *doc, uint32_t t, ex_class cls) {
  return t < doc->n_tok && (doc->classes[t] >> cls & 1u) ? ex_hit_find(doc, t, cls) : NULL;
}
/* Its length, 0 if there is none. */
static inline uint32_t ex_len(const ex_doc *doc, uint32_t t, ex_class cls) {
  const ex_hit *h = ex_hit_at(doc, t, cls);
  return h ? h->len : 0;
}
/* 1 if a hit of one of the classes begins at t; set: EX_BIT(class) | …. */
#define EX_BIT(cls) (UINT64_C(1) << (cls))
static inline int ex_any(const ex_doc *doc, uint32_t t, uint64_t set) {
  return t < doc->n_tok && (doc->classes[t] & set) != 0;
}
uint32_t ex_attrs(const ex_doc *doc, const ex_hit *hit);
/* The longest hit of a class that ends at token `end` (exclusive) and starts at `from` or later; EX_NONE or its start.
 */
uint32_t ex_hit_before(const ex_doc *doc, uint32_t from, uint32_t end, ex_class cls);

/* Flags of a token, 0 past the end. */
static inline uint32_t ex_flags(const ex_doc *doc, uint32_t t) { return t < doc->n_tok ? doc->tok[t].flags : 0; }
/* The code point of a mark; 0 for other tokens and past the end. */
static inline uint32_t ex_mark(const ex_doc *doc, uint32_t t) {
  return ex_flags(doc, t) & TK_PUNCT ? doc->tok[t].value : 0;
}
static inline int ex_is(const ex_doc *doc, uint32_t t, uint32_t cp) { return ex_mark(doc, t) == cp && t < doc->n_tok; }
/* 1 if token t is this word (NFC), in any case and spelling. */
int ex_word_is(const ex_doc *doc, uint32_t t, const char *word, size_t n);
static inline int ex_word(const ex_doc *doc, uint32_t t, const char *word) {
  if (!(ex_flags(doc, t) & TK_WORD)) return 0;
  /* Most words differ in their first letter; only i and y are one. */
  unsigned char a = (unsigned char)doc->s[doc->tok[t].start], b = (unsigned char)*word;
  if (a < 0x80 && b < 0x80 && ((a ^ b) & 0xDFu) && (a | 0x20) != 'i' && (a | 0x20) != 'y') return 0;
  /* Case, tone placement and i/y do not change the number of bytes. */
  size_t n = strlen(word);
  return doc->tok[t].end - doc->tok[t].start == n && ex_word_is(doc, t, word, n);
}
/* 1 if token t has no space before it and is not the first of a line. */
static inline int ex_glued(const ex_doc *doc, uint32_t t) {
  return (ex_flags(doc, t) & (TK_GLUED | TK_BOP)) == TK_GLUED;
}
/* 1 if neither line nor sentence begins at t: names do not run over them. */
static inline int ex_same_line(const ex_doc *doc, uint32_t t) {
  return t < doc->n_tok && !(doc->tok[t].flags & (TK_BOP | TK_BOS));
}
/* 1 if the tokens t and t + 1 are one word of the word list. */
static inline int ex_pair(const ex_doc *doc, uint32_t t) {
  return t + 1 < doc->n_tok && ex_lex_pair(doc->lex, doc->tok[t].id, doc->tok[t + 1].id);
}
/* No entity owns the token. */
static inline int ex_free(const ex_doc *doc, uint32_t t) { return t < doc->n_tok && !doc->own[t]; }
/* A capitalised word, free, in the same sentence as the one before. */
static inline int ex_upper(const ex_doc *doc, uint32_t t) {
  return t < doc->n_tok && (doc->tok[t].flags & (TK_UPPER | TK_BOP | TK_BOS)) == TK_UPPER && !doc->own[t];
}
/* The entity that owns a token; EX_NONE. */
static inline uint32_t ex_owner(const ex_doc *doc, uint32_t t) {
  return t < doc->n_tok && doc->own[t] ? doc->own[t] - 1 : EX_NONE;
}
static inline ex_ent *ex_ent_at(const ex_doc *doc, uint32_t ent) { return (ex_ent *)doc->ents.items + ent; }
/* A new entity over free tokens [t0, t1), which it owns from then on. EX_NONE when memory is out. */
uint32_t ex_add(ex_doc *doc, ex_type type, uint32_t t0, uint32_t t1);
/* Frees the tokens of an entity and hides it. */
void ex_drop(ex_doc *doc, uint32_t ent);
/* 1 if the lone syllable at t ends an everyday word ("thị trường") and so begins no name. */
int ex_in_compound(const ex_doc *doc, uint32_t t);
/* Sets the core to tokens [t0, t1). */
void ex_core(ex_doc *doc, uint32_t ent, uint32_t t0, uint32_t t1);
/* 1 if the words of [a, a + n) and [b, b + n) are equal after folding. */
int ex_equal(const ex_doc *doc, uint32_t a, uint32_t b, uint32_t n);

/* The letter of ex_unit.kind for the admin word at t ("thành phố": 'c'); '?' for other words. */
char ex_admin_kind(const ex_doc *doc, uint32_t t);
/* 1 if a unit of that kind has the name. */
int ex_has_kind(const ex_doc *doc, const ex_hit *gaz, char kind);

void ex_tokenise(ex_doc *doc, const ex_span *borders, uint32_t n_borders);
void ex_find_patterns(ex_doc *doc);
/* The end of the name of that type that a pattern made at t, 0 if there is none. */
uint32_t ex_pattern_end(const ex_doc *doc, uint32_t t, ex_type type);
void ex_find_legal(ex_doc *doc);
void ex_find_dates(ex_doc *doc);
void ex_find_quantities(ex_doc *doc);
void ex_find_names(ex_doc *doc);
void ex_link(ex_doc *doc);
void ex_find_speech(ex_doc *doc, uint32_t what);
void ex_find_changes(ex_doc *doc);
/* What each quantity measures, and for which period. */
void ex_find_measures(ex_doc *doc);

/* May a pattern of that kind (EX_PAT_…) begin at t? */
static inline int ex_pattern_may(const ex_doc *doc, const ex_patterns *ps, uint32_t t, unsigned kind) {
  const struct ex_pat_open *open = ex_pat_open(ps);
  return (ex_pat_word(ps, doc->tok[t].id) >> kind & 1u) || (doc->tok[t].flags & open->flags[kind]) ||
         (doc->classes[t] & open->classes[kind]) || (open->entities[kind] && doc->own[t]);
}

/* -- names: each returns the end of what begins at t, 0 if nothing does; nothing is changed. */
/* A personal name; titled: a role (1) or an honorific (2) stands before it. */
uint32_t ex_name_end(const ex_doc *doc, uint32_t t, int titled);
/* A body. in_role: EX_IN_ROLE: it is the complement of a role, so a person's name may follow; EX_NESTED: it stands
 * behind "của" of another. */
#define EX_IN_ROLE 1
#define EX_NESTED 2
uint32_t ex_org_end(const ex_doc *doc, uint32_t t, int in_role);
/* What may follow the head of a body, from t on; t itself if nothing does. head_attrs: EXA_…. */
uint32_t ex_org_body(const ex_doc *doc, uint32_t t, uint32_t head_attrs, int in_role);
/* A place with its admin word or head; *ret_core is where the name begins, *ret_weak says that it needs support. */
uint32_t ex_unit_end(const ex_doc *doc, uint32_t t, uint32_t *ret_core, int *ret_weak);
/* The same, and sites: "Trụ sở Trung ương Đảng". */
uint32_t ex_place_end(const ex_doc *doc, uint32_t t, uint32_t *ret_core, int *ret_weak);
/* The name of a province of two syllables or more at t. */
int ex_is_province(const ex_doc *doc, uint32_t t);
/* A role without its holder; *ret_org0, *ret_org1 are the tokens of its body (equal: none). */
uint32_t ex_role_end(const ex_doc *doc, uint32_t t, uint32_t *ret_org0, uint32_t *ret_org1);

#endif
