/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds in XML: what an element means, wherever it stands. */
#include <string.h>
#include <strings.h>

#include <sluice/plugin.h>

#include "feed_impl.h"
#include "webdate.h"

static const xmltok_ns namespaces[] = {
    {"http://www.w3.org/2005/Atom", "atom"},
    {"http://purl.org/atom/ns", "atom"},
    {"http://www.w3.org/1999/xhtml", "xhtml"},
    {"http://purl.org/rss/1.0", ""},
    {"http://my.netscape.com/rdf/simple/0.9", ""},
    {"http://channel.netscape.com/rdf/simple/0.9", ""},
    {"http://backend.userland.com/rss2", ""},
    {"http://backend.userland.com/rss", ""},
    {"http://www.w3.org/1999/02/22-rdf-syntax-ns", "rdf"},
    {"http://purl.org/dc/elements/1.1", "dc"},
    {"http://purl.org/dc/elements/1.0", "dc"},
    {"http://purl.org/dc/terms", "dcterms"},
    {"http://purl.org/rss/1.0/modules/content", "content"},
    {"http://search.yahoo.com/mrss", "media"},
    {"http://www.rssboard.org/media-rss", "media"},
    {"http://www.itunes.com/dtds/podcast-1.0.dtd", "itunes"},
    {"http://www.w3.org/XML/1998/namespace", "xml"},
};

/* An element whose text is a field; of several the one with the highest rank counts, of equals the first. */
typedef struct element {
  const char *name;
  feed_field field;
  int rank;
} element;

static const element elements[] = {
    {"title", F_TITLE, 3},
    {"dc:title", F_TITLE, 2},
    {"media:title", F_TITLE, 1},
    {"itunes:title", F_TITLE, 1},
    {"link", F_LINK, 3},
    {"guid", F_GUID, 3},
    {"id", F_GUID, 2},
    {"dc:identifier", F_GUID, 1},
    {"description", F_SUMMARY, 3},
    {"summary", F_SUMMARY, 3},
    {"dc:description", F_SUMMARY, 2},
    {"media:description", F_SUMMARY, 1},
    {"itunes:summary", F_SUMMARY, 1},
    {"content:encoded", F_CONTENT, 3},
    {"content", F_CONTENT, 2},
    {"xhtml:body", F_CONTENT, 1},
    {"fulltext", F_CONTENT, 1},
    {"pubdate", F_PUBLISHED, 4},
    {"published", F_PUBLISHED, 4},
    {"issued", F_PUBLISHED, 3},
    {"dcterms:issued", F_PUBLISHED, 3},
    {"dc:date", F_PUBLISHED, 2},
    {"dcterms:created", F_PUBLISHED, 2},
    {"created", F_PUBLISHED, 2},
    {"date", F_PUBLISHED, 1},
    {"updated", F_UPDATED, 3},
    {"modified", F_UPDATED, 2},
    {"dcterms:modified", F_UPDATED, 2},
    {"author", F_AUTHOR, 1},
    {"dc:creator", F_AUTHOR, 1},
    {"creator", F_AUTHOR, 1},
    {"itunes:author", F_AUTHOR, 1},
    {"category", F_CATEGORY, 1},
    {"dc:subject", F_CATEGORY, 1},
    {"language", F_LANGUAGE, 2},
    {"dc:language", F_LANGUAGE, 2},
    {"comments", F_COMMENTS, 1},
    {"image", F_IMAGE, 2},
    {"thumb", F_IMAGE, 2},
    {"thumbnail", F_IMAGE, 2},
    {"ttl", F_TTL, 1},
};

static void lower(const char *name, char out[64]) {
  size_t n = 0;
  for (; n < 63 && name[n]; n++) out[n] = name[n] >= 'A' && name[n] <= 'Z' ? (char)(name[n] | 0x20) : name[n];
  out[n] = '\0';
}

static feed_arena *arena_of(feed_parser *p) { return p->item_depth ? &p->of_item : &p->feed; }

static const char *keep(feed_parser *p, const char *s) {
  bool failed = false;
  if (!s) return NULL;
  const char *kept = feed_keep_trimmed(arena_of(p), s, strlen(s), &failed);
  if (failed) p->failed = SL_ENOMEM;
  return kept;
}

/* ---- values that stand in attributes ------------------------------------------------------------------------------
 */

static bool is_image(const char *type, const char *url) {
  static const char *const ends[] = {".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif"};
  if (type) return strncasecmp(type, "image", 5) == 0;
  size_t n = strcspn(url, "?#");
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    size_t len = strlen(ends[i]);
    if (n > len && strncasecmp(url + n - len, ends[i], len) == 0) return true;
  }
  return false;
}

