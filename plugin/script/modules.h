/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SCRIPT_MODULES_H
#define POP3_POLICY_SCRIPT_MODULES_H

#include "state.h"

/* The global function require(name). A module runs once a state; what it has
   returned is kept there, a table as a strict view that can't be changed. */
int modules_require(lua_State *L);
/* Push the table of what is in a module that the script has required. name: as
   require() takes it. Returns false, and pushes nothing, if there is none. */
bool modules_push_names(lua_State *L, const char *name);

#endif
