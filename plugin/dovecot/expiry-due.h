/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_EXPIRY_DUE_H
#define POP3_POLICY_EXPIRY_DUE_H

/*
 * When may a run of expiry find something to do again? The earliest moment at
 * which time alone could change the verdict on a message that a run has kept.
 */

#include "pop3-policy/facts.h"
#include "pop3-policy/policy.h"

struct expiry_due {
	const struct policy *policy;
	int64_t now;
	/* 0 = none yet */
	int64_t earliest;
	/* Something else than time and new mail may change it; set it where
	   something was not done that should have been, too. */
	bool unknown;
};

void expiry_due_init(struct expiry_due *due, const struct policy *policy,
		     int64_t now);
/* This message is kept now. */
void expiry_due_add(struct expiry_due *due,
		    const struct policy_message_facts *facts);
/* As the history's header has it: UINT32_MAX = never; not to be asked if it is
   unknown. */
uint32_t expiry_due_get(const struct expiry_due *due);

#endif
