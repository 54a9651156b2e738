/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* doveadm pop3 uidl export: the UIDLs that a user's sessions show, each with
   the GUID of its message. */

#include "lib.h"
#include "mail-storage-private.h"
#include "mail-user.h"
#include "doveadm-print.h"
#include "compat-doveadm.h"
#include "uidl-inbox.h"
#include "uidl-settings.h"
#include "doveadm-pop3-policy.h"

struct uidl_export_cmd {
	struct doveadm_pop3_mail_cmd cmd;
	struct dovecot_uidl_settings settings;
};

/* Returns 0, or -1 if its GUID can't be found out. */
static int uidl_export_message(struct uidl_inbox *inbox, struct mail *mail,
			       uint32_t seq)
{
	const char *guid;

	mail_set_seq(mail, seq);
	if (mail_get_special(mail, MAIL_FETCH_GUID, &guid) < 0) {
		if (mail->expunged)
			return 0;
		e_error(inbox->user->event, "INBOX: UID %u: %s", mail->uid,
			mailbox_get_last_internal_error(inbox->box, NULL));
		return -1;
	}
	doveadm_print(inbox->entries[seq - 1].uidl);
	doveadm_print(guid);
	return 0;
}

static int
cmd_pop3_uidl_export_run(struct doveadm_mail_cmd_context *_ctx,
			 struct mail_user *user)
{
	struct uidl_export_cmd *cmd =
		container_of(_ctx, struct uidl_export_cmd, cmd.ctx);
	struct uidl_inbox *inbox;
	struct mail *mail;
	uint32_t seq;
	int ret = 0;

	if (cmd->settings.format == NULL ||
	    uidl_inbox_open(_ctx, user, &cmd->settings, &inbox) < 0)
		return -1;
	mail = mail_alloc(inbox->trans, MAIL_FETCH_GUID, NULL);
	for (seq = 1; seq <= inbox->count && !doveadm_is_killed(); seq++) {
		if (seq_range_exists(&inbox->unseen, seq) ||
		    seq_range_exists(inbox->removed, seq))
			continue;
		T_BEGIN {
			if (uidl_export_message(inbox, mail, seq) < 0)
				ret = -1;
		} T_END;
	}
	mail_free(&mail);
	if (ret < 0)
		doveadm_mail_failed_error(_ctx, MAIL_ERROR_TEMP);
	uidl_inbox_close(&inbox);
	return ret;
}

static void cmd_pop3_uidl_export_init(struct doveadm_pop3_mail_cmd *_cmd)
{
	struct uidl_export_cmd *cmd =
		container_of(_cmd, struct uidl_export_cmd, cmd);
	const char *error;

	if (uidl_settings_read(_cmd->ctx.pool, &cmd->settings, &error) < 0) {
		i_error("%s", error);
		_cmd->ctx.exit_code = EX_CONFIG;
	}
	doveadm_print_header_simple("uidl");
	doveadm_print_header_simple("guid");
}

static struct doveadm_mail_cmd_context *cmd_pop3_uidl_export_alloc(void)
{
	struct uidl_export_cmd *cmd;

	cmd = doveadm_mail_cmd_alloc(struct uidl_export_cmd);
	cmd->cmd.ctx.v.run = cmd_pop3_uidl_export_run;
	cmd->cmd.init = cmd_pop3_uidl_export_init;
	doveadm_pop3_compat_set_init(&cmd->cmd);
	doveadm_print_init(DOVEADM_PRINT_TYPE_TAB);
	/* A listing is nothing but its lines. Of several users each begins
	   with the user; doveadm adds that column before init. */
	doveadm_print_hide_titles = TRUE;
	return &cmd->cmd.ctx;
}

struct doveadm_cmd_ver2 doveadm_cmd_pop3_uidl_export = {
	.name = "pop3 uidl export",
	.usage = DOVEADM_CMD_MAIL_USAGE_PREFIX,
	.mail_cmd = cmd_pop3_uidl_export_alloc,
DOVEADM_CMD_PARAMS_START
DOVEADM_CMD_MAIL_COMMON
DOVEADM_CMD_PARAMS_END
};
