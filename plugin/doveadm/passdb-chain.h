/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_PASSDB_CHAIN_H
#define POP3_POLICY_PASSDB_CHAIN_H

/*
 * The passdbs of Dovecot's configuration, as doveconf prints them: does one of
 * them undo what passdb pop3_policy is for?
 */

/* Report each mistake of the chain in one line. A chain without pop3_policy has
   none. Returns 0, or -1 and *error_r (data stack) if the configuration can't
   be read. */
int passdb_chain_check(const char *config_path,
		       void (*report)(void *context, const char *text),
		       void *context, const char **error_r);

#endif
