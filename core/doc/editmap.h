/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Edit maps: from bytes of /text back to bytes of the payload. Immutable and counted; a change makes a new map.
 *
 * A map is a sorted list of runs (sl_span), see there. Text without a run was inserted and has no source.
 */
#ifndef SLUICE_DOC_EDITMAP_H
#define SLUICE_DOC_EDITMAP_H

#include "doc/document.h"

/* spans are copied, and joined where they touch and run on. SL_EINVAL if they are unsorted, overlap or leave the text
 * (text_len bytes). *ret [own]. [any] */
int sl_editmap_new(const sl_span *spans, size_t n, uint64_t text_len, sl_editmap **ret, sl_err *err);
sl_editmap *sl_editmap_ref(sl_editmap *map);
void sl_editmap_unref(sl_editmap *map);
size_t sl_editmap_count(const sl_editmap *map);
const sl_span *sl_editmap_spans(const sl_editmap *map); /* [borrow] */
size_t sl_editmap_size(const sl_editmap *map);          /* bytes held */

/* later leads from the new text to the old text, earlier from the old text to the source: *ret leads from new text to
 * source. */
int sl_editmap_compose(const sl_editmap *later, const sl_editmap *earlier, sl_editmap **ret, sl_err *err);
/* The map after text [start, end) was replaced by len bytes. */
int sl_editmap_splice(const sl_editmap *map, uint64_t start, uint64_t end, uint64_t len, sl_editmap **ret, sl_err *err);
/* The smallest source range that covers what text [start, end) came from. An empty range is a place: start = end.
 * SL_ENOTFOUND if nothing in it has a source. */
int sl_editmap_lookup(const sl_editmap *map, uint64_t start, uint64_t end, uint64_t *ret_start, uint64_t *ret_end);

/* The extension sluice.edit/1 over a document; see sl_edit. */
int sl_doc_edit_text_set(sl_doc *doc, const char *text, size_t len, const sl_span *spans, uint32_t n, sl_err *err);
int sl_doc_edit_replace(sl_doc *doc, uint64_t start, uint64_t end, const char *with, size_t len, sl_err *err);
int sl_doc_edit_source_of(const sl_doc *doc, uint64_t start, uint64_t end, uint64_t *ret_start, uint64_t *ret_end,
                          sl_err *err);

#endif
