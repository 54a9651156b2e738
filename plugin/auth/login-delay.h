/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_LOGIN_DELAY_H
#define POP3_POLICY_LOGIN_DELAY_H

/*
 * LOGIN-DELAY (RFC 2449, 6.5): may this user log in again so soon? Ask it once
 * the secret was right and nothing else is against the login; who may, has
 * logged in by that.
 *
 * Without a dict it is this process that remembers. With one, the dict counts
 * for all who share it: of logins at the same moment at most one is let in,
 * perhaps none. What this process knows, counts there as well. Nothing blocks:
 * a dict has LOGIN_DELAY_DICT_MSECS to answer, all its operations together.
 */

#include "pop3-policy/policy.h"

struct dict;

#define LOGIN_DELAY_DICT_MSECS 5000

enum login_delay_verdict {
	/* The dict did not say, and the policy refuses then; see error. */
	LOGIN_DELAY_UNKNOWN = 0,
	/* Too early by wait_secs */
	LOGIN_DELAY_WAIT,
	/* He may. If there is an error, the dict did not say so. */
	LOGIN_DELAY_OVER,
};

struct login_delay_answer {
	enum login_delay_verdict verdict;
	unsigned int wait_secs;
	/* NULL = none; valid during the callback */
	const char *error;
};
typedef void login_delay_callback_t(const struct login_delay_answer *answer,
				    void *context);

/* Calls callback once, perhaps before it returns. dict: NULL = none; else it is
   one that answers asynchronously. delay_secs: more than 0. user is copied. */
void login_delay_check(struct dict *dict, const char *user,
		       unsigned int delay_secs,
		       enum policy_login_delay_failure failure,
		       login_delay_callback_t *callback, void *context);

/* Call before the dict is closed, which must follow: what has not been
   answered is answered UNKNOWN. */
void login_delay_abort(struct dict *dict);

#endif
