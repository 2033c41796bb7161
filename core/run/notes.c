/* SPDX-License-Identifier: Apache-2.0 */
/* The mapped file of what threads work on, the handler of fatal signals, and the counting of crashes. */
#include "run/notes.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/time.h"
#include "run/runtime.h"

#define MAGIC "sluice notes 2\n"
#define THIRDS_SIGNAL 3
#define THIRDS_ENOUGH 6
#define ALT_STACK ((size_t)32 << 10)
#define MAX_SUSPECTS 4096
#define SYNC_NS (10 * SL_TIME_S)

struct file {
  char magic[16];
  uint32_t n_stages, n_slots, alone, unused;
  /* char ids[n_stages][128]; atomic_ullong heads[n_stages + 1] (the last: the queue); sl_note slots[n_slots]; */
};

/* Views into a file. */
struct view {
  struct file *head;
  char (*ids)[128];
  atomic_ullong *heads;
  sl_note *slots;
};

typedef struct suspect {
  uint32_t source; /* stage index; SL_SOURCE_QUEUE */
  uint32_t stage;
  uint64_t cursor;
  uint32_t thirds;
  int signal;
} suspect;

struct sl_notes {
  sl_engine *e;
  struct view now;
  size_t size;
  char *path;
  void **stacks; /* of each slot */
  uint32_t n_condemned;
  suspect condemned[64];
  atomic_ullong *until; /* per source and the queue: documents up to here run alone; 0: past */
  atomic_int alone;
};

static _Thread_local sl_note *mine;
static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
#define N_FATAL (sizeof fatal / sizeof *fatal)
static struct sigaction before[N_FATAL];

/* ---- the handler ---- */

static void on_crash(int sig, siginfo_t *info, void *context) {
  (void)context;
  if (mine && atomic_load_explicit(&mine->source, memory_order_relaxed)) atomic_store(&mine->signal, sig);
  for (size_t i = 0; i < N_FATAL; i++)
    if (fatal[i] == sig) sigaction(sig, &before[i], NULL);
  /* A fault happens again when the instruction is run again; a signal that was sent does not. */
  if (info->si_code <= 0) raise(sig);
}

