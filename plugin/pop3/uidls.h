/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_UIDLS_H
#define POP3_POLICY_UIDLS_H

/*
 * The UIDLs of a session's messages. They are made when the client first asks
 * for one, for all messages at once, compared with those shown before, and
 * handed to Dovecot, which lists them as if they were its own. They come from
 * the script, or where it passes from the policy's key uidl: Dovecot's
 * settings or a secret key.
 */

struct pop3_session;
struct uidls;

/* Are they others than Dovecot's own? */
bool uidls_are_own(const struct pop3_session *session);

/* The client is about to ask. Returns NULL if Dovecot may answer, else the
   whole "-ERR ..." line (without CRLF, static) that answers it. */
const char *uidls_prepare(struct pop3_session *session);

/* While they are made (session->making_uidls): the UIDL that a message would
   have if the script passed. Returns 0, or -1 and *error_r (data stack).
   *uidl_r is valid until the next call. */
int uidls_get_base(struct uidls *uidls, uint32_t seq, const char **uidl_r,
		   const char **error_r);

#endif
