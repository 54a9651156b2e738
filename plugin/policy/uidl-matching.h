/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_UIDL_MATCHING_H
#define POP3_POLICY_UIDL_MATCHING_H

/*
 * The two ways of uidl_match(), which fill matches. Both return 0, or -1 if
 * the source failed or the arena has no memory.
 */

#include "pop3-policy/uidl-match.h"
#include "arena.h"

struct uidl_matching {
	const struct uidl_listing *listing;
	const struct uidl_match_source *source;
	struct uidl_matches *matches;
	/* for what is not needed afterwards */
	struct policy_arena *arena;
};

/* Neither may have been matched before. */
void uidl_matching_set(struct uidl_matching *matching, size_t entry,
		       size_t message, enum uidl_match_result result);

int uidl_match_identities(struct uidl_matching *matching,
			  enum uidl_identity identity);
int uidl_match_sizes(struct uidl_matching *matching);

#endif
