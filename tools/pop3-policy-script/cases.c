/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "program.h"
#include "state.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>

/*
 * A file of cases is a script itself, which leaves a global table `tests`
 * behind. Its strings stay while its state does.
 */

struct case_run {
	struct program *program;
	const char *test_path;
	const struct script_source *source;
	char *script_path;
	unsigned int passed, failed;
};

/* The string field of the table on top, or NULL. */
static const char *case_field(lua_State *L, const char *name)
{
	const char *text = NULL;

	lua_pushstring(L, name);
	if (lua_rawget(L, -2) == LUA_TSTRING)
		text = lua_tostring(L, -1);
	lua_pop(L, 1);
	return text;
}

static const char *case_set(lua_State *L, struct case_values *values)
{
	const char *error = NULL, *value;
	int top = lua_gettop(L);

	lua_pushliteral(L, "set");
	if (lua_rawget(L, -2) != LUA_TTABLE) {
		error = lua_isnil(L, -1) ? NULL : "set must be a table";
		lua_pop(L, 1);
		return error;
	}
	lua_pushnil(L);
	while (error == NULL && lua_next(L, -2) != 0) {
		if (lua_type(L, -2) != LUA_TSTRING) {
			error = "set has names and values";
			break;
		}
		if (lua_type(L, -1) == LUA_TBOOLEAN)
			value = lua_toboolean(L, -1) ? "yes" : "no";
		else
			value = lua_tostring(L, -1);
		error = value == NULL ? "a value must be a string, a number "
			"or a boolean" :
			case_values_set(values, lua_tostring(L, -2), value);
		if (error != NULL) {
			fprintf(stderr, "set %s: ", lua_tostring(L, -2));
			break;
		}
		lua_pop(L, 1);
	}
	/* the table "set", and what stands above it after an error */
	lua_settop(L, top);
	return error;
}

static const char *
case_set_message(struct case_run *run, lua_State *L,
		 struct case_values *values)
{
	const char *name = case_field(L, "message"), *error;
	char *folder, *path = NULL, *data;
	size_t size;

	if (name == NULL)
		return NULL;
	folder = strdup(run->test_path);
	if (folder == NULL ||
	    asprintf(&path, "%s/%s", dirname(folder), name) < 0)
		abort();
	data = program_read_file(path, &size);
	error = data == NULL ? "message can't be read" :
		case_values_set_message(values, data, size);
	free(data);
	free(path);
	free(folder);
	return error;
}

/* "deny" fits any deny, `deny "text"` only that. */
static bool answer_fits(const char *answer, const char *want)
{
	size_t length = strlen(want);

	return strncmp(answer, want, length) == 0 &&
		(answer[length] == '\0' ||
		 (answer[length] == ' ' && strchr(want, ' ') == NULL));
}

/* Adds what the table on top makes up. Returns what is wrong, or NULL. */
static const char *
case_make_up(struct case_run *run, lua_State *L, struct case_values *values)
{
	const char *error = case_set_message(run, L, values);

	return error != NULL ? error : case_set(L, values);
}

/* The call on top of the stack. Returns what is wrong with it, or NULL. */
static const char *
case_run_call(struct case_run *run, lua_State *L, struct script *script,
	      struct case_values *values, const char *title)
{
	const char *hook_name = case_field(L, "hook");
	const char *want = case_field(L, "want");
	struct script_question question = { 0 };
	struct script_answer answer;
	char text[1200];

	if (hook_name == NULL || !case_hook_find(hook_name, &question.hook))
		return "hook must be one of auth, login, show, uidl, "
			"retrieve, delete, expire, logout";
	if (want == NULL)
		return "want must be a string, like \"deny\"";
	case_values_ask(values, &question);
	script_call(script, &question, &answer);
	case_answer_print(&answer, question.hook, text, sizeof(text));
	if (answer_fits(text, want))
		run->passed++;
	else {
		printf("FAIL %s: %s: want %s, got %s\n", run->test_path, title,
		       want, text);
		run->failed++;
	}
	return NULL;
}

/* One of the calls of a session is on top, its case at index 3. */
static const char *
case_run_session_call(struct case_run *run, lua_State *L,
		      struct script *script, const char *title)
{
	struct case_values values;
	const char *error;

	if (!lua_istable(L, -1))
		return "calls must be a list of tables { hook = ..., "
			"want = ... }";
	case_values_init(&values);
	lua_pushvalue(L, 3);
	error = case_make_up(run, L, &values);
	lua_pop(L, 1);
	if (error == NULL)
		error = case_make_up(run, L, &values);
	if (error == NULL)
		error = case_run_call(run, L, script, &values, title);
	case_values_deinit(&values);
	return error;
}

