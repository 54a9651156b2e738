/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "base64.h"
#include "ioloop.h"
#include "iostream-ssl.h"
#include "istream.h"
#include "net.h"
#include "ostream.h"
#include "str.h"
#include "str-sanitize.h"
#include "compat-doveadm.h"
#include "old-server.h"
#include "pop3-policy/uidl-listing.h"

/* For one answer, or one part of it. A large maildrop is not listed at
   once: RFC 1939 has servers wait for 10 minutes. */
#define TIMEOUT_MSECS (5 * 60 * 1000)
#define CONNECT_TIMEOUT_MSECS (30 * 1000)
/* RFC 1939: 512 bytes */
#define LINE_MAX_BYTES 4096

struct old_server_conn {
	const struct old_server *server;
	struct mail_user *user;
	struct ioloop *ioloop;
	int fd;
	struct istream *input;
	struct ostream *output;
	struct ssl_iostream *ssl;
	bool timed_out;
};

/*
 * Waiting
 */

static void conn_ready(struct old_server_conn *conn)
{
	io_loop_stop(conn->ioloop);
}

static void conn_timeout(struct old_server_conn *conn)
{
	conn->timed_out = TRUE;
	io_loop_stop(conn->ioloop);
}

/* Returns 0, or -1 and error_r. */
static int conn_wait(struct old_server_conn *conn, struct io *io,
		     unsigned int msecs, const char **error_r)
{
	struct timeout *to = timeout_add(msecs, conn_timeout, conn);

	io_loop_run(conn->ioloop);
	timeout_remove(&to);
	io_remove(&io);
	if (!conn->timed_out)
		return 0;
	*error_r = t_strdup_printf("Timed out after %u seconds", msecs / 1000);
	return -1;
}

static int conn_wait_input(struct old_server_conn *conn, const char **error_r)
{
	return conn_wait(conn, io_add_istream(conn->input, conn_ready, conn),
			 TIMEOUT_MSECS, error_r);
}

static void conn_get_error(struct old_server_conn *conn, const char **error_r)
{
	const char *error = conn->ssl == NULL ? NULL :
		ssl_iostream_get_last_error(conn->ssl);

	if (error != NULL)
		*error_r = t_strdup_printf("TLS: %s", error);
	else if (conn->input->stream_errno != 0)
		*error_r = t_strdup(i_stream_get_error(conn->input));
	else
		*error_r = "The server has closed the connection";
}

/*
 * Connecting
 */

/* Returns 0, or -1 and error_r. */
static int conn_connect_ip(struct old_server_conn *conn,
			   const struct ip_addr *ip, const char **error_r)
{
	int err;

	conn->fd = net_connect_ip(ip, conn->server->port, NULL);
	if (conn->fd < 0) {
		*error_r = t_strdup_printf("connect(%s): %m", net_ip2addr(ip));
		return -1;
	}
	if (conn_wait(conn, io_add(conn->fd, IO_WRITE, conn_ready, conn),
		      CONNECT_TIMEOUT_MSECS, error_r) < 0) {
		conn->timed_out = FALSE;
		i_close_fd(&conn->fd);
		return -1;
	}
	err = net_geterror(conn->fd);
	if (err != 0) {
		*error_r = t_strdup_printf("connect(%s): %s", net_ip2addr(ip),
					   strerror(err));
		i_close_fd(&conn->fd);
		return -1;
	}
	return 0;
}

/* Returns 0, or -1 and error_r. */
static int conn_connect(struct old_server_conn *conn, const char **error_r)
{
	struct ip_addr *ips;
	unsigned int i, count;
	int ret;

	ret = net_gethostbyname(conn->server->host, &ips, &count);
	if (ret != 0) {
		*error_r = t_strdup(net_gethosterror(ret));
		return -1;
	}
	for (i = 0; i < count; i++) {
		if (conn_connect_ip(conn, &ips[i], error_r) < 0)
			continue;
		conn->input = i_stream_create_fd(conn->fd, LINE_MAX_BYTES);
		conn->output = o_stream_create_fd(conn->fd, SIZE_MAX);
		o_stream_set_no_error_handling(conn->output, TRUE);
		return 0;
	}
	return -1;
}

/* Returns 0 once the certificate has been verified, or -1 and error_r. */
static int conn_start_tls(struct old_server_conn *conn, const char **error_r)
{
	if (i_stream_get_data_size(conn->input) > 0) {
		*error_r = "The server has sent plain text behind its answer "
			"to STLS";
		return -1;
	}
	if (doveadm_pop3_compat_start_tls(conn->user, conn->server->host,
					  &conn->input, &conn->output,
					  &conn->ssl, error_r) < 0)
		return -1;
	o_stream_set_no_error_handling(conn->output, TRUE);
	if (ssl_iostream_handshake(conn->ssl) < 0) {
		conn_get_error(conn, error_r);
		return -1;
	}
	while (!ssl_iostream_is_handshaked(conn->ssl)) {
		if (i_stream_read(conn->input) < 0) {
			conn_get_error(conn, error_r);
			return -1;
		}
		if (!ssl_iostream_is_handshaked(conn->ssl) &&
		    conn_wait_input(conn, error_r) < 0)
			return -1;
	}
	return 0;
}

/*
 * Lines
 */

