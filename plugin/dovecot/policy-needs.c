/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "policy-needs.h"

bool policy_query_needs_history(const struct policy_query *query)
{
	return query != NULL && (query->uses_history || query->uses_hidden);
}

static bool rules_need_history(const struct policy_rules *rules)
{
	size_t i;

	for (i = 0; i < rules->count; i++) {
		if (rules->rules[i].action == POLICY_ACTION_HIDE ||
		    policy_query_needs_history(&rules->rules[i].query))
			return TRUE;
	}
	return FALSE;
}

bool policy_needs_history(const struct policy *policy)
{
	bool protects = policy->hold != NULL || policy->min_retention_secs > 0;

	if (policy_query_needs_history(policy->hold) ||
	    policy_query_needs_history(policy->show) ||
	    (protects && policy->protected_delete == POLICY_ACTION_HIDE))
		return TRUE;
	/* without effect, rules do no harm */
	return policy->mode == POLICY_MODE_ENFORCE &&
		(rules_need_history(&policy->delete_rules) ||
		 rules_need_history(&policy->retrieve_rules) ||
		 rules_need_history(&policy->expire_rules));
}

static bool rules_use_flags(const struct policy_rules *rules)
{
	for (size_t i = 0; i < rules->count; i++) {
		if (rules->rules[i].query.uses_flags)
			return TRUE;
	}
	return FALSE;
}

bool policy_uses_flags(const struct policy *policy,
			     enum policy_question question)
{
	if (policy->hold != NULL && policy->hold->uses_flags)
		return TRUE;
	/* it may */
	if (policy->script != NULL && question != POLICY_QUESTION_REMOVE)
		return TRUE;
	return (question == POLICY_QUESTION_DELETE &&
		rules_use_flags(&policy->delete_rules)) ||
		(question == POLICY_QUESTION_EXPIRE &&
		 rules_use_flags(&policy->expire_rules));
}
