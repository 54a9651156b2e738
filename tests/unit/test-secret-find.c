/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "secret-files.h"
#include "secret-fences.h"
#include "suite.h"

#include <unistd.h>

#define MANY 100000

/* A user's name: short and long ones beside each other. */
static const char *nth_user(unsigned int n, const char *end)
{
	static char user[SECRET_USER_MAX_BYTES + 1];
	unsigned int length = n * 37 % (SECRET_USER_MAX_BYTES - 10);

	snprintf(user, sizeof(user), "%04u%0*d%s", n, (int)length + 1, 0, end);
	return user;
}

/* Each of them is found, wherever its line lies, and nobody beside it. */
START_TEST(test_find)
{
	enum { USERS = 400 };
	struct secret_change *change;
	struct secret_match match;
	unsigned int i;

	ck_assert_int_eq(secret_change_begin(&store, &change, &error), 0);
	for (i = 0; i < USERS; i++) {
		ck_assert_int_eq(secret_change_add(change, nth_user(i, ""),
			"n", i % 3 == 0 ? KEY1 : "s", NOW, 0, &error), 1);
	}
	ck_assert_int_eq(secret_change_commit(&change, &error), 0);
	for (i = 0; i < USERS; i++) {
		ck_assert_int_eq(check(nth_user(i, ""),
			i % 3 == 0 ? KEY1 : "s", NOW, &match), 1);
		ck_assert_int_eq(check(nth_user(i, "x"), "s", NOW, &match),
				 0);
	}
	ck_assert_int_eq(check("zz", "s", NOW, &match), 0);
	ck_assert_int_eq(check("!", "s", NOW, &match), 0);
}
END_TEST

/* A file with these users, a secret each. */
static void add_users(unsigned int count)
{
	struct secret_change *change;
	unsigned int i;
	char user[30];

	ck_assert_int_eq(secret_change_begin(&store, &change, &error), 0);
	for (i = 0; i < count; i++) {
		snprintf(user, sizeof(user), "user%06u", i);
		ck_assert_int_eq(secret_change_add(change, user, "n", "s",
						   NOW, 0, &error), 1);
	}
	ck_assert_msg(secret_change_commit(&change, &error) == 0, "%s",
		      error.text);
}

static void check_users(unsigned int count, unsigned int step, int want)
{
	struct secret_match match;
	unsigned int i;
	char user[30];

	for (i = 0; i < count; i += step) {
		snprintf(user, sizeof(user), "user%06u", i);
		ck_assert_msg(check(user, "s", NOW, &match) == want,
			      "%s: %s", user, error.text);
		ck_assert_str_eq(error.text, "");
		strcat(user, "x");
		ck_assert_int_eq(check(user, "s", NOW, &match), 0);
	}
}

/* What this process has read so far. */
struct reads {
	unsigned long long bytes, calls;
};

static void reads_get(struct reads *reads_r)
{
	FILE *file = fopen("/proc/self/io", "r");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "rchar: %llu wchar: %*u syscr: %llu",
				&reads_r->bytes, &reads_r->calls), 2);
	fclose(file);
}

/* A lookup's, on average of so many: each step-th user among count. */
static double reads_of_a_lookup(unsigned int count, unsigned int step)
{
	struct secret_match match;
	struct reads before, after;
	unsigned int i, lookups = 0;
	char user[30];

	reads_get(&before);
	for (i = step / 2; i < count; i += step, lookups++) {
		snprintf(user, sizeof(user), "user%06u", i);
		ck_assert_int_eq(check(user, "s", NOW, &match), 1);
	}
	reads_get(&after);
	ck_assert_uint_lt(after.bytes - before.bytes, lookups * 200000ULL);
	return (double)(after.calls - before.calls) / lookups;
}

/* Once many have logged in, it makes no difference how many there are. */
START_TEST(test_many)
{
	double few, cold, warm;

	add_users(10);
	/* the first ones load what OpenSSL needs */
	check_users(10, 1, 1);
	few = reads_of_a_lookup(10, 1);
	ck_assert_int_eq(unlink(secrets_path), 0);

	add_users(MANY);
	cold = reads_of_a_lookup(MANY, MANY);
	ck_assert_msg(cold > few + 5, "%.2f reads, among 10 %.2f", cold, few);
	check_users(MANY, 24, 1);
	/* others than those */
	warm = reads_of_a_lookup(MANY, 91);
	ck_assert_msg(warm < few + 0.5, "%.2f reads, among 10 %.2f", warm,
		      few);
	check_users(MANY, 1000, 1);
}
END_TEST

static struct secret_fences *fences_of_file(void)
{
	struct secret_fences *fences;
	struct stat st;

	ck_assert_int_eq(stat(secrets_path, &st), 0);
	fences = secret_fences_get(secrets_path, &st);
	ck_assert_ptr_nonnull(fences);
	return fences;
}

