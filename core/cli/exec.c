/* SPDX-License-Identifier: Apache-2.0 */
/* The options of a run, for the commands `run` and `bench`. */
#include "cli/exec.h"

#include <string.h>

#include "obs/log.h"
#include "obs/term.h"

int sl_exec_options(const sl_cli *cli, sl_exec *x) {
  const char *format = sl_cli_value(cli, "log-format", sl_term_is_tty(stderr) ? "text" : "json");
  static const char *const formats[] = {"text", "logfmt", "json"};
  x->quiet = sl_cli_has(cli, "quiet");
  x->progress = sl_cli_has(cli, "progress");
  x->log_level = sl_cli_has(cli, "verbose") ? SL_LOG_DEBUG
                 : x->quiet                 ? SL_LOG_ERROR
                 : x->pipeline              ? x->pipeline->log_level
                                            : SL_LOG_INFO;
  x->log_format = -1;
  for (int i = 0; i < 3; i++)
    if (strcmp(format, formats[i]) == 0) x->log_format = i;
  if (x->log_format < 0) return sl_cli_usage(cli, "--log-format: expected text, logfmt or json, found '%s'", format);
  return SL_EXIT_OK;
}
