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
#include "maildir-mtimes.h"
#include "session.h"
#include "removal.h"

#include <sys/stat.h>
#include <unistd.h>

/* For how long a QUIT waits for files that are being unlinked: a second. */
#define SDBOX_UNLINK_RETRIES 50
#define SDBOX_UNLINK_RETRY_USECS 20000

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
	/* Hooks of the mailbox concern the removal itself */
	bool busy;
	/* Messages that it was asked to remove and did not */
	unsigned int kept;
	bool kept_by_doubt;
	/* ... or hid instead */
	bool has_hidden;
	/* UIDs that have to be gone afterwards */
	ARRAY_TYPE(seq_range) removed;
	/* Copies that it makes, or NULL */
	struct archive *archive;
};

static bool index_has_all_flags(struct removal *removal)
{
	struct mailbox *box = removal->box;

	return fresh_flags_are_in_index(box) ||
		(strcmp(box->storage->name, "maildir") == 0 &&
		 maildir_mtimes_are_same(box, &removal->mtimes));
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

static void removal_add_removed(struct removal *removal, uint32_t uid)
{
	seq_range_array_add(&removal->removed, uid);
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
	struct seq_range_iter iter;
	unsigned int n = 0;
	const char *error;
	uint32_t uid;

	t_array_init(&moved, 8);
	t_array_init(&failed, 8);
	removal->busy = TRUE;
	if (archive_commit(removal->archive, &moved, &failed, &error) < 0)
		pop3_session_failure(session, "Can't archive mail", error);
	archive_deinit(&removal->archive);
	removal->busy = FALSE;

	seq_range_array_iter_init(&iter, &moved);
	while (seq_range_array_iter_nth(&iter, n++, &uid)) {
		removal_add_removed(removal, uid);
		history_forget(session->history, uid);
		session->counters.archived++;
	}
	removal_add_kept(removal, seq_range_count(&failed), TRUE);
}

static enum removal_outcome
removal_execute(struct removal *removal, struct mail *mail)
{
	struct pop3_session *session = removal->session;
	struct policy_verdict verdict;
	const char *error;

	removal->busy = TRUE;
	pop3_session_quit_verdict(session, mail->transaction, mail->seq,
				  &verdict);
	removal->busy = FALSE;

	switch (verdict.action) {
	case POLICY_ACTION_DENY:
		break;
	case POLICY_ACTION_HIDE:
		if (!history_is_persistent(session->history)) {
			verdict.reason = POLICY_REASON_ERROR;
			break;
		}
		removal->has_hidden = TRUE;
		if (session->client->deleted_count > REMOVAL_MAX_KEYWORDS ||
		    hidden_keyword_hide(mail, session->history,
					session->facts.now, &error) < 0) {
			history_note_hidden(session->history,
					    mail->transaction->view, mail->seq,
					    session->facts.now);
			session->keywords_pending = TRUE;
		}
		session->counters.hidden++;
		return REMOVAL_KEEP;
	case POLICY_ACTION_ARCHIVE:
		if (removal_archive(removal, mail, verdict.mailbox) < 0) {
			verdict.reason = POLICY_REASON_ERROR;
			break;
		}
		return REMOVAL_KEEP;
	case POLICY_ACTION_ALLOW:
		session->counters.removed++;
		return REMOVAL_REMOVE;
	}
	removal_add_kept(removal, 1, verdict.reason == POLICY_REASON_ERROR);
	return REMOVAL_KEEP;
}

/* sdbox has removed the message from the index. Is its file still there? */
static bool sdbox_file_exists(const char *dir, uint32_t uid,
			      unsigned int *retries)
{
	const char *path = t_strdup_printf("%s/u.%u", dir, uid);
	struct stat st;

	while (stat(path, &st) == 0) {
		/* Another session may just be about to unlink it. */
		if (*retries == 0)
			return TRUE;
		*retries -= 1;
		usleep(SDBOX_UNLINK_RETRY_USECS);
	}
	return FALSE;
}

/* Returns how many of the messages that QUIT removed are still there. Storages
   carry on where a file can't be unlinked: Maildir keeps the message, sdbox
   forgets it and leaves the file, to be found again by a rebuild. */
static unsigned int removal_count_not_removed(struct removal *removal)
{
	struct mailbox *box = removal->box;
	unsigned int n = 0, count = 0, retries = SDBOX_UNLINK_RETRIES;
	struct mail_index_view *view;
	struct seq_range_iter iter;
	const char *dir = NULL;
	uint32_t uid, seq;

	if (array_is_empty(&removal->removed))
		return 0;
	if (strcmp(box->storage->name, "sdbox") == 0 &&
	    mailbox_get_path_to(box, MAILBOX_LIST_PATH_TYPE_MAILBOX,
				&dir) <= 0)
		dir = NULL;
	/* If that fails the view is an old one, and has them all. */
	(void)mail_index_refresh(box->index);
	view = mail_index_view_open(box->index);
	seq_range_array_iter_init(&iter, &removal->removed);
	while (seq_range_array_iter_nth(&iter, n++, &uid)) {
		if (mail_index_lookup_seq(view, uid, &seq))
			count++;
		else if (dir != NULL) T_BEGIN {
			if (sdbox_file_exists(dir, uid, &retries))
				count++;
		} T_END;
	}
	mail_index_view_close(&view);
	array_clear(&removal->removed);
	return count;
}

static int removal_check(struct removal *removal)
{
	struct pop3_session *session = removal->session;
	unsigned int not_removed = removal_count_not_removed(removal);

	if (not_removed > 0) {
		pop3_session_failure(session, "Can't remove mail",
			t_strdup_printf("%u messages are still there after "
					"QUIT", not_removed));
		/* those that were archived have a copy, and are still here */
		session->counters.removed -=
			I_MIN(not_removed, session->counters.removed);
		removal_add_kept(removal, not_removed, TRUE);
	}
	if (removal->has_hidden && !history_is_persistent(session->history)) {
		/* The disk was full: it will be shown again. */
		removal_add_kept(removal, session->counters.hidden, TRUE);
	}
	if (removal->kept == 0)
		return 0;
	mail_storage_set_error(removal->box->storage,
		removal->kept_by_doubt ? MAIL_ERROR_TEMP : MAIL_ERROR_PERM,
		t_strdup_printf("%u message%s not deleted", removal->kept,
				removal->kept == 1 ? "" : "s"));
	removal->kept = 0;
	return -1;
}

struct removal *removal_init(struct pop3_session *session, struct mailbox *box)
{
	struct removal *removal = i_new(struct removal, 1);

	removal->session = session;
	removal->box = box;
	i_array_init(&removal->removed, 16);
	if (strcmp(box->storage->name, "maildir") == 0)
		maildir_mtimes_note(box, &removal->mtimes);
	return removal;
}

void removal_deinit(struct removal **_removal)
{
	struct removal *removal = *_removal;

	if (removal == NULL)
		return;
	*_removal = NULL;
	removal_rollback(removal);
	array_free(&removal->removed);
	i_free(removal);
}

bool removal_is_busy(const struct removal *removal)
{
	return removal->busy;
}

enum removal_outcome removal_decide(struct removal *removal, struct mail *mail)
{
	enum removal_outcome outcome;

	removal_refresh(removal);
	if (mail_index_is_expunged(mail->transaction->view, mail->seq))
		return REMOVAL_GONE;
	T_BEGIN {
		outcome = removal_execute(removal, mail);
	} T_END;
	return outcome;
}

void removal_note(struct removal *removal, struct mail *mail)
{
	history_forget(removal->session->history, mail->uid);
	removal_add_removed(removal, mail->uid);
}

void removal_commit(struct removal *removal)
{
	if (removal->archive != NULL) T_BEGIN {
		removal_commit_archives(removal);
	} T_END;
}

void removal_rollback(struct removal *removal)
{
	removal->busy = TRUE;
	archive_deinit(&removal->archive);
	removal->busy = FALSE;
}

int removal_finish(struct removal *removal)
{
	int ret;

	T_BEGIN {
		ret = removal_check(removal);
	} T_END;
	return ret;
}
