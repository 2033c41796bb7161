/* SPDX-License-Identifier: Apache-2.0 */
/* Small stage types of every kind, for the tests of the harness. */
#include "stages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

/* ---- length: a lane transform ------------------------------------------------------------------------------------ */

enum { GOOD, UNDECLARED, NO_REASON, LEAK, TWICE, DIRTY, MISSING, HOLD, REMOVE, WRONG_TYPE };

typedef struct length_params {
  int64_t plus;
  int32_t mode;
  const char *label;
} length_params;

static const sl_param length_table[] = {
    SL_PARAM(length_params, plus, SL_T_INT, 0, "0", "0..100", "Added to the length."),
    SL_PARAM(length_params, mode, SL_T_ENUM, 0, "good",
             "good|undeclared|no_reason|leak|twice|dirty|missing|hold|remove|wrong_type", "How to misbehave."),
    SL_PARAM(length_params, label, SL_T_STRING, 0, NULL, NULL, "Must not be `bad`."),
};
static const sl_field length_fields[] = {
    {"/text", SL_C_READS, SL_J_STRING, "Text to measure."},
    {"/n", SL_C_WRITES, SL_J_NUMBER, "Its length in bytes."},
};

typedef struct length_stage {
  const sl_host *host; /* destroy has no context */
  const length_params *p;
} length_stage;

static int32_t length_create(sl_ctx *ctx, const void *params, void **ret_stage) {
  length_stage *s = sl_alloc(ctx, sizeof *s);
  if (!s) {
    sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL);
    return SL_ENOMEM;
  }
  *s = (length_stage){ctx->host, params};
  *ret_stage = s;
  if (s->p->label && !strcmp(s->p->label, "bad")) {
    sl_fail(ctx, SL_EINVAL, "label: expected anything but `bad`", "found `bad`", "choose another");
    return SL_EINVAL;
  }
  return 0;
}

static int32_t length_lane_open(sl_ctx *ctx, void *stage, void **ret_lane) {
  (void)stage;
  *ret_lane = sl_alloc(ctx, 1);
  return *ret_lane ? 0 : (sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL), SL_ENOMEM);
}
static void length_lane_close(sl_ctx *ctx, void *stage, void *lane) {
  (void)stage;
  sl_free(ctx, lane);
}

static int32_t length_misbehave(sl_ctx *ctx, const length_params *p, sl_doc *doc) {
  cJSON *body;
  switch (p->mode) {
  case NO_REASON:
    return SL_V_REJECT;
  case LEAK:
    sl_new(ctx, doc);
    return SL_V_DROP;
  case TWICE:
    return sl_emit(ctx, doc) || sl_emit(ctx, doc) ? SL_V_DROP : SL_V_OK;
  case MISSING:
    return SL_V_OK;
  case HOLD:
    return SL_V_HELD;
  default:
    break;
  }
  if (!(body = sl_body_edit(ctx, doc))) return SL_V_RETRY;
  if (p->mode == UNDECLARED) cJSON_AddStringToObject(body, "surprise", "x");
  if (p->mode == REMOVE) cJSON_DeleteItemFromObjectCaseSensitive(body, "text");
  if (p->mode == WRONG_TYPE) cJSON_AddStringToObject(body, "n", "three");
  if (p->mode != WRONG_TYPE) cJSON_AddNumberToObject(body, "n", 1);
  if (p->mode == DIRTY) {
    sl_fail(ctx, SL_EIO, "changed my mind", NULL, NULL);
    return SL_V_RETRY;
  }
  return SL_V_OK;
}

