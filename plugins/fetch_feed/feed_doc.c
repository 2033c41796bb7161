/* SPDX-License-Identifier: Apache-2.0 */
/* From an item of a feed to the body of a document. */
#include "feed_doc.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <sluice/plugin.h>

#include "sha256.h"
#include "webdate.h"
#include "webtext.h"

#define IMAGE_MAX 4096
#define GUID_MAX 512u               /* a longer one is known by its hash */
#define DATE_FUTURE INT64_C(172800) /* seconds by which a date may lie ahead */

static char *copy(const lane_mem *mem, const char *s, size_t n) {
  char *to = mem->alloc(n + 1);
  if (!to) return NULL;
  memcpy(to, s, n);
  to[n] = '\0';
  return to;
}

/* ---- URLs -------------------------------------------------------------------------------------------------------- */

static bool looks_like_url(const char *s) {
  return strncasecmp(s, "http://", 7) == 0 || strncasecmp(s, "https://", 8) == 0;
}

/* Resolves s against the element's base, the site's and the feed's URL. 0 with *ret; SL_EPARSE if it is no page;
 * SL_ENOMEM. */
static int resolve(const feed_place *place, const char *base, const char *s, weburl *ret) {
  weburl from = {0};
  const weburl *on = place->url;
  int rc;
  if (base) {
    rc = weburl_parse(&from, place->mem, base, strlen(base), place->url, NULL);
    if (rc == SL_ENOMEM) return rc;
    if (rc == 0) on = &from;
  }
  rc = weburl_parse(ret, place->mem, s, strlen(s), on, NULL);
  if (rc == 0 && !weburl_is_web(ret)) rc = SL_EPARSE;
  if (rc == SL_ELIMIT) rc = SL_EPARSE;
  if (rc != 0) weburl_free(ret);
  weburl_free(&from);
  return rc;
}

/* The URL of the page: its length in href without the fragment. */
static size_t without_fragment(const weburl *u) {
  return u->has_fragment && u->fragment.at > 0 ? u->fragment.at - 1 : u->len;
}

/* The page of an item: its link, else a guid that is one. SL_EPARSE: it has none. */
static int find_page(const feed_place *place, const feed_head *head, const feed_item *item, weburl *ret) {
  const char *base = item->base ? item->base : head->base;
  int rc = SL_EPARSE;
  if (item->link) rc = resolve(place, base, item->link, ret);
  if (rc == SL_EPARSE && item->guid && looks_like_url(item->guid)) rc = resolve(place, NULL, item->guid, ret);
  return rc;
}

/* ---- what it is known by ----------------------------------------------------------------------------------------- */

static int canonical(const weburl *u, char **ret) {
  int rc = weburl_canonical(u, NULL, ret, NULL);
  return rc == SL_EINVAL ? SL_EPARSE : rc;
}

/* A guid that is a URL, or a link that stands for one: its canonical form is the key. SL_EPARSE if there is none. */
static int key_by_url(const feed_place *place, const feed_item *item, const weburl *page, feed_doc *d) {
  weburl guid = {0};
  int rc = SL_EPARSE;
  if (item->guid && !looks_like_url(item->guid)) return SL_EPARSE;
  if (item->guid) rc = resolve(place, NULL, item->guid, &guid);
  if (rc == 0) rc = canonical(&guid, &d->key);
  if (rc == SL_EPARSE && page->href && !item->guid) rc = canonical(page, &d->key);
  weburl_free(&guid);
  if (rc == 0 && !(d->uri = copy(place->mem, d->key, strlen(d->key)))) rc = SL_ENOMEM;
  return rc;
}

static char *joined(const lane_mem *mem, const char *a, const char *b) {
  size_t n = strlen(a), m = strlen(b);
  char *to = mem->alloc(n + m + 1);
  if (!to) return NULL;
  memcpy(to, a, n);
  memcpy(to + n, b, m + 1);
  return to;
}

/* Other guids are one site's affair; without any the content is what it is known by. */
static int key_by_words(const feed_place *place, const feed_item *item, const weburl *page, feed_doc *d) {
  char origin[1024] = "", sum[65];
  const char *what = item->guid && strlen(item->guid) <= GUID_MAX ? item->guid : NULL;
  char *made = NULL;
  if (!what && item->guid) {
    sha256_hex(item->guid, strlen(item->guid), sum);
  } else if (!what) {
    char *all = joined(place->mem, item->title ? item->title : "",
                       item->content   ? item->content
                       : item->summary ? item->summary
                                       : "");
    if (!all) return SL_ENOMEM;
    sha256_hex(all, strlen(all), sum);
    place->mem->free(all);
  }
  made = joined(place->mem, what ? "guid=" : "sha256=", what ? what : sum);
  if (!made) return SL_ENOMEM;
  d->locator = made;
  if (weburl_origin(page->href ? page : place->url, origin, sizeof origin - 2) > 0) strcat(origin, "/");
  d->uri = copy(place->mem, origin, strlen(origin));
  d->key = d->uri ? joined(place->mem, d->uri, d->locator) : NULL;
  return d->key ? 0 : SL_ENOMEM;
}

