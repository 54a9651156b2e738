/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "dict.h"
#include "net.h"
#include "json-parser.h"
#include "var-expand.h"
#include "mail-cache.h"
#include "mail-user.h"
#include "pop3-policy-config.h"
#include "compat.h"

static const char *getenv_nonempty(struct mail_user *user, const char *name)
{
	const char *value = mail_user_plugin_getenv(user, name);

	return value == NULL || value[0] == '\0' ? NULL : value;
}

int pop3_policy_compat_settings(struct mail_user *user, pool_t pool,
				struct pop3_policy_settings *set_r,
				const char **error_r ATTR_UNUSED)
{
	const char *file = getenv_nonempty(user, "pop3_policy_file");
	const char *section = getenv_nonempty(user, "pop3_policy");
	const char *uidl_key = getenv_nonempty(user, "pop3_policy_uidl_key");

	set_r->file_is_set = file != NULL;
	set_r->file = p_strdup(pool, file != NULL ? file :
			       POP3_POLICY_DEFAULT_FILE);
	set_r->section = p_strdup(pool, section != NULL ? section : "");
	set_r->uidl_key = p_strdup(pool, uidl_key != NULL ? uidl_key : "");
	return 0;
}

bool pop3_policy_compat_is_tls(struct mail_user *user)
{
	return user->conn.ssl_secured;
}

bool pop3_policy_compat_is_secured(struct mail_user *user)
{
	return user->conn.secured || user->conn.ssl_secured;
}

struct event *pop3_policy_compat_event(struct mail_user *user)
{
	struct event *event = event_create(user->event);

	/* 2.4's user event has these by itself */
	event_add_str(event, "service", user->service);
	if (user->conn.remote_ip != NULL && user->conn.remote_ip->family != 0) {
		event_add_str(event, "remote_ip",
			      net_ip2addr(user->conn.remote_ip));
	}
	if (user->conn.local_ip != NULL && user->conn.local_ip->family != 0) {
		event_add_str(event, "local_ip",
			      net_ip2addr(user->conn.local_ip));
	}
	return event;
}

int pop3_policy_compat_parse_uidl_format(const char *format,
	struct pop3_policy_uidl_variables *variables_r,
	const char **error_r ATTR_UNUSED)
{
	/* pop3 gives no values to the long names */
	variables_r->md5 = var_has_key(format, 'm', NULL);
	variables_r->filename = var_has_key(format, 'f', NULL);
	variables_r->guid = var_has_key(format, 'g', NULL);
	return 0;
}

int pop3_policy_compat_expand_uidl(string_t *dest, const char *format,
				   const struct pop3_policy_uidl_values *values,
				   struct event *event ATTR_UNUSED,
				   const char **error_r)
{
	const struct var_expand_table table[] = {
		{ 'v', dec2str(values->uidvalidity), "uidvalidity" },
		{ 'u', dec2str(values->uid), "uid" },
		{ 'm', values->md5, "md5" },
		{ 'f', values->filename, "filename" },
		{ 'g', values->guid, "guid" },
		{ '\0', NULL, NULL }
	};

	return var_expand(dest, format, table, error_r) <= 0 ? -1 : 0;
}

static int compat_dict_init(struct mail_user *user, const char *uri,
			    struct dict **dict_r, const char **error_r)
{
	const struct dict_settings set = {
		.base_dir = user->set->base_dir,
		.event_parent = user->event,
	};

	return dict_init(uri, &set, dict_r, error_r);
}

int pop3_policy_compat_uidl_dict(struct mail_user *user, struct dict **dict_r,
				 const char **error_r)
{
	const char *uri = getenv_nonempty(user, "pop3_policy_uidl_dict");

	if (uri == NULL)
		return 0;
	return compat_dict_init(user, uri, dict_r, error_r) < 0 ? -1 : 1;
}

int pop3_policy_compat_file_dict(struct mail_user *user, const char *path,
				 struct dict **dict_r, const char **error_r)
{
	return compat_dict_init(user, t_strconcat("file:", path, NULL),
				dict_r, error_r);
}

unsigned int
pop3_policy_compat_register_cache_field(struct mail_cache *cache,
					struct mail_cache_field *field)
{
	mail_cache_register_fields(cache, field, 1);
	return field->idx;
}

void pop3_policy_compat_json_append(string_t *dest, const void *data,
				    size_t size)
{
	json_append_escaped_data(dest, data, size);
}