/* The case on top of the stack. Returns what is wrong with it, or NULL. */
static const char *
case_run_one(struct case_run *run, lua_State *L, const char *case_title)
{
	struct case_values values;
	const char *error = NULL;
	struct script *script;
	char title[200];
	lua_Integer i;

	script = program_load(run->program, run->source, run->script_path);
	if (script == NULL)
		return "the script does not load";
	lua_pushliteral(L, "calls");
	if (lua_rawget(L, 3) == LUA_TTABLE) {
		for (i = 1; error == NULL &&
		     lua_rawgeti(L, 4, i) != LUA_TNIL; i++) {
			(void)snprintf(title, sizeof(title), "%s, call %lld",
				       case_title, (long long)i);
			error = case_run_session_call(run, L, script, title);
			if (error != NULL)
				fprintf(stderr, "call %lld: ", (long long)i);
			lua_settop(L, 4);
		}
		if (i == 1)
			error = "there are no calls";
	} else {
		lua_settop(L, 3);
		case_values_init(&values);
		error = case_make_up(run, L, &values);
		if (error == NULL)
			error = case_run_call(run, L, script, &values,
					      case_title);
		case_values_deinit(&values);
	}
	script_free(&script);
	return error;
}

/* The table of cases is on top of the stack. */
static int run_cases(struct case_run *run, lua_State *L)
{
	const char *title, *error;
	char number[30];
	lua_Integer i;

	for (i = 1; lua_rawgeti(L, 2, i) != LUA_TNIL; i++) {
		(void)snprintf(number, sizeof(number), "case %lld",
			       (long long)i);
		title = NULL;
		if (lua_istable(L, -1))
			title = case_field(L, "name");
		if (title == NULL)
			title = number;
		error = lua_istable(L, -1) ? case_run_one(run, L, title) :
			"expected a table { name = ..., hook = ..., "
			"set = {...}, want = ... }";
		if (error != NULL) {
			fprintf(stderr, "%s: %s: %s\n", run->test_path, title,
				error);
			run->failed++;
		}
		lua_settop(L, 2);
	}
	if (i == 1) {
		fprintf(stderr, "%s: there are no tests\n", run->test_path);
		return EXIT_FAILURE;
	}
	printf("%s: %u passed, %u failed\n", run->test_path, run->passed,
	       run->failed);
	return run->failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The script that is tested: what the file says, or its name without _test.
   Returns an allocated path. */
static char *get_script_path(const char *test_path, const char *name)
{
	static const char suffix[] = "_test.lua";
	size_t length = strlen(test_path);
	char *folder, *path = NULL;

	if (name != NULL) {
		folder = strdup(test_path);
		if (folder == NULL ||
		    asprintf(&path, "%s/%s", dirname(folder), name) < 0)
			abort();
		free(folder);
		return path;
	}
	if (length <= strlen(suffix) ||
	    strcmp(test_path + length - strlen(suffix), suffix) != 0)
		return NULL;
	if (asprintf(&path, "%.*s.lua", (int)(length - strlen(suffix)),
		     test_path) < 0)
		abort();
	return path;
}

static int run_tests(struct case_run *run, struct script *tests)
{
	struct script_source *source;
	lua_State *L = tests->L;
	int ret = EXIT_FAILURE;

	/* nobody catches what the engine would raise now */
	(void)lua_atpanic(L, NULL);
	lua_settop(L, 0);
	(void)lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
	run->script_path = get_script_path(run->test_path,
					   case_field(L, "script"));
	lua_pushliteral(L, "tests");
	if (run->script_path == NULL || lua_rawget(L, 1) != LUA_TTABLE) {
		fprintf(stderr, "%s: expected a file NAME_test.lua, or "
			"script = \"NAME.lua\" in it, and tests = { ... }\n",
			run->test_path);
	} else {
		source = program_compile(run->program, run->script_path);
		if (source != NULL) {
			run->source = source;
			ret = run_cases(run, L);
		}
		script_source_free(&source);
	}
	free(run->script_path);
	return ret;
}

int command_test(struct program *program, const char *path)
{
	struct case_run run = { .program = program, .test_path = path };
	struct script_source *source;
	struct script *tests = NULL;
	int ret = EXIT_FAILURE;

	source = program_compile(program, path);
	if (source != NULL)
		tests = program_load(program, source, path);
	if (tests != NULL)
		ret = run_tests(&run, tests);
	script_free(&tests);
	script_source_free(&source);
	return ret;
}
