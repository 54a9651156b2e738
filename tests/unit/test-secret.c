/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "secret-files.h"
#include "suite.h"

/* A user's several secrets, and those of others. */
static const struct check_row {
	const char *user, *secret;
	int64_t now;
	int want;
	const char *want_name;
} check_rows[] = {
	{ "bob", "bob-phone-secret", NOW, 1, "phone" },
	{ "bob", "bob-laptop-secret", NOW, 1, "laptop" },
	{ "alice", "alice-secret", NOW, 1, "phone" },
	{ "zoe", "zoe-secret", NOW, 1, "ship" },
	{ "bob", "alice-secret", NOW, 0, NULL },
	{ "bob", "", NOW, 0, NULL },
	{ "bob", "bob-phone-secretx", NOW, 0, NULL },
	{ "Bob", "bob-phone-secret", NOW, 0, NULL },
	{ "bo", "bob-phone-secret", NOW, 0, NULL },
	{ "bobb", "bob-phone-secret", NOW, 0, NULL },
	{ "nobody", "alice-secret", NOW, 0, NULL },
	{ "", "alice-secret", NOW, 0, NULL },
	{ "zz", "alice-secret", NOW, 0, NULL },
	{ "a", "alice-secret", NOW, 0, NULL },
	/* expires at NOW + 100 */
	{ "carol", "carol-secret", NOW, 1, "old" },
	{ "carol", "carol-secret", NOW + 99, 1, "old" },
	{ "carol", "carol-secret", NOW + 100, 0, NULL },
	{ "carol", "carol-secret", NOW + 1000000, 0, NULL },
};

static void add_some(void)
{
	add("bob", "phone", "bob-phone-secret", 0);
	add("zoe", "ship", "zoe-secret", 0);
	add("alice", "phone", "alice-secret", 0);
	add("bob", "laptop", "bob-laptop-secret", 0);
	add("carol", "old", "carol-secret", NOW + 100);
	add("bob+x", "phone", "bob-x-secret", 0);
}

START_TEST(test_check)
{
	const struct check_row *row = &check_rows[_i];
	struct secret_match match;

	add_some();
	ck_assert_msg(check(row->user, row->secret, row->now,
			    &match) == row->want, "%s: %s", row->user,
		      error.text);
	if (row->want == 1) {
		ck_assert_str_eq(match.name, row->want_name);
		ck_assert_uint_eq(match.secret_size, strlen(row->secret));
		ck_assert_mem_eq(match.secret, row->secret,
				 match.secret_size);
	} else {
		ck_assert_uint_eq(match.secret_size, 0);
	}
}
END_TEST

