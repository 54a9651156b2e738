/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "uidl-matching.h"

#include <stddef.h>

const char *uidl_match_result_name(enum uidl_match_result result)
{
	static const char *const names[UIDL_MATCH_RESULTS] = {
		[UIDL_MATCH_NONE] = "no such message",
		[UIDL_MATCH_AMBIGUOUS] = "several messages could be it",
		[UIDL_MATCH_DUPLICATE] = "listed more than once",
		[UIDL_MATCH_LONE] = "only its size would fit",
		[UIDL_MATCH_UNKNOWN] = "listed without size or identity",
		[UIDL_MATCH_BY_CONTENT] = "content",
		[UIDL_MATCH_BY_GUID] = "guid",
		[UIDL_MATCH_BY_MESSAGE_ID] = "message-id",
		[UIDL_MATCH_BY_SIZE] = "size and order",
	};

	return names[result];
}

void uidl_matching_set(struct uidl_matching *matching, size_t entry,
		       size_t message, enum uidl_match_result result)
{
	matching->matches->entries[entry].result = result;
	matching->matches->entries[entry].message = message;
	matching->matches->messages[message] = entry;
}

static int matching_run(struct uidl_matching *matching)
{
	enum uidl_identity identity;

	if (matching->listing->has_sizes &&
	    uidl_match_sizes(matching) < 0)
		return -1;
	/* what says most first */
	for (identity = UIDL_IDENTITY_CONTENT;
	     identity < UIDL_IDENTITY_COUNT; identity++) {
		if (uidl_match_identities(matching, identity) < 0)
			return -1;
	}
	return 0;
}

/* A UIDL can't stand for two messages. They were looked for all the same,
   since others lie between them. */
static void matching_drop_duplicates(struct uidl_matching *matching)
{
	struct uidl_match *match = matching->matches->entries;
	size_t i;

	for (i = 0; i < matching->listing->count; i++, match++) {
		if (!matching->listing->entries[i].is_duplicate)
			continue;
		if (match->message != UIDL_MATCH_NOTHING) {
			matching->matches->messages[match->message] =
				UIDL_MATCH_NOTHING;
		}
		match->message = UIDL_MATCH_NOTHING;
		match->result = UIDL_MATCH_DUPLICATE;
	}
}

static struct uidl_matches *
matches_create(const struct uidl_listing *listing, size_t count)
{
	struct policy_arena *arena = policy_arena_create();
	struct uidl_matches *matches;
	const struct uidl_listing_entry *entry;
	size_t i;

	if (arena == NULL)
		return NULL;
	matches = policy_arena_new(arena, 1, sizeof(*matches));
	if (matches != NULL) {
		matches->arena = arena;
		matches->entries = policy_arena_new(arena, listing->count,
					sizeof(*matches->entries));
		matches->messages = policy_arena_new(arena, count,
					sizeof(*matches->messages));
	}
	if (policy_arena_has_failed(arena)) {
		policy_arena_free(&arena);
		return NULL;
	}
	for (i = 0; i < listing->count; i++) {
		entry = &listing->entries[i];
		matches->entries[i].message = UIDL_MATCH_NOTHING;
		matches->entries[i].result = !listing->has_sizes &&
			entry->identity == UIDL_IDENTITY_NONE ?
			UIDL_MATCH_UNKNOWN : UIDL_MATCH_NONE;
	}
	for (i = 0; i < count; i++)
		matches->messages[i] = UIDL_MATCH_NOTHING;
	return matches;
}

struct uidl_matches *
uidl_match(const struct uidl_listing *listing,
	   const struct uidl_match_source *source, bool *no_memory_r)
{
	struct uidl_matching matching = {
		.listing = listing,
		.source = source,
		.matches = matches_create(listing, source->count),
		.arena = policy_arena_create(),
	};
	int ret = -1;

	if (matching.matches != NULL && matching.arena != NULL)
		ret = matching_run(&matching);
	*no_memory_r = ret < 0 &&
		(matching.matches == NULL || matching.arena == NULL ||
		 policy_arena_has_failed(matching.arena));
	if (ret == 0)
		matching_drop_duplicates(&matching);
	else
		uidl_matches_free(&matching.matches);
	policy_arena_free(&matching.arena);
	return matching.matches;
}

void uidl_matches_free(struct uidl_matches **_matches)
{
	struct uidl_matches *matches = *_matches;
	struct policy_arena *arena;

	if (matches == NULL)
		return;
	*_matches = NULL;
	arena = matches->arena;
	policy_arena_free(&arena);
}
