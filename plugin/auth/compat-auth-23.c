/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "dict.h"
#include "auth-settings.h"
#include "pop3-policy-config.h"
#include "compat-auth.h"

#define DICT_ARGUMENT "dict="

/* name: as in Dovecot's `dict { NAME = ... }`. The dict process may wait for
   Redis or a database, this one must not. */
static struct dict *dict_open(const char *name)
{
	const struct dict_settings set = {
		.base_dir = global_auth_settings->base_dir,
		.event_parent = auth_event,
	};
	struct dict *dict;
	const char *error;

	if (dict_init(t_strconcat("proxy::", name, NULL), &set, &dict,
		      &error) < 0)
		i_fatal("passdb pop3_policy: dict %s: %s", name, error);
	return dict;
}

static struct passdb_module *
pop3_passdb_preinit(pool_t pool, const char *args)
{
	struct pop3_passdb *passdb = p_new(pool, struct pop3_passdb, 1);
	const char *file = args, *dict;

	dict = strstr(args, DICT_ARGUMENT);
	/* at the start, or behind the file */
	while (dict != NULL && dict != args && dict[-1] != ' ')
		dict = strstr(dict + 1, DICT_ARGUMENT);
	if (dict != NULL) {
		file = t_str_rtrim(t_strdup_until(args, dict), " ");
		passdb->dict = dict_open(dict + strlen(DICT_ARGUMENT));
	}
	passdb->file_is_set = file[0] != '\0';
	passdb->file = p_strdup(pool, passdb->file_is_set ? file :
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
