/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "array.h"
#include "ioloop.h"
#include "seq-range-array.h"
#include "mail-index.h"
#include "fresh-flags.h"
#include "history.h"
#include "judge.h"
#include "user-policy.h"
#include "guard-inbox.h"
#include "guard-journal.h"
#include "guard-transaction.h"

static const char guard_operation_names[GUARD_OPERATIONS][12] = {
	[GUARD_EXPUNGE] = "expunge",
	[GUARD_AUTOEXPUNGE] = "autoexpunge",
	[GUARD_MOVE] = "move",
	[GUARD_KEYWORD] = "keyword",
	[GUARD_DELETE] = "delete",
	[GUARD_RENAME] = "rename",
};

unsigned int policy_refusals_count(const struct policy_refusals *refusals)
{
	return refusals->hold + refusals->min_retention + refusals->errors;
}

static void guard_transaction_failure(struct guard_transaction *gt,
				      const char *what, const char *error)
{
	if (gt->guser->failure_logged)
		return;
	gt->guser->failure_logged = TRUE;
	policy_event_failure(gt->event, what, error);
}

static void guard_transaction_broken(struct guard_transaction *gt,
				     const char *error)
{
	gt->mode = GUARD_BROKEN;
	guard_transaction_failure(gt, "Policy is broken, no mail can be removed",
				  error);
}

static void guard_transaction_init_judge(struct guard_transaction *gt)
{
	const struct policy *policy = gt->policy->policy;
	const char *why;

	gt->facts = gt->guser->facts;
	gt->facts.now = ioloop_time;
	if (policy->hold == NULL && policy->min_retention_secs <= 0) {
		gt->mode = GUARD_WATCH;
		return;
	}
	gt->mode = GUARD_JUDGE;
	gt->history = history_init(gt->trans->box);
	why = history_get_obstacle(gt->history);
	if (why != NULL && policy->hold != NULL &&
	    (policy->hold->uses_history || policy->hold->uses_hidden)) {
		guard_transaction_broken(gt, t_strdup_printf(
			"%s: [%s] has a hold about history, but this mailbox "
			"%s", gt->policy->file, gt->policy->section, why));
		return;
	}
	gt->judge = judge_init(policy, &gt->facts, gt->history, NULL);
	i_array_init(&gt->pending, 16);
}

static void guard_transaction_load(struct guard_transaction *gt)
{
	struct mailbox *box = gt->trans->box;

	gt->policy = user_policy_load(guard_inbox_owner(box));
	if (gt->policy->state == USER_POLICY_NONE) {
		user_policy_free(&gt->policy);
		gt->mode = GUARD_OFF;
		return;
	}
	gt->event = policy_event_create(box->storage->user,
					gt->policy->section);
	if (gt->policy->state == USER_POLICY_BROKEN)
		guard_transaction_broken(gt, gt->policy->error);
	else {
		guard_transaction_init_judge(gt);
		if (gt->policy->policy->journal == POLICY_JOURNAL_ALL) {
			gt->journal = guard_journal_init(box,
				gt->policy->policy, &gt->facts, gt->event);
		}
	}
}

struct guard_transaction *
guard_transaction_create(struct mailbox_transaction_context *trans,
			 struct guard_user *guser, bool is_inbox,
			 time_t *flags_reread)
{
	struct guard_transaction *gt = i_new(struct guard_transaction, 1);

	gt->trans = trans;
	gt->guser = guser;
	gt->flags_reread = flags_reread;
	if (!is_inbox)
		gt->mode = GUARD_OFF;
	else T_BEGIN {
		guard_transaction_load(gt);
	} T_END;
	return gt;
}

static void guard_transaction_send_refusals(struct guard_transaction *gt)
{
	enum guard_operation op;

	for (op = 0; op < GUARD_OPERATIONS; op++) {
		if (policy_refusals_count(&gt->refusals[op]) == 0)
			continue;
		policy_event_guard_refused(gt->event, guard_operation_names[op],
					   gt->trans->box->vname,
					   &gt->refusals[op]);
	}
}

void guard_transaction_close(struct guard_transaction *gt)
{
	T_BEGIN {
		guard_transaction_send_refusals(gt);
	} T_END;
	memset(gt->refusals, 0, sizeof(gt->refusals));
	if (gt->judge != NULL)
		judge_deinit(&gt->judge);
	history_deinit(&gt->history);
}

void guard_transaction_free(struct guard_transaction **_gt)
{
	struct guard_transaction *gt = *_gt;

	if (gt == NULL)
		return;
	*_gt = NULL;
	guard_transaction_close(gt);
	guard_journal_deinit(&gt->journal);
	if (array_is_created(&gt->pending))
		array_free(&gt->pending);
	user_policy_free(&gt->policy);
	event_unref(&gt->event);
	i_free(gt);
}

void guard_transaction_rollback(struct guard_transaction **_gt)
{
	struct guard_transaction *gt = *_gt;

	if (gt == NULL)
		return;
	if (gt->journal != NULL) T_BEGIN {
		guard_journal_rollback(gt->journal);
	} T_END;
	guard_transaction_free(_gt);
}

