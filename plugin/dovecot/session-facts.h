/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SESSION_FACTS_H
#define POP3_POLICY_SESSION_FACTS_H

/*
 * Who asks, as facts for the core.
 */

#include "pop3-policy/facts.h"

struct mail_user;

/* Fill everything from the user and his connection. now: Unix time. Strings
   live as long as the user. */
void session_facts_init(struct policy_session_facts *facts_r,
			struct mail_user *user, int64_t now);

/* The userdb field of this name, which may have come from a passdb; "" if it has
   no value, NULL if there is none. Owned by the user. */
const char *session_facts_userdb_field(struct mail_user *user,
				       const char *name);
/* The delay between logins that the auth process has kept for this very login,
   in seconds; 0 = it has not. */
unsigned int session_facts_delay_kept(struct mail_user *user);

#endif
