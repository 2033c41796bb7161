/* SPDX-License-Identifier: Apache-2.0 */
/* Watermark, runs and parts of one source. */
#include "flow/track.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define BLOCK_SLOTS 512

typedef struct block {
  _Atomic(struct block *) next;
  atomic_uint n;   /* slots in use */
  uint64_t gap_to; /* the scan's: up to here what followed has been packed; 0: nothing was */
  sl_slot slots[BLOCK_SLOTS];
} block;

typedef struct run {
  uint64_t from, to, bits;
} run;

typedef struct runs {
  run *all;
  size_t n, cap;
} runs;

typedef struct part {
  uint64_t cursor, part;
  uint32_t sink;
  sl_slot *slot; /* NULL: of an earlier run */
  int past;      /* of an earlier run, and its loose slot has ended: not written any more; the scan's */
} part;

typedef struct parts {
  part *all;
  size_t n, cap;
} parts;

typedef struct loose {
  sl_slot slot; /* first */
  struct loose *next;
} loose;

struct sl_track {
  _Atomic uint64_t watermark;
  _Atomic uint64_t head; /* the last emitted cursor; 0: none in this run */
  uint64_t old_head;
  atomic_ullong emitted, passed; /* slots in all */
  block *first;                  /* scan's */
  uint32_t first_at;             /* slots of it that are given back */
  block *last;                   /* emission's */
  runs ended, masks;             /* of earlier runs, sorted; immutable after load but for bits of loose slots */
  parts old, now;                /* old: sorted, immutable after load */
  runs packed;                   /* ended above the watermark, their slots given back; the scan's */
  loose *flying;                 /* under the lock of the scan */
  uint32_t n_flying;
};

static block *block_new(void) {
  block *b = sl_mem_alloc(sizeof(*b));
  if (!b) return NULL;
  atomic_init(&b->next, NULL);
  atomic_init(&b->n, 0);
  b->gap_to = 0;
  return b;
}

int sl_track_new(sl_track **ret, sl_err *err) {
  sl_track *t = sl_mem_calloc(1, sizeof(*t));
  block *b = t ? block_new() : NULL;
  if (!b) {
    sl_mem_free(t);
    return sl_err_set(err, SL_ENOMEM, "no memory for the positions of a source");
  }
  t->first = t->last = b;
  *ret = t;
  return 0;
}

void sl_track_free(sl_track *t) {
  if (!t) return;
  for (block *b = t->first; b;) {
    block *next = atomic_load(&b->next);
    sl_mem_free(b);
    b = next;
  }
  while (t->flying) {
    loose *next = t->flying->next;
    sl_mem_free(t->flying);
    t->flying = next;
  }
  sl_mem_free(t->ended.all);
  sl_mem_free(t->masks.all);
  sl_mem_free(t->packed.all);
  sl_mem_free(t->old.all);
  sl_mem_free(t->now.all);
  sl_mem_free(t);
}

static int runs_add(runs *r, uint64_t from, uint64_t to, uint64_t bits) {
  if (r->n == r->cap) {
    size_t cap = r->cap ? r->cap * 2 : 16;
    run *all = sl_mem_realloc(r->all, cap * sizeof(*all));
    if (!all) return SL_ENOMEM;
    r->all = all;
    r->cap = cap;
  }
  r->all[r->n++] = (run){from, to, bits};
  return 0;
}

static int parts_add(parts *p, const part *one) {
  if (p->n == p->cap) {
    size_t cap = p->cap ? p->cap * 2 : 16;
    part *all = sl_mem_realloc(p->all, cap * sizeof(*all));
    if (!all) return SL_ENOMEM;
    p->all = all;
    p->cap = cap;
  }
  p->all[p->n++] = *one;
  return 0;
}

static int by_from(const void *a, const void *b) {
  const run *x = a, *y = b;
  return x->from < y->from ? -1 : x->from > y->from;
}

static int by_part(const void *a, const void *b) {
  const part *x = a, *y = b;
  if (x->cursor != y->cursor) return x->cursor < y->cursor ? -1 : 1;
  if (x->sink != y->sink) return x->sink < y->sink ? -1 : 1;
  return x->part < y->part ? -1 : x->part > y->part;
}

