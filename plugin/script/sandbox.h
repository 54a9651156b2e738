/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SCRIPT_SANDBOX_H
#define POP3_POLICY_SCRIPT_SANDBOX_H

/*
 * What a script finds: a chosen part of Lua's libraries, with bounded versions
 * of what could run or grow without end, and globals that are strict. Each
 * function may raise an error for want of memory.
 */

#include "state.h"

/* Make the globals, without the table policy. Leaves the table of what a
   script may not replace on the stack; objects are added to it. */
void sandbox_push(lua_State *L);

/* Some libraries are made when a script asks for them. Make them all: builtins
   is the index of the table that sandbox_push() has made. */
void sandbox_add_all(lua_State *L, int builtins);

/* Push the library's table of bounded functions, or add to the one on top. */
void sandbox_add_base(lua_State *L);
void sandbox_add_string(lua_State *L);
void sandbox_push_table(lua_State *L);

/* Which object has the name, which is no global: "policy.", "message.",
   "message:" or "session."? Or NULL. builtins: as above. */
const char *
sandbox_find_owner(lua_State *L, int builtins, const char *name);
/* What to use in the place of a global that people look for, or NULL. */
const char *sandbox_find_advice(const char *name);

/* Raises `unknown field of session "size"; it is one of message`, if so. */
void sandbox_refuse_others_field(lua_State *L, bool is_message, int index);
/* Raises `unknown WHAT "NAME"` for the key at index. The tables at known_index
   and more_index (0 = none) have the names that there are. */
int sandbox_raise_unknown(lua_State *L, const char *what, int index,
			  int known_index, int more_index);

#endif