static void set_image(feed_parser *p, const char *url, int rank) {
  if (!p->item_depth || !url || p->ranks[F_IMAGE] >= rank) return;
  p->item.image = keep(p, url);
  if (p->item.image) p->ranks[F_IMAGE] = rank;
}

static void add_enclosure(feed_parser *p, const char *url, const char *type, const char *length) {
  if (!p->item_depth || !url || !*url) return;
  if (is_image(type, url)) set_image(p, url, 4);
  if (p->item.n_enclosures == FEED_LIST_MAX) return;
  feed_enclosure *e = &p->item.enclosures[p->item.n_enclosures];
  *e = (feed_enclosure){keep(p, url), keep(p, type), -1};
  for (const char *d = length; d && *d >= '0' && *d <= '9' && e->length < INT64_C(1) << 50; d++)
    e->length = (e->length < 0 ? 0 : e->length) * 10 + (*d - '0');
  if (e->url) p->item.n_enclosures++;
}

/* <link href=…> of Atom, and atom:link of RSS. */
static void link_attributes(feed_parser *p, const xmltok_attr *a, size_t n) {
  const char *rel = xmltok_value(a, n, "rel"), *href = xmltok_value(a, n, "href"), *type = xmltok_value(a, n, "type");
  if (!href) return;
  if (rel && strcasecmp(rel, "enclosure") == 0) add_enclosure(p, href, type, xmltok_value(a, n, "length"));
  if (rel && strcasecmp(rel, "alternate") != 0) return;
  bool page = !type || strncasecmp(type, "text/html", 9) == 0 || strstr(type, "xhtml");
  int rank = page ? 4 : 2;
  int *ranks = p->item_depth ? p->ranks : p->head_ranks;
  if (ranks[F_LINK] >= rank) return;
  const char *kept = keep(p, href), *base = keep(p, p->bases[xmltok_depth(p->tok)]);
  if (!kept) return;
  ranks[F_LINK] = rank;
  if (p->item_depth) {
    p->item.link = kept;
    p->item.base = base;
  } else {
    p->head.site = kept;
  }
}

static void add_to(feed_parser *p, feed_list *list, const char *s) {
  if (!s || list->n == FEED_LIST_MAX) return;
  for (uint32_t i = 0; i < list->n; i++)
    if (strcmp(list->items[i], s) == 0) return;
  const char *kept = keep(p, s);
  if (kept) list->items[list->n++] = kept;
}

static void media(feed_parser *p, const char *name, const xmltok_attr *a, size_t n) {
  const char *url = xmltok_value(a, n, "url"), *type = xmltok_value(a, n, "type"),
             *medium = xmltok_value(a, n, "medium");
  if (strcmp(name, "media:thumbnail") == 0) set_image(p, url, 5);
  if (strcmp(name, "itunes:image") == 0) set_image(p, xmltok_value(a, n, "href"), 3);
  if (strcmp(name, "media:content") == 0 && url) {
    if (medium && strcmp(medium, "image") == 0 && !type) type = "image";
    add_enclosure(p, url, type, xmltok_value(a, n, "fileSize"));
  }
  if (strcmp(name, "image") == 0 || strcmp(name, "thumbnail") == 0)
    set_image(p, url ? url : xmltok_value(a, n, "href"), 3);
  if (strcmp(name, "enclosure") == 0) add_enclosure(p, url, type, xmltok_value(a, n, "length"));
}

/* ---- what text comes to -------------------------------------------------------------------------------------------
 */

static void set_text(feed_parser *p, feed_field field, const char *s) {
  feed_item *i = &p->item;
  switch (field) {
  case F_TITLE:
    i->title = s;
    break;
  case F_LINK:
    i->link = s;
    i->base = keep(p, p->bases[xmltok_depth(p->tok)]);
    break;
  case F_GUID:
    i->guid = s;
    break;
  case F_SUMMARY:
    i->summary = s;
    i->text_summary = p->is_text;
    break;
  case F_CONTENT:
    i->content = s;
    i->text_content = p->is_text;
    break;
  case F_PUBLISHED:
    i->published = s;
    break;
  case F_UPDATED:
    i->updated = s;
    break;
  case F_LANGUAGE:
    i->language = s;
    break;
  case F_COMMENTS:
    i->comments = s;
    break;
  default:
    break;
  }
}

