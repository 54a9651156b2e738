/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "istream.h"
#include "net.h"
#include "safe-memset.h"
#include "str.h"
#include "mail-user.h"
#include "doveadm.h"
#include "old-listing.h"
#include "old-server.h"
#include "regular-file.h"

#include <unistd.h>

#define PASSWORD_MAX_BYTES 1024

struct old_listings {
	/* As it was given: path with variables, or HOST:PORT */
	char *source;
	bool is_folder, is_server;

	struct old_server server;
	char *host;
	/* With variables */
	const char *login, *password_file;
	/* Read from standard input, once for all users */
	char *password_input;

	/* Of the user that was prepared */
	char *username, *path, *data, *password, *error;
	size_t size;
};

/*
 * Variables: the same on all versions of Dovecot, and nothing but names.
 */

static const char *
expand(const char *text, const char *username)
{
	const char *domain = i_strchr_to_next(username, '@');
	const char *local = t_strcut(username, '@');
	const struct {
		const char *name, *value;
	} variables[] = {
		{ "%u", username }, { "%{user}", username },
		{ "%n", local }, { "%{username}", local },
		{ "%d", domain == NULL ? "" : domain },
		{ "%{domain}", domain == NULL ? "" : domain },
		{ "%%", "%" },
	};
	string_t *str = t_str_new(128);
	unsigned int i;

	while (*text != '\0') {
		for (i = 0; i < N_ELEMENTS(variables); i++) {
			if (strncmp(text, variables[i].name,
				    strlen(variables[i].name)) == 0)
				break;
		}
		if (i < N_ELEMENTS(variables)) {
			str_append(str, variables[i].value);
			text += strlen(variables[i].name);
		} else {
			str_append_c(str, *text++);
		}
	}
	return str_c(str);
}

static bool has_variables(const char *text)
{
	return strcmp(expand(text, "a@b"), expand(text, "c@d")) != 0;
}

/* Stays the name in its folder, and so its parts before and behind the @? */
static bool is_safe_in_paths(const char *username)
{
	const char *domain = i_strchr_to_next(username, '@');

	return username[0] != '\0' && username[0] != '.' &&
		strchr(username, '/') == NULL &&
		(domain == NULL || domain[0] != '.');
}

/*
 * Parameters
 */

static int
old_listings_parse_server(struct doveadm_cmd_context *cctx,
			  struct old_listings *listings, const char **error_r)
{
	struct old_server *server = &listings->server;
	const char *mode;

	/* No TLS is never taken for TLS that the server hasn't got. */
	if (!doveadm_cmd_param_str(cctx, "tls", &mode)) {
		server->tls = server->port == 110 ? OLD_SERVER_TLS_STLS :
			OLD_SERVER_TLS_IMMEDIATE;
	} else if (strcmp(mode, "pop3s") == 0) {
		server->tls = OLD_SERVER_TLS_IMMEDIATE;
	} else if (strcmp(mode, "stls") == 0) {
		server->tls = OLD_SERVER_TLS_STLS;
	} else if (strcmp(mode, "no") == 0) {
		server->tls = OLD_SERVER_TLS_NONE;
	} else {
		*error_r = t_strdup_printf("-t %s: expected pop3s, stls or no",
					   mode);
		return -1;
	}
	if (!doveadm_cmd_param_str(cctx, "login", &listings->login))
		listings->login = "%u";
	if (!doveadm_cmd_param_str(cctx, "master-user", &server->master_user))
		server->master_user = NULL;
	if (!doveadm_cmd_param_str(cctx, "password-file",
				   &listings->password_file)) {
		*error_r = "expected -w with the file that has the password, "
			"or with - for standard input";
		return -1;
	}
	return 0;
}

/* Does the command run for more than one user? */
static bool is_for_many(struct doveadm_cmd_context *cctx)
{
	struct istream *input;
	const char *user;
	bool all;

	return (doveadm_cmd_param_bool(cctx, "all-users", &all) && all) ||
		doveadm_cmd_param_istream(cctx, "user-file", &input) ||
		(doveadm_cmd_param_str(cctx, "user", &user) &&
		 strpbrk(user, "*?") != NULL);
}

/* What is right for one user is wrong for another one. */
static int
old_listings_check(const struct old_listings *listings,
		   struct doveadm_cmd_context *cctx, const char **error_r)
{
	if (!is_for_many(cctx))
		return 0;
	if (!listings->is_server && !listings->is_folder &&
	    !has_variables(listings->source)) {
		*error_r = t_strdup_printf("%s: for more than one user "
			"expected a folder, or a path with %%u or %%n",
			listings->source);
		return -1;
	}
	if (listings->is_server && listings->server.master_user == NULL &&
	    !has_variables(listings->password_file)) {
		*error_r = t_strdup_printf("%s: for more than one user "
			"expected -m, or %%u or %%n in the path of -w",
			listings->source);
		return -1;
	}
	return 0;
}

/* Returns 0, or -1 and error_r. */
static int
old_listings_read_input(struct old_listings *listings, const char **error_r)
{
	struct istream *input;
	const char *line;

	input = i_stream_create_fd(STDIN_FILENO, PASSWORD_MAX_BYTES);
	line = i_stream_read_next_line(input);
	listings->password_input = i_strdup(line);
	i_stream_unref(&input);
	if (line == NULL) {
		*error_r = "expected the password on standard input";
		return -1;
	}
	return 0;
}

/* Returns 0, or -1 and error_r. */
static int
old_listings_parse(struct doveadm_cmd_context *cctx, bool allow_server,
		   struct old_listings *listings, const char **error_r)
{
	const char *source;
	struct stat st;

