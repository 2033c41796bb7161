/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Items that a source gives once: which were given, kept in the source's state.
 *
 * An item has a key (its guid or URL) and a mark (when it was changed). When it is new it gets the next cursor, and two
 * notes are put before it is emitted: "p/<cursor>" holds the whole item, "s/<hash of the key>" its mark and when it was
 * last seen. So an item counts as seen only together with its content: after a crash what had not ended is given again
 * from the notes, under the same cursor, whatever the web says by then. When the item has ended, "p/" is removed.
 *
 * Notes "s/" that were not seen for `remember` are given up, and the oldest beyond `most`, but never one that was seen
 * within a day: what stands in a feed is not forgotten.
 *
 * Without the extension (a dry run) everything is new. Safety: the source's thread; webitems_ended [any].
 */
#ifndef SLUICE_PLUGINS_WEBITEMS_H
#define SLUICE_PLUGINS_WEBITEMS_H

#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdbool.h>

#include <sluice/plugin.h>

#include "lane_vec.h"

typedef struct webitems {
  const sl_resume *resume;
  lane_mem mem;
  int64_t remember; /* ns */
  uint64_t most;
  uint64_t next, next_noted;
  uint64_t first_here; /* lowest cursor that was emitted by this process */
  lane_vec again;      /* cursors (uint64_t) of items that have to be given again */
  size_t at_again;
  pthread_mutex_t lock;
  lane_vec ended; /* cursors of items that have ended; under the lock */
  uint64_t mark;  /* that webitems_look found */
  size_t bytes;   /* of the item that was emitted last */
  int64_t swept;  /* wall clock, ns */
  uint64_t added; /* since then */
} webitems;

typedef struct webitem {
  const char *key;
  uint64_t mark; /* 0: none; a change of it makes the item new if `updates` */
  const char *uri, *locator, *revision;
} webitem;

int webitems_init(webitems *w, int64_t remember, int64_t most); /* 0, or -1 */
void webitems_done(webitems *w);
/* In start. 0, or an error after sl_fail. */
int32_t webitems_open(webitems *w, sl_ctx *ctx);

#define WEBITEMS_NEW 0
#define WEBITEMS_SEEN 1
#define WEBITEMS_CHANGED 2
/* What is known of an item, and that it was seen now; or an error after sl_fail. */
int32_t webitems_look(webitems *w, sl_ctx *ctx, const webitem *item);
/* Emits it. body [take]. 0, or an error after sl_fail (SL_ECANCELED: the run ends). */
int32_t webitems_emit(webitems *w, sl_ctx *ctx, const webitem *item, cJSON *body);
/* Emits the next item that an earlier run did not bring to its end: 1, 0 if there is none, or an error. */
int32_t webitems_again(webitems *w, sl_ctx *ctx);
/* Sends a document without body to the dead letters, for the reason given to sl_fail in `why`. 0 or an error. */
typedef struct webitems_reason {
  int32_t code;
  const char *message, *detail, *hint;
} webitems_reason;
int32_t webitems_reject(webitems *w, sl_ctx *ctx, const char *uri, const webitems_reason *why);
/* Removes what has ended; now and then. 0 or an error. */
int32_t webitems_tidy(webitems *w, sl_ctx *ctx);
/* Gives up old notes if it is time. 0 or an error. */
int32_t webitems_sweep(webitems *w, sl_ctx *ctx);
void webitems_ended(webitems *w, uint64_t cursor);

/* A note of the caller's own about a URL: "f/<hash>". value NULL removes. 0 or an error after sl_fail. */
int32_t webitems_put(webitems *w, sl_ctx *ctx, const char *url, const cJSON *value);
/* [own: cJSON_Delete]; NULL if there is none or it cannot be read. */
cJSON *webitems_get(webitems *w, sl_ctx *ctx, const char *url);

#endif
