/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets to listen on and to connect to: files that only their owner may use, and TCP addresses as people write them.
 * [any] */
#ifndef SLUICE_OBS_LISTEN_H
#define SLUICE_OBS_LISTEN_H

#include "base/err.h"

/* A bound socket file, mode 0600, non-blocking, not listening yet. A socket there on which nobody answers is replaced;
 * one that answers, or anything else of that name, is an error. *ret_fd [own]. */
int sl_listen_unix(const char *path, int *ret_fd, sl_err *err);
/* Removes the socket file, if it is one. */
void sl_listen_unlink(const char *path);
/* "HOST:PORT", "[::1]:PORT", ":PORT" or "PORT"; without a host the loopback; bound, non-blocking. buf gets the address
 * with the port that was given. *ret_fd [own]. */
int sl_listen_tcp(const char *address, int *ret_fd, char *buf, size_t cap, sl_err *err);

/* Blocking, with time limits on reading and writing. *ret_fd [own]. */
int sl_connect_unix(const char *path, int *ret_fd, sl_err *err);
int sl_connect_tcp(const char *host, const char *port, int *ret_fd, sl_err *err);

#endif
