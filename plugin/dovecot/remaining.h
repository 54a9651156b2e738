/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_REMAINING_H
#define POP3_POLICY_REMAINING_H

/*
 * Is removed mail really gone? Storages carry on where a file can't be
 * unlinked: Maildir keeps the message, sdbox forgets it and leaves the file,
 * to be found again by a rebuild.
 */

#include "seq-range-array.h"

struct mailbox;

/* Add those of these UIDs, whose removal was committed and synced, that are
   still there to remaining. */
void remaining_find(struct mailbox *box, const ARRAY_TYPE(seq_range) *uids,
		    ARRAY_TYPE(seq_range) *remaining);
/* The same, but only those that the index has. */
void remaining_find_in_index(struct mailbox *box,
			     const ARRAY_TYPE(seq_range) *uids,
			     ARRAY_TYPE(seq_range) *remaining);

#endif
