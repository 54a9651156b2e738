/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy-value.h"
#include "policy-text.h"

#include <stdio.h>
#include <string.h>

static const char month_names[12][4] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun",
	"Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Returns the number of digits at the front, 0 if there are none. A number
   that is too large sets *number_r to UINT64_MAX. */
static size_t
parse_digits(const char *text, size_t length, uint64_t *number_r)
{
	uint64_t number = 0;
	size_t i;

	for (i = 0; i < length && is_digit(text[i]); i++) {
		if (number > (UINT64_MAX - (uint64_t)(text[i] - '0')) / 10)
			number = UINT64_MAX;
		else
			number = number * 10 + (uint64_t)(text[i] - '0');
	}
	*number_r = number;
	return i;
}

const char *policy_value_time(const char *text, size_t length, int64_t *secs_r)
{
	uint64_t number, unit;
	size_t digits;

	digits = parse_digits(text, length, &number);
	if (digits == 0)
		return "expected a number with a unit (s, m, h, d, w, y), "
			"like 30d";
	if (digits == length)
		return "a time needs a unit: s, m, h, d, w or y, like 30d";
	if (digits + 1 != length)
		return "a time is a number and one unit "
			"(s, m, h, d, w, y), like 30d";

	switch (text[digits]) {
	case 's':
		unit = 1;
		break;
	case 'm':
		unit = 60;
		break;
	case 'h':
		unit = 60 * 60;
		break;
	case 'd':
		unit = 24 * 60 * 60;
		break;
	case 'w':
		unit = 7 * 24 * 60 * 60;
		break;
	case 'y':
		unit = 366 * 24 * 60 * 60;
		break;
	default:
		return "unknown unit of time; expected s, m, h, d, w or y";
	}
	if (number == 0)
		return "a time must be longer than 0";
	if (number > (uint64_t)POLICY_TIME_MAX_SECS / unit)
		return "this time is too long; expected less than 136 years";
	*secs_r = (int64_t)(number * unit);
	return NULL;
}

const char *policy_value_size(const char *text, size_t length,
			      uint64_t *bytes_r)
{
	uint64_t number, unit = 1;
	size_t digits;

	digits = parse_digits(text, length, &number);
	if (digits == 0 || length > digits + 1)
		return "expected a size: a number, alone (bytes) or with one "
			"of B, k, M, G, like 20M";
	if (digits < length) {
		switch (policy_ascii_lower(text[digits])) {
		case 'b':
			break;
		case 'k':
			unit = 1024;
			break;
		case 'm':
			unit = 1024 * 1024;
			break;
		case 'g':
			unit = 1024 * 1024 * 1024;
			break;
		default:
			return "unknown unit of size; expected B, k, M or G";
		}
	}
	if (number > (uint64_t)INT64_MAX / unit)
		return "this size is too large";
	*bytes_r = number * unit;
	return NULL;
}

const char *policy_value_msecs(const char *text, size_t length,
			       uint32_t max_msecs, uint32_t *msecs_r)
{
	uint64_t number, unit;
	size_t digits, rest;

	digits = parse_digits(text, length, &number);
	rest = length - digits;
	if (digits == 0)
		return "expected a number with a unit (ms, s, m), like 100ms";
	if (rest == 2 && memcmp(text + digits, "ms", 2) == 0)
		unit = 1;
	else if (rest == 1 && text[digits] == 's')
		unit = 1000;
	else if (rest == 1 && text[digits] == 'm')
		unit = 60 * 1000;
	else
		return "a time needs a unit here: ms, s or m, like 100ms";
	if (number == 0)
		return "a time must be longer than 0";
	if (number > max_msecs / unit)
		return "this time is too long";
	*msecs_r = (uint32_t)(number * unit);
	return NULL;
}

