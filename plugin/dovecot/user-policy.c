/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "read-full.h"
#include "mail-user.h"
#include "compat.h"
#include "user-policy.h"

#include <fcntl.h>
#include <sys/stat.h>
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

static bool is_same_file(const struct stat *st1, const struct stat *st2)
{
	return st1->st_dev == st2->st_dev && st1->st_ino == st2->st_ino &&
		st1->st_size == st2->st_size &&
		st1->st_mtim.tv_sec == st2->st_mtim.tv_sec &&
		st1->st_mtim.tv_nsec == st2->st_mtim.tv_nsec &&
		st1->st_ctim.tv_sec == st2->st_ctim.tv_sec &&
		st1->st_ctim.tv_nsec == st2->st_ctim.tv_nsec;
}

/* Returns 1, 0 if there is no such file, -1 if it can't be read. */
static int
policy_file_open(const char *path, int *fd_r, struct stat *st_r,
		 const char **error_r)
{
	int fd;

	/* O_NONBLOCK: a FIFO must not stop a login for ever */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd == -1) {
		int ret = errno == ENOENT || errno == ENOTDIR ? 0 : -1;

		*error_r = t_strdup_printf("open(%s) failed: %m", path);
		return ret;
	}
	if (fstat(fd, st_r) < 0) {
		*error_r = t_strdup_printf("fstat(%s) failed: %m", path);
		i_close_fd(&fd);
		return -1;
	}
	if (!S_ISREG(st_r->st_mode)) {
		*error_r = t_strdup_printf("%s is not a regular file", path);
		i_close_fd(&fd);
		return -1;
	}
	if (st_r->st_size > POLICY_FILE_MAX_SIZE) {
		*error_r = t_strdup_printf("%s is larger than %u MB", path,
			POLICY_FILE_MAX_SIZE / (1024 * 1024));
		i_close_fd(&fd);
		return -1;
	}
	*fd_r = fd;
	return 1;
}

static int
policy_file_read(const char *path, int fd, const struct stat *st,
		 policy_error_func_t *report, void *context,
		 struct policy_file **file_r, const char **error_r)
{
	size_t size = st->st_size;
	char *data = i_malloc(size + 1);
	int ret;

	/* One byte more than there should be: a file that grows while it is
	   being read is one that somebody is writing just now. */
	ret = size == 0 ? 1 : read_full(fd, data, size);
	if (ret < 0)
		*error_r = t_strdup_printf("read(%s) failed: %m", path);
	else if (ret == 0 || read(fd, data + size, 1) != 0) {
		*error_r = t_strdup_printf("%s changed while it was read",
					   path);
		ret = -1;
	} else {
		*file_r = policy_file_parse(path, data, size, report, context);
		if (*file_r == NULL) {
			*error_r = t_strdup_printf("%s: Out of memory", path);
			ret = -1;
		}
	}
	i_free(data);
	return ret < 0 ? -1 : 0;
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
	ret = policy_file_open(path, &fd, &st, error_r);
	if (ret <= 0)
		return ret;
	if (cache.file != NULL && strcmp(cache.path, path) == 0 &&
	    is_same_file(&cache.st, &st)) {
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

static void
user_policy_load_section(struct user_policy *policy, const char *section)
{
	struct first_error first = { NULL };
	bool guards;

	policy->section = i_strdup(section);
	if (policy_load(cache.file, section, &policy->policy, &guards,
			report_first_error, &first) < 0)
		user_policy_broken(policy, first.text, guards);
	else
		policy->state = USER_POLICY_ACTIVE;
}

static void
user_policy_load_settings(struct user_policy *policy, struct mail_user *user,
			  const struct pop3_policy_settings *set)
{
	const char *section, *error;
	int ret;

	policy->file = i_strdup(set->file);
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
	return policy;
}

void user_policy_free(struct user_policy **_policy)
{
	struct user_policy *policy = *_policy;

	if (policy == NULL)
		return;
	*_policy = NULL;
	if (policy->policy != NULL)
		policy_free(&policy->policy);
	i_free(policy->section);
	i_free(policy->file);
	i_free(policy->error);
	i_free(policy);
}

void user_policy_deinit(void)
{
	cache_clear();
}

int user_policy_read_file(const char *path, policy_error_func_t *report,
			  void *context, struct policy_file **file_r,
			  const char **error_r)
{
	struct stat st;
	int fd, ret;

	if (policy_file_open(path, &fd, &st, error_r) <= 0)
		return -1;
	ret = policy_file_read(path, fd, &st, report, context, file_r,
			       error_r);
	i_close_fd(&fd);
	return ret;
}
