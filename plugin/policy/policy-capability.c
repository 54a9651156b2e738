/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pop3-policy/capability.h"
#include "pop3-policy/policy.h"

#define DAY_SECS (24 * 60 * 60)

/* Returns false if no rule removes anything from the client's sight, else the
   least age at which one may. */
static bool rules_min_age(const struct policy_rules *rules, int64_t *age_secs_r)
{
	const struct policy_rule *rule;
	bool removes = false;
	size_t i;

	*age_secs_r = 0;
	for (i = 0; i < rules->count; i++) {
		rule = &rules->rules[i];
		if (rule->action != POLICY_ACTION_DENY &&
		    (!removes || rule->query.min_age_secs < *age_secs_r)) {
			*age_secs_r = rule->query.min_age_secs;
			removes = true;
		}
		if (rule->query.is_all)
			break;
	}
	return removes;
}

enum policy_expire
policy_expire_capability(const struct policy *policy, bool asks_script,
			 uint32_t *days_r)
{
	int64_t age_secs, kept_secs = 0;

	if (policy->mode == POLICY_MODE_REPORT ||
	    (policy->hold != NULL && policy->hold->is_all))
		return POLICY_EXPIRE_NEVER;
	/* a received date may be anything */
	if (policy->age_from == POLICY_AGE_FROM_SAVED)
		kept_secs = policy->min_retention_secs;

	if (asks_script) {
		if (kept_secs == 0)
			return POLICY_EXPIRE_UNKNOWN;
		age_secs = 0;
	} else if (!rules_min_age(&policy->expire_rules, &age_secs)) {
		return POLICY_EXPIRE_NEVER;
	}
	if (age_secs < kept_secs)
		age_secs = kept_secs;
	*days_r = (uint32_t)(age_secs / DAY_SECS);
	return POLICY_EXPIRE_DAYS;
}
