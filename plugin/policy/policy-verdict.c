/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pop3-policy/verdict.h"

#include <string.h>

const char *policy_action_name(enum policy_question question,
			       enum policy_action action)
{
	switch (action) {
	case POLICY_ACTION_DENY:
		break;
	case POLICY_ACTION_HIDE:
		return "hide";
	case POLICY_ACTION_ARCHIVE:
		return "archive";
	case POLICY_ACTION_ALLOW:
		return question == POLICY_QUESTION_EXPIRE ? "expunge" : "allow";
	}
	return question == POLICY_QUESTION_EXPIRE ? "keep" : "deny";
}

const char *policy_reason_name(enum policy_reason reason)
{
	switch (reason) {
	case POLICY_REASON_ERROR:
		break;
	case POLICY_REASON_HOLD:
		return "hold";
	case POLICY_REASON_MIN_RETENTION:
		return "min_retention";
	case POLICY_REASON_SCRIPT:
		return "script";
	case POLICY_REASON_RULE:
		return "rule";
	case POLICY_REASON_DEFAULT:
		return "default";
	}
	return "error";
}

const char *policy_question_name(enum policy_question question)
{
	switch (question) {
	case POLICY_QUESTION_DELETE:
		break;
	case POLICY_QUESTION_RETRIEVE:
		return "retrieve";
	case POLICY_QUESTION_EXPIRE:
		return "expire";
	case POLICY_QUESTION_REMOVE:
		return "remove";
	}
	return "delete";
}

void policy_verdict_effective(enum policy_question question,
			      const struct policy_verdict *verdict,
			      struct policy_verdict *effective_r)
{
	if (!verdict->without_effect) {
		*effective_r = *verdict;
		return;
	}
	memset(effective_r, 0, sizeof(*effective_r));
	effective_r->action = question == POLICY_QUESTION_EXPIRE ?
		POLICY_ACTION_DENY : POLICY_ACTION_ALLOW;
	effective_r->reason = POLICY_REASON_DEFAULT;
	effective_r->without_effect = true;
}

void policy_verdict_combine(const struct policy_verdict *first,
			    const struct policy_verdict *second,
			    struct policy_verdict *verdict_r)
{
	if (first->action == POLICY_ACTION_ARCHIVE &&
	    second->action == POLICY_ACTION_ARCHIVE &&
	    strcmp(first->mailbox, second->mailbox) != 0) {
		memset(verdict_r, 0, sizeof(*verdict_r));
		verdict_r->file = second->file;
		verdict_r->line = second->line;
	} else {
		*verdict_r = first->action < second->action ? *first : *second;
	}
}
