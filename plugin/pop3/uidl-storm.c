/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "mail-storage-private.h"
#include "history.h"
#include "policy-events.h"
#include "user-policy.h"
#include "session.h"
#include "uidl-storm.h"

static void
uidl_storm_count(struct pop3_session *session,
		 const struct uidl_entry *entries,
		 const ARRAY_TYPE(seq_range) *removed,
		 struct policy_uidl_changes *storm_r)
{
	struct client *client = session->client;
	const bool has_removed = array_count(removed) > 0;
	const struct uidl_entry *entry;
	uint32_t msgnum, seq;

	i_zero(storm_r);
	for (msgnum = 0; msgnum < client->messages_count; msgnum++) {
		seq = pop3_session_seq(client, msgnum);
		entry = &entries[seq - 1];
		if (entry->shown_hash == 0 ||
		    (has_removed && seq_range_exists(removed, seq)))
			continue;
		storm_r->compared++;
		if (entry->hash != entry->shown_hash)
			storm_r->changed++;
	}
}

/* Has `doveadm pop3 uidl accept` been given since the last session? */
static bool uidl_storm_is_accepted(struct pop3_session *session)
{
	struct history_header header;

	history_get_header(session->history, session->client->trans->view,
			   &header);
	if (header.uidls_accepted == 0)
		return FALSE;
	session->uidls_accepted = TRUE;
	return TRUE;
}

bool uidl_storm_pass(struct pop3_session *session,
		     const struct uidl_entry *entries,
		     const ARRAY_TYPE(seq_range) *removed)
{
	const struct user_policy *policy = session->policy;
	struct policy_uidl_changes storm;
	bool accepted;

	uidl_storm_count(session, entries, removed, &storm);
	if (policy->state != USER_POLICY_ACTIVE) {
		/* Nobody knows what the policy would show: nothing new may be
		   shown instead. */
		storm.result = "refused";
		if (storm.changed > 0)
			policy_event_uidl_storm(session->event, &storm);
		return storm.changed == 0;
	}
	accepted = uidl_storm_is_accepted(session);
	if (policy->policy->uidl_storm == POLICY_UIDL_STORM_ALLOW)
		return TRUE;
	if (storm.compared == 0 && session->last_login == 0) {
		policy_event_uidl_unknown(session->event,
					  session->client->messages_count);
	}
	storm.limit = uidl_storm_limit(storm.compared,
				       policy->policy->uidl_storm_percent);
	if (storm.changed <= storm.limit)
		return TRUE;
	storm.result = accepted ? "accepted" :
		policy->policy->uidl_storm == POLICY_UIDL_STORM_WARN ?
		"warned" : "refused";
	policy_event_uidl_storm(session->event, &storm);
	return accepted ||
		policy->policy->uidl_storm == POLICY_UIDL_STORM_WARN;
}
