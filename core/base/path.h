/* SPDX-License-Identifier: Apache-2.0 */
/* Paths and whole files. Strings returned are [own: sl_mem_free], NULL when memory is out. [any] */
#ifndef SLUICE_BASE_PATH_H
#define SLUICE_BASE_PATH_H

#include "base/err.h"

int sl_path_is_abs(const char *path);
/* dir + "/" + name with one slash; name alone if it is absolute. */
char *sl_path_join(const char *dir, const char *name);
/* "/a/b/c" -> "/a/b"; "c" -> "."; "/" -> "/". */
char *sl_path_dir(const char *path);
/* The part behind the last slash. [borrow from path] */
const char *sl_path_base(const char *path);
/* The ending with its dot (".gz"), "" if none; a leading dot is no ending. [borrow from path] */
const char *sl_path_ext(const char *path);
/* Absolute and without ".", "..", "//": relative to base (NULL: the working directory). Touches no file, follows no
 * link. "~/" at the start is the home folder. */
char *sl_path_abs(const char *path, const char *base);
/* The working directory. */
char *sl_path_cwd(void);
int sl_path_exists(const char *path);
int sl_path_is_dir(const char *path);
/* Makes the folder and its parents; fine if it is there. */
int sl_path_mkdirs(const char *path, sl_err *err);
/* The folder of a file that is about to be written. */
int sl_path_mkdirs_for(const char *file, sl_err *err);
/* Reads a whole file of at most limit bytes (0: no limit; more: SL_ELIMIT). *ret [own], NUL-terminated beyond. */
int sl_path_read(const char *path, size_t limit, char **ret, size_t *ret_len, sl_err *err);
/* Writes beside, syncs, renames: the file is old or new, never half. mode e.g. 0644. */
int sl_path_write(const char *path, const void *data, size_t len, uint32_t mode, sl_err *err);
/* "file:///a/b%20c" of an absolute path. */
char *sl_path_to_uri(const char *path);
/* Writes everything, through EINTR and short writes. */
int sl_path_write_fd(int fd, const void *data, size_t len);

#endif
