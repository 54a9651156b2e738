/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "read-full.h"
#include "regular-file.h"

#include <fcntl.h>
#include <unistd.h>

int regular_file_open(const char *path, size_t max_size, int *fd_r,
		      struct stat *st_r, const char **error_r)
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
	if ((uintmax_t)st_r->st_size > max_size) {
		*error_r = max_size < 1024 * 1024 ?
			t_strdup_printf("%s is larger than %zu kB", path,
					max_size / 1024) :
			t_strdup_printf("%s is larger than %zu MB", path,
					max_size / (1024 * 1024));
		i_close_fd(&fd);
		return -1;
	}
	*fd_r = fd;
	return 1;
}

int regular_file_read(const char *path, int fd, const struct stat *st,
		      char **data_r, const char **error_r)
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
		data[size] = '\0';
		*data_r = data;
		return 0;
	}
	i_free(data);
	return -1;
}

bool regular_file_is_same(const struct stat *st1, const struct stat *st2)
{
	return st1->st_dev == st2->st_dev && st1->st_ino == st2->st_ino &&
		st1->st_size == st2->st_size &&
		st1->st_mtim.tv_sec == st2->st_mtim.tv_sec &&
		st1->st_mtim.tv_nsec == st2->st_mtim.tv_nsec &&
		st1->st_ctim.tv_sec == st2->st_ctim.tv_sec &&
		st1->st_ctim.tv_nsec == st2->st_ctim.tv_nsec;
}
