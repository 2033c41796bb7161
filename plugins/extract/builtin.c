/* SPDX-License-Identifier: Apache-2.0 */
/* The lexicons inside the plugin. */
#include "lexicon.h"

#define FILES(X) \
  X(people)      \
  X(given) X(bodies) X(places) X(numbers) X(speech) X(words) X(compounds) X(gazetteer) X(patterns) X(pairs) X(weights)

#define DECLARE(name) extern const unsigned char embed_##name##_txt[], embed_##name##_txt_end[];
FILES(DECLARE)

int ex_lex_read_builtin(ex_lex *lex, char *msg, size_t cap) {
#define ROW(name) {#name ".txt", embed_##name##_txt, embed_##name##_txt_end},
  static const struct {
    const char *name;
    const unsigned char *text, *end;
  } files[] = {FILES(ROW)};
  for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
    int rc =
        ex_lex_read(lex, files[i].name, (const char *)files[i].text, (size_t)(files[i].end - files[i].text), msg, cap);
    if (rc != 0) return rc;
  }
  return 0;
}
