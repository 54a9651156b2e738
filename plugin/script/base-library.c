/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox.h"
#include "budget.h"

/*
 * pcall, xpcall and setmetatable as a script gets them.
 */

/* Everything that a metatable may say. Not __gc and __close, which would run
   when nobody expects it, nor __mode, with which a collection can be made to
   take hours, nor __len, which could lie. */
static const char *const metamethods[] = {
	"__index", "__newindex", "__call", "__tostring", "__name", "__pairs",
	"__eq", "__lt", "__le", "__concat", "__unm", "__add", "__sub",
	"__mul", "__div", "__idiv", "__mod", "__pow", "__band", "__bor",
	"__bxor", "__bnot", "__shl", "__shr", NULL
};
static const char *const refused_metamethods[] = {
	"__gc", "__close", "__mode", "__len", NULL
};

static int base_pcall(lua_State *L)
{
	int status;

	luaL_checkany(L, 1);
	status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
	if (status != LUA_OK) {
		script_rethrow_stop(L, status);
		lua_pushboolean(L, 0);
		lua_insert(L, -2);
		return 2;
	}
	luaL_checkstack(L, 1, NULL);
	lua_pushboolean(L, 1);
	lua_insert(L, 1);
	return lua_gettop(L);
}

/* The handler is called when the function has ended: there is no debug
   library with which it could look at what went on. */
static int base_xpcall(lua_State *L)
{
	int status;

	luaL_checkany(L, 1);
	luaL_checktype(L, 2, LUA_TFUNCTION);
	/* handler, function, arguments */
	lua_pushvalue(L, 1);
	lua_copy(L, 2, 1);
	lua_replace(L, 2);
	status = lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 0);
	if (status != LUA_OK) {
		script_rethrow_stop(L, status);
		lua_call(L, 1, LUA_MULTRET);
		luaL_checkstack(L, 1, NULL);
		lua_pushboolean(L, 0);
		lua_insert(L, 1);
		return lua_gettop(L);
	}
	lua_pushboolean(L, 1);
	lua_replace(L, 1);
	return lua_gettop(L);
}

/* The object gets a copy: what is put into the metatable later has no effect,
   so that it can't bring in what was refused. getmetatable() finds the
   original in __metatable. Only copies that are marked may be changed. */
static int base_setmetatable(lua_State *L)
{
	const char *const *name;
	int type = lua_type(L, 2);

	luaL_checktype(L, 1, LUA_TTABLE);
	script_of(L)->has_metatables = true;
	luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2,
			 "nil or table");
	lua_settop(L, 2);
	if (lua_getmetatable(L, 1) != 0) {
		if (lua_rawgetp(L, -1, metamethods) == LUA_TNIL)
			return luaL_error(L, "cannot change a protected "
					  "metatable");
		lua_settop(L, 2);
	}
	if (type == LUA_TNIL) {
		lua_setmetatable(L, 1);
		return 1;
	}
	for (name = refused_metamethods; *name != NULL; name++) {
		lua_pushstring(L, *name);
		if (lua_rawget(L, 2) != LUA_TNIL) {
			return luaL_error(L, "a metatable can't have %s here",
					  *name);
		}
		lua_pop(L, 1);
	}
	/* A table would be asked for its own __call, and so on without end. */
	lua_pushliteral(L, "__call");
	type = lua_rawget(L, 2);
	if (type != LUA_TNIL && type != LUA_TFUNCTION) {
		return luaL_error(L, "__call must be a function here, not a "
				  "%s", luaL_typename(L, -1));
	}
	lua_pop(L, 1);
	lua_newtable(L);
	for (name = metamethods; *name != NULL; name++) {
		lua_pushstring(L, *name);
		lua_pushvalue(L, -1);
		if (lua_rawget(L, 2) == LUA_TNIL)
			lua_pop(L, 2);
		else
			lua_rawset(L, 3);
	}
	lua_pushliteral(L, "__metatable");
	if (lua_rawget(L, 2) == LUA_TNIL) {
		lua_pop(L, 1);
		lua_pushboolean(L, 1);
		lua_rawsetp(L, 3, metamethods);
		lua_pushvalue(L, 2);
	}
	lua_setfield(L, 3, "__metatable");
	lua_setmetatable(L, 1);
	lua_settop(L, 1);
	return 1;
}

void sandbox_add_base(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "pcall", base_pcall },
		{ "xpcall", base_xpcall },
		{ "setmetatable", base_setmetatable },
		{ NULL, NULL }
	};

	luaL_setfuncs(L, functions, 0);
}
