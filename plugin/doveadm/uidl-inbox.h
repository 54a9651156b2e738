/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_UIDL_INBOX_H
#define POP3_POLICY_UIDL_INBOX_H

/*
 * A user's INBOX with the UIDLs that his POP3 sessions show, for the commands
 * `doveadm pop3 uidl ...`.
 */

#include "seq-range-array.h"
#include "mailbox-uidls.h"

struct doveadm_mail_cmd_context;
struct mail_user;
struct uidl_inbox;

struct uidl_inbox {
	struct mail_user *user;
	struct user_policy *policy;
	struct mailbox *box;
	struct mailbox_transaction_context *trans;

	/* Of all messages, by sequence - 1. Each has a uidl, also those that
	   sessions don't show. */
	const struct uidl_entry *entries;
	uint32_t count;
	/* Sequences of those */
	ARRAY_TYPE(seq_range) unseen;
	/* Sequences of messages that were removed meanwhile; to be skipped */
	const ARRAY_TYPE(seq_range) *removed;
};

/* Open the INBOX, ask the policy, make the UIDLs. common: as
   uidl_settings_read() gives them. Returns 0, or -1: then the error has been
   logged, and noted in ctx, and there is nothing to close. A broken policy is
   an error; without a policy they are Dovecot's. */
int uidl_inbox_open(struct doveadm_mail_cmd_context *ctx,
		    struct mail_user *user,
		    const struct dovecot_uidl_settings *common,
		    struct uidl_inbox **inbox_r);
/* What was found out and is worth remembering (GUIDs and the like) is kept in
   the index; nothing else is written. */
void uidl_inbox_close(struct uidl_inbox **inbox);

#endif
