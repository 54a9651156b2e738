/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_UIDL_VERIFY_H
#define POP3_POLICY_UIDL_VERIFY_H

/*
 * What would a client of the old server see that comes here? Pure. A message
 * is the same one if the listing says so (see uidl-match.h); where it says
 * nothing but the UIDL, that decides.
 */

#include "pop3-policy/uidl-match.h"

enum uidl_verify_state {
	/* Its message is not here, or not shown. */
	UIDL_VERIFY_MISSING = 0,
	/* Its message has another UIDL, or the UIDL another message. */
	UIDL_VERIFY_CHANGED,
	UIDL_VERIFY_SAME,
	/* Of messages: the listing doesn't have it. */
	UIDL_VERIFY_NEW,
};
#define UIDL_VERIFY_STATES (UIDL_VERIFY_NEW + 1)

struct uidl_verify_entry {
	enum uidl_verify_state state;
	/* The message that is the same or has another UIDL, or that has the
	   UIDL; UIDL_MATCH_NOTHING = none */
	size_t message;
	/* Why it is not the same; NULL if it is; static */
	const char *reason;
};

struct uidl_verification {
	struct policy_arena *arena;
	/* One for each entry of the listing: never NEW */
	struct uidl_verify_entry *entries;
	/* For each message: is it shown, and not in the listing? */
	bool *are_new;
	/* How many are in each state */
	size_t counts[UIDL_VERIFY_STATES];
};

/* shown: the UIDL of each message of the source, NULL = POP3 doesn't show it.
   Returns NULL as uidl_match() does. */
struct uidl_verification *
uidl_verify(const struct uidl_listing *listing,
	    const struct uidl_match_source *source,
	    const struct uidl_matches *matches, const char *const *shown,
	    bool *no_memory_r);
/* NULL is allowed. */
void uidl_verification_free(struct uidl_verification **verification);

/* "same" and the like; static. */
const char *uidl_verify_state_name(enum uidl_verify_state state);

#endif
