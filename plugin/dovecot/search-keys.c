/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "array.h"
#include "imap-date.h"
#include "seq-range-array.h"
#include "mail-index.h"
#include "mail-storage.h"
#include "mail-search.h"
#include "mail-search-build.h"
#include "mail-search-parser.h"
#include "mail-search-register.h"
#include "history.h"
#include "search-keys.h"

#include <time.h>

enum history_key_type {
	KEY_RETRIEVED,
	KEY_UNRETRIEVED,
	KEY_RETRIEVEDBEFORE,
	KEY_RETRIEVEDSINCE,
	KEY_HIDDEN,
	KEY_HIDDENBEFORE,
	KEY_HIDDENSINCE,
};

/* In mail_search_arg->context; the type is SEARCH_ALL then. */
struct history_key {
	enum history_key_type type;
	/* ...BEFORE and ...SINCE: a moment */
	time_t time;
};

/* Other mailboxes, other messages, numbers that change their meaning, and
   times that are fixed before a query is evaluated. */
static const char left_out_keys[][13] = {
	"MAILBOX", "MAILBOX-GUID", "X-MAILBOX", "OLDESTONLY", "INTHREAD",
	"UID", "X-REAL-UID", "MODSEQ", "$", "OLDER", "YOUNGER"
};

/* is_day_r: time_r is midnight of a day as if it were in UTC; else it is a
   moment. */
static bool
parse_time(struct mail_search_build_context *ctx, time_t *time_r,
	   bool *is_day_r)
{
	const char *value;

	if (mail_search_parse_string(ctx->parser, &value) < 0)
		return FALSE;

	*is_day_r = str_to_time(value, time_r) < 0;
	if (*is_day_r &&
	    (!imap_parse_date(value, time_r) || *time_r == (time_t)-1)) {
		ctx->_error = p_strconcat(ctx->pool,
			"Invalid search date parameter: ", value, NULL);
		return FALSE;
	}
	return TRUE;
}

/* A day is the server's; for the Date: header it is the day as written there,
   whatever its time zone (RFC 3501, 6.4.4). */
static struct mail_search_arg *
build_date(struct mail_search_build_context *ctx,
	   enum mail_search_arg_type type, enum mail_search_date_type date_type)
{
	struct mail_search_arg *arg, *parent;
	time_t time;
	bool is_day;

	if (!parse_time(ctx, &time, &is_day))
		return NULL;
	arg = mail_search_build_new(ctx, type);
	arg->value.time = time;
	arg->value.date_type = date_type;
	if (!is_day)
		arg->value.search_flags = MAIL_SEARCH_ARG_FLAG_UTC_TIMES;
	if (date_type != MAIL_SEARCH_DATE_TYPE_SENT || type != SEARCH_BEFORE)
		return arg;

	/* A message without a valid Date: counts as sent in 1970, which would
	   put it before anything. It was not sent at any time. */
	parent = mail_search_build_new(ctx, SEARCH_SUB);
	parent->value.subargs = arg;
	arg->next = mail_search_build_new(ctx, SEARCH_SINCE);
	arg->next->value.time = 1;
	arg->next->value.date_type = date_type;
	arg->next->value.search_flags = MAIL_SEARCH_ARG_FLAG_UTC_TIMES;
	return parent;
}

#define DATE_KEY(name, type, date_type) \
static struct mail_search_arg * \
build_##name(struct mail_search_build_context *ctx) \
{ \
	return build_date(ctx, type, date_type); \
}
DATE_KEY(before, SEARCH_BEFORE, MAIL_SEARCH_DATE_TYPE_RECEIVED)
DATE_KEY(on, SEARCH_ON, MAIL_SEARCH_DATE_TYPE_RECEIVED)
DATE_KEY(since, SEARCH_SINCE, MAIL_SEARCH_DATE_TYPE_RECEIVED)
DATE_KEY(sentbefore, SEARCH_BEFORE, MAIL_SEARCH_DATE_TYPE_SENT)
DATE_KEY(senton, SEARCH_ON, MAIL_SEARCH_DATE_TYPE_SENT)
DATE_KEY(sentsince, SEARCH_SINCE, MAIL_SEARCH_DATE_TYPE_SENT)
DATE_KEY(savedbefore, SEARCH_BEFORE, MAIL_SEARCH_DATE_TYPE_SAVED)
DATE_KEY(savedon, SEARCH_ON, MAIL_SEARCH_DATE_TYPE_SAVED)
DATE_KEY(savedsince, SEARCH_SINCE, MAIL_SEARCH_DATE_TYPE_SAVED)

