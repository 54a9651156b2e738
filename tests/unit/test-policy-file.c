/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "pop3-policy/login.h"
#include "reported-errors.h"
#include "suite.h"

/* Text with its size, so that it may hold NULs. */
#define TEXT(text) text, sizeof(text) - 1

/* The index: which sections there are and what stands wrongly outside them. */
static const struct index_row {
	const char *title;
	const char *data;
	size_t size;
	/* "|" behind each */
	const char *want_sections;
	bool want_guards;
	const char *want_errors;
} index_rows[] = {
	{ "an empty file is valid", TEXT(""), "", false, "" },
	{ "blank lines and comments only", TEXT("\n# x\n \t\n\n"),
	  "", false, "" },
	{ "one section, no final newline", TEXT("[default]"), "default|",
	  false, "" },
	{ "all kinds, in the order of the file",
	  TEXT("[user a@b]\n[default]\n[domain b]\n[policy p]\n"),
	  "user a@b|default|domain b|policy p|", false, "" },
	{ "CRLF", TEXT("[default]\r\nhold = all\r\n[user a]\r\n"),
	  "default|user a|", false, "" },
	{ "a BOM is passed over", TEXT("\xEF\xBB\xBF[default]\n"), "default|",
	  false, "" },
	{ "a BOM does not count as columns", TEXT("\xEF\xBB\xBF[x]\n"), "",
	  false, "1:2 unknown kind" },
	{ "UTF-8 names", TEXT("[user j\xC3\xBCrgen]\n[policy \xE2\x82\xAC]"),
	  "user j\xC3\xBCrgen|policy \xE2\x82\xAC|", false, "" },
	{ "blanks between the brackets", TEXT("[  policy \t gold ]  \n"),
	  "policy gold|", false, "" },
	{ "a user's name may hold blanks", TEXT("[user a b]\n"), "user a b|",
	  false, "" },
	{ "a repeated section is there once",
	  TEXT("[policy a]\n[policy b]\n[policy a]\n"),
	  "policy a|policy b|", false, "" },
	{ "domains repeat in any case",
	  TEXT("[domain a.org]\n[domain A.ORG]\n"), "domain a.org|", false,
	  "" },
	{ "users do not", TEXT("[user A]\n[user a]\n"), "user A|user a|",
	  false, "" },
	{ "a policy named default is another section",
	  TEXT("[policy default]\n[default]\n"), "policy default|default|",
	  false, "" },

	{ "no closing bracket", TEXT("[default\nhold = all\n"), "", false,
	  "1:1 expected a \"]\"" },
	{ "text behind the bracket", TEXT("[default] # comment\n"), "", false,
	  "1:11 nothing behind" },
	{ "unknown kind", TEXT("[group x]\n"), "", false,
	  "1:2 unknown kind of section \"group\"; expected [default]" },
	{ "kinds are lower case", TEXT("[Default]\n"), "", false,
	  "1:2 unknown kind" },
	{ "no kind", TEXT("[]\n"), "", false, "1:2 unknown kind" },
	{ "no name", TEXT("[policy]\n[user ]\n"), "", false,
	  "1:8 expected a name behind \"policy\"|"
	  "2:6 expected a name behind \"user\"" },
	{ "a name for default", TEXT("[default x]\n"), "", false,
	  "1:10 takes no name" },
	{ "two words for a policy", TEXT("[policy a b]\n"), "", false,
	  "1:11 one word as the name of a policy" },
	{ "two words for a domain", TEXT("[domain a b]\n"), "", false,
	  "1:11 one word as the name of a domain" },
	{ "a whole address for a domain", TEXT("[domain a@b]\n"), "", false,
	  "1:9 what follows the \"@\"" },
	{ "a name in quotes", TEXT("[user \"a\"]\n"), "", false,
	  "1:7 without quotes" },
	{ "an indented header", TEXT("[default]\n [user a]\nhold = all\n"),
	  "default|", false, "2:2 at the start of its line" },
	{ "an indented header comes first", TEXT("\t[default]\n"), "", false,
	  "1:2 at the start of its line" },
	{ "a header behind a BOM within the file",
	  TEXT("[default]\n\xEF\xBB\xBF[user a]\n"), "default|", false,
	  "2:1 at the start of its line" },
	{ "a header behind a no-break space",
	  TEXT("[default]\n\xC2\xA0[ domain a]\n"), "default|", false,
	  "2:1 at the start of its line" },
	{ "brackets that continue a value", TEXT("[default]\nhold = subject\n"
	  " [x]\n"), "default|", false, "" },
	{ "text before the first section, said once",
	  TEXT("\nhold = all\ndelete = x\n[default]\n"), "default|", false,
	  "2:1 expected a section header" },
	{ "text before the first section, indented", TEXT("  x\n"), "", false,
	  "1:3 expected a section header" },
	{ "every broken header is reported",
	  TEXT("[a]\n[default]\n[policy\n[b]\n"), "default|", false,
	  "1:2 \"a\"|3:1 \"]\"|4:2 \"b\"" },

	{ "NUL in a header", TEXT("[policy a\0b]\n"), "", false,
	  "1:10 NUL byte" },
	{ "NUL before the first section", TEXT("\n# \0\n[default]\n"),
	  "default|", false, "2:3 NUL byte" },
	{ "NUL in a section is that section's", TEXT("[default]\n\0\n"),
	  "default|", false, "" },
	{ "invalid UTF-8 in a header", TEXT("[user \xFF]\n"), "", false,
	  "1:7 not UTF-8" },
	{ "invalid UTF-8 in a comment in front", TEXT("# \xE4\n[default]\n"),
	  "default|", false, "1:3 not UTF-8" },
	{ "overlong UTF-8", TEXT("[user \xC0\xAF]\n"), "", false,
	  "1:7 not UTF-8" },
	{ "overlong UTF-8 of three", TEXT("[user \xE0\x80\xAF]\n"), "", false,
	  "1:7 not UTF-8" },
	{ "UTF-16 surrogate", TEXT("[user \xED\xA0\x80]\n"), "", false,
	  "1:7 not UTF-8" },
	{ "above U+10FFFF", TEXT("[user \xF4\x90\x80\x80]\n"), "", false,
	  "1:7 not UTF-8" },
	{ "U+10FFFF itself", TEXT("[user \xF4\x8F\xBF\xBF]\n"),
	  "user \xF4\x8F\xBF\xBF|", false, "" },
	{ "a character cut short by the end", TEXT("[user \xE2\x82"), "",
	  false, "1:7 not UTF-8" },
	{ "UTF-16 with its BOM", TEXT("\xFF\xFE[\0d\0"), "", false,
	  "1:1 not UTF-8" },
	{ "control character in a header", TEXT("[user a\x01]\n"), "", false,
	  "1:8 control character" },
	{ "CR alone does not end a line", TEXT("[default]\r[user a]\n"), "",
	  false, "1:10 control character" },
	{ "control character in a comment in front",
	  TEXT("# \x0C\n[default]\n"), "default|", false, "" },

	{ "show is a guard", TEXT("[default]\nhold = all\nshow = all\n"),
	  "default|", true, "" },
	{ "also where its value is nonsense", TEXT("[default]\nshow\n"),
	  "default|", true, "" },
	{ "also misspelt", TEXT("[default]\nshwo = all\n"), "default|", true,
	  "" },
	{ "also indented", TEXT("[default]\nhold = all\n show = all\n"),
	  "default|", true, "" },
	{ "also under a broken header", TEXT("[policy\nshow = all\n"), "",
	  true, "1:1 \"]\"" },
	{ "not in a comment", TEXT("[default]\n# show = all\n"), "default|",
	  false, "" },
	{ "not inside a value",
	  TEXT("[default]\nhold = subject show\n show\n"), "default|", false,
	  "" },
};

