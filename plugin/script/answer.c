/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "answer.h"
#include "line.h"
#include "policy-text.h"
#include "policy-value.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* RFC 1939 7 */
#define UIDL_MAX_BYTES 70

enum answer_word {
	WORD_PASS,
	WORD_DENY,
	WORD_ALLOW,
	WORD_HIDE,
	WORD_ARCHIVE,
	WORD_KEEP,
	WORD_EXPUNGE,
	WORD_SHOW,
};
#define WORDS_COUNT (WORD_SHOW + 1)

struct answer_name {
	enum answer_word word;
	const char *name;
	enum policy_action action;
};

/* A script holds pointers to these, which it can't make up. */
static const struct answer_name answer_names[WORDS_COUNT] = {
	{ WORD_PASS, "PASS", POLICY_ACTION_DENY },
	{ WORD_DENY, "DENY", POLICY_ACTION_DENY },
	{ WORD_ALLOW, "ALLOW", POLICY_ACTION_ALLOW },
	{ WORD_HIDE, "HIDE", POLICY_ACTION_HIDE },
	{ WORD_ARCHIVE, "ARCHIVE", POLICY_ACTION_ARCHIVE },
	{ WORD_KEEP, "KEEP", POLICY_ACTION_DENY },
	{ WORD_EXPUNGE, "EXPUNGE", POLICY_ACTION_ALLOW },
	{ WORD_SHOW, "SHOW", POLICY_ACTION_ALLOW },
};

#define HAS(word) (1U << WORD_##word)

static const struct {
	unsigned int words;
	/* for messages */
	const char *expected;
	/* what false and true are likely to mean */
	enum answer_word no, yes;
} hook_answers[SCRIPT_HOOKS_COUNT] = {
	[SCRIPT_HOOK_AUTH] = { HAS(PASS) | HAS(DENY),
		"policy.DENY or policy.PASS", WORD_DENY, WORD_PASS },
	[SCRIPT_HOOK_LOGIN] = { HAS(PASS) | HAS(DENY),
		"policy.DENY or policy.PASS", WORD_DENY, WORD_PASS },
	[SCRIPT_HOOK_SHOW] = { HAS(PASS) | HAS(SHOW) | HAS(HIDE),
		"policy.SHOW, policy.HIDE or policy.PASS",
		WORD_HIDE, WORD_SHOW },
	[SCRIPT_HOOK_UIDL] = { HAS(PASS),
		"a string of 1 to 70 printable characters without blanks, or "
		"policy.PASS", WORD_PASS, WORD_PASS },
	[SCRIPT_HOOK_RETRIEVE] = { HAS(PASS) | HAS(ALLOW) | HAS(DENY),
		"policy.ALLOW, policy.DENY or policy.PASS",
		WORD_DENY, WORD_ALLOW },
	[SCRIPT_HOOK_DELETE] = { HAS(PASS) | HAS(ALLOW) | HAS(DENY) |
		HAS(HIDE) | HAS(ARCHIVE), "policy.ALLOW, policy.DENY, "
		"policy.HIDE, policy.ARCHIVE or policy.PASS",
		WORD_DENY, WORD_ALLOW },
	[SCRIPT_HOOK_EXPIRE] = { HAS(PASS) | HAS(KEEP) | HAS(HIDE) |
		HAS(ARCHIVE) | HAS(EXPUNGE), "policy.KEEP, policy.HIDE, "
		"policy.ARCHIVE, policy.EXPUNGE or policy.PASS",
		WORD_KEEP, WORD_EXPUNGE },
	[SCRIPT_HOOK_LOGOUT] = { HAS(PASS), "nothing", WORD_PASS, WORD_PASS },
};

static const char *const answer_codes[] = {
	"AUTH", "SYS/TEMP", "SYS/PERM", "IN-USE", "LOGIN-DELAY"
};

/* Returns NULL if it is none. */
static const struct answer_name *answer_find_word(const void *word)
{
	uintptr_t offset = (uintptr_t)word - (uintptr_t)answer_names;

	return offset < sizeof(answer_names) &&
		offset % sizeof(answer_names[0]) == 0 ? word : NULL;
}

const char *answer_word_name(const void *word)
{
	const struct answer_name *name = answer_find_word(word);

	return name != NULL ? name->name : NULL;
}

void answer_add_words(lua_State *L)
{
	size_t i;

	for (i = 0; i < WORDS_COUNT; i++) {
		/* cast away const: nobody writes through it */
		lua_pushlightuserdata(L, (void *)(uintptr_t)&answer_names[i]);
		lua_setfield(L, -2, answer_names[i].name);
	}
}

