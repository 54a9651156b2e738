/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* doveadm pop3 explain: what would the policy do with each message, and why? */

#include "lib.h"
#include "array.h"
#include "str.h"
#include "seq-range-array.h"
#include "mail-index.h"
#include "mail-storage-private.h"
#include "mail-namespace.h"
#include "mail-user.h"
#include "doveadm-print.h"
#include "compat-doveadm.h"
#include "history.h"
#include "judge.h"
#include "policy-events.h"
#include "policy-needs.h"
#include "policy-script.h"
#include "query.h"
#include "session-facts.h"
#include "user-policy.h"
#include "doveadm-pop3-policy.h"

#include <time.h>

struct explain_cmd {
	struct doveadm_pop3_mail_cmd cmd;
	/* NULL = all messages */
	struct policy_query *query;
	bool query_failed;
};

struct explain {
	struct explain_cmd *cmd;
	struct mail_user *user;
	/* NULL: none concerns this user */
	const struct policy *policy;
	/* NULL = none */
	struct policy_script *script;
	struct policy_session_facts session;

	struct mailbox *box;
	struct mailbox_transaction_context *trans;
	struct mail *mail;
	struct history *history;
	struct judge *judge;

	/* A second judge, whose clock is moved on to find out when a message
	   falls due. */
	struct policy_session_facts future;
	struct judge *future_judge;
};
ARRAY_DEFINE_TYPE(time_list, int64_t);

static void
explain_error(struct explain *explain, uint32_t uid, const char *error)
{
	e_error(explain->user->event, "INBOX: UID %u: %s", uid, error);
	doveadm_mail_failed_error(&explain->cmd->cmd.ctx, MAIL_ERROR_TEMP);
}

static const char *explain_mail_error(struct explain *explain)
{
	return mailbox_get_last_internal_error(explain->box, NULL);
}

static const char *time_text(int64_t time)
{
	return time == 0 ? "-" : unixdate2str(time);
}

/* When the clock of a relative time started for this message; 0 = it did
   not. */
static int64_t
explain_clock_start(struct explain *explain, enum policy_clock clock,
		    const struct policy_message_facts *facts)
{
	time_t date;
	int tz;

	switch (clock) {
	case POLICY_CLOCK_SAVED:
		return facts->saved;
	case POLICY_CLOCK_RECEIVED:
		return facts->received;
	case POLICY_CLOCK_SENT:
		return mail_get_date(explain->mail, &date, &tz) < 0 ? 0 : date;
	case POLICY_CLOCK_RETRIEVED:
		return facts->retrieved;
	case POLICY_CLOCK_HIDDEN:
		return facts->hidden ? facts->hidden_since : 0;
	}
	i_unreached();
}

static void
explain_add_time(struct explain *explain, int64_t start, int64_t secs,
		 ARRAY_TYPE(time_list) *times)
{
	int64_t time = start + secs;

	if (start != 0 && time >= explain->session.now)
		array_push_back(times, &time);
}

static void
explain_add_query_times(struct explain *explain,
			const struct policy_query *query,
			const struct policy_message_facts *facts,
			ARRAY_TYPE(time_list) *times)
{
	const struct policy_query_word *word;
	size_t i;

	for (i = 0; i < query->words_count; i++) {
		word = &query->words[i];
		if (!word->is_interval)
			continue;
		explain_add_time(explain,
				 explain_clock_start(explain, word->clock, facts),
				 word->interval_secs, times);
	}
}

static int time_cmp(const int64_t *time1, const int64_t *time2)
{
	return *time1 < *time2 ? -1 : (*time1 > *time2 ? 1 : 0);
}

/* The first moment from which expiry would act, if nothing but the clock
   changes; 0 if there is none. As time passes the verdict can change only
   when one of the policy's relative times has run out. */
static int64_t
explain_due(struct explain *explain, uint32_t seq,
	    const struct policy_message_facts *facts)
{
	const struct policy *policy = explain->policy;
	struct policy_verdict verdict;
	ARRAY_TYPE(time_list) times;
	int64_t time;
	size_t i;

	t_array_init(&times, 8);
	if (policy->hold != NULL)
		explain_add_query_times(explain, policy->hold, facts, &times);
	explain_add_time(explain,
			 policy->age_from == POLICY_AGE_FROM_RECEIVED ?
			 facts->received : facts->saved,
			 policy->min_retention_secs, &times);
	for (i = 0; i < policy->expire_rules.count; i++) {
		explain_add_query_times(explain,
					&policy->expire_rules.rules[i].query,
					facts, &times);
	}
	array_sort(&times, time_cmp);

	array_foreach_elem(&times, time) {
		/* "before" and "since" change a second after that moment,
		   min_retention just then */
		for (i = 0; i < 2; i++) {
			explain->future.now = time + i;
			judge_forget_all(explain->future_judge);
			judge_verdict(explain->future_judge, explain->trans,
				      POLICY_QUESTION_EXPIRE, seq,
				      &verdict, NULL);
			if (verdict.action != POLICY_ACTION_DENY)
				return explain->future.now;
		}
	}
	return 0;
}