static int32_t length_process(sl_ctx *ctx, void *stage, void *lane, sl_doc *doc) {
  const length_stage *s = stage;
  (void)lane;
  if (s->p->mode != GOOD) return length_misbehave(ctx, s->p, doc);
  const cJSON *body = sl_body(ctx, doc);
  if (!body) return SL_V_RETRY;
  const cJSON *text = cJSON_GetObjectItemCaseSensitive(body, "text");
  if (!cJSON_IsString(text)) {
    sl_fail_doc(ctx, doc, SL_EINVAL, "/text: expected a string", NULL, NULL);
    return SL_V_REJECT;
  }
  double n = (double)strlen(text->valuestring) + (double)s->p->plus;
  cJSON *number = cJSON_CreateNumber(n);
  cJSON *out = number ? sl_body_edit(ctx, doc) : NULL;
  if (!out) {
    cJSON_Delete(number);
    sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL);
    return SL_V_RETRY;
  }
  cJSON_DeleteItemFromObjectCaseSensitive(out, "n");
  if (!cJSON_AddItemToObject(out, "n", number)) {
    cJSON_Delete(number);
    sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL);
    return SL_V_RETRY;
  }
  sl_count(ctx, "measured", 1);
  return SL_V_OK;
}

static void length_destroy(void *stage) {
  if (stage) ((length_stage *)stage)->host->free(stage);
}

#define TABLE(table, type)                                                                         \
  .params = (table), .n_params = sizeof(table) / sizeof(table)[0], .param_size = sizeof(sl_param), \
  .params_size = sizeof(type)
#define FIELDS(table) .fields = (table), .n_fields = sizeof(table) / sizeof(table)[0], .field_size = sizeof(sl_field)

const sl_stage_type stage_length = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_TRANSFORM,
    .name = "length",
    .summary = "Measures a text",
    TABLE(length_table, length_params),
    FIELDS(length_fields),
    .create = length_create,
    .lane_open = length_lane_open,
    .process = length_process,
    .lane_close = length_lane_close,
    .destroy = length_destroy,
};

/* ---- gather: SERIAL, holds --------------------------------------------------------------------------------------- */

typedef struct gather_params {
  int64_t n;
} gather_params;
static const sl_param gather_table[] = {
    SL_PARAM(gather_params, n, SL_T_INT, 0, "3", "1..16", "Documents in one."),
};
static const sl_field gather_fields[] = {
    {"", SL_C_REMOVES, 0, "The documents themselves end."},
    {"/count", SL_C_WRITES_MAYBE, SL_J_NUMBER, "How many there were."},
};

typedef struct gather_lane {
  const gather_params *p;
  sl_doc *held[16];
  uint32_t count;
  uint64_t timer;
} gather_lane;

static int32_t gather_create(sl_ctx *ctx, const void *params, void **ret_stage) {
  gather_lane *l = sl_alloc(ctx, sizeof *l);
  if (!l) {
    sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL);
    return SL_ENOMEM;
  }
  memset(l, 0, sizeof *l);
  l->p = params;
  *ret_stage = l;
  return 0;
}

static int32_t gather_release(sl_ctx *ctx, gather_lane *l) {
  if (!l->count) return 0;
  sl_doc *out = sl_new(ctx, l->held[0]);
  cJSON *body = out ? sl_body_edit(ctx, out) : NULL;
  if (!body || !cJSON_AddNumberToObject(body, "count", l->count)) {
    if (out) sl_discard(ctx, out);
    return SL_ENOMEM; /* they are held on, and tried again by the next call */
  }
  uint32_t n = l->count;
  l->count = 0;
  return sl_emit_many(ctx, out, l->held, n);
}

static void gather_late(sl_ctx *ctx, void *stage, void *user) {
  gather_lane *l = user;
  (void)stage;
  l->timer = 0;
  gather_release(ctx, l);
}

static int32_t gather_process(sl_ctx *ctx, void *stage, void *lane, sl_doc *doc) {
  gather_lane *l = stage;
  (void)lane;
  const cJSON *body = sl_body(ctx, doc);
  if (!body) return SL_V_RETRY;
  if (cJSON_GetObjectItemCaseSensitive(body, "skip")) { /* ends one that is held */
    if (l->count) sl_settle(ctx, l->held[--l->count], SL_V_OK);
    return SL_V_DROP;
  }
  if (l->count == sizeof l->held / sizeof *l->held && gather_release(ctx, l)) {
    sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL);
    return SL_V_RETRY;
  }
  if (!l->timer) l->timer = sl_timer_start(ctx, 1000000000, 0, gather_late, l);
  l->held[l->count++] = doc;
  if (l->count >= l->p->n) gather_release(ctx, l);
  return SL_V_HELD;
}

