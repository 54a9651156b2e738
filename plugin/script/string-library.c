/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "string-library.h"
#include "sandbox.h"
#include "budget.h"
#include "pattern.h"

#include <string.h>

/*
 * What Lua's string library does without asking how long it takes: patterns,
 * plain searches of quadratic time, and repetitions.
 */

/* One search of a text for a pattern. */
struct search {
	lua_State *L;
	struct pattern_match match;
	/* 0 = only what the script has left */
	unsigned int max_steps, steps;
};

static void charge_search(void *context, unsigned int steps)
{
	struct search *search = context;

	script_charge(search->L, steps);
	search->steps += steps;
	if (search->max_steps > 0 && search->steps > search->max_steps) {
		luaL_error(search->L, "this pattern takes more than %d steps "
			   "here", (int)search->max_steps);
	}
}

static void
search_compile(lua_State *L, struct pattern *pattern, const char *text,
	       size_t length)
{
	const char *error = pattern_compile(pattern, text, length);

	/* a set of classes: some microseconds for each */
	if (length >= 64)
		script_charge(L, length);
	if (error != NULL)
		luaL_error(L, "%s", error);
}

static void
search_init(struct search *search, lua_State *L, const struct pattern *pattern,
	    const char *text, size_t length)
{
	search->L = L;
	search->match.pattern = pattern;
	search->match.text = text;
	search->match.text_end = text + length;
	search->match.charge = charge_search;
	search->match.context = search;
	search->match.steps = 0;
	search->max_steps = 0;
	search->steps = 0;
}

/* Looks from *start_r on. Returns the end of the first match, or NULL. */
static const char *
search_next(struct search *search, const char *start, const char **start_r)
{
	const char *end;

	for (; start <= search->match.text_end; start++) {
		end = pattern_match_at(&search->match, start);
		if (end != NULL) {
			*start_r = start;
			return end;
		}
		if (search->match.pattern->is_anchored)
			break;
	}
	return NULL;
}

static void push_capture(struct search *search, unsigned int index)
{
	const struct pattern_capture *capture =
		&search->match.captures[index];

	if (capture->length == PATTERN_POSITION) {
		lua_pushinteger(search->L,
				capture->start - search->match.text + 1);
	} else {
		lua_pushlstring(search->L, capture->start,
				(size_t)capture->length);
	}
}

/* Pushes all captures or, where there are none, the whole match if it is
   given. Returns their number. */
static int
push_captures(struct search *search, const char *start, const char *end)
{
	unsigned int i, count = search->match.captures_count;

	luaL_checkstack(search->L, (int)count + 1, "too many captures");
	if (count == 0 && start != NULL) {
		lua_pushlstring(search->L, start, (size_t)(end - start));
		return 1;
	}
	for (i = 0; i < count; i++)
		push_capture(search, i);
	return (int)count;
}

/* Returns the offset that a position argument stands for, or -1 if it lies
   behind the text. */
static ptrdiff_t get_offset(lua_State *L, int index, size_t length)
{
	lua_Integer position = luaL_optinteger(L, index, 1);

	if (position < 0) {
		if (position < -(lua_Integer)length)
			position = 1;
		else
			position += (lua_Integer)length + 1;
	} else if (position == 0)
		position = 1;
	if (position > (lua_Integer)length + 1)
		return -1;
	return (ptrdiff_t)(position - 1);
}

static bool has_specials(const char *text, size_t length)
{
	for (; length > 0; text++, length--) {
		if (*text != '\0' && strchr("^$*+?.([%-", *text) != NULL)
			return true;
	}
	return false;
}

static int find_plain(lua_State *L, const char *text, size_t length,
		      ptrdiff_t offset, const char *word, size_t word_length)
{
	const char *found;

	script_charge(L, (length - (size_t)offset) / 64);
	found = memmem(text + offset, length - (size_t)offset, word,
		       word_length);
	if (found == NULL) {
		lua_pushnil(L);
		return 1;
	}
	lua_pushinteger(L, found - text + 1);
	lua_pushinteger(L, found - text + (ptrdiff_t)word_length);
	return 2;
}

