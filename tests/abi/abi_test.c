/* SPDX-License-Identifier: Apache-2.0 */
/* The binary interface stands still: sizes, offsets and constants of plugin.h against the committed table.
 *   abi_test TABLE          compares
 *   abi_test --print        prints the table as it is now */
#include <stdio.h>
#include <string.h>

#include <sluice/plugin.h>

static const struct row {
  const char *kind, *name;
  long long value, size;
} rows[] = {
#define STRUCT(s) {"struct", #s, (long long)sizeof(struct s), (long long)_Alignof(struct s)},
#define FIELD(s, f) {"field", #s "." #f, (long long)offsetof(struct s, f), (long long)sizeof(((struct s *)0)->f)},
#define CONSTANT(c) {"constant", #c, (long long)(c), 0},
#include "public.inc"
};

static void print(FILE *file, const struct row *r) {
  fprintf(file, "%s %s %lld %lld\n", r->kind, r->name, r->value, r->size);
}

int main(int argc, char **argv) {
  const size_t n = sizeof rows / sizeof *rows;
  if (argc == 2 && !strcmp(argv[1], "--print")) {
    for (size_t i = 0; i < n; i++) print(stdout, &rows[i]);
    return 0;
  }
  FILE *table = argc == 2 ? fopen(argv[1], "r") : NULL;
  if (!table) {
    fprintf(stderr, "usage: abi_test TABLE | --print\n");
    return 2;
  }
  char line[256], now[256];
  size_t seen = 0, bad = 0;
  for (; fgets(line, sizeof line, table); seen++) {
    const struct row *r = seen < n ? &rows[seen] : NULL;
    if (r) snprintf(now, sizeof now, "%s %s %lld %lld\n", r->kind, r->name, r->value, r->size);
    if (r && !strcmp(line, now)) continue;
    fprintf(stderr, "the ABI changed: committed %s              now %s", line, r ? now : "nothing\n");
    bad++;
  }
  for (; seen < n; seen++, bad++) {
    fprintf(stderr, "not in the committed table: ");
    print(stderr, &rows[seen]);
  }
  fclose(table);
  if (bad) fprintf(stderr, "%zu differences; if they are meant, raise SL_ABI_MINOR and see docs/abi.md\n", bad);
  return bad ? 1 : 0;
}
