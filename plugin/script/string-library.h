/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SCRIPT_STRING_LIBRARY_H
#define POP3_POLICY_SCRIPT_STRING_LIBRARY_H

#include "state.h"

/* Like string.match(), but an error that a script can catch once the match
   takes more than max_steps. */
int string_match_within(lua_State *L, unsigned int max_steps);

#endif
