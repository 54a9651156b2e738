/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_QUERY_H
#define POP3_POLICY_QUERY_H

/*
 * A rule's condition: Dovecot's search language (doveadm-search-query(7))
 * less what makes no sense for one mailbox, plus the plugin's own keys about
 * retrieval and hiding. The core checks the grammar strictly, with line and
 * column, and knows what a query depends on; whether it matches a message is
 * found out by an adapter in Dovecot's own search tree, from the words below.
 *
 * Grammar: query = term { term } | term { "or" term }
 *          term  = "not" term | "(" query ")" | key { argument }
 * AND and OR do not mix without parentheses. Keys are ASCII case-insensitive.
 * Words are separated by blanks; "..." (\" and \\ inside) and '...' quote a
 * whole word, which then is an argument and nothing else.
 * The memory belongs to the policy that the query was loaded with.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a relative time in a query is measured against. */
enum policy_clock {
	POLICY_CLOCK_SAVED,	/* savedbefore, savedsince */
	POLICY_CLOCK_RECEIVED,	/* before, since */
	POLICY_CLOCK_SENT,	/* sentbefore, sentsince: the Date: header */
	POLICY_CLOCK_RETRIEVED,	/* retrievedbefore, retrievedsince */
	POLICY_CLOCK_HIDDEN,	/* hiddenbefore, hiddensince */
};

struct policy_query_word {
	/* The word with its quotes removed. Keys, NOT and OR are upper case,
	   dates have IMAP's form "31-Dec-2024" however they were written. Never
	   NULL; may be "(" or an operator's name where it is an argument. */
	const char *text;
	/* It names a keyword: the argument of KEYWORD or UNKEYWORD. */
	bool is_keyword;
	/* A relative time ("30d", at most 4294967295 seconds): the adapter
	   passes on the Unix time now - interval_secs (0 where that would be
	   negative) instead of text. */
	bool is_interval;
	int64_t interval_secs;
	enum policy_clock clock;
	/* Where the word begins, both counted from 1; the column in bytes. */
	unsigned int line, column;
};

struct policy_query {
	/* As it was written, continuation lines joined by one space. */
	const char *text;
	unsigned int line, column;
	const struct policy_query_word *words;
	size_t words_count;

	/* No message that matches has been in the mailbox for less than this;
	   0 = that is not known. */
	int64_t min_age_secs;
	/* The query is just "all". */
	bool is_all;
	/* Asks whether, when or how the message was retrieved: without known
	   history it neither matches nor fails to match. */
	bool uses_history;
	/* Asks whether or when it was hidden. */
	bool uses_hidden;
	/* Asks for flags or keywords, which others may change at any time. */
	bool uses_flags;
	/* May have to open the message: header, body and text keys, and
	   sent dates. */
	bool uses_content;
	/* Has relative times, so that its answer changes as time passes. */
	bool uses_clock;
};

#endif
