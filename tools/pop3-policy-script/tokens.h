/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_TOKENS_H
#define POP3_POLICY_TOKENS_H

/*
 * Lua source that compiles, as words. Comments are left out; of strings and
 * numbers only their being there is kept.
 */

#include <stdbool.h>
#include <stddef.h>

enum token_kind {
	/* behind the last one */
	TOKEN_END = 0,
	TOKEN_NAME,
	TOKEN_KEYWORD,
	/* text is "" */
	TOKEN_VALUE,
	/* in quotes; text is what stands between them */
	TOKEN_STRING,
	/* one of the longest that Lua knows: "...", "==", "=" */
	TOKEN_SYMBOL,
};

struct token {
	enum token_kind kind;
	unsigned int line;
	char *text;
};

/* Returns allocated tokens; the last one is TOKEN_END. */
struct token *tokens_parse(const char *text, size_t size);
void tokens_free(struct token **tokens);
bool token_is(const struct token *token, const char *text);

#endif