static void guard_transaction_read_flags(struct guard_transaction *gt)
{
	struct mailbox *box = gt->trans->box;
	const struct policy_query *hold = gt->policy->policy == NULL ? NULL :
		gt->policy->policy->hold;
	const char *error;
	bool reread;

	/* Commands come in batches, each a transaction. Once a second is
	   enough for what somebody does to the files themselves. */
	reread = hold != NULL && hold->uses_flags &&
		*gt->flags_reread != ioloop_time &&
		!fresh_flags_are_in_index(box);
	if (reread)
		*gt->flags_reread = ioloop_time;
	if (fresh_flags_read(box, reread, &error) < 0) {
		gt->flags_unknown = TRUE;
		guard_transaction_failure(gt, "Can't reread flags", error);
	}
	if (gt->judge != NULL)
		judge_refresh(gt->judge);
}

void guard_transaction_refresh(struct guard_transaction *gt)
{
	if (gt->refreshed)
		return;
	gt->refreshed = TRUE;
	T_BEGIN {
		guard_transaction_read_flags(gt);
	} T_END;
}

static void
guard_transaction_verdict(struct guard_transaction *gt, uint32_t seq,
			  struct policy_verdict *verdict_r)
{
	const char *error = NULL;
	uint32_t uid;

	if (gt->mode == GUARD_BROKEN || gt->flags_unknown) {
		i_zero(verdict_r);
	} else {
		judge_verdict(gt->judge, gt->trans, POLICY_QUESTION_REMOVE,
			      seq, verdict_r, &error);
		if (verdict_r->reason == POLICY_REASON_ERROR) {
			guard_transaction_failure(gt,
				"Can't decide about removal",
				error != NULL ? error : "date is unknown");
		}
	}
	if (gt->guser->want_decision_events) {
		mail_index_lookup_uid(gt->trans->view, seq, &uid);
		policy_event_decision(gt->event, POLICY_QUESTION_REMOVE,
				      verdict_r, uid, error);
	}
}

bool guard_transaction_may_remove(struct guard_transaction *gt, uint32_t seq,
				  enum guard_operation operation,
				  enum policy_reason *reason_r)
{
	struct policy_refusals *refusals = &gt->refusals[operation];
	struct policy_verdict verdict;

	guard_transaction_refresh(gt);
	T_BEGIN {
		guard_transaction_verdict(gt, seq, &verdict);
	} T_END;
	*reason_r = verdict.reason;
	if (verdict.action == POLICY_ACTION_ALLOW)
		return TRUE;
	switch (verdict.reason) {
	case POLICY_REASON_HOLD:
		refusals->hold++;
		break;
	case POLICY_REASON_MIN_RETENTION:
		refusals->min_retention++;
		break;
	case POLICY_REASON_ERROR:
	case POLICY_REASON_SCRIPT:
	case POLICY_REASON_RULE:
	case POLICY_REASON_DEFAULT:
		refusals->errors++;
		break;
	}
	return FALSE;
}

void guard_transaction_removing(struct guard_transaction *gt,
				struct mail *mail)
{
	static const struct policy_verdict allowed = {
		.action = POLICY_ACTION_ALLOW,
		.reason = POLICY_REASON_DEFAULT,
	};

	if (gt->mode == GUARD_WATCH && gt->guser->want_decision_events) {
		T_BEGIN {
			policy_event_decision(gt->event, POLICY_QUESTION_REMOVE,
					      &allowed, mail->uid, NULL);
		} T_END;
	}
	if (gt->journal != NULL)
		guard_journal_removing(gt->journal, mail);
}

static void
guard_transaction_execute_one(struct guard_transaction *gt, struct mail *_mail,
			      enum guard_operation operation)
{
	struct mail_private *mail = (struct mail_private *)_mail;
	enum policy_reason reason;

	if (guard_transaction_may_remove(gt, _mail->seq, operation, &reason)) {
		/* Not by mail_expunge(), which has sent its event already. */
		mail->autoexpunged = gt->autoexpunge;
		mail->v.expunge(_mail);
		mail->autoexpunged = FALSE;
	} else if (reason != POLICY_REASON_ERROR &&
		   (mail_get_flags(_mail) & MAIL_DELETED) != 0) {
		/* The client shall not think that it is about to go. */
		mail_update_flags(_mail, MODIFY_REMOVE, MAIL_DELETED);
	}
}

void guard_transaction_execute(struct guard_transaction *gt)
{
	enum guard_operation operation =
		gt->autoexpunge ? GUARD_AUTOEXPUNGE : GUARD_EXPUNGE;
	struct seq_range_iter iter;
	unsigned int n = 0;
	struct mail *mail;
	uint32_t seq;

	if (!array_is_created(&gt->pending) || array_is_empty(&gt->pending))
		return;
	gt->executing = TRUE;
	gt->refreshed = FALSE;
	mail = mail_alloc(gt->trans, 0, NULL);
	seq_range_array_iter_init(&iter, &gt->pending);
	while (seq_range_array_iter_nth(&iter, n++, &seq)) {
		/* Somebody else may have been quicker. */
		if (mail_index_is_expunged(gt->trans->view, seq))
			continue;
		mail_set_seq(mail, seq);
		T_BEGIN {
			guard_transaction_execute_one(gt, mail, operation);
		} T_END;
	}
	mail_free(&mail);
	/* its mail must be gone before the commit */
	judge_forget_all(gt->judge);
}
