/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the feed parser share. */
#ifndef FETCH_FEED_FEED_IMPL_H
#define FETCH_FEED_FEED_IMPL_H

#include "feed.h"
#include "xmltok.h"

/* A block of strings; the blocks of an item are kept for the next. */
typedef struct feed_arena {
  const lane_mem *mem;
  struct feed_block *first, *now;
  size_t used;  /* of `now` */
  size_t total; /* since the arena was emptied */
} feed_arena;

/* NULL when memory is out. */
char *feed_keep(feed_arena *a, const char *s, size_t n);
/* The same without blanks at both ends; NULL also if nothing is left (*ret_failed tells which). */
char *feed_keep_trimmed(feed_arena *a, const char *s, size_t n, bool *ret_failed);
void feed_arena_empty(feed_arena *a);
void feed_arena_done(feed_arena *a);

typedef enum feed_field {
  F_NONE,
  F_TITLE,
  F_LINK,
  F_GUID,
  F_SUMMARY,
  F_CONTENT,
  F_PUBLISHED,
  F_UPDATED,
  F_AUTHOR,
  F_CATEGORY,
  F_LANGUAGE,
  F_COMMENTS,
  F_IMAGE,
  F_TTL,
} feed_field;

struct feed_parser {
  const lane_mem *mem;
  feed_limits limits;
  feed_item_cb cb;
  void *user;
  feed_head head;
  feed_item item;
  feed_arena feed, of_item; /* strings of the head, of the item */

  /* XML: where it stands. */
  size_t item_depth;    /* of the open item; 0: none */
  size_t skip_depth;    /* of an element whose content does not count */
  size_t capture_depth; /* of the element whose text is taken */
  feed_field field;
  bool captures_markup; /* tags inside are part of the text */
  bool escapes;         /* text inside is escaped again */
  bool is_text;         /* no mark-up, by its type */
  int rank;             /* of the name it has: a better one takes its place */
  lane_vec text;        /* of the capture */
  int ranks[F_TTL + 1]; /* of what the item has, and the head when no item is open */
  int head_ranks[F_TTL + 1];
  const char *bases[XMLTOK_DEPTH_MAX + 1];
  int failed; /* SL_ENOMEM in an event */
  xmltok *tok;
};

int feed_parse_json(feed_parser *p, const char *text, size_t n, const char **ret_why);
int feed_parse_xml(feed_parser *p, const char *text, size_t n, const char **ret_why);
/* Tells the item and empties it. */
int feed_tell(feed_parser *p);
void feed_begin_item(feed_parser *p);

#endif
