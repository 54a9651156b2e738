/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_MAILDIR_NAMES_H
#define POP3_POLICY_MAILDIR_NAMES_H

/*
 * What the names of a Maildir's files say. Dovecot's sync passes over a file
 * that can't be renamed, without an error where the disk is full or quota
 * exceeded; the next session takes the name for the truth.
 */

#include "seq-range-array.h"

struct mailbox;

/* Add those of these UIDs whose file names have the letter of this keyword to
   found. box: open, a Maildir. Where the keyword has no letter (there are only
   26) it is in the index alone, and all of them are added. Returns 0, or -1
   and error_r (data stack). */
int maildir_names_with_keyword(struct mailbox *box, const char *keyword,
			       const ARRAY_TYPE(seq_range) *uids,
			       ARRAY_TYPE(seq_range) *found,
			       const char **error_r);

#endif
