/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "array.h"
#include "seq-range-array.h"
#include "mail-index.h"
#include "mail-storage-private.h"
#include "history.h"
#include "policy-needs.h"
#include "policy-script.h"
#include "query.h"
#include "judge.h"

/* Asking about one message costs as much as asking about some tens of
   messages at once does, so a query is put to the whole mailbox only when it
   has been asked often enough for that to pay. */
#define JUDGE_SINGLE_MIN 8
#define JUDGE_SINGLE_SHARE 128

#define JUDGE_QUESTIONS (POLICY_QUESTION_REMOVE + 1)

struct judge_query {
	const struct policy_query *query;
	/* How often it has been put to a single message. */
	uint32_t asked;
	/* Failed for the mailbox as a whole: ask for each message. */
	bool all_failed;
	/* One bit a message, from sequence 1 on; NULL = not asked yet */
	unsigned char *matches;
	struct query_reuse reuse;
};

/* What policy_decide() may look at for a question. */
struct judge_needs {
	bool history, saved, received;
};

struct judge_certain {
	bool known;
	struct policy_verdict verdict;
};

struct judge {
	const struct policy *policy;
	const struct policy_session_facts *session;
	struct history *history;
	/* NULL = none */
	struct policy_script *script;
	struct judge_needs needs[JUDGE_QUESTIONS];

	/* hold, then the rules of each question in their order */
	struct judge_query *queries;
	unsigned int queries_count;
	/* Where a question's first query stands, and the next one expected */
	unsigned int first_query[JUDGE_QUESTIONS], next_query;

	/* Until the next judge_forget_all() */
	struct mailbox_transaction_context *trans;
	/* The script may be told about history. */
	bool history_is_kept;
	struct mail *mail;
	uint32_t messages_count;
	/* Dates of messages, from sequence 1 on, 0 where not asked yet; NULL =
	   none. Dovecot doesn't find quickly what it has put into its cache,
	   but not yet committed. */
	int64_t *saved, *received;
	/* Messages whose history is newer than the answers about it: one bit
	   each, NULL = none */
	unsigned char *stale;

	/* Verdicts that depend neither on the message nor on time */
	struct judge_certain certain[JUDGE_QUESTIONS];

	/* The verdict that is being worked on */
	uint32_t seq;
	/* A query has been asked for it. */
	bool asked;
	/* NULL = without the history of the message */
	const struct policy_message_facts *facts;
	const char *error;
};

static bool bit_is_set(const unsigned char *bits, uint32_t seq)
{
	return (bits[(seq - 1) / 8] & (1 << ((seq - 1) % 8))) != 0;
}

static void bit_set(unsigned char *bits, uint32_t seq)
{
	bits[(seq - 1) / 8] |= 1 << ((seq - 1) % 8);
}

static void
judge_add_query(struct judge *judge, const struct policy_query *query,
		struct judge_needs *needs)
{
	if (policy_query_needs_history(query))
		needs->history = TRUE;
	if (!query->is_all)
		judge->queries[judge->queries_count++].query = query;
}

static void
judge_add_rules(struct judge *judge, enum policy_question question,
		const struct policy_rules *rules)
{
	size_t i;

	judge->first_query[question] = judge->queries_count;
	for (i = 0; i < rules->count; i++) {
		judge_add_query(judge, &rules->rules[i].query,
				&judge->needs[question]);
	}
}

struct judge *judge_init(const struct policy *policy,
			 const struct policy_session_facts *session,
			 struct history *history, struct policy_script *script)
{
	struct judge_needs removal = { .history = FALSE };
	struct judge *judge;
	size_t max_queries;

	judge = i_new(struct judge, 1);
	judge->policy = policy;
	judge->session = session;
	judge->history = history;
	judge->script = script;

	max_queries = 1 + policy->delete_rules.count +
		policy->retrieve_rules.count + policy->expire_rules.count;
	judge->queries = i_new(struct judge_query, max_queries);
	if (policy->hold != NULL)
		judge_add_query(judge, policy->hold, &removal);
	if (policy->min_retention_secs > 0) {
		if (policy->age_from == POLICY_AGE_FROM_RECEIVED)
			removal.received = TRUE;
		else
			removal.saved = TRUE;
	}
	judge->needs[POLICY_QUESTION_DELETE] = removal;
	judge->needs[POLICY_QUESTION_EXPIRE] = removal;
	judge->needs[POLICY_QUESTION_REMOVE] = removal;
	judge_add_rules(judge, POLICY_QUESTION_DELETE, &policy->delete_rules);
	judge_add_rules(judge, POLICY_QUESTION_RETRIEVE,
			&policy->retrieve_rules);
	judge_add_rules(judge, POLICY_QUESTION_EXPIRE, &policy->expire_rules);
	i_assert(judge->queries_count <= max_queries);
	return judge;
}

