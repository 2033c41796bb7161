/* SPDX-License-Identifier: Apache-2.0 */
/* sink_csv: tables for spreadsheets: one row a document, or one for each item of a list in it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <sluice/plugin.h>

#include "../common/filesink.h"
#include "table.h"

#define BOM "\xEF\xBB\xBF"

struct params {
  filesink_params file;
  const char *each, *separator, *join;
  sl_list columns;
  int32_t header, bom, escape, newline;
};

struct stage {
  const struct params *p;
  csv_column *columns;
  size_t n;
  jptr *each;
  csv_format format;
  filesink file;
  csv_buf buf;
  article_refs refs;
  int32_t by_name; /* some column names entities */
};

static const sl_param params_table[] = {
    FILESINK_PARAM_PATH(struct params),
    SL_PARAM(struct params, columns, SL_T_STRING, SL_PF_REQUIRED | SL_PF_MAP | SL_PF_NONEMPTY, NULL, NULL,
             "Heading: where the value stands: a JSON pointer into the item (into the document without each); doc:/x "
             "into the "
             "document; name:/x for the name of the entity with that id; @key, @uri, @index."),
    SL_PARAM(struct params, each, SL_T_POINTER, SL_PF_READS_MAYBE, NULL, NULL,
             "A list in the document: one row for each of its items. Without it, one row a document."),
    FILESINK_PARAM_MODE(struct params),
    SL_PARAM(struct params, header, SL_T_BOOL, 0, "true", NULL, "Begin a new file with the headings."),
    SL_PARAM(struct params, bom, SL_T_BOOL, 0, "true", NULL,
             "Begin a new file with a byte order mark: Excel takes the file for UTF-8 only with it."),
    SL_PARAM(
        struct params, escape, SL_T_BOOL, 0, "true", NULL,
        "Put an apostrophe before text that a spreadsheet would run as a formula (= + - @, tab, carriage return)."),
    SL_PARAM(struct params, separator, SL_T_STRING, 0, ",", NULL,
             "One ASCII character between fields: , or ; or a tab."),
    SL_PARAM(struct params, join, SL_T_STRING, 0, "; ", NULL, "Stands between the elements of a list in one field."),
    SL_PARAM(struct params, newline, SL_T_ENUM, SL_PF_ADVANCED, "crlf", "crlf|lf",
             "End of a line; RFC 4180 wants crlf."),
    FILESINK_PARAM_FSYNC(struct params),
    FILESINK_PARAM_FOREIGN(struct params),
};

static const sl_entry *entry_at(const sl_list *list, uint32_t i) {
  return (const sl_entry *)(const void *)((const char *)list->items + (size_t)i * list->elem_size);
}

static int32_t contract(const void *params, sl_contract *out) {
  const struct params *p = params;
  for (uint32_t i = 0; i < p->columns.count; i++) {
    const char *text = entry_at(&p->columns, i)->text;
    csv_column c;
    if (!text || csv_column_parse(text, &c) != 0) continue; /* create says what is wrong */
    free(c.path);
    const char *slash = strchr(text, '/');
    if (slash && (c.kind == CSV_DOC || (c.kind == CSV_ITEM && !p->each))) out->add(out, slash, SL_C_READS_MAYBE, 0);
    if (c.by_name) out->add(out, "/entities", SL_C_READS_MAYBE, 0);
  }
  return SL_OK;
}

static int32_t no_memory(sl_ctx *ctx) {
  sl_fail(ctx, SL_ENOMEM, "memory is out", NULL, "lower budget: or batch:");
  return SL_ENOMEM;
}

static int32_t add_columns(sl_ctx *ctx, struct stage *s) {
  for (uint32_t i = 0; i < s->p->columns.count; i++) {
    const sl_entry *e = entry_at(&s->p->columns, i);
    int rc = e->text ? csv_column_parse(e->text, &s->columns[i]) : -1;
    if (rc == -2) return no_memory(ctx);
    if (rc < 0) {
      sl_fail(ctx, SL_EINVAL, "the value of a column is not a place in the document", e->key,
              "expected /pointer, doc:/pointer, name:/pointer, @key, @uri or @index");
      return SL_EINVAL;
    }
    s->columns[i].name = e->key;
    s->by_name |= s->columns[i].by_name;
    s->n++;
  }
  return SL_OK;
}

static int32_t create(sl_ctx *ctx, const void *params, void **ret_stage) {
  const struct params *p = params;
  struct stage *s = calloc(1, sizeof *s);
  *ret_stage = s;
  if (!s) return no_memory(ctx);
  s->p = p;
  unsigned char sep = p->separator ? (unsigned char)p->separator[0] : 0;
  if (sep == 0 || p->separator[1] || sep >= 0x80 || sep == '"' || sep == '\n' || sep == '\r') {
    sl_fail(ctx, SL_EINVAL, "expected one ASCII character as the separator", p->separator,
            "use \",\", \";\", \"|\" or \"\\t\"");
    return SL_EINVAL;
  }
  s->format = (csv_format){(char)sep, p->escape, p->newline == 0 ? "\r\n" : "\n", p->join ? p->join : ""};
  s->columns = calloc(p->columns.count ? p->columns.count : 1, sizeof *s->columns);
  s->each = p->each ? jptr_new(p->each) : NULL;
  if (!s->columns || (p->each && !s->each)) return no_memory(ctx);
  return add_columns(ctx, s);
}