static int32_t gather_flush(sl_ctx *ctx, void *stage, void *lane, uint32_t why) {
  (void)lane;
  return why == SL_FLUSH_END ? gather_release(ctx, stage) : 0;
}

static const sl_host *gather_host;
static int32_t gather_start(sl_ctx *ctx, void *stage) {
  (void)stage;
  gather_host = ctx->host;
  return 0;
}
static void gather_destroy(void *stage) {
  if (stage) gather_host->free(stage);
}

const sl_stage_type stage_gather = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_TRANSFORM,
    .name = "gather",
    .summary = "Makes one of many",
    .flags = SL_F_SERIAL,
    TABLE(gather_table, gather_params),
    FIELDS(gather_fields),
    .create = gather_create,
    .start = gather_start,
    .process = gather_process,
    .flush = gather_flush,
    .destroy = gather_destroy,
};

/* ---- later: ASYNC ------------------------------------------------------------------------------------------------ */

typedef struct later_job {
  struct later_job *next;
  sl_doc *doc;
  uint64_t ticket, timer;
  int fd;
} later_job;
typedef struct later_stage {
  const sl_host *host;
  later_job *jobs;
} later_stage;
static const sl_field later_fields[] = {
    {"/answer", SL_C_WRITES_MAYBE, 0, "What came."},
    {"/fd", SL_C_REMOVES, 0, "What was asked."},
};

static int32_t later_create(sl_ctx *ctx, const void *params, void **ret_stage) {
  (void)params;
  later_stage *s = calloc(1, sizeof *s);
  if (s) s->host = ctx->host;
  *ret_stage = s;
  return s ? 0 : SL_ENOMEM;
}

static void later_end(sl_ctx *ctx, later_stage *s, later_job *job) {
  for (later_job **at = &s->jobs; *at; at = &(*at)->next) {
    if (*at != job) continue;
    *at = job->next;
    break;
  }
  if (job->timer) sl_timer_stop(ctx, job->timer);
  if (job->fd >= 0) sl_watch(ctx, job->fd, 0, NULL, NULL);
  free(job);
}

static void later_timer(sl_ctx *ctx, void *stage, void *user) {
  later_job *job = user;
  uint64_t ticket = job->ticket;
  cJSON *body = sl_body_edit(ctx, job->doc);
  if (body) cJSON_AddStringToObject(body, "answer", "in time");
  job->timer = 0;
  later_end(ctx, stage, job);
  sl_complete(ctx, ticket, SL_V_OK);
  sl_complete(ctx, ticket, SL_V_FATAL); /* late: ignored */
}

static void later_ready(sl_ctx *ctx, void *stage, void *user, uint32_t events, int32_t error) {
  later_job *job = user;
  char byte = 0;
  uint64_t ticket = job->ticket;
  (void)error;
  if (!(events & SL_WATCH_READ) || read(job->fd, &byte, 1) != 1) byte = '?';
  sl_doc *child = sl_new(ctx, job->doc);
  cJSON *body = child ? sl_body_edit(ctx, child) : NULL;
  if (body) cJSON_AddStringToObject(body, "answer", byte == 'y' ? "yes" : "no");
  later_end(ctx, stage, job);
  if (body) sl_emit_for(ctx, ticket, child);
  if (byte == 'n') sl_fail(ctx, SL_EIO, "the other side said no", NULL, NULL);
  sl_complete(ctx, ticket, byte == 'n' ? SL_V_REJECT : SL_V_OK);
}

