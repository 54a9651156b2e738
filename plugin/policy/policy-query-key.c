/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy-query-parser.h"
#include "policy-value.h"

#include <stdio.h>
#include <string.h>

enum query_argument {
	ARGUMENT_NONE,
	/* free text, not empty */
	ARGUMENT_TEXT,
	/* header name and text, which may be empty */
	ARGUMENT_HEADER,
	ARGUMENT_KEYWORD,
	/* date or interval */
	ARGUMENT_TIME,
	ARGUMENT_DATE,
	ARGUMENT_SIZE,
};

enum query_uses {
	USES_HISTORY = 0x01,
	USES_HIDDEN = 0x02,
	USES_FLAGS = 0x04,
	USES_CONTENT = 0x08,
	/* What matches has been in the mailbox for the argument's time.
	   Received and sent dates may be anything. */
	IS_AGE = 0x10,
};

/* Texts of tables stand in them: each pointer would have to be relocated in
   every process that loads them, into memory of its own. */
struct query_key {
	char name[20];
	enum query_argument argument;
	unsigned int uses;
	enum policy_clock clock;
};

static const struct query_key query_keys[] = {
	{ "ALL", ARGUMENT_NONE, 0, 0 },

	{ "ANSWERED", ARGUMENT_NONE, USES_FLAGS, 0 },
	{ "UNANSWERED", ARGUMENT_NONE, USES_FLAGS, 0 },
	{ "DELETED", ARGUMENT_NONE, USES_FLAGS, 0 },
	{ "UNDELETED", ARGUMENT_NONE, USES_FLAGS, 0 },
	{ "DRAFT", ARGUMENT_NONE, USES_FLAGS, 0 },
	{ "UNDRAFT", ARGUMENT_NONE, USES_FLAGS, 0 },
	{ "FLAGGED", ARGUMENT_NONE, USES_FLAGS, 0 },
	{ "UNFLAGGED", ARGUMENT_NONE, USES_FLAGS, 0 },
	{ "SEEN", ARGUMENT_NONE, USES_FLAGS, 0 },
	{ "UNSEEN", ARGUMENT_NONE, USES_FLAGS, 0 },
	{ "KEYWORD", ARGUMENT_KEYWORD, USES_FLAGS, 0 },
	{ "UNKEYWORD", ARGUMENT_KEYWORD, USES_FLAGS, 0 },

	{ "BEFORE", ARGUMENT_TIME, 0, POLICY_CLOCK_RECEIVED },
	{ "ON", ARGUMENT_DATE, 0, 0 },
	{ "SINCE", ARGUMENT_TIME, 0, POLICY_CLOCK_RECEIVED },
	{ "SENTBEFORE", ARGUMENT_TIME, USES_CONTENT, POLICY_CLOCK_SENT },
	{ "SENTON", ARGUMENT_DATE, USES_CONTENT, 0 },
	{ "SENTSINCE", ARGUMENT_TIME, USES_CONTENT, POLICY_CLOCK_SENT },
	{ "SAVEDBEFORE", ARGUMENT_TIME, IS_AGE, POLICY_CLOCK_SAVED },
	{ "SAVEDON", ARGUMENT_DATE, 0, 0 },
	{ "SAVEDSINCE", ARGUMENT_TIME, 0, POLICY_CLOCK_SAVED },

	{ "LARGER", ARGUMENT_SIZE, 0, 0 },
	{ "SMALLER", ARGUMENT_SIZE, 0, 0 },
	{ "GUID", ARGUMENT_TEXT, 0, 0 },

	{ "BCC", ARGUMENT_TEXT, USES_CONTENT, 0 },
	{ "CC", ARGUMENT_TEXT, USES_CONTENT, 0 },
	{ "FROM", ARGUMENT_TEXT, USES_CONTENT, 0 },
	{ "TO", ARGUMENT_TEXT, USES_CONTENT, 0 },
	{ "SUBJECT", ARGUMENT_TEXT, USES_CONTENT, 0 },
	{ "HEADER", ARGUMENT_HEADER, USES_CONTENT, 0 },
	{ "BODY", ARGUMENT_TEXT, USES_CONTENT, 0 },
	{ "TEXT", ARGUMENT_TEXT, USES_CONTENT, 0 },

	{ "RETRIEVED", ARGUMENT_NONE, USES_HISTORY, 0 },
	{ "UNRETRIEVED", ARGUMENT_NONE, USES_HISTORY, 0 },
	{ "RETRIEVEDBEFORE", ARGUMENT_TIME, USES_HISTORY | IS_AGE,
	  POLICY_CLOCK_RETRIEVED },
	{ "RETRIEVEDSINCE", ARGUMENT_TIME, USES_HISTORY,
	  POLICY_CLOCK_RETRIEVED },
	{ "HIDDEN", ARGUMENT_NONE, USES_HIDDEN, 0 },
	{ "HIDDENBEFORE", ARGUMENT_TIME, USES_HIDDEN | IS_AGE,
	  POLICY_CLOCK_HIDDEN },
	{ "HIDDENSINCE", ARGUMENT_TIME, USES_HIDDEN, POLICY_CLOCK_HIDDEN },
};
#define QUERY_KEYS_COUNT (sizeof(query_keys) / sizeof(query_keys[0]))