START_TEST(test_index)
{
	const struct index_row *row = &index_rows[_i];
	struct reported_errors errors = { .count = 0 };
	struct policy_file *file;
	const char *section;
	char sections[200] = "";
	size_t index = 0;

	file = policy_file_parse(TEST_FILE_NAME, row->data, row->size,
				 report_error, &errors);
	ck_assert_ptr_nonnull(file);
	assert_errors(row->title, &errors, row->want_errors);
	while ((section = policy_file_next_section(file, &index)) != NULL) {
		strcat(sections, section);
		strcat(sections, "|");
	}
	ck_assert_msg(strcmp(sections, row->want_sections) == 0,
		      "%s: sections are %s", row->title, sections);
	ck_assert_msg(policy_file_has_error(file) ==
		      (*row->want_errors != '\0'), "%s: has_error",
		      row->title);
	ck_assert_msg(policy_file_has_guards(file) == row->want_guards,
		      "%s: has_guards", row->title);
	policy_file_free(&file);
	ck_assert_ptr_null(file);
}
END_TEST

static const char select_file[] =
	"[user alice@example.org]\n"
	"[domain Example.ORG]\n"
	"[policy gold]\n"
	"[user bob]\n"
	"[user x@y@z.org]\n"
	"[domain z.org]\n"
	"[policy j\xC3\xBCrgen]\n"
	"[user alice+phone@example.org]\n"
	"[user bob+phone]\n"
	"[user dave+phone]\n";

