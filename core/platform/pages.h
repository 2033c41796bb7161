/* SPDX-License-Identifier: Apache-2.0 */
/* Memory as the system gives it: ranges of addresses, their pages, and the size of a block of malloc. [any] */
#ifndef SLUICE_PLATFORM_PAGES_H
#define SLUICE_PLATFORM_PAGES_H

#include <stddef.h>

/* Addresses without memory behind them until they are written. NULL if the system refuses. Never given back. */
void *sl_pages_reserve(size_t bytes);
/* No huge pages here: one would bring memory behind addresses that nobody has written. */
void sl_pages_keep_small(void *p, size_t bytes);
/* Gives the memory back; the addresses stay, and read as zero. */
void sl_pages_drop(void *p, size_t bytes);
/* Bytes of a block of malloc. */
size_t sl_pages_malloc_size(void *p);

#endif
