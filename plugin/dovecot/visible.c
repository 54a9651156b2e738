/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "array.h"
#include "mail-index.h"
#include "mail-storage-private.h"
#include "judge.h"
#include "policy-script.h"
#include "query.h"
#include "user-policy.h"
#include "visible.h"

/* The script's answer stands above the query. Returns 0, or -1 and
   error_r. */
static int
visible_ask_one(const struct visible_asker *asker,
		  struct mailbox_transaction_context *trans, uint32_t seq,
		  ARRAY_TYPE(seq_range) *shown, const char **error_r)
{
	struct script_answer answer;

	judge_ask_hook(asker->judge, trans, SCRIPT_HOOK_SHOW, seq, &answer);
	switch (answer.outcome) {
	case SCRIPT_FAILED:
		*error_r = answer.reason;
		return -1;
	case SCRIPT_PASS:
		break;
	case SCRIPT_ANSWER:
		if (answer.action == POLICY_ACTION_ALLOW)
			seq_range_array_add(shown, seq);
		else
			seq_range_array_remove(shown, seq);
		break;
	}
	return 0;
}

/* Hidden mail stays hidden, the script is not asked about it. */
static int
visible_ask(const struct visible_asker *asker,
		      struct mailbox_transaction_context *trans,
		      uint32_t count, const ARRAY_TYPE(seq_range) *unseen,
		      ARRAY_TYPE(seq_range) *shown, const char **error_r)
{
	uint32_t seq;
	int ret = 0;

	for (seq = 1; seq <= count && ret == 0; seq++) {
		if (seq_range_exists(unseen, seq))
			continue;
		T_BEGIN {
			ret = visible_ask_one(asker, trans, seq, shown,
						error_r);
		} T_END_PASS_STR_IF(ret < 0, error_r);
	}
	/* its mail must not outlive the scan */
	judge_forget_all(asker->judge);
	return ret;
}

int visible_find_unseen(const struct visible_asker *asker,
			struct mailbox_transaction_context *trans,
			ARRAY_TYPE(seq_range) *unseen, const char **error_r)
{
	const struct user_policy *policy = asker->policy;
	uint32_t count = mail_index_view_get_messages_count(trans->view);
	ARRAY_TYPE(seq_range) shown;
	bool has_query, has_hook;

	if (policy->state != USER_POLICY_ACTIVE || count == 0)
		return 0;
	has_query = policy->policy->show != NULL &&
		!policy->policy->show->is_all;
	has_hook = policy_script_has_hook(policy->script, SCRIPT_HOOK_SHOW);
	if (!has_query && !has_hook)
		return 0;

	t_array_init(&shown, 32);
	if (!has_query)
		seq_range_array_add_range(&shown, 1, count);
	else if (query_match_all(trans, asker->history,
				 policy->policy->show, asker->now,
				 &shown, error_r) < 0)
		return -1;
	if (has_hook &&
	    visible_ask(asker, trans, count, unseen, &shown, error_r) < 0)
		return -1;
	seq_range_array_invert(&shown, 1, count);
	seq_range_array_merge(unseen, &shown);
	return 0;
}