static void set_head(feed_parser *p, feed_field field, const char *s) {
  if (field == F_TITLE) p->head.title = s;
  if (field == F_LINK) p->head.site = s;
  if (field == F_LANGUAGE) p->head.language = s;
  if (field == F_TTL) {
    int64_t v = 0;
    for (const char *d = s; *d >= '0' && *d <= '9' && v < 1000000; d++) v = v * 10 + (*d - '0');
    p->head.ttl_minutes = v;
  }
}

static void end_capture(feed_parser *p) {
  int *ranks = p->item_depth ? p->ranks : p->head_ranks;
  feed_field field = p->field;
  size_t n = p->text.n;
  bool failed = false;
  p->capture_depth = 0;
  p->field = F_NONE;
  if (p->of_item.total + n > p->limits.item_bytes && p->item_depth)
    n = p->limits.item_bytes > p->of_item.total ? p->limits.item_bytes - p->of_item.total : 0;
  while (n < p->text.n && n > 0 && ((const unsigned char *)p->text.items)[n] >> 6 == 2) n--;
  const char *s = feed_keep_trimmed(arena_of(p), p->text.items, n, &failed);
  p->text.n = 0;
  if (failed) p->failed = SL_ENOMEM;
  if (!s) return;
  if (field == F_AUTHOR || field == F_CATEGORY) {
    if (p->item_depth) add_to(p, field == F_AUTHOR ? &p->item.authors : &p->item.categories, s);
    return;
  }
  if (field == F_IMAGE) {
    set_image(p, s, p->rank);
    return;
  }
  if (ranks[field] >= p->rank) return;
  ranks[field] = p->rank;
  if (p->item_depth)
    set_text(p, field, s);
  else
    set_head(p, field, s);
}

static int append(feed_parser *p, const char *s, size_t n) {
  if (p->text.n + n > p->limits.item_bytes) n = p->text.n < p->limits.item_bytes ? p->limits.item_bytes - p->text.n : 0;
  if (lane_vec_reserve(p->mem, &p->text, 1, p->text.n + n + 1) != 0) return SL_ENOMEM;
  if (n) memcpy((char *)p->text.items + p->text.n, s, n);
  p->text.n += n;
  return 0;
}

static int append_escaped(feed_parser *p, const char *s, size_t n, bool quotes) {
  size_t from = 0;
  int rc = 0;
  for (size_t i = 0; i < n && rc == 0; i++) {
    const char *as = s[i] == '&'             ? "&amp;"
                     : s[i] == '<'           ? "&lt;"
                     : s[i] == '>'           ? "&gt;"
                     : quotes && s[i] == '"' ? "&quot;"
                                             : NULL;
    if (!as) continue;
    rc = append(p, s + from, i - from);
    if (rc == 0) rc = append(p, as, strlen(as));
    from = i + 1;
  }
  return rc == 0 ? append(p, s + from, n - from) : rc;
}

/* A tag inside text: mark-up that nobody escaped, or XHTML. */
static int append_tag(feed_parser *p, const char *name, const xmltok_attr *a, size_t n, bool close) {
  const char *colon = strchr(name, ':'), *local = colon ? colon + 1 : name;
  int rc = append(p, close ? "</" : "<", close ? 2 : 1);
  if (rc == 0) rc = append(p, local, strlen(local));
  for (size_t i = 0; i < n && rc == 0; i++) {
    if (strncmp(a[i].name, "xml", 3) == 0) continue;
    rc = append(p, " ", 1);
    if (rc == 0) rc = append(p, a[i].name, strlen(a[i].name));
    if (rc == 0) rc = append(p, "=\"", 2);
    if (rc == 0) rc = append_escaped(p, a[i].value, strlen(a[i].value), true);
    if (rc == 0) rc = append(p, "\"", 1);
  }
  return rc == 0 ? append(p, ">", 1) : rc;
}

/* ---- elements -----------------------------------------------------------------------------------------------------
 */