/* The run that holds the cursor, or NULL. */
static run *find(const runs *r, uint64_t cursor) {
  size_t lo = 0, hi = r->n;
  while (lo < hi) {
    size_t mid = (lo + hi) / 2;
    if (r->all[mid].to < cursor)
      lo = mid + 1;
    else
      hi = mid;
  }
  return lo < r->n && r->all[lo].from <= cursor ? &r->all[lo] : NULL;
}

/* Sorts, and joins runs that overlap. */
static void unite(runs *r) {
  size_t n = 0;
  if (!r->n) return;
  qsort(r->all, r->n, sizeof(run), by_from);
  for (size_t i = 1; i < r->n; i++) {
    if (r->all[i].from <= r->all[n].to) {
      if (r->all[i].to > r->all[n].to) r->all[n].to = r->all[i].to;
    } else {
      r->all[++n] = r->all[i];
    }
  }
  r->n = n + 1;
}

/* ---- reading ---- */

/* Numbers of the sinks of the text, by what they are called now. */
typedef struct names {
  uint32_t to[SL_TRACK_SINKS]; /* SL_TRACK_SINKS: gone */
  uint32_t n;
} names;

/* What the reading of a text needs. */
typedef struct reader {
  sl_track *t;
  int (*number)(void *user, const char *id);
  void *user;
  names n;
} reader;

static int read_names(reader *r, char *line) {
  char *save = NULL;
  r->n.n = 0;
  for (char *id = strtok_r(line, " ", &save); id; id = strtok_r(NULL, " ", &save)) {
    if (r->n.n == SL_TRACK_SINKS) return SL_EPARSE;
    int at = r->number(r->user, id);
    r->n.to[r->n.n++] = at < 0 || at >= SL_TRACK_SINKS ? SL_TRACK_SINKS : (uint32_t)at;
  }
  return 0;
}

static uint64_t renumber(const names *n, uint64_t bits) {
  uint64_t out = 0;
  for (uint32_t i = 0; i < n->n; i++)
    if (bits >> i & 1 && n->to[i] < SL_TRACK_SINKS) out |= (uint64_t)1 << n->to[i];
  return out;
}

static int read_line(reader *r, char *line) {
  sl_track *t = r->t;
  const names *n = &r->n;
  uint64_t a, b, c;
  uint32_t s;
  switch (line[0]) {
  case 'w':
    if (sscanf(line, "w %" SCNu64, &a) != 1) return SL_EPARSE;
    atomic_store(&t->watermark, a);
    return 0;
  case 'h':
    return sscanf(line, "h %" SCNu64, &t->old_head) == 1 ? 0 : SL_EPARSE;
  case 's':
    return read_names(r, line + 1);
  case 'e':
    if (sscanf(line, "e %" SCNu64 " %" SCNu64, &a, &b) != 2 || a > b) return SL_EPARSE;
    return runs_add(&t->ended, a, b, 0);
  case 'm':
    if (sscanf(line, "m %" SCNu64 " %" SCNu64 " %" SCNx64, &a, &b, &c) != 3 || a > b) return SL_EPARSE;
    c = renumber(n, c);
    return c ? runs_add(&t->masks, a, b, c) : 0;
  case 'p':
    if (sscanf(line, "p %" SCNu64 " %" SCNu32 " %" SCNx64, &a, &s, &b) != 3) return SL_EPARSE;
    if (s >= n->n || n->to[s] == SL_TRACK_SINKS) return 0;
    return parts_add(&t->old, &(part){.cursor = a, .sink = n->to[s], .part = b});
  default:
    return SL_EPARSE;
  }
}

int sl_track_load(sl_track *t, const sl_bytes *text, int (*number)(void *user, const char *id), void *user,
                  sl_err *err) {
  reader r = {.t = t, .number = number, .user = user};
  const char *all = text->data;
  char *line = NULL;
  size_t at = 0;
  uint32_t count = 0;
  int rc = 0;
  while (at < text->len && !rc) {
    const char *end = memchr(all + at, '\n', text->len - at);
    size_t m = end ? (size_t)(end - all) - at : text->len - at;
    sl_mem_free(line);
    line = sl_mem_strndup(all + at, m);
    if (!line) {
      rc = SL_ENOMEM;
      break;
    }
    at += m + 1;
    rc = count++ ? read_line(&r, line) : strcmp(line, "track 1") ? SL_EPARSE : 0;
  }
  sl_mem_free(line);
  if (rc == SL_ENOMEM) return sl_err_set(err, rc, "no memory for the positions of a source");
  if (rc) return sl_err_set(err, SL_EPARSE, "the stored positions of a source are damaged at line %u", count);
  unite(&t->ended);
  if (t->masks.n) qsort(t->masks.all, t->masks.n, sizeof(run), by_from);
  if (t->old.n) qsort(t->old.all, t->old.n, sizeof(part), by_part);
  return 0;
}

