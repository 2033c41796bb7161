/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The harness: one stage under test, without a pipeline. For authors of plugins; link libsluice-harness.a.
 *
 *   sl_harness *h = sl_harness_new(find_type(), "{ min: 3 }");
 *   assert_int_equal(sl_harness_start(h), 0);
 *   assert_int_equal(sl_harness_push_json(h, "{\"text\": \"một hai ba\"}"), SL_V_OK);
 *   sl_doc *out = sl_harness_pull(h);
 *   assert_string_equal(sl_harness_string(h, out, "/words"), "3");
 *   sl_harness_free(h);
 *
 * Rules. The harness owns every document: what it returns stays valid until sl_harness_clear or sl_harness_free, so a
 * test frees nothing. Everything runs on the calling thread; the clock stands still until it is turned
 * (sl_harness_advance). What a stage emits is kept until it answers OK, as in the engine. Whatever breaks the plugin
 * contract (a field written that was not declared, a verdict that the kind does not have, a document emitted twice or
 * never released) is a *problem*: the call answers SL_V_FATAL with SL_EPLUGIN, the text goes to standard error, and
 * sl_harness_free aborts the program unless the test has taken it with sl_harness_take_problem. The functions of the
 * harness itself abort when they are misused (a pointer that is not there where one is asked for is NULL, not misuse).
 *
 * sl_harness_ctx gives the context for the inline functions of plugin.h, for whatever is not offered here.
 */
#ifndef SLUICE_HARNESS_H
#define SLUICE_HARNESS_H

#include <sluice/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sl_harness sl_harness;

/* The reason of a verdict or an error. Strings are "" where nothing was given, never NULL. */
typedef struct sl_harness_error {
  int32_t code; /* SL_E…; 0: no reason was given */
  const char *message, *detail, *hint;
} sl_harness_error;

/* ---- making one ----------------------------------------------------------------------------------------------------
 */

/* params: the stage's `with:` as YAML or JSON text ("{ sentences: 3 }"), NULL or "" for the defaults. Nothing of the
 * stage is called yet; an error in the parameters is what sl_harness_create returns. Relative paths resolve against the
 * working directory. [own]; never NULL. */
sl_harness *sl_harness_new(const sl_stage_type *type, const char *params);
/* The same from a built plugin; type_name NULL: its first type. The file is opened once in a process; a file that is
 * refused is what sl_harness_create returns. */
sl_harness *sl_harness_open(const char *so_path, const char *type_name, const char *params);
/* Stops, closes and destroys in order what was opened. NULL is fine. Aborts if there is a problem that was not taken.
 */
void sl_harness_free(sl_harness *h);

/* Parameters and create. 0, or the error with its reason in sl_harness_last. */
int32_t sl_harness_create(sl_harness *h);
/* All that has not been done yet of create, lane_open and start. 0 or the error. May follow sl_harness_stop. */
int32_t sl_harness_start(sl_harness *h);
/* Gives up pending tickets and timers, then `stop`; documents that are still held or pending are discarded. */
void sl_harness_stop(sl_harness *h);

sl_ctx *sl_harness_ctx(sl_harness *h);
/* The parsed parameter struct, for tests of the parameter table; NULL before sl_harness_create. */
const void *sl_harness_params(sl_harness *h);
void *sl_harness_stage(sl_harness *h); /* what `create` made */
void *sl_harness_lane(sl_harness *h);  /* what `lane_open` made */

/* ---- documents in ---------------------------------------------------------------------------------------------------
 */

/* body: JSON text of an object; NULL is {}. Aborts if the text is not valid. */
sl_doc *sl_harness_doc(sl_harness *h, const char *body);
/* A new document that shares body, payload, origin and edit map with one of this or another harness: to chain stages.
 */