static void begin_capture(feed_parser *p, const element *e, const xmltok_attr *a, size_t n) {
  const char *type = xmltok_value(a, n, "type"), *mode = xmltok_value(a, n, "mode");
  bool markup = e->field == F_SUMMARY || e->field == F_CONTENT || e->field == F_TITLE;
  p->capture_depth = xmltok_depth(p->tok);
  p->field = e->field;
  p->rank = e->rank;
  p->text.n = 0;
  p->captures_markup = markup;
  p->escapes =
      markup && ((type && strcasecmp(type, "xhtml") == 0) || strcmp(e->name, "xhtml:body") == 0 ||
                 (type && strcasecmp(type, "application/xhtml+xml") == 0) || (mode && strcasecmp(mode, "xml") == 0));
  /* Atom's default type is text, but a content that is named so holds mark-up all the same; see feed_doc. */
  p->is_text =
      markup && !p->escapes && type && (strcasecmp(type, "text") == 0 || strncasecmp(type, "text/plain", 10) == 0);
  if (e->field == F_GUID && p->item_depth && strcmp(e->name, "guid") == 0 && p->ranks[F_GUID] < e->rank) {
    const char *is_link = xmltok_value(a, n, "isPermaLink");
    p->item.guid_is_link = !is_link || strcasecmp(is_link, "false") != 0;
  }
}

static int is_root(feed_parser *p, const char *name, const xmltok_attr *a, size_t n) {
  feed_kind kind = strcmp(name, "rss") == 0                                    ? FEED_RSS
                   : strcmp(name, "rdf:rdf") == 0 || strcmp(name, "rdf") == 0  ? FEED_RDF
                   : strcmp(name, "feed") == 0                                 ? FEED_ATOM
                   : strcmp(name, "channel") == 0 || strcmp(name, "item") == 0 ? FEED_RSS
                   : strcmp(name, "html") == 0 || strcmp(name, "xhtml:html") == 0 || strcmp(name, "head") == 0 ||
                           strcmp(name, "body") == 0
                       ? FEED_PAGE
                       : FEED_NONE;
  if (kind == FEED_NONE || p->head.kind != FEED_NONE) return 0;
  p->head.kind = kind;
  const char *language = xmltok_value(a, n, "xml:lang");
  if (language) {
    p->head.language = keep(p, language);
    p->head_ranks[F_LANGUAGE] = 1;
  }
  return p->failed;
}

/* <link rel="alternate" type="application/rss+xml"> of a page. */
static int on_page(feed_parser *p, const char *name, const xmltok_attr *a, size_t n) {
  if (strcmp(name, "link") != 0 || p->head.alternate) return 0;
  const char *rel = xmltok_value(a, n, "rel"), *type = xmltok_value(a, n, "type"), *href = xmltok_value(a, n, "href");
  if (!rel || !type || !href || !*href || !strcasestr(rel, "alternate")) return 0;
  if (strcasestr(type, "rss+xml") || strcasestr(type, "atom+xml") || strcasestr(type, "rdf+xml") ||
      strcasestr(type, "feed+json") || strcasecmp(type, "text/xml") == 0 || strcasecmp(type, "application/xml") == 0)
    p->head.alternate = keep(p, href);
  return p->failed;
}

static void inherit_base(feed_parser *p, const xmltok_attr *a, size_t n) {
  size_t depth = xmltok_depth(p->tok);
  const char *base = xmltok_value(a, n, "xml:base");
  p->bases[depth] = p->bases[depth - 1];
  if (!base || !*base) return;
  /* Kept with the feed: children of the item see it, too. */
  bool failed = false;
  const char *kept = feed_keep_trimmed(&p->feed, base, strlen(base), &failed);
  if (failed) p->failed = SL_ENOMEM;
  if (kept) p->bases[depth] = kept;
  if (kept && !p->item_depth && !p->head.base) p->head.base = kept;
}

/* A content of another type than text is an attachment. */
static bool is_readable(const char *type) {
  return !type || !strchr(type, '/') || strncasecmp(type, "text/", 5) == 0 || strcasestr(type, "xhtml");
}

static void begin_element(feed_parser *p, const char *name, const xmltok_attr *a, size_t n) {
  size_t depth = xmltok_depth(p->tok);
  if (strcmp(name, "link") == 0 && xmltok_value(a, n, "href")) {
    link_attributes(p, a, n);
    return;
  }
  if (strcmp(name, "category") == 0 && p->item_depth && xmltok_value(a, n, "term")) {
    const char *label = xmltok_value(a, n, "label");
    add_to(p, &p->item.categories, label && *label ? label : xmltok_value(a, n, "term"));
    return;
  }
  if (strcmp(name, "source") == 0 || strcmp(name, "textinput") == 0 || strcmp(name, "contributor") == 0 ||
      strcmp(name, "media:credit") == 0) {
    p->skip_depth = depth;
    return;
  }
  if (strcmp(name, "content") == 0 && !is_readable(xmltok_value(a, n, "type"))) {
    add_enclosure(p, xmltok_value(a, n, "src"), xmltok_value(a, n, "type"), NULL);
    p->skip_depth = depth;
    return;
  }
  media(p, name, a, n);
  for (size_t i = 0; i < sizeof elements / sizeof *elements; i++) {
    if (strcmp(elements[i].name, name) != 0) continue;
    begin_capture(p, &elements[i], a, n);
    return;
  }
}

