/* SPDX-License-Identifier: Apache-2.0 */
/* The loader over sound and bad plugins: search path, probe, quarantine, private copies, rebuilt files. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/time.h"
#include "plugin/image.h"
#include "plugin/loader.h"

#define PLUGINS BUILD_DIR "/tests/loader-plugins"

/* ---- a world of its own for each test ---------------------------------------------------------------------------- */

static char root[64];

static const char *at(const char *name) {
  static char paths[8][512];
  static unsigned turn;
  char *path = paths[turn++ % 8];
  snprintf(path, 512, "%s/%.400s", root, name);
  return path;
}

static void must(int code, const sl_err *err) {
  if (code) fail_msg("expected success, found: %s (%s)", err->message, err->hint);
}

static void copy_file(const char *from, const char *to) {
  sl_err err = {0};
  char *data = NULL;
  size_t len = 0;
  must(sl_path_read(from, 0, &data, &len, &err), &err);
  must(sl_path_write(to, data, len, 0755, &err), &err);
  sl_mem_free(data);
}

static int setup(void **state) {
  (void)state;
  snprintf(root, sizeof root, "/tmp/sluice-loader-XXXXXX");
  if (!mkdtemp(root)) return -1;
  setenv("HOME", root, 1);
  setenv("XDG_CACHE_HOME", at("cache"), 1);
  unsetenv("SLUICE_PLUGIN_PATH");
  return 0;
}

static int teardown(void **state) {
  (void)state;
  char command[128];
  snprintf(command, sizeof command, "rm -rf '%s'", root);
  return system(command);
}

static sl_registry *registry(void) {
  sl_err err = {0};
  sl_registry *r = NULL;
  must(sl_registry_new(NULL, &r, &err), &err);
  return r;
}

static unsigned count_files(const char *dir, const char *ending) {
  unsigned n = 0;
  DIR *d = opendir(dir);
  for (struct dirent *e; d && (e = readdir(d));) {
    size_t len = strlen(e->d_name), want = strlen(ending);
    n += len >= want && !strcmp(e->d_name + len - want, ending);
  }
  if (d) closedir(d);
  return n;
}

static void contains(const char *text, const char *part) {
  if (!strstr(text, part)) fail_msg("expected \"%s\" in: %s", part, text);
}

/* ---- the tests --------------------------------------------------------------------------------------------------- */

static const struct {
  const char *name, *message, *hint;
} refused[] = {
    {"old_header", "expected plugin ABI 0.1, found 0.0", "rebuild"},
    {"newer", "expected plugin ABI 0.1, found 0.2", "install the Sluice that it was built for"},
    {"other_size", "found struct_size", "rebuild"},
    {"newer_host", "expected to run on a host of ABI 0.9 or newer", "newer Sluice"},
    {"crash_constructor", "crashed while it was loaded (SIGSEGV", "quarantine"},
    {"crash_entry", "crashed while it was loaded (SIGABRT", "quarantine"},
    {"crash_text", "crashed while it was loaded (SIGSEGV", "quarantine"},
    {"exits", "ended the process while it was loaded (exit status 3)", "quarantine"},
    {"hang_load", "did not finish loading within 4000 ms", "quarantine"},
    {"private_cjson", "found a private copy (1.7.99)", "libcjson"},
    {"bad_offset", "parameter outside: expected a field inside the struct of 8 bytes, found bytes 8 to 16", "SL_PARAM"},
    {"no_symbol", "expected the function sluice_plugin, found none", "static or hidden"},
    {"null_descriptor", "expected a descriptor from sluice_plugin(), found NULL", "static const"},
    {"undefined", "undefined symbol: sl_host_secret", "symbols of the host"},
    {"wrong_name", "expected a file called sound.so", "rename"},
};

static void bad_plugins_are_refused_and_others_run(void **state) {
  (void)state;
  for (int round = 0; round < 3; round++) { /* unknown, known from the cache, and without a cache */
    if (round == 2) setenv("XDG_CACHE_HOME", "/proc/none", 1);
    sl_registry *r = registry();
    sl_registry_set_limit(r, 4000);
    sl_err err = {0};
    must(sl_registry_add_path(r, PLUGINS, &err), &err);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
      const sl_stage_type *type = NULL;
      memset(&err, 0, sizeof err);
      assert_int_equal(sl_registry_resolve(r, refused[i].name, NULL, NULL, 0, &type, NULL, NULL, &err), SL_EPLUGIN);
      assert_null(type);
      contains(err.message, refused[i].message);
      contains(err.message, refused[i].name);
      if (round < 2 || strcmp(refused[i].hint, "quarantine") != 0) contains(err.hint, refused[i].hint);
    }
    const sl_stage_type *type = NULL;
    const char *path = NULL, *build = NULL;
    must(sl_registry_resolve(r, "sound", NULL, NULL, 0, &type, &path, &build, &err), &err);
    assert_string_equal(type->name, "sound");
    assert_string_equal(path, PLUGINS "/sound.so");
    assert_int_equal(strlen(build), 40);
    assert_int_equal(type->process(NULL, NULL, NULL, NULL), SL_V_OK);
    sl_registry_free(r);
  }
}

