/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "array.h"
#include "mail-index.h"
#include "mail-storage-private.h"
#include "mail-namespace.h"
#include "mail-user.h"
#include "doveadm-mail.h"
#include "hidden-keyword.h"
#include "history.h"
#include "judge.h"
#include "policy-events.h"
#include "policy-script.h"
#include "session-facts.h"
#include "uidl-settings.h"
#include "user-policy.h"
#include "visible.h"
#include "uidl-inbox.h"

#include <time.h>

struct uidl_inbox_private {
	struct uidl_inbox inbox;

	struct event *event;
	struct policy_session_facts session;
	struct history *history;
	/* NULL where there is no policy */
	struct judge *judge;
	pool_t pool;
	struct mailbox_uidls *uidls;
	/* By sequence - 1: number of the message in a session, from 1; 0 = it
	   doesn't show it */
	uint32_t *numbers;
};

static bool uidl_inbox_is_shown(void *context, uint32_t seq)
{
	const struct uidl_inbox_private *inbox = context;

	return inbox->numbers[seq - 1] != 0;
}

/*
 * What a script wants to know
 */

static uint32_t uidl_inbox_get_number(void *context, uint32_t seq)
{
	const struct uidl_inbox_private *inbox = context;

	return inbox->numbers == NULL || inbox->numbers[seq - 1] == 0 ?
		seq : inbox->numbers[seq - 1];
}

static int
uidl_inbox_script_get(void *context, enum script_field field,
		      struct mail *mail, struct script_value *value_r)
{
	struct uidl_inbox_private *inbox = context;

	if (field != SCRIPT_MESSAGE_UIDL || inbox->uidls == NULL)
		return 0;
	return mailbox_uidls_get_base(inbox->uidls, mail->seq, &value_r->text,
				      &value_r->text) < 0 ? -1 : 1;
}

static void uidl_inbox_begin_script(struct uidl_inbox_private *inbox)
{
	struct user_policy *policy = inbox->inbox.policy;
	const struct policy_script_session host = {
		.get_number = uidl_inbox_get_number,
		.get = uidl_inbox_script_get,
		.context = inbox,
	};
	const char *error;

	if (policy->script == NULL)
		return;
	if (policy_script_begin(policy->script, inbox->inbox.user,
				inbox->event, &error) < 0)
		user_policy_set_broken(policy, error);
	else
		policy_script_set_session(policy->script, &host);
}

/*
 * Opening
 */

/* Returns 0, or -1 and error_r. */
static int
uidl_inbox_find_unseen(struct uidl_inbox_private *inbox, const char **error_r)
{
	struct mailbox_transaction_context *trans = inbox->inbox.trans;
	const struct visible_asker asker = {
		.policy = inbox->inbox.policy,
		.history = inbox->history,
		.judge = inbox->judge,
		.now = inbox->session.now,
	};
	uint32_t seq, number = 0, count =
		mail_index_view_get_messages_count(trans->view);
	bool pending;

	hidden_keyword_scan(inbox->history, trans->view,
			    &inbox->inbox.unseen, &pending);
	if (visible_find_unseen(&asker, trans, &inbox->inbox.unseen,
				error_r) < 0)
		return -1;
	inbox->numbers = p_new(inbox->pool, uint32_t, I_MAX(count, 1));
	for (seq = 1; seq <= count; seq++) {
		if (!seq_range_exists(&inbox->inbox.unseen, seq))
			inbox->numbers[seq - 1] = ++number;
	}
	return 0;
}

/* Returns 0, or -1 and error_r. */
static int
uidl_inbox_make(struct uidl_inbox_private *inbox,
		const struct dovecot_uidl_settings *common,
		const char **error_r)
{
	struct mailbox_uidls_params params = {
		.trans = inbox->inbox.trans,
		.policy = inbox->inbox.policy,
		.history = inbox->history,
		.judge = inbox->judge,
		.is_shown = uidl_inbox_is_shown,
		.context = inbox,
		.want_unseen = TRUE,
		.pool = inbox->pool,
	};

	if (uidl_inbox_find_unseen(inbox, error_r) < 0)
		return -1;
	uidl_settings_of_user(common, inbox->inbox.user, &params.dovecot);
	inbox->uidls = mailbox_uidls_init(&params);
	if (mailbox_uidls_make(inbox->uidls, error_r) < 0)
		return -1;
	inbox->inbox.entries = mailbox_uidls_get(inbox->uidls,
						 &inbox->inbox.count);
	inbox->inbox.removed = mailbox_uidls_get_removed(inbox->uidls);
	return 0;
}

