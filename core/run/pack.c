/* SPDX-License-Identifier: Apache-2.0 */
/* Documents as rows. */
#include "run/pack.h"

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/mem.h"
#include "doc/editmap.h"

int sl_pack(sl_doc *doc, sl_packed *hold, sl_queue_entry *ret, sl_err *err) {
  sl_origin o;
  const char *media_type = NULL;
  *hold = (sl_packed){0};
  int rc = sl_doc_text(doc, &ret->body, err);
  if (rc) return rc;
  sl_doc_payload(doc, &ret->payload, &media_type);
  ret->media_type = media_type ? media_type : "";
  sl_doc_origin(doc, &o);
  ret->uri = o.uri ? o.uri : "";
  ret->locator = o.locator ? o.locator : "";
  ret->revision = o.revision ? o.revision : "";
  for (uint32_t i = 0; doc->splits && i < doc->splits->n; i++)
    sl_buf_addf(&hold->splits, "%s%u", i ? "/" : "", doc->splits->step[i]);
  ret->splits = hold->splits.data ? hold->splits.data : "";
  ret->map = (sl_bytes){0};
  if (doc->map) ret->map = (sl_bytes){sl_editmap_spans(doc->map), sl_editmap_count(doc->map) * sizeof(sl_span)};
  if (hold->splits.failed) return sl_err_set(err, SL_ENOMEM, "no memory to write the document down");
  return 0;
}

void sl_packed_done(sl_packed *hold) { sl_buf_done(&hold->splits); }

static int unpack_map(sl_doc *doc, const sl_bytes *map, sl_err *err) {
  const cJSON *body = sl_doc_body(doc, err);
  if (!body) return err->code;
  const cJSON *text = cJSON_GetObjectItemCaseSensitive(body, "text");
  uint64_t len = cJSON_IsString(text) ? strlen(text->valuestring) : 0;
  return sl_editmap_new(map->data, map->len / sizeof(sl_span), len, &doc->map, err);
}

static int unpack_splits(sl_doc *doc, const char *splits, sl_err *err) {
  int rc = 0;
  for (const char *at = splits; *at && !rc;) {
    char *end;
    unsigned long step = strtoul(at, &end, 10);
    if (end == at || step > UINT32_MAX) return sl_err_set(err, SL_EPARSE, "damaged path of splits: '%s'", splits);
    rc = sl_doc_add_split(doc, (uint32_t)step, err);
    at = *end == '/' ? end + 1 : end;
  }
  return rc;
}

int sl_unpack(const sl_queue_entry *entry, sl_doc **ret, sl_err *err) {
  sl_doc *doc = sl_doc_new();
  int rc = doc ? 0 : sl_err_set(err, SL_ENOMEM, "no memory for a document of the queue");
  const sl_origin o = {entry->uri, *entry->locator ? entry->locator : NULL, *entry->revision ? entry->revision : NULL};
  if (!rc) rc = sl_doc_set_text(doc, entry->body.data, entry->body.len, NULL, NULL, err);
  if (!rc && *entry->media_type)
    rc = sl_doc_set_payload(doc, entry->payload.data, entry->payload.len, entry->media_type, NULL, NULL, err);
  if (!rc && *entry->uri) rc = sl_doc_set_origin(doc, &o, err);
  if (!rc && *entry->splits) rc = unpack_splits(doc, entry->splits, err);
  if (!rc) rc = sl_doc_check(doc, err);
  if (!rc && entry->map.len) rc = unpack_map(doc, &entry->map, err);
  if (rc) {
    sl_doc_free(doc);
    return rc;
  }
  doc->attempt = entry->attempts + 1;
  *ret = doc;
  return 0;
}
