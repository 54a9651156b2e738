/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "array.h"
#include "ioloop.h"
#include "str.h"
#include "seq-range-array.h"
#include "mail-index.h"
#include "mail-storage-private.h"
#include "mail-user.h"
#include "session-facts.h"
#include "guard-inbox.h"
#include "guard-journal.h"
#include "guard-keywords.h"
#include "guard-transaction.h"
#include "guard.h"

struct guard_mailbox {
	union mailbox_module_context module_ctx;
	bool exempt;
	/* Is it an INBOX? Found out when it is asked for. */
	bool inbox_known, is_inbox;
	/* Its transactions commit those of mailboxes behind it. */
	bool is_virtual;
	time_t flags_reread;
	/* Kept since the last sync */
	struct policy_refusals kept;
	/* Committed since then, their journals have no outcomes yet. Not
	   created until there is one. */
	ARRAY(struct guard_transaction *) unfinished;
};

struct guard_mail {
	union mail_module_context module_ctx;
	/* A plugin inside moves it elsewhere, which expunges it once more. */
	bool expunging;
};

/* The virtual mailbox whose commit is going on; its client hears what the
   mailboxes behind it refuse. */
static struct guard_mailbox *committing_virtual;

static MODULE_CONTEXT_DEFINE_INIT(guard_user_module,
				  &mail_user_module_register);
static MODULE_CONTEXT_DEFINE_INIT(guard_storage_module,
				  &mail_storage_module_register);
static MODULE_CONTEXT_DEFINE_INIT(guard_mail_module, &mail_module_register);

#define GUARD_USER(user) MODULE_CONTEXT(user, guard_user_module)
#define GUARD_MAILBOX(box) MODULE_CONTEXT(box, guard_storage_module)
#define GUARD_MAILBOX_REQUIRE(box) \
	MODULE_CONTEXT_REQUIRE(box, guard_storage_module)
#define GUARD_TRANSACTION(trans) MODULE_CONTEXT(trans, guard_storage_module)
#define GUARD_MAIL_REQUIRE(mail) MODULE_CONTEXT_REQUIRE(mail, guard_mail_module)

static struct guard_user *guard_user_get(struct mail_user *user)
{
	struct guard_user *guser = GUARD_USER(user);

	if (guser == NULL) {
		guser = p_new(user->pool, struct guard_user, 1);
		session_facts_init(&guser->facts, user, ioloop_time);
		guser->want_decision_events = policy_events_want_decisions();
		MODULE_CONTEXT_SET(user, guard_user_module, guser);
	}
	return guser;
}

/* Is this mailbox of any concern? */
static bool guard_mailbox_is_inbox(struct mailbox *box)
{
	struct guard_mailbox *gbox = GUARD_MAILBOX_REQUIRE(box);

	if (gbox->exempt || box->storage->user->dsyncing)
		return FALSE;
	if (!gbox->inbox_known) {
		gbox->is_inbox = guard_inbox_is(box);
		gbox->inbox_known = TRUE;
	}
	return gbox->is_inbox;
}

static struct guard_transaction *
guard_transaction_get(struct mailbox_transaction_context *trans)
{
	struct guard_mailbox *gbox = GUARD_MAILBOX_REQUIRE(trans->box);
	struct guard_transaction *gt = GUARD_TRANSACTION(trans);

	if (gt == NULL) {
		gt = guard_transaction_create(trans,
			guard_user_get(trans->box->storage->user),
			guard_mailbox_is_inbox(trans->box),
			&gbox->flags_reread);
		MODULE_CONTEXT_SET(trans, guard_storage_module, gt);
	}
	return gt;
}

/*
 * What the client hears
 */

static void
str_append_refusals(string_t *str, unsigned int count, const char *reason)
{
	if (count > 0)
		str_printfa(str, "%s%u %s", str_len(str) == 0 ? "" : ", ",
			    count, reason);
}

static void guard_set_error(struct mailbox *box, const char *what,
			    const struct policy_refusals *refusals)
{
	bool for_good = refusals->hold > 0 || refusals->min_retention > 0;
	string_t *str = t_str_new(64);

	str_append_refusals(str, refusals->hold, "on hold");
	str_append_refusals(str, refusals->min_retention,
			    "too young to be removed");
	str_append_refusals(str, refusals->errors, "can't be judged now");
	mail_storage_set_error(box->storage, for_good ? MAIL_ERROR_PERM :
			       MAIL_ERROR_UNAVAILABLE,
			       t_strdup_printf("%s: %s", what, str_c(str)));
}