/* Returns 0, or -1 and error_r. */
static int
uidl_inbox_begin(struct uidl_inbox_private *inbox,
		 const struct dovecot_uidl_settings *common,
		 const char **error_r)
{
	const struct user_policy *policy = inbox->inbox.policy;
	int ret;

	session_facts_init(&inbox->session, inbox->inbox.user, time(NULL));
	inbox->history = history_init(inbox->inbox.box);
	if (policy->state == USER_POLICY_ACTIVE) {
		inbox->judge = judge_init(policy->policy, &inbox->session,
					  inbox->history, policy->script);
	}
	inbox->inbox.trans = mailbox_transaction_begin(inbox->inbox.box, 0,
						       __func__);
	T_BEGIN {
		ret = uidl_inbox_make(inbox, common, error_r);
	} T_END_PASS_STR_IF(ret < 0, error_r);
	return ret;
}

static int
uidl_inbox_open_box(struct uidl_inbox_private *inbox,
		    struct doveadm_mail_cmd_context *ctx)
{
	struct mail_user *user = inbox->inbox.user;
	struct mail_namespace *ns = mail_namespace_find_inbox(user->namespaces);

	inbox->inbox.box = mailbox_alloc(ns->list, "INBOX",
					 MAILBOX_FLAG_IGNORE_ACLS);
	if (mailbox_open(inbox->inbox.box) == 0 &&
	    mailbox_sync(inbox->inbox.box, 0) == 0)
		return 0;
	e_error(user->event, "INBOX: %s", mailbox_get_last_internal_error(
		inbox->inbox.box, NULL));
	doveadm_mail_failed_mailbox(ctx, inbox->inbox.box);
	return -1;
}

static void uidl_inbox_free(struct uidl_inbox_private *inbox)
{
	mailbox_uidls_deinit(&inbox->uidls);
	if (inbox->judge != NULL)
		judge_deinit(&inbox->judge);
	if (inbox->inbox.trans != NULL)
		(void)mailbox_transaction_commit(&inbox->inbox.trans);
	history_deinit(&inbox->history);
	if (inbox->inbox.box != NULL)
		mailbox_free(&inbox->inbox.box);
	user_policy_free(&inbox->inbox.policy);
	event_unref(&inbox->event);
	pool_unref(&inbox->pool);
}

int uidl_inbox_open(struct doveadm_mail_cmd_context *ctx,
		    struct mail_user *user,
		    const struct dovecot_uidl_settings *common,
		    struct uidl_inbox **inbox_r)
{
	struct uidl_inbox_private *inbox;
	const char *error;
	pool_t pool;
	int ret = -1;

	pool = pool_alloconly_create("uidl inbox", 4096);
	inbox = p_new(pool, struct uidl_inbox_private, 1);
	inbox->pool = pool;
	inbox->inbox.user = user;
	inbox->inbox.policy = user_policy_load(user);
	inbox->event = policy_event_create(user, inbox->inbox.policy->section);
	p_array_init(&inbox->inbox.unseen, pool, 8);
	uidl_inbox_begin_script(inbox);

	if (inbox->inbox.policy->state == USER_POLICY_BROKEN) {
		e_error(user->event, "The policy is broken: %s",
			inbox->inbox.policy->error);
		ctx->exit_code = EX_CONFIG;
	} else if (uidl_inbox_open_box(inbox, ctx) == 0) {
		ret = uidl_inbox_begin(inbox, common, &error);
		if (ret < 0) {
			e_error(user->event, "INBOX: %s", error);
			doveadm_mail_failed_error(ctx, MAIL_ERROR_TEMP);
		}
	}
	if (ret < 0)
		uidl_inbox_free(inbox);
	else
		*inbox_r = &inbox->inbox;
	return ret;
}

void uidl_inbox_close(struct uidl_inbox **_inbox)
{
	struct uidl_inbox_private *inbox =
		container_of(*_inbox, struct uidl_inbox_private, inbox);

	*_inbox = NULL;
	uidl_inbox_free(inbox);
}
