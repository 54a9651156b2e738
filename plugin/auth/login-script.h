/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_LOGIN_SCRIPT_H
#define POP3_POLICY_LOGIN_SCRIPT_H

/*
 * pop3_policy_auth(request): the script of who is about to log in. It may
 * refuse, and can't let anybody in. The auth process does nothing else
 * meanwhile, so loading and asking together take no longer than script_time.
 * Each login has a fresh state; compiled scripts are kept by the process.
 */

#include "pop3-policy/policy.h"
#include "auth-common.h"
#include "auth-request.h"

enum login_script_result {
	/* It could not be asked, or its answer is none: refuse. */
	LOGIN_SCRIPT_FAILED = 0,
	LOGIN_SCRIPT_DENIED,
	/* Nothing is said against it. */
	LOGIN_SCRIPT_PASSED,
};

/* Ask the policy's script, if it has one; call once the secret was right.
   FAILED: *text_r says why, for the log. DENIED: *text_r is for the client and
   begins with a code in brackets. Data stack. */
enum login_script_result
login_script_ask(const struct policy *policy,
		 const struct auth_request *request,
		 const struct policy_session_facts *facts,
		 const char **text_r);

/* Free what is kept for the whole process. */
void login_script_deinit(void);

#endif
