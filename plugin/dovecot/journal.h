/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_JOURNAL_H
#define POP3_POLICY_JOURNAL_H

/*
 * Who removed which mail: one JSON line for each message that is hidden, moved
 * or removed, when it is about to happen (stage "intent") and when it has
 * happened or failed (stage "outcome"). doc/guide.md lists the fields. One
 * file a user, pop3-policy.journal in the root control folder of the INBOX's
 * namespace: the INBOX's own could be removed together with the INBOX.
 *
 * In this order: journal_intent() for each message, journal_sync() before the
 * commit that carries it out, then journal_outcomes(). Nothing is opened and
 * nothing is written where there is no message.
 *
 * What can't be written to the file goes to Dovecot's log, as it is, up to
 * JOURNAL_LOG_MAX_LINES of one journal; then the number of those left out.
 */

#include "seq-range-array.h"
#include "pop3-policy/facts.h"
#include "pop3-policy/policy.h"

struct event;
struct mail;
struct mailbox_list;
struct journal;

#define JOURNAL_LOG_MAX_LINES 20000

enum journal_action {
	/* A client, or an administrator, removes it. */
	JOURNAL_REMOVE,
	JOURNAL_HIDE,
	JOURNAL_ARCHIVE,
	/* The server removes it. */
	JOURNAL_EXPUNGE,
	/* Another program than POP3 moves it to another mailbox. */
	JOURNAL_MOVE,
};

/* What a line says about one message. */
struct journal_message {
	enum journal_action action;
	/* What the policy decided about question; NULL: it was not asked. In
	   mode = report the action may be another one. */
	const struct policy_verdict *verdict;
	enum policy_question question;
	/* What the client was shown; NULL = unknown */
	const char *uidl;
	/* In bytes, as POP3 counts; UOFF_T_MAX: look for it in the cache */
	uoff_t size;
};

/* list: that of the INBOX. policy says whether and how, facts who; all of it,
   and the event, below which failures are logged, must outlive the journal. In a process that isn't
   POP3 call this only where the policy says POLICY_JOURNAL_ALL. */
struct journal *
journal_init(struct mailbox_list *list, const struct policy *policy,
	     const struct policy_session_facts *facts, struct event *event);
/* Intents without an outcome stay without one. */
void journal_deinit(struct journal **journal);

/* This is about to happen. mail: not expunged yet; message is copied. Lines
   are written now and then, at the latest by journal_sync(). Uses the data
   stack, so call it between T_BEGIN and T_END. */
void journal_intent(struct journal *journal, struct mail *mail,
		    const struct journal_message *message);
/* This would have happened, were it not for mode = report: one line, stage
   "outcome", result "none". Written by journal_outcomes(). */
void journal_report(struct journal *journal, struct mail *mail,
		    const struct journal_message *message);

/* Bring the intents to disk. Returns 0 if what was intended may happen, or -1
   if the policy requires a journal and it could not be written. Then roll
   back and call journal_rollback(). */
int journal_sync(struct journal *journal);

/* It has happened, but not to these UIDs (NULL: none). pending: their removal
   was committed, but they are still there: Dovecot may finish it when the
   mailbox is opened next, or keep them. */
void journal_outcomes(struct journal *journal,
		      const ARRAY_TYPE(seq_range) *failed,
		      const ARRAY_TYPE(seq_range) *pending);
/* Nothing of it has happened. */
void journal_rollback(struct journal *journal);

#endif
