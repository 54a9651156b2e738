/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "path-util.h"
#include "script-file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* As Linux has it (path_resolution(7)). */
#define SCRIPT_MAX_LINKS 40

const char *script_file_path(const char *policy_file, const char *name)
{
	const char *slash = strrchr(policy_file, '/');

	i_assert(slash != NULL);
	if (name[0] == '/')
		return name;
	return t_strconcat(t_strdup_until(policy_file, slash + 1), name, NULL);
}

/* Why could it be written or replaced? NULL = it could not. */
static const char *writable_reason(const char *path, const struct stat *st)
{
	bool is_root = geteuid() == 0;

	if (!is_root && st->st_uid == geteuid())
		return "belongs to the mail user";
	/* the rights of a link mean nothing; others' files in a folder like
	   /tmp can't be replaced */
	if (S_ISLNK(st->st_mode) ||
	    (S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX) != 0))
		return NULL;
	if ((st->st_mode & S_IWOTH) != 0)
		return "is writable for everybody";
	/* groups, and access control lists */
	if (!is_root && faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0)
		return "is writable for the mail user";
	return NULL;
}

static int check_path(const char *script, const char *path,
		      unsigned int links, const char **error_r);

/* What a link points to could be replaced, too. */
static int check_link(const char *script, const char *link,
		      unsigned int links, const char **error_r)
{
	const char *target, *slash = strrchr(link, '/');

	if (links == 0) {
		*error_r = t_strdup_printf("%s: Too many symbolic links",
					   script);
		return -1;
	}
	if (t_readlink(link, &target, error_r) < 0)
		return -1;
	if (target[0] != '/') {
		target = t_strconcat(t_strdup_until(link, slash + 1), target,
				     NULL);
	}
	return check_path(script, target, links - 1, error_r);
}

static int check_one(const char *script, const char *path,
		     unsigned int links, const char **error_r)
{
	const char *reason;
	struct stat st;

	if (lstat(path, &st) < 0) {
		*error_r = t_strdup_printf("lstat(%s) failed: %m", path);
		return -1;
	}
	reason = writable_reason(path, &st);
	if (reason != NULL) {
		*error_r = strcmp(path, script) == 0 ?
			t_strdup_printf("%s %s; a script must not be", script,
					reason) :
			t_strdup_printf("%s could be replaced: %s %s", script,
					path, reason);
		return -1;
	}
	return S_ISLNK(st.st_mode) ?
		check_link(script, path, links, error_r) : 0;
}

/* The file and all folders above it. */
static int check_path(const char *script, const char *path,
		      unsigned int links, const char **error_r)
{
	const char *p = path + strlen(path);

	i_assert(path[0] == '/');
	for (;;) {
		if (check_one(script, p == path ? "/" :
			      t_strdup_until(path, p), links, error_r) < 0)
			return -1;
		if (p == path)
			return 0;
		while (p > path && p[-1] != '/') p--;
		while (p > path && p[-1] == '/') p--;
	}
}

int script_file_check_owner(const char *path, const char **error_r)
{
	return check_path(path, path, SCRIPT_MAX_LINKS, error_r);
}
