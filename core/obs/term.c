/* SPDX-License-Identifier: Apache-2.0 */
/* Terminals: whether there is one, how wide it is, colours, and how many columns a text takes. */
#include "obs/term.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/utf8.h"

int sl_term_is_tty(FILE *out) {
  const char *term = getenv("TERM");
  return isatty(fileno(out)) && term && *term && strcmp(term, "dumb") != 0;
}

int sl_term_colors(FILE *out) {
  const char *no = getenv("NO_COLOR");
  return sl_term_is_tty(out) && !(no && *no);
}

int sl_term_width(FILE *out) {
  struct winsize size;
  if (isatty(fileno(out)) && ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col >= 20) return size.ws_col;
  return 80;
}

const char *sl_term_style(int colors, int style) {
  static const char *const sequences[] = {
      [SL_STYLE_NONE] = "\033[0m",   [SL_STYLE_BOLD] = "\033[1m",    [SL_STYLE_DIM] = "\033[2m",
      [SL_STYLE_RED] = "\033[1;31m", [SL_STYLE_YELLOW] = "\033[33m", [SL_STYLE_GREEN] = "\033[32m",
      [SL_STYLE_CYAN] = "\033[36m",
  };
  if (!colors || style < 0 || style > SL_STYLE_CYAN) return "";
  return sequences[style];
}

/* Ranges of Unicode 15: the marks that Latin and Vietnamese text uses, and the blocks that are wide throughout. */
static size_t char_columns(uint32_t cp) {
  if ((cp >= 0x300 && cp <= 0x36F) || (cp >= 0x200B && cp <= 0x200F) || cp == 0xFEFF || cp < 0x20) return 0;
  if ((cp >= 0x1100 && cp <= 0x115F) || (cp >= 0x2E80 && cp <= 0xA4CF) || (cp >= 0xAC00 && cp <= 0xD7A3) ||
      (cp >= 0xF900 && cp <= 0xFAFF) || (cp >= 0xFF00 && cp <= 0xFF60) || (cp >= 0x1F300 && cp <= 0x1FAFF))
    return 2;
  return 1;
}

size_t sl_term_fit(const char *text, size_t columns) {
  size_t len = strlen(text), pos = 0, used = 0;
  while (pos < len) {
    uint32_t cp = 0;
    size_t step = sl_utf8_decode(text + pos, len - pos, &cp, NULL);
    used += char_columns(cp);
    if (used > columns) break;
    pos += step;
  }
  return pos;
}

size_t sl_term_columns(const char *text) {
  size_t len = strlen(text), pos = 0, used = 0;
  while (pos < len) {
    uint32_t cp = 0;
    pos += sl_utf8_decode(text + pos, len - pos, &cp, NULL);
    used += char_columns(cp);
  }
  return used;
}

static size_t word_columns(const char *word, size_t len) {
  size_t pos = 0, used = 0;
  while (pos < len) {
    uint32_t cp = 0;
    pos += sl_utf8_decode(word + pos, len - pos, &cp, NULL);
    used += char_columns(cp);
  }
  return used;
}

static void print_word(FILE *out, const char *word, size_t len) {
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)word[i];
    fputc(c < 0x20 || c == 0x7F ? ' ' : c, out);
  }
}

void sl_term_wrap(FILE *out, const char *text, size_t indent, size_t width) {
  size_t used = indent;
  int first = 1;
  while (*text) {
    if (*text == '\n') {
      fprintf(out, "\n%*s", (int)indent, "");
      used = indent;
      first = 1;
      text++;
      continue;
    }
    if (*text == ' ') {
      text++;
      continue;
    }
    size_t len = strcspn(text, " \n");
    size_t columns = word_columns(text, len);
    if (!first && used + 1 + columns > width) {
      fprintf(out, "\n%*s", (int)indent, "");
      used = indent;
    } else if (!first) {
      fputc(' ', out);
      used++;
    }
    print_word(out, text, len);
    used += columns;
    first = 0;
    text += len;
  }
  fputc('\n', out);
}
