/* SPDX-License-Identifier: Apache-2.0 */
/* The feed parser: which kind it is, and the memory of its strings. */
#include "feed.h"

#include <string.h>

#include <sluice/plugin.h>

#include "feed_impl.h"
#include "webtext.h"

/* ---- strings ----------------------------------------------------------------------------------------------------- */

#define BLOCK_BYTES 16384u

typedef struct feed_block {
  struct feed_block *next;
  size_t cap;
} feed_block;

static feed_block *block_for(feed_arena *a, size_t n) {
  feed_block **at = a->now ? &a->now->next : &a->first;
  feed_block *found = *at;
  if (found && found->cap >= n) return found;
  size_t cap = n > BLOCK_BYTES ? n : BLOCK_BYTES;
  feed_block *b = a->mem->alloc(sizeof *b + cap);
  if (!b) return NULL;
  *b = (feed_block){found, cap};
  return *at = b;
}

char *feed_keep(feed_arena *a, const char *s, size_t n) {
  if (!a->now || a->now->cap - a->used < n + 1) {
    feed_block *b = block_for(a, n + 1);
    if (!b) return NULL;
    a->now = b;
    a->used = 0;
  }
  char *to = (char *)(a->now + 1) + a->used;
  if (n) memcpy(to, s, n);
  to[n] = '\0';
  a->used += n + 1;
  a->total += n + 1;
  return to;
}

char *feed_keep_trimmed(feed_arena *a, const char *s, size_t n, bool *ret_failed) {
  while (n > 0 && (unsigned char)*s <= ' ') {
    s++;
    n--;
  }
  while (n > 0 && (unsigned char)s[n - 1] <= ' ') n--;
  if (n == 0) return NULL;
  char *kept = feed_keep(a, s, n);
  if (!kept) *ret_failed = true;
  return kept;
}

/* Large blocks are given back, so that one large item does not hold its room. */
void feed_arena_empty(feed_arena *a) {
  feed_block **at = &a->first;
  while (*at) {
    feed_block *b = *at;
    if (b->cap > BLOCK_BYTES) {
      *at = b->next;
      a->mem->free(b);
    } else {
      at = &b->next;
    }
  }
  a->now = NULL;
  a->used = a->total = 0;
}

void feed_arena_done(feed_arena *a) {
  while (a->first) {
    feed_block *next = a->first->next;
    a->mem->free(a->first);
    a->first = next;
  }
  a->now = NULL;
}

/* ---- parser ------------------------------------------------------------------------------------------------------ */

feed_parser *feed_new(const lane_mem *mem, const feed_limits *limits, feed_item_cb cb, void *user) {
  feed_parser *p = mem->alloc(sizeof *p);
  if (!p) return NULL;
  memset(p, 0, sizeof *p);
  p->mem = p->feed.mem = p->of_item.mem = mem;
  p->limits = *limits;
  p->cb = cb;
  p->user = user;
  p->head.ttl_minutes = -1;
  return p;
}

void feed_free(feed_parser *p) {
  if (!p) return;
  xmltok_free(p->tok);
  lane_vec_done(p->mem, &p->text);
  feed_arena_done(&p->feed);
  feed_arena_done(&p->of_item);
  p->mem->free(p);
}

const feed_head *feed_head_of(const feed_parser *p) { return &p->head; }

void feed_begin_item(feed_parser *p) {
  memset(&p->item, 0, sizeof p->item);
  memset(p->ranks, 0, sizeof p->ranks);
  feed_arena_empty(&p->of_item);
}

int feed_tell(feed_parser *p) {
  const feed_item *i = &p->item;
  if (p->head.items >= p->limits.items) return SL_ELIMIT;
  /* An item of nothing says nothing. */
  if (!i->title && !i->link && !i->guid && !i->summary && !i->content) return 0;
  p->head.items++;
  return p->cb(p->user, &p->head, i);
}

int feed_parse(feed_parser *p, const char *bytes, size_t n, const char *content_type, const char **ret_why) {
  char charset[WEBTEXT_CHARSET];
  webtext_conv conv;
  lane_vec text = {0};
  *ret_why = "";
  webtext_charset(bytes, n, content_type, true, charset);
  int rc = webtext_open(&conv, charset);
  if (rc == 0) rc = webtext_convert(&conv, p->mem, bytes, n, true, &text);
  webtext_close(&conv);
  if (rc == 0) {
    const char *s = text.items;
    size_t at = 0;
    /* A byte order mark, blanks and stray output before the first bracket. */
    while (at < text.n && s[at] != '<' && s[at] != '{') at++;
    if (at == text.n) {
      *ret_why = text.n == 0 ? "it is empty" : "it has neither XML nor JSON in it";
      rc = SL_EPARSE;
    } else if (s[at] == '{') {
      rc = feed_parse_json(p, s + at, text.n - at, ret_why);
    } else {
      rc = feed_parse_xml(p, s + at, text.n - at, ret_why);
    }
  }
  lane_vec_done(p->mem, &text);
  return rc;
}
