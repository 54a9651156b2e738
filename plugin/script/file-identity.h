/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SCRIPT_FILE_IDENTITY_H
#define POP3_POLICY_SCRIPT_FILE_IDENTITY_H

/*
 * Which file something was read from, and in which state. Compare with
 * memcmp().
 */

#include <string.h>
#include <sys/stat.h>

struct file_identity {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;
};

static inline void
file_identity_get(const struct stat *st, struct file_identity *identity_r)
{
	/* padding counts as well */
	memset(identity_r, 0, sizeof(*identity_r));
	identity_r->dev = st->st_dev;
	identity_r->ino = st->st_ino;
	identity_r->size = st->st_size;
	identity_r->mtime = st->st_mtim;
	identity_r->ctime = st->st_ctim;
}

#endif
