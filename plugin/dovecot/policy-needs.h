/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_POLICY_NEEDS_H
#define POP3_POLICY_POLICY_NEEDS_H

/*
 * What a policy may look at, as far as it can be told without asking it.
 */

#include "pop3-policy/policy.h"

/* Does the policy ask about history, or hide mail? Then it can only be applied
   to a mailbox of which history_get_obstacle() returns NULL. What its script
   does is not known before; there such a question, or answer, is an error. */
bool policy_needs_history(const struct policy *policy);

/* May the answer to the question (DELETE, EXPIRE or REMOVE) depend on flags or
   keywords, which others change at any time? */
bool policy_uses_flags(const struct policy *policy,
			     enum policy_question question);

/* Does the query (NULL: no) ask about history, hiding included? */
bool policy_query_needs_history(const struct policy_query *query);

#endif
