/* SPDX-License-Identifier: Apache-2.0 */
/*
 * robots.txt by RFC 9309, with the tolerances of the reference matcher.
 *
 * Rules of all groups that name an agent count together; the groups of * only if there is none. The longest pattern
 * that matches decides, Allow before Disallow if they are equally long. A line may end in CR, LF or both; keys may be
 * mistyped in the usual ways ("dissallow", "useragent"), the colon may be a space; a byte order mark is skipped; a line
 * counts up to ROBOTS_LINE bytes, a file up to ROBOTS_MAX bytes. Any bytes are accepted. What a fetch that failed means
 * (4xx: all allowed; 5xx and no answer: nothing) is the caller's affair: robots_fixed makes such a rule set.
 *
 * A rule set is immutable: threads may share it.
 */
#ifndef SLUICE_PLUGINS_ROBOTS_H
#define SLUICE_PLUGINS_ROBOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lane_vec.h"

/* Bytes of a file that are read: 500 KiB, the least that RFC 9309 demands. */
#define ROBOTS_MAX (500u * 1024u)
/* Bytes of a line that are read. */
#define ROBOTS_LINE (2083u * 8u - 1u)

typedef struct robots robots;

/* [own: robots_free]; NULL when memory is out. mem [borrow until robots_free]. bytes may be NULL if n is 0. */
robots *robots_parse(const lane_mem *mem, const char *bytes, size_t n);
/* The same for a file that is not there: everything allowed, or nothing. */
robots *robots_fixed(const lane_mem *mem, bool allow);
void robots_free(robots *r);

/* Whether agent may fetch. agent is a product token ("Sluice"), compared whole and without case. path is "/path?query"
 * as in a request, percent-encoded, without fragment (weburl_request); n == 0 stands for "/". */
bool robots_allows(const robots *r, const char *agent, const char *path, size_t n);

/* Crawl-delay of the agent in milliseconds (fractions of seconds are read; at most a day); -1 if none is given. */
int64_t robots_delay_ms(const robots *r, const char *agent);

/* Whether a group names the agent, so that the groups of * do not count. */
bool robots_names(const robots *r, const char *agent);

/* The Sitemap lines, in their order; they belong to no agent. [borrow until robots_free], NUL-terminated as they stand
 * in the file; NULL if i is not below robots_sitemaps. */
size_t robots_sitemaps(const robots *r);
const char *robots_sitemap(const robots *r, size_t i);

#endif
