/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_DECIDE_H
#define POP3_POLICY_DECIDE_H

/*
 * The decision itself: hold, then minimum retention, then the script, then
 * rules, then the default. Pure; the only things it asks the outside for are
 * whether a query matches the message, and what the script says. Doubt never
 * removes anything.
 */

#include "facts.h"
#include "policy.h"

/* Does the query match the message that is being decided? Returns 1 = yes,
   0 = no, -1 = could not be found out. Called in the order of the rules and
   not again once the verdict is certain; never called for a query that is
   just "all". */
typedef int policy_match_func_t(void *context,
				const struct policy_query *query);

/* What does the script answer to the question about this message? Called at
   most once for a verdict. Returns 1 and action, text and mailbox of verdict_r
   (what the question knows; see struct policy_verdict), 0 = it hands the
   question to the rules, -1 = it failed. file and line are set in any case;
   line = 0 where the place is unknown. */
typedef int policy_script_func_t(void *context,
				 enum policy_question question,
				 struct policy_verdict *verdict_r);

struct policy_callbacks {
	policy_match_func_t *match;
	/* NULL = there is no script, or it doesn't answer this question */
	policy_script_func_t *script;
	void *context;
};

/* Decide one question about one message. Never fails: what cannot be found
   out is a verdict with POLICY_REASON_ERROR and POLICY_ACTION_DENY.

   - hold and min_retention bind DELETE (answer: protected_delete), EXPIRE and
     REMOVE (answer: DENY), never RETRIEVE. REMOVE asks nothing else.
   - A script that answers is obeyed, one that fails is doubt.
   - A hold that asks about history matches mail whose history is unknown; a
     rule that does, does not, whatever "not" stands in it. But where a
     message with unknown history comes to an EXPIRE rule that keeps or hides
     and asks about history, it is kept: the rules below might remove it
     sooner than they would have, had the history not been lost.
   - min_retention counts from saved or received (age_from); a date that is
     unknown (0) is doubt. A message is too young while
     now - date < min_retention_secs, so a date in the future is too young.
   - The first rule that matches wins; an error in a rule ends the search.
   - In mode = report everything below hold and min_retention is without
     effect, and the verdict says so.
   - Defaults: DELETE, RETRIEVE and REMOVE are allowed, EXPIRE keeps. */
void policy_decide(const struct policy *policy, enum policy_question question,
		   const struct policy_session_facts *session,
		   const struct policy_message_facts *message,
		   const struct policy_callbacks *callbacks,
		   struct policy_verdict *verdict_r);

#endif
