/* SPDX-License-Identifier: Apache-2.0 */
/* Terminals: whether there is one, how wide it is, colours, and how many columns a text takes. [any] */
#ifndef SLUICE_OBS_TERM_H
#define SLUICE_OBS_TERM_H

#include <stddef.h>
#include <stdio.h>

#define SL_STYLE_NONE 0
#define SL_STYLE_BOLD 1
#define SL_STYLE_DIM 2
#define SL_STYLE_RED 3
#define SL_STYLE_YELLOW 4
#define SL_STYLE_GREEN 5
#define SL_STYLE_CYAN 6

/* 1 if the stream is a terminal that can be drawn on (TERM is set and not "dumb"). */
int sl_term_is_tty(FILE *out);
/* 1 if colours are wanted: a terminal, and NO_COLOR is unset or empty. */
int sl_term_colors(FILE *out);
/* Columns of the terminal behind the stream; 80 if there is none. */
int sl_term_width(FILE *out);
/* The sequence that starts a style (SL_STYLE_…), or that ends all of them (NONE); "" when colors is 0. */
const char *sl_term_style(int colors, int style);
/* Columns of UTF-8 text: combining marks take none, East Asian wide characters two. */
size_t sl_term_columns(const char *text);
/* Bytes of the longest prefix that takes at most `columns`. */
size_t sl_term_fit(const char *text, size_t columns);
/* Prints text wrapped at spaces to `width` columns; every line but the first is indented by `indent` columns. Control
 * characters but newline are shown as spaces: text may be foreign. */
void sl_term_wrap(FILE *out, const char *text, size_t indent, size_t width);

#endif
