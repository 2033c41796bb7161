/* SPDX-License-Identifier: Apache-2.0 */
/* Stages for tests. */
#include "stages.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

/* ---- tallies ---- */

struct tally tallies[MAX_SINKS];
static pthread_mutex_t tally_lock = PTHREAD_MUTEX_INITIALIZER;

uint64_t id_hash(const char *id) {
  uint64_t h = 0xcbf29ce484222325u;
  for (; *id; id++) h = (h ^ (unsigned char)*id) * 0x100000001b3u;
  h ^= h >> 29;
  h *= 0xbf58476d1ce4e5b9u;
  return h ^ h >> 32;
}

struct seen {
  char *id;
  int sink;
};
static struct seen *all_seen;
static size_t n_seen, cap_seen;
static int keep;

void tally_reset(int keep_ids) {
  for (size_t i = 0; i < n_seen; i++) free(all_seen[i].id);
  n_seen = 0;
  keep = keep_ids;
  memset(tallies, 0, sizeof(tallies));
  for (int i = 0; i < MAX_SINKS; i++) tallies[i].last = -1;
}

static int by_id(const void *a, const void *b) {
  const struct seen *x = a, *y = b;
  return x->sink != y->sink ? x->sink - y->sink : strcmp(x->id, y->id);
}

void tally_dump(int sink, int max) {
  qsort(all_seen, n_seen, sizeof(*all_seen), by_id);
  for (size_t i = 0; i < n_seen && max > 0; i++)
    if (all_seen[i].sink == sink && max-- > 0) printf("  sink %d saw %s\n", sink, all_seen[i].id);
}

static void tally_ids(int sink, const cJSON *body) {
  const cJSON *ids = cJSON_GetObjectItemCaseSensitive(body, "ids"), *id;
  struct tally *t = &tallies[sink];
  pthread_mutex_lock(&tally_lock);
  cJSON_ArrayForEach(id, ids) {
    t->docs++;
    t->sum += id_hash(id->valuestring);
    long long n = strtoll(id->valuestring, NULL, 10);
    if (n < t->last) t->out_of_order++;
    t->last = n;
    if (!keep) continue;
    if (n_seen == cap_seen) {
      cap_seen = cap_seen ? cap_seen * 2 : 256;
      all_seen = realloc(all_seen, cap_seen * sizeof(*all_seen));
    }
    all_seen[n_seen++] = (struct seen){strdup(id->valuestring), sink};
  }
  pthread_mutex_unlock(&tally_lock);
}

/* ---- source ---- */

int gen_starts, gen_stops;

struct gen {
  const struct gen_params *p;
  int64_t next;
};

static int32_t gen_create(sl_ctx *ctx, const void *params, void **ret) {
  (void)ctx;
  struct gen *g = calloc(1, sizeof(*g));
  g->p = params;
  *ret = g;
  return 0;
}

/* Every start goes on where the state says, without one at the first document. */
static int32_t gen_start(sl_ctx *ctx, void *stage) {
  struct gen *g = stage;
  if (++gen_starts == g->p->fail_start) {
    sl_fail(ctx, SL_EIO, "no start on purpose", NULL, NULL);
    return SL_EIO;
  }
  const sl_resume *resume = sl_extension(ctx, SL_EXT_RESUME);
  g->next = resume ? (int64_t)resume->position(ctx) : 0; /* cursors count from 1 */
  return 0;
}

static void gen_stop(sl_ctx *ctx, void *stage) {
  (void)ctx;
  (void)stage;
  gen_stops++;
}