const char *policy_value_thousands(const char *text, size_t length,
				   uint64_t *number_r)
{
	uint64_t number, unit = 1;
	size_t digits;

	digits = parse_digits(text, length, &number);
	if (digits + 1 == length && text[digits] == 'k')
		unit = 1000;
	else if (digits + 1 == length && text[digits] == 'M')
		unit = 1000000;
	else if (digits != length)
		digits = 0;
	if (digits == 0)
		return "expected a number, alone or with k (thousand) or M "
			"(million), like 2M";
	if (number > UINT64_MAX / unit)
		return "this number is too large";
	*number_r = number * unit;
	return NULL;
}

const char *policy_value_count(const char *text, size_t length,
			       uint32_t *count_r)
{
	uint64_t number;

	if (parse_digits(text, length, &number) != length || length == 0 ||
	    number == 0 || number > UINT32_MAX)
		return "expected a number from 1 to 4294967295";
	*count_r = (uint32_t)number;
	return NULL;
}

const char *policy_value_percent(const char *text, size_t length,
				 uint32_t *percent_r)
{
	uint64_t number;
	size_t digits = parse_digits(text, length, &number);

	if (digits == 0 || digits + 1 != length || text[digits] != '%' ||
	    number > 100)
		return "expected a number from 0 to 100 with %, like 10%";
	*percent_r = (uint32_t)number;
	return NULL;
}

const char *policy_value_mailbox(const char *name)
{
	size_t length = strlen(name);

	if (length == 0)
		return "expected archive:MAILBOX, the name of a mailbox";
	if (length > POLICY_MAILBOX_MAX_BYTES)
		return "expected a shorter name of a mailbox";
	if (policy_ascii_equals(name, length, "INBOX", 5)) {
		return "mail can't be archived in the INBOX, which is where "
			"it comes from";
	}
	if (name[0] == '/' || name[length - 1] == '/' ||
	    strstr(name, "//") != NULL) {
		return "expected the name of a mailbox, with one \"/\" between "
			"its levels";
	}
	if (strpbrk(name, "*%") != NULL)
		return "expected one mailbox, without * and %";
	return NULL;
}

bool policy_value_is_date(const char *text, size_t length)
{
	return length > 0 && is_digit(text[0]) &&
		memchr(text, '-', length) != NULL;
}

static bool date_exists(unsigned int year, unsigned int month,
			unsigned int day)
{
	static const unsigned char days[12] = {
		31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
	};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	if (month < 1 || month > 12 || day < 1)
		return false;
	return day <= (month == 2 && leap ? 29U : days[month - 1]);
}

const char *policy_value_date(const char *text, size_t length,
			      char date_r[POLICY_DATE_BYTES])
{
	static const char expected[] =
		"expected a date like 2024-12-31 or 31-Dec-2024";
	uint64_t year = 0, month = 0, day = 0;
	size_t day_digits;

	if (length == 10 && text[4] == '-') {
		if (parse_digits(text, 4, &year) != 4 ||
		    parse_digits(text + 5, 2, &month) != 2 ||
		    text[7] != '-' || parse_digits(text + 8, 2, &day) != 2)
			return expected;
	} else {
		day_digits = parse_digits(text, length, &day);
		if (day_digits < 1 || day_digits > 2 ||
		    length != day_digits + 9 || text[day_digits] != '-' ||
		    text[day_digits + 4] != '-' ||
		    parse_digits(text + day_digits + 5, 4, &year) != 4)
			return expected;
		for (month = 1; month <= 12; month++) {
			if (policy_ascii_equals(text + day_digits + 1, 3,
						month_names[month - 1], 3))
				break;
		}
		if (month > 12) {
			return "unknown month; expected Jan, Feb, Mar, Apr, "
				"May, Jun, Jul, Aug, Sep, Oct, Nov or Dec";
		}
	}
	if (!date_exists((unsigned int)year, (unsigned int)month,
			 (unsigned int)day))
		return "there is no such day in the calendar";
	if (year < 1970)
		return "this date is too old; expected 1970 or later";
	snprintf(date_r, POLICY_DATE_BYTES, "%02u-%s-%04u",
		 (unsigned int)day % 100, month_names[month - 1],
		 (unsigned int)year % 10000);
	return NULL;
}