/* Which section is this user's? */
static const struct select_row {
	const char *title;
	/* is there a [default], too? */
	bool with_default;
	const char *name;
	const char *user;
	int want_ret;
	const char *want_section;
} select_rows[] = {
	{ "a named policy comes first", true, "gold",
	  "alice@example.org", 1, "policy gold" },
	{ "a named policy that is missing is an error", true, "silver",
	  "alice@example.org", -1, NULL },
	{ "names of policies are exact", true, "Gold", "a", -1, NULL },
	{ "UTF-8 names", true, "j\xC3\xBCrgen", "a", 1,
	  "policy j\xC3\xBCrgen" },
	{ "\"user bob\" is no policy", true, "user bob", "a", -1, NULL },
	{ "no name: the user", true, NULL, "alice@example.org", 1,
	  "user alice@example.org" },
	{ "an empty name is none", true, "", "alice@example.org", 1,
	  "user alice@example.org" },
	{ "users are exact, domains in any case", true, NULL,
	  "Alice@EXAMPLE.org", 1, "domain Example.ORG" },
	{ "then the domain", true, NULL, "carol@example.org", 1,
	  "domain Example.ORG" },
	{ "not a subdomain", true, NULL, "carol@mail.example.org", 1,
	  "default" },
	{ "a user without domain", true, NULL, "bob", 1, "user bob" },
	{ "the domain is behind the last @", true, NULL, "q@y@z.org", 1,
	  "domain z.org" },
	{ "a user with two @", true, NULL, "x@y@z.org", 1,
	  "user x@y@z.org" },
	{ "an empty domain is none", true, NULL, "bob@", 1, "default" },
	{ "then the default", true, NULL, "dave", 1, "default" },
	{ "none of them", false, NULL, "dave", 0, NULL },
	{ "an empty user", false, NULL, "", 0, NULL },
};

START_TEST(test_select)
{
	const struct select_row *row = &select_rows[_i];
	const char *section = "unset";
	struct policy_file *file;
	char data[400];
	int ret;

	snprintf(data, sizeof(data), "%s%s", select_file,
		 row->with_default ? "[default]\n" : "");
	file = policy_file_parse(TEST_FILE_NAME, data, strlen(data), NULL,
				 NULL);
	ck_assert_ptr_nonnull(file);
	ck_assert(!policy_file_has_error(file));
	ret = policy_file_select(file, row->name, row->user, NULL, &section);
	ck_assert_msg(ret == row->want_ret, "%s: returned %d", row->title,
		      ret);
	if (row->want_section == NULL)
		ck_assert_msg(section == NULL, "%s: %s", row->title, section);
	else {
		ck_assert_msg(strcmp(section, row->want_section) == 0,
			      "%s: %s", row->title, section);
	}
	policy_file_free(&file);
}
END_TEST

