/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin contract of Sluice, version 0.1: all that a stage needs, in one header without dependencies.
 *
 * A plugin is a shared object that exports one function, `sluice_plugin`, which returns a constant descriptor. It links
 * nothing from the host: what it may call comes in the table `sl_host`, reached through the first member of `sl_ctx`; the
 * inline functions at the end of this header do that for you.
 *
 * Versions. Each table begins with its size. A field exists if and only if the struct is long enough to hold it, and
 * fields are only ever appended. While the major version is 0 the minor version must match exactly.
 *
 * Threads. [loop] runs on the one loop thread and must not block. [lane] runs on the thread that owns the lane state; each
 * lane has its own, so a stage needs no lock for what it keeps there. [any] may be called from every thread. `create`,
 * `start`, `stop` and `destroy` run on one thread at a time, never beside a lane call of the same stage.
 *
 * Ownership. [borrow] the caller keeps it; [take] the callee owns it from then on, whatever it returns; [take on ok] only
 * when 0 was returned; [own] the caller must release what was returned.
 *
 * Memory that crosses the border (JSON trees given to the host, buffers with a NULL release function) comes from
 * `sl_alloc` or from cJSON, and returns there. A plugin never calls cJSON_InitHooks.
 */
#ifndef SLUICE_PLUGIN_H
#define SLUICE_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SL_ABI_MAJOR 0
#define SL_ABI_MINOR 1

#if defined(__GNUC__)
#define SL_EXPORT __attribute__((visibility("default")))
#define SL_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define SL_EXPORT
#define SL_PRINTF(fmt, args)
#endif

struct cJSON;

/* ---- results ---------------------------------------------------------------------------------------------------- */

/* Error codes: 0 is success, every error is negative. */
#define SL_OK 0
#define SL_ENOMEM (-1)     /* memory is out */
#define SL_EIO (-2)        /* a read, write or system call failed */
#define SL_EINVAL (-3)     /* a value that the callee does not accept */
#define SL_EPARSE (-4)     /* foreign bytes are not in the format they should be in */
#define SL_ELIMIT (-5)     /* a limit was reached: size, depth, count */
#define SL_ENOTFOUND (-6)  /* a file, key, field or stage is not there */
#define SL_EEXIST (-7)     /* it is there already */
#define SL_EPERM (-8)      /* not allowed */
#define SL_EPLUGIN (-9)    /* a plugin cannot be loaded or broke the contract */
#define SL_ETIMEOUT (-10)  /* a time limit passed */
#define SL_ECANCELED (-11) /* stopped on request */
#define SL_EUNSUP (-12)    /* not supported by this build */
#define SL_ESTATE (-13)    /* called at the wrong time, or the stored state does not fit */
#define SL_EENCODING (-14) /* text that is not in the encoding it should be in */
#define SL_EBUG (-15)      /* a broken invariant: report it */

/* Verdicts: what a stage says about one document (int32_t). */
#define SL_V_OK 0      /* what was emitted goes on; if nothing was emitted, the document itself goes on */
#define SL_V_DROP 1    /* ended on purpose: counts as a success; what was emitted is discarded */
#define SL_V_RETRY 2   /* could not be done now: again later, as `on_error` says; sl_fail gives the reason */
#define SL_V_REJECT 3  /* can never be done: to the dead letters; sl_fail gives the reason */
#define SL_V_HELD 4    /* SERIAL transforms: the stage keeps the document, see sl_emit_many and sl_settle */
#define SL_V_PENDING 5 /* ASYNC stages: completed later by sl_complete with this document's ticket */
#define SL_V_FATAL 6   /* stop the pipeline; sl_fail gives the reason */
/* Sources only, as the result of `produce`. */
#define SL_P_MORE 0    /* there may be more at once: ask again as soon as there is credit */
#define SL_P_WAIT 7    /* nothing now: ask again after sl_wake */
#define SL_P_END 8     /* the input has ended */

/* ---- documents -------------------------------------------------------------------------------------------------- */

/* A document: an envelope, a JSON body (an object), and optionally a payload of immutable bytes. Opaque. */
typedef struct sl_doc sl_doc;

/* Bytes with a length. Not NUL-terminated unless stated. */
typedef struct sl_bytes {
  const void *data; /* [borrow until the document is released] */
  size_t len;       /* bytes */
} sl_bytes;

/* Where a document comes from. The record key is uri + locator (+ splits); revision tells versions of one record apart. */
typedef struct sl_origin {
  const char *uri;      /* source URI, e.g. file:///data/a.txt; never NULL */
  const char *locator;  /* record inside it: "byte=120-360", an entry id; NULL for the whole */
  const char *revision; /* content hash, ETag or modification time; NULL if unknown */
} sl_origin;