/* Midnight in the server's time zone. */
static time_t day_to_local_midnight(time_t day)
{
	struct tm tm = *gmtime(&day);

	tm.tm_isdst = -1;
	return mktime(&tm);
}

static struct mail_search_arg *
build_history(struct mail_search_build_context *ctx,
	      enum history_key_type type)
{
	struct history_key *key = p_new(ctx->pool, struct history_key, 1);
	struct mail_search_arg *arg;
	bool is_day;

	key->type = type;
	switch (type) {
	case KEY_RETRIEVEDBEFORE:
	case KEY_RETRIEVEDSINCE:
	case KEY_HIDDENBEFORE:
	case KEY_HIDDENSINCE:
		if (!parse_time(ctx, &key->time, &is_day))
			return NULL;
		if (is_day)
			key->time = day_to_local_midnight(key->time);
		break;
	default:
		break;
	}
	arg = mail_search_build_new(ctx, SEARCH_ALL);
	arg->context = key;
	return arg;
}

#define HISTORY_KEY(name, type) \
static struct mail_search_arg * \
build_##name(struct mail_search_build_context *ctx) \
{ \
	return build_history(ctx, type); \
}
HISTORY_KEY(retrieved, KEY_RETRIEVED)
HISTORY_KEY(unretrieved, KEY_UNRETRIEVED)
HISTORY_KEY(retrievedbefore, KEY_RETRIEVEDBEFORE)
HISTORY_KEY(retrievedsince, KEY_RETRIEVEDSINCE)
HISTORY_KEY(hidden, KEY_HIDDEN)
HISTORY_KEY(hiddenbefore, KEY_HIDDENBEFORE)
HISTORY_KEY(hiddensince, KEY_HIDDENSINCE)

static const struct mail_search_register_arg own_keys[] = {
	{ "BEFORE", build_before },
	{ "ON", build_on },
	{ "SINCE", build_since },
	{ "SENTBEFORE", build_sentbefore },
	{ "SENTON", build_senton },
	{ "SENTSINCE", build_sentsince },
	{ "SAVEDBEFORE", build_savedbefore },
	{ "SAVEDON", build_savedon },
	{ "SAVEDSINCE", build_savedsince },
	{ "X-SAVEDBEFORE", build_savedbefore },
	{ "X-SAVEDON", build_savedon },
	{ "X-SAVEDSINCE", build_savedsince },

	{ "RETRIEVED", build_retrieved },
	{ "UNRETRIEVED", build_unretrieved },
	{ "RETRIEVEDBEFORE", build_retrievedbefore },
	{ "RETRIEVEDSINCE", build_retrievedsince },
	{ "HIDDEN", build_hidden },
	{ "HIDDENBEFORE", build_hiddenbefore },
	{ "HIDDENSINCE", build_hiddensince },
};

static const struct mail_search_register_arg *find_own_key(const char *key)
{
	unsigned int i;

	for (i = 0; i < N_ELEMENTS(own_keys); i++) {
		if (strcmp(own_keys[i].key, key) == 0)
			return &own_keys[i];
	}
	return NULL;
}

static bool is_left_out_key(const char *key)
{
	unsigned int i;

	for (i = 0; i < N_ELEMENTS(left_out_keys); i++) {
		if (strcmp(left_out_keys[i], key) == 0)
			return TRUE;
	}
	return FALSE;
}

/* Has only those keys that are among the words: collecting and sorting all of
   Dovecot's would cost more than most sessions' queries. */
static struct mail_search_register *
search_keys_register(const char *const *words)
{
	struct mail_search_register *reg = mail_search_register_init();
	const struct mail_search_register_arg *key;

	for (; *words != NULL; words++) {
		if (is_left_out_key(*words))
			continue;
		key = find_own_key(*words);
		if (key == NULL) {
			key = mail_search_register_find(
				mail_search_register_get_human(), *words);
		}
		if (key != NULL)
			mail_search_register_add(reg, key, 1);
	}
	/* Dovecot's fallback is not added: it takes "1:5" for a set of
	   sequence numbers. */
	return reg;
}

