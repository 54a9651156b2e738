/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pop3-policy/uidl.h"
#include "fnv.h"

#include <stdlib.h>
#include <string.h>

/* "-" and the digits of an unsigned int */
#define SUFFIX_MAX_LENGTH 11

/* A UIDL that one or more of a group were shown with */
struct uidl_shown {
	/* 0 = there is none here */
	uint32_t hash;
	/* 0 = unknown */
	unsigned int number;
};

struct uidl_numbering {
	/* all entries, by what they want and then by UID */
	struct uidl_entry **sorted;
	/* what number each of them was shown with; 0 = unknown, or none */
	unsigned int *shown_numbers;
	size_t count;
	/* room for those of a group, by hash */
	struct uidl_shown *shown;
	/* names that have been given, by hash; a power of two of them */
	const char **given;
	size_t given_size;
	void *(*alloc)(void *context, size_t size);
	void *context;
};

bool uidl_is_valid(const char *uidl)
{
	size_t i;

	for (i = 0; uidl[i] != '\0'; i++) {
		if (uidl[i] < 0x21 || uidl[i] > 0x7E || i == UIDL_MAX_LENGTH)
			return false;
	}
	return i > 0;
}

static uint32_t uidl_hash_add(uint32_t hash, const char *text)
{
	return fnv1a_add(hash, text, strlen(text));
}

static uint32_t uidl_hash_finish(uint32_t hash)
{
	return hash == 0 ? 1 : hash;
}

uint32_t uidl_hash(const char *uidl)
{
	return uidl_hash_finish(uidl_hash_add(FNV1A_START, uidl));
}

static int entry_cmp(const void *p1, const void *p2)
{
	const struct uidl_entry *const *entry1 = p1, *const *entry2 = p2;
	int ret = strcmp((*entry1)->wanted, (*entry2)->wanted);

	return ret != 0 ? ret : *entry1 < *entry2 ? -1 : *entry1 > *entry2;
}

static int wanted_cmp(const void *p1, const void *p2)
{
	const struct uidl_entry *const *entry = p2;

	return strcmp(p1, (*entry)->wanted);
}

/* What stands behind the wanted one; nothing for number 1. Returns its
   length. */
static size_t
uidl_suffix(unsigned int number, char suffix_r[SUFFIX_MAX_LENGTH + 1])
{
	unsigned int rest;
	size_t length = 0, i;

	if (number > 1) {
		length = 1;
		for (rest = number; rest > 0; rest /= 10)
			length++;
		suffix_r[0] = '-';
		for (i = length - 1, rest = number; i > 0; i--, rest /= 10)
			suffix_r[i] = (char)('0' + rest % 10);
	}
	suffix_r[length] = '\0';
	return length;
}

/* number 1: the wanted one itself. */
static void
uidl_name(const char *wanted, unsigned int number,
	  char name_r[UIDL_MAX_LENGTH + 1])
{
	char suffix[SUFFIX_MAX_LENGTH + 1];
	size_t length = strlen(wanted),
		suffix_length = uidl_suffix(number, suffix);

	if (length + suffix_length > UIDL_MAX_LENGTH)
		length = UIDL_MAX_LENGTH - suffix_length;
	memcpy(name_r, wanted, length);
	memcpy(name_r + length, suffix, suffix_length);
	name_r[length + suffix_length] = '\0';
}

/* Returns where the name (and its hash) is among those that were given, or
   would be. */
static const char **
uidl_find_given(const struct uidl_numbering *numbering, const char *name,
		uint32_t hash)
{
	size_t i = hash & (numbering->given_size - 1);

	while (numbering->given[i] != NULL &&
	       strcmp(numbering->given[i], name) != 0)
		i = (i + 1) & (numbering->given_size - 1);
	return &numbering->given[i];
}

static bool
uidl_is_wanted(const struct uidl_numbering *numbering, const char *name)
{
	return bsearch(name, numbering->sorted, numbering->count,
		       sizeof(*numbering->sorted), wanted_cmp) != NULL;
}