/* ---- emission ---- */

uint64_t sl_track_position(const sl_track *t) {
  uint64_t head = atomic_load(&t->head), mark = atomic_load(&t->watermark);
  return head > mark ? head : mark;
}

int sl_track_given(const sl_track *t, uint64_t cursor) {
  return cursor <= sl_track_position(t) || find(&t->ended, cursor) != NULL;
}

sl_slot *sl_track_emit(sl_track *t, uint64_t cursor) {
  block *b = t->last;
  uint32_t n = atomic_load_explicit(&b->n, memory_order_relaxed);
  if (n == BLOCK_SLOTS) {
    block *more = block_new();
    if (!more) return NULL;
    atomic_store_explicit(&b->next, more, memory_order_release);
    t->last = b = more;
    n = 0;
  }
  const run *known = find(&t->masks, cursor);
  b->slots[n].cursor = cursor;
  atomic_init(&b->slots[n].bits, known ? known->bits : 0);
  atomic_store_explicit(&b->n, n + 1, memory_order_release);
  atomic_store(&t->head, cursor);
  atomic_fetch_add_explicit(&t->emitted, 1, memory_order_relaxed);
  return &b->slots[n];
}

sl_slot *sl_track_emit_loose(sl_track *t, uint64_t cursor) {
  loose *l = sl_mem_calloc(1, sizeof(*l));
  if (!l) return NULL;
  run *known = find(&t->masks, cursor);
  l->slot.cursor = cursor;
  atomic_init(&l->slot.bits, known ? known->bits : 0);
  if (known) known->bits = 0; /* the slot speaks for it now */
  l->next = t->flying;
  t->flying = l;
  t->n_flying++;
  return &l->slot;
}

void sl_track_return(sl_track *t, sl_slot *s) {
  size_t n = 0;
  for (size_t i = 0; i < t->now.n; i++)
    if (t->now.all[i].slot != s) t->now.all[n++] = t->now.all[i];
  t->now.n = n;
  for (loose **at = &t->flying; *at; at = &(*at)->next) {
    if (&(*at)->slot != s) continue;
    loose *l = *at;
    *at = l->next;
    t->n_flying--;
    sl_mem_free(l);
    return;
  }
}

uint32_t sl_track_loose(const sl_track *t) { return t->n_flying; }

int sl_track_flies(const sl_track *t, uint64_t cursor) {
  for (const loose *l = t->flying; l; l = l->next)
    if (l->slot.cursor == cursor) return 1;
  return 0;
}

int sl_track_stored(sl_track *t, sl_slot *s, uint32_t sink, uint64_t hash) {
  if (!hash) {
    atomic_fetch_or_explicit(&s->bits, (uint64_t)1 << sink, memory_order_relaxed);
    return 0;
  }
  return parts_add(&t->now, &(part){.cursor = s->cursor, .part = hash, .sink = sink, .slot = s});
}

int sl_track_has(const sl_track *t, const sl_slot *s, uint32_t sink, uint64_t hash) {
  if (!hash) return (int)(atomic_load_explicit(&s->bits, memory_order_relaxed) >> sink & 1);
  if (!t->old.n) return 0;
  part key = {.cursor = s->cursor, .sink = sink, .part = hash};
  return bsearch(&key, t->old.all, t->old.n, sizeof(part), by_part) != NULL;
}

/* ---- scanning ---- */

static int is_ended(const sl_slot *s) {
  return (atomic_load_explicit(&s->bits, memory_order_acquire) & SL_SLOT_ENDED) != 0;
}

static void prune_parts(sl_track *t) {
  size_t n = 0;
  for (size_t i = 0; i < t->now.n; i++)
    if (!is_ended(t->now.all[i].slot)) t->now.all[n++] = t->now.all[i];
  t->now.n = n;
}