static uint64_t mark_of(const char *revision) {
  unsigned char sum[16];
  uint64_t v = 0;
  if (!revision) return 0;
  sha256_short(revision, strlen(revision), sum);
  for (int i = 0; i < 8; i++) v = v << 8 | sum[i];
  return v ? v : 1;
}

/* ---- fields ------------------------------------------------------------------------------------------------------ */

typedef struct maker {
  const feed_place *place;
  const feed_head *head;
  const feed_item *item;
  cJSON *body;
  lane_vec text;
  int rc;
} maker;

static void add(maker *m, cJSON *to, const char *name, const char *value) {
  if (m->rc == 0 && value && *value && !cJSON_AddStringToObject(to, name, value)) m->rc = SL_ENOMEM;
}

static const char *plain(maker *m, const char *s) {
  if (m->rc == 0 && s) m->rc = webtext_plain(m->place->mem, s, strlen(s), &m->text);
  return m->rc == 0 && s ? m->text.items : NULL;
}

static int32_t zone_of(const feed_place *place, const feed_head *head, const feed_item *item) {
  if (place->zone_given) return place->zone;
  const char *language = item->language ? item->language : head->language;
  const weburl *u = place->url;
  bool vietnamese = language && strncasecmp(language, "vi", 2) == 0 &&
                    (language[2] == '\0' || language[2] == '-' || language[2] == '_');
  if (u->host.len > 3 && memcmp(weburl_at(u, u->host) + u->host.len - 3, ".vn", 3) == 0) vietnamese = true;
  return vietnamese ? 420 : 0;
}

/* Writes a date into the field; its seconds, or INT64_MIN. A date far ahead is a mistake. */
static int64_t add_date(maker *m, const char *name, const char *s) {
  webdate date;
  char text[WEBDATE_TEXT];
  if (!s || webdate_parse(s, strlen(s), zone_of(m->place, m->head, m->item), &date) != 0) return INT64_MIN;
  if (date.seconds > m->place->now / 1000000000 + DATE_FUTURE) return INT64_MIN;
  webdate_text(&date, text);
  add(m, m->body, name, text);
  return date.seconds;
}

/* "name@example.com (Name)" and "Name <name@example.com>" are Name. */
static void author_name(char *s) {
  char *open = strchr(s, '('), *close = open ? strchr(open, ')') : NULL, *angle = strchr(s, '<');
  if (open && close && close > open + 1 && memchr(s, '@', (size_t)(open - s))) {
    memmove(s, open + 1, (size_t)(close - open - 1));
    s[close - open - 1] = '\0';
  } else if (angle && angle > s && strchr(angle, '@')) {
    while (angle > s && angle[-1] == ' ') angle--;
    *angle = '\0';
  }
}

static bool has(const cJSON *array, const char *s) {
  const cJSON *one;
  cJSON_ArrayForEach(one, array) if (strcmp(one->valuestring, s) == 0) return true;
  return false;
}

static void add_list(maker *m, const char *name, const feed_list *list, bool people) {
  cJSON *array = m->rc == 0 ? cJSON_AddArrayToObject(m->body, name) : NULL;
  if (!array && m->rc == 0) m->rc = SL_ENOMEM;
  for (uint32_t i = 0; i < list->n && m->rc == 0; i++) {
    /* Before the mark-up goes: angle brackets are part of an address here. */
    char *own = copy(m->place->mem, list->items[i], strlen(list->items[i]));
    if (!own) {
      m->rc = SL_ENOMEM;
      return;
    }
    if (people) author_name(own);
    const char *s = plain(m, own);
    m->place->mem->free(own);
    if (m->rc != 0 || !*s || has(array, s)) continue;
    cJSON *one = cJSON_CreateString(s);
    if (!one || !cJSON_AddItemToArray(array, one)) {
      cJSON_Delete(one);
      m->rc = SL_ENOMEM;
    }
  }
}

static void add_url(maker *m, cJSON *to, const char *name, const char *s) {
  weburl u = {0};
  if (m->rc != 0 || !s) return;
  int rc = resolve(m->place, m->item->base ? m->item->base : m->head->base, s, &u);
  if (rc == SL_ENOMEM) m->rc = rc;
  if (rc == 0) add(m, to, name, u.href);
  weburl_free(&u);
}

