/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_MAILBOX_H
#define POP3_POLICY_MAILBOX_H

/*
 * What a POP3 session under policy does to its INBOX: hides messages from the
 * first scan, notices what was sent, lets a removal through or not, and
 * writes the history. Mailboxes outside such a session are left alone.
 */

struct mailbox;
struct mail;

/* Hooks, called by plugin.c. Returns TRUE if it is the session's mailbox. */
bool pop3_policy_mailbox_allocated(struct mailbox *box);
void pop3_policy_mail_allocated(struct mail *mail);

#endif
