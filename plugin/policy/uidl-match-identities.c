/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "uidl-matching.h"
#include "pop3-policy/uidl.h"

#include <string.h>

/* Indexes, in ascending order */
struct match_indexes {
	size_t *items;
	size_t count, room;
};

/* All with the same identity. */
struct match_group {
	const char *value;
	struct match_indexes entries, messages;
	bool is_resolved;
};

struct match_groups {
	struct match_group *items;
	size_t count;
	/* by hash of the value; a power of two of them, NULL = free */
	struct match_group **table;
	size_t table_size;
};

/* The outermost of what is matched without doubt */
struct match_order {
	size_t first_entry, first_message;
	size_t last_entry, last_message;
};

static enum uidl_match_result result_of(enum uidl_identity identity)
{
	switch (identity) {
	case UIDL_IDENTITY_CONTENT:
		return UIDL_MATCH_BY_CONTENT;
	case UIDL_IDENTITY_GUID_128:
	case UIDL_IDENTITY_GUID:
		return UIDL_MATCH_BY_GUID;
	case UIDL_IDENTITY_MESSAGE_ID:
		return UIDL_MATCH_BY_MESSAGE_ID;
	case UIDL_IDENTITY_NONE:
		break;
	}
	return UIDL_MATCH_UNKNOWN;
}

static int indexes_add(struct policy_arena *arena,
		       struct match_indexes *indexes, size_t index)
{
	void *items = indexes->items;

	if (policy_arena_grow(arena, &items, &indexes->room,
			      indexes->count + 1, sizeof(index)) < 0)
		return -1;
	indexes->items = items;
	indexes->items[indexes->count++] = index;
	return 0;
}

/* Where the group with this value is, or would be. */
static struct match_group **
groups_find(const struct match_groups *groups, const char *value)
{
	size_t slot = uidl_hash(value) & (groups->table_size - 1);

	while (groups->table[slot] != NULL &&
	       strcmp(groups->table[slot]->value, value) != 0)
		slot = (slot + 1) & (groups->table_size - 1);
	return &groups->table[slot];
}

/* Returns 1, 0 if the listing has none of these, -1. */
static int
groups_init(struct uidl_matching *matching, enum uidl_identity identity,
	    struct match_groups *groups)
{
	const struct uidl_listing *listing = matching->listing;
	struct match_group **group;
	size_t i, count = 0;

	for (i = 0; i < listing->count; i++) {
		if (listing->entries[i].identity == identity)
			count++;
	}
	if (count == 0)
		return 0;
	groups->table_size = 16;
	while (groups->table_size < count * 2)
		groups->table_size *= 2;
	groups->items = policy_arena_new(matching->arena, count,
					 sizeof(*groups->items));
	groups->table = policy_arena_new(matching->arena, groups->table_size,
					 sizeof(*groups->table));
	if (policy_arena_has_failed(matching->arena))
		return -1;

	for (i = 0; i < listing->count; i++) {
		if (listing->entries[i].identity != identity)
			continue;
		group = groups_find(groups, listing->entries[i].value);
		if (*group == NULL) {
			*group = &groups->items[groups->count++];
			(*group)->value = listing->entries[i].value;
		}
		if (indexes_add(matching->arena, &(*group)->entries, i) < 0)
			return -1;
	}
	return 1;
}

static int
groups_add_messages(struct uidl_matching *matching,
		    enum uidl_identity identity,
		    const struct match_groups *groups)
{
	const struct uidl_match_source *source = matching->source;
	struct match_group **group;
	const char *value;
	size_t i;
	int ret;

	for (i = 0; i < source->count; i++) {
		if (matching->matches->messages[i] != UIDL_MATCH_NOTHING)
			continue;
		ret = source->get_identity(source->context, i, identity,
					   &value);
		if (ret < 0)
			return -1;
		if (ret == 0)
			continue;
		group = groups_find(groups, value);
		if (*group != NULL &&
		    indexes_add(matching->arena, &(*group)->messages, i) < 0)
			return -1;
	}
	return 0;
}

static void
group_match(struct uidl_matching *matching, struct match_group *group,
	    enum uidl_match_result result)
{
	size_t i;

