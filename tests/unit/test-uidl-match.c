/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pop3-policy/uidl-match.h"
#include "suite.h"

#define MAX_MESSAGES 12

struct test_message {
	uint64_t size;
	/* Message-ID without <>; content as one letter; NULL = none */
	const char *message_id, *content;
};

struct test_mailbox {
	const struct test_message *messages;
	/* what was asked for */
	unsigned int sizes, contents, guids, message_ids;
	/* fails when asked for this message; -1 = none */
	int unreadable;
	char value[40];
};

static const char *content_digits(const char *content, char value[40])
{
	snprintf(value, 40, "%031d%c", 0, content[0]);
	return value;
}

static int get_size(void *context, size_t message, uint64_t *size_r)
{
	struct test_mailbox *mailbox = context;

	mailbox->sizes++;
	*size_r = mailbox->messages[message].size;
	return (int)message == mailbox->unreadable ? -1 : 1;
}

static int
get_identity(void *context, size_t message, enum uidl_identity identity,
	     const char **value_r)
{
	struct test_mailbox *mailbox = context;
	const struct test_message *msg = &mailbox->messages[message];

	if ((int)message == mailbox->unreadable)
		return -1;
	*value_r = mailbox->value;
	switch (identity) {
	case UIDL_IDENTITY_MESSAGE_ID:
		mailbox->message_ids++;
		if (msg->message_id == NULL)
			return 0;
		snprintf(mailbox->value, sizeof(mailbox->value), "<%s>",
			 msg->message_id);
		return 1;
	case UIDL_IDENTITY_CONTENT:
		mailbox->contents++;
		if (msg->content == NULL)
			return 0;
		content_digits(msg->content, mailbox->value);
		return 1;
	case UIDL_IDENTITY_GUID:
		mailbox->guids++;
		snprintf(mailbox->value, sizeof(mailbox->value), "guid-%zu",
			 message);
		return 1;
	default:
		ck_abort_msg("asked for identity %d", (int)identity);
		return -1;
	}
}

#define DIGITS "00000000000000000000000000000000"
/* 64 digits, of which the first 32 count */
#define CONTENT(c) "0000000000000000000000000000000" c DIGITS

#define S(size) { size, NULL, NULL }
#define M(message_id, content) { 1, message_id, content }

/* listing: text of a file. want: for each of its messages the number of the
   message here, from 1; or - (no such message), ? (ambiguous), 2x, 0
   (unknown), ! (only its size fits). */