static void
guard_set_error_kept(struct mailbox *box, const struct policy_refusals *kept)
{
	unsigned int count = policy_refusals_count(kept);

	guard_set_error(box, t_strdup_printf("%u message%s not removed", count,
					     count == 1 ? "" : "s"), kept);
}

static void policy_refusals_add(struct policy_refusals *dest,
				const struct policy_refusals *src)
{
	dest->hold += src->hold;
	dest->min_retention += src->min_retention;
	dest->errors += src->errors;
}

/*
 * Mail
 */

static void guard_mail_expunge(struct mail *_mail)
{
	struct mail_private *mail = (struct mail_private *)_mail;
	struct guard_mail *gmail = GUARD_MAIL_REQUIRE(mail);
	struct guard_transaction *gt =
		guard_transaction_get(_mail->transaction);

	/* One that is just being saved is not in the mailbox yet. */
	if (!gt->executing && !gmail->expunging && !_mail->saving) {
		switch (gt->mode) {
		case GUARD_BROKEN:
			gt->autoexpunge = mail->autoexpunged;
			gt->refusals[mail->autoexpunged ? GUARD_AUTOEXPUNGE :
				     GUARD_EXPUNGE].errors++;
			return;
		case GUARD_JUDGE:
			gt->autoexpunge = mail->autoexpunged;
			seq_range_array_add(&gt->pending, _mail->seq);
			return;
		case GUARD_OFF:
		case GUARD_WATCH:
			break;
		}
	}
	if (gmail->expunging) {
		gmail->module_ctx.super.expunge(_mail);
		return;
	}
	if (gt->mode != GUARD_OFF && !_mail->saving)
		guard_transaction_removing(gt, _mail);
	gmail->expunging = TRUE;
	gmail->module_ctx.super.expunge(_mail);
	gmail->expunging = FALSE;
}

static void
guard_mail_update_keywords(struct mail *_mail, enum modify_type modify_type,
			   struct mail_keywords *keywords)
{
	struct mail_private *mail = (struct mail_private *)_mail;
	struct guard_mail *gmail = GUARD_MAIL_REQUIRE(mail);
	struct guard_transaction *gt;

	if (modify_type != MODIFY_ADD && !_mail->saving) {
		gt = guard_transaction_get(_mail->transaction);
		if ((gt->mode == GUARD_BROKEN || gt->mode == GUARD_JUDGE) &&
		    !guard_keywords_may_change(gt, _mail, modify_type,
					       keywords))
			return;
	}
	gmail->module_ctx.super.update_keywords(_mail, modify_type, keywords);
}

/* May the message be moved to another mailbox? Once it has been copied it is
   too late: each try would leave one more copy. */
static bool guard_mail_may_move(struct mail *mail, struct mailbox *dest)
{
	struct guard_transaction *gt;
	struct policy_refusals before, refusals;
	enum policy_reason reason;

	if (GUARD_MAILBOX(mail->box) == NULL)
		return TRUE;
	gt = guard_transaction_get(mail->transaction);
	before = gt->refusals[GUARD_MOVE];
	if (gt->executing || gt->mode == GUARD_OFF ||
	    gt->mode == GUARD_WATCH ||
	    guard_transaction_may_remove(gt, mail->seq, GUARD_MOVE, &reason)) {
		if (gt->journal != NULL)
			guard_journal_moving(gt->journal, mail, dest);
		return TRUE;
	}

	refusals = gt->refusals[GUARD_MOVE];
	refusals.hold -= before.hold;
	refusals.min_retention -= before.min_retention;
	refusals.errors -= before.errors;
	T_BEGIN {
		guard_set_error(dest, "Message can't be moved", &refusals);
		if (mail->box->storage != dest->storage)
			guard_set_error(mail->box, "Message can't be moved",
					&refusals);
	} T_END;
	return FALSE;
}

/*
 * Mailbox
 */

static int
guard_mailbox_copy(struct mail_save_context *ctx, struct mail *mail)
{
	struct mailbox *box = ctx->transaction->box;
	struct guard_mailbox *gbox = GUARD_MAILBOX_REQUIRE(box);

	/* mail is the one behind copy_src_mail if that is virtual */
	if (ctx->moving &&
	    (!guard_mail_may_move(mail, box) ||
	     (ctx->copy_src_mail != NULL && ctx->copy_src_mail != mail &&
	      !guard_mail_may_move(ctx->copy_src_mail, box)))) {
		mailbox_save_cancel(&ctx);
		return -1;
	}
	return gbox->module_ctx.super.copy(ctx, mail);
}