/* The slot at (b, i), going on to the next block; NULL at the end. */
static sl_slot *slot_at(block **b, uint32_t *i) {
  if (*i == BLOCK_SLOTS) {
    block *next = atomic_load_explicit(&(*b)->next, memory_order_acquire);
    if (!next) return NULL;
    *b = next;
    *i = 0;
  }
  return *i < atomic_load_explicit(&(*b)->n, memory_order_acquire) ? &(*b)->slots[*i] : NULL;
}

/* Returns the first block that is still in use; those before it are the caller's to free. */
static block *pass_ended(sl_track *t, void (*ended)(void *user, uint64_t cursor), void *user) {
  block *b = t->first;
  for (;;) {
    sl_slot *s = slot_at(&b, &t->first_at);
    if (!s || !is_ended(s)) return b;
    atomic_store(&t->watermark, s->cursor);
    if (ended) ended(user, s->cursor);
    t->first_at++;
    atomic_fetch_add_explicit(&t->passed, 1, memory_order_relaxed);
  }
}

static int all_ended(const block *b) {
  for (uint32_t i = 0; i < BLOCK_SLOTS; i++)
    if (!is_ended(&b->slots[i])) return 0;
  return 1;
}

/* The packed run that directly follows a block, or NULL. */
static run *run_behind(sl_track *t, const block *b) {
  for (size_t i = t->packed.n; b->gap_to && i-- > 0;)
    if (t->packed.all[i].to == b->gap_to) return &t->packed.all[i];
  return NULL;
}

/* One document may hold the watermark for long (a stage keeps it); the slots behind it that have ended become runs, so
 * that memory goes by what is open and not by what has passed. */
static void pack_ended(sl_track *t) {
  block *before = t->first;
  for (block *b = atomic_load(&before->next), *next; b; b = next) {
    next = atomic_load_explicit(&b->next, memory_order_acquire);
    if (!next || !all_ended(b)) {
      before = b;
      continue;
    }
    uint64_t to = b->gap_to ? b->gap_to : b->slots[BLOCK_SLOTS - 1].cursor;
    run *last = run_behind(t, before);
    if (last)
      last->to = to;
    else if (runs_add(&t->packed, b->slots[0].cursor, to, 0))
      return;
    before->gap_to = to;
    atomic_store(&before->next, next);
    atomic_fetch_add_explicit(&t->passed, BLOCK_SLOTS, memory_order_relaxed);
    sl_mem_free(b);
  }
}

static void forget_packed(sl_track *t) {
  uint64_t mark = atomic_load(&t->watermark);
  size_t n = 0;
  for (size_t i = 0; i < t->packed.n; i++)
    if (t->packed.all[i].to > mark) t->packed.all[n++] = t->packed.all[i];
  t->packed.n = n;
}

/* Takes out the loose slots that have ended. */
static loose *take_landed(sl_track *t) {
  loose *landed = NULL;
  for (loose **at = &t->flying; *at;) {
    loose *l = *at;
    if (!is_ended(&l->slot)) {
      at = &l->next;
      continue;
    }
    *at = l->next;
    l->next = landed;
    landed = l;
    t->n_flying--;
  }
  return landed;
}

static int collect_loose(const sl_track *t, runs *masks) {
  int rc = 0;
  for (const loose *l = t->flying; l && !rc; l = l->next) {
    uint64_t bits = atomic_load_explicit(&l->slot.bits, memory_order_acquire) & ~SL_SLOT_ENDED;
    if (bits) rc = runs_add(masks, l->slot.cursor, l->slot.cursor, bits);
  }
  return rc;
}

/* Runs of the slots that are left; *head: the last of them. */
static int collect(sl_track *t, runs *done, runs *masks, uint64_t *head) {
  block *b = t->first;
  uint32_t i = t->first_at;
  run *open = NULL;
  uint64_t before = 1;
  int rc = 0;
  for (sl_slot *s; !rc && (s = slot_at(&b, &i)); i++) {
    uint64_t bits = atomic_load_explicit(&s->bits, memory_order_acquire);
    if (bits & SL_SLOT_ENDED) bits = SL_SLOT_ENDED;
    *head = s->cursor;
    if (open && bits == before) {
      open->to = s->cursor;
    } else if (bits) {
      runs *r = bits == SL_SLOT_ENDED ? done : masks;
      rc = runs_add(r, s->cursor, s->cursor, bits);
      open = rc ? NULL : &r->all[r->n - 1];
    } else {
      open = NULL;
    }
    before = bits;
  }
  return rc;
}

