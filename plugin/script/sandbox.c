/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox.h"
#include "budget.h"
#include "modules.h"
#include "objects.h"
#include "policy-text.h"

#include <lualib.h>
#include <string.h>

/* strftime() of the longest format takes some 10 microseconds. */
#define DATE_FORMAT_MAX_BYTES 100

/* What is left of Lua's own libraries, by name: what a later Lua adds stays
   out. Those that are missing here are replaced elsewhere, or absent. */
static const char *const base_names[] = {
	"assert", "error", "getmetatable", "ipairs", "next", "pairs",
	"rawequal", "rawget", "rawlen", "rawset", "select", "tonumber",
	"tostring", "type", "_VERSION", NULL
};
static const char *const string_names[] = {
	"byte", "char", "format", "len", "lower", "reverse", "sub", "upper",
	NULL
};
static const char *const math_names[] = {
	"abs", "ceil", "cos", "acos", "asin", "atan", "deg", "exp", "floor",
	"fmod", "huge", "log", "max", "maxinteger", "min", "mininteger",
	"modf", "pi", "rad", "random", "sin", "sqrt", "tan", "tointeger",
	"type", "ult", NULL
};
static const char *const utf8_names[] = {
	"char", "charpattern", "codepoint", "codes", "len", "offset", NULL
};
static const char *const os_names[] = { "clock", "time", NULL };

/* What people look for, and what there is instead. */
static const struct {
	const char *name, *advice;
} absent_names[] = {
	{ "print", "use policy.log(text)" },
	{ "io", "a script has no files; policy.list(name) reads a list" },
	{ "dofile", "require(\"pop3_policy.NAME\") finds the modules" },
	{ "loadfile", "require(\"pop3_policy.NAME\") finds the modules" },
	{ "load", "a script makes no code" },
	{ "loadstring", "a script makes no code" },
	{ "debug", "a script can't look into Lua" },
	{ "coroutine", "a hook answers at once" },
	{ "collectgarbage", "memory looks after itself" },
	{ "warn", "use policy.log(text)" },
	{ "unpack", "use table.unpack" },
	{ "null", "use nil" },
	{ "NULL", "use nil" },
	{ "None", "use nil" },
	{ "undefined", "use nil" },
	{ "True", "use true" },
	{ "False", "use false" },
};

const char *sandbox_find_advice(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(absent_names) / sizeof(absent_names[0]); i++) {
		if (strcmp(name, absent_names[i].name) == 0)
			return absent_names[i].advice;
	}
	return NULL;
}

/* Is it a word or a function of the table policy? */
static bool policy_has_name(lua_State *L, int builtins, const char *name)
{
	int top = lua_gettop(L);
	bool found = false;

	lua_pushliteral(L, "policy");
	if (lua_rawget(L, builtins) == LUA_TTABLE &&
	    lua_getmetatable(L, -1) != 0) {
		lua_pushliteral(L, "__index");
		if (lua_rawget(L, -2) == LUA_TTABLE) {
			lua_pushstring(L, name);
			found = lua_rawget(L, -2) != LUA_TNIL;
		}
	}
	lua_settop(L, top);
	return found;
}

const char *
sandbox_find_owner(lua_State *L, int builtins, const char *name)
{
	if (policy_has_name(L, builtins, name))
		return "policy.";
	if (objects_have_name(true, name)) {
		return strncmp(name, "header", 6) == 0 ? "message:" :
			"message.";
	}
	return objects_have_name(false, name) ? "session." : NULL;
}

static void
nearest_try_keys(lua_State *L, struct policy_nearest *nearest, int index)
{
	lua_pushnil(L);
	while (lua_next(L, index) != 0) {
		lua_pop(L, 1);
		/* a script may have made many */
		script_charge(L, 8);
		/* the word stays: it belongs to a table that stays */
		if (lua_type(L, -1) == LUA_TSTRING)
			policy_nearest_try(nearest, lua_tostring(L, -1));
	}
}

int sandbox_raise_unknown(lua_State *L, const char *what, int index,
			  int known_index, int more_index)
{
	struct policy_nearest nearest = { 0 };

	if (lua_type(L, index) != LUA_TSTRING) {
		return luaL_error(L, "a %s has a name, not a %s", what,
				  luaL_typename(L, index));
	}
	nearest.text = lua_tolstring(L, index, &nearest.length);
	nearest_try_keys(L, &nearest, known_index);
	if (more_index != 0)
		nearest_try_keys(L, &nearest, more_index);
	if (nearest.word != NULL) {
		return luaL_error(L, "unknown %s \"%s\"; did you mean %s?",
				  what, nearest.text, nearest.word);
	}
	return luaL_error(L, "unknown %s \"%s\"", what, nearest.text);
}