	for (i = 0; i < group->entries.count &&
	     i < group->messages.count; i++) {
		uidl_matching_set(matching, group->entries.items[i],
				  group->messages.items[i], result);
	}
	group->is_resolved = true;
}

static void group_set_ambiguous(struct uidl_matching *matching,
				const struct match_group *group)
{
	size_t i;

	for (i = 0; i < group->entries.count; i++) {
		matching->matches->entries[group->entries.items[i]].result =
			UIDL_MATCH_AMBIGUOUS;
	}
}

/* Have all the same content? Returns 1, 0, or -1 on error. */
static int group_is_one_message(struct uidl_matching *matching,
				const struct match_group *group)
{
	const struct uidl_match_source *source = matching->source;
	const char *value, *first = NULL;
	size_t i;
	int ret;

	for (i = 0; i < group->messages.count; i++) {
		ret = source->get_identity(source->context,
					   group->messages.items[i],
					   UIDL_IDENTITY_CONTENT, &value);
		if (ret <= 0)
			return ret;
		if (first == NULL) {
			first = policy_arena_strndup(matching->arena, value,
						     strlen(value));
			if (first == NULL)
				return -1;
		} else if (strcmp(first, value) != 0) {
			return 0;
		}
	}
	return 1;
}

/* What is matched without doubt, if it comes in the same order in both: the
   first and the last of it. Returns false if it doesn't. */
static bool matching_find_order(const struct uidl_matching *matching,
				struct match_order *order)
{
	size_t i, message;
	bool is_first = true;

	for (i = 0; i < matching->listing->count; i++) {
		message = matching->matches->entries[i].message;
		if (message == UIDL_MATCH_NOTHING)
			continue;
		if (is_first) {
			order->first_entry = i;
			order->first_message = message;
			is_first = false;
		} else if (message < order->last_message) {
			return false;
		}
		order->last_entry = i;
		order->last_message = message;
	}
	return !is_first;
}

/* Lies the whole group between two messages without doubt, in both? */
static bool group_is_in_order(const struct match_group *group,
			      const struct match_order *order)
{
	const struct match_indexes *entries = &group->entries;
	const struct match_indexes *messages = &group->messages;

	return entries->count == messages->count &&
		order->first_entry < entries->items[0] &&
		order->last_entry > entries->items[entries->count - 1] &&
		order->first_message < messages->items[0] &&
		order->last_message > messages->items[messages->count - 1];
}

/* Returns 1 if the group's messages are as good as each other, or there is
   only one on either side, 0 if not, -1 on error. */
static int group_is_certain(struct uidl_matching *matching,
			    enum uidl_identity identity,
			    const struct match_group *group)
{
	if (identity != UIDL_IDENTITY_MESSAGE_ID ||
	    group->messages.count == 0 ||
	    (group->messages.count == 1 && group->entries.count == 1))
		return 1;
	/* The others of the listing may be other messages. */
	if (group->entries.count > group->messages.count)
		return 0;
	return group_is_one_message(matching, group);
}

int uidl_match_identities(struct uidl_matching *matching,
			  enum uidl_identity identity)
{
	const enum uidl_match_result result = result_of(identity);
	struct match_groups groups = { .count = 0 };
	struct match_group *group, *end;
	struct match_order order = { .last_message = 0 };
	bool in_order;
	int ret;

	ret = groups_init(matching, identity, &groups);
	if (ret <= 0)
		return ret;
	if (groups_add_messages(matching, identity, &groups) < 0)
		return -1;
	end = groups.items + groups.count;
	for (group = groups.items; group < end; group++) {
		ret = group_is_certain(matching, identity, group);
		if (ret < 0)
			return -1;
		if (ret > 0)
			group_match(matching, group, result);
	}
	/* All are judged by the same order, not by one another's. */
	in_order = matching_find_order(matching, &order);
	for (group = groups.items; group < end; group++) {
		if (group->is_resolved)
			;
		else if (in_order && group_is_in_order(group, &order))
			group_match(matching, group, result);
		else
			group_set_ambiguous(matching, group);
	}
	return 0;
}
