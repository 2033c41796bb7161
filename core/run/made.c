/* SPDX-License-Identifier: Apache-2.0 */
/* What `create` of a stage made, counted. */
#include "run/made.h"

#include <string.h>

#include "base/mem.h"
#include "conf/equal.h"
#include "run/runtime.h"

sl_made *sl_made_new(const sl_stage_conf *conf, void (*hold)(void *owner), void (*release)(void *owner), void *owner) {
  sl_made *m = sl_mem_calloc(1, sizeof *m);
  if (!m) return NULL;
  atomic_init(&m->refs, 1);
  m->conf = conf;
  m->inputs = sl_params_inputs(conf->type, conf->params);
  m->release = release;
  m->owner = owner;
  if (hold) hold(owner);
  return m;
}

sl_made *sl_made_ref(sl_made *m) {
  atomic_fetch_add(&m->refs, 1);
  return m;
}

void sl_made_unref(sl_made *m) {
  if (!m || atomic_fetch_sub(&m->refs, 1) != 1) return;
  if (m->conf->type->destroy) m->conf->type->destroy(m->stage);
  if (m->release) m->release(m->owner);
  sl_mem_free(m);
}

static int same(const char *a, const char *b) { return strcmp(a ? a : "", b ? b : "") == 0; }

sl_made *sl_made_find(const sl_kept *kept, const sl_stage_conf *conf) {
  for (uint32_t i = 0; kept && i < kept->n; i++) {
    sl_made *m = kept->items[i];
    const sl_stage_conf *c = m->conf;
    if (c->type != conf->type || !same(c->id, conf->id) || !same(c->plugin_build, conf->plugin_build)) continue;
    if (!sl_params_equal(c->type, c->params, conf->params)) continue;
    if (m->inputs == sl_params_inputs(conf->type, conf->params)) return sl_made_ref(m);
  }
  return NULL;
}

sl_kept *sl_kept_of(const sl_engine *e) {
  sl_kept *kept = sl_mem_calloc(1, sizeof *kept + e->n_stages * sizeof(sl_made *));
  for (uint32_t i = 0; kept && i < e->n_stages; i++)
    if (e->stages[i].made) kept->items[kept->n++] = sl_made_ref(e->stages[i].made);
  return kept;
}

void sl_kept_free(sl_kept *kept) {
  for (uint32_t i = 0; kept && i < kept->n; i++) sl_made_unref(kept->items[i]);
  sl_mem_free(kept);
}
