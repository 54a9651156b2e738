/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pop3-policy/decide.h"

#include <string.h>

struct decision {
	const struct policy *policy;
	enum policy_question question;
	const struct policy_session_facts *session;
	const struct policy_message_facts *message;
	const struct policy_callbacks *callbacks;
	struct policy_verdict *verdict;
};

/* Each step returns true once the verdict is certain. */
static bool
decide_as(struct decision *decision, enum policy_action action,
	  enum policy_reason reason, const char *file, unsigned int line)
{
	decision->verdict->action = action;
	decision->verdict->reason = reason;
	decision->verdict->file = file;
	decision->verdict->line = line;
	return true;
}

static bool
decide_in_doubt(struct decision *decision, const char *file, unsigned int line)
{
	return decide_as(decision, POLICY_ACTION_DENY, POLICY_REASON_ERROR,
			 file, line);
}

/* unknown: the answer where the query asks for a history that nobody knows */
static int decision_ask(struct decision *decision,
			const struct policy_query *query, int unknown)
{
	if (query->is_all)
		return 1;
	if (query->uses_history && !decision->message->history_known)
		return unknown;
	return decision->callbacks->match(decision->callbacks->context, query);
}

static enum policy_action protected_action(const struct decision *decision)
{
	return decision->question == POLICY_QUESTION_DELETE ?
		decision->policy->protected_delete : POLICY_ACTION_DENY;
}

static bool decide_hold(struct decision *decision)
{
	const struct policy *policy = decision->policy;
	int ret;

	if (policy->hold == NULL)
		return false;
	ret = decision_ask(decision, policy->hold, 1);
	if (ret == 0)
		return false;
	if (ret < 0) {
		return decide_in_doubt(decision, policy->hold_file,
				       policy->hold_line);
	}
	return decide_as(decision, protected_action(decision),
			 POLICY_REASON_HOLD, policy->hold_file,
			 policy->hold_line);
}

static bool decide_min_retention(struct decision *decision)
{
	const struct policy *policy = decision->policy;
	int64_t now = decision->session->now, date;

	if (policy->min_retention_secs <= 0)
		return false;
	date = policy->age_from == POLICY_AGE_FROM_RECEIVED ?
		decision->message->received : decision->message->saved;
	if (date <= 0) {
		return decide_in_doubt(decision, policy->file,
				       policy->min_retention_line);
	}
	if (date <= now && now - date >= policy->min_retention_secs)
		return false;
	return decide_as(decision, protected_action(decision),
			 POLICY_REASON_MIN_RETENTION, policy->file,
			 policy->min_retention_line);
}

static bool decide_script(struct decision *decision)
{
	const struct policy_callbacks *callbacks = decision->callbacks;
	struct policy_verdict answer = { .action = POLICY_ACTION_DENY };
	int ret;

	if (callbacks->script == NULL)
		return false;
	ret = callbacks->script(callbacks->context, decision->question,
				&answer);
	if (ret == 0)
		return false;
	if (ret < 0)
		return decide_in_doubt(decision, answer.file, answer.line);
	decision->verdict->text = answer.text;
	decision->verdict->mailbox = answer.mailbox;
	return decide_as(decision, answer.action, POLICY_REASON_SCRIPT,
			 answer.file, answer.line);
}

/* Would the rule have kept the message from those below it, if its history had
   not been lost? Lost history must not make mail expire sooner. */
static bool rule_may_protect_unknown(const struct decision *decision,
				     const struct policy_rule *rule)
{
	return decision->question == POLICY_QUESTION_EXPIRE &&
		rule->action != POLICY_ACTION_ALLOW &&
		rule->query.uses_history && !decision->message->history_known;
}

static bool
decide_rules(struct decision *decision, const struct policy_rules *rules)
{
	const struct policy_rule *rule;
	size_t i;
	int ret;

	for (i = 0; i < rules->count; i++) {
		rule = &rules->rules[i];
		if (rule_may_protect_unknown(decision, rule)) {
			return decide_as(decision, POLICY_ACTION_DENY,
					 POLICY_REASON_RULE, rule->file,
					 rule->line);
		}
		ret = decision_ask(decision, &rule->query, 0);
		if (ret < 0) {
			return decide_in_doubt(decision, rule->file,
					       rule->line);
		}
		if (ret > 0) {
			decision->verdict->text = rule->text;
			decision->verdict->mailbox = rule->mailbox;
			return decide_as(decision, rule->action,
					 POLICY_REASON_RULE, rule->file,
					 rule->line);
		}
	}
	return false;
}

void policy_decide(const struct policy *policy, enum policy_question question,
		   const struct policy_session_facts *session,
		   const struct policy_message_facts *message,
		   const struct policy_callbacks *callbacks,
		   struct policy_verdict *verdict_r)
{
	struct decision decision = {
		.policy = policy,
		.question = question,
		.session = session,
		.message = message,
		.callbacks = callbacks,
		.verdict = verdict_r,
	};
	enum policy_action action = POLICY_ACTION_DENY;
	const struct policy_rules *rules = NULL;

	memset(verdict_r, 0, sizeof(*verdict_r));

	switch (question) {
	case POLICY_QUESTION_DELETE:
		rules = &policy->delete_rules;
		action = POLICY_ACTION_ALLOW;
		break;
	case POLICY_QUESTION_RETRIEVE:
		rules = &policy->retrieve_rules;
		action = POLICY_ACTION_ALLOW;
		break;
	case POLICY_QUESTION_EXPIRE:
		rules = &policy->expire_rules;
		break;
	case POLICY_QUESTION_REMOVE:
		action = POLICY_ACTION_ALLOW;
		break;
	}

	if (question != POLICY_QUESTION_RETRIEVE &&
	    (decide_hold(&decision) || decide_min_retention(&decision)))
		return;
	if (rules != NULL) {
		verdict_r->without_effect = policy->mode == POLICY_MODE_REPORT;
		if (decide_script(&decision) || decide_rules(&decision, rules))
			return;
	}
	(void)decide_as(&decision, action, POLICY_REASON_DEFAULT, NULL, 0);
}
