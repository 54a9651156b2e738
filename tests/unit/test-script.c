/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "budget.h"
#include "script-case.h"

static const struct answer_row answer_rows[] = {
	/* errors */
	{ DELETE("error('mine')"), "delete", NULL, "error \"t.lua:1: mine\"" },
	{ DELETE("error({})"), "delete", NULL,
	  "error t.lua:1: (the error is a table)" },
	{ DELETE("error()"), "delete", NULL, "error the error is a nil" },
	{ DELETE("error(nil)"), "delete", NULL, "error the error is a nil" },
	{ DELETE("error(5)"), "delete", NULL, "error t.lua:1: 5" },
	{ DELETE("error(message)"), "delete", NULL,
	  "error the error is a userdata" },
	{ DELETE("error(setmetatable({}, { __tostring = error }))"),
	  "delete", NULL, "error the error is a table" },
	{ DELETE("error('a\\nb\\27[31m\\xFF', 0)"), "delete", NULL,
	  "error \"t.lua:1: a; b?[31m?\"" },
	{ DELETE("\n\nlocal x = nil + 1"), "delete", NULL, "error t.lua:3:" },
	{ DELETE("return pcall(error, 'x') == false and policy.HIDE or nil"),
	  "delete", NULL, "hide" },
	{ DELETE("local ok, e = pcall(error, 'x', 0) return policy.DENY, e"),
	  "delete", NULL, "deny \"x\"" },
	{ DELETE("local ok, e = xpcall(error, function(m) return m .. '!' "
	  "end, 'x', 0) return policy.DENY, e"), "delete", NULL,
	  "deny \"x!\"" },
	{ DELETE("local ok, a, b = xpcall(function(...) return ... end, "
	  "error, 'x', 'y') return policy.DENY, a .. b"), "delete", NULL,
	  "deny \"xy\"" },
	{ DELETE("local ok, a, b = pcall(function(...) return ... end, 'x', "
	  "'y') return policy.DENY, a .. b"), "delete", NULL,
	  "deny \"xy\"" },

	/* what a script may begin with */
	{ "(function() x = 5 end)() " RETURN("delete", "policy.DENY, 'x' .. x"),
	  "delete", NULL, "deny \"x5\"" },
	{ "; " DELETE("return policy.HIDE"), "delete", NULL, "hide" },
};

START_TEST(test_answers)
{
	check_answer(&answer_rows[_i]);
}
END_TEST

/* Scripts that do not load. */
static const struct broken_row {
	const char *script;
	size_t size;
	const char *want;
} broken_rows[] = {
#define TEXT(text) text, sizeof(text) - 1
	{ TEXT("x ="), "t.lua:1: unexpected symbol" },
	{ TEXT("\n\nx = = 1"), "t.lua:3:" },
	{ TEXT("#!/usr/bin/lua\nx = = 1"), "t.lua:2:" },
	{ TEXT("\xEF\xBB\xBFx = = 1"), "t.lua:1:" },
	{ TEXT("error('top')"), "t.lua:1: top" },
	{ TEXT(".x = 1"), "t.lua:1: unexpected symbol near '.'" },
	{ TEXT("'x'"), "t.lua:1: unexpected symbol near ''x''" },
	{ TEXT("// x"), "'//'; a comment begins with --" },
	{ TEXT("\x1BLua"), "t.lua:1: unexpected symbol" },
	{ TEXT("\npolicy = {}"),
	  "t.lua:2: attempt to assign to const variable 'policy'" },
	{ TEXT("_G.policy = {}"), "t.lua:1: policy can't be replaced" },
	{ TEXT("function pop3_policy_delte() end"),
	  "t.lua:1: unknown hook pop3_policy_delte; did you mean "
	  "pop3_policy_delete?" },
	{ TEXT("function pop3_policy_xyzzy() end"),
	  "unknown hook pop3_policy_xyzzy" },
	{ TEXT("pop3_policy_delete = 5"),
	  "pop3_policy_delete must be a function, not a number" },
	{ TEXT("x = y"), "unknown global \"y\"" },
	{ TEXT("x = policy.DENNY"), "did you mean DENY?" },
	{ TEXT("x = session.user"), "session is not a global" },
	{ TEXT("local x <close> = setmetatable({}, { __close = 1 })"),
	  "a metatable can't have __close here" },
	{ TEXT("while true do end"), "script_instructions" },
	{ TEXT("local s = 'x' while true do s = s .. s end"),
	  "needs more memory to load" },
	{ TEXT("load('x')"), "load is not available" },
	{ TEXT("require('x')"), "t.lua:1: require(name) knows the modules" },
	{ TEXT("require('pop3_policy.x')"),
	  "t.lua:1: there are no modules here" },
	{ TEXT("dofile('x')"), "dofile is not available" },
	{ TEXT("string.dump(5)"), "attempt to call a nil value" },
	{ TEXT("x = (\0)"), "t.lua:1:" },
};

