/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_DOVECOT_QUERY_H
#define POP3_POLICY_DOVECOT_QUERY_H

/*
 * Evaluates a policy's queries in Dovecot's own search tree. The plugin's
 * keys about retrieval and hiding are leaves of that tree, so that they
 * combine with not, or and parentheses like any other; where Dovecot has to
 * search, they become sets of messages.
 */

#include "seq-range-array.h"
#include "pop3-policy/query.h"

struct mail;
struct mail_search_args;
struct mailbox_transaction_context;
struct history;
struct policy_message_facts;

/* What is kept between queries about single messages of one transaction, as
   long as now stays the same. Begin with zeros. */
struct query_reuse {
	/* One for all queries of the transaction; allocated when needed, freed
	   by the caller */
	struct mail **mail;
	/* What history_get_facts() says about the message that is asked about,
	   set by the caller; NULL = not looked up yet */
	const struct policy_message_facts *facts;
	/* This query's tree; freed by query_reuse_deinit() */
	struct mail_search_args *tree;
	/* It had to be searched for, which costs less for all messages at
	   once. */
	bool searched;
};

/* Does the query match the message seq of the transaction's view? now: the
   moment that relative times count from. reuse: NULL if this is the only
   question. Returns 1, 0, or -1 and error_r (data stack). */
int query_match_one(struct mailbox_transaction_context *trans,
		    struct history *history, const struct policy_query *query,
		    struct query_reuse *reuse, uint32_t seq, int64_t now,
		    const char **error_r);
void query_reuse_deinit(struct query_reuse *reuse);

/* All messages of the transaction's view that the query matches, as sequence
   numbers added to seqs. Returns 0, or -1 and error_r (data stack): one
   unreadable message fails it all; ask for each message then. */
int query_match_all(struct mailbox_transaction_context *trans,
		    struct history *history, const struct policy_query *query,
		    int64_t now, ARRAY_TYPE(seq_range) *seqs,
		    const char **error_r);

/* Would Dovecot build a search out of this query? Needs no mailbox. Returns
   0, or -1 and error_r (data stack). */
int query_check(const struct policy_query *query, const char **error_r);

#endif
