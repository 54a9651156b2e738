/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_GUARD_H
#define POP3_POLICY_GUARD_H

/*
 * Hold and minimum retention against every program that loads the plugin:
 * what they protect in the INBOX is not expunged, moved away, deleted or
 * renamed with it, and keywords that the hold names stay on. Nothing is read
 * before somebody tries. dsync is exempt, or both sides would never agree;
 * force-resync and purge do not come by here, and keep what is held.
 *
 * Decided at commit, with fresh flags; what may go goes, what may not stays
 * and the caller hears of it from the next sync of the mailbox: a commit that
 * failed would undo the rest, or make IMAP's EXPUNGE stop half way.
 *
 * A POP3 session's own mailbox is not guarded here: it asks the same policy,
 * and more (plugin/pop3/mailbox.c).
 */

struct mailbox;
struct mail;

/* Hooks, called by plugin.c. */
void pop3_policy_guard_mailbox_allocated(struct mailbox *box);
void pop3_policy_guard_mail_allocated(struct mail *mail);

/* Whoever uses this mailbox asks the policy before it removes anything:
   expiry. */
void pop3_policy_guard_exempt(struct mailbox *box);

#endif
