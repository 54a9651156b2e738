/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "pop3-policy/script.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "suite.h"

static char *module_folder;
static struct script_modules *modules;

static void write_module(const char *name, const char *text)
{
	char path[300], new_path[300];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s.lua", module_folder, name);
	(void)snprintf(new_path, sizeof(new_path), "%s/new", module_folder);
	file = fopen(new_path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(new_path, 0644), 0);
	/* a new inode, so that it is seen within one tick of mtime */
	ck_assert_int_eq(rename(new_path, path), 0);
}

static struct script *load(const char *text, uint32_t time_msecs)
{
	const struct script_setup setup = {
		.limits = { SCRIPT_MEMORY_DEFAULT_BYTES,
			    SCRIPT_INSTRUCTIONS_DEFAULT, time_msecs },
		.modules = modules,
		.want_traceback = true,
	};
	struct script_source *source;
	struct script *script;

	source = script_source_compile("t.lua", text, strlen(text),
				       &setup.limits);
	ck_assert_ptr_nonnull(source);
	script = script_create(source, &setup);
	ck_assert_ptr_nonnull(script);
	script_source_free(&source);
	return script;
}

static int
no_values(void *context, enum script_field field, const char *name,
	  struct script_value *value_r)
{
	(void)context;
	(void)field;
	(void)name;
	(void)value_r;
	return 0;
}

/* Returns the text of its deny, or why it failed. */
static const char *ask(struct script *script)
{
	const struct policy_session_facts session = {
		.user = "u", .login = "u", .mechanism = "PLAIN",
		.remote_ip = "", .local_ip = "", .id = "",
	};
	const struct script_question question = {
		.hook = SCRIPT_HOOK_DELETE, .session = &session,
		.number = 1, .uid = 1, .get = no_values,
	};
	static struct script_answer answer;

	script_call(script, &question, &answer);
	if (answer.outcome == SCRIPT_FAILED)
		return answer.reason;
	return answer.text != NULL ? answer.text : "";
}

#define HOOK(body) \
	"function pop3_policy_delete(session, message) " body " end"
#define DENY(text) HOOK("return policy.DENY, tostring(" text ")")

/* Modules there are in every test. */
static const struct module_row {
	const char *name, *text;
} module_rows[] = {
	{ "good", "local good = { n = 5 }\n"
	  "function good.add(a) return a + good.n end\n"
	  "function good.fail()\n error('wrong', 2) end\n"
	  "function good.own()\n error('inside') end\n"
	  "return good" },
	{ "count", "loads = (rawget(_G, 'loads') or 0) + 1\n"
	  "return function() return loads end" },
	{ "uses", "local good = require('pop3_policy.good')\n"
	  "return { twice = function(a) return good.add(good.add(a)) end }" },
	{ "circle", "return require('pop3_policy.circle')" },
	{ "ring_a", "return require('pop3_policy.ring_b')" },
	{ "ring_b", "return require('pop3_policy.ring_a')" },
	{ "nothing", "local a = 1" },
	{ "no", "return false" },
	{ "syntax", "local a\nlocal = 2\n" },
	{ "fails", "\nerror('broken')" },
	{ "loops", "while true do end" },
	{ "eats", "local t = {} while true do t[#t + 1] = {} end" },
	{ "unsafe", "return { f = function() return io.open('/') end }" },
	{ "bytecode", "\033Lua" },
	{ "_9Z", "return 'odd'" },
};

/* want: what the hook denies with; or the reason begins with it, where it has
   a line */