/* Finish what was permitted: whoever hears of a failed commit does not sync,
   which is where mail files go. */
static void guard_mailbox_sync_again(struct mailbox *box)
{
	struct mailbox *box2;

	box2 = mailbox_alloc(box->list, box->vname, MAILBOX_FLAG_IGNORE_ACLS);
	mail_storage_last_error_push(box->storage);
	(void)mailbox_sync(box2, 0);
	mail_storage_last_error_pop(box->storage);
	mailbox_free(&box2);
}

/* Returns FALSE, with the storage's error set, if the transaction as a whole
   must not be committed. */
static bool guard_transaction_permit(struct guard_transaction *gt)
{
	struct mailbox *box = gt->trans->box;
	const struct policy_refusals *keyword = &gt->refusals[GUARD_KEYWORD];
	struct policy_refusals removal = gt->refusals[GUARD_EXPUNGE];

	policy_refusals_add(&removal, &gt->refusals[GUARD_AUTOEXPUNGE]);
	if (policy_refusals_count(keyword) > 0) {
		guard_set_error(box, "Keyword can't be taken off", keyword);
		return FALSE;
	}
	if (policy_refusals_count(&removal) > 0) {
		/* the policy is broken */
		guard_set_error_kept(box, &removal);
		return FALSE;
	}
	guard_transaction_execute(gt);
	return TRUE;
}

/* Keep a transaction that has been committed until the outcomes of its journal
   are known. */
static void guard_mailbox_add_unfinished(struct guard_mailbox *gbox,
					 struct guard_transaction *gt)
{
	if (!array_is_created(&gbox->unfinished))
		i_array_init(&gbox->unfinished, 4);
	array_push_back(&gbox->unfinished, &gt);
}

/* The mailbox has been synced, or is about to be closed. */
static void guard_mailbox_finish(struct guard_mailbox *gbox)
{
	struct guard_transaction *gt;

	if (!array_is_created(&gbox->unfinished))
		return;
	array_foreach_elem(&gbox->unfinished, gt) {
		T_BEGIN {
			guard_journal_finish(gt->journal);
		} T_END;
		guard_transaction_free(&gt);
	}
	array_free(&gbox->unfinished);
}

/* Write the journal before the commit. Returns FALSE if that must not be. */
static bool guard_transaction_write_journal(struct guard_transaction *gt)
{
	if (gt->journal == NULL || guard_journal_sync(gt->journal) == 0)
		return TRUE;
	mail_storage_set_error(gt->trans->box->storage, MAIL_ERROR_UNAVAILABLE,
			       "Messages not removed: "
			       "the journal can't be written");
	return FALSE;
}

static int
guard_mailbox_transaction_commit(struct mailbox_transaction_context *trans,
				 struct mail_transaction_commit_changes *changes_r)
{
	struct mailbox *box = trans->box;
	struct guard_mailbox *gbox = GUARD_MAILBOX_REQUIRE(box);
	struct guard_transaction *gt = GUARD_TRANSACTION(trans);
	struct guard_mailbox *outer = committing_virtual;
	struct policy_refusals kept, autoexpunge;
	int ret;

	i_zero(&kept);
	i_zero(&autoexpunge);
	if (gt != NULL) {
		bool permitted = guard_transaction_permit(gt) &&
			guard_transaction_write_journal(gt);

		kept = gt->refusals[GUARD_EXPUNGE];
		autoexpunge = gt->refusals[GUARD_AUTOEXPUNGE];
		guard_transaction_close(gt);
		if (!permitted) {
			guard_transaction_rollback(&gt);
			gbox->module_ctx.super.transaction_rollback(trans);
			return -1;
		}
		if (gt->journal == NULL ||
		    !guard_journal_is_pending(gt->journal))
			guard_transaction_free(&gt);
	}
	if (gbox->is_virtual)
		committing_virtual = gbox;
	ret = gbox->module_ctx.super.transaction_commit(trans, changes_r);
	committing_virtual = outer;
	if (ret < 0) {
		guard_transaction_rollback(&gt);
		return -1;
	}
	if (gt != NULL)
		guard_mailbox_add_unfinished(gbox, gt);

