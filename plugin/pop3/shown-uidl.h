/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SHOWN_UIDL_H
#define POP3_POLICY_SHOWN_UIDL_H

/*
 * The number, the UIDL and the size under which a session's client sees a
 * message.
 */

#include "pop3-common.h"

struct dovecot_uidl_settings;
struct mail;
struct pop3_session;
struct shown_uidl;

/* Dovecot's settings of UIDLs in this session; valid as long as the client. */
void shown_uidl_get_settings(const struct client *client,
			     struct dovecot_uidl_settings *set_r);

struct shown_uidl *shown_uidl_init(struct pop3_session *session);
void shown_uidl_deinit(struct shown_uidl **shown);

/* Returns the message's UIDL (valid until the next call), or NULL where that
   could only be found out by opening the message, or by formats that are not
   among the usual ones, or where the session's own are not known yet, which
   uidls.h makes when the client asks. */
const char *shown_uidl_get(struct shown_uidl *shown, struct mail *mail);
/* Number of the message with this sequence, from 0. Returns FALSE if the
   session doesn't see it. */
bool shown_uidl_get_msgnum(const struct shown_uidl *shown, uint32_t seq,
			   uint32_t *msgnum_r);
/* In bytes; UOFF_T_MAX if the session doesn't see the message. */
uoff_t shown_uidl_get_size(struct shown_uidl *shown, struct mail *mail);

#endif
