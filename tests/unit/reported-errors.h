/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_REPORTED_ERRORS_H
#define POP3_POLICY_REPORTED_ERRORS_H

/*
 * Collects what a policy_error_func_t is told, and compares it with what a
 * row of a test wants: "LINE:COLUMN part of the text|LINE:COLUMN ...", all of
 * them in this order, "" for none.
 */

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pop3-policy/policy.h"

#define TEST_FILE_NAME "test.conf"

struct reported_errors {
	size_t count;
	struct {
		char place[40];
		char text[600];
	} items[32];
};

static inline void
report_error(void *context, const char *file, unsigned int line,
	     unsigned int column, const char *text)
{
	struct reported_errors *errors = context;

	ck_assert_str_eq(file, TEST_FILE_NAME);
	ck_assert_uint_lt(errors->count, 32);
	snprintf(errors->items[errors->count].place,
		 sizeof(errors->items[0].place), "%u:%u", line, column);
	snprintf(errors->items[errors->count].text,
		 sizeof(errors->items[0].text), "%s", text);
	errors->count++;
}

static inline void
assert_errors(const char *title, const struct reported_errors *errors,
	      const char *want)
{
	const char *end, *part;
	size_t i = 0;

	for (; *want != '\0'; want = *end == '|' ? end + 1 : end, i++) {
		end = want + strcspn(want, "|");
		part = strchr(want, ' ');
		ck_assert_msg(i < errors->count, "%s: missing error %s",
			      title, want);
		ck_assert_msg(part != NULL && part < end, "%s: bad row", title);
		ck_assert_msg(strlen(errors->items[i].place) ==
			      (size_t)(part - want) &&
			      strncmp(errors->items[i].place, want,
				      (size_t)(part - want)) == 0,
			      "%s: error %zu is at %s, not %.*s: %s", title,
			      i, errors->items[i].place, (int)(part - want),
			      want, errors->items[i].text);
		part++;
		ck_assert_msg(memmem(errors->items[i].text,
				     strlen(errors->items[i].text),
				     part, (size_t)(end - part)) != NULL,
			      "%s: error %zu is \"%s\", not \"%.*s\"", title,
			      i, errors->items[i].text, (int)(end - part),
			      part);
	}
	ck_assert_msg(i == errors->count, "%s: unwanted error at %s: %s",
		      title, errors->items[i].place, errors->items[i].text);
}

#endif
