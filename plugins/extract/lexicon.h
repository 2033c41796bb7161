/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lexicons: word lists in classes, read from readable files into one trie over folded syllables.
 *
 * A file holds sections `[class]` and one entry a line: the form, and after `|` attributes separated by `;`
 * (`UBND | norm=Ủy ban nhân dân`). `#` begins a comment. A form is matched without regard to case, tone placement and
 * i/y spelling, except that a form that begins with a capital matches only where the text has a capital there; in the
 * classes marked strict each capital of the form must be one in the text. `!form` takes a form out of its class. The
 * sections [gazetteer] and [pattern] have lines of their own, described in data/README.md.
 *
 * A lexicon is built once, then read by many threads.
 */
#ifndef EXTRACT_LEXICON_H
#define EXTRACT_LEXICON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum ex_class {
  C_NONE,
  C_FAMILY,     /* family names */
  C_GIVEN,      /* given names: weak evidence for a person */
  C_HONORIFIC,  /* ông, bà, đồng chí: what follows is a person */
  C_EPONYM,     /* names of the dead that institutions bear */
  C_TITLE,      /* heads of roles: Bí thư, Chủ tịch */
  C_TITLE_PRE,  /* phó, nguyên, cựu */
  C_TITLE_MOD,  /* Thường trực, danh dự */
  C_RANK,       /* Đại tướng, GS.TS: a role without complement */
  C_JOB,        /* ca sĩ, luật sư: a role only beside a name */
  C_GROUP,      /* các, những, hai đồng chí: the role after it is shared by a list */
  C_ORG,        /* bodies with a full name */
  C_ORG_HEAD,   /* words that begin the name of a body */
  C_ORG_WORD,   /* words that go on with the name of a body */
  C_ADMIN,      /* tỉnh, thành phố, xã */
  C_PLACE,      /* countries, regions, aliases: places outside the gazetteer */
  C_PLACE_HEAD, /* sông, núi, đường */
  C_SITE_HEAD,  /* Trụ sở, Sân vận động */
  C_EVENT,      /* Đại hội, Hội nghị: capitals that are neither body nor place */
  C_PREP,       /* tại, ở: what follows may be a place */
  C_DATE_CUE,   /* ngày, sáng, dịp: a number pair behind it is a date */
  C_PERIOD,     /* nhiệm kỳ, giai đoạn */
  C_DATE_PART,  /* đầu, thượng tuần */
  C_LEGAL,      /* kinds of documents: Nghị định, Luật */
  C_LEGAL_NAME, /* what laws are about: Đất đai */
  C_UNIT,       /* units of measure */
  C_NOUN,       /* things that are counted */
  C_NOUN_TAIL,  /* words that go on with a counted noun */
  C_SCALE,      /* nghìn, triệu, tỷ */
  C_NUMWORD,    /* hai, ba, mười */
  C_NOT_COUNT,  /* words before a number that make it a name: số, Điều */
  C_SAY,        /* speech verbs */
  C_DIRECTIVE,  /* verbs of directives */
  C_MODAL,      /* cần, phải */
  C_ADVERB,     /* words between subject and verb */
  C_ADDRESSEE,  /* nouns that are told to do something */
  C_NOUN_MARK,  /* words before a verb that make it a noun */
  C_NOT_VERB,   /* compounds that only look like the verb inside them */
  C_ABBREV,     /* abbreviations whose full stop ends no sentence */
  C_STOP,       /* words that never belong to a name */
  C_CHANGE,     /* sắp xếp, giảm, tăng */
  C_BECOMES,    /* còn, xuống còn, lên */
  C_DEADLINE,   /* trước, chậm nhất */
  C_CONTINUE,   /* đồng thời, bên cạnh đó: the speaker goes on */
  C_VERB,       /* verbs that begin an order without cần or phải */
  C_COMPOUND,   /* words whose last syllable is no head: thị trường */
  C_VOICE,      /* documents and meetings that say something: công điện, hội nghị */
  C_GAZ,        /* units of the gazetteer */
  C_PATTERN,    /* no class of words: a pattern made a name begin here */
  C_PAIR,       /* words of two syllables: not in the trie, see ex_lex_pair */
  C_WEIGHT,     /* learned weights, see run.h */
  C_COUNT
} ex_class;

/* Attributes of entries. */
#define EXA_SOLO (1u << 0)     /* a mention by itself */
#define EXA_EPONYM (1u << 1)   /* ORG_HEAD: a person's name may follow at once */
#define EXA_OF (1u << 2)       /* ORG_HEAD: may go on with `của` and a body */
#define EXA_LOW (1u << 3)      /* ORG_WORD: may be written in lower case */
#define EXA_MID (1u << 4)      /* does not count at the start of a sentence */
#define EXA_NEEDS (1u << 5)    /* TITLE: only with a complement */
#define EXA_FREE (1u << 6)     /* ORG_HEAD: names of firms, any capitals follow; TITLE: takes a place */
#define EXA_OUT (1u << 17)     /* ORG_HEAD: in lower case it is no part of the name */
#define EXA_WEAK (1u << 7)     /* counts only with other evidence */
#define EXA_OPTIONAL (1u << 8) /* ORG: a bare mention of it is no entity */
#define EXA_BARE (1u << 9)     /* ADMIN: written without a name it may end the name of a body */
#define EXA_OFF (1u << 10)     /* taken out */
#define EXA_CODE (1u << 11)    /* PLACE_HEAD, ADMIN: a number may be the name */
/* Strength of directives. */
#define EXA_DEMAND (1u << 16)
#define EXA_REQUEST (1u << 17)
#define EXA_ASSIGN (1u << 18)
#define EXA_URGE (1u << 19)
#define EXA_NOTE (1u << 20)