static int32_t later_process(sl_ctx *ctx, void *stage, void *lane, sl_doc *doc) {
  later_stage *s = stage;
  (void)lane;
  const cJSON *fd = cJSON_GetObjectItemCaseSensitive(sl_body(ctx, doc), "fd");
  later_job *job = calloc(1, sizeof *job);
  if (!job) return SL_V_RETRY;
  job->doc = doc;
  job->ticket = sl_ticket(ctx);
  job->fd = fd ? fd->valueint : -1;
  job->next = s->jobs;
  s->jobs = job;
  if (fd)
    sl_watch(ctx, job->fd, SL_WATCH_READ, later_ready, job);
  else
    job->timer = sl_timer_start(ctx, 10000000, 0, later_timer, job);
  return SL_V_PENDING;
}

static void later_cancel(sl_ctx *ctx, void *stage, void *lane, uint64_t ticket) {
  later_stage *s = stage;
  (void)lane;
  for (later_job *job = s->jobs; job; job = job->next) {
    if (job->ticket != ticket) continue;
    later_end(ctx, s, job);
    return;
  }
}

static void later_destroy(void *stage) { free(stage); }

const sl_stage_type stage_later = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_TRANSFORM,
    .name = "later",
    .summary = "Answers later",
    .flags = SL_F_ASYNC,
    FIELDS(later_fields),
    .create = later_create,
    .process = later_process,
    .cancel = later_cancel,
    .destroy = later_destroy,
};

/* ---- split ------------------------------------------------------------------------------------------------------- */

static const sl_field split_fields[] = {
    {"/items", SL_C_READS, SL_J_ARRAY, "What to split."},
    {"", SL_C_REMOVES, 0, "The parent's fields stay behind."},
    {"/item", SL_C_WRITES, 0, "One of them."},
};

static int32_t split_process(sl_ctx *ctx, void *stage, void *lane, sl_doc *doc) {
  (void)stage;
  (void)lane;
  const cJSON *before = sl_body(ctx, doc), *item;
  if (!before) return SL_V_RETRY;
  uint32_t n = 0;
  cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(before, "items")) {
    sl_doc *child = sl_new(ctx, doc);
    cJSON *body = child ? sl_body_edit(ctx, child) : NULL, *copy = body ? cJSON_Duplicate(item, 1) : NULL;
    if (!copy || !cJSON_AddItemToObject(body, "item", copy)) {
      cJSON_Delete(copy);
      if (child) sl_discard(ctx, child);
      sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL);
      return SL_V_RETRY;
    }
    if (sl_emit(ctx, child)) return SL_V_RETRY;
    n++;
    if (cJSON_IsNull(item)) {
      sl_fail(ctx, SL_EINVAL, "an item is null", NULL, NULL);
      return SL_V_REJECT;
    }
  }
  return n ? SL_V_OK : SL_V_DROP;
}

const sl_stage_type stage_split = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_TRANSFORM,
    .name = "split",
    .summary = "One document for each item",
    FIELDS(split_fields),
    .process = split_process,
};

/* ---- numbers: a source ------------------------------------------------------------------------------------------- */

typedef struct numbers_stage {
  uint64_t next, acknowledged;
} numbers_stage;

static int32_t numbers_create(sl_ctx *ctx, const void *params, void **ret_stage) {
  (void)ctx;
  (void)params;
  *ret_stage = calloc(1, sizeof(numbers_stage));
  return *ret_stage ? 0 : SL_ENOMEM;
}

static int32_t numbers_start(sl_ctx *ctx, void *stage) {
  ((numbers_stage *)stage)->next = 0;
  sl_log(ctx, SL_LOG_INFO, "counting");
  return 0;
}