static void
explain_verdict(struct explain *explain, enum policy_question question,
		uint32_t seq, struct policy_verdict *verdict_r)
{
	const char *error;

	if (explain->policy == NULL) {
		i_zero(verdict_r);
		verdict_r->action = question == POLICY_QUESTION_EXPIRE ?
			POLICY_ACTION_DENY : POLICY_ACTION_ALLOW;
		verdict_r->reason = POLICY_REASON_DEFAULT;
		return;
	}
	judge_verdict(explain->judge, explain->trans, question, seq,
		      verdict_r, &error);
	if (verdict_r->reason == POLICY_REASON_ERROR) {
		explain_error(explain, explain->mail->uid, t_strdup_printf(
			"%s: %s", policy_question_name(question), error));
	}
}

static void print_verdict(enum policy_question question,
			  const struct policy_verdict *verdict)
{
	doveadm_print(policy_action_name(question, verdict->action));
	doveadm_print(policy_reason_name(verdict->reason));
	doveadm_print(verdict->line == 0 ? "-" :
		      t_strdup_printf("%s:%u", verdict->file, verdict->line));
}

static void print_history(const struct policy_message_facts *facts)
{
	doveadm_print(facts->retrieved != 0 ? "retrieved" :
		      facts->sent ? "sent" :
		      facts->history_known ? "none" : "unknown");
	doveadm_print(time_text(facts->retrieved));
	doveadm_print_num(facts->retrieve_count);
	doveadm_print(facts->hidden ? time_text(facts->hidden_since) : "-");
}

static void
explain_get_facts(struct explain *explain, uint32_t seq,
		  struct policy_message_facts *facts_r)
{
	time_t date;

	i_zero(facts_r);
	if (explain->policy != NULL) {
		judge_get_facts(explain->judge, explain->trans, seq, facts_r);
		return;
	}
	history_get_facts(explain->history, explain->trans->view, seq,
			  explain->session.now, facts_r);
	if (mail_get_save_date(explain->mail, &date) >= 0)
		facts_r->saved = date;
}

static void explain_message(struct explain *explain, uint32_t seq)
{
	struct policy_message_facts facts;
	struct policy_verdict verdict;
	const char *guid, *size_text = "-";
	uoff_t size;

	mail_set_seq(explain->mail, seq);
	if (mail_get_special(explain->mail, MAIL_FETCH_GUID, &guid) < 0) {
		explain_error(explain, explain->mail->uid,
			      explain_mail_error(explain));
		guid = "-";
	}
	if (mail_get_virtual_size(explain->mail, &size) < 0) {
		explain_error(explain, explain->mail->uid,
			      explain_mail_error(explain));
	} else {
		size_text = t_strdup_printf("%"PRIuUOFF_T, size);
	}
	explain_get_facts(explain, seq, &facts);

	doveadm_print_num(explain->mail->uid);
	doveadm_print(guid);
	doveadm_print(size_text);
	doveadm_print(time_text(facts.saved));
	print_history(&facts);
	doveadm_print(explain->policy == NULL ? "-" :
		      explain->policy->section);

	explain_verdict(explain, POLICY_QUESTION_DELETE, seq, &verdict);
	print_verdict(POLICY_QUESTION_DELETE, &verdict);
	explain_verdict(explain, POLICY_QUESTION_EXPIRE, seq, &verdict);
	print_verdict(POLICY_QUESTION_EXPIRE, &verdict);
	if (verdict.action != POLICY_ACTION_DENY)
		doveadm_print("now");
	else if (explain->policy == NULL)
		doveadm_print("-");
	else if (judge_asks_script(explain->judge, POLICY_QUESTION_EXPIRE))
		doveadm_print("unknown");
	else
		doveadm_print(time_text(explain_due(explain, seq, &facts)));
	doveadm_print(explain->policy == NULL ? "-" :
		      explain->policy->mode == POLICY_MODE_REPORT ?
		      "report" : "enforce");
	explain_verdict(explain, POLICY_QUESTION_REMOVE, seq, &verdict);
	print_verdict(POLICY_QUESTION_REMOVE, &verdict);
}

