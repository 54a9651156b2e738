/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "array.h"
#include "seq-range-array.h"
#include "mail-index.h"
#include "mail-storage-private.h"
#include "mail-search.h"
#include "mail-search-build.h"
#include "search-keys.h"
#include "query.h"

/* The words with relative times replaced by the moments that they mean now. */
static const char *const *
query_words(const struct policy_query *query, int64_t now)
{
	const char **words = t_new(const char *, query->words_count + 1);
	size_t i;

	for (i = 0; i < query->words_count; i++) {
		const struct policy_query_word *word = &query->words[i];
		int64_t time;

		if (!word->is_interval) {
			words[i] = word->text;
			continue;
		}
		/* nothing happened before 1970 */
		time = word->interval_secs < now ?
			now - word->interval_secs : 0;
		words[i] = t_strdup_printf("%lld", (long long)time);
	}
	return words;
}

static bool query_arg_negate(struct mail_search_arg *arg)
{
	switch (arg->type) {
	case SEARCH_BEFORE:
		arg->type = SEARCH_SINCE;
		return TRUE;
	case SEARCH_SINCE:
		arg->type = SEARCH_BEFORE;
		return TRUE;
	case SEARCH_LARGER:
		if (arg->value.size == UOFF_T_MAX)
			return FALSE;
		arg->type = SEARCH_SMALLER;
		arg->value.size++;
		return TRUE;
	case SEARCH_SMALLER:
		if (arg->value.size == 0)
			return FALSE;
		arg->type = SEARCH_LARGER;
		arg->value.size--;
		return TRUE;
	default:
		return FALSE;
	}
}

/* Moves every NOT down to the leaves and out of comparisons. Dovecot would
   merge "not larger 5k not larger 10k" into "not larger 10k": its
   simplification of two comparisons forgets that they are negated. */
static void query_args_normalize(struct mail_search_arg *arg, bool negate)
{
	bool match_not;

	for (; arg != NULL; arg = arg->next) {
		match_not = arg->match_not != negate;
		switch (arg->type) {
		case SEARCH_SUB:
		case SEARCH_OR:
			arg->match_not = FALSE;
			if (match_not) {
				arg->type = arg->type == SEARCH_SUB ?
					SEARCH_OR : SEARCH_SUB;
			}
			query_args_normalize(arg->value.subargs, match_not);
			break;
		default:
			arg->match_not = match_not && !query_arg_negate(arg);
			break;
		}
	}
}

/* Build the query's tree as Dovecot will search it. */
static int
query_build(const struct search_keys_scope *scope,
	    const struct policy_query *query, struct mail_search_args **args_r,
	    const char **error_r)
{
	if (search_keys_build(scope, query_words(query, scope->now),
			      args_r, error_r) < 0)
		return -1;
	query_args_normalize((*args_r)->args, FALSE);
	mail_search_args_simplify(*args_r);
	return 0;
}

/* Adds the matches to seqs, which may be NULL. Returns their number, or -1. */
static int
query_search(struct mailbox_transaction_context *trans,
	     struct mail_search_args *args, ARRAY_TYPE(seq_range) *seqs,
	     const char **error_r)
{
	struct mail_search_context *ctx;
	struct mail *mail;
	bool lost;
	int count = 0;

	/* The caller may have an error of its own to report yet. */
	mail_storage_last_error_push(trans->box->storage);
	mail_search_args_init(args, trans->box, FALSE, NULL);
	ctx = mailbox_search_init(trans, args, NULL, 0, NULL);
	while (mailbox_search_next(ctx, &mail)) {
		count++;
		if (seqs != NULL)
			seq_range_array_add(seqs, mail->seq);
	}
	/* Mail that vanished meanwhile is no error to Dovecot and does not
	   match, whatever the query says. */
	lost = mailbox_search_seen_lost_data(ctx);
	if (mailbox_search_deinit(&ctx) < 0) {
		*error_r = t_strdup(
			mailbox_get_last_internal_error(trans->box, NULL));
		count = -1;
	} else if (lost) {
		*error_r = "A message vanished during the search";
		count = -1;
	}
	mail_search_args_deinit(args);
	mail_storage_last_error_pop(trans->box->storage);
	return count;
}

static const char *
query_error(const struct policy_query *query, const char *error)
{
	return t_strdup_printf("Query '%s' failed: %s", query->text, error);
}

int query_match_one(struct mailbox_transaction_context *trans,
		    struct history *history, const struct policy_query *query,
		    uint32_t seq, int64_t now, const char **error_r)
{
	const struct search_keys_scope scope = {
		.history = history,
		.view = trans->view,
		.seq = seq,
		.now = now,
	};
	struct mail_search_args *args;
	int ret;

	*error_r = NULL;
	T_BEGIN {
		if (query_build(&scope, query, &args, error_r) < 0)
			ret = -1;
		else {
			if (args->args->type == SEARCH_ALL)
				ret = args->args->match_not ? 0 : 1;
			else {
				mail_search_build_add_seqset(args, seq, seq);
				ret = query_search(trans, args, NULL, error_r);
			}
			mail_search_args_unref(&args);
		}
		if (ret < 0)
			*error_r = query_error(query, *error_r);
	} T_END_PASS_STR_IF(ret < 0, error_r);
	return ret;
}

int query_match_all(struct mailbox_transaction_context *trans,
		    struct history *history, const struct policy_query *query,
		    int64_t now, ARRAY_TYPE(seq_range) *seqs,
		    const char **error_r)
{
	const struct search_keys_scope scope = {
		.history = history,
		.view = trans->view,
		.now = now,
	};
	struct mail_search_args *args;
	struct mail_search_arg *arg;
	uint32_t count = mail_index_view_get_messages_count(trans->view);
	int ret;

	*error_r = NULL;
	if (count == 0)
		return 0;
	T_BEGIN {
		ret = query_build(&scope, query, &args, error_r);
		if (ret == 0) {
			arg = args->args;
			if (arg->type == SEARCH_ALL) {
				if (!arg->match_not) {
					seq_range_array_add_range(seqs, 1,
								  count);
				}
			} else if (arg->type == SEARCH_SEQSET &&
				   arg->next == NULL) {
				/* about history and nothing else: it has been
				   answered already */
				seq_range_array_merge(seqs,
						      &arg->value.seqset);
				seq_range_array_remove_range(seqs, count + 1,
							     UINT32_MAX);
			} else {
				ret = query_search(trans, args, seqs, error_r);
			}
			mail_search_args_unref(&args);
		}
		if (ret < 0)
			*error_r = query_error(query, *error_r);
	} T_END_PASS_STR_IF(ret < 0, error_r);
	return ret < 0 ? -1 : 0;
}

int query_check(const struct policy_query *query, const char **error_r)
{
	struct mail_search_args *args;
	int ret;

	T_BEGIN {
		/* intervals may be of any length here */
		ret = search_keys_build(NULL, query_words(query, 0),
					&args, error_r);
		if (ret == 0)
			mail_search_args_unref(&args);
	} T_END_PASS_STR_IF(ret < 0, error_r);
	return ret;
}

void query_deinit(void)
{
	search_keys_deinit();
}
