/* SPDX-License-Identifier: Apache-2.0 */
/* The stage `dedupe`: of two documents that say the same the later one is dropped, or linked to the first. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include <sluice/plugin.h>

#include "jptr.h"
#include "memory.h"

#define ACTION_DROP 0
#define ACTION_LINK 1
#define METHOD_NEAR 0

typedef struct params {
  sl_list fields; /* const char * */
  int32_t method;
  double similarity;
  int64_t min_words;
  int32_t action;
  int64_t window;
  int64_t age;
} params;

typedef struct stage {
  const params *p;
  jptr **fields;
} stage;

typedef struct lane {
  dd_memory memory;
  dd_sketcher sketcher;
} lane;

static const sl_param param_table[] = {
    SL_PARAM(params, fields, SL_T_POINTER, SL_PF_LIST | SL_PF_READS | SL_PF_NONEMPTY, "[/text]", NULL,
             "The texts that are compared, taken together."),
    SL_PARAM(
        params, method, SL_T_ENUM, 0, "near", "near|exact",
        "near finds copies that were edited, cut or framed by other text; exact only those with the same words in the "
        "same order."),
    SL_PARAM(params, similarity, SL_T_FLOAT, 0, "0.45", "0.3..1",
             "Share of common runs of three syllables from which a document is a copy of another."),
    SL_PARAM(params, min_words, SL_T_INT, 0, "30", "4..1000000",
             "Texts with fewer syllables are copies only if they are exact."),
    SL_PARAM(params, action, SL_T_ENUM, 0, "drop", "drop|link",
             "drop ends the later copy; link lets it go on with /duplicate_of."),
    SL_PARAM(params, window, SL_T_INT, 0, "50000", "1..10000000",
             "Documents that are remembered, the last ones; about 550 bytes of memory each."),
    SL_PARAM(params, age, SL_T_DURATION, 0, "720h", NULL,
             "How long a document is remembered; 0s: as long as the window."),
};

static int32_t contract(const void *p, sl_contract *out) {
  if (((const params *)p)->action == ACTION_LINK) out->add(out, "/duplicate_of", SL_C_WRITES_MAYBE, SL_J_OBJECT);
  return 0;
}

static void destroy(void *stage_) {
  stage *s = stage_;
  if (!s) return;
  for (uint32_t i = 0; s->fields && i < s->p->fields.count; i++) free(s->fields[i]);
  free(s->fields);
  free(s);
}

static int32_t create(sl_ctx *ctx, const void *p, void **ret_stage) {
  const params *q = p;
  stage *s = calloc(1, sizeof *s);
  *ret_stage = s;
  if (s) {
    s->p = q;
    s->fields = calloc(q->fields.count, sizeof(jptr *));
  }
  bool ok = s && s->fields;
  for (uint32_t i = 0; ok && i < q->fields.count; i++) {
    s->fields[i] = jptr_new(((const char *const *)q->fields.items)[i]);
    ok = s->fields[i] != NULL;
  }
  if (ok) return 0;
  sl_fail(ctx, SL_ENOMEM, "memory is out while dedupe is made", NULL, NULL);
  return SL_ENOMEM;
}

static int32_t lane_open(sl_ctx *ctx, void *stage_, void **ret_lane) {
  const params *p = ((stage *)stage_)->p;
  lane *l = sl_alloc(ctx, sizeof *l);
  if (!l) {
    sl_fail(ctx, SL_ENOMEM, "memory is out while a lane of dedupe is opened", NULL, NULL);
    return SL_ENOMEM;
  }
  dd_memory_init(&l->memory, ctx, (uint32_t)p->window, p->age);
  *ret_lane = l;
  return 0;
}

static void lane_close(sl_ctx *ctx, void *stage_, void *lane_) {
  lane *l = lane_;
  (void)stage_;
  if (!l) return;
  dd_memory_done(&l->memory);
  sl_free(ctx, l);
}

/* ---- one document ---- */

static int32_t later(sl_ctx *ctx, int32_t code) {
  if (code == SL_ENOMEM)
    sl_fail(ctx, code, "memory is out while a document is compared", NULL, "make the window of dedupe smaller");
  else
    sl_fail(ctx, code, "the state of dedupe cannot be read or written", NULL,
            "see the log for the state folder's trouble");
  return SL_V_RETRY;
}

/* The sketch of the fields; false after sl_fail. */
static bool sketch_body(sl_ctx *ctx, const stage *s, lane *l, const cJSON *body, dd_sketch *ret) {
  dd_sketch_begin(&l->sketcher);
  for (uint32_t i = 0; i < s->p->fields.count; i++) {
    const char *pointer = ((const char *const *)s->p->fields.items)[i];
    const cJSON *v = jptr_get(s->fields[i], body);
    if (!cJSON_IsString(v)) {
      char message[200];
      snprintf(message, sizeof message, "expected a string at %.120s, found %s", pointer, v ? "another type" : "none");
      sl_fail(ctx, SL_EINVAL, message, NULL, "name in `fields` only what every document has as text");
      return false;
    }
    dd_sketch_add(&l->sketcher, v->valuestring, strlen(v->valuestring));
  }
  dd_sketch_end(&l->sketcher, ret);
  return true;
}

/* What the document is a copy of. */
typedef struct match {
  uint32_t slot; /* DD_NONE: of nothing */
  double similarity;
  bool exact;
} match;

