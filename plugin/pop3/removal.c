/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "array.h"
#include "ioloop.h"
#include "seq-range-array.h"
#include "mail-index.h"
#include "mail-storage-private.h"
#include "archive.h"
#include "fresh-flags.h"
#include "hidden-keyword.h"
#include "history.h"
#include "journal.h"
#include "maildir-mtimes.h"
#include "remaining.h"
#include "session.h"
#include "shown-uidl.h"
#include "user-policy.h"
#include "removal.h"

/* Setting the keyword renames a file on Maildir. If more messages than this
   are deleted, it waits until the client has gone, which costs another opening
   of the mailbox. */
#define REMOVAL_MAX_KEYWORDS 16

struct removal {
	struct pop3_session *session;
	struct mailbox *box;
	/* Before Dovecot read it; not set where it isn't a Maildir */
	struct maildir_mtimes mtimes;

	/* The verdicts of this QUIT are based on fresh flags and history */
	bool refreshed;
	/* ... which has another UIDVALIDITY than at the login: its UIDs are
	   those of other messages */
	bool numbered_anew;
	/* Hooks of the mailbox concern the removal itself */
	bool busy;
	/* Messages that it was asked to remove and did not */
	unsigned int kept;
	bool kept_by_doubt;
	/* Messages that are hidden, archived or removed */
	unsigned int intended;
	/* UIDs that it hid instead */
	ARRAY_TYPE(seq_range) hidden;
	/* Those of them that were given the keyword, too */
	ARRAY_TYPE(seq_range) keyworded;
	/* UIDs that have to be gone afterwards */
	ARRAY_TYPE(seq_range) removed;
	/* ... and those of which there is a copy in an archive */
	ARRAY_TYPE(seq_range) moved;
	/* Those that were gone already when their turn came */
	ARRAY_TYPE(seq_range) gone;
	/* UIDs with which something else happened than the journal says, and
	   those whose removal is still to be finished */
	ARRAY_TYPE(seq_range) failed, pending;
	/* Copies that it makes, or NULL */
	struct archive *archive;
	/* NULL until there is something to be written */
	struct journal *journal;
	struct shown_uidl *shown;
};

static bool index_has_all_flags(struct removal *removal)
{
	struct mailbox *box = removal->box;

	return fresh_flags_are_in_index(box) ||
		(strcmp(box->storage->name, "maildir") == 0 &&
		 maildir_mtimes_are_same(box, &removal->mtimes));
}

static bool removal_is_numbered_anew(struct removal *removal)
{
	struct mail_index_view *view;
	uint32_t uid_validity;

	view = mail_index_view_open(removal->box->index);
	uid_validity = mail_index_get_header(view)->uid_validity;
	mail_index_view_close(&view);
	return uid_validity != removal->session->client->uid_validity;
}

/* Others may have flagged a message, or taken a hiding back, between DELE and
   QUIT. */
static void removal_refresh(struct removal *removal)
{
	struct pop3_session *session = removal->session;
	const char *error;

	if (removal->refreshed)
		return;
	removal->refreshed = TRUE;

	if (fresh_flags_read(removal->box, session->uses_flags &&
			     !index_has_all_flags(removal), &error) < 0) {
		pop3_session_failure(session, "Can't reread flags at QUIT",
				     error);
		session->flags_unknown = TRUE;
	}
	removal->numbered_anew = removal_is_numbered_anew(removal);
	pop3_session_refresh(session);
}

static void removal_add_kept(struct removal *removal,
			     unsigned int count, bool doubt)
{
	removal->kept += count;
	removal->session->counters.kept_at_quit += count;
	if (count > 0 && doubt)
		removal->kept_by_doubt = TRUE;
}

static void removal_intend(struct removal *removal, struct mail *mail,
			   enum journal_action action,
			   const struct policy_verdict *decided)
{
	struct pop3_session *session = removal->session;
	struct journal_message message = {
		.action = action,
		.verdict = decided,
		.question = POLICY_QUESTION_DELETE,
	};

	removal->intended++;
	if (session->policy->policy->journal == POLICY_JOURNAL_OFF)
		return;
	if (removal->journal == NULL) {
		removal->journal = journal_init(removal->box->list,
						session->policy->policy,
						&session->facts,
						session->event);
		removal->shown = shown_uidl_init(session);
	}
	message.uidl = shown_uidl_get(removal->shown, mail);
	message.size = shown_uidl_get_size(removal->shown, mail);
	journal_intent(removal->journal, mail, &message);
}