	policy_refusals_add(outer != NULL ? &outer->kept : &gbox->kept, &kept);
	if (policy_refusals_count(&autoexpunge) > 0) {
		/* It goes on for ever unless it is told that it can't. */
		guard_mailbox_sync_again(box);
		guard_set_error_kept(box, &autoexpunge);
		return -1;
	}
	return 0;
}

static void
guard_mailbox_transaction_rollback(struct mailbox_transaction_context *trans)
{
	struct guard_mailbox *gbox = GUARD_MAILBOX_REQUIRE(trans->box);
	struct guard_transaction *gt = GUARD_TRANSACTION(trans);

	guard_transaction_rollback(&gt);
	gbox->module_ctx.super.transaction_rollback(trans);
}

static int guard_mailbox_sync_deinit(struct mailbox_sync_context *ctx,
				     struct mailbox_sync_status *status_r)
{
	struct mailbox *box = ctx->box;
	struct guard_mailbox *gbox = GUARD_MAILBOX_REQUIRE(box);
	int ret;

	ret = gbox->module_ctx.super.sync_deinit(ctx, status_r);
	mail_storage_last_error_push(box->storage);
	guard_mailbox_finish(gbox);
	mail_storage_last_error_pop(box->storage);
	if (policy_refusals_count(&gbox->kept) > 0) {
		if (ret == 0) T_BEGIN {
			guard_set_error_kept(box, &gbox->kept);
		} T_END;
		i_zero(&gbox->kept);
		ret = -1;
	}
	return ret;
}

static void guard_mailbox_close(struct mailbox *box)
{
	struct guard_mailbox *gbox = GUARD_MAILBOX_REQUIRE(box);

	guard_mailbox_finish(gbox);
	gbox->module_ctx.super.close(box);
}

/* Is there anything in the open mailbox that may not go? */
static bool
guard_mailbox_find_protected(struct mailbox *box,
			     enum guard_operation operation,
			     struct policy_refusals *refusals_r)
{
	struct mailbox_transaction_context *trans;
	struct guard_transaction *gt;
	enum policy_reason reason;
	uint32_t seq, count;
	bool protected = FALSE;

	trans = mailbox_transaction_begin(box, 0, __func__);
	gt = guard_transaction_get(trans);
	if (gt->mode == GUARD_BROKEN || gt->mode == GUARD_JUDGE) {
		count = mail_index_view_get_messages_count(trans->view);
		for (seq = 1; seq <= count && !protected; seq++) {
			protected = !guard_transaction_may_remove(
				gt, seq, operation, &reason);
		}
	}
	*refusals_r = gt->refusals[operation];
	mailbox_transaction_rollback(&trans);
	return protected;
}

/* All mail of the open mailbox is about to be moved to dest. Returns 0 and
   gt_r, which has the journal's outcomes still to come, NULL if there are
   none; or -1 if the journal can't be written, with the storage's error
   set. */
static int
guard_mailbox_journal_renaming(struct mailbox *box, struct mailbox *dest,
			       struct guard_transaction **gt_r)
{
	struct mailbox_transaction_context *trans;
	struct guard_transaction *gt;
	struct mail *mail;
	uint32_t seq, count;
	int ret = 0;

	*gt_r = NULL;
	trans = mailbox_transaction_begin(box, 0, __func__);
	gt = guard_transaction_get(trans);
	if (gt->journal != NULL) {
		mail = mail_alloc(trans, 0, NULL);
		count = mail_index_view_get_messages_count(trans->view);
		for (seq = 1; seq <= count; seq++) {
			mail_set_seq(mail, seq);
			guard_journal_moving(gt->journal, mail, dest);
			guard_journal_removing(gt->journal, mail);
		}
		mail_free(&mail);
		if (!guard_transaction_write_journal(gt))
			ret = -1;
		else if (guard_journal_is_pending(gt->journal)) {
			MODULE_CONTEXT_UNSET(trans, guard_storage_module);
			guard_transaction_close(gt);
			*gt_r = gt;
		}
	}
	mailbox_transaction_rollback(&trans);
	return ret;
}

/* May the INBOX go away under this name? If not, the storage's error is set.
   dest: what it is renamed to, for the journal, or NULL. */
