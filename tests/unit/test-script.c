/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "budget.h"
#include "case-values.h"
#include "suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME "t.lua"
/* A script of one hook, whose body stands on line 1. */
#define HOOK(name, body) \
	"function pop3_policy_" name "(session, message) " body " end"
#define DELETE(body) HOOK("delete", body)
#define RETURN(name, values) HOOK(name, "return " values)

static char *list_folder;

static struct script *
load_within(const char *text, size_t size, const struct script_setup *setup)
{
	struct script_source *source;
	struct script *script;

	source = script_source_compile(NAME, text, size, &setup->limits);
	ck_assert_ptr_nonnull(source);
	script = script_create(source, setup);
	ck_assert_ptr_nonnull(script);
	ck_assert((script_source_error(source) == NULL) ||
		  script_error(script) != NULL);
	script_source_free(&source);
	return script;
}

static const struct script_setup default_setup = {
	.limits = { SCRIPT_MEMORY_DEFAULT_BYTES, SCRIPT_INSTRUCTIONS_DEFAULT,
		    /* others use this machine as well */
		    10 * SCRIPT_TIME_DEFAULT_MSECS },
	.want_traceback = true,
};

static struct script *load(const char *text)
{
	struct script_setup setup = default_setup;

	setup.list_folder = list_folder;
	return load_within(text, strlen(text), &setup);
}

/* sets: "key=value|key=value", or NULL */
static void set_all(struct case_values *values, const char *sets)
{
	char *copy, *word, *next, *value;

	case_values_init(values);
	if (sets == NULL)
		return;
	copy = strdup(sets);
	for (word = strtok_r(copy, "|", &next); word != NULL;
	     word = strtok_r(NULL, "|", &next)) {
		value = strchr(word, '=');
		ck_assert_ptr_nonnull(value);
		*value++ = '\0';
		ck_assert_ptr_null(case_values_set(values, word, value));
	}
	free(copy);
}

/* Asks, and returns what case_answer_print() makes of the answer. */
static const char *
ask(struct script *script, enum script_hook hook, const char *sets)
{
	static char text[1200];
	struct script_question question = { .hook = hook };
	struct script_answer answer;
	struct case_values values;

	set_all(&values, sets);
	case_values_ask(&values, &question);
	script_call(script, &question, &answer);
	case_answer_print(&answer, hook, text, sizeof(text));
	ck_assert_str_eq(answer.file, NAME);
	ck_assert((answer.outcome == SCRIPT_FAILED) ==
		  (answer.reason != NULL));
	ck_assert(answer.outcome == SCRIPT_ANSWER ||
		  (answer.action == POLICY_ACTION_DENY &&
		   answer.text == NULL && answer.code == NULL &&
		   answer.mailbox == NULL && answer.uidl == NULL));
	case_values_deinit(&values);
	return text;
}

/* Scripts, and what they answer; `error "...` wants that somewhere in it. */
static const struct answer_row {
	const char *script;
	const char *hook;
	const char *sets;
	const char *want;
} answer_rows[] = {
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
	  "error \"t.lua: a; b?[31m?\"" },
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
	const struct answer_row *row = &answer_rows[_i];
	struct script *script = load(row->script);
	const char *got, *want = row->want;
	enum script_hook hook;
	char plain[300];
	size_t used = 0;
	bool same;

	ck_assert_msg(script_error(script) == NULL, "%s: %s", row->script,
		      script_error(script));
	ck_assert(case_hook_find(row->hook, &hook));
	got = ask(script, hook, row->sets);
	if (strncmp(want, "error ", 6) == 0 && want[6] != '"') {
		for (want += 6; *want != '\0'; want++) {
			if (*want != '\\')
				plain[used++] = *want;
		}
		plain[used] = '\0';
		same = strncmp(got, "error ", 6) == 0 &&
			strstr(got, plain) != NULL;
	} else if (strcmp(want, "deny \"xxx") == 0)
		same = strncmp(got, want, strlen(want)) == 0;
	else
		same = strcmp(got, want) == 0;
	ck_assert_msg(same, "%s: %s", row->script, got);
	script_free(&script);
	ck_assert_ptr_null(script);
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
	Suite *suite = suite_create("script");
	TCase *tcase = tcase_create("script");
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
	tcase_add_loop_test(tcase, test_broken, 0, N_ROWS(broken_rows));
	tcase_add_test(tcase, test_too_large);
	tcase_add_test(tcase, test_kept_handles);
	tcase_add_test(tcase, test_stop_ends_one_call);
	tcase_add_test(tcase, test_doubt);
	tcase_add_test(tcase, test_fetched_memory);
	tcase_add_test(tcase, test_abandon);
	tcase_add_test(tcase, test_log);
	tcase_add_test(tcase, test_list_is_read_again);
	tcase_add_test(tcase, test_auth_time);
	tcase_add_test(tcase, test_show_time);
	tcase_add_test(tcase, test_cost_and_traceback);
	tcase_add_test(tcase, test_two_scripts);
	tcase_add_test(tcase, test_engine_table);
	suite_add_tcase(suite, tcase);
	status = run_suite(suite);
	(void)snprintf(command, sizeof(command), "rm -rf %s", folder);
	if (system(command) != 0)
		return EXIT_FAILURE;
	return status;
}
