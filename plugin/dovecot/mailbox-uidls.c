/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "hash.h"
#include "mail-index.h"
#include "mail-storage-private.h"
#include "history.h"
#include "judge.h"
#include "kept-uidls.h"
#include "keyed-uidls.h"
#include "policy-script.h"
#include "user-policy.h"
#include "mailbox-uidls.h"

/* What finding out leaves on the data stack is little, and a frame for each
   message would cost as much as a hash. */
#define MADE_IN_A_FRAME 16

HASH_TABLE_DEFINE_TYPE(uidl_numbers, char *, void *);

struct mailbox_uidls {
	struct mailbox_uidls_params params;
	bool has_hook;
	/* NULL = none are */
	struct kept_uidls *kept;
	/* NULL: Dovecot's settings */
	struct keyed_uidls *keyed;
	char keyed_uidl[UIDL_KEYED_LENGTH + 1];
	/* For Dovecot's; NULL until one is needed */
	struct dovecot_uidl *dovecot;
	struct mail *mail;
	/* The last one of these was in the storage already. */
	bool permanent;

	pool_t pool;
	struct uidl_entry *entries;
	uint32_t count;
	ARRAY_TYPE(seq_range) removed;
};

bool mailbox_uidls_are_own(const struct user_policy *policy)
{
	return policy->state == USER_POLICY_ACTIVE &&
		(policy->policy->uidl != POLICY_UIDL_DOVECOT ||
		 policy_script_has_hook(policy->script, SCRIPT_HOOK_UIDL));
}

struct mailbox_uidls *
mailbox_uidls_init(const struct mailbox_uidls_params *params)
{
	struct mailbox_uidls *uidls;
	pool_t pool;

	/* of what is large nothing is rounded up */
	pool = pool_allocfree_create("mailbox uidls");
	uidls = p_new(pool, struct mailbox_uidls, 1);
	uidls->pool = pool;
	uidls->params = *params;
	p_array_init(&uidls->removed, pool, 4);
	return uidls;
}

void mailbox_uidls_deinit(struct mailbox_uidls **_uidls)
{
	struct mailbox_uidls *uidls = *_uidls;

	if (uidls == NULL)
		return;
	*_uidls = NULL;
	keyed_uidls_deinit(&uidls->keyed);
	kept_uidls_deinit(&uidls->kept);
	if (uidls->mail != NULL)
		mail_free(&uidls->mail);
	dovecot_uidl_deinit(&uidls->dovecot);
	pool_unref(&uidls->pool);
}

/*
 * Where they come from
 */

static int
uidls_get_dovecot(struct mailbox_uidls *uidls, uint32_t seq,
		  const char **uidl_r, const char **error_r)
{
	struct mailbox_transaction_context *trans = uidls->params.trans;

	if (uidls->dovecot == NULL) {
		uidls->dovecot = dovecot_uidl_init(
			&uidls->params.dovecot,
			mail_index_get_header(trans->view)->uid_validity);
		uidls->mail = dovecot_uidl_mail_alloc(uidls->dovecot, trans);
	}
	mail_set_seq(uidls->mail, seq);
	return dovecot_uidl_compute(uidls->dovecot, uidls->mail, uidl_r,
				    &uidls->permanent, error_r);
}

int mailbox_uidls_get_base(struct mailbox_uidls *uidls, uint32_t seq,
			   const char **uidl_r, const char **error_r)
{
	if (uidls->keyed == NULL)
		return uidls_get_dovecot(uidls, seq, uidl_r, error_r);
	*uidl_r = uidls->keyed_uidl;
	if (keyed_uidls_lookup(uidls->keyed, seq, uidls->keyed_uidl))
		return 0;
	return keyed_uidls_get(uidls->keyed, seq,
			       &uidls->entries[seq - 1], uidls->keyed_uidl,
			       error_r);
}

