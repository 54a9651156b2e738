/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_DELE_ANSWER_H
#define POP3_POLICY_DELE_ANSWER_H

/*
 * Executes a DELE that policy has allowed in Dovecot's place, which costs a
 * fraction: Dovecot creates events for each command that it executes. Not the
 * first one of a session or behind a RSET, for which Dovecot makes ready what
 * marks are kept in, and not where somebody listens to events.
 */

struct pop3_session;

bool dele_may_answer(const struct pop3_session *session);
/* RFC 1939 5, DELE: mark the message, from 0, and answer. It exists and is not
   marked yet. Only if dele_may_answer(); the output is corked. Returns FALSE
   if the client has to read first. */
bool dele_answer(struct pop3_session *session, uint32_t msgnum);

#endif
