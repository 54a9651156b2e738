/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_POLICY_QUERY_PARSER_H
#define POP3_POLICY_POLICY_QUERY_PARSER_H

/*
 * The parser of queries, from the inside: tokens, keys with their arguments
 * and the grammar have a file each.
 */

#include "pop3-policy/query.h"
#include "arena.h"
#include "policy-error.h"
#include "policy-text.h"

enum token_type {
	TOKEN_END,
	TOKEN_WORD,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	/* was reported */
	TOKEN_ERROR,
};

struct token {
	enum token_type type;
	/* A quoted word is never a key, an operator or a parenthesis. */
	bool quoted;
	/* quotes removed; in the arena if it was quoted, else a piece */
	const char *text;
	size_t length;
	unsigned int line, column;
};

/* for "%.*s" */
#define TOKEN_SHOWN(token) \
	policy_text_shown((token)->text, (token)->length), (token)->text

struct query_parser {
	struct policy_arena *arena;
	struct policy_errors *errors;

	/* what is left of the current line, and the lines behind it */
	struct policy_piece piece;
	const struct policy_piece *pieces;
	size_t pieces_left;

	/* read, but not consumed yet */
	struct token next;

	struct policy_query *query;
	struct policy_query_word *words;
	size_t words_room;
	/* min_age_secs of the key, term or list that was parsed last */
	int64_t age_secs;
};

/* Read the next token into parser->next. */
void query_token_read(struct query_parser *parser);
/* Is it this word ("OR"), not quoted? */
bool query_token_is_operator(const struct token *token, const char *name);

/* Report an error at the token. Returns -1. */
int query_parser_error(struct query_parser *parser, const struct token *token,
		       const char *text);
/* Returns the new word of the query with its place, or NULL if there is no
   memory. */
struct policy_query_word *
query_parser_add_word(struct query_parser *parser, const struct token *token,
		      const char *text, size_t length);

/* parser->next is a word: take it and its arguments. Returns 0, or -1 after
   reporting an error. */
int query_parse_key(struct query_parser *parser);

#endif
