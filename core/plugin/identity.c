/* SPDX-License-Identifier: Apache-2.0 */
/* Identity of a file, with the build id from its ELF note. */
#include "plugin/identity.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#if __has_include(<elf.h>)
#include <elf.h>
#define HAVE_ELF 1
#endif

#include "base/hash.h"
#include "base/sha256.h"

/* Raise it when the checks of sl_plugin_check change: what was refused is then probed again. */
#define CHECK_REVISION 1

static int read_at(int fd, void *buf, size_t len, uint64_t at) {
  ssize_t n = pread(fd, buf, len, (off_t)at);
  return n == (ssize_t)len ? 0 : -1;
}

static void to_hex(const unsigned char *bytes, size_t n, char *ret) {
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < n; i++) {
    ret[i * 2] = digits[bytes[i] >> 4];
    ret[i * 2 + 1] = digits[bytes[i] & 15];
  }
  ret[n * 2] = '\0';
}

#ifdef HAVE_ELF
#if UINTPTR_MAX > 0xffffffffu
typedef Elf64_Ehdr elf_header;
typedef Elf64_Phdr elf_segment;
#else
typedef Elf32_Ehdr elf_header;
typedef Elf32_Phdr elf_segment;
#endif

/* The build id among the notes of one segment. 1 if it is there. */
static int find_note(const unsigned char *notes, size_t len, char *ret) {
  size_t at = 0;
  while (at + 12 <= len) {
    uint32_t head[3]; /* length of the name, of the description, type */
    memcpy(head, notes + at, sizeof head);
    size_t name = at + 12, desc = name + ((size_t)head[0] + 3) / 4 * 4;
    if (head[0] > len || head[1] > len || desc + head[1] > len) return 0;
    if (head[2] == NT_GNU_BUILD_ID && head[0] == 4 && !memcmp(notes + name, "GNU", 4) && head[1] >= 4 &&
        head[1] <= 32) {
      to_hex(notes + desc, head[1], ret);
      return 1;
    }
    at = desc + ((size_t)head[1] + 3) / 4 * 4;
  }
  return 0;
}

static int elf_build_id(int fd, char *ret) {
  elf_header head;
  if (read_at(fd, &head, sizeof head, 0) || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0) return 0;
  if (head.e_phentsize != sizeof(elf_segment)) return 0;
  for (unsigned i = 0; i < head.e_phnum && i < 64; i++) {
    elf_segment seg;
    unsigned char notes[4096];
    if (read_at(fd, &seg, sizeof seg, head.e_phoff + (uint64_t)i * sizeof seg)) return 0;
    if (seg.p_type != PT_NOTE || seg.p_filesz > sizeof notes) continue;
    if (!read_at(fd, notes, seg.p_filesz, seg.p_offset) && find_note(notes, seg.p_filesz, ret)) return 1;
  }
  return 0;
}
#else
static int elf_build_id(int fd, char *ret) {
  (void)fd;
  (void)ret;
  return 0;
}
#endif

static int content_id(int fd, const char *path, char *ret, sl_err *err) {
  sl_sha256 sum;
  unsigned char digest[32];
  static _Thread_local unsigned char chunk[65536];
  sl_sha256_init(&sum);
  for (uint64_t at = 0;;) {
    ssize_t n = pread(fd, chunk, sizeof chunk, (off_t)at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return sl_err_errno(err, errno, "cannot read %s", path);
    if (!n) break;
    sl_sha256_add(&sum, chunk, (size_t)n);
    at += (uint64_t)n;
  }
  sl_sha256_end(&sum, digest);
  to_hex(digest, 20, ret);
  return 0;
}

int sl_identity_of(int fd, const char *path, sl_identity *ret, sl_err *err) {
  struct stat st;
  sl_identity id = {0};
  if (fstat(fd, &st)) return sl_err_errno(err, errno, "cannot examine %s", path);
  if (!S_ISREG(st.st_mode)) return sl_err_set(err, SL_EPLUGIN, "%s is not a file", path);
  id.dev = (uint64_t)st.st_dev;
  id.ino = (uint64_t)st.st_ino;
  id.size = (uint64_t)st.st_size;
  id.mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
  if (!elf_build_id(fd, id.build_id)) {
    int code = content_id(fd, path, id.build_id, err);
    if (code) return code;
  }
  char text[256];
  int len = snprintf(text, sizeof text, "%llx %llx %llx %llx %s %s %d.%d %zu %zu %zu %d", (unsigned long long)id.dev,
                     (unsigned long long)id.ino, (unsigned long long)id.size, (unsigned long long)id.mtime_ns,
                     id.build_id, SLUICE_VERSION, SL_ABI_MAJOR, SL_ABI_MINOR, sizeof(sl_plugin), sizeof(sl_stage_type),
                     sizeof(sl_host), CHECK_REVISION);
  snprintf(id.key, sizeof id.key, "%016llx", (unsigned long long)sl_hash(text, (size_t)len, 1));
  *ret = id;
  return 0;
}

int sl_identity_equal(const sl_identity *a, const sl_identity *b) {
  return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtime_ns == b->mtime_ns &&
         !strcmp(a->build_id, b->build_id);
}
