/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SECRET_FILE_H
#define POP3_POLICY_SECRET_FILE_H

/*
 * The files of secrets, as bytes: opened only if nobody but their owner may
 * read them, searched without reading all of it.
 */

#include "secret-record.h"

#include <sys/types.h>

__attribute__((format(printf, 2, 3)))
void secret_error_set(struct secret_error *error, const char *format, ...);
/* "call(path) failed: ..." from errno */
void secret_error_set_errno(struct secret_error *error, const char *call,
			    const char *path);

/* Open for reading. Refused is what is no regular file, what group or others
   may access, and what belongs to neither root nor this process (root may
   read anybody's). Returns 1, 0 if there is no such file (no error is set),
   or -1 and *error_r. */
int secret_file_open(const char *path, int *fd_r,
		     struct secret_error *error_r);
/* Returns bytes read, fewer than size only at the end, or -1 and errno. */
ssize_t secret_file_read_at(int fd, off_t offset, void *data_r, size_t size);

/* Is it a file of secrets? Returns 0, or -1 and *error_r. */
int secret_file_check(const char *path, int fd, struct secret_error *error_r);
/* Finds the first line of this user in what has been checked to be a file of
   secrets. What the search has met is kept in secret-fences, by path.
   Returns 1 and *offset_r, 0 if he has none, -1 and *error_r. */
int secret_file_find(const char *path, int fd, const char *user,
		     off_t *offset_r, struct secret_error *error_r);
/* Reads the record at *offset and advances it. Returns 1, 0 at the end, -1
   and *error_r. */
int secret_file_next(const char *path, int fd, off_t *offset,
		     struct secret_record *record_r,
		     struct secret_error *error_r);

#endif