/* The first step of each search meets the line that begins like this. */
static void fences_lead_to(const char *line, const char *user)
{
	struct secret_fences *fences = fences_of_file();
	struct secret_fence fence = { .user = user };
	size_t size;
	char *text = read_file(&size), *found = strstr(text, line);

	ck_assert_ptr_nonnull(found);
	fence.line = found - text;
	fence.next = strchr(found, '\n') + 1 - text;
	secret_fences_forget(fences);
	secret_fences_add(fences, 1, &fence);
	/* what follows it, and does not belong before it */
	fence.line = fence.next;
	secret_fences_add(fences, 2, &fence);
}

/* Each change is noticed, whether the file is replaced or written to. */
START_TEST(test_changed)
{
	struct secret_change *change;
	struct secret_match match;
	struct secret_fence fence;
	size_t size, i;
	char *text;

	add_users(300);
	check_users(300, 1, 1);
	ck_assert(secret_fences_find(fences_of_file(), 1, &fence));

	add("aaron", "n", "s", 0);
	ck_assert(!secret_fences_find(fences_of_file(), 1, &fence));
	ck_assert_int_eq(check("aaron", "s", NOW, &match), 1);
	check_users(300, 1, 1);
	ck_assert_int_eq(secret_change_begin(&store, &change, &error), 0);
	ck_assert(secret_change_remove(change, "user000150", "n"));
	ck_assert_int_eq(secret_change_commit(&change, &error), 0);
	ck_assert_int_eq(check("user000150", "s", NOW, &match), 0);
	ck_assert_int_eq(check("user000151", "s", NOW, &match), 1);

	/* in its place: by half, by a line, empty */
	text = read_file(&size);
	ck_assert_int_eq(truncate(secrets_path, (off_t)size / 2), 0);
	ck_assert_int_eq(check("user000299", "s", NOW, &match), 0);
	for (i = size / 2; text[i] != '\n'; i++) ;
	write_file(secrets_path, text, i + 1);
	check_users(140, 1, 1);
	ck_assert_int_eq(check("user000299", "s", NOW, &match), 0);
	ck_assert_str_eq(error.text, "");
	write_file(secrets_path, HEADER, strlen(HEADER));
	check_users(300, 1, 0);
}
END_TEST

/* The same bytes in number, other ones, and fences of those before: as after
   two writes within one tick of the file system's clock. */
START_TEST(test_stale)
{
	static struct secret_fence kept[SECRET_FENCES_MAX];
	struct secret_fences *fences;
	struct secret_change *change;
	struct secret_match match;
	struct stat before, after;
	unsigned int i, count = 0;
	char user[30];

	add_users(500);
	check_users(500, 1, 1);
	ck_assert_int_eq(stat(secrets_path, &before), 0);
	fences = fences_of_file();
	for (i = 1; i < SECRET_FENCES_MAX; i++) {
		if (secret_fences_find(fences, i, &kept[i])) {
			kept[i].user = strdup(kept[i].user);
			count++;
		}
	}
	ck_assert_uint_gt(count, 100);

	/* every third has become another one, and stands elsewhere */
	ck_assert_int_eq(secret_change_begin(&store, &change, &error), 0);
	for (i = 0; i < 500; i += 3) {
		snprintf(user, sizeof(user), "user%06u", i);
		ck_assert(secret_change_remove(change, user, "n"));
		snprintf(user, sizeof(user), "%s%06u",
			 i % 2 == 0 ? "aser" : "user", 1000 - i);
		ck_assert_int_eq(secret_change_add(change, user, "n", "t", NOW,
						   0, &error), 1);
	}
	ck_assert_int_eq(secret_change_commit(&change, &error), 0);
	ck_assert_int_eq(stat(secrets_path, &after), 0);
	ck_assert_int_eq(before.st_size, after.st_size);

	for (i = 0; i < 500; i++) {
		unsigned int j;

		fences = fences_of_file();
		secret_fences_forget(fences);
		for (j = 1; j < SECRET_FENCES_MAX; j++) {
			if (kept[j].user != NULL)
				secret_fences_add(fences, j, &kept[j]);
		}
		snprintf(user, sizeof(user), "user%06u", i);
		ck_assert_int_eq(check(user, "s", NOW, &match),
				 i % 3 == 0 ? 0 : 1);
		ck_assert_str_eq(error.text, "");
		if (i % 3 == 0) {
			snprintf(user, sizeof(user), "%s%06u",
				 i % 2 == 0 ? "aser" : "user", 1000 - i);
			ck_assert_int_eq(check(user, "t", NOW, &match), 1);
		}
	}
	for (i = 1; i < SECRET_FENCES_MAX; i++)
		free((char *)kept[i].user);
}
END_TEST

