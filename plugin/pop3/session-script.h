/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SESSION_SCRIPT_H
#define POP3_POLICY_SESSION_SCRIPT_H

/*
 * What the script of a POP3 session's policy is asked about the session
 * itself: may it begin, and that it has ended. Questions about messages go
 * through the judge. All of this does nothing in a session without script.
 */

struct pop3_session;

/* The client has just been created: load the script. If that fails the
   session's policy is broken. If the script has pop3_policy_login, what
   Dovecot answers to the login is held back from here on. */
void session_script_begin(struct pop3_session *session);

/* The namespaces are there: ask pop3_policy_login and give what was held back
   to the client. Returns NULL, or the "-ERR ..." line that the client shall
   hear instead (data stack). */
const char *session_script_login(struct pop3_session *session);

/* The client goes away. If its login is held back yet it has failed, and the
   client hears so. */
void session_script_release(struct pop3_session *session);

/* The client has gone. */
void session_script_logout(struct pop3_session *session);

/* The session is over; questions that follow are those of expiry. */
void session_script_end(struct pop3_session *session);

#endif
