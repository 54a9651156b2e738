/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_EXPIRY_PLAN_H
#define POP3_POLICY_EXPIRY_PLAN_H

/*
 * When an expiry run is due, and whether it may remove anything. Pure.
 *
 * A clock that jumped must not remove anything on its first day: a run may
 * remove only if the run before it lies 0 to 7 days back, or if the mailbox
 * was armed at least one day ago. The first run ever only notes the time;
 * any other run that may not remove arms the mailbox.
 *
 * Runs in mode = report keep times of their own: to the first run after a
 * change to mode = enforce it is as if there had been none since the last that
 * enforced. So the change removes nothing sooner than rules that are given
 * only then.
 */

#include "pop3-policy/policy.h"

struct history_header;

enum expiry_plan {
	/* No expire rules, or the interval has not passed. */
	EXPIRY_NOT_NOW = 0,
	/* A run that removes nothing: note it in the header, that is all. */
	EXPIRY_NOTE,
	/* The mailbox has to be looked through. */
	EXPIRY_RUN,
};

/* What would a run do now? header: of the mailbox, all zero if there is
   none. uidnext: the mailbox's now. */
enum expiry_plan expiry_plan(const struct policy *policy, bool script_expires,
			     const struct history_header *header,
			     uint32_t uidnext, int64_t now);

/* Note a run in the header: its time, arming, disarming. Returns TRUE
   if this run may remove (or report) mail. */
bool expiry_note_run(enum policy_mode mode, struct history_header *header,
		     int64_t now);

#endif
