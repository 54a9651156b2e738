/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_CASE_VALUES_H
#define POP3_POLICY_CASE_VALUES_H

/*
 * A session and a message that somebody made up with KEY=VALUE, to ask a
 * script about: the adapter of those who have no Dovecot.
 */

#include "pop3-policy/script.h"

#include <stdio.h>

/* A mail has some 100 headers at most. */
#define CASE_VALUES_MAX 1000

struct case_value {
	char *key, *value;
};

struct case_values {
	struct case_value values[CASE_VALUES_MAX];
	unsigned int count;
	/* what the last get has put together */
	const char *list[CASE_VALUES_MAX + 1];
	char *scratch;
	struct policy_session_facts session;
};

void case_values_init(struct case_values *values);
void case_values_deinit(struct case_values *values);
/* Set one value. key: as in the manual page. Keys that begin with "header."
   may be set several times, others replace. Returns NULL, or what is wrong
   (static text). */
const char *case_values_set(struct case_values *values, const char *key,
			    const char *value);
/* Take size and headers from a message. Returns NULL or what is wrong. */
const char *case_values_set_message(struct case_values *values,
				    const char *data, size_t size);
/* Complete a question about them; hook is set already. */
void case_values_ask(struct case_values *values,
		     struct script_question *question);

/* Write an answer in the words of the policy file: `deny "text" [CODE]`,
   `archive "Mailbox"`, `uidl "text"`, `hide`, `pass`, `error "reason"`... */
void case_answer_print(const struct script_answer *answer,
		       enum script_hook hook, char *text, size_t size);
/* Returns false if there is no such hook. */
bool case_hook_find(const char *name, enum script_hook *hook_r);

#endif
