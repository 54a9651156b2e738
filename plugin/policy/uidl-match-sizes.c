/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "uidl-matching.h"

#include <stdlib.h>

struct match_size {
	uint64_t size;
	size_t index;
};

/* One side: sizes in order. */
struct match_side {
	uint64_t *sizes;
	size_t count;
	/* by size */
	struct match_size *sorted;
};

struct match_sizes {
	struct uidl_matching *matching;
	struct match_side entries, messages;
	/* For the shorter of two stretches: where each one is found from the
	   left */
	size_t *from_left;
};

/* From begin up to, not including, end */
struct match_range {
	size_t begin, end;
};

/* A size that only one on either side has. */
struct match_anchor {
	size_t entry, message;
	/* of the longest ascending row that ends here: its length, and the
	   anchor before */
	size_t length, before;
};

/*
 * Two stretches
 */

static size_t range_count(struct match_range range)
{
	return range.end - range.begin;
}

/* Looks for the sizes of few in many, in their order, each as far to the left
   as possible. */
static bool
find_from_left(struct match_sizes *sizes, const struct match_side *few,
	       struct match_range f, const struct match_side *many,
	       struct match_range m)
{
	size_t i, j = m.begin;

	for (i = f.begin; i < f.end; i++, j++) {
		while (j < m.end && many->sizes[j] != few->sizes[i])
			j++;
		if (j == m.end)
			return false;
		sizes->from_left[i] = j;
	}
	return true;
}

/* Each as far to the right: those that are found in the same place can be
   nowhere else. */
static void
match_from_right(struct match_sizes *sizes, const struct match_side *few,
		 struct match_range f, const struct match_side *many,
		 struct match_range m)
{
	size_t i, j = m.end;

	for (i = f.end; i > f.begin; i--) {
		do j--; while (many->sizes[j] != few->sizes[i - 1]);
		if (sizes->from_left[i - 1] != j)
			continue;
		if (few == &sizes->entries) {
			uidl_matching_set(sizes->matching, i - 1, j,
					  UIDL_MATCH_BY_SIZE);
		} else {
			uidl_matching_set(sizes->matching, j, i - 1,
					  UIDL_MATCH_BY_SIZE);
		}
	}
}

/* Returns false if neither is part of the other one. */
static bool match_stretch(struct match_sizes *sizes, struct match_range e,
			  struct match_range m)
{
	if (range_count(e) <= range_count(m)) {
		if (!find_from_left(sizes, &sizes->entries, e,
				    &sizes->messages, m))
			return false;
		match_from_right(sizes, &sizes->entries, e,
				 &sizes->messages, m);
	} else {
		if (!find_from_left(sizes, &sizes->messages, m,
				    &sizes->entries, e))
			return false;
		match_from_right(sizes, &sizes->messages, m,
				 &sizes->entries, e);
	}
	return true;
}

/*
 * Where neither is part of the other one
 */

static int match_size_cmp(const void *p1, const void *p2)
{
	const struct match_size *s1 = p1, *s2 = p2;

	return s1->size < s2->size ? -1 : s1->size > s2->size;
}

static int side_sort(struct policy_arena *arena, struct match_side *side)
{
	size_t i;

	side->sorted = policy_arena_new(arena, side->count,
					sizeof(*side->sorted));
	if (side->sorted == NULL)
		return -1;
	for (i = 0; i < side->count; i++) {
		side->sorted[i].size = side->sizes[i];
		side->sorted[i].index = i;
	}
	qsort(side->sorted, side->count, sizeof(*side->sorted),
	      match_size_cmp);
	return 0;
}

static bool side_is_unique(const struct match_side *side, size_t i)
{
	const struct match_size *sorted = side->sorted;

	return (i == 0 || sorted[i - 1].size != sorted[i].size) &&
		(i + 1 == side->count ||
		 sorted[i + 1].size != sorted[i].size);
}

static int anchor_cmp(const void *p1, const void *p2)
{
	const struct match_anchor *a1 = p1, *a2 = p2;

	return a1->entry < a2->entry ? -1 : a1->entry > a2->entry;
}

/* Returns how many there are, in the order of entries. */
static size_t
anchors_find(const struct match_sizes *sizes, struct match_anchor *anchors)
{
	const struct match_side *entries = &sizes->entries;
	const struct match_side *messages = &sizes->messages;
	size_t e = 0, m = 0, count = 0;

	while (e < entries->count && m < messages->count) {
		if (entries->sorted[e].size < messages->sorted[m].size) {
			e++;
		} else if (entries->sorted[e].size > messages->sorted[m].size) {
			m++;
		} else {
			if (side_is_unique(entries, e) &&
			    side_is_unique(messages, m)) {
				anchors[count].entry = entries->sorted[e].index;
				anchors[count++].message =
					messages->sorted[m].index;
			}
			e++;
		}
	}
	qsort(anchors, count, sizeof(*anchors), anchor_cmp);
	return count;
}

/* Of those that cross each other the fewest possible are left out. Returns
   how many are kept; they are moved to the front. */
static size_t
anchors_keep_order(struct match_anchor *anchors, size_t count, size_t *ends)
{
	size_t i, low, high, middle, length = 0, kept;

	/* ends[n]: which anchor ends the row of n + 1 that ends lowest */
	for (i = 0; i < count; i++) {
		low = 0;
		high = length;
		while (low < high) {
			middle = low + (high - low) / 2;
			if (anchors[ends[middle]].message < anchors[i].message)
				low = middle + 1;
			else
				high = middle;
		}
		anchors[i].length = low + 1;
		anchors[i].before = low == 0 ? 0 : ends[low - 1];
		ends[low] = i;
		if (low == length)
			length++;
	}
	/* ends[] now becomes the row itself */
	if (length > 0) {
		i = ends[length - 1];
		for (kept = length; kept > 0; kept--, i = anchors[i].before)
			ends[kept - 1] = i;
	}
	for (i = 0; i < length; i++)
		anchors[i] = anchors[ends[i]];
	return length;
}