static void a_known_refusal_is_not_tried_again(void **state) {
  (void)state;
  sl_err err = {0};
  const sl_stage_type *type = NULL;
  for (int round = 0; round < 2; round++) {
    sl_registry *r = registry();
    must(sl_registry_add_path(r, PLUGINS, &err), &err);
    sl_registry_set_limit(r, round ? 600000 : 4000); /* tried again it would take ten minutes */
    assert_int_equal(sl_registry_resolve(r, "hang_load", NULL, NULL, 0, &type, NULL, NULL, &err), SL_EPLUGIN);
    contains(err.message, "within 4000 ms");
    contains(err.detail, "waits or loops");
    sl_registry_free(r);
  }
  assert_int_equal(count_files(at("cache/sluice/plugins"), ".refused"), 1);
  assert_int_equal(count_files(at("cache/sluice/plugins"), ".new"), 0);
}

static const char *summary_of(sl_registry *r, const char *uses) {
  sl_err err = {0};
  const sl_stage_type *type = NULL;
  must(sl_registry_resolve(r, uses, NULL, NULL, 0, &type, NULL, NULL, &err), &err);
  return type->summary;
}

/* Overwrites the bytes of a file that stands, as a linker or cp does. */
static void overwrite(const char *from, const char *to) {
  char *data = NULL;
  size_t len = 0;
  sl_err err = {0};
  must(sl_path_read(from, 0, &data, &len, &err), &err);
  int fd = open(to, O_WRONLY | O_TRUNC);
  assert_true(fd >= 0);
  assert_int_equal(sl_path_write_fd(fd, data, len), 0);
  close(fd);
  sl_mem_free(data);
}

static void a_rebuilt_plugin_is_the_new_code(void **state) {
  (void)state;
  for (int cached = 1; cached >= 0; cached--) {
    setenv("XDG_CACHE_HOME", cached ? at("cache") : "/proc/none", 1);
    copy_file(BUILD_DIR "/tests/plugins-v1/rebuilt.so", at("rebuilt.so"));
    sl_registry *r = registry();
    const char *first = summary_of(r, at("rebuilt.so"));
    assert_string_equal(first, "Version 1");
    assert_ptr_equal(summary_of(r, at("rebuilt.so")), first);
    overwrite(BUILD_DIR "/tests/plugins-v2/rebuilt.so", at("rebuilt.so"));
    assert_string_equal(summary_of(r, at("rebuilt.so")), "Version 2");
    assert_string_equal(first, "Version 1"); /* the old code still stands */
    overwrite("/dev/null", at("rebuilt.so"));
    assert_string_equal(first, "Version 1");
    copy_file(BUILD_DIR "/tests/plugins-v1/rebuilt.so", at("rebuilt.so"));
    assert_string_equal(summary_of(r, at("rebuilt.so")), "Version 1");
    sl_registry_free(r);
    if (cached) assert_int_equal(count_files(at("cache/sluice/plugins"), ".so"), 1);
  }
}

static void a_file_that_is_no_plugin(void **state) {
  (void)state;
  sl_err err = {0};
  const sl_stage_type *type = NULL;
  sl_registry *r = registry();
  must(sl_path_write(at("text.so"), "hello\n", 6, 0644, &err), &err);
  must(sl_path_write(at("empty.so"), "", 0, 0644, &err), &err);
  assert_int_equal(sl_registry_resolve(r, at("text.so"), NULL, NULL, 0, &type, NULL, NULL, &err), SL_EPLUGIN);
  contains(err.message, "cannot be opened");
  assert_int_equal(sl_registry_resolve(r, at("empty.so"), NULL, NULL, 0, &type, NULL, NULL, &err), SL_EPLUGIN);
  contains(err.message, "cannot be opened");
  assert_int_equal(sl_registry_resolve(r, at("missing.so"), NULL, NULL, 0, &type, NULL, NULL, &err), SL_ENOTFOUND);
  assert_int_equal(mkdir(at("folder.so"), 0755), 0);
  assert_int_not_equal(sl_registry_resolve(r, at("folder.so"), NULL, NULL, 0, &type, NULL, NULL, &err), 0);
  contains(err.message, "not a file");
  sl_registry_free(r);
}

static void find_shadowed(void *user, const sl_loaded *loaded) {
  const char **ret = user;
  *ret = loaded->shadowed;
}

