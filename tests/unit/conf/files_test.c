/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every file of tests/conf/bad is refused with exactly the text of its .expect; every file of tests/conf/good loads,
 * with exactly the warnings of its .expect (none if there is no such file). Lines "# set: X=Y" are given as --set. With
 * SLUICE_BLESS=1 in the environment the .expect files are written instead: read the difference before you commit it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "../../conf/fake_types.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/strlist.h"
#include "conf/diag.h"

#define SETS_MAX 8

static sl_strlist list_files(const char *dir) {
  sl_strlist names = {0};
  DIR *d = opendir(dir);
  assert_non_null(d);
  for (struct dirent *e; (e = readdir(d)) != NULL;)
    if (sl_str_ends(e->d_name, ".yaml")) assert_int_equal(sl_strlist_add(&names, e->d_name), 0);
  closedir(d);
  sl_strlist_sort(&names);
  return names;
}

static uint32_t find_sets(const char *text, const char **sets, sl_strlist *own) {
  uint32_t n = 0;
  for (const char *p = text; (p = strstr(p, "# set: ")) != NULL && n < SETS_MAX;) {
    p += strlen("# set: ");
    assert_int_equal(sl_strlist_add_n(own, p, strcspn(p, "\n")), 0);
    n++;
  }
  for (uint32_t i = 0; i < n; i++) sets[i] = own->items[i];
  return n;
}

/* Loads one file as kind/name in /cwd and returns what was printed about it. *ret_ok: it loaded. */
static char *check(const char *kind, const char *name, const char *text, size_t len, int *ret_ok) {
  sl_strlist own = {0};
  const char *sets[SETS_MAX];
  sl_load_opts opts = {.resolve = fake_resolve, .cwd = "/cwd", .supplier = fake_supplier, .sets = sets};
  opts.n_sets = find_sets(text, sets, &own);
  char file[256];
  snprintf(file, sizeof file, "%s/%s", kind, name);
  sl_diags *diags = sl_diags_new();
  sl_pipeline *p = NULL;
  int rc = sl_pipeline_load_text(text, len, file, &opts, diags, &p);
  assert_int_equal(rc != 0, p == NULL);
  assert_int_equal(rc != 0, sl_diags_errors(diags) != 0);
  *ret_ok = rc == 0;
  sl_buf buf = {0};
  sl_buf_addstr(&buf, "");
  assert_int_equal(sl_diags_print(diags, &buf, 0), 0);
  sl_diags_free(diags);
  sl_pipeline_free(p);
  sl_strlist_done(&own);
  return sl_buf_take(&buf, NULL);
}

static int check_folder(const char *kind, int want_ok, size_t at_least) {
  char dir[512], path[1024];
  snprintf(dir, sizeof dir, "%s/tests/conf/%s", SOURCE_DIR, kind);
  sl_strlist names = list_files(dir);
  assert_true(names.count >= at_least);
  int bad = 0;
  for (size_t i = 0; i < names.count; i++) {
    char *text = NULL, *want = NULL;
    size_t len = 0, want_len = 0;
    int ok = 0;
    snprintf(path, sizeof path, "%s/%s", dir, names.items[i]);
    assert_int_equal(sl_path_read(path, 0, &text, &len, NULL), 0);
    char *got = check(kind, names.items[i], text, len, &ok);
    snprintf(path, sizeof path, "%s/%.*s.expect", dir, (int)strlen(names.items[i]) - 5, names.items[i]);
    if (getenv("SLUICE_BLESS") && *got) assert_int_equal(sl_path_write(path, got, strlen(got), 0644, NULL), 0);
    if (sl_path_read(path, 0, &want, &want_len, NULL)) want = sl_mem_strdup("");
    if (ok != want_ok || strcmp(got, want) != 0) {
      print_error("%s/%s: %s\n--- expected\n%s--- found\n%s---\n", kind, names.items[i], ok ? "loaded" : "refused",
                  want, got);
      bad++;
    }
    sl_mem_free(got);
    sl_mem_free(want);
    sl_mem_free(text);
  }
  sl_strlist_done(&names);
  return bad;
}

static void bad_files_are_refused_with_their_text(void **state) {
  (void)state;
  assert_int_equal(check_folder("bad", 0, 45), 0);
}

static void good_files_load(void **state) {
  (void)state;
  assert_int_equal(check_folder("good", 1, 5), 0);
}

int main(void) {
  sl_mem_install();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bad_files_are_refused_with_their_text),
      cmocka_unit_test(good_files_load),
  };
  return cmocka_run_group_tests_name("conf/files", tests, NULL, NULL);
}
