/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_LOGIN_ANNOUNCEMENT_H
#define POP3_POLICY_LOGIN_ANNOUNCEMENT_H

/*
 * What the login plugin says in CAPA before login, by import_environment: is it
 * true of all sections of the policy file?
 */

#include "pop3-policy/policy.h"

struct login_announcement {
	/* The values as they are written; NULL = not announced (data stack) */
	const char *expire, *login_delay;
};

/* text: what doveconf prints of import_environment */
void login_announcement_read(const char *text,
			     struct login_announcement *announcement_r);

/* Report, one line each, what the announcement says and this policy does not
   keep. asks_script: has the policy's script a say in what expires? */
void login_announcement_check(const struct login_announcement *announcement,
			      const struct policy *policy, bool asks_script,
			      void (*report)(void *context, const char *text),
			      void *context);

#endif
