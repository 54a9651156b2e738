/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pop3-policy/policy.h"
#include "policy-query.h"
#include "policy-query-parser.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Dovecot builds and walks its search tree recursively; this is far more than
   a person can read and far less than a stack can take. */
#define QUERY_MAX_DEPTH 50

static int
parse_list(struct query_parser *parser, const struct token *open,
	   unsigned int depth);

/* after: the operator in front of it; not used where a term surely begins */
static int
parse_term(struct query_parser *parser, const struct token *after,
	   unsigned int depth)
{
	struct token token = parser->next;

	switch (token.type) {
	case TOKEN_ERROR:
		return -1;
	case TOKEN_END:
	case TOKEN_CLOSE:
		/* a query without any term is parse_list()'s to report */
		policy_errors_add(parser->errors, after->line, after->column,
			"expected something to look for behind this \"%.*s\"",
			TOKEN_SHOWN(after));
		return -1;
	case TOKEN_WORD:
	case TOKEN_OPEN:
		break;
	}
	if (query_token_is_operator(&token, "OR")) {
		return query_parser_error(parser, &token, "expected something to "
			"look for in front of \"or\"");
	}
	if (token.type == TOKEN_WORD && !query_token_is_operator(&token, "NOT"))
		return query_parse_key(parser);

	if (depth == QUERY_MAX_DEPTH) {
		policy_errors_add(parser->errors, token.line, token.column,
			"nested too deeply; expected at most %u levels of "
			"\"not\" and parentheses", QUERY_MAX_DEPTH);
		return -1;
	}
	if (token.type == TOKEN_OPEN) {
		if (query_parser_add_word(parser, &token, "(", 1) == NULL)
			return -1;
		query_token_read(parser);
		return parse_list(parser, &token, depth + 1);
	}
	if (query_parser_add_word(parser, &token, "NOT", 3) == NULL)
		return -1;
	query_token_read(parser);
	if (parse_term(parser, &token, depth + 1) < 0)
		return -1;
	parser->age_secs = 0;
	return 0;
}

/* open: its opening parenthesis, NULL for the query as a whole */
static int
parse_list(struct query_parser *parser, const struct token *open,
	   unsigned int depth)
{
	enum { LIST_OPEN, LIST_AND, LIST_OR } kind = LIST_OPEN;
	bool empty = true, is_or;
	struct token token;
	int64_t age_secs = 0;

	for (;; empty = false) {
		token = parser->next;
		if (token.type == TOKEN_ERROR)
			return -1;
		if (token.type == TOKEN_END || token.type == TOKEN_CLOSE)
			break;

		is_or = query_token_is_operator(&token, "OR");
		if (!empty) {
			if (kind == (is_or ? LIST_AND : LIST_OR)) {
				return query_parser_error(parser, &token,
					"expected parentheses where \"or\" and "
					"conditions side by side (\"and\") "
					"are mixed");
			}
			kind = is_or ? LIST_OR : LIST_AND;
		}
		if (!empty && is_or) {
			if (query_parser_add_word(parser, &token, "OR", 2) == NULL)
				return -1;
			query_token_read(parser);
		}
		if (parse_term(parser, &token, depth) < 0)
			return -1;
		/* of all that must match the oldest counts, of others the
		   youngest */
		if (empty || (parser->age_secs < age_secs) ==
		    (kind == LIST_OR))
			age_secs = parser->age_secs;
	}
	parser->age_secs = age_secs;

	if (token.type == TOKEN_CLOSE && open == NULL) {
		return query_parser_error(parser, &token,
			"there is no \"(\" for this \")\"");
	}
	if (empty) {
		return query_parser_error(parser, open != NULL ? open : &token,
			open != NULL ? "expected something to look for "
			"between \"(\" and \")\"" :
			"the query is missing; expected something to look "
			"for, or \"all\"");
	}
	if (open == NULL)
		return 0;
	if (token.type == TOKEN_END) {
		return query_parser_error(parser, open,
			"expected a \")\" for this \"(\"");
	}
	if (query_parser_add_word(parser, &token, ")", 1) == NULL)
		return -1;
	query_token_read(parser);
	return 0;
}

