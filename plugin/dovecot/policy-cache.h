/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_POLICY_CACHE_H
#define POP3_POLICY_POLICY_CACHE_H

/*
 * Reads policy files with the rights of the process. The one that was read
 * last is kept while its identity, size and times stay the same.
 */

#include "pop3-policy/policy.h"

/* Returns 1 and *file_r, which is valid until the next call, and
   *file_error_r: the first error outside its sections or NULL. Returns 0 if
   there is no such file, -1 if it can't be read; then *error_r is set (data
   stack). */
int policy_cache_load(const char *path, const struct policy_file **file_r,
		      const char **file_error_r, const char **error_r);
void policy_cache_clear(void);

/* The same without the cache, for who wants to hear all errors. Free the file.
   Returns 0, or -1 and *error_r (data stack). */
int policy_cache_read(const char *path, policy_error_func_t *report,
		      void *context, struct policy_file **file_r,
		      const char **error_r);

/* A policy_error_func_t that keeps the first error as one text, with file, line
   and column. */
struct policy_first_error {
	const char *text; /* data stack */
};
void policy_first_error_report(void *context, const char *file,
			       unsigned int line, unsigned int column,
			       const char *text);

#endif