/* Says what was returned, and what was expected instead. */
static bool
answer_refuse(struct script *script, enum script_hook hook, const char *what,
	      const char *advice)
{
	char text[SCRIPT_REASON_BYTES];

	(void)snprintf(text, sizeof(text),
		       "%s:%u: pop3_policy_%s returned %s; %s", script->name,
		       script->hook_lines[hook], script_hook_name(hook), what,
		       advice);
	/* a string may be what a stranger has written into a mail */
	script_line_copy(script->reason, sizeof(script->reason), text,
			 strlen(text));
	return false;
}

static bool
answer_refuse_first(struct script *script, enum script_hook hook, int index)
{
	lua_State *L = script->L;
	const struct answer_name *name;
	char what[100], advice[200];
	const char *text;
	size_t length, i;

	(void)snprintf(advice, sizeof(advice), "expected %s",
		       hook_answers[hook].expected);
	switch (lua_type(L, index)) {
	case LUA_TBOOLEAN:
		name = &answer_names[lua_toboolean(L, index) ?
				     hook_answers[hook].yes :
				     hook_answers[hook].no];
		if (hook != SCRIPT_HOOK_LOGOUT) {
			(void)snprintf(advice, sizeof(advice),
				       "use policy.%s", name->name);
		}
		return answer_refuse(script, hook, lua_toboolean(L, index) ?
				     "true" : "false", advice);
	case LUA_TLIGHTUSERDATA:
		name = answer_find_word(lua_touserdata(L, index));
		if (name != NULL) {
			(void)snprintf(what, sizeof(what), "policy.%s",
				       name->name);
		} else
			(void)snprintf(what, sizeof(what), "a message");
		return answer_refuse(script, hook, what, advice);
	case LUA_TSTRING:
		text = lua_tolstring(L, index, &length);
		for (i = 0; i < WORDS_COUNT; i++) {
			if (strcasecmp(text, answer_names[i].name) == 0 &&
			    (hook_answers[hook].words & 1U << i) != 0) {
				(void)snprintf(advice, sizeof(advice),
					       "use policy.%s",
					       answer_names[i].name);
			}
		}
		(void)snprintf(what, sizeof(what), "the string \"%.*s\"",
			       policy_text_shown(text, length > 60 ? 60 :
						 length), text);
		return answer_refuse(script, hook, what, advice);
	default:
		(void)snprintf(what, sizeof(what), "a %s",
			       luaL_typename(L, index));
		return answer_refuse(script, hook, what, advice);
	}
}

/* Takes the text that goes with DENY; it may be left out. */
static bool
answer_take_text(struct script *script, enum script_hook hook, int index,
		 struct script_answer *answer)
{
	lua_State *L = script->L;
	size_t length;

	if (lua_type(L, index) != LUA_TSTRING) {
		return answer_refuse(script, hook, luaL_typename(L, index),
				     "the text behind policy.DENY must be a "
				     "string");
	}
	answer->text = lua_tolstring(L, index, &length);
	if (!script_line_is_valid(answer->text, length,
				  SCRIPT_LINE_MAX_BYTES)) {
		return answer_refuse(script, hook, "a text that can't be sent",
				     "expected one printable line of 1 to 400 "
				     "bytes, UTF-8");
	}
	return true;
}

static bool
answer_take_code(struct script *script, enum script_hook hook, int index,
		 struct script_answer *answer)
{
	lua_State *L = script->L;
	const char *code = lua_type(L, index) == LUA_TSTRING ?
		lua_tostring(L, index) : "";
	size_t i;

	for (i = 0; i < sizeof(answer_codes) / sizeof(answer_codes[0]); i++) {
		if (strcmp(code, answer_codes[i]) == 0) {
			answer->code = answer_codes[i];
			return true;
		}
	}
	return answer_refuse(script, hook, "an unknown code", "expected "
			     "\"AUTH\", \"SYS/TEMP\", \"SYS/PERM\", "
			     "\"IN-USE\" or \"LOGIN-DELAY\"");
}

static bool
answer_take_mailbox(struct script *script, enum script_hook hook, int index,
		    struct script_answer *answer)
{
	lua_State *L = script->L;
	const char *error;
	size_t length;

