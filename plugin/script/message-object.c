/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "message-object.h"
#include "answer.h"
#include "budget.h"
#include "object.h"
#include "sandbox.h"

#include <string.h>

#define HEADER_NAME_MAX_BYTES 100

enum message_field {
	FIELD_UNKNOWN = 0,

	FIELD_NUMBER,
	FIELD_UID,
	FIELD_GUID,
	FIELD_SIZE,
	FIELD_SAVED,
	FIELD_RECEIVED,
	FIELD_AGE_DAYS,
	FIELD_SEEN,
	FIELD_FLAGGED,
	FIELD_ANSWERED,
	FIELD_KEYWORDS,
	FIELD_HIDDEN,
	FIELD_RETRIEVED,
	FIELD_RETRIEVED_DAYS,
	FIELD_RETRIEVE_COUNT,
	FIELD_UIDL,
	FIELD_HEADER,
	FIELD_HEADERS,
};

static const struct object_name message_names[] = {
	{ "number", FIELD_NUMBER },
	{ "uid", FIELD_UID },
	{ "guid", FIELD_GUID },
	{ "size", FIELD_SIZE },
	{ "saved", FIELD_SAVED },
	{ "received", FIELD_RECEIVED },
	{ "age_days", FIELD_AGE_DAYS },
	{ "seen", FIELD_SEEN },
	{ "flagged", FIELD_FLAGGED },
	{ "answered", FIELD_ANSWERED },
	{ "keywords", FIELD_KEYWORDS },
	{ "hidden", FIELD_HIDDEN },
	{ "retrieved", FIELD_RETRIEVED },
	{ "retrieved_days", FIELD_RETRIEVED_DAYS },
	{ "retrieve_count", FIELD_RETRIEVE_COUNT },
	{ "uidl", FIELD_UIDL },
	{ "header", FIELD_HEADER },
	{ "headers", FIELD_HEADERS },
};
#define MESSAGE_NAMES_COUNT (sizeof(message_names) / sizeof(message_names[0]))

const char *message_object_name(size_t index)
{
	return index < MESSAGE_NAMES_COUNT ? message_names[index].name : NULL;
}

bool message_object_has_field(const char *name)
{
	size_t i;

	for (i = 0; i < MESSAGE_NAMES_COUNT; i++) {
		if (strcmp(message_names[i].name, name) == 0)
			return message_names[i].field < FIELD_HEADER;
	}
	return false;
}

static int push_keywords(lua_State *L)
{
	struct script_value value;
	size_t i;

	lua_newtable(L);
	if (!object_fetch(L, SCRIPT_MESSAGE_KEYWORDS, NULL, "the keywords",
			  &value) || value.list == NULL)
		return 1;
	for (i = 0; value.list[i] != NULL; i++) {
		script_charge(L, 4);
		lua_pushboolean(L, 1);
		lua_setfield(L, -2, value.list[i]);
	}
	return 1;
}

/*
 * A message is a light userdata: it needs no memory, and a script can't make
 * one up. Its value is the serial of the call that it was made for, which is
 * odd. The words of answers are light userdata as well, and since all of them
 * share one metatable, it serves both.
 */
static bool is_message(lua_State *L, int index)
{
	return lua_islightuserdata(L, index) &&
		((uintptr_t)lua_touserdata(L, index) & 1) != 0;
}

static void __attribute__((noinline))
refuse_message(lua_State *L, const void *value)
{
	const char *word = answer_word_name(value);

	if (word != NULL)
		luaL_error(L, "policy.%s has no fields", word);
	luaL_error(L, "this message belongs to a call that has ended; "
		   "keep what you need of it, like message.uid");
}

static inline void check_message(lua_State *L)
{
	const void *value = lua_touserdata(L, 1);

	if ((uintptr_t)value != script_of(L)->serial)
		refuse_message(L, value);
}

static int message_tostring(lua_State *L)
{
	const char *word = answer_word_name(lua_touserdata(L, 1));

	if (word != NULL)
		lua_pushfstring(L, "policy.%s", word);
	else
		lua_pushliteral(L, "message");
	return 1;
}

