/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "array.h"
#include "bsearch-insert-pos.h"
#include "mail-storage-private.h"
#include "mail-index-private.h"
#include "history.h"
#include "index-extension.h"

#define HISTORY_EXT_NAME "pop3-policy"

/* What is to be done to a record. Applied to the record as it is when it is
   written, so that two sessions at once do not undo each other. */
struct history_change {
	uint32_t uid;
	uint32_t retrieved_time;
	uint32_t retrieved_count;
	uint32_t hidden_time;
	bool sent:1;
	bool keyword_set:1;
	bool keyword_gone:1;
	bool reported:1;
	bool unreported:1;
	/* of the UIDL with this hash; 0 = no other one is shown */
	bool uidl_numbered:1;
	uint32_t uidl_hash;
};
ARRAY_DEFINE_TYPE(history_change, struct history_change);

struct history {
	struct mailbox *box;
	uint32_t ext_id;
	/* Ascending by UID */
	ARRAY_TYPE(history_change) changes;
	struct history_header new_header;
	bool header_changed;

	/* Looking up a keyword by its name costs more than all the rest. */
	unsigned int keyword_idx, keywords_searched;
	bool keyword_found;

	/* The index map whose record size was checked last */
	const struct mail_index_map *checked_map;
	bool checked_map_ok;
};

struct history *history_init(struct mailbox *box)
{
	struct history *history;

	COMPILE_ERROR_IF_TRUE(sizeof(struct history_record) != 16 ||
			      sizeof(struct history_header) != 64);
	history = i_new(struct history, 1);
	history->box = box;
	history->ext_id = mail_index_ext_register(
		box->index, HISTORY_EXT_NAME, sizeof(struct history_header),
		sizeof(struct history_record), sizeof(uint32_t));
	i_array_init(&history->changes, 8);
	return history;
}

void history_deinit(struct history **_history)
{
	struct history *history = *_history;

	if (history == NULL)
		return;
	*_history = NULL;
	array_free(&history->changes);
	i_free(history);
}

static void history_read_header(struct history *history,
				struct mail_index_view *view,
				struct history_header *header_r)
{
	const void *data;
	size_t size;

	i_zero(header_r);
	mail_index_get_header_ext(view, history->ext_id, &data, &size);
	if (size >= sizeof(*header_r))
		memcpy(header_r, data, sizeof(*header_r));
}

bool history_is_persistent(struct history *history)
{
	const struct history_header *header;
	const void *data;
	size_t size;

	if (mail_index_is_in_memory(history->box->index))
		return FALSE;
	/* a later release wrote it in a way that this one doesn't know */
	mail_index_get_header_ext(history->box->view, history->ext_id, &data,
				  &size);
	header = data;
	return size < sizeof(*header) || header->version <= HISTORY_VERSION;
}

const char *history_get_obstacle(struct history *history)
{
	if (!history_is_persistent(history))
		return "has no index on disk to keep that in";
	if (strcmp(history->box->storage->name, "mbox") == 0)
		return "is an mbox, which keeps keywords in its messages";
	return NULL;
}

void history_get_header(struct history *history, struct mail_index_view *view,
			struct history_header *header_r)
{
	if (history->header_changed)
		*header_r = history->new_header;
	else
		history_read_header(history, view, header_r);
}

void history_set_header(struct history *history,
			const struct history_header *header)
{
	history->new_header = *header;
	history->header_changed = TRUE;
}

static bool history_map_is_ok(struct history *history,
			      struct mail_index_map *map)
{
	uint32_t hdr_size;
	uint16_t record_size, align;

	if (history->checked_map != map) {
		mail_index_ext_get_size(map, history->ext_id,
					&hdr_size, &record_size, &align);
		history->checked_map = map;
		history->checked_map_ok =
			record_size == sizeof(struct history_record);
	}
	return history->checked_map_ok;
}

static void history_read(struct history *history, struct mail_index_view *view,
			 uint32_t seq, struct history_record *rec_r)
{
	struct mail_index_map *map;
	const void *data;
	bool expunged;

	mail_index_lookup_ext_full(view, seq, history->ext_id, &map,
				   &data, &expunged);
	if (data != NULL && history_map_is_ok(history, map))
		memcpy(rec_r, data, sizeof(*rec_r));
	else
		i_zero(rec_r);
}