static int32_t gen_one(sl_ctx *ctx, struct gen *g) {
  char text[128], locator[32];
  const struct gen_params *p = g->p;
  long long n = g->next++;
  sl_doc *d = sl_new(ctx, NULL);
  if (!d) return SL_V_FATAL;
  snprintf(locator, sizeof(locator), "%lld", n);
  sl_origin o = {.uri = "gen:", .locator = locator};
  sl_set_origin(ctx, d, &o);
  if (p->raw) {
    int bad = p->bad_every && n % p->bad_every == p->bad_every - 1;
    int len = snprintf(text, sizeof(text), bad ? "{\"ids\":[\"%lld\"]" : "{\"ids\":[\"%lld\"]}", n);
    sl_set_text(ctx, d, text, (size_t)len, NULL, NULL);
  } else {
    cJSON *ids = cJSON_AddArrayToObject(sl_body_edit(ctx, d), "ids");
    cJSON_AddItemToArray(ids, cJSON_CreateString(locator));
    if (p->size > 0) {
      char *pad = malloc((size_t)p->size + 1);
      memset(pad, 'x', (size_t)p->size);
      pad[p->size] = 0;
      cJSON_AddStringToObject(sl_body_edit(ctx, d), "pad", pad);
      free(pad);
    }
  }
  sl_set_cursor(ctx, d, (uint64_t)n + 1);
  return sl_emit(ctx, d);
}

static void gen_alarm(sl_ctx *ctx, void *stage, void *user) {
  (void)stage;
  (void)user;
  sl_wake(ctx);
}

static int32_t gen_produce(sl_ctx *ctx, void *stage, void *lane, uint64_t credit) {
  (void)lane;
  struct gen *g = stage;
  uint64_t used = 0;
  int64_t n = 0;
  while (g->next < g->p->count && used < credit && (!g->p->turn || n < g->p->turn)) {
    if (gen_one(ctx, g)) return SL_V_FATAL;
    used += 64 + (uint64_t)g->p->size;
    n++;
  }
  if (g->next >= g->p->count) return SL_P_END;
  if (!g->p->waits) return SL_P_MORE;
  sl_timer_start(ctx, 50000, 0, gen_alarm, NULL);
  return SL_P_WAIT;
}

/* ---- work ---- */

int work_plan(const struct work_params *p, const char *id, int *ret_parts, int *ret_retries) {
  uint64_t h = id_hash(id) ^ ((uint64_t)p->seed * 0x9e3779b97f4a7c15u);
  h ^= h >> 31;
  h *= 0x94d049bb133111ebu;
  h ^= h >> 30;
  int64_t dice = (int64_t)(h % 1000);
  *ret_retries =
      p->retries && (int64_t)(h >> 20 & 1023) % 1000 < p->retry ? 1 + (int)((h >> 40) % (uint64_t)p->retries) : 0;
  *ret_parts = (int)((h >> 50) % 4);
  if (dice < p->drop) return WORK_DROP;
  if (dice < p->drop + p->reject) return WORK_REJECT;
  if (dice < p->drop + p->reject + p->split) return WORK_SPLIT;
  return WORK_OK;
}

/* Another roll of the dice, so that the plan of a document stays what it is. */
static void maybe_crash(const struct work_params *p, const char *id) {
  uint64_t h = (id_hash(id) + (uint64_t)p->seed) * 0xd6e8feb86659fd93u;
  if (p->crash && (int64_t)((h >> 32) % 1000) < p->crash) raise(p->crash_signal ? (int)p->crash_signal : SIGSEGV);
}

static const char *only_id(sl_ctx *ctx, sl_doc *d) {
  const cJSON *body = sl_body(ctx, d);
  const cJSON *ids = body ? cJSON_GetObjectItemCaseSensitive(body, "ids") : NULL;
  return ids && cJSON_GetArraySize(ids) == 1 && !cJSON_GetObjectItemCaseSensitive(body, "merged")
             ? ids->child->valuestring
             : NULL;
}

struct work {
  const struct work_params *p;
  int64_t seen;
  pthread_mutex_t lock;
};

static int32_t work_create(sl_ctx *ctx, const void *params, void **ret) {
  (void)ctx;
  struct work *w = calloc(1, sizeof(*w));
  w->p = params;
  pthread_mutex_init(&w->lock, NULL);
  *ret = w;
  return 0;
}

static void work_destroy(void *stage) { free(stage); }

