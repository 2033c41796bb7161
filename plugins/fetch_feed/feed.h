/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeds as they are found: RSS 0.9x, 1.0, 2.0, Atom 0.3 and 1.0, JSON Feed 1.0 and 1.1, and what lies between.
 *
 * Items are told in the order of the feed, each as soon as its end is read, so that a feed that was cut off or that
 * breaks in the middle gives what came before. Nothing of an item outlives its callback. Reads no files and no network.
 */
#ifndef FETCH_FEED_FEED_H
#define FETCH_FEED_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lane_vec.h"

#define FEED_LIST_MAX 32u /* authors, categories, enclosures of an item; further ones are left out */

typedef enum feed_kind { FEED_NONE, FEED_RSS, FEED_RDF, FEED_ATOM, FEED_JSON, FEED_PAGE } feed_kind;

typedef struct feed_list {
  const char *items[FEED_LIST_MAX];
  uint32_t n;
} feed_list;

typedef struct feed_enclosure {
  const char *url, *type; /* type: NULL if not given */
  int64_t length;         /* -1: not given */
} feed_enclosure;

/* Strings are UTF-8 as the feed has them, trimmed, NULL when missing; URLs as written. */
typedef struct feed_item {
  const char *guid, *link, *title, *summary, *content, *published, *updated, *language, *comments, *image;
  const char *base; /* xml:base where the link stands, or NULL */
  bool guid_is_link;
  bool text_summary, text_content; /* no mark-up in it, by the feed's word */
  feed_list authors, categories;
  feed_enclosure enclosures[FEED_LIST_MAX];
  uint32_t n_enclosures;
} feed_item;

typedef struct feed_head {
  feed_kind kind;
  const char *title, *site, *language, *base;
  const char *alternate; /* FEED_PAGE: the first feed that the page names */
  int64_t ttl_minutes;   /* -1: not given */
  bool truncated;        /* it ended within an element */
  uint32_t items;
} feed_head;

/* 0, or anything else to end it: feed_parse answers that. head is what is known so far. */
typedef int (*feed_item_cb)(void *user, const feed_head *head, const feed_item *item);

typedef struct feed_limits {
  uint32_t items;    /* further ones are left out */
  size_t item_bytes; /* of the text of one item; what goes beyond it is cut */
} feed_limits;

typedef struct feed_parser feed_parser;

/* [own: feed_free]; NULL when memory is out. mem [borrow until feed_free]. */
feed_parser *feed_new(const lane_mem *mem, const feed_limits *limits, feed_item_cb cb, void *user);
/* Parses a whole file. content_type: the header, or NULL. 0; SL_EPARSE: no feed (head->kind FEED_PAGE or FEED_NONE,
 * *ret_why a constant text); SL_ELIMIT; SL_ENOMEM; or what cb answered. Once for each parser. */
int feed_parse(feed_parser *p, const char *bytes, size_t n, const char *content_type, const char **ret_why);
/* What the file says of itself. [borrow until feed_free] */
const feed_head *feed_head_of(const feed_parser *p);
void feed_free(feed_parser *p);

#endif
