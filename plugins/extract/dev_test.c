/* SPDX-License-Identifier: Apache-2.0 */
/*
 * extract: figures on the development articles (testdata/dev), which the rules were tuned on. They guard against
 * falling back; they are no measure of texts that nobody has looked at.
 *
 * An article is text with marks, then a line "----", then the orders and what is to be left out of the count:
 *
 *   date: 2025-09-18
 *   {R Chủ tịch UBND xã} {P Giàng A Dê} yêu cầu … {D ngày ~19/9}
 *   ----
 *   order: speaker | verb | one who is told | first words of what is ordered … its last words | deadline
 *   implicit: the same; an order that need not be found
 *
 * Types: P person, R role, O body, L place, D date, G document, Q quantity; in lower case: need not be found. "~"
 * begins the core, which may be found alone; "|NAME" is the norm, "|NAME|HOLDER" the holder of a role too. Roles belong
 * to the person behind them, those marked {R< } to the one before.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <sluice/harness.h>

#define MARKS 400
#define PAIRS 200
#define ORDERS 24

struct mark {
  char type;  /* P R O L D G Q */
  char place; /* '<' behind the person, 0 before */
  int optional, used;
  size_t start, end, core; /* bytes of the text */
  char norm[256], holder[128];
};

struct pair {
  char person[128], role[256];
  int found;
};

struct order {
  int implicit, used;
  char *field[5]; /* speaker, verb, told, content, deadline */
};

struct article {
  char *source, *text, date[16];
  struct mark marks[MARKS];
  struct pair pairs[PAIRS];
  struct order orders[ORDERS];
  int n_marks, n_pairs, n_orders;
};

struct figures {
  int entity[3], pair[3], order[3], ends[2], deadlines[2]; /* right, too many, missing; right, wrong */
};

static char *read_all(const char *path) {
  FILE *f = fopen(path, "rb");
  assert_non_null(f);
  assert_int_equal(fseek(f, 0, SEEK_END), 0);
  size_t n = (size_t)ftell(f);
  rewind(f);
  char *s = malloc(n + 1);
  assert_non_null(s);
  assert_int_equal(fread(s, 1, n, f), n);
  s[n] = '\0';
  fclose(f);
  return s;
}

/* Reads the mark at s ("{R< …}"), appends its text to out. Returns the character behind it. */
static const char *read_mark(struct article *a, const char *s, size_t *n) {
  const char *close = strchr(s, '}');
  assert_non_null(close);
  assert_true(a->n_marks < MARKS);
  struct mark *m = &a->marks[a->n_marks++];
  m->optional = s[1] >= 'a';
  m->type = (char)(m->optional ? s[1] - 32 : s[1]);
  m->place = (char)(s[2] == '<' ? '<' : 0);
  const char *from = s[2] == ' ' ? s + 3 : s + 4;
  size_t len = strcspn(from, "|}");
  m->start = *n;
  m->core = 0;
  for (size_t k = 0; k < len; k++) {
    if (from[k] == '~') {
      m->core = *n;
    } else {
      a->text[(*n)++] = from[k];
    }
  }
  m->end = *n;
  if (from[len] == '|') {
    const char *norm = from + len + 1;
    size_t k = strcspn(norm, "|}");
    snprintf(m->norm, sizeof(m->norm), "%.*s", (int)k, norm);
    if (norm[k] == '|') snprintf(m->holder, sizeof(m->holder), "%.*s", (int)strcspn(norm + k + 1, "}"), norm + k + 1);
  } else {
    snprintf(m->norm, sizeof(m->norm), "%.*s", (int)(m->end - m->start), a->text + m->start);
  }
  return close + 1;
}

static void add_pair(struct article *a, const char *person, const char *role) {
  for (int k = 0; k < a->n_pairs; k++)
    if (strcmp(a->pairs[k].person, person) == 0 && strcmp(a->pairs[k].role, role) == 0) return;
  assert_true(a->n_pairs < PAIRS);
  struct pair *p = &a->pairs[a->n_pairs++];
  snprintf(p->person, sizeof(p->person), "%s", person);
  snprintf(p->role, sizeof(p->role), "%s", role);
}