/* Keys that doveadm-search-query(7) has and a rule can't use. */
static const struct {
	char name[20];
	char why[44];
} refused_keys[] = {
	{ "MAILBOX", "a policy is about the INBOX only" },
	{ "MAILBOX-GUID", "a policy is about the INBOX only" },
	{ "X-MAILBOX", "a policy is about the INBOX only" },
	{ "UID", "a policy does not name single messages" },
	{ "X-REAL-UID", "a policy does not name single messages" },
	{ "$", "a policy does not name single messages" },
	{ "MODSEQ", "a policy does not name single changes" },
	{ "INTHREAD", "a policy looks at each message alone" },
	{ "OLDESTONLY", "a policy looks at each message alone" },
	{ "OLDER", "use BEFORE with a time, like: before 30d" },
	{ "YOUNGER", "use SINCE with a time, like: since 30d" },
	{ "RECENT", "it depends on which session looks first" },
	{ "NEW", "it depends on which session looks first" },
	{ "OLD", "it depends on which session looks first" },
	{ "FUZZY", "a policy must not guess" },
	{ "MIMEPART", "the parts of a message can't be asked for" },
	{ "SAVEDATESUPPORTED", "it says nothing about a message" },
	{ "X-SAVEDBEFORE", "use SAVEDBEFORE" },
	{ "X-SAVEDON", "use SAVEDON" },
	{ "X-SAVEDSINCE", "use SAVEDSINCE" },
	{ "X-GUID", "use GUID" },
};

int query_parser_error(struct query_parser *parser, const struct token *token,
	     const char *text)
{
	policy_errors_add(parser->errors, token->line, token->column,
			  "%s", text);
	return -1;
}

struct policy_query_word *
query_parser_add_word(struct query_parser *parser, const struct token *token,
		const char *text, size_t length)
{
	struct policy_query *query = parser->query;
	struct policy_query_word *word;
	void *words = parser->words;
	char *copy;

	copy = policy_arena_strndup(parser->arena, text, length);
	if (copy == NULL ||
	    policy_arena_grow(parser->arena, &words, &parser->words_room,
			      query->words_count + 1, sizeof(*word)) < 0) {
		policy_errors_add_no_memory(parser->errors);
		return NULL;
	}
	parser->words = words;
	query->words = words;
	word = &parser->words[query->words_count++];
	word->text = copy;
	word->line = token->line;
	word->column = token->column;
	return word;
}

static const struct query_key *query_key_find(const struct token *token)
{
	size_t i;

	for (i = 0; i < QUERY_KEYS_COUNT; i++) {
		if (policy_ascii_equals(token->text, token->length,
					query_keys[i].name,
					strlen(query_keys[i].name)))
			return &query_keys[i];
	}
	return NULL;
}

