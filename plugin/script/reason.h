/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SCRIPT_REASON_H
#define POP3_POLICY_SCRIPT_REASON_H

/*
 * Why a call failed, in one line for the administrator.
 */

#include "state.h"

/* The message handler of each outermost call: turns any error into a string
   with a line, and keeps a traceback where one is wanted. */
int script_error_handler(lua_State *L);

/* Set script->reason from what stopped the script or, if nothing has, from the
   error on top of the stack. status: what lua_pcall() has returned. purpose:
   what took too long, "to load". */
void script_reason_set(struct script *script, int status,
		       const char *purpose);

#endif
