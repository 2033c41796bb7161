/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listening sockets that belong to the process and not to a generation of its pipeline: a stage that asks for an
 * address again gets the same socket, with the connections that wait in its backlog. Sockets of systemd (LISTEN_FDS)
 * are taken for the addresses that they are bound to. [any]
 */
#ifndef SLUICE_RUN_LISTENERS_H
#define SLUICE_RUN_LISTENERS_H

#include "base/err.h"

typedef struct sl_listeners sl_listeners;

/* NULL when memory is out. */
sl_listeners *sl_listeners_new(void);
/* Closes all; removes the files of unix sockets that it made. */
void sl_listeners_free(sl_listeners *l);
/* Takes over the sockets that systemd passed to this process, if any, and clears the environment of them. Returns how
 * many. Before any thread. */
int sl_listeners_adopt(sl_listeners *l);
/* For sl_run_opts.listen; user is the table. "HOST:PORT", "[::1]:PORT", "unix:/path"; backlog 0: the system's most. An
 * address that a stage of this generation has already is SL_EINVAL. */
int sl_listeners_open(void *user, const char *address, int backlog, int *ret_fd, char *ret_address, size_t cap,
                      sl_err *err);
/* A generation is about to start; it has started: sockets that nobody asked for in between are closed (those of systemd
 * are kept). */
void sl_listeners_begin(sl_listeners *l);
void sl_listeners_end(sl_listeners *l);
/* Open sockets. */
uint32_t sl_listeners_count(sl_listeners *l);

#endif
