/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /api/dlq: the dead letters of the pipeline that runs.
 *
 * Orders wait for their commit, and a commit waits for the disk: they run on a thread of libuv's pool, so that the
 * server goes on answering when the disk does not.
 */
#include <cjson/cJSON.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "doc/codec.h"
#include "obs/admin_impl.h"
#include "obs/dead_json.h"
#include "store/state.h"

/* What one list may hold. */
#define LIST_LIMIT 1000

enum { LIST, RETRY, EDIT, DROP };

typedef struct job {
  uv_work_t req;
  sl_admin *a;
  uint64_t id;
  int what;
  char *stage, *code, *at;
  char *body;
  size_t body_len;
  sl_dead_filter filter;
  uint64_t limit;
  int whole;
  int status;
  sl_err err;
  cJSON *out, *entries;
} job;

static void free_job(job *j) {
  sl_mem_free(j->stage);
  sl_mem_free(j->code);
  sl_mem_free(j->at);
  sl_mem_free(j->body);
  cJSON_Delete(j->out);
  sl_mem_free(j);
}

/* ---- on the pool's thread ---- */

static int list_one(void *user, const sl_dead_entry *entry) {
  job *j = user;
  if (!entry) return 0;
  cJSON *one = sl_dead_json(entry, j->whole);
  if (!cJSON_AddItemToArray(j->entries, one)) cJSON_Delete(one);
  return 0;
}

static int run_list(job *j, sl_state *state) {
  j->entries = cJSON_AddArrayToObject(j->out, "entries");
  uint64_t n = 0;
  j->filter.limit = j->limit;
  int rc = sl_state_dead_each(state, &j->filter, list_one, j, &j->err);
  if (!rc) rc = sl_state_dead_count(state, &j->filter, &n, &j->err);
  cJSON_AddNumberToObject(j->out, "n", (double)n);
  return rc;
}

static void run_job(uv_work_t *req) {
  job *j = req->data;
  uint64_t n = 0;
  sl_bytes body = {j->body, j->body_len};
  sl_state *state = sl_meter_take_state(j->a->o.meter);
  if (!state) {
    sl_err_set(&j->err, SL_ESTATE, "there is no state now: the pipeline is starting, reloading or stopping");
    return;
  }
  if (j->what == LIST) {
    (void)run_list(j, state);
  } else {
    int rc = 0;
    if (j->what == RETRY)
      rc = sl_state_dead_retry(state, &j->filter, j->at, j->body_len ? &body : NULL, &n, &j->err);
    else if (j->what == EDIT)
      rc = sl_state_dead_edit(state, j->filter.id, &body, &j->err);
    else
      rc = sl_state_dead_drop(state, &j->filter, &n, &j->err);
    cJSON_AddNumberToObject(j->out, "n", j->what == EDIT && rc == 0 ? 1 : (double)n);
  }
  sl_meter_give_state(j->a->o.meter);
}

static void after_job(uv_work_t *req, int status) {
  job *j = req->data;
  sl_admin *a = j->a;
  if (a->http && (status < 0 || j->err.code)) {
    sl_admin_error(a, j->id, sl_admin_status(j->err.code), j->err.message, j->err.hint);
  } else if (a->http) {
    sl_admin_json(a, j->id, 200, j->out);
    j->out = NULL;
  }
  free_job(j);
}

/* ---- on the server's thread ---- */

/* An age such as 2h. 0, or -1 after an answer. */
static int age(sl_admin *a, const sl_http_request *req, const char *name, int64_t *ret) {
  char *text = NULL;
  sl_err err;
  int rc = sl_admin_param(a, req, name, &text);
  if (rc > 0 && *text && sl_str_duration(text, ret, &err) != 0) {
    sl_err_prefix(&err, "%s", name);
    sl_admin_error(a, req->id, 400, err.message, err.hint);
    rc = -1;
  }
  sl_mem_free(text);
  return rc < 0 ? -1 : 0;
}

/* An empty parameter is none. */
static int word(sl_admin *a, const sl_http_request *req, const char *name, char **ret) {
  int rc = sl_admin_param(a, req, name, ret);
  if (rc > 0 && !**ret) {
    sl_mem_free(*ret);
    *ret = NULL;
  }
  return rc < 0 ? -1 : 0;
}

/* A body that the stage could not read would only come back. */
static int check_body(sl_admin *a, const sl_http_request *req) {
  cJSON *tree = NULL;
  sl_err err = {0};
  int rc = sl_json_parse(req->body.data, req->body.len, NULL, &tree, NULL, &err);
  if (rc == 0 && !cJSON_IsObject(tree)) rc = sl_err_set(&err, SL_EINVAL, "expected a JSON object");
  cJSON_Delete(tree);
  if (rc == 0) return 0;
  sl_err_prefix(&err, "the new body");
  sl_admin_error(a, req->id, 400, err.message, err.hint);
  return -1;
}

static int read_job(sl_admin *a, const sl_http_request *req, job *j) {
  uint64_t whole = 0;
  if (word(a, req, "stage", &j->stage) || word(a, req, "code", &j->code) || word(a, req, "at", &j->at) ||
      age(a, req, "older", &j->filter.older_than) || age(a, req, "newer", &j->filter.newer_than) ||
      sl_admin_number(a, req, "id", 1, &j->filter.id) < 0 || sl_admin_number(a, req, "limit", 0, &j->limit) < 0 ||
      sl_admin_number(a, req, "whole", 0, &whole) < 0)
    return -1;
  j->whole = whole != 0;
  j->filter.stage = j->stage;
  j->filter.code = j->code;
  if (!j->limit || j->limit > LIST_LIMIT) j->limit = LIST_LIMIT;
  return 0;
}

/* What an order needs; and its body. */
static int check_order(sl_admin *a, const sl_http_request *req, job *j) {
  const char *why = NULL, *hint = NULL;
  if (j->what == EDIT && (!j->filter.id || !req->body.len)) {
    why = "which dead letter, and what is its new body?";
    hint = "POST /api/dlq/edit?id=N with the JSON object as the body of the request";
  } else if (j->what == RETRY && req->body.len && !j->filter.id) {
    why = "a new body goes to one dead letter only";
    hint = "add id=N";
  }
  if (why) {
    sl_admin_error(a, req->id, 400, why, hint);
    return -1;
  }
  if (j->what == LIST || !req->body.len) return 0;
  if (check_body(a, req) != 0) return -1;
  j->body = sl_mem_memdup(req->body.data, req->body.len);
  j->body_len = req->body.len;
  if (j->body) return 0;
  sl_admin_error(a, req->id, 503, "memory is out", NULL);
  return -1;
}

void sl_admin_dlq(sl_admin *a, const sl_http_request *req, const char *rest) {
  job *j = sl_mem_calloc(1, sizeof *j);
  if (!j) {
    sl_admin_error(a, req->id, 503, "memory is out", NULL);
    return;
  }
  *j = (job){.req.data = j, .a = a, .id = req->id, .limit = 100};
  j->what = strcmp(rest, "/retry") == 0 ? RETRY : strcmp(rest, "/edit") == 0 ? EDIT : *rest ? DROP : LIST;
  j->out = cJSON_CreateObject();
  if (read_job(a, req, j) != 0 || check_order(a, req, j) != 0) {
    free_job(j);
    return;
  }
  if (uv_queue_work(&a->loop, &j->req, run_job, after_job) == 0) return;
  sl_admin_error(a, req->id, 503, "no thread for the order", NULL);
  free_job(j);
}
