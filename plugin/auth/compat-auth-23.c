/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "pop3-policy-config.h"
#include "compat-auth.h"

static struct passdb_module *
pop3_passdb_preinit(pool_t pool, const char *args)
{
	struct pop3_passdb *passdb = p_new(pool, struct pop3_passdb, 1);

	passdb->file_is_set = args[0] != '\0';
	passdb->file = p_strdup(pool, passdb->file_is_set ? args :
				POP3_POLICY_DEFAULT_FILE);
	passdb->module.default_pass_scheme = "PLAIN";
	return &passdb->module;
}

void pop3_passdb_compat_set_preinit(struct passdb_module_interface *iface)
{
	iface->preinit = pop3_passdb_preinit;
}

const char *pop3_passdb_compat_protocol(const struct auth_request *request)
{
	return request->fields.service == NULL ? "" : request->fields.service;
}

bool pop3_passdb_compat_lacks_tls(const struct auth_request *request)
{
	return request->fields.secured == AUTH_REQUEST_SECURED_NONE;
}

bool pop3_passdb_compat_has_tls(const struct auth_request *request)
{
	return request->fields.secured == AUTH_REQUEST_SECURED_TLS;
}
