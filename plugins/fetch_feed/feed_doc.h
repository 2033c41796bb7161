/* SPDX-License-Identifier: Apache-2.0 */
/* From an item of a feed to the body of a document, and to what it is known by. */
#ifndef FETCH_FEED_FEED_DOC_H
#define FETCH_FEED_FEED_DOC_H

#include <cjson/cJSON.h>

#include "feed.h"
#include "webitems.h"
#include "weburl.h"

/* Where an item comes from, and how it is read. */
typedef struct feed_place {
  const lane_mem *mem;
  const weburl *url; /* of the feed, as it answered */
  bool zone_given;   /* else a Vietnamese feed means +07:00, any other UTC */
  int32_t zone;      /* minutes, of dates without one */
  bool keep_html;    /* /content_html */
  int64_t now;       /* wall clock, ns */
} feed_place;

/* What became of an item. Zeroed: empty. */
typedef struct feed_doc {
  char *key, *uri, *locator, *revision; /* [own]; locator, revision may be NULL */
  uint64_t mark;
  cJSON *body;       /* [own] */
  int64_t published; /* seconds; INT64_MIN if not given */
} feed_doc;

/* 0, or SL_ENOMEM. */
int feed_doc_make(const feed_place *place, const feed_head *head, const feed_item *item, feed_doc *ret);
void feed_doc_free(const lane_mem *mem, feed_doc *d);

#endif