/* A child of the element whose text is taken. */
static int inside_capture(feed_parser *p, const char *name, const xmltok_attr *a, size_t n) {
  if (p->field == F_AUTHOR) {
    /* Atom's author: the name alone; what stood around it are blanks. */
    if (strcmp(name, "name") == 0)
      p->text.n = 0;
    else if (!p->skip_depth)
      p->skip_depth = xmltok_depth(p->tok);
    return 0;
  }
  if (p->field == F_IMAGE) {
    /* <image><url>…</url></image>: the address is the text. */
    if (strcmp(name, "url") == 0)
      p->text.n = 0;
    else
      p->skip_depth = xmltok_depth(p->tok);
    return 0;
  }
  return p->captures_markup ? append_tag(p, name, a, n, false) : 0;
}

static int begin_item(feed_parser *p, const xmltok_attr *a, size_t n) {
  /* One that was not closed ends where the next begins. */
  int rc = p->item_depth ? feed_tell(p) : 0;
  if (rc != 0) return rc;
  feed_begin_item(p);
  p->item_depth = xmltok_depth(p->tok);
  const char *about = xmltok_value(a, n, "rdf:about"), *language = xmltok_value(a, n, "xml:lang");
  p->item.guid = keep(p, about);
  p->item.language = keep(p, language);
  if (language) p->ranks[F_LANGUAGE] = 1;
  return p->failed;
}

static int on_start(void *user, const char *raw, const xmltok_attr *a, size_t n) {
  feed_parser *p = user;
  char name[64];
  if (strncmp(raw, "atom:", 5) == 0) raw += 5;
  inherit_base(p, a, n);
  if (p->failed) return p->failed;
  if (p->skip_depth) return 0;
  if (p->capture_depth) return inside_capture(p, raw, a, n);
  lower(raw, name);
  if (p->head.kind == FEED_NONE && is_root(p, name, a, n) != 0) return p->failed;
  if (p->head.kind == FEED_PAGE) return on_page(p, name, a, n);
  if (p->head.kind == FEED_NONE) return 0;
  if (strcmp(name, "item") == 0 || strcmp(name, "entry") == 0) return begin_item(p, a, n);
  begin_element(p, name, a, n);
  return p->failed;
}

static int on_end(void *user, const char *raw) {
  feed_parser *p = user;
  size_t depth = xmltok_depth(p->tok);
  if (p->skip_depth) {
    if (p->skip_depth == depth) p->skip_depth = 0;
    return 0;
  }
  if (p->capture_depth && depth > p->capture_depth) {
    if (p->captures_markup) return append_tag(p, raw, NULL, 0, true);
    return 0;
  }
  if (p->capture_depth == depth) end_capture(p);
  if (p->failed || p->item_depth != depth) return p->failed;
  /* Half an item is none: it comes whole the next time. */
  int rc = xmltok_unclosed(p->tok) ? 0 : feed_tell(p);
  p->item_depth = 0;
  return rc;
}

static int on_text(void *user, const char *s, size_t n) {
  feed_parser *p = user;
  if (!p->capture_depth || p->skip_depth) return 0;
  return p->escapes ? append_escaped(p, s, n, false) : append(p, s, n);
}

int feed_parse_xml(feed_parser *p, const char *text, size_t n, const char **ret_why) {
  static const xmltok_events events = {on_start, on_end, on_text};
  p->tok = xmltok_new(p->mem, &events, p, namespaces, sizeof namespaces / sizeof *namespaces);
  if (!p->tok) return SL_ENOMEM;
  int rc = xmltok_push(p->tok, text, n);
  if (rc == 0) rc = xmltok_finish(p->tok);
  p->head.truncated = xmltok_truncated(p->tok);
  if (rc == SL_ELIMIT) {
    *ret_why =
        p->head.items >= p->limits.items ? "it has more items than are read" : "its elements are nested too deeply";
    return p->head.items ? 0 : rc;
  }
  if (rc != 0) return rc;
  if (p->head.kind == FEED_PAGE) {
    *ret_why = "it is a web page";
    return SL_EPARSE;
  }
  if (p->head.kind == FEED_NONE) {
    *ret_why = "it is XML, but neither RSS nor Atom";
    return SL_EPARSE;
  }
  return 0;
}