static int message_index(lua_State *L)
{
	unsigned int field = object_get_field(L, script_of(L)->message_slots);

	check_message(L);
	switch (field) {
	case FIELD_NUMBER:
		lua_pushinteger(L, script_of(L)->question->number);
		return 1;
	case FIELD_UID:
		lua_pushinteger(L, script_of(L)->question->uid);
		return 1;
	case FIELD_GUID:
		return object_push_text(L, SCRIPT_MESSAGE_GUID, NULL,
					"the GUID");
	case FIELD_SIZE:
		return object_push_number(L, SCRIPT_MESSAGE_SIZE, "the size");
	case FIELD_SAVED:
		return object_push_number(L, SCRIPT_MESSAGE_SAVED,
					  "the date saved");
	case FIELD_RECEIVED:
		return object_push_number(L, SCRIPT_MESSAGE_RECEIVED,
					  "the date received");
	case FIELD_AGE_DAYS:
		return object_push_days(L, SCRIPT_MESSAGE_SAVED, "the age");
	case FIELD_SEEN:
		return object_push_flag(L, SCRIPT_MESSAGE_SEEN, "seen");
	case FIELD_FLAGGED:
		return object_push_flag(L, SCRIPT_MESSAGE_FLAGGED, "flagged");
	case FIELD_ANSWERED:
		return object_push_flag(L, SCRIPT_MESSAGE_ANSWERED, "answered");
	case FIELD_KEYWORDS:
		return push_keywords(L);
	case FIELD_HIDDEN:
		return object_push_flag(L, SCRIPT_MESSAGE_HIDDEN, "hidden");
	case FIELD_RETRIEVED:
		return object_push_number(L, SCRIPT_MESSAGE_RETRIEVED,
					  "the time of the retrieval");
	case FIELD_RETRIEVED_DAYS:
		return object_push_days(L, SCRIPT_MESSAGE_RETRIEVED,
					"the time of the retrieval");
	case FIELD_RETRIEVE_COUNT:
		return object_push_number(L, SCRIPT_MESSAGE_RETRIEVE_COUNT,
					  "the number of retrievals");
	case FIELD_UIDL:
		return object_push_text(L, SCRIPT_MESSAGE_UIDL, NULL,
					"the UIDL");
	case FIELD_HEADER:
		lua_pushvalue(L, lua_upvalueindex(OBJECT_UPVALUE_FIRST));
		return 1;
	case FIELD_HEADERS:
		lua_pushvalue(L, lua_upvalueindex(OBJECT_UPVALUE_SECOND));
		return 1;
	default:
		sandbox_refuse_others_field(L, true, 2);
		return sandbox_raise_unknown(L, "field of message", 2,
			lua_upvalueindex(OBJECT_UPVALUE_NUMBERS), 0);
	}
}

/* The name of a header, the argument of message:METHOD(name). */
static const char *check_header(lua_State *L, const char *method)
{
	const char *name, *p;
	size_t length;

	if (!is_message(L, 1)) {
		luaL_error(L, "use a colon: message:%s(\"%s\")", method,
			   lua_type(L, 1) == LUA_TSTRING ?
			   lua_tostring(L, 1) : "Subject");
	}
	check_message(L);
	if (lua_type(L, 2) != LUA_TSTRING) {
		luaL_error(L, "message:%s(name) takes the name of a header, "
			   "not a %s", method, luaL_typename(L, 2));
	}
	name = lua_tolstring(L, 2, &length);
	for (p = name; *p > 0x20 && *p < 0x7F && *p != ':'; p++) ;
	if (length == 0 || length > HEADER_NAME_MAX_BYTES ||
	    p != name + length) {
		luaL_error(L, "the name of a header is 1 to %d printable "
			   "characters without blanks and colons",
			   HEADER_NAME_MAX_BYTES);
	}
	/* a mail may have to be opened for each */
	script_charge(L, 16);
	return name;
}

static int message_header(lua_State *L)
{
	return object_push_text(L, SCRIPT_MESSAGE_HEADER,
				 check_header(L, "header"), "a header");
}

static int message_headers(lua_State *L)
{
	const char *name = check_header(L, "headers");
	struct script_value value;
	size_t i;

	lua_newtable(L);
	if (!object_fetch(L, SCRIPT_MESSAGE_HEADERS, name, "a header",
			  &value) || value.list == NULL)
		return 1;
	for (i = 0; value.list[i] != NULL; i++) {
		script_charge(L, 4);
		object_charge_text(L, value.list[i]);
		lua_pushstring(L, value.list[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

void message_object_register(lua_State *L)
{
	object_push_numbers(L, message_names, MESSAGE_NAMES_COUNT);
	lua_pushcfunction(L, message_header);
	lua_pushcfunction(L, message_headers);
	lua_pushcclosure(L, message_index, 3);
	lua_createtable(L, 0, 5);
	object_finish_metatable(L, "message");
	lua_pushliteral(L, "message or word of policy");
	lua_setfield(L, -2, "__name");
	lua_pushcfunction(L, message_tostring);
	lua_setfield(L, -2, "__tostring");
	lua_pushlightuserdata(L, NULL);
	lua_insert(L, -2);
	lua_setmetatable(L, -2);
	lua_pop(L, 1);
}
