/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "mail-index.h"
#include "mail-storage-private.h"
#include "history.h"
#include "judge.h"
#include "policy-script.h"
#include "shown-uidl.h"
#include "user-policy.h"
#include "session.h"
#include "uidls.h"
#include "pop3-policy/uidl.h"

struct uidls {
	struct pop3_session *session;
	struct shown_uidl *shown;
	struct mail *mail;
	/* Until they are made; until the session ends */
	pool_t temp_pool, pool;
	/* of all messages, by sequence */
	struct uidl_entry *entries;
	uint32_t count;
};

bool uidls_are_own(const struct pop3_session *session)
{
	return session->policy->state == USER_POLICY_ACTIVE &&
		policy_script_has_hook(session->policy->script,
				       SCRIPT_HOOK_UIDL);
}

/* Returns 0, or -1 and error_r. */
static int uidls_ask(struct uidls *uidls, uint32_t seq, const char **uidl_r,
		     const char **error_r)
{
	struct pop3_session *session = uidls->session;
	struct mailbox_transaction_context *trans = session->client->trans;
	struct script_answer answer;

	judge_ask_hook(session->judge, trans, SCRIPT_HOOK_UIDL, seq, &answer);
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
	if (uidls->mail == NULL)
		uidls->mail = mail_alloc(trans, 0, NULL);
	mail_set_seq(uidls->mail, seq);
	if (shown_uidl_compute(uidls->shown, uidls->mail, uidl_r, error_r) < 0)
		return -1;
	if (!uidl_is_valid(*uidl_r)) {
		*error_r = "Dovecot's UIDL isn't one of 1 to 70 characters "
			"0x21 to 0x7E";
		return -1;
	}
	return 0;
}

static int uidls_find_wanted(struct uidls *uidls, const char **error_r)
{
	struct pop3_session *session = uidls->session;
	struct mail_index_view *view = session->client->trans->view;
	struct history_record rec;
	const char *uidl;
	uint32_t seq;
	int ret = 0;

	for (seq = 1; seq <= uidls->count && ret == 0; seq++) {
		T_BEGIN {
			ret = uidls_ask(uidls, seq, &uidl, error_r);
			if (ret == 0) {
				uidls->entries[seq - 1].wanted =
					p_strdup(uidls->pool, uidl);
			}
		} T_END_PASS_STR_IF(ret < 0, error_r);
		history_get(session->history, view, seq, &rec);
		uidls->entries[seq - 1].shown_hash = rec.uidl_hash;
	}
	return ret;
}

static void *uidls_alloc(void *context, size_t size)
{
	struct uidls *uidls = context;

	return p_malloc(uidls->pool, size);
}

/* Hands them to Dovecot, and notes what was not known before. */
static void uidls_set(struct uidls *uidls)
{
	struct pop3_session *session = uidls->session;
	struct client *client = session->client;
	struct mail_index_view *view = client->trans->view;
	const char **message_uidls;
	uint32_t msgnum, seq, hash;

	message_uidls = p_new(uidls->pool, const char *,
			      client->messages_count);
	for (msgnum = 0; msgnum < client->messages_count; msgnum++) {
		seq = pop3_session_seq(client, msgnum);
		message_uidls[msgnum] = uidls->entries[seq - 1].uidl;
		hash = uidl_hash(message_uidls[msgnum]);
		if (hash != uidls->entries[seq - 1].shown_hash)
			history_note_uidl(session->history, view, seq, hash);
	}
	client->message_uidls = message_uidls;
	client->uidl_pool = uidls->pool;
}

static int uidls_make(struct uidls *uidls, const char **error_r)
{
	struct pop3_session *session = uidls->session;
	struct client *client = session->client;
	int ret;

	uidls->count = mail_index_view_get_messages_count(client->trans->view);
	uidls->entries = p_new(uidls->temp_pool, struct uidl_entry,
			       uidls->count);
	uidls->shown = shown_uidl_init(client, TRUE);
	session->making_uidls = TRUE;
	ret = uidls_find_wanted(uidls, error_r);
	session->making_uidls = FALSE;
	if (uidls->mail != NULL)
		mail_free(&uidls->mail);
	shown_uidl_deinit(&uidls->shown);
	if (ret == 0 &&
	    uidl_number_duplicates(uidls->entries, uidls->count,
				   uidls_alloc, uidls) < 0) {
		*error_r = "Out of memory";
		ret = -1;
	}
	if (ret == 0)
		uidls_set(uidls);
	return ret;
}

const char *uidls_prepare(struct pop3_session *session)
{
	struct client *client = session->client;
	struct uidls uidls = { .session = session };
	const char *error;
	int ret;

	if (client->message_uidls != NULL || client->messages_count == 0 ||
	    !uidls_are_own(session))
		return NULL;
	uidls.temp_pool = pool_alloconly_create("uidls", 1024);
	uidls.pool = pool_alloconly_create("message uidls", 1024);
	T_BEGIN {
		ret = uidls_make(&uidls, &error);
		if (ret < 0) {
			pool_unref(&uidls.pool);
			pop3_session_failure(session, "Can't list UIDLs",
					     error);
		}
	} T_END;
	pool_unref(&uidls.temp_pool);
	return ret == 0 ? NULL : "-ERR [SYS/TEMP] UIDLs can't be listed now.";
}
