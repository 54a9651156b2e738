/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "array.h"
#include "file-lock.h"
#include "hash.h"
#include "mail-index.h"
#include "mail-namespace.h"
#include "mail-storage-private.h"
#include "mail-user.h"
#include "history.h"
#include "archive.h"

#define ARCHIVE_LOCK_NAME "pop3-policy-archive.lock"
#define ARCHIVE_LOCK_SECS 30

/* One mailbox that mail is moved to. */
struct archive_target {
	/* As the policy names it */
	char *name;
	/* NULL: it can't be used, see error */
	struct mailbox *box;
	char *error;

	struct mailbox_transaction_context *trans;
	/* Its own transaction of the INBOX, committed only if that of the
	   copies was */
	struct mailbox_transaction_context *src_trans;
	struct mail *src_mail;
	/* To be moved at the next commit */
	ARRAY_TYPE(seq_range) uids;

	/* GUIDs of what is there; filled when they are asked for */
	HASH_TABLE(char *, char *) guids;
	pool_t guids_pool;
};

struct archive {
	struct mailbox *src;
	struct history *history;
	/* What somebody else is moving at the same time must not be copied
	   twice. */
	struct file_lock *lock;
	ARRAY(struct archive_target *) targets;
};

struct archive *archive_init(struct mailbox *src, struct history *history)
{
	struct archive *archive = i_new(struct archive, 1);

	archive->src = src;
	archive->history = history;
	i_array_init(&archive->targets, 4);
	return archive;
}

static void target_rollback(struct archive_target *target)
{
	if (target->src_mail != NULL)
		mail_free(&target->src_mail);
	if (target->trans != NULL)
		mailbox_transaction_rollback(&target->trans);
	if (target->src_trans != NULL)
		mailbox_transaction_rollback(&target->src_trans);
}

static void target_forget_guids(struct archive_target *target)
{
	if (target->guids_pool != NULL) {
		hash_table_destroy(&target->guids);
		pool_unref(&target->guids_pool);
	}
}

static void target_free(struct archive_target *target)
{
	target_rollback(target);
	array_free(&target->uids);
	target_forget_guids(target);
	if (target->box != NULL)
		mailbox_free(&target->box);
	i_free(target->name);
	i_free(target->error);
	i_free(target);
}

void archive_deinit(struct archive **_archive)
{
	struct archive *archive = *_archive;
	struct archive_target *target;

	if (archive == NULL)
		return;
	*_archive = NULL;
	array_foreach_elem(&archive->targets, target)
		target_free(target);
	array_free(&archive->targets);
	archive_unlock(archive);
	i_free(archive);
}

/* Returns 0, or -1 and error_r. */
static int archive_lock(struct archive *archive, const char **error_r)
{
	struct mailbox *src = archive->src;

	/* Without a folder for it there is no lock, and no history either that
	   could tell after a crash what has been copied. */
	if (archive->lock != NULL || mail_index_is_in_memory(src->index))
		return 0;
	if (mailbox_lock_file_create(src, ARCHIVE_LOCK_NAME, ARCHIVE_LOCK_SECS,
				     &archive->lock, error_r) <= 0)
		return -1;
	/* Whoever held it before may have moved some of the messages. */
	if (mail_index_refresh(src->index) < 0) {
		*error_r = "can't read the INBOX's index";
		return -1;
	}
	return 0;
}

void archive_unlock(struct archive *archive)
{
	struct archive_target *target;

	/* until the next time somebody may have removed copies */
	if (array_is_created(&archive->targets)) {
		array_foreach_elem(&archive->targets, target)
			target_forget_guids(target);
	}
	file_lock_free(&archive->lock);
}

/* The name with the namespace's separator. Returns NULL if it has that
   separator in it already, which would make levels that nobody wrote. */
static const char *
name_with_separator(const char *name, char separator)
{
	char *vname, *p;

	if (separator == '/')
		return name;
	if (strchr(name, separator) != NULL)
		return NULL;
	vname = t_strdup_noconst(name);
	for (p = vname; *p != '\0'; p++) {
		if (*p == '/')
			*p = separator;
	}
	return vname;
}