	if (!doveadm_cmd_param_str(cctx, "source", &source)) {
		*error_r = allow_server ?
			"expected a file, a folder or HOST:PORT" :
			"expected a file or a folder";
		return -1;
	}
	listings->source = i_strdup(source);
	if (allow_server && strchr(source, '/') == NULL &&
	    strchr(source, ':') != NULL && stat(source, &st) < 0) {
		listings->is_server = TRUE;
		if (net_str2hostport(source, 0, &listings->server.host,
				     &listings->server.port) < 0 ||
		    listings->server.port == 0) {
			*error_r = t_strdup_printf("%s: expected HOST:PORT",
						   source);
			return -1;
		}
		listings->server.host = listings->host =
			i_strdup(listings->server.host);
		if (old_listings_parse_server(cctx, listings, error_r) < 0)
			return -1;
	} else {
		listings->is_folder = stat(source, &st) == 0 &&
			S_ISDIR(st.st_mode);
	}
	if (old_listings_check(listings, cctx, error_r) < 0)
		return -1;
	if (listings->is_server && strcmp(listings->password_file, "-") == 0)
		return old_listings_read_input(listings, error_r);
	return 0;
}

int old_listings_init(struct doveadm_cmd_context *cctx, bool allow_server,
		      struct old_listings **listings_r, const char **error_r)
{
	struct old_listings *listings = i_new(struct old_listings, 1);
	int ret = old_listings_parse(cctx, allow_server, listings, error_r);

	if (ret < 0)
		old_listings_deinit(&listings);
	*listings_r = listings;
	return ret;
}

static void password_free(char **password)
{
	if (*password != NULL)
		safe_memset(*password, 0, strlen(*password));
	i_free(*password);
}

static void old_listings_forget(struct old_listings *listings)
{
	password_free(&listings->password);
	i_free(listings->username);
	i_free(listings->path);
	i_free(listings->data);
	i_free(listings->error);
}

void old_listings_deinit(struct old_listings **_listings)
{
	struct old_listings *listings = *_listings;

	if (listings == NULL)
		return;
	*_listings = NULL;
	old_listings_forget(listings);
	password_free(&listings->password_input);
	i_free(listings->source);
	i_free(listings->host);
	i_free(listings);
}

/*
 * One user
 */

/* Returns 0, or -1 and error_r. */
static int
old_listings_read(const char *path, size_t max_size, char **data_r,
		  size_t *size_r, const char **error_r)
{
	struct stat st;
	int fd, ret;

	ret = regular_file_open(path, max_size, &fd, &st, error_r);
	if (ret <= 0)
		return -1;
	ret = regular_file_read(path, fd, &st, data_r, error_r);
	i_close_fd(&fd);
	*size_r = st.st_size;
	return ret;
}

/* Returns 0, or -1 and error_r. */
static int
old_listings_read_password(struct old_listings *listings,
			   const char **error_r)
{
	size_t size;

	if (listings->password_input != NULL) {
		listings->password = i_strdup(listings->password_input);
		return 0;
	}
	if (old_listings_read(expand(listings->password_file,
				     listings->username), PASSWORD_MAX_BYTES,
			      &listings->password, &size, error_r) < 0)
		return -1;
	listings->password[strcspn(listings->password, "\r\n")] = '\0';
	return 0;
}

/* Returns 0, or -1 and error_r. */
static int
old_listings_read_user(struct old_listings *listings, const char **error_r)
{
	const char *username = listings->username;

	if (!is_safe_in_paths(username) &&
	    (listings->is_folder || has_variables(listings->source) ||
	     (listings->is_server &&
	      has_variables(listings->password_file)))) {
		*error_r = t_strdup_printf("User %s: no name of a file",
					   username);
		return -1;
	}
	if (listings->is_server)
		return old_listings_read_password(listings, error_r);
	listings->path = listings->is_folder ?
		i_strconcat(listings->source, "/", username, NULL) :
		i_strdup(expand(listings->source, username));
	return old_listings_read(listings->path, UIDL_LISTING_MAX_BYTES,
				 &listings->data, &listings->size, error_r);
}

void old_listings_prepare(struct old_listings *listings, const char *username)
{
	const char *error;

	old_listings_forget(listings);
	listings->username = i_strdup(username);
	T_BEGIN {
		if (old_listings_read_user(listings, &error) < 0)
			listings->error = i_strdup(error);
	} T_END;
}

static void
old_listings_report(void *context, const char *file, unsigned int line,
		    unsigned int column, const char *text)
{
	struct mail_user *user = context;

	e_error(user->event, "%s:%u:%u: %s", file, line, column, text);
}

struct uidl_listing *
old_listings_get(struct old_listings *listings, struct mail_user *user)
{
	struct uidl_listing *listing = NULL;
	const char *error, *name = old_listings_name(listings);
	string_t *answers;

	if (listings->error != NULL) {
		e_error(user->event, "%s", listings->error);
	} else if (!listings->is_server) {
		listing = uidl_listing_parse(name, listings->data,
					     listings->size,
					     old_listings_report, user);
	} else T_BEGIN {
		answers = str_new(default_pool, 4096);
		if (old_server_ask(&listings->server, user,
				   expand(listings->login, listings->username),
				   listings->password, answers, &error) < 0)
			e_error(user->event, "%s: %s", name, error);
		else {
			listing = uidl_listing_parse(name, str_c(answers),
				str_len(answers), old_listings_report, user);
		}
		str_free(&answers);
	} T_END;
	return listing;
}

const char *old_listings_name(const struct old_listings *listings)
{
	return listings->path != NULL ? listings->path : listings->source;
}
