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
   *unseen_mechanisms_r: those besides PLAIN, LOGIN and APOP that are enabled
   and whose logins passdb pop3_policy never sees, in upper case, ended by NULL
   (data stack). tokens_come_verified: see
   doveadm_pop3_compat_verifies_tokens() */
enum passdb_chain_logins
passdb_chain_check(const char *text, bool tokens_come_verified,
		   void (*report)(void *context, const char *text),
		   void *context, const char *const **unseen_mechanisms_r);

#endif
