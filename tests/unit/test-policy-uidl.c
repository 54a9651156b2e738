/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pop3-policy/uidl.h"
#include "suite.h"

#define X10 "xxxxxxxxxx"
#define X60 X10 X10 X10 X10 X10 X10

static const struct valid_row {
	const char *uidl;
	bool want;
} valid_rows[] = {
	{ "", false }, { "a", true }, { "!", true }, { "~", true },
	{ " ", false }, { "a b", false }, { "\x7f", false }, { "a\n", false },
	{ "\x80", false }, { "\xc3\xa4", false },
	{ X60 X10, true }, { X60 X10 "x", false },
};

START_TEST(test_valid)
{
	ck_assert_msg(uidl_is_valid(valid_rows[_i].uidl) ==
		      valid_rows[_i].want, "%s", valid_rows[_i].uidl);
}
END_TEST

START_TEST(test_hash)
{
	/* FNV-1a, 32 bits: the published values */
	ck_assert_uint_eq(uidl_hash(""), 0x811c9dc5);
	ck_assert_uint_eq(uidl_hash("a"), 0xe40c292c);
	ck_assert_uint_eq(uidl_hash("foobar"), 0xbf9cf968);
}
END_TEST

#define MAX_ENTRIES 6

/* What they want, what they were shown with before (NULL = never), what they
   are to get. What stands behind "=" is kept. */
static const struct number_row {
	const char *title;
	struct {
		const char *wanted, *shown, *want;
	} entries[MAX_ENTRIES];
} number_rows[] = {
	{ "all different", { { "a", NULL, "a" }, { "b", NULL, "b" } } },
	{ "the same", { { "a", NULL, "a" }, { "a", NULL, "a-2" },
			{ "b", NULL, "b" }, { "a", NULL, "a-3" } } },
	{ "shown before", { { "a", "a", "a" }, { "a", "a-2", "a-2" } } },
	{ "the first is gone", { { "a", "a-2", "a-2" } } },
	{ "the first is gone, a new one came",
	  { { "a", "a-2", "a-2" }, { "a", NULL, "a-3" } } },
	{ "one in between is gone",
	  { { "a", "a", "a" }, { "a", "a-3", "a-3" }, { "a", NULL, "a-4" } } },
	{ "the order changed",
	  { { "a", "a-2", "a-2" }, { "a", "a", "a" } } },
	{ "another UIDL before", { { "a", "zzz", "a" } } },
	{ "another UIDL before, and a duplicate",
	  { { "a", "zzz", "a-2" }, { "a", "a", "a" } } },
	{ "two say that they had it",
	  { { "a", "a", "a" }, { "a", "a", "a-2" } } },
	{ "a number that another one wants",
	  { { "a", NULL, "a" }, { "a", NULL, "a-3" },
	    { "a-2", NULL, "a-2" } } },
	{ "numbers of numbers",
	  { { "a", NULL, "a" }, { "a", NULL, "a-3" }, { "a-2", NULL, "a-2" },
	    { "a-2", NULL, "a-2-2" } } },
	{ "a name that was another one's number",
	  { { "a", "a-2", "a-2" }, { "a", "a", "a" },
	    { "a-2", NULL, "a-2-2" } } },
	{ "no room", { { X60 X10, NULL, X60 X10 },
		       { X60 X10, NULL, X60 "xxxxxxxx-2" } } },
	{ "no room in two",
	  { { X60 "xxxxxxxxab", NULL, X60 "xxxxxxxxab" },
	    { X60 "xxxxxxxxab", NULL, X60 "xxxxxxxx-2" },
	    { X60 "xxxxxxxxcd", NULL, X60 "xxxxxxxxcd" },
	    { X60 "xxxxxxxxcd", NULL, X60 "xxxxxxxx-3" } } },
	{ "kept", { { "=a", NULL, "a" }, { "b", NULL, "b" } } },
	{ "kept, shown with another one",
	  { { "=a", "zzz", "a" }, { "b", "b", "b" } } },
	{ "kept by a later one",
	  { { "a", NULL, "a-2" }, { "=a", NULL, "a" } } },
	{ "kept, while the other one was shown with it",
	  { { "a", "a", "a-2" }, { "=a", "zzz", "a" } } },
	{ "kept, and a number of another one",
	  { { "a", "a", "a" }, { "a", "a-2", "a-3" },
	    { "=a-2", NULL, "a-2" } } },
	{ "kept, and shown with a number before",
	  { { "=a", "a-2", "a" }, { "a", NULL, "a-3" } } },
	{ "nearly all are gone",
	  { { "a", "a-401", "a-401" }, { "a", "a-99999", "a-99999" },
	    { "a", NULL, "a-100000" } } },
	{ "nearly all are gone, and no room",
	  { { X60 "xxxxxxxxab", X60 "xxxxxx-401", X60 "xxxxxx-401" },
	    { X60 "xxxxxxxxab", NULL, X60 "xxxxxx-402" } } },
	{ "the highest number, and one more",
	  { { "a", "a-100000", "a-100000" }, { "b", "b-100001", "b" } } },
	{ "two say that they had a number",
	  { { "a", "a-401", "a-401" }, { "a", "a-401", "a-402" },
	    { "a", "a-9", "a-9" } } },
	{ "only one of two numbers can be found",
	  { { "a", "zzz", "a-1235" }, { "a", "a-1234", "a-1234" } } },
	/* the hashes of vc-2596 and vc-48589 are the same */
	{ "two numbers of the same hash",
	  { { "vc", "vc-48589", "vc-2596" }, { "vc", "vc-2596", "vc-2598" },
	    { "vc", "vc-2597", "vc-2597" }, { "vc", "vc", "vc" } } },
	{ "kept twice",
	  { { "=a", NULL, "a" }, { "=a", NULL, "a-2" } } },
};

