/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_LOGIN_FACTS_H
#define POP3_POLICY_LOGIN_FACTS_H

/*
 * Who is about to log in, as facts for the core.
 */

#include "pop3-policy/facts.h"
#include "auth-common.h"
#include "auth-request.h"

/* Fill everything from the request. device: the name of the APOP secret; NULL
   where it was none; then what was typed behind "+" counts. tls is true unless there is none for certain. Strings are
   the request's or of the data stack. */
void login_facts_init(struct policy_session_facts *facts_r,
		      const struct auth_request *request, const char *device);

#endif
