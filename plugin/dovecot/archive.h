/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_ARCHIVE_H
#define POP3_POLICY_ARCHIVE_H

/*
 * Moves messages of the INBOX to other mailboxes of the same user. The copies
 * are committed, which makes them durable, before the removal of the originals
 * is: Dovecot finishes a committed removal at the next login even after a
 * crash. Flags, keywords, received date and GUID are kept; \Deleted is not,
 * since it would lose the mail at the next EXPUNGE.
 *
 * A crash between the two commits leaves copy and original. The originals are
 * marked in the history first, and a marked one is looked for in the archive
 * by its GUID before it is copied again; so is one whose history is unknown.
 */

#include "seq-range-array.h"

struct mail;
struct mailbox;
struct history;
struct archive;

/* src: the INBOX, open; it and history must outlive the archive. */
struct archive *archive_init(struct mailbox *src, struct history *history);
/* What was not committed is forgotten: no copies, the originals stay. */
void archive_deinit(struct archive **archive);

/* This message is to be moved by the next archive_commit(). mailbox: as it
   stands in the policy file, "/" between the levels; opened, and created if it
   is missing. Returns 0, or -1 and error_r (data stack) if it can't be used. */
int archive_mail(struct archive *archive, struct mail *mail,
		 const char *mailbox, const char **error_r);

/* Forget what was not committed. */
void archive_rollback(struct archive *archive);

/* Copy the messages, commit the copies, then the removal of the originals.
   UIDs of messages that were moved are added to moved, those of others, which
   stay, to failed; those that somebody else has removed, to neither. Returns
   0 if nothing failed, else -1 and error_r (data stack), the first error.

   Takes a lock beside the INBOX's index, so that two processes don't copy the
   same message. Unlock, or deinit, after the INBOX has been synced: only then
   do others see that the originals are gone. */
int archive_commit(struct archive *archive, ARRAY_TYPE(seq_range) *moved,
		   ARRAY_TYPE(seq_range) *failed, const char **error_r);

void archive_unlock(struct archive *archive);

#endif
