/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pop3-policy/uidl-verify.h"
#include "pop3-policy/uidl.h"
#include "arena.h"

#include <string.h>

#define REASON_HIDDEN "POP3 doesn't show it"
#define REASON_OTHER_UIDL "it has another UIDL"
#define REASON_OTHER_MESSAGE "another message has its UIDL"

struct verifier {
	const struct uidl_listing *listing;
	const struct uidl_match_source *source;
	const struct uidl_matches *matches;
	const char *const *shown;
	struct uidl_verification *result;
	/* Messages that are shown, by hash of their UIDLs; UIDL_MATCH_NOTHING
	   = free; a power of two of them */
	size_t *table, table_size;
};

const char *uidl_verify_state_name(enum uidl_verify_state state)
{
	static const char *const names[UIDL_VERIFY_STATES] = {
		[UIDL_VERIFY_MISSING] = "missing",
		[UIDL_VERIFY_CHANGED] = "changed",
		[UIDL_VERIFY_SAME] = "same",
		[UIDL_VERIFY_NEW] = "new",
	};

	return names[state];
}

/* Where a message with this UIDL is, or would be. */
static size_t *verifier_find(const struct verifier *verifier, const char *uidl)
{
	size_t slot = uidl_hash(uidl) & (verifier->table_size - 1);

	while (verifier->table[slot] != UIDL_MATCH_NOTHING &&
	       strcmp(verifier->shown[verifier->table[slot]], uidl) != 0)
		slot = (slot + 1) & (verifier->table_size - 1);
	return &verifier->table[slot];
}

static int verifier_init(struct verifier *verifier)
{
	const size_t count = verifier->source->count;
	size_t i, *slot;

	verifier->table_size = 16;
	while (verifier->table_size < count * 2)
		verifier->table_size *= 2;
	verifier->table = policy_arena_new(verifier->result->arena,
					   verifier->table_size,
					   sizeof(*verifier->table));
	if (verifier->table == NULL)
		return -1;
	for (i = 0; i < verifier->table_size; i++)
		verifier->table[i] = UIDL_MATCH_NOTHING;
	for (i = 0; i < count; i++) {
		if (verifier->shown[i] == NULL)
			continue;
		slot = verifier_find(verifier, verifier->shown[i]);
		/* of several with the same the first */
		if (*slot == UIDL_MATCH_NOTHING)
			*slot = i;
	}
	return 0;
}

/* Could the entry be this message, as far as the listing says? Returns 1, 0,
   or -1 on error. */
static int
verifier_fits(const struct verifier *verifier,
	      const struct uidl_listing_entry *entry, size_t message)
{
	const struct uidl_match_source *source = verifier->source;
	const char *value;
	uint64_t size;
	int ret;

	if (entry->identity != UIDL_IDENTITY_NONE) {
		ret = source->get_identity(source->context, message,
					   entry->identity, &value);
		return ret <= 0 ? ret : strcmp(value, entry->value) == 0;
	}
	if (!verifier->listing->has_sizes)
		return 1;
	ret = source->get_size(source->context, message, &size);
	return ret <= 0 ? ret : size == entry->size;
}

static void
verifier_set(struct uidl_verify_entry *entry, enum uidl_verify_state state,
	     size_t message, const char *reason)
{
	entry->state = state;
	entry->message = message;
	entry->reason = reason;
}

/* Its message is known. */
static void
verify_matched(const struct verifier *verifier, const char *uidl,
	       size_t message, struct uidl_verify_entry *result)
{
	const char *shown = verifier->shown[message];

	if (shown == NULL)
		verifier_set(result, UIDL_VERIFY_MISSING, message,
			     REASON_HIDDEN);
	else if (strcmp(shown, uidl) != 0)
		verifier_set(result, UIDL_VERIFY_CHANGED, message,
			     REASON_OTHER_UIDL);
	else
		verifier_set(result, UIDL_VERIFY_SAME, message, NULL);
}

