/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "history.h"
#include "expiry-plan.h"

#define EXPIRY_DAY_SECS (24 * 60 * 60)
/* A run that lies further back than this leaves room for a clock that jumped
   in between. */
#define EXPIRY_TRUST_SECS (7 * EXPIRY_DAY_SECS)
bool expiry_note_run(enum policy_mode mode, struct history_header *header,
		     int64_t now)
{
	bool report = mode == POLICY_MODE_REPORT;
	uint32_t *last_run = report ? &header->last_report :
		&header->last_expire;
	uint32_t *armed_since = report ? &header->report_armed : &header->armed;
	int64_t last = *last_run, armed = *armed_since;
	bool may_remove;

	may_remove = (last != 0 && last <= now &&
		      now - last <= EXPIRY_TRUST_SECS) ||
		(armed != 0 && armed <= now - EXPIRY_DAY_SECS);
	if (may_remove || last == 0)
		*armed_since = 0;
	else if (armed == 0 || armed > now)
		*armed_since = now;
	*last_run = now;
	return may_remove;
}

enum expiry_plan expiry_plan(const struct policy *policy, bool script_expires,
			     const struct history_header *header,
			     uint32_t uidnext, int64_t now)
{
	struct history_header noted = *header;
	int64_t last = policy->mode == POLICY_MODE_REPORT ?
		header->last_report : header->last_expire;

	if (policy->expire_rules.count == 0 && !script_expires)
		return EXPIRY_NOT_NOW;
	if (last != 0 && last <= now &&
	    now - last < policy->expire_interval_secs)
		return EXPIRY_NOT_NOW;
	if (!expiry_note_run(policy->mode, &noted, now))
		return EXPIRY_NOTE;
	if (policy->mode == POLICY_MODE_ENFORCE && !script_expires &&
	    header->next_due != 0 && now < header->next_due &&
	    header->next_due_uidnext == uidnext &&
	    header->next_due_fingerprint == policy->expire_fingerprint)
		return EXPIRY_NOTE;
	return EXPIRY_RUN;
}
