/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "mail-storage-private.h"
#include "history.h"
#include "hidden-keyword.h"

enum keyword_work {
	KEYWORD_WORK_NONE,
	KEYWORD_WORK_SET,	/* put it on */
	KEYWORD_WORK_DATE,	/* it is on, the record doesn't know */
	KEYWORD_WORK_UNDONE,	/* it was taken off */
};

static enum keyword_work
keyword_work(struct history *history, struct mail_index_view *view,
	     uint32_t seq)
{
	struct policy_message_facts facts;
	struct history_record rec;
	bool is_set;

	history_get(history, view, seq, &rec);
	is_set = (rec.flags & HISTORY_KEYWORD_SET) != 0;
	if (rec.hidden != 0 && !is_set) {
		/* the keyword may be there already if the record could not
		   be written */
		return KEYWORD_WORK_SET;
	}

	i_zero(&facts);
	history_get_facts(history, view, seq, 0, &facts);
	if (facts.hidden && (rec.hidden == 0 || !is_set))
		return KEYWORD_WORK_DATE;
	if (!facts.hidden && is_set)
		return KEYWORD_WORK_UNDONE;
	return KEYWORD_WORK_NONE;
}

bool hidden_keyword_is_pending(struct history *history,
			       struct mail_index_view *view, uint32_t seq)
{
	return keyword_work(history, view, seq) != KEYWORD_WORK_NONE;
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
	struct mail *mail;
	uint32_t seq, count;

	if (keyword_create(box, &keywords, error_r) < 0)
		return -1;
	trans = mailbox_transaction_begin(box, 0, __func__);
	mail = mail_alloc(trans, 0, NULL);
	count = mail_index_view_get_messages_count(trans->view);
	for (seq = 1; seq <= count; seq++) {
		switch (keyword_work(history, trans->view, seq)) {
		case KEYWORD_WORK_NONE:
			break;
		case KEYWORD_WORK_SET:
			mail_set_seq(mail, seq);
			mail_update_keywords(mail, MODIFY_ADD, keywords);
			/* fall through */
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
	    mailbox_sync(box, 0) < 0) {
		*error_r = mailbox_get_last_internal_error(box, NULL);
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
	history_note_keyword(history, view, mail->seq, TRUE, now);
	return 0;
}
