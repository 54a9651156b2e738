/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pop3-policy/uidl-verify.h"
#include "suite.h"

#define MAX_MESSAGES 8

struct test_message {
	/* NULL = not shown */
	const char *uidl;
	uint64_t size;
	/* Message-ID without <> */
	const char *message_id;
};

struct test_mailbox {
	const struct test_message *messages;
	/* fails when asked for this message; -1 = none */
	int unreadable;
	char value[40];
};

static int get_size(void *context, size_t message, uint64_t *size_r)
{
	const struct test_mailbox *mailbox = context;

	*size_r = mailbox->messages[message].size;
	return (int)message == mailbox->unreadable ? -1 : 1;
}

static int
get_identity(void *context, size_t message, enum uidl_identity identity,
	     const char **value_r)
{
	struct test_mailbox *mailbox = context;

	if ((int)message == mailbox->unreadable)
		return -1;
	/* what a Message-ID stands for here is a message of its own */
	snprintf(mailbox->value, sizeof(mailbox->value),
		 identity == UIDL_IDENTITY_MESSAGE_ID ? "<%s>" : "%s%zu",
		 mailbox->messages[message].message_id, message);
	*value_r = mailbox->value;
	return 1;
}

/* want: for each of the listing's messages s(ame), c(hanged) or m(issing) and
   the number of the message here, from 1, or -; then the new ones. */
static const struct verify_row {
	const char *title, *listing;
	struct test_message messages[MAX_MESSAGES];
	const char *want;
} verify_rows[] = {
	{ "the same", "1 a 10\n2 b 20\n",
	  { { "a", 10, "x" }, { "b", 20, "y" } }, "s1 s2" },
	{ "without sizes", "1 a\n2 b\n",
	  { { "a", 10, "x" }, { "b", 20, "y" } }, "s1 s2" },
	{ "without sizes, another one", "1 a\n2 c\n",
	  { { "a", 10, "x" }, { "b", 20, "y" } }, "s1 m- n2" },
	{ "a new one", "1 a 10\n",
	  { { "a", 10, "x" }, { "b", 20, "y" } }, "s1 n2" },
	{ "another UIDL", "1 a 10\n2 b 20\n",
	  { { "a", 10, "x" }, { "c", 20, "y" } }, "s1 c2" },
	{ "exchanged", "1 a 10\n2 b 20\n",
	  { { "b", 10, "x" }, { "a", 20, "y" } }, "c1 c2" },
	{ "another order", "1 a 10\n2 b 10\n",
	  { { "b", 10, "x" }, { "a", 10, "y" } }, "s2 s1" },
	{ "gone", "1 a 10\n2 b 20\n", { { "b", 20, "y" } }, "m- s1" },
	{ "hidden", "1 a 10\n2 b 20\n",
	  { { "a", 10, "x" }, { NULL, 20, "y" } }, "s1 m2" },
	{ "hidden and new", "1 a 10\n",
	  { { "a", 10, "x" }, { NULL, 20, "y" } }, "s1" },
	{ "its UIDL on a message of another size", "1 a 10\n2 b 20\n",
	  { { "a", 10, "x" }, { "b", 21, "y" } }, "s1 c2 n2" },
	{ "ambiguous, but shown", "1 a 10\n2 b 10\n",
	  { { "c", 10, "x" }, { "b", 10, "y" }, { "d", 10, "z" } },
	  "c- s2 n1 n3" },
	{ "a duplicate that is shown", "1 a 10\n2 a 10\n",
	  { { "a", 10, "x" }, { "a", 10, "y" } }, "s1 s1 n2" },
	{ "duplicates, of which none is shown", "1 a 10\n2 a 10\n",
	  { { "b", 10, "x" }, { "c", 10, "y" } }, "m- m- n1 n2" },
	{ "nothing listed", ".\n", { { "a", 10, "x" } }, "n1" },
	{ "nothing here", "1 a 10\n", { { NULL, 0, NULL } }, "m-" },
	{ "identities", "a\t<x>\nb\t<y>\n",
	  { { "a", 1, "x" }, { "b", 1, "y" }, { "c", 1, "z" } }, "s1 s2 n3" },
	{ "identities, exchanged", "a\t<x>\nb\t<y>\n",
	  { { "b", 1, "x" }, { "a", 1, "y" } }, "c1 c2" },
	{ "identities, another has its UIDL", "a\t<x>\n",
	  { { "a", 1, "y" } }, "c1 n1" },
	{ "identities, hidden, and another has its UIDL", "a\t<x>\n",
	  { { NULL, 1, "x" }, { "a", 1, "y" } }, "m1 n2" },
	{ "identities, ambiguous", "a\t<x>\n",
	  { { "b", 1, "x" }, { "a", 1, "x" } }, "s2 n1" },
};

