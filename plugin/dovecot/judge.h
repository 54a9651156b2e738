/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_JUDGE_H
#define POP3_POLICY_JUDGE_H

/*
 * Brings a policy and a mailbox together: gathers the facts of a message,
 * answers the core's questions about queries, asks the script, returns the
 * verdict. Used by sessions, expiry and doveadm alike, so all three judge
 * alike.
 *
 * Answers are remembered: the first few messages are asked one by one, then
 * a query is run once over the whole mailbox (unless it has to open mail).
 * Whoever changes what a query looks at tells the judge to forget.
 */

#include "pop3-policy/decide.h"
#include "pop3-policy/script.h"

struct mail_user;
struct mailbox_transaction_context;
struct history;
struct policy_script;
struct judge;

/* policy, session, history and script must outlive the judge. script: begun,
   or NULL where none is to be asked. session->now is the
   moment of all its verdicts; it is read at each call, so it may advance,
   which the judge notices for queries with relative times only when told to
   forget. */
struct judge *judge_init(const struct policy *policy,
			 const struct policy_session_facts *session,
			 struct history *history,
			 struct policy_script *script);
void judge_deinit(struct judge **judge);

/* Decide. seq is in the transaction's view; all calls between two
   judge_forget_all() must use the same view. Never fails; what could not be
   found out is a verdict of DENY with POLICY_REASON_ERROR, and *error_r
   (may be NULL; data stack) says why, else it is set to NULL. */
void judge_verdict(struct judge *judge,
		   struct mailbox_transaction_context *trans,
		   enum policy_question question, uint32_t seq,
		   struct policy_verdict *verdict_r, const char **error_r);

/* Does the script have a say in this question? */
bool judge_asks_script(const struct judge *judge,
		       enum policy_question question);

/* Ask the script's hook, which it has, about a message: for questions that
   aren't about what to do with it. As judge_verdict(). The answer is valid
   until the script is asked again. */
void judge_ask_hook(struct judge *judge,
		    struct mailbox_transaction_context *trans,
		    enum script_hook hook, uint32_t seq,
		    struct script_answer *answer_r);

/* The facts that the last verdict about seq was based on are gathered anew;
   for doveadm, which prints them. */
void judge_get_facts(struct judge *judge,
		     struct mailbox_transaction_context *trans, uint32_t seq,
		     struct policy_message_facts *facts_r);

/* This message's history changed. */
void judge_forget(struct judge *judge, uint32_t uid);
/* Flags, history or the clock have changed; the transaction and its view are
   the same. */
void judge_refresh(struct judge *judge);
/* Flags, messages, the view or the clock changed. */
void judge_forget_all(struct judge *judge);

#endif
