/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same tests over any plugin: conformance PLUGIN.so [PARAMETERS_DIR]
 *
 * Every type of it: its parameters can be read; create touches neither files nor descriptors and destroy cleans up,
 * also after a failure; no document, payload or failing allocation makes it crash, break its contract or stop the
 * pipeline; what a document did leaves no trace in the next. PARAMETERS_DIR/<type>.yaml gives parameters where required
 * ones cannot be guessed;
 * "@DIR@" in it is the scratch folder.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sluice/harness.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/path.h"
#include "hostile.h"
#include "plugin/loader.h"

typedef struct run {
  const sl_stage_type *type;
  char *params;
  char dir[64];   /* scratch folder */
  sl_harness *h;  /* started */
  char *expected; /* what became of the sound article the first time */
  unsigned calls;
} run;

static char doing[256];
static unsigned failures;

static void on_crash(int sig) {
  const char *name = sigabbrev_np(sig);
  (void)!write(2, "\ncrashed (SIG", 13);
  (void)!write(2, name, strlen(name));
  (void)!write(2, ") at: ", 6);
  (void)!write(2, doing, strlen(doing));
  (void)!write(2, "\n", 1);
  signal(sig, SIG_DFL);
  raise(sig);
}

static void at(const char *fmt, ...) SL_PRINTF(1, 2);
static void at(const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  vsnprintf(doing, sizeof doing, fmt, args);
  va_end(args);
}

static void bad(const char *fmt, ...) SL_PRINTF(1, 2);
static void bad(const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  fprintf(stderr, "FAILED at %s: ", doing);
  vfprintf(stderr, fmt, args);
  fputc('\n', stderr);
  va_end(args);
  failures++;
}

/* Reports what the harness found, so that it does not abort. */
static void check_problems(sl_harness *h) {
  const char *problem = sl_harness_take_problem(h);
  if (problem) bad("%s", problem);
}

/* ---- parameters ----------------------------------------------------------------------------------------------------
 */

static void guess(sl_buf *b, const sl_param *p, const char *dir) {
  sl_buf_addf(b, "%s: ", p->name);
  if (p->flags & SL_PF_LIST) sl_buf_addstr(b, "[");
  if (p->flags & SL_PF_MAP) sl_buf_addstr(b, p->flags & SL_PF_KEY_POINTER ? "{ /x: " : "{ x: ");
  switch (p->type) {
  case SL_T_BOOL:
    sl_buf_addstr(b, "true");
    break;
  case SL_T_INT:
  case SL_T_FLOAT:
    sl_buf_addstr(b, "1");
    break;
  case SL_T_DURATION:
    sl_buf_addstr(b, "1s");
    break;
  case SL_T_SIZE:
    sl_buf_addstr(b, "1MiB");
    break;
  case SL_T_ENUM:
    sl_buf_addf(b, "%.*s", (int)strcspn(p->range, "|"), p->range);
    break;
  case SL_T_PATH:
    sl_buf_addf(b, "\"%s/file.x\"", dir);
    break;
  case SL_T_GLOB:
    sl_buf_addf(b, "\"%s/in/*\"", dir);
    break;
  case SL_T_POINTER:
    sl_buf_addstr(b, "/text");
    break;
  case SL_T_CONDITION:
    sl_buf_addstr(b, "{ path: /text, exists: true }");
    break;
  case SL_T_JSON:
    sl_buf_addstr(b, "{}");
    break;
  case SL_T_STRUCT:
    sl_buf_addstr(b, "{ ");
    for (uint32_t i = 0; i < p->n_fields; i++)
      if (p->fields[i].flags & SL_PF_REQUIRED) guess(b, &p->fields[i], dir);
    sl_buf_addstr(b, " }");
    break;
  default:
    sl_buf_addstr(b, "x");
  }
  if (p->flags & SL_PF_MAP) sl_buf_addstr(b, " }");
  if (p->flags & SL_PF_LIST) sl_buf_addstr(b, "]");
  sl_buf_addstr(b, ", ");
}

