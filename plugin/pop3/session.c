/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "ioloop.h"
#include "istream.h"
#include "ostream.h"
#include "ostream-null.h"
#include "mail-storage-private.h"
#include "mail-namespace.h"
#include "history.h"
#include "judge.h"
#include "policy-events.h"
#include "policy-needs.h"
#include "policy-script.h"
#include "session-facts.h"
#include "user-policy.h"
#include "after-session.h"
#include "command-filter.h"
#include "delivery.h"
#include "session.h"
#include "session-script.h"

/* Relative times and retention are judged by one clock; a session that lasts
   advances it this often. */
#define SESSION_CLOCK_STEP_SECS 60

static MODULE_CONTEXT_DEFINE_INIT(pop3_policy_client_module,
				  &pop3_module_register);

struct pop3_session_user {
	union mail_user_module_context module_ctx;
	struct pop3_session *session;
};
static MODULE_CONTEXT_DEFINE_INIT(pop3_policy_user_module,
				  &mail_user_module_register);

struct pop3_session *pop3_session_get(struct client *client)
{
	return MODULE_CONTEXT(client, pop3_policy_client_module);
}

struct pop3_session *pop3_session_find(struct mail_user *user)
{
	struct pop3_session_user *session_user =
		MODULE_CONTEXT(user, pop3_policy_user_module);

	return session_user == NULL ? NULL : session_user->session;
}

uint32_t pop3_session_seq(struct client *client, uint32_t msgnum)
{
	return msgnum < client->msgnum_to_seq_map_count ?
		client->msgnum_to_seq_map[msgnum] : msgnum + 1;
}

bool pop3_session_is_deleted(struct client *client, uint32_t msgnum)
{
	return client->deleted_bitmask != NULL &&
		(client->deleted_bitmask[msgnum / CHAR_BIT] &
		 (1 << (msgnum % CHAR_BIT))) != 0;
}

void pop3_session_failure(struct pop3_session *session, const char *what,
			  const char *error)
{
	session->counters.errors++;
	if (!session->failure_logged) {
		session->failure_logged = TRUE;
		policy_event_failure(session->event, what, error);
	}
}

static void pop3_session_advance_clock(struct pop3_session *session,
				       unsigned int step_secs)
{
	if (ioloop_time - session->facts.now >= (time_t)step_secs) {
		session->facts.now = ioloop_time;
		if (session->judge != NULL)
			judge_refresh(session->judge);
	}
}

bool pop3_session_is_expunged(struct mailbox_transaction_context *trans,
			      uint32_t seq)
{
	return mail_index_refresh(trans->box->index) == 0 &&
		mail_index_is_expunged(trans->view, seq);
}

/* Asks the judge; a broken policy answers as doubt does. */
static void
pop3_session_judge(struct pop3_session *session,
		   struct mailbox_transaction_context *trans,
		   enum policy_question question, uint32_t seq,
		   struct policy_verdict *verdict_r)
{
	const char *error = NULL;

	if (session->judge != NULL) {
		judge_verdict(session->judge, trans, question, seq,
			      verdict_r, &error);
		if (question == POLICY_QUESTION_DELETE &&
		    verdict_r->reason == POLICY_REASON_ERROR &&
		    pop3_session_is_expunged(trans, seq)) {
			/* Dovecot knows what to say about it */
			i_zero(verdict_r);
			verdict_r->action = POLICY_ACTION_ALLOW;
			verdict_r->reason = POLICY_REASON_DEFAULT;
			error = NULL;
		}
	} else {
		i_zero(verdict_r);
		if (question == POLICY_QUESTION_RETRIEVE) {
			/* had it guarded what may be seen, nobody would have
			   been let in */
			verdict_r->action = POLICY_ACTION_ALLOW;
			verdict_r->reason = POLICY_REASON_DEFAULT;
		}
	}
	if (error != NULL) {
		pop3_session_failure(session, t_strdup_printf(
			"Can't decide about %s",
			policy_question_name(question)), error);
	}
	if (session->want_decision_events) T_BEGIN {
		uint32_t uid;

		mail_index_lookup_uid(trans->view, seq, &uid);
		policy_event_decision(session->event, question, verdict_r,
				      uid, error);
	} T_END;
}

