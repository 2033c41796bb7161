/* SPDX-License-Identifier: Apache-2.0 */
/* Abbreviations that are written with a stop. */
#include "token.h"

typedef struct entry {
  const char *text; /* without the final stop; upper and lower case count */
  unsigned flag;
} entry;

/* Before names and numbers: a capital or digit behind them does not begin a sentence. */
static const entry abbreviations[] = {
    {"TP", SEG_T_TITLE},     {"Tp", SEG_T_TITLE},   {"tp", SEG_T_TITLE},     {"TX", SEG_T_TITLE},
    {"Tx", SEG_T_TITLE},     {"TT", SEG_T_TITLE},   {"Tt", SEG_T_TITLE},     {"TS", SEG_T_TITLE},
    {"Ts", SEG_T_TITLE},     {"GS", SEG_T_TITLE},   {"Gs", SEG_T_TITLE},     {"PGS", SEG_T_TITLE},
    {"ThS", SEG_T_TITLE},    {"Ths", SEG_T_TITLE},  {"BS", SEG_T_TITLE},     {"Bs", SEG_T_TITLE},
    {"BSCK", SEG_T_TITLE},   {"DS", SEG_T_TITLE},   {"LS", SEG_T_TITLE},     {"Ls", SEG_T_TITLE},
    {"KS", SEG_T_TITLE},     {"KTS", SEG_T_TITLE},  {"TSKH", SEG_T_TITLE},   {"NCS", SEG_T_TITLE},
    {"CN", SEG_T_TITLE},     {"GV", SEG_T_TITLE},   {"ThsBS", SEG_T_TITLE},  {"NSND", SEG_T_TITLE},
    {"NSƯT", SEG_T_TITLE},   {"NGND", SEG_T_TITLE}, {"NGƯT", SEG_T_TITLE},   {"ĐD", SEG_T_TITLE},
    {"CKI", SEG_T_TITLE},    {"CKII", SEG_T_TITLE}, {"ĐH", SEG_T_TITLE},     {"CĐ", SEG_T_TITLE},
    {"QL", SEG_T_TITLE},     {"TL", SEG_T_TITLE},   {"HL", SEG_T_TITLE},     {"Mr", SEG_T_TITLE},
    {"Mrs", SEG_T_TITLE},    {"Ms", SEG_T_TITLE},   {"Dr", SEG_T_TITLE},     {"Prof", SEG_T_TITLE},
    {"St", SEG_T_TITLE},     {"Lt", SEG_T_TITLE},   {"Gen", SEG_T_TITLE},    {"Sen", SEG_T_TITLE},
    {"Gov", SEG_T_TITLE},    {"Capt", SEG_T_TITLE}, {"KP", SEG_T_TITLE},     {"Kp", SEG_T_TITLE},
    {"KDC", SEG_T_TITLE},    {"KCN", SEG_T_TITLE},  {"tr", SEG_T_TITLE},     {"Tr", SEG_T_TITLE},
    {"No", SEG_T_TITLE},     {"no", SEG_T_TITLE},   {"Vol", SEG_T_TITLE},    {"vol", SEG_T_TITLE},
    {"pp", SEG_T_TITLE},     {"NXB", SEG_T_TITLE},  {"Nxb", SEG_T_TITLE},    {"ĐT", SEG_T_TITLE},
    {"Đt", SEG_T_TITLE},     {"Tel", SEG_T_TITLE},  {"tel", SEG_T_TITLE},    {"vs", SEG_T_TITLE},
    {"Fig", SEG_T_TITLE},    {"fig", SEG_T_TITLE},  {"đ/c", SEG_T_TITLE},    {"Đ/c", SEG_T_TITLE},
    {"v.v", SEG_T_FINAL},    {"V.v", SEG_T_FINAL},  {"vv", SEG_T_FINAL},     {"Co", SEG_T_FINAL},
    {"Ltd", SEG_T_FINAL},    {"Inc", SEG_T_FINAL},  {"Corp", SEG_T_FINAL},   {"Jr", SEG_T_FINAL},
    {"Sr", SEG_T_FINAL},     {"etc", SEG_T_FINAL},  {"a.m", SEG_T_FINAL},    {"p.m", SEG_T_FINAL},
    {"e.g", SEG_T_TITLE},    {"i.e", SEG_T_TITLE},  {"Ph.D", SEG_T_FINAL},   {"Th.S", SEG_T_TITLE},
    {"T.S", SEG_T_TITLE},    {"P.GS", SEG_T_TITLE}, {"TT.Huế", SEG_T_FINAL}, {"tr.CN", SEG_T_FINAL},
    {"TCN", SEG_T_FINAL},    {"SCN", SEG_T_FINAL},  {"Th", SEG_T_INITIAL},   {"Ph", SEG_T_INITIAL},
    {"Tr.T", SEG_T_INITIAL}, {"Ng", SEG_T_INITIAL}, {"Kh", SEG_T_INITIAL},   {"Nh", SEG_T_INITIAL},
    {"Ch", SEG_T_INITIAL},   {"Gi", SEG_T_INITIAL},
};

unsigned seg_abbreviation(const char *s, size_t n) {
  for (size_t i = 0; i < sizeof(abbreviations) / sizeof(abbreviations[0]); i++) {
    const char *t = abbreviations[i].text;
    if (t[0] == s[0] && strlen(t) == n && memcmp(t, s, n) == 0) return abbreviations[i].flag;
  }
  return 0;
}
