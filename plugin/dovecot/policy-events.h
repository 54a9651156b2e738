/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_EVENTS_H
#define POP3_POLICY_EVENTS_H

/*
 * Dovecot events of category "pop3-policy"; doc/events.md lists them with
 * their fields. Metrics and exports are configuration of Dovecot.
 */

#include "pop3-policy/facts.h"
#include "pop3-policy/verdict.h"

struct event;
struct mail_user;

/* A new event below the user's, with the category, the section and the log
   prefix. All events of one session or run hang below it. Unreference it
   yourself. section may be "". */
struct event *
policy_event_create(struct mail_user *user, const char *section);

/* Does anybody listen to single decisions (debug logging, metrics, exports)?
   If not, callers need not send them. Ask once a session. */
bool policy_events_want_decisions(void);

/* One decision. error: why it was doubt, or NULL. */
void policy_event_decision(struct event *parent,
			   enum policy_question question,
			   const struct policy_verdict *verdict,
			   uint32_t uid, const char *error);

/* Messages that a program other than POP3 was not allowed to remove, by the
   reason why. */
struct policy_refusals {
	unsigned int hold, min_retention, errors;
};

/* What somebody tried ("expunge", "autoexpunge", "move", "keyword", "delete",
   "rename"), with how many messages of which mailbox, in vain. */
void policy_event_guard_refused(struct event *parent, const char *operation,
				const char *mailbox,
				const struct policy_refusals *refusals);

/* A session was about to show mail under other UIDLs than before. */
struct policy_uidl_changes {
	/* "refused", "warned", "accepted" */
	const char *result;
	/* Messages whose UIDLs were compared, those that differ, and how many
	   may. */
	uint32_t compared, changed, limit;
};
void policy_event_uidl_storm(struct event *parent,
			     const struct policy_uidl_changes *changes);

/* There is nothing that the UIDLs of this many messages could be compared
   with. */
void policy_event_uidl_unknown(struct event *parent, uint32_t messages);

/* A failure that the administrator should hear about: logged as an error.
   Never per message: latch it. */
void policy_event_failure(struct event *parent, const char *what,
			  const char *error);

#endif
