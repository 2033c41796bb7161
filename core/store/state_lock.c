/* SPDX-License-Identifier: Apache-2.0 */
/* The lock of a state folder: flock on the file `lock`, whose text names the holder. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/time.h"
#include "store/state_impl.h"

/* Whoever only looks (sl_state_holder) holds the lock for a moment. */
#define TRIES 20
#define PAUSE_MS 10

static int lock_file(const char *folder, int flags) {
  char *path = sl_path_join(folder, "lock");
  int fd = path ? open(path, flags | O_CLOEXEC, 0644) : -1;
  if (!path) errno = ENOMEM;
  sl_mem_free(path);
  return fd;
}

static void read_holder(int fd, char *buf, size_t cap) {
  ssize_t n = pread(fd, buf, cap - 1, 0);
  size_t len = n > 0 ? (size_t)n : 0;
  while (len > 0 && buf[len - 1] == '\n') len--;
  buf[len] = '\0';
  if (!len) (void)snprintf(buf, cap, "another process");
}

static int write_holder(int fd, const char *pipeline) {
  char host[128] = "", start[40], text[512];
  (void)gethostname(host, sizeof host - 1);
  int n = snprintf(text, sizeof text, "pid %ld, pipeline %.128s, host %s, since %s\n", (long)getpid(), pipeline, host,
                   sl_time_iso(sl_time_wall(), 0, start, sizeof start));
  if (ftruncate(fd, 0) != 0) return -1;
  return pwrite(fd, text, (size_t)n, 0) == n ? 0 : -1;
}

int sl_state_lock(const char *folder, const char *pipeline, int *ret_fd, sl_err *err) {
  int fd = lock_file(folder, O_RDWR | O_CREAT);
  if (fd < 0) {
    sl_err_errno(err, errno, "cannot open the lock of the state folder %s", folder);
    sl_err_hint(err, "the state folder must be writable for the user of the pipeline");
    return err ? err->code : SL_EIO;
  }
  int rc = flock(fd, LOCK_EX | LOCK_NB);
  for (int i = 1; i < TRIES && rc != 0 && (errno == EWOULDBLOCK || errno == EINTR); i++) {
    (void)poll(NULL, 0, PAUSE_MS);
    rc = flock(fd, LOCK_EX | LOCK_NB);
  }
  if (rc != 0) {
    int errnum = errno;
    char holder[512];
    read_holder(fd, holder, sizeof holder);
    (void)close(fd);
    if (errnum != EWOULDBLOCK) return sl_err_errno(err, errnum, "cannot lock the state folder %s", folder);
    sl_err_set(err, SL_ESTATE, "the state folder %s is in use: %s", folder, holder);
    sl_err_hint(err, "stop that process, or give this pipeline a state folder of its own");
    return SL_ESTATE;
  }
  if (write_holder(fd, pipeline ? pipeline : "") != 0) {
    rc = sl_err_errno(err, errno, "cannot write the lock of the state folder %s", folder);
    sl_state_unlock(folder, fd);
    return rc;
  }
  *ret_fd = fd;
  return 0;
}

void sl_state_unlock(const char *folder, int fd) {
  (void)folder;
  if (fd < 0) return;
  if (ftruncate(fd, 0) != 0) (void)0; /* the text of a lock that nobody holds is not read */
  (void)close(fd);
}

int sl_state_holder(const char *folder, char *buf, size_t cap) {
  buf[0] = '\0';
  int fd = lock_file(folder, O_RDONLY);
  if (fd < 0) return errno == ENOENT ? 0 : SL_EIO;
  if (flock(fd, LOCK_SH | LOCK_NB) != 0) read_holder(fd, buf, cap);
  (void)close(fd);
  return 0;
}
