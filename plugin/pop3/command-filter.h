/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_COMMAND_FILTER_H
#define POP3_POLICY_COMMAND_FILTER_H

/*
 * An istream between the socket and Dovecot's command parser. It hands on
 * whole runs of lines that need no answer of policy and stops only in front
 * of a line that policy answers itself, or of one whose verdict depends on a
 * command that has not run yet. Answers keep their order under pipelining.
 */

struct pop3_session;
struct command_filter;

/* Put the filter in front of client->input. To be called from the
   mail_namespaces_created hook: earlier, what the client sent behind its
   password would pass it by. session->delivery must exist by then and
   outlive the filter. */
struct command_filter *command_filter_attach(struct pop3_session *session);

/* The session goes away; the stream may live on until Dovecot unreferences
   it, and answers end of file from then on. */
void command_filter_detach(struct command_filter **filter);

/* Dovecot's flush callback has run, so that a command may have ended: see to
   it that the lines behind it are read. */
void command_filter_continue(struct command_filter *filter);

/* Are there lines waiting that will be read before Dovecot's ioloop does
   anything else? Then what has been answered can leave together with the
   answers to them. */
bool command_filter_is_about_to_read(const struct command_filter *filter);

#endif
