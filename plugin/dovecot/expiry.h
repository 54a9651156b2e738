/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_EXPIRY_H
#define POP3_POLICY_EXPIRY_H

/*
 * Removal of mail by the server itself, as the policy's expire rules say. A
 * run is due at the end of a session (or when an administrator asks), not
 * more often than expire_interval.
 *
 * A clock that jumped must not remove anything on its first day: a run may
 * remove only if the run before it lies 0 to 7 days back, or if the mailbox
 * was armed at least one day ago. The first run ever only notes the time;
 * any other run that may not remove arms the mailbox.
 *
 * In mode = report a run removes nothing. It writes to the journal what it
 * would do, once for each message and set of rules, and keeps times of its
 * own: to the first run after a change to mode = enforce it is as if there had
 * been none since the last that enforced. So the change removes nothing sooner
 * than rules that are given only then.
 */

#include "pop3-policy/facts.h"
#include "pop3-policy/policy.h"

struct event;
struct mailbox;
struct history;
struct history_header;

enum expiry_plan {
	/* No expire rules, or the interval has not passed. */
	EXPIRY_NOT_NOW = 0,
	/* A run that removes nothing: note it in the header, that is all. */
	EXPIRY_NOTE,
	/* The mailbox has to be looked through. */
	EXPIRY_RUN,
};

/* In mode = report: what would have been done, less what was reported before. */
struct expiry_result {
	unsigned int expunged, hidden, archived, errors;
	/* Stopped at expire_max, or because the process was told to end. */
	bool more;
};

/* What would a run do now? Pure. header: of the mailbox, all zero if there is
   none. uidnext: the mailbox's now. */
enum expiry_plan expiry_plan(const struct policy *policy,
			     const struct history_header *header,
			     uint32_t uidnext, int64_t now);

/* Note a run in the header: its time, arming, disarming. Pure. Returns TRUE
   if this run may remove (or report) mail. */
bool expiry_note_run(enum policy_mode mode, struct history_header *header,
		     int64_t now);

/* Carry out a run on a mailbox that is open, synced and writable; in batches,
   each of which is committed. facts->now is the moment of the run. Failures
   and the outcome are logged through the event. Returns 0, or -1 if anything
   failed; mail that could not be judged or removed stays. result_r may be
   NULL. */
int expiry_run(struct mailbox *box, struct history *history,
	       const struct policy *policy,
	       const struct policy_session_facts *facts, struct event *event,
	       struct expiry_result *result_r);

#endif
