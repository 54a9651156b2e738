/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "array.h"
#include "file-lock.h"
#include "hash.h"
#include "mail-index.h"
#include "mail-storage-private.h"
#include "kept-store.h"
#include "kept-uidls.h"

#define KEPT_LOCK_NAME "pop3-policy-uidls.lock"
/* Whoever has it writes a file, or waits for a database. */
#define KEPT_LOCK_SECS 60
/* Not worth writing for less than this part of them */
#define KEPT_STALE_PART 10

HASH_TABLE_DEFINE_TYPE(kept_guids, const char *, void *);

/* Entries whose message wasn't found by its UID, by index + 1; 0 = none */
struct kept_guids {
	HASH_TABLE_TYPE(kept_guids) first;
	/* By index: the next one with the same GUID */
	unsigned int *next;
};

HASH_TABLE_DEFINE_TYPE(kept_owners, const char *, void *);

struct kept_uidls {
	struct mailbox_transaction_context *trans;
	pool_t pool;
	struct kept_uidls_content content;
	bool exist;
	/* Messages have the UIDs that they had when they were written. */
	bool is_same;
	/* By sequence - 1: index of the entry + 1, 0 = none */
	unsigned int *found;
	uint32_t count;
	/* Entries whose message was found by its GUID; whose message was here,
	   and is not any more */
	unsigned int moved, gone;
};

struct kept_uidls_change {
	struct kept_uidls *kept;
	struct file_lock *lock;
	bool changed;
};

bool kept_uidls_may_exist(struct mailbox *box)
{
	return kept_store_may_exist(box);
}

/*
 * Finding their messages
 */

/* Both are in the order of UIDs. Returns how many were found. */
static unsigned int kept_find_by_uid(struct kept_uidls *kept)
{
	const struct kept_uidl *uidls;
	unsigned int i = 0, count, found = 0;
	uint32_t seq, uid;

	uidls = array_get(&kept->content.uidls, &count);
	for (seq = 1; seq <= kept->count && i < count; seq++) {
		mail_index_lookup_uid(kept->trans->view, seq, &uid);
		while (i < count && uidls[i].uid < uid)
			i++;
		if (i < count && uidls[i].uid == uid) {
			kept->found[seq - 1] = ++i;
			found++;
		}
	}
	return found;
}

/* Returns 1, 0 if the message is gone, -1 and error_r. */
static int kept_get_guid(struct mail *mail, uint32_t seq, const char **guid_r,
			 const char **error_r)
{
	mail_set_seq(mail, seq);
	if (mail_get_special(mail, MAIL_FETCH_GUID, guid_r) == 0)
		return 1;
	if (mail->expunged)
		return 0;
	*error_r = t_strdup_printf("UID %u: %s", mail->uid,
		mailbox_get_last_internal_error(mail->box, NULL));
	return -1;
}

/* A mailbox that was restored from a backup gives new mail UIDs that others
   had. The highest one tells: new mail has it, or what has it and those below
   was restored. Returns 1, 0 if the mailbox is another one, -1 and error_r. */
static int
kept_verify_highest(const struct kept_uidls *kept, const char **error_r)
{
	struct mail *mail = mail_alloc(kept->trans, MAIL_FETCH_GUID, NULL);
	const struct kept_uidl *uidl;
	const char *guid;
	uint32_t seq;
	int ret = 0;

	for (seq = kept->count; seq > 0 && ret == 0; seq--) {
		if (kept->found[seq - 1] == 0)
			continue;
		T_BEGIN {
			ret = kept_get_guid(mail, seq, &guid, error_r);
			uidl = array_idx(&kept->content.uidls,
					 kept->found[seq - 1] - 1);
			if (ret > 0 && strcmp(guid, uidl->guid) != 0)
				ret = 2;
		} T_END_PASS_STR_IF(ret < 0, error_r);
	}
	mail_free(&mail);
	return ret < 0 ? -1 : (ret == 2 ? 0 : 1);
}

/* Sets is_same, and finds by UID where it is. Returns 0, or -1 and error_r. */
static int kept_check_mailbox(struct kept_uidls *kept, unsigned int *found_r,
			      const char **error_r)
{
	const struct mail_index_header *hdr =
		mail_index_get_header(kept->trans->view);
	int ret;

	*found_r = 0;
	if (hdr->uid_validity != kept->content.uid_validity ||
	    hdr->next_uid < kept->content.uidnext)
		return 0;
	*found_r = kept_find_by_uid(kept);
	ret = kept_verify_highest(kept, error_r);
	if (ret < 0)
		return -1;
	kept->is_same = ret > 0;
	if (!kept->is_same) {
		memset(kept->found, 0, kept->count * sizeof(*kept->found));
		*found_r = 0;
	}
	return 0;
}

