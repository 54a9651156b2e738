/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "dict.h"
#include "net.h"
#include "json-generator.h"
#include "settings.h"
#include "var-expand.h"
#include "mail-cache.h"
#include "mail-user.h"
#include "compat.h"
#include "settings-24.h"

int pop3_policy_compat_settings(struct mail_user *user, pool_t pool,
				struct pop3_policy_settings *set_r,
				const char **error_r)
{
	return pop3_policy_settings_24_get(user->event, pool, set_r, error_r);
}

bool pop3_policy_compat_is_tls(struct mail_user *user)
{
	return user->conn.end_client_tls_secured;
}

bool pop3_policy_compat_is_secured(struct mail_user *user)
{
	return user->conn.end_client_tls_secured ||
		(user->conn.remote_ip != NULL && user->conn.local_ip != NULL &&
		 net_ip_compare(user->conn.remote_ip, user->conn.local_ip));
}

struct event *pop3_policy_compat_event(struct mail_user *user)
{
	return event_create(user->event);
}

int pop3_policy_compat_parse_uidl_format(const char *format,
	struct pop3_policy_uidl_variables *variables_r, const char **error_r)
{
	struct var_expand_program *program;
	const char *const *names;

	if (var_expand_program_create(format, &program, error_r) < 0)
		return -1;
	names = var_expand_program_variables(program);
	variables_r->md5 = str_array_find(names, "md5");
	variables_r->filename = str_array_find(names, "filename");
	variables_r->guid = str_array_find(names, "guid");
	var_expand_program_free(&program);
	return 0;
}

int pop3_policy_compat_expand_uidl(string_t *dest, const char *format,
				   const struct pop3_policy_uidl_values *values,
				   struct event *event, const char **error_r)
{
	const struct var_expand_table table[] = {
		{ .key = "uidvalidity", .value = dec2str(values->uidvalidity) },
		{ .key = "uid", .value = dec2str(values->uid) },
		{ .key = "md5", .value = values->md5 },
		{ .key = "filename", .value = values->filename },
		{ .key = "guid", .value = values->guid },
		VAR_EXPAND_TABLE_END
	};
	const struct var_expand_params params = {
		.table = table,
		.event = event,
	};

	return var_expand(dest, format, &params, error_r);
}

int pop3_policy_compat_uidl_dict(struct mail_user *user, struct dict **dict_r,
				 const char **error_r)
{
	struct event *event = event_create(user->event);
	int ret;

	settings_event_add_filter_name(event, "pop3_policy_uidl_dict");
	ret = dict_init_auto(event, dict_r, error_r);
	event_unref(&event);
	return ret;
}

int pop3_policy_compat_file_dict(struct mail_user *user, const char *path,
				 struct dict **dict_r, const char **error_r)
{
	const char *const settings[] = {
		"dict", "file",
		/* settings are expanded */
		"dict_file_path", t_strarray_join(t_strsplit(path, "%"), "%%"),
		NULL
	};
	struct settings_simple set;
	int ret;

	settings_simple_init(&set, settings);
	event_add_str(set.event, "user", user->username);
	ret = dict_init_auto(set.event, dict_r, error_r);
	settings_simple_deinit(&set);
	return ret > 0 ? 0 : -1;
}

unsigned int
pop3_policy_compat_register_cache_field(struct mail_cache *cache,
					struct mail_cache_field *field)
{
	mail_cache_register_fields(cache, field, 1,
				   MAIL_CACHE_TRUNCATE_NAME_FAIL);
	return field->idx;
}

void pop3_policy_compat_json_append(string_t *dest, const void *data,
				    size_t size)
{
	json_append_escaped_data(dest, data, size);
}