/* Returns FALSE if the message keeps none. */
static bool uidls_set_kept(struct mailbox_uidls *uidls, uint32_t seq)
{
	struct uidl_entry *entry = &uidls->entries[seq - 1];
	const char *uidl;

	uidl = uidls->kept == NULL ? NULL : kept_uidls_get(uidls->kept, seq);
	if (uidl == NULL)
		return FALSE;
	entry->wanted = p_strdup(uidls->params.pool, uidl);
	entry->kept = TRUE;
	return TRUE;
}

/* Returns 0, or -1 and error_r. */
static int uidls_ask(struct mailbox_uidls *uidls, uint32_t seq,
		     const char **uidl_r, const char **error_r)
{
	struct script_answer answer;

	if (uidls->has_hook) {
		judge_ask_hook(uidls->params.judge, uidls->params.trans,
			       SCRIPT_HOOK_UIDL, seq, &answer);
		switch (answer.outcome) {
		case SCRIPT_FAILED:
			*error_r = answer.reason;
			return -1;
		case SCRIPT_ANSWER:
			*uidl_r = answer.uidl;
			return 0;
		case SCRIPT_PASS:
			break;
		}
	}
	if (mailbox_uidls_get_base(uidls, seq, uidl_r, error_r) < 0)
		return -1;
	if (!uidl_is_valid(*uidl_r)) {
		*error_r = "Dovecot's UIDL isn't one of 1 to 70 characters "
			"0x21 to 0x7E";
		return -1;
	}
	return 0;
}

/* A message that somebody else has removed meanwhile doesn't stop the others
   from being listed: it gets a UIDL that no other one has or will have. */
static int uidls_set_removed(struct mailbox_uidls *uidls, uint32_t seq)
{
	struct mailbox_transaction_context *trans = uidls->params.trans;
	uint32_t uid;

	if (mail_index_refresh(trans->box->index) < 0 ||
	    !mail_index_is_expunged(trans->view, seq))
		return -1;
	mail_index_lookup_uid(trans->view, seq, &uid);
	seq_range_array_add(&uidls->removed, seq);
	uidls->entries[seq - 1].shown_hash = 0;
	uidls->entries[seq - 1].wanted = p_strdup_printf(
		uidls->params.pool, "removed-%u.%u",
		mail_index_get_header(trans->view)->uid_validity, uid);
	return 0;
}

/* Those from this sequence on that are still wanted, a few. */
static int
uidls_make_keyed(struct mailbox_uidls *uidls,
		 char (*texts)[UIDL_KEYED_LENGTH + 1], uint32_t *seq,
		 const char **error_r)
{
	struct uidl_entry *entry;
	unsigned int made = 0;

	for (; *seq <= uidls->count && made < MADE_IN_A_FRAME; ++*seq) {
		entry = &uidls->entries[*seq - 1];
		if (entry->wanted != NULL)
			continue;
		entry->wanted = texts[*seq - 1];
		if (keyed_uidls_get(uidls->keyed, *seq, entry,
				    texts[*seq - 1], error_r) < 0 &&
		    uidls_set_removed(uidls, *seq) < 0)
			return -1;
		made++;
	}
	return 0;
}

/* All of them under a key, with nobody else to ask. */
static int uidls_find_keyed(struct mailbox_uidls *uidls, const char **error_r)
{
	char (*texts)[UIDL_KEYED_LENGTH + 1] =
		p_malloc(uidls->params.pool, uidls->count * sizeof(*texts));
	struct uidl_entry *entry = uidls->entries;
	uint32_t seq;
	int ret = 0;

	/* first: each one that is made makes it dearer */
	for (seq = 1; seq <= uidls->count; seq++, entry++) {
		if (!uidls_set_kept(uidls, seq) &&
		    keyed_uidls_lookup(uidls->keyed, seq, texts[seq - 1]))
			entry->wanted = texts[seq - 1];
	}
	for (seq = 1; seq <= uidls->count && ret == 0; ) T_BEGIN {
		ret = uidls_make_keyed(uidls, texts, &seq, error_r);
	} T_END_PASS_STR_IF(ret < 0, error_r);
	return ret;
}