static char *parameters(const run *r, const char *params_dir) {
  sl_buf b = {0};
  char file[512];
  char *text = NULL;
  size_t len = 0;
  snprintf(file, sizeof file, "%s/%s.yaml", params_dir ? params_dir : "", r->type->name);
  if (params_dir && !sl_path_read(file, 0, &text, &len, NULL)) {
    for (const char *p = text; *p;) {
      int here = !strncmp(p, "@DIR@", 5);
      if (here)
        sl_buf_addstr(&b, r->dir);
      else
        sl_buf_addc(&b, *p);
      p += here ? 5 : 1;
    }
    sl_mem_free(text);
  } else {
    sl_buf_addstr(&b, "{ ");
    for (uint32_t i = 0; i < r->type->n_params; i++)
      if (r->type->params[i].flags & SL_PF_REQUIRED) guess(&b, &r->type->params[i], r->dir);
    sl_buf_addstr(&b, "}");
  }
  char *copy = strdup(b.data ? b.data : "");
  sl_buf_done(&b);
  return copy;
}

/* ---- the world around -------------------------------------------------------------------------------------------- */

static unsigned entries(const char *dir) {
  unsigned n = 0;
  DIR *d = opendir(dir);
  while (d && readdir(d)) n++;
  if (d) closedir(d);
  return n;
}

static void put(const char *dir, const char *name, const char *data, size_t len) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  if (sl_path_write(path, data, len, 0644, NULL)) abort();
}

static void make_world(run *r) {
  char in[96];
  snprintf(r->dir, sizeof r->dir, "/tmp/sluice-conformance-XXXXXX");
  if (!mkdtemp(r->dir)) abort();
  snprintf(in, sizeof in, "%s/in", r->dir);
  if (sl_path_mkdirs(in, NULL)) abort();
  for (size_t i = 0; i < hostile_n_payloads; i++) {
    static const char *const endings[] = {"txt", "html", "json", "jsonl", "gz", "zst", "ndjson", "bin"};
    char name[64];
    snprintf(name, sizeof name, "%02u.%s", (unsigned)i, endings[i % 8]);
    put(in, name, hostile_payloads[i].data, hostile_payloads[i].len);
  }
  put(in, "sound.json", hostile_sound, strlen(hostile_sound));
  put(in, "mixed.jsonl", "{\"a\":1}\n\n[1]\n{\"a\":\n{\"a\":2}", 27);
  put(in, "cut.gz", "\x1f\x8b\x08\0\0\0\0\0\0\3", 10);
}

