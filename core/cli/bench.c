/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice bench`: runs a pipeline file with profiling and shows where the time goes. */
#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/exec.h"
#include "cli/quality.h"
#include "cli/report.h"
#include "obs/term.h"

typedef struct bench {
  const sl_cli *cli;
  const sl_exec *exec;
  uint64_t run, runs;
  int64_t cpu_before;
  double rate_best, rate_sum;
  cJSON *json;
} bench;

static int64_t process_cpu(void) {
  struct rusage use;
  if (getrusage(RUSAGE_SELF, &use) != 0) return 0;
  return (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * SL_TIME_S +
         (use.ru_utime.tv_usec + use.ru_stime.tv_usec) * SL_TIME_US;
}

static int64_t peak_rss(void) {
  struct rusage use;
  return getrusage(RUSAGE_SELF, &use) == 0 ? (int64_t)use.ru_maxrss * 1024 : 0;
}

static void finish(void *user, const sl_run_stats *stats) {
  bench *b = user;
  double seconds = (double)stats->seconds_ns / 1e9;
  double rate = seconds > 0 ? (double)stats->in / seconds : 0;
  double cpu = (double)(process_cpu() - b->cpu_before) / 1e9;
  if (rate > b->rate_best) b->rate_best = rate;
  b->rate_sum += rate;
  b->run++;
  if (b->json) {
    cJSON *one = sl_report_json(b->exec->pipeline, stats, 1);
    cJSON_AddNumberToObject(one, "cpu_seconds", cpu);
    cJSON_AddItemToArray(b->json, one);
    return;
  }
  if (b->runs > 1)
    printf("run %llu: %.2f s, %.0f documents/s, %.2f MB/s\n", (unsigned long long)b->run, seconds, rate,
           seconds > 0 ? (double)sl_report_bytes(stats) / 1e6 / seconds : 0);
  if (b->run < b->runs) return;
  char size[32];
  if (b->runs > 1) printf("\n");
  sl_report_cpu(stats, stdout, sl_term_colors(stdout));
  printf("\n");
  sl_report_summary(stats, stdout);
  printf("CPU %.2f s of the process, %.1f us/document; %lld lanes; peak memory %s\n", cpu,
         stats->in ? cpu * 1e6 / (double)stats->in : 0, (long long)b->exec->pipeline->lanes,
         sl_str_show_size(peak_rss(), size, sizeof size));
  if (b->runs > 1)
    printf("documents/s over %llu runs: mean %.0f, best %.0f\n", (unsigned long long)b->runs,
           b->rate_sum / (double)b->runs, b->rate_best);
}

/* A state of its own beside the pipeline's: a measurement neither goes on from there nor changes it. [own]; NULL after
 * an error was printed. */
static char *state_for_run(const char *state) {
  sl_buf path = {0};
  sl_err err;
  sl_buf_addf(&path, "%s.bench-XXXXXX", state);
  char *folder = sl_buf_take(&path, NULL);
  if (!folder)
    sl_err_set(&err, SL_ENOMEM, "memory is out");
  else if (!sl_path_mkdirs_for(folder, &err) && mkdtemp(folder))
    return folder;
  else
    sl_err_errno(&err, errno, "cannot make the folder %s for the state of the run", folder);
  (void)sl_cli_fail(&err);
  sl_mem_free(folder);
  return NULL;
}

static void remove_state(char *folder) {
  struct dirent *entry;
  DIR *dir = folder ? opendir(folder) : NULL;
  while (dir && (entry = readdir(dir)))
    if (entry->d_name[0] != '.') (void)unlinkat(dirfd(dir), entry->d_name, 0);
  if (dir) closedir(dir);
  if (folder) (void)rmdir(folder);
  sl_mem_free(folder);
}

static int one_run(const sl_cli *cli, bench *b, sl_registry *registry, uint64_t limit) {
  sl_pipeline *pipeline = NULL;
  char *state = NULL;
  sl_exec x = {.done = finish, .user = b};
  int rc = sl_cli_load(cli, cli->args[0], registry, &pipeline);
  if (rc == SL_EXIT_OK && pipeline->state) {
    pipeline->state = state = state_for_run(pipeline->state);
    if (!state) {
      sl_pipeline_free(pipeline);
      return SL_EXIT_FAILED;
    }
  }
  if (rc == SL_EXIT_OK) {
    b->exec = &x;
    x.pipeline = pipeline;
    rc = sl_exec_options(cli, &x);
    if (rc != SL_EXIT_OK) sl_pipeline_free(pipeline);
  }
  if (rc == SL_EXIT_OK) {
    x.log_level = SL_LOG_WARN;
    x.opts.profile = 1;
    x.opts.limit = limit;
    x.opts.dry_run = sl_cli_has(cli, "dry-run");
    b->cpu_before = process_cpu();
    rc = sl_exec_run(&x);
  }
  b->exec = NULL;
  remove_state(state);
  return rc;
}

static int run_bench(const sl_cli *cli) {
  sl_registry *registry = NULL;
  bench b = {.cli = cli, .runs = 1};
  uint64_t limit = 0;
  if (sl_cli_has(cli, "quality")) return sl_cli_quality(cli);
  if (cli->n_args != 1) return sl_cli_usage(cli, "expected a pipeline file, or --quality");
  int rc = sl_cli_count(cli, "repeat", 1, &b.runs);
  if (rc == SL_EXIT_OK) rc = sl_cli_count(cli, "limit", 1, &limit);
  if (rc == SL_EXIT_OK) rc = sl_cli_registry(cli, &registry);
  if (sl_cli_has(cli, "json")) b.json = cJSON_CreateArray();
  for (uint64_t i = 0; i < b.runs && (rc == SL_EXIT_OK || rc == SL_EXIT_DEAD); i++)
    rc = one_run(cli, &b, registry, limit);
  if (b.json && b.run > 0) {
    int printed = sl_cli_print_json(b.json, 1);
    if (rc == SL_EXIT_OK) rc = printed;
  } else {
    cJSON_Delete(b.json);
  }
  sl_registry_free(registry);
  return rc;
}

static const sl_cli_option options[] = {
    {"repeat", 'r', "N", "Runs N times. Default: 1."},
    {"limit", 'n', "N", "Stops the sources after N documents."},
    {"dry-run", 0, NULL, "Leaves the sinks out."},
    {"set", 's', "STAGE.PARAM=VALUE", "Overrides a parameter, or lanes=N. Repeatable."},
    {"json", 0, NULL, "One JSON array with an object a run."},
    {"quality", 0, NULL, "Measures how good the stages are instead."},
    {"log-format", 0, "FORMAT", NULL},
};

const sl_cli_command sl_cmd_bench = {
    .name = "bench",
    .args = "FILE | --quality [DIR]",
    .summary = "Measures a pipeline file: documents/s, MB/s and CPU per stage.",
    .more = "The sinks really write, as in 'sluice run', unless --dry-run is given; the state\n"
            "is one of its own beside that of the pipeline, and goes with the run. CPU is\n"
            "what the stages' own calls took; reading, parsing and printing JSON outside of\n"
            "them is in the CPU of the process. Exit codes as for 'sluice run'.\n"
            "\n"
            "--quality prints what the language stages get right, on what ships with Sluice\n"
            "and on the treebank and the gold articles of DIR, if they are there.\n",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .min_args = 0,
    .max_args = 1,
    .run = run_bench,
};
