/* SPDX-License-Identifier: Apache-2.0 */
/* The stage `segment`: reads /text, writes /paragraphs, /sentences and /lang. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>

#include <sluice/plugin.h>

#include "model.h"
#include "segment.h"

/* In the order of the parameter's range; language - 1 is what segmenter_run wants. */
#define LANGUAGE_AUTO 0

typedef struct params {
  int32_t language;
  int32_t line_breaks;
  int32_t tokens;
  const char *dictionary;
  const char *model;
} params;

typedef struct stage {
  lane_mem mem;
  const params *p;
  seg_model model;
  seg_lexicon lex;
} stage;

typedef struct lane {
  const stage *st;
  segmenter sg;
  lane_vec words; /* char: the words of one sentence */
} lane;

static const sl_param param_table[] = {
    SL_PARAM(
        params, language, SL_T_ENUM, 0, "auto", "auto|und|vi|en",
        "Language of the texts; auto finds it out for each. Only Vietnamese is cut into words of several syllables."),
    SL_PARAM(params, line_breaks, SL_T_ENUM, 0, "auto", "auto|paragraph|space",
             "What a single line break is: a new paragraph, white space, or, with auto, what the text looks like."),
    SL_PARAM(params, tokens, SL_T_BOOL, 0, "false", NULL,
             "Adds to each sentence the offsets of its words in /text as one flat array: start, end, start, end, …"),
    SL_PARAM(params, dictionary, SL_T_PATH, 0, NULL, NULL,
             "A text file of further words, one a line, that are kept together; capitalised ones are names."),
    SL_PARAM(params, model, SL_T_PATH, 0, NULL, NULL,
             "A file that segment-train has written; without it, the model that is part of the plugin."),
};

static const sl_field fields[] = {
    {"/text", SL_C_READS, SL_J_STRING, "the text"},
    {"/paragraphs", SL_C_WRITES, SL_J_ARRAY, "[start, end) of each paragraph, bytes into /text"},
    {"/sentences", SL_C_WRITES, SL_J_ARRAY,
     "objects with start, end and words; lang where it is not that of the text; tokens on request"},
    {"/lang", SL_C_WRITES, SL_J_STRING, "vi, en, or und for others"},
};

static const char *const language_names[] = {"und", "vi", "en"};

/* ---- the shared part ----------------------------------------------------------------------------------------------
 */

static int32_t out_of_memory(sl_ctx *ctx, const char *what) {
  sl_fail(ctx, SL_ENOMEM, what, NULL, NULL);
  return SL_ENOMEM;
}

/* The file's bytes [own, from the host's allocator]; NULL after sl_fail, with the code in *ret_code. */
static char *read_list(sl_ctx *ctx, const char *path, size_t *ret_n, int32_t *ret_code) {
  char message[512];
  FILE *f = fopen(path, "rbe");
  long size = -1;
  if (f && fseek(f, 0, SEEK_END) == 0) size = ftell(f);
  if (size < 0 || fseek(f, 0, SEEK_SET) != 0) {
    snprintf(message, sizeof(message), "cannot read the dictionary %.300s: %s", path, strerror(errno));
    sl_fail(ctx, SL_EIO, message, NULL, "give the path of a text file with one word a line");
    if (f) fclose(f);
    *ret_code = SL_EIO;
    return NULL;
  }
  char *text = sl_alloc(ctx, (size_t)size + 1);
  if (!text) {
    *ret_code = out_of_memory(ctx, "memory is out while the dictionary is read");
  } else {
    *ret_n = fread(text, 1, (size_t)size, f);
  }
  fclose(f);
  return text;
}

static int32_t load_model(sl_ctx *ctx, stage *st) {
  char message[512];
  int error = 0;
  const char *wrong = st->p->model ? seg_model_map(&st->model, st->p->model, &error) : seg_model_shipped(&st->model);
  if (!wrong) return 0;
  if (!st->p->model) {
    sl_fail(ctx, SL_EBUG, "the model inside the plugin is damaged", wrong, "build or install the plugin again");
    return SL_EBUG;
  }
  snprintf(message, sizeof(message), "cannot use the model %.300s: %s", st->p->model, error ? strerror(error) : wrong);
  sl_fail(ctx, error ? SL_EIO : SL_EINVAL, message, NULL,
          "give the path of a file that segment-train has written for this version");
  return error ? SL_EIO : SL_EINVAL;
}

