/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "object.h"
#include "budget.h"

#include <stdio.h>
#include <string.h>

#define DAY_SECS (24 * 60 * 60)

void object_raise_doubt(lua_State *L, const char *what, const char *why)
{
	char text[SCRIPT_REASON_BYTES];

	(void)snprintf(text, sizeof(text), "%s could not be found out%s%s",
		       what, why != NULL ? ": " : "", why != NULL ? why : "");
	(void)script_raise_doubt(L, text);
}

void object_charge_text(lua_State *L, const char *text)
{
	struct script *script = script_of(L);

	script->fetched_bytes += strlen(text);
	if (script->fetched_bytes > script->setup.limits.memory_bytes)
		(void)script_raise_memory(L);
}

int object_push_number(lua_State *L, enum script_field field,
		       const char *what)
{
	struct script_value value;

	if (object_fetch(L, field, NULL, what, &value))
		lua_pushinteger(L, value.number);
	else
		lua_pushnil(L);
	return 1;
}

int object_push_flag(lua_State *L, enum script_field field, const char *what)
{
	struct script_value value;

	lua_pushboolean(L, object_fetch(L, field, NULL, what, &value) &&
			value.number != 0);
	return 1;
}

int object_push_text(lua_State *L, enum script_field field, const char *name,
		     const char *what)
{
	struct script_value value;

	if (object_fetch(L, field, name, what, &value) && value.text != NULL) {
		object_charge_text(L, value.text);
		lua_pushstring(L, value.text);
	} else
		lua_pushnil(L);
	return 1;
}

/* Whole days from then to the session's now, rounded down. */
int object_push_days(lua_State *L, enum script_field field, const char *what)
{
	int64_t now = script_of(L)->question->session->now, secs;
	struct script_value value;

	if (!object_fetch(L, field, NULL, what, &value)) {
		lua_pushnil(L);
		return 1;
	}
	secs = now - value.number;
	lua_pushinteger(L, secs >= 0 ? secs / DAY_SECS :
			-((-secs + DAY_SECS - 1) / DAY_SECS));
	return 1;
}

/* upvalue 1: what it is */
static int object_newindex(lua_State *L)
{
	const char *what = lua_tostring(L, lua_upvalueindex(1));

	return luaL_error(L, "%s can't be changed%s", what,
			  strcmp(what, "session") == 0 ?
			  "; session.data is for what a script keeps" : "");
}

void object_push_numbers(lua_State *L, const struct object_name *names,
			 size_t count)
{
	lua_createtable(L, 0, (int)count);
	for (; count > 0; names++, count--) {
		lua_pushinteger(L, names->field);
		lua_setfield(L, -2, names->name);
	}
}

void object_finish_metatable(lua_State *L, const char *what)
{
	lua_insert(L, -2);
	lua_setfield(L, -2, "__index");
	lua_pushstring(L, what);
	lua_pushcclosure(L, object_newindex, 1);
	lua_setfield(L, -2, "__newindex");
	lua_pushstring(L, what);
	lua_setfield(L, -2, "__name");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
}
