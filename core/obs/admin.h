/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The admin server: what runs, how it does, and orders to it, by HTTP on a socket in the state folder (mode 0600), and
 * on TCP if asked for, with a token.
 *
 * It has a thread and a loop of its own and lives as long as the process: neither a busy pipeline nor a reload stops
 * it. It reads what the meter gives and passes orders on by callbacks, which run on its thread and return at once.
 * Routes: docs/operations.md.
 */
#ifndef SLUICE_OBS_ADMIN_H
#define SLUICE_OBS_ADMIN_H

#include "obs/meter.h"

struct sl_tap_hub; /* run/tap.h */

typedef struct sl_admin sl_admin;

typedef struct sl_admin_opts {
  const char *folder;      /* the socket is `admin.sock` in it; NULL: none */
  const char *listen;      /* "HOST:PORT", "[::1]:PORT", ":PORT" or "PORT" (loopback; 0: any free one); NULL: no TCP */
  const char *token;       /* must be there for TCP: "Authorization: Bearer TOKEN" */
  sl_meter *meter;         /* [borrow] */
  struct sl_tap_hub *taps; /* [borrow]; or NULL */
  /* Asks for a reload; the answer comes with sl_admin_reloaded, from any thread, also before this returns. NULL: not
   * possible. */
  void (*reload)(void *user, uint64_t ticket);
  /* A new level for the log, SL_LOG_ERROR … DEBUG. NULL: not possible. */
  void (*log_level)(void *user, int32_t level);
  void *user;
} sl_admin_opts;

#define SL_ADMIN_SOCKET "admin.sock"

/* Strings are copied. A socket that nobody answers on is replaced. *ret [own]. */
int sl_admin_start(const sl_admin_opts *opts, sl_admin **ret, sl_err *err);
/* Where TCP is listened on, "127.0.0.1:9600"; NULL if it is not. */
const char *sl_admin_address(const sl_admin *a);
/* The end of a reload that was asked for: rc 0 and a text for people, or an error and its text (several lines are
 * fine). [any] */
void sl_admin_reloaded(sl_admin *a, uint64_t ticket, int rc, const char *text);
/* Ends connections, also those that wait for a reload; removes the socket; joins. NULL is fine. */
void sl_admin_stop(sl_admin *a);

#endif