static int32_t split(sl_ctx *ctx, sl_doc *doc, const char *id, int parts, uint64_t ticket, int async) {
  if (parts == 0) return SL_V_DROP;
  for (int i = 0; i < parts; i++) {
    char child[96];
    snprintf(child, sizeof(child), "%s/%d", id, i);
    sl_doc *d = sl_new(ctx, doc);
    if (!d) return SL_V_FATAL;
    cJSON *ids = cJSON_AddArrayToObject(sl_body_edit(ctx, d), "ids");
    cJSON_AddItemToArray(ids, cJSON_CreateString(child));
    if (async ? sl_emit_for(ctx, ticket, d) : sl_emit(ctx, d)) return SL_V_FATAL;
  }
  return SL_V_OK;
}

static int32_t decide(sl_ctx *ctx, struct work *w, sl_doc *doc, uint64_t ticket, int async) {
  char id[96];
  const char *only = only_id(ctx, doc);
  int parts, retries;
  if (w->p->fail_at) {
    pthread_mutex_lock(&w->lock);
    int64_t n = ++w->seen;
    pthread_mutex_unlock(&w->lock);
    if (n == w->p->fail_at) {
      sl_fail(ctx, SL_EIO, "broken on purpose", NULL, NULL);
      return SL_V_FATAL;
    }
  }
  if (!only) return SL_V_OK;
  snprintf(id, sizeof(id), "%s", only);
  maybe_crash(w->p, id);
  int what = work_plan(w->p, id, &parts, &retries);
  if ((int)sl_attempt(ctx, doc) <= retries) {
    if (what == WORK_SPLIT && !async) split(ctx, doc, id, parts, 0, 0); /* must be discarded */
    sl_fail(ctx, SL_ETIMEOUT, "not yet", NULL, NULL);
    return SL_V_RETRY;
  }
  if (what == WORK_DROP) return SL_V_DROP;
  if (what == WORK_REJECT) {
    sl_fail(ctx, SL_EINVAL, "rejected on purpose", NULL, NULL);
    return SL_V_REJECT;
  }
  return what == WORK_SPLIT ? split(ctx, doc, id, parts, ticket, async) : SL_V_OK;
}

static int32_t work_process(sl_ctx *ctx, void *stage, void *lane, sl_doc *doc) {
  (void)lane;
  return decide(ctx, stage, doc, 0, 0);
}

static int32_t stream_process(sl_ctx *ctx, void *stage, void *lane, sl_doc *doc) {
  (void)lane;
  struct work *w = stage;
  char id[96];
  const char *only = only_id(ctx, doc);
  int parts, retries;
  if (!only) return SL_V_OK;
  snprintf(id, sizeof(id), "%s", only);
  int what = work_plan(w->p, id, &parts, &retries);
  if (what != WORK_SPLIT) return SL_V_OK;
  int32_t rc = split(ctx, doc, id, parts, 0, 0);
  return rc == SL_V_OK ? SL_V_DROP : rc;
}

/* ---- async ---- */

struct job {
  struct work *w;
  sl_doc *doc;
  uint64_t ticket;
};

static void job_done(sl_ctx *ctx, void *stage, void *user) {
  (void)stage;
  struct job *j = user;
  int32_t verdict = decide(ctx, j->w, j->doc, j->ticket, 1);
  uint64_t ticket = j->ticket;
  free(j);
  sl_complete(ctx, ticket, verdict);
  sl_complete(ctx, ticket, SL_V_DROP); /* late: must be ignored */
}

static int32_t async_process(sl_ctx *ctx, void *stage, void *lane, sl_doc *doc) {
  (void)lane;
  struct work *w = stage;
  uint64_t dice = sl_random(ctx);
  if (dice % 4 == 0) return decide(ctx, w, doc, sl_ticket(ctx), 1);
  if (dice % 4 == 1) {
    int32_t verdict = decide(ctx, w, doc, sl_ticket(ctx), 1);
    sl_complete(ctx, sl_ticket(ctx), verdict);
    return SL_V_PENDING;
  }
  struct job *j = malloc(sizeof(*j));
  *j = (struct job){w, doc, sl_ticket(ctx)};
  int64_t delay = w->p->delay ? (int64_t)(sl_random(ctx) % (uint64_t)w->p->delay) : 0;
  sl_timer_start(ctx, delay, 0, job_done, j);
  return SL_V_PENDING;
}

