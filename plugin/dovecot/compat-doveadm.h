/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_COMPAT_DOVEADM_H
#define POP3_POLICY_COMPAT_DOVEADM_H

/*
 * The part of compat.h that is about doveadm. It is a header of its own, and
 * compat-doveadm-23.c and compat-doveadm-24.c are linked into the doveadm
 * module only, because they refer to symbols that only doveadm has.
 */

#include "doveadm-mail.h"
#include "compat.h"

/* The settings in force for doveadm as such, when it does not act for a user.
   As pop3_policy_compat_settings(). */
int doveadm_pop3_compat_settings(pool_t pool,
				 struct pop3_policy_settings *set_r,
				 const char **error_r);

/* Are OAuth2 tokens verified before any passdb is asked? Else a passdb does
   it. */
bool doveadm_pop3_compat_verifies_tokens(void);

/* Begins the struct of each mail command. */
struct doveadm_pop3_mail_cmd {
	struct doveadm_mail_cmd_context ctx;
	/* The letters of its own options, as getopt() wants them; NULL = it
	   has none */
	const char *options;
	/* Called once the parameters are there and before the first user. */
	void (*init)(struct doveadm_pop3_mail_cmd *cmd);
};

/* Lets ctx.v.init call cmd->init, and the options be given. */
void doveadm_pop3_compat_set_init(struct doveadm_pop3_mail_cmd *cmd);

struct istream;
struct mail_user;
struct ostream;
struct ssl_iostream;

/* Put TLS between the streams, as a client of host, by the user's settings
   ssl_client_..., which say how its certificate is verified when both shake
   hands. Returns 0, or -1 and *error_r (data stack). */
int doveadm_pop3_compat_start_tls(struct mail_user *user, const char *host,
				  struct istream **input,
				  struct ostream **output,
				  struct ssl_iostream **ssl_r,
				  const char **error_r);

#endif