/* Does nothing but commas and honorifics stand between two marks? */
static int beside(const struct article *a, const struct mark *x, const struct mark *y) {
  char between[64];
  if (y->start - x->end >= sizeof(between)) return 0;
  snprintf(between, sizeof(between), "%.*s", (int)(y->start - x->end), a->text + x->end);
  return strcmp(between, " ") == 0 || strcmp(between, ", ") == 0 || strcmp(between, " ông ") == 0 ||
         strcmp(between, " bà ") == 0;
}

static void make_pairs(struct article *a) {
  for (int k = 0; k < a->n_marks; k++) {
    const struct mark *m = &a->marks[k];
    if (m->type != 'R' || m->optional) continue;
    if (*m->holder) {
      add_pair(a, m->holder, m->norm);
      continue;
    }
    int i = k;
    if (m->place == '<') {
      while (i >= 0 && a->marks[i].type != 'P') i--;
    } else {
      while (i + 1 < a->n_marks && a->marks[i].type == 'R' && beside(a, &a->marks[i], &a->marks[i + 1])) i++;
    }
    if (i >= 0 && a->marks[i].type == 'P') add_pair(a, a->marks[i].norm, m->norm);
  }
}

static char *trimmed(char *s) {
  while (*s == ' ') s++;
  for (size_t n = strlen(s); n && s[n - 1] == ' '; n--) s[n - 1] = '\0';
  return s;
}

static void read_order(struct article *a, char *line, int implicit) {
  assert_true(a->n_orders < ORDERS);
  struct order *o = &a->orders[a->n_orders++];
  *o = (struct order){.implicit = implicit};
  char *at = line;
  for (int k = 0; k < 5; k++) {
    char *bar = at ? strchr(at, '|') : NULL;
    if (bar) *bar = '\0';
    static char nothing[1];
    o->field[k] = at ? trimmed(at) : nothing;
    at = bar ? bar + 1 : NULL;
  }
}

static struct article *read_article(const char *path) {
  struct article *a = calloc(1, sizeof(*a));
  assert_non_null(a);
  a->source = read_all(path);
  a->text = malloc(strlen(a->source) + 1);
  assert_non_null(a->text);
  assert_int_equal(strncmp(a->source, "date: ", 6), 0);
  snprintf(a->date, sizeof(a->date), "%.10s", a->source + 6);
  char *tail = strstr(a->source, "\n----\n");
  assert_non_null(tail);
  *tail = '\0';
  size_t n = 0;
  for (const char *s = strchr(a->source, '\n') + 1; *s;) {
    if (*s == '{') {
      s = read_mark(a, s, &n);
    } else {
      a->text[n++] = *s++;
    }
  }
  a->text[n] = '\0';
  make_pairs(a);
  for (char *line = strtok(tail + 6, "\n"); line; line = strtok(NULL, "\n")) {
    if (strncmp(line, "order:", 6) == 0) read_order(a, line + 6, 0);
    if (strncmp(line, "implicit:", 9) == 0) read_order(a, line + 9, 1);
  }
  return a;
}

static void free_article(struct article *a) {
  free(a->source);
  free(a->text);
  free(a);
}

static const char *str(const cJSON *o, const char *key) {
  const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);
  return cJSON_IsString(v) ? v->valuestring : "";
}

static size_t number(const cJSON *o, const char *key) {
  const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);
  return cJSON_IsNumber(v) ? (size_t)v->valuedouble : 0;
}

static char letter_of(const char *type) {
  static const char *const names[] = {"PERSON", "ROLE", "ORG", "LOC", "DATE", "LEGAL_REF", "QUANTITY"};
  for (int k = 0; k < 7; k++)
    if (strcmp(names[k], type) == 0) return "PROLDGQ"[k];
  return '?';
}

/* Whole, or its core: of a quantity the number. */
static int same_span(const struct article *a, const struct mark *m, size_t start, size_t end) {
  if (start == m->start && end == m->end) return 1;
  if (m->core && start == m->core && end == m->end) return 1;
  return m->type == 'Q' && start == m->start && end == m->start + strspn(a->text + m->start, "0123456789.,%");
}