#define EX_FORM_MAX 16 /* tokens of a form */

/* One entry: what a form means in one class. */
typedef struct ex_entry {
  uint32_t attrs;
  uint32_t norm; /* offset into strings, 0: none */
  uint32_t next; /* the next entry of the same node, 0: none */
  uint32_t gaz;  /* C_GAZ: index of the first unit, chained by ex_unit.next */
  uint32_t caps; /* bit i: token i of the form begins with a capital */
  uint16_t cls;
  uint16_t len; /* tokens */
  double value; /* value= */
} ex_entry;

/* A unit of the gazetteer. */
typedef struct ex_unit {
  char level; /* P province, D district, W ward */
  char kind; /* t tỉnh, c thành phố, q quận, h huyện, s thị xã, n thị trấn, p phường, x xã, d đặc khu */
  char validity; /* '*' always, '<' until 2025-06-30, '>' since 2025-07-01 */
  char code[6];
  uint32_t parent; /* index of the unit above, 0: none */
  uint32_t next;   /* the next unit of the same name, 0: none */
} ex_unit;

typedef struct ex_lex ex_lex;

/* What is asked about each token of a text lies open, so that the questions are inline; nobody writes here but
 * lexicon.c. */
struct ex_lex_node {
  uint32_t head;   /* first entry, 0: none */
  uint32_t filter; /* bit of each child, see ex_lex_bit: a child whose bit is not set does not exist */
};
struct ex_lex_open {
  struct ex_lex_node *nodes;
  uint32_t *firsts; /* node behind the root, by syllable number */
  uint8_t *foreign; /* by syllable number: it is not a Vietnamese syllable */
  ex_entry *entries;
};

/* Makes a lexicon without entries; NULL when memory is out. [own] */
ex_lex *ex_lex_new(void);
void ex_lex_free(ex_lex *lex);

/* Reads a file's text [borrow]. name is for messages. Returns 0, or SL_EPARSE with up to `cap` bytes of
 * "name:line: message" lines (all errors, not only the first) in msg, or SL_ENOMEM. */
int ex_lex_read(ex_lex *lex, const char *name, const char *text, size_t len, char *msg, size_t cap);
/* Reads the files that are part of the plugin. */
int ex_lex_read_builtin(ex_lex *lex, char *msg, size_t cap);
/* Reads a file, or every *.txt of a folder in the order of their names. Also SL_EIO, SL_ENOTFOUND. */
int ex_lex_read_path(ex_lex *lex, const char *path, char *msg, size_t cap);

static inline const struct ex_lex_open *ex_lex_open(const ex_lex *lex) { return (const struct ex_lex_open *)lex; }
static inline uint32_t ex_lex_bit(uint32_t id) { return UINT32_C(1) << (id * UINT32_C(0x9E3779B1) >> 27); }

/* The number of a folded syllable, 0 if no form has it. */
uint32_t ex_lex_id(const ex_lex *lex, uint64_t key);
/* The same, but the syllable gets a number if it has none; 0 when memory is out. */
uint32_t ex_lex_intern(ex_lex *lex, uint64_t key);
const struct ex_patterns *ex_lex_patterns(const ex_lex *lex);
/* Learned weights of the classes in run.h; ex_lex_weighted: there are some. */
#define EX_RUN_CLASSES 4u
#define EX_RUN_BUCKETS 4096u
int ex_lex_weighted(const ex_lex *lex);
const int16_t *ex_lex_weight(const ex_lex *lex, unsigned bucket);
/* 1 if the two syllables are a word of the section [pair]. */
int ex_lex_pair(const ex_lex *lex, uint32_t a, uint32_t b);
/* The trie: the node reached from `node` (0: the root) by a syllable, 0 if none; the first entry of a node, 0 if none.
 */
uint32_t ex_lex_child(const ex_lex *lex, uint32_t node, uint32_t id);
static inline uint32_t ex_lex_step(const ex_lex *lex, uint32_t node, uint32_t id) {
  return ex_lex_open(lex)->nodes[node].filter & ex_lex_bit(id) ? ex_lex_child(lex, node, id) : 0;
}
/* The same from the root, faster. */
static inline uint32_t ex_lex_first(const ex_lex *lex, uint32_t id) { return ex_lex_open(lex)->firsts[id]; }
static inline uint32_t ex_lex_at(const ex_lex *lex, uint32_t node) { return ex_lex_open(lex)->nodes[node].head; }
static inline const ex_entry *ex_lex_entry(const ex_lex *lex, uint32_t entry) {
  return &ex_lex_open(lex)->entries[entry];
}
/* 1 if the syllable of that number is not a Vietnamese one. */
static inline int ex_lex_foreign(const ex_lex *lex, uint32_t id) { return ex_lex_open(lex)->foreign[id]; }
const ex_unit *ex_lex_unit(const ex_lex *lex, uint32_t unit);
const char *ex_lex_string(const ex_lex *lex, uint32_t offset);
/* The name of a class as it stands in files, e.g. "org_head". */
const char *ex_class_name(ex_class cls);
/* 1 if each capital of a form in this class must be one in the text. */
int ex_class_strict(ex_class cls);

#endif
