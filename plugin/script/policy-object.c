/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy-object.h"
#include "answer.h"
#include "budget.h"
#include "line.h"
#include "list.h"
#include "sandbox.h"
#include "string-library.h"

#include <math.h>
#include <string.h>

#define POLICY_API 1
#define DAY_SECS (24 * 60 * 60)

/* Enough for a pattern that people write on a header of some kB. */
#define MATCH_MAX_STEPS 100000

#define LOG_LINES_PER_CALL 10
#define LOG_LINES_PER_SESSION 100

static void check_dot(lua_State *L, const char *call)
{
	if (lua_type(L, 1) == LUA_TTABLE)
		luaL_error(L, "use a dot: policy.%s", call);
}

static int policy_days(lua_State *L)
{
	lua_Number days;
	lua_Integer secs;
	int is_exact;

	check_dot(L, "days(n)");
	days = luaL_checknumber(L, 1);
	secs = lua_isinteger(L, 1) ? lua_tointegerx(L, 1, &is_exact) : 0;
	if (lua_isinteger(L, 1) && secs < INT64_C(1) << 40 &&
	    secs > -(INT64_C(1) << 40)) {
		lua_pushinteger(L, secs * DAY_SECS);
		return 1;
	}
	days = floor(days * DAY_SECS);
	if (!(days > -1e15 && days < 1e15))
		return luaL_error(L, "policy.days(n): so many days are too "
				  "many");
	lua_pushinteger(L, (lua_Integer)days);
	return 1;
}

static int policy_log(lua_State *L)
{
	struct script *script = script_of(L);
	const struct script_setup *setup = &script->setup;
	char line[SCRIPT_LINE_MAX_BYTES + 1];
	const char *text;
	size_t length;

	check_dot(L, "log(text)");
	text = luaL_checklstring(L, 1, &length);
	if (setup->log == NULL || script->logged > LOG_LINES_PER_CALL ||
	    script->logged_session > LOG_LINES_PER_SESSION)
		return 0;
	script->logged++;
	script->logged_session++;
	if (script->logged_session > LOG_LINES_PER_SESSION)
		setup->log(setup->log_context, "(more lines of this session "
			   "are left out)");
	else if (script->logged > LOG_LINES_PER_CALL)
		setup->log(setup->log_context, "(more lines of this call are "
			   "left out)");
	else {
		script_line_copy(line, sizeof(line), text, length);
		setup->log(setup->log_context, line);
	}
	return 0;
}

static int policy_match(lua_State *L)
{
	check_dot(L, "match(text, pattern)");
	/* a header that is not there matches nothing */
	if (lua_isnil(L, 1)) {
		(void)luaL_checkstring(L, 2);
		lua_pushnil(L);
		return 1;
	}
	lua_settop(L, 2);
	return string_match_within(L, MATCH_MAX_STEPS);
}

static int policy_list(lua_State *L)
{
	check_dot(L, "list(name)");
	return list_push(L);
}

/* upvalue 1: names */
static int policy_index(lua_State *L)
{
	return sandbox_raise_unknown(L, "name in policy", 2,
				     lua_upvalueindex(1), 0);
}

static int policy_newindex(lua_State *L)
{
	return luaL_error(L, "policy can't be changed");
}

void policy_object_push(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "days", policy_days },
		{ "log", policy_log },
		{ "match", policy_match },
		{ "list", policy_list },
		{ NULL, NULL }
	};

	/* The table that is seen is empty, so that each assignment is told;
	   what is read comes from the one behind it, without a call. */
	lua_newtable(L);
	lua_createtable(L, 0, 3);

	lua_newtable(L);
	answer_add_words(L);
	lua_pushinteger(L, POLICY_API);
	lua_setfield(L, -2, "api");
	luaL_setfuncs(L, functions, 0);

	lua_createtable(L, 0, 1);
	lua_pushvalue(L, -2);
	lua_pushcclosure(L, policy_index, 1);
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2);

	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, policy_newindex);
	lua_setfield(L, -2, "__newindex");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
}
