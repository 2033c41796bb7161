/* SPDX-License-Identifier: Apache-2.0 */
/* Zones, stations and order. */
#include "flow/flow.h"

#include <string.h>

#include "base/mem.h"

/* ---- building ---- */

static void close_reach(uint8_t *reach, uint32_t n) {
  for (uint32_t k = n; k-- > 0;)
    for (uint32_t t = k + 1; t < n; t++)
      if (reach[k * n + t])
        for (uint32_t u = t + 1; u < n; u++) reach[k * n + u] |= reach[t * n + u];
}

static int fill_zone(sl_flow *f, uint32_t k, sl_zone *z) {
  z->ordered = sl_mem_calloc(f->n_stations, sizeof(uint32_t));
  z->below = sl_mem_calloc(f->n_stations, sizeof(uint32_t));
  if (!z->ordered || !z->below) return SL_ENOMEM;
  for (uint32_t t = k + 1; t < f->n_stations; t++) {
    if (!f->reach[k * f->n_stations + t]) continue;
    z->below[z->n_below++] = t;
    if (f->stations[t].order != SL_NO_ORDER) z->ordered[z->n_ordered++] = t;
  }
  return 0;
}

static void init_station(sl_station *s) {
  pthread_condattr_t attr;
  pthread_condattr_init(&attr);
  pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  pthread_mutex_init(&s->lock, NULL);
  pthread_cond_init(&s->cond, &attr);
  pthread_condattr_destroy(&attr);
}

int sl_flow_init(sl_flow *f, uint32_t n, const uint8_t *next, const uint8_t *ordered, sl_err *err) {
  *f = (sl_flow){.n_stations = n, .n_zones = 2 * n};
  f->stations = sl_mem_calloc(n, sizeof(*f->stations));
  f->zones = sl_mem_calloc(f->n_zones, sizeof(*f->zones));
  f->reach = sl_mem_memdup(next, (size_t)n * n);
  if (!f->stations || !f->zones || !f->reach) goto nomem;
  for (uint32_t t = 0; t < n; t++) {
    init_station(&f->stations[t]);
    f->stations[t].order = ordered[t] ? f->n_ordered++ : SL_NO_ORDER;
  }
  close_reach(f->reach, n);
  for (uint32_t k = 0; k < n; k++)
    if (fill_zone(f, k, &f->zones[sl_zone_q(k)]) || fill_zone(f, k, &f->zones[sl_zone_l(k)])) goto nomem;
  return 0;
nomem:
  sl_flow_done(f);
  return sl_err_set(err, SL_ENOMEM, "no memory for a pipeline of %u stations", n);
}

void sl_flow_done(sl_flow *f) {
  for (uint32_t t = 0; f->stations && t < f->n_stations; t++) {
    sl_station *s = &f->stations[t];
    for (uint32_t i = 0; i < s->ring_n; i++) sl_unit_unref(s->ring[(s->ring_head + i) % s->ring_cap]);
    sl_mem_free(s->ring);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->cond);
  }
  for (uint32_t z = 0; f->zones && z < f->n_zones; z++) {
    sl_mem_free(f->zones[z].ordered);
    sl_mem_free(f->zones[z].below);
  }
  sl_mem_free(f->stations);
  sl_mem_free(f->zones);
  sl_mem_free(f->reach);
  *f = (sl_flow){0};
}

/* ---- order ---- */

static int ring_push(sl_station *s, sl_unit *unit) {
  if (s->ring_n == s->ring_cap) {
    uint32_t cap = s->ring_cap ? s->ring_cap * 2 : 64;
    sl_unit **ring = sl_mem_alloc(cap * sizeof(sl_unit *));
    if (!ring) return SL_ENOMEM;
    for (uint32_t i = 0; i < s->ring_n; i++) ring[i] = s->ring[(s->ring_head + i) % s->ring_cap];
    sl_mem_free(s->ring);
    s->ring = ring;
    s->ring_cap = cap;
    s->ring_head = 0;
  }
  s->ring[(s->ring_head + s->ring_n++) % s->ring_cap] = unit;
  atomic_fetch_add(&unit->refs, 1);
  return 0;
}

/* Where a unit goes in the ring: at the end, or right behind `last`, which may have had its turn already. */
static uint32_t place_in(const sl_station *s, int at_end, const sl_unit *last) {
  if (at_end) return s->ring_n;
  for (uint32_t i = s->ring_n; i-- > 0;)
    if (s->ring[(s->ring_head + i) % s->ring_cap] == last) return i + 1;
  return 0;
}

static int ring_insert(sl_station *s, sl_unit *unit, uint32_t at) {
  int rc = ring_push(s, unit);
  if (rc) return rc;
  for (uint32_t i = s->ring_n - 1; i > at; i--)
    s->ring[(s->ring_head + i) % s->ring_cap] = s->ring[(s->ring_head + i - 1) % s->ring_cap];
  s->ring[(s->ring_head + at) % s->ring_cap] = unit;
  return 0;
}

/* Takes a unit that has not set off out of the ring again. */
static void ring_remove(sl_station *s, const sl_unit *unit) {
  uint32_t at = place_in(s, 0, unit);
  if (!at) return;
  for (uint32_t i = at; i < s->ring_n; i++)
    s->ring[(s->ring_head + i - 1) % s->ring_cap] = s->ring[(s->ring_head + i) % s->ring_cap];
  s->ring_n--;
}

