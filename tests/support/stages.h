/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stages for tests: one of each kind, whose behaviour on a document is a pure function of the stage's seed and the
 * document's id, so that a test can work out what must come out.
 *
 * A document's body is {"ids": ["7/0/2"]}: its number in the source and its path of splits; a document that a holding
 * stage made has the ids of all it replaces.
 */
#ifndef SLUICE_TESTS_STAGES_H
#define SLUICE_TESTS_STAGES_H

#include <stdatomic.h>

#include <sluice/plugin.h>

/* Source `test_gen`. */
struct gen_params {
  int64_t count, size; /* documents, bytes of padding in each */
  int64_t turn;        /* documents a call of produce, 0: as the credit allows */
  int32_t waits;       /* answers WAIT after each turn and wakes itself by a timer */
  int32_t raw;         /* emits JSON text */
  int64_t bad_every;   /* every n-th text is not JSON; 0: none */
  int64_t fail_start;  /* the n-th start fails; 0: none */
};
/* Starts and stops of all such sources. */
extern int gen_starts, gen_stops;

/* Transforms `test_work`, `test_serial`, `test_blocking`, `test_async`; sinks `test_sink`, `test_text_sink`. Chances in
 * per mille; what is left is OK. */
struct work_params {
  int64_t seed;
  int64_t drop, reject, split, retry; /* chances */
  int64_t retries;                    /* a document that retries does so 1..retries times */
  int64_t delay;                      /* async: at most so many nanoseconds until completion */
  int64_t fail_at;                    /* FATAL at the n-th document that comes in; 0: never */
  int64_t sink;                       /* sinks: index of the tally */
  int64_t pause;                      /* sinks: nanoseconds to sleep for each batch */
  int64_t crash;                      /* chance that the document crashes the process */
  int64_t crash_signal;               /* by this signal; 0: SIGSEGV */
};

/* So many writes of test_sink fail as a whole, from now on. */
extern atomic_int sink_broken;

/* Transform `test_hold`: holds `window` documents, then replaces them by one. */
struct hold_params {
  int64_t window;
  int64_t age;    /* nanoseconds after which a timer releases what is held; 0: none */
  int32_t settle; /* releases the documents themselves, every third dropped, instead of one for all */
};

#define WORK_OK 0
#define WORK_DROP 1
#define WORK_REJECT 2
#define WORK_SPLIT 3

/* What such a stage does with a document in the end; *ret_parts for SPLIT, *ret_retries before it. */
int work_plan(const struct work_params *p, const char *id, int *ret_parts, int *ret_retries);

/* What the sinks saw. */
#define MAX_SINKS 8
struct tally {
  uint64_t docs, sum; /* ids seen, sum of their hashes: equal multisets have equal sums */
  uint64_t out_of_order;
  long long last; /* number of the last document from the source */
};
extern struct tally tallies[MAX_SINKS];
/* Also keep each id's count; for small runs. */
void tally_reset(int keep_ids);
uint64_t id_hash(const char *id);
/* Prints ids of a sink, sorted, with counts: for messages. */
void tally_dump(int sink, int max);

extern const sl_stage_type test_gen, test_work, test_serial, test_blocking, test_async, test_hold, test_sink,
    test_text_sink, test_stream;

#endif
