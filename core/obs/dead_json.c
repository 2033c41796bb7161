/* SPDX-License-Identifier: Apache-2.0 */
/* A dead letter as JSON. */
#include "obs/dead_json.h"

#include <cjson/cJSON.h>

#include "base/mem.h"
#include "base/time.h"
#include "base/utf8.h"
#include "doc/codec.h"
#include "store/base64.h"

static void add_raw(cJSON *out, const sl_bytes *raw) {
  char *text = sl_utf8_valid(raw->data, raw->len, NULL) ? sl_mem_strndup(raw->data, raw->len) : NULL;
  char *coded = text ? NULL : sl_base64(raw->data, raw->len);
  if (text) cJSON_AddStringToObject(out, "raw", text);
  if (coded) cJSON_AddStringToObject(out, "raw_base64", coded);
  sl_mem_free(text);
  sl_mem_free(coded);
}

/* item [take]; without memory it is left out. */
static void add_member(cJSON *object, const char *name, cJSON *item) {
  if (!cJSON_AddItemToObject(object, name, item)) cJSON_Delete(item);
}

static void add_contents(cJSON *out, const sl_dead_entry *e) {
  cJSON *body = NULL;
  if (e->body.len && sl_json_parse(e->body.data, e->body.len, NULL, &body, NULL, NULL) == 0)
    add_member(out, "body", body);
  if (e->raw.len) add_raw(out, &e->raw);
  char *coded = e->payload.len ? sl_base64(e->payload.data, e->payload.len) : NULL;
  if (coded) cJSON_AddStringToObject(out, "payload_base64", coded);
  sl_mem_free(coded);
}

cJSON *sl_dead_json(const sl_dead_entry *e, int whole) {
  char time[40];
  cJSON *out = cJSON_CreateObject(), *error = cJSON_CreateObject(), *origin = cJSON_CreateObject();
  cJSON_AddNumberToObject(out, "id", (double)e->id);
  cJSON_AddStringToObject(out, "time", sl_time_iso(e->time, 3, time, sizeof time));
  if (e->first) cJSON_AddStringToObject(out, "first", sl_time_iso(e->first, 3, time, sizeof time));
  cJSON_AddStringToObject(out, "pipeline", e->pipeline);
  cJSON_AddNumberToObject(out, "generation", (double)e->generation);
  cJSON_AddStringToObject(out, "stage", e->stage);
  cJSON_AddStringToObject(out, "uses", e->uses);
  cJSON_AddStringToObject(out, "build", e->build);
  cJSON_AddNumberToObject(out, "attempts", e->attempts);
  cJSON_AddStringToObject(error, "code", e->code);
  cJSON_AddStringToObject(error, "message", e->message);
  if (*e->detail) cJSON_AddStringToObject(error, "detail", e->detail);
  if (*e->hint) cJSON_AddStringToObject(error, "hint", e->hint);
  add_member(out, "error", error);
  cJSON_AddStringToObject(origin, "uri", e->uri);
  if (*e->locator) cJSON_AddStringToObject(origin, "locator", e->locator);
  if (*e->revision) cJSON_AddStringToObject(origin, "revision", e->revision);
  add_member(out, "origin", origin);
  cJSON_AddStringToObject(out, "key", e->key);
  cJSON_AddStringToObject(out, "media_type", e->media_type);
  cJSON_AddNumberToObject(out, "body_bytes", (double)(e->body.len ? e->body.len : e->raw.len));
  cJSON_AddNumberToObject(out, "payload_bytes", (double)e->payload.len);
  if (whole) add_contents(out, e);
  return out;
}