/* Returns 0, or -1 on error. */
static int
verify_entry(const struct verifier *verifier, size_t index,
	     struct uidl_verify_entry *result)
{
	const struct uidl_listing_entry *entry =
		&verifier->listing->entries[index];
	const struct uidl_match *match = &verifier->matches->entries[index];
	const size_t holder = *verifier_find(verifier, entry->uidl);
	int fits = 0;

	/* Size and order say less than the UIDL itself. */
	if (holder != UIDL_MATCH_NOTHING &&
	    (match->message == UIDL_MATCH_NOTHING ||
	     match->result == UIDL_MATCH_BY_SIZE)) {
		fits = verifier_fits(verifier, entry, holder);
		if (fits < 0)
			return -1;
	}
	if (fits > 0)
		verifier_set(result, UIDL_VERIFY_SAME, holder, NULL);
	else if (match->message != UIDL_MATCH_NOTHING)
		verify_matched(verifier, entry->uidl, match->message, result);
	else if (holder != UIDL_MATCH_NOTHING)
		verifier_set(result, UIDL_VERIFY_CHANGED, holder,
			     REASON_OTHER_MESSAGE);
	else if (match->result == UIDL_MATCH_AMBIGUOUS ||
		 match->result == UIDL_MATCH_LONE)
		verifier_set(result, UIDL_VERIFY_CHANGED, UIDL_MATCH_NOTHING,
			     uidl_match_result_name(match->result));
	else
		verifier_set(result, UIDL_VERIFY_MISSING, UIDL_MATCH_NOTHING,
			     uidl_match_result_name(match->result));
	return 0;
}

static int verifier_run(struct verifier *verifier)
{
	struct uidl_verification *result = verifier->result;
	size_t i, count = verifier->source->count;

	if (verifier_init(verifier) < 0)
		return -1;
	for (i = 0; i < count; i++) {
		result->are_new[i] = verifier->shown[i] != NULL &&
			verifier->matches->messages[i] == UIDL_MATCH_NOTHING;
	}
	for (i = 0; i < verifier->listing->count; i++) {
		if (verify_entry(verifier, i, &result->entries[i]) < 0)
			return -1;
		result->counts[result->entries[i].state]++;
		if (result->entries[i].state == UIDL_VERIFY_SAME)
			result->are_new[result->entries[i].message] = false;
	}
	for (i = 0; i < count; i++) {
		if (result->are_new[i])
			result->counts[UIDL_VERIFY_NEW]++;
	}
	return 0;
}

struct uidl_verification *
uidl_verify(const struct uidl_listing *listing,
	    const struct uidl_match_source *source,
	    const struct uidl_matches *matches, const char *const *shown,
	    bool *no_memory_r)
{
	struct policy_arena *arena = policy_arena_create();
	struct uidl_verification *result = NULL;
	struct verifier verifier = {
		.listing = listing,
		.source = source,
		.matches = matches,
		.shown = shown,
	};

	*no_memory_r = true;
	if (arena == NULL)
		return NULL;
	result = policy_arena_new(arena, 1, sizeof(*result));
	if (result != NULL) {
		result->arena = arena;
		result->entries = policy_arena_new(arena, listing->count,
						   sizeof(*result->entries));
		result->are_new = policy_arena_new(arena, source->count,
						   sizeof(*result->are_new));
	}
	verifier.result = result;
	if (policy_arena_has_failed(arena) || verifier_run(&verifier) < 0) {
		*no_memory_r = policy_arena_has_failed(arena);
		policy_arena_free(&arena);
		return NULL;
	}
	*no_memory_r = false;
	return result;
}

void uidl_verification_free(struct uidl_verification **_verification)
{
	struct uidl_verification *verification = *_verification;
	struct policy_arena *arena;

	if (verification == NULL)
		return;
	*_verification = NULL;
	arena = verification->arena;
	policy_arena_free(&arena);
}