/* What is done about it. */
static void
pop3_session_obey(struct pop3_session *session, enum policy_question question,
		  const struct policy_verdict *decided,
		  struct policy_verdict *verdict_r)
{
	policy_verdict_effective(question, decided, verdict_r);
	if (verdict_r->action != decided->action)
		session->counters.reported++;
}

static const char *
pop3_session_refusal(enum policy_question question,
		     const struct policy_verdict *verdict)
{
	bool is_delete = question == POLICY_QUESTION_DELETE;

	switch (verdict->reason) {
	case POLICY_REASON_ERROR:
		return is_delete ?
			"-ERR [SYS/TEMP] Message can't be deleted now." :
			"-ERR [SYS/TEMP] Message can't be retrieved now.";
	case POLICY_REASON_HOLD:
		return "-ERR Message is on hold.";
	case POLICY_REASON_MIN_RETENTION:
		return "-ERR Message is too young to be deleted.";
	case POLICY_REASON_SCRIPT:
	case POLICY_REASON_RULE:
	case POLICY_REASON_DEFAULT:
		break;
	}
	if (verdict->text != NULL)
		return t_strconcat("-ERR ", verdict->text, NULL);
	return is_delete ? "-ERR Message may not be deleted." :
		"-ERR Message may not be retrieved.";
}

static void
pop3_session_remember(struct pop3_session *session, uint32_t seq,
		      const struct policy_verdict *verdict)
{
	if (session->delete_verdicts == NULL) {
		session->delete_verdicts_count =
			mail_index_view_get_messages_count(
				session->client->trans->view);
		session->delete_verdicts =
			i_malloc(session->delete_verdicts_count);
	}
	i_assert(seq <= session->delete_verdicts_count);
	session->delete_verdicts[seq - 1] = verdict->action + 1;
	if (verdict->action == POLICY_ACTION_ARCHIVE) {
		if (session->delete_archives == NULL) {
			session->delete_archives =
				i_new(const char *,
				      session->delete_verdicts_count);
		}
		session->delete_archives[seq - 1] = verdict->mailbox;
	}
}

const char *pop3_session_dele(struct pop3_session *session, uint32_t msgnum)
{
	struct policy_verdict decided, verdict;
	uint32_t seq = pop3_session_seq(session->client, msgnum);

	pop3_session_advance_clock(session, SESSION_CLOCK_STEP_SECS);
	pop3_session_judge(session, session->client->trans,
			   POLICY_QUESTION_DELETE, seq, &decided);
	pop3_session_obey(session, POLICY_QUESTION_DELETE, &decided, &verdict);
	if (verdict.action == POLICY_ACTION_DENY) {
		session->counters.delete_denied++;
		return pop3_session_refusal(POLICY_QUESTION_DELETE, &verdict);
	}
	pop3_session_remember(session, seq, &verdict);
	return NULL;
}

const char *pop3_session_retr(struct pop3_session *session, uint32_t msgnum)
{
	struct policy_verdict decided, verdict;
	uint32_t seq = pop3_session_seq(session->client, msgnum);

	if (session->judge == NULL ||
	    (session->policy->policy->retrieve_rules.count == 0 &&
	     !judge_asks_script(session->judge, POLICY_QUESTION_RETRIEVE)))
		return NULL;
	pop3_session_advance_clock(session, SESSION_CLOCK_STEP_SECS);
	pop3_session_judge(session, session->client->trans,
			   POLICY_QUESTION_RETRIEVE, seq, &decided);
	pop3_session_obey(session, POLICY_QUESTION_RETRIEVE, &decided,
			  &verdict);
	if (verdict.action == POLICY_ACTION_ALLOW)
		return NULL;
	session->counters.retrieve_denied++;
	return pop3_session_refusal(POLICY_QUESTION_RETRIEVE, &verdict);
}

