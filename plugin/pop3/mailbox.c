/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "array.h"
#include "ioloop.h"
#include "istream.h"
#include "ostream.h"
#include "seq-range-array.h"
#include "mail-search.h"
#include "mail-storage-private.h"
#include "mail-index.h"
#include "cached-guid.h"
#include "delivery.h"
#include "expiry-plan.h"
#include "hidden-keyword.h"
#include "history.h"
#include "judge.h"
#include "policy-script.h"
#include "removal.h"
#include "user-policy.h"
#include "visible.h"
#include "session.h"
#include "mailbox.h"

struct pop3_policy_mailbox {
	union mailbox_module_context module_ctx;
	struct pop3_session *session;

	/* UIDNEXT when the session's scan began */
	uint32_t first_uidnext;
	/* The scan in which Dovecot learns what the session sees, and what it
	   shall not see */
	struct mail_search_context *scan;
	ARRAY_TYPE(seq_range) unseen;
	/* Why nothing can be shown, or NULL */
	char *scan_error;
	bool evaluating;

	/* From the first open on */
	struct removal *removal;
};

struct pop3_policy_mail {
	union mail_module_context module_ctx;

	/* The message that Dovecot is sending, or NULL */
	struct istream *sending;
	uint32_t sending_seq;

	/* While the message is being removed: its GUID, once it is known */
	bool expunging;
	const char *guid;
};

static MODULE_CONTEXT_DEFINE_INIT(pop3_policy_storage_module,
				  &mail_storage_module_register);
static MODULE_CONTEXT_DEFINE_INIT(pop3_policy_mail_module,
				  &mail_module_register);

#define POP3_POLICY_MAILBOX(box) \
	MODULE_CONTEXT(box, pop3_policy_storage_module)
#define POP3_POLICY_MAILBOX_REQUIRE(box) \
	MODULE_CONTEXT_REQUIRE(box, pop3_policy_storage_module)
#define POP3_POLICY_MAIL_REQUIRE(mail) \
	MODULE_CONTEXT_REQUIRE(mail, pop3_policy_mail_module)

/*
 * What the session sees
 */

static bool
is_first_scan(struct pop3_policy_mailbox *pbox, struct mailbox *box)
{
	struct client *client = pbox->session->client;

	return client->trans == NULL && client->mailbox == box &&
		!pbox->evaluating;
}

static void
mailbox_add_not_shown(struct pop3_policy_mailbox *pbox,
		      struct mailbox_transaction_context *trans)
{
	const struct pop3_session *session = pbox->session;
	const struct visible_asker asker = {
		.policy = session->policy,
		.history = session->history,
		.judge = session->judge,
		.now = session->facts.now,
	};
	const char *error;
	int ret;

	pbox->evaluating = TRUE;
	ret = visible_find_unseen(&asker, trans, &pbox->unseen, &error);
	pbox->evaluating = FALSE;
	if (ret < 0) {
		i_free(pbox->scan_error);
		pbox->scan_error = i_strdup(error);
	}
}

static void mailbox_scan_begin(struct pop3_policy_mailbox *pbox,
			       struct mailbox_transaction_context *trans)
{
	struct pop3_session *session = pbox->session;
	struct client *client = session->client;

	if (pbox->first_uidnext == 0) {
		pbox->first_uidnext =
			mail_index_get_header(trans->view)->next_uid;
	}
	if (array_is_created(&pbox->unseen))
		array_clear(&pbox->unseen);
	else
		i_array_init(&pbox->unseen, 16);
	i_free(pbox->scan_error);

	if (session->refused) {
		/* Dovecot goes on for a moment, with nobody to show it to. */
		seq_range_array_add_range(&pbox->unseen, 1, UINT32_MAX - 1);
	} else if (session->policy->state == USER_POLICY_BROKEN &&
		   session->policy->guards) {
		/* found out only when the mailbox was opened */
		pbox->scan_error = i_strdup(session->policy->error);
	} else T_BEGIN {
		hidden_keyword_scan(session->history, trans->view,
				    &pbox->unseen, &session->keywords_pending);
		mailbox_add_not_shown(pbox, trans);
	} T_END;

