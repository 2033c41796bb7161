/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/tap: documents as they leave a stage, one a line. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "obs/admin_impl.h"

/* A reader that is slower than this is sent less. */
#define WAITING ((size_t)4 << 20)

static int has_stage(sl_admin *a, const char *stage) {
  cJSON *all = sl_meter_pipeline(a->o.meter);
  const cJSON *one = NULL;
  int found = 0;
  cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(all, "stages")) {
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(one, "id");
    found |= cJSON_IsString(id) && strcmp(id->valuestring, stage) == 0;
  }
  cJSON_Delete(all);
  return found;
}

static sl_admin_tap *free_tap(sl_admin *a) {
  for (int i = 0; i < SL_TAPS; i++)
    if (!a->taps[i].used) return &a->taps[i];
  return NULL;
}

void sl_admin_tap_open(sl_admin *a, const sl_http_request *req) {
  char *stage = NULL, text[200];
  uint64_t every = 1, max = UINT64_MAX;
  int number = -1;
  int rc = sl_admin_param(a, req, "stage", &stage);
  if (rc > 0 && sl_admin_number(a, req, "every", 1, &every) < 0) rc = -1;
  if (rc > 0 && sl_admin_number(a, req, "max", 1, &max) < 0) rc = -1;
  sl_admin_tap *t = free_tap(a);
  if (rc == 0) sl_admin_error(a, req->id, 400, "which stage?", "GET /api/tap?stage=ID");
  if (rc > 0 && !has_stage(a, stage)) {
    (void)snprintf(text, sizeof text, "there is no stage '%.100s'", stage);
    sl_admin_error(a, req->id, 404, text, "GET /api/pipeline lists the stages");
  } else if (rc > 0 && a->o.taps && t && (number = sl_tap_open(a->o.taps, stage, every)) >= 0) {
    *t = (sl_admin_tap){.used = 1, .number = number, .id = req->id, .left = max};
    sl_http_stream(a->http, req->id, "application/x-ndjson");
  } else if (rc > 0) {
    sl_admin_error(a, req->id, 503, "all taps are in use", NULL);
  }
  sl_mem_free(stage);
}

static void end(sl_admin *a, sl_admin_tap *t) {
  t->used = 0;
  sl_tap_close(a->o.taps, t->number);
}

static void say_lost(sl_admin *a, sl_admin_tap *t) {
  char text[96];
  uint64_t seen = 0, lost = 0;
  sl_tap_counts(a->o.taps, t->number, &seen, &lost);
  if (lost == t->lost) return;
  int n = snprintf(text, sizeof text, "{\"left_out\":%llu}\n", (unsigned long long)(lost - t->lost));
  t->lost = lost;
  (void)sl_http_stream_add(a->http, t->id, text, (size_t)n);
}

static void pump(sl_admin *a, sl_admin_tap *t) {
  uint64_t unsent = 0;
  sl_tap_item *items = sl_tap_take(a->o.taps, t->number);
  size_t waiting = 0;
  for (const sl_tap_item *i = items; i && t->used && t->left; i = i->next) {
    if (waiting > WAITING) {
      unsent++;
      continue;
    }
    waiting = sl_http_stream_add(a->http, t->id, i->text, i->len);
    t->left--;
  }
  sl_tap_free(items);
  if (!t->used) return;
  if (unsent) atomic_fetch_add(&a->o.taps->taps[t->number].lost, unsent);
  say_lost(a, t);
  if (t->used && !t->left) {
    uint64_t id = t->id;
    end(a, t);
    sl_http_stream_end(a->http, id);
  }
}

void sl_admin_tap_pump(sl_admin *a) {
  for (int i = 0; i < SL_TAPS; i++)
    if (a->taps[i].used) pump(a, &a->taps[i]);
}

void sl_admin_tap_gone(sl_admin *a, uint64_t id) {
  for (int i = 0; i < SL_TAPS; i++)
    if (a->taps[i].used && a->taps[i].id == id) end(a, &a->taps[i]);
}