static int
find_or_match(lua_State *L, bool want_positions, unsigned int max_steps)
{
	size_t length, pattern_length;
	const char *text = luaL_checklstring(L, 1, &length);
	const char *pattern_text = luaL_checklstring(L, 2, &pattern_length);
	ptrdiff_t offset = get_offset(L, 3, length);
	const char *start, *end;
	struct pattern pattern;
	struct search search;

	if (offset < 0) {
		lua_pushnil(L);
		return 1;
	}
	if (want_positions &&
	    (lua_toboolean(L, 4) ||
	     !has_specials(pattern_text, pattern_length))) {
		return find_plain(L, text, length, offset, pattern_text,
				  pattern_length);
	}
	search_compile(L, &pattern, pattern_text, pattern_length);
	search_init(&search, L, &pattern, text, length);
	search.max_steps = max_steps;
	end = search_next(&search, text + offset, &start);
	if (end == NULL) {
		lua_pushnil(L);
		return 1;
	}
	if (!want_positions)
		return push_captures(&search, start, end);
	lua_pushinteger(L, start - text + 1);
	lua_pushinteger(L, end - text);
	return 2 + push_captures(&search, NULL, NULL);
}

static int string_find(lua_State *L)
{
	return find_or_match(L, true, 0);
}

static int string_match(lua_State *L)
{
	return find_or_match(L, false, 0);
}

int string_match_within(lua_State *L, unsigned int max_steps)
{
	return find_or_match(L, false, max_steps);
}

/* Where an iteration over matches stands. */
struct gmatch_state {
	struct pattern pattern;
	size_t offset;
	/* end of the last match, SIZE_MAX = none yet */
	size_t last_end;
};

/* upvalues: text, struct gmatch_state */
static int gmatch_next(lua_State *L)
{
	struct gmatch_state *state = lua_touserdata(L, lua_upvalueindex(2));
	const char *text, *at, *start, *end;
	struct search search;
	size_t length;

	text = lua_tolstring(L, lua_upvalueindex(1), &length);
	search_init(&search, L, &state->pattern, text, length);
	for (at = text + state->offset; at <= text + length; at = start + 1) {
		end = search_next(&search, at, &start);
		if (end == NULL)
			break;
		/* an empty match right behind the last one is none */
		if ((size_t)(end - text) == state->last_end)
			continue;
		state->offset = state->last_end = (size_t)(end - text);
		return push_captures(&search, start, end);
	}
	state->offset = length + 1;
	return 0;
}

static int string_gmatch(lua_State *L)
{
	size_t length, pattern_length;
	const char *pattern_text;
	struct gmatch_state *state;
	ptrdiff_t offset;

	(void)luaL_checklstring(L, 1, &length);
	pattern_text = luaL_checklstring(L, 2, &pattern_length);
	offset = get_offset(L, 3, length);
	lua_settop(L, 2);
	lua_pushvalue(L, 1);
	state = lua_newuserdatauv(L, sizeof(*state), 0);
	search_compile(L, &state->pattern, pattern_text, pattern_length);
	if (state->pattern.is_anchored)
		return luaL_error(L, "a pattern can't begin with ^ in gmatch");
	state->offset = offset < 0 ? length + 1 : (size_t)offset;
	state->last_end = SIZE_MAX;
	lua_pushcclosure(L, gmatch_next, 2);
	return 1;
}

/* Adds the replacement text, in which %1 is a capture. */
static void
gsub_add_text(struct search *search, luaL_Buffer *buffer, const char *start,
	      const char *end)
{
	lua_State *L = search->L;
	size_t length, i;
	const char *text = lua_tolstring(L, 3, &length);
	unsigned int index;

	for (i = 0; i < length; i++) {
		if (text[i] != '%') {
			luaL_addchar(buffer, text[i]);
			continue;
		}
		i++;
		if (i < length && text[i] == '%')
			luaL_addchar(buffer, '%');
		else if (i == length || text[i] < '0' || text[i] > '9') {
			luaL_error(L, "invalid use of '%%' in replacement "
				   "string");
		} else if (text[i] == '0' ||
			   (text[i] == '1' &&
			    search->match.captures_count == 0)) {
			luaL_addlstring(buffer, start, (size_t)(end - start));
		} else {
			index = (unsigned int)(text[i] - '1');
			if (index >= search->match.captures_count) {
				luaL_error(L, "invalid capture index %%%d in "
					   "replacement string",
					   (int)index + 1);
			}
			push_capture(search, index);
			(void)luaL_tolstring(L, -1, NULL);
			lua_remove(L, -2);
			luaL_addvalue(buffer);
		}
	}
	if (length >= 16)
		script_charge(L, length / 16);
}