/* An entry of a document that came first, and not too long ago. */
static bool counts(const dd_index *x, uint32_t slot, const dd_search *q) {
  return slot != DD_NONE && x->entries[slot].time >= q->oldest && x->entries[slot].seq < q->below;
}

/* own: the document's own slot. What it was compared with before does not count again, so that a document that comes
 * again is judged as it was. */
static match find(const params *p, lane *l, const dd_sketch *s, uint32_t own, int64_t now) {
  const dd_index *x = &l->memory.index;
  dd_search q = {
      .sig = s->sig, .least = p->similarity, .oldest = p->age ? now - p->age : INT64_MIN, .below = UINT64_MAX};
  match m = {.similarity = 1, .exact = true};
  if (own != DD_NONE) q.below = x->entries[own].seq;
  m.slot = dd_index_hash(x, s->hash);
  if (counts(x, m.slot, &q)) return m;
  m = (match){.slot = DD_NONE};
  if (p->method == METHOD_NEAR && s->has_sig && s->words >= (uint64_t)p->min_words)
    m.slot = dd_index_like(x, &q, &m.similarity);
  return m;
}

/* Writes /duplicate_of. */
static int32_t link_to(sl_ctx *ctx, sl_doc *doc, const match *m, const dd_name *name) {
  cJSON *of = cJSON_CreateObject();
  bool ok = of && cJSON_AddStringToObject(of, "key", name->key) &&
            (!name->uri[0] || cJSON_AddStringToObject(of, "uri", name->uri)) &&
            cJSON_AddNumberToObject(of, "similarity", (double)(int)(m->similarity * 1000 + 0.5) / 1000) &&
            cJSON_AddBoolToObject(of, "exact", m->exact);
  cJSON *body = ok ? sl_body_edit(ctx, doc) : NULL;
  if (!body) {
    cJSON_Delete(of);
    return later(ctx, SL_ENOMEM);
  }
  cJSON_DeleteItemFromObjectCaseSensitive(body, "duplicate_of");
  cJSON_AddItemToObjectCS(body, "duplicate_of", of);
  return SL_V_OK;
}

static int32_t copy_found(sl_ctx *ctx, const params *p, sl_doc *doc, const match *m, const dd_name *name) {
  int32_t verdict = p->action == ACTION_LINK ? link_to(ctx, doc, m, name) : SL_V_DROP;
  if (verdict == SL_V_RETRY) return verdict;
  sl_count(ctx, m->exact ? "exact copies" : "near copies", 1);
  return verdict;
}

static int32_t process(sl_ctx *ctx, void *stage_, void *lane_, sl_doc *doc) {
  const stage *s = stage_;
  lane *l = lane_;
  const cJSON *body = sl_body(ctx, doc);
  unsigned char who[DD_HASH];
  dd_sketch sketch;
  dd_name name;
  int32_t evicted = 0;
  if (!body) return later(ctx, SL_ENOMEM);
  if (!sketch_body(ctx, s, l, body, &sketch)) return SL_V_REJECT;
  if (sketch.words == 0) return SL_V_OK;
  int32_t rc = dd_memory_load(&l->memory, ctx, doc);
  if (rc) return later(ctx, rc);
  dd_hash(sl_key(ctx, doc), strlen(sl_key(ctx, doc)), who);
  uint32_t own = dd_index_who(&l->memory.index, who);
  /* Entries that the state has forgotten are found once each. */
  for (;;) {
    match m = find(s->p, l, &sketch, own, sl_now(ctx));
    if (m.slot == DD_NONE) break;
    rc = dd_memory_name(&l->memory, ctx, doc, m.slot, &name);
    if (rc == 0) return copy_found(ctx, s->p, doc, &m, &name);
    if (rc != SL_ENOTFOUND) return later(ctx, rc);
  }
  rc = dd_memory_take(&l->memory, ctx, doc, &sketch, own, &evicted);
  if (rc) return later(ctx, rc);
  if (evicted) sl_count(ctx, "forgotten", 1);
  sl_gauge(ctx, "window", l->memory.index.used);
  return SL_V_OK;
}

static const sl_stage_type dedupe = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_TRANSFORM,
    .name = "dedupe",
    .summary = "Drops or links documents that repeat an earlier one, word for word or nearly",
    .help = "Compares each document with the last ones (`window`, `age`), which are remembered in the state. Exact "
            "copies have\n"
            "the same syllables in the same order; near copies share at least `similarity` of their runs of three "
            "syllables. A\n"
            "document is never a copy of itself: one with the same record key is a new version, or comes again.",
    .flags = SL_F_SERIAL,
    .params = param_table,
    .n_params = sizeof(param_table) / sizeof(param_table[0]),
    .param_size = sizeof(sl_param),
    .params_size = sizeof(params),
    .field_size = sizeof(sl_field),
    .contract = contract,
    .create = create,
    .lane_open = lane_open,
    .process = process,
    .lane_close = lane_close,
    .destroy = destroy,
};

static const sl_stage_type *const types[] = {&dedupe};

static const sl_plugin plugin = {
    .struct_size = sizeof(sl_plugin),
    .abi_major = SL_ABI_MAJOR,
    .abi_minor = SL_ABI_MINOR,
    .min_host_minor = SL_ABI_MINOR,
    .n_types = 1,
    .name = "dedupe",
    .version = "0.1.0",
    .license = "Apache-2.0",
    .description = "Drops or links documents that repeat an earlier one",
    .cjson_version = cJSON_Version,
    .types = types,
};

SL_EXPORT const sl_plugin *sluice_plugin(void) { return &plugin; }
