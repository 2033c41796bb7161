/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sluice dlq retry`, `edit` and `drop`: on the database of a stopped pipeline, or through the admin server of one that
 * runs.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/admin_client.h"
#include "cli/dlq.h"
#include "doc/codec.h"

#define RETRY "retry"
#define DROP "drop"
#define EDIT "edit"

/* ---- who does it ---- */

/* One of both. */
typedef struct hand {
  sl_state *state;
  sl_admin_where admin;
  int runs;
} hand;

static void hand_done(hand *h) {
  sl_state_close(h->state);
  sl_admin_where_done(&h->admin);
}

static int take_hand(const sl_dlq *q, const char *what, hand *ret) {
  sl_err err;
  char holder[512], name[64];
  *ret = (hand){0};
  if (!q->place.state) {
    sl_err_set(&err, SL_EINVAL, "dead letters in a file can be read only: %s", q->where);
    sl_err_hint(&err, "with `state:` the pipeline keeps them in its state, where they can be tried again");
    return sl_cli_fail(&err);
  }
  int rc = sl_state_holder(q->place.state, holder, sizeof holder);
  ret->runs = rc == 0 && *holder;
  if (ret->runs) {
    if (sl_admin_find(q->cli, q->place.state, &ret->admin) != SL_EXIT_OK) return SL_EXIT_FAILED;
    if (sl_admin_answers(&ret->admin)) return SL_EXIT_OK;
    sl_admin_where_done(&ret->admin);
    sl_err_set(&err, SL_ESTATE, "the state is in use, and its holder has no admin socket: %s", holder);
    sl_err_hint(&err, "stop the pipeline, or let it run without `admin: none`");
    return sl_cli_fail(&err);
  }
  (void)snprintf(name, sizeof name, "sluice dlq %s", what);
  sl_state_opts opts = {.folder = q->place.state, .pipeline = name};
  return sl_state_open(&opts, &ret->state, &err) == 0 ? SL_EXIT_OK : sl_cli_fail(&err);
}

static void add_age(sl_buf *path, const char *name, int64_t ns) {
  char text[32];
  (void)snprintf(text, sizeof text, "%lldns", (long long)ns);
  if (ns) sl_admin_query(path, name, text);
}

/* POST /api/dlq/WHAT?…: {"n": …} */
static int ask_server(const hand *h, const char *what, const sl_dead_filter *f, const char *at, const sl_bytes *body,
                      uint64_t *ret_n, sl_err *err) {
  sl_buf path = {0}, answer = {0};
  cJSON *tree = NULL;
  char id[24];
  int status = 0;
  (void)sl_buf_addf(&path, "/api/dlq/%s", what);
  if (f->stage) sl_admin_query(&path, "stage", f->stage);
  if (f->code) sl_admin_query(&path, "code", f->code);
  if (at) sl_admin_query(&path, "at", at);
  add_age(&path, "older", f->older_than);
  add_age(&path, "newer", f->newer_than);
  (void)snprintf(id, sizeof id, "%llu", (unsigned long long)f->id);
  if (f->id) sl_admin_query(&path, "id", id);
  int rc = path.failed ? sl_err_set(err, SL_ENOMEM, "memory is out")
                       : sl_admin_call(&h->admin, "POST", path.data, body ? body->data : NULL, body ? body->len : 0,
                                       &status, &answer, err);
  if (rc == 0 && status != 200) rc = sl_admin_refused(status, &answer, err);
  if (rc == 0) rc = sl_json_parse(answer.data ? answer.data : "", answer.len, NULL, &tree, NULL, err);
  if (rc == 0) *ret_n = (uint64_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(tree, "n"));
  cJSON_Delete(tree);
  sl_buf_done(&path);
  sl_buf_done(&answer);
  return rc;
}

static int do_one(const hand *h, const char *what, const sl_dead_filter *f, const char *at, uint64_t *ret_n,
                  sl_err *err) {
  if (h->runs) return ask_server(h, what, f, at, NULL, ret_n, err);
  if (strcmp(what, RETRY) == 0) return sl_state_dead_retry(h->state, f, at, NULL, ret_n, err);
  return sl_state_dead_drop(h->state, f, ret_n, err);
}

/* All of the filter, or those that are named. */
static int do_all(const sl_dlq *q, const hand *h, const char *what, uint64_t *ret_n) {
  sl_err err;
  int code = SL_EXIT_OK;
  size_t n = q->n_ids ? q->n_ids : 1;
  for (size_t i = 0; i < n; i++) {
    sl_dead_filter f = q->filter;
    uint64_t moved = 0;
    f.id = q->n_ids ? q->ids[i] : 0;
    if (do_one(h, what, &f, q->at, &moved, &err) != 0) return sl_cli_fail(&err);
    if (f.id && !moved) code = sl_dlq_missing(q, f.id);
    *ret_n += moved;
  }
  return code;
}

/* ---- retry, drop ---- */

static int has_choice(const sl_dlq *q) {
  return q->all || q->n_ids || q->filter.stage || q->filter.code || q->filter.older_than || q->filter.newer_than;
}

/* Stages of those that are wanted and that the pipeline does not have. */
typedef struct strays {
  const sl_dlq *q;
  sl_strlist stages;
  uint64_t n;
} strays;

static int note_stray(void *user, const sl_dead_entry *e) {
  strays *s = user;
  if (!e || sl_strlist_has(&s->q->place.stages, e->stage)) return 0;
  s->n++;
  if (!sl_strlist_has(&s->stages, e->stage)) (void)sl_strlist_add(&s->stages, e->stage);
  return 0;
}

static int check_at(const sl_dlq *q) {
  sl_err err;
  const sl_strlist *known = &q->place.stages;
  if (!known->count || sl_strlist_has(known, q->at)) {
    if (!sl_strlist_has(&q->place.sources, q->at)) return SL_EXIT_OK;
    sl_err_set(&err, SL_EINVAL, "--at %s: documents cannot enter a source", q->at);
    sl_err_hint(&err, "name the stage behind it");
    return sl_cli_fail(&err);
  }
  const char *near = sl_str_nearest(q->at, (const char *const *)known->items, known->count);
  char *all = sl_strlist_join(known, ", ");
  sl_err_set(&err, SL_ENOTFOUND, "--at %s: the pipeline has no such stage", q->at);
  if (near)
    sl_err_hint(&err, "did you mean %s?", near);
  else
    sl_err_hint(&err, "its stages are %s", all ? all : "");
  sl_mem_free(all);
  return sl_cli_fail(&err);
}

static int nothing(void *user, const sl_dead_entry *e) {
  (void)user;
  (void)e;
  return 1;
}

/* Counts by stage, which needs no document: 1 if all that are wanted are of stages that there are. */
static int all_known(const sl_dlq *q) {
  const sl_strlist *known = &q->place.stages;
  uint64_t all = 0, of_known = 0, n = 0;
  sl_dlq one = *q;
  if (q->filter.stage) return sl_strlist_has(known, q->filter.stage);
  if (sl_dlq_read(q, 1, nothing, NULL, &all, NULL) != 0) return 0;
  for (size_t i = 0; i < known->count; i++, of_known += n) {
    one.filter.stage = known->items[i];
    if (sl_dlq_read(&one, 1, nothing, NULL, &n, NULL) != 0) return 0;
  }
  return of_known == all;
}

static int check_stages(const sl_dlq *q) {
  sl_err err;
  strays s = {.q = q};
  if (q->at) return check_at(q);
  if (!q->place.stages.count || all_known(q)) return SL_EXIT_OK;
  int rc = sl_dlq_read(q, 0, note_stray, &s, NULL, &err);
  if (rc == SL_ENOTFOUND) rc = 0;
  if (rc == 0 && s.stages.count) {
    char *names = sl_strlist_join(&s.stages, ", ");
    sl_err_set(&err, SL_ENOTFOUND, "%llu of them failed at a stage that the pipeline does not have any more: %s",
               (unsigned long long)s.n, names ? names : "");
    sl_err_hint(&err, "--at STAGE lets them in at another stage, --stage ID takes those of one stage");
    sl_mem_free(names);
    rc = err.code;
  }
  sl_strlist_done(&s.stages);
  return rc ? sl_cli_fail(&err) : SL_EXIT_OK;
}

static int tell(const sl_dlq *q, const hand *h, const char *what, uint64_t n) {
  if (q->json) {
    cJSON *out = cJSON_CreateObject();
    cJSON_AddNumberToObject(out, "n", (double)n);
    cJSON_AddBoolToObject(out, "running", h->runs);
    return sl_cli_print_json(out, 0);
  }
  if (n == 0 && q->n_ids) return SL_EXIT_OK;
  if (n == 0)
    printf("no %sdead letters in %s\n", q->all ? "" : "such ", q->where);
  else if (strcmp(what, DROP) == 0)
    printf("%llu dead letter%s dropped\n", (unsigned long long)n, n == 1 ? "" : "s");
  else if (h->runs)
    printf("%llu dead letter%s let in again: the pipeline is at it\n", (unsigned long long)n, n == 1 ? "" : "s");
  else
    printf("%llu dead letter%s let in again: the next run takes %s up\n", (unsigned long long)n, n == 1 ? "" : "s",
           n == 1 ? "it" : "them");
  return SL_EXIT_OK;
}

static int change(sl_dlq *q, const char *what) {
  hand h;
  uint64_t n = 0;
  if (!has_choice(q))
    return sl_cli_usage(q->cli, "%s needs ids, --stage, --code, --older or --newer; --all takes every one", what);
  if (!q->place.there && q->place.state) return tell(q, &(hand){0}, what, 0);
  int rc = strcmp(what, RETRY) == 0 && q->place.state ? check_stages(q) : SL_EXIT_OK;
  if (rc == SL_EXIT_OK) rc = take_hand(q, what, &h);
  if (rc != SL_EXIT_OK) return rc;
  rc = do_all(q, &h, what, &n);
  int told = n || rc == SL_EXIT_OK ? tell(q, &h, what, n) : SL_EXIT_OK;
  hand_done(&h);
  return rc == SL_EXIT_OK ? told : rc;
}

int sl_dlq_retry(sl_dlq *q) { return change(q, RETRY); }
int sl_dlq_drop(sl_dlq *q) { return change(q, DROP); }

/* ---- edit ---- */

typedef struct edited {
  char *before; /* what the editor shows */
  size_t before_len;
  int found;
  sl_err err;
} edited;

static int keep_body(void *user, const sl_dead_entry *e) {
  edited *x = user;
  cJSON *body = NULL;
  sl_buf out = {0};
  if (!e) return 0;
  x->found = 1;
  if (e->body.len && sl_json_parse(e->body.data, e->body.len, NULL, &body, NULL, NULL) == 0)
    (void)sl_json_print_pretty(body, &out, NULL);
  else
    (void)sl_buf_add(&out, e->body.len ? e->body.data : e->raw.data, e->body.len ? e->body.len : e->raw.len);
  if (out.len && out.data[out.len - 1] != '\n') (void)sl_buf_addc(&out, '\n');
  cJSON_Delete(body);
  x->before = sl_buf_take(&out, &x->before_len);
  if (!x->before) sl_err_set(&x->err, SL_ENOMEM, "memory is out");
  return 1;
}

/* What was typed, as one line of JSON. */
static int compact(const char *text, size_t len, char **ret, size_t *ret_len, sl_err *err) {
  cJSON *body = NULL;
  int rc = sl_json_parse(text, len, NULL, &body, NULL, err);
  if (rc == 0 && !cJSON_IsObject(body)) rc = sl_err_set(err, SL_EPARSE, "the body of a document is a JSON object");
  if (rc == 0) rc = sl_json_print(body, ret, ret_len, err);
  cJSON_Delete(body);
  return rc;
}

static int run_editor(const char *path, sl_err *err) {
  int status = 0;
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    execl("/bin/sh", "sh", "-c", "exec ${VISUAL:-${EDITOR:-vi}} \"$1\"", "sluice", path, (char *)NULL);
    _exit(127);
  }
  if (pid < 0) return sl_err_errno(err, errno, "cannot start the editor");
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return sl_err_errno(err, errno, "cannot wait for the editor");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return 0;
  sl_err_set(err, SL_EIO, "the editor did not end well, and nothing is changed");
  sl_err_hint(err, "$VISUAL or $EDITOR names it; --body FILE needs none");
  return SL_EIO;
}

/* Through a file beside other temporary files, which stays when it cannot be used. */
static int by_editor(const edited *x, uint64_t id, char **ret, size_t *ret_len, sl_err *err) {
  char path[4200], *text = NULL;
  const char *folder = getenv("TMPDIR");
  size_t len = 0;
  (void)snprintf(path, sizeof path, "%s/sluice-dead-%llu-XXXXXX.json", folder && *folder ? folder : "/tmp",
                 (unsigned long long)id);
  int fd = mkstemps(path, 5);
  int rc = fd < 0 ? sl_err_errno(err, errno, "cannot make a file for the editor: %s", path) : 0;
  if (!rc && sl_path_write_fd(fd, x->before, x->before_len) != 0)
    rc = sl_err_errno(err, errno, "cannot write %s", path);
  if (fd >= 0) (void)close(fd);
  if (!rc) rc = run_editor(path, err);
  if (!rc) rc = sl_path_read(path, 0, &text, &len, err);
  if (!rc && len == x->before_len && memcmp(text, x->before, len) == 0) {
    *ret = NULL; /* as it was */
  } else if (!rc && (rc = compact(text, len, ret, ret_len, err)) != 0) {
    sl_err_hint(err, "what you wrote is kept in %s: mend it and give it as --body", path);
    sl_mem_free(text);
    return rc;
  }
  sl_mem_free(text);
  if (fd >= 0) (void)unlink(path);
  return rc;
}

static int read_input(sl_buf *out) {
  char buf[16384];
  size_t n;
  while ((n = fread(buf, 1, sizeof buf, stdin)) > 0)
    if (sl_buf_add(out, buf, n) != 0) return SL_ENOMEM;
  return ferror(stdin) ? SL_EIO : 0;
}

static int by_file(const char *path, char **ret, size_t *ret_len, sl_err *err) {
  char *text = NULL;
  size_t len = 0;
  sl_buf in = {0};
  int rc;
  if (strcmp(path, "-") == 0) {
    rc = read_input(&in) ? sl_err_set(err, SL_EIO, "cannot read standard input") : 0;
    if (!rc) rc = compact(in.data ? in.data : "", in.len, ret, ret_len, err);
    sl_buf_done(&in);
    return rc;
  }
  rc = sl_path_read(path, 0, &text, &len, err);
  if (!rc && (rc = compact(text, len, ret, ret_len, err)) != 0) sl_err_prefix(err, "%s", path);
  sl_mem_free(text);
  return rc;
}

static int put_body(const sl_dlq *q, uint64_t id, const sl_bytes *body) {
  hand h;
  sl_err err;
  uint64_t n = 0;
  sl_dead_filter one = {.id = id};
  int rc = take_hand(q, EDIT, &h);
  if (rc != SL_EXIT_OK) return rc;
  rc = h.runs ? ask_server(&h, EDIT, &one, NULL, body, &n, &err) : sl_state_dead_edit(h.state, id, body, &err);
  hand_done(&h);
  if (rc != 0) return sl_cli_fail(&err);
  printf("dead letter %llu has a new body; sluice dlq retry %s %llu lets it in again\n", (unsigned long long)id,
         q->where, (unsigned long long)id);
  return SL_EXIT_OK;
}

int sl_dlq_edit(sl_dlq *q) {
  edited x = {0};
  sl_bytes body = {0};
  char *text = NULL;
  hand h;
  /* Who cannot write should know before the editor opens. */
  int rc = q->place.there ? take_hand(q, EDIT, &h) : sl_dlq_missing(q, q->ids[0]);
  if (rc != SL_EXIT_OK) return rc;
  hand_done(&h);
  rc = sl_dlq_read(q, 0, keep_body, &x, NULL, &x.err);
  if (!rc) rc = x.err.code;
  if (!rc && !x.found) return sl_dlq_missing(q, q->ids[0]);
  if (!rc)
    rc = q->body ? by_file(q->body, &text, &body.len, &x.err) : by_editor(&x, q->ids[0], &text, &body.len, &x.err);
  body.data = text;
  int code = SL_EXIT_OK;
  if (rc)
    code = sl_cli_fail(&x.err);
  else if (!text)
    printf("dead letter %llu is as it was\n", (unsigned long long)q->ids[0]);
  else
    code = put_body(q, q->ids[0], &body);
  sl_mem_free(text);
  sl_mem_free(x.before);
  return code;
}