static int32_t make_lexicon(sl_ctx *ctx, stage *st) {
  size_t n = 0, skipped = 0;
  char *text = NULL;
  int32_t code = SL_EIO;
  if (st->p->dictionary) {
    text = read_list(ctx, st->p->dictionary, &n, &code);
    if (!text) return code;
  }
  int rc = seg_lexicon_init(&st->lex, &st->mem, &st->model, text, n, &skipped);
  if (text) sl_free(ctx, text);
  if (rc == -1) return out_of_memory(ctx, "memory is out while the dictionary is built");
  if (rc == -2) {
    sl_fail(ctx, SL_ELIMIT, "the dictionary has more than 65535 different syllables", st->p->dictionary,
            "shorten the list");
    return SL_ELIMIT;
  }
  if (rc != 0) {
    sl_fail(ctx, SL_EINVAL, "the dictionary of the model is broken", st->p->model, "train the model again");
    return SL_EINVAL;
  }
  if (skipped) {
    char line[256];
    snprintf(line, sizeof(line),
             "%zu lines of the dictionary are left out: a word has up to %d syllables of letters only", skipped,
             SEG_DICT_MAX_SYLLABLES);
    sl_log(ctx, SL_LOG_WARN, line);
  }
  return 0;
}

static int32_t create(sl_ctx *ctx, const void *p, void **ret_stage) {
  stage *st = sl_alloc(ctx, sizeof(*st));
  if (!st) return out_of_memory(ctx, "memory is out while segment is created");
  memset(st, 0, sizeof(*st));
  st->mem = (lane_mem){ctx->host->alloc, ctx->host->free};
  st->p = p;
  *ret_stage = st;
  int32_t rc = load_model(ctx, st);
  return rc != 0 ? rc : make_lexicon(ctx, st);
}

static void destroy(void *stage_) {
  stage *st = stage_;
  if (!st) return;
  lane_mem mem = st->mem;
  if (st->lex.mem.free) seg_lexicon_done(&st->lex);
  seg_model_unmap(&st->model);
  mem.free(st);
}

static int32_t lane_open(sl_ctx *ctx, void *stage_, void **ret_lane) {
  const stage *st = stage_;
  lane *l = sl_alloc(ctx, sizeof(*l));
  if (!l) return out_of_memory(ctx, "memory is out while a lane of segment is opened");
  memset(l, 0, sizeof(*l));
  l->st = st;
  segmenter_init(&l->sg, &st->lex, st->p->line_breaks);
  *ret_lane = l;
  return 0;
}

static void lane_close(sl_ctx *ctx, void *stage_, void *lane_) {
  lane *l = lane_;
  (void)stage_;
  if (!l) return;
  lane_vec_done(&l->st->mem, &l->words);
  segmenter_done(&l->sg);
  sl_free(ctx, l);
}

/* ---- one document -------------------------------------------------------------------------------------------------
 */

/* Adds item [take] under a constant key; false, and item freed, when it is NULL or memory is out. */
static cJSON_bool put(cJSON *object, const char *key, cJSON *item) {
  if (item && cJSON_AddItemToObjectCS(object, key, item)) return 1;
  cJSON_Delete(item);
  return 0;
}

static cJSON_bool append(cJSON *array, cJSON *item) {
  if (item && cJSON_AddItemToArray(array, item)) return 1;
  cJSON_Delete(item);
  return 0;
}

static cJSON *make_tokens(const segmenter *sg, const seg_result_sentence *s) {
  const seg_range *words = sg->words.items;
  cJSON *out = cJSON_CreateArray();
  cJSON_bool ok = out != NULL;
  for (uint32_t w = s->first_word; ok && w < s->last_word; w++) {
    ok = append(out, cJSON_CreateNumber(words[w].start)) && append(out, cJSON_CreateNumber(words[w].end));
  }
  if (ok) return out;
  cJSON_Delete(out);
  return NULL;
}

static cJSON *make_sentence(lane *l, const char *text, size_t i) {
  const seg_result_sentence *s = (const seg_result_sentence *)l->sg.sentences.items + i;
  l->words.n = 0;
  if (segmenter_words_text(&l->sg, text, i, &l->words) != 0) return NULL;
  ((char *)l->words.items)[l->words.n] = '\0';
  cJSON *out = cJSON_CreateObject();
  if (!out) return NULL;
  if (put(out, "start", cJSON_CreateNumber(s->start)) && put(out, "end", cJSON_CreateNumber(s->end)) &&
      put(out, "words", cJSON_CreateString(l->words.items)) &&
      (s->language == l->sg.language || put(out, "lang", cJSON_CreateString(language_names[s->language]))) &&
      (!l->st->p->tokens || put(out, "tokens", make_tokens(&l->sg, s)))) {
    return out;
  }
  cJSON_Delete(out);
  return NULL;
}