void judge_deinit(struct judge **_judge)
{
	struct judge *judge = *_judge;

	*_judge = NULL;
	judge_forget_all(judge);
	i_free(judge->queries);
	i_free(judge);
}

static void
judge_begin(struct judge *judge, struct mailbox_transaction_context *trans)
{
	i_assert(judge->trans == NULL || judge->trans->view == trans->view);

	if (judge->trans == NULL) {
		judge->trans = trans;
		judge->messages_count =
			mail_index_view_get_messages_count(trans->view);
	}
}

/* Could the answer become another while a transaction lasts? */
static bool query_is_variable(const struct policy_query *query)
{
	return query->uses_flags || query->uses_history ||
		query->uses_hidden || query->uses_clock;
}

void judge_refresh(struct judge *judge)
{
	unsigned int i;

	for (i = 0; i < judge->queries_count; i++) {
		struct judge_query *jq = &judge->queries[i];

		jq->all_failed = FALSE;
		if (query_is_variable(jq->query))
			i_free(jq->matches);
		if (jq->query->uses_clock)
			query_reuse_deinit(&jq->reuse);
	}
	i_free(judge->stale);
	judge->history_is_kept = FALSE;
	if (judge->script != NULL && judge->mail != NULL) {
		/* it remembers keywords */
		mail_free(&judge->mail);
	}
}

void judge_forget_all(struct judge *judge)
{
	unsigned int i;

	for (i = 0; i < judge->queries_count; i++) {
		judge->queries[i].asked = 0;
		judge->queries[i].all_failed = FALSE;
		i_free(judge->queries[i].matches);
		query_reuse_deinit(&judge->queries[i].reuse);
	}
	i_free(judge->stale);
	i_free(judge->saved);
	i_free(judge->received);
	if (judge->mail != NULL)
		mail_free(&judge->mail);
	judge->trans = NULL;
	judge->history_is_kept = FALSE;
}

void judge_forget(struct judge *judge, uint32_t uid)
{
	uint32_t seq;

	if (judge->trans == NULL ||
	    !mail_index_lookup_seq(judge->trans->view, uid, &seq))
		return;
	if (judge->stale == NULL)
		judge->stale = i_malloc((judge->messages_count + 7) / 8);
	bit_set(judge->stale, seq);
}

static struct judge_query *
judge_find_query(struct judge *judge, const struct policy_query *query)
{
	unsigned int i;

	if (query == judge->policy->hold)
		return &judge->queries[0];
	/* Rules are asked in their order; only "all" is skipped. */
	for (i = judge->next_query; i < judge->queries_count; i++) {
		if (judge->queries[i].query == query) {
			judge->next_query = i + 1;
			return &judge->queries[i];
		}
	}
	i_unreached();
}

static void judge_ask_all(struct judge *judge, struct judge_query *jq)
{
	ARRAY_TYPE(seq_range) seqs;
	struct seq_range_iter iter;
	unsigned int n = 0;
	const char *error;
	uint32_t seq;

	i_array_init(&seqs, 64);
	if (query_match_all(judge->trans, judge->history, jq->query,
			    judge->session->now, &seqs, &error) < 0) {
		/* One message may have failed them all. It will fail again,
		   alone. */
		jq->all_failed = TRUE;
	} else {
		jq->matches = i_malloc((judge->messages_count + 7) / 8);
		seq_range_array_iter_init(&iter, &seqs);
		while (seq_range_array_iter_nth(&iter, n++, &seq))
			bit_set(jq->matches, seq);
	}
	array_free(&seqs);
}

static bool
judge_should_ask_all(const struct judge *judge, const struct judge_query *jq)
{
	if (jq->all_failed || jq->query->uses_content)
		return FALSE;
	if (!jq->reuse.searched && query_is_variable(jq->query)) {
		/* The answers could not be kept until QUIT. */
		return FALSE;
	}
	return jq->asked >= JUDGE_SINGLE_MIN +
		judge->messages_count / JUDGE_SINGLE_SHARE;
}

static int judge_match(void *context, const struct policy_query *query)
{
	struct judge *judge = context;
	struct judge_query *jq = judge_find_query(judge, query);
	bool stale = judge->stale != NULL && policy_query_needs_history(query) &&
		bit_is_set(judge->stale, judge->seq);

	judge->asked = TRUE;
	if (!stale && jq->matches == NULL && judge_should_ask_all(judge, jq))
		judge_ask_all(judge, jq);
	if (!stale && jq->matches != NULL)
		return bit_is_set(jq->matches, judge->seq) ? 1 : 0;

	jq->asked++;
	jq->reuse.mail = &judge->mail;
	jq->reuse.facts = judge->facts;
	return query_match_one(judge->trans, judge->history, query,
			       &jq->reuse, judge->seq, judge->session->now,
			       &judge->error);
}

