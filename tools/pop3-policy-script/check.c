/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "program.h"
#include "modules.h"
#include "objects.h"
#include "policy-text.h"
#include "sandbox.h"
#include "state.h"
#include "tokens.h"

#include <stdlib.h>
#include <string.h>

/*
 * Names that do not exist, found without running what uses them. A name is
 * taken as known wherever it is declared anywhere in the file, so that what is
 * reported is wrong for certain.
 */

#define HOOK_PREFIX "pop3_policy_"

struct name_check {
	const char *path;
	lua_State *L;
	struct token *tokens;
	unsigned int errors;
	/* parameters of the hook that is looked at, or NULL */
	const char *session, *message;
	bool is_request;
};

static void
report_unknown(struct name_check *check, const struct token *token,
	       const char *what, const struct policy_nearest *nearest)
{
	fprintf(stderr, "%s:%u: unknown %s \"%s\"%s%s%s\n", check->path,
		token->line, what, token->text,
		nearest->word != NULL ? "; did you mean " : "",
		nearest->word != NULL ? nearest->word : "",
		nearest->word != NULL ? "?" : "");
	check->errors++;
}

/* Is the name declared by this token and those beside it? */
static bool is_declaration(const struct token *tokens, const struct token *at)
{
	const struct token *before = at - 1, *behind = at + 1;

	/* a = ..., a, b = ..., { a = ... }, for a = 1, 2 */
	while (token_is(behind, ",") && behind[1].kind == TOKEN_NAME)
		behind += 2;
	if (token_is(behind, "=") || token_is(behind, "in"))
		return true;
	if (at == tokens)
		return false;
	/* local a, b <const>; function a(b, c) */
	while (before > tokens &&
	       (token_is(before, ",") || before->kind == TOKEN_NAME ||
		token_is(before, "<") || token_is(before, ">")))
		before--;
	if (token_is(before, "local") || token_is(before, "function"))
		return true;
	if (!token_is(before, "(") || before == tokens)
		return false;
	/* function (a), function name(a), function name.part:part(a) */
	for (before--; before > tokens &&
	     (before->kind == TOKEN_NAME || token_is(before, ".") ||
	      token_is(before, ":")); before--) ;
	return token_is(before, "function");
}

static bool is_declared(const struct name_check *check, const char *name)
{
	const struct token *token;

	for (token = check->tokens; token->kind != TOKEN_END; token++) {
		if (token->kind == TOKEN_NAME &&
		    strcmp(token->text, name) == 0 &&
		    is_declaration(check->tokens, token))
			return true;
	}
	return false;
}

/* Pushes the table of what every script finds. */
static void push_builtins(lua_State *L)
{
	lua_settop(L, 0);
	(void)lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
	(void)lua_getmetatable(L, -1);
	lua_pushliteral(L, "__index");
	(void)lua_rawget(L, -2);
	sandbox_add_all(L, lua_gettop(L));
}

/* Is it a name of the table on top? If not, the nearest one is told. */
static bool
find_in_table(lua_State *L, const char *name, struct policy_nearest *nearest)
{
	lua_pushstring(L, name);
	if (lua_rawget(L, -2) != LUA_TNIL) {
		lua_pop(L, 1);
		return true;
	}
	lua_pop(L, 1);
	lua_pushnil(L);
	while (lua_next(L, -2) != 0) {
		lua_pop(L, 1);
		if (lua_type(L, -1) == LUA_TSTRING)
			policy_nearest_try(nearest, lua_tostring(L, -1));
	}
	return false;
}

/* Says what somebody probably meant who wrote a name that is no global. Returns
   false where it is like none. */
static bool
report_misplaced(struct name_check *check, const struct token *token)
{
	const char *advice = sandbox_find_advice(token->text), *owner;

	if (strcmp(token->text, "session") == 0 ||
	    strcmp(token->text, "message") == 0 ||
	    strcmp(token->text, "request") == 0)
		advice = "take it as a parameter of the hook";
	if (advice != NULL) {
		fprintf(stderr, "%s:%u: unknown global \"%s\": %s\n",
			check->path, token->line, token->text, advice);
		check->errors++;
		return true;
	}
	push_builtins(check->L);
	owner = sandbox_find_owner(check->L, lua_gettop(check->L),
				   token->text);
	if (owner == NULL)
		return false;
	fprintf(stderr, "%s:%u: unknown global \"%s\"; did you mean %s%s?\n",
		check->path, token->line, token->text, owner, token->text);
	check->errors++;
	return true;
}