START_TEST(test_broken)
{
	const struct broken_row *row = &broken_rows[_i];
	struct script *script;
	const char *got;

	script = load_within(row->script, row->size, &default_setup);
	ck_assert_msg(script_error(script) != NULL, "%s loads", row->script);
	ck_assert_msg(strstr(script_error(script), row->want) != NULL, "%s: %s",
		      row->script, script_error(script));
	/* every question fails, also those that it has no hook for */
	got = ask(script, SCRIPT_HOOK_DELETE, NULL);
	ck_assert_msg(strncmp(got, "error ", 6) == 0, "%s", got);
	script_free(&script);
}
END_TEST

START_TEST(test_too_large)
{
	size_t size = 128 * 1024 + 1;
	char *text = malloc(size);
	struct script *script;

	memset(text, ' ', size);
	script = load_within(text, size - 1, &default_setup);
	ck_assert_ptr_null(script_error(script));
	script_free(&script);
	script = load_within(text, size, &default_setup);
	ck_assert_str_eq(script_error(script),
			 "t.lua: a script can't be larger than 128 kB");
	script_free(&script);
	free(text);
}
END_TEST

/* After a call that was stopped the next one is answered. */
START_TEST(test_stop_ends_one_call)
{
	static const char *const bodies[] = {
		"while true do end",
		"while true do pcall(error) end",
		"pcall(function() while true do end end) return policy.ALLOW",
		"xpcall(function() while true do end end, function() "
		"while true do end end) return policy.ALLOW",
		"local s = 'x' while true do s = s .. s end",
		"local t = {} while true do t[#t + 1] = {} end",
		"pcall(string.rep, 'x', 1 << 40) "
		"pcall(function() local s = ('x'):rep(1 << 19) "
		"return s .. s .. s end) return policy.ALLOW",
		"return string.find(('a'):rep(3000), 'a*a*a*a*b')",
	};
	struct script *script;
	char text[600];
	const char *got;
	size_t i;

	for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		(void)snprintf(text, sizeof(text), DELETE("%s") "\n"
			       HOOK("expire", "return policy.KEEP"),
			       bodies[i]);
		script = load(text);
		got = ask(script, SCRIPT_HOOK_DELETE, NULL);
		ck_assert_msg(strncmp(got, "error \"t.lua:1: needs more ", 26)
			      == 0, "%s: %s", bodies[i], got);
		ck_assert_str_eq(ask(script, SCRIPT_HOOK_EXPIRE, NULL),
				 "keep");
		ck_assert_ptr_nonnull(strstr(ask(script, SCRIPT_HOOK_DELETE,
						 NULL), "needs more"));
		script_free(&script);
	}
}
END_TEST

static int
abandon_get(void *context, enum script_field field, const char *name,
	    struct script_value *value_r)
{
	(void)field;
	(void)name;
	(void)value_r;
	script_abandon(context);
}

/* What ends a script that runs on although it was stopped: the state is dead,
   and everything fails from then on. */
START_TEST(test_abandon)
{
	struct policy_session_facts session = {
		.user = "u", .login = "u", .mechanism = "", .remote_ip = "",
		.local_ip = "", .id = "", .now = 1,
	};
	struct script_question question = {
		.hook = SCRIPT_HOOK_DELETE,
		.session = &session,
		.get = abandon_get,
	};
	struct script_answer answer;
	struct script *script = load(
		DELETE("pcall(function() return message.size end) "
		       "return policy.ALLOW") "\n"
		HOOK("expire", "return policy.EXPUNGE"));

	question.context = script;
	script_call(script, &question, &answer);
	ck_assert_int_eq(answer.outcome, SCRIPT_FAILED);
	ck_assert_int_eq(answer.action, POLICY_ACTION_DENY);
	ck_assert_ptr_nonnull(strstr(answer.reason, "t.lua:1: needs more"));
	question.hook = SCRIPT_HOOK_EXPIRE;
	script_call(script, &question, &answer);
	ck_assert_int_eq(answer.outcome, SCRIPT_FAILED);
	ck_assert_ptr_nonnull(answer.reason);
	/* a hook that is not defined has nothing to fail */
	question.hook = SCRIPT_HOOK_SHOW;
	script_call(script, &question, &answer);
	ck_assert_int_eq(answer.outcome, SCRIPT_PASS);
	script_free(&script);
}
END_TEST

/* The auth process waits for loading and the call: together they have the time
   of one. What is left of it says which cap strikes. */
