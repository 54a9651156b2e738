/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "array.h"
#include "seq-range-array.h"
#include "mail-index.h"
#include "mail-storage-private.h"
#include "mail-search.h"
#include "mail-search-build.h"
#include "history.h"
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

struct query_message {
	struct mailbox_transaction_context *trans;
	struct history *history;
	struct mail **mail;
	uint32_t seq;
	int64_t now;
	/* Its history; NULL = not looked up yet */
	const struct policy_message_facts *facts;
	struct policy_message_facts own_facts;
};

static bool query_message_history(struct query_message *message,
				  const struct mail_search_arg *arg)
{
	if (message->facts == NULL) {
		i_zero(&message->own_facts);
		history_get_facts(message->history, message->trans->box->view,
				  message->seq, message->now,
				  &message->own_facts);
		message->facts = &message->own_facts;
	}
	return search_keys_history_matches(arg, message->facts);
}

static int query_message_size(struct query_message *message, uoff_t *size_r)
{
	struct mail_storage *storage = message->trans->box->storage;
	int ret;

	if (*message->mail == NULL)
		*message->mail = mail_alloc(message->trans, 0, NULL);
	mail_set_seq(*message->mail, message->seq);

	T_BEGIN {
		mail_storage_last_error_push(storage);
		ret = mail_get_virtual_size(*message->mail, size_r);
		mail_storage_last_error_pop(storage);
	} T_END;
	return ret;
}

/* Conditions that are answered by a look at the index. A search would set up
   mail, events and memory pools for each question first, tens of thousands of
   instructions. What stays unknown here, failures too, is left to it. */
static void
query_arg_match(struct mail_search_arg *arg, struct query_message *message)
{
	const struct mail_index_record *rec;
	enum mail_flags flags;
	uoff_t size;

	switch (arg->type) {
	case SEARCH_ALL:
		if (!search_keys_is_history(arg))
			ARG_SET_RESULT(arg, 1);
		else if (query_message_history(message, arg))
			ARG_SET_RESULT(arg, 1);
		else
			ARG_SET_RESULT(arg, 0);
		break;
	case SEARCH_FLAGS:
		flags = arg->value.flags;
		if ((flags & MAIL_RECENT) != 0 ||
		    message->trans->box->view_pvt != NULL)
			break;
		rec = mail_index_lookup(message->trans->view, message->seq);
		ARG_SET_RESULT(arg, (rec->flags & flags) == flags ? 1 : 0);
		break;
	case SEARCH_SMALLER:
	case SEARCH_LARGER:
		if (query_message_size(message, &size) < 0)
			break;
		if (arg->type == SEARCH_SMALLER)
			ARG_SET_RESULT(arg, size < arg->value.size ? 1 : 0);
		else
			ARG_SET_RESULT(arg, size > arg->value.size ? 1 : 0);
		break;
	default:
		break;
	}
}

/* Returns 1, 0, or -1 if it takes a search to know. */
static int query_match_index(struct query_message *message,
			     struct mail_search_args *tree)
{
	mail_search_args_reset(tree->args, TRUE);
	return mail_search_args_foreach(tree->args, query_arg_match, message);
}