static void
check_global(struct name_check *check, const struct token *token)
{
	struct policy_nearest nearest = {
		.text = token->text,
		.length = strlen(token->text),
	};
	const struct token *other;

	if (is_declared(check, token->text))
		return;
	push_builtins(check->L);
	if (find_in_table(check->L, token->text, &nearest) ||
	    report_misplaced(check, token))
		return;
	for (other = check->tokens; other->kind != TOKEN_END; other++) {
		if (other->kind == TOKEN_NAME &&
		    strcmp(other->text, token->text) != 0 &&
		    is_declaration(check->tokens, other))
			policy_nearest_try(&nearest, other->text);
	}
	report_unknown(check, token, "global", &nearest);
}

/* policy.NAME, string.NAME and so on */
static void
check_library_member(struct name_check *check, const struct token *library,
		     const struct token *member)
{
	struct policy_nearest nearest = {
		.text = member->text,
		.length = strlen(member->text),
	};
	char what[60];
	lua_State *L = check->L;

	push_builtins(L);
	lua_pushstring(L, library->text);
	if (lua_rawget(L, -2) != LUA_TTABLE ||
	    strcmp(library->text, "_G") == 0)
		return;
	if (strcmp(library->text, "policy") == 0) {
		(void)lua_getmetatable(L, -1);
		lua_pushliteral(L, "__index");
		(void)lua_rawget(L, -2);
	}
	if (find_in_table(L, member->text, &nearest))
		return;
	(void)snprintf(what, sizeof(what), "name in %.40s", library->text);
	report_unknown(check, member, what, &nearest);
}

/* Pushes what is in the module for `local NAME = require("...")`, where NAME
   stands for nothing else in the file. */
static bool push_module(const struct name_check *check, const char *name)
{
	const struct token *token, *module = NULL;
	unsigned int declarations = 0;

	for (token = check->tokens; token->kind != TOKEN_END; token++) {
		if (token->kind != TOKEN_NAME ||
		    strcmp(token->text, name) != 0 ||
		    !is_declaration(check->tokens, token))
			continue;
		declarations++;
		if (token_is(token + 1, "=") && token[2].kind == TOKEN_NAME &&
		    strcmp(token[2].text, "require") == 0)
			module = token_is(token + 3, "(") ? token + 4 :
				token + 3;
	}
	if (declarations != 1 || module == NULL ||
	    module->kind != TOKEN_STRING)
		return false;
	lua_settop(check->L, 0);
	return modules_push_names(check->L, module->text);
}

static void
check_module_member(struct name_check *check, const struct token *module,
		    const struct token *member)
{
	struct policy_nearest nearest = {
		.text = member->text,
		.length = strlen(member->text),
	};
	char what[60];

	if (find_in_table(check->L, member->text, &nearest))
		return;
	(void)snprintf(what, sizeof(what), "name in %.40s", module->text);
	report_unknown(check, member, what, &nearest);
}

/* session.NAME, message.NAME, message:NAME */
static void
check_object_member(struct name_check *check, bool is_message,
		    const struct token *symbol, const struct token *member)
{
	struct policy_nearest nearest = {
		.text = member->text,
		.length = strlen(member->text),
	};
	bool is_method = strcmp(member->text, "header") == 0 ||
		strcmp(member->text, "headers") == 0;
	const char *name;
	size_t i;

	for (i = 0; (name = objects_name(is_message, i)) != NULL; i++) {
		if (!is_message && check->is_request &&
		    strcmp(name, "messages") == 0)
			break;
		policy_nearest_try(&nearest, name);
		if (strcmp(name, member->text) == 0)
			break;
	}
	if (name == NULL && !check->is_request &&
	    objects_have_name(!is_message, member->text)) {
		fprintf(stderr, "%s:%u: unknown field of %s \"%s\"; it is one "
			"of %s (session is the first parameter, message the "
			"second)\n", check->path, member->line,
			is_message ? "message" : "session", member->text,
			is_message ? "session" : "message");
		check->errors++;
	} else if (name == NULL || strcmp(name, member->text) != 0) {
		report_unknown(check, member, is_message ?
			       "field of message" : check->is_request ?
			       "field of request" : "field of session",
			       &nearest);
	} else if (is_message && is_method && token_is(symbol, ".") &&
		   token_is(member + 1, "(")) {
		fprintf(stderr, "%s:%u: use a colon: message:%s(name)\n",
			check->path, member->line, member->text);
		check->errors++;
	} else if (token_is(symbol, ":") && !(is_message && is_method)) {
		fprintf(stderr, "%s:%u: %s is a field: use a dot and no ()\n",
			check->path, member->line, member->text);
		check->errors++;
	}
}