	if (array_is_created(&client->all_seqs)) {
		/* from an attempt that failed */
		array_clear(&client->all_seqs);
	} else if (pbox->scan_error != NULL || array_count(&pbox->unseen) > 0) {
		/* Dovecot would take all sequences up to the number of
		   messages for visible ones. */
		i_array_init(&client->all_seqs, 32);
	}
}

static struct mail_search_context *
pop3_policy_mailbox_search_init(struct mailbox_transaction_context *trans,
				struct mail_search_args *args,
				const enum mail_sort_type *sort_program,
				enum mail_fetch_field wanted_fields,
				struct mailbox_header_lookup_ctx *wanted_headers)
{
	struct pop3_policy_mailbox *pbox =
		POP3_POLICY_MAILBOX_REQUIRE(trans->box);
	struct mail_search_context *ctx;
	bool first_scan = is_first_scan(pbox, trans->box);

	if (first_scan)
		mailbox_scan_begin(pbox, trans);
	ctx = pbox->module_ctx.super.search_init(trans, args, sort_program,
						 wanted_fields, wanted_headers);
	if (first_scan)
		pbox->scan = ctx;
	return ctx;
}

static bool
pop3_policy_mailbox_search_next_update_seq(struct mail_search_context *ctx)
{
	struct pop3_policy_mailbox *pbox =
		POP3_POLICY_MAILBOX_REQUIRE(ctx->transaction->box);

	while (pbox->module_ctx.super.search_next_update_seq(ctx)) {
		if (ctx != pbox->scan ||
		    (pbox->scan_error == NULL &&
		     !seq_range_exists(&pbox->unseen, ctx->seq)))
			return TRUE;
		/* what is known about the skipped message must not be taken
		   for the next one's */
		mail_search_args_reset(ctx->args->args, FALSE);
	}
	return FALSE;
}

static int
pop3_policy_mailbox_search_deinit(struct mail_search_context *ctx)
{
	struct mailbox *box = ctx->transaction->box;
	struct pop3_policy_mailbox *pbox = POP3_POLICY_MAILBOX_REQUIRE(box);
	bool first_scan = ctx == pbox->scan;
	int ret;

	ret = pbox->module_ctx.super.search_deinit(ctx);
	if (!first_scan)
		return ret;
	pbox->scan = NULL;
	if (pbox->scan_error == NULL && ret == 0)
		pbox->session->mailbox_shown = TRUE;
	if (pbox->scan_error != NULL) {
		pop3_session_failure(pbox->session,
			"Can't tell which mail may be shown",
			pbox->scan_error);
		mail_storage_set_error(box->storage, MAIL_ERROR_TEMP,
				       "Mailbox can't be shown now");
		ret = -1;
	}
	return ret;
}

/*
 * Removal
 */

static bool mail_may_go(struct mail *mail)
{
	struct pop3_policy_mailbox *pbox =
		POP3_POLICY_MAILBOX_REQUIRE(mail->box);

	/* While it is busy, a copy of the message is on its way. */
	if (removal_is_busy(pbox->removal))
		return TRUE;
	if (removal_decide(pbox->removal, mail) != REMOVAL_REMOVE)
		return FALSE;
	removal_note(pbox->removal, mail);
	return TRUE;
}

static void pop3_policy_mail_expunge(struct mail *_mail)
{
	struct mail_private *mail = (struct mail_private *)_mail;
	struct pop3_policy_mail *pmail = POP3_POLICY_MAIL_REQUIRE(mail);

	pmail->expunging = TRUE;
	if (mail_may_go(_mail))
		pmail->module_ctx.super.expunge(_mail);
	pmail->expunging = FALSE;
	pmail->guid = NULL;
}

/* The journal asks for the GUID of what is removed, then Dovecot does for its
   transaction log. To find it takes longer than to write the line. */
static int
pop3_policy_mail_get_special(struct mail *_mail, enum mail_fetch_field field,
			     const char **value_r)
{
	struct mail_private *mail = (struct mail_private *)_mail;
	struct pop3_policy_mail *pmail = POP3_POLICY_MAIL_REQUIRE(mail);
	bool keep = field == MAIL_FETCH_GUID && pmail->expunging;

	if (keep && pmail->guid == NULL)
		pmail->guid = cached_guid_find(_mail);
	if (keep && pmail->guid != NULL) {
		*value_r = pmail->guid;
		return 0;
	}
	if (pmail->module_ctx.super.get_special(_mail, field, value_r) < 0)
		return -1;
	if (keep)
		pmail->guid = *value_r;
	return 0;
}