/* Returns 0 if it could not be found out. */
static int64_t judge_get_date(struct judge *judge, bool saved)
{
	struct mail_storage *storage = judge->trans->box->storage;
	int64_t **dates = saved ? &judge->saved : &judge->received;
	time_t date;
	int ret;

	if (*dates == NULL)
		*dates = i_new(int64_t, judge->messages_count);
	if ((*dates)[judge->seq - 1] != 0)
		return (*dates)[judge->seq - 1];

	if (judge->mail == NULL)
		judge->mail = mail_alloc(judge->trans, 0, NULL);
	mail_set_seq(judge->mail, judge->seq);

	mail_storage_last_error_push(storage);
	ret = saved ? mail_get_save_date(judge->mail, &date) :
		mail_get_received_date(judge->mail, &date);
	if (ret < 0 || date < 0) {
		judge->error = t_strdup_printf(
			"Date when the message was %s is unknown: %s",
			saved ? "saved" : "received",
			ret < 0 ? mailbox_get_last_internal_error(
				judge->trans->box, NULL) : "Invalid date");
		date = 0;
	}
	mail_storage_last_error_pop(storage);
	(*dates)[judge->seq - 1] = date;
	return date;
}

/*
 * The script
 */

static enum script_hook question_hook(enum policy_question question)
{
	switch (question) {
	case POLICY_QUESTION_DELETE:
		return SCRIPT_HOOK_DELETE;
	case POLICY_QUESTION_RETRIEVE:
		return SCRIPT_HOOK_RETRIEVE;
	case POLICY_QUESTION_EXPIRE:
		return SCRIPT_HOOK_EXPIRE;
	case POLICY_QUESTION_REMOVE:
		break;
	}
	i_unreached();
}

bool judge_asks_script(const struct judge *judge,
		       enum policy_question question)
{
	return question != POLICY_QUESTION_REMOVE &&
		policy_script_has_hook(judge->script, question_hook(question));
}

static int judge_get_script_date(struct judge *judge, bool saved,
				 struct script_value *value_r)
{
	value_r->number = judge_get_date(judge, saved);
	if (value_r->number != 0)
		return 1;
	value_r->text = judge->error;
	return -1;
}

static struct mail *judge_get_script_mail(void *context)
{
	struct judge *judge = context;

	if (judge->mail == NULL)
		judge->mail = mail_alloc(judge->trans, 0, NULL);
	mail_set_seq(judge->mail, judge->seq);
	return judge->mail;
}

static int
judge_get_script_flag(struct judge *judge, enum mail_flags flag,
		      struct script_value *value_r)
{
	enum mail_flags flags = judge->trans->box->view_pvt != NULL ?
		mail_get_flags(judge_get_script_mail(judge)) :
		mail_index_lookup(judge->trans->view, judge->seq)->flags;

	value_r->number = (flags & flag) != 0 ? 1 : 0;
	return 1;
}

static int
judge_get_script_history(struct judge *judge, enum script_field field,
			 struct script_value *value_r)
{
	const char *obstacle = judge->history_is_kept ? NULL :
		history_get_obstacle(judge->history);
	struct policy_message_facts facts;

	judge->history_is_kept = obstacle == NULL;
	if (obstacle != NULL) {
		value_r->text = t_strdup_printf(
			"nothing can be known about history: this mailbox %s",
			obstacle);
		return -1;
	}
	i_zero(&facts);
	if (field == SCRIPT_MESSAGE_HIDDEN) {
		history_get_facts(judge->history, judge->trans->box->view,
				  judge->seq, judge->session->now, &facts);
	} else {
		history_get_retrieval(judge->history, judge->trans->box->view,
				      judge->seq, &facts);
	}
	return policy_script_facts_get(judge->script, &facts, field, value_r);
}

static int
judge_get_script_value(void *context, enum script_field field,
		       struct script_value *value_r)
{
	struct judge *judge = context;

	switch (field) {
	case SCRIPT_MESSAGE_SEEN:
		return judge_get_script_flag(judge, MAIL_SEEN, value_r);
	case SCRIPT_MESSAGE_FLAGGED:
		return judge_get_script_flag(judge, MAIL_FLAGGED, value_r);
	case SCRIPT_MESSAGE_ANSWERED:
		return judge_get_script_flag(judge, MAIL_ANSWERED, value_r);
	case SCRIPT_MESSAGE_SAVED:
		return judge_get_script_date(judge, TRUE, value_r);
	case SCRIPT_MESSAGE_RECEIVED:
		return judge_get_script_date(judge, FALSE, value_r);
	default:
		return judge_get_script_history(judge, field, value_r);
	}
}

