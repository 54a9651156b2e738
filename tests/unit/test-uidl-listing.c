/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pop3-policy/uidl-listing.h"
#include "reported-errors.h"
#include "suite.h"

#define X10 "xxxxxxxxxx"
#define X70 X10 X10 X10 X10 X10 X10 X10
#define D32 "0123456789abcdef0123456789ABCDEF"
#define LINE_ERROR "expected NUMBER UIDL"

/* entries: "line:UIDL[:size][=kind value]" with a blank in between; kind is
   one of c (content), g (GUID, 128 bits), r (GUID), m; "!" behind the UIDL: a
   duplicate. */
static const struct listing_row {
	const char *title, *text, *entries, *errors;
} listing_rows[] = {
	{ "UIDL", "1 a\n2 b\n", "1:a 2:b", "" },
	{ "CRLF, no end", "1 a\r\n2 b", "1:a 2:b", "" },
	{ "blanks and blank lines", "\n  1   a \n\n\t2 b\n", "2:a 4:b", "" },
	{ "numbers left out", "3 a\n7 b\n", "1:a 2:b", "" },
	{ "in a frame", "+OK\r\n1 a\r\n2 b\r\n.\r\n", "2:a 3:b", "" },
	{ "the whole session",
	  "+OK hello\n+OK\n+OK logged in\n+OK 2\n1 a\n2 b\n.\n+OK\n1 10\n"
	  "2 20\n.\n+OK bye\n", "5:a:10 6:b:20", "" },
	{ "sizes beside them", "1 a 10\n2 b 0\n", "1:a:10 2:b:0", "" },
	{ "one behind the other", "1 a\n2 b\n1 10\n2 20\n", "1:a:10 2:b:20",
	  "" },
	{ "one behind the other, a dot in between", "1 a\n.\n1 10\n",
	  "1:a:10", "" },
	{ "numbers as UIDLs", "1 10\n2 20\n1 5\n2 6\n", "1:10:5 2:20:6", "" },
	{ "LIST first", "LIST\n1 10\n.\nuidl\n1 a\n.\n", "5:a:10", "" },
	{ "LIST first, with answers", "list\n+OK\n1 10\n.\nUIDL\n+OK\n1 a\n.\n",
	  "7:a:10", "" },
	{ "no messages", ".\n", "", "" },
	{ "no messages, both", "+OK\n.\n+OK\n.\n", "", "" },
	{ "a duplicate", "1 a\n2 b\n3 a\n", "1:a! 2:b 3:a!", "" },
	{ "the longest UIDL", "1 " X70 "\n", "1:" X70, "" },

	{ "nothing", "", NULL, "1:1 a line with a \".\"" },
	{ "nothing but blanks", "\n\n", NULL, "2:1 expected messages" },
	{ "answers without a listing", "+OK\n+OK bye\n", NULL,
	  "2:1 expected messages" },
	{ "cut short", "+OK\n1 a\n2 b\n", NULL, "3:1 expected a line with" },
	{ "cut short in the first", "+OK\n1 a\n+OK\n1 10\n.\n", NULL,
	  "3:1 expected more messages" },
	{ "refused", "+OK\n-ERR [AUTH] no\n", NULL,
	  "2:1 expected +OK, not \"-ERR [AUTH] no\"" },
	{ "no number", "x a\n", NULL, "1:1 " LINE_ERROR },
	{ "number 0", "0 a\n", NULL, "1:1 " LINE_ERROR },
	{ "a huge number", "1234567890123456789 a\n", NULL,
	  "1:1 " LINE_ERROR },
	{ "no UIDL", "1\n", NULL, "1:1 " LINE_ERROR },
	{ "a line of a session", "USER alice\n", NULL, "1:1 " LINE_ERROR },
	{ "a long UIDL", "1 x" X70 "\n", NULL, "1:3 expected a UIDL" },
	{ "a UIDL that isn't ASCII", "1 \xc3\xa4\n2 b\n", NULL,
	  "1:3 not \"??\"" },
	{ "not in order", "2 a\n1 b\n", NULL,
	  "2:1 expected a number higher than" },
	{ "twice the same", "1 a\n2 b\n2 c\n", NULL,
	  "3:1 expected a number higher than" },
	{ "a word too many", "1 a\n2 b 3\n", NULL,
	  "2:5 expected the end of the line" },
	{ "a word too many behind a size", "1 a 2 b\n", NULL,
	  "1:7 expected the end of the line" },
	{ "a size missing", "1 a 2\n2 b\n", NULL, "2:4 expected a size" },
	{ "a wrong size", "1 a\n1 b\n", NULL, "2:3 expected a size" },
	{ "a negative size", "1 a -1\n", NULL, "1:5 expected a size" },
	{ "a third one", "1 a\n1 2\n1 3\n", NULL,
	  "3:1 expected no third listing" },
	{ "a third one without anything", ".\n.\n.\n", NULL,
	  "3:1 expected no third listing" },
	{ "LIST twice", "LIST\n1 2\nLIST\n1 2\n", NULL,
	  "4:1 expected no third listing" },
	{ "one without a size", "1 a\n2 b\n1 10\n", NULL,
	  "2:1 message 2: expected the same messages" },
	{ "a size too many", "1 a\n1 10\n2 20\n", NULL,
	  "3:1 message 2: expected the same messages" },
	{ "other messages", "1 a\n3 b\n1 10\n2 20\n", NULL,
	  "2:1 message 3: expected the same messages" },
	{ "several errors", "1 a\nx\n3\n", NULL,
	  "2:1 " LINE_ERROR "|3:1 " LINE_ERROR },

	{ "identities",
	  "a\t<x@y>\nb\t" D32 "\nc\t" D32 D32 "\nd\t123.M1P2.host\r\n",
	  "1:a=m<x@y> 2:b=g0123456789abcdef0123456789abcdef "
	  "3:c=c0123456789abcdef0123456789abcdef 4:d=r123.M1P2.host", "" },
	{ "blanks around an identity", "a\t <x@y> \n", "1:a=m<x@y>", "" },
	{ "anything in a Message-ID", "a\t<\xc3\xa4<>\nb\t<<x>\n",
	  "1:a=m<\xc3\xa4<> 2:b=m<<x>", "" },
	{ "a dot is a UIDL", "a\t<x>\n.\t<y>\n", "1:a=m<x> 2:.=m<y>", "" },
	{ "a duplicate among identities", "a\t<x>\na\t<y>\n",
	  "1:a!=m<x> 2:a!=m<y>", "" },
	{ "no UIDL, but a Message-ID", "a\t<x>\n\t<y>\n", NULL,
	  "2:2 expected UIDL<TAB>IDENTITY" },
	{ "a blank in a UIDL", "a b\t<x>\n", NULL, "1:1 expected a UIDL" },
	{ "no identity", "a\t<x>\nb\n", NULL,
	  "2:1 expected UIDL<TAB>IDENTITY, not \"b\"" },
	{ "half a Message-ID", "a\t<x\n", NULL, "1:3 expected a Message-ID" },
	{ "an empty Message-ID", "a\t<>\n", NULL,
	  "1:3 expected a Message-ID" },
	{ "more than a Message-ID", "a\t<x> <y>\n", NULL,
	  "1:3 expected a Message-ID" },
	{ "40 digits", "a\t01234567" D32 "\n", NULL,
	  "1:3 64 hexadecimal digits of SHA-256" },
	{ "63 digits", "a\t" D32 "0123456789abcdef0123456789abcde\n", NULL,
	  "1:3 expected a Message-ID" },
	{ "numbers among identities", "a\t<x>\n1 a\n", NULL,
	  "2:1 expected UIDL<TAB>IDENTITY" },
	{ "identities among numbers", "1 a\nb\t<x>\n", NULL,
	  "2:1 " LINE_ERROR },
};