/* ---- hold ---- */

struct hold {
  const struct hold_params *p;
  sl_doc *docs[4096];
  uint32_t n, total;
  uint64_t timer;
};

static int32_t hold_create(sl_ctx *ctx, const void *params, void **ret) {
  (void)ctx;
  struct hold *h = calloc(1, sizeof(*h));
  h->p = params;
  *ret = h;
  return 0;
}

static int32_t let_go(sl_ctx *ctx, struct hold *h) {
  if (!h->n) return 0;
  uint32_t n = h->n;
  h->n = 0;
  if (h->p->settle) {
    for (uint32_t i = 0; i < n; i++) sl_settle(ctx, h->docs[i], h->total++ % 3 == 2 ? SL_V_DROP : SL_V_OK);
    return 0;
  }
  sl_doc *d = sl_new(ctx, h->docs[0]);
  if (!d) return SL_ENOMEM;
  cJSON *body = sl_body_edit(ctx, d);
  cJSON *ids = cJSON_AddArrayToObject(body, "ids");
  cJSON_AddTrueToObject(body, "merged");
  for (uint32_t i = 0; i < n; i++) {
    const cJSON *from = cJSON_GetObjectItemCaseSensitive(sl_body(ctx, h->docs[i]), "ids"), *id;
    cJSON_ArrayForEach(id, from) cJSON_AddItemToArray(ids, cJSON_CreateString(id->valuestring));
  }
  return sl_emit_many(ctx, d, h->docs, n);
}

static void hold_alarm(sl_ctx *ctx, void *stage, void *user) {
  (void)user;
  struct hold *h = stage;
  h->timer = 0;
  let_go(ctx, h);
}

static int32_t hold_process(sl_ctx *ctx, void *stage, void *lane, sl_doc *doc) {
  (void)lane;
  struct hold *h = stage;
  if (h->n >= (uint32_t)h->p->window || h->n == 4096)
    if (let_go(ctx, h)) return SL_V_FATAL;
  h->docs[h->n++] = doc;
  if (h->p->age && !h->timer) h->timer = sl_timer_start(ctx, h->p->age, 0, hold_alarm, NULL);
  return SL_V_HELD;
}

static int32_t hold_flush(sl_ctx *ctx, void *stage, void *lane, uint32_t why) {
  (void)lane;
  (void)why;
  return let_go(ctx, stage);
}

/* ---- sinks ---- */

atomic_int sink_broken;

static int32_t sink_write(sl_ctx *ctx, void *stage, void *lane, sl_doc *const *docs, uint32_t n, int32_t *verdicts) {
  (void)lane;
  struct work *w = stage;
  int parts, retries;
  if (w->p->pause) {
    struct timespec ts = {.tv_nsec = w->p->pause};
    nanosleep(&ts, NULL);
  }
  if (atomic_load(&sink_broken) > 0) {
    atomic_fetch_sub(&sink_broken, 1);
    sl_fail(ctx, SL_EIO, "the sink is down", NULL, NULL);
    return SL_EIO;
  }
  for (uint32_t i = 0; i < n; i++) {
    const char *id = only_id(ctx, docs[i]);
    if (w->p->fail_at && ++w->seen == w->p->fail_at) {
      sl_fail_doc(ctx, docs[i], SL_EIO, "sink broken on purpose", NULL, NULL);
      verdicts[i] = SL_V_FATAL;
      continue;
    }
    int what = id ? work_plan(w->p, id, &parts, &retries) : WORK_OK;
    if (id && (int)sl_attempt(ctx, docs[i]) <= retries) {
      sl_fail_doc(ctx, docs[i], SL_ETIMEOUT, "sink not ready", NULL, NULL);
      verdicts[i] = SL_V_RETRY;
    } else if (what == WORK_REJECT) {
      sl_fail_doc(ctx, docs[i], SL_EINVAL, "sink rejected on purpose", NULL, NULL);
      verdicts[i] = SL_V_REJECT;
    } else if (what == WORK_DROP) {
      verdicts[i] = SL_V_DROP;
    } else {
      tally_ids((int)w->p->sink, sl_body(ctx, docs[i]));
    }
  }
  return 0;
}

