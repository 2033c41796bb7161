/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clean_pages FOLDER [--speed N]: what clean takes out of a folder of pages (*.html, *.html.gz), as one JSON object for
 * a scorer: {"name": {"articleBody": …, "title": …, "captions": […], "meta": the fields of the document}, …}.
 * articleBody is the text without its title. With
 * --speed each page is read N times and only the figures are printed: pages/s and MB/s of CPU time, memory.
 */
#include <cjson/cJSON.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <zlib.h>

#include "fields.h"

#define PAGE_MAX ((size_t)64 << 20)

static const clean_mem heap = {malloc, free};
static const clean_options usual = {
    .charset = "auto", .format = CLEAN_FORMAT_HTML, .replace = 1, .rules = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}};

typedef struct totals {
  size_t pages, bytes, failed;
  double seconds;
} totals;

static double cpu_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static char *read_page(const char *path, size_t *ret_n) {
  gzFile f = gzopen(path, "rb");
  size_t cap = 1 << 20, n = 0;
  char *s = f ? malloc(cap) : NULL;
  for (int got = 1; s && got > 0; n += (size_t)got) {
    if (n == cap && (cap > PAGE_MAX || !(s = realloc(s, cap *= 2)))) break;
    got = gzread(f, s + n, (unsigned)(cap - n));
    if (got < 0) got = 0;
  }
  if (f) gzclose(f);
  *ret_n = n;
  return s;
}

static char *part(const char *s, size_t from, size_t to) {
  char *z = malloc(to - from + 1);
  if (!z) exit(1);
  memcpy(z, s + from, to - from);
  z[to - from] = '\0';
  return z;
}

static void add_part(cJSON *o, const char *key, const char *s, size_t from, size_t to) {
  char *z = part(s, from, to);
  if (*z) cJSON_AddStringToObject(o, key, z);
  free(z);
}

static cJSON *result(const clean_work *w) {
  cJSON *o = cJSON_CreateObject(), *captions = cJSON_CreateArray();
  const char *s = w->out.s ? w->out.s : "";
  size_t body = w->title_start == 0 ? w->title_end : 0;
  add_part(o, "articleBody", s, body, w->out.n);
  add_part(o, "title", s, w->title_start, w->title_end);
  add_part(o, "lead", s, w->lead_start, w->lead_end);
  for (size_t i = 0; i < w->n_removed; i++) {
    if (w->removed[i].kind != CLEAN_K_CAPTION) continue;
    char *z = part(w->removed[i].text, 0, w->removed[i].n);
    cJSON_AddItemToArray(captions, cJSON_CreateString(z));
    free(z);
  }
  cJSON_AddItemToObject(o, "captions", captions);
  cJSON *none = cJSON_CreateObject(), *meta = cJSON_AddObjectToObject(o, "meta");
  clean_fields(&heap, w, none, CLEAN_NO_ZONE, meta);
  cJSON_Delete(none);
  return o;
}

/* Reads the page `times` times; adds its result to `all` unless that is NULL. */
static void one_page(clean_work *w, const clean_lexicon *lex, const char *path, int times, totals *t, cJSON *all) {
  clean_why why = {0};
  size_t n;
  char *s = read_page(path, &n);
  if (!s) {
    fprintf(stderr, "%s: cannot be read\n", path);
    t->failed++;
    return;
  }
  clean_input in = {.s = s, .n = n, .media_type = "text/html"};
  double start = cpu_seconds();
  int rc = SL_OK;
  for (int k = 0; k < times && rc == SL_OK; k++) rc = clean_article(w, &in, lex, &usual, &why);
  t->seconds += cpu_seconds() - start;
  t->pages += (size_t)times;
  t->bytes += n * (size_t)times;
  if (rc) {
    fprintf(stderr, "%s: %s\n", path, why.message);
    t->failed++;
  } else if (all) {
    char key[256];
    const char *slash = strrchr(path, '/');
    snprintf(key, sizeof key, "%.255s", slash ? slash + 1 : path);
    char *dot = strstr(key, ".html");
    if (dot) *dot = '\0';
    cJSON_AddItemToObject(all, key, result(w));
  }
  free(s);
}

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static int is_page(const struct dirent *e) { return strstr(e->d_name, ".html") != NULL; }

int main(int argc, char **argv) {
  int times = argc > 3 && strcmp(argv[2], "--speed") == 0 ? atoi(argv[3]) : 0;
  struct dirent **list;
  int count = argc > 1 ? scandir(argv[1], &list, is_page, by_name) : -1;
  if (count < 0) {
    fprintf(stderr, "usage: clean_pages FOLDER [--speed N]\n");
    return 2;
  }
  totals t = {0};
  clean_work work;
  clean_lexicon *lex = clean_lexicon_new(&heap);
  if (!lex) return 1;
  clean_work_init(&work, &heap);
  cJSON *all = times ? NULL : cJSON_CreateObject();
  for (int i = 0; i < count; i++) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", argv[1], list[i]->d_name);
    one_page(&work, lex, path, times ? times : 1, &t, all);
    free(list[i]);
  }
  free(list);
  char *json = all ? cJSON_PrintUnformatted(all) : NULL;
  if (json) puts(json);
  struct rusage use;
  getrusage(RUSAGE_SELF, &use);
  fprintf(stderr, "%zu pages, %.1f MB, %.3f s of CPU: %.0f pages/s, %.1f MB/s; resident at most %.1f MB; %zu failed\n",
          t.pages, (double)t.bytes / 1e6, t.seconds, (double)t.pages / t.seconds, (double)t.bytes / 1e6 / t.seconds,
          (double)use.ru_maxrss / 1024, t.failed);
  free(json);
  cJSON_Delete(all);
  clean_work_done(&work);
  clean_lexicon_free(lex, &heap);
  return t.failed != 0;
}
