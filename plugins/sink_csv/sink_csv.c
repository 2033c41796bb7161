/* SPDX-License-Identifier: Apache-2.0 */
/* sink_csv: tables for spreadsheets: one row a document, or one for each item of a list in it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <sluice/plugin.h>

#include "../common/outfile.h"
#include "table.h"

#define BOM "\xEF\xBB\xBF"

struct params {
  const char *path, *each, *separator, *join;
  sl_list columns;
  int32_t mode, header, bom, escape, newline, fsync;
};

struct stage {
  const struct params *p;
  csv_column *columns;
  size_t n;
  jptr *each;
  csv_format format;
  outfile *file;
  csv_buf buf;
  article_refs refs;
  int32_t by_name; /* some column names entities */
  int32_t complete;
};

static const sl_param params_table[] = {
    SL_PARAM(struct params, path, SL_T_PATH, SL_PF_REQUIRED | SL_PF_OUTPUT | SL_PF_NONEMPTY, NULL, NULL,
             "The file to write. Its folders are made."),
    SL_PARAM(struct params, columns, SL_T_STRING, SL_PF_REQUIRED | SL_PF_MAP | SL_PF_NONEMPTY, NULL, NULL,
             "Heading: where the value stands: a JSON pointer into the item (into the document without each); doc:/x "
             "into the "
             "document; name:/x for the name of the entity with that id; @key, @uri, @index."),
    SL_PARAM(struct params, each, SL_T_POINTER, SL_PF_READS_MAYBE, NULL, NULL,
             "A list in the document: one row for each of its items. Without it, one row a document."),
    SL_PARAM(struct params, mode, SL_T_ENUM, 0, "append", "append|replace",
             "append adds to the file; replace writes a new one beside it that takes its place at the end of the run."),
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
    SL_PARAM(struct params, fsync, SL_T_ENUM, SL_PF_ADVANCED, "end", "never|batch|end",
             "When the file is forced to disk."),
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

static int32_t fail(sl_ctx *ctx, const outfile_error *e) {
  sl_fail(ctx, e->code, e->message, e->detail, *e->hint ? e->hint : NULL);
  return e->code;
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
  int fd = open(s->p->path, O_RDONLY | O_CLOEXEC);
  char *found = malloc(s->buf.len + sizeof BOM);
  ssize_t n = fd >= 0 && found ? pread(fd, found, s->buf.len + 3, 0) : -1;
  if (fd >= 0) close(fd);
  const char *at = found;
  if (n >= 3 && memcmp(at, BOM, 3) == 0) {
    at += 3;
    n -= 3;
  }
  int same = n >= (ssize_t)s->buf.len && memcmp(at, s->buf.data, s->buf.len) == 0;
  free(found);
  if (same) return SL_OK;
  sl_fail(ctx, SL_ESTATE, "the headings of the existing file are not those of this stage", s->p->path,
          "name another file, use mode: replace, or header: false");
  return SL_ESTATE;
}

static int32_t start(sl_ctx *ctx, void *stage) {
  struct stage *s = stage;
  const struct params *p = s->p;
  outfile_opts opts = {.path = p->path, .replace = p->mode, .torn = OUTFILE_TORN_REFUSE, .sync = p->fsync};
  outfile_error e = {0};
  s->complete = 0;
  if (outfile_open(&opts, &s->file, &e) != SL_OK) return fail(ctx, &e);
  s->buf.len = 0;
  int fresh = outfile_length(s->file) == 0;
  if (fresh && p->bom) csv_put(&s->buf, BOM, 3);
  if (p->header) csv_header(&s->buf, &s->format, s->columns, s->n);
  if (s->buf.failed) return no_memory(ctx);
  if (!fresh) return p->header ? check_header(ctx, s) : SL_OK;
  if (s->buf.len && outfile_append(s->file, s->buf.data, s->buf.len, &e) != SL_OK) return fail(ctx, &e);
  return SL_OK;
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
  outfile_error e = {0};
  (void)lane;
  s->complete = 0;
  s->buf.len = 0;
  for (uint32_t i = 0; i < n; i++) verdicts[i] = print(ctx, s, docs[i]);
  if (s->buf.len == 0 || outfile_append(s->file, s->buf.data, s->buf.len, &e) == SL_OK) return SL_OK;
  fail(ctx, &e);
  for (uint32_t i = 0; i < n; i++)
    if (verdicts[i] == SL_V_OK) verdicts[i] = SL_V_RETRY;
  return SL_OK;
}

static int32_t flush(sl_ctx *ctx, void *stage, void *lane, uint32_t why) {
  struct stage *s = stage;
  outfile_error e = {0};
  (void)lane;
  if (why == SL_FLUSH_END) s->complete = 1;
  if (!s->file || outfile_sync(s->file, &e) == SL_OK) return SL_OK;
  s->complete = 0;
  return fail(ctx, &e);
}

static void stop(sl_ctx *ctx, void *stage) {
  struct stage *s = stage;
  outfile_error e = {0};
  if (!s->complete && s->file && s->p->mode)
    sl_log(ctx, SL_LOG_WARN, "the run did not come to its end: the file to be replaced is left as it was");
  if (outfile_close(s->file, s->complete, &e) != SL_OK) {
    fail(ctx, &e);
    sl_log(ctx, SL_LOG_ERROR, e.message);
  }
  s->file = NULL;
  free(s->buf.data);
  s->buf = (csv_buf){0};
}

static void destroy(void *stage) {
  struct stage *s = stage;
  if (!s) return;
  outfile_close(s->file, 0, NULL);
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