static int history_change_cmp(const uint32_t *uid,
			      const struct history_change *change)
{
	return *uid < change->uid ? -1 : (*uid > change->uid ? 1 : 0);
}

static const struct history_change *
history_find_change(struct history *history, uint32_t uid)
{
	return array_bsearch(&history->changes, &uid, history_change_cmp);
}

static struct history_change *
history_get_change(struct history *history, struct mail_index_view *view,
		   uint32_t seq)
{
	struct history_change *changes, *change;
	unsigned int idx;
	uint32_t uid;

	mail_index_lookup_uid(view, seq, &uid);
	changes = array_get_modifiable(&history->changes, &idx);
	if (idx == 0 || changes[idx - 1].uid < uid) {
		/* mostly they come in this order */
		change = array_append_space(&history->changes);
	} else if (array_bsearch_insert_pos(&history->changes, &uid,
					    history_change_cmp, &idx))
		return &changes[idx];
	else
		change = array_insert_space(&history->changes, idx);
	change->uid = uid;
	return change;
}

static void history_apply(const struct history_change *change,
			  struct history_record *rec)
{
	if (change->keyword_gone) {
		rec->hidden = 0;
		rec->flags &= ENUM_NEGATE(HISTORY_KEYWORD_SET);
	}
	if (change->sent)
		rec->flags |= HISTORY_SENT;
	if (change->retrieved_count > 0) {
		if (rec->retrieved == 0 ||
		    rec->retrieved > change->retrieved_time)
			rec->retrieved = change->retrieved_time;
		rec->retrieve_count =
			I_MIN((uint32_t)rec->retrieve_count +
			      change->retrieved_count, UINT16_MAX);
		rec->flags |= HISTORY_SENT;
	}
	if (change->hidden_time != 0 && rec->hidden == 0) {
		rec->hidden = change->hidden_time;
		rec->flags &= ENUM_NEGATE(HISTORY_KEYWORD_SET);
	}
	if (change->keyword_set)
		rec->flags |= HISTORY_KEYWORD_SET;
	if (change->reported)
		rec->flags |= HISTORY_REPORTED;
	if (change->unreported)
		rec->flags &= ENUM_NEGATE(HISTORY_REPORTED);
	if (change->uidl_hash != 0) {
		rec->uidl_hash = change->uidl_hash;
		rec->flags &= ENUM_NEGATE(HISTORY_UIDL_NUMBERED);
		if (change->uidl_numbered)
			rec->flags |= HISTORY_UIDL_NUMBERED;
	}
}

bool history_may_have_records(
	struct history *history,
	const struct mailbox_transaction_context *trans)
{
	return array_count(&history->changes) > 0 ||
		index_extension_may_have_records(trans, history->ext_id);
}

void history_get(struct history *history, struct mail_index_view *view,
		 uint32_t seq, struct history_record *rec_r)
{
	const struct history_change *change;
	uint32_t uid;

	history_read(history, view, seq, rec_r);
	if (array_count(&history->changes) == 0)
		return;
	mail_index_lookup_uid(view, seq, &uid);
	change = history_find_change(history, uid);
	if (change != NULL)
		history_apply(change, rec_r);
}

/* Keywords are only ever added to an index that is open. */
static bool history_find_keyword(struct history *history)
{
	struct mail_index *index = history->box->index;
	unsigned int count = array_count(mail_index_get_keywords(index));

	if (!history->keyword_found && history->keywords_searched != count) {
		history->keywords_searched = count;
		history->keyword_found =
			mail_index_keyword_lookup(index, HISTORY_KEYWORD,
						  &history->keyword_idx);
	}
	return history->keyword_found;
}

bool history_has_keyword(struct history *history, struct mail_index_view *view,
			 uint32_t seq)
{
	ARRAY_TYPE(keyword_indexes) keywords;
	unsigned int idx;
	bool found = FALSE;

	if (!history_find_keyword(history))
		return FALSE;
	T_BEGIN {
		t_array_init(&keywords, 16);
		mail_index_lookup_keywords(view, seq, &keywords);
		array_foreach_elem(&keywords, idx) {
			if (idx == history->keyword_idx) {
				found = TRUE;
				break;
			}
		}
	} T_END;
	return found;
}