void sandbox_refuse_others_field(lua_State *L, bool is_message, int index)
{
	if (lua_type(L, index) == LUA_TSTRING &&
	    objects_have_name(!is_message, lua_tostring(L, index))) {
		luaL_error(L, "unknown field of %s \"%s\"; it is one of %s "
			   "(session is the first parameter, message the "
			   "second)", is_message ? "message" : "session",
			   lua_tostring(L, index),
			   is_message ? "session" : "message");
	}
}

/* upvalue 1: Lua's own os.date */
static int os_date(lua_State *L)
{
	size_t length;

	if (!lua_isnoneornil(L, 1)) {
		(void)luaL_checklstring(L, 1, &length);
		if (length > DATE_FORMAT_MAX_BYTES)
			return luaL_error(L, "this date format is too long");
	}
	/* Lua would take the time of now */
	if (lua_type(L, 2) == LUA_TNIL)
		return luaL_error(L, "os.date(format, time): the time is nil");
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
	return lua_gettop(L);
}

/* Copies the names from the table on top to the one at index, and pops it. */
static void copy_names(lua_State *L, int index, const char *const *names)
{
	for (; *names != NULL; names++) {
		if (lua_getfield(L, -1, *names) == LUA_TNIL)
			lua_pop(L, 1);
		else
			lua_setfield(L, index, *names);
	}
	lua_pop(L, 1);
}

static void open_library(lua_State *L, lua_CFunction open)
{
	lua_pushcfunction(L, open);
	lua_call(L, 0, 1);
}

/* Pushes a table of some names of a library of Lua. */
static void
push_names(lua_State *L, lua_CFunction open, const char *const *names)
{
	lua_newtable(L);
	open_library(L, open);
	copy_names(L, lua_gettop(L) - 1, names);
}

static void push_math(lua_State *L)
{
	push_names(L, luaopen_math, math_names);
}

static void push_utf8(lua_State *L)
{
	push_names(L, luaopen_utf8, utf8_names);
}

static void push_os(lua_State *L)
{
	lua_newtable(L);
	open_library(L, luaopen_os);
	lua_getfield(L, -1, "date");
	lua_pushcclosure(L, os_date, 1);
	lua_setfield(L, -3, "date");
	copy_names(L, lua_gettop(L) - 1, os_names);
}

/* Made when a script first asks for them: most scripts ask for none, and these
   are a third of what a state costs. Not string, which gives all strings a
   metatable: until that is the right one, no script may run. */
static const struct {
	const char *name;
	void (*push)(lua_State *L);
} late_libraries[] = {
	{ "math", push_math },
	{ "os", push_os },
	{ "table", sandbox_push_table },
	{ "utf8", push_utf8 },
};
#define LATE_LIBRARIES_COUNT \
	(sizeof(late_libraries) / sizeof(late_libraries[0]))

/* Adds the library to the table at builtins, unless it is there or none.
   Returns whether it was added. */
static bool add_late_library(lua_State *L, int builtins, const char *name)
{
	size_t i;

	for (i = 0; i < LATE_LIBRARIES_COUNT; i++) {
		if (strcmp(late_libraries[i].name, name) == 0)
			break;
	}
	if (i == LATE_LIBRARIES_COUNT)
		return false;
	lua_pushstring(L, name);
	if (lua_rawget(L, builtins) != LUA_TNIL) {
		lua_pop(L, 1);
		return false;
	}
	lua_pop(L, 1);
	late_libraries[i].push(L);
	lua_setfield(L, builtins, name);
	return true;
}

void sandbox_add_all(lua_State *L, int builtins)
{
	size_t i;

	for (i = 0; i < LATE_LIBRARIES_COUNT; i++)
		(void)add_late_library(L, builtins, late_libraries[i].name);
}

