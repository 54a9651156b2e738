/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "script-case.h"

static const struct answer_row answer_rows[] = {
	/* fields */
	{ RETURN("delete", "policy.DENY, session.user .. session.login"),
	  "delete", "user=a@b|login=A", "deny \"a@bA\"" },
	{ RETURN("delete", "policy.DENY, session.mechanism .. "
	  "session.remote_ip .. session.local_ip .. session.id"), "delete",
	  "mechanism=APOP|remote_ip=::1|local_ip=::2|id=x",
	  "deny \"APOP::1::2x\"" },
	{ RETURN("delete", "policy.DENY, tostring(session.mechanism) .. "
	  "tostring(session.remote_ip) .. tostring(session.id)"), "delete",
	  "mechanism=|remote_ip=|id=", "deny \"nilnilnil\"" },
	{ RETURN("delete", "policy.DENY, session.device"), "delete",
	  "device=phone", "deny \"phone\"" },
	{ RETURN("delete", "policy.DENY, tostring(session.device)"), "delete",
	  NULL, "deny \"nil\"" },
	{ RETURN("delete", "policy.DENY, tostring(session.tls) .. "
	  "tostring(session.secured)"), "delete", "tls=no|secured=yes",
	  "deny \"falsetrue\"" },
	{ RETURN("delete", "policy.DENY, session.policy"), "delete",
	  "policy=policy gold", "deny \"policy gold\"" },
	{ RETURN("delete", "policy.DENY, tostring(session.policy)"),
	  "delete", NULL, "deny \"nil\"" },
	{ RETURN("delete", "policy.DENY, tostring(session.now - "
	  "session.last_login)"), "delete", "last_login=2h",
	  "deny \"7200\"" },
	{ RETURN("delete", "policy.DENY, tostring(session.last_login)"),
	  "delete", NULL, "deny \"nil\"" },
	{ RETURN("delete", "policy.DENY, session.fields.quota .. "
	  "tostring(session.fields.home)"), "delete", "field.quota=5G",
	  "deny \"5Gnil\"" },
	{ RETURN("delete", "policy.DENY, session.messages .. '/' .. "
	  "session.bytes"), "delete", "messages=3|bytes=2k",
	  "deny \"3/2048\"" },
	{ RETURN("login", "policy.DENY, tostring(session.messages) .. "
	  "tostring(session.bytes)"), "login", "messages=3",
	  "deny \"nilnil\"" },
	{ DELETE("session.data.x = 5 return policy.DENY, 'x' .. "
	  "session.data.x"), "delete", NULL, "deny \"x5\"" },
	{ RETURN("delete", "policy.DENY, message.number .. '/' .. "
	  "message.uid .. '/' .. message.guid .. message.uidl"), "delete",
	  "number=3|uid=17|guid=g|uidl=u", "deny \"3/17/gu\"" },
	{ RETURN("delete", "policy.DENY, 'x' .. message.size"), "delete",
	  "size=3k", "deny \"x3072\"" },
	{ RETURN("delete", "policy.DENY, 'x' .. session.now - message.saved "
	  ".. '/' .. session.now - message.received .. '/' .. "
	  "message.age_days"), "delete", "saved=47h|received=3m",
	  "deny \"x169200/180/1\"" },
	{ RETURN("delete", "policy.DENY, 'x' .. message.age_days"), "delete",
	  "now=2024-05-01|saved=2024-05-02", "deny \"x-1\"" },
	{ RETURN("delete", "policy.DENY, tostring(message.seen) .. "
	  "tostring(message.flagged) .. tostring(message.answered) .. "
	  "tostring(message.hidden)"), "delete", "flagged=yes|hidden=yes",
	  "deny \"falsetruefalsetrue\"" },
	{ RETURN("delete", "policy.DENY, tostring(message.keywords.Work) .. "
	  "tostring(message.keywords['$Junk']) .. "
	  "tostring(message.keywords.x)"), "delete",
	  "keywords=Work,$Junk", "deny \"truetruenil\"" },
	{ RETURN("delete", "policy.DENY, session.now - message.retrieved .. "
	  "'/' .. message.retrieved_days .. '/' .. message.retrieve_count"),
	  "delete", "retrieved=3d", "deny \"259200/3/1\"" },
	{ RETURN("delete", "policy.DENY, tostring(message.retrieved) .. "
	  "tostring(message.retrieved_days) .. message.retrieve_count"),
	  "delete", NULL, "deny \"nilnil0\"" },
	{ RETURN("delete", "policy.DENY, tostring(message.retrieved) .. "
	  "tostring(message.retrieve_count)"), "delete",
	  "retrieved=unknown", "deny \"nilnil\"" },
	{ RETURN("delete", "policy.DENY, message:header('subject') .. "
	  "tostring(message:header('X')) .. #message:headers('Received') .. "
	  "message:headers('Received')[2] .. #message:headers('X')"),
	  "delete", "header.Subject=S|header.Received=a|header.Received=b",
	  "deny \"Snil2b0\"" },
	{ RETURN("auth", "policy.DENY, session.user"), "auth", "user=a",
	  "deny \"a\"" },

	/* what is not there */
	{ RETURN("delete", "message.sise"), "delete", NULL,
	  "error t.lua:1: unknown field of message \\\"sise\\\"; did you "
	  "mean size?" },
	{ RETURN("delete", "message.xyzzy"), "delete", NULL,
	  "error unknown field of message \\\"xyzzy\\\"" },
	{ RETURN("delete", "message[1]"), "delete", NULL,
	  "error a field of message has a name, not a number" },
	{ RETURN("delete", "message[{}]"), "delete", NULL,
	  "error has a name, not a table" },
	{ RETURN("delete", "session.usr"), "delete", NULL,
	  "error did you mean user?" },
	{ RETURN("auth", "session.messages"), "auth", NULL,
	  "error unknown field of request" },
	{ RETURN("auth", "session.data"), "auth", NULL,
	  "error unknown field of request" },
	{ RETURN("delete", "policy.DENNY"), "delete", NULL,
	  "error unknown name in policy \\\"DENNY\\\"; did you mean DENY?" },
	{ RETURN("delete", "polcy.DENY"), "delete", NULL,
	  "error unknown global \\\"polcy\\\"; did you mean policy?" },
	{ RETURN("delete", "isOld()") " function isOd() end", "delete", NULL,
	  "error unknown global \\\"isOld\\\"; did you mean isOd?" },
	{ RETURN("delete", "policy.DENY, io.open('x')"), "delete", NULL,
	  "error io is not available" },
	{ RETURN("delete", "os.execute('x')"), "delete", NULL,
	  "error attempt to call a nil value" },
	{ "function pop3_policy_delete() return session.user end", "delete",
	  NULL, "error session is not a global: take it as a parameter" },
	{ DELETE("message.size = 1"), "delete", NULL,
	  "error message can't be changed" },
	{ DELETE("session.user = 'x'"), "delete", NULL,
	  "error session can't be changed; session.data" },
	{ DELETE("session.data = {}"), "delete", NULL,
	  "error session can't be changed" },
	{ HOOK("auth", "session.user = 'x'"), "auth", NULL,
	  "error request can't be changed" },
	{ DELETE("session.fields.x = 1"), "delete", NULL,
	  "error fields can't be changed" },
	{ DELETE("for k in pairs(session.fields) do end"), "delete", NULL,
	  "error can't be listed" },
	{ DELETE("policy.DENY = 1"), "delete", NULL,
	  "error policy can't be changed" },
	{ DELETE("policy.new = 1"), "delete", NULL,
	  "error policy can't be changed" },
	{ DELETE("string = {}"), "delete", NULL,
	  "error string can't be replaced" },
	{ RETURN("delete", "policy.DENY, message.header('Subject')"),
	  "delete", NULL, "error use a colon: message:header(\\\"Subject" },
	{ RETURN("delete", "policy.DENY, message.headers()"), "delete", NULL,
	  "error use a colon: message:headers" },
	{ RETURN("delete", "message:header()"), "delete", NULL,
	  "error takes the name of a header, not a no value" },
	{ RETURN("delete", "message:header(5)"), "delete", NULL,
	  "error not a number" },
	{ RETURN("delete", "message:header('')"), "delete", NULL,
	  "error 1 to 100 printable" },
	{ RETURN("delete", "message:header('a:')"), "delete", NULL,
	  "error 1 to 100 printable" },
	{ RETURN("delete", "message:header('a\\0b')"), "delete", NULL,
	  "error 1 to 100 printable" },
	{ RETURN("delete", "message:size()"), "delete", NULL,
	  "error size is a field: use a dot and no ()" },
	{ RETURN("delete", "session:user()"), "delete", NULL,
	  "error user is a field" },
	{ RETURN("delete", "policy:days(3)"), "delete", NULL,
	  "error use a dot: policy.days(n)" },
	{ RETURN("delete", "policy:log('x')"), "delete", NULL,
	  "error use a dot: policy.log(text)" },
	{ RETURN("delete", "policy:match('x', 'x')"), "delete", NULL,
	  "error use a dot: policy.match" },
	{ RETURN("delete", "policy:list('x')"), "delete", NULL,
	  "error use a dot: policy.list(name)" },
	{ DELETE("setmetatable(_G, nil)"), "delete", NULL,
	  "error protected metatable" },
	{ DELETE("setmetatable(policy, {})"), "delete", NULL,
	  "error protected metatable" },
	{ DELETE("getmetatable('').__index = nil"), "delete", NULL,
	  "error attempt to index a boolean" },

	{ DELETE("return DENY"), "delete", NULL,
	  "error unknown global \\\"DENY\\\"; did you mean policy.DENY?" },
	{ DELETE("return days(3)"), "delete", NULL,
	  "error did you mean policy.days?" },
	{ DELETE("return size"), "delete", NULL,
	  "error did you mean message.size?" },
	{ DELETE("return header('x')"), "delete", NULL,
	  "error did you mean message:header?" },
	{ DELETE("return user"), "delete", NULL,
	  "error did you mean session.user?" },
	{ DELETE("return null"), "delete", NULL,
	  "error null is not available: use nil" },
	{ DELETE("return session.size"), "delete", NULL,
	  "error unknown field of session \\\"size\\\"; it is one of message" },
	{ DELETE("return message.user"), "delete", NULL,
	  "error unknown field of message \\\"user\\\"; it is one of session" },
	{ DELETE("return message.retreived"), "delete", NULL,
	  "error did you mean retrieved?" },

	/* what Lua says in its own words */
	{ DELETE("return message.retrieved_days > 3"), "delete", NULL,
	  "error attempt to compare number with nil; nil is what is not "
	  "there" },
	{ DELETE("return message:header('X') > 3"), "delete", "header.X=5",
	  "error with string; tonumber(text) makes a number of a text" },
	{ DELETE("return 'x' .. message:header('X')"), "delete", NULL,
	  "error a nil value; nil is what is not there: write (x or " },
	{ DELETE("return session.now - message.retrieved"), "delete", NULL,
	  "error arithmetic on a nil value" },
	{ DELETE("return message.header.Subject"), "delete", NULL,
	  "error write message:header(\\\"Subject\\\")" },
	{ DELETE("return message.keywords('Work')"), "delete", NULL,
	  "error keywords is a field: use a dot and no ()" },
	{ HOOK("login", "return message.size"), "login", NULL,
	  "error pop3_policy_login gets no message" },
	{ HOOK("logout", "return message.size"), "logout", NULL,
	  "error pop3_policy_logout gets no message" },
};