/* A record about hiding alone says nothing about retrieval. */
static bool record_knows(const struct history_record *rec)
{
	return (rec->flags & HISTORY_SENT) != 0 || rec->retrieved != 0;
}

static bool
history_was_watched(struct history *history, struct mail_index_view *view,
		    uint32_t seq)
{
	struct history_header header;
	uint32_t uid;

	history_get_header(history, view, &header);
	mail_index_lookup_uid(view, seq, &uid);
	return header.first_watched_uid != 0 &&
		uid >= header.first_watched_uid;
}

static void
history_fill_retrieval(struct history *history, struct mail_index_view *view,
		       uint32_t seq, const struct history_record *rec,
		       struct policy_message_facts *facts_r)
{
	facts_r->sent = (rec->flags & HISTORY_SENT) != 0;
	facts_r->retrieved = rec->retrieved;
	facts_r->retrieve_count = rec->retrieve_count;
	facts_r->history_known = record_knows(rec) ||
		history_was_watched(history, view, seq);
}

void history_get_retrieval(struct history *history,
			   struct mail_index_view *view, uint32_t seq,
			   struct policy_message_facts *facts_r)
{
	struct history_record rec;

	history_get(history, view, seq, &rec);
	history_fill_retrieval(history, view, seq, &rec, facts_r);
}

void history_get_facts(struct history *history, struct mail_index_view *view,
		       uint32_t seq, int64_t now,
		       struct policy_message_facts *facts_r)
{
	struct history_record rec;

	history_get(history, view, seq, &rec);
	history_fill_retrieval(history, view, seq, &rec, facts_r);
	facts_r->hidden = history_is_hidden(&rec,
		history_has_keyword(history, view, seq));
	facts_r->hidden_since = !facts_r->hidden ? 0 :
		(rec.hidden != 0 ? rec.hidden : now);
}

bool history_is_hidden(const struct history_record *rec, bool has_keyword)
{
	return has_keyword ||
		(rec->hidden != 0 && (rec->flags & HISTORY_KEYWORD_SET) == 0);
}

bool history_may_have_hidden(struct history *history,
			     struct mail_index_view *view)
{
	const void *data;
	size_t size;
	unsigned int idx;

	mail_index_get_header_ext(view, history->ext_id, &data, &size);
	return size > 0 ||
		mail_index_keyword_lookup(history->box->index, HISTORY_KEYWORD,
					  &idx);
}

void history_note_sent(struct history *history, struct mail_index_view *view,
		       uint32_t seq)
{
	history_get_change(history, view, seq)->sent = TRUE;
}

void history_note_retrieved(struct history *history,
			    struct mail_index_view *view, uint32_t seq,
			    int64_t now)
{
	struct history_change *change =
		history_get_change(history, view, seq);

	if (change->retrieved_count++ == 0)
		change->retrieved_time = now;
}

void history_note_hidden(struct history *history, struct mail_index_view *view,
			 uint32_t seq, int64_t now)
{
	struct history_change *change =
		history_get_change(history, view, seq);

	if (!history_has_keyword(history, view, seq)) {
		/* A date that is left from a hiding that was undone does not
		   count. */
		struct history_record rec;

		history_read(history, view, seq, &rec);
		if ((rec.flags & HISTORY_KEYWORD_SET) != 0)
			change->keyword_gone = TRUE;
	}
	change->hidden_time = now;
}

void history_note_keyword(struct history *history,
			  struct mail_index_view *view, uint32_t seq,
			  bool is_set, int64_t now)
{
	struct history_change *change =
		history_get_change(history, view, seq);

	if (is_set) {
		if (change->hidden_time == 0)
			change->hidden_time = now;
		change->keyword_set = TRUE;
	} else {
		change->keyword_gone = TRUE;
	}
}

void history_note_reported(struct history *history,
			   struct mail_index_view *view, uint32_t seq,
			   bool is_set)
{
	struct history_change *change =
		history_get_change(history, view, seq);

	change->reported = is_set;
	change->unreported = !is_set;
}