static void the_search_path_in_order(void **state) {
  (void)state;
  sl_err err = {0};
  const char *dirs[] = {"one", "two", "home/.local/lib/sluice"};
  setenv("HOME", at("home"), 1);
  for (int i = 0; i < 3; i++) must(sl_path_mkdirs(at(dirs[i]), &err), &err);
  for (int i = 0; i < 3; i++) {
    char file[64];
    snprintf(file, sizeof file, "%.40s/rebuilt.so", dirs[i]);
    copy_file(i == 1 ? BUILD_DIR "/tests/plugins-v2/rebuilt.so" : BUILD_DIR "/tests/plugins-v1/rebuilt.so", at(file));
  }
  setenv("SLUICE_PLUGIN_PATH", at("two"), 1);
  sl_registry *r = registry();
  const sl_stage_type *type = NULL;
  const char *path = NULL, *shadowed = NULL;
  must(sl_registry_resolve(r, "rebuilt", NULL, NULL, 0, &type, &path, NULL, &err), &err);
  assert_string_equal(path, at("two/rebuilt.so"));
  sl_registry_each(r, find_shadowed, &shadowed);
  assert_string_equal(shadowed, at("home/.local/lib/sluice/rebuilt.so"));
  const char *file_path[] = {"one"}; /* a literal relative path resolves against the file's folder */
  must(sl_registry_resolve(r, "rebuilt", root, file_path, 1, &type, &path, NULL, &err), &err);
  assert_string_equal(path, at("one/rebuilt.so"));
  must(sl_registry_resolve(r, "./one/rebuilt.so", root, NULL, 0, &type, &path, NULL, &err), &err);
  assert_string_equal(path, at("one/rebuilt.so"));
  uint32_t n = 0;
  const char *const *all = sl_registry_path(r, &n);
  assert_true(n >= 4);
  assert_string_equal(all[0], at("two"));
  assert_string_equal(all[1], at("home/.local/lib/sluice"));
  assert_string_equal(all[2], BUILD_DIR "/plugins-bin"); /* this is a binary of the build tree */
  sl_registry_free(r);
}

static void names_that_are_not_there(void **state) {
  (void)state;
  sl_err err = {0};
  const sl_stage_type *type = NULL;
  sl_registry *r = registry();
  must(sl_registry_add_path(r, PLUGINS, &err), &err);
  assert_int_equal(sl_registry_resolve(r, "sonud", NULL, NULL, 0, &type, NULL, NULL, &err), SL_ENOTFOUND);
  contains(err.message, "no plugin `sonud`");
  contains(err.detail, PLUGINS);
  contains(err.hint, "did you mean `sound`?");
  assert_int_equal(sl_registry_resolve(r, "zzzzzzzzzz", NULL, NULL, 0, &type, NULL, NULL, &err), SL_ENOTFOUND);
  contains(err.hint, "plugin_path");
  sl_registry_free(r);
}

static void a_plugin_with_two_types(void **state) {
  (void)state;
  sl_err err = {0};
  const sl_stage_type *type = NULL;
  sl_registry *r = registry();
  must(sl_registry_add_path(r, PLUGINS, &err), &err);
  must(sl_registry_resolve(r, "pair.right", NULL, NULL, 0, &type, NULL, NULL, &err), &err);
  assert_string_equal(type->name, "right");
  must(sl_registry_resolve(r, PLUGINS "/pair.so:left", NULL, NULL, 0, &type, NULL, NULL, &err), &err);
  assert_string_equal(type->name, "left");
  assert_int_equal(sl_registry_resolve(r, "pair", NULL, NULL, 0, &type, NULL, NULL, &err), SL_ENOTFOUND);
  contains(err.message, "several stage types: left, right");
  contains(err.hint, "pair.left");
  assert_int_equal(sl_registry_resolve(r, "pair.rihgt", NULL, NULL, 0, &type, NULL, NULL, &err), SL_ENOTFOUND);
  contains(err.hint, "did you mean `right`?");
  sl_registry_free(r);
}

typedef struct seen {
  unsigned sound, refused;
} seen;

static void on_plugin(void *user, const char *path, const sl_loaded *loaded, const sl_err *err) {
  seen *s = user;
  assert_non_null(path);
  assert_true(!loaded != !err);
  if (loaded)
    s->sound++;
  else
    s->refused++;
}

static void a_scan_shows_all(void **state) {
  (void)state;
  sl_err err = {0};
  seen s = {0, 0};
  sl_registry *r = registry();
  sl_registry_set_limit(r, 4000);
  must(sl_registry_add_path(r, PLUGINS, &err), &err);
  must(sl_registry_scan(r, on_plugin, &s, &err), &err);
  assert_int_equal(s.refused, sizeof refused / sizeof *refused);
  assert_true(s.sound >= 2);
  sl_registry_free(r);
}

