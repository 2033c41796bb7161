/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random graphs of stages of every kind, with random verdicts, splits, retries and tiny budgets. What must reach each
 * sink is worked out from the stages' plans; the run must end, and each sink must have seen just that.
 */
#include <stdint.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "base/mem.h"
#include "base/rng.h"
#include "doc/cond.h"
#include "pipes.h"

static sl_rng rng;
static uint64_t below(uint64_t n) { return sl_rng_below(&rng, n); }

/* What must come out. */
struct want {
  struct tally sinks[MAX_SINKS];
  uint64_t dead;
};

static struct pipe pipe_;
static sl_cond *odd;

static void into(uint32_t stage, const char *id, int merged, struct want *w);

static void leaves(uint32_t stage, const char *id, int merged, struct want *w) {
  int taken = 0;
  for (uint32_t i = 0; i < pipe_.p.n_edges; i++) {
    const sl_edge *e = &pipe_.edges[i];
    if (e->from != stage || e->is_error || e->is_else) continue;
    if (e->when && !strchr("13579", id[strlen(id) - 1])) continue;
    taken = 1;
    into(e->to, id, merged, w);
  }
  for (uint32_t i = 0; !taken && i < pipe_.p.n_edges; i++)
    if (pipe_.edges[i].from == stage && pipe_.edges[i].is_else) into(pipe_.edges[i].to, id, merged, w);
}

static void gives_up(uint32_t stage, const char *id, struct want *w) {
  const sl_on_error *o = &pipe_.stages[stage].on_error;
  if (o->then == SL_THEN_DEAD_LETTER) w->dead++;
  if (o->then == SL_THEN_ROUTE) into((uint32_t)o->route, id, 0, w);
}

static void into(uint32_t stage, const char *id, int merged, struct want *w) {
  const sl_stage_type *t = pipe_.stages[stage].type;
  const struct work_params *p = &pipe_.params[stage].work;
  int parts, retries, what = WORK_OK;
  if (t == &test_hold) {
    leaves(stage, id, 1, w);
    return;
  }
  if (!merged && t != &test_text_sink) {
    what = work_plan(p, id, &parts, &retries);
    if (retries > pipe_.stages[stage].on_error.retry) {
      gives_up(stage, id, w);
      return;
    }
  }
  if (what == WORK_REJECT) {
    gives_up(stage, id, w);
  } else if (t->kind == SL_SINK && what != WORK_DROP) {
    w->sinks[p->sink].docs++;
    w->sinks[p->sink].sum += id_hash(id);
  } else if (what == WORK_SPLIT) {
    for (int i = 0; i < parts; i++) {
      char child[96];
      snprintf(child, sizeof(child), "%s/%d", id, i);
      leaves(stage, child, merged, w);
    }
  } else if (what == WORK_OK) {
    leaves(stage, id, merged, w);
  }
}

/* A stage below each holding one sees merged documents, on which no chance and no condition may depend. */
static int below_hold(uint32_t stage) {
  for (uint32_t i = 0; i < pipe_.p.n_edges; i++)
    if (pipe_.edges[i].to == stage &&
        (pipe_.stages[pipe_.edges[i].from].type == &test_hold || below_hold(pipe_.edges[i].from)))
      return 1;
  return 0;
}

static void add_chances(uint32_t s) {
  struct work_params *p = &pipe_.params[s].work;
  p->seed = (int64_t)below(1000);
  if (below(2)) p->drop = (int64_t)below(200);
  if (below(2)) p->reject = (int64_t)below(100);
  if (below(3) == 0 && pipe_.stages[s].type->kind == SL_TRANSFORM) p->split = (int64_t)below(300);
  if (below(2)) p->retry = (int64_t)below(150);
  p->retries = 1 + (int64_t)below(4);
  p->delay = (int64_t)below(300000);
  pipe_.stages[s].on_error.retry = (int64_t)below(4);
  pipe_.stages[s].on_error.backoff = (int64_t)below(100000);
  pipe_.stages[s].on_error.then = below(4) ? SL_THEN_DEAD_LETTER : SL_THEN_DROP;
}

static void add_reader(uint32_t from, uint32_t to) {
  if (from && !below_hold(from) && pipe_.stages[from].type != &test_hold && below(5) == 0) {
    pipe_edge(&pipe_, from, to)->when = odd;
    return;
  }
  pipe_edge(&pipe_, from, to);
}