int search_keys_build(const char *const *words,
		      struct mail_search_args **args_r, const char **error_r)
{
	struct mail_search_register *reg = search_keys_register(words);
	struct mail_search_parser *parser;
	const char *charset = "UTF-8";
	int ret;

	parser = mail_search_parser_init_cmdline(words);
	ret = mail_search_build(reg, parser, &charset, args_r, error_r);
	mail_search_parser_deinit(&parser);
	mail_search_register_deinit(&reg);
	return ret;
}

bool search_keys_is_history(const struct mail_search_arg *arg)
{
	return arg->type == SEARCH_ALL && arg->context != NULL;
}

bool search_keys_history_matches(const struct mail_search_arg *arg,
				 const struct policy_message_facts *facts)
{
	const struct history_key *key = arg->context;

	switch (key->type) {
	case KEY_RETRIEVED:
		return facts->retrieved != 0;
	case KEY_UNRETRIEVED:
		return facts->history_known && !facts->sent &&
			facts->retrieved == 0;
	case KEY_RETRIEVEDBEFORE:
		return facts->retrieved != 0 && facts->retrieved < key->time;
	case KEY_RETRIEVEDSINCE:
		return facts->retrieved != 0 && facts->retrieved >= key->time;
	case KEY_HIDDEN:
		return facts->hidden;
	case KEY_HIDDENBEFORE:
		return facts->hidden && facts->hidden_since < key->time;
	case KEY_HIDDENSINCE:
		return facts->hidden && facts->hidden_since >= key->time;
	}
	i_unreached();
}

struct resolve_context {
	pool_t pool;
	struct history *history;
	struct mail_index_view *view;
	uint32_t seq;
	int64_t now;
};

static bool
resolve_matches(const struct resolve_context *ctx,
		const struct mail_search_arg *arg, uint32_t seq)
{
	struct policy_message_facts facts;

	i_zero(&facts);
	history_get_facts(ctx->history, ctx->view, seq, ctx->now, &facts);
	return search_keys_history_matches(arg, &facts);
}

static void
resolve_history(const struct resolve_context *ctx,
		const struct mail_search_arg *arg, struct mail_search_arg *copy)
{
	uint32_t seq, count;

	if (ctx->seq != 0) {
		if (!resolve_matches(ctx, arg, ctx->seq))
			copy->match_not = !copy->match_not;
		return;
	}
	copy->type = SEARCH_SEQSET;
	p_array_init(&copy->value.seqset, ctx->pool, 16);
	count = mail_index_view_get_messages_count(ctx->view);
	for (seq = 1; seq <= count; seq++) {
		if (resolve_matches(ctx, arg, seq))
			seq_range_array_add(&copy->value.seqset, seq);
	}
	if (array_is_empty(&copy->value.seqset)) {
		/* Dovecot has no empty sets */
		copy->type = SEARCH_ALL;
		copy->match_not = !copy->match_not;
	}
}

/* copy is what mail_search_args_dup() made of arg: it has the same shape, but
   the keys about history have become ALL. */
static void
resolve_args(const struct resolve_context *ctx,
	     const struct mail_search_arg *arg, struct mail_search_arg *copy)
{
	for (; arg != NULL; arg = arg->next, copy = copy->next) {
		if (search_keys_is_history(arg))
			resolve_history(ctx, arg, copy);
		else if (arg->type == SEARCH_SUB || arg->type == SEARCH_OR) {
			resolve_args(ctx, arg->value.subargs,
				     copy->value.subargs);
		}
	}
}

struct mail_search_args *
search_keys_resolve(const struct mail_search_args *args,
		    struct history *history, struct mail_index_view *view,
		    uint32_t seq, int64_t now)
{
	struct mail_search_args *copy = mail_search_args_dup(args);
	const struct resolve_context ctx = {
		.pool = copy->pool,
		.history = history,
		.view = view,
		.seq = seq,
		.now = now,
	};

	resolve_args(&ctx, args->args, copy->args);
	return copy;
}
