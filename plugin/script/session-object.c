/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "session-object.h"
#include "object.h"
#include "sandbox.h"

#include <string.h>

enum session_field {
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

const char *session_object_name(size_t index)
{
	return index < SESSION_NAMES_COUNT ? session_names[index].name : NULL;
}

static int push_text(lua_State *L, const char *text)
{
	if (*text == '\0')
		lua_pushnil(L);
	else
		lua_pushstring(L, text);
	return 1;
}

static int push_mailbox_number(lua_State *L, enum script_field field,
			       const char *what)
{
	if (script_of(L)->question->hook == SCRIPT_HOOK_LOGIN) {
		lua_pushnil(L);
		return 1;
	}
	return object_push_number(L, field, what);
}

static int session_index(lua_State *L)
{
	struct script *script = script_of(L);
	const struct script_question *question = script->question;
	const struct policy_session_facts *facts;
	unsigned int field = object_get_field(L, question != NULL &&
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
		return object_push_text(L, SCRIPT_SESSION_POLICY, NULL,
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
		return object_push_flag(L, SCRIPT_SESSION_SECURED, "secured");
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
		return object_push_number(L, SCRIPT_SESSION_LAST_LOGIN,
					  "the last login");
	case FIELD_FIELDS:
		lua_pushvalue(L, lua_upvalueindex(OBJECT_UPVALUE_SECOND));
		return 1;
	case FIELD_MESSAGES:
		return push_mailbox_number(L, SCRIPT_SESSION_MESSAGES,
					   "the number of messages");
	case FIELD_BYTES:
		return push_mailbox_number(L, SCRIPT_SESSION_BYTES,
					   "the size of the mailbox");
	case FIELD_DATA:
		lua_pushvalue(L, lua_upvalueindex(OBJECT_UPVALUE_FIRST));
		return 1;
	default:
		if (question->hook != SCRIPT_HOOK_AUTH)
			sandbox_refuse_others_field(L, false, 2);
		return sandbox_raise_unknown(L, question->hook ==
			SCRIPT_HOOK_AUTH ? "field of request" :
			"field of session", 2,
			lua_upvalueindex(OBJECT_UPVALUE_NUMBERS), 0);
	}
}

static int fields_index(lua_State *L)
{
	if (lua_type(L, 2) != LUA_TSTRING)
		return luaL_error(L, "a field has a name, not a %s",
				  luaL_typename(L, 2));
	return object_push_text(L, SCRIPT_SESSION_FIELD, lua_tostring(L, 2),
				 "a field of the user");
}

static int fields_pairs(lua_State *L)
{
	return luaL_error(L, "the fields of a user can't be listed; read one "
			  "by its name");
}

static void push_object(lua_State *L, const char *what, size_t count)
{
	(void)lua_newuserdatauv(L, 1, 0);
	object_push_numbers(L, session_names, count);
	lua_newtable(L);
	(void)lua_newuserdatauv(L, 1, 0);
	lua_pushcfunction(L, fields_index);
	lua_createtable(L, 0, 5);
	object_finish_metatable(L, "fields");
	lua_pushcfunction(L, fields_pairs);
	lua_setfield(L, -2, "__pairs");
	lua_setmetatable(L, -2);
	lua_pushcclosure(L, session_index, 3);
	lua_createtable(L, 0, 4);
	object_finish_metatable(L, what);
	lua_setmetatable(L, -2);
}

void session_objects_push(lua_State *L)
{
	push_object(L, "session", SESSION_NAMES_COUNT);
	push_object(L, "request", REQUEST_NAMES_COUNT);
}