/* 10,000 sections and 1 MB: each of them is found, with its own value. */
START_TEST(test_large)
{
	const unsigned int count = 10000;
	struct policy_file *file;
	const char *section;
	struct policy *policy;
	char user[40], want[80], *data;
	size_t size = 0, index = 0, room = 2 * 1024 * 1024;
	unsigned int i;
	bool guards;

	data = malloc(room);
	ck_assert_ptr_nonnull(data);
	for (i = 0; i < count; i++) {
		size += (size_t)snprintf(data + size, room - size,
			"[user u%u@example.org]\nmin_retention = %us\n"
			"# %060u\n", i, i + 1, i);
	}
	ck_assert_uint_gt(size, 1000 * 1000);
	file = policy_file_parse(TEST_FILE_NAME, data, size, NULL, NULL);
	free(data);
	ck_assert_ptr_nonnull(file);
	for (i = 0; i < count; i++) {
		snprintf(user, sizeof(user), "u%u@example.org", i);
		ck_assert_int_eq(policy_file_select(file, NULL, user,
						    NULL, &section), 1);
		snprintf(want, sizeof(want), "user %s", user);
		ck_assert_str_eq(section, want);
		ck_assert_ptr_eq(policy_file_next_section(file, &index),
				 section);
		ck_assert_int_eq(policy_load(file, section, &policy, &guards,
					     NULL, NULL), 0);
		ck_assert_int_eq(policy->min_retention_secs, i + 1);
		ck_assert_uint_eq(policy->min_retention_line, i * 3 + 2);
		policy_free(&policy);
	}
	ck_assert_ptr_null(policy_file_next_section(file, &index));
	ck_assert_uint_eq(policy_file_check(file, NULL, NULL), 0);
	policy_file_free(&file);
}
END_TEST

/* Which section is this device's? */
static const struct select_device_row {
	const char *title;
	const char *name;
	const char *user;
	const char *login;
	const char *want_section;
} select_device_rows[] = {
	{ "a device comes before its user", NULL, "alice@example.org",
	  "alice+phone@example.org", "user alice+phone@example.org" },
	{ "but behind a named policy", "gold", "alice@example.org",
	  "alice+phone@example.org", "policy gold" },
	{ "a device without section", NULL, "alice@example.org",
	  "alice+tablet@example.org", "user alice@example.org" },
	{ "names of devices are exact", NULL, "alice@example.org",
	  "alice+Phone@example.org", "user alice@example.org" },
	{ "the user's name in Dovecot's spelling", NULL, "alice@example.org",
	  "Alice+phone@Example.org", "user alice+phone@example.org" },
	{ "a default domain", NULL, "alice@example.org",
	  "alice+phone", "user alice+phone@example.org" },
	{ "a user without domain who typed one", NULL, "bob",
	  "bob+phone@example.org", "user bob+phone" },
	{ "another user's device", NULL, "bob",
	  "alice+phone", "user bob" },
	{ "a device of a user without section", NULL, "dave",
	  "dave+phone", "user dave+phone" },
	{ "the user as typed", NULL, "alice@example.org",
	  "alice@example.org", "user alice@example.org" },
};