static int
removal_archive(struct removal *removal, struct mail *mail, const char *name)
{
	struct pop3_session *session = removal->session;
	const char *error;
	int ret;

	if (removal->archive == NULL)
		removal->archive =
			archive_init(removal->box, session->history);
	removal->busy = TRUE;
	ret = archive_mail(removal->archive, mail, name, &error);
	removal->busy = FALSE;
	if (ret < 0)
		pop3_session_failure(session, "Can't archive mail", error);
	return ret;
}

/* Before the commit of everything else, so that originals are never gone
   without a copy. What fails here stays, the rest goes on. */
static void removal_commit_archives(struct removal *removal)
{
	struct pop3_session *session = removal->session;
	ARRAY_TYPE(seq_range) moved, failed;
	const char *error;

	t_array_init(&moved, 8);
	t_array_init(&failed, 8);
	removal->busy = TRUE;
	if (archive_commit(removal->archive, &moved, &failed, &error) < 0)
		pop3_session_failure(session, "Can't archive mail", error);
	removal->busy = FALSE;

	history_forget(session->history, &moved);
	session->counters.archived += seq_range_count(&moved);
	seq_range_array_merge(&removal->moved, &moved);
	seq_range_array_merge(&removal->failed, &failed);
	removal_add_kept(removal, seq_range_count(&failed), TRUE);
}

static int removal_hide(struct removal *removal, struct mail *mail)
{
	struct pop3_session *session = removal->session;
	const char *error;

	if (!history_is_persistent(session->history))
		return -1;
	seq_range_array_add(&removal->hidden, mail->uid);
	if (session->client->deleted_count <= REMOVAL_MAX_KEYWORDS &&
	    hidden_keyword_hide(mail, session->history, session->facts.now,
				&error) == 0) {
		seq_range_array_add(&removal->keyworded, mail->uid);
	} else {
		history_note_hidden(session->history, mail->transaction->view,
				    mail->seq, session->facts.now);
		session->keywords_pending = TRUE;
	}
	session->counters.hidden++;
	return 0;
}

static enum removal_outcome
removal_execute(struct removal *removal, struct mail *mail)
{
	struct pop3_session *session = removal->session;
	struct policy_verdict verdict, decided;

	removal->busy = TRUE;
	pop3_session_quit_verdict(session, mail->transaction, mail->seq,
				  &verdict, &decided);
	removal->busy = FALSE;

	switch (verdict.action) {
	case POLICY_ACTION_DENY:
		break;
	case POLICY_ACTION_HIDE:
		if (removal_hide(removal, mail) < 0) {
			verdict.reason = POLICY_REASON_ERROR;
			break;
		}
		removal_intend(removal, mail, JOURNAL_HIDE, &decided);
		return REMOVAL_KEEP;
	case POLICY_ACTION_ARCHIVE:
		if (removal_archive(removal, mail, verdict.mailbox) < 0) {
			verdict.reason = POLICY_REASON_ERROR;
			break;
		}
		removal_intend(removal, mail, JOURNAL_ARCHIVE, &decided);
		return REMOVAL_KEEP;
	case POLICY_ACTION_ALLOW:
		session->counters.removed++;
		removal_intend(removal, mail,
			       session->client->deleted_kw != NULL ?
			       JOURNAL_HIDE : JOURNAL_REMOVE, &decided);
		return REMOVAL_REMOVE;
	}
	removal_add_kept(removal, 1, verdict.reason == POLICY_REASON_ERROR);
	return REMOVAL_KEEP;
}