/* Adds the messages that the command's query matches. */
static void
explain_find(struct explain *explain, ARRAY_TYPE(seq_range) *seqs)
{
	const struct policy_query *query = explain->cmd->query;
	uint32_t seq, uid, count =
		mail_index_view_get_messages_count(explain->trans->view);
	const char *error;
	int ret;

	if (count == 0)
		return;
	if (query == NULL) {
		seq_range_array_add_range(seqs, 1, count);
		return;
	}
	if (query_match_all(explain->trans, explain->history, query,
			    explain->session.now, seqs, &error) == 0)
		return;

	/* which of them is it? */
	array_clear(seqs);
	for (seq = 1; seq <= count; seq++) {
		ret = query_match_one(explain->trans, explain->history, query, NULL,
				      seq, explain->session.now, &error);
		if (ret < 0) {
			mail_index_lookup_uid(explain->trans->view, seq, &uid);
			explain_error(explain, uid, error);
		} else if (ret > 0) {
			seq_range_array_add(seqs, seq);
		}
	}
}

static void explain_messages(struct explain *explain)
{
	ARRAY_TYPE(seq_range) seqs;
	struct seq_range_iter iter;
	unsigned int n = 0;
	uint32_t seq;

	if (explain->policy != NULL) {
		explain->judge = judge_init(explain->policy, &explain->session,
					    explain->history, explain->script);
		explain->future_judge = judge_init(explain->policy,
						   &explain->future,
						   explain->history,
						   explain->script);
	}
	explain->trans = mailbox_transaction_begin(explain->box, 0, __func__);
	explain->mail = mail_alloc(explain->trans, MAIL_FETCH_GUID |
				   MAIL_FETCH_VIRTUAL_SIZE, NULL);

	i_array_init(&seqs, 64);
	explain_find(explain, &seqs);
	seq_range_array_iter_init(&iter, &seqs);
	while (!doveadm_is_killed() &&
	       seq_range_array_iter_nth(&iter, n++, &seq)) T_BEGIN {
		explain_message(explain, seq);
	} T_END;
	array_free(&seqs);

	if (explain->judge != NULL) {
		judge_deinit(&explain->judge);
		judge_deinit(&explain->future_judge);
	}
	mail_free(&explain->mail);
	mailbox_transaction_rollback(&explain->trans);
}

static void explain_inbox(struct explain *explain)
{
	const char *obstacle;

	session_facts_init(&explain->session, explain->user, time(NULL));
	explain->future = explain->session;

	explain->history = history_init(explain->box);
	obstacle = history_get_obstacle(explain->history);
	if (obstacle != NULL && explain->policy != NULL &&
	    policy_needs_history(explain->policy)) {
		e_error(explain->user->event, "%s: [%s] has rules about "
			"history or hides mail, but this mailbox %s, so "
			"nothing can be removed", explain->policy->file,
			explain->policy->section, obstacle);
		explain->cmd->cmd.ctx.exit_code = EX_CONFIG;
	} else {
		explain_messages(explain);
	}
	history_deinit(&explain->history);
}

static int explain_user(struct explain *explain)
{
	struct mail_namespace *ns =
		mail_namespace_find_inbox(explain->user->namespaces);
	struct explain_cmd *cmd = explain->cmd;

	explain->box = mailbox_alloc(ns->list, "INBOX", MAILBOX_FLAG_READONLY |
				     MAILBOX_FLAG_IGNORE_ACLS);
	if (mailbox_open(explain->box) < 0 ||
	    mailbox_sync(explain->box, 0) < 0) {
		e_error(explain->user->event, "INBOX: %s",
			explain_mail_error(explain));
		doveadm_mail_failed_mailbox(&cmd->cmd.ctx, explain->box);
	} else {
		explain_inbox(explain);
	}
	mailbox_free(&explain->box);
	return cmd->cmd.ctx.exit_code == 0 ? 0 : -1;
}

static int
cmd_pop3_explain_run(struct doveadm_mail_cmd_context *_ctx,
		     struct mail_user *user)
{
	struct explain_cmd *cmd = container_of(_ctx, struct explain_cmd, cmd.ctx);
	struct user_policy *policy;
	struct explain explain;
	struct event *event;
	const char *error;
	int ret = -1;

	if (cmd->query_failed)
		return -1;

	policy = user_policy_load(user);
	event = policy_event_create(user, policy->section);
	if (policy->script != NULL &&
	    policy_script_begin(policy->script, user, event, &error) < 0)
		user_policy_set_broken(policy, error);
	if (policy->state == USER_POLICY_BROKEN) {
		e_error(user->event, "The policy is broken, so nothing can be "
			"removed: %s", policy->error);
		_ctx->exit_code = EX_CONFIG;
	} else {
		i_zero(&explain);
		explain.cmd = cmd;
		explain.user = user;
		explain.policy = policy->policy;
		explain.script = policy->script;
		ret = explain_user(&explain);
	}
	user_policy_free(&policy);
	event_unref(&event);
	return ret;
}

