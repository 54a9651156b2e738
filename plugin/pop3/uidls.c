/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "hash.h"
#include "str.h"
#include "seq-range-array.h"
#include "mail-index.h"
#include "mail-storage-private.h"
#include "history.h"
#include "judge.h"
#include "keyed-uidls.h"
#include "policy-script.h"
#include "shown-uidl.h"
#include "uidl-storm.h"
#include "user-policy.h"
#include "session.h"
#include "uidls.h"
#include "pop3-policy/uidl.h"

#define UIDLS_FAILED "-ERR [SYS/TEMP] UIDLs can't be listed now."
#define UIDLS_CHANGED "-ERR [SYS/TEMP] UIDLs have changed, which would make " \
	"you download all mail again. Ask your administrator."

HASH_TABLE_DEFINE_TYPE(uidl_numbers, char *, void *);

struct uidls {
	struct pop3_session *session;
	bool has_hook;
	/* NULL: Dovecot's settings */
	struct keyed_uidls *keyed;
	char keyed_uidl[UIDL_KEYED_LENGTH + 1];
	struct shown_uidl *shown;
	/* For Dovecot's; NULL until one is needed */
	struct mail *mail;
	/* The last one of these was in the storage already. */
	bool permanent;

	/* Until they are made; until the session ends */
	pool_t temp_pool, pool;
	/* of all messages, by sequence - 1 */
	struct uidl_entry *entries;
	uint32_t count;
	/* Sequences that others have removed, so that their UIDLs can't be
	   found out any more */
	ARRAY_TYPE(seq_range) removed;
};

bool uidls_are_own(const struct pop3_session *session)
{
	const struct user_policy *policy = session->policy;

	return policy->state == USER_POLICY_ACTIVE &&
		(policy->policy->uidl != POLICY_UIDL_DOVECOT ||
		 policy_script_has_hook(policy->script, SCRIPT_HOOK_UIDL));
}

/* Is there anything to be done about them? Dovecot's own have to be compared
   with those shown before. */
static bool uidls_are_made(const struct pop3_session *session)
{
	const struct client *client = session->client;

	return client->message_uidls == NULL && client->messages_count > 0 &&
		(uidls_are_own(session) ||
		 history_is_persistent(session->history));
}

/*
 * Where they come from
 */

static int uidls_get_dovecot(struct uidls *uidls, uint32_t seq,
			     const char **uidl_r, const char **error_r)
{
	struct client *client = uidls->session->client;

	if (uidls->mail == NULL) {
		uidls->mail = mail_alloc(client->trans,
			(client->uidl_keymask & UIDL_MD5) == 0 ? 0 :
			MAIL_FETCH_HEADER_MD5, NULL);
	}
	mail_set_seq(uidls->mail, seq);
	return shown_uidl_compute(uidls->shown, uidls->mail, uidl_r,
				  &uidls->permanent, error_r);
}

int uidls_get_base(struct uidls *uidls, uint32_t seq, const char **uidl_r,
		   const char **error_r)
{
	if (uidls->keyed == NULL)
		return uidls_get_dovecot(uidls, seq, uidl_r, error_r);
	*uidl_r = uidls->keyed_uidl;
	return keyed_uidls_get(uidls->keyed, seq,
			       uidls->entries[seq - 1].shown_hash,
			       uidls->keyed_uidl, error_r);
}

