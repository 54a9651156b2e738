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
struct mail_search_arg;
struct mail_search_args;
struct history;
struct policy_message_facts;

/* Build a search tree from words, the last of which is NULL. Where a time is
   expected, a word of digits is a Unix time and any other is DD-Mon-YYYY. Keys
   about history become leaves that Dovecot can't search for: see
   search_keys_resolve(). Returns 0 and args to be unreferenced by the caller,
   or -1 and error_r (data stack). */
int search_keys_build(const char *const *words,
		      struct mail_search_args **args_r, const char **error_r);

/* Is this node of such a tree a key about history? */
bool search_keys_is_history(const struct mail_search_arg *arg);
/* Does that key, regardless of arg->match_not, match a message with these
   facts? Only what history_get_facts() fills is looked at. */
bool search_keys_history_matches(const struct mail_search_arg *arg,
				 const struct policy_message_facts *facts);

/* A copy of the tree that Dovecot can search: keys about history are replaced
   by the messages of this view that they match. seq: only this message will
   be searched; 0 = all in the view. The caller unreferences it. */
struct mail_search_args *
search_keys_resolve(const struct mail_search_args *args,
		    struct history *history, struct mail_index_view *view,
		    uint32_t seq, int64_t now);

#endif
