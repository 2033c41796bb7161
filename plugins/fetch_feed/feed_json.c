/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Feed 1.0 and 1.1. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include <sluice/plugin.h>

#include "feed_impl.h"

static const cJSON *at(const cJSON *object, const char *name) { return cJSON_GetObjectItemCaseSensitive(object, name); }

static const char *text_of(feed_parser *p, const cJSON *object, const char *name) {
  const cJSON *v = at(object, name);
  bool failed = false;
  const char *kept = NULL;
  if (cJSON_IsString(v)) {
    size_t n = strlen(v->valuestring);
    if (n > p->limits.item_bytes) n = p->limits.item_bytes;
    while (n > 0 && ((unsigned char)v->valuestring[n] & 0xc0) == 0x80) n--;
    kept = feed_keep_trimmed(&p->of_item, v->valuestring, n, &failed);
  } else if (cJSON_IsNumber(v)) {
    char text[40];
    (void)snprintf(text, sizeof text, "%.17g", v->valuedouble);
    kept = feed_keep_trimmed(&p->of_item, text, strlen(text), &failed);
  }
  if (failed) p->failed = SL_ENOMEM;
  return kept;
}

static const char *head_text(feed_parser *p, const cJSON *object, const char *name) {
  const cJSON *v = at(object, name);
  bool failed = false;
  const char *kept =
      cJSON_IsString(v) ? feed_keep_trimmed(&p->feed, v->valuestring, strlen(v->valuestring), &failed) : NULL;
  if (failed) p->failed = SL_ENOMEM;
  return kept;
}

static void add_author(feed_parser *p, const cJSON *author) {
  const char *name = text_of(p, author, "name");
  if (name && p->item.authors.n < FEED_LIST_MAX) p->item.authors.items[p->item.authors.n++] = name;
}

static void add_attachments(feed_parser *p, const cJSON *item) {
  const cJSON *one;
  cJSON_ArrayForEach(one, at(item, "attachments")) {
    const cJSON *size = at(one, "size_in_bytes");
    if (p->item.n_enclosures == FEED_LIST_MAX) return;
    feed_enclosure *e = &p->item.enclosures[p->item.n_enclosures];
    *e = (feed_enclosure){text_of(p, one, "url"), text_of(p, one, "mime_type"), -1};
    if (cJSON_IsNumber(size) && size->valuedouble >= 0 && size->valuedouble < 1e15)
      e->length = (int64_t)size->valuedouble;
    if (e->url) p->item.n_enclosures++;
  }
}

static void read_item(feed_parser *p, const cJSON *item) {
  feed_item *i = &p->item;
  const cJSON *one;
  i->guid = text_of(p, item, "id");
  i->link = text_of(p, item, "url");
  if (!i->link) i->link = text_of(p, item, "external_url");
  i->title = text_of(p, item, "title");
  i->summary = text_of(p, item, "summary");
  i->text_summary = true;
  i->content = text_of(p, item, "content_html");
  if (!i->content) {
    i->content = text_of(p, item, "content_text");
    i->text_content = true;
  }
  i->image = text_of(p, item, "image");
  if (!i->image) i->image = text_of(p, item, "banner_image");
  i->published = text_of(p, item, "date_published");
  i->updated = text_of(p, item, "date_modified");
  i->language = text_of(p, item, "language");
  cJSON_ArrayForEach(one, at(item, "authors")) add_author(p, one);
  if (i->authors.n == 0) add_author(p, at(item, "author"));
  cJSON_ArrayForEach(one, at(item, "tags")) {
    bool failed = false;
    const char *kept = cJSON_IsString(one)
                           ? feed_keep_trimmed(&p->of_item, one->valuestring, strlen(one->valuestring), &failed)
                           : NULL;
    if (failed) p->failed = SL_ENOMEM;
    if (kept && i->categories.n < FEED_LIST_MAX) i->categories.items[i->categories.n++] = kept;
  }
  add_attachments(p, item);
}

static int read_feed(feed_parser *p, const cJSON *feed, const char **ret_why) {
  const cJSON *version = at(feed, "version"), *items = at(feed, "items"), *item;
  bool named = cJSON_IsString(version) && strstr(version->valuestring, "jsonfeed.org");
  if (!cJSON_IsArray(items) || (!named && !at(feed, "title"))) {
    *ret_why = "it is JSON, but no JSON Feed";
    return SL_EPARSE;
  }
  p->head.kind = FEED_JSON;
  p->head.title = head_text(p, feed, "title");
  p->head.site = head_text(p, feed, "home_page_url");
  p->head.language = head_text(p, feed, "language");
  int rc = p->failed;
  cJSON_ArrayForEach(item, items) {
    if (rc != 0) break;
    if (!cJSON_IsObject(item)) continue;
    feed_begin_item(p);
    read_item(p, item);
    rc = p->failed ? p->failed : feed_tell(p);
  }
  if (rc == SL_ELIMIT && p->head.items) {
    *ret_why = "it has more items than are read";
    return 0;
  }
  return rc;
}

int feed_parse_json(feed_parser *p, const char *text, size_t n, const char **ret_why) {
  /* cJSON counts nesting itself and gives up at its own limit. */
  cJSON *feed = cJSON_ParseWithLength(text, n);
  if (!feed) {
    *ret_why = "it begins like JSON, but cannot be read as such (cut off?)";
    return SL_EPARSE;
  }
  int rc = read_feed(p, feed, ret_why);
  cJSON_Delete(feed);
  return rc;
}
