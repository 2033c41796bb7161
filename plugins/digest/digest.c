/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stage `digest`: holds a window of documents, and ends it with one document for each group of them.
 *
 * The core bounds the window (`batch:`) and calls flush; each flush ends it whole. Of a held document the item is kept
 * beside it, everything else is read from its body when its group is written.
 */
#include <stdio.h>
#include <stdlib.h>

#include <sluice/plugin.h>

#include "compose.h"

#define ALONE_DIGEST 0
#define ALONE_PASS 1
#define ALONE_DROP 2

typedef struct params {
  int64_t sentences;
  double similarity, duplicate;
  int32_t alone;
} params;

typedef struct lane {
  const params *p;
  lane_mem mem;
  summarizer sum;
  lane_vec ranges;  /* dg_range: of the document in work */
  lane_vec items;   /* dg_item *: the window */
  lane_vec members; /* dg_member: of the group in work */
  lane_vec index;   /* uint32_t: member of each item in its group */
  lane_vec order;   /* uint32_t: items by group */
  lane_vec docs;    /* sl_doc *: of the group in work */
  lane_vec choices; /* dg_choice */
} lane;

/* There is one lane: the stage is SERIAL. */
typedef struct digester {
  const params *p;
  lane *lane;
} digester;

static const sl_param param_table[] = {
    SL_PARAM(params, sentences, SL_T_INT, 0, "5", "1..50", "Sentences of a digest, at most."),
    SL_PARAM(params, similarity, SL_T_FLOAT, 0, "0.2", "0..1",
             "Likeness of their words (cosine, 0 to 1) from which documents belong together."),
    SL_PARAM(
        params, duplicate, SL_T_FLOAT, 0, "0.6", "0..1",
        "Share of common runs of three syllables from which a document repeats another: it gives no sentence, and is "
        "named as its duplicate."),
    SL_PARAM(params, alone, SL_T_ENUM, 0, "digest", "digest|pass|drop",
             "A document that is like no other: becomes a digest of one, goes on as it is, or is dropped."),
};

static const sl_field fields[] = {
    {"/text", SL_C_READS, SL_J_STRING, "the text"},
    {"/sentences", SL_C_READS, SL_J_ARRAY, "start, end and words of each sentence, as segment writes them"},
    {"/title", SL_C_READS_MAYBE, 0,
     "named in the sources; the digest has that of the document that is most like the group"},
    {"/published", SL_C_READS_MAYBE, 0, "order of the sentences; the digest has the latest"},
    {"/id", SL_C_READS_MAYBE, 0, "named in the sources"},
    {"/lang", SL_C_READS_MAYBE, 0, "the digest has that of the first document"},
    {"", SL_C_REMOVES, 0, "a digest has nothing else of its documents"},
    {"@payload", SL_C_REMOVES, 0, "a digest has no payload"},
    {"/text", SL_C_WRITES, SL_J_STRING, "the sentences, one a line"},
    {"/title", SL_C_WRITES_MAYBE, SL_J_STRING, "title"},
    {"/published", SL_C_WRITES_MAYBE, SL_J_STRING, "latest date"},
    {"/lang", SL_C_WRITES_MAYBE, SL_J_STRING, "language"},
};

/* What every digest has, and a document that goes on as it is does not. */
static int32_t contract(const void *p, sl_contract *out) {
  uint32_t access = ((const params *)p)->alone == ALONE_PASS ? SL_C_WRITES_MAYBE : SL_C_WRITES;
  out->add(out, "/digest", access, SL_J_OBJECT);
  out->add(out, "/summary", access, SL_J_OBJECT);
  out->add(out, "/id", access, access == SL_C_WRITES ? SL_J_STRING : 0);
  out->add(out, "/schema", access, access == SL_C_WRITES ? SL_J_NUMBER : 0);
  return 0;
}

static int32_t create(sl_ctx *ctx, const void *p, void **ret_stage) {
  digester *d = calloc(1, sizeof(*d));
  *ret_stage = d;
  if (!d) {
    sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, NULL);
    return SL_ENOMEM;
  }
  d->p = p;
  return 0;
}

