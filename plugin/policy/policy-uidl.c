/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pop3-policy/uidl.h"
#include "fnv.h"

#include <stdlib.h>
#include <string.h>

/* "-" and the digits of an unsigned int */
#define SUFFIX_MAX_LENGTH 11

struct uidl_numbering {
	/* all entries, by what they want and then by UID */
	struct uidl_entry **sorted;
	size_t count;
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

/* Which number was it shown with? 0 = unknown, or none up to max. */
static unsigned int
uidl_shown_number(const struct uidl_entry *entry, unsigned int max)
{
	char name[UIDL_MAX_LENGTH + 1], suffix[SUFFIX_MAX_LENGTH + 1];
	const size_t length = strlen(entry->wanted);
	const uint32_t start = uidl_hash_add(FNV1A_START, entry->wanted);
	unsigned int number;
	uint32_t hash;

	if (entry->shown_hash == 0)
		return 0;
	for (number = 1; number <= max; number++) {
		if (length + uidl_suffix(number, suffix) <= UIDL_MAX_LENGTH) {
			hash = uidl_hash_finish(uidl_hash_add(start, suffix));
		} else {
			uidl_name(entry->wanted, number, name);
			hash = uidl_hash(name);
		}
		if (hash == entry->shown_hash)
			return number;
	}
	return 0;
}

bool uidl_was_shown(const char *wanted, uint32_t shown_hash)
{
	const struct uidl_entry entry = {
		.wanted = wanted,
		.shown_hash = shown_hash,
	};

	return uidl_shown_number(&entry, UIDL_REMEMBERED_NUMBERS) > 0;
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

/* Messages keep what they were shown with. */
static int
uidl_keep_group(const struct uidl_numbering *numbering, size_t first,
		size_t end)
{
	unsigned int number,
		max = (unsigned int)(end - first) + UIDL_REMEMBERED_NUMBERS;
	size_t i;

	for (i = first; i < end; i++) {
		if (numbering->sorted[i]->uidl != NULL)
			continue;
		number = uidl_shown_number(numbering->sorted[i], max);
		if (number > 0 &&
		    uidl_give(numbering, numbering->sorted[i], number) < 0)
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
	unsigned int number = 0, kept,
		max = (unsigned int)(end - first) + UIDL_REMEMBERED_NUMBERS;
	size_t i;

	for (i = first; i < end; i++) {
		entry = numbering->sorted[i];
		kept = entry->uidl == NULL ? 0 :
			uidl_shown_number(entry, max);
		if (kept > number)
			number = kept;
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
		if (entry->shown_hash != 0 &&
		    entry->shown_hash != entry->hash && !entry->kept)
			return false;
		given = uidl_find_given(numbering, entry->wanted, entry->hash);
		if (*given != NULL)
			return false;
		*given = entry->uidl = entry->wanted;
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
	if (numbering->sorted == NULL)
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
	for (i = 0; i < count; i = end) {
		end = uidl_group_end(&numbering, i);
		if (uidl_keep_group(&numbering, i, end) < 0)
			return -1;
	}
	for (i = 0; i < count; i = end) {
		end = uidl_group_end(&numbering, i);
		if (uidl_number_group(&numbering, i, end) < 0)
			return -1;
	}
	return 0;
}
