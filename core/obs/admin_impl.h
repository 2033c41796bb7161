/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the admin server share. */
#ifndef SLUICE_OBS_ADMIN_IMPL_H
#define SLUICE_OBS_ADMIN_IMPL_H

#include <pthread.h>

#include "base/thread.h"
#include "obs/admin.h"
#include "obs/http.h"
#include "run/tap.h"

struct cJSON;

/* An open tap. */
typedef struct sl_admin_tap {
  int used, number; /* number: in the hub */
  uint64_t id;      /* of the connection */
  uint64_t left;    /* documents that are still wanted */
  uint64_t lost;    /* that was said */
} sl_admin_tap;

/* An answer that another thread gave. */
typedef struct sl_admin_reply {
  struct sl_admin_reply *next;
  uint64_t ticket;
  int rc;
  char text[];
} sl_admin_reply;

struct sl_admin {
  sl_admin_opts o;
  char *path, *token; /* path: of the socket */
  char address[160];
  uv_loop_t loop;
  uv_async_t wake;
  sl_http *http; /* NULL after the stop */
  sl_thread *thread;
  pthread_mutex_t lock;
  sl_admin_reply *replies; /* under lock */
  int stop;                /* under lock */
  sl_admin_tap taps[SL_TAPS];
};

/* tree [take]. */
void sl_admin_json(sl_admin *a, uint64_t id, int status, struct cJSON *tree);
void sl_admin_error(sl_admin *a, uint64_t id, int status, const char *text, const char *hint);
/* The status that an error of the core is answered with. */
int sl_admin_status(int code);
/* A parameter of the query: 1 and *ret [own: sl_mem_free], 0 if it is not there, -1 after an answer 400. */
int sl_admin_param(sl_admin *a, const sl_http_request *req, const char *name, char **ret);
/* The same for a whole number from min on; *ret stays as it is if it is not there. */
int sl_admin_number(sl_admin *a, const sl_http_request *req, const char *name, uint64_t min, uint64_t *ret);

/* admin_dlq.c: rest is the path behind /api/dlq. */
void sl_admin_dlq(sl_admin *a, const sl_http_request *req, const char *rest);
/* admin_tap.c */
void sl_admin_tap_open(sl_admin *a, const sl_http_request *req);
void sl_admin_tap_pump(sl_admin *a);
void sl_admin_tap_gone(sl_admin *a, uint64_t id);

#endif
