/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "mail-user.h"
#include "compat.h"
#include "policy-cache.h"
#include "policy-script.h"
#include "user-policy.h"

static void
user_policy_broken(struct user_policy *policy, const char *error, bool guards)
{
	policy->state = USER_POLICY_BROKEN;
	policy->error = i_strdup(error);
	policy->guards = guards;
}

void user_policy_set_broken(struct user_policy *policy, const char *error)
{
	policy_script_deinit(&policy->script);
	user_policy_broken(policy, error, TRUE);
}

static void
user_policy_load_section(struct user_policy *policy,
			 const struct policy_file *file, const char *section)
{
	struct policy_first_error first = { NULL };
	const char *error;
	bool guards;

	policy->section = i_strdup(section);
	if (policy_load(file, section, &policy->policy, &guards,
			policy_first_error_report, &first) < 0) {
		user_policy_broken(policy, first.text, guards);
		return;
	}
	policy->state = USER_POLICY_ACTIVE;
	if (policy->policy->script != NULL &&
	    policy_script_init(policy->policy, &policy->script, &error) < 0)
		user_policy_set_broken(policy, error);
}

/* A section of a device concerns its POP3 sessions. In other programs, holds
   are the user's whatever name he has typed. */
static const char *login_name(const struct mail_user *user)
{
	return strcmp(user->service, "pop3") == 0 ? user->auth_user : NULL;
}

static void
user_policy_load_settings(struct user_policy *policy, struct mail_user *user,
			  const struct pop3_policy_settings *set)
{
	const struct policy_file *file;
	const char *section, *file_error, *error;
	int ret;

	policy->file = i_strdup(set->file);
	policy->uidl_key = i_strdup(set->uidl_key);
	if (set->file[0] != '/') {
		/* relative to what? */
		error = t_strdup_printf("pop3_policy_file = %s is not an "
					"absolute path", set->file);
		user_policy_broken(policy, error, TRUE);
		return;
	}
	ret = policy_cache_load(set->file, &file, &file_error, &error);
	if (ret == 0 && !set->file_is_set && set->section[0] == '\0') {
		policy->state = USER_POLICY_NONE;
		return;
	}
	if (ret <= 0) {
		/* what it would have guarded is unknown */
		user_policy_broken(policy, error, TRUE);
		return;
	}
	if (file_error != NULL) {
		user_policy_broken(policy, file_error,
				   policy_file_has_guards(file));
		return;
	}

	ret = policy_file_select(file, set->section, user->username,
				 login_name(user), &section);
	if (ret < 0) {
		error = t_strdup_printf(
			"%s: There is no [policy %s], which the setting "
			"pop3_policy names", set->file, set->section);
		user_policy_broken(policy, error, TRUE);
	} else if (ret == 0) {
		policy->state = USER_POLICY_NONE;
	} else {
		user_policy_load_section(policy, file, section);
	}
}

struct user_policy *user_policy_load(struct mail_user *user)
{
	struct user_policy *policy = i_new(struct user_policy, 1);
	struct pop3_policy_settings set;
	const char *error;

	T_BEGIN {
		if (pop3_policy_compat_settings(user, pool_datastack_create(),
						&set, &error) < 0)
			user_policy_broken(policy, error, TRUE);
		else
			user_policy_load_settings(policy, user, &set);
	} T_END;
	if (policy->section == NULL)
		policy->section = i_strdup("");
	if (policy->file == NULL)
		policy->file = i_strdup("");
	if (policy->uidl_key == NULL)
		policy->uidl_key = i_strdup("");
	return policy;
}

void user_policy_free(struct user_policy **_policy)
{
	struct user_policy *policy = *_policy;

	if (policy == NULL)
		return;
	*_policy = NULL;
	policy_script_deinit(&policy->script);
	if (policy->policy != NULL)
		policy_free(&policy->policy);
	i_free(policy->section);
	i_free(policy->file);
	i_free(policy->uidl_key);
	i_free(policy->error);
	i_free(policy);
}

void user_policy_deinit(void)
{
	policy_cache_clear();
	policy_script_process_deinit();
}