sl_doc *sl_harness_copy(sl_harness *h, sl_doc *doc);
/* data is copied. media_type NULL: application/octet-stream. Returns doc. */
sl_doc *sl_harness_set_payload(sl_harness *h, sl_doc *doc, const void *data, size_t len, const char *media_type);
/* The same from a file; aborts if it cannot be read. */
sl_doc *sl_harness_set_payload_file(sl_harness *h, sl_doc *doc, const char *path, const char *media_type);
/* locator and revision may be NULL. Returns doc. */
sl_doc *sl_harness_set_origin(sl_harness *h, sl_doc *doc, const char *uri, const char *locator, const char *revision);
/* Default 1. Returns doc. */
sl_doc *sl_harness_set_attempt(sl_harness *h, sl_doc *doc, uint32_t attempt);

/* ---- calls ------------------------------------------------------------------------------------------------------- */

/* Calls process (transform), or write with a batch of one (sink). doc [take]. Returns what the stage answered; see also
 * sl_harness_verdict. */
int32_t sl_harness_push(sl_harness *h, sl_doc *doc);
/* A document with that body. */
int32_t sl_harness_push_json(sl_harness *h, const char *body);
/* A document with a payload and the origin uri (NULL: none). */
int32_t sl_harness_push_payload(sl_harness *h, const void *data, size_t len, const char *media_type, const char *uri);
/* Calls write. docs [take] each; verdicts[0..n) may be NULL. Returns what write returned. */
int32_t sl_harness_write(sl_harness *h, sl_doc *const *docs, uint32_t n, int32_t *verdicts);
/* Calls produce once. Returns SL_P_… or SL_V_FATAL. */
int32_t sl_harness_produce(sl_harness *h, uint64_t credit);
/* Calls produce until it answers other than SL_P_MORE, at most max times. Returns the last answer. */
int32_t sl_harness_produce_all(sl_harness *h, uint32_t max);
/* why: SL_FLUSH_…. Returns 0 or the error. */
int32_t sl_harness_flush(sl_harness *h, uint32_t why);

/* ---- what came of it --------------------------------------------------------------------------------------------- */

/* The next document that went on, in order; NULL when there is none. With OK and nothing emitted it is the input
 * itself. */
sl_doc *sl_harness_pull(sl_harness *h);
/* Documents that went on and were not pulled yet. */
uint32_t sl_harness_count(sl_harness *h);
/* The next document that a source rejected, or that went on with a body that is not valid JSON (sl_set_text); its
 * reason is sl_harness_error_of. */
sl_doc *sl_harness_pull_rejected(sl_harness *h);
/* What became of an input document: its verdict (HELD and PENDING as long as it is), OK also after emit_many took it as
 * a parent. -1 if it was not given to the stage. */
int32_t sl_harness_verdict(sl_harness *h, sl_doc *doc);
/* Documents that the stage holds or that are pending. */
uint32_t sl_harness_held(sl_harness *h);
uint32_t sl_harness_pending(sl_harness *h);
/* The i-th parent of an emitted document: what doc_new was given, or emit_many; NULL beyond the last. */
sl_doc *sl_harness_parent(sl_harness *h, sl_doc *doc, uint32_t i);
/* 1 if the source was woken (sl_wake) since the last call. */
int32_t sl_harness_woken(sl_harness *h);

/* The reason given in the last call, or by the harness itself. [borrow until the next call] */
sl_harness_error sl_harness_last(sl_harness *h);
/* The reason given for one document (of a batch, held, rejected). [borrow until the next call] */
sl_harness_error sl_harness_error_of(sl_harness *h, sl_doc *doc);
/* The first problem as text, and forgets it; NULL if there is none. [borrow until sl_harness_free] */
const char *sl_harness_take_problem(sl_harness *h);

/* ---- looking at a document --------------------------------------------------------------------------------------- */

/* The body. [borrow until clear, or until the document is edited] */
const struct cJSON *sl_harness_body(sl_harness *h, sl_doc *doc);
/* The value at a JSON pointer; NULL if it is not there. */
const struct cJSON *sl_harness_at(sl_harness *h, sl_doc *doc, const char *pointer);
/* The same as a string: strings as they are, everything else printed as JSON; NULL if it is not there. [borrow until
 * sl_harness_clear] */