static void *alloc(void *context, size_t size)
{
	(void)context;
	return calloc(1, size);
}

START_TEST(test_number)
{
	const struct number_row *row = &number_rows[_i];
	struct uidl_entry entries[MAX_ENTRIES];
	size_t i, count;

	for (count = 0; count < MAX_ENTRIES &&
	     row->entries[count].wanted != NULL; count++) {
		entries[count].kept = row->entries[count].wanted[0] == '=';
		entries[count].wanted = row->entries[count].wanted +
			(entries[count].kept ? 1 : 0);
		entries[count].shown_hash =
			row->entries[count].shown == NULL ? 0 :
			uidl_hash(row->entries[count].shown);
		entries[count].shown_numbered =
			row->entries[count].shown != NULL &&
			strcmp(row->entries[count].shown,
			       entries[count].wanted) != 0;
	}
	ck_assert_int_eq(uidl_number_duplicates(entries, count, alloc, NULL),
			 0);
	for (i = 0; i < count; i++) {
		ck_assert_msg(strcmp(entries[i].uidl,
				     row->entries[i].want) == 0,
			      "%s: %zu is %s", row->title, i,
			      entries[i].uidl);
		ck_assert(uidl_is_valid(entries[i].uidl));
		ck_assert_uint_eq(entries[i].hash, uidl_hash(entries[i].uidl));
		ck_assert(entries[i].numbered ==
			  (entries[i].uidl != entries[i].wanted));
	}
}
END_TEST

/* What was shown without a number and is another one now has no number whose
   name happens to have the same hash. */
START_TEST(test_changed)
{
	struct uidl_entry entries[] = {
		{ .wanted = "a", .shown_hash = uidl_hash("a-5234") },
		{ .wanted = "b", .shown_hash = uidl_hash("b-2") },
		{ .wanted = "b", .shown_hash = uidl_hash("b-7"),
		  .shown_numbered = true },
		{ .wanted = "c", .shown_hash = uidl_hash("zzz"),
		  .shown_numbered = true },
	};
	const char *const want[] = { "a", "b-8", "b-7", "c" };
	size_t i, count = sizeof(entries) / sizeof(entries[0]);

	ck_assert_int_eq(uidl_number_duplicates(entries, count, alloc, NULL),
			 0);
	for (i = 0; i < count; i++)
		ck_assert_str_eq(entries[i].uidl, want[i]);
	ck_assert(!entries[0].numbered && entries[1].numbered);
}
END_TEST