/* pop3_delete_type = flag: a keyword takes the place of removal. */
static void
pop3_policy_mail_update_keywords(struct mail *_mail,
				 enum modify_type modify_type,
				 struct mail_keywords *keywords)
{
	struct mail_private *mail = (struct mail_private *)_mail;
	struct pop3_policy_mail *pmail = POP3_POLICY_MAIL_REQUIRE(mail);
	struct pop3_policy_mailbox *pbox =
		POP3_POLICY_MAILBOX_REQUIRE(_mail->box);
	struct client *client = pbox->session->client;
	bool may_set = TRUE;

	if (client->quit_seen && modify_type == MODIFY_ADD &&
	    client->deleted_kw != NULL &&
	    keywords == client->deleted_kw) T_BEGIN {
		may_set = removal_decide(pbox->removal, _mail) ==
			REMOVAL_REMOVE;
	} T_END;
	if (may_set) {
		pmail->module_ctx.super.update_keywords(_mail, modify_type,
							keywords);
	}
}

/*
 * What was sent
 */

static int
pop3_policy_mail_get_stream(struct mail *_mail, bool get_body,
			    struct message_size *hdr_size,
			    struct message_size *body_size,
			    struct istream **stream_r)
{
	struct mail_private *mail = (struct mail_private *)_mail;
	struct pop3_policy_mail *pmail = POP3_POLICY_MAIL_REQUIRE(mail);
	const char *reason = mail->get_stream_reason;
	int ret;

	ret = pmail->module_ctx.super.get_stream(_mail, get_body, hdr_size,
						 body_size, stream_r);
	if (ret == 0 && pmail->sending == NULL && reason != NULL &&
	    (strcmp(reason, "RETR") == 0 || strcmp(reason, "TOP") == 0)) {
		pmail->sending = *stream_r;
		pmail->sending_seq = _mail->seq;
		i_stream_ref(pmail->sending);
	}
	return ret;
}

/* Once the message is to be removed, the journal asks for its GUID. Where that
   is kept in the message's own file, opening the file again for it would cost
   as much as the removal. Now it is open, and Dovecot puts what it finds into
   its cache. */
static void mail_cache_guid(struct mail *mail,
			    const struct pop3_session *session)
{
	const struct policy *policy = session->policy->policy;
	const char *guid;

	if (policy == NULL || policy->journal == POLICY_JOURNAL_OFF ||
	    strcmp(mail->box->storage->name, "maildir") == 0)
		return;
	T_BEGIN {
		(void)mail_get_special(mail, MAIL_FETCH_GUID, &guid);
	} T_END;
}

/* Dovecot frees the mail once it has put the last line into the output. */
static void mail_sending_finished(struct mail *mail,
				  struct pop3_policy_mail *pmail)
{
	struct pop3_policy_mailbox *pbox =
		POP3_POLICY_MAILBOX_REQUIRE(mail->box);
	struct pop3_session *session = pbox->session;
	struct ostream *output = session->client->output;
	bool whole;

	/* A TOP may have stopped right behind the last line. */
	whole = !output->closed && output->stream_errno == 0 &&
		i_stream_read_eof(pmail->sending) &&
		pmail->sending->stream_errno == 0;
	i_stream_unref(&pmail->sending);
	if (whole && session->delivery != NULL) {
		mail_cache_guid(mail, session);
		delivery_handed_over(session->delivery, pmail->sending_seq);
	}
}

static void pop3_policy_mail_free(struct mail *_mail)
{
	struct mail_private *mail = (struct mail_private *)_mail;
	struct pop3_policy_mail *pmail = POP3_POLICY_MAIL_REQUIRE(mail);

	if (pmail->sending != NULL)
		mail_sending_finished(_mail, pmail);
	pmail->module_ctx.super.free(_mail);
}

/*
 * Transactions and life of the mailbox
 */

static void mailbox_update_header(struct pop3_policy_mailbox *pbox,
				  struct mailbox_transaction_context *trans)
{
	struct pop3_session *session = pbox->session;
	struct mail_index_view *view;
	struct history_header header;
	bool has_changes = history_has_changes(session->history);