void pop3_session_quit_verdict(struct pop3_session *session,
			       struct mailbox_transaction_context *trans,
			       uint32_t seq, struct policy_verdict *verdict_r,
			       struct policy_verdict *decided_r)
{
	struct policy_verdict at_dele, now;

	i_zero(verdict_r);
	i_zero(decided_r);
	if (session->flags_unknown)
		return;
	pop3_session_judge(session, trans, POLICY_QUESTION_DELETE, seq,
			   decided_r);
	if (seq > session->delete_verdicts_count ||
	    session->delete_verdicts[seq - 1] == 0) {
		/* nobody has allowed it */
		return;
	}
	policy_verdict_effective(POLICY_QUESTION_DELETE, decided_r, &now);
	at_dele = now;
	at_dele.action = session->delete_verdicts[seq - 1] - 1;
	if (at_dele.action == POLICY_ACTION_ARCHIVE)
		at_dele.mailbox = session->delete_archives[seq - 1];
	policy_verdict_combine(&at_dele, &now, verdict_r);
	if (!decided_r->without_effect)
		*decided_r = *verdict_r;
}

void pop3_session_refresh(struct pop3_session *session)
{
	session->facts.now = ioloop_time;
	if (session->judge != NULL)
		judge_refresh(session->judge);
}

void pop3_session_sent(struct pop3_session *session, uint32_t seq)
{
	struct mailbox_transaction_context *trans = session->client->trans;
	uint32_t uid;

	if (trans == NULL) {
		/* QUIT has committed; nothing is kept in mind any more */
		return;
	}
	history_note_sent(session->history, trans->view, seq);
	if (session->judge != NULL) {
		mail_index_lookup_uid(trans->view, seq, &uid);
		judge_forget(session->judge, uid);
	}
}

void pop3_session_confirmed(struct pop3_session *session, uint32_t seq)
{
	struct mailbox_transaction_context *trans = session->client->trans;
	uint32_t uid;

	if (trans == NULL) {
		/* QUIT has committed; nothing is kept in mind any more */
		return;
	}
	session->counters.retrieved++;
	history_note_retrieved(session->history, trans->view, seq, ioloop_time);
	if (session->judge != NULL) {
		mail_index_lookup_uid(trans->view, seq, &uid);
		judge_forget(session->judge, uid);
	}
}

void pop3_session_mailbox_opened(struct pop3_session *session,
				 struct mailbox *box)
{
	struct user_policy *policy = session->policy;
	struct history_header header;
	const char *why;

	pop3_session_mailbox_closing(session);
	session->history = history_init(box);
	if (!session->last_login_known) {
		history_get_header(session->history, box->view, &header);
		session->last_login = header.last_session;
		session->last_login_known = TRUE;
	}
	why = history_get_obstacle(session->history);
	if (why != NULL && policy->state == USER_POLICY_ACTIVE &&
	    policy_needs_history(policy->policy)) {
		policy->state = USER_POLICY_BROKEN;
		policy->error = i_strdup_printf(
			"%s: [%s] has rules about history or hides mail, "
			"but this mailbox %s", policy->file, policy->section,
			why);
		policy->guards = policy_has_guards(policy->policy);
		pop3_session_failure(session, "Policy can't be applied, "
				     "no mail can be removed", policy->error);
	}
	if (policy->state == USER_POLICY_ACTIVE) {
		session->uses_flags =
			policy_uses_flags(policy->policy,
						POLICY_QUESTION_DELETE);
		session->judge = judge_init(policy->policy, &session->facts,
					    session->history, policy->script);
	}
}

void pop3_session_mailbox_closing(struct pop3_session *session)
{
	if (session->judge != NULL)
		judge_deinit(&session->judge);
	history_deinit(&session->history);
}