/* Finds the namespace and the name in it. Returns 0, or -1 and error_r. */
static int
target_find(struct archive *archive, const char *name,
	    struct mail_namespace **ns_r, const char **vname_r,
	    const char **error_r)
{
	struct mail_user *user = archive->src->storage->user;
	struct mail_namespace *inbox_ns =
		mail_namespace_find_inbox(user->namespaces);
	struct mail_namespace *ns;
	const char *vname;

	vname = name_with_separator(name, mail_namespace_get_sep(inbox_ns));
	if (vname == NULL) {
		*error_r = t_strdup_printf(
			"\"%s\" has the separator of the namespace in it",
			name);
		return -1;
	}
	ns = mail_namespace_find(user->namespaces, vname);
	if ((ns->flags & NAMESPACE_FLAG_UNUSABLE) != 0 &&
	    inbox_ns->prefix_len > 0) {
		/* all of the user's mailboxes are below a prefix */
		vname = t_strconcat(inbox_ns->prefix, vname, NULL);
		ns = mail_namespace_find(user->namespaces, vname);
	}
	if (ns->type != MAIL_NAMESPACE_TYPE_PRIVATE || ns->owner != user ||
	    (ns->flags & NAMESPACE_FLAG_UNUSABLE) != 0) {
		*error_r = t_strdup_printf("\"%s\" is not in a private "
					   "namespace of the user", name);
		return -1;
	}
	*ns_r = ns;
	*vname_r = vname;
	return 0;
}

/* Returns 1, 0 if there is no such mailbox, -1 and error_r. */
static int target_try_open(struct mailbox *box, const char **error_r)
{
	enum mail_error error;

	if (mailbox_open(box) == 0)
		return 1;
	*error_r = mailbox_get_last_internal_error(box, &error);
	return error == MAIL_ERROR_NOTFOUND ? 0 : -1;
}

/* Returns 0, or -1 and error_r. */
static int target_create(struct mailbox *box, const char **error_r)
{
	const char *error;
	int ret;

	if (mailbox_create(box, NULL, FALSE) == 0)
		return target_try_open(box, error_r) > 0 ? 0 : -1;
	error = t_strdup(mailbox_get_last_internal_error(box, NULL));
	/* somebody else may have been quicker */
	ret = target_try_open(box, error_r);
	if (ret == 0)
		*error_r = error;
	return ret > 0 ? 0 : -1;
}

/* Two that create the same mailbox at once get in each other's way: Dovecot
   may tell one of them that its parent doesn't exist. */
static int
target_open_or_create(struct archive *archive, struct mailbox *box,
		      const char **error_r)
{
	bool was_locked = archive->lock != NULL;
	int ret;

	ret = target_try_open(box, error_r);
	if (ret != 0)
		return ret > 0 ? 0 : -1;
	if (archive_lock(archive, error_r) < 0)
		return -1;
	ret = target_try_open(box, error_r);
	if (ret == 0)
		ret = target_create(box, error_r);
	if (!was_locked)
		archive_unlock(archive);
	return ret < 0 ? -1 : 0;
}

/* A symbolic link or an alias of the INBOX is the INBOX. */
static int
target_check_is_other(struct archive *archive, struct mailbox *box,
		      const char **error_r)
{
	struct mailbox_metadata src_metadata, metadata;

	if (mailbox_get_metadata(archive->src, MAILBOX_METADATA_GUID,
				 &src_metadata) < 0) {
		*error_r = mailbox_get_last_internal_error(archive->src, NULL);
		return -1;
	}
	if (mailbox_get_metadata(box, MAILBOX_METADATA_GUID, &metadata) < 0) {
		*error_r = mailbox_get_last_internal_error(box, NULL);
		return -1;
	}
	/* an alias namespace has the flag, too, and on 2.3 may have a folder of
	   its own for it, in which nobody would look */
	if ((strcmp(box->name, "INBOX") == 0 &&
	     (mailbox_get_namespace(box)->flags &
	      NAMESPACE_FLAG_INBOX_USER) != 0) ||
	    guid_128_cmp(src_metadata.guid, metadata.guid) == 0) {
		*error_r = "it is the INBOX by another name";
		return -1;
	}
	return 0;
}

static int
target_open(struct archive *archive, struct archive_target *target,
	    const char **error_r)
{
	struct mail_namespace *ns;
	const char *vname;

	if (target_find(archive, target->name, &ns, &vname, error_r) < 0)
		return -1;
	target->box = mailbox_alloc(ns->list, vname, MAILBOX_FLAG_IGNORE_ACLS);
	if (target_open_or_create(archive, target->box, error_r) < 0 ||
	    target_check_is_other(archive, target->box, error_r) < 0)
		return -1;
	if (strcmp(target->box->storage->name, "mbox") == 0) {
		*error_r = "mbox would write into messages";
		return -1;
	}
	return 0;
}

static struct archive_target *
archive_get_target(struct archive *archive, const char *name)
{
	struct archive_target *target;
	const char *error;

	array_foreach_elem(&archive->targets, target) {
		if (strcmp(target->name, name) == 0)
			return target;
	}
	target = i_new(struct archive_target, 1);
	target->name = i_strdup(name);
	i_array_init(&target->uids, 16);
	array_push_back(&archive->targets, &target);
	if (target_open(archive, target, &error) < 0) {
		target->error = i_strdup_printf("archive \"%s\": %s",
						name, error);
		if (target->box != NULL)
			mailbox_free(&target->box);
	}
	return target;
}