	/* Other sessions have written it meanwhile. */
	view = mail_index_view_open(trans->box->index);
	history_get_header(session->history, view, &header);
	mail_index_view_close(&view);
	if (header.first_watched_uid == 0) {
		header.version = HISTORY_VERSION;
		header.first_watched_uid = pbox->first_uidnext;
	}
	header.last_session = session->login_time;
	if (session->uidls_accepted)
		header.uidls_accepted = 0;
	if (has_changes) {
		/* what is due when depends on history */
		header.next_due = 0;
	}
	session->expiry_pending = FALSE;
	if (session->policy->state == USER_POLICY_ACTIVE) {
		switch (expiry_plan(session->policy->policy,
				    policy_script_has_hook(
					session->policy->script,
					SCRIPT_HOOK_EXPIRE), &header,
				    mail_index_get_header(trans->view)->next_uid,
				    ioloop_time)) {
		case EXPIRY_NOT_NOW:
			break;
		case EXPIRY_NOTE:
			(void)expiry_note_run(
				session->policy->policy->mode, &header,
				ioloop_time);
			break;
		case EXPIRY_RUN:
			session->expiry_pending = TRUE;
			break;
		}
	}
	history_set_header(session->history, &header);
}

/* Nothing may be removed or hidden. But what was retrieved has been. */
static int mailbox_refuse_removals(struct pop3_policy_mailbox *pbox,
				   struct mailbox_transaction_context *trans)
{
	struct mailbox *box = trans->box;

	removal_rollback(pbox->removal);
	pbox->module_ctx.super.transaction_rollback(trans);
	trans = mailbox_transaction_begin(box, 0, __func__);
	(void)mailbox_transaction_commit(&trans);
	removal_refuse(pbox->removal);
	return -1;
}

static int
pop3_policy_mailbox_transaction_commit(struct mailbox_transaction_context *trans,
				       struct mail_transaction_commit_changes *changes_r)
{
	struct mailbox *box = trans->box;
	struct pop3_policy_mailbox *pbox = POP3_POLICY_MAILBOX_REQUIRE(box);
	struct pop3_session *session = pbox->session;
	int ret;

	if (removal_is_busy(pbox->removal))
		return pbox->module_ctx.super.transaction_commit(trans, changes_r);
	if (session->judge != NULL)
		judge_forget_all(session->judge);
	if (removal_commit(pbox->removal) < 0)
		return mailbox_refuse_removals(pbox, trans);
	/* A session that was refused is none: nothing falls due at its end. */
	if (session->history != NULL && pbox->first_uidnext != 0 &&
	    !session->refused && !mailbox_is_readonly(box) &&
	    history_is_persistent(session->history)) {
		(void)mail_index_refresh(box->index);
		mailbox_update_header(pbox, trans);
		history_write(session->history, trans);
	}
	ret = pbox->module_ctx.super.transaction_commit(trans, changes_r);
	if (ret < 0)
		removal_commit_failed(pbox->removal);
	return ret;
}

static void
pop3_policy_mailbox_transaction_rollback(struct mailbox_transaction_context *trans)
{
	struct pop3_policy_mailbox *pbox =
		POP3_POLICY_MAILBOX_REQUIRE(trans->box);

	if (!removal_is_busy(pbox->removal)) {
		if (pbox->session->judge != NULL)
			judge_forget_all(pbox->session->judge);
		removal_rollback(pbox->removal);
	}
	pbox->module_ctx.super.transaction_rollback(trans);
}

static struct mailbox_sync_context *
pop3_policy_mailbox_sync_init(struct mailbox *box,
			      enum mailbox_sync_flags flags)
{
	struct pop3_policy_mailbox *pbox = POP3_POLICY_MAILBOX_REQUIRE(box);

	/* what is there afterwards has happened in the sync */
	if (pbox->session->client->quit_seen)
		mail_storage_clear_error(box->storage);
	return pbox->module_ctx.super.sync_init(box, flags);
}

/* QUIT syncs the mailbox after its commit and before its "+OK": the place to
   say that not everything was removed. A commit that failed instead would
   leave what was removed half done. */
