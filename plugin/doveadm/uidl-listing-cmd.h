/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_UIDL_LISTING_CMD_H
#define POP3_POLICY_UIDL_LISTING_CMD_H

#include "compat-doveadm.h"
#include "dovecot-uidl.h"

/*
 * What doveadm pop3 uidl import and verify have in common: for each user, the
 * old server's listing beside the INBOX.
 */

struct uidl_inbox;
struct uidl_listing;
struct old_listings;

struct uidl_listing_cmd {
	struct doveadm_pop3_mail_cmd cmd;
	struct dovecot_uidl_settings settings;
	/* NULL if the command can't be run as it was given */
	struct old_listings *listings;

	/* Returns 0, or -1, noted in the command's context. */
	int (*inbox)(struct uidl_listing_cmd *cmd,
		     const struct uidl_listing *listing,
		     struct uidl_inbox *inbox);
};

#define UIDL_LISTING_CMD(ctx) \
	container_of(ctx, struct uidl_listing_cmd, cmd.ctx)

/* Reads settings and where the listings are. with_server: it may be a server.
   If that fails it is logged, and noted in the command's context. */
void uidl_listing_cmd_init(struct uidl_listing_cmd *cmd, bool with_server);
void uidl_listing_cmd_deinit(struct uidl_listing_cmd *cmd);

/* For the mail command's v.prerun and v.run. */
int uidl_listing_cmd_prerun(struct doveadm_mail_cmd_context *ctx,
			    struct mail_storage_service_user *user,
			    const char **error_r);
int uidl_listing_cmd_run(struct doveadm_mail_cmd_context *ctx,
			 struct mail_user *user);

#endif
