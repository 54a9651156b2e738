/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * libFuzzer target: scripts that are put together from the words of the API,
 * chosen by the input's bytes, and any bytes as a script. Whatever they do, an
 * answer keeps what the header promises, and a cap is kept.
 * tests/fuzz/run builds and runs it.
 */

#include "pop3-policy/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MEMORY_BYTES (1024 * 1024)
#define INSTRUCTIONS 20000

/* One byte of input each; most of them fit behind most others. */
static const char *const words[] = {
	"session", "message", "request", "policy", ".", ":", "(", ")", "{",
	"}", "[", "]", ",", "=", "==", "~=", "<", "+", "-", "*", "//", "%",
	"..", "...", "#", "not ", " and ", " or ", " local ", " if ",
	" then ", " else ", " end ", " while ", " do ", " repeat ",
	" until ", " for ", " in ", " return ", " function ", " goto ", "::",
	" break ", "\n", ";", "x", "y", "f", "t", "nil", "true", "false",
	"0", "1", "-1", "3", "1e308", "math.maxinteger", "1 << 40", "''",
	"'abc'", "'a*a*b'", "'%b()'", "'(a)%1'", "'[%a]+'", "'\\0\\xFF'",
	"('x'):rep(1000)", "user", "login", "mechanism", "tls", "secured",
	"remote_ip", "id", "now", "last_login", "fields", "messages",
	"bytes", "data", "number", "uid", "guid", "size", "saved",
	"received", "age_days", "seen", "flagged", "keywords", "hidden",
	"retrieved", "retrieved_days", "retrieve_count", "uidl", "header",
	"headers", "policy.DENY", "policy.ALLOW", "policy.HIDE",
	"policy.ARCHIVE", "policy.KEEP", "policy.EXPUNGE", "policy.SHOW",
	"policy.PASS", "policy.days(", "policy.log(", "policy.match(",
	"policy.list(", "pcall(", "xpcall(", "error(", "setmetatable(",
	"getmetatable(", "rawset(", "rawget(", "next(", "pairs(", "ipairs(",
	"select(", "tostring(", "tonumber(", "type(", "assert(",
	"string.find(", "string.match(", "string.gmatch(", "string.gsub(",
	"string.format(", "string.rep(", "string.byte(", "string.sub(",
	"table.concat(", "table.insert(", "table.remove(", "table.move(",
	"table.sort(", "table.unpack(", "table.pack(", "utf8.char(",
	"os.date(", "os.time(", "__index = ", "__call = ", "__tostring = ",
	"__gc = ", "__close = ", "__metatable = ", "_G", "_ENV",
	"message:header('Subject')", "session.data.x", "message.size",
	"function(a, b) ", "return policy.DENY, 'x' ",
	"return policy.ARCHIVE, 'Old' ", "for i = 1, 100 do ",
	"x = x or {} ", "t[#t + 1] = ", "t[i * 131071] = ", "__lt = ",
	"__concat = ", "__eq = ", "__name = ", "utf8.len(", "utf8.codes(",
	"('\\0'):rep(70000)", "x = {} t = {} ",
};
#define WORDS_COUNT (sizeof(words) / sizeof(words[0]))

static void require(bool condition)
{
	if (!condition)
		abort();
}

static int
get_value(void *context, enum script_field field, const char *name,
	  struct script_value *value_r)
{
	static const char *const list[] = { "one", "two", NULL };
	unsigned int *asked = context;

	require((name != NULL) == (field == SCRIPT_SESSION_FIELD ||
				   field == SCRIPT_MESSAGE_HEADER ||
				   field == SCRIPT_MESSAGE_HEADERS));
	(*asked)++;
	value_r->number = *asked;
	value_r->text = "text";
	value_r->list = list;
	/* nil and doubt now and then */
	return *asked % 61 == 60 ? -1 : *asked % 13 == 12 ? 0 : 1;
}

static void log_line(void *context, const char *line)
{
	(void)context;
	require(strlen(line) <= 400 && strpbrk(line, "\r\n\t") == NULL);
}

static void check_answer(const struct script_answer *answer,
			 enum script_hook hook)
{
	require((answer->outcome == SCRIPT_FAILED) ==
		(answer->reason != NULL));
	require(answer->reason == NULL ||
		strpbrk(answer->reason, "\r\n\t") == NULL);
	if (answer->outcome != SCRIPT_ANSWER) {
		require(answer->action == POLICY_ACTION_DENY &&
			answer->text == NULL && answer->mailbox == NULL &&
			answer->uidl == NULL && answer->code == NULL);
		return;
	}
	require(answer->text == NULL ||
		(answer->action == POLICY_ACTION_DENY &&
		 strlen(answer->text) <= 400 && *answer->text != '\0' &&
		 strpbrk(answer->text, "\r\n\t") == NULL));
	require((answer->mailbox != NULL) ==
		(answer->action == POLICY_ACTION_ARCHIVE));
	require((answer->uidl != NULL) == (hook == SCRIPT_HOOK_UIDL));
	require(answer->uidl == NULL || strlen(answer->uidl) <= 70);
	require(answer->code == NULL || hook <= SCRIPT_HOOK_LOGIN);
	require(hook != SCRIPT_HOOK_LOGOUT);
}

static void run_script(const char *text, size_t size)
{
	static const struct policy_session_facts session = {
		.user = "u", .login = "u", .mechanism = "PLAIN",
		.remote_ip = "", .local_ip = "", .id = "", .now = 1700000000,
	};
	static const struct script_setup setup = {
		.limits = { MEMORY_BYTES, INSTRUCTIONS, 1000 },
		.log = log_line,
		.want_traceback = true,
	};
	struct script_source *source;
	struct script_question question = {
		.session = &session,
		.number = 1,
		.uid = 1,
		.get = get_value,
	};
	struct script_answer answer;
	struct script_cost cost;
	struct script *script;
	unsigned int asked = 0;

	source = script_source_compile("fuzz", text, size, &setup.limits);
	require(source != NULL);
	script = script_create(source, &setup);
	require(script != NULL);
	script_source_free(&source);
	question.context = &asked;
	for (question.hook = 0; question.hook < SCRIPT_HOOKS_COUNT;
	     question.hook++) {
		script_call(script, &question, &answer);
		check_answer(&answer, question.hook);
		require(script_error(script) == NULL ||
			answer.outcome == SCRIPT_FAILED);
		script_get_cost(script, &cost);
		require(cost.memory_bytes <= MEMORY_BYTES + 16 * 1024);
	}
	script_free(&script);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[64 * 1024];
	size_t used, i;
	const char *word;

	run_script((const char *)data, size);

	/* three hooks with the same body, what the input makes of it */
	used = (size_t)snprintf(text, sizeof(text),
		"local function f(session, message)\nlocal x, y, t = 1, 'a', "
		"{}\n");
	for (i = 0; i < size && used + 200 < sizeof(text); i++) {
		word = words[data[i] % WORDS_COUNT];
		memcpy(text + used, word, strlen(word));
		used += strlen(word);
	}
	used += (size_t)snprintf(text + used, sizeof(text) - used,
		"\nend\npop3_policy_delete = f\npop3_policy_login = f\n"
		"pop3_policy_uidl = f\n");
	run_script(text, used);
	return 0;
}
