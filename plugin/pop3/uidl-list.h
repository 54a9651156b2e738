/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_UIDL_LIST_H
#define POP3_POLICY_UIDL_LIST_H

/*
 * The answer to UIDL without an argument, from client->message_uidls. Dovecot's
 * own formats and sends each line by itself, which takes most of its time.
 */

struct pop3_session;

/* All commands before it have been executed. Returns TRUE if all of the answer
   is in the output, FALSE if the client is to read some of it first: then it
   goes on as client->cmd. */
bool uidl_list_begin(struct pop3_session *session);

#endif
