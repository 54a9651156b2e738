/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "objects.h"
#include "message-object.h"
#include "sandbox.h"
#include "session-object.h"

#include <string.h>

const char *objects_name(bool is_message, size_t index)
{
	return is_message ? message_object_name(index) :
		session_object_name(index);
}

bool objects_have_name(bool is_message, const char *name)
{
	const char *known;
	size_t i;

	for (i = 0; (known = objects_name(is_message, i)) != NULL; i++) {
		if (strcmp(known, name) == 0)
			return true;
	}
	return false;
}

bool objects_has_field(const char *name)
{
	return objects_have_name(false, name) ||
		message_object_has_field(name);
}

void objects_register(lua_State *L)
{
	session_objects_push(L);
	message_object_register(L);
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
