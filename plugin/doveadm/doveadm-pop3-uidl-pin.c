/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* doveadm pop3 uidl pin: let messages keep the UIDLs that sessions show today,
   whatever the policy becomes. doveadm pop3 uidl unpin: forget all that are
   kept. */

#include "lib.h"
#include "mail-storage-private.h"
#include "mail-namespace.h"
#include "mail-user.h"
#include "doveadm-print.h"
#include "compat-doveadm.h"
#include "kept-uidls.h"
#include "uidl-inbox.h"
#include "uidl-settings.h"
#include "user-policy.h"
#include "doveadm-pop3-policy.h"

struct uidl_pin_cmd {
	struct doveadm_pop3_mail_cmd cmd;
	struct dovecot_uidl_settings settings;
};

/* Returns 1, 0 if there is nothing to be kept, -1 and error_r. */
static int
uidl_pin_message(struct uidl_inbox *inbox, struct kept_uidls_change *change,
		 struct mail *mail, uint32_t seq, const char **error_r)
{
	const char *guid, *uidl = inbox->entries[seq - 1].uidl;

	if (seq_range_exists(inbox->removed, seq) ||
	    kept_uidls_change_get(change, seq) != NULL)
		return 0;
	mail_set_seq(mail, seq);
	if (mail_get_special(mail, MAIL_FETCH_GUID, &guid) < 0) {
		if (mail->expunged)
			return 0;
		*error_r = t_strdup_printf("UID %u: %s", mail->uid,
			mailbox_get_last_internal_error(inbox->box, NULL));
		return -1;
	}
	if (!uidl_is_valid(uidl) || guid[0] == '\0') {
		*error_r = t_strdup_printf(
			"UID %u: It can't be kept: UIDL '%s', GUID '%s'",
			mail->uid, uidl, guid);
		return -1;
	}
	kept_uidls_change_set(change, seq, guid, uidl);
	return 1;
}

/* Returns 0, or -1 and error_r. */
static int
uidl_pin_inbox(struct uidl_inbox *inbox, unsigned int *pinned_r,
	       unsigned int *kept_r, const char **error_r)
{
	struct kept_uidls_change *change;
	struct mail *mail;
	uint32_t seq;
	int ret = 0;

	*pinned_r = 0;
	if (kept_uidls_change_begin(inbox->trans, &change, error_r) < 0)
		return -1;
	mail = mail_alloc(inbox->trans, MAIL_FETCH_GUID, NULL);
	for (seq = 1; seq <= inbox->count && ret >= 0; seq++) T_BEGIN {
		ret = uidl_pin_message(inbox, change, mail, seq, error_r);
		if (ret > 0)
			*pinned_r += 1;
	} T_END_PASS_STR_IF(ret < 0, error_r);
	mail_free(&mail);
	if (ret < 0) {
		kept_uidls_change_cancel(&change);
		return -1;
	}
	*kept_r = kept_uidls_change_count(change);
	return kept_uidls_change_commit(&change, error_r);
}

static int
cmd_pop3_uidl_pin_run(struct doveadm_mail_cmd_context *_ctx,
		      struct mail_user *user)
{
	struct uidl_pin_cmd *cmd =
		container_of(_ctx, struct uidl_pin_cmd, cmd.ctx);
	struct uidl_inbox *inbox;
	unsigned int pinned, kept;
	const char *error;
	int ret;

	if (cmd->settings.format == NULL ||
	    uidl_inbox_open(_ctx, user, &cmd->settings, &inbox) < 0)
		return -1;
	ret = uidl_pin_inbox(inbox, &pinned, &kept, &error);
	if (ret < 0) {
		e_error(user->event, "Pinning UIDLs failed: %s", error);
		doveadm_mail_failed_error(_ctx, MAIL_ERROR_TEMP);
	} else {
		if (inbox->policy->state == USER_POLICY_NONE && kept > 0) {
			e_warning(user->event, "No section of the policy is "
				  "this user's: what is pinned has no effect "
				  "until one is");
		}
		doveadm_print(user->username);
		doveadm_print_num(pinned);
		doveadm_print_num(kept);
	}
	uidl_inbox_close(&inbox);
	return ret;
}

