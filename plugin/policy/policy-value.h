/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_VALUE_H
#define POP3_POLICY_VALUE_H

/*
 * Times, sizes, numbers, dates and names as a policy writes them. Strict: no
 * signs, no blanks, no units other than those named, nothing that overflows. Each
 * function returns NULL and sets its result, or says (static text) what is
 * wrong and what was expected.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest time: what Dovecot's own intervals can express. */
#define POLICY_TIME_MAX_SECS INT64_C(4294967295)

/* A number and one of s m h d w y (366 days). A number without unit is
   refused, and so is 0. */
const char *policy_value_time(const char *text, size_t length,
			      int64_t *secs_r);
/* A number and nothing, or one of B k M G (in either case). */
const char *policy_value_size(const char *text, size_t length,
			      uint64_t *bytes_r);
/* A number and one of ms s m, from 1ms to max_msecs. */
const char *policy_value_msecs(const char *text, size_t length,
			       uint32_t max_msecs, uint32_t *msecs_r);
/* A number and nothing, or k (a thousand) or M (a million). */
const char *policy_value_thousands(const char *text, size_t length,
				   uint64_t *number_r);
/* 1 to 4294967295 */
const char *policy_value_count(const char *text, size_t length,
			       uint32_t *count_r);

/* A number from 0 to 100 and % */
const char *policy_value_percent(const char *text, size_t length,
				 uint32_t *percent_r);

/* What Dovecot takes for one level; a name of several is not longer in
   practice. */
#define POLICY_MAILBOX_MAX_BYTES 255
/* May mail be archived in a mailbox of this name? UTF-8. */
const char *policy_value_mailbox(const char *name);

/* Does it look like a date, right or wrong? */
bool policy_value_is_date(const char *text, size_t length);
/* YYYY-MM-DD or D-Mon-YYYY, a day that exists, from 1970 on. date_r gets the
   form DD-Mon-YYYY: Dovecot 2.3 and 2.4 disagree about the time zone of
   YYYY-MM-DD, but not about this one. */
#define POLICY_DATE_BYTES sizeof("DD-Mon-YYYY")
const char *policy_value_date(const char *text, size_t length,
			      char date_r[POLICY_DATE_BYTES]);

#endif
