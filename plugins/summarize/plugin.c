/* SPDX-License-Identifier: Apache-2.0 */
/* The stage `summarize`: reads /text and /sentences, writes /summary and, on request, /keywords. */
#include <cjson/cJSON.h>
#include <stdio.h>

#include <sluice/plugin.h>

#include "summary.h"
#include "vi_text.h"

typedef struct params {
  int64_t sentences;
  int64_t max_syllables;
  double ratio;
  int32_t method;
  int64_t keywords;
  int32_t headline;
} params;

typedef struct lane {
  const params *p;
  summarizer sum;
  lane_vec out;    /* char: the summary's text, or a keyword */
  lane_vec ranges; /* range: of each sentence */
} lane;

typedef struct range {
  size_t start, end;
} range;

static const sl_param param_table[] = {
    SL_PARAM(params, sentences, SL_T_INT, 0, "3", "1..100", "Sentences in the summary, at most."),
    SL_PARAM(params, max_syllables, SL_T_INT, 0, "150", "0..100000",
             "Syllables in the summary, at most; 0 is no limit. One sentence is taken even if it is longer."),
    SL_PARAM(params, ratio, SL_T_FLOAT, 0, "0", "0..1",
             "Share of the text's syllables that the summary has at most, e.g. 0.2; 0 is no limit."),
    SL_PARAM(params, method, SL_T_ENUM, 0, "centroid", "centroid|lead",
             "centroid chooses by subject, place, title and novelty; lead takes the first sentences."),
    SL_PARAM(params, keywords, SL_T_INT, 0, "0", "0..100",
             "Words written to /keywords, the most telling first; 0 writes none."),
    SL_PARAM(params, headline, SL_T_BOOL, 0, "false", NULL,
             "Write the one sentence that says most to /headline: text, and its index in /sentences."),
};

static const sl_field fields[] = {
    {"/text", SL_C_READS, SL_J_STRING, "the text"},
    {"/sentences", SL_C_READS, SL_J_ARRAY, "start, end and words of each sentence, as segment writes them"},
    {"/title", SL_C_READS_MAYBE, 0, "sentences that share words with the title count more"},
    {"/lead", SL_C_READS_MAYBE, 0, "stands in for a title that is missing"},
    {"/paragraphs", SL_C_READS_MAYBE, 0, "the first sentence of a paragraph counts a little more"},
    {"/summary", SL_C_WRITES, SL_J_OBJECT, "text, and the indices of the chosen sentences"},
};

static int32_t contract(const void *p, sl_contract *out) {
  if (((const params *)p)->keywords > 0) out->add(out, "/keywords", SL_C_WRITES, SL_J_ARRAY);
  if (((const params *)p)->headline) out->add(out, "/headline", SL_C_WRITES, SL_J_OBJECT | SL_J_NULL);
  return 0;
}

static int32_t create(sl_ctx *ctx, const void *p, void **ret_stage) {
  (void)ctx;
  *ret_stage = (void *)(uintptr_t)p;
  return 0;
}

static int32_t lane_open(sl_ctx *ctx, void *stage, void **ret_lane) {
  lane *l = sl_alloc(ctx, sizeof(*l));
  if (!l) {
    sl_fail(ctx, SL_ENOMEM, "memory is out while a lane of summarize is opened", NULL, NULL);
    return SL_ENOMEM;
  }
  memset(l, 0, sizeof(*l));
  l->p = stage;
  lane_mem mem = {ctx->host->alloc, ctx->host->free};
  summarizer_init(&l->sum, &mem);
  *ret_lane = l;
  return 0;
}

static void lane_close(sl_ctx *ctx, void *stage, void *lane_) {
  lane *l = lane_;
  (void)stage;
  if (!l) return;
  lane_vec_done(&l->sum.mem, &l->out);
  lane_vec_done(&l->sum.mem, &l->ranges);
  summarizer_done(&l->sum);
  sl_free(ctx, l);
}

/* ---- reading the document -----------------------------------------------------------------------------------------
 */

static int32_t reject(sl_ctx *ctx, const char *message) {
  sl_fail(ctx, SL_EINVAL, message, NULL, "put segment above this stage, and nothing between that changes /text");
  return SL_V_REJECT;
}