/* The pieces without blanks at their ends, joined by one blank each. */
static const char *
join_pieces(struct policy_arena *arena, const struct policy_piece *pieces,
	    size_t count, struct policy_piece *first_r)
{
	struct policy_piece piece;
	size_t i, size = 1, length = 0;
	char *text;

	for (i = 0; i < count; i++)
		size += pieces[i].length + 1;
	text = policy_arena_new(arena, size, 1);
	if (text == NULL)
		return NULL;
	for (i = 0; i < count; i++) {
		piece = pieces[i];
		policy_piece_trim(&piece);
		if (piece.length == 0)
			continue;
		if (length == 0)
			*first_r = piece;
		else
			text[length++] = ' ';
		memcpy(text + length, piece.data, piece.length);
		length += piece.length;
	}
	return text;
}

int policy_query_compile(struct policy_arena *arena,
			 struct policy_errors *errors,
			 const struct policy_piece *pieces, size_t count,
			 struct policy_query *query_r)
{
	struct query_parser parser = {
		.arena = arena,
		.errors = errors,
		.piece = pieces[0],
		.pieces = pieces + 1,
		.pieces_left = count - 1,
		.query = query_r,
	};
	struct policy_piece first = pieces[0];

	memset(query_r, 0, sizeof(*query_r));
	query_r->text = join_pieces(arena, pieces, count, &first);
	if (query_r->text == NULL) {
		policy_errors_add_no_memory(errors);
		return -1;
	}
	query_r->line = first.line;
	query_r->column = first.column;

	query_token_read(&parser);
	if (parse_list(&parser, NULL, 0) < 0)
		return -1;
	query_r->min_age_secs = parser.age_secs;
	query_r->is_all = query_r->words_count == 1 &&
		strcmp(query_r->words[0].text, "ALL") == 0;
	return 0;
}

struct lone_query {
	/* first, so that the one pointer leads to the other */
	struct policy_query query;
	struct policy_arena *arena;
};

int policy_query_parse(const char *text, struct policy_query **query_r,
		       unsigned int *column_r, const char **error_r)
{
	static char error_text[512];
	struct policy_errors errors = { 0 };
	struct policy_piece piece = {
		.data = text,
		.length = strlen(text),
		.line = 1,
		.column = 1,
	};
	struct lone_query *lone = NULL;
	struct policy_arena *arena;
	const char *bad;
	size_t offset;

	*query_r = NULL;
	arena = policy_arena_create();
	if (arena != NULL)
		lone = policy_arena_new(arena, 1, sizeof(*lone));
	bad = policy_text_find_bad(text, piece.length, false, &offset);
	if (lone == NULL)
		policy_errors_add_no_memory(&errors);
	else if (bad != NULL) {
		policy_errors_add(&errors, 1, (unsigned int)offset + 1,
				  "%s", bad);
	} else if (policy_query_compile(arena, &errors, &piece, 1,
					&lone->query) == 0) {
		lone->arena = arena;
		*query_r = &lone->query;
		return 0;
	}

	*column_r = errors.count > 0 ? errors.items[0].column : 1;
	snprintf(error_text, sizeof(error_text), "%s", errors.count > 0 ?
		 errors.items[0].text : "Out of memory");
	*error_r = error_text;
	policy_errors_deinit(&errors);
	policy_arena_free(&arena);
	return -1;
}

void policy_query_free(struct policy_query **_query)
{
	struct policy_query *query = *_query;
	struct policy_arena *arena;

	*_query = NULL;
	if (query == NULL)
		return;
	arena = ((struct lone_query *)query)->arena;
	policy_arena_free(&arena);
}
