/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_PASSDB_CHAIN_H
#define POP3_POLICY_PASSDB_CHAIN_H

/*
 * The passdbs of Dovecot's configuration, as doveconf prints them: does one of
 * them undo what passdb pop3_policy is for?
 */

/* Which logins does passdb pop3_policy see after the secret was right, so that
   it can enforce login_delay? */
enum passdb_chain_logins {
	/* unknown */
	PASSDB_CHAIN_LOGINS_UNKNOWN = 0,
	/* It is not in the chain. */
	PASSDB_CHAIN_LOGINS_NONE,
	/* No passdb comes before it. */
	PASSDB_CHAIN_LOGINS_APOP,
	PASSDB_CHAIN_LOGINS_ALL,
};

/* text: what doveconf prints of passdb and auth_mechanisms. Report each mistake
   of the chain in one line. A chain without pop3_policy has none.
   *unseen_mechanism_r: one that is enabled and whose logins passdb pop3_policy
   never sees, in upper case (data stack), or NULL. */
enum passdb_chain_logins
passdb_chain_check(const char *text,
		   void (*report)(void *context, const char *text),
		   void *context, const char **unseen_mechanism_r);

#endif
