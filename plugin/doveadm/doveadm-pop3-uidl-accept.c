/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* doveadm pop3 uidl accept: the UIDLs that the next session shows are right,
   whatever was shown before. */

#include "lib.h"
#include "mail-index.h"
#include "mail-storage-private.h"
#include "mail-namespace.h"
#include "mail-user.h"
#include "doveadm-print.h"
#include "compat-doveadm.h"
#include "history.h"
#include "doveadm-pop3-policy.h"

#include <time.h>

/* Returns 0, or -1 and error_r. */
static int uidl_accept_mailbox(struct mailbox *box, const char **error_r)
{
	struct mailbox_transaction_context *trans;
	struct history_header header;
	struct history *history;
	int ret = 0;

	history = history_init(box);
	if (!history_is_persistent(history)) {
		*error_r = "The mailbox has no index on disk, so nothing is "
			"ever refused";
		ret = -1;
	} else {
		trans = mailbox_transaction_begin(box, 0, __func__);
		history_get_header(history, trans->view, &header);
		header.version = HISTORY_VERSION;
		header.uidls_accepted = time(NULL);
		history_set_header(history, &header);
		history_write(history, trans);
		ret = mailbox_transaction_commit(&trans);
		if (ret < 0)
			*error_r = mailbox_get_last_internal_error(box, NULL);
	}
	history_deinit(&history);
	return ret;
}

static int
cmd_pop3_uidl_accept_run(struct doveadm_mail_cmd_context *ctx,
			 struct mail_user *user)
{
	struct mail_namespace *ns = mail_namespace_find_inbox(user->namespaces);
	struct mailbox *box;
	const char *error;
	int ret = 0;

	box = mailbox_alloc(ns->list, "INBOX", MAILBOX_FLAG_IGNORE_ACLS);
	if (mailbox_open(box) < 0 || mailbox_sync(box, 0) < 0) {
		e_error(user->event, "INBOX: %s",
			mailbox_get_last_internal_error(box, NULL));
		doveadm_mail_failed_mailbox(ctx, box);
		ret = -1;
	} else if (uidl_accept_mailbox(box, &error) < 0) {
		e_error(user->event, "INBOX: %s", error);
		doveadm_mail_failed_error(ctx, MAIL_ERROR_TEMP);
		ret = -1;
	} else {
		doveadm_print(user->username);
		doveadm_print_num(
			mail_index_view_get_messages_count(box->view));
	}
	mailbox_free(&box);
	return ret;
}

static void
cmd_pop3_uidl_accept_init(struct doveadm_pop3_mail_cmd *cmd ATTR_UNUSED)
{
	doveadm_print_header_simple("user");
	doveadm_print_header("messages", "messages",
			     DOVEADM_PRINT_HEADER_FLAG_NUMBER);
}

static struct doveadm_mail_cmd_context *cmd_pop3_uidl_accept_alloc(void)
{
	struct doveadm_pop3_mail_cmd *cmd;

	cmd = doveadm_mail_cmd_alloc(struct doveadm_pop3_mail_cmd);
	cmd->ctx.v.run = cmd_pop3_uidl_accept_run;
	cmd->init = cmd_pop3_uidl_accept_init;
	doveadm_pop3_compat_set_init(cmd);
	doveadm_print_init(DOVEADM_PRINT_TYPE_TABLE);
	return &cmd->ctx;
}

struct doveadm_cmd_ver2 doveadm_cmd_pop3_uidl_accept = {
	.name = "pop3 uidl accept",
	.usage = DOVEADM_CMD_MAIL_USAGE_PREFIX,
	.mail_cmd = cmd_pop3_uidl_accept_alloc,
DOVEADM_CMD_PARAMS_START
DOVEADM_CMD_MAIL_COMMON
DOVEADM_CMD_PARAMS_END
};