START_TEST(test_answers)
{
	check_answer(&answer_rows[_i]);
}
END_TEST

/* A message that is kept belongs to its call; what a script keeps otherwise
   stays for the session. */
START_TEST(test_kept_handles)
{
	struct script *script = load(
		"local kept, count = nil, 0\n"
		"function pop3_policy_delete(session, message)\n"
		"  count = count + 1\n"
		"  session.data.n = (session.data.n or 0) + 1\n"
		"  if kept then return policy.DENY, kept.uid end\n"
		"  kept = message\n"
		"  return policy.DENY, count .. '/' .. session.data.n\n"
		"end\n"
		"function pop3_policy_retrieve(session, message)\n"
		"  return policy.DENY, count .. '/' .. session.data.n\n"
		"end\n"
		"function pop3_policy_expire(session, message)\n"
		"  return policy.KEEP, kept:header('x')\n"
		"end\n");

	ck_assert_uint_eq(script_hook_line(script, SCRIPT_HOOK_DELETE), 2);
	ck_assert_uint_eq(script_hook_line(script, SCRIPT_HOOK_SHOW), 0);
	ck_assert(!script_has_hook(script, SCRIPT_HOOK_SHOW));
	ck_assert_str_eq(ask(script, SCRIPT_HOOK_DELETE, NULL),
			 "deny \"1/1\"");
	ck_assert_ptr_nonnull(strstr(ask(script, SCRIPT_HOOK_DELETE, NULL),
		"t.lua:5: this message belongs to a call that has ended"));
	ck_assert_ptr_nonnull(strstr(ask(script, SCRIPT_HOOK_EXPIRE, NULL),
		"t.lua:13: this message belongs to a call that has ended"));
	ck_assert_str_eq(ask(script, SCRIPT_HOOK_RETRIEVE, NULL),
			 "deny \"2/2\"");
	script_free(&script);
}
END_TEST

