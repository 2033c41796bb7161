/* SPDX-License-Identifier: Apache-2.0 */
/* A whole terminal to draw on. */
#include "cli/screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/time.h"
#include "obs/term.h"

static struct termios before;
static int open_now;
static volatile sig_atomic_t ended, resized;
static struct sigaction old_int, old_term, old_winch, old_hup;

static void on_end(int signum) {
  (void)signum;
  ended = 1;
}

static void on_size(int signum) {
  (void)signum;
  resized = 1;
}

static void catch (int signum, void (*fn)(int), struct sigaction *old) {
  struct sigaction sa = {.sa_handler = fn};
  (void)sigemptyset(&sa.sa_mask);
  (void)sigaction(signum, &sa, old);
}

static void put(const char *text, size_t len) {
  while (len > 0) {
    ssize_t n = write(STDOUT_FILENO, text, len);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    text += n;
    len -= (size_t)n;
  }
}

int sl_screen_open(void) {
  if (!isatty(STDIN_FILENO) || !sl_term_is_tty(stdout) || tcgetattr(STDIN_FILENO, &before) != 0) return 0;
  struct termios raw = before;
  raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
  raw.c_cc[VMIN] = 0;
  raw.c_cc[VTIME] = 0;
  if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) != 0) return 0;
  catch (SIGINT, on_end, &old_int);
  catch (SIGTERM, on_end, &old_term);
  catch (SIGHUP, on_end, &old_hup);
  catch (SIGWINCH, on_size, &old_winch);
  static const char enter[] = "\033[?1049h\033[?25l";
  put(enter, sizeof enter - 1);
  open_now = 1;
  return 1;
}

void sl_screen_close(void) {
  static const char leave[] = "\033[0m\033[?25h\033[?1049l";
  if (!open_now) return;
  open_now = 0;
  put(leave, sizeof leave - 1);
  (void)tcsetattr(STDIN_FILENO, TCSANOW, &before);
  (void)sigaction(SIGINT, &old_int, NULL);
  (void)sigaction(SIGTERM, &old_term, NULL);
  (void)sigaction(SIGHUP, &old_hup, NULL);
  (void)sigaction(SIGWINCH, &old_winch, NULL);
}

void sl_screen_size(int *ret_columns, int *ret_rows) {
  struct winsize size;
  *ret_columns = 80;
  *ret_rows = 24;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || !size.ws_col || !size.ws_row) return;
  *ret_columns = size.ws_col;
  *ret_rows = size.ws_row;
}

/* Arrow keys and the like send several bytes: they mean nothing here. */
static int read_key(void) {
  char bytes[16];
  ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
  if (n == 0) return 'q'; /* the terminal is gone */
  return n == 1 ? (unsigned char)bytes[0] : 0;
}

int sl_screen_key(int64_t timeout_ns) {
  int64_t until = sl_time_mono() + timeout_ns;
  for (;;) {
    if (ended) return 'q';
    if (resized) {
      resized = 0;
      return 0;
    }
    int64_t left = until - sl_time_mono();
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
    int n = poll(&p, 1, left > 0 ? (int)(left / SL_TIME_MS) + 1 : 0);
    if (n > 0) return read_key();
    if (n == 0) return 0;
    if (errno != EINTR) return 'q';
  }
}

/* Bytes of a line that fit into `columns`; sequences of styles take none. */
static size_t fit(const char *line, size_t len, int columns) {
  char piece[512];
  size_t pos = 0, used = 0;
  while (pos < len) {
    if (line[pos] == '\033') {
      while (pos < len && line[pos] != 'm') pos++;
      pos += pos < len;
      continue;
    }
    size_t n = 0;
    while (pos + n < len && n < sizeof piece - 1 && line[pos + n] != '\033') n++;
    memcpy(piece, line + pos, n);
    piece[n] = 0;
    size_t shown = sl_term_fit(piece, (size_t)columns - used);
    used += sl_term_columns(piece);
    pos += shown;
    if (shown < n) break;
  }
  return pos;
}

void sl_screen_draw(const sl_buf *text) {
  int columns, rows;
  sl_buf out = {0};
  sl_screen_size(&columns, &rows);
  (void)sl_buf_addstr(&out, "\033[H");
  const char *at = text->data ? text->data : "", *end = at + text->len;
  for (int row = 0; row < rows; row++) {
    const char *lf = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
    size_t len = lf ? (size_t)(lf - at) : (size_t)(end - at);
    (void)sl_buf_add(&out, at, fit(at, len, columns));
    (void)sl_buf_addf(&out, "\033[0m\033[K%s", row + 1 < rows ? "\r\n" : "");
    at += len + (lf != NULL);
  }
  if (!out.failed) put(out.data, out.len);
  sl_buf_done(&out);
}
