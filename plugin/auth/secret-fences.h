/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SECRET_FENCES_H
#define POP3_POLICY_SECRET_FENCES_H

/*
 * What the first steps of binary searches have met in a secrets file: at which
 * bytes lines lie, and whose they are. A search looks at the same lines each
 * time, as long as the file is the same; a fence spares it the reading. Fences
 * hold names of users, never anything of a secret. They only direct: who uses
 * them has to read in the file whether they led to the right place.
 *
 * Steps are numbered: the first one is 1, from step n it goes on with 2n before
 * the line that was met or 2n + 1 behind it.
 */

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Steps that have a fence: the first 12 of each search */
#define SECRET_FENCES_MAX 4096
/* What their users' names may take */
#define SECRET_FENCES_NAMES_BYTES (256 * 1024)
/* Files whose fences are kept; of more, those that were asked for last */
#define SECRET_FENCES_FILES 4

struct secret_fences;

struct secret_fence {
	/* Where the line begins and ends */
	off_t line, next;
	/* Valid until fences are added or forgotten */
	const char *user;
};

/* Returns those of the file with this path and status, none of which is left
   from another file or an earlier state; or NULL if there is no memory for
   them. Valid until the next call. */
struct secret_fences *
secret_fences_get(const char *path, const struct stat *st);
/* Returns false if this step has none. */
bool secret_fences_find(const struct secret_fences *fences, unsigned int step,
			struct secret_fence *fence_r);
/* Does nothing if the step is none of the first ones, or if there is no more
   room for names. The user is copied. */
void secret_fences_add(struct secret_fences *fences, unsigned int step,
		       const struct secret_fence *fence);
/* They led astray. */
void secret_fences_forget(struct secret_fences *fences);

/* Frees all. */
void secret_fences_clear(void);

#endif
