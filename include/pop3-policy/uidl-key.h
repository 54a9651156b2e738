/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_UIDL_KEY_H
#define POP3_POLICY_UIDL_KEY_H

/*
 * Keyed UIDLs: SipHash-2-4-128 under a secret key over what a message is known
 * by, in 22 characters of base64url (RFC 4648). Nobody who doesn't have the key
 * can tell from them what mail there is, or make one. Pure.
 */

#include <stddef.h>
#include <stdint.h>

#define UIDL_KEY_BYTES 16
/* The one in use, and those that were before it. */
#define UIDL_KEYS_MAX 8

struct uidl_key_list {
	unsigned char keys[UIDL_KEYS_MAX][UIDL_KEY_BYTES];
	unsigned int count;
};

/* Parse the setting pop3_policy_uidl_key: one or several keys with blanks or
   ends of lines between them, the one in use first. A key is 32 to 128
   hexadecimal digits, an even number of them. Of a longer one than 32 digits
   the first 128 bits are the key of a SipHash over the others, whose result is
   used. Returns NULL, or what is wrong (static text that doesn't contain the
   key), and then there is no key. */
const char *uidl_keys_parse(const char *text, struct uidl_key_list *keys_r);

/* What a message is known by; the first byte of what goes into the function,
   so that one kind never looks like another one. */
enum uidl_kind {
	/* UIDVALIDITY and UID, four bytes each, the highest first */
	UIDL_KIND_UID = 'U',
	/* The GUID's characters */
	UIDL_KIND_GUID = 'G',
	/* The first 16 bytes of the SHA-256 of the message's content */
	UIDL_KIND_CONTENT = 'C',
};

/* More than a file name, which a Maildir's GUID may be. */
#define UIDL_DATA_MAX 511
#define UIDL_KEYED_BYTES 16
#define UIDL_KEYED_LENGTH 22

/* data: at most UIDL_DATA_MAX bytes. */
void uidl_keyed(const unsigned char key[UIDL_KEY_BYTES], enum uidl_kind kind,
		const void *data, size_t size,
		unsigned char bytes_r[UIDL_KEYED_BYTES]);
/* As a UIDL */
void uidl_keyed_encode(const unsigned char bytes[UIDL_KEYED_BYTES],
		       char uidl_r[UIDL_KEYED_LENGTH + 1]);

/* The same for the same keys in the same order and the same number, and next
   to never for others; tells nothing about the keys. Never 0. */
uint32_t uidl_keys_fingerprint(const struct uidl_key_list *keys,
			       uint32_t number);

#endif
