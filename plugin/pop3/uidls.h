/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_UIDLS_H
#define POP3_POLICY_UIDLS_H

/*
 * The UIDLs of a session's messages. They are made when the client first asks
 * for one (see mailbox-uidls.h), for all messages at once, compared with those
 * shown before, and handed to Dovecot, which lists them as if they were its
 * own.
 */

struct pop3_session;

/* May they be others than Dovecot's own? A stat(), or less. */
bool uidls_may_be_own(const struct pop3_session *session);

/* The client is about to ask. Returns NULL if Dovecot may answer, else the
   whole "-ERR ..." line (without CRLF, static) that answers it. */
const char *uidls_prepare(struct pop3_session *session);

#endif