static const char kinds[UIDL_IDENTITY_COUNT] = {
	[UIDL_IDENTITY_CONTENT] = 'c',
	[UIDL_IDENTITY_GUID_128] = 'g',
	[UIDL_IDENTITY_GUID] = 'r',
	[UIDL_IDENTITY_MESSAGE_ID] = 'm',
};

static void
describe(const struct uidl_listing *listing, char *text, size_t size)
{
	const struct uidl_listing_entry *entry = listing->entries;
	size_t i, used = 0;

	text[0] = '\0';
	for (i = 0; i < listing->count; i++, entry++) {
		used += snprintf(text + used, size - used, "%s%u:%s%s",
				 i == 0 ? "" : " ", entry->line, entry->uidl,
				 entry->is_duplicate ? "!" : "");
		if (listing->has_sizes) {
			used += snprintf(text + used, size - used, ":%llu",
					 (unsigned long long)entry->size);
		}
		if (entry->value != NULL) {
			used += snprintf(text + used, size - used, "=%c%s",
					 kinds[entry->identity],
					 entry->value);
		}
	}
}

START_TEST(test_listing)
{
	const struct listing_row *row = &listing_rows[_i];
	static struct reported_errors errors;
	struct uidl_listing *listing;
	char text[1000];

	errors.count = 0;
	listing = uidl_listing_parse(TEST_FILE_NAME, row->text,
				     strlen(row->text), report_error, &errors);
	assert_errors(row->title, &errors, row->errors);
	ck_assert_msg((listing == NULL) == (row->entries == NULL), "%s",
		      row->title);
	if (listing != NULL) {
		describe(listing, text, sizeof(text));
		ck_assert_msg(strcmp(text, row->entries) == 0, "%s: %s",
			      row->title, text);
	}
	uidl_listing_free(&listing);
	ck_assert_ptr_null(listing);
}
END_TEST