	if (lua_type(L, index) != LUA_TSTRING) {
		return answer_refuse(script, hook, "policy.ARCHIVE without a "
				     "mailbox", "write return policy.ARCHIVE, "
				     "\"Name\"");
	}
	answer->mailbox = lua_tolstring(L, index, &length);
	error = policy_value_mailbox(answer->mailbox);
	if (error == NULL &&
	    !script_line_is_valid(answer->mailbox, length,
				  POLICY_MAILBOX_MAX_BYTES))
		error = "expected the printable name of a mailbox, UTF-8";
	if (error != NULL) {
		return answer_refuse(script, hook, "a mailbox that mail can't "
				     "be archived in", error);
	}
	return true;
}

static bool
answer_take_uidl(struct script *script, int index,
		 struct script_answer *answer)
{
	const char *uidl;
	size_t length, i;

	uidl = lua_tolstring(script->L, index, &length);
	for (i = 0; i < length; i++) {
		if (uidl[i] < 0x21 || uidl[i] > 0x7E)
			break;
	}
	if (length < 1 || length > UIDL_MAX_BYTES || i < length)
		return answer_refuse_first(script, SCRIPT_HOOK_UIDL, index);
	answer->outcome = SCRIPT_ANSWER;
	answer->uidl = uidl;
	return true;
}

/* Returns how many of the values behind the word belong to it, or -1. */
static int
answer_take_rest(struct script *script, enum script_hook hook,
		 enum answer_word word, int index, int count,
		 struct script_answer *answer)
{
	bool is_login = hook == SCRIPT_HOOK_AUTH || hook == SCRIPT_HOOK_LOGIN;
	int taken = 0;

	if (word == WORD_ARCHIVE) {
		return answer_take_mailbox(script, hook,
					   count > 0 ? index : 0, answer) ?
			1 : -1;
	}
	if (word != WORD_DENY)
		return 0;
	if (count > 0 && !lua_isnil(script->L, index) &&
	    !answer_take_text(script, hook, index, answer))
		return -1;
	taken++;
	if (is_login && count > 1 && !lua_isnil(script->L, index + 1) &&
	    !answer_take_code(script, hook, index + 1, answer))
		return -1;
	if (is_login)
		taken++;
	return taken;
}

bool answer_check(struct script *script, enum script_hook hook, int index,
		  int count, struct script_answer *answer)
{
	lua_State *L = script->L;
	const struct answer_name *name = &answer_names[WORD_PASS];
	char what[40];
	int taken;

	if (count == 1) {
		/* most answers are a word alone */
		name = answer_find_word(lua_touserdata(L, index));
		if (name != NULL && name->word != WORD_ARCHIVE &&
		    (hook_answers[hook].words & 1U << name->word) != 0) {
			answer->outcome = name->word == WORD_PASS ?
				SCRIPT_PASS : SCRIPT_ANSWER;
			answer->action = name->action;
			return true;
		}
		name = &answer_names[WORD_PASS];
	}
	/* values that are nil at the end are as good as none */
	while (count > 0 && lua_isnil(L, index + count - 1))
		count--;
	if (count > 0) {
		if (hook == SCRIPT_HOOK_UIDL &&
		    lua_type(L, index) == LUA_TSTRING) {
			if (!answer_take_uidl(script, index, answer))
				return false;
			name = NULL;
		} else if (lua_type(L, index) == LUA_TLIGHTUSERDATA) {
			name = answer_find_word(lua_touserdata(L, index));
			if (name == NULL ||
			    (hook_answers[hook].words &
			     1U << name->word) == 0)
				return answer_refuse_first(script, hook,
							   index);
		} else if (!lua_isnil(L, index))
			return answer_refuse_first(script, hook, index);
	}
	taken = name == NULL ? 0 :
		answer_take_rest(script, hook, name->word, index + 1,
				 count > 0 ? count - 1 : 0, answer);
	if (taken < 0)
		return false;
	if (count > 1 + taken) {
		if (name == NULL)
			(void)snprintf(what, sizeof(what), "a UIDL and more");
		else {
			(void)snprintf(what, sizeof(what), "policy.%s and "
				       "more", name->name);
		}
		return answer_refuse(script, hook, what, name != NULL &&
				     name->word == WORD_DENY ?
				     "expected a text behind it and, at login, "
				     "a code" : name != NULL &&
				     name->word == WORD_ARCHIVE ?
				     "expected one mailbox behind it" :
				     "expected nothing behind it");
	}
	if (name != NULL) {
		answer->outcome = name->word == WORD_PASS ? SCRIPT_PASS :
			SCRIPT_ANSWER;
		answer->action = name->action;
	}
	return true;
}