const char *sl_harness_string(sl_harness *h, sl_doc *doc, const char *pointer);
/* A number, or `otherwise` if there is none at the pointer. */
double sl_harness_number(sl_harness *h, sl_doc *doc, const char *pointer, double otherwise);
/* The whole body printed, one line. [borrow until sl_harness_clear] */
const char *sl_harness_text(sl_harness *h, sl_doc *doc);
/* 1 if the body equals this JSON text as a value; otherwise prints both to standard error. */
int32_t sl_harness_equals(sl_harness *h, sl_doc *doc, const char *body);
/* data NULL and *ret_media_type NULL if there is none. ret_media_type may be NULL. */
sl_bytes sl_harness_payload(sl_harness *h, sl_doc *doc, const char **ret_media_type);
sl_origin sl_harness_origin(sl_harness *h, sl_doc *doc);
const char *sl_harness_key(sl_harness *h, sl_doc *doc);
/* Payload bytes that /text [start, end) came from, by the edit map. 0, or SL_ENOTFOUND. */
int32_t sl_harness_source_of(sl_harness *h, sl_doc *doc, uint64_t start, uint64_t end, uint64_t *ret_start,
                             uint64_t *ret_end);

/* ---- time, chance, waiting --------------------------------------------------------------------------------------- */

/* Turns both clocks and runs the timers that come due, in order. Returns how many ran. The wall clock starts at
 * 2025-08-21T00:00:00Z, the monotonic at 1 s. */
uint32_t sl_harness_advance(sl_harness *h, int64_t ns);
/* Sets the wall clock alone. */
void sl_harness_set_now(sl_harness *h, int64_t wall_ns);
/* Seeds the host's random; default 1. */
void sl_harness_seed(sl_harness *h, uint64_t seed);
/* Waits at most timeout_ms of real time for a watched descriptor and calls back. Returns how many callbacks ran. */
uint32_t sl_harness_pump(sl_harness *h, int32_t timeout_ms);
/* Waits until doc is no longer pending or timeout_ms of real time have passed: pumps, and turns the clock by the real
 * time that went by; when no descriptor is watched, to the next timer at once. Returns sl_harness_verdict. */
int32_t sl_harness_wait(sl_harness *h, sl_doc *doc, int32_t timeout_ms);
/* Calls the stage's cancel for a pending document: its late completion is ignored, its verdict becomes DROP. */
void sl_harness_cancel(sl_harness *h, sl_doc *doc);
/* Timers and watches that are active now. */
uint32_t sl_harness_timers(sl_harness *h);
uint32_t sl_harness_watches(sl_harness *h);

/* ---- delivery, messages, memory ---------------------------------------------------------------------------------- */

uint64_t sl_harness_cursor(sl_harness *h, sl_doc *doc);
/* Calls the source's `acknowledged` with the cursor of an emitted document. */
void sl_harness_acknowledge(sl_harness *h, sl_doc *doc);
/* Value of a counter or gauge; 0 if it was never set. */
double sl_harness_metric(sl_harness *h, const char *name);
/* What was logged, a line each: "warn: text". [borrow until the next call] */
const char *sl_harness_log(sl_harness *h);
/* The n-th allocation from now on (sl_alloc, cJSON, the core's own) fails, once; 0: none. */
void sl_harness_fail_alloc(sl_harness *h, uint64_t nth);
/* 1 if an allocation asked for by sl_harness_fail_alloc has failed; 0 if it is still to come, which it also stops. */
int32_t sl_harness_alloc_failed(sl_harness *h);
/* Forgets all documents but those held and pending. */
void sl_harness_clear(sl_harness *h);

/* ---- state that outlives a harness ------------------------------------------------------------------------------ */

