/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_MAILDIR_MTIMES_H
#define POP3_POLICY_MAILDIR_MTIMES_H

/*
 * When was something last added to, removed from or flagged in a Maildir?
 * Each of that changes the mtime of cur/ or new/. Tells a QUIT that nobody has
 * flagged anything since the session read the mailbox.
 */

#include "lib.h"

struct mailbox;

struct maildir_mtimes {
	struct timespec cur, new;
};

/* Note the mtimes before Dovecot reads the Maildir. All zero if they can't be
   told, or lie so little back that another change might not change them. */
void maildir_mtimes_note(struct mailbox *box, struct maildir_mtimes *mtimes_r);

/* Is the Maildir certainly as it was when this was noted? */
bool maildir_mtimes_are_same(struct mailbox *box,
			     const struct maildir_mtimes *mtimes);

#endif
