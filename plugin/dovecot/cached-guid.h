/* SPDX-License-Identifier: LGPL-2.1-or-later */

#ifndef POP3_POLICY_CACHED_GUID_H
#define POP3_POLICY_CACHED_GUID_H

/* The GUID that Dovecot's index cache has of a message, in one pass over what
   is cached of it. Dovecot's own lookup goes over all of it to find out whether
   it is there, and once more to find it; where thousands of messages are
   removed and each line of the journal has a GUID, that is a third of what a
   line costs. Only for sdbox and mdbox, whose GUIDs are in the message files
   and cached from there: Maildir has them in its list of files. */

struct mail;

/* Returns the GUID, or NULL if it isn't in the cache or the mailbox's format
   has it elsewhere; then mail_get_special() knows. Valid until the mail is set
   to another message. That it was asked for counts for the cache's decisions,
   as a lookup by Dovecot does. */
const char *cached_guid_find(struct mail *mail);

#endif
