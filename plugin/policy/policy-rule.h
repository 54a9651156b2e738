/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_POLICY_RULE_H
#define POP3_POLICY_POLICY_RULE_H

/*
 * One rule: an action, what it takes, and a query.
 */

#include "pop3-policy/policy.h"
#include "arena.h"
#include "policy-error.h"
#include "policy-text.h"

struct rule_parser {
	/* what the rule keeps */
	struct policy_arena *arena;
	struct policy_errors *errors;
	/* for the rule, which does not own it */
	const char *file;
};

/* Compile the rule that stands on piece, blanks around it taken off, for the
   key of this question. Returns 0, or -1 after reporting. */
int policy_rule_compile(const struct rule_parser *parser,
			enum policy_question question,
			const struct policy_piece *piece,
			struct policy_rule *rule_r);

#endif