/* function pop3_policy_delete(session, message): from here on these are the
   names of both. */
static void
enter_hook(struct name_check *check, const struct token *token)
{
	const struct token *at = token + 1;

	check->session = check->message = NULL;
	check->is_request = strcmp(token->text, HOOK_PREFIX "auth") == 0;
	if (token_is(at, "="))
		at++;
	if (token_is(at, "function"))
		at++;
	if (!token_is(at, "(") || at[1].kind != TOKEN_NAME)
		return;
	check->session = at[1].text;
	if (token_is(&at[2], ",") && at[3].kind == TOKEN_NAME)
		check->message = at[3].text;
}

static void
check_member(struct name_check *check, const struct token *token)
{
	const struct token *symbol = token + 1, *member = token + 2;

	if ((!token_is(symbol, ".") && !token_is(symbol, ":")) ||
	    member->kind != TOKEN_NAME)
		return;
	if (check->session != NULL &&
	    strcmp(token->text, check->session) == 0)
		check_object_member(check, false, symbol, member);
	else if (check->message != NULL &&
		 strcmp(token->text, check->message) == 0)
		check_object_member(check, true, symbol, member);
	else if (!is_declared(check, token->text))
		check_library_member(check, token, member);
	else if (push_module(check, token->text))
		check_module_member(check, token, member);
}

static void check_name(struct name_check *check, const struct token *token)
{
	const struct token *before = token - 1;
	bool first = token == check->tokens;

	if (strncmp(token->text, HOOK_PREFIX, strlen(HOOK_PREFIX)) == 0 &&
	    (first || token_is(before, "function") ||
	     token_is(token + 1, "="))) {
		if (!first && (token_is(before, "local") ||
			       (token_is(before, "function") &&
				token - 1 > check->tokens &&
				token_is(token - 2, "local")))) {
			fprintf(stderr, "%s:%u: %s is local, so it is no "
				"hook\n", check->path, token->line,
				token->text);
			check->errors++;
		}
		enter_hook(check, token);
	}
	/* members, labels and attributes are no names of their own */
	if (!first && (token_is(before, ".") || token_is(before, ":") ||
		       token_is(before, "goto") || token_is(before, "::") ||
		       (token_is(before, "<") && token_is(token + 1, ">"))))
		return;
	if (strcmp(token->text, "self") != 0 &&
	    strcmp(token->text, "_ENV") != 0)
		check_global(check, token);
	check_member(check, token);
}

static unsigned int
check_names(const char *path, lua_State *L, const char *text, size_t size)
{
	struct name_check check = { .path = path, .L = L };
	const struct token *token;

	check.tokens = tokens_parse(text, size);
	for (token = check.tokens; token->kind != TOKEN_END; token++) {
		if (token->kind == TOKEN_NAME)
			check_name(&check, token);
	}
	tokens_free(&check.tokens);
	return check.errors;
}

static int print_hooks(const char *path, const struct script *script)
{
	enum script_hook hook;
	unsigned int count = 0;

	printf("%s: ", path);
	for (hook = 0; hook < SCRIPT_HOOKS_COUNT; hook++) {
		if (script_has_hook(script, hook)) {
			printf("%s%s", count++ > 0 ? ", " : "",
			       script_hook_name(hook));
		}
	}
	printf("%s\n", count > 0 ? "" : "no hook is defined");
	return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int command_check(struct program *program, const char *path)
{
	struct script_source *source;
	struct script *script = NULL;
	int ret = EXIT_FAILURE;
	char *text = NULL;
	size_t size;

	source = program_compile(program, path);
	if (source != NULL)
		script = program_load(program, source, path);
	if (script != NULL)
		text = program_read_file(path, &size);
	if (text != NULL) {
		/* nobody catches what the engine would raise now */
		(void)lua_atpanic(script->L, NULL);
		if (check_names(path, script->L, text, size) == 0)
			ret = print_hooks(path, script);
	}
	free(text);
	script_free(&script);
	script_source_free(&source);
	return ret;
}