static int32_t lane_open(sl_ctx *ctx, void *stage, void **ret_lane) {
  lane *l = sl_alloc(ctx, sizeof(*l));
  if (!l) {
    sl_fail(ctx, SL_ENOMEM, "memory is out while the lane of digest is opened", NULL, NULL);
    return SL_ENOMEM;
  }
  memset(l, 0, sizeof(*l));
  digester *d = stage;
  l->p = d->p;
  l->mem = (lane_mem){ctx->host->alloc, ctx->host->free};
  summarizer_init(&l->sum, &l->mem);
  *ret_lane = d->lane = l;
  return 0;
}

static void forget_items(lane *l) {
  dg_item **items = l->items.items;
  for (size_t i = 0; i < l->items.n; i++) l->mem.free(items[i]);
  l->items.n = 0;
}

static void lane_close(sl_ctx *ctx, void *stage, void *lane_) {
  lane *l = lane_;
  if (!l) return;
  ((digester *)stage)->lane = NULL;
  forget_items(l);
  lane_vec *all[] = {&l->ranges, &l->items, &l->members, &l->index, &l->order, &l->docs, &l->choices};
  for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) lane_vec_done(&l->mem, all[i]);
  summarizer_done(&l->sum);
  sl_free(ctx, l);
}

/* ---- taking a document --------------------------------------------------------------------------------------------
 */

static int32_t reject(sl_ctx *ctx, const char *message) {
  sl_fail(ctx, SL_EINVAL, message, NULL, "put segment above this stage, and nothing between that changes /text");
  return SL_V_REJECT;
}

static int32_t no_memory(sl_ctx *ctx) {
  sl_fail(ctx, SL_ENOMEM, "memory is out while the document is read", NULL,
          "raise the budget, or lower batch.documents");
  return SL_V_RETRY;
}

/* An offset into text[0, n) where a character begins, or SIZE_MAX. */
static size_t offset_of(const cJSON *item, const char *what, const char *text, size_t n) {
  const cJSON *v = cJSON_GetObjectItemCaseSensitive(item, what);
  if (!cJSON_IsNumber(v) || !(v->valuedouble >= 0) || v->valuedouble > (double)n) return SIZE_MAX;
  size_t at = (size_t)v->valuedouble;
  if ((double)at != v->valuedouble || (at < n && ((unsigned char)text[at] & 0xC0) == 0x80)) return SIZE_MAX;
  return at;
}

/* Takes the sentences over. 0, -1 when memory is out, or 1 with a message. */
static int read_sentences(lane *l, const cJSON *list, const char *text, size_t len, char message[128]) {
  size_t i = 0;
  summarizer_clear(&l->sum);
  for (const cJSON *item = list->child; item; item = item->next, i++) {
    dg_range r = {offset_of(item, "start", text, len), offset_of(item, "end", text, len)};
    if (r.start == SIZE_MAX || r.end == SIZE_MAX || r.start > r.end) {
      snprintf(message, 128, "/sentences/%zu does not lie in /text: expected start and end in bytes", i);
      return 1;
    }
    if (lane_vec_reserve(&l->mem, &l->ranges, sizeof(r), i + 1) != 0 ||
        lane_vec_reserve(&l->mem, &l->sum.sentences, sizeof(sum_sentence), i + 1) != 0)
      return -1;
    ((dg_range *)l->ranges.items)[i] = r;
    const cJSON *words = cJSON_GetObjectItemCaseSensitive(item, "words");
    sum_sentence *q = (sum_sentence *)l->sum.sentences.items + i;
    memset(q, 0, sizeof(*q));
    q->words = cJSON_IsString(words) ? words->valuestring : text + r.start;
    q->words_len = cJSON_IsString(words) ? strlen(words->valuestring) : r.end - r.start;
    l->sum.sentences.n = i + 1;
  }
  return 0;
}

/* Room in all that flush needs for one more item, so that nothing held is lost for want of memory. */
static int make_room(lane *l) {
  size_t n = l->items.n + 1;
  return lane_vec_reserve(&l->mem, &l->items, sizeof(dg_item *), n) |
         lane_vec_reserve(&l->mem, &l->members, sizeof(dg_member), n) |
         lane_vec_reserve(&l->mem, &l->index, sizeof(uint32_t), n) |
         lane_vec_reserve(&l->mem, &l->order, sizeof(uint32_t), n) |
         lane_vec_reserve(&l->mem, &l->docs, sizeof(sl_doc *), n) |
         lane_vec_reserve(&l->mem, &l->choices, sizeof(dg_choice), n * DG_PICKS);
}