/* *line_r is valid until the next read. Returns 0, or -1 and error_r. */
static int conn_read_line(struct old_server_conn *conn, const char **line_r,
			  const char **error_r)
{
	ssize_t ret;

	while ((*line_r = i_stream_next_line(conn->input)) == NULL) {
		ret = i_stream_read(conn->input);
		if (ret == -2) {
			*error_r = "The server has sent a line that is too "
				"long";
			return -1;
		}
		if (ret < 0) {
			conn_get_error(conn, error_r);
			return -1;
		}
		if (ret == 0 && conn_wait_input(conn, error_r) < 0)
			return -1;
	}
	return 0;
}

/* Returns 0, or -1 and error_r if it isn't what is expected. */
static int conn_read_reply(struct old_server_conn *conn, const char *expected,
			   const char *what, const char **error_r)
{
	const char *line;

	if (conn_read_line(conn, &line, error_r) < 0)
		return -1;
	if (strncasecmp(line, expected, strlen(expected)) != 0) {
		*error_r = t_strdup_printf("%s: %s", what,
					   str_sanitize(line, 200));
		return -1;
	}
	return 0;
}

/* what: the command without what is secret. */
static int conn_command(struct old_server_conn *conn, const char *command,
			const char *expected, const char *what,
			const char **error_r)
{
	o_stream_nsend_str(conn->output, t_strconcat(command, "\r\n", NULL));
	return conn_read_reply(conn, expected, what, error_r);
}

/* Returns 0, or -1 and error_r. */
static int conn_list(struct old_server_conn *conn, const char *command,
		     string_t *answers, const char **error_r)
{
	const char *line;

	if (conn_command(conn, command, "+OK", command, error_r) < 0)
		return -1;
	str_printfa(answers, "%s\n", command);
	do {
		if (conn_read_line(conn, &line, error_r) < 0)
			return -1;
		if (strlen(line) + 1 >
		    UIDL_LISTING_MAX_BYTES - str_len(answers)) {
			*error_r = t_strdup_printf(
				"The answer to %s is longer than %u bytes",
				command, UIDL_LISTING_MAX_BYTES);
			return -1;
		}
		str_append(answers, line);
		str_append_c(answers, '\n');
	} while (strcmp(line, ".") != 0);
	return 0;
}

/*
 * A session
 */

/* Returns 0, or -1 and error_r. */
static int conn_login(struct old_server_conn *conn, const char *login,
		      const char *password, const char **error_r)
{
	const char *master_user = conn->server->master_user;
	string_t *plain, *request;

	if (master_user == NULL) {
		if (conn_command(conn, t_strconcat("USER ", login, NULL),
				 "+OK", "USER", error_r) < 0)
			return -1;
		return conn_command(conn, t_strconcat("PASS ", password, NULL),
				    "+OK", "PASS", error_r);
	}
	/* RFC 4616 */
	plain = t_str_new(128);
	str_append(plain, login);
	str_append_c(plain, '\0');
	str_append(plain, master_user);
	str_append_c(plain, '\0');
	str_append(plain, password);
	request = t_str_new(256);
	base64_encode(str_data(plain), str_len(plain), request);
	if (conn_command(conn, "AUTH PLAIN", "+", "AUTH PLAIN", error_r) < 0)
		return -1;
	return conn_command(conn, str_c(request), "+OK", "AUTH PLAIN",
			    error_r);
}

/* Returns 0, or -1 and error_r. */
static int conn_run(struct old_server_conn *conn, const char *login,
		    const char *password, string_t *answers,
		    const char **error_r)
{
	const enum old_server_tls tls = conn->server->tls;
	const char *ignored;

	if (conn_connect(conn, error_r) < 0)
		return -1;
	if (tls == OLD_SERVER_TLS_IMMEDIATE &&
	    conn_start_tls(conn, error_r) < 0)
		return -1;
	if (conn_read_reply(conn, "+OK", "Greeting", error_r) < 0)
		return -1;
	if (tls == OLD_SERVER_TLS_STLS &&
	    (conn_command(conn, "STLS", "+OK", "STLS", error_r) < 0 ||
	     conn_start_tls(conn, error_r) < 0))
		return -1;
	if (conn_login(conn, login, password, error_r) < 0 ||
	    conn_list(conn, "UIDL", answers, error_r) < 0 ||
	    conn_list(conn, "LIST", answers, error_r) < 0)
		return -1;
	(void)conn_command(conn, "QUIT", "", "QUIT", &ignored);
	return 0;
}

static bool is_one_line(const char *text)
{
	return text[0] != '\0' && strpbrk(text, "\r\n") == NULL;
}

int old_server_ask(const struct old_server *server, struct mail_user *user,
		   const char *login, const char *password, string_t *answers,
		   const char **error_r)
{
	struct old_server_conn conn = {
		.server = server,
		.user = user,
		.fd = -1,
	};
	struct ioloop *prev_ioloop = current_ioloop;
	int ret;

	if (!is_one_line(login) || !is_one_line(password)) {
		*error_r = "The name or the password is empty, or has more "
			"than one line";
		return -1;
	}
	conn.ioloop = io_loop_create();
	ret = conn_run(&conn, login, password, answers, error_r);
	/* what TLS says goes with it */
	i_stream_destroy(&conn.input);
	o_stream_destroy(&conn.output);
	ssl_iostream_destroy(&conn.ssl);
	i_close_fd(&conn.fd);
	io_loop_destroy(&conn.ioloop);
	io_loop_set_current(prev_ioloop);
	return ret;
}
