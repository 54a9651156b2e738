/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox.h"
#include "budget.h"

#include <limits.h>

/*
 * The table library without metamethods, so that a length can't lie and an
 * element can't be made up: each function takes what is in the table, and as
 * many instructions as it has elements to move.
 */

/* Some microseconds' worth, where nobody has made it difficult. */
#define MOVES_PER_LOOK 64

/* Returns the table's length. A table with holes may claim any. */
static lua_Integer check_table(lua_State *L, int index)
{
	lua_Integer length;

	luaL_checktype(L, index, LUA_TTABLE);
	length = (lua_Integer)lua_rawlen(L, index);
	luaL_argcheck(L, length < INT_MAX, index, "array too big");
	return length;
}

/* Another element has been moved; instructions were charged before. */
static void look_at_clock(lua_State *L, uint64_t moved)
{
	if (moved % MOVES_PER_LOOK == 0)
		script_charge(L, 0);
}

static uint64_t span(lua_Integer first, lua_Integer last)
{
	uint64_t distance = (uint64_t)last - (uint64_t)first;

	/* all integers are one more than can be counted */
	if (first > last)
		return 0;
	return distance == UINT64_MAX ? UINT64_MAX : distance + 1;
}

static int table_concat(lua_State *L)
{
	lua_Integer length = check_table(L, 1);
	size_t between_length;
	const char *between = luaL_optlstring(L, 2, "", &between_length);
	lua_Integer first = luaL_optinteger(L, 3, 1);
	lua_Integer last = luaL_optinteger(L, 4, length);
	luaL_Buffer buffer;
	uint64_t i, count = span(first, last);

	lua_settop(L, 2);
	luaL_buffinit(L, &buffer);
	for (i = 0; i < count; i++) {
		script_charge(L, 1);
		if (i > 0)
			luaL_addlstring(&buffer, between, between_length);
		(void)lua_rawgeti(L, 1, first + (lua_Integer)i);
		if (!lua_isstring(L, -1)) {
			return luaL_error(L, "invalid value (at index %I) in "
				"table for 'concat'",
				(LUAI_UACINT)(first + (lua_Integer)i));
		}
		luaL_addvalue(&buffer);
	}
	luaL_pushresult(&buffer);
	return 1;
}

static int table_insert(lua_State *L)
{
	lua_Integer length = check_table(L, 1), position = length + 1, i;

	switch (lua_gettop(L)) {
	case 2:
		break;
	case 3:
		position = luaL_checkinteger(L, 2);
		luaL_argcheck(L, position >= 1 && position <= length + 1, 2,
			      "position out of bounds");
		script_charge(L, span(position, length));
		for (i = length; i >= position; i--) {
			look_at_clock(L, (uint64_t)i);
			(void)lua_rawgeti(L, 1, i);
			lua_rawseti(L, 1, i + 1);
		}
		break;
	default:
		return luaL_error(L,
				  "wrong number of arguments to 'insert'");
	}
	lua_rawseti(L, 1, position);
	return 0;
}

static int table_remove(lua_State *L)
{
	lua_Integer length = check_table(L, 1);
	lua_Integer position = luaL_optinteger(L, 2, length);

	if (lua_gettop(L) > 1) {
		luaL_argcheck(L, position >= 1 ? position <= length + 1 :
			      length == 0 && position == 0, 2,
			      "position out of bounds");
	}
	lua_settop(L, 1);
	(void)lua_rawgeti(L, 1, position);
	if (position > length || position < 1) {
		lua_pushnil(L);
		lua_rawseti(L, 1, position);
		return 1;
	}
	script_charge(L, span(position, length));
	for (; position < length; position++) {
		look_at_clock(L, (uint64_t)position);
		(void)lua_rawgeti(L, 1, position + 1);
		lua_rawseti(L, 1, position);
	}
	lua_pushnil(L);
	lua_rawseti(L, 1, length);
	return 1;
}

static int table_move(lua_State *L)
{
	lua_Integer first = luaL_checkinteger(L, 2);
	lua_Integer last = luaL_checkinteger(L, 3);
	lua_Integer to = luaL_checkinteger(L, 4);
	int target = lua_isnoneornil(L, 5) ? 1 : 5;
	uint64_t i, count = span(first, last);
	bool down;

	(void)check_table(L, 1);
	(void)check_table(L, target);
	script_charge(L, count);
	luaL_argcheck(L, count == 0 ||
		      to <= LUA_MAXINTEGER - (lua_Integer)count + 1, 4,
		      "destination wrap around");
	down = target == 1 && to > first;
	for (i = 0; i < count; i++) {
		lua_Integer offset = (lua_Integer)(down ? count - 1 - i : i);

		look_at_clock(L, i);
		(void)lua_rawgeti(L, 1, first + offset);
		lua_rawseti(L, target, to + offset);
	}
	lua_pushvalue(L, target);
	return 1;
}