static int32_t process(sl_ctx *ctx, void *stage, void *lane_, sl_doc *doc) {
  lane *l = lane_;
  char message[128];
  (void)stage;
  const cJSON *body = sl_body(ctx, doc);
  if (!body) return no_memory(ctx);
  const cJSON *text = cJSON_GetObjectItemCaseSensitive(body, "text");
  const cJSON *sentences = cJSON_GetObjectItemCaseSensitive(body, "sentences");
  if (!cJSON_IsString(text)) return reject(ctx, text ? "/text must be a string" : "/text is missing");
  if (!cJSON_IsArray(sentences))
    return reject(ctx, sentences ? "/sentences must be an array" : "/sentences is missing");
  size_t len = strlen(text->valuestring);
  int rc = read_sentences(l, sentences, text->valuestring, len, message);
  if (rc > 0) return reject(ctx, message);
  dg_item *item = rc == 0 && make_room(l) == 0 ? l->mem.alloc(sizeof(*item)) : NULL;
  if (!item) return no_memory(ctx);
  const cJSON *title = cJSON_GetObjectItemCaseSensitive(body, "title");
  if (dg_item_read(item, &l->sum, l->ranges.items, text->valuestring, len,
                   cJSON_IsString(title) ? title->valuestring : NULL) != 0) {
    l->mem.free(item);
    return no_memory(ctx);
  }
  item->doc = doc;
  ((dg_item **)l->items.items)[l->items.n++] = item;
  sl_gauge(ctx, "held", (double)l->items.n);
  return SL_V_HELD;
}

/* ---- ending the window --------------------------------------------------------------------------------------------
 */

/* Items by group, in the order of the window; groups by their first item, since that is how they were numbered. */
static void sort_by_group(lane *l, const dg_groups *g, uint32_t *starts) {
  uint32_t *order = l->order.items, at = 0;
  for (uint32_t c = 0; c < g->n_clusters; c++) {
    starts[c] = at;
    at += g->clusters[c].members;
  }
  for (size_t i = 0; i < l->items.n; i++) order[starts[g->cluster[i]]++] = (uint32_t)i;
}

/* Fills members and docs with the group of n items. */
static void gather(sl_ctx *ctx, lane *l, const dg_groups *g, const uint32_t *group, size_t n) {
  dg_item **items = l->items.items;
  dg_member *members = l->members.items;
  sl_doc **docs = l->docs.items;
  uint32_t *index = l->index.items;
  for (size_t i = 0; i < n; i++) index[group[i]] = (uint32_t)i;
  for (size_t i = 0; i < n; i++) {
    sl_origin origin;
    docs[i] = items[group[i]]->doc;
    sl_get_origin(ctx, docs[i], &origin);
    members[i] = (dg_member){.item = items[group[i]],
                             .body = sl_body(ctx, docs[i]),
                             .key = sl_key(ctx, docs[i]),
                             .uri = origin.uri,
                             .twin = index[g->twin[group[i]]],
                             .likeness = g->likeness[group[i]]};
  }
}

/* The document of a group, not yet emitted; NULL when memory is out. */
static sl_doc *make_digest(sl_ctx *ctx, lane *l, const dg_cluster *cluster, size_t n) {
  const dg_member *members = l->members.items;
  dg_choice *choices = l->choices.items;
  char uri[32] = "digest:", revision[17];
  for (size_t i = 0; i < n; i++)
    if (!members[i].body) return NULL;
  size_t count = dg_choose(members, n, cluster, (size_t)l->p->sentences, choices);
  cJSON *body = dg_compose(members, n, cluster, choices, count);
  sl_doc *out = body ? sl_new(ctx, ((sl_doc **)l->docs.items)[0]) : NULL;
  if (!out) {
    cJSON_Delete(body);
    return NULL;
  }
  dg_name(members, n, uri + strlen(uri));
  dg_revision(members, n, revision);
  sl_origin origin = {uri, NULL, revision};
  if (sl_set_body(ctx, out, body) == 0 && sl_set_origin(ctx, out, &origin) == 0 &&
      sl_set_payload(ctx, out, NULL, 0, NULL, NULL, NULL) == 0)
    return out;
  sl_discard(ctx, out);
  return NULL;
}

