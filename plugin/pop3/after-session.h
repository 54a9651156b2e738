/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_AFTER_SESSION_H
#define POP3_POLICY_AFTER_SESSION_H

/*
 * What a session leaves for the time after the client has gone: keywords,
 * expiry, and where the messages with kept UIDLs are. The socket is closed, the namespaces are still there.
 */

struct pop3_session;

/* Opens the user's INBOX anew and does what session->keywords_pending,
   session->expiry_pending and session->kept_uidls_stale ask for. Failures are logged; a later session does
   what could not be done. */
void after_session_run(struct pop3_session *session);

#endif
