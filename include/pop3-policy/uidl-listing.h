/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_UIDL_LISTING_H
#define POP3_POLICY_UIDL_LISTING_H

/*
 * Which UIDLs another server shows, as a file says it. Pure. A file has one
 * of these forms, with LF or CRLF:
 *
 *   NUMBER UIDL [SIZE]
 *	a line for each message. Or what a POP3 session answers to UIDL and
 *	LIST, one after the other; "+OK ..." and "." may stand around each of
 *	them, a line UIDL or LIST in front of it says which one it is.
 *
 *   UIDL<TAB>IDENTITY
 *	with one of: the Message-ID in angle brackets; the message's GUID as
 *	Dovecot knows it, or the 32 hexadecimal digits that Dovecot makes of
 *	it; 64 hexadecimal digits of SHA-256 of its content, see
 *	content-hash.h.
 *
 * Blank lines don't count. A maildrop without messages is a line with a ".":
 * a file without anything is an error, since it is also what is left where
 * the old server could not be asked.
 */

#include "pop3-policy/policy.h"

/* A million messages take a quarter of this. */
#define UIDL_LISTING_MAX_BYTES (512 * 1024 * 1024)
/* RFC 5322: a line of a header has at most 998 characters. */
#define UIDL_IDENTITY_MAX_LENGTH 998

enum uidl_identity {
	/* only a number */
	UIDL_IDENTITY_NONE = 0,
	/* first half of SHA-256, 32 hexadecimal digits in lower case */
	UIDL_IDENTITY_CONTENT,
	/* 32 hexadecimal digits in lower case */
	UIDL_IDENTITY_GUID_128,
	UIDL_IDENTITY_GUID,
	/* with its angle brackets */
	UIDL_IDENTITY_MESSAGE_ID,
};
#define UIDL_IDENTITY_COUNT (UIDL_IDENTITY_MESSAGE_ID + 1)

struct uidl_listing_entry {
	/* valid, see uidl.h */
	const char *uidl;
	enum uidl_identity identity;
	/* NULL for UIDL_IDENTITY_NONE */
	const char *value;
	/* in bytes with CRLF, if the listing has_sizes */
	uint64_t size;
	/* of the file, from 1 */
	unsigned int line;
	/* Other messages of the listing have the same UIDL. */
	bool is_duplicate;
};

/* In the order of the file, which is that of the maildrop where messages have
   numbers. */
struct uidl_listing {
	struct policy_arena *arena;
	const struct uidl_listing_entry *entries;
	size_t count;
	bool has_sizes;
};

/* name: for errors. data: size bytes, any bytes at all; not needed later on.
   Returns a listing, or NULL after reporting at least one error (some dozens
   at most). report may be NULL. */
struct uidl_listing *
uidl_listing_parse(const char *name, const char *data, size_t size,
		   policy_error_func_t *report, void *context);
/* NULL is allowed. */
void uidl_listing_free(struct uidl_listing **listing);

#endif