/* The first line of an existing file must be our headings, or the rows would stand under the wrong ones. */
static int32_t check_header(sl_ctx *ctx, struct stage *s) {
  char *found = malloc(s->buf.len + sizeof BOM);
  if (!found) return no_memory(ctx);
  size_t n = outfile_peek(s->file.file, found, s->buf.len + 3);
  const char *at = found;
  if (n >= 3 && memcmp(at, BOM, 3) == 0) {
    at += 3;
    n -= 3;
  }
  int same = n >= s->buf.len && memcmp(at, s->buf.data, s->buf.len) == 0;
  free(found);
  if (same) return SL_OK;
  sl_fail(ctx, SL_ESTATE, "the headings of the existing file are not those of this stage", s->p->file.path,
          "name another file, use mode: replace, or header: false");
  return SL_ESTATE;
}

/* Begins a new file, or looks at the beginning of one that is there. */
static int32_t put_header(sl_ctx *ctx, struct stage *s) {
  s->buf.len = 0;
  int fresh = outfile_length(s->file.file) == 0;
  if (fresh && s->p->bom) csv_put(&s->buf, BOM, 3);
  if (s->p->header) csv_header(&s->buf, &s->format, s->columns, s->n);
  if (s->buf.failed) return no_memory(ctx);
  if (!fresh) return s->p->header ? check_header(ctx, s) : SL_OK;
  return s->buf.len ? filesink_append(&s->file, ctx, s->buf.data, s->buf.len) : SL_OK;
}

static int32_t start(sl_ctx *ctx, void *stage) {
  struct stage *s = stage;
  int32_t rc = filesink_start(&s->file, ctx, &s->p->file, OUTFILE_TORN_REFUSE, 0);
  if (rc == SL_OK && (rc = put_header(ctx, s)) != SL_OK) filesink_drop(&s->file);
  if (rc == SL_OK) filesink_saved(&s->file, ctx, NULL, 0);
  return rc;
}

/* Appends the rows of one document; a verdict. */
static int32_t print(sl_ctx *ctx, struct stage *s, sl_doc *doc) {
  size_t before = s->buf.len;
  sl_origin origin;
  sl_get_origin(ctx, doc, &origin);
  csv_row row = {.body = sl_body(ctx, doc), .key = sl_key(ctx, doc), .uri = origin.uri, .refs = &s->refs, .index = 1};
  int rc = row.body ? 0 : -1;
  if (rc == 0 && s->by_name) rc = article_refs_build(&s->refs, row.body);
  if (rc == 0 && !s->each) {
    rc = csv_line(&s->buf, &s->format, s->columns, s->n, &row);
  } else if (rc == 0) {
    const cJSON *list = jptr_get(s->each, row.body);
    if (list && !cJSON_IsArray(list) && !cJSON_IsNull(list)) {
      sl_fail_doc(ctx, doc, SL_EINVAL, "expected a list for the rows", s->p->each,
                  "each: must name a list of the document");
      return SL_V_REJECT;
    }
    for (row.item = list ? list->child : NULL; row.item && rc == 0; row.item = row.item->next, row.index++)
      rc = csv_line(&s->buf, &s->format, s->columns, s->n, &row);
  }
  if (rc == 0) return SL_V_OK;
  s->buf.len = before;
  sl_fail_doc(ctx, doc, SL_ENOMEM, "memory is out", NULL, "lower budget: or batch:");
  return SL_V_RETRY;
}

static int32_t write_batch(sl_ctx *ctx, void *stage, void *lane, sl_doc *const *docs, uint32_t n, int32_t *verdicts) {
  struct stage *s = stage;
  (void)lane;
  s->buf.len = 0;
  for (uint32_t i = 0; i < n; i++) verdicts[i] = print(ctx, s, docs[i]);
  if (s->buf.len && filesink_append(&s->file, ctx, s->buf.data, s->buf.len) != SL_OK)
    for (uint32_t i = 0; i < n; i++)
      if (verdicts[i] == SL_V_OK) verdicts[i] = SL_V_RETRY;
  filesink_saved(&s->file, ctx, verdicts, n);
  return SL_OK;
}

static int32_t flush(sl_ctx *ctx, void *stage, void *lane, uint32_t why) {
  struct stage *s = stage;
  (void)lane;
  return filesink_flush(&s->file, ctx, why);
}

static void stop(sl_ctx *ctx, void *stage) {
  struct stage *s = stage;
  filesink_stop(&s->file, ctx);
  free(s->buf.data);
  s->buf = (csv_buf){0};
}

static void destroy(void *stage) {
  struct stage *s = stage;
  if (!s) return;
  filesink_drop(&s->file);
  for (size_t i = 0; s->columns && i < s->p->columns.count; i++) free(s->columns[i].path);
  free(s->columns);
  free(s->each);
  article_refs_free(&s->refs);
  free(s->buf.data);
  free(s);
}

static const sl_stage_type sink_csv_type = {
    .struct_size = sizeof(sl_stage_type),
    .kind = SL_SINK,
    .name = "sink_csv",
    .summary = "Writes a table for spreadsheets: a row a document, or one for each item of a list",
    .flags = SL_F_SERIAL,
    .params = params_table,
    .n_params = sizeof params_table / sizeof *params_table,
    .param_size = sizeof(sl_param),
    .params_size = sizeof(struct params),
    .contract = contract,
    .create = create,
    .start = start,
    .write = write_batch,
    .flush = flush,
    .stop = stop,
    .destroy = destroy,
};

static const sl_stage_type *const types[] = {&sink_csv_type};

const sl_plugin *sluice_plugin(void) {
  static const sl_plugin plugin = {
      .struct_size = sizeof(sl_plugin),
      .abi_major = SL_ABI_MAJOR,
      .abi_minor = SL_ABI_MINOR,
      .min_host_minor = 1,
      .n_types = 1,
      .name = "sink_csv",
      .version = "0.1.0",
      .license = "Apache-2.0",
      .description = "Writes tables for spreadsheets",
      .cjson_version = cJSON_Version,
      .types = types,
  };
  return &plugin;
}
