/* SPDX-License-Identifier: Apache-2.0 */
/* The mapped file of intents. */
#include "run/intent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/path.h"
#include "platform/boot.h"

#define MAGIC "sluice intents 1"

struct copy {
  uint64_t sum; /* of number, len and data */
  uint64_t number;
  uint32_t len, unused;
  unsigned char data[SL_INTENT_BYTES];
};

struct slot {
  char id[128];
  struct copy copies[2];
};

struct file {
  char magic[16];
  char boot[64];
  uint32_t n, slot_size;
  struct slot slots[];
};

struct sl_intents {
  struct file *file;
  size_t size;
  int mapped, rebooted;
};

static uint64_t sum_of(const struct copy *c) { return sl_hash(c->data, c->len, sl_hash_u64(c->number, c->len) | 1); }

static const struct copy *valid(const struct slot *s) {
  const struct copy *best = NULL;
  for (int i = 0; i < 2; i++) {
    const struct copy *c = &s->copies[i];
    if (c->number && c->len <= SL_INTENT_BYTES && c->sum == sum_of(c) && (!best || c->number > best->number)) best = c;
  }
  return best;
}

static size_t size_for(uint32_t n) { return sizeof(struct file) + n * sizeof(struct slot); }

/* The file of an earlier run, read whole; NULL if there is none that can be used. [own] */
static struct file *read_old(const char *path) {
  struct stat st;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return NULL;
  struct file *f = NULL;
  if (fstat(fd, &st) == 0 && st.st_size >= (off_t)sizeof(*f) && st.st_size <= (off_t)size_for(4096)) {
    size_t size = (size_t)st.st_size;
    f = sl_mem_alloc(size);
    ssize_t got = f ? pread(fd, f, size, 0) : -1;
    if (f && (got != (ssize_t)size || memcmp(f->magic, MAGIC, sizeof(f->magic)) != 0 ||
              f->slot_size != sizeof(struct slot) || size < size_for(f->n))) {
      sl_mem_free(f);
      f = NULL;
    }
  }
  close(fd);
  return f;
}

/* The id itself goes before a former one. */
static void carry_over(const struct file *old, struct file *now, const sl_intents_opts *opts) {
  for (int former = 1; former >= 0; former--) {
    for (uint32_t k = 0; k < old->n; k++) {
      char id[sizeof(old->slots[k].id) + 1] = "";
      memcpy(id, old->slots[k].id, sizeof(old->slots[k].id));
      int i = opts->slot_of(opts->user, id);
      if (i < 0 || (uint32_t)i >= now->n || former != (strcmp(now->slots[i].id, id) != 0)) continue;
      memcpy(now->slots[i].copies, old->slots[k].copies, sizeof(now->slots[i].copies));
    }
  }
}

/* Written beside the old one and renamed, so that a crash here leaves one of the two. */
static int make_file(sl_intents *in, const char *path, sl_err *err) {
  char tmp[4096];
  if ((size_t)snprintf(tmp, sizeof(tmp), "%s.new", path) >= sizeof(tmp))
    return sl_err_set(err, SL_ELIMIT, "the path %s is too long", path);
  int fd = open(tmp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
  if (fd < 0) return sl_err_errno(err, errno, "cannot make %s", tmp);
  int rc = 0;
  void *map = MAP_FAILED;
  if (write(fd, in->file, in->size) != (ssize_t)in->size)
    rc = sl_err_errno(err, errno ? errno : ENOSPC, "cannot write %s", tmp);
  if (!rc) map = mmap(NULL, in->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (!rc && map == MAP_FAILED) rc = sl_err_errno(err, errno, "cannot map %s", tmp);
  if (!rc && rename(tmp, path)) rc = sl_err_errno(err, errno, "cannot rename %s", tmp);
  close(fd);
  if (rc) {
    if (map != MAP_FAILED) munmap(map, in->size);
    unlink(tmp);
    return rc;
  }
  sl_mem_free(in->file);
  in->file = map;
  in->mapped = 1;
  return 0;
}

int sl_intents_open(const sl_intents_opts *opts, sl_intents **ret, sl_err *err) {
  uint32_t n = opts->n;
  sl_intents *in = sl_mem_calloc(1, sizeof(*in));
  int rc = SL_ENOMEM;
  if (!in) goto nomem;
  in->size = size_for(n);
  in->file = sl_mem_calloc(1, in->size);
  if (!in->file) goto nomem;
  memcpy(in->file->magic, MAGIC, sizeof(in->file->magic));
  sl_platform_boot_id(in->file->boot, sizeof(in->file->boot));
  in->file->n = n;
  in->file->slot_size = sizeof(struct slot);
  for (uint32_t i = 0; i < n; i++) snprintf(in->file->slots[i].id, sizeof(in->file->slots[i].id), "%s", opts->ids[i]);
  if (opts->folder) {
    char *path = sl_path_join(opts->folder, "intents");
    if (!path) goto nomem;
    struct file *old = read_old(path);
    if (old) {
      in->rebooted = strncmp(old->boot, in->file->boot, sizeof(old->boot)) != 0;
      carry_over(old, in->file, opts);
    }
    sl_mem_free(old);
    rc = make_file(in, path, err);
    sl_mem_free(path);
    if (rc) goto fail;
  }
  *ret = in;
  return 0;
nomem:
  rc = sl_err_set(err, SL_ENOMEM, "no memory for the intents of the sinks");
fail:
  sl_intents_close(in);
  return rc;
}

void sl_intents_close(sl_intents *in) {
  if (!in) return;
  if (in->mapped)
    munmap(in->file, in->size);
  else
    sl_mem_free(in->file);
  sl_mem_free(in);
}

int sl_intents_set(sl_intents *in, uint32_t slot, const void *data, size_t len) {
  if (len > SL_INTENT_BYTES) return SL_ELIMIT;
  struct slot *s = &in->file->slots[slot];
  const struct copy *now = valid(s);
  struct copy *to = now == &s->copies[0] ? &s->copies[1] : &s->copies[0];
  uint64_t number = now ? now->number + 1 : 1;
  to->number = 0;
  atomic_signal_fence(memory_order_seq_cst);
  to->len = (uint32_t)len;
  memcpy(to->data, data, len);
  to->number = number;
  to->sum = sum_of(to);
  atomic_thread_fence(memory_order_seq_cst);
  return 0;
}

void sl_intents_get(const sl_intents *in, uint32_t slot, sl_bytes *ret) {
  const struct copy *c = valid(&in->file->slots[slot]);
  *ret = c ? (sl_bytes){c->data, c->len} : (sl_bytes){"", 0};
}

int sl_intents_rebooted(const sl_intents *in) { return in->rebooted; }
