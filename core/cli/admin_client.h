/* SPDX-License-Identifier: Apache-2.0 */
/* The admin server as the commands reach it: over the socket in a state folder, or over TCP with a token. */
#ifndef SLUICE_CLI_ADMIN_CLIENT_H
#define SLUICE_CLI_ADMIN_CLIENT_H

#include "base/buf.h"
#include "cli/cli.h"

typedef struct sl_admin_where {
  char *socket;      /* or NULL: TCP */
  char *host, *port; /* of TCP */
  char *token;       /* or NULL */
} sl_admin_where;

/* The options that sl_admin_find reads: put them into the command's table. */
#define SL_ADMIN_OPTIONS                                                    \
  {"url", 0, "URL", "http://HOST:PORT instead of a socket."}, {             \
    "token-file", 0, "FILE", "The token for --url. Or $SLUICE_ADMIN_TOKEN." \
  }

/* where: a pipeline file (.yaml, .yml), a state folder or a socket; NULL: --url, else $SLUICE_STATE, else the working
 * directory. Prints the error. Returns an exit code. *ret is [own: sl_admin_where_done]. */
int sl_admin_find(const sl_cli *cli, const char *where, sl_admin_where *ret);
void sl_admin_where_done(sl_admin_where *w);

/* 1 if somebody answers there. */
int sl_admin_answers(const sl_admin_where *w);
/* One request: method "GET" or "POST"; path with its query; body may be NULL. *ret_status; the answer's body is
 * appended to ret. SL_ENOTFOUND, with a hint: nobody answers there. */
int sl_admin_call(const sl_admin_where *w, const char *method, const char *path, const void *body, size_t len,
                  int *ret_status, sl_buf *ret, sl_err *err);
/* GET, and each line of the answer to cb until it returns non-zero or the answer ends; a status other than 200 is an
 * error with the server's reason. stop (may be NULL) is looked at when a signal comes in. */
int sl_admin_lines(const sl_admin_where *w, const char *path, int (*cb)(void *user, const char *line, size_t len),
                   void *user, const volatile int *stop, sl_err *err);
/* Turns the body of an answer that is not 200 into an error. Returns its code. */
int sl_admin_refused(int status, const sl_buf *body, sl_err *err);
/* Appends "name=value" to a path, with ? or &, escaped. */
void sl_admin_query(sl_buf *path, const char *name, const char *value);

#endif