/* How many of the messages that QUIT removed are still there? */
static unsigned int removal_count_remaining(struct removal *removal)
{
	ARRAY_TYPE(seq_range) remaining;
	unsigned int count;

	seq_range_array_merge(&removal->removed, &removal->moved);
	array_clear(&removal->moved);
	if (array_is_empty(&removal->removed))
		return 0;
	i_array_init(&remaining, 8);
	remaining_find(removal->box, &removal->removed, &remaining);
	count = seq_range_count(&remaining);
	seq_range_array_merge(&removal->pending, &remaining);
	array_free(&remaining);
	array_clear(&removal->removed);
	return count;
}

/* With another UIDVALIDITY all messages of a session are gone, even if they
   are there under the same UIDs. Nobody has asked the policy about those, so
   they were not removed. */
static void removal_check_gone(struct removal *removal)
{
	ARRAY_TYPE(seq_range) found;
	unsigned int count;

	if (array_is_empty(&removal->gone))
		return;
	i_array_init(&found, 8);
	if (removal_is_numbered_anew(removal))
		seq_range_array_merge(&found, &removal->gone);
	else
		remaining_find_in_index(removal->box, &removal->gone, &found);
	count = seq_range_count(&found);
	array_free(&found);
	array_clear(&removal->gone);
	if (count > 0) {
		pop3_session_failure(removal->session, "Can't remove mail",
			"the INBOX has been numbered anew since the login");
		removal_add_kept(removal, count, TRUE);
	}
}

/* What became of what the journal says? */
static void removal_write_outcomes(struct removal *removal)
{
	if (removal->journal != NULL)
		journal_outcomes(removal->journal, &removal->failed,
				 &removal->pending);
	array_clear(&removal->failed);
	array_clear(&removal->pending);
	array_clear(&removal->hidden);
	removal->intended = 0;
}

/* What the client shall hear. */
static void removal_set_error(struct removal *removal)
{
	mail_storage_set_error(removal->box->storage,
		removal->kept_by_doubt ? MAIL_ERROR_TEMP : MAIL_ERROR_PERM,
		t_strdup_printf("%u message%s not deleted", removal->kept,
				removal->kept == 1 ? "" : "s"));
	removal->kept = 0;
}

static void removal_confirm_keywords(struct removal *removal, bool sync_failed)
{
	struct pop3_session *session = removal->session;
	const char *error;

	if (array_is_empty(&removal->keyworded))
		return;
	removal->busy = TRUE;
	if (sync_failed ||
	    hidden_keyword_confirm(removal->box, session->history,
				   &removal->keyworded, session->facts.now,
				   &error) < 0) {
		/* the record alone hides them until then */
		session->keywords_pending = TRUE;
	}
	removal->busy = FALSE;
	array_clear(&removal->keyworded);
}

static int removal_check(struct removal *removal)
{
	struct pop3_session *session = removal->session;
	unsigned int not_removed = removal_count_remaining(removal);

	if (not_removed > 0) {
		pop3_session_failure(session, "Can't remove mail",
			t_strdup_printf("%u messages are still there after "
					"QUIT", not_removed));
		/* those that were archived have a copy, and are still here */
		session->counters.removed -=
			I_MIN(not_removed, session->counters.removed);
		removal_add_kept(removal, not_removed, TRUE);
	}
	if (!array_is_empty(&removal->hidden) &&
	    !history_is_persistent(session->history)) {
		/* The disk was full: it will be shown again. */
		seq_range_array_merge(&removal->failed, &removal->hidden);
		removal_add_kept(removal, session->counters.hidden, TRUE);
	}
	removal_check_gone(removal);
	removal_write_outcomes(removal);
	if (removal->kept == 0)
		return 0;
	removal_set_error(removal);
	return -1;
}

struct removal *removal_init(struct pop3_session *session, struct mailbox *box)
{
	struct removal *removal = i_new(struct removal, 1);

	removal->session = session;
	removal->box = box;
	i_array_init(&removal->removed, 16);
	i_array_init(&removal->hidden, 8);
	i_array_init(&removal->keyworded, 8);
	i_array_init(&removal->moved, 8);
	i_array_init(&removal->gone, 8);
	i_array_init(&removal->failed, 8);
	i_array_init(&removal->pending, 8);
	if (strcmp(box->storage->name, "maildir") == 0)
		maildir_mtimes_note(box, &removal->mtimes);
	return removal;
}