static void give_up(sl_ctx *ctx, sl_doc *const *docs, size_t n) {
  for (size_t i = 0; i < n; i++) {
    sl_fail_doc(ctx, docs[i], SL_ENOMEM, "memory is out while a digest is written", NULL,
                "raise the budget or lower batch.documents, then retry the dead letters");
    sl_settle(ctx, docs[i], SL_V_REJECT);
  }
}

/* Ends the n documents of a group. */
static void end_group(sl_ctx *ctx, lane *l, const dg_cluster *cluster, size_t n) {
  sl_doc **docs = l->docs.items;
  if (n == 1 && l->p->alone != ALONE_DIGEST) {
    sl_settle(ctx, docs[0], l->p->alone == ALONE_PASS ? SL_V_OK : SL_V_DROP);
    return;
  }
  sl_doc *out = make_digest(ctx, l, cluster, n);
  if (!out || sl_emit_many(ctx, out, docs, (uint32_t)n) != 0) {
    give_up(ctx, docs, n);
    return;
  }
  sl_count(ctx, "digests", 1);
}

static void end_groups(sl_ctx *ctx, lane *l, const dg_groups *g, uint32_t *starts) {
  const uint32_t *order = l->order.items;
  sort_by_group(l, g, starts);
  for (uint32_t c = 0; c < g->n_clusters; c++) {
    uint32_t n = g->clusters[c].members;
    gather(ctx, l, g, order + starts[c] - n, n);
    end_group(ctx, l, &g->clusters[c], n);
  }
}

static int32_t flush(sl_ctx *ctx, void *stage, void *lane_, uint32_t why) {
  lane *l = lane_;
  dg_groups g;
  (void)stage;
  (void)why;
  if (l->items.n == 0) return SL_OK;
  dg_item **items = l->items.items;
  dg_limits limits = {l->p->duplicate, l->p->similarity};
  uint32_t *starts = l->mem.alloc(l->items.n * sizeof(*starts));
  if (starts && dg_group(&l->mem, items, l->items.n, &limits, &g) == 0) {
    end_groups(ctx, l, &g, starts);
    dg_groups_done(&l->mem, &g);
  } else {
    for (size_t i = 0; i < l->items.n; i++) {
      sl_doc *doc = items[i]->doc;
      give_up(ctx, &doc, 1);
    }
  }
  if (starts) l->mem.free(starts);
  forget_items(l);
  sl_gauge(ctx, "held", 0);
  return SL_OK;
}

/* What is still held when the stage stops belongs to the core again. */
static void stop(sl_ctx *ctx, void *stage) {
  digester *d = stage;
  (void)ctx;
  if (d->lane) forget_items(d->lane);
}

static void destroy(void *stage) { free(stage); }

static const sl_stage_type digest_type = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_TRANSFORM,
    .name = "digest",
    .summary = "Sums up what many documents say of one subject",
    .help = "Holds documents, bounded by `batch:` (documents, bytes, age), groups them by subject, and emits one "
            "document for\n"
            "each group: sentences with their sources, near-duplicates named.",
    .flags = SL_F_SERIAL,
    .params = param_table,
    .n_params = sizeof(param_table) / sizeof(param_table[0]),
    .param_size = sizeof(sl_param),
    .params_size = sizeof(params),
    .n_fields = sizeof(fields) / sizeof(fields[0]),
    .fields = fields,
    .field_size = sizeof(sl_field),
    .contract = contract,
    .create = create,
    .lane_open = lane_open,
    .process = process,
    .flush = flush,
    .stop = stop,
    .lane_close = lane_close,
    .destroy = destroy,
};

static const sl_stage_type *const types[] = {&digest_type};

const sl_plugin *sluice_plugin(void) {
  static const sl_plugin plugin = {
      .struct_size = sizeof(sl_plugin),
      .abi_major = SL_ABI_MAJOR,
      .abi_minor = SL_ABI_MINOR,
      .min_host_minor = 1,
      .n_types = 1,
      .name = "digest",
      .version = "0.1.0",
      .license = "Apache-2.0",
      .description = "Digests of many documents",
      .cjson_version = cJSON_Version,
      .types = types,
  };
  return &plugin;
}
