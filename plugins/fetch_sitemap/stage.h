/* SPDX-License-Identifier: Apache-2.0 */
/* The stage fetch_sitemap: its parameters, the sitemaps it is at and those that wait. */
#ifndef FETCH_SITEMAP_STAGE_H
#define FETCH_SITEMAP_STAGE_H

#include "sitemap.h"
#include "webclient.h"
#include "webitems.h"
#include "weburl.h"

#define SITEMAP_JOBS 4u

typedef struct sitemap_params {
  sl_list urls, include, exclude; /* const char * */
  int32_t updates;
  const char *since, *zone;
  int64_t max_age, max_sitemap, max_urls, max_sitemaps, max_depth, remember, max_seen;
  web_params web;
} sitemap_params;

typedef enum job_state { JOB_FREE, JOB_ASKED, JOB_READY } job_state;
typedef enum job_kind { JOB_SITEMAP, JOB_ROBOTS, JOB_GUESS } job_kind;

/* A sitemap that is to be asked for. */
typedef struct sitemap_todo {
  char *url;     /* [own] */
  char *lastmod; /* by its index; [own], NULL if not given */
  uint32_t depth;
  job_kind kind; /* JOB_ROBOTS: a site; JOB_GUESS: /sitemap.xml, for want of a better one */
} sitemap_todo;

typedef struct sitemap_stage sitemap_stage;

/* One entry that is read and not given yet. */
typedef struct sitemap_waiting {
  char *key, *url; /* [own] */
  uint64_t mark;   /* seconds of lastmod; 0: none */
  char *revision;  /* [own] */
  cJSON *body;     /* [own] */
} sitemap_waiting;

typedef struct sitemap_job {
  sitemap_stage *s;
  job_state state;
  sitemap_todo todo;
  char *body; /* [own] */
  char *type; /* [own] */
  weburl url; /* as it answered */
  sitemap *map;
  int step; /* what the last step answered; 1: there is more */
  cJSON *note;
  webitems_reason why;
  char *detail;
  lane_vec waiting; /* sitemap_waiting */
  size_t at;
  sl_ctx *ctx; /* of the call that steps */
  int64_t now; /* seconds */
} sitemap_job;

struct sitemap_stage {
  const sitemap_params *p;
  web_client *client;
  webitems items;
  lane_mem mem;
  bool locked;
  int32_t zone;
  int64_t since; /* seconds; INT64_MIN: none */
  char settings[17];
  lane_vec todo; /* sitemap_todo */
  size_t at_todo;
  lane_vec known; /* uint64_t: hashes of the URLs of `todo`, so that none is read twice in a run */
  uint32_t open;
  int32_t failed;
  bool told_many;
  sitemap_job jobs[SITEMAP_JOBS];
};

int32_t sitemap_no_memory(sl_ctx *ctx);
/* A copy of bytes; NULL when memory is out. */
char *sitemap_copy(const lane_mem *mem, const char *s, size_t n);
/* Adds to what is to be asked for, unless it was in this run. 0, or SL_ENOMEM. */
int sitemap_add_todo(sl_ctx *ctx, sitemap_stage *s, const weburl *url, const char *lastmod, uint32_t depth,
                     job_kind kind);
/* Asks for what the job has to do. 0; 1: it need not be asked for, it is as it was; or SL_ENOMEM. */
int32_t sitemap_ask(sl_ctx *ctx, sitemap_job *j);
void sitemap_job_clear(sitemap_job *j);
/* An entry of the job's sitemap: what is wanted of it waits. */
int sitemap_take(void *job, const sitemap_entry *entry);
void sitemap_waiting_free(const lane_mem *mem, sitemap_waiting *w);

#endif
