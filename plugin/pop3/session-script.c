/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "buffer.h"
#include "ostream.h"
#include "mail-namespace.h"
#include "mail-storage-private.h"
#include "history.h"
#include "mailbox-uidls.h"
#include "policy-script.h"
#include "shown-uidl.h"
#include "user-policy.h"
#include "session.h"
#include "session-script.h"

#define LOGIN_FAILED "-ERR [SYS/TEMP] Login is not possible now."

/*
 * What a script wants to know
 */

static struct shown_uidl *session_get_shown(struct pop3_session *session)
{
	if (session->shown == NULL)
		session->shown = shown_uidl_init(session);
	return session->shown;
}

static uint32_t session_script_number(void *context, uint32_t seq)
{
	struct pop3_session *session = context;
	uint32_t msgnum;

	/* pop3_policy_show is asked before there are numbers */
	if (!session->mailbox_shown ||
	    !shown_uidl_get_msgnum(session_get_shown(session), seq, &msgnum))
		return seq;
	return msgnum + 1;
}

static bool
session_script_size(void *context, uint32_t seq, uoff_t *size_r)
{
	struct pop3_session *session = context;
	uint32_t msgnum;

	if (!session->mailbox_shown ||
	    !shown_uidl_get_msgnum(session_get_shown(session), seq, &msgnum))
		return FALSE;
	*size_r = session->client->message_sizes[msgnum];
	return TRUE;
}

/* Before the session has its INBOX, another look at it is needed. */
static int
session_read_last_login(struct pop3_session *session,
			struct script_value *value_r)
{
	struct mail_namespace *ns =
		mail_namespace_find_inbox(session->user->namespaces);
	struct history_header header;
	struct history *history;
	struct mailbox *box;
	enum mail_error error;
	int ret = 0;

	box = mailbox_alloc(ns->list, "INBOX", MAILBOX_FLAG_READONLY |
			    MAILBOX_FLAG_IGNORE_ACLS);
	if (mailbox_open(box) < 0) {
		value_r->text = t_strdup(
			mailbox_get_last_internal_error(box, &error));
		ret = error == MAIL_ERROR_NOTFOUND ? 0 : -1;
	} else {
		history = history_init(box);
		history_get_header(history, box->view, &header);
		session->last_login = header.last_session;
		session->last_login_known = TRUE;
		history_deinit(&history);
	}
	mailbox_free(&box);
	return ret;
}

static int
session_get_last_login(struct pop3_session *session,
		       struct script_value *value_r)
{
	if (!session->last_login_known &&
	    session_read_last_login(session, value_r) < 0)
		return -1;
	value_r->number = session->last_login;
	return session->last_login != 0 ? 1 : 0;
}

static int session_get_uidl(struct pop3_session *session, struct mail *mail,
			    struct script_value *value_r)
{
	struct shown_uidl *shown = session_get_shown(session);

	if (session->making_uidls != NULL) {
		/* what it would be without the script */
		return mailbox_uidls_get_base(session->making_uidls, mail->seq,
					      &value_r->text,
					      &value_r->text) < 0 ? -1 : 1;
	}
	value_r->text = shown_uidl_get(shown, mail);
	return value_r->text != NULL ? 1 : 0;
}

static int
session_script_get(void *context, enum script_field field, struct mail *mail,
		   struct script_value *value_r)
{
	struct pop3_session *session = context;

	if (field == SCRIPT_SESSION_LAST_LOGIN)
		return session_get_last_login(session, value_r);
	if (!session->mailbox_shown)
		return 0;
	switch (field) {
	case SCRIPT_SESSION_MESSAGES:
		value_r->number = session->client->messages_count;
		return 1;
	case SCRIPT_SESSION_BYTES:
		value_r->number = session->client->total_size;
		return 1;
	case SCRIPT_MESSAGE_UIDL:
		return session_get_uidl(session, mail, value_r);
	default:
		i_unreached();
	}
}

/*
 * Login
 */

static void session_hold_output(struct pop3_session *session)
{
	struct client *client = session->client;

	session->held = buffer_create_dynamic(default_pool, 64);
	session->held_output = client->output;
	client->output = o_stream_create_buffer(session->held);
	o_stream_set_no_error_handling(client->output, TRUE);
}

/* Put the client's output back. Returns what was held back (data stack). */
static const char *session_take_output(struct pop3_session *session)
{
	struct client *client = session->client;
	const char *text = t_strndup(session->held->data, session->held->used);

	o_stream_destroy(&client->output);
	client->output = session->held_output;
	session->held_output = NULL;
	buffer_free(&session->held);
	return text;
}

void session_script_begin(struct pop3_session *session)
{
	struct policy_script *script = session->policy->script;
	const struct policy_script_session host = {
		.get_number = session_script_number,
		.get_size = session_script_size,
		.get = session_script_get,
		.context = session,
	};
	const char *error;

	if (script == NULL)
		return;
	if (policy_script_begin(script, session->user, session->event,
				&error) < 0) {
		user_policy_set_broken(session->policy, error);
		return;
	}
	policy_script_set_session(script, &host);
	if (policy_script_has_hook(script, SCRIPT_HOOK_LOGIN))
		session_hold_output(session);
}

const char *session_script_login(struct pop3_session *session)
{
	struct script_answer answer;
	const char *held;

	if (session->held_output == NULL)
		return NULL;
	policy_script_ask(session->policy->script, SCRIPT_HOOK_LOGIN,
			  &session->facts, NULL, &answer);
	held = session_take_output(session);
	switch (answer.outcome) {
	case SCRIPT_PASS:
		o_stream_nsend_str(session->client->output, held);
		return NULL;
	case SCRIPT_FAILED:
		pop3_session_failure(session, "Script failed, login refused",
				     answer.reason);
		return LOGIN_FAILED;
	case SCRIPT_ANSWER:
		break;
	}
	return t_strdup_printf("-ERR %s%s%s%s",
		answer.code == NULL ? "" : "[",
		answer.code == NULL ? "" : answer.code,
		answer.code == NULL ? "" : "] ",
		answer.text == NULL ? "Login is not allowed." : answer.text);
}

void session_script_release(struct pop3_session *session)
{
	const char *held;

	if (session->held_output == NULL)
		return;
	/* A "+OK" that was not followed by namespaces is none; an error that
	   Dovecot had to tell goes out. */
	held = session_take_output(session);
	if (strncmp(held, "-ERR", 4) == 0)
		o_stream_nsend_str(session->client->output, held);
	else
		client_send_line(session->client, "%s", LOGIN_FAILED);
}

/*
 * Logout
 */

void session_script_logout(struct pop3_session *session)
{
	struct policy_script *script = session->policy->script;
	struct script_answer answer;

	if (session->refused ||
	    !policy_script_has_hook(script, SCRIPT_HOOK_LOGOUT))
		return;
	policy_script_ask(script, SCRIPT_HOOK_LOGOUT, &session->facts, NULL,
			  &answer);
	if (answer.outcome == SCRIPT_FAILED)
		pop3_session_failure(session, "Script failed at logout",
				     answer.reason);
}

void session_script_end(struct pop3_session *session)
{
	if (session->policy->script != NULL)
		policy_script_set_session(session->policy->script, NULL);
	shown_uidl_deinit(&session->shown);
}