static int
doubt_get(void *context, enum script_field field, const char *name,
	  struct script_value *value_r)
{
	(void)context;
	(void)field;
	(void)name;
	value_r->text = "disk on\nfire";
	return -1;
}

/* What can't be found out fails the call, whatever the script does. */
START_TEST(test_doubt)
{
	static const char *const bodies[] = {
		"return message.size", "return message.flagged",
		"return message:header('x')", "return message.keywords",
		"return message:headers('x')", "return session.fields.x",
		"pcall(function() return message.guid end) "
		"return policy.ALLOW",
		"pcall(pcall, function() return message.age_days end) "
		"return policy.ALLOW",
	};
	struct policy_session_facts session = {
		.user = "u", .login = "u", .mechanism = "", .remote_ip = "",
		.local_ip = "", .id = "", .now = 1,
	};
	struct script_question question = {
		.hook = SCRIPT_HOOK_DELETE,
		.session = &session,
		.get = doubt_get,
	};
	struct script_answer answer;
	struct script *script;
	char text[300];
	size_t i;

	for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		(void)snprintf(text, sizeof(text), DELETE("%s"), bodies[i]);
		script = load(text);
		script_call(script, &question, &answer);
		ck_assert_int_eq(answer.outcome, SCRIPT_FAILED);
		ck_assert_msg(strncmp(answer.reason, "t.lua:1: ", 9) == 0 &&
			      strstr(answer.reason, " could not be found "
				     "out: disk on; fire") != NULL,
			      "%s: %s", bodies[i], answer.reason);
		script_free(&script);
	}
}
END_TEST