static int uidls_find_own(struct mailbox_uidls *uidls, const char **error_r)
{
	const char *uidl;
	uint32_t seq;
	int ret = 0;

	if (uidls->keyed != NULL && !uidls->has_hook)
		return uidls_find_keyed(uidls, error_r);

	for (seq = 1; seq <= uidls->count && ret == 0; seq++) T_BEGIN {
		if (uidls_set_kept(uidls, seq))
			;
		else if (uidls_ask(uidls, seq, &uidl, error_r) < 0)
			ret = uidls_set_removed(uidls, seq);
		else {
			uidls->entries[seq - 1].wanted =
				p_strdup(uidls->params.pool, uidl);
		}
	} T_END_PASS_STR_IF(ret < 0, error_r);
	return ret;
}

static void *uidls_alloc(void *context, size_t size)
{
	return p_malloc((pool_t)context, size);
}

static int uidls_make_own(struct mailbox_uidls *uidls, const char **error_r)
{
	struct uidl_entry *entry, *end = uidls->entries + uidls->count;
	pool_t pool;
	int ret;

	if (uidls_find_own(uidls, error_r) < 0)
		return -1;
	pool = pool_allocfree_create("uidl numbers");
	ret = uidl_number_duplicates(uidls->entries, uidls->count,
				     uidls_alloc, pool);
	if (ret < 0)
		*error_r = "Out of memory";
	for (entry = uidls->entries; entry < end && ret == 0; entry++) {
		if (entry->uidl != entry->wanted)
			entry->uidl = p_strdup(uidls->params.pool, entry->uidl);
	}
	pool_unref(&pool);
	return ret;
}

/* As Dovecot does it for pop3_uidl_duplicates = rename: each is numbered by
   the messages before it. */
static const char *
uidls_rename(struct mailbox_uidls *uidls, HASH_TABLE_TYPE(uidl_numbers) numbers,
	     const char *uidl)
{
	unsigned int number;
	char *key;
	void *value;

	while (hash_table_lookup_full(numbers, uidl, &key, &value)) {
		number = POINTER_CAST_TO(value, unsigned int) + 1;
		hash_table_update(numbers, key, POINTER_CAST(number));
		uidl = t_strdup_printf("%s-%u", uidl, number);
	}
	key = p_strdup(uidls->params.pool, uidl);
	hash_table_insert(numbers, key, POINTER_CAST(1));
	return key;
}

/* Returns 0, or -1 and error_r. */
static int
uidls_make_dovecot_one(struct mailbox_uidls *uidls, uint32_t seq,
		       HASH_TABLE_TYPE(uidl_numbers) numbers,
		       const char **error_r)
{
	const struct dovecot_uidl_settings *set = &uidls->params.dovecot;
	struct uidl_entry *entry = &uidls->entries[seq - 1];
	const char *uidl;

	if (entry->kept)
		return 0;
	if (uidls_get_dovecot(uidls, seq, &uidl, error_r) < 0) {
		if (uidls_set_removed(uidls, seq) < 0)
			return -1;
		entry->uidl = entry->wanted;
		return 0;
	}
	entry->uidl = set->rename_duplicates ||
		(uidls->kept != NULL &&
		 hash_table_lookup(numbers, uidl) != NULL) ?
		uidls_rename(uidls, numbers, uidl) :
		p_strdup(uidls->params.pool, uidl);
	entry->hash = uidl_hash(entry->uidl);
	if (set->save && !uidls->permanent)
		mail_update_pop3_uidl(uidls->mail, entry->uidl);
	return 0;
}

/* Two that are kept may be the same, if Dovecot's were when they were
   pinned. */
