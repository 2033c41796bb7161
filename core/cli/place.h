/* SPDX-License-Identifier: Apache-2.0 */
/* Where a pipeline keeps its state and its dead letters, as the commands are told: a pipeline file, a folder, a file.
 */
#ifndef SLUICE_CLI_PLACE_H
#define SLUICE_CLI_PLACE_H

#include "base/strlist.h"
#include "cli/cli.h"
#include "store/state.h"

typedef struct sl_place {
  char *state;          /* the state folder, perhaps not made yet; NULL: none */
  char *file;           /* else the file of JSON lines, perhaps not made yet */
  char *name;           /* of the pipeline; NULL: not known */
  int there;            /* the state's database, or the file, is there */
  sl_strlist stages;    /* ids of the pipeline, or of its last run; empty: not known */
  sl_strlist sources;   /* those of them that are sources, from the pipeline file only */
  sl_state_opts bounds; /* folder, pipeline and log are not used; 0: not known */
} sl_place;

/* Prints the error, with the nearest name of what is there. Returns an exit code. *ret [own: sl_place_done]. */
int sl_place_find(const sl_cli *cli, const char *where, sl_place *ret);
void sl_place_done(sl_place *p);

#endif