/* One run of the edit map: text bytes [text, text + text_len) came from source bytes [src, src + src_len). Equal lengths
 * mean byte for byte; otherwise the run is one unit. Runs are sorted by text and do not overlap; text without a run was
 * inserted. */
typedef struct sl_span {
  uint64_t text, text_len;
  uint64_t src, src_len;
} sl_span;

/* ---- parameters ------------------------------------------------------------------------------------------------- */

/* Parameter types, and the C field each is stored in. Strings are NUL-terminated UTF-8, NULL when unset. */
#define SL_T_STRING 1    /* const char * */
#define SL_T_BOOL 2      /* int32_t, 0 or 1 */
#define SL_T_INT 3       /* int64_t; range "1..100", "1..", "..100" */
#define SL_T_FLOAT 4     /* double; range as for INT */
#define SL_T_DURATION 5  /* int64_t nanoseconds; written 10s, 200ms, 1h */
#define SL_T_SIZE 6      /* int64_t bytes; written 10MiB, 4KB, 512 */
#define SL_T_ENUM 7      /* int32_t, index into range "a|b|c" */
#define SL_T_PATH 8      /* const char *, absolute after resolving */
#define SL_T_GLOB 9      /* const char *, absolute after resolving */
#define SL_T_POINTER 10  /* const char *, a JSON pointer (RFC 6901) */
#define SL_T_CONDITION 11 /* const sl_cond *, for sl_match; NULL when unset */
#define SL_T_JSON 12     /* const struct cJSON *, NULL when unset */
#define SL_T_STRUCT 13   /* with SL_PF_LIST: sl_list of structs described by `fields` */

/* Parameter flags. */
#define SL_PF_REQUIRED 1u    /* must be set */
#define SL_PF_SECRET 2u      /* never printed, logged or exported */
#define SL_PF_LIST 4u        /* field is an sl_list of the type's C field; a scalar serves as a list of one */
#define SL_PF_MAP 8u         /* field is an sl_list of sl_entry; keys in the order of the file */
#define SL_PF_KEY_POINTER 16u /* MAP: the keys are JSON pointers */
#define SL_PF_READS 32u      /* POINTER (or key pointer): a field that the stage must have */
#define SL_PF_READS_MAYBE 64u /* a field that the stage uses if it is there */
#define SL_PF_WRITES 128u    /* a field that the stage writes */
#define SL_PF_REMOVES 256u   /* a field that the stage removes */
#define SL_PF_ADVANCED 512u  /* listed last in help */
#define SL_PF_OUTPUT 1024u   /* PATH: a file that the stage writes; two stages on one path are an error */
#define SL_PF_NONEMPTY 2048u /* LIST, MAP, STRING: at least one element or character */

typedef struct sl_cond sl_cond;

/* A list parameter: count elements of elem_size bytes. */
typedef struct sl_list {
  const void *items;
  uint32_t count;
  uint32_t elem_size;
} sl_list;

/* An element of a MAP parameter. */
typedef struct sl_entry {
  const char *key;
  const char *text;           /* the value as a string when it is a scalar, else NULL */
  const struct cJSON *json;   /* the value as JSON; never NULL */
} sl_entry;

/* One parameter. The table of a stage type drives parsing, validation, help, the reference and the JSON Schema. */
typedef struct sl_param {
  const char *name;
  uint32_t type;   /* SL_T_… */
  uint32_t flags;  /* SL_PF_… */
  uint32_t offset; /* of the field in the parameter struct: offsetof */
  uint32_t size;   /* of the field: checked by the core against the type */
  const char *def; /* default, as it would be written in the file (YAML scalar or flow list/map); NULL: none */
  const char *range;
  const char *help; /* one or two sentences, with units */
  const struct sl_param *fields; /* STRUCT: the element's parameters */
  uint32_t n_fields;
  uint32_t elem_size; /* STRUCT: sizeof the element */
} sl_param;

