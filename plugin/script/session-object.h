/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SCRIPT_SESSION_OBJECT_H
#define POP3_POLICY_SCRIPT_SESSION_OBJECT_H

/*
 * session, and request, which has its first fields.
 */

#include "state.h"

/* Push the one session and the one request of the state. */
void session_objects_push(lua_State *L);
/* Names of a session's fields; NULL behind the last one. */
const char *session_object_name(size_t index);

#endif
