/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_UIDL_LIST_H
#define POP3_POLICY_UIDL_LIST_H

/*
 * The answers to UIDL from session->uidls. Dovecot's own formats and sends each
 * line by itself, which takes most of its time, and wants an array of pointers.
 */

struct pop3_session;

/* UIDL without an argument. All commands before it have been executed. Returns
   TRUE if all of the answer is in the output, FALSE if the client is to read
   some of it first: then it goes on as client->cmd. */
bool uidl_list_begin(struct pop3_session *session);

/* UIDL of this message, from 0, which is not marked as deleted. */
void uidl_list_one(struct pop3_session *session, uint32_t msgnum);

#endif
