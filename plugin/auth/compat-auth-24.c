/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "dict-private.h"
#include "settings.h"
#include "compat.h"
#include "settings-24.h"
#include "compat-auth.h"
#include "compat-auth-24.h"

/* Returns 1 and *dict_r, 0 if there is none, or -1 and *error_r. */
static int
login_delay_dict_open(struct event *parent, struct dict **dict_r,
		      const char **error_r)
{
	struct event *event = event_create(parent);
	int ret;

	settings_event_add_filter_name(event, "pop3_policy_login_delay");
	ret = dict_init_auto(event, dict_r, error_r);
	event_unref(&event);
	if (ret > 0 && strcmp((*dict_r)->name, "proxy") != 0) {
		/* The dict process may wait for Redis or a database, this one
		   must not. */
		*error_r = t_strdup_printf(
			"pop3_policy_login_delay: dict %s would block all "
			"logins; expected dict proxy", (*dict_r)->name);
		dict_deinit(dict_r);
		return -1;
	}
	return ret;
}

int pop3_passdb_24_create(pool_t pool, struct event *event,
			  struct passdb_module **module_r,
			  const char **error_r)
{
	struct pop3_passdb *passdb = p_new(pool, struct pop3_passdb, 1);
	struct pop3_policy_settings set;

	if (pop3_policy_settings_24_get(event, pool, &set, error_r) < 0)
		return -1;
	passdb->file = set.file;
	passdb->file_is_set = set.file_is_set;
	if (login_delay_dict_open(event, &passdb->dict, error_r) < 0)
		return -1;
	*module_r = &passdb->module;
	return 0;
}

const char *pop3_passdb_compat_protocol(const struct auth_request *request)
{
	return request->fields.protocol == NULL ? "" :
		request->fields.protocol;
}

bool pop3_passdb_compat_lacks_tls(const struct auth_request *request)
{
	return request->fields.conn_secured == AUTH_REQUEST_CONN_SECURED_NONE;
}

bool pop3_passdb_compat_has_tls(const struct auth_request *request)
{
	return request->fields.conn_secured == AUTH_REQUEST_CONN_SECURED_TLS;
}
