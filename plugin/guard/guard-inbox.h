/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_GUARD_INBOX_H
#define POP3_POLICY_GUARD_INBOX_H

/*
 * Which mailboxes are the INBOX that a policy is about, and whose policy that
 * is. It may have other names: an alias namespace, a symbolic link.
 */

struct mailbox;
struct mail_user;

/* Is this somebody's INBOX? The mailbox need not be open. */
bool guard_inbox_is(struct mailbox *box);

/* Is it a second name of a mailbox, by a symbolic link? Deleting or renaming
   that leaves the mail where it is. */
bool guard_inbox_is_link(struct mailbox *box);

/* Whose INBOX? In a shared namespace that is not who has logged in. Never
   NULL; lives as long as the mailbox's storage. */
struct mail_user *guard_inbox_owner(struct mailbox *box);

/* The list that has the INBOX which this is, by whatever name. */
struct mailbox_list *guard_inbox_list(struct mailbox *box);

#endif