void history_note_uidl(struct history *history, struct mail_index_view *view,
		       uint32_t seq, uint32_t hash, bool is_numbered)
{
	struct history_change *change =
		history_get_change(history, view, seq);

	change->uidl_hash = hash;
	change->uidl_numbered = is_numbered;
}

void history_forget_hidden(struct history *history, uint32_t uid)
{
	struct history_change *change;
	unsigned int idx;

	if (array_bsearch_insert_pos(&history->changes, &uid,
				     history_change_cmp, &idx)) {
		change = array_idx_modifiable(&history->changes, idx);
		change->hidden_time = 0;
		change->keyword_set = FALSE;
	}
}

void history_forget(struct history *history, const ARRAY_TYPE(seq_range) *uids)
{
	struct history_change *changes;
	unsigned int i, count, kept = 0;

	changes = array_get_modifiable(&history->changes, &count);
	for (i = 0; i < count; i++) {
		if (!seq_range_exists(uids, changes[i].uid))
			changes[kept++] = changes[i];
	}
	array_delete(&history->changes, kept, count - kept);
}

int history_mark_archiving(struct history *history,
			   const ARRAY_TYPE(seq_range) *uids)
{
	struct mail_index_view *view = history->box->view;
	struct mail_index_transaction *itrans;
	struct history_record rec;
	struct seq_range_iter iter;
	unsigned int n = 0;
	uint32_t uid, seq;

	if (!history_is_persistent(history))
		return 0;
	itrans = mail_index_transaction_begin(view, 0);
	seq_range_array_iter_init(&iter, uids);
	while (seq_range_array_iter_nth(&iter, n++, &uid)) {
		if (!mail_index_lookup_seq(view, uid, &seq))
			continue;
		history_read(history, view, seq, &rec);
		rec.flags |= HISTORY_ARCHIVING;
		mail_index_update_ext(itrans, seq, history->ext_id, &rec,
				      NULL);
	}
	return mail_index_transaction_commit(&itrans);
}

bool history_has_changes(struct history *history)
{
	return history->header_changed || array_count(&history->changes) > 0;
}

/* Messages that follow one another are found without a search. */
static bool history_next_seq(struct mail_index_view *view, uint32_t uid,
			     uint32_t *seq)
{
	uint32_t next_uid;

	if (*seq < mail_index_view_get_messages_count(view)) {
		mail_index_lookup_uid(view, *seq + 1, &next_uid);
		if (next_uid == uid) {
			++*seq;
			return TRUE;
		}
	}
	return mail_index_lookup_seq(view, uid, seq);
}

void history_write(struct history *history,
		   struct mailbox_transaction_context *trans)
{
	const struct history_change *change;
	struct history_record old_rec, rec;
	uint32_t hdr_size, seq = 0;
	uint16_t record_size, align;
	bool has_records;

	if (!history_has_changes(history))
		return;

	mail_index_ext_get_size(history->box->index->map, history->ext_id,
				&hdr_size, &record_size, &align);
	if (record_size != 0 &&
	    (hdr_size != sizeof(struct history_header) ||
	     record_size != sizeof(struct history_record))) {
		mail_index_ext_resize(trans->itrans, history->ext_id,
				      sizeof(struct history_header),
				      sizeof(struct history_record),
				      sizeof(uint32_t));
	}
	if (!history->header_changed) {
		/* What falls due when depends on history. */
		history_read_header(history, trans->view,
				    &history->new_header);
		if (history->new_header.next_due != 0) {
			history->new_header.next_due = 0;
			history->header_changed = TRUE;
		}
	}
	if (history->header_changed) {
		mail_index_update_header_ext(trans->itrans, history->ext_id, 0,
					     &history->new_header,
					     sizeof(history->new_header));
	}
	has_records = index_extension_may_have_records(trans, history->ext_id);
	i_zero(&old_rec);
	array_foreach(&history->changes, change) {
		if (!history_next_seq(trans->view, change->uid, &seq))
			continue;
		if (has_records)
			history_read(history, trans->view, seq, &old_rec);
		rec = old_rec;
		history_apply(change, &rec);
		if (memcmp(&rec, &old_rec, sizeof(rec)) != 0) {
			mail_index_update_ext(trans->itrans, seq,
					      history->ext_id, &rec, NULL);
		}
	}
	array_clear(&history->changes);
	history->header_changed = FALSE;
}