START_TEST(test_auth_time)
{
	const char *text = HOOK("auth", "while true do end") "\n"
		HOOK("login", "while true do end");
	struct script_setup setup = default_setup;
	struct script *script;

	setup.limits.time_msecs = SCRIPT_TIME_MAX_MSECS;
	setup.limits.instructions = 100000;
	script = load_within(text, strlen(text), &setup);
	ck_assert_ptr_null(script_error(script));
	ck_assert_int_gt(script->load_usecs, 0);
	ck_assert_ptr_nonnull(strstr(ask(script, SCRIPT_HOOK_AUTH, NULL),
				     "needs more instructions"));
	script->load_usecs = (int64_t)SCRIPT_TIME_MAX_MSECS * 1000;
	ck_assert_ptr_nonnull(strstr(ask(script, SCRIPT_HOOK_AUTH, NULL),
				     "needs more time"));
	ck_assert_ptr_nonnull(strstr(ask(script, SCRIPT_HOOK_LOGIN, NULL),
				     "needs more instructions"));
	script_free(&script);
}
END_TEST

START_TEST(test_show_time)
{
	struct script_setup setup = default_setup;
	const char *text = HOOK("show", "local t = os.clock() "
		"while os.clock() < t + 0.02 do end return policy.SHOW");
	struct script *script;
	const char *got = "";
	unsigned int i;

	/* 1 s for the session, 20 ms each */
	setup.limits.time_msecs = 50;
	setup.limits.instructions = SCRIPT_INSTRUCTIONS_MAX;
	script = load_within(text, strlen(text), &setup);
	for (i = 0; i < 60; i++) {
		got = ask(script, SCRIPT_HOOK_SHOW, NULL);
		if (strcmp(got, "show") != 0)
			break;
	}
	ck_assert_uint_lt(i, 55);
	ck_assert_ptr_nonnull(strstr(got, "needs more time"));
	/* and for each further message */
	if (strstr(got, "for a session") != NULL) {
		ck_assert_ptr_nonnull(strstr(ask(script, SCRIPT_HOOK_SHOW,
						 NULL), "for a session"));
	}
	script_free(&script);
}
END_TEST

START_TEST(test_cost_and_traceback)
{
	struct script_setup setup = default_setup;
	const char *text = DELETE("for i = 1, 100 do end "
				  "return policy.ALLOW") "\n"
		HOOK("expire", "local function f() error('x') end f()");
	struct script_question question = { .hook = SCRIPT_HOOK_EXPIRE };
	struct case_values values;
	struct script_answer answer;
	struct script_cost cost;
	struct script *script;

	setup.count_exactly = true;
	script = load_within(text, strlen(text), &setup);
	(void)ask(script, SCRIPT_HOOK_DELETE, NULL);
	script_get_cost(script, &cost);
	ck_assert_uint_ge(cost.instructions, 100);
	ck_assert_uint_le(cost.instructions, 120);
	ck_assert_uint_ge(cost.memory_bytes, 1000);
	set_all(&values, NULL);
	case_values_ask(&values, &question);
	script_call(script, &question, &answer);
	ck_assert_int_eq(answer.outcome, SCRIPT_FAILED);
	ck_assert_uint_eq(answer.line, 2);
	ck_assert_str_eq(answer.reason, "t.lua:2: x");
	ck_assert_ptr_nonnull(strstr(answer.traceback, "stack traceback:"));
	case_values_deinit(&values);
	script_free(&script);
}
END_TEST

/* Two scripts at a time do not know each other. */
START_TEST(test_two_scripts)
{
	const char *text = "n = 0\n" DELETE("n = n + 1 return policy.DENY, "
		"'n' .. n .. session.user");
	struct script *first = load(text), *second = load(text);

	(void)ask(first, SCRIPT_HOOK_DELETE, NULL);
	ck_assert_str_eq(ask(first, SCRIPT_HOOK_DELETE, "user=a"),
			 "deny \"n2a\"");
	ck_assert_str_eq(ask(second, SCRIPT_HOOK_DELETE, "user=b"),
			 "deny \"n1b\"");
	script_free(&first);
	ck_assert_str_eq(ask(second, SCRIPT_HOOK_DELETE, "user=b"),
			 "deny \"n2b\"");
	script_free(&second);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("script");
	TCase *tcase = tcase_create("script");

	tcase_add_loop_test(tcase, test_answers, 0, N_ROWS(answer_rows));
	tcase_add_loop_test(tcase, test_broken, 0, N_ROWS(broken_rows));
	tcase_add_test(tcase, test_too_large);
	tcase_add_test(tcase, test_stop_ends_one_call);
	tcase_add_test(tcase, test_abandon);
	tcase_add_test(tcase, test_auth_time);
	tcase_add_test(tcase, test_show_time);
	tcase_add_test(tcase, test_cost_and_traceback);
	tcase_add_test(tcase, test_two_scripts);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
