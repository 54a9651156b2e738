/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SCRIPT_HINT_H
#define POP3_POLICY_SCRIPT_HINT_H

/*
 * What to do about an error that Lua tells in its own words, for those who have
 * written ten lines of Lua in their life.
 */

#include "state.h"

/* Appends "; ADVICE" to the error in text, which has room for size bytes, where
   there is one. */
void script_hint_add(const struct script *script, char *text, size_t size);

#endif
