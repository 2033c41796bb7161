/* SPDX-License-Identifier: Apache-2.0 */
/* A million documents through a fan-out of three with one slow sink: resident memory stays flat, below budget + 64 MiB.
 */
#include <unistd.h>

#include "base/mem.h"
#include "pipes.h"

static struct pipe pipe_;
static long resident_kib(void) {
  long pages = 0, resident = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  if (f && fscanf(f, "%ld %ld", &pages, &resident) != 2) resident = 0;
  if (f) fclose(f);
  return resident * sysconf(_SC_PAGESIZE) / 1024;
}

struct curve {
  long at_quarter, peak;
  uint64_t count;
};

static void look(void *user, const sl_run_stats *s) {
  struct curve *c = user;
  long now = resident_kib();
  if (now > c->peak) c->peak = now;
  if (!c->at_quarter && s->in >= c->count / 4) c->at_quarter = now;
}

int main(void) {
  struct curve c = {.count = 1000000};
  sl_run_opts opts = {.progress = look, .progress_user = &c, .progress_every = 1};
  sl_run_stats stats;
  sl_err err;
  sl_mem_install();
  pipe_init(&pipe_);
  pipe_.p.budget = 32 << 20;
  uint32_t src = pipe_add(&pipe_, &test_gen);
  pipe_.params[src].gen = (struct gen_params){.count = (int64_t)c.count, .size = 200};
  for (int i = 0; i < 3; i++) {
    uint32_t k = pipe_add(&pipe_, &test_sink);
    pipe_.params[k].work.sink = i;
    pipe_.params[k].work.pause = i == 0 ? 2000000 : 0;
    pipe_edge(&pipe_, src, k);
  }
  tally_reset(0);
  if (pipe_run(&pipe_, &opts, &stats, &err)) {
    printf("%s\n", err.message);
    return 1;
  }
  long limit = (32 + 64) * 1024;
  printf("budget 32 MiB; resident: %ld KiB after a quarter, %ld KiB at most, %ld KiB allowed; documents at the sinks: "
         "%llu %llu %llu\n",
         c.at_quarter, c.peak, limit, (unsigned long long)tallies[0].docs, (unsigned long long)tallies[1].docs,
         (unsigned long long)tallies[2].docs);
  for (int i = 0; i < 3; i++)
    if (tallies[i].docs != c.count) return 1;
  /* Flat: what was reached after a quarter of the way has grown by less than 16 MiB since. */
  return c.peak > limit || !c.at_quarter || c.peak > c.at_quarter + 16 * 1024;
}