static int32_t no_memory(sl_ctx *ctx) {
  sl_fail(ctx, SL_ENOMEM, "memory is out while the text is summarized", NULL,
          "raise the budget, or split the document");
  return SL_V_RETRY;
}

/* Whether a character begins at byte i of text[0, n). */
static bool is_border(const char *text, size_t n, size_t i) {
  return i == n || ((unsigned char)text[i] & 0xC0) != 0x80;
}

/* Why the body cannot be summarized. */
typedef struct fault {
  char message[160]; /* "" is: memory is out */
} fault;

/* Reads an offset of sentence i; false with a message if it is not one. */
static bool read_offset(const cJSON *item, const char *what, size_t i, sl_bytes text, size_t *ret, fault *f) {
  const cJSON *v = cJSON_GetObjectItemCaseSensitive(item, what);
  const char *data = text.data;
  if (!cJSON_IsNumber(v) || !(v->valuedouble >= 0)) {
    snprintf(f->message, sizeof(f->message), "/sentences/%zu/%s must be a number from 0", i, what);
  } else if (v->valuedouble > (double)text.len) {
    snprintf(f->message, sizeof(f->message), "/sentences/%zu/%s is %.0f, but /text has %zu bytes", i, what,
             v->valuedouble, text.len);
  } else if (v->valuedouble != (double)(size_t)v->valuedouble || !is_border(data, text.len, (size_t)v->valuedouble)) {
    snprintf(f->message, sizeof(f->message), "/sentences/%zu/%s is %g, where no character of /text begins", i, what,
             v->valuedouble);
  } else {
    *ret = (size_t)v->valuedouble;
    return true;
  }
  return false;
}

static bool read_sentence(lane *l, const cJSON *item, size_t i, sl_bytes text, fault *f) {
  if (!cJSON_IsObject(item)) {
    snprintf(f->message, sizeof(f->message), "/sentences/%zu must be an object", i);
    return false;
  }
  range r;
  if (!read_offset(item, "start", i, text, &r.start, f) || !read_offset(item, "end", i, text, &r.end, f)) return false;
  if (r.start > r.end) {
    snprintf(f->message, sizeof(f->message), "/sentences/%zu/end is before its start", i);
    return false;
  }
  if (lane_vec_reserve(&l->sum.mem, &l->ranges, sizeof(range), i + 1) != 0) return false;
  if (lane_vec_reserve(&l->sum.mem, &l->sum.sentences, sizeof(sum_sentence), i + 1) != 0) return false;
  ((range *)l->ranges.items)[i] = r;
  const cJSON *words = cJSON_GetObjectItemCaseSensitive(item, "words");
  bool given = cJSON_IsString(words);
  sum_sentence *q = (sum_sentence *)l->sum.sentences.items + i;
  memset(q, 0, sizeof(*q));
  q->words = given ? words->valuestring : (const char *)text.data + r.start;
  q->words_len = given ? strlen(words->valuestring) : r.end - r.start;
  l->ranges.n = l->sum.sentences.n = i + 1;
  return true;
}

/* Marks the sentences that begin a paragraph. Paragraphs that are not as expected mark nothing. */
static void mark_paragraphs(lane *l, const cJSON *paragraphs) {
  if (!cJSON_IsArray(paragraphs)) return;
  const range *r = l->ranges.items;
  sum_sentence *q = l->sum.sentences.items;
  size_t i = 0;
  for (const cJSON *p = paragraphs->child; p && i < l->ranges.n; p = p->next) {
    const cJSON *start = cJSON_IsArray(p) ? p->child : NULL;
    if (!start || !cJSON_IsNumber(start)) return;
    while (i < l->ranges.n && (double)r[i].start < start->valuedouble) i++;
    if (i < l->ranges.n && (double)r[i].start == start->valuedouble) q[i].paragraph_start = 1;
  }
}

/* Takes the body's sentences over; false after a message, or without one when memory is out. */
static bool read_body(lane *l, const cJSON *body, fault *f) {
  const cJSON *text = cJSON_GetObjectItemCaseSensitive(body, "text");
  const cJSON *sentences = cJSON_GetObjectItemCaseSensitive(body, "sentences");
  summarizer_clear(&l->sum);
  l->ranges.n = 0;
  if (!cJSON_IsString(text)) {
    snprintf(f->message, sizeof(f->message), text ? "/text must be a string" : "/text is missing");
    return false;
  }
  if (!cJSON_IsArray(sentences)) {
    snprintf(f->message, sizeof(f->message), sentences ? "/sentences must be an array" : "/sentences is missing");
    return false;
  }
  sl_bytes bytes = {text->valuestring, strlen(text->valuestring)};
  size_t i = 0;
  for (const cJSON *item = sentences->child; item; item = item->next) {
    if (!read_sentence(l, item, i++, bytes, f)) return false;
  }
  mark_paragraphs(l, cJSON_GetObjectItemCaseSensitive(body, "paragraphs"));
  return true;
}

