/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SCRIPT_BRIEF_H
#define POP3_POLICY_SCRIPT_BRIEF_H

/*
 * Counting instructions makes each of them cost three times as much. A
 * function that ends before anything would have been counted needs no
 * counting.
 */

#include "state.h"

/* Does the function at index end within SCRIPT_COUNT_STEP instructions,
   whatever happens, without entering another function of the script? True only
   as long as the script has given no table a metatable: its functions would be
   entered by what looks like reading a field. Allocates nothing and raises no
   error. */
bool script_is_brief(lua_State *L, int index);

#endif
