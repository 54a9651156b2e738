/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SCRIPT_POLICY_OBJECT_H
#define POP3_POLICY_SCRIPT_POLICY_OBJECT_H

#include "state.h"

/* Push the table `policy`: the words of answers, and functions that do not
   belong to one session or message. */
void policy_object_push(lua_State *L);

#endif
