/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "mail-user.h"
#include "compat.h"
#include "policy-script.h"
#include "regular-file.h"
#include "user-policy.h"

#include <unistd.h>

/* A hundred thousand sections fit. A larger file is somebody's mistake and
   would make each new process slow. */
#define POLICY_FILE_MAX_SIZE (64 * 1024 * 1024)

/* The policy file that this process read last. */
static struct {
	char *path;
	struct stat st;
	struct policy_file *file;
	/* The first error outside sections, or NULL */
	char *error;
} cache;

struct first_error {
	const char *text; /* data stack */
};

static void
report_first_error(void *context, const char *file, unsigned int line,
		   unsigned int column, const char *text)
{
	struct first_error *first = context;

	if (first->text != NULL)
		return;
	first->text = line == 0 ? t_strdup_printf("%s: %s", file, text) :
		t_strdup_printf("%s:%u:%u: %s", file, line, column, text);
}

/* Returns 0, or -1 and error_r. */
static int
policy_file_read(const char *path, int fd, const struct stat *st,
		 policy_error_func_t *report, void *context,
		 struct policy_file **file_r, const char **error_r)
{
	char *data;

	if (regular_file_read(path, fd, st, &data, error_r) < 0)
		return -1;
	*file_r = policy_file_parse(path, data, st->st_size, report, context);
	i_free(data);
	if (*file_r == NULL) {
		*error_r = t_strdup_printf("%s: Out of memory", path);
		return -1;
	}
	return 0;
}

static void cache_clear(void)
{
	policy_file_free(&cache.file);
	i_free(cache.path);
	i_free(cache.error);
}

/* Returns 1 and sets the cache, 0 if there is no such file, -1 on error. */
static int cache_load(const char *path, const char **error_r)
{
	struct first_error first = { NULL };
	struct policy_file *file;
	struct stat st;
	int fd, ret;

	/* Opened even when it is cached: the next user of this process may not
	   have the rights to read it. */
	ret = regular_file_open(path, POLICY_FILE_MAX_SIZE, &fd, &st, error_r);
	if (ret <= 0)
		return ret;
	if (cache.file != NULL && strcmp(cache.path, path) == 0 &&
	    regular_file_is_same(&cache.st, &st)) {
		i_close_fd(&fd);
		return 1;
	}
	ret = policy_file_read(path, fd, &st, report_first_error, &first,
			       &file, error_r);
	i_close_fd(&fd);
	if (ret < 0)
		return -1;

	cache_clear();
	cache.path = i_strdup(path);
	cache.st = st;
	cache.file = file;
	cache.error = i_strdup(first.text);
	return 1;
}

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
user_policy_load_section(struct user_policy *policy, const char *section)
{
	struct first_error first = { NULL };
	const char *error;
	bool guards;

	policy->section = i_strdup(section);
	if (policy_load(cache.file, section, &policy->policy, &guards,
			report_first_error, &first) < 0) {
		user_policy_broken(policy, first.text, guards);
		return;
	}
	policy->state = USER_POLICY_ACTIVE;
	if (policy->policy->script != NULL &&
	    policy_script_init(policy->policy, &policy->script, &error) < 0)
		user_policy_set_broken(policy, error);
}

static void
user_policy_load_settings(struct user_policy *policy, struct mail_user *user,
			  const struct pop3_policy_settings *set)
{
	const char *section, *error;
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
	ret = cache_load(set->file, &error);
	if (ret == 0 && !set->file_is_set && set->section[0] == '\0') {
		policy->state = USER_POLICY_NONE;
		return;
	}
	if (ret <= 0) {
		/* what it would have guarded is unknown */
		user_policy_broken(policy, error, TRUE);
		return;
	}
	if (cache.error != NULL) {
		user_policy_broken(policy, cache.error,
				   policy_file_has_guards(cache.file));
		return;
	}

	ret = policy_file_select(cache.file, set->section, user->username,
				 &section);
	if (ret < 0) {
		error = t_strdup_printf(
			"%s: There is no [policy %s], which the setting "
			"pop3_policy names", set->file, set->section);
		user_policy_broken(policy, error, TRUE);
	} else if (ret == 0) {
		policy->state = USER_POLICY_NONE;
	} else {
		user_policy_load_section(policy, section);
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
	cache_clear();
	policy_script_process_deinit();
}

int user_policy_read_file(const char *path, policy_error_func_t *report,
			  void *context, struct policy_file **file_r,
			  const char **error_r)
{
	struct stat st;
	int fd, ret;

	if (regular_file_open(path, POLICY_FILE_MAX_SIZE, &fd, &st, error_r) <= 0)
		return -1;
	ret = policy_file_read(path, fd, &st, report, context, file_r,
			       error_r);
	i_close_fd(&fd);
	return ret;
}
