/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_GUARD_TRANSACTION_H
#define POP3_POLICY_GUARD_TRANSACTION_H

/*
 * What a program other than POP3 tries to do to the INBOX in one transaction:
 * collects what it wants to remove, asks the policy, carries out what may be.
 * The policy is read for each transaction that needs it, so that a hold binds
 * processes that run already. guard.c calls it from Dovecot's hooks.
 */

#include "mail-storage-private.h"
#include "policy-events.h"
#include "pop3-policy/facts.h"
#include "pop3-policy/verdict.h"

struct guard_journal;
struct user_policy;
struct history;
struct judge;

/* What is kept for a mail user, in his pool. */
struct guard_user {
	union mail_user_module_context module_ctx;
	struct policy_session_facts facts;
	bool want_decision_events;
	bool failure_logged;
};

enum guard_mode {
	/* The policy is broken: nothing can be removed. */
	GUARD_BROKEN = 0,
	/* Not an INBOX under policy. */
	GUARD_OFF,
	/* The policy neither holds nor retains anything. */
	GUARD_WATCH,
	GUARD_JUDGE,
};

enum guard_operation {
	GUARD_EXPUNGE,
	GUARD_AUTOEXPUNGE,
	GUARD_MOVE,
	GUARD_KEYWORD,
	GUARD_DELETE,
	GUARD_RENAME,
};
#define GUARD_OPERATIONS (GUARD_RENAME + 1)

struct guard_transaction {
	union mailbox_transaction_module_context module_ctx;
	struct mailbox_transaction_context *trans;
	struct guard_user *guser;
	enum guard_mode mode;

	/* OFF: NULL */
	struct user_policy *policy;
	struct policy_session_facts facts;
	struct history *history;
	struct judge *judge;
	struct event *event;
	/* NULL unless journal = all */
	struct guard_journal *journal;

	/* When flags were last read from the mail itself; the mailbox's */
	time_t *flags_reread;
	/* Flags have been refreshed since the transaction began, or could not
	   be. */
	bool refreshed, flags_unknown;
	/* What may be removed is being removed. */
	bool executing;
	bool autoexpunge;
	/* Sequences to be removed at commit, if they may be */
	ARRAY_TYPE(seq_range) pending;
	struct policy_refusals refusals[GUARD_OPERATIONS];
};

/* is_inbox: of somebody. Otherwise, and where nobody's policy is concerned,
   the transaction is not looked at (GUARD_OFF). flags_reread: kept for the
   mailbox, begins with 0. */
struct guard_transaction *
guard_transaction_create(struct mailbox_transaction_context *trans,
			 struct guard_user *guser, bool is_inbox,
			 time_t *flags_reread);
/* Sends the events about what was refused. Call it before the transaction
   ends, and after all that concerns its mail. Only its journal may be used
   from then on. */
void guard_transaction_close(struct guard_transaction *gt);
/* Nothing of what it wanted has happened, or will. Frees it. */
void guard_transaction_rollback(struct guard_transaction **gt);
/* Closes it, too. */
void guard_transaction_free(struct guard_transaction **gt);

/* Bring the flags up to date, once. */
void guard_transaction_refresh(struct guard_transaction *gt);

/* May the message be removed? If not, it counts as refused. mode: BROKEN or
   JUDGE. */
bool guard_transaction_may_remove(struct guard_transaction *gt, uint32_t seq,
				  enum guard_operation operation,
				  enum policy_reason *reason_r);

/* A program other than POP3 removes this message of an INBOX under policy,
   and may. */
void guard_transaction_removing(struct guard_transaction *gt,
				struct mail *mail);

/* Judge what is pending and remove what may be. The flags are looked at once
   more: a hold that somebody has set meanwhile counts. What is kept loses
   \Deleted. */
void guard_transaction_execute(struct guard_transaction *gt);

unsigned int policy_refusals_count(const struct policy_refusals *refusals);

#endif
