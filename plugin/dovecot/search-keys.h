/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SEARCH_KEYS_H
#define POP3_POLICY_SEARCH_KEYS_H

/*
 * The search keys that a policy's queries may use: Dovecot's own, less those
 * that look beyond one message of one mailbox, plus this plugin's about
 * retrieval and hiding. Dates are built here as well, so that a time means
 * the same on every version of Dovecot, to the second.
 */

#include <stdint.h>

struct mail_index_view;
struct mail_search_args;
struct history;

/* What the plugin's own keys are answered from. */
struct search_keys_scope {
	struct history *history;
	struct mail_index_view *view;
	/* Answer for this message only; 0 = for all in the view. */
	uint32_t seq;
	int64_t now;
};

/* Build a search tree from words, the last of which is NULL. Where a time is
   expected, a word of digits is a Unix time and any other is DD-Mon-YYYY.
   scope: NULL only checks whether the words make up a query; what comes out
   must not be searched for then. Returns 0 and args to be unreferenced by the
   caller, or -1 and error_r (data stack). */
int search_keys_build(const struct search_keys_scope *scope,
		      const char *const *words,
		      struct mail_search_args **args_r, const char **error_r);

/* Frees what is kept for the whole process. */
void search_keys_deinit(void);

#endif