static void count_entity(struct article *a, const cJSON *e, struct figures *f) {
  size_t start = number(e, "start"), end = number(e, "end");
  char type = letter_of(str(e, "type"));
  int excused = 0;
  for (int k = 0; k < a->n_marks; k++) {
    struct mark *m = &a->marks[k];
    if (m->type == type && !m->used && same_span(a, m, start, end)) {
      m->used = 1;
      f->entity[0] += !m->optional;
      return;
    }
    /* Inside something of another type, or over something that need not be found. */
    excused |=
        (m->type != type && start >= m->start && end <= m->end) || (m->optional && start < m->end && end > m->start);
  }
  if (excused) return;
  f->entity[1]++;
  print_message("  too many: %s \"%s\"\n", str(e, "type"), str(e, "text"));
}

static const cJSON *by_id(const cJSON *body, const cJSON *ref) {
  const cJSON *e;
  if (cJSON_IsString(ref))
    cJSON_ArrayForEach(e, cJSON_GetObjectItemCaseSensitive(
                              body, "entities")) if (strcmp(str(e, "id"), ref->valuestring) == 0) return e;
  return NULL;
}

static void count_pair(struct article *a, const cJSON *body, const cJSON *role, const cJSON *ref, struct pair *seen,
                       int *n_seen, struct figures *f) {
  const cJSON *person = by_id(body, ref);
  if (!person) return;
  for (int k = 0; k < *n_seen; k++)
    if (strcmp(seen[k].person, str(person, "norm")) == 0 && strcmp(seen[k].role, str(role, "norm")) == 0) return;
  assert_true(*n_seen < PAIRS);
  snprintf(seen[*n_seen].person, sizeof(seen->person), "%s", str(person, "norm"));
  snprintf(seen[(*n_seen)++].role, sizeof(seen->role), "%s", str(role, "norm"));
  for (int k = 0; k < a->n_pairs; k++)
    if (strcmp(a->pairs[k].person, str(person, "norm")) == 0 && strcmp(a->pairs[k].role, str(role, "norm")) == 0) {
      a->pairs[k].found = 1;
      f->pair[0]++;
      return;
    }
  for (int k = 0; k < a->n_marks; k++)
    if (a->marks[k].type == 'R' && a->marks[k].optional && strcmp(a->marks[k].norm, str(role, "text")) == 0) return;
  f->pair[1]++;
  print_message("  too many: %s = %s\n", str(person, "norm"), str(role, "norm"));
}

/* Does the content begin with the words of the order? At least five of its first eight are the same. */
static int same_start(const char *content, const char *words) {
  size_t n = strcspn(words, "\xE2"); /* up to the "…" */
  char want[256], have[512];
  snprintf(want, sizeof(want), " %.*s ", (int)n, words);
  snprintf(have, sizeof(have), " %.500s ", content);
  int same = 0, all = 0;
  for (char *w = strtok(want, " "); w; w = strtok(NULL, " "), all++) {
    char one[80];
    snprintf(one, sizeof(one), " %.70s ", w);
    same += strstr(have, one) != NULL;
  }
  return all > 0 && same >= (all < 5 ? all : 5);
}

static void count_order(struct article *a, const cJSON *d, struct figures *f) {
  const cJSON *content = cJSON_GetObjectItemCaseSensitive(d, "content");
  const char *text = str(content, "text");
  for (int k = 0; k < a->n_orders; k++) {
    struct order *o = &a->orders[k];
    int who = strcmp(o->field[0], "*") == 0 || strcmp(o->field[0], str(d, "speaker_norm")) == 0;
    if (o->used || !who || strcmp(o->field[1], str(d, "verb")) != 0 || !same_start(text, o->field[3])) continue;
    o->used = 1;
    f->order[0] += !o->implicit;
    const char *last = strstr(o->field[3], "…"), *deadline = o->field[4];
    size_t n = strlen(text), m = last ? strlen(last + 3) - strspn(last + 3, " ") : 0;
    if (m) f->ends[n >= m && strcmp(text + n - m, last + 3 + strspn(last + 3, " ")) == 0 ? 0 : 1]++;
    if (!strchr(deadline, '?'))
      f->deadlines[strcmp(deadline, str(cJSON_GetObjectItemCaseSensitive(d, "deadline"), "norm")) == 0 ? 0 : 1]++;
    return;
  }
  f->order[1]++;
  print_message("  too many: %s %s: %s\n", str(d, "speaker_norm"), str(d, "verb"), text);
}

