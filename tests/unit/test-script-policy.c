/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "script-case.h"

#include <unistd.h>

static const struct answer_row answer_rows[] = {
	/* the table policy */
	{ RETURN("delete", "policy.DENY, policy.days(2) .. '/' .. "
	  "policy.days(0.5) .. '/' .. policy.api"), "delete", NULL,
	  "deny \"172800/43200/1\"" },
	{ RETURN("delete", "policy.days('x')"), "delete", NULL,
	  "error number expected" },
	{ RETURN("delete", "policy.days(1e300)"), "delete", NULL,
	  "error too many" },
	{ RETURN("delete", "policy.days(0/0)"), "delete", NULL,
	  "error too many" },
	{ RETURN("delete", "policy.DENY, policy.match('abc', 'b(.)')"),
	  "delete", NULL, "deny \"c\"" },
	{ RETURN("delete", "policy.DENY, tostring(policy.match(nil, 'b'))"),
	  "delete", NULL, "deny \"nil\"" },
	{ DELETE("local ok, e = pcall(policy.match, ('a'):rep(3000), "
	  "'a*a*a*a*b') return policy.DENY, e"), "delete", NULL,
	  "deny \"this pattern takes more than 100000 steps here\"" },
	{ RETURN("delete", "policy.DENY, tostring(policy.DENY)"), "delete",
	  NULL, "deny \"policy.DENY\"" },
	{ RETURN("delete", "policy.DENY, tostring(policy.list('l')['a']) .. "
	  "tostring(policy.list('l')['b c']) .. "
	  "tostring(policy.list('l')['# no'])"), "delete", NULL,
	  "deny \"truetruenil\"" },
	{ DELETE("local n = 0 for k, v in pairs(policy.list('l')) do "
	  "n = n + 1 end return policy.DENY, 'n' .. n"), "delete", NULL,
	  "deny \"n3\"" },
	{ DELETE("return policy.list('l') == policy.list('l') and "
	  "policy.HIDE or nil"), "delete", NULL, "hide" },
	{ DELETE("policy.list('l').x = true"), "delete", NULL,
	  "error a list can't be changed" },
	{ DELETE("os.date('%Y', message.retrieved)"), "delete", NULL,
	  "error t.lua:1: os.date(format, time): the time is nil" },
	{ DELETE("return os.date('!%Y', 0) == '1970' and os.date('%Y') >= "
		 "'2024' and policy.HIDE"), "delete", NULL, "hide" },
	{ DELETE("policy.list('none')"), "delete", NULL,
	  "error t.lua:1: list none: No such file" },
	/* an empty list in its place would allow what it forbids */
	{ DELETE("pcall(policy.list, 'none') return policy.ALLOW"), "delete",
	  NULL, "error list none" },
	{ DELETE("policy.list('../x')"), "delete", NULL,
	  "error without folders" },
	{ DELETE("policy.list('/etc/passwd')"), "delete", NULL,
	  "error without folders" },
	{ DELETE("policy.list('..')"), "delete", NULL,
	  "error without folders" },
	{ DELETE("policy.list('.hidden')"), "delete", NULL,
	  "error without folders" },
	{ DELETE("policy.list('')"), "delete", NULL,
	  "error without folders" },
	{ DELETE("policy.list('l\\0')"), "delete", NULL,
	  "error without folders" },
	{ DELETE("policy.list(5)"), "delete", NULL, "error not a number" },
	{ DELETE("policy.list('folder')"), "delete", NULL,
	  "error list folder: not a file" },
	{ DELETE("policy.list('long')"), "delete", NULL,
	  "error longer than 1000" },
};

START_TEST(test_answers)
{
	check_answer(&answer_rows[_i]);
}
END_TEST

struct logged {
	unsigned int count;
	char last[500];
};

static void keep_log(void *context, const char *line)
{
	struct logged *logged = context;

	logged->count++;
	(void)snprintf(logged->last, sizeof(logged->last), "%s", line);
}

START_TEST(test_log)
{
	struct script_setup setup = default_setup;
	struct logged logged = { 0 };
	struct script *script;
	const char *text = DELETE("policy.log('a\\nb\\0c\\xFF')") "\n"
		HOOK("expire", "policy.log(('\\xC3\\xA4'):rep(300))") "\n"
		HOOK("show", "for i = 1, 1000 do policy.log(i) end") "\n"
		HOOK("retrieve", "policy.log(true)");
	unsigned int i;

	setup.log = keep_log;
	setup.log_context = &logged;
	script = load_within(text, strlen(text), &setup);
	(void)ask(script, SCRIPT_HOOK_DELETE, NULL);
	ck_assert_str_eq(logged.last, "a; b?c?");
	(void)ask(script, SCRIPT_HOOK_EXPIRE, NULL);
	ck_assert_uint_eq(strlen(logged.last), 400);
	ck_assert_uint_eq(logged.count, 2);
	(void)ask(script, SCRIPT_HOOK_SHOW, NULL);
	ck_assert_uint_eq(logged.count, 2 + 11);
	ck_assert_str_eq(logged.last, "(more lines of this call are left "
			 "out)");
	for (i = 0; i < 50; i++)
		(void)ask(script, SCRIPT_HOOK_SHOW, NULL);
	ck_assert_uint_eq(logged.count, 101);
	ck_assert_str_eq(logged.last, "(more lines of this session are left "
			 "out)");
	ck_assert_ptr_nonnull(strstr(ask(script, SCRIPT_HOOK_RETRIEVE, NULL),
				     "string expected, got boolean"));
	script_free(&script);
}
END_TEST

START_TEST(test_list_is_read_again)
{
	struct script *script = load(DELETE("return policy.DENY, "
		"tostring(policy.list('again').b)"));
	char path[200];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/again", list_folder);
	file = fopen(path, "w");
	fputs("a\r\n", file);
	(void)fclose(file);
	ck_assert_str_eq(ask(script, SCRIPT_HOOK_DELETE, NULL),
			 "deny \"nil\"");
	file = fopen(path, "a");
	fputs("  b\t\r\n", file);
	(void)fclose(file);
	ck_assert_str_eq(ask(script, SCRIPT_HOOK_DELETE, NULL),
			 "deny \"true\"");
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_ptr_nonnull(strstr(ask(script, SCRIPT_HOOK_DELETE, NULL),
				     "No such file"));
	script_free(&script);
}
END_TEST

static void write_list(const char *name, const char *text)
{
	char path[200];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", list_folder, name);
	file = fopen(path, "w");
	if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
		abort();
}

int main(void)
{
	char folder[] = "/tmp/pop3-policy-XXXXXX", command[100], line[1100];
	Suite *suite = suite_create("the table policy of scripts");
	TCase *tcase = tcase_create("the table policy of scripts");
	int status;

	list_folder = mkdtemp(folder);
	if (list_folder == NULL)
		return EXIT_FAILURE;
	write_list("l", "# no\na\n\n  b c  \r\nlast");
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\0';
	write_list("long", line);
	(void)snprintf(command, sizeof(command), "mkdir %s/folder", folder);
	if (system(command) != 0)
		return EXIT_FAILURE;

	tcase_add_loop_test(tcase, test_answers, 0, N_ROWS(answer_rows));
	tcase_add_test(tcase, test_log);
	tcase_add_test(tcase, test_list_is_read_again);
	suite_add_tcase(suite, tcase);
	status = run_suite(suite);
	(void)snprintf(command, sizeof(command), "rm -rf %s", folder);
	if (system(command) != 0)
		return EXIT_FAILURE;
	return status;
}