/* Returns 1 if the message has the name now, 0 if another one has it, -1 if
   there is no memory. */
static int
uidl_give(const struct uidl_numbering *numbering, struct uidl_entry *entry,
	  unsigned int number)
{
	char name[UIDL_MAX_LENGTH + 1], *copy;
	const char **given;
	uint32_t hash;

	uidl_name(entry->wanted, number, name);
	hash = uidl_hash(name);
	given = uidl_find_given(numbering, name, hash);
	if (*given != NULL)
		return 0;
	entry->hash = hash;
	entry->numbered = number > 1;
	if (number == 1) {
		*given = entry->uidl = entry->wanted;
		return 1;
	}
	copy = numbering->alloc(numbering->context, strlen(name) + 1);
	if (copy == NULL)
		return -1;
	strcpy(copy, name);
	*given = entry->uidl = copy;
	return 1;
}

/* Returns uidl_hash() of the name with that number. All names are to be asked
   for in turn, from 1 on. stem: for names that differ only in the last
   digit. */
static uint32_t
uidl_next_hash(const char *wanted, unsigned int number, uint32_t *stem)
{
	const char digit = (char)('0' + number % 10);
	char name[UIDL_MAX_LENGTH + 1];

	if (number == 1)
		return uidl_hash(wanted);
	if (number == 2 || digit == '0') {
		uidl_name(wanted, number, name);
		*stem = fnv1a_add(FNV1A_START, name, strlen(name) - 1);
	}
	return uidl_hash_finish(fnv1a_add(*stem, &digit, 1));
}

bool uidl_was_shown(const char *wanted, uint32_t shown_hash)
{
	unsigned int number;
	uint32_t stem = 0;

	if (shown_hash == 0)
		return false;
	for (number = 1; number <= UIDL_REMEMBERED_NUMBERS; number++) {
		if (uidl_next_hash(wanted, number, &stem) == shown_hash)
			return true;
	}
	return false;
}

uint32_t uidl_storm_limit(uint32_t compared, uint32_t percent)
{
	uint32_t limit = (uint32_t)((uint64_t)compared * percent / 100);

	return limit < UIDL_STORM_MIN ? UIDL_STORM_MIN : limit;
}

/* The next of those that want the same as the first. */
static size_t
uidl_group_end(const struct uidl_numbering *numbering, size_t first)
{
	const char *wanted = numbering->sorted[first]->wanted;
	size_t end = first + 1;

	while (end < numbering->count &&
	       strcmp(numbering->sorted[end]->wanted, wanted) == 0)
		end++;
	return end;
}

/* What messages keep whatever happens goes first. */
static int uidl_give_kept(const struct uidl_numbering *numbering)
{
	size_t i;

	for (i = 0; i < numbering->count; i++) {
		if (numbering->sorted[i]->kept &&
		    uidl_give(numbering, numbering->sorted[i], 1) < 0)
			return -1;
	}
	return 0;
}

/* Returns the hash of what it was shown with, if that can be what it wants, or
   that with a number; else 0. */
static uint32_t
uidl_number_hash(const struct uidl_entry *entry, uint32_t wanted_hash)
{
	return entry->shown_numbered || entry->shown_hash == wanted_hash ?
		entry->shown_hash : 0;
}

/* Is anything gained by looking for the numbers of a group? */
static bool
uidl_group_is_numbered(const struct uidl_numbering *numbering, size_t first,
		       size_t end)
{
	const uint32_t wanted_hash =
		uidl_hash(numbering->sorted[first]->wanted);
	uint32_t hash;
	bool all_kept = true, numbered = false;
	size_t i;

	for (i = first; i < end; i++) {
		const struct uidl_entry *entry = numbering->sorted[i];

		if (entry->uidl == NULL)
			all_kept = false;
		hash = uidl_number_hash(entry, wanted_hash);
		if (hash != 0 && hash != wanted_hash)
			numbered = true;
	}
	return numbered && !all_kept;
}

