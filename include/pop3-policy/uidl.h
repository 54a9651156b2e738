/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_UIDL_H
#define POP3_POLICY_UIDL_H

/*
 * Unique-ids of messages (RFC 1939 section 7): what one may look like, and
 * what is done where two messages of a maildrop would have the same. Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RFC 1939: one to 70 characters in the range 0x21 to 0x7E. */
#define UIDL_MAX_LENGTH 70

bool uidl_is_valid(const char *uidl);

/* What history keeps of a UIDL; never 0. */
uint32_t uidl_hash(const char *uidl);

/*
 * Of what a message was shown with only the hash is kept, and whether it had a
 * number. Which one that was is found by trying one after the other, about 30
 * instructions each. Without a number nothing is tried: among so many names
 * one would sooner or later have the hash of something else.
 */

/* Numbers up to this are found whatever else there is. A message that comes
   alone costs so many. */
#define UIDL_REMEMBERED_NUMBERS 1000

/* uidl_number_duplicates() tries a number once for all messages that want the
   same, up to the first of these, or so many times as many as there are
   messages, whichever is more. So one of them keeps its number also when
   nearly all of the others are gone. */
#define UIDL_SEARCHED_NUMBERS 100000
#define UIDL_SEARCHED_EACH 10

/* Where numbers are unknown of so many different ones that it would try more
   than this altogether (what senders can do, or a change of all UIDLs), each
   gets an equal part of it in place of UIDL_SEARCHED_NUMBERS, but no less than
   UIDL_REMEMBERED_NUMBERS. */
#define UIDL_SEARCHED_NAMES 10000000

struct uidl_entry {
	/* What the message's UIDL should be; valid. */
	const char *wanted;
	/* The message keeps exactly that one, whatever was shown before; others
	   that want it are numbered. */
	bool kept;
	/* Had the one that was shown before a number behind it, and has this
	   one? */
	bool shown_numbered, numbered;
	/* uidl_hash() of the one that was shown before, 0 = none was */
	uint32_t shown_hash;
	/* What it is: wanted, or wanted with a number behind it */
	const char *uidl;
	/* uidl_hash() of that */
	uint32_t hash;
};

/* Give each message of a maildrop a UIDL that no other has. entries: all
   messages, those that a session doesn't see included, in the order of UIDs;
   uidl, numbered and hash are set in each. A message keeps the number that it
   was shown with, also when those that it was counted against are gone, as long
   as it is one of those that are tried (see above); one that was never shown
   gets a number that is higher than all of the others. Where a number doesn't
   fit, the end of wanted gives way. Names that are made are allocated as alloc
   does (zeroed memory, or NULL). Returns 0, or -1 if there is no memory. */
int uidl_number_duplicates(struct uidl_entry *entries, size_t count,
			   void *(*alloc)(void *context, size_t size),
			   void *context);

/* Was a message that wants this UIDL shown with it, or with it and a number up
   to UIDL_REMEMBERED_NUMBERS? */
bool uidl_was_shown(const char *wanted, uint32_t shown_hash);

/* So many may change without more ado, however few messages there are. */
#define UIDL_STORM_MIN 20

/* How many of the UIDLs that were compared with those shown before may have
   changed? */
uint32_t uidl_storm_limit(uint32_t compared, uint32_t percent);

#endif
