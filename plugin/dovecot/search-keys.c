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

enum history_key {
	KEY_RETRIEVED,
	KEY_UNRETRIEVED,
	KEY_RETRIEVEDBEFORE,
	KEY_RETRIEVEDSINCE,
	KEY_HIDDEN,
	KEY_HIDDENBEFORE,
	KEY_HIDDENSINCE,
};

/* Other mailboxes, other messages, numbers that change their meaning, and
   times that are fixed before a query is evaluated. */
static const char *const left_out_keys[] = {
	"MAILBOX", "MAILBOX-GUID", "X-MAILBOX", "OLDESTONLY", "INTHREAD",
	"UID", "X-REAL-UID", "MODSEQ", "$", "OLDER", "YOUNGER", NULL
};

static struct mail_search_register *keys_register;

/* mail_search_build() passes no context to a key; set only while it runs. */
static const struct search_keys_scope *build_scope;

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

static bool
history_key_matches(enum history_key key,
		    const struct policy_message_facts *facts, int64_t time)
{
	switch (key) {
	case KEY_RETRIEVED:
		return facts->retrieved != 0;
	case KEY_UNRETRIEVED:
		return facts->history_known && !facts->sent &&
			facts->retrieved == 0;
	case KEY_RETRIEVEDBEFORE:
		return facts->retrieved != 0 && facts->retrieved < time;
	case KEY_RETRIEVEDSINCE:
		return facts->retrieved != 0 && facts->retrieved >= time;
	case KEY_HIDDEN:
		return facts->hidden;
	case KEY_HIDDENBEFORE:
		return facts->hidden && facts->hidden_since < time;
	case KEY_HIDDENSINCE:
		return facts->hidden && facts->hidden_since >= time;
	}
	i_unreached();
}

static bool history_key_matches_seq(enum history_key key, uint32_t seq,
				    int64_t time)
{
	const struct search_keys_scope *scope = build_scope;
	struct policy_message_facts facts;

	i_zero(&facts);
	history_get_facts(scope->history, scope->view, seq, scope->now, &facts);
	return history_key_matches(key, &facts, time);
}

/* Midnight in the server's time zone. */
static time_t day_to_local_midnight(time_t day)
{
	struct tm tm = *gmtime(&day);

	tm.tm_isdst = -1;
	return mktime(&tm);
}

static struct mail_search_arg *
build_history(struct mail_search_build_context *ctx, enum history_key key)
{
	struct mail_search_arg *arg;
	uint32_t seq, count;
	time_t time = 0;
	bool is_day;

	switch (key) {
	case KEY_RETRIEVEDBEFORE:
	case KEY_RETRIEVEDSINCE:
	case KEY_HIDDENBEFORE:
	case KEY_HIDDENSINCE:
		if (!parse_time(ctx, &time, &is_day))
			return NULL;
		if (is_day)
			time = day_to_local_midnight(time);
		break;
	default:
		break;
	}

	arg = mail_search_build_new(ctx, SEARCH_ALL);
	if (build_scope == NULL) {
		/* only a check */
	} else if (build_scope->seq != 0) {
		arg->match_not =
			!history_key_matches_seq(key, build_scope->seq, time);
	} else {
		arg->type = SEARCH_SEQSET;
		p_array_init(&arg->value.seqset, ctx->pool, 16);
		count = mail_index_view_get_messages_count(build_scope->view);
		for (seq = 1; seq <= count; seq++) {
			if (history_key_matches_seq(key, seq, time)) {
				seq_range_array_add(&arg->value.seqset, seq);
			}
		}
		if (array_is_empty(&arg->value.seqset)) {
			/* Dovecot has no empty sets */
			arg->type = SEARCH_ALL;
			arg->match_not = TRUE;
		}
	}
	return arg;
}

#define HISTORY_KEY(name, key) \
static struct mail_search_arg * \
build_##name(struct mail_search_build_context *ctx) \
{ \
	return build_history(ctx, key); \
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

static bool is_own_key(const char *key)
{
	unsigned int i;

	for (i = 0; i < N_ELEMENTS(own_keys); i++) {
		if (strcmp(own_keys[i].key, key) == 0)
			return TRUE;
	}
	return FALSE;
}

static struct mail_search_register *search_keys_register(void)
{
	const struct mail_search_register_arg *args;
	unsigned int i, count;

	if (keys_register != NULL)
		return keys_register;

	keys_register = mail_search_register_init();
	args = mail_search_register_get(mail_search_register_get_human(),
					&count);
	for (i = 0; i < count; i++) {
		if (!str_array_find(left_out_keys, args[i].key) &&
		    !is_own_key(args[i].key))
			mail_search_register_add(keys_register, &args[i], 1);
	}
	mail_search_register_add(keys_register, own_keys,
				 N_ELEMENTS(own_keys));
	/* Dovecot's fallback is not added: it takes "1:5" for a set of
	   sequence numbers. */
	return keys_register;
}

int search_keys_build(const struct search_keys_scope *scope,
		      const char *const *words,
		      struct mail_search_args **args_r, const char **error_r)
{
	struct mail_search_parser *parser;
	const char *charset = "UTF-8";
	int ret;

	parser = mail_search_parser_init_cmdline(words);
	build_scope = scope;
	ret = mail_search_build(search_keys_register(), parser, &charset,
				args_r, error_r);
	build_scope = NULL;
	mail_search_parser_deinit(&parser);
	return ret;
}

void search_keys_deinit(void)
{
	if (keys_register != NULL)
		mail_search_register_deinit(&keys_register);
}
