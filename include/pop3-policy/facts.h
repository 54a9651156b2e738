/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_FACTS_H
#define POP3_POLICY_FACTS_H

/*
 * What a decision may look at: who asks, and what the message is. Plain
 * values, filled by an adapter that knows Dovecot and read by the pure core
 * that does not. Nothing here is owned: strings belong to the adapter and
 * outlive the call they are passed to. Times are seconds since 1970-01-01 UTC.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct policy_session_facts {
	/* The user as Dovecot knows him ("alice@example.org"), never NULL. */
	const char *user;
	/* The name as it was typed at login. Equals user where nothing was
	   rewritten. Never NULL. */
	const char *login;
	/* SASL mechanism in upper case; USER/PASS is "PLAIN". "" outside a
	   POP3 session. */
	const char *mechanism;
	/* The device that logged in: the name of the APOP secret, or what the
	   user typed behind "+" and Dovecot took off. NULL or "" = unknown. */
	const char *device;
	/* Addresses as text, "" where there is none (doveadm). */
	const char *remote_ip;
	const char *local_ip;
	/* Dovecot's session id, "" where there is none. */
	const char *id;
	/* TLS up to the client itself, not merely up to a proxy. */
	bool tls;
	/* One moment for all decisions that belong together. */
	int64_t now;
};

struct policy_message_facts {
	/* When the mailbox got the message, and the received date that the
	   storage keeps (IMAP INTERNALDATE). 0 = could not be found out. */
	int64_t saved;
	int64_t received;
	/* Was the whole life of the message watched, or is there a record of
	   it? If not, nobody knows whether it was retrieved. */
	bool history_known;
	/* Handed to the kernel whole at least once. */
	bool sent;
	/* First confirmed retrieval; 0 = never. */
	int64_t retrieved;
	uint32_t retrieve_count;
	/* Hidden from POP3, and since when (0 = not dated yet). */
	bool hidden;
	int64_t hidden_since;
};

#endif
