/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_UIDL_MATCH_H
#define POP3_POLICY_UIDL_MATCH_H

/*
 * Which message of a mailbox is which one of another server's listing? Pure.
 * A wrong answer would make a client take mail that it has never seen for
 * mail that it has, so two messages are only matched if nothing else fits:
 *
 * - by identity, where no other message has the same. Messages with the same
 *   content or GUID are as good as each other and matched in order. So are
 *   those with the same Message-ID, if their content is the same too, or if
 *   there are as many of them in the listing, all that are matched without
 *   doubt come in the same order in both, and some of these lie before and
 *   some behind them.
 * - by size and order, where the listing's sizes can be found in the mailbox
 *   in their order in one way only, or the mailbox's in the listing. If mail
 *   has both gone and come, this is asked of the stretches between messages
 *   whose size is the only one of its kind, and a match only counts if the
 *   next or the previous message of both is matched too. One message on
 *   either side is only matched if the other side has one message too.
 */

#include "pop3-policy/uidl-listing.h"

struct uidl_match_source {
	/* Messages of the mailbox, in the order in which POP3 numbers them */
	size_t count;
	/* Return 1 and the value (a string may be gone by the next call), 0
	   if the message has none, -1 on error. Asked for what is needed
	   only. */
	int (*get_size)(void *context, size_t message, uint64_t *size_r);
	int (*get_identity)(void *context, size_t message,
			    enum uidl_identity identity, const char **value_r);
	void *context;
};

enum uidl_match_result {
	/* There is no such message. */
	UIDL_MATCH_NONE = 0,
	/* Several could be it. */
	UIDL_MATCH_AMBIGUOUS,
	/* The listing has this UIDL more than once. */
	UIDL_MATCH_DUPLICATE,
	/* One has its size, but that alone proves too little. */
	UIDL_MATCH_LONE,
	/* The listing has neither sizes nor identities. */
	UIDL_MATCH_UNKNOWN,
	UIDL_MATCH_BY_CONTENT,
	UIDL_MATCH_BY_GUID,
	UIDL_MATCH_BY_MESSAGE_ID,
	UIDL_MATCH_BY_SIZE,
};
#define UIDL_MATCH_RESULTS (UIDL_MATCH_BY_SIZE + 1)

#define UIDL_MATCH_NOTHING ((size_t)-1)

struct uidl_matches {
	struct policy_arena *arena;
	/* One for each entry of the listing */
	struct uidl_match {
		enum uidl_match_result result;
		/* UIDL_MATCH_NOTHING unless result is UIDL_MATCH_BY_... */
		size_t message;
	} *entries;
	/* One for each message: index of its entry, or UIDL_MATCH_NOTHING */
	size_t *messages;
};

/* "content", "no such message" and the like; static. */
const char *uidl_match_result_name(enum uidl_match_result result);

/* Returns the matches, or NULL if a function of source has returned -1 (then
   *no_memory_r is false) or there is no memory. */
struct uidl_matches *
uidl_match(const struct uidl_listing *listing,
	   const struct uidl_match_source *source, bool *no_memory_r);
/* NULL is allowed. */
void uidl_matches_free(struct uidl_matches **matches);

#endif
