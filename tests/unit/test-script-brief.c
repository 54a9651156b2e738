/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brief.h"
#include "suite.h"
#include "pop3-policy/script.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* Bodies of functions: are they known to end within SCRIPT_COUNT_STEP
   instructions? Lua's numbering of operations is not in its headers: each
   that may go back or enter a function has to be here. */
static const struct brief_row {
	const char *body;
	bool want;
} brief_rows[] = {
	{ "", true },
	{ "return a.x", true },
	{ "return u.x, u[1], g[u], g, nil, true, false, 1, 2.5, 'text'", true },
	{ "if a.x and not a.y then return u.DENY, 'no' end return u.HIDE",
	  true },
	{ "if a > 5 or a < 3 or a >= u or a <= u or a == 'x' or a == 2 or "
	  "a == b then return 1 end", true },
	{ "if 5 < a or 5 <= a then return 1 end", true },
	{ "return a + 1 - b * 2 / 3 % 4 // u", true },
	{ "return a & 1 | b ~ u << 1 >> 2, ~a, -b, #u, a .. b, a ^ 2", true },
	{ "local c = a or b; u = c; a.x = c; g = c; a[1] = c; a[b] = c", true },

	{ "while true do end", false },
	{ "while a do a = a - 1 end", false },
	{ "repeat a = b until a", false },
	{ "for i = 1, 2 do end", false },
	{ "for k in a do end", false },
	{ "::l:: goto l", false },
	{ "::l:: if a then return end goto l", false },
	{ "a()", false },
	{ "u()", false },
	{ "g()", false },
	{ "a:b()", false },
	{ "return a()", false },
	{ "return 1, a()", false },
	{ "return (a())", false },
	{ "return function() end", false },
	{ "local c <close> = a", false },
	{ "return {}", false },
	{ "return { a, b }", false },
};

/* Leaves the function on top. */
static void push_function(lua_State *L, const char *body)
{
	char text[4000];

	(void)snprintf(text, sizeof(text), "local u = {}\n"
		       "return function(a, b) %s\nend", body);
	ck_assert_msg(luaL_loadstring(L, text) == LUA_OK, "%s",
		      lua_tostring(L, -1));
	lua_call(L, 0, 1);
}

START_TEST(test_brief)
{
	const struct brief_row *row = &brief_rows[_i];
	lua_State *L = luaL_newstate();

	push_function(L, row->body);
	ck_assert_msg(script_is_brief(L, -1) == row->want, "%s", row->body);
	ck_assert_int_eq(lua_gettop(L), 1);
	lua_close(L);
}
END_TEST

/* As many instructions as are counted at once are too many. */
START_TEST(test_brief_length)
{
	lua_State *L = luaL_newstate();
	char body[SCRIPT_COUNT_STEP * 8] = "";
	unsigned int i;

	/* one instruction each, and one that returns */
	for (i = 0; i < SCRIPT_COUNT_STEP - 2; i++)
		(void)strcat(body, "u = a ");
	push_function(L, body);
	ck_assert(script_is_brief(L, -1));
	(void)strcat(body, "u = a ");
	push_function(L, body);
	ck_assert(!script_is_brief(L, -1));
	lua_close(L);
}
END_TEST

START_TEST(test_brief_other_functions)
{
	lua_State *L = luaL_newstate();

	/* what is not written in Lua, or takes any number of values */
	lua_pushcfunction(L, lua_error);
	ck_assert(!script_is_brief(L, -1));
	ck_assert_int_eq(luaL_loadstring(L, "return 1"), LUA_OK);
	ck_assert(!script_is_brief(L, -1));
	lua_close(L);
}
END_TEST

static int
get_nothing(void *context, enum script_field field, const char *name,
	    struct script_value *value_r)
{
	(void)context;
	(void)field;
	(void)name;
	(void)value_r;
	return 0;
}

static enum script_outcome ask(struct script *script, enum script_hook hook)
{
	static const struct policy_session_facts session = {
		.user = "u", .login = "u", .mechanism = "", .remote_ip = "",
		.local_ip = "", .id = "",
	};
	const struct script_question question = {
		.hook = hook, .session = &session, .number = 1, .uid = 1,
		.get = get_nothing,
	};
	struct script_answer answer;

	script_call(script, &question, &answer);
	return answer.outcome;
}

/* A function that is brief is counted once there are metatables, and after a
   hook that was counted is not. */
START_TEST(test_brief_and_metatables)
{
	static const char text[] =
		"local t = { x = 1 }\n"
		"function pop3_policy_delete(session, message)\n"
		"  if t.x == 1 then return policy.DENY end\n"
		"end\n"
		"function pop3_policy_show(session, message)\n"
		"  while true do end\n"
		"end\n"
		"function pop3_policy_retrieve(session, message)\n"
		"  t.x = nil\n"
		"  setmetatable(t, { __index = function()\n"
		"    while true do end\n"
		"  end })\n"
		"end\n";
	const struct script_setup setup = {
		.limits = { SCRIPT_MEMORY_DEFAULT_BYTES,
			    SCRIPT_INSTRUCTIONS_DEFAULT,
			    SCRIPT_TIME_MAX_MSECS },
	};
	struct script_source *source = script_source_compile("t.lua", text,
		sizeof(text) - 1, &setup.limits);
	struct script *script = script_create(source, &setup);

	ck_assert_ptr_null(script_error(script));
	ck_assert_int_eq(ask(script, SCRIPT_HOOK_DELETE), SCRIPT_ANSWER);
	ck_assert_int_eq(ask(script, SCRIPT_HOOK_DELETE), SCRIPT_ANSWER);
	ck_assert_int_eq(ask(script, SCRIPT_HOOK_SHOW), SCRIPT_FAILED);
	ck_assert_int_eq(ask(script, SCRIPT_HOOK_DELETE), SCRIPT_ANSWER);
	ck_assert_int_eq(ask(script, SCRIPT_HOOK_SHOW), SCRIPT_FAILED);
	ck_assert_int_eq(ask(script, SCRIPT_HOOK_RETRIEVE), SCRIPT_PASS);
	ck_assert_int_eq(ask(script, SCRIPT_HOOK_DELETE), SCRIPT_FAILED);
	ck_assert_int_eq(ask(script, SCRIPT_HOOK_DELETE), SCRIPT_FAILED);
	script_free(&script);
	script_source_free(&source);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("brief functions of scripts");
	TCase *tcase = tcase_create("brief functions of scripts");

	tcase_add_loop_test(tcase, test_brief, 0, N_ROWS(brief_rows));
	tcase_add_test(tcase, test_brief_length);
	tcase_add_test(tcase, test_brief_other_functions);
	tcase_add_test(tcase, test_brief_and_metatables);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
