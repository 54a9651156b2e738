/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "auth-fields.h"
#include "policy-cache.h"
#include "login-policy.h"

static void
login_policy_broken(struct login_policy *login, const char *error, bool guards)
{
	login->state = LOGIN_POLICY_BROKEN;
	login->error = error;
	login->guards = guards;
}

static const char *section_field(const struct auth_request *request)
{
	const char *section = request->fields.userdb_reply == NULL ? NULL :
		auth_fields_find(request->fields.userdb_reply, "pop3_policy");

	return section == NULL ? "" : section;
}

void login_policy_init(struct login_policy *login_r,
		       const struct pop3_passdb *passdb,
		       const struct auth_request *request)
{
	struct policy_first_error first = { NULL };
	const char *name = section_field(request);
	const char *section, *file_error, *error;
	const struct policy_file *file;
	bool guards;
	int ret;

	i_zero(login_r);
	if (passdb->file[0] != '/') {
		login_policy_broken(login_r, t_strdup_printf(
			"policy file %s is not an absolute path",
			passdb->file), TRUE);
		return;
	}
	ret = policy_cache_load(passdb->file, &file, &file_error, &error);
	if (ret == 0 && !passdb->file_is_set && name[0] == '\0') {
		login_r->state = LOGIN_POLICY_NONE;
		return;
	}
	if (ret <= 0) {
		login_policy_broken(login_r, error, TRUE);
		return;
	}
	if (file_error != NULL) {
		login_policy_broken(login_r, file_error,
				    policy_file_has_guards(file));
		return;
	}
	ret = policy_file_select(file, name, request->fields.user,
				 request->fields.original_username, &section);
	if (ret < 0) {
		login_policy_broken(login_r, t_strdup_printf(
			"%s: There is no [policy %s], which the field "
			"userdb_pop3_policy names", passdb->file, name), TRUE);
	} else if (ret == 0) {
		login_r->state = LOGIN_POLICY_NONE;
	} else if (policy_load(file, section, &login_r->policy, &guards,
			       policy_first_error_report, &first) < 0) {
		login_policy_broken(login_r, first.text, guards);
	} else {
		login_r->state = LOGIN_POLICY_ACTIVE;
	}
}

void login_policy_deinit(struct login_policy *login)
{
	if (login->policy != NULL)
		policy_free(&login->policy);
}
