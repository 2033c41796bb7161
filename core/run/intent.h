/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intents: what each sink is about to do, in a small mapped file of the state folder.
 *
 * A note is in the page cache as soon as it is made, so it survives the death of the process at no cost of a system
 * call; it may be lost when the machine goes down, which the boot id tells. Each slot holds two copies with a checksum,
 * so that a note that was being made leaves the one before it. Without a folder the notes live in memory.
 *
 * Safety: a slot belongs to one thread; open and close to one.
 */
#ifndef SLUICE_RUN_INTENT_H
#define SLUICE_RUN_INTENT_H

#include "base/err.h"

#define SL_INTENT_BYTES 1024

typedef struct sl_intents sl_intents;

typedef struct sl_intents_opts {
  const char *folder; /* NULL: in memory */
  const char *const *ids;
  uint32_t n;
  /* The slot that a note of an earlier run goes to: that of the same id, or of the stage that was called so. */
  int (*slot_of)(void *user, const char *id); /* -1: none */
  void *user;
} sl_intents_opts;

/* A slot for each of the ids; notes are carried over from the file of an earlier run. *ret [own]. */
int sl_intents_open(const sl_intents_opts *opts, sl_intents **ret, sl_err *err);
void sl_intents_close(sl_intents *in);
/* len up to SL_INTENT_BYTES, else SL_ELIMIT. */
int sl_intents_set(sl_intents *in, uint32_t slot, const void *data, size_t len);
/* The last whole note, len 0 if none. [borrow until the next set of the slot] */
void sl_intents_get(const sl_intents *in, uint32_t slot, sl_bytes *ret);
/* 1 if the machine has been started anew since the file was written. */
int sl_intents_rebooted(const sl_intents *in);

#endif
