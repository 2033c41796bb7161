/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tolerant reader of XML in pieces, for feeds and sitemaps as they are found.
 *
 * Bytes are pushed as they come; events are called for tags and text. Memory is that of one tag and of the open
 * elements. It is no validator: what a parser of XML must refuse is read as it was meant. Entities of HTML are known
 * everywhere, an ampersand or "<" that begins nothing is text, an end tag closes what stands open inside, one without a
 * beginning is ignored, attributes need no quotes, control characters become spaces. A DOCTYPE is skipped with all that
 * it declares, so that there is nothing to expand. Names come with the prefix of a table of namespaces, whatever the
 * file calls them; a prefix that is not declared stands for itself.
 *
 * Time is linear in the input. Input must be UTF-8 (see webtext.h); other bytes are passed on as they are.
 */
#ifndef SLUICE_PLUGINS_XMLTOK_H
#define SLUICE_PLUGINS_XMLTOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lane_vec.h"

#define XMLTOK_TAG_MAX (64u * 1024u) /* bytes of a tag; a longer one is skipped */
#define XMLTOK_DEPTH_MAX 128u        /* elements that may be open */
#define XMLTOK_ATTRS_MAX 64u         /* of a tag; further ones are ignored */

typedef struct xmltok xmltok;

/* Strings are NUL-terminated and valid until the event returns. */
typedef struct xmltok_attr {
  const char *name; /* as a name of an element; one without prefix has none */
  const char *value;
} xmltok_attr;

/* A namespace and the prefix that names in it get; "" for none. The URI is compared without case and without "/" or "#"
 * at its end. */
typedef struct xmltok_ns {
  const char *uri, *prefix;
} xmltok_ns;

/* Each answers 0, or anything else to end it: xmltok_push returns that. */
typedef struct xmltok_events {
  int (*start)(void *user, const char *name, const xmltok_attr *attrs, size_t n);
  int (*end)(void *user, const char *name);
  /* A piece of text or CDATA, decoded; a run may come in several. */
  int (*text)(void *user, const char *s, size_t n);
} xmltok_events;

/* mem, table [borrow until xmltok_free]. [own]; NULL when memory is out. */
xmltok *xmltok_new(const lane_mem *mem, const xmltok_events *events, void *user, const xmltok_ns *table,
                   size_t n_table);
void xmltok_free(xmltok *t);

/* 0, SL_ENOMEM, SL_ELIMIT (too deep), or what an event answered. After anything but 0 only xmltok_free is allowed. */
int xmltok_push(xmltok *t, const char *bytes, size_t n);
/* The input is over: gives what is left, and the end of what is open. */
int xmltok_finish(xmltok *t);

size_t xmltok_depth(const xmltok *t);
/* In an end event: the input is over, and the element was never closed. */
bool xmltok_unclosed(const xmltok *t);
/* 1 if elements were open, or a tag was, when the input ended. */
bool xmltok_truncated(const xmltok *t);

/* The value of an attribute, or NULL. */
const char *xmltok_value(const xmltok_attr *attrs, size_t n, const char *name);

/* Decodes the reference that begins at s (an ampersand). Returns its length and writes up to 8 bytes to out (*ret_n); 0
 * if it is none; -1 if more input may make it one. */
int xmltok_reference(const char *s, size_t n, char out[8], size_t *ret_n);

#endif