START_TEST(test_bytes)
{
	static const char text[] = "1 a\0b\n2 c\n";
	static struct reported_errors errors;

	errors.count = 0;
	ck_assert_ptr_null(uidl_listing_parse(TEST_FILE_NAME, text,
					      sizeof(text) - 1, report_error,
					      &errors));
	assert_errors("NUL", &errors, "1:3 not \"a?b\"");
	ck_assert_ptr_null(uidl_listing_parse(TEST_FILE_NAME, "x", 1, NULL,
					      NULL));
}
END_TEST

START_TEST(test_errors_end)
{
	static struct reported_errors errors;
	char text[3000] = "";
	size_t i;

	errors.count = 0;
	for (i = 0; i < 1000; i++)
		strcpy(text + i * 2, "x\n");
	ck_assert_ptr_null(uidl_listing_parse(TEST_FILE_NAME, text,
					      strlen(text), report_error,
					      &errors));
	ck_assert_uint_eq(errors.count, 20);
}
END_TEST

/* More than are ever met: what is quadratic would not end. */
START_TEST(test_many)
{
	enum { COUNT = 200000 };
	struct uidl_listing *listing;
	char *text = malloc(COUNT * 40), *p = text;
	size_t i;

	for (i = 1; i <= COUNT; i++)
		p += sprintf(p, "%zu u%zu\r\n", i, i / 2);
	for (i = 1; i <= COUNT; i++)
		p += sprintf(p, "%zu %zu\r\n", i, i * 10);
	listing = uidl_listing_parse("", text, (size_t)(p - text), NULL, NULL);
	ck_assert_ptr_nonnull(listing);
	ck_assert_uint_eq(listing->count, COUNT);
	ck_assert_uint_eq(listing->entries[COUNT - 2].size, (COUNT - 1) * 10);
	ck_assert(!listing->entries[0].is_duplicate);
	ck_assert(listing->entries[1].is_duplicate);
	uidl_listing_free(&listing);
	free(text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("uidl-listing");
	TCase *tcase = tcase_create("uidl-listing");

	tcase_add_loop_test(tcase, test_listing, 0, N_ROWS(listing_rows));
	tcase_add_test(tcase, test_bytes);
	tcase_add_test(tcase, test_errors_end);
	tcase_add_test(tcase, test_many);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
