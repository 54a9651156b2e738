/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy-query-parser.h"

#include <string.h>

static const char word_end_chars[] = " \t()\"'\\";

static bool is_word_end(char c)
{
	/* not strchr(): it would find a NUL */
	return memchr(word_end_chars, c, sizeof(word_end_chars) - 1) != NULL;
}

static void
token_read_error(struct query_parser *parser, size_t offset, const char *text)
{
	policy_errors_add(parser->errors, parser->piece.line,
			  parser->piece.column + (unsigned int)offset,
			  "%s", text);
	parser->next.type = TOKEN_ERROR;
}

static void token_read_quoted(struct query_parser *parser)
{
	struct policy_piece *piece = &parser->piece;
	char quote = piece->data[0];
	size_t i, length = 0;
	char *text;

	text = policy_arena_new(parser->arena, piece->length, 1);
	if (text == NULL) {
		policy_errors_add_no_memory(parser->errors);
		parser->next.type = TOKEN_ERROR;
		return;
	}
	for (i = 1; i < piece->length && piece->data[i] != quote; i++) {
		if (quote == '"' && piece->data[i] == '\\') {
			if (i + 1 == piece->length ||
			    (piece->data[i + 1] != '"' &&
			     piece->data[i + 1] != '\\')) {
				token_read_error(parser, i,
					"expected \\\" or \\\\ after a "
					"backslash between double quotes");
				return;
			}
			i++;
		}
		text[length++] = piece->data[i];
	}
	if (i == piece->length) {
		token_read_error(parser, 0, "this quote is not closed on its "
				 "line; expected another one behind the word");
		return;
	}
	i++;
	if (i < piece->length && !policy_is_blank(piece->data[i]) &&
	    piece->data[i] != '(' && piece->data[i] != ')') {
		token_read_error(parser, i, "expected a blank behind the "
				 "closing quote");
		return;
	}
	parser->next.type = TOKEN_WORD;
	parser->next.quoted = true;
	parser->next.text = text;
	parser->next.length = length;
	policy_piece_skip(piece, i);
}

static void token_read_plain(struct query_parser *parser)
{
	struct policy_piece *piece = &parser->piece;
	size_t i = 0;

	while (i < piece->length && !is_word_end(piece->data[i]))
		i++;
	if (i < piece->length &&
	    (piece->data[i] == '"' || piece->data[i] == '\'' ||
	     piece->data[i] == '\\')) {
		token_read_error(parser, i, "quote or backslash inside a word; "
			"expected quotes around the whole word");
		return;
	}
	parser->next.type = TOKEN_WORD;
	parser->next.text = piece->data;
	parser->next.length = i;
	policy_piece_skip(piece, i);
}

void query_token_read(struct query_parser *parser)
{
	struct policy_piece *piece = &parser->piece;

	memset(&parser->next, 0, sizeof(parser->next));
	for (;;) {
		policy_piece_trim(piece);
		if (piece->length > 0)
			break;
		if (parser->pieces_left == 0) {
			parser->next.line = piece->line;
			parser->next.column = piece->column;
			parser->next.type = TOKEN_END;
			return;
		}
		*piece = *parser->pieces++;
		parser->pieces_left--;
	}
	parser->next.line = piece->line;
	parser->next.column = piece->column;

	switch (piece->data[0]) {
	case '(':
	case ')':
		parser->next.type = piece->data[0] == '(' ?
			TOKEN_OPEN : TOKEN_CLOSE;
		parser->next.text = piece->data;
		parser->next.length = 1;
		policy_piece_skip(piece, 1);
		break;
	case '"':
	case '\'':
		token_read_quoted(parser);
		break;
	default:
		token_read_plain(parser);
		break;
	}
}

bool query_token_is_operator(const struct token *token, const char *name)
{
	return token->type == TOKEN_WORD && !token->quoted &&
		policy_ascii_equals(token->text, token->length,
				    name, strlen(name));
}
