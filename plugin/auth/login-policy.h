/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_LOGIN_POLICY_H
#define POP3_POLICY_LOGIN_POLICY_H

/*
 * The policy of who is about to log in, as far as the auth process knows it:
 * the section that an earlier passdb named by userdb_pop3_policy, else the
 * user's own, his domain's or the default one. What only the userdb names is
 * not known yet; the pop3 process judges by that.
 */

#include "pop3-policy/policy.h"
#include "passdb.h"

enum login_policy_state {
	/* Nobody knows: refuse. */
	LOGIN_POLICY_BROKEN = 0,
	/* No section concerns this user. */
	LOGIN_POLICY_NONE,
	LOGIN_POLICY_ACTIVE,
};

struct login_policy {
	enum login_policy_state state;
	/* ACTIVE; else NULL */
	struct policy *policy;
	/* BROKEN: what is wrong (data stack), and whether it may guard who
	   logs in how */
	const char *error;
	bool guards;
};

/* Always succeeds; deinit it. */
void login_policy_init(struct login_policy *login_r,
		       const struct pop3_passdb *passdb,
		       const struct auth_request *request);
void login_policy_deinit(struct login_policy *login);

#endif