static int
query_build(const struct policy_query *query, int64_t now,
	    struct mail_search_args **tree_r, const char **error_r)
{
	if (search_keys_build(query_words(query, now), tree_r, error_r) < 0)
		return -1;
	query_args_normalize((*tree_r)->args, FALSE);
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
	/* simplifies it, too */
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

/* Put the query to one message. */
static int
query_search_one(struct query_message *message, struct mail_search_args *tree,
		 const char **error_r)
{
	struct mail_search_args *args;
	int ret;

	mail_search_args_reset(tree->args, TRUE);
	args = search_keys_resolve(tree, message->history,
				   message->trans->view, message->seq,
				   message->now);
	mail_search_build_add_seqset(args, message->seq, message->seq);
	ret = query_search(message->trans, args, NULL, error_r);
	mail_search_args_unref(&args);
	return ret;
}

int query_match_one(struct mailbox_transaction_context *trans,
		    struct history *history, const struct policy_query *query,
		    struct query_reuse *reuse, uint32_t seq, int64_t now,
		    const char **error_r)
{
	struct mail_search_args *tree = reuse == NULL ? NULL : reuse->tree;
	struct mail *mail = NULL;
	struct query_message message = {
		.trans = trans,
		.history = history,
		.mail = reuse == NULL ? &mail : reuse->mail,
		.seq = seq,
		.now = now,
		.facts = reuse == NULL ? NULL : reuse->facts,
	};
	int ret = 0;

	*error_r = NULL;
	if (tree != NULL) {
		/* Most are answered here, which takes less time than to set up
		   what the rest needs. */
		ret = query_match_index(&message, tree);
		if (ret >= 0) {
			reuse->searched = FALSE;
			return ret;
		}
		ret = 0;
	}
	T_BEGIN {
		if (tree == NULL)
			ret = query_build(query, now, &tree, error_r);
		if (ret == 0) {
			ret = query_match_index(&message, tree);
			if (reuse != NULL)
				reuse->searched = ret < 0;
			if (ret < 0) {
				ret = query_search_one(&message, tree,
						       error_r);
			}
			if (reuse == NULL)
				mail_search_args_unref(&tree);
			else
				reuse->tree = tree;
		}
		if (mail != NULL)
			mail_free(&mail);
		if (ret < 0)
			*error_r = query_error(query, *error_r);
	} T_END_PASS_STR_IF(ret < 0, error_r);
	return ret;
}

void query_reuse_deinit(struct query_reuse *reuse)
{
	if (reuse->tree != NULL)
		mail_search_args_unref(&reuse->tree);
}

/* Returns FALSE if it takes a search to know. */
static bool query_match_all_index(struct query_message *message,
				  struct mail_search_args *tree,
				  uint32_t count, ARRAY_TYPE(seq_range) *seqs)
{
	ARRAY_TYPE(seq_range) found;
	int ret = 0;

	i_array_init(&found, 64);
	for (message->seq = 1; message->seq <= count && ret >= 0;
	     message->seq++) {
		message->facts = NULL;
		ret = query_match_index(message, tree);
		if (ret > 0)
			seq_range_array_add(&found, message->seq);
	}
	if (ret >= 0)
		seq_range_array_merge(seqs, &found);
	array_free(&found);
	return ret >= 0;
}

/* Put the query to all messages. */
static int
query_search_all(struct query_message *message, struct mail_search_args *tree,
		 ARRAY_TYPE(seq_range) *seqs, const char **error_r)
{
	struct mail_search_args *args;
	int ret;

	mail_search_args_reset(tree->args, TRUE);
	args = search_keys_resolve(tree, message->history,
				   message->trans->view, 0, message->now);
	ret = query_search(message->trans, args, seqs, error_r);
	mail_search_args_unref(&args);
	return ret;
}

int query_match_all(struct mailbox_transaction_context *trans,
		    struct history *history, const struct policy_query *query,
		    int64_t now, ARRAY_TYPE(seq_range) *seqs,
		    const char **error_r)
{
	uint32_t count = mail_index_view_get_messages_count(trans->view);
	struct mail_search_args *tree;
	struct mail *mail = NULL;
	struct query_message message = {
		.trans = trans,
		.history = history,
		.mail = &mail,
		.now = now,
	};
	int ret;

	*error_r = NULL;
	if (count == 0)
		return 0;
	T_BEGIN {
		ret = query_build(query, now, &tree, error_r);
		if (ret == 0) {
			if (!query_match_all_index(&message, tree, count,
						   seqs)) {
				ret = query_search_all(&message, tree, seqs,
						       error_r);
			}
			mail_search_args_unref(&tree);
		}
		if (mail != NULL)
			mail_free(&mail);
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
		ret = search_keys_build(query_words(query, 0), &args, error_r);
		if (ret == 0)
			mail_search_args_unref(&args);
	} T_END_PASS_STR_IF(ret < 0, error_r);
	return ret;
}