static void count_missing(const struct article *a, struct figures *f) {
  for (int k = 0; k < a->n_marks; k++)
    if (!a->marks[k].used && !a->marks[k].optional) {
      f->entity[2]++;
      print_message("  missing: %c \"%.*s\"\n", a->marks[k].type, (int)(a->marks[k].end - a->marks[k].start),
                    a->text + a->marks[k].start);
    }
  for (int k = 0; k < a->n_pairs; k++)
    if (!a->pairs[k].found) {
      f->pair[2]++;
      print_message("  missing: %s = %s\n", a->pairs[k].person, a->pairs[k].role);
    }
  for (int k = 0; k < a->n_orders; k++)
    if (!a->orders[k].used && !a->orders[k].implicit) {
      f->order[2]++;
      print_message("  missing: %s %s: %s\n", a->orders[k].field[0], a->orders[k].field[1], a->orders[k].field[3]);
    }
}

static void count_article(sl_harness *h, const char *path, struct figures *f) {
  struct article *a = read_article(path);
  cJSON *in = cJSON_CreateObject();
  cJSON_AddStringToObject(in, "text", a->text);
  cJSON_AddStringToObject(in, "published", a->date);
  char *json = cJSON_PrintUnformatted(in);
  cJSON_Delete(in);
  print_message("%s\n", strrchr(path, '/') + 1);
  sl_harness_clear(h);
  assert_int_equal(sl_harness_push_json(h, json), SL_V_OK);
  cJSON_free(json);
  const cJSON *body = sl_harness_body(h, sl_harness_pull(h)), *e, *p;
  struct pair *seen = calloc(PAIRS, sizeof(*seen));
  int n_seen = 0;
  assert_non_null(seen);
  cJSON_ArrayForEach(e, cJSON_GetObjectItemCaseSensitive(body, "entities")) {
    if (!cJSON_GetObjectItemCaseSensitive(e, "nested")) count_entity(a, e, f);
    if (strcmp(str(e, "type"), "ROLE") != 0) continue;
    const cJSON *all = cJSON_GetObjectItemCaseSensitive(e, "persons");
    if (!all) count_pair(a, body, e, cJSON_GetObjectItemCaseSensitive(e, "person"), seen, &n_seen, f);
    cJSON_ArrayForEach(p, all) count_pair(a, body, e, p, seen, &n_seen, f);
  }
  cJSON_ArrayForEach(e, cJSON_GetObjectItemCaseSensitive(body, "directives")) count_order(a, e, f);
  count_missing(a, f);
  free(seen);
  free_article(a);
}

static double f1(const int *c) { return 2.0 * c[0] / (2.0 * c[0] + c[1] + c[2]); }

static int is_article(const struct dirent *d) { return strstr(d->d_name, ".txt") != NULL; }

static void test_dev(void **state) {
  struct dirent **names;
  struct figures f = {{0}, {0}, {0}, {0}, {0}};
  (void)state;
  int n = scandir(TESTDATA "/dev", &names, is_article, alphasort);
  assert_true(n >= 12);
  sl_harness *h = sl_harness_new(sluice_plugin()->types[0], "");
  assert_int_equal(sl_harness_start(h), 0);
  for (int k = 0; k < n; k++) {
    char path[512];
    snprintf(path, sizeof(path), "%s/dev/%s", TESTDATA, names[k]->d_name);
    count_article(h, path, &f);
    free(names[k]);
  }
  free(names);
  sl_harness_free(h);
  print_message("%d articles: entities F1 %.3f, person-role pairs %.3f, orders %.3f; of %d orders %d end right, %d "
                "deadlines right\n",
                n, f1(f.entity), f1(f.pair), f1(f.order), f.ends[0] + f.ends[1], f.ends[0], f.deadlines[0]);
  if (f1(f.entity) < 0.97 || f1(f.pair) < 0.94 || f1(f.order) < 0.92)
    fail_msg("expected at least .970, .940, .920, found %.3f, %.3f, %.3f", f1(f.entity), f1(f.pair), f1(f.order));
  if (f.ends[1] * 10 > f.ends[0] || f.deadlines[1] * 10 > f.deadlines[0])
    fail_msg("%d ends and %d deadlines are wrong", f.ends[1], f.deadlines[1]);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_dev)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
