/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_UIDLS_H
#define POP3_POLICY_UIDLS_H

/*
 * The UIDLs of a session's messages. They are made when the client first asks
 * for one (see mailbox-uidls.h), for all messages at once, and compared with
 * those shown before. uidl-list.h answers with them; Dovecot gets them only if
 * it logs how they change.
 */

struct pop3_session;

/* May they be others than Dovecot's own? A stat(), or less. */
bool uidls_may_be_own(const struct pop3_session *session);

/* The client is about to ask. Returns NULL if it may be answered: from
   session->uidls, or where that is NULL by Dovecot. Else the whole "-ERR ..."
   line (without CRLF, static) that answers it. */
const char *uidls_prepare(struct pop3_session *session);

#endif
