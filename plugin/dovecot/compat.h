/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_COMPAT_H
#define POP3_POLICY_COMPAT_H

/*
 * Everything in which Dovecot 2.3 and 2.4 differ. compat-23.c and
 * compat-24.c implement this one header, configure chooses between them by
 * its probes, and no other file asks which version it is built for. 2.3 is
 * made to look like 2.4.
 */

struct dict;
struct mail_user;
struct event;
struct mail_cache;
struct mail_cache_field;

struct pop3_policy_settings {
	/* pop3_policy_file; never NULL or "". */
	const char *file;
	/* Was it set, or is it the compiled-in default? */
	bool file_is_set;
	/* pop3_policy: name of the section, "" if unset. */
	const char *section;
	/* pop3_policy_uidl_key, as it is written; "" if unset. */
	const char *uidl_key;
};

/* Read the settings in force for this user, userdb fields included. Strings
   are allocated from pool. Returns 0, or -1 and error_r (data stack). */
int pop3_policy_compat_settings(struct mail_user *user, pool_t pool,
				struct pop3_policy_settings *set_r,
				const char **error_r);

/* Does the user's connection have TLS up to the client itself? */
bool pop3_policy_compat_is_tls(struct mail_user *user);

/* Is the connection protected: by TLS, or because Dovecot trusts where it
   comes from? 2.4 doesn't say what it trusts: there it is TLS, or a client on
   the server itself. */
bool pop3_policy_compat_is_secured(struct mail_user *user);

/* Returns a new event below the user's that carries user, session, service,
   remote_ip and local_ip on both versions. Unreference it yourself. */
struct event *pop3_policy_compat_event(struct mail_user *user);

/* Which of its values does pop3_uidl_format ask for? UID and UIDVALIDITY are
   always known. */
struct pop3_policy_uidl_variables {
	bool md5, filename, guid;
};
/* As Dovecot's pop3 understands the format. Returns 0, or -1 and *error_r
   (data stack). */
int pop3_policy_compat_parse_uidl_format(const char *format,
	struct pop3_policy_uidl_variables *variables_r, const char **error_r);

/* What pop3_uidl_format can refer to. */
struct pop3_policy_uidl_values {
	uint32_t uid, uidvalidity;
	/* NULL where the format doesn't ask for it */
	const char *md5, *filename, *guid;
};
/* Append the UIDL that Dovecot's pop3 makes of the format. Returns 0, or -1 and
   *error_r (data stack). */
int pop3_policy_compat_expand_uidl(string_t *dest, const char *format,
				   const struct pop3_policy_uidl_values *values,
				   struct event *event, const char **error_r);

/* The dict of the setting pop3_policy_uidl_dict, for this user. Returns 1, 0 if
   it isn't set, -1 and *error_r (data stack). */
int pop3_policy_compat_uidl_dict(struct mail_user *user, struct dict **dict_r,
				 const char **error_r);
/* A dict in one file, which is created by the first write. Returns 0, or -1
   and *error_r (data stack). */
int pop3_policy_compat_file_dict(struct mail_user *user, const char *path,
				 struct dict **dict_r, const char **error_r);

/* mail_cache_register_fields() for one field. Returns its index. */
unsigned int
pop3_policy_compat_register_cache_field(struct mail_cache *cache,
					struct mail_cache_field *field);

/* Append bytes, whatever they are, to a JSON string whose quotes are the
   caller's. What isn't UTF-8 becomes U+FFFD. */
void pop3_policy_compat_json_append(string_t *dest, const void *data,
				    size_t size);

#endif