/* So many that the time it takes must not grow with the square of it. */
enum { EQUAL_COUNT = 100000 };

/* Those from first on; number: the one that the first is to have. */
static void
number_equal(struct uidl_entry *entries, size_t first, size_t number)
{
	char want[UIDL_MAX_LENGTH + 1];
	size_t i;

	ck_assert_int_eq(uidl_number_duplicates(entries + first,
						EQUAL_COUNT - first, alloc,
						NULL), 0);
	for (i = first; i < EQUAL_COUNT; i++, number++) {
		snprintf(want, sizeof(want), number == 1 ? "w" : "w-%zu",
			 number);
		if (strcmp(entries[i].uidl, want) != 0)
			ck_abort_msg("%s in place of %s", entries[i].uidl,
				     want);
		entries[i].shown_hash = entries[i].hash;
		entries[i].shown_numbered = entries[i].numbered;
	}
}

START_TEST(test_many_equal)
{
	static struct uidl_entry entries[EQUAL_COUNT];
	size_t i;

	for (i = 0; i < EQUAL_COUNT; i++)
		entries[i].wanted = "w";
	number_equal(entries, 0, 1);
	number_equal(entries, 0, 1);
	/* most are gone */
	number_equal(entries, EQUAL_COUNT / 5 * 4, EQUAL_COUNT / 5 * 4 + 1);
	number_equal(entries, EQUAL_COUNT - 1, EQUAL_COUNT);
}
END_TEST

static int uidl_cmp(const void *p1, const void *p2)
{
	const struct uidl_entry *entry1 = p1, *entry2 = p2;

	return strcmp(entry1->uidl, entry2->uidl);
}

/* Whatever they say that they were shown with: never two with the same. */
START_TEST(test_many_unknown)
{
	static struct uidl_entry entries[EQUAL_COUNT];
	static char wanted[EQUAL_COUNT][8];
	/* how many want the same */
	const size_t group = (const size_t[]){ 1, 2, 1000, EQUAL_COUNT }[_i];
	char shown[16];
	size_t i;

	for (i = 0; i < EQUAL_COUNT; i++) {
		snprintf(wanted[i], sizeof(wanted[0]), "%zu", i / group);
		snprintf(shown, sizeof(shown), "zzz%zu", i);
		entries[i].wanted = wanted[i];
		entries[i].shown_hash = uidl_hash(shown);
		entries[i].shown_numbered = true;
	}
	/* the numbers of few are found among whatever others there are */
	entries[0].shown_hash = uidl_hash("0-1000");
	if (group == 1)
		entries[1].shown_hash = uidl_hash("1-1001");
	ck_assert_int_eq(uidl_number_duplicates(entries, EQUAL_COUNT, alloc,
						NULL), 0);
	ck_assert_str_eq(entries[0].uidl, "0-1000");
	/* but no more, where there are very many */
	if (group == 1)
		ck_assert_str_eq(entries[1].uidl, "1");
	qsort(entries, EQUAL_COUNT, sizeof(entries[0]), uidl_cmp);
	for (i = 1; i < EQUAL_COUNT; i++)
		ck_assert(uidl_cmp(&entries[i - 1], &entries[i]) != 0);
}
END_TEST

