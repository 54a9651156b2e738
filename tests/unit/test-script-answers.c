/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "script-case.h"

static const struct answer_row answer_rows[] = {
	/* no answer */
	{ "", "delete", NULL, "pass" },
	{ DELETE(""), "delete", NULL, "pass" },
	{ RETURN("delete", "nil"), "delete", NULL, "pass" },
	{ RETURN("delete", "nil, nil"), "delete", NULL, "pass" },
	{ RETURN("delete", "policy.PASS"), "delete", NULL, "pass" },
	{ DELETE(""), "retrieve", NULL, "pass" },

	/* every answer of every hook */
	{ RETURN("auth", "policy.DENY, 'no'"), "auth", NULL, "deny \"no\"" },
	{ RETURN("auth", "policy.DENY, 'no', 'AUTH'"), "auth", NULL,
	  "deny \"no\" [AUTH]" },
	{ RETURN("auth", "policy.PASS"), "auth", NULL, "pass" },
	{ RETURN("login", "policy.DENY"), "login", NULL, "deny" },
	{ RETURN("login", "policy.DENY, nil, 'IN-USE'"), "login", NULL,
	  "deny [IN-USE]" },
	{ RETURN("login", "policy.DENY, 'x', 'SYS/TEMP'"), "login", NULL,
	  "deny \"x\" [SYS/TEMP]" },
	{ RETURN("login", "policy.DENY, 'x', 'SYS/PERM'"), "login", NULL,
	  "deny \"x\" [SYS/PERM]" },
	{ RETURN("login", "policy.DENY, 'x', 'LOGIN-DELAY'"), "login", NULL,
	  "deny \"x\" [LOGIN-DELAY]" },
	{ RETURN("show", "policy.SHOW"), "show", NULL, "show" },
	{ RETURN("show", "policy.HIDE"), "show", NULL, "hide" },
	{ RETURN("show", "policy.PASS"), "show", NULL, "pass" },
	{ RETURN("uidl", "'abc'"), "uidl", NULL, "uidl \"abc\"" },
	{ RETURN("uidl", "'!~'"), "uidl", NULL, "uidl \"!~\"" },
	{ RETURN("uidl", "policy.PASS"), "uidl", NULL, "pass" },
	{ RETURN("uidl", "('x'):rep(70)"), "uidl", NULL, "uidl \"xxxxxxxxxx"
	  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"" },
	{ RETURN("retrieve", "policy.ALLOW"), "retrieve", NULL, "allow" },
	{ RETURN("retrieve", "policy.DENY, 'no'"), "retrieve", NULL,
	  "deny \"no\"" },
	{ RETURN("delete", "policy.ALLOW"), "delete", NULL, "allow" },
	{ RETURN("delete", "policy.DENY, 'no'"), "delete", NULL,
	  "deny \"no\"" },
	{ RETURN("delete", "policy.HIDE"), "delete", NULL, "hide" },
	{ RETURN("delete", "policy.ARCHIVE, 'Old/2024'"), "delete", NULL,
	  "archive \"Old/2024\"" },
	{ RETURN("expire", "policy.KEEP"), "expire", NULL, "keep" },
	{ RETURN("expire", "policy.HIDE"), "expire", NULL, "hide" },
	{ RETURN("expire", "policy.ARCHIVE, 'Old'"), "expire", NULL,
	  "archive \"Old\"" },
	{ RETURN("expire", "policy.EXPUNGE"), "expire", NULL, "expunge" },
	{ HOOK("logout", ""), "logout", NULL, "pass" },

	/* answers that are none of that hook's */
	{ RETURN("delete", "false"), "delete", NULL,
	  "error \"t.lua:1: pop3_policy_delete returned false; use "
	  "policy.DENY\"" },
	{ RETURN("delete", "true"), "delete", NULL, "error use policy.ALLOW" },
	{ RETURN("login", "false"), "login", NULL, "error use policy.DENY" },
	{ RETURN("auth", "true"), "auth", NULL, "error use policy.PASS" },
	{ RETURN("expire", "false"), "expire", NULL,
	  "error use policy.KEEP" },
	{ RETURN("expire", "true"), "expire", NULL,
	  "error use policy.EXPUNGE" },
	{ RETURN("show", "false"), "show", NULL, "error use policy.HIDE" },
	{ RETURN("retrieve", "false"), "retrieve", NULL,
	  "error use policy.DENY" },
	{ RETURN("uidl", "false"), "uidl", NULL, "error use policy.PASS" },
	{ RETURN("delete", "'deny'"), "delete", NULL,
	  "error use policy.DENY" },
	{ RETURN("delete", "'Hide'"), "delete", NULL,
	  "error use policy.HIDE" },
	{ RETURN("delete", "'keep'"), "delete", NULL,
	  "error expected policy.ALLOW, policy.DENY, policy.HIDE, "
	  "policy.ARCHIVE or policy.PASS" },
	{ RETURN("delete", "'a\\nb\\tc\\27[31m\\xFF\\0d'"), "delete", NULL,
	  "error returned the string \\\"a; b c?[31m?\\\"; expected" },
	{ RETURN("uidl", "'a\\r\\nb'"), "uidl", NULL,
	  "error returned the string \\\"a ; b\\\"; expected" },
	{ RETURN("delete", "policy.KEEP"), "delete", NULL,
	  "error returned policy.KEEP; expected policy.ALLOW" },
	{ RETURN("delete", "policy.EXPUNGE"), "delete", NULL,
	  "error returned policy.EXPUNGE" },
	{ RETURN("delete", "policy.SHOW"), "delete", NULL, "error SHOW" },
	{ RETURN("expire", "policy.ALLOW"), "expire", NULL,
	  "error returned policy.ALLOW; expected policy.KEEP" },
	{ RETURN("expire", "policy.DENY"), "expire", NULL, "error DENY" },
	{ RETURN("retrieve", "policy.HIDE"), "retrieve", NULL,
	  "error returned policy.HIDE" },
	{ RETURN("retrieve", "policy.ARCHIVE, 'A'"), "retrieve", NULL,
	  "error returned policy.ARCHIVE" },
	{ RETURN("login", "policy.ALLOW"), "login", NULL, "error ALLOW" },
	{ RETURN("auth", "policy.ALLOW"), "auth", NULL, "error ALLOW" },
	{ RETURN("show", "policy.DENY, 'x'"), "show", NULL, "error DENY" },
	{ RETURN("uidl", "policy.DENY"), "uidl", NULL, "error DENY" },
	{ RETURN("logout", "policy.DENY"), "logout", NULL,
	  "error expected nothing" },
	{ RETURN("delete", "1"), "delete", NULL, "error returned a number" },
	{ RETURN("delete", "{}"), "delete", NULL, "error returned a table" },
	{ RETURN("delete", "message"), "delete", NULL,
	  "error returned a message" },
	{ RETURN("delete", "print"), "delete", NULL,
	  "error print is not available: use policy.log(text)" },

	/* what goes with an answer */
	{ RETURN("delete", "policy.DENY, ''"), "delete", NULL,
	  "error expected one printable line" },
	{ RETURN("delete", "policy.DENY, 'a\\nb'"), "delete", NULL,
	  "error printable" },
	{ RETURN("delete", "policy.DENY, 'a\\0b'"), "delete", NULL,
	  "error printable" },
	{ RETURN("delete", "policy.DENY, 'a\\tb'"), "delete", NULL,
	  "error printable" },
	{ RETURN("delete", "policy.DENY, '\\xFF'"), "delete", NULL,
	  "error printable" },
	{ RETURN("delete", "policy.DENY, 'b\\xC3\\xA4r'"), "delete", NULL,
	  "deny \"b\xC3\xA4r\"" },
	{ RETURN("delete", "policy.DENY, ('x'):rep(401)"), "delete", NULL,
	  "error 400 bytes" },
	{ HOOK("delete", "local t = ('x'):rep(400) "
	       "return policy.DENY, t"), "delete", NULL, "deny \"xxx" },
	{ RETURN("delete", "policy.DENY, 5"), "delete", NULL,
	  "error must be a string" },
	{ RETURN("delete", "policy.DENY, 'x', 'AUTH'"), "delete", NULL,
	  "error and more" },
	{ RETURN("delete", "policy.ALLOW, 'x'"), "delete", NULL,
	  "error policy.ALLOW and more; expected nothing behind it" },
	{ RETURN("delete", "policy.PASS, 'x'"), "delete", NULL,
	  "error policy.PASS and more" },
	{ RETURN("delete", "nil, 'x'"), "delete", NULL, "error and more" },
	{ RETURN("login", "policy.DENY, 'x', '[AUTH]'"), "login", NULL,
	  "error an unknown code" },
	{ RETURN("login", "policy.DENY, 'x', 'auth'"), "login", NULL,
	  "error an unknown code" },
	{ RETURN("login", "policy.DENY, 'x', 5"), "login", NULL,
	  "error an unknown code" },
	{ RETURN("login", "policy.DENY, 'x', 'AUTH', 1"), "login", NULL,
	  "error and more" },
	{ RETURN("delete", "policy.ARCHIVE"), "delete", NULL,
	  "error without a mailbox" },
	{ RETURN("delete", "policy.ARCHIVE, 5"), "delete", NULL,
	  "error without a mailbox" },
	{ RETURN("delete", "policy.ARCHIVE, ''"), "delete", NULL,
	  "error the name of a mailbox" },
	{ RETURN("delete", "policy.ARCHIVE, 'inbox'"), "delete", NULL,
	  "error INBOX" },
	{ RETURN("delete", "policy.ARCHIVE, 'a//b'"), "delete", NULL,
	  "error levels" },
	{ RETURN("delete", "policy.ARCHIVE, '/a'"), "delete", NULL,
	  "error levels" },
	{ RETURN("delete", "policy.ARCHIVE, 'a*'"), "delete", NULL,
	  "error without *" },
	{ RETURN("delete", "policy.ARCHIVE, 'a\\0b'"), "delete", NULL,
	  "error printable" },
	{ RETURN("delete", "policy.ARCHIVE, '\\xFF'"), "delete", NULL,
	  "error printable" },
	{ RETURN("delete", "policy.ARCHIVE, ('x'):rep(256)"), "delete", NULL,
	  "error shorter" },
	{ RETURN("delete", "policy.ARCHIVE, 'A', 'B'"), "delete", NULL,
	  "error one mailbox" },
	{ RETURN("uidl", "''"), "uidl", NULL, "error 1 to 70" },
	{ RETURN("uidl", "'a b'"), "uidl", NULL, "error 1 to 70" },
	{ RETURN("uidl", "'\\127'"), "uidl", NULL, "error 1 to 70" },
	{ RETURN("uidl", "('x'):rep(71)"), "uidl", NULL, "error 1 to 70" },
	{ RETURN("uidl", "5"), "uidl", NULL, "error returned a number" },
	{ RETURN("uidl", "'x', 'y'"), "uidl", NULL, "error a UIDL and more" },
};

START_TEST(test_answers)
{
	check_answer(&answer_rows[_i]);
}
END_TEST

START_TEST(test_engine_table)
{
	const struct script_engine *engine = pop3_policy_script_engine();
	const void *const *functions = (const void *const *)engine;
	size_t i;

	for (i = 0; i < sizeof(*engine) / sizeof(*functions); i++)
		ck_assert_ptr_nonnull(functions[i]);
	ck_assert_str_eq(engine->hook_name(SCRIPT_HOOK_UIDL), "uidl");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("answers of scripts");
	TCase *tcase = tcase_create("answers of scripts");

	tcase_add_loop_test(tcase, test_answers, 0, N_ROWS(answer_rows));
	tcase_add_test(tcase, test_engine_table);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