/* Copies have the same GUID: they take their entries in order. Returns index +
   1, or 0. */
static unsigned int
kept_guids_take(const struct kept_uidls *kept, struct kept_guids *guids,
		const char *guid)
{
	const struct kept_uidl *uidl;
	unsigned int first, next;

	first = POINTER_CAST_TO(hash_table_lookup(guids->first, guid),
				unsigned int);
	if (first == 0)
		return 0;
	uidl = array_idx(&kept->content.uidls, first - 1);
	next = guids->next[first - 1];
	if (next == 0)
		hash_table_remove(guids->first, uidl->guid);
	else {
		hash_table_update(guids->first, uidl->guid,
				  POINTER_CAST(next));
	}
	return first;
}

/* Returns 0, or -1 and error_r. */
static int
kept_find_by_guid(struct kept_uidls *kept, struct kept_guids *guids,
		  const char **error_r)
{
	struct mail *mail = mail_alloc(kept->trans, MAIL_FETCH_GUID, NULL);
	const char *guid;
	unsigned int index;
	uint32_t seq, uid;
	int ret = 0;

	for (seq = 1; seq <= kept->count && ret >= 0; seq++) {
		mail_index_lookup_uid(kept->trans->view, seq, &uid);
		/* What was here when they were written had its entry, or
		   none. */
		if (kept->found[seq - 1] != 0 ||
		    (kept->is_same && uid < kept->content.uidnext))
			continue;
		T_BEGIN {
			ret = kept_get_guid(mail, seq, &guid, error_r);
			index = ret <= 0 ? 0 :
				kept_guids_take(kept, guids, guid);
			if (index != 0) {
				kept->found[seq - 1] = index;
				kept->moved++;
			}
		} T_END_PASS_STR_IF(ret < 0, error_r);
	}
	mail_free(&mail);
	return ret < 0 ? -1 : 0;
}

/* Returns 0, or -1 and error_r. */
static int kept_find(struct kept_uidls *kept, const char **error_r)
{
	struct kept_guids guids;
	const uint32_t next_uid =
		mail_index_get_header(kept->trans->view)->next_uid;
	const struct kept_uidl *uidl;
	unsigned int i, found, count = array_count(&kept->content.uidls);
	bool *is_found;
	uint32_t seq;
	int ret;

	kept->count = mail_index_view_get_messages_count(kept->trans->view);
	kept->found = p_new(kept->pool, unsigned int, I_MAX(kept->count, 1));
	if (kept_check_mailbox(kept, &found, error_r) < 0)
		return -1;
	if (found == count)
		return 0;

	is_found = i_new(bool, count);
	for (seq = 1; seq <= kept->count; seq++) {
		if (kept->found[seq - 1] != 0)
			is_found[kept->found[seq - 1] - 1] = TRUE;
	}
	hash_table_create(&guids.first, default_pool, 0, str_hash, strcmp);
	guids.next = i_new(unsigned int, count);
	for (i = count; i > 0; i--) {
		if (is_found[i - 1])
			continue;
		uidl = array_idx(&kept->content.uidls, i - 1);
		guids.next[i - 1] =
			POINTER_CAST_TO(hash_table_lookup(guids.first,
							  uidl->guid),
					unsigned int);
		hash_table_update(guids.first, uidl->guid, POINTER_CAST(i));
	}
	ret = kept_find_by_guid(kept, &guids, error_r);
	hash_table_destroy(&guids.first);
	i_free(guids.next);

	if (kept->is_same) {
		for (seq = 1; seq <= kept->count; seq++) {
			if (kept->found[seq - 1] != 0)
				is_found[kept->found[seq - 1] - 1] = TRUE;
		}
		for (i = 0; i < count; i++) {
			uidl = array_idx(&kept->content.uidls, i);
			if (!is_found[i] && uidl->uid != 0 &&
			    uidl->uid < next_uid)
				kept->gone++;
		}
	}
	i_free(is_found);
	return ret;
}

/* Returns 0, or -1 and error_r. */
static int
kept_uidls_read(struct mailbox_transaction_context *trans,
		struct kept_uidls **kept_r, const char **error_r)
{
	struct kept_uidls *kept;
	pool_t pool;
	int ret;

	pool = pool_alloconly_create("kept uidls", 1024);
	kept = p_new(pool, struct kept_uidls, 1);
	kept->pool = pool;
	kept->trans = trans;
	ret = kept_store_read(trans->box, pool, &kept->content, error_r);
	kept->exist = ret > 0;
	if (ret < 0 || kept_find(kept, error_r) < 0) {
		kept_uidls_deinit(&kept);
		return -1;
	}
	*kept_r = kept;
	return 0;
}