/* Many of few, in several rounds: never two with the same, none renamed. */
START_TEST(test_random)
{
	enum { COUNT = 400 };
	static struct uidl_entry entries[COUNT];
	static char wanted[COUNT][8];
	char before[COUNT][UIDL_MAX_LENGTH + 1];
	size_t count = 0, i, j;
	unsigned int round;

	srand(_i);
	for (round = 0; round < 6; round++) {
		/* some go */
		for (i = j = 0; i < count; i++) {
			if (rand() % 3 == 0)
				continue;
			memmove(wanted[j], wanted[i], sizeof(wanted[0]));
			entries[j].wanted = wanted[j];
			entries[j].shown_hash = uidl_hash(before[i]);
			entries[j].shown_numbered =
				strcmp(before[i], wanted[j]) != 0;
			memmove(before[j], before[i], sizeof(before[0]));
			j++;
		}
		count = j;
		/* some come */
		for (; count < j + 60 && count < COUNT; count++) {
			snprintf(wanted[count], sizeof(wanted[0]), "%c%s",
				 "ab"[rand() % 2], (const char *const[]){
				 "", "-2", "-3", "-2-2" }[rand() % 4]);
			entries[count].wanted = wanted[count];
			entries[count].shown_hash = 0;
			entries[count].shown_numbered = false;
			before[count][0] = '\0';
		}
		ck_assert_int_eq(uidl_number_duplicates(entries, count, alloc,
							NULL), 0);
		for (i = 0; i < count; i++) {
			for (j = 0; j < i; j++)
				ck_assert_str_ne(entries[i].uidl,
						 entries[j].uidl);
			if (before[i][0] != '\0')
				ck_assert_str_eq(entries[i].uidl, before[i]);
			strcpy(before[i], entries[i].uidl);
		}
	}
}
END_TEST

static const struct was_shown_row {
	const char *wanted, *shown;
	bool want;
} was_shown_rows[] = {
	{ "a", "a", true }, { "a", "a-2", true }, { "a", "a-100", true },
	{ "a", "a-1000", true }, { "a", "a-1001", false },
	{ "a", "a-1", false }, { "a", "b", false },
	{ "a-2", "a", false }, { "a-2", "a-2-7", true },
	{ X60 "xxxxxxxxab", X60 "xxxxxxxx-2", true },
	{ X60 "xxxxxxxxab", X60 "xxxxxxx-10", true },
	{ X60 "xxxxxxxxab", X60 "xxxxxxxxab-2", false },
};

START_TEST(test_was_shown)
{
	const struct was_shown_row *row = &was_shown_rows[_i];

	ck_assert_msg(uidl_was_shown(row->wanted, uidl_hash(row->shown)) ==
		      row->want, "%s shown as %s", row->wanted, row->shown);
	ck_assert(!uidl_was_shown(row->wanted, 0));
}
END_TEST

static const struct limit_row {
	uint32_t compared, percent, want;
} limit_rows[] = {
	{ 0, 10, 20 }, { 100, 10, 20 }, { 200, 10, 20 }, { 209, 10, 20 },
	{ 210, 10, 21 }, { 1000, 0, 20 }, { 1000, 100, 1000 },
	{ UINT32_MAX, 100, UINT32_MAX },
};

START_TEST(test_storm_limit)
{
	ck_assert_uint_eq(uidl_storm_limit(limit_rows[_i].compared,
					   limit_rows[_i].percent),
			  limit_rows[_i].want);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("policy-uidl");
	TCase *tcase = tcase_create("uidl");

	tcase_add_loop_test(tcase, test_valid, 0, N_ROWS(valid_rows));
	tcase_add_test(tcase, test_hash);
	tcase_add_loop_test(tcase, test_number, 0, N_ROWS(number_rows));
	tcase_add_test(tcase, test_changed);
	tcase_add_loop_test(tcase, test_random, 1, 20);
	tcase_add_test(tcase, test_many_equal);
	tcase_add_loop_test(tcase, test_many_unknown, 0, 4);
	tcase_add_loop_test(tcase, test_was_shown, 0,
			    N_ROWS(was_shown_rows));
	tcase_add_loop_test(tcase, test_storm_limit, 0, N_ROWS(limit_rows));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
