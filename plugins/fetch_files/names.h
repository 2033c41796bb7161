/* SPDX-License-Identifier: Apache-2.0 */
/* What a file's name says: its URI, its media type, its identifier, its kind of records. */
#ifndef SLUICE_FETCH_NAMES_H
#define SLUICE_FETCH_NAMES_H

#include <stddef.h>

#define FETCH_PAGE 0  /* the bytes are the document's payload */
#define FETCH_JSON 1  /* one object, or an array of them */
#define FETCH_LINES 2 /* one object a line */

/* By the ending, without .gz, .zst and .zstd. */
int fetch_kind_of(const char *name);
/* Media type of a page: by the ending, then by the first bytes. */
const char *fetch_media_type(const char *name, const char *data, size_t len);
/* file://… with everything but unreserved characters and slashes percent-encoded. [own: free] */
char *fetch_uri(const char *path);
/* The path below the root without the ending and the compression's ending; invalid UTF-8 becomes U+FFFD. [own: free] */
char *fetch_identifier(const char *rel);
/* A name as valid UTF-8. [own: free] */
char *fetch_valid_name(const char *name);

#endif
