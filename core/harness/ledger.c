/* SPDX-License-Identifier: Apache-2.0 */
/* The extension "sluice.ledger/1" for tests: what was committed, what was saved since, and the intent. */
#include "harness/impl.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#define SAVED_MOST 4096
#define INTENT_MOST 1024

typedef struct kept {
  size_t len;
  char data[SAVED_MOST];
} kept;

/* Lives in memory that is shared with forked children. */
struct sl_harness_ledger {
  kept committed, saved, intent;
  kept older;      /* the intent at the last commit */
  kept previous;   /* the record of the commit before the last */
  int32_t pending; /* saved is not committed */
  int32_t rebooted;
  int32_t failing;
  uint64_t syncs;
};

sl_harness_ledger *sl_harness_ledger_new(void) {
  sl_harness_ledger *l = mmap(NULL, sizeof *l, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (l == MAP_FAILED) sl_harness_misuse("memory is out");
  return l;
}

void sl_harness_ledger_free(sl_harness_ledger *l) {
  if (l) munmap(l, sizeof *l);
}

void sl_harness_use_ledger(sl_harness *h, sl_harness_ledger *l) { h->ledger = l; }

void sl_harness_ledger_commit(sl_harness_ledger *l) {
  if (!l->pending) return;
  l->previous = l->committed;
  l->committed = l->saved;
  l->older = l->intent;
  l->pending = 0;
}

void sl_harness_ledger_crash(sl_harness_ledger *l, int32_t machine) {
  l->pending = 0;
  l->rebooted = machine != 0;
  if (machine == SL_HARNESS_MACHINE) l->intent = l->older;
  if (machine == SL_HARNESS_POWER) l->committed = l->previous;
}

void sl_harness_ledger_fail(sl_harness_ledger *l, int32_t code) { l->failing = code; }

sl_bytes sl_harness_ledger_committed(const sl_harness_ledger *l) {
  return (sl_bytes){l->committed.data, l->committed.len};
}

uint64_t sl_harness_ledger_syncs(const sl_harness_ledger *l) { return l->syncs; }

/* ---- the table --------------------------------------------------------------------------------------------------- */

static int32_t recall(sl_ctx *ctx, sl_bytes *ret_saved, sl_bytes *ret_intent, int32_t *ret_rebooted) {
  sl_harness_ledger *l = ((sl_harness *)(void *)ctx)->ledger;
  if (l->failing) return l->failing;
  *ret_saved = (sl_bytes){l->committed.data, l->committed.len};
  *ret_intent = (sl_bytes){l->intent.data, l->intent.len};
  *ret_rebooted = l->rebooted;
  return SL_OK;
}

static int32_t keep(sl_harness *h, kept *to, const void *data, size_t len, size_t most, const char *what) {
  if (h->ledger->failing) return h->ledger->failing;
  if (len > most || (len && !data)) {
    sl_harness_problem(h, "%s was given %zu bytes, at most %zu are kept", what, len, most);
    return SL_ELIMIT;
  }
  if (len) memcpy(to->data, data, len);
  to->len = len;
  return SL_OK;
}

static int32_t intend(sl_ctx *ctx, const void *data, size_t len) {
  sl_harness *h = (sl_harness *)(void *)ctx;
  h->ledger->rebooted = 0;
  return keep(h, &h->ledger->intent, data, len, INTENT_MOST, "intend of the ledger");
}

static int32_t save(sl_ctx *ctx, const void *data, size_t len, int32_t fd) {
  sl_harness *h = (sl_harness *)(void *)ctx;
  if (fd != -1 && fcntl(fd, F_GETFD) < 0) {
    sl_harness_problem(h, "save of the ledger was given the descriptor %d, which is not open", fd);
    return SL_EINVAL;
  }
  int32_t rc = keep(h, &h->ledger->saved, data, len, SAVED_MOST, "save of the ledger");
  if (rc == SL_OK) h->ledger->pending = 1;
  if (rc == SL_OK && fd != -1) h->ledger->syncs++;
  return rc;
}

const void *sl_harness_ledger_table(const sl_harness *h) {
  static const sl_ledger table = {sizeof table, 0, recall, intend, save};
  return h->ledger ? &table : NULL;
}