/* upvalue 1: builtins */
static int globals_index(lua_State *L)
{
	const char *name = lua_type(L, 2) == LUA_TSTRING ?
		lua_tostring(L, 2) : "";
	const char *advice, *owner;

	if (add_late_library(L, lua_upvalueindex(1), name)) {
		lua_pushvalue(L, 2);
		(void)lua_rawget(L, lua_upvalueindex(1));
		return 1;
	}
	advice = sandbox_find_advice(name);
	if (advice != NULL) {
		return luaL_error(L, "%s is not available: %s", name,
				  advice);
	}
	if (strcmp(name, "session") == 0 || strcmp(name, "message") == 0 ||
	    strcmp(name, "request") == 0) {
		return luaL_error(L, "%s is not a global: take it as a "
				  "parameter of the hook, function "
				  "pop3_policy_...(session, message)", name);
	}
	owner = sandbox_find_owner(L, lua_upvalueindex(1), name);
	if (owner != NULL) {
		return luaL_error(L, "unknown global \"%s\"; did you mean "
				  "%s%s?", name, owner, name);
	}
	sandbox_add_all(L, lua_upvalueindex(1));
	(void)lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
	return sandbox_raise_unknown(L, "global", 2, lua_upvalueindex(1),
				     lua_gettop(L));
}

static int
raise_unknown_hook(lua_State *L, const char *prefix, const char *name)
{
	struct policy_nearest nearest = {
		.text = name,
		.length = strlen(name),
	};
	enum script_hook hook;

	for (hook = 0; hook < SCRIPT_HOOKS_COUNT; hook++)
		policy_nearest_try(&nearest, script_hook_name(hook));
	if (nearest.word != NULL) {
		return luaL_error(L, "unknown hook %s%s; did you mean %s%s?",
				  prefix, name, prefix, nearest.word);
	}
	return luaL_error(L, "unknown hook %s%s", prefix, name);
}

/* upvalue 1: builtins */
static int globals_newindex(lua_State *L)
{
	static const char prefix[] = "pop3_policy_";
	enum script_hook hook;
	const char *name;
	char full_name[40];

	if (lua_type(L, 2) == LUA_TSTRING) {
		(void)add_late_library(L, lua_upvalueindex(1),
				       lua_tostring(L, 2));
		lua_pushvalue(L, 2);
		if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) {
			return luaL_error(L, "%s can't be replaced; take "
					  "another name", lua_tostring(L, 2));
		}
		lua_pop(L, 1);
		name = lua_tostring(L, 2);
		if (strncmp(name, prefix, strlen(prefix)) == 0) {
			name += strlen(prefix);
			for (hook = 0; hook < SCRIPT_HOOKS_COUNT; hook++) {
				if (strcmp(name, script_hook_name(hook)) == 0)
					break;
			}
			if (hook == SCRIPT_HOOKS_COUNT)
				return raise_unknown_hook(L, prefix, name);
			if (lua_type(L, 3) != LUA_TFUNCTION) {
				(void)snprintf(full_name, sizeof(full_name),
					       "%s%s", prefix, name);
				return luaL_error(L, "%s must be a function, "
						  "not a %s", full_name,
						  luaL_typename(L, 3));
			}
		}
	}
	lua_rawset(L, 1);
	return 0;
}

static void add_string_library(lua_State *L, int builtins)
{
	lua_newtable(L);
	open_library(L, luaopen_string);
	copy_names(L, lua_gettop(L) - 1, string_names);
	sandbox_add_string(L);

	/* ("x"):rep(3) has to find the bounded one */
	lua_pushliteral(L, "");
	if (lua_getmetatable(L, -1) == 0)
		lua_newtable(L);
	lua_pushvalue(L, -3);
	lua_setfield(L, -2, "__index");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
	lua_pop(L, 1);
	lua_setfield(L, builtins, "string");
}

void sandbox_push(lua_State *L)
{
	int builtins, globals;

	lua_newtable(L);
	builtins = lua_gettop(L);
	/* it fills the table of globals, which is then left behind */
	open_library(L, luaopen_base);
	copy_names(L, builtins, base_names);
	sandbox_add_base(L);
	lua_pushcfunction(L, modules_require);
	lua_setfield(L, builtins, "require");
	add_string_library(L, builtins);

	/* Globals of the script; what is not there comes from builtins, and
	   what is not there either is an error. */
	lua_newtable(L);
	globals = lua_gettop(L);
	lua_pushvalue(L, globals);
	lua_setfield(L, builtins, "_G");

	lua_createtable(L, 0, 3);
	lua_pushvalue(L, builtins);
	lua_setfield(L, -2, "__index");
	lua_pushvalue(L, builtins);
	lua_pushcclosure(L, globals_newindex, 1);
	lua_setfield(L, -2, "__newindex");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, globals);

	lua_createtable(L, 0, 1);
	lua_pushvalue(L, builtins);
	lua_pushcclosure(L, globals_index, 1);
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, builtins);

	lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
}
