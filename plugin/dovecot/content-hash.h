/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_CONTENT_HASH_H
#define POP3_POLICY_CONTENT_HASH_H

/*
 * What a message is, whichever server and mailbox format it lies in: a hash
 * of its content less what these change. Hashed are all header lines but
 * those in which mbox files keep state (Content-Length, Status, X-IMAP,
 * X-IMAPbase, X-Keywords, X-Status, X-UID, X-UIDL), then the body; line ends
 * are LF (with any number of CR before it), those at the very end don't count.
 * It is kept in Dovecot's index cache, so that a message is read once.
 */

struct mail;
struct mailbox;
struct mailbox_transaction_context;

/* The first bytes of SHA-256 */
#define CONTENT_HASH_BYTES 16

/* Returns what the functions below want as field. The mailbox must be open. */
unsigned int content_hash_register(struct mailbox *box);

/* Returns TRUE if it is in the cache. */
bool content_hash_lookup(struct mailbox_transaction_context *trans,
			 uint32_t seq, unsigned int field,
			 unsigned char hash_r[CONTENT_HASH_BYTES]);
/* Reads the message and puts the hash into the cache, with the mail's
   transaction. Returns 0, or -1 and *error_r (data stack). */
int content_hash_read(struct mail *mail, unsigned int field,
		      unsigned char hash_r[CONTENT_HASH_BYTES],
		      const char **error_r);

#endif