/* Adds what stands in the place of one match. */
static void
gsub_add(struct search *search, luaL_Buffer *buffer, const char *start,
	 const char *end)
{
	lua_State *L = search->L;

	/* an empty match takes no step, and a function in C no instruction */
	script_charge(L, 1);
	switch (lua_type(L, 3)) {
	case LUA_TFUNCTION:
		lua_pushvalue(L, 3);
		lua_call(L, push_captures(search, start, end), 1);
		break;
	case LUA_TTABLE:
		if (search->match.captures_count > 0)
			push_capture(search, 0);
		else
			lua_pushlstring(L, start, (size_t)(end - start));
		lua_gettable(L, 3);
		break;
	default:
		gsub_add_text(search, buffer, start, end);
		return;
	}
	if (!lua_toboolean(L, -1)) {
		lua_pop(L, 1);
		lua_pushlstring(L, start, (size_t)(end - start));
	} else if (!lua_isstring(L, -1)) {
		luaL_error(L, "invalid replacement value (a %s)",
			   luaL_typename(L, -1));
	}
	luaL_addvalue(buffer);
}

static int string_gsub(lua_State *L)
{
	size_t length, pattern_length;
	const char *text = luaL_checklstring(L, 1, &length);
	const char *pattern_text = luaL_checklstring(L, 2, &pattern_length);
	int type = lua_type(L, 3);
	lua_Integer max = luaL_optinteger(L, 4, (lua_Integer)length + 1);
	lua_Integer count = 0;
	const char *at = text, *end, *last_end = NULL;
	struct pattern pattern;
	struct search search;
	luaL_Buffer buffer;

	luaL_argexpected(L, type == LUA_TNUMBER || type == LUA_TSTRING ||
			 type == LUA_TFUNCTION || type == LUA_TTABLE, 3,
			 "string/function/table");
	lua_settop(L, 3);
	/* numbers become strings here, not within a loop */
	if (type == LUA_TNUMBER)
		(void)lua_tostring(L, 3);
	search_compile(L, &pattern, pattern_text, pattern_length);
	search_init(&search, L, &pattern, text, length);
	luaL_buffinit(L, &buffer);
	while (count < max) {
		end = pattern_match_at(&search.match, at);
		if (end != NULL && end != last_end) {
			count++;
			gsub_add(&search, &buffer, at, end);
			at = last_end = end;
		} else if (at < text + length)
			luaL_addchar(&buffer, *at++);
		else
			break;
		if (pattern.is_anchored)
			break;
	}
	luaL_addlstring(&buffer, at, (size_t)(text + length - at));
	luaL_pushresult(&buffer);
	lua_pushinteger(L, count);
	return 2;
}

static int string_rep(lua_State *L)
{
	size_t length, between_length;
	const char *text = luaL_checklstring(L, 1, &length);
	lua_Integer count = luaL_checkinteger(L, 2), i;
	const char *between = luaL_optlstring(L, 3, "", &between_length);
	luaL_Buffer buffer;
	size_t each = length + between_length;

	if (count <= 0 || each == 0) {
		lua_pushliteral(L, "");
		return 1;
	}
	if ((lua_Unsigned)count > SCRIPT_STRING_MAX_BYTES / each)
		return luaL_error(L, "a string can't be longer than 1 MB");
	script_charge(L, (uint64_t)count / 16);
	luaL_buffinit(L, &buffer);
	for (i = 0; i < count; i++) {
		if (i > 0)
			luaL_addlstring(&buffer, between, between_length);
		luaL_addlstring(&buffer, text, length);
	}
	luaL_pushresult(&buffer);
	return 1;
}

void sandbox_add_string(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "find", string_find },
		{ "gmatch", string_gmatch },
		{ "gsub", string_gsub },
		{ "match", string_match },
		{ "rep", string_rep },
		{ NULL, NULL }
	};

	luaL_setfuncs(L, functions, 0);
}