static int
pop3_policy_mailbox_sync_deinit(struct mailbox_sync_context *ctx,
				struct mailbox_sync_status *status_r)
{
	struct mailbox *box = ctx->box;
	struct pop3_policy_mailbox *pbox = POP3_POLICY_MAILBOX_REQUIRE(box);
	bool failed;
	int ret;

	ret = pbox->module_ctx.super.sync_deinit(ctx, status_r);
	if (!pbox->session->client->quit_seen)
		return ret;
	failed = box->storage->error != MAIL_ERROR_NONE;
	if (ret == 0)
		return removal_finish(pbox->removal, failed);
	/* The client hears about this error, the journal what there is. */
	mail_storage_last_error_push(box->storage);
	(void)removal_finish(pbox->removal, TRUE);
	mail_storage_last_error_pop(box->storage);
	return ret;
}

static int pop3_policy_mailbox_open(struct mailbox *box)
{
	struct pop3_policy_mailbox *pbox = POP3_POLICY_MAILBOX_REQUIRE(box);

	removal_deinit(&pbox->removal);
	pbox->removal = removal_init(pbox->session, box);
	if (pbox->module_ctx.super.open(box) < 0)
		return -1;
	pop3_session_mailbox_opened(pbox->session, box);
	return 0;
}

static void pop3_policy_mailbox_close(struct mailbox *box)
{
	struct pop3_policy_mailbox *pbox = POP3_POLICY_MAILBOX_REQUIRE(box);

	removal_deinit(&pbox->removal);
	pop3_session_mailbox_closing(pbox->session);
	pbox->module_ctx.super.close(box);
}

static void pop3_policy_mailbox_free(struct mailbox *box)
{
	struct pop3_policy_mailbox *pbox = POP3_POLICY_MAILBOX_REQUIRE(box);

	if (array_is_created(&pbox->unseen))
		array_free(&pbox->unseen);
	removal_deinit(&pbox->removal);
	i_free(pbox->scan_error);
	pbox->module_ctx.super.free(box);
}

bool pop3_policy_mailbox_allocated(struct mailbox *box)
{
	struct mailbox_vfuncs *v = box->vlast;
	struct pop3_policy_mailbox *pbox;
	struct pop3_session *session;

	if ((box->flags & MAILBOX_FLAG_POP3_SESSION) == 0)
		return FALSE;
	session = pop3_session_find(box->storage->user);
	/* A virtual INBOX opens the mailboxes behind it with the same flags. */
	if (session == NULL || session->client->mailbox != NULL)
		return FALSE;

	pbox = p_new(box->pool, struct pop3_policy_mailbox, 1);
	pbox->session = session;
	pbox->module_ctx.super = *v;
	box->vlast = &pbox->module_ctx.super;
	v->open = pop3_policy_mailbox_open;
	v->close = pop3_policy_mailbox_close;
	v->free = pop3_policy_mailbox_free;
	v->search_init = pop3_policy_mailbox_search_init;
	v->search_next_update_seq = pop3_policy_mailbox_search_next_update_seq;
	v->search_deinit = pop3_policy_mailbox_search_deinit;
	v->transaction_commit = pop3_policy_mailbox_transaction_commit;
	v->transaction_rollback = pop3_policy_mailbox_transaction_rollback;
	v->sync_init = pop3_policy_mailbox_sync_init;
	v->sync_deinit = pop3_policy_mailbox_sync_deinit;
	MODULE_CONTEXT_SET(box, pop3_policy_storage_module, pbox);
	return TRUE;
}

void pop3_policy_mail_allocated(struct mail *_mail)
{
	struct mail_private *mail = (struct mail_private *)_mail;
	struct mail_vfuncs *v = mail->vlast;
	struct pop3_policy_mail *pmail;

	if (POP3_POLICY_MAILBOX(_mail->box) == NULL)
		return;

	pmail = p_new(mail->pool, struct pop3_policy_mail, 1);
	pmail->module_ctx.super = *v;
	mail->vlast = &pmail->module_ctx.super;
	v->expunge = pop3_policy_mail_expunge;
	v->get_special = pop3_policy_mail_get_special;
	v->update_keywords = pop3_policy_mail_update_keywords;
	v->get_stream = pop3_policy_mail_get_stream;
	v->free = pop3_policy_mail_free;
	MODULE_CONTEXT_SET(mail, pop3_policy_mail_module, pmail);
}
