/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_REGULAR_FILE_H
#define POP3_POLICY_REGULAR_FILE_H

/*
 * Reads what administrators write: whole files, with the rights of the
 * process, never while somebody is writing them.
 */

#include <sys/stat.h>

/* Returns 1, 0 if there is no such file, -1 if it can't be read: not a regular
   file, larger than max_size bytes, no permission. *fd_r and *st_r are set for
   1, *error_r (data stack) for the others. */
int regular_file_open(const char *path, size_t max_size, int *fd_r,
		      struct stat *st_r, const char **error_r);

/* Read what was opened. *data_r: st->st_size bytes and a NUL; free with
   i_free(). Returns 0, or -1 and *error_r (data stack); a file whose size
   changes meanwhile is an error. */
int regular_file_read(const char *path, int fd, const struct stat *st,
		      char **data_r, const char **error_r);

/* Same file, same content, as far as identity, size and times tell? */
bool regular_file_is_same(const struct stat *st1, const struct stat *st2);

#endif
