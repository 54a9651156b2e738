/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SCRIPT_OBJECTS_H
#define POP3_POLICY_SCRIPT_OBJECTS_H

/*
 * session, request and message as a script sees them: strict, read-only, each
 * field fetched when it is read.
 */

#include "state.h"

/* Push the one session and the one request of the state and prepare for
   messages; may raise an error for want of memory. */
void objects_register(lua_State *L);
/* Push what the hook takes. Returns the number of values. */
int objects_push(lua_State *L, const struct script_question *question);
/* The names of a message's fields and methods, or a session's, of which the
   first are a request's as well. Returns NULL behind the last one. */
const char *objects_name(bool is_message, size_t index);
bool objects_have_name(bool is_message, const char *name);
/* Is it a field (not a method) of session or message? */
bool objects_has_field(const char *name);

#endif