static int
parse_unknown_key(struct query_parser *parser, const struct token *token)
{
	struct policy_nearest nearest = {
		.text = token->text,
		.length = token->length,
	};
	size_t i;

	for (i = 0; i < sizeof(refused_keys) / sizeof(refused_keys[0]); i++) {
		if (!policy_ascii_equals(token->text, token->length,
					 refused_keys[i].name,
					 strlen(refused_keys[i].name)))
			continue;
		policy_errors_add(parser->errors, token->line, token->column,
			"%s can't be used in a policy: %s",
			refused_keys[i].name, refused_keys[i].why);
		return -1;
	}
	if (token->text[0] == '#') {
		return query_parser_error(parser, token, "expected a search key; a "
			"comment begins at the start of its line");
	}
	if (token->text[0] == '*' ||
	    (token->text[0] >= '0' && token->text[0] <= '9')) {
		policy_errors_add(parser->errors, token->line, token->column,
			"expected a search key instead of \"%.*s\"; a policy "
			"does not name messages by number",
			TOKEN_SHOWN(token));
		return -1;
	}
	for (i = 0; i < QUERY_KEYS_COUNT; i++)
		policy_nearest_try(&nearest, query_keys[i].name);
	policy_nearest_try(&nearest, "NOT");
	policy_nearest_try(&nearest, "OR");
	if (nearest.word != NULL) {
		policy_errors_add(parser->errors, token->line, token->column,
			"unknown search key \"%.*s\"; did you mean %s?",
			TOKEN_SHOWN(token), nearest.word);
	} else {
		policy_errors_add(parser->errors, token->line, token->column,
			"unknown search key \"%.*s\"; expected one like ALL, "
			"FROM, SAVEDBEFORE or RETRIEVED",
			TOKEN_SHOWN(token));
	}
	return -1;
}

/* Takes the argument of a key, without judging it. */
static int
parse_argument_word(struct query_parser *parser, const struct token *key,
		    const char *key_name, const char *expected,
		    struct token *argument_r)
{
	*argument_r = parser->next;
	if (parser->next.type == TOKEN_ERROR)
		return -1;
	if (parser->next.type == TOKEN_END) {
		policy_errors_add(parser->errors, key->line, key->column,
				  "%s needs an argument; expected %s behind it",
				  key_name, expected);
		return -1;
	}
	if (parser->next.type != TOKEN_WORD ||
	    query_token_is_operator(&parser->next, "OR") ||
	    query_token_is_operator(&parser->next, "NOT")) {
		policy_errors_add(parser->errors, parser->next.line,
			parser->next.column,
			"%s needs an argument; expected %s "
			"instead of %.*s (or put it into quotes)",
			key_name, expected, TOKEN_SHOWN(&parser->next));
		return -1;
	}
	query_token_read(parser);
	return 0;
}

static bool text_is_blank(const struct token *token)
{
	struct policy_piece piece = {
		.data = token->text,
		.length = token->length,
	};
	return policy_piece_is_blank(&piece);
}

/* A keyword that IMAP can't set is on no message (RFC 3501: atom). */
static bool is_keyword(const struct token *token)
{
	size_t i;

	for (i = 0; i < token->length; i++) {
		if ((unsigned char)token->text[i] <= ' ' ||
		    (unsigned char)token->text[i] >= 0x7F ||
		    memchr("(){%*\"\\]", token->text[i], 8) != NULL)
			return false;
	}
	return token->length > 0;
}

/* RFC 5322 2.2: printable ASCII without the colon */
static bool is_header_name(const struct token *token)
{
	size_t i;

	for (i = 0; i < token->length; i++) {
		if ((unsigned char)token->text[i] <= ' ' ||
		    (unsigned char)token->text[i] >= 0x7F ||
		    token->text[i] == ':')
			return false;
	}
	return token->length > 0;
}

static int
parse_text(struct query_parser *parser, const struct token *token,
	   const struct query_key *key)
{
	struct token argument;

	if (parse_argument_word(parser, token, key->name, "a text",
				&argument) < 0)
		return -1;
	if (text_is_blank(&argument)) {
		return query_parser_error(parser, &argument,
			"this text is empty; expected something to look for");
	}
	return query_parser_add_word(parser, &argument, argument.text,
			       argument.length) == NULL ? -1 : 0;
}

static int
parse_header(struct query_parser *parser, const struct token *token,
	     const struct query_key *key)
{
	struct token argument;

	if (parse_argument_word(parser, token, key->name,
				"the name of a header field", &argument) < 0)
		return -1;
	if (!is_header_name(&argument)) {
		return query_parser_error(parser, &argument, "expected the name of "
			"a header field: ASCII without blanks and colon");
	}
	if (query_parser_add_word(parser, &argument, argument.text,
			    argument.length) == NULL)
		return -1;
	if (parse_argument_word(parser, token, key->name,
				"the name of a header field and a text (\"\" "
				"for any)", &argument) < 0)
		return -1;
	if (argument.length > 0 && text_is_blank(&argument)) {
		return query_parser_error(parser, &argument, "this text is only "
			"blanks; expected something to look for, or \"\"");
	}
	return query_parser_add_word(parser, &argument, argument.text,
			       argument.length) == NULL ? -1 : 0;
}