static const struct match_row {
	const char *title, *listing;
	struct test_message messages[MAX_MESSAGES];
	const char *want;
	unsigned int want_contents;
} match_rows[] = {
	{ "sizes, all the same",
	  "1 a 10\n2 b 20\n3 c 10\n", { S(10), S(20), S(10) }, "1 2 3", 0 },
	{ "all of one size",
	  "1 a 10\n2 b 10\n3 c 10\n", { S(10), S(10), S(10) }, "1 2 3", 0 },
	{ "new mail",
	  "1 a 10\n2 b 20\n", { S(10), S(20), S(30), S(40) }, "1 2", 0 },
	{ "new mail of the same size as the last",
	  "1 a 10\n2 b 20\n", { S(10), S(20), S(20) }, "1 ?", 0 },
	{ "new mail of the same size as one in between",
	  "1 a 10\n2 b 20\n3 c 30\n", { S(10), S(20), S(30), S(20) },
	  "1 2 3", 0 },
	{ "some are gone",
	  "1 a 10\n2 b 20\n3 c 30\n", { S(10), S(30) }, "1 - 2", 0 },
	{ "one of several that look the same is gone",
	  "1 a 10\n2 b 10\n3 c 30\n", { S(10), S(30) }, "? ? 2", 0 },
	{ "the listing has no messages", ".\n", { S(10) }, "", 0 },
	{ "the mailbox has no messages", "1 a 10\n", { S(0) }, "-", 0 },
	{ "some are gone, some are new",
	  "1 a 10\n2 b 20\n3 c 30\n4 d 30\n",
	  { S(10), S(30), S(30), S(40) }, "! - ? ?", 0 },
	{ "some are gone, some are new, neighbours are left",
	  "1 a 10\n2 b 20\n3 c 30\n4 d 40\n5 e 50\n",
	  { S(20), S(30), S(50), S(60) }, "- 1 2 - !", 0 },
	{ "all gone, new mail of the size of one",
	  "1 a 100\n2 b 200\n3 c 300\n", { S(300), S(5000) }, "- - !", 0 },
	{ "all gone, new mail of the sizes of two that weren't neighbours",
	  "1 a 100\n2 b 200\n3 c 300\n", { S(100), S(300), S(400) },
	  "! - !", 0 },
	{ "all gone, one new of the size of one",
	  "1 a 100\n2 b 200\n3 c 300\n", { S(300) }, "- - !", 0 },
	{ "one message there, several here",
	  "1 a 300\n", { S(300), S(5000) }, "!", 0 },
	{ "one message there, another one here",
	  "1 a 300\n", { S(5000) }, "-", 0 },
	{ "one message on both sides", "1 a 300\n", { S(300) }, "1", 0 },
	{ "the order changed",
	  "1 a 10\n2 b 20\n3 c 30\n4 d 40\n",
	  { S(40), S(10), S(20), S(30) }, "2 3 4 ?", 0 },
	{ "nothing in common",
	  "1 a 10\n2 b 20\n", { S(30), S(40) }, "- -", 0 },
	{ "too few of the same size, and others",
	  "1 a 10\n2 b 10\n3 c 20\n", { S(10), S(30) }, "? ? -", 0 },
	{ "no sizes", "1 a\n2 b\n", { S(10), S(20) }, "0 0", 0 },
	{ "duplicates keep their place",
	  "1 a 10\n2 b 20\n3 a 10\n", { S(10), S(20), S(10) },
	  "2x 2 2x", 0 },

	{ "Message-IDs", "a\t<x>\nb\t<y>\nc\t<z>\n",
	  { M("y", NULL), M(NULL, NULL), M("x", NULL) }, "3 1 -", 0 },
	{ "a Message-ID twice here, different mail",
	  "a\t<x>\nb\t<y>\n", { M("x", "1"), M("x", "2"), M("y", NULL) },
	  "? 3", 2 },
	{ "a Message-ID twice here, the same mail",
	  "a\t<x>\n", { M("x", "1"), M("x", "1") }, "1", 2 },
	{ "twice on both sides, in order, others around them",
	  "a\t<y>\nb\t<x>\nc\t<x>\nd\t<z>\n",
	  { M("y", NULL), M("x", "1"), M("x", "2"), M("z", NULL) },
	  "1 2 3 4", 2 },
	{ "twice on both sides, others not in order",
	  "a\t<y>\nb\t<x>\nc\t<x>\nd\t<z>\n",
	  { M("z", NULL), M("x", "1"), M("x", "2"), M("y", NULL) },
	  "4 ? ? 1", 2 },
	{ "twice on both sides, one other between them",
	  "a\t<x>\nb\t<y>\nc\t<x>\n",
	  { M("x", "1"), M("y", NULL), M("x", "2") }, "? 2 ?", 2 },
	{ "twice on both sides, others only before them",
	  "a\t<y>\nb\t<z>\nc\t<x>\nd\t<x>\n",
	  { M("y", NULL), M("z", NULL), M("x", "1"), M("x", "2") },
	  "1 2 ? ?", 2 },
	{ "twice on both sides, others only behind them here",
	  "a\t<y>\nb\t<x>\nc\t<x>\nd\t<z>\n",
	  { M("x", "1"), M("x", "2"), M("y", NULL), M("z", NULL) },
	  "3 ? ? 4", 2 },
	{ "twice on both sides, nothing to see an order by",
	  "a\t<x>\nb\t<x>\n", { M("x", "1"), M("x", "2") }, "? ?", 2 },
	{ "twice there, once here",
	  "a\t<x>\nb\t<x>\n", { M("x", "1") }, "? ?", 0 },
	{ "twice there, not here",
	  "a\t<x>\nb\t<x>\n", { M("y", "1") }, "- -", 0 },
	{ "the content can't be told",
	  "a\t<x>\n", { M("x", "1"), M("x", NULL) }, "?", 2 },

	{ "content", "a\t" CONTENT("1") "\nb\t" CONTENT("2") "\n",
	  { M(NULL, "2"), M(NULL, "1") }, "2 1", 2 },
	{ "the same content several times",
	  "a\t" CONTENT("1") "\nb\t" CONTENT("1") "\nc\t" CONTENT("1") "\n",
	  { M(NULL, "1"), M(NULL, "2"), M(NULL, "1") }, "1 3 -",
	  3 },
	{ "GUIDs", "a\tguid-1\nb\tguid-7\n", { S(1), S(2) }, "2 -", 0 },
	{ "several kinds: what has been matched is out of the way",
	  "a\t" CONTENT("1") "\nb\t<x>\n",
	  { M("x", "1"), M("x", "2") }, "1 2", 2 },
};