/* ---- writing ------------------------------------------------------------------------------------------------------
 */

/* Appends s[0, n) with each run of white space, and each _ if joined, as one space. */
static int append_text(lane *l, const char *s, size_t n, bool joined) {
  if (lane_vec_reserve(&l->sum.mem, &l->out, 1, l->out.n + n + 2) != 0) return -1;
  char *out = l->out.items;
  for (size_t i = 0; i < n;) {
    size_t at = i;
    uint32_t cp = vi_next(s, n, &i);
    if (vi_is_space(cp) || (joined && cp == '_')) {
      if (l->out.n && out[l->out.n - 1] != ' ') out[l->out.n++] = ' ';
    } else {
      memcpy(out + l->out.n, s + at, i - at);
      l->out.n += i - at;
    }
  }
  out[l->out.n] = '\0';
  return 0;
}

/* A keyword alone in l->out: with spaces between its syllables, and small unless it is a name. */
static int append_keyword(lane *l, const sum_term *t) {
  size_t i = 0;
  uint32_t first = vi_next(t->form, t->form_len, &i);
  unsigned char small[4];
  l->out.n = 0;
  if (!vi_is_upper(first) || sum_term_is_name(t)) return append_text(l, t->form, t->form_len, true);
  utf8proc_ssize_t n = utf8proc_encode_char((utf8proc_int32_t)vi_to_lower(first), small);
  if (append_text(l, (const char *)small, (size_t)n, true) != 0) return -1;
  return append_text(l, t->form + i, t->form_len - i, true);
}

static bool put(cJSON *object, const char *key, cJSON *item) {
  if (item && cJSON_AddItemToObjectCS(object, key, item)) return true;
  cJSON_Delete(item);
  return false;
}

static bool append(cJSON *array, cJSON *item) {
  if (item && cJSON_AddItemToArray(array, item)) return true;
  cJSON_Delete(item);
  return false;
}

/* The text and the indices of the chosen sentences; false when memory is out. */
static bool fill_summary(lane *l, const char *text, cJSON *summary) {
  const sum_sentence *q = l->sum.sentences.items;
  const range *r = l->ranges.items;
  cJSON *indices = cJSON_CreateArray();
  bool ok = indices && append_text(l, "", 0, false) == 0;
  for (size_t i = 0; ok && i < l->ranges.n; i++) {
    if (!q[i].chosen) continue;
    if (l->out.n) ok = append_text(l, " ", 1, false) == 0;
    ok = ok && append_text(l, text + r[i].start, r[i].end - r[i].start, false) == 0;
    ok = ok && append(indices, cJSON_CreateNumber((double)i));
  }
  ok = ok && put(summary, "text", cJSON_CreateString(l->out.items));
  if (ok) return put(summary, "sentences", indices);
  cJSON_Delete(indices);
  return false;
}

static cJSON *make_summary(lane *l, const char *text) {
  cJSON *summary = cJSON_CreateObject();
  l->out.n = 0;
  if (!summary || fill_summary(l, text, summary)) return summary;
  cJSON_Delete(summary);
  return NULL;
}

static cJSON *make_keywords(lane *l) {
  size_t n = 0;
  cJSON *out = sum_keywords(&l->sum, (size_t)l->p->keywords, &n) == 0 ? cJSON_CreateArray() : NULL;
  const sum_term *terms = l->sum.terms.terms.items;
  bool ok = out != NULL;
  for (size_t i = 0; ok && i < n; i++) {
    const sum_term *t = &terms[sum_keyword(&l->sum, i)];
    ok = append_keyword(l, t) == 0 && append(out, cJSON_CreateString(l->out.items));
  }
  if (ok) return out;
  cJSON_Delete(out);
  return NULL;
}

