/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_ERROR_H
#define POP3_POLICY_ERROR_H

/*
 * Errors of a policy file, gathered while it is read in whatever order suits
 * and reported in the order of the file. Where there is no memory for one,
 * that itself is an error that can't be lost.
 */

#include "pop3-policy/policy.h"

struct policy_error {
	unsigned int line, column;
	/* order of arrival, for those at the same place */
	size_t seq;
	char *text;
};

struct policy_errors {
	struct policy_error *items;
	size_t count, room;
	bool no_memory;
};

/* Initialize with { 0 }. */
void policy_errors_deinit(struct policy_errors *errors);

/* The text is cut at 500 bytes; it must be UTF-8 without control characters. */
void policy_errors_add(struct policy_errors *errors, unsigned int line,
		       unsigned int column, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void policy_errors_add_no_memory(struct policy_errors *errors);
/* Append copies of all errors of src. */
void policy_errors_copy(struct policy_errors *errors,
			const struct policy_errors *src);

bool policy_errors_is_empty(const struct policy_errors *errors);
/* Sort by place, each place once (what came first there), and report. report
   may be NULL. Returns the number of errors. */
size_t policy_errors_report(struct policy_errors *errors, const char *file,
			    policy_error_func_t *report, void *context);

#endif
