/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_DELIVERY_H
#define POP3_POLICY_DELIVERY_H

/*
 * Did the client get the message? SENT: the kernel has all of it. CONFIRMED:
 * SENT, and then a command arrived that was not in the input before that
 * (RFC 1939 has no acknowledgement; a client's next command is the nearest
 * thing to one). The tracker only watches streams; what follows from it is
 * the session's business.
 */

#include "lib.h"

struct pop3_session;
struct delivery;

/* After client->output and client->input are in place, before the command
   filter is attached. Watches the flushing of client->output. */
struct delivery *delivery_init(struct pop3_session *session);
/* What has not been confirmed by now never is. */
void delivery_deinit(struct delivery **delivery);

/* Dovecot has put message seq whole into client->output, the final "." as
   well. pop3_session_sent() is called when the kernel has taken it, never
   from within this function. */
void delivery_handed_over(struct delivery *delivery, uint32_t seq);

/* Try to flush the output, so that what has been handed over becomes SENT.
   Returns FALSE if something has to wait for the client, TRUE if nothing
   does (any more; a broken connection is not waited for). Costs nothing while
   no message waits. */
bool delivery_flush(struct delivery *delivery);

/* A command line begins at this absolute offset of the input that the client
   sent (offset 0 = where the tracker began). Calls pop3_session_confirmed()
   for each message that it confirms. Costs nothing while no message waits. */
void delivery_command(struct delivery *delivery, uoff_t offset);

/* Bytes of the input that have been taken out of the socket so far, on the
   scale of delivery_command(); kept up to date by the command filter. */
void delivery_input_received(struct delivery *delivery, uoff_t offset);

#endif
