/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SCRIPT_BUDGET_H
#define POP3_POLICY_SCRIPT_BUDGET_H

/*
 * Instructions and time of a call, and how it ends when it has used them up.
 */

#include "state.h"

/* A call (or loading) begins and ends. hook < 0: loading */
void script_budget_begin(struct script *script, int hook);
void script_budget_end(struct script *script, int hook);
/* Count the instructions of the state from now on, or don't. */
void script_budget_count(struct script *script, bool count);

/* A library function is about to do work that is worth so many instructions.
   Raises the error that stops the script if there are not as many left or the
   time is over. */
void script_charge(lua_State *L, uint64_t instructions);
/* Look at instructions and clock more often, as long as the state lives: it has
   something that one instruction can spend much time on. */
void script_budget_count_often(struct script *script);

/* Is the time over? Then the script is stopped: the caller must end. */
bool script_is_late(struct script *script);
/* It would be, for what the script wants to be done: stop it, as above. */
void script_stop_late(struct script *script);
/* Raise the error that stops the script; it must be stopped. */
int script_raise_stop(lua_State *L);
/* Behind a lua_pcall() that failed: raise the error once more if the script is
   stopped. Whoever did that wants to be obeyed by everybody. */
void script_rethrow_stop(lua_State *L, int status);
/* Stop the script, because the adapter said this, and raise. */
int script_raise_doubt(lua_State *L, const char *text);
/* Stop it, because it has too much in memory that is not the state's, and
   raise. */
int script_raise_memory(lua_State *L);
/* Give the state up at once. Does not return. Only where the script has been
   stopped and runs on. */
void script_abandon(struct script *script) __attribute__((noreturn));
/* Remember the line that runs, for the reason. Not while Lua moves its stack:
   it has no pointers into it then. */
void script_note_place(struct script *script);

#endif
