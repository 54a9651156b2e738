/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_CAPABILITIES_H
#define POP3_POLICY_CAPABILITIES_H

/*
 * The answer to CAPA after login: Dovecot's own, and what the policy in force
 * adds to it (RFC 2449): EXPIRE, and LOGIN-DELAY where the auth process has
 * said that it keeps one.
 */

struct pop3_session;

/* Is there anything to add? */
bool capabilities_are_changed(struct pop3_session *session);
/* Send the whole answer. */
void capabilities_send(struct pop3_session *session);

#endif
