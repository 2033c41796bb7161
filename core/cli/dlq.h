/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of `sluice dlq` share. */
#ifndef SLUICE_CLI_DLQ_H
#define SLUICE_CLI_DLQ_H

#include "cli/place.h"
#include "store/dead.h"

typedef struct sl_dlq {
  const sl_cli *cli;
  const char *where; /* as it was given */
  sl_place place;
  sl_dead_filter filter; /* its id is not used */
  uint64_t *ids;         /* those that were named; none: all of the filter */
  size_t n_ids;
  uint64_t limit;
  int json, payload, all;
  const char *at, *body; /* --at, --body */
} sl_dlq;

/* Reads those that are wanted, by id, the newest of them if there is a limit (0: none); a torn last line comes as NULL.
 * *ret_n (or NULL): how many there are. Prints nothing. SL_ENOTFOUND: nothing is there yet. */
int sl_dlq_read(const sl_dlq *q, uint64_t limit, int (*cb)(void *user, const sl_dead_entry *entry), void *user,
                uint64_t *ret_n, sl_err *err);

/* Each returns an exit code. */
int sl_dlq_list(sl_dlq *q);
int sl_dlq_show(sl_dlq *q);
int sl_dlq_export(sl_dlq *q);
int sl_dlq_retry(sl_dlq *q);
int sl_dlq_edit(sl_dlq *q);
int sl_dlq_drop(sl_dlq *q);
/* "there is no dead letter 9 in …" */
int sl_dlq_missing(const sl_dlq *q, uint64_t id);

#endif
