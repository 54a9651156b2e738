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

/* Do it for a whole mailbox that is open, synced and writable, in a
   transaction of its own. Returns 0, or -1 and error_r (data stack); then
   nothing was changed and a later call does it. */
int hidden_keyword_update(struct mailbox *box, struct history *history,
			  int64_t now, const char **error_r);

/* Hide one message, keyword included, in a transaction of the caller's.
   Returns 0, or -1 and error_r (data stack). */
int hidden_keyword_hide(struct mail *mail, struct history *history,
			int64_t now, const char **error_r);

#endif
