/* SPDX-License-Identifier: Apache-2.0 */
/* The stage fetch_feed: its parameters, and the feeds it is at. */
#ifndef FETCH_FEED_STAGE_H
#define FETCH_FEED_STAGE_H

#include "feed.h"
#include "feed_doc.h"
#include "webclient.h"
#include "webitems.h"

/* Feeds that are on their way or wait with their items. */
#define FEED_JOBS 32u

typedef struct feed_params {
  sl_list urls; /* const char * */
  int32_t updates, links, html, discover;
  int64_t max_age, max_items, remember, max_seen;
  const char *zone;
  web_params web;
} feed_params;

enum { LINKS_REQUIRED, LINKS_OPTIONAL };

typedef enum feed_state { JOB_FREE, JOB_ASKED, JOB_READY } feed_state;

typedef struct feed_stage feed_stage;

/* One feed. */
typedef struct feed_job {
  feed_stage *s;
  feed_state state;
  const char *url;     /* as configured: names its note */
  char *asked;         /* what is asked for when it is not `url`: a feed that a page named; [own] */
  bool hopped;         /* `asked` was found on a page */
  webitems_reason why; /* it failed for good; detail [own] */
  char *detail;
  cJSON *note;    /* validators, for when all is emitted; [own] */
  feed_doc *docs; /* [own] */
  size_t n, cap, at;
  uint32_t left_out; /* items without a page */
} feed_job;

struct feed_stage {
  const feed_params *p;
  web_client *client;
  webitems items;
  lane_mem mem;
  bool zone_given, locked;
  int32_t zone;
  uint32_t at_url; /* next of urls to begin */
  uint32_t open;   /* jobs that are not free */
  int32_t failed;  /* in a callback: the run cannot go on */
  feed_job jobs[FEED_JOBS];
};

/* Asks for the feed of a job. 0, or SL_ENOMEM. */
int32_t feed_ask(sl_ctx *ctx, feed_job *j);
/* Takes its memory and makes it free. */
void feed_job_clear(feed_job *j);

#endif
