/* SPDX-License-Identifier: Apache-2.0 */
/* The protocol of sd_notify(3). */
#include "platform/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/time.h"

static const char *address(void) {
  const char *path = getenv("NOTIFY_SOCKET");
  return path && (*path == '/' || *path == '@') && path[1] ? path : NULL;
}

int sl_notify_wanted(void) { return address() != NULL; }

int sl_notify(const char *fmt, ...) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  const char *path = address();
  char text[512];
  va_list args;
  if (!path) return 0;
  size_t len = strlen(path);
  if (len >= sizeof to.sun_path) return -1;
  va_start(args, fmt);
  int n = vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  if (n < 0) return -1;
  memcpy(to.sun_path, path, len);
  if (*path == '@') to.sun_path[0] = 0; /* a name without a file */
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  size_t size = (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
  ssize_t sent = sendto(fd, text, size, MSG_NOSIGNAL, (const struct sockaddr *)&to,
                        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
  close(fd);
  return sent == (ssize_t)size ? 1 : -1;
}

int sl_notify_reloading(void) {
  return sl_notify("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)(sl_time_mono() / SL_TIME_US));
}

int64_t sl_notify_watchdog(void) {
  const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
  if (!usec || (pid && strtoll(pid, NULL, 10) != getpid())) return 0;
  long long n = strtoll(usec, NULL, 10);
  return n > 0 && n < INT64_MAX / SL_TIME_US ? n * SL_TIME_US : 0;
}
