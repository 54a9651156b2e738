/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SCRIPT_MESSAGE_OBJECT_H
#define POP3_POLICY_SCRIPT_MESSAGE_OBJECT_H

/*
 * message: a light userdata, which needs no memory.
 */

#include "state.h"

/* Prepare for messages, and for the words of answers. */
void message_object_register(lua_State *L);
/* Names of its fields and methods; NULL behind the last one. */
const char *message_object_name(size_t index);
/* Is it a field, and not a method? */
bool message_object_has_field(const char *name);

#endif
