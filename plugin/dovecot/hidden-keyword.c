/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "mail-storage-private.h"
#include "history.h"
#include "maildir-names.h"
#include "hidden-keyword.h"

enum keyword_work {
	KEYWORD_WORK_NONE,
	KEYWORD_WORK_SET,	/* put it on */
	KEYWORD_WORK_DATE,	/* it is on, the record doesn't know */
	KEYWORD_WORK_UNDONE,	/* it was taken off */
};

static enum keyword_work
keyword_work(const struct history_record *rec, bool has_keyword)
{
	bool is_set = (rec->flags & HISTORY_KEYWORD_SET) != 0;

	if (rec->hidden != 0 && !is_set)
		return KEYWORD_WORK_SET;
	if (has_keyword && rec->hidden == 0)
		return KEYWORD_WORK_DATE;
	if (!has_keyword && is_set)
		return KEYWORD_WORK_UNDONE;
	return KEYWORD_WORK_NONE;
}

void hidden_keyword_scan(struct history *history, struct mail_index_view *view,
			 ARRAY_TYPE(seq_range) *seqs, bool *is_pending_r)
{
	struct history_record rec;
	uint32_t seq, count;
	bool has_keyword;

	*is_pending_r = FALSE;
	if (!history_may_have_hidden(history, view))
		return;
	count = mail_index_view_get_messages_count(view);
	for (seq = 1; seq <= count; seq++) {
		history_get(history, view, seq, &rec);
		has_keyword = history_has_keyword(history, view, seq);
		if (history_is_hidden(&rec, has_keyword))
			seq_range_array_add(seqs, seq);
		if (keyword_work(&rec, has_keyword) != KEYWORD_WORK_NONE)
			*is_pending_r = TRUE;
	}
}

static int
keyword_create(struct mailbox *box, struct mail_keywords **keywords_r,
	       const char **error_r)
{
	static const char *const names[] = { HISTORY_KEYWORD, NULL };

	if (mailbox_keywords_create(box, names, keywords_r) < 0) {
		*error_r = mailbox_get_last_internal_error(box, NULL);
		return -1;
	}
	return 0;
}

int hidden_keyword_update(struct mailbox *box, struct history *history,
			  int64_t now, const char **error_r)
{
	struct mailbox_transaction_context *trans;
	struct mail_keywords *keywords;
	ARRAY_TYPE(seq_range) uids;
	struct history_record rec;
	struct mail *mail;
	uint32_t seq, count;
	bool failed;

	t_array_init(&uids, 16);
	if (keyword_create(box, &keywords, error_r) < 0)
		return -1;
	trans = mailbox_transaction_begin(box, 0, __func__);
	mail = mail_alloc(trans, 0, NULL);
	count = mail_index_view_get_messages_count(trans->view);
	for (seq = 1; seq <= count; seq++) {
		history_get(history, trans->view, seq, &rec);
		switch (keyword_work(&rec, history_has_keyword(
					history, trans->view, seq))) {
		case KEYWORD_WORK_NONE:
			break;
		case KEYWORD_WORK_SET:
			mail_set_seq(mail, seq);
			mail_update_keywords(mail, MODIFY_ADD, keywords);
			seq_range_array_add(&uids, mail->uid);
			break;
		case KEYWORD_WORK_DATE:
			history_note_keyword(history, trans->view, seq,
					     TRUE, now);
			break;
		case KEYWORD_WORK_UNDONE:
			history_note_keyword(history, trans->view, seq,
					     FALSE, now);
			break;
		}
	}
	mail_free(&mail);
	mailbox_keywords_unref(&keywords);

	history_write(history, trans);
	if (mailbox_transaction_commit(&trans) < 0 ||
	    hidden_keyword_sync(box, &failed) < 0 || failed) {
		*error_r = mailbox_get_last_internal_error(box, NULL);
		return -1;
	}
	return hidden_keyword_confirm(box, history, &uids, now, error_r);
}

int hidden_keyword_sync(struct mailbox *box, bool *failed_r)
{
	int ret;

	mail_storage_clear_error(box->storage);
	ret = mailbox_sync(box, 0);
	*failed_r = box->storage->error != MAIL_ERROR_NONE;
	return ret;
}

/* After a sync: which of them really have it? */
static int keywords_find(struct mailbox *box, struct history *history,
			 const ARRAY_TYPE(seq_range) *uids,
			 ARRAY_TYPE(seq_range) *found, const char **error_r)
{
	struct mail_index_view *view;
	struct seq_range_iter iter;
	unsigned int n = 0;
	uint32_t uid, seq;

	if (strcmp(box->storage->name, "maildir") == 0) {
		return maildir_names_with_keyword(box, HISTORY_KEYWORD, uids,
						  found, error_r);
	}
	if (mail_index_refresh(box->index) < 0) {
		*error_r = "Can't refresh the index";
		return -1;
	}
	view = mail_index_view_open(box->index);
	seq_range_array_iter_init(&iter, uids);
	while (seq_range_array_iter_nth(&iter, n++, &uid)) {
		if (mail_index_lookup_seq(view, uid, &seq) &&
		    history_has_keyword(history, view, seq))
			seq_range_array_add(found, uid);
	}
	mail_index_view_close(&view);
	return 0;
}

int hidden_keyword_confirm(struct mailbox *box, struct history *history,
			   const ARRAY_TYPE(seq_range) *uids, int64_t now,
			   const char **error_r)
{
	struct mailbox_transaction_context *trans;
	ARRAY_TYPE(seq_range) found;
	struct seq_range_iter iter;
	unsigned int n = 0;
	uint32_t uid, seq;

	if (array_is_empty(uids))
		return 0;
	t_array_init(&found, 16);
	if (keywords_find(box, history, uids, &found, error_r) < 0)
		return -1;
	trans = mailbox_transaction_begin(box, 0, __func__);
	seq_range_array_iter_init(&iter, &found);
	while (seq_range_array_iter_nth(&iter, n++, &uid)) {
		if (mail_index_lookup_seq(trans->view, uid, &seq)) {
			history_note_keyword(history, trans->view, seq,
					     TRUE, now);
		}
	}
	history_write(history, trans);
	if (mailbox_transaction_commit(&trans) < 0) {
		*error_r = mailbox_get_last_internal_error(box, NULL);
		return -1;
	}
	if (seq_range_count(&found) < seq_range_count(uids)) {
		*error_r = "The mail's files can't be renamed";
		return -1;
	}
	return 0;
}

int hidden_keyword_hide(struct mail *mail, struct history *history,
			int64_t now, const char **error_r)
{
	struct mail_index_view *view = mail->transaction->view;
	struct mail_keywords *keywords;

	if (keyword_create(mail->box, &keywords, error_r) < 0)
		return -1;
	mail_update_keywords(mail, MODIFY_ADD, keywords);
	mailbox_keywords_unref(&keywords);
	history_note_hidden(history, view, mail->seq, now);
	return 0;
}
