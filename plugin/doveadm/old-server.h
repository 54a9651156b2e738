/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_OLD_SERVER_H
#define POP3_POLICY_OLD_SERVER_H

/*
 * The server that mail comes from, asked over POP3 for what it answers to
 * UIDL and LIST. Its certificate is verified by Dovecot's settings
 * ssl_client_..., before any name or password is sent.
 *
 * Dovecot's own POP3 client, lib-storage's pop3c, can't be used for this: it
 * watches the socket and not the TLS stream, so that it may wait for bytes
 * that have been read already, until it times out after five minutes; and
 * after STLS it waits for a greeting that never comes.
 */

struct mail_user;

enum old_server_tls {
	/* from the first byte, the default */
	OLD_SERVER_TLS_IMMEDIATE = 0,
	/* STLS, RFC 2595. A server that hasn't got it is an error. */
	OLD_SERVER_TLS_STLS,
	OLD_SERVER_TLS_NONE,
};

struct old_server {
	const char *host;
	in_port_t port;
	enum old_server_tls tls;
	/* NULL: the users' own passwords are used */
	const char *master_user;
};

/* Log in and ask. login: the user's name there. password: his, or the master
   user's. Returns 0 and appends what it answers, as uidl_listing_parse() takes
   it, or -1 and *error_r (data stack, without the password). */
int old_server_ask(const struct old_server *server, struct mail_user *user,
		   const char *login, const char *password, string_t *answers,
		   const char **error_r);

#endif