static void removal_forget_archives(struct removal *removal)
{
	removal->busy = TRUE;
	archive_deinit(&removal->archive);
	removal->busy = FALSE;
}

void removal_deinit(struct removal **_removal)
{
	struct removal *removal = *_removal;

	if (removal == NULL)
		return;
	/* What has been intended, but is not known to have been done, stays
	   without an outcome. */
	removal_forget_archives(removal);
	journal_deinit(&removal->journal);
	shown_uidl_deinit(&removal->shown);
	array_free(&removal->removed);
	array_free(&removal->hidden);
	array_free(&removal->keyworded);
	array_free(&removal->moved);
	array_free(&removal->gone);
	array_free(&removal->failed);
	array_free(&removal->pending);
	i_free(removal);
	/* the hooks look at it until here */
	*_removal = NULL;
}

bool removal_is_busy(const struct removal *removal)
{
	return removal->busy;
}

enum removal_outcome removal_decide(struct removal *removal, struct mail *mail)
{
	removal_refresh(removal);
	/* by somebody else: not in the transaction's own view */
	if (removal->numbered_anew ||
	    mail_index_is_expunged(removal->box->view, mail->seq)) {
		seq_range_array_add(&removal->gone, mail->uid);
		return REMOVAL_GONE;
	}
	return removal_execute(removal, mail);
}

void removal_note(struct removal *removal, struct mail *mail)
{
	seq_range_array_add(&removal->removed, mail->uid);
}

/* Dovecot passes over what was deleted in a mailbox that can't be written to,
   and says +OK. */
static void removal_check_readonly(struct removal *removal)
{
	struct pop3_session *session = removal->session;
	struct client *client = session->client;

	if (!client->quit_seen || client->deleted_count == 0 ||
	    !mailbox_is_readonly(removal->box))
		return;
	pop3_session_failure(session, "Can't remove mail",
			     "the INBOX is read-only");
	removal_add_kept(removal, client->deleted_count, TRUE);
}

int removal_commit(struct removal *removal)
{
	struct pop3_session *session = removal->session;

	removal_check_readonly(removal);
	if (removal->journal != NULL && journal_sync(removal->journal) < 0) {
		session->counters.errors++;
		return -1;
	}
	if (removal->archive != NULL) T_BEGIN {
		removal_commit_archives(removal);
	} T_END;
	history_forget(session->history, &removal->removed);
	return 0;
}

void removal_commit_failed(struct removal *removal)
{
	struct session_counters *counters = &removal->session->counters;

	counters->kept_at_quit += counters->removed + counters->hidden;
	counters->removed = 0;
	counters->hidden = 0;
	seq_range_array_merge(&removal->failed, &removal->removed);
	seq_range_array_merge(&removal->failed, &removal->hidden);
	array_clear(&removal->removed);
	/* what was moved was committed on its own */
	(void)removal_count_remaining(removal);
	removal_write_outcomes(removal);
}

void removal_rollback(struct removal *removal)
{
	struct pop3_session *session = removal->session;
	struct session_counters *counters = &session->counters;
	struct seq_range_iter iter;
	unsigned int n = 0;
	uint32_t uid;

	removal_forget_archives(removal);
	seq_range_array_iter_init(&iter, &removal->hidden);
	while (seq_range_array_iter_nth(&iter, n++, &uid))
		history_forget_hidden(session->history, uid);
	if (removal->journal != NULL)
		journal_rollback(removal->journal);
	removal_add_kept(removal, removal->intended, TRUE);
	counters->removed = 0;
	counters->hidden = 0;
	removal->intended = 0;
	array_clear(&removal->removed);
	array_clear(&removal->hidden);
	array_clear(&removal->keyworded);
	array_clear(&removal->failed);
	array_clear(&removal->gone);
}

void removal_refuse(struct removal *removal)
{
	T_BEGIN {
		removal_set_error(removal);
	} T_END;
}

int removal_finish(struct removal *removal, bool sync_failed)
{
	int ret;

	/* now that the INBOX has been synced */
	removal_forget_archives(removal);
	T_BEGIN {
		removal_confirm_keywords(removal, sync_failed);
		ret = removal_check(removal);
	} T_END;
	return ret;
}