static int table_pack(lua_State *L)
{
	int i, count = lua_gettop(L);

	script_charge(L, (uint64_t)count);
	lua_createtable(L, count, 1);
	lua_insert(L, 1);
	for (i = count; i >= 1; i--)
		lua_rawseti(L, 1, i);
	lua_pushinteger(L, count);
	lua_setfield(L, 1, "n");
	return 1;
}

static int table_unpack(lua_State *L)
{
	lua_Integer length = check_table(L, 1);
	lua_Integer first = luaL_optinteger(L, 2, 1);
	lua_Integer last = luaL_optinteger(L, 3, length);
	uint64_t i, count = span(first, last);

	if (count >= INT_MAX / 2 || !lua_checkstack(L, (int)count))
		return luaL_error(L, "too many results to unpack");
	script_charge(L, count);
	for (i = 0; i < count; i++)
		(void)lua_rawgeti(L, 1, first + (lua_Integer)i);
	return (int)count;
}

/* Does the value at index a come before the one at b? The function, if there
   is one, is at index 2. */
static bool sort_is_less(lua_State *L, int a, int b)
{
	bool less;

	if (lua_isnil(L, 2))
		return lua_compare(L, a, b, LUA_OPLT) != 0;
	lua_pushvalue(L, 2);
	lua_pushvalue(L, a);
	lua_pushvalue(L, b);
	lua_call(L, 2, 1);
	less = lua_toboolean(L, -1) != 0;
	lua_pop(L, 1);
	return less;
}

/* Merges from[first..middle-1] and from[middle..end-1] into to. */
static void
sort_merge(lua_State *L, int from, int to, lua_Integer first,
	   lua_Integer middle, lua_Integer end)
{
	lua_Integer left = first, right = middle, i;
	int top = lua_gettop(L);

	for (i = first; i < end; i++) {
		/* strings may take long to compare */
		script_charge(L, 1);
		if (left < middle)
			(void)lua_rawgeti(L, from, left);
		else
			lua_pushnil(L);
		if (right < end)
			(void)lua_rawgeti(L, from, right);
		if (right == end ||
		    (left < middle && !sort_is_less(L, top + 2, top + 1))) {
			lua_settop(L, top + 1);
			left++;
		} else {
			right++;
		}
		lua_rawseti(L, to, i);
		lua_settop(L, top);
	}
}

/* A merge sort takes the same number of steps whatever the comparison says,
   and it keeps the order of equal elements. */
static int table_sort(lua_State *L)
{
	lua_Integer length = check_table(L, 1), width, i;
	int from = 3, to = 4;

	if (!lua_isnoneornil(L, 2))
		luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_settop(L, 2);
	script_charge(L, (uint64_t)length);
	lua_createtable(L, (int)length, 0);
	lua_createtable(L, (int)length, 0);
	for (i = 1; i <= length; i++) {
		look_at_clock(L, (uint64_t)i);
		(void)lua_rawgeti(L, 1, i);
		lua_rawseti(L, from, i);
	}
	for (width = 1; width < length; width *= 2) {
		for (i = 1; i <= length; i += 2 * width) {
			lua_Integer middle = i + width, end = middle + width;

			if (middle > length + 1)
				middle = length + 1;
			if (end > length + 1)
				end = length + 1;
			sort_merge(L, from, to, i, middle, end);
		}
		from = 7 - from;
		to = 7 - to;
	}
	/* whatever a comparison has done to the table meanwhile */
	for (i = 1; i <= length; i++) {
		look_at_clock(L, (uint64_t)i);
		(void)lua_rawgeti(L, from, i);
		lua_rawseti(L, 1, i);
	}
	return 0;
}

void sandbox_push_table(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "concat", table_concat },
		{ "insert", table_insert },
		{ "move", table_move },
		{ "pack", table_pack },
		{ "remove", table_remove },
		{ "sort", table_sort },
		{ "unpack", table_unpack },
		{ NULL, NULL }
	};

	luaL_newlib(L, functions);
}