static int32_t text_write(sl_ctx *ctx, void *stage, void *lane, sl_doc *const *docs, uint32_t n, int32_t *verdicts) {
  (void)lane;
  (void)verdicts;
  struct work *w = stage;
  for (uint32_t i = 0; i < n; i++) {
    sl_bytes text;
    if (sl_text(ctx, docs[i], &text)) return SL_EIO;
    cJSON *body = cJSON_ParseWithLength(text.data, text.len);
    tally_ids((int)w->p->sink, body);
    cJSON_Delete(body);
  }
  return 0;
}

/* ---- tables ---- */

static const sl_param gen_table[] = {
    SL_PARAM(struct gen_params, count, SL_T_INT, 0, "10", "0..", "Documents."),
    SL_PARAM(struct gen_params, size, SL_T_SIZE, 0, "0", NULL, "Bytes of padding."),
    SL_PARAM(struct gen_params, turn, SL_T_INT, 0, "0", "0..", "Documents a call; 0: as the credit allows."),
    SL_PARAM(struct gen_params, waits, SL_T_BOOL, 0, "false", NULL, "Waits between its calls."),
    SL_PARAM(struct gen_params, raw, SL_T_BOOL, 0, "false", NULL, "Emits JSON text."),
    SL_PARAM(struct gen_params, bad_every, SL_T_INT, 0, "0", "0..", "Every n-th text is broken."),
    SL_PARAM(struct gen_params, fail_start, SL_T_INT, 0, "0", "0..", "The n-th start fails."),
};
static const sl_param work_table[] = {
    SL_PARAM(struct work_params, seed, SL_T_INT, 0, "1", NULL, "Seed of the plan."),
    SL_PARAM(struct work_params, drop, SL_T_INT, 0, "0", "0..1000", "Chance per mille."),
    SL_PARAM(struct work_params, reject, SL_T_INT, 0, "0", "0..1000", "Chance per mille."),
    SL_PARAM(struct work_params, split, SL_T_INT, 0, "0", "0..1000", "Chance per mille."),
    SL_PARAM(struct work_params, retry, SL_T_INT, 0, "0", "0..1000", "Chance per mille."),
    SL_PARAM(struct work_params, retries, SL_T_INT, 0, "2", "0..", "Most retries of one document."),
    SL_PARAM(struct work_params, delay, SL_T_DURATION, 0, "1ms", NULL, "Longest completion."),
    SL_PARAM(struct work_params, fail_at, SL_T_INT, 0, "0", "0..", "FATAL at the n-th document."),
    SL_PARAM(struct work_params, sink, SL_T_INT, 0, "0", "0..7", "Index of the tally."),
    SL_PARAM(struct work_params, crash, SL_T_INT, 0, "0", "0..1000", "Chance per mille of a crash."),
    SL_PARAM(struct work_params, crash_signal, SL_T_INT, 0, "0", "0..64", "The signal; 0: SIGSEGV."),
    SL_PARAM(struct work_params, pause, SL_T_DURATION, 0, "0s", NULL, "Sleep for each batch."),
};
static const sl_param hold_table[] = {
    SL_PARAM(struct hold_params, window, SL_T_INT, 0, "10", "1..4096", "Documents."),
    SL_PARAM(struct hold_params, age, SL_T_DURATION, 0, "0s", NULL, "Longest time."),
    SL_PARAM(struct hold_params, settle, SL_T_BOOL, 0, "false", NULL, "Releases the documents themselves."),
};
static const sl_field work_fields[] = {{"/ids", SL_C_WRITES_MAYBE, SL_J_ARRAY, "Ids."},
                                       {"/merged", SL_C_WRITES_MAYBE, SL_J_BOOL, "Of many."},
                                       {"/pad", SL_C_REMOVES, 0, "Padding."},
                                       {"/id", SL_C_REMOVES, 0, "A part has none."},
                                       {"/text", SL_C_REMOVES, 0, "A part has none."}};