static void cmd_pop3_uidl_pin_init(struct doveadm_pop3_mail_cmd *_cmd)
{
	struct uidl_pin_cmd *cmd =
		container_of(_cmd, struct uidl_pin_cmd, cmd);
	const char *error;

	if (uidl_settings_read(_cmd->ctx.pool, &cmd->settings, &error) < 0) {
		i_error("%s", error);
		_cmd->ctx.exit_code = EX_CONFIG;
	}
	doveadm_print_header_simple("user");
	doveadm_print_header("pinned", "pinned",
			     DOVEADM_PRINT_HEADER_FLAG_NUMBER);
	doveadm_print_header("kept", "kept", DOVEADM_PRINT_HEADER_FLAG_NUMBER);
}

static struct doveadm_mail_cmd_context *cmd_pop3_uidl_pin_alloc(void)
{
	struct uidl_pin_cmd *cmd;

	cmd = doveadm_mail_cmd_alloc(struct uidl_pin_cmd);
	cmd->cmd.ctx.v.run = cmd_pop3_uidl_pin_run;
	cmd->cmd.init = cmd_pop3_uidl_pin_init;
	doveadm_pop3_compat_set_init(&cmd->cmd);
	doveadm_print_init(DOVEADM_PRINT_TYPE_TABLE);
	return &cmd->cmd.ctx;
}

/* The policy isn't asked, nor does the store have to be readable. */
static int
cmd_pop3_uidl_unpin_run(struct doveadm_mail_cmd_context *ctx,
			struct mail_user *user)
{
	struct mail_namespace *ns = mail_namespace_find_inbox(user->namespaces);
	struct mailbox *box;
	const char *error;
	int ret;

	box = mailbox_alloc(ns->list, "INBOX", MAILBOX_FLAG_IGNORE_ACLS);
	ret = mailbox_open(box);
	if (ret < 0) {
		e_error(user->event, "INBOX: %s",
			mailbox_get_last_internal_error(box, NULL));
		doveadm_mail_failed_mailbox(ctx, box);
	} else {
		ret = kept_uidls_remove_all(box, &error);
		if (ret < 0) {
			e_error(user->event, "%s", error);
			doveadm_mail_failed_error(ctx, MAIL_ERROR_TEMP);
		} else {
			doveadm_print(user->username);
		}
	}
	mailbox_free(&box);
	return ret;
}

static void
cmd_pop3_uidl_unpin_init(struct doveadm_pop3_mail_cmd *cmd ATTR_UNUSED)
{
	doveadm_print_header_simple("user");
}

static struct doveadm_mail_cmd_context *cmd_pop3_uidl_unpin_alloc(void)
{
	struct doveadm_pop3_mail_cmd *cmd;

	cmd = doveadm_mail_cmd_alloc(struct doveadm_pop3_mail_cmd);
	cmd->ctx.v.run = cmd_pop3_uidl_unpin_run;
	cmd->init = cmd_pop3_uidl_unpin_init;
	doveadm_pop3_compat_set_init(cmd);
	doveadm_print_init(DOVEADM_PRINT_TYPE_TABLE);
	return &cmd->ctx;
}

struct doveadm_cmd_ver2 doveadm_cmd_pop3_uidl_pin = {
	.name = "pop3 uidl pin",
	.usage = DOVEADM_CMD_MAIL_USAGE_PREFIX,
	.mail_cmd = cmd_pop3_uidl_pin_alloc,
DOVEADM_CMD_PARAMS_START
DOVEADM_CMD_MAIL_COMMON
DOVEADM_CMD_PARAMS_END
};

struct doveadm_cmd_ver2 doveadm_cmd_pop3_uidl_unpin = {
	.name = "pop3 uidl unpin",
	.usage = DOVEADM_CMD_MAIL_USAGE_PREFIX,
	.mail_cmd = cmd_pop3_uidl_unpin_alloc,
DOVEADM_CMD_PARAMS_START
DOVEADM_CMD_MAIL_COMMON
DOVEADM_CMD_PARAMS_END
};