/* Again when somebody else has taken a signal since. */
static void install(void) {
  struct sigaction sa = {.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  sa.sa_sigaction = on_crash;
  sigemptyset(&sa.sa_mask);
  for (size_t i = 0; i < N_FATAL; i++) {
    struct sigaction now;
    if (sigaction(fatal[i], NULL, &now) == 0 && now.sa_sigaction == on_crash) continue;
    sigaction(fatal[i], &sa, &before[i]);
  }
}

/* ---- the file ---- */

static size_t size_for(uint32_t n_stages, uint32_t n_slots) {
  return sizeof(struct file) + n_stages * (size_t)128 + (n_stages + 1) * sizeof(atomic_ullong) +
         n_slots * sizeof(sl_note);
}

static void look_at(struct view *v, void *map, uint32_t n_stages) {
  char *at = map;
  v->head = map;
  v->ids = (void *)(at + sizeof(struct file));
  v->heads = (void *)(at + sizeof(struct file) + n_stages * (size_t)128);
  v->slots = (void *)(v->heads + n_stages + 1);
}

static void *read_old(const char *path, struct view *v) {
  struct stat st;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return NULL;
  void *map = NULL;
  if (fstat(fd, &st) == 0 && st.st_size >= (off_t)sizeof(struct file) && st.st_size < (off_t)64 << 20) {
    size_t size = (size_t)st.st_size;
    map = sl_mem_alloc(size);
    struct file *f = map;
    if (map && (pread(fd, map, size, 0) != (ssize_t)size || memcmp(f->magic, MAGIC, sizeof(f->magic)) != 0 ||
                f->n_stages > 65536 || f->n_slots > 65536 || size_for(f->n_stages, f->n_slots) != size)) {
      sl_mem_free(map);
      map = NULL;
    }
    if (map) look_at(v, map, f->n_stages);
  }
  close(fd);
  return map;
}

static int make_file(sl_notes *n, sl_err *err) {
  sl_engine *e = n->e;
  n->size = size_for(e->n_stages, e->n_actors);
  int fd = open(n->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
  if (fd < 0) return sl_err_errno(err, errno, "cannot make %s", n->path);
  int failed = ftruncate(fd, (off_t)n->size);
  void *map = failed ? MAP_FAILED : mmap(NULL, n->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  int why = errno;
  close(fd);
  if (map == MAP_FAILED) return sl_err_errno(err, why, "cannot map %s", n->path);
  look_at(&n->now, map, e->n_stages);
  n->now.head->n_stages = e->n_stages;
  n->now.head->n_slots = e->n_actors;
  for (uint32_t i = 0; i < e->n_stages; i++) snprintf(n->now.ids[i], 128, "%s", e->stages[i].conf->id);
  n->now.head->alone = (uint32_t)atomic_load(&n->alone);
  memcpy(n->now.head->magic, MAGIC, sizeof(n->now.head->magic));
  return 0;
}

/* ---- crashes ---- */

static uint32_t index_of(const sl_engine *e, const char *id) {
  for (uint32_t i = 0; i < e->n_stages; i++)
    if (!strncmp(e->stages[i].conf->id, id, 127)) return i;
  return e->n_stages;
}

static void key_of(const sl_engine *e, const suspect *s, char *key, size_t cap) {
  snprintf(key, cap, "%s/%s/%" PRIu64, s->source == SL_SOURCE_QUEUE ? "@queue" : e->stages[s->source].conf->id,
           e->stages[s->stage].conf->id, s->cursor);
}

/* Adds to the crashes of a document at a stage. */
static int count(sl_notes *n, suspect *s, uint32_t thirds, sl_err *err) {
  char key[400], value[64];
  void *old = NULL;
  size_t len = 0;
  unsigned had = 0;
  key_of(n->e, s, key, sizeof(key));
  int rc = sl_state_note_get(n->e->opts.state, SL_NOTES_CRASHES, key, &old, &len, err);
  if (rc && rc != SL_ENOTFOUND) return rc;
  if (old && len < sizeof(value)) {
    memcpy(value, old, len);
    value[len] = 0;
    (void)sscanf(value, "%u", &had);
  }
  sl_mem_free(old);
  s->thirds = had + thirds;
  snprintf(value, sizeof(value), "%u %d", s->thirds, s->signal);
  return sl_state_note_put(n->e->opts.state, SL_NOTES_CRASHES, key, value, strlen(value), err);
}

static void say(sl_notes *n, const suspect *s) {
  sl_engine *e = n->e;
  sl_run_log(e, SL_LOG_WARN, e->stages[s->stage].conf->id,
             "the last run ended by %s %s while this stage worked on record %" PRIu64 " of '%s'; it is tried alone",
             s->signal ? "signal" : "a kill", s->signal ? strsignal(s->signal) : "without a trace", s->cursor,
             s->source == SL_SOURCE_QUEUE ? "the queue" : e->stages[s->source].conf->id);
}

static void run_alone(sl_notes *n, uint32_t source, uint64_t until) {
  uint32_t at = source == SL_SOURCE_QUEUE ? n->e->n_stages : source;
  if (atomic_load(&n->until[at]) < until) atomic_store(&n->until[at], until);
  atomic_store(&n->alone, 1);
}

/* What one slot of the old file says. */
static int judge(sl_notes *n, const struct view *old, const sl_note *slot, uint32_t busy, sl_err *err) {
  sl_engine *e = n->e;
  uint32_t source = atomic_load(&slot->source), stage = atomic_load(&slot->stage);
  suspect s = {.cursor = atomic_load(&slot->cursor), .signal = atomic_load(&slot->signal)};
  if (!source || !s.cursor || stage >= old->head->n_stages) return 0;
  if (source != UINT32_MAX && source > old->head->n_stages) return 0;
  s.source = source == UINT32_MAX ? SL_SOURCE_QUEUE : index_of(e, old->ids[source - 1]);
  s.stage = index_of(e, old->ids[stage]);
  if (s.stage == e->n_stages || s.source == e->n_stages) return 0;
  uint64_t head = atomic_load(&old->heads[source == UINT32_MAX ? old->head->n_stages : source - 1]);
  run_alone(n, s.source, slot->many > 1 && head > s.cursor ? head : s.cursor);
  if (slot->many > 1) return 0;
  uint32_t thirds = s.signal ? THIRDS_SIGNAL : old->head->alone && busy == 1;
  if (!thirds) return 0;
  say(n, &s);
  return count(n, &s, thirds, err);
}

static int judge_all(sl_notes *n, const struct view *old, sl_err *err) {
  uint32_t busy = 0;
  int marked = 0, rc = 0;
  for (uint32_t i = 0; i < old->head->n_slots; i++) {
    if (!atomic_load(&old->slots[i].source)) continue;
    busy++;
    marked |= atomic_load(&old->slots[i].signal);
  }
  for (uint32_t i = 0; i < old->head->n_slots && !rc; i++) /* When a thread is marked the others were only near it. */
    if (!marked || atomic_load(&old->slots[i].signal)) rc = judge(n, old, &old->slots[i], busy, err);
  return rc ? rc : busy ? sl_state_sync(n->e->opts.state, SYNC_NS, err) : 0;
}

static int is_row(void *user, const sl_queue_entry *q) {
  *(uint64_t *)user = q->id;
  return 1;
}

/* The document has ended in the meantime, or is not there any more. A crash is not forgotten before: the commit that
 * holds the dead letter need not hold the document's end. */
static int is_past(const sl_notes *n, const suspect *s) {
  uint64_t found = 0;
  sl_err err;
  if (s->source != SL_SOURCE_QUEUE) return sl_track_given(n->e->keep->tracks[s->source], s->cursor);
  sl_queue_filter f = {.after = s->cursor - 1, .now = INT64_MAX, .max = 1};
  return !sl_state_queue_read(n->e->opts.state, &f, is_row, &found, &err) && found != s->cursor;
}

static int condemn(void *user, const char *key, const sl_bytes *value) {
  sl_notes *n = user;
  char text[400], number[64];
  unsigned thirds;
  suspect s = {0};
  if (n->n_condemned == sizeof(n->condemned) / sizeof(n->condemned[0])) return 1;
  if (value->len >= sizeof(number) || strlen(key) >= sizeof(text)) return 0;
  memcpy(number, value->data, value->len);
  number[value->len] = 0;
  if (sscanf(number, "%u %d", &thirds, &s.signal) != 2 || thirds < THIRDS_ENOUGH) return 0;
  snprintf(text, sizeof(text), "%s", key);
  char *stage = strchr(text, '/'), *cursor = stage ? strchr(stage + 1, '/') : NULL;
  if (!cursor) return 0;
  *stage++ = *cursor++ = 0;
  s.source = strcmp(text, "@queue") ? index_of(n->e, text) : SL_SOURCE_QUEUE;
  s.stage = index_of(n->e, stage);
  s.cursor = strtoull(cursor, NULL, 10);
  s.thirds = thirds;
  if (s.stage < n->e->n_stages && s.source != n->e->n_stages) n->condemned[n->n_condemned++] = s;
  return 0;
}

static void forget_past(sl_notes *n) {
  uint32_t left = 0;
  for (uint32_t i = 0; i < n->n_condemned; i++) {
    char key[400];
    sl_err err;
    if (!is_past(n, &n->condemned[i])) {
      n->condemned[left++] = n->condemned[i];
      continue;
    }
    key_of(n->e, &n->condemned[i], key, sizeof(key));
    (void)sl_state_note_put(n->e->opts.state, SL_NOTES_CRASHES, key, NULL, 0, &err);
  }
  n->n_condemned = left;
}

int sl_notes_open(sl_engine *e, sl_notes **ret, sl_err *err) {
  sl_notes *n = sl_mem_calloc(1, sizeof(*n));
  struct view old;
  void *map = NULL;
  int rc = SL_ENOMEM;
  if (!n) goto nomem;
  n->e = e;
  n->path = sl_path_join(sl_state_folder(e->opts.state), "notes");
  n->stacks = sl_mem_calloc(e->n_actors, sizeof(*n->stacks));
  n->until = sl_mem_calloc(e->n_stages + 1, sizeof(*n->until));
  if (!n->path || !n->stacks || !n->until) goto nomem;
  map = read_old(n->path, &old);
  rc = map ? judge_all(n, &old, err) : 0;
  sl_mem_free(map);
  if (!rc) rc = sl_state_note_each(e->opts.state, SL_NOTES_CRASHES, "", condemn, n, err);
  if (!rc) forget_past(n);
  if (!rc) rc = make_file(n, err);
  if (rc) goto fail;
  install();
  e->condemned = n->n_condemned > 0;
  *ret = n;
  return 0;
nomem:
  sl_err_set(err, SL_ENOMEM, "no memory for the notes of the threads");
fail:
  sl_notes_close(n);
  return rc;
}

void sl_notes_close(sl_notes *n) {
  if (!n) return;
  if (n->now.head) {
    stack_t off = {.ss_flags = SS_DISABLE};
    if (n->stacks && n->stacks[0]) sigaltstack(&off, NULL);
    mine = NULL;
    munmap(n->now.head, n->size);
    unlink(n->path);
  }
  for (uint32_t i = 0; n->stacks && i < n->e->n_actors; i++) sl_mem_free(n->stacks[i]);
  sl_mem_free(n->stacks);
  sl_mem_free(n->until);
  sl_mem_free(n->path);
  sl_mem_free(n);
}

sl_note *sl_notes_slot(sl_notes *n, uint32_t actor) {
  stack_t has = {.ss_flags = SS_DISABLE};
  /* A thread that has one keeps it: the address sanitizer gives each thread a stack and takes it back at the end. */
  if (sigaltstack(NULL, &has) == 0 && has.ss_flags & SS_DISABLE) n->stacks[actor] = sl_mem_alloc(ALT_STACK);
  stack_t alt = {.ss_sp = n->stacks[actor], .ss_size = ALT_STACK};
  if (n->stacks[actor]) sigaltstack(&alt, NULL);
  mine = &n->now.slots[actor];
  return mine;
}

/* ---- running ---- */

int sl_notes_alone(sl_notes *n) {
  if (!atomic_load_explicit(&n->alone, memory_order_relaxed)) return 0;
  for (uint32_t i = 0; i <= n->e->n_stages; i++)
    if (atomic_load(&n->until[i])) return 1;
  if (!sl_credit_quiet(&n->e->credit)) return 1;
  if (atomic_exchange(&n->alone, 0)) {
    n->now.head->alone = 0;
    sl_run_log(n->e, SL_LOG_INFO, NULL, "all suspects are past; documents run side by side again");
  }
  return 0;
}

int sl_notes_condemned(const sl_notes *n, uint32_t source, uint64_t cursor, uint32_t stage, uint32_t *ret_crashes) {
  for (uint32_t i = 0; i < n->n_condemned; i++) {
    const suspect *s = &n->condemned[i];
    if (s->cursor != cursor || s->source != source || s->stage != stage) continue;
    *ret_crashes = s->thirds / THIRDS_SIGNAL;
    return s->signal ? s->signal : -1;
  }
  return 0;
}

void sl_notes_emitted(sl_notes *n, uint32_t source, uint64_t cursor) {
  uint32_t at = source == SL_SOURCE_QUEUE ? n->e->n_stages : source;
  if (cursor != UINT64_MAX) atomic_store_explicit(&n->now.heads[at], cursor, memory_order_relaxed);
  if (atomic_load_explicit(&n->alone, memory_order_relaxed) && cursor >= atomic_load(&n->until[at]))
    atomic_store(&n->until[at], 0);
}