static size_t count_messages(const struct test_message *messages)
{
	size_t count = 0;

	while (count < MAX_MESSAGES && messages[count].message_id != NULL)
		count++;
	return count;
}

static void
describe(const struct uidl_listing *listing,
	 const struct uidl_verification *result, size_t count, char *text,
	 size_t size)
{
	static const char letters[UIDL_VERIFY_STATES] = {
		[UIDL_VERIFY_MISSING] = 'm', [UIDL_VERIFY_CHANGED] = 'c',
		[UIDL_VERIFY_SAME] = 's', [UIDL_VERIFY_NEW] = 'n',
	};
	size_t i, used = 0, counts[UIDL_VERIFY_STATES] = { 0 };

	text[0] = '\0';
	for (i = 0; i < listing->count; i++) {
		const struct uidl_verify_entry *entry = &result->entries[i];

		counts[entry->state]++;
		ck_assert_int_eq(entry->reason == NULL,
				 entry->state == UIDL_VERIFY_SAME);
		used += snprintf(text + used, size - used, "%s%c",
				 used == 0 ? "" : " ", letters[entry->state]);
		used += entry->message == UIDL_MATCH_NOTHING ?
			snprintf(text + used, size - used, "-") :
			snprintf(text + used, size - used, "%zu",
				 entry->message + 1);
	}
	for (i = 0; i < count; i++) {
		if (!result->are_new[i])
			continue;
		counts[UIDL_VERIFY_NEW]++;
		used += snprintf(text + used, size - used, "%sn%zu",
				 used == 0 ? "" : " ", i + 1);
	}
	ck_assert_mem_eq(counts, result->counts, sizeof(counts));
}

static struct uidl_verification *
run(const char *text, struct test_mailbox *mailbox,
    struct uidl_listing **listing_r, size_t *count_r, bool *no_memory_r)
{
	const struct uidl_match_source source = {
		.count = count_messages(mailbox->messages),
		.get_size = get_size,
		.get_identity = get_identity,
		.context = mailbox,
	};
	const char *shown[MAX_MESSAGES];
	struct uidl_verification *result;
	struct uidl_matches *matches;
	const int unreadable = mailbox->unreadable;
	size_t i;

	for (i = 0; i < source.count; i++)
		shown[i] = mailbox->messages[i].uidl;
	*listing_r = uidl_listing_parse("", text, strlen(text), NULL, NULL);
	ck_assert_ptr_nonnull(*listing_r);
	mailbox->unreadable = -1;
	matches = uidl_match(*listing_r, &source, no_memory_r);
	ck_assert_ptr_nonnull(matches);
	mailbox->unreadable = unreadable;
	result = uidl_verify(*listing_r, &source, matches, shown, no_memory_r);
	uidl_matches_free(&matches);
	*count_r = source.count;
	return result;
}

START_TEST(test_verify)
{
	const struct verify_row *row = &verify_rows[_i];
	struct test_mailbox mailbox = {
		.messages = row->messages,
		.unreadable = -1,
	};
	struct uidl_verification *result;
	struct uidl_listing *listing;
	bool no_memory;
	size_t count;
	char text[200];

	result = run(row->listing, &mailbox, &listing, &count, &no_memory);
	ck_assert_ptr_nonnull(result);
	describe(listing, result, count, text, sizeof(text));
	ck_assert_msg(strcmp(text, row->want) == 0, "%s: %s", row->title,
		      text);
	uidl_verification_free(&result);
	ck_assert_ptr_null(result);
	uidl_listing_free(&listing);
}
END_TEST

START_TEST(test_unreadable)
{
	static const struct test_message messages[] = {
		{ "a", 10, "x" }, { NULL, 0, NULL },
	};
	struct test_mailbox mailbox = {
		.messages = messages,
		.unreadable = 0,
	};
	struct uidl_listing *listing;
	bool no_memory = true;
	size_t count;

	ck_assert_ptr_null(run("1 a 10\n", &mailbox, &listing, &count,
			       &no_memory));
	ck_assert(!no_memory);
	uidl_listing_free(&listing);
}
END_TEST

START_TEST(test_names)
{
	static const char *const names[UIDL_VERIFY_STATES] = {
		[UIDL_VERIFY_MISSING] = "missing",
		[UIDL_VERIFY_CHANGED] = "changed",
		[UIDL_VERIFY_SAME] = "same",
		[UIDL_VERIFY_NEW] = "new",
	};
	enum uidl_verify_state state;

	for (state = UIDL_VERIFY_MISSING; state < UIDL_VERIFY_STATES; state++)
		ck_assert_str_eq(uidl_verify_state_name(state), names[state]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("uidl-verify");
	TCase *tcase = tcase_create("uidl-verify");

	tcase_add_loop_test(tcase, test_verify, 0, N_ROWS(verify_rows));
	tcase_add_test(tcase, test_unreadable);
	tcase_add_test(tcase, test_names);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