static int match_between_anchors(struct match_sizes *sizes)
{
	struct policy_arena *arena = sizes->matching->arena;
	struct match_range e = { 0, 0 }, m = { 0, 0 };
	struct match_anchor *anchors;
	size_t i, count, *ends;

	anchors = policy_arena_new(arena, sizes->entries.count,
				   sizeof(*anchors));
	ends = policy_arena_new(arena, sizes->entries.count, sizeof(*ends));
	if (policy_arena_has_failed(arena))
		return -1;
	count = anchors_find(sizes, anchors);
	count = anchors_keep_order(anchors, count, ends);
	for (i = 0; i <= count; i++) {
		e.end = i < count ? anchors[i].entry : sizes->entries.count;
		m.end = i < count ? anchors[i].message :
			sizes->messages.count;
		(void)match_stretch(sizes, e, m);
		if (i == count)
			break;
		uidl_matching_set(sizes->matching, e.end, m.end,
				  UIDL_MATCH_BY_SIZE);
		e.begin = e.end + 1;
		m.begin = m.end + 1;
	}
	return 0;
}

static bool is_match(const struct match_sizes *sizes, size_t e, size_t m)
{
	return e < sizes->entries.count && m < sizes->messages.count &&
		sizes->matching->matches->entries[e].message == m;
}

/* New mail can have the size of mail that is gone. That neighbours have the
   sizes of neighbours is much less likely. */
static void sizes_drop_lone(struct match_sizes *sizes)
{
	struct uidl_matches *matches = sizes->matching->matches;
	size_t e, m;

	for (e = 0; e < sizes->entries.count; e++) {
		m = matches->entries[e].message;
		if (m == UIDL_MATCH_NOTHING ||
		    (e > 0 && m > 0 && is_match(sizes, e - 1, m - 1)) ||
		    is_match(sizes, e + 1, m + 1))
			continue;
		matches->messages[m] = UIDL_MATCH_NOTHING;
		matches->entries[e].message = UIDL_MATCH_NOTHING;
		matches->entries[e].result = UIDL_MATCH_LONE;
	}
}

/* Those for which there would still be a message of that size */
static void sizes_set_ambiguous(struct match_sizes *sizes)
{
	const struct match_side *entries = &sizes->entries;
	const struct match_side *messages = &sizes->messages;
	struct uidl_matches *matches = sizes->matching->matches;
	struct uidl_match *match;
	size_t e, m = 0;
	uint64_t size;
	bool is_free = false;

	for (e = 0; e < entries->count; e++) {
		size = entries->sorted[e].size;
		if (e == 0 || entries->sorted[e - 1].size != size)
			is_free = false;
		for (; m < messages->count &&
		     messages->sorted[m].size <= size; m++) {
			if (messages->sorted[m].size == size &&
			    matches->messages[messages->sorted[m].index] ==
			    UIDL_MATCH_NOTHING)
				is_free = true;
		}
		match = &matches->entries[entries->sorted[e].index];
		if (is_free && match->result == UIDL_MATCH_NONE)
			match->result = UIDL_MATCH_AMBIGUOUS;
	}
}

static int sizes_init(struct match_sizes *sizes)
{
	struct uidl_matching *matching = sizes->matching;
	const struct uidl_match_source *source = matching->source;
	struct policy_arena *arena = matching->arena;
	size_t i;

	sizes->entries.count = matching->listing->count;
	sizes->messages.count = source->count;
	sizes->entries.sizes = policy_arena_new(arena, sizes->entries.count,
						sizeof(uint64_t));
	sizes->messages.sizes = policy_arena_new(arena, sizes->messages.count,
						 sizeof(uint64_t));
	sizes->from_left = policy_arena_new(arena, source->count >
		matching->listing->count ? source->count :
		matching->listing->count, sizeof(size_t));
	if (policy_arena_has_failed(arena))
		return -1;
	for (i = 0; i < sizes->entries.count; i++)
		sizes->entries.sizes[i] = matching->listing->entries[i].size;
	for (i = 0; i < source->count; i++) {
		/* one without a size is like no other */
		sizes->messages.sizes[i] = UINT64_MAX;
		if (source->get_size(source->context, i,
				     &sizes->messages.sizes[i]) < 0)
			return -1;
	}
	return 0;
}

int uidl_match_sizes(struct uidl_matching *matching)
{
	struct match_sizes sizes = { .matching = matching };
	const struct match_range e = { 0, matching->listing->count };
	const struct match_range m = { 0, matching->source->count };

	if (sizes_init(&sizes) < 0)
		return -1;
	if (side_sort(matching->arena, &sizes.entries) < 0 ||
	    side_sort(matching->arena, &sizes.messages) < 0)
		return -1;
	if (!match_stretch(&sizes, e, m)) {
		if (match_between_anchors(&sizes) < 0)
			return -1;
		sizes_drop_lone(&sizes);
	} else if (e.end != m.end && (e.end == 1 || m.end == 1)) {
		sizes_drop_lone(&sizes);
	}
	sizes_set_ambiguous(&sizes);
	return 0;
}