/* How high may the numbers be that are looked for in each group? Where many
   groups have some, most likely all UIDLs have changed. */
static unsigned int uidl_search_limit(const struct uidl_numbering *numbering)
{
	unsigned int groups = 0, limit;
	size_t i, end;

	for (i = 0; i < numbering->count; i = end) {
		end = uidl_group_end(numbering, i);
		if (uidl_group_is_numbered(numbering, i, end))
			groups++;
	}
	if (groups <= UIDL_SEARCHED_NAMES / UIDL_SEARCHED_NUMBERS)
		return UIDL_SEARCHED_NUMBERS;
	limit = UIDL_SEARCHED_NAMES / groups;
	return limit < UIDL_REMEMBERED_NUMBERS ? UIDL_REMEMBERED_NUMBERS :
		limit;
}

/* Returns where the hash is among those of the group, or would be. */
static struct uidl_shown *
uidl_find_shown(const struct uidl_numbering *numbering, size_t size,
		uint32_t hash)
{
	size_t i = hash & (size - 1);

	while (numbering->shown[i].hash != 0 &&
	       numbering->shown[i].hash != hash)
		i = (i + 1) & (size - 1);
	return &numbering->shown[i];
}

/* Generate the names up to max once for all of the group. */
static void
uidl_search_group(const struct uidl_numbering *numbering, size_t first,
		  size_t end, unsigned int max)
{
	const char *wanted = numbering->sorted[first]->wanted;
	const uint32_t wanted_hash = uidl_hash(wanted);
	struct uidl_shown *shown;
	unsigned int number;
	uint32_t hash, stem = 0;
	size_t i, size = 2, unknown = 0;

	while (size < (end - first) * 2)
		size *= 2;
	memset(numbering->shown, 0, size * sizeof(*numbering->shown));
	for (i = first; i < end; i++) {
		hash = uidl_number_hash(numbering->sorted[i], wanted_hash);
		if (hash == 0)
			continue;
		shown = uidl_find_shown(numbering, size, hash);
		if (shown->hash == 0) {
			shown->hash = hash;
			unknown++;
		}
	}
	for (number = 1; number <= max && unknown > 0; number++) {
		hash = uidl_next_hash(wanted, number, &stem);
		shown = uidl_find_shown(numbering, size, hash);
		/* of two with the same hash, the first */
		if (shown->hash != 0 && shown->number == 0) {
			shown->number = number;
			unknown--;
		}
	}
	for (i = first; i < end; i++) {
		hash = uidl_number_hash(numbering->sorted[i], wanted_hash);
		numbering->shown_numbers[i] = hash == 0 ? 0 :
			uidl_find_shown(numbering, size, hash)->number;
	}
}

static void uidl_search_all(const struct uidl_numbering *numbering)
{
	unsigned int limit = uidl_search_limit(numbering), max;
	size_t i, end;

	for (i = 0; i < numbering->count; i = end) {
		end = uidl_group_end(numbering, i);
		if (!uidl_group_is_numbered(numbering, i, end))
			max = 1;
		else if (end - i > limit / UIDL_SEARCHED_EACH)
			max = (unsigned int)(end - i) * UIDL_SEARCHED_EACH;
		else
			max = limit;
		uidl_search_group(numbering, i, end, max);
	}
}

/* Messages keep what they were shown with. */
static int uidl_give_shown(const struct uidl_numbering *numbering)
{
	struct uidl_entry *entry;
	size_t i;

	for (i = 0; i < numbering->count; i++) {
		entry = numbering->sorted[i];
		if (entry->uidl == NULL && numbering->shown_numbers[i] > 0 &&
		    uidl_give(numbering, entry,
			      numbering->shown_numbers[i]) < 0)
			return -1;
	}
	return 0;
}