static const struct {
	const char *script, *want;
} rows[] = {
	{ DENY("require('pop3_policy.good').add(2)"), "7" },
	{ "local good = require 'pop3_policy.good'\n" DENY("good.add(1)"),
	  "6" },
	{ DENY("require('pop3_policy.uses').twice(1)"), "11" },
	{ DENY("require('pop3_policy._9Z')"), "odd" },
	{ DENY("require('pop3_policy.good') == require('pop3_policy.good')"),
	  "true" },
	/* runs once a state, wherever it is asked for */
	{ "require('pop3_policy.count')\n" HOOK("require('pop3_policy.count')"
	  " return policy.DENY, tostring(require('pop3_policy.count')())"),
	  "1" },

	/* a strict view that can't be changed */
	{ DENY("require('pop3_policy.good').ad"), "t.lua:1: unknown name in "
	  "pop3_policy.good \"ad\"; did you mean add?" },
	{ HOOK("require('pop3_policy.good').add = 1"),
	  "t.lua:1: a module can't be changed" },
	{ HOOK("setmetatable(require('pop3_policy.good'), {})"),
	  "t.lua:1: cannot change a protected metatable" },
	{ DENY("getmetatable(require('pop3_policy.good'))"), "false" },

	/* errors name the module and the line */
	{ HOOK("require('pop3_policy.good').fail()"), "t.lua:1: wrong" },
	{ HOOK("require('pop3_policy.good').own()"),
	  "pop3_policy/good.lua:6: inside" },
	{ HOOK("require('pop3_policy.syntax')"), "t.lua:1: "
	  "pop3_policy/syntax.lua:2: " },
	{ HOOK("require('pop3_policy.fails')"),
	  "pop3_policy/fails.lua:2: broken" },
	{ HOOK("pcall(require, 'pop3_policy.fails') "
	       "require('pop3_policy.fails')"),
	  "pop3_policy/fails.lua:2: broken" },
	{ HOOK("require('pop3_policy.unsafe').f()"),
	  "pop3_policy/unsafe.lua:1: io is not available" },
	{ HOOK("require('pop3_policy.nothing')"), "t.lua:1: module "
	  "pop3_policy.nothing returns nothing" },
	{ HOOK("require('pop3_policy.no')"), "t.lua:1: module "
	  "pop3_policy.no returns nothing" },
	{ HOOK("require('pop3_policy.circle')"), "pop3_policy/circle.lua:1: "
	  "module pop3_policy.circle requires itself" },
	{ HOOK("require('pop3_policy.ring_b')"), "pop3_policy/ring_a.lua:1: "
	  "module pop3_policy.ring_b requires itself" },
	{ HOOK("require('pop3_policy.bytecode')"), "t.lua:1: "
	  "pop3_policy/bytecode.lua:1: unexpected symbol" },

	/* under the caps of the script, which no pcall gets round */
	{ HOOK("pcall(require, 'pop3_policy.loops') return policy.ALLOW"),
	  "pop3_policy/loops.lua:1: needs more instructions" },
	{ HOOK("pcall(require, 'pop3_policy.eats') return policy.ALLOW"),
	  "pop3_policy/eats.lua:1: needs more " },

	/* what is not there is missed, also within pcall */
	{ HOOK("pcall(require, 'pop3_policy.none') return policy.ALLOW"),
	  "t.lua:1: module pop3_policy.none: No such file" },
	{ HOOK("require('pop3_policy.folder')"), "t.lua:1: module "
	  "pop3_policy.folder: not a file" },
	{ HOOK("require('pop3_policy.pipe')"), "t.lua:1: module "
	  "pop3_policy.pipe: not a file" },

	/* names */
	{ HOOK("require('os')"), "t.lua:1: require(name) knows" },
	{ HOOK("require('good')"), "t.lua:1: require(name) knows" },
	{ HOOK("require('pop3_policy')"), "t.lua:1: require(name) knows" },
	{ HOOK("require('pop3_policy.')"), "t.lua:1: require(name) knows" },
	{ HOOK("require('pop3_policy.a/b')"), "t.lua:1: require(name) knows" },
	{ HOOK("require('pop3_policy.../x')"),
	  "t.lua:1: require(name) knows" },
	{ HOOK("require('pop3_policy.good\\0')"),
	  "t.lua:1: require(name) knows" },
	{ HOOK("require('pop3_policy.g\xC3\xB6')"),
	  "t.lua:1: require(name) knows" },
	{ HOOK("require('pop3_policy.' .. ('x'):rep(41))"),
	  "t.lua:1: require(name) knows" },
	{ HOOK("require()"), "t.lua:1: bad argument #1" },
	{ HOOK("require({})"), "t.lua:1: bad argument #1" },
};

START_TEST(test_require)
{
	struct script *script = load(rows[_i].script,
				     10 * SCRIPT_TIME_DEFAULT_MSECS);
	const char *want = rows[_i].want, *got;

	ck_assert_ptr_null(script_error(script));
	got = ask(script);
	if (strchr(want, ':') != NULL)
		ck_assert_msg(strncmp(got, want, strlen(want)) == 0,
			      "want %s, got %s", want, got);
	else
		ck_assert_str_eq(got, want);
	/* the same again in the same state */
	if (strncmp(want, "t.lua:1:", 8) == 0)
		ck_assert_msg(strncmp(ask(script), want, strlen(want)) == 0,
			      "%s", ask(script));
	script_free(&script);
}
END_TEST