static bool fill_headline(lane *l, const char *text, cJSON *headline) {
  const range *r = (const range *)l->ranges.items + l->sum.headline;
  l->out.n = 0;
  return append_text(l, text + r->start, r->end - r->start, false) == 0 &&
         put(headline, "text", cJSON_CreateString(l->out.items)) &&
         put(headline, "sentence", cJSON_CreateNumber((double)l->sum.headline));
}

/* The headline, null if the text has no sentence. NULL when memory is out. */
static cJSON *make_headline(lane *l, const char *text) {
  if (l->sum.headline == SIZE_MAX) return cJSON_CreateNull();
  cJSON *headline = cJSON_CreateObject();
  if (!headline || fill_headline(l, text, headline)) return headline;
  cJSON_Delete(headline);
  return NULL;
}

#define PARTS 3
static const char *const part_names[PARTS] = {"summary", "headline", "keywords"};

/* Puts what was made into the body; nothing is written unless all of it can be. parts [take]; NULL where one is not
 * wanted. */
static int write_body(sl_ctx *ctx, sl_doc *doc, cJSON *const parts[PARTS], bool complete) {
  cJSON *body = complete ? sl_body_edit(ctx, doc) : NULL;
  for (int i = 0; i < PARTS; i++) {
    if (!body) {
      cJSON_Delete(parts[i]);
    } else if (parts[i]) {
      cJSON_DeleteItemFromObjectCaseSensitive(body, part_names[i]);
      cJSON_AddItemToObjectCS(body, part_names[i], parts[i]); /* a constant key needs no memory */
    }
  }
  return body ? 0 : -1;
}

/* The title, or the lead if there is none. */
static const char *title_of(const cJSON *body, int *ret_is_lead) {
  const cJSON *title = cJSON_GetObjectItemCaseSensitive(body, "title");
  const cJSON *lead = cJSON_GetObjectItemCaseSensitive(body, "lead");
  *ret_is_lead = !cJSON_IsString(title) && cJSON_IsString(lead);
  return cJSON_IsString(title) ? title->valuestring : *ret_is_lead ? lead->valuestring : NULL;
}

static int32_t process(sl_ctx *ctx, void *stage, void *lane_, sl_doc *doc) {
  const params *p = stage;
  lane *l = lane_;
  const cJSON *body = sl_body(ctx, doc);
  if (!body) return no_memory(ctx);
  fault f = {""};
  if (!read_body(l, body, &f)) return f.message[0] ? reject(ctx, f.message) : no_memory(ctx);
  sum_options o = {p->method, (size_t)p->sentences, (size_t)p->max_syllables, p->ratio, 0};
  const char *title = title_of(body, &o.title_is_lead);
  if (sum_choose(&l->sum, title, title ? strlen(title) : 0, &o) != 0) return no_memory(ctx);
  const char *text = cJSON_GetObjectItemCaseSensitive(body, "text")->valuestring;
  cJSON *parts[PARTS] = {make_summary(l, text), NULL, NULL};
  if (parts[0] && p->headline) parts[1] = make_headline(l, text);
  if (parts[0] && p->keywords > 0) parts[2] = make_keywords(l);
  bool complete = parts[0] && (parts[1] || !p->headline) && (parts[2] || p->keywords == 0);
  return write_body(ctx, doc, parts, complete) == 0 ? SL_V_OK : no_memory(ctx);
}

static const sl_stage_type summarize_type = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_TRANSFORM,
    .name = "summarize",
    .summary = "Chooses the sentences that sum a text up",
    .help = "Writes `/summary` with the chosen sentences in the order of the text and their indices in `/sentences`.\n"
            "`keywords: N` also writes the N most telling words to `/keywords`.",
    .flags = SL_F_PURE,
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
    .lane_close = lane_close,
};

static const sl_stage_type *const types[] = {&summarize_type};

static const sl_plugin plugin = {
    .struct_size = sizeof(sl_plugin),
    .abi_major = SL_ABI_MAJOR,
    .abi_minor = SL_ABI_MINOR,
    .min_host_minor = SL_ABI_MINOR,
    .n_types = 1,
    .name = "summarize",
    .version = "0.1.0",
    .license = "Apache-2.0",
    .description = "Extractive summaries and keywords",
    .cjson_version = cJSON_Version,
    .types = types,
};

const sl_plugin *sluice_plugin(void) { return &plugin; }