static void pop3_session_send_summary(struct pop3_session *session)
{
	const struct session_counters *c = &session->counters;
	bool report = session->policy->policy != NULL &&
		session->policy->policy->mode == POLICY_MODE_REPORT;
	struct event_passthrough *e =
		event_create_passthrough(session->event)->
		set_name("pop3_policy_session_finished")->
		add_str("mode", report ? "report" : "enforce")->
		add_str("mechanism", session->facts.mechanism)->
		add_str("quit", session->client->quit_seen ? "yes" : "no")->
		add_int("retrieved", c->retrieved)->
		add_int("retrieve_denied", c->retrieve_denied)->
		add_int("delete_denied", c->delete_denied)->
		add_int("removed", c->removed)->
		add_int("hidden", c->hidden)->
		add_int("archived", c->archived)->
		add_int("kept_at_quit", c->kept_at_quit)->
		add_int("errors", c->errors)->
		add_int("reported", c->reported);

	e_info(e->event(), "[%s] retrieved=%u retrieve_denied=%u "
	       "delete_denied=%u removed=%u hidden=%u archived=%u "
	       "kept_at_quit=%u errors=%u%s", session->policy->section, c->retrieved,
	       c->retrieve_denied, c->delete_denied, c->removed, c->hidden,
	       c->archived, c->kept_at_quit, c->errors, !report ? "" :
	       t_strdup_printf(" mode=report reported=%u", c->reported));
}

static void pop3_session_client_destroy(struct client *client,
					const char *reason)
{
	struct pop3_session *session = pop3_session_get(client);

	T_BEGIN {
		session_script_release(session);
	} T_END;
	o_stream_destroy(&session->refused_output);
	if (session->filter != NULL)
		command_filter_detach(&session->filter);
	if (session->delivery != NULL)
		delivery_deinit(&session->delivery);

	/* Everything else goes in pop3_session_user_deinit_pre(), which this
	   leads to. The session lives in the client's pool and with it goes
	   away at the end of this. */
	session->module_ctx.super.destroy(client, reason);
}

static void pop3_session_free(struct pop3_session *session)
{
	pop3_session_mailbox_closing(session);
	i_free(session->delete_verdicts);
	i_free(session->delete_archives);
	user_policy_free(&session->policy);
	event_unref(&session->event);
}

/* The client has gone, its socket is closed and its mailbox freed. */
static void pop3_session_user_deinit_pre(struct mail_user *user)
{
	struct pop3_session_user *session_user =
		MODULE_CONTEXT(user, pop3_policy_user_module);
	struct pop3_session *session = session_user->session;

	session_user->session = NULL;
	if (!session->refused) T_BEGIN {
		session_script_logout(session);
		pop3_session_send_summary(session);
	} T_END;
	session_script_end(session);
	if (!session->refused &&
	    (session->keywords_pending || session->expiry_pending ||
	     session->kept_uidls_stale)) T_BEGIN {
		after_session_run(session);
	} T_END;
	pop3_session_free(session);
	session_user->module_ctx.super.deinit_pre(user);
}

/* client_disconnect() is not allowed yet, and the "+OK" may still follow.
   The client hears nothing more after this line. */
static void
pop3_session_refuse(struct pop3_session *session, const char *line)
{
	struct client *client = session->client;

	client_send_line(client, "%s", line);
	session->refused = TRUE;
	session->refused_output = client->output;
	client->output = o_stream_create_null();
}

/* The secret was right; may he log in like this? A broken policy that doesn't
   guard it has no word about it. */
static void pop3_session_check_mechanism(struct pop3_session *session)
{
	static const struct policy without_mechanisms;
	char text[POLICY_LOGIN_REFUSAL_BYTES];

	if (policy_login_is_allowed(
		session->policy->state == USER_POLICY_ACTIVE ?
		session->policy->policy : &without_mechanisms,
		&session->facts, text))
		return;
	e_info(session->event, "Login refused: %s", text);
	pop3_session_refuse(session, t_strconcat("-ERR [AUTH] ", text, NULL));
}

/* USER/PASS, AUTH PLAIN and LOGIN, and APOP are counted by passdb pop3_policy,
   or it is not where it sees them and the delay is kept for nobody. Other
   mechanisms must be no way around a delay that is kept. */