/* One argument is the query as it stands in a policy file. Of several each is
   a word that the shell has unquoted. */
static const char *explain_query_text(const char *const *args)
{
	string_t *text;
	const char *p;

	if (args[0] == NULL || args[1] == NULL)
		return args[0];
	text = t_str_new(128);
	for (; *args != NULL; args++) {
		if (str_len(text) > 0)
			str_append_c(text, ' ');
		if (**args != '\0' && strpbrk(*args, " \t\"\\'") == NULL) {
			str_append(text, *args);
			continue;
		}
		str_append_c(text, '"');
		for (p = *args; *p != '\0'; p++) {
			if (*p == '"' || *p == '\\')
				str_append_c(text, '\\');
			str_append_c(text, *p);
		}
		str_append_c(text, '"');
	}
	return str_c(text);
}

static void cmd_pop3_explain_parse(struct explain_cmd *cmd, const char *text)
{
	const char *error;
	unsigned int column;

	if (policy_query_parse(text, &cmd->query, &column, &error) < 0) {
		i_error("Query '%s': column %u: %s", text, column, error);
		cmd->query_failed = TRUE;
	} else if (query_check(cmd->query, &error) < 0) {
		i_error("Query '%s': %s", text, error);
		cmd->query_failed = TRUE;
	}
	if (cmd->query_failed)
		cmd->cmd.ctx.exit_code = EX_USAGE;
}

static void cmd_pop3_explain_init(struct doveadm_pop3_mail_cmd *_cmd)
{
	struct explain_cmd *cmd = container_of(_cmd, struct explain_cmd, cmd);
	const char *const *args;

	if (doveadm_cmd_param_array(_cmd->ctx.cctx, "query", &args) &&
	    args[0] != NULL)
		cmd_pop3_explain_parse(cmd, explain_query_text(args));

	doveadm_print_header("uid", "uid", DOVEADM_PRINT_HEADER_FLAG_NUMBER);
	doveadm_print_header_simple("guid");
	doveadm_print_header("size", "size",
			     DOVEADM_PRINT_HEADER_FLAG_RIGHT_JUSTIFY);
	doveadm_print_header_simple("saved");
	doveadm_print_header_simple("history");
	doveadm_print_header_simple("retrieved");
	doveadm_print_header("count", "count",
			     DOVEADM_PRINT_HEADER_FLAG_NUMBER);
	doveadm_print_header_simple("hidden");
	doveadm_print_header_simple("section");
	doveadm_print_header_simple("delete");
	doveadm_print_header_simple("delete_reason");
	doveadm_print_header_simple("delete_rule");
	doveadm_print_header_simple("expire");
	doveadm_print_header_simple("expire_reason");
	doveadm_print_header_simple("expire_rule");
	doveadm_print_header_simple("expires");
	doveadm_print_header_simple("mode");
	doveadm_print_header_simple("remove");
	doveadm_print_header_simple("remove_reason");
	doveadm_print_header_simple("remove_rule");
}

static void cmd_pop3_explain_deinit(struct doveadm_mail_cmd_context *ctx)
{
	struct explain_cmd *cmd = container_of(ctx, struct explain_cmd, cmd.ctx);

	if (cmd->query != NULL)
		policy_query_free(&cmd->query);
}

static struct doveadm_mail_cmd_context *cmd_pop3_explain_alloc(void)
{
	struct explain_cmd *cmd;

	cmd = doveadm_mail_cmd_alloc(struct explain_cmd);
	cmd->cmd.ctx.v.run = cmd_pop3_explain_run;
	cmd->cmd.ctx.v.deinit = cmd_pop3_explain_deinit;
	cmd->cmd.init = cmd_pop3_explain_init;
	doveadm_pop3_compat_set_init(&cmd->cmd);
	doveadm_print_init(DOVEADM_PRINT_TYPE_TABLE);
	return &cmd->cmd.ctx;
}

struct doveadm_cmd_ver2 doveadm_cmd_pop3_explain = {
	.name = "pop3 explain",
	.usage = DOVEADM_CMD_MAIL_USAGE_PREFIX"[<query>]",
	.mail_cmd = cmd_pop3_explain_alloc,
DOVEADM_CMD_PARAMS_START
DOVEADM_CMD_MAIL_COMMON
DOVEADM_CMD_PARAM('\0', "query", CMD_PARAM_ARRAY, CMD_PARAM_FLAG_POSITIONAL)
DOVEADM_CMD_PARAMS_END
};