static size_t count_messages(const struct match_row *row)
{
	size_t count = 0;

	while (count < MAX_MESSAGES && row->messages[count].size > 0)
		count++;
	return count;
}

static struct uidl_listing *parse(const char *text)
{
	struct uidl_listing *listing =
		uidl_listing_parse("", text, strlen(text), NULL, NULL);

	ck_assert_ptr_nonnull(listing);
	return listing;
}

static void
describe(const struct uidl_listing *listing,
	 const struct uidl_matches *matches, char *text, size_t size)
{
	static const char *const names[UIDL_MATCH_RESULTS] = {
		[UIDL_MATCH_NONE] = "-", [UIDL_MATCH_AMBIGUOUS] = "?",
		[UIDL_MATCH_LONE] = "!", [UIDL_MATCH_DUPLICATE] = "2x",
		[UIDL_MATCH_UNKNOWN] = "0",
	};
	const struct uidl_match *match = matches->entries;
	size_t i, used = 0;

	text[0] = '\0';
	for (i = 0; i < listing->count; i++, match++) {
		used += snprintf(text + used, size - used, i == 0 ? "" : " ");
		if (match->result < UIDL_MATCH_BY_CONTENT) {
			ck_assert_uint_eq(match->message, UIDL_MATCH_NOTHING);
			used += snprintf(text + used, size - used, "%s",
					 names[match->result]);
		} else {
			ck_assert_uint_eq(matches->messages[match->message],
					  i);
			used += snprintf(text + used, size - used, "%zu",
					 match->message + 1);
		}
	}
}

START_TEST(test_match)
{
	const struct match_row *row = &match_rows[_i];
	struct test_mailbox mailbox = {
		.messages = row->messages,
		.unreadable = -1,
	};
	const struct uidl_match_source source = {
		.count = count_messages(row),
		.get_size = get_size,
		.get_identity = get_identity,
		.context = &mailbox,
	};
	struct uidl_listing *listing = parse(row->listing);
	struct uidl_matches *matches;
	size_t i, matched = 0;
	bool no_memory;
	char text[200];

	matches = uidl_match(listing, &source, &no_memory);
	ck_assert_ptr_nonnull(matches);
	describe(listing, matches, text, sizeof(text));
	ck_assert_msg(strcmp(text, row->want) == 0, "%s: %s", row->title,
		      text);
	ck_assert_msg(mailbox.contents == row->want_contents,
		      "%s: asked %u times for content", row->title,
		      mailbox.contents);
	/* nobody is asked for what the listing doesn't say */
	ck_assert(listing->has_sizes || mailbox.sizes == 0);
	ck_assert(strchr(row->listing, '<') != NULL ||
		  mailbox.message_ids == 0);
	for (i = 0; i < source.count; i++)
		matched += matches->messages[i] != UIDL_MATCH_NOTHING ? 1 : 0;
	for (i = 0; i < listing->count; i++) {
		if (matches->entries[i].message != UIDL_MATCH_NOTHING)
			matched--;
	}
	ck_assert_uint_eq(matched, 0);
	uidl_matches_free(&matches);
	ck_assert_ptr_null(matches);
	uidl_listing_free(&listing);
}
END_TEST