/* Shorthand for a row: SL_PARAM(struct my_params, sentences, SL_T_INT, 0, "3", "1..100", "Sentences in the summary."). */
#define SL_PARAM(st, field, type, flags, def, range, help) \
  { #field, (type), (flags), (uint32_t)offsetof(st, field), (uint32_t)sizeof(((st *)0)->field), (def), (range), (help), NULL, 0, 0 }
/* The same when the name in the file is a C keyword or differs from the field. */
#define SL_PARAM_AS(st, field, name, type, flags, def, range, help) \
  { (name), (type), (flags), (uint32_t)offsetof(st, field), (uint32_t)sizeof(((st *)0)->field), (def), (range), (help), NULL, 0, 0 }
/* A list of structs: `table` is the static array of the element's parameters. */
#define SL_PARAM_STRUCTS(st, field, flags, elem, table, help) \
  { #field, SL_T_STRUCT, (flags) | SL_PF_LIST, (uint32_t)offsetof(st, field), (uint32_t)sizeof(((st *)0)->field), NULL, NULL, \
    (help), (table), (uint32_t)(sizeof(table) / sizeof((table)[0])), (uint32_t)sizeof(elem) }

/* ---- contracts -------------------------------------------------------------------------------------------------- */

/* What a stage does with a field. The pseudo-pointer "@payload" stands for the payload. */
#define SL_C_READS 1       /* needs it: the core proves that it is there */
#define SL_C_READS_MAYBE 2 /* uses it if it is there */
#define SL_C_WRITES 3      /* every document that goes on has it */
#define SL_C_WRITES_MAYBE 4
#define SL_C_REMOVES 5

/* JSON types of a field, a bit set; 0 means any. */
#define SL_J_NULL 1u
#define SL_J_BOOL 2u
#define SL_J_NUMBER 4u
#define SL_J_STRING 8u
#define SL_J_ARRAY 16u
#define SL_J_OBJECT 32u

typedef struct sl_field {
  const char *pointer; /* JSON pointer, or "@payload" */
  uint32_t access;     /* SL_C_… */
  uint32_t types;      /* SL_J_… */
  const char *help;
} sl_field;

/* Handed to a stage type's `contract`: call add for each field. Strings are copied. */
typedef struct sl_contract {
  uint32_t struct_size;
  uint32_t reserved;
  void (*add)(struct sl_contract *self, const char *pointer, uint32_t access, uint32_t types);
  void (*open)(struct sl_contract *self); /* documents may carry any field: JSON and NDJSON sources */
  /* Drops the table of the stage type first, so that the calls to add alone count. */
  void (*reset)(struct sl_contract *self);
} sl_contract;

/* ---- the stage --------------------------------------------------------------------------------------------------- */

/* Given to every call of a stage. Its first member is the host's table; the rest belongs to the host. */
typedef struct sl_ctx sl_ctx;
typedef struct sl_host sl_host;
struct sl_ctx {
  const sl_host *host;
};

#define SL_SOURCE 1
#define SL_TRANSFORM 2
#define SL_SINK 3

/* Capability flags of a stage type. */
#define SL_F_SERIAL 1u     /* one lane only, documents in order; may hold */
#define SL_F_ASYNC 2u      /* called on the loop; answers PENDING; must not block */
#define SL_F_BLOCKING 4u   /* waits for slow things: has threads of its own (`threads:`) */
#define SL_F_STREAMING 8u  /* what it emits goes on at once; may not RETRY after it emitted */
#define SL_F_COPY_FIRST 16u /* may fail after it wrote the body: the core keeps the original */
#define SL_F_PURE 32u      /* same input and parameters, same output */
#define SL_F_TEXT 64u      /* a sink that wants printed JSON (sl_doc_text): the lanes print */

/* Why `flush` is called. */
#define SL_FLUSH_END 1    /* the input has ended, or the pipeline drains: release everything */
#define SL_FLUSH_CREDIT 2 /* sources wait for credit: release what can be released */
#define SL_FLUSH_BOUND 3  /* a bound on held documents, bytes or age was reached */
#define SL_FLUSH_DRAIN 4  /* a stop or reload before the end of the input: as END, but more comes in the next run */

/*
 * A stage type. Order of calls: create, lane_open (per lane), start, then process/produce/write/flush, stop, (start …),
 * lane_close, destroy. Any function may be NULL if there is nothing to do; process, produce or write must be there as the
 * kind demands. create may fail half-way: destroy gets what it left in *ret_stage (possibly NULL).
 */
typedef struct sl_stage_type {
  uint32_t struct_size; /* sizeof(sl_stage_type) of the header that the plugin was built with */
  uint32_t kind;        /* SL_SOURCE, SL_TRANSFORM, SL_SINK */
  const char *name;     /* as in `uses:`, [a-z][a-z0-9_]* */
  const char *summary;  /* one line */
  const char *help;     /* several lines, Markdown; NULL if none */
  uint64_t flags;       /* SL_F_… */

  const sl_param *params;
  uint32_t n_params;
  uint32_t param_size;  /* sizeof(sl_param) */
  uint32_t params_size; /* sizeof the parameter struct */
  uint32_t n_fields;
  const sl_field *fields; /* the contract's fixed part */
  uint32_t field_size;    /* sizeof(sl_field) */
  uint32_t reserved;

  /* Computes the part of the contract that depends on the parameters. No side effects. Returns 0 or an error. [any] */
  int32_t (*contract)(const void *params, sl_contract *out);

  /* Makes the shared, immutable part: lexicons, compiled patterns. Touches nothing exclusive (no port, no file to write).
   * params [borrow until destroy]. Returns 0, or an error after sl_fail. */
  int32_t (*create)(sl_ctx *ctx, const void *params, void **ret_stage);
  /* Makes one lane's own state. Returns 0, or an error after sl_fail. */
  int32_t (*lane_open)(sl_ctx *ctx, void *stage, void **ret_lane);
  /* Opens what is exclusive: files to write, ports, connections. May be called again after stop. */
  int32_t (*start)(sl_ctx *ctx, void *stage);

  /* Transform: one document [borrow], unless HELD or PENDING: then it stays valid until it is settled or completed.
   * Returns a verdict. [lane]; ASYNC: [loop]. lane is NULL where lane_open is. */
  int32_t (*process)(sl_ctx *ctx, void *stage, void *lane, sl_doc *doc);
  /* Source: emits documents with sl_emit, about `credit` bytes or fewer, and returns SL_P_MORE, SL_P_WAIT, SL_P_END, or
   * SL_V_FATAL after sl_fail. A source with an error on one item (a file that cannot be read) emits a document with the
   * origin set and calls sl_reject on it. Its own thread unless ASYNC. */
  int32_t (*produce)(sl_ctx *ctx, void *stage, void *lane, uint64_t credit);
  /* Sink: docs[0..n) [borrow]; writes one verdict for each (OK, DROP, RETRY, REJECT, FATAL) to verdicts[0..n), which come
   * in as OK. Returns 0; or an error after sl_fail, which stands for RETRY of the whole batch. The sink's thread. */
  int32_t (*write)(sl_ctx *ctx, void *stage, void *lane, sl_doc *const *docs, uint32_t n, int32_t *verdicts);
  /* Releases what is held (transform), or makes what was written durable (sink). why: SL_FLUSH_…. Returns 0 or an error. */
  int32_t (*flush)(sl_ctx *ctx, void *stage, void *lane, uint32_t why);
  /* ASYNC: gives up the work of a ticket. A later sl_complete for it is ignored. [loop] */
  void (*cancel)(sl_ctx *ctx, void *stage, void *lane, uint64_t ticket);
  /* Source: all that came of the document emitted with this cursor (sl_set_cursor) has ended: stored, dropped on purpose
   * or dead-lettered. [any thread of the core, one call at a time] */
  void (*acknowledged)(sl_ctx *ctx, void *stage, uint64_t cursor);

  void (*stop)(sl_ctx *ctx, void *stage);
  void (*lane_close)(sl_ctx *ctx, void *stage, void *lane);
  void (*destroy)(void *stage);
} sl_stage_type;

/* The descriptor. Lives as long as the process. */
typedef struct sl_plugin {
  uint32_t struct_size;    /* sizeof(sl_plugin) */
  uint16_t abi_major;      /* SL_ABI_MAJOR */
  uint16_t abi_minor;      /* SL_ABI_MINOR */
  uint16_t min_host_minor; /* oldest host that it runs on */
  uint16_t reserved;
  uint32_t n_types;
  const char *name;        /* the file's name without .so */
  const char *version;     /* the plugin's own */
  const char *license;     /* SPDX expression */
  const char *description; /* one line */
  /* Address of the cJSON_Version that the plugin sees, NULL if it does not use cJSON: a private copy is refused. */
  const char *(*cjson_version)(void);
  const sl_stage_type *const *types;
} sl_plugin;

/* The one exported function. No side effects: `inspect` calls it, too. */
#define SL_PLUGIN_SYMBOL "sluice_plugin"
typedef const sl_plugin *(*sl_plugin_fn)(void);
SL_EXPORT const sl_plugin *sluice_plugin(void);

/* ---- what the host offers ----------------------------------------------------------------------------------------- */

#define SL_LOG_ERROR 1
#define SL_LOG_WARN 2
#define SL_LOG_INFO 3
#define SL_LOG_DEBUG 4

#define SL_METRIC_COUNTER 1 /* value is added */
#define SL_METRIC_GAUGE 2   /* value replaces */

#define SL_WATCH_READ 1u
#define SL_WATCH_WRITE 2u

typedef void (*sl_timer_cb)(sl_ctx *ctx, void *stage, void *user);
typedef void (*sl_watch_cb)(sl_ctx *ctx, void *stage, void *user, uint32_t events, int32_t error);
typedef void (*sl_release_cb)(void *data, void *user);

struct sl_host {
  uint32_t struct_size;
  uint16_t abi_major, abi_minor;
  const char *version; /* of Sluice */

  /* -- memory. [any] Aligned to 16 bytes; NULL when memory is out. Counted in the budget. */
  void *(*alloc)(size_t bytes);
  void (*free)(void *p);

  /* -- messages. [any] text is one line without a final newline; rate-limited. */
  void (*log)(sl_ctx *ctx, int32_t level, const char *text);
  /* Gives the reason for the RETRY, REJECT, FATAL or error that the call is about to return, or for `doc` of a batch.
   * doc NULL: the call's document, or all of them. code SL_E…; detail and hint may be NULL. Strings are copied. */
  void (*fail)(sl_ctx *ctx, sl_doc *doc, int32_t code, const char *message, const char *detail, const char *hint);
  void (*metric)(sl_ctx *ctx, int32_t kind, const char *name, double value);

  /* -- time and chance, so that a run can be replayed. [any] */
  int64_t (*now)(sl_ctx *ctx);       /* wall clock, nanoseconds since 1970-01-01 UTC */
  int64_t (*monotonic)(sl_ctx *ctx); /* nanoseconds */
  uint64_t (*random)(sl_ctx *ctx);

  /* -- documents. [lane] for the document of the call, or one that the stage holds. */
  /* A new document. parent NULL: for a source (no origin yet); else it takes over origin, payload and edit map, and its end
   * counts for the parent. Body is an empty object. [own]; NULL when memory is out. */
  sl_doc *(*doc_new)(sl_ctx *ctx, sl_doc *parent);
  /* Gives up a document from doc_new that was not emitted. */
  void (*doc_free)(sl_ctx *ctx, sl_doc *doc);
  /* The body. [borrow until the document is edited or released]; NULL when memory is out. */
  const struct cJSON *(*doc_body)(sl_ctx *ctx, sl_doc *doc);
  /* The body for writing; copied first if it is shared. [borrow]; NULL when memory is out. */
  struct cJSON *(*doc_edit)(sl_ctx *ctx, sl_doc *doc);
  /* Replaces the body. body [take]: an object made with cJSON. 0 or an error. */
  int32_t (*doc_set_body)(sl_ctx *ctx, sl_doc *doc, struct cJSON *body);
  /* Replaces the body by JSON text, validated by the core when it is first needed or, at the latest, when the document is
   * emitted (bad text goes to the dead letters with the byte offset). The bytes stay where they are: release(data, user) is
   * called when nobody needs them; release NULL: the bytes are copied. */
  int32_t (*doc_set_text)(sl_ctx *ctx, sl_doc *doc, const void *json, size_t len, sl_release_cb release, void *user);
  /* The body as printed JSON, one line, no newline. [borrow until the document is edited or released]. 0 or an error. */
  int32_t (*doc_text)(sl_ctx *ctx, sl_doc *doc, sl_bytes *ret);
  /* The payload; media type is NULL and data NULL if there is none. */
  void (*doc_payload)(sl_ctx *ctx, sl_doc *doc, sl_bytes *ret_bytes, const char **ret_media_type);
  /* Sets the payload; data NULL removes it. release as for doc_set_text. media_type is copied. */
  int32_t (*doc_set_payload)(sl_ctx *ctx, sl_doc *doc, const void *data, size_t len, const char *media_type,
                             sl_release_cb release, void *user);
  /* The origin; uri is "" if none was set. Strings [borrow until the document is released]. */
  void (*doc_origin)(sl_ctx *ctx, sl_doc *doc, sl_origin *ret);
  int32_t (*doc_set_origin)(sl_ctx *ctx, sl_doc *doc, const sl_origin *origin); /* strings are copied */
  /* The record key: the same record has it in every run. [borrow until the document is released]. Never NULL. */
  const char *(*doc_key)(sl_ctx *ctx, sl_doc *doc);
  uint32_t (*doc_attempt)(sl_ctx *ctx, sl_doc *doc); /* 1 the first time */
  /* 1 if the condition holds, 0 if not; a NULL condition holds. */
  int32_t (*match)(sl_ctx *ctx, const sl_cond *cond, sl_doc *doc);

  /* -- results. */
  /* Emits a document made by doc_new, or the call's own. doc [take]. 0 or an error. [lane], [loop] for ASYNC stages */
  int32_t (*emit)(sl_ctx *ctx, sl_doc *doc);
  /* Holding stages: emits doc [take]; the held documents parents[0..n) [take] end with it: their tokens pass to it. */
  int32_t (*emit_many)(sl_ctx *ctx, sl_doc *doc, sl_doc *const *parents, uint32_t n);
  /* Holding stages: ends a held document [take] with OK (goes on as it is), DROP or REJECT. */
  int32_t (*settle)(sl_ctx *ctx, sl_doc *doc, int32_t verdict);
  /* Sources: emits a document [take] that goes straight to the dead letters, for the reason given to fail before. */
  int32_t (*reject)(sl_ctx *ctx, sl_doc *doc);
  /* Sources: the position after this document, given back to `acknowledged`. Before emit. */
  void (*set_cursor)(sl_ctx *ctx, sl_doc *doc, uint64_t cursor);

  /* -- waiting. Timers of SERIAL transforms and of sources call back on the thread of that stage, those of ASYNC stages on
   * the loop. */
  /* Sources: produce has something again. Also wakes a waiting SERIAL stage. [any] */
  void (*wake)(sl_ctx *ctx);
  /* ASYNC: the ticket of the document in process. [loop] */
  uint64_t (*ticket)(sl_ctx *ctx);
  /* ASYNC: emits a document (doc_new with the pending one as parent) for a ticket. doc [take]. [loop] */
  int32_t (*emit_for)(sl_ctx *ctx, uint64_t ticket, sl_doc *doc);
  /* ASYNC: ends a ticket with a verdict other than HELD and PENDING; unknown and late tickets are ignored. [loop] */
  void (*complete)(sl_ctx *ctx, uint64_t ticket, int32_t verdict);
  /* Calls cb after delay_ns, then each repeat_ns if that is not 0. Returns an id, 0 when memory is out. */
  uint64_t (*timer_start)(sl_ctx *ctx, int64_t delay_ns, int64_t repeat_ns, sl_timer_cb cb, void *user);
  void (*timer_stop)(sl_ctx *ctx, uint64_t timer);
  /* ASYNC: calls cb when fd is ready for events (SL_WATCH_…); a second call for the same fd changes the events; 0 ends it,
   * and must come before the descriptor is closed. 0 or an error. [loop] */
  int32_t (*watch)(sl_ctx *ctx, int32_t fd, uint32_t events, sl_watch_cb cb, void *user);

  /* -- more. A table by id ("sluice.edit/1"), NULL if this host does not have it. Those that keep something (resume, ledger,
   * kv, spool) are there from start on, not in create and lane_open. [any] */
  const void *(*extension)(sl_ctx *ctx, const char *id);
};

/* ---- extension "sluice.edit/1": changing /text without losing the way back to the payload ------------------------- */

#define SL_EXT_EDIT "sluice.edit/1"
typedef struct sl_edit {
  uint32_t struct_size;
  uint32_t reserved;
  /* Sets /text for the first time from the payload: text (UTF-8, copied), and the map from text to payload bytes (copied;
   * sorted). On a document that has a map already the spans lead to the old /text and the two maps are joined. */
  int32_t (*set_text)(sl_ctx *ctx, sl_doc *doc, const char *text, size_t len, const sl_span *spans, uint32_t n);
  /* Replaces bytes [start, end) of /text; moves the map and every annotation (objects with integer "start" and "end", the
   * arrays /paragraphs and sentences' "tokens") along; those that lie inside what is replaced end at its borders. */
  int32_t (*replace)(sl_ctx *ctx, sl_doc *doc, uint64_t start, uint64_t end, const char *with, size_t len);
  /* The payload bytes that text [start, end) came from. SL_ENOTFOUND if there is no map or the text was inserted. */
  int32_t (*source_of)(sl_ctx *ctx, sl_doc *doc, uint64_t start, uint64_t end, uint64_t *ret_start, uint64_t *ret_end);
} sl_edit;

/* ---- extension "sluice.resume/1": sources that go on where they stopped ----------------------------------------------- */

/* A source that uses it gives each document a cursor (sl_set_cursor) that is not 0, grows from one document to the next, and
 * stands for the same record in every run: the core keeps by these cursors what has ended, drops what is given again, and
 * tells the source where to go on. Called in start and produce, on the source's thread. */
#define SL_EXT_RESUME "sluice.resume/1"
typedef struct sl_resume {
  uint32_t struct_size;
  uint32_t reserved;
  /* All documents with cursors up to this one were given and need not be read again; 0: begin at the beginning. */
  uint64_t (*position)(sl_ctx *ctx);
  /* 1 if the document with this cursor need not be given again: it has come to its end, or is on its way in this run. */
  int32_t (*given)(sl_ctx *ctx, uint64_t cursor);
  /* Keeps value (copied, at most 64 KiB; NULL removes) under a key of this source: durable no later than the end of any
   * document that is emitted after the call. 0 or an error. */
  int32_t (*put)(sl_ctx *ctx, const char *key, const void *value, size_t len);
  /* The note under key [borrow until the next call of this table], or SL_ENOTFOUND. Sees what put wrote. */
  int32_t (*get)(sl_ctx *ctx, const char *key, sl_bytes *ret);
  /* Calls cb for the notes whose keys begin with prefix, sorted by key, until it returns non-zero. cb may not call this
   * table. */
  int32_t (*each)(sl_ctx *ctx, const char *prefix, int32_t (*cb)(void *user, const char *key, const sl_bytes *value),
                  void *user);
} sl_resume;

/* ---- extension "sluice.ledger/1": sinks whose output cannot be written twice ------------------------------------------ */

/* What a sink needs to find its output again as the state knows it. The saved record is committed together with the
 * documents of the same call; after a crash the documents that are not committed come again, and the sink must first undo
 * what it wrote of them. Called in start, write, flush and stop. */
#define SL_EXT_LEDGER "sluice.ledger/1"
typedef struct sl_ledger {
  uint32_t struct_size;
  uint32_t reserved;
  /* The record that was committed last and the last intent, [borrow until the next call of this table]; length 0: none.
   * *ret_rebooted: 1 if the machine went down since the intent was noted, so that it may be older than the output. */
  int32_t (*recall)(sl_ctx *ctx, sl_bytes *ret_saved, sl_bytes *ret_intent, int32_t *ret_rebooted);
  /* Notes what the sink is about to do (at most 1 KiB), at once: it survives the death of the process. */
  int32_t (*intend)(sl_ctx *ctx, const void *data, size_t len);
  /* The record (at most 4 KiB) as it is after this call; the last one of a call counts. fd, if not -1, is made durable before the
   * commit (the core duplicates it; several calls name several files). */
  int32_t (*save)(sl_ctx *ctx, const void *data, size_t len, int32_t fd);
} sl_ledger;

/* ---- extension "sluice.kv/1": state of a stage that lives and dies with its documents ---------------------------------- */

/* Each write names its document and becomes durable with that document's end: if it never ends, the write never was. Other
 * documents of this run see it at once. A document that comes again (after a crash, a retry) finds its own earlier write as
 * its own. Keys and values belong to the stage (by its id). [lane] */
#define SL_EXT_KV "sluice.kv/1"
typedef struct sl_kv {
  uint32_t struct_size;
  uint32_t reserved;
  /* The value [borrow until the next call of this table by the same lane] or SL_ENOTFOUND. *ret_own (may be NULL): 1 if a
   * document with the record key of `doc` wrote it. */
  int32_t (*get)(sl_ctx *ctx, sl_doc *doc, const sl_bytes *key, sl_bytes *ret, int32_t *ret_own);
  /* Writes (copied; key up to 1 KiB, value up to 1 MiB). ttl_ns 0: kept until it is deleted. 0 or an error. */
  int32_t (*put)(sl_ctx *ctx, sl_doc *doc, const sl_bytes *key, const sl_bytes *value, int64_t ttl_ns);
  /* The same unless a document with another record key wrote it: then SL_EEXIST and its value in *ret. One step: of two lanes
   * one wins. */
  int32_t (*claim)(sl_ctx *ctx, sl_doc *doc, const sl_bytes *key, const sl_bytes *value, int64_t ttl_ns, sl_bytes *ret);
  int32_t (*remove)(sl_ctx *ctx, sl_doc *doc, const sl_bytes *key);
} sl_kv;

/* ---- extension "sluice.spool/1": sources that cannot be read again ----------------------------------------------------- */

/* Documents that were pushed to the source. They are on their way as soon as they are durable, without `produce`. [loop] */
#define SL_EXT_SPOOL "sluice.spool/1"
typedef struct sl_spool {
  uint32_t struct_size;
  uint32_t reserved;
  /* Writes docs[0..n) [take] (from sl_new(ctx, NULL), origin set), all or none. done is called on the loop with 0 once they
   * are durable, or with the error. Returns 0; or an error, and done is not called: SL_ELIMIT when the spool is full or
   * documents must wait, SL_ESTATE when the state cannot be written now. */
  int32_t (*put)(sl_ctx *ctx, sl_doc *const *docs, uint32_t n, void (*done)(void *user, int32_t rc), void *user);
  /* 1 if what is put survives the process; 0 with `state: none`. */
  int32_t (*durable)(sl_ctx *ctx);
} sl_spool;

/* ---- extension "sluice.listen/1": sockets that outlive a reload --------------------------------------------------------- */

#define SL_EXT_LISTEN "sluice.listen/1"
typedef struct sl_listen {
  uint32_t struct_size;
  uint32_t reserved;
  /* A listening socket, non-blocking, for "HOST:PORT", "[::1]:PORT" (port 0: any free one) or "unix:/path". It belongs to the
   * host: a stage that starts again, also after a reload, gets the same one, and connections wait in its backlog in between;
   * never close it. ret_address (cap bytes, may be NULL): where it listens. 0 or an error after fail. [loop] */
  int32_t (*open)(sl_ctx *ctx, const char *address, int32_t backlog, int32_t *ret_fd, char *ret_address, size_t cap);
} sl_listen;

/* ---- what you call ------------------------------------------------------------------------------------------------ */
/* (Parentheses where a test library may have a macro of that name.) */

static inline void *sl_alloc(sl_ctx *c, size_t n) { return c->host->alloc(n); }
static inline void sl_free(sl_ctx *c, void *p) { (c->host->free)(p); }
static inline void sl_log(sl_ctx *c, int32_t level, const char *text) { c->host->log(c, level, text); }
static inline void sl_fail(sl_ctx *c, int32_t code, const char *message, const char *detail, const char *hint) {
  (c->host->fail)(c, NULL, code, message, detail, hint);
}
static inline void sl_fail_doc(sl_ctx *c, sl_doc *d, int32_t code, const char *message, const char *detail, const char *hint) {
  (c->host->fail)(c, d, code, message, detail, hint);
}
static inline void sl_count(sl_ctx *c, const char *name, double by) { c->host->metric(c, SL_METRIC_COUNTER, name, by); }
static inline void sl_gauge(sl_ctx *c, const char *name, double v) { c->host->metric(c, SL_METRIC_GAUGE, name, v); }
static inline int64_t sl_now(sl_ctx *c) { return c->host->now(c); }
static inline int64_t sl_monotonic(sl_ctx *c) { return c->host->monotonic(c); }
static inline uint64_t sl_random(sl_ctx *c) { return c->host->random(c); }
static inline sl_doc *sl_new(sl_ctx *c, sl_doc *parent) { return c->host->doc_new(c, parent); }
static inline void sl_discard(sl_ctx *c, sl_doc *d) { c->host->doc_free(c, d); }
static inline const struct cJSON *sl_body(sl_ctx *c, sl_doc *d) { return c->host->doc_body(c, d); }
static inline struct cJSON *sl_body_edit(sl_ctx *c, sl_doc *d) { return c->host->doc_edit(c, d); }
static inline int32_t sl_set_body(sl_ctx *c, sl_doc *d, struct cJSON *body) { return c->host->doc_set_body(c, d, body); }
static inline int32_t sl_set_text(sl_ctx *c, sl_doc *d, const void *json, size_t len, sl_release_cb r, void *user) {
  return c->host->doc_set_text(c, d, json, len, r, user);
}
static inline int32_t sl_text(sl_ctx *c, sl_doc *d, sl_bytes *ret) { return c->host->doc_text(c, d, ret); }
static inline void sl_payload(sl_ctx *c, sl_doc *d, sl_bytes *ret, const char **ret_media_type) {
  c->host->doc_payload(c, d, ret, ret_media_type);
}
static inline int32_t sl_set_payload(sl_ctx *c, sl_doc *d, const void *data, size_t len, const char *media_type,
                                     sl_release_cb r, void *user) {
  return c->host->doc_set_payload(c, d, data, len, media_type, r, user);
}
static inline void sl_get_origin(sl_ctx *c, sl_doc *d, sl_origin *ret) { c->host->doc_origin(c, d, ret); }
static inline int32_t sl_set_origin(sl_ctx *c, sl_doc *d, const sl_origin *o) { return c->host->doc_set_origin(c, d, o); }
static inline const char *sl_key(sl_ctx *c, sl_doc *d) { return c->host->doc_key(c, d); }
static inline uint32_t sl_attempt(sl_ctx *c, sl_doc *d) { return c->host->doc_attempt(c, d); }
static inline int32_t sl_match(sl_ctx *c, const sl_cond *cond, sl_doc *d) { return c->host->match(c, cond, d); }
static inline int32_t sl_emit(sl_ctx *c, sl_doc *d) { return c->host->emit(c, d); }
static inline int32_t sl_emit_many(sl_ctx *c, sl_doc *d, sl_doc *const *parents, uint32_t n) {
  return c->host->emit_many(c, d, parents, n);
}
static inline int32_t sl_settle(sl_ctx *c, sl_doc *d, int32_t verdict) { return c->host->settle(c, d, verdict); }
static inline int32_t sl_reject(sl_ctx *c, sl_doc *d) { return c->host->reject(c, d); }
static inline void sl_set_cursor(sl_ctx *c, sl_doc *d, uint64_t cursor) { c->host->set_cursor(c, d, cursor); }
static inline void sl_wake(sl_ctx *c) { c->host->wake(c); }
static inline uint64_t sl_ticket(sl_ctx *c) { return c->host->ticket(c); }
static inline int32_t sl_emit_for(sl_ctx *c, uint64_t ticket, sl_doc *d) { return c->host->emit_for(c, ticket, d); }
static inline void sl_complete(sl_ctx *c, uint64_t ticket, int32_t verdict) { c->host->complete(c, ticket, verdict); }
static inline uint64_t sl_timer_start(sl_ctx *c, int64_t delay_ns, int64_t repeat_ns, sl_timer_cb cb, void *user) {
  return c->host->timer_start(c, delay_ns, repeat_ns, cb, user);
}
static inline void sl_timer_stop(sl_ctx *c, uint64_t timer) { c->host->timer_stop(c, timer); }
static inline int32_t sl_watch(sl_ctx *c, int32_t fd, uint32_t events, sl_watch_cb cb, void *user) {
  return c->host->watch(c, fd, events, cb, user);
}
static inline const void *sl_extension(sl_ctx *c, const char *id) { return c->host->extension(c, id); }

#ifdef __cplusplus
}
#endif
#endif