START_TEST(test_file)
{
	struct secret_change *change;
	struct secret_match match;
	size_t size;
	struct stat st;

	add_some();
	ck_assert_int_eq(stat(secrets_path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	/* nothing of a secret is to be seen */
	ck_assert_ptr_null(strstr(read_file(&size), "secret-"));
	ck_assert_ptr_null(strstr(read_file(&size), "-secret"));

	ck_assert_int_eq(secret_change_begin(&store, &change, &error), 0);
	ck_assert_int_eq(secret_change_add(change, "bob", "phone", "other",
					   NOW, 0, &error), 0);
	ck_assert(!secret_change_remove(change, "bob", "tablet"));
	ck_assert(secret_change_remove(change, "bob", "phone"));
	secret_change_abort(&change);
	ck_assert_int_eq(check("bob", "bob-phone-secret", NOW, &match), 1);

	ck_assert_int_eq(secret_change_begin(&store, &change, &error), 0);
	ck_assert(secret_change_remove(change, "bob", "phone"));
	ck_assert_int_eq(secret_change_commit(&change, &error), 0);
	ck_assert_int_eq(check("bob", "bob-phone-secret", NOW, &match), 0);
	ck_assert_int_eq(check("bob", "bob-laptop-secret", NOW, &match), 1);
	ck_assert_int_eq(check("bob+x", "bob-x-secret", NOW, &match), 1);
}
END_TEST

/* What is wrong with the keys file. NULL: nothing. want: -1 = for everybody */
static const struct keys_row {
	const char *text, *want_error;
	int want;
} keys_rows[] = {
	{ KEY1, NULL, 1 },
	{ "  " KEY1 " \r\n", NULL, 1 },
	{ "# of 2024\n" KEY1 "\n\n", NULL, 1 },
	{ KEY2 "\n" KEY1 "\n", NULL, 1 },
	{ "", "there is none", -1 },
	{ "\n# none\n", "there is none", -1 },
	{ KEY1 "0", ":1: expected a key of 64", -1 },
	{ "0" KEY1, ":1: expected a key of 64", -1 },
	{ KEY1 "\nabcd\n", ":2: expected a key of 64", -1 },
	{ "g" KEY1, ":1: expected", -1 },
	{ KEY1 KEY1, ":1: expected", -1 },
	{ KEY2 "\n", "is not in the keys file", 0 },
};

START_TEST(test_keys)
{
	const struct keys_row *row = &keys_rows[_i];
	struct secret_match match;
	int ret;

	add_some();
	write_file(keys_path, row->text, strlen(row->text));
	ret = check("alice", "alice-secret", NOW, &match);
	ck_assert_msg(ret == row->want, "%d: %s", _i, error.text);
	if (row->want_error == NULL)
		ck_assert_str_eq(error.text, "");
	else {
		/* others hear the same */
		ck_assert_msg(strstr(error.text, row->want_error) != NULL,
			      "%s", error.text);
		ck_assert_ptr_null(strstr(error.text, "00010203"));
		ck_assert_int_eq(check("nobody", "x", NOW, &match), row->want);
	}
}
END_TEST

START_TEST(test_key_rotation)
{
	struct secret_change *change;
	struct secret_match match;
	size_t count;

	add_some();
	write_file(keys_path, KEY2 "\n" KEY1 "\n", 2 * strlen(KEY1) + 2);
	ck_assert_int_eq(secret_change_begin(&store, &change, &error), 0);
	ck_assert_int_eq(secret_change_seal_anew(change, "bob", &count,
						 &error), 0);
	ck_assert_uint_eq(count, 2);
	ck_assert_int_eq(secret_change_commit(&change, &error), 0);
	ck_assert_int_eq(check("alice", "alice-secret", NOW, &match), 1);
	ck_assert_int_eq(check("bob", "bob-phone-secret", NOW, &match), 1);

	ck_assert_int_eq(secret_change_begin(&store, &change, &error), 0);
	ck_assert_int_eq(secret_change_seal_anew(change, NULL, &count,
						 &error), 0);
	ck_assert_uint_eq(count, 4);
	ck_assert_int_eq(secret_change_commit(&change, &error), 0);
	write_file(keys_path, KEY2, strlen(KEY2));
	ck_assert_int_eq(check("alice", "alice-secret", NOW, &match), 1);
	ck_assert_int_eq(check("carol", "carol-secret", NOW, &match), 1);
}
END_TEST

/* A change of the file by somebody without the key is noticed. */
static const struct tamper_row {
	const char *title, *from, *to;
} tamper_rows[] = {
	{ "another user", "carol\told", "alice\told" },
	{ "another name", "carol\told", "carol\tnew" },
	{ "a longer life", "\t1700000100\t", "\t1800000100\t" },
	{ "no expiry", "\t1700000100\t", "\t0\t" },
	{ "another date", "\t1700000000\t1700000100",
	  "\t1700000001\t1700000100" },
};

START_TEST(test_tamper)
{
	const struct tamper_row *row = &tamper_rows[_i];
	struct secret_match match;
	char text[2000], *found;
	size_t size;

	add("carol", "old", "carol-secret", NOW + 100);
	found = strstr(read_file(&size), row->from);
	ck_assert_msg(found != NULL, "%s", row->title);
	snprintf(text, sizeof(text), "%.*s%s%s",
		 (int)(found - read_file(&size)), read_file(&size), row->to,
		 strstr(read_file(&size), row->from) + strlen(row->from));
	write_file(secrets_path, text, strlen(text));
	ck_assert_msg(check(strstr(row->to, "alice") != NULL ? "alice" :
			    "carol", "carol-secret", NOW, &match) == 0,
		      "%s", row->title);
	ck_assert_ptr_nonnull(strstr(error.text, "not what was sealed"));
}
END_TEST

/* One secret of several that can't be unsealed: the others count. */
START_TEST(test_one_of_several)
{
	struct secret_match match;
	char *text, *found;
	size_t size;

	add_some();
	text = read_file(&size);
	found = strstr(text, "bob\tlaptop\t1700000000");
	ck_assert_ptr_nonnull(found);
	found[strlen("bob\tlaptop\t")] = '2';
	write_file(secrets_path, text, size);
	ck_assert_int_eq(check("bob", "bob-laptop-secret", NOW, &match), 0);
	ck_assert_ptr_nonnull(strstr(error.text, "not what was sealed"));
	ck_assert_int_eq(check("bob", "x", NOW, &match), 0);
	ck_assert_int_eq(check("bob", "bob-phone-secret", NOW, &match), 1);
	ck_assert_str_eq(match.name, "phone");
	ck_assert_ptr_nonnull(strstr(error.text, "not what was sealed"));
	ck_assert_int_eq(check("carol", "carol-secret", NOW, &match), 1);
	ck_assert_str_eq(error.text, "");
}
END_TEST

START_TEST(test_every_byte)
{
	struct secret_match match;
	char *text, copy[2000];
	size_t size, i;

	add("carol", "old", "carol-secret", 0);
	text = read_file(&size);
	memcpy(copy, text, size);
	for (i = 0; i < size; i++) {
		copy[i] ^= 1;
		write_file(secrets_path, copy, size);
		ck_assert_msg(check("carol", "carol-secret", NOW,
				    &match) != 1, "byte %zu", i);
		copy[i] ^= 1;
	}
	for (i = 0; i < size; i++) {
		write_file(secrets_path, copy, i);
		ck_assert_msg(check("carol", "carol-secret", NOW,
				    &match) != 1, "%zu bytes", i);
	}
	write_file(secrets_path, copy, size);
	ck_assert_int_eq(check("carol", "carol-secret", NOW, &match), 1);
}
END_TEST

/* want: -1 = nobody can log in */
static const struct damage_row {
	const char *text, *want_error;
	int want;
} damage_rows[] = {
	{ "", "is not a file of secrets", -1 },
	{ "pop3-policy-apop 2\n", "is not a file of secrets", -1 },
	{ HEADER "carol", "damaged", 0 },
	{ HEADER "\n", "damaged", 0 },
	{ HEADER "carol\told\t1\t0\t0123456789abcdef\t00\n", "damaged", 0 },
	{ HEADER "carol\told\t1\t0\t0123456789abcdef\n", "damaged", 0 },
	{ HEADER "carol\t.old\t1\t0\t0123456789abcdef\t" KEY1 KEY1 "\n",
	  "damaged", 0 },
	{ HEADER "carol\told\t-1\t0\t0123456789abcdef\t" KEY1 KEY1 "\n",
	  "damaged", 0 },
	{ HEADER "carol\told\t1\t0\t0123456789abcdef\t" KEY1 KEY1 "\n",
	  "is not in the keys file", 0 },
};

START_TEST(test_damage)
{
	const struct damage_row *row = &damage_rows[_i];
	struct secret_match match;

	write_file(secrets_path, row->text, strlen(row->text));
	ck_assert_int_eq(check("carol", "x", NOW, &match), row->want);
	ck_assert_msg(strstr(error.text, row->want_error) != NULL, "%s",
		      error.text);
}
END_TEST

/* Who else may read it? */
static const struct mode_row {
	unsigned int mode;
	int want;
} mode_rows[] = {
	{ 0600, 1 }, { 0400, 1 }, { 0640, -1 }, { 0604, -1 }, { 0620, -1 },
	{ 0602, -1 }, { 0610, -1 }, { 0666, -1 },
};

START_TEST(test_mode)
{
	const struct mode_row *row = &mode_rows[_i];
	struct secret_match match;

	add_some();
	ck_assert_int_eq(chmod(secrets_path, row->mode), 0);
	ck_assert_int_eq(check("zoe", "zoe-secret", NOW, &match), row->want);
	ck_assert_int_eq(chmod(secrets_path, 0600), 0);
	ck_assert_int_eq(chmod(keys_path, row->mode), 0);
	ck_assert_int_eq(check("zoe", "zoe-secret", NOW, &match), row->want);
	ck_assert(row->want == 1 || strstr(error.text, "lets others") != NULL);
}
END_TEST

START_TEST(test_missing)
{
	struct secret_change *change;
	struct secret_info info;
	struct secret_match match;

	ck_assert_int_eq(check("zoe", "x", NOW, &match), -1);
	ck_assert_int_eq(secret_change_begin_readonly(&store, &change,
						      &error), 0);
	ck_assert(!secret_change_get(change, 0, &info));
	secret_change_abort(&change);
	ck_assert_int_eq(unlink(keys_path), 0);
	ck_assert_int_eq(mkfifo(keys_path, 0600), 0);
	ck_assert_int_eq(check("zoe", "x", NOW, &match), -1);
	ck_assert_ptr_nonnull(strstr(error.text, "not a regular file"));
}
END_TEST

static const struct apop_row {
	const char *data;
	size_t size;
	bool want;
} apop_rows[] = {
	{ "<id>\0user\0" "0123456789abcdef", 26, true },
	{ "\0\0" "0123456789abcdef", 18, true },
	{ "<id>\0user\0" "0123456789abcdef", 25, false },
	{ "<id>\0user\0" "0123456789abcdefg", 27, false },
	{ "<id>\0user", 9, false }, { "<id>", 4, false }, { "", 0, false },
	{ NULL, 0, false },
	{ "<id>\0user\0" "0123\0" "56789abcdef", 26, true },
};

START_TEST(test_apop)
{
	const struct apop_row *row = &apop_rows[_i];
	struct secret_apop apop;

	ck_assert(secret_apop_parse(row->data, row->size, &apop) ==
		  row->want);
	if (row->want) {
		ck_assert_ptr_eq(apop.message_id, row->data);
		ck_assert_ptr_eq(apop.digest, row->data + row->size - 16);
		ck_assert_uint_eq(apop.message_id_length, strlen(row->data));
	}
}
END_TEST

static const struct valid_row {
	const char *user, *name;
	int want;
} valid_rows[] = {
	{ "u", "n", 1 }, { "\xc3\xa4@x y", "A.b_c-9", 1 },
	{ "", "n", -1 }, { "a\tb", "n", -1 }, { "a\nb", "n", -1 },
	{ "a\x7f", "n", -1 }, { "u", "", -1 }, { "u", ".n", -1 },
	{ "u", "a b", -1 }, { "u", "a/b", -1 }, { "u", "\xc3\xa4", -1 },
	{ "u", KEY1, 1 }, { "u", KEY1 "x", -1 },
	{ KEY1 KEY1 KEY1 "012345678901234567890123456789012345678901234567"
	  "890123456789012", "n", 1 },
	{ KEY1 KEY1 KEY1 "012345678901234567890123456789012345678901234567"
	  "8901234567890123", "n", -1 },
};

START_TEST(test_valid)
{
	const struct valid_row *row = &valid_rows[_i];
	struct secret_change *change;

	ck_assert_int_eq(secret_change_begin(&store, &change, &error), 0);
	ck_assert_msg(secret_change_add(change, row->user, row->name, "x", 0,
					0, &error) == row->want, "%d", _i);
	secret_change_abort(&change);
}
END_TEST

START_TEST(test_make)
{
	char one[SECRET_MADE_BYTES + 1], two[SECRET_MADE_BYTES + 1];

	ck_assert_int_eq(secret_make(one, &error), 0);
	ck_assert_int_eq(secret_make(two, &error), 0);
	ck_assert_uint_eq(strlen(one), SECRET_MADE_BYTES);
	ck_assert_str_ne(one, two);
}
END_TEST

START_TEST(test_last_use)
{
	add("zoe", "ship", "zoe-secret", 0);
	ck_assert_int_eq(secret_store_last_use(&store, "zoe", "ship"), 0);
	ck_assert_int_eq(secret_store_note_use(&store, "zoe", "ship", NOW,
					       &error), 0);
	ck_assert_int_eq(secret_store_last_use(&store, "zoe", "ship"), NOW);
	ck_assert_int_eq(secret_store_last_use(&store, "zoe", "boat"), 0);
	ck_assert_int_eq(secret_store_note_use(&store, "zoe", "ship",
					       NOW + 3599, &error), 0);
	ck_assert_int_eq(secret_store_last_use(&store, "zoe", "ship"), NOW);
	ck_assert_int_eq(secret_store_note_use(&store, "zoe", "ship",
					       NOW + 3600, &error), 0);
	ck_assert_int_eq(secret_store_last_use(&store, "zoe", "ship"),
			 NOW + 3600);
}
END_TEST

/* Writers at the same time lose nothing. */
START_TEST(test_writers)
{
	enum { WRITERS = 4, EACH = 5 };
	struct secret_match match;
	char user[20], secret[20];
	unsigned int i, j;
	int status;

	for (i = 0; i < WRITERS; i++) {
		if (fork() != 0)
			continue;
		for (j = 0; j < EACH; j++) {
			snprintf(user, sizeof(user), "user%u", j * 7 + i);
			snprintf(secret, sizeof(secret), "s%u.%u", i, j);
			add(user, "n", secret, 0);
		}
		_exit(0);
	}
	for (i = 0; i < WRITERS; i++) {
		ck_assert_int_gt(wait(&status), 0);
		ck_assert_int_eq(status, 0);
	}
	for (i = 0; i < WRITERS; i++) {
		for (j = 0; j < EACH; j++) {
			snprintf(user, sizeof(user), "user%u", j * 7 + i);
			snprintf(secret, sizeof(secret), "s%u.%u", i, j);
			ck_assert_int_eq(check(user, secret, NOW, &match), 1);
		}
	}
}
END_TEST

/* Adds a user; is killed at its system call number stop. Returns false if it
   had ended before. */
static bool add_killed_at(const char *user, unsigned int stop)
{
	unsigned int i;
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(2);
		raise(SIGSTOP);
		add(user, "n", "s", 0);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFSTOPPED(status), "status %d", status);
	/* each call stops twice: before it and after it */
	for (i = 0; i < stop; i++) {
		ck_assert_int_eq(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		if (!WIFSTOPPED(status)) {
			ck_assert_int_eq(status, 0);
			return false;
		}
	}
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return true;
}

/* A writer that is killed before or after any of its system calls leaves the
   old file or the new one, and what else it leaves is in nobody's way. */
START_TEST(test_killed)
{
	struct secret_match match;
	unsigned int stop, old = 0, new = 0;
	char user[20];
	bool killed;
	int ret;

	add("alice", "phone", "alice-secret", 0);
	for (stop = 1, killed = true; killed; stop++) {
		snprintf(user, sizeof(user), "u%u", stop);
		killed = add_killed_at(user, stop);
		ret = check(user, "s", NOW, &match);
		ck_assert_msg(ret >= 0, "stop %u: %s", stop, error.text);
		if (ret == 0)
			old++;
		else
			new++;
		ck_assert_int_eq(check("alice", "alice-secret", NOW, &match),
				 1);
		ck_assert(killed || ret == 1);
		add(user, "other", "t", 0);
		ck_assert_int_eq(check(user, "t", NOW, &match), 1);
		ck_assert_int_eq(check(user, "s", NOW, &match), ret);
	}
	ck_assert_uint_gt(old, 10);
	ck_assert_uint_gt(new, 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("secret");
	TCase *tcase = tcase_create("secret");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, test_check, 0, N_ROWS(check_rows));
	tcase_add_test(tcase, test_file);
	tcase_add_loop_test(tcase, test_keys, 0, N_ROWS(keys_rows));
	tcase_add_test(tcase, test_key_rotation);
	tcase_add_loop_test(tcase, test_tamper, 0, N_ROWS(tamper_rows));
	tcase_add_test(tcase, test_one_of_several);
	tcase_add_test(tcase, test_every_byte);
	tcase_add_loop_test(tcase, test_damage, 0, N_ROWS(damage_rows));
	tcase_add_loop_test(tcase, test_mode, 0, N_ROWS(mode_rows));
	tcase_add_test(tcase, test_missing);
	tcase_add_loop_test(tcase, test_apop, 0, N_ROWS(apop_rows));
	tcase_add_loop_test(tcase, test_valid, 0, N_ROWS(valid_rows));
	tcase_add_test(tcase, test_make);
	tcase_add_test(tcase, test_last_use);
	tcase_add_test(tcase, test_writers);
	tcase_add_test(tcase, test_killed);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