static cJSON *make_sentences(lane *l, const char *text) {
  cJSON *out = cJSON_CreateArray();
  cJSON_bool ok = out != NULL;
  for (size_t i = 0; ok && i < l->sg.sentences.n; i++) ok = append(out, make_sentence(l, text, i));
  if (ok) return out;
  cJSON_Delete(out);
  return NULL;
}

static cJSON *make_paragraphs(const segmenter *sg) {
  const seg_range *p = sg->paragraphs.items;
  cJSON *out = cJSON_CreateArray();
  cJSON_bool ok = out != NULL;
  for (size_t i = 0; ok && i < sg->paragraphs.n; i++) {
    cJSON *pair = cJSON_CreateArray();
    ok =
        append(out, pair) && append(pair, cJSON_CreateNumber(p[i].start)) && append(pair, cJSON_CreateNumber(p[i].end));
  }
  if (ok) return out;
  cJSON_Delete(out);
  return NULL;
}

/* Puts what was made into the body; nothing is written unless all of it can be. items [take]. */
static int write_body(sl_ctx *ctx, sl_doc *doc, cJSON *paragraphs, cJSON *sentences, cJSON *lang) {
  cJSON *body = paragraphs && sentences && lang ? sl_body_edit(ctx, doc) : NULL;
  if (!body) {
    cJSON_Delete(paragraphs);
    cJSON_Delete(sentences);
    cJSON_Delete(lang);
    return -1;
  }
  static const char *const keys[] = {"lang", "paragraphs", "sentences"};
  cJSON *items[] = {lang, paragraphs, sentences};
  for (size_t i = 0; i < 3; i++) {
    cJSON_DeleteItemFromObjectCaseSensitive(body, keys[i]);
    cJSON_AddItemToObjectCS(body, keys[i], items[i]); /* a constant key needs no memory */
  }
  return 0;
}

static int32_t no_memory(sl_ctx *ctx) {
  sl_fail(ctx, SL_ENOMEM, "memory is out while the text is segmented", NULL, "raise the budget, or split the document");
  return SL_V_RETRY;
}

static int32_t process(sl_ctx *ctx, void *stage_, void *lane_, sl_doc *doc) {
  const stage *st = stage_;
  lane *l = lane_;
  const cJSON *body = sl_body(ctx, doc);
  if (!body) return no_memory(ctx);
  const cJSON *text = cJSON_GetObjectItemCaseSensitive(body, "text");
  if (!cJSON_IsString(text)) {
    sl_fail(ctx, SL_EINVAL, text ? "/text must be a string" : "/text is missing", NULL,
            "put a stage that writes /text (clean) above this one");
    return SL_V_REJECT;
  }
  size_t n = strlen(text->valuestring);
  int rc = segmenter_run(&l->sg, text->valuestring, n, st->p->language - 1);
  if (rc == -2) {
    sl_fail(ctx, SL_ELIMIT, "/text is longer than 1 GiB", NULL, "split the document first");
    return SL_V_REJECT;
  }
  if (rc != 0) return no_memory(ctx);
  cJSON *sentences = make_sentences(l, text->valuestring);
  cJSON *paragraphs = make_paragraphs(&l->sg);
  if (write_body(ctx, doc, paragraphs, sentences, cJSON_CreateString(language_names[l->sg.language])) != 0)
    return no_memory(ctx);
  return SL_V_OK;
}

static const sl_stage_type segment_type = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_TRANSFORM,
    .name = "segment",
    .summary = "Cuts text into paragraphs, sentences and Vietnamese words",
    .help = "Finds paragraphs, sentences and words in `/text` without changing it, and the language it is in.\n"
            "Words are syllables joined by `_`, words parted by spaces; all offsets are bytes into `/text`.",
    .flags = SL_F_PURE,
    .params = param_table,
    .n_params = sizeof(param_table) / sizeof(param_table[0]),
    .param_size = sizeof(sl_param),
    .params_size = sizeof(params),
    .n_fields = sizeof(fields) / sizeof(fields[0]),
    .fields = fields,
    .field_size = sizeof(sl_field),
    .create = create,
    .lane_open = lane_open,
    .process = process,
    .lane_close = lane_close,
    .destroy = destroy,
};

static const sl_stage_type *const types[] = {&segment_type};

static const sl_plugin plugin = {
    .struct_size = sizeof(sl_plugin),
    .abi_major = SL_ABI_MAJOR,
    .abi_minor = SL_ABI_MINOR,
    .min_host_minor = SL_ABI_MINOR,
    .n_types = 1,
    .name = "segment",
    .version = "0.1.0",
    .license = "Apache-2.0",
    .description = "Paragraphs, sentences and words of Vietnamese text",
    .cjson_version = cJSON_Version,
    .types = types,
};

const sl_plugin *sluice_plugin(void) { return &plugin; }