static int32_t opens(const void *params, sl_contract *out) {
  (void)params;
  out->open(out);
  return 0;
}

#define COUNT(t) ((uint32_t)(sizeof(t) / sizeof((t)[0])))
#define HEAD(k, n, f, table, st)                                                                                \
  .struct_size = sizeof(sl_stage_type), .kind = (k), .name = (n), .summary = "A stage for tests", .flags = (f), \
  .params = (table), .n_params = COUNT(table), .param_size = sizeof(sl_param), .params_size = sizeof(st),       \
  .fields = work_fields, .n_fields = COUNT(work_fields), .field_size = sizeof(sl_field)

const sl_stage_type test_gen = {HEAD(SL_SOURCE, "test_gen", 0, gen_table, struct gen_params),
                                .contract = opens,
                                .create = gen_create,
                                .start = gen_start,
                                .produce = gen_produce,
                                .stop = gen_stop,
                                .destroy = work_destroy};
const sl_stage_type test_work = {HEAD(SL_TRANSFORM, "test_work", 0, work_table, struct work_params),
                                 .create = work_create, .process = work_process, .destroy = work_destroy};
const sl_stage_type test_serial = {HEAD(SL_TRANSFORM, "test_serial", SL_F_SERIAL, work_table, struct work_params),
                                   .create = work_create, .process = work_process, .destroy = work_destroy};
const sl_stage_type test_blocking = {HEAD(SL_TRANSFORM, "test_blocking", SL_F_BLOCKING, work_table, struct work_params),
                                     .create = work_create, .process = work_process, .destroy = work_destroy};
const sl_stage_type test_stream = {HEAD(SL_TRANSFORM, "test_stream", SL_F_STREAMING, work_table, struct work_params),
                                   .create = work_create, .process = stream_process, .destroy = work_destroy};
const sl_stage_type test_async = {HEAD(SL_TRANSFORM, "test_async", SL_F_ASYNC, work_table, struct work_params),
                                  .create = work_create, .process = async_process, .destroy = work_destroy};
const sl_stage_type test_hold = {HEAD(SL_TRANSFORM, "test_hold", SL_F_SERIAL, hold_table, struct hold_params),
                                 .create = hold_create, .process = hold_process, .flush = hold_flush,
                                 .destroy = work_destroy};
const sl_stage_type test_sink = {HEAD(SL_SINK, "test_sink", 0, work_table, struct work_params), .create = work_create,
                                 .write = sink_write, .destroy = work_destroy};
const sl_stage_type test_text_sink = {HEAD(SL_SINK, "test_text_sink", SL_F_TEXT, work_table, struct work_params),
                                      .create = work_create, .write = text_write, .destroy = work_destroy};

static const sl_stage_type *const types[] = {&test_gen,  &test_work, &test_serial,    &test_blocking, &test_async,
                                             &test_hold, &test_sink, &test_text_sink, &test_stream};
static const sl_plugin plugin = {.struct_size = sizeof(sl_plugin),
                                 .abi_major = SL_ABI_MAJOR,
                                 .abi_minor = SL_ABI_MINOR,
                                 .min_host_minor = SL_ABI_MINOR,
                                 .n_types = COUNT(types),
                                 .name = "teststages",
                                 .version = "0.1.0",
                                 .license = "Apache-2.0",
                                 .description = "Stages for tests",
                                 .cjson_version = cJSON_Version,
                                 .types = types};

const sl_plugin *sluice_plugin(void) { return &plugin; }
