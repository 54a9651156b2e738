/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "compat.h"
#include "settings-24.h"
#include "compat-auth.h"
#include "compat-auth-24.h"

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