/* Returns 0, or -1 and error_r. */
static int target_begin(struct archive *archive, struct archive_target *target,
			const char **error_r)
{
	/* Now that we have the lock: what another process has copied must be
	   seen, and what somebody has removed must not. */
	if (mailbox_sync(target->box, 0) < 0) {
		*error_r = mailbox_get_last_internal_error(target->box, NULL);
		return -1;
	}
	target->trans = mailbox_transaction_begin(target->box,
		MAILBOX_TRANSACTION_FLAG_EXTERNAL, __func__);
	target->src_trans = mailbox_transaction_begin(archive->src, 0,
						      __func__);
	target->src_mail = mail_alloc(target->src_trans, 0, NULL);
	return 0;
}

/* Returns 0, or -1 and error_r. */
static int
target_read_guids(struct archive_target *target, const char **error_r)
{
	struct mailbox_transaction_context *trans;
	struct mail *mail;
	const char *guid;
	uint32_t seq, count;
	char *key;
	int ret = 0;

	if (target->guids_pool != NULL)
		return 0;
	target->guids_pool = pool_alloconly_create("archive guids", 1024);
	hash_table_create(&target->guids, target->guids_pool, 0, str_hash,
			  strcmp);
	trans = mailbox_transaction_begin(target->box, 0, __func__);
	mail = mail_alloc(trans, MAIL_FETCH_GUID, NULL);
	count = mail_index_view_get_messages_count(trans->view);
	for (seq = 1; seq <= count && ret == 0; seq++) {
		mail_set_seq(mail, seq);
		if (mail_get_special(mail, MAIL_FETCH_GUID, &guid) == 0) {
			key = p_strdup(target->guids_pool, guid);
			hash_table_update(target->guids, key, key);
		} else if (!mail->expunged) {
			*error_r = mailbox_get_last_internal_error(target->box,
								   NULL);
			ret = -1;
		}
	}
	mail_free(&mail);
	(void)mailbox_transaction_commit(&trans);
	if (ret < 0)
		target_forget_guids(target);
	return ret;
}

/* Is the copy there already? Returns 1, 0, or -1 and error_r. */
static int
target_has_copy(struct archive *archive, struct archive_target *target,
		const char **error_r)
{
	struct mail_private *mail = (struct mail_private *)target->src_mail;
	struct mail_index_view *view = archive->src->view;
	struct policy_message_facts facts;
	struct history_record rec;
	const char *guid;

	if (mail_index_view_get_messages_count(target->box->view) == 0)
		return 0;
	history_get(archive->history, view, target->src_mail->seq, &rec);
	history_get_facts(archive->history, view, target->src_mail->seq, 0,
			  &facts);
	/* Where the history was lost, so was a mark in it. */
	if ((rec.flags & HISTORY_ARCHIVING) == 0 && facts.history_known)
		return 0;
	/* it is about to go, so there is no use in caching it */
	mail->v.set_uid_cache_updates(target->src_mail, TRUE);
	if (mail_get_special(target->src_mail, MAIL_FETCH_GUID, &guid) < 0) {
		*error_r = mailbox_get_last_internal_error(archive->src, NULL);
		return -1;
	}
	if (target_read_guids(target, error_r) < 0)
		return -1;
	return hash_table_lookup(target->guids, guid) != NULL ? 1 : 0;
}

static int
target_copy(struct archive *archive, struct archive_target *target,
	    const char **error_r)
{
	struct mail_save_context *save_ctx;
	int ret;

	ret = target_has_copy(archive, target, error_r);
	if (ret < 0)
		return -1;
	if (ret > 0) {
		mail_expunge(target->src_mail);
		return 0;
	}
	save_ctx = mailbox_save_alloc(target->trans);
	mailbox_save_copy_flags(save_ctx, target->src_mail);
	save_ctx->data.flags &= ENUM_NEGATE(MAIL_DELETED);
	/* A move, for the sake of quota: nothing is added. It also expunges
	   the original, in a transaction that is committed after this one. */
	if (mailbox_move(&save_ctx, target->src_mail) < 0) {
		*error_r = mailbox_get_last_internal_error(target->box, NULL);
		return -1;
	}
	return 0;
}

int archive_mail(struct archive *archive, struct mail *mail,
		 const char *mailbox, const char **error_r)
{
	struct archive_target *target = archive_get_target(archive, mailbox);

	if (target->error != NULL) {
		*error_r = t_strdup(target->error);
		return -1;
	}
	seq_range_array_add(&target->uids, mail->uid);
	return 0;
}

void archive_rollback(struct archive *archive)
{
	struct archive_target *target;

	array_foreach_elem(&archive->targets, target)
		array_clear(&target->uids);
}