static void add_enclosures(maker *m) {
  if (m->item->n_enclosures == 0 || m->rc != 0) return;
  cJSON *array = cJSON_AddArrayToObject(m->body, "enclosures");
  for (uint32_t i = 0; i < m->item->n_enclosures && array && m->rc == 0; i++) {
    const feed_enclosure *e = &m->item->enclosures[i];
    cJSON *one = cJSON_CreateObject();
    if (!one || !cJSON_AddItemToArray(array, one)) {
      cJSON_Delete(one);
      m->rc = SL_ENOMEM;
      return;
    }
    add_url(m, one, "url", e->url);
    add(m, one, "type", e->type);
    if (e->length > 0 && m->rc == 0 && !cJSON_AddNumberToObject(one, "length", (double)e->length)) m->rc = SL_ENOMEM;
  }
  if (!array) m->rc = SL_ENOMEM;
}

static void add_image(maker *m) {
  char found[IMAGE_MAX];
  const feed_item *i = m->item;
  if (i->image) {
    add_url(m, m->body, "image", i->image);
  } else if ((i->summary && webtext_image(i->summary, strlen(i->summary), found, sizeof found)) ||
             (i->content && webtext_image(i->content, strlen(i->content), found, sizeof found))) {
    add_url(m, m->body, "image", found);
  }
}

static void add_feed(maker *m) {
  cJSON *feed = m->rc == 0 ? cJSON_AddObjectToObject(m->body, "feed") : NULL;
  if (!feed) {
    m->rc = SL_ENOMEM;
    return;
  }
  add(m, feed, "title", plain(m, m->head->title));
  add(m, feed, "url", m->place->url->href);
  if (m->head->site) add_url(m, feed, "site", m->head->site);
}

static bool has_tags(const char *s) { return strchr(s, '<') && strchr(s, '>'); }

static void add_texts(maker *m) {
  const feed_item *i = m->item;
  add(m, m->body, "title", plain(m, i->title));
  /* Without a summary it is the content, as text. */
  add(m, m->body, "summary", plain(m, i->summary ? i->summary : i->content));
  if (!m->place->keep_html) return;
  const char *html = i->content && !i->text_content                           ? i->content
                     : i->summary && !i->text_summary && has_tags(i->summary) ? i->summary
                                                                              : NULL;
  if (html && has_tags(html)) add(m, m->body, "content_html", html);
}

static void fill(maker *m, const weburl *page, feed_doc *d) {
  const feed_item *i = m->item;
  const char *language = i->language ? i->language : m->head->language;
  add(m, m->body, "id", d->key);
  if (page->href && m->rc == 0) {
    char *url = copy(m->place->mem, page->href, without_fragment(page));
    if (!url) m->rc = SL_ENOMEM;
    add(m, m->body, "url", url);
    if (url) m->place->mem->free(url);
  }
  add(m, m->body, "guid", i->guid);
  add_texts(m);
  d->published = add_date(m, "published", i->published);
  int64_t updated = add_date(m, "updated", i->updated);
  if (d->published == INT64_MIN && updated != INT64_MIN) {
    d->published = updated;
    add_date(m, "published", i->updated);
  }
  add_list(m, "authors", &i->authors, true);
  add_list(m, "categories", &i->categories, false);
  add(m, m->body, "language", language);
  add_image(m);
  add_enclosures(m);
  add_url(m, m->body, "comments", i->comments);
  add_feed(m);
}

int feed_doc_make(const feed_place *place, const feed_head *head, const feed_item *item, feed_doc *ret) {
  weburl page = {0};
  *ret = (feed_doc){.published = INT64_MIN};
  int rc = find_page(place, head, item, &page);
  if (rc == 0 || rc == SL_EPARSE) rc = key_by_url(place, item, &page, ret);
  if (rc == SL_EPARSE) rc = key_by_words(place, item, &page, ret);
  const char *changed = item->updated ? item->updated : item->published;
  if (rc == 0 && changed && !(ret->revision = copy(place->mem, changed, strlen(changed)))) rc = SL_ENOMEM;
  if (rc == 0 && !(ret->body = cJSON_CreateObject())) rc = SL_ENOMEM;
  if (rc == 0) {
    maker m = {.place = place, .head = head, .item = item, .body = ret->body};
    fill(&m, &page, ret);
    rc = m.rc;
    lane_vec_done(place->mem, &m.text);
    ret->mark = mark_of(ret->revision);
  }
  weburl_free(&page);
  if (rc != 0) feed_doc_free(place->mem, ret);
  return rc;
}

void feed_doc_free(const lane_mem *mem, feed_doc *d) {
  char *strings[] = {d->key, d->uri, d->locator, d->revision};
  for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
    if (strings[i]) mem->free(strings[i]);
  cJSON_Delete(d->body);
  *d = (feed_doc){0};
}
