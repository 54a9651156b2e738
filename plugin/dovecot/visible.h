/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_VISIBLE_H
#define POP3_POLICY_VISIBLE_H

/*
 * Which messages of the INBOX the policy shows to a POP3 session: its query,
 * and pop3_policy_show of its script.
 */

#include "seq-range-array.h"

struct mailbox_transaction_context;
struct user_policy;
struct history;
struct judge;

struct visible_asker {
	const struct user_policy *policy;
	struct history *history;
	/* May be NULL where the policy is not active. */
	struct judge *judge;
	int64_t now;
};

/* unseen: sequences that are not shown for other reasons, about which nobody
   is asked; those that the policy doesn't show are added. Returns 0, or -1
   and *error_r (data stack) if it could not be found out: then nothing may be
   shown. */
int visible_find_unseen(const struct visible_asker *asker,
			struct mailbox_transaction_context *trans,
			ARRAY_TYPE(seq_range) *unseen, const char **error_r);

#endif