START_TEST(test_unreadable)
{
	static const char *const listings[] = {
		"1 a 10\n", "a\t<x>\n", "a\tguid-0\n", "a\t" CONTENT("1") "\n",
	};
	static const struct test_message messages[] = {
		{ 10, "x", "1" }, { 20, "y", "2" },
	};
	struct test_mailbox mailbox = {
		.messages = messages,
		.unreadable = 1,
	};
	const struct uidl_match_source source = {
		.count = 2,
		.get_size = get_size,
		.get_identity = get_identity,
		.context = &mailbox,
	};
	struct uidl_listing *listing = parse(listings[_i]);
	bool no_memory = true;

	ck_assert_ptr_null(uidl_match(listing, &source, &no_memory));
	ck_assert(!no_memory);
	uidl_listing_free(&listing);
}
END_TEST

START_TEST(test_names)
{
	enum uidl_match_result result;

	for (result = UIDL_MATCH_NONE; result < UIDL_MATCH_RESULTS; result++)
		ck_assert_str_ne(uidl_match_result_name(result), "");
}
END_TEST

/* Many, few sizes, some gone and some new: nothing is quadratic, and no
   message is taken for one of another size or out of order. */
START_TEST(test_many)
{
	enum { COUNT = 100000 };
	struct test_message *messages =
		calloc(COUNT, sizeof(struct test_message));
	struct test_mailbox mailbox = {
		.messages = messages,
		.unreadable = -1,
	};
	struct uidl_match_source source = {
		.get_size = get_size,
		.get_identity = get_identity,
		.context = &mailbox,
	};
	struct uidl_listing *listing;
	struct uidl_matches *matches;
	char *text = malloc(COUNT * 40), *p = text;
	size_t i, message, last = 0, matched = 0;
	uint64_t size;
	bool no_memory;

	srand((unsigned int)_i);
	for (i = 1; i <= COUNT; i++) {
		size = _i == 0 ? 10 : (uint64_t)(rand() % 1000000) + 1;
		if (_i == 0 || rand() % 20 > 0)
			p += sprintf(p, "%zu u%zu %llu\n", i, i,
				     (unsigned long long)size);
		if (_i > 0 ? rand() % 20 > 0 : i > 10)
			messages[source.count++].size = size;
	}
	listing = parse(text);
	matches = uidl_match(listing, &source, &no_memory);
	ck_assert_ptr_nonnull(matches);
	for (i = 0; i < listing->count; i++) {
		message = matches->entries[i].message;
		if (message == UIDL_MATCH_NOTHING)
			continue;
		ck_assert_uint_eq(listing->entries[i].size,
				  messages[message].size);
		ck_assert(matched == 0 || message > last);
		last = message;
		matched++;
	}
	if (_i == 0)
		ck_assert_uint_eq(matched, 0);
	else
		ck_assert_uint_gt(matched, COUNT / 2);
	uidl_matches_free(&matches);
	uidl_listing_free(&listing);
	free(messages);
	free(text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("uidl-match");
	TCase *tcase = tcase_create("uidl-match");

	tcase_add_loop_test(tcase, test_match, 0, N_ROWS(match_rows));
	tcase_add_loop_test(tcase, test_unreadable, 0, 4);
	tcase_add_test(tcase, test_names);
	tcase_add_loop_test(tcase, test_many, 0, 3);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