static int
target_commit(struct archive *archive, struct archive_target *target,
	      const ARRAY_TYPE(seq_range) *uids, const char **error_r)
{
	mail_free(&target->src_mail);
	if (history_mark_archiving(archive->history, uids) < 0) {
		*error_r = "can't write to the INBOX's index";
		return -1;
	}
	if (mailbox_transaction_commit(&target->trans) < 0) {
		*error_r = mailbox_get_last_internal_error(target->box, NULL);
		return -1;
	}
	if (mailbox_transaction_commit(&target->src_trans) < 0) {
		*error_r = mailbox_get_last_internal_error(archive->src, NULL);
		return -1;
	}
	return 0;
}

/* Copies one message. Returns 1, 0 if it is gone already, -1 and error_r. */
static int
target_copy_uid(struct archive *archive, struct archive_target *target,
		uint32_t uid, const char **error_r)
{
	if (!mail_set_uid(target->src_mail, uid) ||
	    mail_index_is_expunged(archive->src->view, target->src_mail->seq))
		return 0;
	return target_copy(archive, target, error_r) < 0 ? -1 : 1;
}

/* Move all of them or none. A transaction in which a copy has failed can't be
   committed: the failed one may be in it nevertheless. Returns 0 and takes
   those that are gone already out of uids, or -1, error_r, and the UID of the
   message that failed, 0 if it was none in particular. */
static int
target_move(struct archive *archive, struct archive_target *target,
	    ARRAY_TYPE(seq_range) *uids, uint32_t *failed_uid_r,
	    const char **error_r)
{
	ARRAY_TYPE(seq_range) gone;
	struct seq_range_iter iter;
	unsigned int n = 0;
	uint32_t uid;
	int ret;

	*failed_uid_r = 0;
	t_array_init(&gone, 8);
	ret = target_begin(archive, target, error_r);
	seq_range_array_iter_init(&iter, uids);
	while (ret >= 0 && seq_range_array_iter_nth(&iter, n++, &uid)) {
		ret = target_copy_uid(archive, target, uid, error_r);
		if (ret == 0)
			seq_range_array_add(&gone, uid);
		if (ret < 0)
			*failed_uid_r = uid;
	}
	if (ret >= 0) {
		seq_range_array_remove_seq_range(uids, &gone);
		ret = target_commit(archive, target, uids, error_r);
	}
	if (ret < 0) {
		/* the rollback may forget it */
		*error_r = t_strdup(*error_r);
	}
	target_rollback(target);
	return ret;
}

/* Move what can be moved: where a message fails, those before it are moved
   without it, then those after it. Returns 0, or -1 and the first error. */
static int
target_move_each(struct archive *archive, struct archive_target *target,
		 ARRAY_TYPE(seq_range) *moved, ARRAY_TYPE(seq_range) *failed,
		 const char **error_r)
{
	ARRAY_TYPE(seq_range) rest, before;
	const char *error;
	uint32_t uid;
	int ret = 0;

	t_array_init(&rest, 16);
	t_array_init(&before, 16);
	array_append_array(&rest, &target->uids);
	while (array_count(&rest) > 0) {
		if (target_move(archive, target, &rest, &uid, &error) == 0) {
			seq_range_array_merge(moved, &rest);
			break;
		}
		if (ret == 0)
			*error_r = error;
		ret = -1;
		if (uid == 0) {
			seq_range_array_merge(failed, &rest);
			break;
		}
		array_clear(&before);
		array_append_array(&before, &rest);
		seq_range_array_remove_range(&before, uid, UINT32_MAX);
		seq_range_array_remove_range(&rest, 0, uid);
		seq_range_array_add(failed, uid);
		if (array_count(&before) == 0)
			continue;
		if (target_move(archive, target, &before, &uid, &error) == 0)
			seq_range_array_merge(moved, &before);
		else
			seq_range_array_merge(failed, &before);
	}
	return ret;
}

int archive_commit(struct archive *archive, ARRAY_TYPE(seq_range) *moved,
		   ARRAY_TYPE(seq_range) *failed, const char **error_r)
{
	struct archive_target *target;
	const char *error;
	int ret = 0;

	array_foreach_elem(&archive->targets, target) {
		if (array_is_empty(&target->uids))
			continue;
		if (archive_lock(archive, &error) < 0) {
			seq_range_array_merge(failed, &target->uids);
			*error_r = t_strdup_printf("archive \"%s\": %s",
						   target->name, error);
			ret = -1;
		} else if (target_move_each(archive, target, moved, failed,
					    &error) < 0) {
			*error_r = t_strdup_printf("archive \"%s\": %s",
						   target->name, error);
			ret = -1;
		}
		array_clear(&target->uids);
	}
	return ret;
}
