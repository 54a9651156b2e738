/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reason.h"
#include "hint.h"
#include "line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRACEBACK_MAX_BYTES 4000

/* Pushes "name:line: " of the innermost line that runs, or "". */
static void push_place(lua_State *L)
{
	lua_Debug ar;
	int level;

	for (level = 1; lua_getstack(L, level, &ar) != 0; level++) {
		(void)lua_getinfo(L, "l", &ar);
		if (ar.currentline > 0)
			break;
	}
	luaL_where(L, level);
}

int script_error_handler(lua_State *L)
{
	struct script *script = script_of(L);

	if (script->stop != SCRIPT_STOP_NONE)
		return 1;
	if (lua_type(L, 1) != LUA_TSTRING) {
		/* __tostring would run what has just failed */
		push_place(L);
		if (lua_type(L, 1) == LUA_TNUMBER) {
			lua_pushvalue(L, 1);
			(void)lua_tostring(L, -1);
		} else {
			lua_pushfstring(L, "(the error is a %s)",
					luaL_typename(L, 1));
		}
		lua_concat(L, 2);
	}
	if (script->setup.want_traceback) {
		luaL_traceback(L, L, lua_tostring(L, -1), 1);
		free(script->traceback);
		script->traceback = strndup(lua_tostring(L, -1),
					    TRACEBACK_MAX_BYTES);
		lua_pop(L, 1);
	}
	return 1;
}

static void format_stop(struct script *script, char *text, size_t size,
			const char *purpose)
{
	const struct script_limits *limits = &script->setup.limits;

	switch (script->stop) {
	case SCRIPT_STOP_NONE:
	case SCRIPT_STOP_MEMORY:
		(void)snprintf(text, size, "needs more memory %s than "
			"script_memory (%llu kB), or a string of more than "
			"1 MB", purpose,
			(unsigned long long)limits->memory_bytes / 1024);
		break;
	case SCRIPT_STOP_INSTRUCTIONS:
		(void)snprintf(text, size, "needs more instructions %s than "
			"script_instructions (%llu)", purpose,
			(unsigned long long)limits->instructions);
		break;
	case SCRIPT_STOP_TIME:
		(void)snprintf(text, size, "needs more time %s than "
			"script_time (%u ms)", purpose, limits->time_msecs);
		break;
	case SCRIPT_STOP_SHOW_TIME:
		(void)snprintf(text, size, "pop3_policy_show needs more time "
			"for a session than %u times script_time (%u ms)",
			SCRIPT_SHOW_TIME_FACTOR, limits->time_msecs);
		break;
	case SCRIPT_STOP_DOUBT:
		(void)snprintf(text, size, "%s", script->stop_text);
		break;
	}
}

/* Where the hook stands that was asked: "name:line". */
static const char *
hook_line(const struct script *script, char *text, size_t size)
{
	(void)snprintf(text, size, "%s:%u", script->name,
		       script->hook_lines[script->question->hook]);
	return text;
}

void script_reason_set(struct script *script, int status,
		       const char *purpose)
{
	char text[SCRIPT_REASON_BYTES];
	char hook_place[100];
	const char *message, *place;
	size_t length;

	if (status == LUA_ERRMEM && script->stop == SCRIPT_STOP_NONE)
		script->stop = SCRIPT_STOP_MEMORY;
	if (script->stop != SCRIPT_STOP_NONE) {
		place = script->stop_place[0] != '\0' ? script->stop_place :
			script->name;
		if (script->stop_place[0] == '\0' && script->question != NULL)
			place = hook_line(script, hook_place,
					  sizeof(hook_place));
		length = (size_t)snprintf(text, sizeof(text), "%s: ", place);
		if (length >= sizeof(text))
			length = 0;
		format_stop(script, text + length, sizeof(text) - length,
			    purpose);
		script_line_copy(script->reason, sizeof(script->reason), text,
				 strlen(text));
		return;
	}
	message = lua_type(script->L, -1) != LUA_TSTRING ? "unknown error" :
		lua_tostring(script->L, -1);
	/* errors of C functions that are called from nowhere have no line */
	place = strchr(message, ':') != NULL ? "" :
		script->question != NULL ?
		hook_line(script, hook_place, sizeof(hook_place)) :
		script->name;
	(void)snprintf(text, sizeof(text), "%s%s%.480s", place,
		       place[0] == '\0' ? "" : ": ", message);
	script_hint_add(script, text, sizeof(text));
	script_line_copy(script->reason, sizeof(script->reason), text,
			 strlen(text));
}
