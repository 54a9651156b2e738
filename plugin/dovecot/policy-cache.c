/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "policy-cache.h"
#include "regular-file.h"

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

void policy_first_error_report(void *context, const char *file,
			       unsigned int line, unsigned int column,
			       const char *text)
{
	struct policy_first_error *first = context;

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

void policy_cache_clear(void)
{
	policy_file_free(&cache.file);
	i_free(cache.path);
	i_free(cache.error);
}

int policy_cache_load(const char *path, const struct policy_file **file_r,
		      const char **file_error_r, const char **error_r)
{
	struct policy_first_error first = { NULL };
	struct policy_file *file;
	struct stat st;
	int fd, ret;

	/* Opened even when it is cached: the next user of this process may not
	   have the rights to read it. */
	ret = regular_file_open(path, POLICY_FILE_MAX_SIZE, &fd, &st, error_r);
	if (ret <= 0)
		return ret;
	if (cache.file == NULL || strcmp(cache.path, path) != 0 ||
	    !regular_file_is_same(&cache.st, &st)) {
		ret = policy_file_read(path, fd, &st,
				       policy_first_error_report, &first,
				       &file, error_r);
		if (ret == 0) {
			policy_cache_clear();
			cache.path = i_strdup(path);
			cache.st = st;
			cache.file = file;
			cache.error = i_strdup(first.text);
		}
	}
	i_close_fd(&fd);
	if (ret < 0)
		return -1;
	*file_r = cache.file;
	*file_error_r = cache.error;
	return 1;
}

int policy_cache_read(const char *path, policy_error_func_t *report,
		      void *context, struct policy_file **file_r,
		      const char **error_r)
{
	struct stat st;
	int fd, ret;

	if (regular_file_open(path, POLICY_FILE_MAX_SIZE, &fd, &st,
			      error_r) <= 0)
		return -1;
	ret = policy_file_read(path, fd, &st, report, context, file_r,
			       error_r);
	i_close_fd(&fd);
	return ret;
}