static void a_cache_that_others_may_write_is_not_used(void **state) {
  (void)state;
  sl_err err = {0};
  must(sl_path_mkdirs(at("cache/sluice/plugins"), &err), &err);
  assert_int_equal(chmod(at("cache/sluice/plugins"), 0777), 0);
  sl_registry *r = registry();
  copy_file(PLUGINS "/sound.so", at("sound.so"));
  assert_string_equal(summary_of(r, at("sound.so")), "Lets everything through");
  assert_int_equal(count_files(at("cache/sluice/plugins"), ""), 2);
  sl_registry_free(r);
}

/* What the warm path costs: no copy, no probe. The figure is for people; the test is that nothing was written. */
static void a_known_plugin_is_only_opened(void **state) {
  (void)state;
  copy_file(PLUGINS "/sound.so", at("sound.so"));
  sl_registry *r = registry();
  int64_t t0 = sl_time_mono();
  summary_of(r, at("sound.so"));
  int64_t cold = sl_time_mono() - t0;
  sl_registry_free(r);
  struct stat before, after;
  assert_int_equal(stat(at("cache/sluice/plugins"), &before), 0);
  r = registry();
  t0 = sl_time_mono();
  summary_of(r, at("sound.so"));
  int64_t warm = sl_time_mono() - t0;
  sl_registry_free(r);
  assert_int_equal(stat(at("cache/sluice/plugins"), &after), 0);
  assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof before.st_mtim);
  print_message("cold %lld us, warm %lld us\n", (long long)(cold / 1000), (long long)(warm / 1000));
}

/* Many processes meet an unknown plugin at once: all of them get it. */
static void many_start_at_once(void **state) {
  (void)state;
  for (int round = 0; round < 3; round++) {
    copy_file(BUILD_DIR "/tests/plugins-v1/rebuilt.so", at("rebuilt.so"));
    pid_t children[12];
    for (int i = 0; i < 12; i++) {
      children[i] = fork();
      if (children[i]) continue;
      sl_err err = {0};
      sl_registry *r = NULL;
      const sl_stage_type *type = NULL;
      int code = sl_registry_new(NULL, &r, &err);
      if (!code) code = sl_registry_resolve(r, at("rebuilt.so"), NULL, NULL, 0, &type, NULL, NULL, &err);
      if (code) fprintf(stderr, "child %d: %s\n", i, err.message);
      _exit(code != 0);
    }
    for (int i = 0; i < 12; i++) {
      int status = -1;
      assert_int_equal(waitpid(children[i], &status, 0), children[i]);
      assert_int_equal(status, 0);
    }
  }
  assert_int_equal(count_files(at("cache/sluice/plugins"), ".so"), 1);
  assert_int_equal(count_files(at("cache/sluice/plugins"), ".new"), 0);
}

/* The n-th allocation fails: an error or the plugin, never a crash, and the next call works. */
static void every_allocation_can_fail(void **state) {
  (void)state;
  for (int cached = 1; cached >= 0; cached--) {
    setenv("XDG_CACHE_HOME", cached ? at("cache") : "/proc/none", 1);
    copy_file(PLUGINS "/sound.so", at("sound.so"));
    for (uint64_t n = 1, over = 0; !over; n++) {
      sl_err err = {0};
      sl_registry *r = NULL;
      const sl_stage_type *type = NULL;
      sl_mem_fail_at(n);
      int code = sl_registry_new(NULL, &r, &err);
      if (!code) code = sl_registry_add_path(r, root, &err);
      if (!code) code = sl_registry_resolve(r, "sound", NULL, NULL, 0, &type, NULL, NULL, &err);
      over = sl_mem_fail_at(0) != 0;
      if (over && code) fail_msg("without a failure: %s", err.message);
      if (code && !err.message[0]) fail_msg("allocation %u failed: error %d without a message", (unsigned)n, code);
      if (!code) assert_string_equal(type->name, "sound");
      sl_registry_free(r);
      assert_true(n < 2000);
    }
  }
}

int main(void) {
  sl_mem_install();
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(bad_plugins_are_refused_and_others_run),
      TEST(a_known_refusal_is_not_tried_again),
      TEST(a_rebuilt_plugin_is_the_new_code),
      TEST(a_file_that_is_no_plugin),
      TEST(the_search_path_in_order),
      TEST(names_that_are_not_there),
      TEST(a_plugin_with_two_types),
      TEST(a_scan_shows_all),
      TEST(a_cache_that_others_may_write_is_not_used),
      TEST(a_known_plugin_is_only_opened),
      TEST(many_start_at_once),
      TEST(every_allocation_can_fail),
  };
  return cmocka_run_group_tests_name("loader", tests, NULL, NULL);
}
