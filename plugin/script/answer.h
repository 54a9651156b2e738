/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SCRIPT_ANSWER_H
#define POP3_POLICY_SCRIPT_ANSWER_H

/*
 * What a hook may return: the words of the table policy and what goes with
 * them, checked strictly.
 */

#include "state.h"

/* Adds the words (policy.DENY and so on) to the table on top. */
void answer_add_words(lua_State *L);

/* "DENY" if word is one of them, else NULL. Any pointer will do. */
const char *answer_word_name(const void *word);

/* Judges what a hook has returned: count values from index on. Fills the
   answer except for file and line; its strings are those on the stack.
   Returns true, or false with one line in script->reason that says what is
   wrong. Never raises an error. */
bool answer_check(struct script *script, enum script_hook hook, int index,
		  int count, struct script_answer *answer_r);

#endif