static void random_graph(void) {
  static const sl_stage_type *const kinds[] = {&test_work,     &test_work,  &test_serial,
                                               &test_blocking, &test_async, &test_hold};
  pipe_init(&pipe_);
  pipe_.p.lanes = 1 + (int64_t)below(3);
  pipe_.p.budget = below(2) ? 1 + (int64_t)below(200000) : 64 << 20;
  uint32_t src = pipe_add(&pipe_, &test_gen);
  pipe_.params[src].gen = (struct gen_params){.count = (int64_t)below(400),
                                              .size = (int64_t)below(2) * (int64_t)below(3000),
                                              .turn = (int64_t)below(20),
                                              .waits = below(4) == 0,
                                              .raw = (int32_t)below(2)};
  if (pipe_.params[src].gen.raw) pipe_.params[src].gen.size = 0;
  uint32_t inner = (uint32_t)below(6);
  for (uint32_t i = 0; i < inner; i++) {
    const sl_stage_type *t = kinds[below(6)];
    uint32_t s = pipe_add(&pipe_, t);
    add_reader((uint32_t)below(s), s);
    pipe_.stages[s].threads = 1 + (int64_t)below(3);
    pipe_.stages[s].in_flight = 1 + (int64_t)below(20);
    pipe_.stages[s].order = (int32_t)below(3);
    if (t == &test_hold)
      pipe_.params[s].hold =
          (struct hold_params){.window = 1 + (int64_t)below(50), .age = below(2) ? 1 + (int64_t)below(2000000) : 0};
    else
      add_chances(s);
  }
  /* Every inner stage without a reader gets a sink; some get two. */
  uint32_t end = pipe_.p.n_stages, sinks = 0;
  for (uint32_t s = 0; s < end && sinks < MAX_SINKS; s++) {
    int read = 0;
    for (uint32_t i = 0; i < pipe_.p.n_edges; i++) read |= pipe_.edges[i].from == s && !pipe_.edges[i].when;
    if (read && below(3)) continue;
    uint32_t k = pipe_add(&pipe_, below(3) ? &test_sink : &test_text_sink);
    pipe_edge(&pipe_, s, k);
    if (pipe_.stages[k].type == &test_sink && !below_hold(k)) add_chances(k);
    pipe_.params[k].work.split = 0;
    pipe_.params[k].work.sink = sinks++;
    pipe_.stages[k].threads = 1 + (int64_t)below(2);
    pipe_.stages[k].order = (int32_t)below(3);
    pipe_.stages[k].batch.documents = 1 + (int64_t)below(100);
    pipe_.stages[k].batch.age = below(4) ? 0 : (int64_t)below(1000000);
  }
}

static int is_tree_ordered(uint32_t sink) {
  return pipe_.stages[sink].threads == 1 && pipe_.stages[sink].order == SL_ORDER_STRICT;
}

static int check(uint64_t seed, const sl_run_stats *stats, const struct want *w) {
  int bad = 0;
  for (uint32_t s = 0; s < pipe_.p.n_stages; s++) {
    if (pipe_.stages[s].type->kind != SL_SINK) continue;
    const struct tally *got = &tallies[pipe_.params[s].work.sink], *want = &w->sinks[pipe_.params[s].work.sink];
    if (got->docs != want->docs || got->sum != want->sum) {
      printf("seed %llu: sink s%u saw %llu documents (sum %llx), expected %llu (sum %llx)\n", (unsigned long long)seed,
             s, (unsigned long long)got->docs, (unsigned long long)got->sum, (unsigned long long)want->docs,
             (unsigned long long)want->sum);
      bad = 1;
    }
    int merged = below_hold(s);
    if (!merged && is_tree_ordered(s) && got->out_of_order && !pipe_.params[s].work.retry) {
      printf("seed %llu: sink s%u saw %llu documents out of order\n", (unsigned long long)seed, s,
             (unsigned long long)got->out_of_order);
      bad = 1;
    }
  }
  uint64_t done = stats->stored + stats->dropped + stats->unrouted + stats->failed + stats->unfinished;
  if (stats->dead != w->dead || stats->in != done || stats->unfinished) {
    printf("seed %llu: %llu dead letters, expected %llu; %llu documents in, %llu accounted for, %llu unfinished\n",
           (unsigned long long)seed, (unsigned long long)stats->dead, (unsigned long long)w->dead,
           (unsigned long long)stats->in, (unsigned long long)done, (unsigned long long)stats->unfinished);
    bad = 1;
  }
  return bad;
}

static int one(uint64_t seed) {
  sl_rng_init(&rng, seed);
  random_graph();
  struct want want = {.dead = 0};
  char id[32];
  for (int64_t i = 0; i < pipe_.params[0].gen.count; i++) {
    snprintf(id, sizeof(id), "%lld", (long long)i);
    leaves(0, id, 0, &want);
  }
  tally_reset(0);
  sl_run_opts opts = {.seed = seed + 1};
  sl_run_stats stats;
  sl_err err;
  alarm(60); /* a run that never ends is the failure looked for: the signal kills the test, and the last line tells the
                seed */
  int rc = pipe_run(&pipe_, &opts, &stats, &err);
  alarm(0);
  if (rc) printf("seed %llu: %s\n", (unsigned long long)seed, err.message);
  return rc ? 1 : check(seed, &stats, &want);
}

int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1, count = argc > 2 ? strtoull(argv[2], NULL, 10) : 100;
  sl_err err;
  sl_mem_install();
  setvbuf(stdout, NULL, _IOLBF, 0);
  cJSON *json = cJSON_Parse("{\"path\":\"/ids/0\",\"matches\":\"[13579]$\"}");
  if (sl_cond_new(json, &odd, &err)) return 2;
  cJSON_Delete(json);
  int64_t before = sl_mem_live();
  int bad = 0;
  for (uint64_t i = 0; i < count; i++) {
    if (argc > 3) printf("seed %llu\n", (unsigned long long)(seed + i));
    bad += one(seed + i);
  }
  tally_reset(0);
  if (sl_mem_live() != before) {
    printf("%lld bytes of document memory were not given back\n", (long long)(sl_mem_live() - before));
    bad++;
  }
  printf("%llu graphs, %d failures\n", (unsigned long long)count, bad);
  sl_cond_free(odd);
  return bad ? 1 : 0;
}
