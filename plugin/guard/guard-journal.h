/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_GUARD_JOURNAL_H
#define POP3_POLICY_GUARD_JOURNAL_H

/*
 * journal = all: lines about what programs other than POP3 remove from the
 * INBOX or move out of it. One for each transaction: intents are written
 * before its commit, outcomes after the sync that carries the removal out.
 */

struct event;
struct mail;
struct mailbox;
struct policy;
struct policy_session_facts;
struct guard_journal;

/* policy says journal = all. All of it must outlive the journal. */
struct guard_journal *
guard_journal_init(struct mailbox *box, const struct policy *policy,
		   const struct policy_session_facts *facts,
		   struct event *event);
/* Intents without an outcome stay without one. */
void guard_journal_deinit(struct guard_journal **gj);

/* This message is being copied to that mailbox, in order to be moved. */
void guard_journal_moving(struct guard_journal *gj, struct mail *mail,
			  struct mailbox *dest);
/* It is about to be removed here. */
void guard_journal_removing(struct guard_journal *gj, struct mail *mail);

/* Before the commit. Returns 0, or -1 if the policy requires a journal and it
   can't be written. */
int guard_journal_sync(struct guard_journal *gj);
/* Nothing of it will happen. */
void guard_journal_rollback(struct guard_journal *gj);
/* Is anything waiting for guard_journal_finish()? */
bool guard_journal_is_pending(const struct guard_journal *gj);
/* After the sync, if there is one before the mailbox is closed. */
void guard_journal_finish(struct guard_journal *gj);
/* Instead: all of it has happened, since the mailbox itself was renamed. The
   mailbox may have been freed, its list not. */
void guard_journal_finish_renamed(struct guard_journal *gj);

#endif
