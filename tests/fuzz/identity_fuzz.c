/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the reading of a plugin file's headers: anything may lie in a plugin folder. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "plugin/identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  int fd = memfd_create("fuzz", MFD_CLOEXEC);
  if (fd < 0) return 0;
  if (size && write(fd, data, size) != (ssize_t)size) abort();
  sl_identity id;
  sl_err err = {0};
  if (sl_identity_of(fd, "fuzz.so", &id, &err)) abort(); /* every file has an identity */
  size_t len = strlen(id.build_id);
  if (len < 8 || len > 64 || strspn(id.build_id, "0123456789abcdef") != len || strlen(id.key) != 16) abort();
  close(fd);
  return 0;
}