int kept_uidls_init(struct mailbox_transaction_context *trans,
		    struct kept_uidls **kept_r, const char **error_r)
{
	if (kept_uidls_read(trans, kept_r, error_r) < 0)
		return -1;
	if (array_count(&(*kept_r)->content.uidls) > 0)
		return 1;
	kept_uidls_deinit(kept_r);
	return 0;
}

void kept_uidls_deinit(struct kept_uidls **_kept)
{
	struct kept_uidls *kept = *_kept;

	if (kept == NULL)
		return;
	*_kept = NULL;
	pool_unref(&kept->pool);
}

const char *kept_uidls_get(const struct kept_uidls *kept, uint32_t seq)
{
	unsigned int index = kept->found[seq - 1];
	const struct kept_uidl *entry;

	if (index == 0)
		return NULL;
	entry = array_idx(&kept->content.uidls, index - 1);
	return entry->uidl;
}

bool kept_uidls_are_stale(const struct kept_uidls *kept)
{
	unsigned int changed = kept->moved + kept->gone;

	return changed > 0 && changed >=
		array_count(&kept->content.uidls) / KEPT_STALE_PART;
}

/*
 * Changing
 */

/* Returns 0, or -1 and error_r. */
static int kept_lock(struct mailbox *box, struct file_lock **lock_r,
		     const char **error_r)
{
	*lock_r = NULL;
	/* without a folder for it there is no lock */
	if (mail_index_is_in_memory(box->index))
		return 0;
	return mailbox_lock_file_create(box, KEPT_LOCK_NAME, KEPT_LOCK_SECS,
					lock_r, error_r) <= 0 ? -1 : 0;
}

int kept_uidls_change_begin(struct mailbox_transaction_context *trans,
			    struct kept_uidls_change **change_r,
			    const char **error_r)
{
	struct kept_uidls_change *change = i_new(struct kept_uidls_change, 1);

	if (kept_lock(trans->box, &change->lock, error_r) < 0 ||
	    kept_uidls_read(trans, &change->kept, error_r) < 0) {
		kept_uidls_change_cancel(&change);
		return -1;
	}
	change->changed = change->kept->moved > 0 || change->kept->gone > 0;
	*change_r = change;
	return 0;
}

const char *kept_uidls_change_get(struct kept_uidls_change *change,
				  uint32_t seq)
{
	return kept_uidls_get(change->kept, seq);
}

void kept_uidls_change_set(struct kept_uidls_change *change, uint32_t seq,
			   const char *guid, const char *uidl)
{
	struct kept_uidls *kept = change->kept;
	struct kept_uidl *entry;

	if (kept->found[seq - 1] != 0) {
		entry = array_idx_modifiable(&kept->content.uidls,
					     kept->found[seq - 1] - 1);
		if (strcmp(entry->uidl, uidl) == 0)
			return;
	} else {
		entry = array_append_space(&kept->content.uidls);
		kept->found[seq - 1] = array_count(&kept->content.uidls);
	}
	entry->guid = p_strdup(kept->pool, guid);
	entry->uidl = p_strdup(kept->pool, uidl);
	change->changed = TRUE;
}

void kept_uidls_change_unset(struct kept_uidls_change *change, uint32_t seq)
{
	struct kept_uidls *kept = change->kept;
	struct kept_uidl *entry;

	if (kept->found[seq - 1] == 0)
		return;
	entry = array_idx_modifiable(&kept->content.uidls,
				     kept->found[seq - 1] - 1);
	/* skipped when they are written */
	entry->uidl = NULL;
	kept->found[seq - 1] = 0;
	change->changed = TRUE;
}

static void kept_uidls_change_forget(struct kept_uidls_change *change,
				     HASH_TABLE_TYPE(kept_owners) owners)
{
	struct kept_uidls *kept = change->kept;
	unsigned int i, count = array_count(&kept->content.uidls);
	uint32_t seq, owner, *seqs = i_new(uint32_t, I_MAX(count, 1));
	struct kept_uidl *entry;

	for (seq = 1; seq <= kept->count; seq++) {
		if (kept->found[seq - 1] != 0)
			seqs[kept->found[seq - 1] - 1] = seq;
	}
	for (i = 0; i < count; i++) {
		entry = array_idx_modifiable(&kept->content.uidls, i);
		if (entry->uidl == NULL)
			continue;
		owner = POINTER_CAST_TO(hash_table_lookup(owners, entry->uidl),
					uint32_t);
		if (owner == 0 || owner == seqs[i])
			continue;
		if (seqs[i] != 0)
			kept->found[seqs[i] - 1] = 0;
		/* skipped when they are written */
		entry->uidl = NULL;
		change->changed = TRUE;
	}
	i_free(seqs);
}

