/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pop3-policy/policy.h"
#include "fnv.h"
#include "policy-fingerprint.h"

#include <string.h>

static uint32_t fingerprint_number(uint32_t hash, uint64_t number)
{
	char bytes[8];
	size_t i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(number >> (8 * i) & 0xFF);
	return fnv1a_add(hash, bytes, sizeof(bytes));
}

static uint32_t
fingerprint_query(uint32_t hash, const struct policy_query *query)
{
	size_t i;

	hash = fingerprint_number(hash, query->words_count);
	for (i = 0; i < query->words_count; i++) {
		hash = fnv1a_add(hash, query->words[i].text,
				 strlen(query->words[i].text) + 1);
	}
	return hash;
}

uint32_t policy_fingerprint(const struct policy *policy)
{
	const struct policy_rules *rules = &policy->expire_rules;
	uint32_t hash = FNV1A_START;
	size_t i;

	hash = fingerprint_number(hash, (uint64_t)policy->min_retention_secs);
	hash = fingerprint_number(hash, policy->age_from);
	hash = fingerprint_number(hash, policy->hold != NULL ? 1 : 0);
	if (policy->hold != NULL)
		hash = fingerprint_query(hash, policy->hold);
	hash = fingerprint_number(hash, rules->count);
	for (i = 0; i < rules->count; i++) {
		hash = fingerprint_number(hash, rules->rules[i].action);
		if (rules->rules[i].mailbox != NULL) {
			hash = fnv1a_add(hash, rules->rules[i].mailbox,
					 strlen(rules->rules[i].mailbox) + 1);
		}
		hash = fingerprint_query(hash, &rules->rules[i].query);
	}
	if (policy->script != NULL) {
		hash = fnv1a_add(hash, policy->script,
				 strlen(policy->script) + 1);
	}
	return hash == 0 ? 1 : hash;
}