/* Who may write a module decides what becomes of mail. */
START_TEST(test_only_roots)
{
	struct script_modules *all = modules;
	struct script *script;
	char path[300];

	(void)snprintf(path, sizeof(path), "%s/good.lua", module_folder);
	modules = script_modules_create(module_folder, true);
	ck_assert_ptr_nonnull(modules);
	if (geteuid() == 0) {
		script = load("require('pop3_policy.good')", 1000);
		ck_assert_ptr_null(script_error(script));
		script_free(&script);
		ck_assert_int_eq(chown(path, 1, (gid_t)-1), 0);
	}
	script = load("require('pop3_policy.good')", 1000);
	ck_assert_str_eq(script_error(script), "t.lua:1: module "
		"pop3_policy.good: somebody else than root could write it");
	script_free(&script);
	if (geteuid() == 0)
		ck_assert_int_eq(chown(path, 0, (gid_t)-1), 0);
	ck_assert_int_eq(chmod(path, 0664), 0);
	script = load("require('pop3_policy.good')", 1000);
	ck_assert_str_eq(script_error(script), "t.lua:1: module "
		"pop3_policy.good: somebody else than root could write it");
	script_free(&script);
	ck_assert_int_eq(chmod(path, 0644), 0);
	script_modules_free(&modules);
	modules = all;
}
END_TEST

START_TEST(test_without_modules)
{
	struct script_modules *folder = modules;
	struct script *script;

	modules = NULL;
	script = load("require('pop3_policy.good')",
		      SCRIPT_TIME_DEFAULT_MSECS);
	ck_assert_str_eq(script_error(script),
			 "t.lua:1: there are no modules here");
	script_free(&script);
	modules = folder;
	script_modules_free(&folder);
	ck_assert_ptr_null(folder);
	script_modules_free(&folder);
}
END_TEST

/* Compiled once, read again when the file has changed; a state that has it
   keeps it. */
START_TEST(test_changed_module)
{
	struct script *old_script, *script;

	write_module("changes", "return 'old'");
	old_script = load(DENY("require('pop3_policy.changes')"), 1000);
	ck_assert_str_eq(ask(old_script), "old");
	write_module("changes", "return 'new");
	ck_assert_str_eq(ask(old_script), "old");
	script = load(DENY("require('pop3_policy.changes')"), 1000);
	ck_assert_ptr_nonnull(strstr(ask(script), "pop3_policy/changes.lua:1: "
				     "unfinished string"));
	write_module("changes", "return 'mended'");
	ck_assert_str_eq(ask(script), "mended");
	script_free(&script);
	script_free(&old_script);
}
END_TEST

/* A text that the parser is busy with for long counts as time of the call. */
START_TEST(test_slow_module)
{
	const size_t size = 120 * 1024;
	struct timespec before, after;
	struct script *script;
	char *text, *at;
	double msecs;

	text = malloc(size + 100);
	ck_assert_ptr_nonnull(text);
	at = text + sprintf(text, "return {");
	while (at < text + size)
		at += sprintf(at, "{%d},", (int)(at - text));
	(void)strcpy(at, "}");
	write_module("slow", text);
	free(text);
	script = load(HOOK("pcall(require, 'pop3_policy.slow') "
			   "return policy.ALLOW"), 1);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	ck_assert_ptr_nonnull(strstr(ask(script), "needs more time"));
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	msecs = (double)(after.tv_sec - before.tv_sec) * 1000 +
		(double)(after.tv_nsec - before.tv_nsec) / 1000000;
	/* twice the cap, and what the machine is uncertain of */
	ck_assert_double_lt(msecs, 2 + 20);
	script_free(&script);
}
END_TEST

static void write_all(void)
{
	char path[300];
	int i;

	for (i = 0; i < N_ROWS(module_rows); i++)
		write_module(module_rows[i].name, module_rows[i].text);
	(void)snprintf(path, sizeof(path), "%s/folder.lua", module_folder);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	(void)snprintf(path, sizeof(path), "%s/pipe.lua", module_folder);
	ck_assert_int_eq(mkfifo(path, 0644), 0);
}

int main(void)
{
	char folder[] = "/tmp/pop3-policy-XXXXXX", command[100];
	Suite *suite = suite_create("script modules");
	TCase *tcase = tcase_create("script modules");
	int status;

	module_folder = mkdtemp(folder);
	if (module_folder == NULL)
		return EXIT_FAILURE;
	modules = script_modules_create(module_folder, false);
	if (modules == NULL)
		return EXIT_FAILURE;
	tcase_add_unchecked_fixture(tcase, write_all, NULL);
	tcase_add_loop_test(tcase, test_require, 0, N_ROWS(rows));
	tcase_add_test(tcase, test_only_roots);
	tcase_add_test(tcase, test_without_modules);
	tcase_add_test(tcase, test_changed_module);
	tcase_add_test(tcase, test_slow_module);
	suite_add_tcase(suite, tcase);
	status = run_suite(suite);
	script_modules_free(&modules);
	(void)snprintf(command, sizeof(command), "rm -rf %s", folder);
	if (system(command) != 0)
		return EXIT_FAILURE;
	return status;
}