static int enroll(sl_flow *f, sl_unit *unit, uint32_t k, int at_end, const sl_unit *last) {
  const sl_zone *z = &f->zones[sl_zone_l(k)];
  uint32_t i = 0;
  int rc = 0;
  for (; i < z->n_ordered && !rc; i++) {
    sl_station *s = &f->stations[z->ordered[i]];
    pthread_mutex_lock(&s->lock);
    rc = ring_insert(s, unit, place_in(s, at_end, last));
    pthread_mutex_unlock(&s->lock);
  }
  if (!rc) return 0;
  for (i--; i-- > 0;) {
    sl_station *s = &f->stations[z->ordered[i]];
    pthread_mutex_lock(&s->lock);
    ring_remove(s, unit);
    pthread_mutex_unlock(&s->lock);
    sl_unit_unref(unit);
  }
  return rc;
}

int sl_flow_register(sl_flow *f, sl_unit *unit, uint32_t k) { return enroll(f, unit, k, 1, NULL); }

int sl_flow_register_after(sl_flow *f, sl_unit *unit, uint32_t k, const sl_unit *last) {
  return enroll(f, unit, k, 0, last);
}

static int complete(const sl_flow *f, const sl_unit *unit, uint32_t t) {
  for (uint32_t k = 0; k < t; k++) {
    if (!f->reach[k * f->n_stations + t]) continue;
    if (atomic_load(&unit->live[sl_zone_q(k)]) || atomic_load(&unit->live[sl_zone_l(k)])) return 0;
  }
  return 1;
}

static void wake(sl_station *s) {
  if (s->notify)
    s->notify(s->notify_user);
  else if (s->waiting)
    pthread_cond_broadcast(&s->cond);
}

static void release(sl_flow *f, uint32_t t) {
  sl_station *s = &f->stations[t];
  sl_unit *done[32];
  uint32_t n;
  do {
    n = 0;
    pthread_mutex_lock(&s->lock);
    uint32_t before = s->ready.n;
    while (n < 32 && s->ring_n && complete(f, s->ring[s->ring_head], t)) {
      sl_unit *u = s->ring[s->ring_head];
      sl_docs *at = &u->at[s->order];
      if (at->n > 1 && atomic_load(&u->unsorted)) sl_docs_sort(at);
      sl_docs_append(&s->ready, at);
      s->ring_head = (s->ring_head + 1) % s->ring_cap;
      s->ring_n--;
      done[n++] = u;
    }
    if (s->ready.n != before) wake(s);
    pthread_mutex_unlock(&s->lock);
    for (uint32_t i = 0; i < n; i++) sl_unit_unref(done[i]);
  } while (n == 32);
}

/* ---- counting ---- */

void sl_flow_enter(sl_flow *f, uint32_t zone, sl_unit *unit, uint32_t n) {
  sl_zone *z = &f->zones[zone];
  if (unit && z->n_ordered) atomic_fetch_add(&unit->live[zone], (int)n);
  atomic_fetch_add(&z->live, n);
}

static void leave_unit(sl_flow *f, uint32_t zone, sl_unit *unit, uint32_t n) {
  sl_zone *z = &f->zones[zone];
  if (!unit || !z->n_ordered) return;
  if (atomic_fetch_sub(&unit->live[zone], (int)n) != (int)n) return;
  for (uint32_t i = 0; i < z->n_ordered; i++) release(f, z->ordered[i]);
}

void sl_flow_leave(sl_flow *f, uint32_t zone, sl_unit *unit, uint32_t n) {
  if (!n) return;
  leave_unit(f, zone, unit, n);
  sl_zone *z = &f->zones[zone];
  if (atomic_fetch_sub(&z->live, n) != n) return;
  for (uint32_t i = 0; i < z->n_below; i++) sl_flow_poke(f, z->below[i]);
}

void sl_flow_park(sl_flow *f, sl_doc *doc) {
  sl_unit *unit = doc->unit;
  doc->unit = NULL;
  leave_unit(f, doc->zone, unit, 1);
}

void sl_flow_arrive(sl_flow *f, uint32_t t, sl_unit *unit, sl_docs *docs) {
  if (!docs->n) return;
  sl_station *s = &f->stations[t];
  uint32_t zone = sl_zone_q(t);
  sl_flow_enter(f, zone, unit, docs->n);
  for (sl_doc *d = docs->head; d; d = d->next) {
    d->zone = zone;
    /* No ordered station follows: nothing keeps the unit alive from here on, and nothing asks for it. */
    if (!f->zones[zone].n_ordered) d->unit = NULL;
  }
  pthread_mutex_lock(&s->lock);
  if (unit && s->order != SL_NO_ORDER) {
    sl_docs_append(&unit->at[s->order], docs);
  } else {
    sl_docs_append(&s->ready, docs);
    wake(s);
  }
  pthread_mutex_unlock(&s->lock);
}

void sl_flow_again(sl_flow *f, uint32_t t, sl_docs *docs) {
  sl_station *s = &f->stations[t];
  pthread_mutex_lock(&s->lock);
  sl_docs_prepend(&s->ready, docs);
  wake(s);
  pthread_mutex_unlock(&s->lock);
}

int sl_flow_ended(sl_flow *f, uint32_t t) {
  for (uint32_t k = 0; k < t; k++) {
    if (!f->reach[k * f->n_stations + t]) continue;
    if (atomic_load(&f->zones[sl_zone_q(k)].live) || atomic_load(&f->zones[sl_zone_l(k)].live)) return 0;
  }
  return 1;
}

void sl_flow_poke(sl_flow *f, uint32_t t) {
  sl_station *s = &f->stations[t];
  pthread_mutex_lock(&s->lock);
  wake(s);
  pthread_mutex_unlock(&s->lock);
}

uint32_t sl_flow_window(sl_flow *f, uint32_t t) {
  sl_station *s = &f->stations[t];
  pthread_mutex_lock(&s->lock);
  uint32_t n = s->ring_n;
  pthread_mutex_unlock(&s->lock);
  return n;
}
