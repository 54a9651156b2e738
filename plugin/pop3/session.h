/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SESSION_H
#define POP3_POLICY_SESSION_H

/*
 * One POP3 session under policy. Created when Dovecot creates the client,
 * gone before the client is. Sessions without a policy have none: they are
 * plain Dovecot.
 */

#include "pop3-common.h"
#include "pop3-weak.h"
#include "pop3-policy/facts.h"
#include "pop3-policy/verdict.h"

struct user_policy;
struct history;
struct mailbox_uidls;
struct judge;
struct command_filter;
struct delivery;
struct shown_uidl;
struct uidl_texts;

/* What the session did, for the summary line. */
struct session_counters {
	unsigned int retrieved, retrieve_denied;
	unsigned int delete_denied, removed, hidden, archived, kept_at_quit;
	unsigned int errors;
	/* mode = report: what would have been refused or done otherwise */
	unsigned int reported;
};

struct pop3_session {
	union pop3_module_context module_ctx;
	struct client *client;
	struct mail_user *user;
	struct event *event;

	/* Never NONE */
	struct user_policy *policy;
	struct policy_session_facts facts;
	/* facts.now at login */
	int64_t login_time;
	bool want_decision_events;
	/* A removal may depend on flags or keywords. */
	bool uses_flags;
	/* They could not be reread at QUIT: nothing is removed. */
	bool flags_unknown;
	/* NULL until the INBOX is open */
	struct history *history;
	struct judge *judge;

	struct command_filter *filter;
	struct delivery *delivery;

	/* Verdicts given at DELE, indexed by message sequence - 1; 0 = none,
	   else enum policy_action + 1. NULL until the first DELE. */
	unsigned char *delete_verdicts;
	/* The archives of those that say so; NULL until the first one. */
	const char **delete_archives;
	size_t delete_verdicts_count;

	struct session_counters counters;

	/* Work for the time after the client has gone */
	bool keywords_pending;
	bool expiry_pending;
	bool kept_uidls_stale;
	bool failure_logged;

	/* The first scan is done: there are message numbers. */
	bool mailbox_shown;
	/* When the session before this one began, 0 = there was none; from
	   the INBOX's index */
	uint32_t last_login;
	bool last_login_known;
	/* Its UIDLs; NULL until they are made, or where Dovecot makes them. In
	   client->uidl_pool */
	struct uidl_texts *uidls;
	/* While they are being made */
	struct mailbox_uidls *making_uidls;
	/* What all further UIDLs are answered with, static; NULL = nothing */
	const char *uidl_refusal;
	/* The message, from 0, that is to be listed next */
	uint32_t uidl_list_next;
	/* `doveadm pop3 uidl accept` has been used up. */
	bool uidls_accepted;
	/* For the script; NULL until it asks */
	struct shown_uidl *shown;

	/* The script may still refuse the login: what Dovecot answers, and the
	   client's real output stream; NULL before and after. */
	buffer_t *held;
	struct ostream *held_output;

	/* Refused before "+OK": the client's real output stream. */
	struct ostream *refused_output;
	bool refused;
};

/* Hooks, called by plugin.c. */
void pop3_session_client_created(struct client **client);
void pop3_session_namespaces_created(struct mail_namespace *namespaces);

/* The session of this client, or of the client of this user; NULL if it has
   none. */
struct pop3_session *pop3_session_get(struct client *client);
struct pop3_session *pop3_session_find(struct mail_user *user);

/* Sequence number in client->trans of message number msgnum (from 0). */
uint32_t pop3_session_seq(struct client *client, uint32_t msgnum);

/* Is the message (from 0) marked as deleted? */
bool pop3_session_is_deleted(struct client *client, uint32_t msgnum);

/*
 * Asked by the command filter before a line reaches Dovecot. msgnum counts
 * from 0 and exists, and is not marked as deleted. Returns NULL if Dovecot
 * shall execute the command, else the whole "-ERR ..." line (without CRLF,
 * data stack) that answers it.
 */
const char *pop3_session_dele(struct pop3_session *session, uint32_t msgnum);
const char *pop3_session_retr(struct pop3_session *session, uint32_t msgnum);

/* The INBOX has been opened, or is about to be closed. */
void pop3_session_mailbox_opened(struct pop3_session *session,
				 struct mailbox *box);
void pop3_session_mailbox_closing(struct pop3_session *session);

/* Give the verdict that QUIT executes for this message: the stricter one of
   that at DELE and that of now. decided_r: the same, or in mode = report what
   the rules say now. */
void pop3_session_quit_verdict(struct pop3_session *session,
			       struct mailbox_transaction_context *trans,
			       uint32_t seq, struct policy_verdict *verdict_r,
			       struct policy_verdict *decided_r);
/* Call before the first one of a QUIT: others may have changed flags and
   history since. */
void pop3_session_refresh(struct pop3_session *session);

/* Has somebody else removed the message meanwhile? */
bool pop3_session_is_expunged(struct mailbox_transaction_context *trans,
			      uint32_t seq);

/* Report a failure to the administrator, once a session. */
void pop3_session_failure(struct pop3_session *session, const char *what,
			  const char *error);

/* Told by the delivery tracker. */
void pop3_session_sent(struct pop3_session *session, uint32_t seq);
void pop3_session_confirmed(struct pop3_session *session, uint32_t seq);

#endif