START_TEST(test_select_device)
{
	const struct select_device_row *row = &select_device_rows[_i];
	struct policy_file *file;
	const char *section;

	file = policy_file_parse(TEST_FILE_NAME, select_file,
				 strlen(select_file), NULL, NULL);
	ck_assert_ptr_nonnull(file);
	ck_assert_msg(policy_file_select(file, row->name, row->user,
					 row->login, &section) == 1,
		      "%s: no section", row->title);
	ck_assert_msg(strcmp(section, row->want_section) == 0, "%s: %s",
		      row->title, section);
	policy_file_free(&file);
}
END_TEST

/* Which device is it? */
static const struct device_row {
	const char *user;
	const char *login;
	const char *want;
} device_rows[] = {
	{ "alice", "alice", "" },
	{ "alice", "alice+phone", "phone" },
	{ "alice", "alice+", "" },
	{ "alice", "alice-phone", "" },
	{ "alice", "alicephone", "" },
	{ "alice", "ali", "" },
	{ "alice", "", "" },
	{ "", "+phone", "" },
	{ "@example.org", "+phone@example.org", "" },
	{ "alice", "bob+phone", "" },
	{ "alice", "ALICE+Phone", "Phone" },
	{ "alice", "alice+a+b", "a+b" },
	{ "alice+a", "alice+a+b", "b" },
	{ "alice+a", "alice+a", "" },
	{ "alice@x.org", "alice+phone@x.org", "phone" },
	{ "alice@x.org", "alice+phone@X.ORG", "phone" },
	{ "alice@x.org", "alice+phone@y.org", "" },
	{ "alice@x.org", "alice+phone", "phone" },
	{ "alice@x.org", "alice+@x.org", "" },
	{ "alice@x.org", "alice@x.org+phone", "" },
	{ "alice", "alice+phone@x.org", "phone" },
	{ "a@b@x.org", "a@b+phone@x.org", "phone" },
	{ "alice", "alice+a@b@x.org", "a@b" },
};

START_TEST(test_device)
{
	const struct device_row *row = &device_rows[_i];
	const char *device = NULL;
	size_t length;

	length = policy_login_device(row->user, row->login, &device);
	ck_assert_ptr_nonnull(device);
	ck_assert_msg(length == strlen(row->want) &&
		      strncmp(device, row->want, length) == 0,
		      "%s %s: %.*s", row->user, row->login, (int)length,
		      device);
}
END_TEST

/* What anybody may type must not be cut short to the name of a section. */
START_TEST(test_long_device)
{
	static const char text[] = "[user alice]\n[user alice+x]\n";
	const char *section;
	struct policy_file *file;
	char login[2000];
	size_t length;

	file = policy_file_parse(TEST_FILE_NAME, text, strlen(text), NULL,
				 NULL);
	ck_assert_ptr_nonnull(file);
	for (length = 7; length < sizeof(login); length++) {
		memset(login, 'x', length);
		memcpy(login, "alice+", 6);
		login[length] = '\0';
		ck_assert_int_eq(policy_file_select(file, NULL, "alice",
						    login, &section), 1);
		ck_assert_str_eq(section, length == 7 ? "user alice+x" :
				 "user alice");
		/* the user's name may be long as well */
		ck_assert_int_eq(policy_file_select(file, NULL, login, login,
						    &section),
				 length == 7 ? 1 : 0);
	}
	policy_file_free(&file);
}
END_TEST

START_TEST(test_free_null)
{
	struct policy_file *file = NULL;

	policy_file_free(&file);
	ck_assert_ptr_null(file);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("policy-file");
	TCase *tcase = tcase_create("policy-file");

	tcase_add_loop_test(tcase, test_index, 0, N_ROWS(index_rows));
	tcase_add_loop_test(tcase, test_select, 0, N_ROWS(select_rows));
	tcase_add_loop_test(tcase, test_select_device, 0,
			    N_ROWS(select_device_rows));
	tcase_add_loop_test(tcase, test_device, 0, N_ROWS(device_rows));
	tcase_add_test(tcase, test_long_device);
	tcase_add_test(tcase, test_large);
	tcase_add_test(tcase, test_free_null);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
