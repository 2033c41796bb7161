/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sitemaps: XML, index files, plain lists, gzip; with the tags of Google News. Others (images, videos) are passed over.
 *
 * The file is read in steps of a few KiB after decompression, whatever its size, so that memory is that of one URL.
 * Nothing of an entry outlives its callback. A file that is cut off gives what came before.
 */
#ifndef FETCH_SITEMAP_SITEMAP_H
#define FETCH_SITEMAP_SITEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lane_vec.h"

typedef enum sitemap_kind { SITEMAP_NONE, SITEMAP_URLS, SITEMAP_INDEX, SITEMAP_TEXT, SITEMAP_OTHER } sitemap_kind;

/* Strings are UTF-8, trimmed, NULL when missing. */
typedef struct sitemap_entry {
  const char *loc, *lastmod;
  bool is_index; /* loc is a sitemap */
  /* Google News */
  const char *title, *date, *language, *publication, *keywords;
} sitemap_entry;

/* 0, or anything else to end it. */
typedef int (*sitemap_cb)(void *user, const sitemap_entry *entry);

typedef struct sitemap_limits {
  uint32_t entries;
  uint64_t bytes; /* after decompression */
} sitemap_limits;

typedef struct sitemap sitemap;

/* mem [borrow until sitemap_free]; bytes [borrow until sitemap_free]. content_type: the header, or NULL. [own]; NULL
 * when memory is out. */
sitemap *sitemap_new(const lane_mem *mem, const sitemap_limits *limits, sitemap_cb cb, void *user);
void sitemap_open(sitemap *s, const char *bytes, size_t n, const char *content_type);
/* Reads on. 1: there is more; 0: it is done; SL_EPARSE: it is no sitemap; SL_ELIMIT: a limit was reached, what came
 * before counts; SL_ENOMEM; or what cb answered. */
int sitemap_step(sitemap *s);
void sitemap_free(sitemap *s);

sitemap_kind sitemap_kind_of(const sitemap *s);
uint32_t sitemap_count(const sitemap *s);
/* After the end: it was cut off, or its compression is broken. */
bool sitemap_truncated(const sitemap *s);
/* What is wrong, a constant text; "" if nothing. */
const char *sitemap_why(const sitemap *s);

/* Whether a URL is matched by a pattern in which * stands for any characters and ? for one. */
bool sitemap_match(const char *pattern, const char *url);

#endif