static void
uidls_make_dovecot_kept(struct mailbox_uidls *uidls,
			HASH_TABLE_TYPE(uidl_numbers) numbers)
{
	struct uidl_entry *entry;
	uint32_t seq;

	if (uidls->kept == NULL)
		return;
	for (seq = 1; seq <= uidls->count; seq++) {
		if (!uidls_set_kept(uidls, seq))
			continue;
		entry = &uidls->entries[seq - 1];
		entry->uidl = uidls->params.dovecot.rename_duplicates ?
			uidls_rename(uidls, numbers, entry->wanted) :
			entry->wanted;
		entry->hash = uidl_hash(entry->uidl);
		if (hash_table_lookup(numbers, entry->uidl) == NULL) {
			hash_table_insert(numbers,
				p_strdup(uidls->params.pool, entry->uidl),
				POINTER_CAST(1));
		}
	}
}

/* What Dovecot would do, as it would do it: for those that the session sees,
   duplicates left as they are unless its setting says otherwise. */
static int
uidls_make_dovecot(struct mailbox_uidls *uidls, const char **error_r)
{
	const struct mailbox_uidls_params *params = &uidls->params;
	HASH_TABLE_TYPE(uidl_numbers) numbers;
	bool are_shown = TRUE;
	uint32_t seq;
	int ret = 0;

	hash_table_create(&numbers, default_pool, 0, str_hash, strcmp);
	uidls_make_dovecot_kept(uidls, numbers);
	do {
		for (seq = 1; seq <= uidls->count && ret == 0; seq++) {
			if (params->is_shown(params->context, seq) !=
			    are_shown)
				continue;
			T_BEGIN {
				ret = uidls_make_dovecot_one(uidls, seq,
							     numbers, error_r);
			} T_END_PASS_STR_IF(ret < 0, error_r);
		}
		/* after them, so that they stay as the session has them */
		are_shown = !are_shown;
	} while (ret == 0 && !are_shown && params->want_unseen);
	hash_table_destroy(&numbers);
	return ret;
}

static void uidls_read_history(struct mailbox_uidls *uidls)
{
	struct history_record rec;
	uint32_t seq;

	if (!history_may_have_records(uidls->params.history,
				      uidls->params.trans))
		return;
	for (seq = 1; seq <= uidls->count; seq++) {
		history_get(uidls->params.history, uidls->params.trans->view,
			    seq, &rec);
		uidls->entries[seq - 1].shown_hash = rec.uidl_hash;
		uidls->entries[seq - 1].shown_numbered =
			(rec.flags & HISTORY_UIDL_NUMBERED) != 0;
	}
}

int mailbox_uidls_make(struct mailbox_uidls *uidls, const char **error_r)
{
	const struct user_policy *policy = uidls->params.policy;
	struct mailbox_transaction_context *trans = uidls->params.trans;
	const bool are_own = mailbox_uidls_are_own(policy);

	uidls->has_hook = are_own &&
		policy_script_has_hook(policy->script, SCRIPT_HOOK_UIDL);
	if (are_own && policy->policy->uidl != POLICY_UIDL_DOVECOT &&
	    keyed_uidls_init(policy->policy->uidl, policy->uidl_key, trans,
			     &uidls->keyed, error_r) < 0)
		return -1;
	uidls->count = mail_index_view_get_messages_count(trans->view);
	if (uidls->count == 0)
		return 0;
	uidls->entries = p_new(uidls->pool, struct uidl_entry, uidls->count);
	uidls_read_history(uidls);
	if (kept_uidls_init(trans, &uidls->kept, error_r) < 0) {
		*error_r = t_strconcat("Kept UIDLs: ", *error_r, NULL);
		return -1;
	}
	return are_own ? uidls_make_own(uidls, error_r) :
		uidls_make_dovecot(uidls, error_r);
}

const struct uidl_entry *
mailbox_uidls_get(const struct mailbox_uidls *uidls, uint32_t *count_r)
{
	*count_r = uidls->count;
	return uidls->entries;
}

bool mailbox_uidls_kept_are_stale(const struct mailbox_uidls *uidls)
{
	return uidls->kept != NULL && kept_uidls_are_stale(uidls->kept);
}

const ARRAY_TYPE(seq_range) *
mailbox_uidls_get_removed(const struct mailbox_uidls *uidls)
{
	return &uidls->removed;
}
