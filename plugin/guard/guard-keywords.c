/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "array.h"
#include "mail-index.h"
#include "user-policy.h"
#include "guard-transaction.h"
#include "guard-keywords.h"

static bool is_guarded(struct guard_transaction *gt, unsigned int keyword_idx)
{
	const struct policy_query *hold;
	unsigned int idx;

	if (gt->mode == GUARD_BROKEN || gt->flags_unknown)
		return TRUE;
	hold = gt->policy->policy->hold;
	for (size_t i = 0; hold != NULL && i < hold->words_count; i++) {
		if (hold->words[i].is_keyword &&
		    mail_index_keyword_lookup(gt->trans->box->index,
					      hold->words[i].text, &idx) &&
		    idx == keyword_idx)
			return TRUE;
	}
	return FALSE;
}

static bool has_guarded(struct guard_transaction *gt,
			const struct mail_keywords *keywords)
{
	for (unsigned int i = 0; i < keywords->count; i++) {
		if (is_guarded(gt, keywords->idx[i]))
			return TRUE;
	}
	return FALSE;
}

static bool keywords_have(const struct mail_keywords *keywords,
			  unsigned int idx)
{
	for (unsigned int i = 0; i < keywords->count; i++) {
		if (keywords->idx[i] == idx)
			return TRUE;
	}
	return FALSE;
}

static bool
replaces_guarded(struct guard_transaction *gt, struct mail *mail,
		 const struct mail_keywords *keywords)
{
	ARRAY_TYPE(keyword_indexes) current;
	unsigned int idx;

	t_array_init(&current, 16);
	mail_index_lookup_keywords(gt->trans->view, mail->seq, &current);
	array_foreach_elem(&current, idx) {
		if (!keywords_have(keywords, idx) && is_guarded(gt, idx))
			return TRUE;
	}
	return FALSE;
}

bool guard_keywords_may_change(struct guard_transaction *gt, struct mail *mail,
			       enum modify_type modify_type,
			       const struct mail_keywords *keywords)
{
	struct policy_refusals *refusals = &gt->refusals[GUARD_KEYWORD];
	bool refused;

	guard_transaction_refresh(gt);
	T_BEGIN {
		refused = modify_type == MODIFY_REMOVE ?
			has_guarded(gt, keywords) :
			replaces_guarded(gt, mail, keywords);
	} T_END;
	if (!refused)
		return TRUE;
	if (gt->mode == GUARD_BROKEN || gt->flags_unknown)
		refusals->errors++;
	else
		refusals->hold++;
	return FALSE;
}
