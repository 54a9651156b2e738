/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "mail-user.h"
#include "old-listing.h"
#include "uidl-inbox.h"
#include "uidl-settings.h"
#include "uidl-listing-cmd.h"
#include "pop3-policy/uidl.h"

void uidl_listing_cmd_init(struct uidl_listing_cmd *cmd, bool with_server)
{
	struct doveadm_mail_cmd_context *ctx = &cmd->cmd.ctx;
	const char *error;

	if (uidl_settings_read(ctx->pool, &cmd->settings, &error) < 0) {
		i_error("%s", error);
		ctx->exit_code = EX_CONFIG;
	} else if (old_listings_init(ctx->cctx, with_server, &cmd->listings,
				     &error) < 0) {
		i_error("%s", error);
		ctx->exit_code = EX_USAGE;
	}
}

void uidl_listing_cmd_deinit(struct uidl_listing_cmd *cmd)
{
	old_listings_deinit(&cmd->listings);
}

int uidl_listing_cmd_prerun(struct doveadm_mail_cmd_context *ctx,
			    struct mail_storage_service_user *user ATTR_UNUSED,
			    const char **error_r ATTR_UNUSED)
{
	struct uidl_listing_cmd *cmd = UIDL_LISTING_CMD(ctx);

	if (cmd->listings != NULL)
		old_listings_prepare(cmd->listings, ctx->cctx->username);
	return 0;
}

int uidl_listing_cmd_run(struct doveadm_mail_cmd_context *ctx,
			 struct mail_user *user)
{
	struct uidl_listing_cmd *cmd = UIDL_LISTING_CMD(ctx);
	struct uidl_listing *listing;
	struct uidl_inbox *inbox;
	int ret = -1;

	if (cmd->listings == NULL)
		return -1;
	listing = old_listings_get(cmd->listings, user);
	if (listing == NULL) {
		ctx->exit_code = EX_NOINPUT;
	} else if (uidl_inbox_open(ctx, user, &cmd->settings, &inbox) == 0) {
		ret = cmd->inbox(cmd, listing, inbox);
		uidl_inbox_close(&inbox);
	}
	uidl_listing_free(&listing);
	return ret;
}