static int32_t numbers_produce(sl_ctx *ctx, void *stage, void *lane, uint64_t credit) {
  static const char *const lines[] = {"{\"n\": 0}", "{\"n\": 1}", "{\"n\": oops}", "{\"n\": 3}"};
  numbers_stage *s = stage;
  (void)lane;
  (void)credit;
  if (s->next >= 5) return SL_P_END;
  sl_doc *doc = sl_new(ctx, NULL);
  if (!doc) return SL_V_FATAL;
  char locator[32];
  snprintf(locator, sizeof locator, "n=%u", (unsigned)s->next);
  sl_set_origin(ctx, doc, &(sl_origin){"count:", locator, NULL});
  sl_set_cursor(ctx, doc, s->next + 100);
  if (s->next < 4) {
    sl_set_text(ctx, doc, lines[s->next], strlen(lines[s->next]), NULL, NULL);
    sl_emit(ctx, doc);
  } else {
    sl_fail_doc(ctx, doc, SL_EIO, "cannot read number 4", NULL, NULL);
    sl_reject(ctx, doc);
  }
  s->next++;
  return SL_P_MORE;
}

static void numbers_acknowledged(sl_ctx *ctx, void *stage, uint64_t cursor) {
  ((numbers_stage *)stage)->acknowledged = cursor;
  sl_wake(ctx);
}

static int32_t numbers_contract(const void *params, sl_contract *out) {
  (void)params;
  out->open(out);
  return 0;
}

const sl_stage_type stage_numbers = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_SOURCE,
    .name = "numbers",
    .summary = "Counts",
    .contract = numbers_contract,
    .create = numbers_create,
    .start = numbers_start,
    .produce = numbers_produce,
    .acknowledged = numbers_acknowledged,
    .destroy = later_destroy,
};

/* ---- store: a sink ----------------------------------------------------------------------------------------------- */

static int32_t store_write(sl_ctx *ctx, void *stage, void *lane, sl_doc *const *docs, uint32_t n, int32_t *verdicts) {
  (void)stage;
  (void)lane;
  for (uint32_t i = 0; i < n; i++) {
    sl_bytes line = {0};
    if (sl_text(ctx, docs[i], &line)) return SL_ENOMEM;
    if (strstr(line.data, "\"full\"")) {
      sl_fail(ctx, SL_EIO, "the disk is full", NULL, NULL);
      return SL_EIO;
    }
    if (strstr(line.data, "\"ok\"")) continue;
    verdicts[i] = SL_V_REJECT;
    sl_fail_doc(ctx, docs[i], SL_EINVAL, "not ok", sl_key(ctx, docs[i]), NULL);
  }
  return 0;
}

const sl_stage_type stage_store = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_SINK,
    .name = "store",
    .summary = "Stores what is ok",
    .flags = SL_F_TEXT,
    .write = store_write,
};

/* ---- claim: key-value state -------------------------------------------------------------------------------------- */

static int32_t claim_process(sl_ctx *ctx, void *stage, void *lane, sl_doc *doc) {
  (void)stage;
  (void)lane;
  const sl_kv *kv = sl_extension(ctx, SL_EXT_KV);
  const cJSON *body = sl_body(ctx, doc), *word = cJSON_GetObjectItemCaseSensitive(body, "word");
  sl_fail(ctx, SL_EINVAL, "no word, or no state", NULL, NULL);
  if (!kv || !cJSON_IsString(word)) return SL_V_REJECT;
  sl_bytes key = {word->valuestring, strlen(word->valuestring)}, value = {"v", 1}, other = {0};
  if (cJSON_GetObjectItemCaseSensitive(body, "free")) return kv->remove(ctx, doc, &key) ? SL_V_FATAL : SL_V_OK;
  int32_t own = 0, rc = kv->claim(ctx, doc, &key, &value, 1000, &other);
  if (rc == SL_EEXIST) return other.len == 1 ? SL_V_DROP : SL_V_FATAL;
  return rc || kv->get(ctx, doc, &key, &other, &own) || !own ? SL_V_FATAL : SL_V_OK;
}

const sl_stage_type stage_claim = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_TRANSFORM,
    .name = "claim",
    .summary = "Lets the first of each word through",
    .process = claim_process,
};