/* The others get higher numbers, and none that is another one's wish. */
static int
uidl_number_group(const struct uidl_numbering *numbering, size_t first,
		  size_t end)
{
	char name[UIDL_MAX_LENGTH + 1];
	struct uidl_entry *entry;
	unsigned int number = 0;
	size_t i;

	for (i = first; i < end; i++) {
		if (numbering->sorted[i]->uidl != NULL &&
		    numbering->shown_numbers[i] > number)
			number = numbering->shown_numbers[i];
	}
	for (i = first; i < end; i++) {
		entry = numbering->sorted[i];
		while (entry->uidl == NULL) {
			uidl_name(entry->wanted, ++number, name);
			if (number > 1 && uidl_is_wanted(numbering, name))
				continue;
			if (uidl_give(numbering, entry, number) < 0)
				return -1;
		}
	}
	return 0;
}

static int
uidl_numbering_init(struct uidl_numbering *numbering, size_t count)
{
	numbering->count = count;
	numbering->given_size = 16;
	while (numbering->given_size < count * 2)
		numbering->given_size *= 2;
	numbering->given = numbering->alloc(numbering->context,
		numbering->given_size * sizeof(*numbering->given));
	return numbering->given == NULL ? -1 : 0;
}

/* What there nearly always is: nobody wants what another one wants, nor has
   been shown with a number. Then all get what they want. */
static bool
uidl_give_all(const struct uidl_numbering *numbering,
	      struct uidl_entry *entries)
{
	const char **given;
	size_t i;

	for (i = 0; i < numbering->count; i++) {
		struct uidl_entry *entry = &entries[i];

		entry->hash = uidl_hash(entry->wanted);
		if (entry->shown_numbered &&
		    entry->shown_hash != entry->hash && !entry->kept)
			return false;
		given = uidl_find_given(numbering, entry->wanted, entry->hash);
		if (*given != NULL)
			return false;
		*given = entry->uidl = entry->wanted;
		entry->numbered = false;
	}
	return true;
}

static int uidl_sort(struct uidl_numbering *numbering,
		     struct uidl_entry *entries)
{
	size_t i, count = numbering->count;

	memset(numbering->given, 0,
	       numbering->given_size * sizeof(*numbering->given));
	numbering->sorted = numbering->alloc(numbering->context,
		count * sizeof(*numbering->sorted));
	numbering->shown_numbers = numbering->alloc(numbering->context,
		count * sizeof(*numbering->shown_numbers));
	/* given_size is enough for a group of all */
	numbering->shown = numbering->alloc(numbering->context,
		numbering->given_size * sizeof(*numbering->shown));
	if (numbering->sorted == NULL || numbering->shown_numbers == NULL ||
	    numbering->shown == NULL)
		return -1;
	for (i = 0; i < count; i++) {
		entries[i].uidl = NULL;
		numbering->sorted[i] = &entries[i];
	}
	qsort(numbering->sorted, count, sizeof(*numbering->sorted), entry_cmp);
	return 0;
}

int uidl_number_duplicates(struct uidl_entry *entries, size_t count,
			   void *(*alloc)(void *context, size_t size),
			   void *context)
{
	struct uidl_numbering numbering = {
		.alloc = alloc,
		.context = context,
	};
	size_t i, end;

	if (count == 0)
		return 0;
	if (uidl_numbering_init(&numbering, count) < 0)
		return -1;
	if (uidl_give_all(&numbering, entries))
		return 0;
	if (uidl_sort(&numbering, entries) < 0 ||
	    uidl_give_kept(&numbering) < 0)
		return -1;
	uidl_search_all(&numbering);
	if (uidl_give_shown(&numbering) < 0)
		return -1;
	for (i = 0; i < count; i = end) {
		end = uidl_group_end(&numbering, i);
		if (uidl_number_group(&numbering, i, end) < 0)
			return -1;
	}
	return 0;
}