/* About the message judge->seq. */
static void judge_run_hook(struct judge *judge, enum script_hook hook,
			   struct script_answer *answer_r)
{
	struct policy_script_message message = {
		.seq = judge->seq,
		.get_mail = judge_get_script_mail,
		.get = judge_get_script_value,
		.context = judge,
	};

	mail_index_lookup_uid(judge->trans->view, judge->seq, &message.uid);
	policy_script_ask(judge->script, hook, judge->session, &message,
			  answer_r);
}

static int judge_script(void *context, enum policy_question question,
			struct policy_verdict *verdict_r)
{
	struct judge *judge = context;
	struct script_answer answer;
	const char *obstacle;

	judge_run_hook(judge, question_hook(question), &answer);
	verdict_r->file = answer.file;
	verdict_r->line = answer.line;
	switch (answer.outcome) {
	case SCRIPT_FAILED:
		judge->error = t_strdup(answer.reason);
		return -1;
	case SCRIPT_PASS:
		return 0;
	case SCRIPT_ANSWER:
		break;
	}
	obstacle = answer.action != POLICY_ACTION_HIDE ? NULL :
		history_get_obstacle(judge->history);
	if (obstacle != NULL) {
		judge->error = t_strdup_printf(
			"%s:%u: mail can't be hidden: this mailbox %s",
			answer.file, answer.line, obstacle);
		return -1;
	}
	verdict_r->action = answer.action;
	verdict_r->text = answer.text;
	verdict_r->mailbox = answer.mailbox;
	return 1;
}

void judge_ask_hook(struct judge *judge,
		    struct mailbox_transaction_context *trans,
		    enum script_hook hook, uint32_t seq,
		    struct script_answer *answer_r)
{
	judge_begin(judge, trans);
	judge->seq = seq;
	judge_run_hook(judge, hook, answer_r);
	judge->error = NULL;
}

/* Only what policy_decide() and the keys about history look at. */
static void
judge_gather(struct judge *judge, const struct judge_needs *needs,
	     struct policy_message_facts *facts_r)
{
	i_zero(facts_r);
	if (needs->history) {
		/* The transaction's view would first look each message up
		   among all that it has expunged. */
		history_get_facts(judge->history, judge->trans->box->view,
				  judge->seq, judge->session->now, facts_r);
	}
	if (needs->saved)
		facts_r->saved = judge_get_date(judge, TRUE);
	if (needs->received)
		facts_r->received = judge_get_date(judge, FALSE);
}

void judge_verdict(struct judge *judge,
		   struct mailbox_transaction_context *trans,
		   enum policy_question question, uint32_t seq,
		   struct policy_verdict *verdict_r, const char **error_r)
{
	const struct judge_needs *needs = &judge->needs[question];
	struct judge_certain *certain = &judge->certain[question];
	bool asks_script = judge_asks_script(judge, question);
	const struct policy_callbacks callbacks = {
		.match = judge_match,
		.script = asks_script ? judge_script : NULL,
		.context = judge,
	};
	struct policy_message_facts facts;

	if (certain->known) {
		*verdict_r = certain->verdict;
		if (error_r != NULL)
			*error_r = NULL;
		return;
	}
	judge_begin(judge, trans);
	judge->seq = seq;
	judge->error = NULL;
	judge->asked = FALSE;
	judge->next_query = judge->first_query[question];
	judge_gather(judge, needs, &facts);
	judge->facts = needs->history ? &facts : NULL;
	policy_decide(judge->policy, question, judge->session, &facts,
		      &callbacks, verdict_r);
	judge->facts = NULL;
	if (error_r != NULL) {
		*error_r = verdict_r->reason == POLICY_REASON_ERROR ?
			judge->error : NULL;
	}
	judge->error = NULL;
	if (!judge->asked && !asks_script && !needs->history && !needs->saved &&
	    !needs->received) {
		certain->known = TRUE;
		certain->verdict = *verdict_r;
	}
}

void judge_get_facts(struct judge *judge,
		     struct mailbox_transaction_context *trans, uint32_t seq,
		     struct policy_message_facts *facts_r)
{
	static const struct judge_needs all = {
		.history = TRUE,
		.saved = TRUE,
		.received = TRUE,
	};

	judge_begin(judge, trans);
	judge->seq = seq;
	judge_gather(judge, &all, facts_r);
	judge->error = NULL;
}