static void remove_world(const run *r) {
  char command[128];
  snprintf(command, sizeof command, "rm -rf '%s'", r->dir);
  if (system(command)) bad("cannot remove %s", r->dir);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

static void test_create(run *r) {
  at("%s: create and destroy", r->type->name);
  unsigned files = entries(r->dir), fds = entries("/proc/self/fd");
  sl_harness *h = sl_harness_new(r->type, r->params);
  int32_t code = sl_harness_create(h);
  if (code && !sl_harness_last(h).message[0]) bad("create failed with %d and no message", code);
  if (code) bad("expected create to succeed with %s, found: %s", r->params, sl_harness_last(h).message);
  if (entries(r->dir) != files) bad("create made a file");
  if (entries("/proc/self/fd") != fds) bad("create left a descriptor open");
  check_problems(h);
  sl_harness_free(h);
  if (entries("/proc/self/fd") != fds) bad("destroy left a descriptor open");
}

static void test_life_without_memory(const run *r) {
  for (uint64_t n = 1; n < 200; n++) {
    at("%s: allocation %u of its start fails", r->type->name, (unsigned)n);
    sl_harness *h = sl_harness_new(r->type, r->params);
    sl_harness_fail_alloc(h, n);
    int32_t code = sl_harness_start(h);
    int failed = sl_harness_alloc_failed(h);
    if (code && !failed) bad("start: %s", sl_harness_last(h).message);
    check_problems(h);
    sl_harness_free(h);
    if (!failed) break;
  }
}

/* Ends whatever waits. */
static void settle(run *r) {
  sl_harness_advance(r->h, INT64_C(3600) * 1000000000);
  if (r->type->kind != SL_SOURCE) sl_harness_flush(r->h, SL_FLUSH_END);
}

static void test_document(void *user, const char *name, const char *body) {
  run *r = user;
  at("%s: %s", r->type->name, name);
  r->calls++;
  sl_doc *doc = sl_harness_set_origin(r->h, sl_harness_doc(r->h, body), "file:///a.txt", name, "r1");
  int32_t verdict = sl_harness_push(r->h, doc);
  if (verdict == SL_V_PENDING) verdict = sl_harness_wait(r->h, doc, 5000);
  check_problems(r->h);
  if (verdict == SL_V_FATAL) bad("one document stopped the pipeline: %s", sl_harness_last(r->h).message);
  while ((doc = sl_harness_pull(r->h))) sl_harness_text(r->h, doc);
  if (!sl_harness_held(r->h) && !sl_harness_pending(r->h)) sl_harness_clear(r->h);
}

static void test_payloads(run *r) {
  for (size_t i = 0; i < hostile_n_payloads; i++) {
    const hostile_payload *p = &hostile_payloads[i];
    at("%s: %s", r->type->name, p->name);
    int32_t verdict = sl_harness_push_payload(r->h, p->data, p->len, p->media_type, "file:///p");
    check_problems(r->h);
    if (verdict == SL_V_FATAL) bad("one payload stopped the pipeline: %s", sl_harness_last(r->h).message);
    sl_doc *doc;
    while ((doc = sl_harness_pull(r->h))) sl_harness_text(r->h, doc);
  }
}

static sl_doc *sound(run *r) {
  static const char page[] = "Tiêu đề\n\nThủ tướng yêu cầu Bộ Y tế báo cáo. Ông nói.\n";
  sl_doc *doc = sl_harness_set_origin(r->h, sl_harness_doc(r->h, hostile_sound), "file:///a.txt", NULL, NULL);
  return sl_harness_set_payload(r->h, doc, page, sizeof page - 1, "text/plain");
}

/* A PURE stage gives the same again, whatever came between. */
static void test_sound(run *r, const char *when) {
  at("%s: a sound document %s", r->type->name, when);
  sl_doc *doc = sound(r);
  int32_t verdict = sl_harness_push(r->h, doc);
  if (verdict == SL_V_PENDING) verdict = sl_harness_wait(r->h, doc, 5000);
  check_problems(r->h);
  if (verdict == SL_V_FATAL || verdict == SL_V_RETRY)
    bad("expected a sound document to pass, found verdict %d: %s", verdict, sl_harness_last(r->h).message);
  sl_doc *out = sl_harness_pull(r->h);
  const char *text = out ? sl_harness_text(r->h, out) : "";
  if (!r->expected)
    r->expected = strdup(text);
  else if (r->type->flags & SL_F_PURE && strcmp(r->expected, text) != 0)
    bad("expected the same as the first time:\n  %s\nfound:\n  %s", r->expected, text);
  while (sl_harness_pull(r->h)) continue;
}

static void test_without_memory(run *r) {
  uint64_t step = 1;
  for (uint64_t n = 1, tried = 0; tried < 250; n += step, tried++) {
    at("%s: allocation %u of a document fails", r->type->name, (unsigned)n);
    sl_doc *doc = sound(r);
    sl_harness_fail_alloc(r->h, n);
    int32_t verdict = sl_harness_push(r->h, doc);
    int failed = sl_harness_alloc_failed(r->h);
    check_problems(r->h);
    if (failed && verdict == SL_V_REJECT && sl_harness_last(r->h).code == SL_ENOMEM)
      bad("a document was rejected for want of memory: RETRY is due");
    if (verdict == SL_V_FATAL) bad("want of memory stopped the pipeline");
    if (!sl_harness_held(r->h) && !sl_harness_pending(r->h)) sl_harness_clear(r->h);
    if (!failed) break;
    if (tried > 120) step = step * 5 / 4 + 1;
  }
  settle(r);
}

static void test_batch(run *r) {
  at("%s: a batch", r->type->name);
  sl_doc *docs[50];
  int32_t verdicts[50];
  for (int i = 0; i < 50; i++) docs[i] = sound(r);
  if (sl_harness_write(r->h, docs, 50, verdicts)) bad("a sound batch: %s", sl_harness_last(r->h).message);
  for (int i = 0; i < 50; i++)
    if (verdicts[i] != SL_V_OK && verdicts[i] != SL_V_DROP) {
      bad("document %d of a sound batch: verdict %d: %s", i, verdicts[i], sl_harness_error_of(r->h, docs[i]).message);
      break;
    }
  if (r->type->flush && sl_harness_flush(r->h, SL_FLUSH_END)) bad("flush: %s", sl_harness_last(r->h).message);
  check_problems(r->h);
}

static void test_source(run *r) {
  at("%s: hostile files", r->type->name);
  int32_t answer = sl_harness_produce_all(r->h, 10000);
  check_problems(r->h);
  if (answer == SL_V_FATAL) bad("one file stopped the pipeline: %s", sl_harness_last(r->h).message);
  sl_doc *doc;
  while ((doc = sl_harness_pull(r->h))) {
    sl_harness_text(r->h, doc);
    sl_harness_acknowledge(r->h, doc);
    r->calls++;
  }
  while ((doc = sl_harness_pull_rejected(r->h))) {
    if (!sl_harness_error_of(r->h, doc).message[0]) bad("a document was rejected without a message");
    r->calls++;
  }
  check_problems(r->h);
}

static void test_documents(run *r) {
  const char *extra[32] = {NULL};
  unsigned n = 0;
  for (uint32_t i = 0; i < r->type->n_fields && n < 31; i++) {
    const char *p = r->type->fields[i].pointer;
    if (p[0] == '/' && p[1] && !strchr(p + 1, '/')) extra[n++] = p + 1;
  }
  test_sound(r, "at first");
  hostile_each(extra, test_document, r);
  test_payloads(r);
  settle(r);
  test_without_memory(r);
  test_sound(r, "after all others");
}

static void test_type(const sl_stage_type *type, const char *params_dir) {
  run r = {.type = type};
  make_world(&r);
  r.params = parameters(&r, params_dir);
  test_create(&r);
  test_life_without_memory(&r);
  for (int round = 0; round < 2; round++) { /* the second time after stop and start */
    at("%s: start %d", type->name, round);
    if (!r.h) r.h = sl_harness_new(type, r.params);
    if (sl_harness_start(r.h)) {
      bad("start: %s", sl_harness_last(r.h).message);
      break;
    }
    if (type->kind == SL_SOURCE)
      test_source(&r);
    else if (!round)
      test_documents(&r);
    if (type->kind == SL_SINK) test_batch(&r);
    sl_harness_stop(r.h);
    check_problems(r.h);
  }
  at("%s: the end", type->name);
  sl_harness_free(r.h);
  remove_world(&r);
  fprintf(stderr, "%s: %u documents\n", type->name, r.calls);
  free(r.expected);
  free(r.params);
}

int main(int argc, char **argv) {
  sl_err err = {0};
  const sl_plugin *desc = NULL;
  if (argc < 2) {
    fprintf(stderr, "usage: conformance PLUGIN.so [PARAMETERS_DIR]\n");
    return 2;
  }
  const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) signal(signals[i], on_crash);
  /* What a sink prints is of no interest here. */
  int null = open("/dev/null", O_WRONLY);
  if (null < 0 || dup2(null, 1) < 0) return 2;
  close(null);
  at("loading %s", argv[1]);
  if (sl_plugin_open_file(argv[1], &desc, &err)) {
    fprintf(stderr, "%s\n", err.message);
    return 1;
  }
  for (uint32_t i = 0; i < desc->n_types; i++) test_type(desc->types[i], argc > 2 ? argv[2] : NULL);
  return failures ? 1 : 0;
}
