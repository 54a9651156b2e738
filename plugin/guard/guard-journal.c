/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "array.h"
#include "seq-range-array.h"
#include "mail-namespace.h"
#include "mail-storage-private.h"
#include "journal.h"
#include "remaining.h"
#include "guard-inbox.h"
#include "guard-journal.h"

struct guard_journal {
	struct mailbox *box;
	const struct policy *policy;
	const struct policy_session_facts *facts;
	struct event *event;

	/* NULL until there is something to write */
	struct journal *journal;
	/* UIDs that are being removed, and those of them that are moved */
	ARRAY_TYPE(seq_range) uids, moved;
	/* Where to; NULL if that is more than one mailbox */
	char *moved_to;
	bool moved_to_many;
};

struct guard_journal *
guard_journal_init(struct mailbox *box, const struct policy *policy,
		   const struct policy_session_facts *facts,
		   struct event *event)
{
	struct guard_journal *gj = i_new(struct guard_journal, 1);

	gj->box = box;
	gj->policy = policy;
	gj->facts = facts;
	gj->event = event;
	i_array_init(&gj->uids, 16);
	i_array_init(&gj->moved, 4);
	return gj;
}

void guard_journal_deinit(struct guard_journal **_gj)
{
	struct guard_journal *gj = *_gj;

	if (gj == NULL)
		return;
	*_gj = NULL;
	journal_deinit(&gj->journal);
	array_free(&gj->uids);
	array_free(&gj->moved);
	i_free(gj->moved_to);
	i_free(gj);
}

void guard_journal_moving(struct guard_journal *gj, struct mail *mail,
			  struct mailbox *dest)
{
	seq_range_array_add(&gj->moved, mail->uid);
	if (gj->moved_to == NULL && !gj->moved_to_many)
		gj->moved_to = i_strdup(dest->vname);
	else if (gj->moved_to != NULL &&
		 strcmp(gj->moved_to, dest->vname) != 0) {
		i_free(gj->moved_to);
		gj->moved_to_many = TRUE;
	}
}

void guard_journal_removing(struct guard_journal *gj, struct mail *mail)
{
	bool is_moved = seq_range_exists(&gj->moved, mail->uid);
	const struct policy_verdict allowed = {
		.action = POLICY_ACTION_ALLOW,
		.reason = POLICY_REASON_DEFAULT,
		.mailbox = is_moved ? gj->moved_to : NULL,
	};
	const struct journal_message message = {
		.action = is_moved ? JOURNAL_MOVE : JOURNAL_REMOVE,
		.verdict = &allowed,
		.question = POLICY_QUESTION_REMOVE,
		.size = UOFF_T_MAX,
	};

	if (gj->journal == NULL) {
		gj->journal = journal_init(guard_inbox_list(gj->box),
					   gj->policy, gj->facts, gj->event);
	}
	seq_range_array_add(&gj->uids, mail->uid);
	T_BEGIN {
		journal_intent(gj->journal, mail, &message);
	} T_END;
}

int guard_journal_sync(struct guard_journal *gj)
{
	return gj->journal == NULL ? 0 : journal_sync(gj->journal);
}

void guard_journal_rollback(struct guard_journal *gj)
{
	if (gj->journal != NULL)
		journal_rollback(gj->journal);
	array_clear(&gj->uids);
}

bool guard_journal_is_pending(const struct guard_journal *gj)
{
	return !array_is_empty(&gj->uids);
}

void guard_journal_finish(struct guard_journal *gj)
{
	ARRAY_TYPE(seq_range) remaining;

	if (!guard_journal_is_pending(gj))
		return;
	i_array_init(&remaining, 8);
	remaining_find(gj->box, &gj->uids, &remaining);
	journal_outcomes(gj->journal, NULL, &remaining);
	array_free(&remaining);
	array_clear(&gj->uids);
}

void guard_journal_finish_renamed(struct guard_journal *gj)
{
	journal_outcomes(gj->journal, NULL, NULL);
	array_clear(&gj->uids);
}
