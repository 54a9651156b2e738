/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_EXPIRY_H
#define POP3_POLICY_EXPIRY_H

/*
 * Removal of mail by the server itself, as the policy's expire rules say. A
 * run is due at the end of a session (or when an administrator asks), not
 * more often than expire_interval; expiry-plan.h says when it may remove
 * anything. In mode = report a run removes nothing; it writes to the journal
 * what it would do, once for each message and set of rules.
 */

#include "pop3-policy/facts.h"
#include "pop3-policy/policy.h"

struct event;
struct mailbox;
struct history;
struct policy_script;

/* In mode = report: what would have been done, less what was reported before. */
struct expiry_result {
	unsigned int expunged, hidden, archived, errors;
	/* Stopped at expire_max, or because the process was told to end. */
	bool more;
};

/* Carry out a run on a mailbox that is open, synced and writable; in batches,
   each of which is committed. facts->now is the moment of the run. Failures
   and the outcome are logged through the event. script: begun, or NULL.
   Returns 0, or -1 if anything
   failed; mail that could not be judged or removed stays. result_r may be
   NULL. */
int expiry_run(struct mailbox *box, struct history *history,
	       const struct policy *policy, struct policy_script *script,
	       const struct policy_session_facts *facts, struct event *event,
	       struct expiry_result *result_r);

#endif