void kept_uidls_change_claim(struct kept_uidls_change *change,
			     const char *const *uidls)
{
	HASH_TABLE_TYPE(kept_owners) owners;
	uint32_t seq;

	hash_table_create(&owners, default_pool, 0, str_hash, strcmp);
	for (seq = 1; seq <= change->kept->count; seq++) {
		if (uidls[seq - 1] != NULL) {
			hash_table_update(owners, uidls[seq - 1],
					  POINTER_CAST(seq));
		}
	}
	kept_uidls_change_forget(change, owners);
	hash_table_destroy(&owners);
}

void kept_uidls_change_clear(struct kept_uidls_change *change)
{
	struct kept_uidls *kept = change->kept;

	array_clear(&kept->content.uidls);
	memset(kept->found, 0, kept->count * sizeof(*kept->found));
	change->changed = kept->exist;
}

static int kept_uidl_cmp(const struct kept_uidl *uidl1,
			 const struct kept_uidl *uidl2)
{
	return uidl1->uid < uidl2->uid ? -1 : uidl1->uid > uidl2->uid;
}

/* What is to be written: where the messages are now. */
static void
kept_uidls_change_get_content(struct kept_uidls_change *change,
			      struct kept_uidls_content *content_r)
{
	struct kept_uidls *kept = change->kept;
	const struct mail_index_header *hdr =
		mail_index_get_header(kept->trans->view);
	struct kept_uidl entry;
	unsigned int i, count = array_count(&kept->content.uidls);
	uint32_t seq, *uids = i_new(uint32_t, I_MAX(count, 1));

	for (seq = 1; seq <= kept->count; seq++) {
		if (kept->found[seq - 1] != 0) {
			mail_index_lookup_uid(kept->trans->view, seq,
					      &uids[kept->found[seq - 1] - 1]);
		}
	}
	i_zero(content_r);
	content_r->uid_validity = hdr->uid_validity;
	content_r->uidnext = hdr->next_uid;
	p_array_init(&content_r->uidls, kept->pool, I_MAX(count, 1));
	for (i = 0; i < count; i++) {
		entry = *array_idx(&kept->content.uidls, i);
		if (entry.uidl == NULL ||
		    (uids[i] == 0 && kept->is_same && entry.uid != 0 &&
		     entry.uid < hdr->next_uid))
			continue;
		/* What isn't here, or not yet, may come again with another
		   UID. */
		entry.uid = uids[i];
		array_push_back(&content_r->uidls, &entry);
	}
	array_sort(&content_r->uidls, kept_uidl_cmp);
	i_free(uids);
}

unsigned int kept_uidls_change_count(struct kept_uidls_change *change)
{
	struct kept_uidls_content content;

	kept_uidls_change_get_content(change, &content);
	return array_count(&content.uidls);
}

int kept_uidls_change_commit(struct kept_uidls_change **change,
			     const char **error_r)
{
	struct kept_uidls_content content;
	int ret = 0;

	if ((*change)->changed) {
		kept_uidls_change_get_content(*change, &content);
		ret = kept_store_write((*change)->kept->trans->box, &content,
				       error_r);
	}
	kept_uidls_change_cancel(change);
	return ret;
}

void kept_uidls_change_cancel(struct kept_uidls_change **_change)
{
	struct kept_uidls_change *change = *_change;

	*_change = NULL;
	kept_uidls_deinit(&change->kept);
	file_lock_free(&change->lock);
	i_free(change);
}

int kept_uidls_remove_all(struct mailbox *box, const char **error_r)
{
	struct kept_uidls_content nothing;
	struct file_lock *lock;
	int ret;

	if (kept_lock(box, &lock, error_r) < 0)
		return -1;
	i_zero(&nothing);
	t_array_init(&nothing.uidls, 1);
	ret = kept_store_write(box, &nothing, error_r);
	file_lock_free(&lock);
	return ret;
}

int kept_uidls_refresh(struct mailbox *box, const char **error_r)
{
	struct mailbox_transaction_context *trans;
	struct kept_uidls_change *change;
	int ret;

	trans = mailbox_transaction_begin(box, 0, __func__);
	ret = kept_uidls_change_begin(trans, &change, error_r);
	if (ret == 0)
		ret = kept_uidls_change_commit(&change, error_r);
	/* GUIDs that were looked up stay in the cache */
	if (mailbox_transaction_commit(&trans) < 0 && ret == 0) {
		*error_r = t_strdup(
			mailbox_get_last_internal_error(box, NULL));
		ret = -1;
	}
	return ret;
}