/* What the core would keep on disk. With one, the host has "sluice.resume/1": documents whose cursor was given already
 * are dropped as the core drops them (sl_harness_dropped counts), a cursor that is 0 or does not grow is a problem. A
 * process of the core is the time from sl_harness_use_state to sl_harness_free or sl_harness_crash. A transform has
 * "sluice.kv/1": what it writes for a document is durable once that is dropped, rejected or acknowledged. */
typedef struct sl_harness_state sl_harness_state;
sl_harness_state *sl_harness_state_new(void); /* [own] */
void sl_harness_state_free(sl_harness_state *s);
/* Before sl_harness_start. The state must live longer than the harness. */
void sl_harness_use_state(sl_harness *h, sl_harness_state *s);
/* As if the process were killed now: of the notes only those survive that a document emitted later and acknowledged
 * has made durable, and documents that were not acknowledged are forgotten. Without it the end of a harness keeps all
 * notes. The harness is still to be freed; its stage is stopped without the state noticing. */
void sl_harness_crash(sl_harness *h);
/* Acknowledges everything that was emitted or rejected and not yet acknowledged, in order. */
void sl_harness_acknowledge_all(sl_harness *h);
uint32_t sl_harness_dropped(sl_harness *h);
/* A note of the source; NULL if it is not there. [borrow until the note changes] */
const char *sl_harness_note(sl_harness *h, const char *key);
uint32_t sl_harness_notes(sl_harness *h); /* how many there are */

/* ---- pushed documents, listening -------------------------------------------------------------------------------- */

/* "sluice.spool/1" and "sluice.listen/1" are always there. What is put becomes durable, and goes on to sl_harness_pull,
 * with the next sl_harness_pump or sl_harness_advance. */
#define SL_HARNESS_SPOOL_HOLD 1 /* until the mode changes nothing becomes durable */
/* rc 0: as usual; SL_HARNESS_SPOOL_HOLD; or an error that put answers from now on (SL_ELIMIT, SL_ESTATE). */
void sl_harness_spool_mode(sl_harness *h, int32_t rc);
/* The commit of what waits fails with this error. */
void sl_harness_spool_fail(sl_harness *h, int32_t rc);
void sl_harness_spool_durable(sl_harness *h, int32_t durable); /* default 1 */
uint32_t sl_harness_spooled(sl_harness *h);                    /* documents that wait for their commit */

/* ---- "sluice.ledger/1": sinks that are killed ------------------------------------------------------------------- */

/* What a sink's state knows, apart from any harness: it outlives them, and lies in memory that a forked child shares,
 * so that a child may write and die, and its parent starts the stage again. A record that the stage saves counts from
 * sl_harness_ledger_commit on; an intent at once. */
typedef struct sl_harness_ledger sl_harness_ledger;
sl_harness_ledger *sl_harness_ledger_new(void); /* [own]; never NULL */
void sl_harness_ledger_free(sl_harness_ledger *l);
/* Gives the stage the extension; before sl_harness_start. l [borrow until sl_harness_free]. */
void sl_harness_use_ledger(sl_harness *h, sl_harness_ledger *l);
void sl_harness_ledger_commit(sl_harness_ledger *l);
/* What was saved and not committed is lost. With SL_HARNESS_MACHINE so is every intent since the last commit, with
 * SL_HARNESS_POWER the last commit; with both recall answers until the next intent that the machine went down. */
#define SL_HARNESS_PROCESS 0
#define SL_HARNESS_MACHINE 1
#define SL_HARNESS_POWER 2
void sl_harness_ledger_crash(sl_harness_ledger *l, int32_t machine);
/* Its functions answer code from now on; 0: they work. */
void sl_harness_ledger_fail(sl_harness_ledger *l, int32_t code);
/* The committed record. [borrow until the next commit] */
sl_bytes sl_harness_ledger_committed(const sl_harness_ledger *l);
/* How many saves came with a descriptor to be made durable. */
uint64_t sl_harness_ledger_syncs(const sl_harness_ledger *l);

#ifdef __cplusplus
}
#endif
#endif
