/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole terminal to draw on: the alternate screen, keys one by one, and the way back, also after a signal.
 *
 * One at a time; the terminal is standard output, the keys come from standard input.
 */
#ifndef SLUICE_CLI_SCREEN_H
#define SLUICE_CLI_SCREEN_H

#include <stdint.h>

struct sl_buf;

/* 0 if standard input and output are no terminals: nothing was changed. */
int sl_screen_open(void);
void sl_screen_close(void);
void sl_screen_size(int *ret_columns, int *ret_rows);
/* Waits for a key, a new size or the time. The key, 0 for the rest, or 'q' when SIGINT or SIGTERM came in. */
int sl_screen_key(int64_t timeout_ns);
/* Shows text, cut to the screen; lines end with a newline; styles of obs/term.h may stand in it. */
void sl_screen_draw(const struct sl_buf *text);

#endif
