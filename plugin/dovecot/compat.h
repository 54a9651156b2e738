/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_COMPAT_H
#define POP3_POLICY_COMPAT_H

/*
 * Everything in which Dovecot 2.3 and 2.4 differ. compat-23.c and
 * compat-24.c implement this one header, configure chooses between them by
 * its probes, and no other file asks which version it is built for. 2.3 is
 * made to look like 2.4.
 */

#include "pop3-policy/facts.h"

struct mail_user;
struct client;
struct event;

struct pop3_policy_settings {
	/* pop3_policy_file; never NULL or "". */
	const char *file;
	/* Was it set, or is it the compiled-in default? */
	bool file_is_set;
	/* pop3_policy: name of the section, "" if unset. */
	const char *section;
};

/* Read the settings in force for this user, userdb fields included. Strings
   are allocated from pool. Returns 0, or -1 and error_r (data stack). */
int pop3_policy_compat_settings(struct mail_user *user, pool_t pool,
				struct pop3_policy_settings *set_r,
				const char **error_r);

/* Fill everything but `now` from the user and his connection. Strings live as
   long as the user. */
void pop3_policy_compat_session_facts(struct mail_user *user,
				      struct policy_session_facts *facts_r);

/* Returns a new event below the user's that carries user, session, service,
   remote_ip and local_ip on both versions. Unreference it yourself. */
struct event *pop3_policy_compat_event(struct mail_user *user);

#endif