static void pop3_session_check_delay(struct pop3_session *session)
{
	static const char *const counted[] = { "", "PLAIN", "LOGIN", "APOP" };
	const char *mechanism = session->facts.mechanism;
	const char *text;
	unsigned int i;

	if (session->policy->policy->login_delay_secs == 0 ||
	    session_facts_delay_kept(session->user) > 0 ||
	    session_facts_userdb_field(session->user, "master_user") != NULL)
		return;
	for (i = 0; i < N_ELEMENTS(counted); i++) {
		if (strcmp(mechanism, counted[i]) == 0)
			return;
	}
	text = t_strdup_printf("%s is not allowed here, since the delay "
			       "between logins is not kept for it; use "
			       "another mechanism.", mechanism);
	e_info(session->event, "Login refused: %s", text);
	pop3_session_refuse(session, t_strconcat("-ERR [AUTH] ", text, NULL));
}

static void pop3_session_send_login(struct pop3_session *session)
{
	struct event_passthrough *e =
		event_create_passthrough(session->event)->
		set_name("pop3_policy_login")->
		add_str("mechanism", session->facts.mechanism)->
		add_str("tls", session->facts.tls ? "yes" : "no")->
		add_str("result", session->refused ? "refused" : "accepted");

	e_debug(e->event(), "Login %s under [%s]",
		session->refused ? "refused" : "accepted",
		session->policy->section);
}

void pop3_session_client_created(struct client **_client)
{
	struct client *client = *_client;
	struct pop3_session_user *session_user;
	struct pop3_session *session;
	struct user_policy *policy;

	policy = user_policy_load(client->user);
	if (policy->state == USER_POLICY_NONE) {
		user_policy_free(&policy);
		return;
	}

	session = p_new(client->pool, struct pop3_session, 1);
	session->client = client;
	session->user = client->user;
	session->policy = policy;
	session->event = policy_event_create(client->user, policy->section);
	session->want_decision_events = policy_events_want_decisions();
	session_facts_init(&session->facts, client->user, ioloop_time);
	session->login_time = session->facts.now;

	session->module_ctx.super = client->v;
	client->v.destroy = pop3_session_client_destroy;
	MODULE_CONTEXT_SET(client, pop3_policy_client_module, session);

	session_user = p_new(client->user->pool, struct pop3_session_user, 1);
	session_user->session = session;
	session_user->module_ctx.super = client->user->v;
	client->user->v.deinit_pre = pop3_session_user_deinit_pre;
	MODULE_CONTEXT_SET(client->user, pop3_policy_user_module, session_user);

	if (policy->state == USER_POLICY_ACTIVE || !policy->guards) T_BEGIN {
		pop3_session_check_mechanism(session);
	} T_END;
	if (policy->state == USER_POLICY_ACTIVE && !session->refused) T_BEGIN {
		pop3_session_check_delay(session);
	} T_END;
	if (!session->refused) T_BEGIN {
		session_script_begin(session);
	} T_END;
	if (policy->state == USER_POLICY_BROKEN) T_BEGIN {
		pop3_session_failure(session, policy->guards ?
			"Policy is broken, login refused" :
			"Policy is broken, no mail can be removed",
			policy->error);
		if (policy->guards && !session->refused)
			pop3_session_refuse(session, "-ERR [SYS/TEMP] "
					    "Login is not possible now.");
	} T_END;
	/* else the script has not been asked */
	if (session->held_output == NULL)
		pop3_session_send_login(session);
}

static void pop3_session_ask_login(struct pop3_session *session)
{
	const char *refusal = session_script_login(session);

	if (refusal != NULL)
		pop3_session_refuse(session, refusal);
	pop3_session_send_login(session);
}

void pop3_session_namespaces_created(struct mail_namespace *namespaces)
{
	struct pop3_session *session = pop3_session_find(namespaces->user);

	if (session == NULL)
		return;
	if (session->held_output != NULL) T_BEGIN {
		pop3_session_ask_login(session);
	} T_END;
	if (session->refused) {
		client_disconnect(session->client, "Refused by policy");
		return;
	}
	session->delivery = delivery_init(session);
	session->filter = command_filter_attach(session);
}