static int carry_over(const sl_track *t, uint64_t head, runs *done, runs *masks) {
  uint64_t mark = atomic_load(&t->watermark);
  int rc = 0;
  for (size_t i = 0; i < t->packed.n && !rc; i++) rc = runs_add(done, t->packed.all[i].from, t->packed.all[i].to, 0);
  for (size_t i = 0; i < t->ended.n && !rc; i++)
    if (t->ended.all[i].to > mark) rc = runs_add(done, t->ended.all[i].from, t->ended.all[i].to, 0);
  for (size_t i = 0; i < t->masks.n && !rc; i++) {
    const run *r = &t->masks.all[i];
    if (r->bits && r->to > head && r->to > mark)
      rc = runs_add(masks, r->from > head ? r->from : head + 1, r->to, r->bits);
  }
  return rc;
}

static void print_parts(const sl_track *t, const parts *p, sl_buf *out) {
  uint64_t mark = atomic_load(&t->watermark);
  for (size_t i = 0; i < p->n; i++)
    if (p->all[i].cursor > mark && !p->all[i].past)
      sl_buf_addf(out, "p %" PRIu64 " %" PRIu32 " %" PRIx64 "\n", p->all[i].cursor, p->all[i].sink, p->all[i].part);
}

static void print(const sl_track *t, const char *const *sinks, uint32_t n_sinks, const runs *done, const runs *masks,
                  sl_buf *out) {
  uint64_t position = sl_track_position(t), head = position > t->old_head ? position : t->old_head;
  sl_buf_addf(out, "track 1\nw %" PRIu64 "\nh %" PRIu64 "\ns", atomic_load(&t->watermark), head);
  for (uint32_t i = 0; i < n_sinks && i < SL_TRACK_SINKS; i++) sl_buf_addf(out, " %s", sinks[i]);
  sl_buf_addc(out, '\n');
  for (size_t i = 0; i < done->n; i++)
    sl_buf_addf(out, "e %" PRIu64 " %" PRIu64 "\n", done->all[i].from, done->all[i].to);
  for (size_t i = 0; i < masks->n; i++)
    sl_buf_addf(out, "m %" PRIu64 " %" PRIu64 " %" PRIx64 "\n", masks->all[i].from, masks->all[i].to,
                masks->all[i].bits);
  print_parts(t, &t->old, out);
  print_parts(t, &t->now, out);
}

int sl_track_scan(sl_track *t, const char *const *sinks, uint32_t n_sinks, void (*ended)(void *user, uint64_t cursor),
                  void *user, sl_buf *out) {
  runs done = {0}, masks = {0};
  uint64_t head = 0;
  block *from = t->first;
  t->first = pass_ended(t, ended, user);
  loose *landed = take_landed(t);
  /* Parts point to slots: those of slots that go have ended, and are taken out first. */
  prune_parts(t);
  while (landed) {
    loose *next = landed->next;
    for (size_t i = 0; i < t->old.n; i++)
      if (t->old.all[i].cursor == landed->slot.cursor) t->old.all[i].past = 1;
    if (ended) ended(user, landed->slot.cursor);
    sl_mem_free(landed);
    landed = next;
  }
  while (from != t->first) {
    block *next = atomic_load(&from->next);
    sl_mem_free(from);
    from = next;
  }
  pack_ended(t);
  forget_packed(t);
  int rc = collect(t, &done, &masks, &head);
  if (!rc) rc = collect_loose(t, &masks);
  if (!head) head = atomic_load(&t->watermark);
  if (!rc) rc = carry_over(t, head, &done, &masks);
  if (!rc) {
    unite(&done);
    print(t, sinks, n_sinks, &done, &masks, out);
    if (out->failed) rc = SL_ENOMEM;
  }
  sl_mem_free(done.all);
  sl_mem_free(masks.all);
  return rc;
}

uint64_t sl_track_open(const sl_track *t) { return atomic_load(&t->emitted) - atomic_load(&t->passed); }
uint64_t sl_track_watermark(const sl_track *t) { return atomic_load(&t->watermark); }
uint64_t sl_track_old_head(const sl_track *t) { return t->old_head; }
