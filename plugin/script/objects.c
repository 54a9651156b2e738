/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "objects.h"
#include "answer.h"
#include "budget.h"
#include "sandbox.h"

#include <stdio.h>
#include <string.h>

#define DAY_SECS (24 * 60 * 60)
#define HEADER_NAME_MAX_BYTES 100

enum object_field {
	FIELD_UNKNOWN = 0,

	FIELD_USER,
	FIELD_LOGIN,
	FIELD_POLICY,
	FIELD_MECHANISM,
	FIELD_DEVICE,
	FIELD_TLS,
	FIELD_SECURED,
	FIELD_REMOTE_IP,
	FIELD_LOCAL_IP,
	FIELD_ID,
	FIELD_NOW,
	FIELD_LAST_LOGIN,
	FIELD_FIELDS,
	FIELD_MESSAGES,
	FIELD_BYTES,
	FIELD_DATA,

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

struct object_name {
	const char *name;
	enum object_field field;
};

/* The first REQUEST_NAMES_COUNT are those of a request. */
#define REQUEST_NAMES_COUNT 13
static const struct object_name session_names[] = {
	{ "user", FIELD_USER },
	{ "login", FIELD_LOGIN },
	{ "policy", FIELD_POLICY },
	{ "mechanism", FIELD_MECHANISM },
	{ "device", FIELD_DEVICE },
	{ "tls", FIELD_TLS },
	{ "secured", FIELD_SECURED },
	{ "remote_ip", FIELD_REMOTE_IP },
	{ "local_ip", FIELD_LOCAL_IP },
	{ "id", FIELD_ID },
	{ "now", FIELD_NOW },
	{ "last_login", FIELD_LAST_LOGIN },
	{ "fields", FIELD_FIELDS },
	{ "messages", FIELD_MESSAGES },
	{ "bytes", FIELD_BYTES },
	{ "data", FIELD_DATA },
};
#define SESSION_NAMES_COUNT (sizeof(session_names) / sizeof(session_names[0]))

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

/* Lua keeps one copy of each short string, so that the address of a field's
   name mostly says which it is; else its number is looked up. */
static unsigned int hash_address(const void *address)
{
	return (unsigned int)((uintptr_t)address >> 4 ^
			      (uintptr_t)address >> 10) %
		SCRIPT_FIELD_SLOTS;
}

/* Upvalues of the functions that read fields: numbers of the fields by name,
   and what belongs to the kind of object. */
enum {
	UPVALUE_NUMBERS = 1,
	/* session: data; message: header */
	UPVALUE_FIRST,
	/* session, request: fields; message: headers */
	UPVALUE_SECOND,
};

const char *objects_name(bool is_message, size_t index)
{
	if (is_message) {
		return index < MESSAGE_NAMES_COUNT ?
			message_names[index].name : NULL;
	}
	return index < SESSION_NAMES_COUNT ? session_names[index].name : NULL;
}

bool objects_has_field(const char *name)
{
	size_t i;

	for (i = 0; i < SESSION_NAMES_COUNT; i++) {
		if (strcmp(session_names[i].name, name) == 0)
			return true;
	}
	for (i = 0; i < MESSAGE_NAMES_COUNT; i++) {
		if (strcmp(message_names[i].name, name) == 0 &&
		    message_names[i].field < FIELD_HEADER)
			return true;
	}
	return false;
}

static void __attribute__((noinline))
raise_doubt(lua_State *L, const char *what, const char *why)
{
	char text[SCRIPT_REASON_BYTES];

	(void)snprintf(text, sizeof(text), "%s could not be found out%s%s",
		       what, why != NULL ? ": " : "", why != NULL ? why : "");
	(void)script_raise_doubt(L, text);
}

/* Returns whether there is one; the script ends where it is not known. */
static inline bool
fetch(lua_State *L, enum script_field field, const char *name,
      const char *what, struct script_value *value_r)
{
	const struct script_question *question = script_of(L)->question;
	int ret;

	value_r->number = 0;
	value_r->text = NULL;
	value_r->list = NULL;
	ret = question->get(question->context, field, name, value_r);
	if (ret < 0)
		raise_doubt(L, what, value_r->text);
	return ret > 0;
}

static int push_fetched_number(lua_State *L, enum script_field field,
			       const char *what)
{
	struct script_value value;

	if (fetch(L, field, NULL, what, &value))
		lua_pushinteger(L, value.number);
	else
		lua_pushnil(L);
	return 1;
}

static int push_fetched_flag(lua_State *L, enum script_field field,
			     const char *what)
{
	struct script_value value;

	lua_pushboolean(L, fetch(L, field, NULL, what, &value) &&
			value.number != 0);
	return 1;
}

static int push_fetched_text(lua_State *L, enum script_field field,
			     const char *name, const char *what)
{
	struct script_value value;

	if (fetch(L, field, name, what, &value) && value.text != NULL)
		lua_pushstring(L, value.text);
	else
		lua_pushnil(L);
	return 1;
}

/* Whole days from then to the session's now, rounded down. */
static int push_fetched_days(lua_State *L, enum script_field field,
			     const char *what)
{
	int64_t now = script_of(L)->question->session->now, secs;
	struct script_value value;

	if (!fetch(L, field, NULL, what, &value)) {
		lua_pushnil(L);
		return 1;
	}
	secs = now - value.number;
	lua_pushinteger(L, secs >= 0 ? secs / DAY_SECS :
			-((-secs + DAY_SECS - 1) / DAY_SECS));
	return 1;
}

static int push_text(lua_State *L, const char *text)
{
	if (*text == '\0')
		lua_pushnil(L);
	else
		lua_pushstring(L, text);
	return 1;
}

/* Returns the number of the field that is read, 0 = unknown. */
static inline enum object_field
get_field(lua_State *L, struct script_field_slot *slots)
{
	const void *name = lua_topointer(L, 2);
	struct script_field_slot *slot = &slots[hash_address(name)];
	enum object_field field;

	if (slot->name == name && name != NULL)
		return (enum object_field)slot->field;
	lua_pushvalue(L, 2);
	(void)lua_rawget(L, lua_upvalueindex(UPVALUE_NUMBERS));
	field = (enum object_field)lua_tointegerx(L, -1, NULL);
	lua_pop(L, 1);
	if (field != FIELD_UNKNOWN) {
		/* it stays: the table of numbers has it as a key */
		slot->name = name;
		slot->field = (unsigned int)field;
	}
	return field;
}

static int push_mailbox_number(lua_State *L, enum script_field field,
			       const char *what)
{
	if (script_of(L)->question->hook == SCRIPT_HOOK_LOGIN) {
		lua_pushnil(L);
		return 1;
	}
	return push_fetched_number(L, field, what);
}

static int session_index(lua_State *L)
{
	struct script *script = script_of(L);
	const struct script_question *question = script->question;
	const struct policy_session_facts *facts;
	enum object_field field = get_field(L, question != NULL &&
		question->hook == SCRIPT_HOOK_AUTH ? script->request_slots :
		script->session_slots);

	if (question == NULL)
		return luaL_error(L, "nothing is known while a script loads");
	facts = question->session;
	switch (field) {
	case FIELD_USER:
		lua_pushstring(L, facts->user);
		return 1;
	case FIELD_LOGIN:
		lua_pushstring(L, facts->login);
		return 1;
	case FIELD_POLICY:
		return push_fetched_text(L, SCRIPT_SESSION_POLICY, NULL,
					 "the policy");
	case FIELD_MECHANISM:
		return push_text(L, facts->mechanism);
	case FIELD_DEVICE:
		return push_text(L, facts->device == NULL ? "" :
				 facts->device);
	case FIELD_TLS:
		lua_pushboolean(L, facts->tls);
		return 1;
	case FIELD_SECURED:
		return push_fetched_flag(L, SCRIPT_SESSION_SECURED,
					 "secured");
	case FIELD_REMOTE_IP:
		return push_text(L, facts->remote_ip);
	case FIELD_LOCAL_IP:
		return push_text(L, facts->local_ip);
	case FIELD_ID:
		return push_text(L, facts->id);
	case FIELD_NOW:
		lua_pushinteger(L, facts->now);
		return 1;
	case FIELD_LAST_LOGIN:
		return push_fetched_number(L, SCRIPT_SESSION_LAST_LOGIN,
					   "the last login");
	case FIELD_FIELDS:
		lua_pushvalue(L, lua_upvalueindex(UPVALUE_SECOND));
		return 1;
	case FIELD_MESSAGES:
		return push_mailbox_number(L, SCRIPT_SESSION_MESSAGES,
					   "the number of messages");
	case FIELD_BYTES:
		return push_mailbox_number(L, SCRIPT_SESSION_BYTES,
					   "the size of the mailbox");
	case FIELD_DATA:
		lua_pushvalue(L, lua_upvalueindex(UPVALUE_FIRST));
		return 1;
	default:
		return sandbox_raise_unknown(L, question->hook ==
			SCRIPT_HOOK_AUTH ? "field of request" :
			"field of session", 2,
			lua_upvalueindex(UPVALUE_NUMBERS), 0);
	}
}

static int fields_index(lua_State *L)
{
	if (lua_type(L, 2) != LUA_TSTRING)
		return luaL_error(L, "a field has a name, not a %s",
				  luaL_typename(L, 2));
	return push_fetched_text(L, SCRIPT_SESSION_FIELD, lua_tostring(L, 2),
				 "a field of the user");
}

static int push_keywords(lua_State *L)
{
	struct script_value value;
	size_t i;

	lua_newtable(L);
	if (!fetch(L, SCRIPT_MESSAGE_KEYWORDS, NULL, "the keywords", &value) ||
	    value.list == NULL)
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
	enum object_field field = get_field(L, script_of(L)->message_slots);

	check_message(L);
	switch (field) {
	case FIELD_NUMBER:
		lua_pushinteger(L, script_of(L)->question->number);
		return 1;
	case FIELD_UID:
		lua_pushinteger(L, script_of(L)->question->uid);
		return 1;
	case FIELD_GUID:
		return push_fetched_text(L, SCRIPT_MESSAGE_GUID, NULL,
					 "the GUID");
	case FIELD_SIZE:
		return push_fetched_number(L, SCRIPT_MESSAGE_SIZE, "the size");
	case FIELD_SAVED:
		return push_fetched_number(L, SCRIPT_MESSAGE_SAVED,
					   "the date saved");
	case FIELD_RECEIVED:
		return push_fetched_number(L, SCRIPT_MESSAGE_RECEIVED,
					   "the date received");
	case FIELD_AGE_DAYS:
		return push_fetched_days(L, SCRIPT_MESSAGE_SAVED, "the age");
	case FIELD_SEEN:
		return push_fetched_flag(L, SCRIPT_MESSAGE_SEEN, "seen");
	case FIELD_FLAGGED:
		return push_fetched_flag(L, SCRIPT_MESSAGE_FLAGGED, "flagged");
	case FIELD_ANSWERED:
		return push_fetched_flag(L, SCRIPT_MESSAGE_ANSWERED,
					 "answered");
	case FIELD_KEYWORDS:
		return push_keywords(L);
	case FIELD_HIDDEN:
		return push_fetched_flag(L, SCRIPT_MESSAGE_HIDDEN, "hidden");
	case FIELD_RETRIEVED:
		return push_fetched_number(L, SCRIPT_MESSAGE_RETRIEVED,
					   "the time of the retrieval");
	case FIELD_RETRIEVED_DAYS:
		return push_fetched_days(L, SCRIPT_MESSAGE_RETRIEVED,
					 "the time of the retrieval");
	case FIELD_RETRIEVE_COUNT:
		return push_fetched_number(L, SCRIPT_MESSAGE_RETRIEVE_COUNT,
					   "the number of retrievals");
	case FIELD_UIDL:
		return push_fetched_text(L, SCRIPT_MESSAGE_UIDL, NULL,
					 "the UIDL");
	case FIELD_HEADER:
		lua_pushvalue(L, lua_upvalueindex(UPVALUE_FIRST));
		return 1;
	case FIELD_HEADERS:
		lua_pushvalue(L, lua_upvalueindex(UPVALUE_SECOND));
		return 1;
	default:
		return sandbox_raise_unknown(L, "field of message", 2,
			lua_upvalueindex(UPVALUE_NUMBERS), 0);
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
	return name;
}

static int message_header(lua_State *L)
{
	return push_fetched_text(L, SCRIPT_MESSAGE_HEADER,
				 check_header(L, "header"), "a header");
}

static int message_headers(lua_State *L)
{
	const char *name = check_header(L, "headers");
	struct script_value value;
	size_t i;

	lua_newtable(L);
	if (!fetch(L, SCRIPT_MESSAGE_HEADERS, name, "a header", &value) ||
	    value.list == NULL)
		return 1;
	for (i = 0; value.list[i] != NULL; i++) {
		script_charge(L, 4);
		lua_pushstring(L, value.list[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
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

static int fields_pairs(lua_State *L)
{
	return luaL_error(L, "the fields of a user can't be listed; read one "
			  "by its name");
}

static void push_numbers(lua_State *L, const struct object_name *names,
			 size_t count)
{
	lua_createtable(L, 0, (int)count);
	for (; count > 0; names++, count--) {
		lua_pushinteger(L, names->field);
		lua_setfield(L, -2, names->name);
	}
}

/* Completes the metatable on top; its __index function is below it. */
static void finish_metatable(lua_State *L, const char *what)
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

/* Pushes session or request. */
static void push_session_object(lua_State *L, const char *what, size_t count)
{
	(void)lua_newuserdatauv(L, 1, 0);
	push_numbers(L, session_names, count);
	lua_newtable(L);
	(void)lua_newuserdatauv(L, 1, 0);
	lua_pushcfunction(L, fields_index);
	lua_createtable(L, 0, 5);
	finish_metatable(L, "fields");
	lua_pushcfunction(L, fields_pairs);
	lua_setfield(L, -2, "__pairs");
	lua_setmetatable(L, -2);
	lua_pushcclosure(L, session_index, 3);
	lua_createtable(L, 0, 4);
	finish_metatable(L, what);
	lua_setmetatable(L, -2);
}

void objects_register(lua_State *L)
{
	push_session_object(L, "session", SESSION_NAMES_COUNT);
	push_session_object(L, "request", REQUEST_NAMES_COUNT);
	push_numbers(L, message_names, MESSAGE_NAMES_COUNT);
	lua_pushcfunction(L, message_header);
	lua_pushcfunction(L, message_headers);
	lua_pushcclosure(L, message_index, 3);
	lua_createtable(L, 0, 5);
	finish_metatable(L, "message");
	lua_pushliteral(L, "message or word of policy");
	lua_setfield(L, -2, "__name");
	lua_pushcfunction(L, message_tostring);
	lua_setfield(L, -2, "__tostring");
	lua_pushlightuserdata(L, NULL);
	lua_insert(L, -2);
	lua_setmetatable(L, -2);
	lua_pop(L, 1);
}

int objects_push(lua_State *L, const struct script_question *question)
{
	lua_pushvalue(L, question->hook == SCRIPT_HOOK_AUTH ?
		      SCRIPT_INDEX_REQUEST : SCRIPT_INDEX_SESSION);
	switch (question->hook) {
	case SCRIPT_HOOK_AUTH:
	case SCRIPT_HOOK_LOGIN:
	case SCRIPT_HOOK_LOGOUT:
		return 1;
	default:
		break;
	}
	lua_pushlightuserdata(L, (void *)script_of(L)->serial);
	return 2;
}
