/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tokens.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *const keywords[] = {
	"and", "break", "do", "else", "elseif", "end", "false", "for",
	"function", "goto", "if", "in", "local", "nil", "not", "or", "repeat",
	"return", "then", "true", "until", "while", NULL
};
/* longer ones first */
static const char *const symbols[] = {
	"...", "..", "::", "==", "~=", "<=", ">=", "<<", ">>", "//", NULL
};

struct tokenizer {
	const char *at, *end;
	unsigned int line;
	struct token *tokens;
	size_t count, room;
};

static void
add_token(struct tokenizer *tokenizer, enum token_kind kind, const char *text,
	  size_t length)
{
	struct token *token;

	if (tokenizer->count == tokenizer->room) {
		tokenizer->room = tokenizer->room * 2 + 256;
		tokenizer->tokens = realloc(tokenizer->tokens,
			tokenizer->room * sizeof(*tokenizer->tokens));
		if (tokenizer->tokens == NULL)
			abort();
	}
	token = &tokenizer->tokens[tokenizer->count++];
	token->kind = kind;
	token->line = tokenizer->line;
	token->text = strndup(text, length);
	if (token->text == NULL)
		abort();
}

static void skip_to(struct tokenizer *tokenizer, const char *to)
{
	for (; tokenizer->at < to; tokenizer->at++) {
		if (*tokenizer->at == '\n')
			tokenizer->line++;
	}
}

/* [==[ at the front? Returns the end of what it brackets, or NULL. */
static const char *find_long_end(const struct tokenizer *tokenizer)
{
	const char *at = tokenizer->at, *close;
	size_t level;

	if (at == tokenizer->end || *at != '[')
		return NULL;
	for (at++; at < tokenizer->end && *at == '='; at++) ;
	level = (size_t)(at - tokenizer->at) - 1;
	if (at == tokenizer->end || *at != '[')
		return NULL;
	for (; at < tokenizer->end; at++) {
		if (*at != ']')
			continue;
		for (close = at + 1; close < tokenizer->end && *close == '=';
		     close++) ;
		if ((size_t)(close - at) - 1 == level &&
		    close < tokenizer->end && *close == ']')
			return close + 1;
	}
	return tokenizer->end;
}

static void read_comment(struct tokenizer *tokenizer)
{
	const char *end;

	tokenizer->at += 2;
	end = find_long_end(tokenizer);
	if (end == NULL) {
		end = memchr(tokenizer->at, '\n',
			     (size_t)(tokenizer->end - tokenizer->at));
		if (end == NULL)
			end = tokenizer->end;
	}
	skip_to(tokenizer, end);
}

static void read_quoted(struct tokenizer *tokenizer)
{
	const char *at = tokenizer->at + 1;

	for (; at < tokenizer->end && *at != *tokenizer->at; at++) {
		if (*at == '\\')
			at++;
	}
	add_token(tokenizer, TOKEN_STRING, tokenizer->at + 1,
		  (size_t)((at < tokenizer->end ? at : tokenizer->end) -
			   tokenizer->at - 1));
	skip_to(tokenizer, at < tokenizer->end ? at + 1 : tokenizer->end);
}

static void read_word(struct tokenizer *tokenizer)
{
	const char *start = tokenizer->at;
	const char *const *keyword;
	bool is_number = isdigit((unsigned char)*start) != 0;
	size_t length;

	while (tokenizer->at < tokenizer->end &&
	       (isalnum((unsigned char)*tokenizer->at) ||
		*tokenizer->at == '_' ||
		(is_number && *tokenizer->at == '.')))
		tokenizer->at++;
	length = (size_t)(tokenizer->at - start);
	if (is_number) {
		add_token(tokenizer, TOKEN_VALUE, "", 0);
		return;
	}
	for (keyword = keywords; *keyword != NULL; keyword++) {
		if (strlen(*keyword) == length &&
		    memcmp(*keyword, start, length) == 0)
			break;
	}
	add_token(tokenizer, *keyword != NULL ? TOKEN_KEYWORD : TOKEN_NAME,
		  start, length);
}

static void read_symbol(struct tokenizer *tokenizer)
{
	const char *const *symbol;
	size_t length = 1;

	for (symbol = symbols; *symbol != NULL; symbol++) {
		if ((size_t)(tokenizer->end - tokenizer->at) >=
		    strlen(*symbol) &&
		    memcmp(tokenizer->at, *symbol, strlen(*symbol)) == 0) {
			length = strlen(*symbol);
			break;
		}
	}
	add_token(tokenizer, TOKEN_SYMBOL, tokenizer->at, length);
	tokenizer->at += length;
}

struct token *tokens_parse(const char *text, size_t size)
{
	struct tokenizer tokenizer = {
		.at = text,
		.end = text + size,
		.line = 1,
	};
	const char *end;
	unsigned char c;

	if (size > 0 && *text == '#') {
		end = memchr(text, '\n', size);
		skip_to(&tokenizer, end == NULL ? text + size : end);
	}
	while (tokenizer.at < tokenizer.end) {
		c = (unsigned char)*tokenizer.at;
		end = find_long_end(&tokenizer);
		if (isspace(c) || c >= 0x80)
			skip_to(&tokenizer, tokenizer.at + 1);
		else if (c == '-' && tokenizer.at + 1 < tokenizer.end &&
			 tokenizer.at[1] == '-')
			read_comment(&tokenizer);
		else if (end != NULL) {
			add_token(&tokenizer, TOKEN_VALUE, "", 0);
			skip_to(&tokenizer, end);
		} else if (c == '"' || c == '\'')
			read_quoted(&tokenizer);
		else if (isalnum(c) || c == '_')
			read_word(&tokenizer);
		else
			read_symbol(&tokenizer);
	}
	add_token(&tokenizer, TOKEN_END, "", 0);
	return tokenizer.tokens;
}

void tokens_free(struct token **_tokens)
{
	struct token *token;

	for (token = *_tokens; token->kind != TOKEN_END; token++)
		free(token->text);
	free(token->text);
	free(*_tokens);
	*_tokens = NULL;
}

bool token_is(const struct token *token, const char *text)
{
	return (token->kind == TOKEN_SYMBOL || token->kind == TOKEN_KEYWORD) &&
		strcmp(token->text, text) == 0;
}