/* Fences that are wrong in any way: the same answers. */
START_TEST(test_wrong_fences)
{
	enum { ROUNDS = 40 };
	struct secret_fences *fences;
	struct secret_fence fence;
	unsigned int round, step;
	struct stat st;
	char user[30];

	add_users(300);
	ck_assert_int_eq(stat(secrets_path, &st), 0);
	srandom(1);
	for (round = 0; round < ROUNDS; round++) {
		fences = fences_of_file();
		secret_fences_forget(fences);
		for (step = 1; step < SECRET_FENCES_MAX; step++) {
			if (random() % 4 == 0)
				continue;
			snprintf(user, sizeof(user), "user%06ld",
				 random() % 400);
			fence.user = user;
			fence.line = random() % st.st_size;
			fence.next = random() % 3 == 0 ? fence.line :
				random() % (st.st_size + 1);
			secret_fences_add(fences, step, &fence);
		}
		check_users(300, 7 + round % 5, 1);
	}
}
END_TEST

/* Somebody with several secrets is found by the first one of them, whichever of
   them the fences are at. */
START_TEST(test_several)
{
	struct secret_change *change;
	struct secret_match match;
	unsigned int i, j;
	char name[30];

	add_users(60);
	ck_assert_int_eq(secret_change_begin(&store, &change, &error), 0);
	for (i = 0; i < SECRETS_MAX_PER_USER; i++) {
		snprintf(name, sizeof(name), "device%02u", i);
		ck_assert_int_eq(secret_change_add(change, "user000030x", name,
						   name, NOW, 0, &error), 1);
	}
	ck_assert_int_eq(secret_change_commit(&change, &error), 0);
	for (j = 0; j < 3; j++) {
		for (i = 0; i < SECRETS_MAX_PER_USER; i++) {
			snprintf(name, sizeof(name), "device%02u", i);
			ck_assert_int_eq(check("user000030x", name, NOW,
					       &match), 1);
			ck_assert_str_eq(match.name, name);
		}
		check_users(30, 1, 1);
		/* a fence that leads to one in the middle */
		fences_lead_to("user000030x\tdevice40", "user000030x");
	}
}
END_TEST

/* Fences take no more memory than they may, and hold names only. */
START_TEST(test_bounds)
{
	struct secret_fence fence, found;
	struct secret_fences *fences;
	unsigned int step, kept = 0;
	struct stat st;
	char user[SECRET_USER_MAX_BYTES + 1];
	char path[30];

	memset(&st, 0, sizeof(st));
	memset(user, 'x', sizeof(user) - 1);
	user[sizeof(user) - 1] = '\0';
	st.st_ino = 1;
	fences = secret_fences_get("/a", &st);
	ck_assert_ptr_nonnull(fences);
	for (step = 1; step < 3 * SECRET_FENCES_MAX; step++) {
		fence.user = user;
		fence.line = step;
		fence.next = step + 1;
		secret_fences_add(fences, step, &fence);
		if (secret_fences_find(fences, step, &found)) {
			ck_assert_int_eq(found.line, step);
			ck_assert_int_eq(found.next, step + 1);
			ck_assert_str_eq(found.user, user);
			kept++;
		}
	}
	ck_assert_uint_eq(kept, (SECRET_FENCES_NAMES_BYTES - 1) /
			  sizeof(user));
	ck_assert_ptr_eq(secret_fences_get("/a", &st), fences);
	ck_assert(secret_fences_find(fences, 1, &found));

	/* another file or state by the same name has none of them */
	st.st_mtim.tv_nsec = 1;
	ck_assert_ptr_eq(secret_fences_get("/a", &st), fences);
	ck_assert(!secret_fences_find(fences, 1, &found));
	secret_fences_add(fences, 1, &fence);

	/* the files that were asked for last */
	for (step = 1; step < SECRET_FENCES_FILES; step++) {
		snprintf(path, sizeof(path), "/b%u", step);
		ck_assert(!secret_fences_find(secret_fences_get(path, &st), 1,
					      &found));
	}
	ck_assert(secret_fences_find(secret_fences_get("/a", &st), 1,
				     &found));
	ck_assert(!secret_fences_find(secret_fences_get("/c", &st), 1,
				      &found));
	ck_assert(secret_fences_find(secret_fences_get("/a", &st), 1,
				     &found));
	for (step = 1; step <= SECRET_FENCES_FILES; step++) {
		snprintf(path, sizeof(path), "/d%u", step);
		ck_assert(!secret_fences_find(secret_fences_get(path, &st), 1,
					      &found));
	}
	ck_assert(!secret_fences_find(secret_fences_get("/a", &st), 1,
				      &found));
	secret_store_deinit();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("secret-find");
	TCase *tcase = tcase_create("secret-find");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, test_find);
	tcase_add_test(tcase, test_many);
	tcase_add_test(tcase, test_changed);
	tcase_add_test(tcase, test_stale);
	tcase_add_test(tcase, test_wrong_fences);
	tcase_add_test(tcase, test_several);
	tcase_add_test(tcase, test_bounds);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
