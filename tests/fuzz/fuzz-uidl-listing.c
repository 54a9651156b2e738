/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * libFuzzer target: any bytes as another server's listing, matched and
 * compared with a mailbox that is made of the same bytes. Besides the
 * sanitizers it checks what the headers promise: a listing or errors, valid
 * UIDLs, matches that are the same from both sides and true.
 * tests/fuzz/run builds and runs it.
 */

#include "pop3-policy/uidl.h"
#include "pop3-policy/uidl-verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_MESSAGES 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_mailbox {
	/* one byte a message, which is all that there is of it */
	const uint8_t *data;
	char value[64];
};

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void
count_error(void *context, const char *file, unsigned int line,
	    unsigned int column, const char *text)
{
	size_t *errors = context;

	require(strcmp(file, "fuzz") == 0 && strpbrk(text, "\r\n") == NULL);
	require(line > 0 && column > 0);
	(*errors)++;
}

static int get_size(void *context, size_t message, uint64_t *size_r)
{
	const struct fuzz_mailbox *mailbox = context;

	*size_r = mailbox->data[message] & 15;
	return 1;
}

static int
get_identity(void *context, size_t message, enum uidl_identity identity,
	     const char **value_r)
{
	struct fuzz_mailbox *mailbox = context;
	const unsigned int byte = mailbox->data[message];

	*value_r = mailbox->value;
	switch (identity) {
	case UIDL_IDENTITY_CONTENT:
	case UIDL_IDENTITY_GUID_128:
		snprintf(mailbox->value, sizeof(mailbox->value), "%032u",
			 byte & 7);
		return 1;
	case UIDL_IDENTITY_GUID:
		snprintf(mailbox->value, sizeof(mailbox->value), "%c.",
			 'a' + (byte & 7));
		return 1;
	case UIDL_IDENTITY_MESSAGE_ID:
		snprintf(mailbox->value, sizeof(mailbox->value), "<%c>",
			 'a' + (byte & 3));
		return byte < 0xF0 ? 1 : 0;
	case UIDL_IDENTITY_NONE:
		break;
	}
	abort();
}

static void
require_true(const struct uidl_listing_entry *entry,
	     const struct uidl_match *match, struct fuzz_mailbox *mailbox)
{
	const char *value;
	uint64_t size;

	if (match->result == UIDL_MATCH_BY_SIZE) {
		require(get_size(mailbox, match->message, &size) > 0);
		require(size == entry->size);
	} else {
		require(get_identity(mailbox, match->message, entry->identity,
				     &value) > 0);
		require(strcmp(value, entry->value) == 0);
	}
}

/* Some messages are hidden, some have a UIDL of the listing. */
static void
verify(const struct uidl_listing *listing,
       const struct uidl_match_source *source,
       const struct uidl_matches *matches, const uint8_t *data)
{
	const char *shown[MAX_MESSAGES];
	struct uidl_verification *result;
	const struct uidl_verify_entry *entry;
	size_t i, states[UIDL_VERIFY_STATES] = { 0 };
	bool no_memory;

	for (i = 0; i < source->count; i++) {
		shown[i] = data[i] % 7 == 0 ? NULL :
			listing->count == 0 || data[i] % 5 == 0 ? "other" :
			listing->entries[data[i] % listing->count].uidl;
	}
	result = uidl_verify(listing, source, matches, shown, &no_memory);
	require(result != NULL);
	for (i = 0; i < listing->count; i++) {
		entry = &result->entries[i];
		states[entry->state]++;
		require((entry->reason == NULL) ==
			(entry->state == UIDL_VERIFY_SAME));
		if (entry->state == UIDL_VERIFY_SAME) {
			require(strcmp(shown[entry->message],
				       listing->entries[i].uidl) == 0);
			require(!result->are_new[entry->message]);
		}
	}
	for (i = 0; i < source->count; i++) {
		if (result->are_new[i]) {
			states[UIDL_VERIFY_NEW]++;
			require(shown[i] != NULL);
		}
	}
	require(memcmp(states, result->counts, sizeof(states)) == 0);
	uidl_verification_free(&result);
}

static void
match(const struct uidl_listing *listing, const uint8_t *data, size_t size)
{
	struct fuzz_mailbox mailbox = { .data = data };
	const struct uidl_match_source source = {
		.count = size < MAX_MESSAGES ? size : MAX_MESSAGES,
		.get_size = get_size,
		.get_identity = get_identity,
		.context = &mailbox,
	};
	struct uidl_matches *matches;
	const struct uidl_match *entry;
	size_t i, matched = 0;
	bool no_memory;

	matches = uidl_match(listing, &source, &no_memory);
	require(matches != NULL);
	for (i = 0; i < listing->count; i++) {
		entry = &matches->entries[i];
		require((entry->message != UIDL_MATCH_NOTHING) ==
			(entry->result >= UIDL_MATCH_BY_CONTENT));
		require(listing->entries[i].is_duplicate ==
			(entry->result == UIDL_MATCH_DUPLICATE));
		if (entry->message == UIDL_MATCH_NOTHING)
			continue;
		require(matches->messages[entry->message] == i);
		require_true(&listing->entries[i], entry, &mailbox);
		matched++;
	}
	for (i = 0; i < source.count; i++) {
		if (matches->messages[i] != UIDL_MATCH_NOTHING)
			matched--;
	}
	require(matched == 0);
	verify(listing, &source, matches, data);
	uidl_matches_free(&matches);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t mailbox_size = size / 3;
	struct uidl_listing *listing;
	size_t i, errors = 0;

	listing = uidl_listing_parse("fuzz", (const char *)data + mailbox_size,
				     size - mailbox_size, count_error,
				     &errors);
	require((listing == NULL) == (errors > 0));
	if (listing != NULL) {
		for (i = 0; i < listing->count; i++)
			require(uidl_is_valid(listing->entries[i].uidl));
		match(listing, data, mailbox_size);
	}
	uidl_listing_free(&listing);
	return 0;
}