static int
parse_keyword(struct query_parser *parser, const struct token *token,
	      const struct query_key *key)
{
	struct policy_query_word *word;
	struct token argument;

	if (parse_argument_word(parser, token, key->name, "a keyword",
				&argument) < 0)
		return -1;
	if (!is_keyword(&argument)) {
		return query_parser_error(parser, &argument, argument.length > 0 &&
			argument.text[0] == '\\' ?
			"a keyword does not begin with a backslash; expected "
			"a key like SEEN or FLAGGED for a flag" :
			"no message can have this keyword; expected ASCII "
			"letters, digits and signs other than ( ) { % * \" \\ ]");
	}
	word = query_parser_add_word(parser, &argument, argument.text,
			       argument.length);
	if (word == NULL)
		return -1;
	word->is_keyword = true;
	return 0;
}

static int
parse_time(struct query_parser *parser, const struct token *token,
	   const struct query_key *key)
{
	bool with_interval = key->argument == ARGUMENT_TIME;
	struct policy_query_word *word;
	char date[POLICY_DATE_BYTES];
	struct token argument;
	const char *error;
	int64_t secs = 0;

	if (parse_argument_word(parser, token, key->name, with_interval ?
				"a time like 30d or a date like 2024-12-31" :
				"a date like 2024-12-31", &argument) < 0)
		return -1;

	if (!with_interval ||
	    policy_value_is_date(argument.text, argument.length)) {
		error = policy_value_date(argument.text, argument.length, date);
		if (error != NULL)
			return query_parser_error(parser, &argument, error);
		return query_parser_add_word(parser, &argument, date,
				       strlen(date)) == NULL ? -1 : 0;
	}
	error = policy_value_time(argument.text, argument.length, &secs);
	if (error != NULL)
		return query_parser_error(parser, &argument, error);
	word = query_parser_add_word(parser, &argument, argument.text,
			       argument.length);
	if (word == NULL)
		return -1;
	word->is_interval = true;
	word->interval_secs = secs;
	word->clock = key->clock;
	parser->query->uses_clock = true;
	if ((key->uses & IS_AGE) != 0)
		parser->age_secs = secs;
	return 0;
}

static int
parse_size(struct query_parser *parser, const struct token *token,
	   const struct query_key *key)
{
	struct token argument;
	const char *error;
	uint64_t bytes;

	if (parse_argument_word(parser, token, key->name, "a size like 20M",
				&argument) < 0)
		return -1;
	error = policy_value_size(argument.text, argument.length, &bytes);
	if (error != NULL)
		return query_parser_error(parser, &argument, error);
	return query_parser_add_word(parser, &argument, argument.text,
			       argument.length) == NULL ? -1 : 0;
}

int query_parse_key(struct query_parser *parser)
{
	struct policy_query *query = parser->query;
	struct token token = parser->next;
	const struct query_key *key;

	if (token.quoted) {
		return query_parser_error(parser, &token, "expected a search key, "
			"which is written without quotes");
	}
	key = query_key_find(&token);
	if (key == NULL)
		return parse_unknown_key(parser, &token);
	if (query_parser_add_word(parser, &token, key->name,
			    strlen(key->name)) == NULL)
		return -1;
	query_token_read(parser);
	parser->age_secs = 0;

	if ((key->uses & USES_HISTORY) != 0)
		query->uses_history = true;
	if ((key->uses & USES_HIDDEN) != 0)
		query->uses_hidden = true;
	if ((key->uses & USES_FLAGS) != 0)
		query->uses_flags = true;
	if ((key->uses & USES_CONTENT) != 0)
		query->uses_content = true;

	switch (key->argument) {
	case ARGUMENT_NONE:
		return 0;
	case ARGUMENT_TEXT:
		return parse_text(parser, &token, key);
	case ARGUMENT_HEADER:
		return parse_header(parser, &token, key);
	case ARGUMENT_KEYWORD:
		return parse_keyword(parser, &token, key);
	case ARGUMENT_TIME:
	case ARGUMENT_DATE:
		return parse_time(parser, &token, key);
	case ARGUMENT_SIZE:
		return parse_size(parser, &token, key);
	}
	return -1;
}
