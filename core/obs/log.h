/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: one line an event to a stream, in words for a terminal, as logfmt or as JSON for machines.
 *
 * Lines of one stage, level and kind (the message without its digits and quoted parts) are limited to a burst of 20 and
 * 10 a second, all of a stage and level to 200 and 100; what is left out is counted and said. A status line can stand
 * below the log on a terminal: it is taken away before each line and drawn again after it. Safety: one lock inside,
 * never held while calling out. [any]
 */
#ifndef SLUICE_OBS_LOG_H
#define SLUICE_OBS_LOG_H

#include <stdint.h>
#include <stdio.h>

#define SL_LOG_TEXT 0
#define SL_LOG_LOGFMT 1
#define SL_LOG_JSON 2

typedef struct sl_logger sl_logger;

/* level: SL_LOG_ERROR … DEBUG, the most that is shown. out [borrow]. [own]; NULL when memory is out. */
sl_logger *sl_logger_new(FILE *out, int format, int32_t level);
void sl_logger_level(sl_logger *log, int32_t level);
/* stage may be NULL or "". Newlines and control characters in text become spaces. */
void sl_logger_line(sl_logger *log, int32_t level, const char *stage, const char *text);
/* The same about a document, by its record key; NULL or "": about none. */
void sl_logger_doc(sl_logger *log, int32_t level, const char *stage, const char *key, const char *text);
/* What lines for machines carry from now on. name is copied. */
void sl_logger_about(sl_logger *log, const char *pipeline, uint64_t generation);
/* Draws text as the status line; NULL takes it away. Does nothing unless `out` is a terminal. */
void sl_logger_status(sl_logger *log, const char *text);
/* Says what was left out and has not been said, takes the status line away. NULL is fine. */
void sl_logger_free(sl_logger *log);

/* "error", "warn", "info", "debug". */
const char *sl_log_level_name(int32_t level);

#endif
