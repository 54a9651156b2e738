/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SHOWN_UIDL_H
#define POP3_POLICY_SHOWN_UIDL_H

/*
 * The UIDL and the size that Dovecot shows to a session's client.
 */

#include "pop3-common.h"

struct mail;
struct shown_uidl;

/* has_own: the session has UIDLs of its own, which uidls.h gives to Dovecot
   when the client asks. */
struct shown_uidl *shown_uidl_init(struct client *client, bool has_own);
void shown_uidl_deinit(struct shown_uidl **shown);

/* Returns the message's UIDL (valid until the next call), or NULL where that
   could only be found out by opening the message, or by formats that are not
   among the usual ones, or where the session's own are not known yet. */
const char *shown_uidl_get(struct shown_uidl *shown, struct mail *mail);
/* The UIDL that Dovecot alone would show, whatever it takes. *permanent_r:
   the storage has it already. Returns 0, or -1 and *error_r (data stack).
   *uidl_r is valid until the next call. */
int shown_uidl_compute(struct shown_uidl *shown, struct mail *mail,
		       const char **uidl_r, bool *permanent_r,
		       const char **error_r);
/* Number of the message with this sequence, from 0. Returns FALSE if the
   session doesn't see it. */
bool shown_uidl_get_msgnum(const struct shown_uidl *shown, uint32_t seq,
			   uint32_t *msgnum_r);
/* In bytes; UOFF_T_MAX if the session doesn't see the message. */
uoff_t shown_uidl_get_size(struct shown_uidl *shown, struct mail *mail);

#endif