static int
large_get(void *context, enum script_field field, const char *name,
	  struct script_value *value_r)
{
	static char text[100 * 1024];
	static const char *const list[] = { text, text, NULL };
	unsigned int *asked = context;

	(void)name;
	memset(text, 'x', sizeof(text) - 1);
	(*asked)++;
	if (field == SCRIPT_MESSAGE_HEADERS)
		value_r->list = list;
	else
		value_r->text = text;
	return 1;
}

/* What Dovecot fetches for a call, it may keep until the call ends. */
START_TEST(test_fetched_memory)
{
	static const struct {
		const char *body;
		unsigned int want_asked;
	} rows[] = {
		{ "while true do local x = message:header('x') end", 164 },
		{ "while true do local x = message:headers('x') end", 82 },
		{ "while true do local x = session.fields.x end", 164 },
		{ "while true do pcall(message.header, message, 'x') end",
		  164 },
	};
	struct policy_session_facts session = {
		.user = "u", .login = "u", .mechanism = "", .remote_ip = "",
		.local_ip = "", .id = "", .now = 1,
	};
	unsigned int asked;
	struct script_question question = {
		.hook = SCRIPT_HOOK_DELETE,
		.session = &session,
		.get = large_get,
		.context = &asked,
	};
	struct script_setup setup = default_setup;
	struct script_answer answer;
	struct script *script;
	char text[300];
	size_t i;

	setup.limits.time_msecs = SCRIPT_TIME_MAX_MSECS;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(text, sizeof(text), DELETE("%s"), rows[i].body);
		script = load_within(text, strlen(text), &setup);
		/* each call anew */
		asked = 0;
		script_call(script, &question, &answer);
		ck_assert_uint_eq(asked, rows[i].want_asked);
		asked = 0;
		script_call(script, &question, &answer);
		ck_assert_uint_eq(asked, rows[i].want_asked);
		ck_assert_int_eq(answer.outcome, SCRIPT_FAILED);
		ck_assert_msg(strncmp(answer.reason, "t.lua:1: needs more "
				      "memory", 26) == 0, "%s", answer.reason);
		script_free(&script);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("objects of scripts");
	TCase *tcase = tcase_create("objects of scripts");

	tcase_add_loop_test(tcase, test_answers, 0, N_ROWS(answer_rows));
	tcase_add_test(tcase, test_kept_handles);
	tcase_add_test(tcase, test_doubt);
	tcase_add_test(tcase, test_fetched_memory);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
