/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "mail-index.h"
#include "mail-storage-private.h"
#include "history.h"
#include "kept-uidls.h"
#include "mailbox-uidls.h"
#include "shown-uidl.h"
#include "uidl-storm.h"
#include "uidl-texts.h"
#include "user-policy.h"
#include "session.h"
#include "uidls.h"

#define UIDLS_FAILED "-ERR [SYS/TEMP] UIDLs can't be listed now."
#define UIDLS_CHANGED "-ERR [SYS/TEMP] UIDLs have changed, which would make " \
	"you download all mail again. Ask your administrator."

bool uidls_may_be_own(const struct pop3_session *session)
{
	return mailbox_uidls_are_own(session->policy) ||
		kept_uidls_may_exist(session->client->mailbox);
}

/* Is there anything to be done about them? Dovecot's own have to be compared
   with those shown before, and with those that are kept. */
static bool uidls_are_made(const struct pop3_session *session)
{
	const struct client *client = session->client;

	return session->uidls == NULL && client->message_uidls == NULL &&
		client->messages_count > 0 &&
		(history_is_persistent(session->history) ||
		 uidls_may_be_own(session));
}

static bool uidls_is_shown(void *context, uint32_t seq)
{
	const struct shown_uidl *shown = context;
	uint32_t msgnum;

	return shown_uidl_get_msgnum(shown, seq, &msgnum);
}

/* What the client is going to see is noted where it was not known before. */
static void uidls_note(struct pop3_session *session,
		       const struct uidl_entry *entries,
		       const ARRAY_TYPE(seq_range) *removed)
{
	struct client *client = session->client;
	const bool has_removed = array_count(removed) > 0;
	const struct uidl_entry *entry;
	uint32_t msgnum, seq;

	if (session->policy->state != USER_POLICY_ACTIVE)
		return;
	for (msgnum = 0; msgnum < client->messages_count; msgnum++) {
		seq = pop3_session_seq(client, msgnum);
		entry = &entries[seq - 1];
		if (entry->hash != entry->shown_hash &&
		    !(has_removed && seq_range_exists(removed, seq))) {
			history_note_uidl(session->history,
					  client->trans->view, seq,
					  entry->hash, entry->numbered);
		}
	}
}

/* Dovecot looks at them only where the log line at the end of a session says
   how they have changed. It is told where it would have made them itself, which
   it would also do to rename duplicates. */
static void uidls_set_dovecot(struct pop3_session *session)
{
	struct client *client = session->client;
	uint32_t msgnum;

	if (!client->message_uidls_save)
		return;
	client->message_uidls = p_new(client->uidl_pool, const char *,
				      client->messages_count);
	for (msgnum = 0; msgnum < client->messages_count; msgnum++) {
		client->message_uidls[msgnum] =
			uidl_texts_get(session->uidls, msgnum);
	}
}

static void uidls_set(struct pop3_session *session,
		      const struct uidl_entry *entries, uint32_t count)
{
	struct client *client = session->client;
	size_t size = 0;
	uint32_t msgnum, seq;

	for (msgnum = 0; msgnum < client->messages_count; msgnum++) {
		seq = pop3_session_seq(client, msgnum);
		i_assert(seq <= count);
		size += strlen(entries[seq - 1].uidl) + 1;
	}
	client->uidl_pool = pool_allocfree_create("message uidls");
	session->uidls = uidl_texts_create(client->uidl_pool,
					   client->messages_count, size);
	for (msgnum = 0; msgnum < client->messages_count; msgnum++) {
		seq = pop3_session_seq(client, msgnum);
		uidl_texts_add(session->uidls, entries[seq - 1].uidl);
	}
	uidls_set_dovecot(session);
}

/* pool: for what is not needed any more when this returns. Returns 1, 0 if
   clients would download all of it again, -1 and error_r. */
static int uidls_make(struct pop3_session *session, pool_t pool,
		      const char **error_r)
{
	const struct client *client = session->client;
	struct mailbox_uidls_params params = {
		.trans = client->trans,
		.policy = session->policy,
		.history = session->history,
		.judge = session->judge,
		.is_shown = uidls_is_shown,
		.context = shown_uidl_init(session),
		.pool = pool,
	};
	struct shown_uidl *shown = params.context;
	const struct uidl_entry *entries;
	const ARRAY_TYPE(seq_range) *removed;
	struct mailbox_uidls *uidls;
	uint32_t count;
	int ret;

	shown_uidl_get_settings(client, &params.dovecot);
	uidls = mailbox_uidls_init(&params);
	session->making_uidls = uidls;
	ret = mailbox_uidls_make(uidls, error_r);
	session->making_uidls = NULL;
	entries = mailbox_uidls_get(uidls, &count);
	removed = mailbox_uidls_get_removed(uidls);
	if (ret == 0 && uidl_storm_pass(session, entries, removed))
		ret = 1;
	if (ret > 0) {
		uidls_set(session, entries, count);
		uidls_note(session, entries, removed);
		session->kept_uidls_stale =
			mailbox_uidls_kept_are_stale(uidls);
	}
	mailbox_uidls_deinit(&uidls);
	shown_uidl_deinit(&shown);
	return ret;
}

const char *uidls_prepare(struct pop3_session *session)
{
	const char *error;
	pool_t pool;
	int ret;

	if (session->uidl_refusal != NULL || !uidls_are_made(session))
		return session->uidl_refusal;
	pool = pool_alloconly_create("uidls to be shown", 1024);
	T_BEGIN {
		ret = uidls_make(session, pool, &error);
		if (ret < 0) {
			pop3_session_failure(session, "Can't list UIDLs",
					     error);
		}
	} T_END;
	pool_unref(&pool);
	if (ret == 0)
		session->uidl_refusal = UIDLS_CHANGED;
	return ret < 0 ? UIDLS_FAILED : session->uidl_refusal;
}
