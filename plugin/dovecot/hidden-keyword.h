/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_HIDDEN_KEYWORD_H
#define POP3_POLICY_HIDDEN_KEYWORD_H

/*
 * Keeps the keyword $POP3Hidden in step with the history: what a session has
 * hidden gets it afterwards (on Maildir that renames files, which is not done
 * while the client waits), a keyword without a date gets one, and the record
 * of a hiding that an IMAP user has undone by taking the keyword off is
 * cleared.
 */

#include "seq-range-array.h"

struct mail;
struct mailbox;
struct mail_index_view;
struct history;

/* Add all messages of the view that are hidden to seqs. is_pending_r: is there
   anything to do for hidden_keyword_update()? */
void hidden_keyword_scan(struct history *history, struct mail_index_view *view,
			 ARRAY_TYPE(seq_range) *seqs, bool *is_pending_r);

/* Do it for a whole mailbox that is open, synced and writable, in transactions
   of its own. Returns 0, or -1 and error_r (data stack); then what is still to
   be done is done by a later call. */
int hidden_keyword_update(struct mailbox *box, struct history *history,
			  int64_t now, const char **error_r);

/* Hide one message, keyword included, in a transaction of the caller's, who
   confirms it after the sync that follows the commit. Returns 0, or -1 and
   error_r (data stack). */
int hidden_keyword_hide(struct mail *mail, struct history *history,
			int64_t now, const char **error_r);

/* mailbox_sync(). failed_r: something failed that Dovecot logs and passes over,
   as Maildir does where a file can't be renamed. Then the keyword may be missing
   from the mail itself. */
int hidden_keyword_sync(struct mailbox *box, bool *failed_r);

/* The sync went well: note in the records of these UIDs that they have the
   keyword, so that from then on the keyword alone says whether they are
   hidden. Returns 0, or -1 and error_r (data stack): some have not, their
   records still hide them. */
int hidden_keyword_confirm(struct mailbox *box, struct history *history,
			   const ARRAY_TYPE(seq_range) *uids, int64_t now,
			   const char **error_r);

#endif