/* Returns 0, or -1 and error_r. */
static int uidls_ask(struct uidls *uidls, uint32_t seq, const char **uidl_r,
		     const char **error_r)
{
	struct pop3_session *session = uidls->session;
	struct script_answer answer;

	if (uidls->has_hook) {
		judge_ask_hook(session->judge, session->client->trans,
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
	if (uidls_get_base(uidls, seq, uidl_r, error_r) < 0)
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
static int uidls_set_removed(struct uidls *uidls, uint32_t seq)
{
	struct client *client = uidls->session->client;
	uint32_t uid;

	if (!pop3_session_is_expunged(client->trans, seq))
		return -1;
	mail_index_lookup_uid(client->trans->view, seq, &uid);
	seq_range_array_add(&uidls->removed, seq);
	uidls->entries[seq - 1].shown_hash = 0;
	uidls->entries[seq - 1].wanted =
		p_strdup_printf(uidls->pool, "removed-%u.%u",
				client->uid_validity, uid);
	return 0;
}

/* All of them under a key, with nobody else to ask. */
static int uidls_find_keyed(struct uidls *uidls, const char **error_r)
{
	char (*texts)[UIDL_KEYED_LENGTH + 1] =
		p_malloc(uidls->pool, uidls->count * sizeof(*texts));
	struct uidl_entry *entry = uidls->entries;
	uint32_t seq;

	for (seq = 1; seq <= uidls->count; seq++, entry++) {
		entry->wanted = texts[seq - 1];
		if (keyed_uidls_get(uidls->keyed, seq, entry->shown_hash,
				    texts[seq - 1], error_r) < 0 &&
		    uidls_set_removed(uidls, seq) < 0)
			return -1;
	}
	return 0;
}

static int uidls_find_own(struct uidls *uidls, const char **error_r)
{
	const char *uidl;
	uint32_t seq;
	int ret = 0;

	if (uidls->keyed != NULL && !uidls->has_hook)
		return uidls_find_keyed(uidls, error_r);

	for (seq = 1; seq <= uidls->count && ret == 0; seq++) T_BEGIN {
		if (uidls_ask(uidls, seq, &uidl, error_r) < 0)
			ret = uidls_set_removed(uidls, seq);
		else {
			uidls->entries[seq - 1].wanted =
				p_strdup(uidls->pool, uidl);
		}
	} T_END_PASS_STR_IF(ret < 0, error_r);
	return ret;
}

static void *uidls_alloc(void *context, size_t size)
{
	struct uidls *uidls = context;

	return p_malloc(uidls->temp_pool, size);
}

static int uidls_make_own(struct uidls *uidls, const char **error_r)
{
	struct uidl_entry *entry, *end = uidls->entries + uidls->count;

	if (uidls_find_own(uidls, error_r) < 0)
		return -1;
	if (uidl_number_duplicates(uidls->entries, uidls->count,
				   uidls_alloc, uidls) < 0) {
		*error_r = "Out of memory";
		return -1;
	}
	for (entry = uidls->entries; entry < end; entry++) {
		if (entry->uidl != entry->wanted)
			entry->uidl = p_strdup(uidls->pool, entry->uidl);
	}
	return 0;
}

/* As Dovecot does it for pop3_uidl_duplicates = rename: each is numbered by
   the messages before it. */
static const char *
uidls_rename(struct uidls *uidls, HASH_TABLE_TYPE(uidl_numbers) numbers,
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
	key = p_strdup(uidls->pool, uidl);
	hash_table_insert(numbers, key, POINTER_CAST(1));
	return key;
}

/* What Dovecot would do, as it would do it: for those that the session sees,
   duplicates left as they are unless its setting says otherwise. */
static int uidls_make_dovecot(struct uidls *uidls, const char **error_r)
{
	const struct pop3_settings *set = uidls->session->client->set;
	const bool rename = strcmp(set->pop3_uidl_duplicates, "rename") == 0;
	HASH_TABLE_TYPE(uidl_numbers) numbers;
	struct uidl_entry *entry;
	const char *uidl;
	uint32_t seq, msgnum;
	int ret = 0;

	if (rename)
		hash_table_create(&numbers, default_pool, 0, str_hash, strcmp);
	for (seq = 1; seq <= uidls->count && ret == 0; seq++) T_BEGIN {
		entry = &uidls->entries[seq - 1];
		if (!shown_uidl_get_msgnum(uidls->shown, seq, &msgnum))
			;
		else if (uidls_get_dovecot(uidls, seq, &uidl, error_r) < 0) {
			ret = uidls_set_removed(uidls, seq);
			entry->uidl = entry->wanted;
		} else {
			entry->uidl = rename ?
				uidls_rename(uidls, numbers, uidl) :
				p_strdup(uidls->pool, uidl);
			entry->hash = uidl_hash(entry->uidl);
			if (set->pop3_save_uidl && !uidls->permanent)
				mail_update_pop3_uidl(uidls->mail, entry->uidl);
		}
	} T_END_PASS_STR_IF(ret < 0, error_r);
	if (rename)
		hash_table_destroy(&numbers);
	return ret;
}

/*
 * What is done with them
 */

static void uidls_read_history(struct uidls *uidls)
{
	struct pop3_session *session = uidls->session;
	struct mail_index_view *view = session->client->trans->view;
	struct history_record rec;
	uint32_t seq;

	for (seq = 1; seq <= uidls->count; seq++) {
		history_get(session->history, view, seq, &rec);
		uidls->entries[seq - 1].shown_hash = rec.uidl_hash;
	}
}

/* Hands them to Dovecot, and notes what was not known before. */
static void uidls_set(struct uidls *uidls)
{
	struct pop3_session *session = uidls->session;
	struct client *client = session->client;
	struct mail_index_view *view = client->trans->view;
	const struct uidl_entry *entry;
	const char **message_uidls;
	uint32_t msgnum, seq;

	message_uidls = p_new(uidls->pool, const char *,
			      client->messages_count);
	for (msgnum = 0; msgnum < client->messages_count; msgnum++) {
		seq = pop3_session_seq(client, msgnum);
		entry = &uidls->entries[seq - 1];
		message_uidls[msgnum] = entry->uidl;
		if (entry->hash != entry->shown_hash &&
		    session->policy->state == USER_POLICY_ACTIVE &&
		    !seq_range_exists(&uidls->removed, seq)) {
			history_note_uidl(session->history, view, seq,
					  entry->hash);
		}
	}
	client->message_uidls = message_uidls;
	client->uidl_pool = uidls->pool;
}

/* Returns 1, 0 if clients would download all of it again, -1 and error_r. */
static int uidls_make(struct uidls *uidls, const char **error_r)
{
	struct pop3_session *session = uidls->session;
	const struct user_policy *policy = session->policy;
	struct client *client = session->client;
	const bool are_own = uidls_are_own(session);

	uidls->has_hook = are_own &&
		policy_script_has_hook(policy->script, SCRIPT_HOOK_UIDL);
	if (are_own && policy->policy->uidl != POLICY_UIDL_DOVECOT &&
	    keyed_uidls_init(policy->policy->uidl, policy->uidl_key,
			     client->trans, &uidls->keyed, error_r) < 0)
		return -1;
	uidls->count = mail_index_view_get_messages_count(client->trans->view);
	uidls->entries = p_new(uidls->temp_pool, struct uidl_entry,
			       uidls->count);
	uidls->shown = shown_uidl_init(client, are_own);
	uidls_read_history(uidls);
	if ((are_own ? uidls_make_own(uidls, error_r) :
	     uidls_make_dovecot(uidls, error_r)) < 0)
		return -1;
	if (!uidl_storm_pass(session, uidls->entries, &uidls->removed))
		return 0;
	uidls_set(uidls);
	return 1;
}

const char *uidls_prepare(struct pop3_session *session)
{
	struct uidls uidls = { .session = session };
	const char *error;
	int ret;

	if (session->uidl_refusal != NULL || !uidls_are_made(session))
		return session->uidl_refusal;
	uidls.temp_pool = pool_alloconly_create("uidls", 1024);
	uidls.pool = pool_alloconly_create("message uidls", 1024);
	p_array_init(&uidls.removed, uidls.temp_pool, 4);
	session->making_uidls = &uidls;
	T_BEGIN {
		ret = uidls_make(&uidls, &error);
		if (ret < 0) {
			pop3_session_failure(session, "Can't list UIDLs",
					     error);
		}
	} T_END;
	session->making_uidls = NULL;
	if (ret <= 0)
		pool_unref(&uidls.pool);
	keyed_uidls_deinit(&uidls.keyed);
	if (uidls.mail != NULL)
		mail_free(&uidls.mail);
	shown_uidl_deinit(&uidls.shown);
	pool_unref(&uidls.temp_pool);
	if (ret == 0)
		session->uidl_refusal = UIDLS_CHANGED;
	return ret < 0 ? UIDLS_FAILED : session->uidl_refusal;
}
