/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "expiry-due.h"

static bool query_is_volatile(const struct policy_query *query)
{
	return query->uses_flags || query->uses_content;
}

void expiry_due_init(struct expiry_due *due, const struct policy *policy,
		     int64_t now)
{
	const struct policy_rules *rules = &policy->expire_rules;

	i_zero(due);
	due->policy = policy;
	due->now = now;
	if (policy->hold != NULL)
		due->unknown = query_is_volatile(policy->hold);
	for (size_t i = 0; i < rules->count; i++) {
		if (query_is_volatile(&rules->rules[i].query))
			due->unknown = TRUE;
	}
}

static void due_add_time(struct expiry_due *due, int64_t base, int64_t secs)
{
	/* Conditions ask for "more than secs ago". */
	int64_t time = base + secs + 1;

	if (base != 0 && time > due->now &&
	    (due->earliest == 0 || time < due->earliest))
		due->earliest = time;
}

static void
due_add_query(struct expiry_due *due, const struct policy_query *query,
	      const struct policy_message_facts *facts)
{
	for (size_t i = 0; i < query->words_count; i++) {
		const struct policy_query_word *word = &query->words[i];

		if (!word->is_interval)
			continue;
		switch (word->clock) {
		case POLICY_CLOCK_SAVED:
			due_add_time(due, facts->saved, word->interval_secs);
			break;
		case POLICY_CLOCK_RECEIVED:
			due_add_time(due, facts->received,
				     word->interval_secs);
			break;
		case POLICY_CLOCK_RETRIEVED:
			due_add_time(due, facts->retrieved,
				     word->interval_secs);
			break;
		case POLICY_CLOCK_HIDDEN:
			due_add_time(due, facts->hidden_since,
				     word->interval_secs);
			break;
		case POLICY_CLOCK_SENT:
			due->unknown = TRUE;
			break;
		}
	}
}

void expiry_due_add(struct expiry_due *due,
		    const struct policy_message_facts *facts)
{
	const struct policy *policy = due->policy;
	const struct policy_rules *rules = &policy->expire_rules;

	if (due->unknown)
		return;
	if (policy->min_retention_secs > 0) {
		due_add_time(due,
			     policy->age_from == POLICY_AGE_FROM_RECEIVED ?
			     facts->received : facts->saved,
			     policy->min_retention_secs);
	}
	if (policy->hold != NULL)
		due_add_query(due, policy->hold, facts);
	for (size_t i = 0; i < rules->count; i++)
		due_add_query(due, &rules->rules[i].query, facts);
}

uint32_t expiry_due_get(const struct expiry_due *due)
{
	return due->earliest == 0 ? UINT32_MAX :
		I_MIN(due->earliest, UINT32_MAX);
}