static bool
guard_mailbox_may_go(struct mailbox *box, enum guard_operation operation,
		     struct mailbox *dest, struct guard_transaction **gt_r)
{
	struct policy_refusals refusals;
	struct mailbox *box2;
	enum mail_error error;
	const char *what = operation == GUARD_DELETE ?
		"Mailbox can't be deleted, it has mail" :
		"Mailbox can't be renamed, it has mail";
	bool ret = TRUE;

	if (!guard_mailbox_is_inbox(box) || guard_inbox_is_link(box))
		return TRUE;
	/* the first one need not be open */
	box2 = mailbox_alloc(box->list, box->vname,
			     MAILBOX_FLAG_READONLY | MAILBOX_FLAG_IGNORE_ACLS);
	if (mailbox_open(box2) < 0 ||
	    mailbox_sync(box2, MAILBOX_SYNC_FLAG_FULL_READ) < 0) {
		(void)mailbox_get_last_internal_error(box2, &error);
		ret = error == MAIL_ERROR_NOTFOUND;
		if (!ret)
			mail_storage_copy_error(box->storage, box2->storage);
	} else if (guard_mailbox_find_protected(box2, operation, &refusals)) {
		guard_set_error(box, what, &refusals);
		ret = FALSE;
	} else if (dest != NULL &&
		   guard_mailbox_journal_renaming(box2, dest, gt_r) < 0) {
		mail_storage_copy_error(box->storage, box2->storage);
		ret = FALSE;
	}
	mailbox_free(&box2);
	return ret;
}

static int guard_mailbox_delete(struct mailbox *box)
{
	struct guard_mailbox *gbox = GUARD_MAILBOX_REQUIRE(box);

	/* what Dovecot removes before it deletes the mailbox is journalled */
	if (!guard_mailbox_may_go(box, GUARD_DELETE, NULL, NULL))
		return -1;
	return gbox->module_ctx.super.delete_box(box);
}

static int guard_mailbox_rename(struct mailbox *src, struct mailbox *dest)
{
	struct guard_mailbox *gbox = GUARD_MAILBOX_REQUIRE(src);
	struct guard_transaction *gt = NULL;
	int ret;

	if (!guard_mailbox_may_go(src, GUARD_RENAME, dest, &gt))
		return -1;
	ret = gbox->module_ctx.super.rename_box(src, dest);
	if (gt == NULL)
		return ret;
	mail_storage_last_error_push(src->storage);
	if (ret < 0)
		guard_transaction_rollback(&gt);
	else T_BEGIN {
		guard_journal_finish_renamed(gt->journal);
		guard_transaction_free(&gt);
	} T_END;
	mail_storage_last_error_pop(src->storage);
	return ret;
}

void pop3_policy_guard_exempt(struct mailbox *box)
{
	struct guard_mailbox *gbox = GUARD_MAILBOX(box);

	if (gbox != NULL)
		gbox->exempt = TRUE;
}

void pop3_policy_guard_mailbox_allocated(struct mailbox *box)
{
	struct mailbox_vfuncs *v = box->vlast;
	struct guard_mailbox *gbox;

	gbox = p_new(box->pool, struct guard_mailbox, 1);
	gbox->is_virtual = strcmp(box->storage->name, "virtual") == 0;
	gbox->module_ctx.super = *v;
	box->vlast = &gbox->module_ctx.super;
	v->copy = guard_mailbox_copy;
	v->transaction_commit = guard_mailbox_transaction_commit;
	v->transaction_rollback = guard_mailbox_transaction_rollback;
	v->sync_deinit = guard_mailbox_sync_deinit;
	v->close = guard_mailbox_close;
	v->delete_box = guard_mailbox_delete;
	v->rename_box = guard_mailbox_rename;
	MODULE_CONTEXT_SET(box, guard_storage_module, gbox);
}

void pop3_policy_guard_mail_allocated(struct mail *_mail)
{
	struct mail_private *mail = (struct mail_private *)_mail;
	struct mail_vfuncs *v = mail->vlast;
	struct guard_mail *gmail;

	if (GUARD_MAILBOX(_mail->box) == NULL)
		return;

	gmail = p_new(mail->pool, struct guard_mail, 1);
	gmail->module_ctx.super = *v;
	mail->vlast = &gmail->module_ctx.super;
	v->expunge = guard_mail_expunge;
	v->update_keywords = guard_mail_update_keywords;
	MODULE_CONTEXT_SET(mail, guard_mail_module, gmail);
}
