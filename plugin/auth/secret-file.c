/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "secret-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER_LENGTH ((off_t)sizeof(SECRET_HEADER) - 1)

void secret_error_set(struct secret_error *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
}

void secret_error_set_errno(struct secret_error *error, const char *call,
			    const char *path)
{
	secret_error_set(error, "%s(%s) failed: %s", call, path,
			 strerror(errno));
}

int secret_file_open(const char *path, int *fd_r,
		     struct secret_error *error_r)
{
	struct stat st;
	int fd;

	/* O_NONBLOCK: a FIFO must not stop a login for ever */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd == -1) {
		if (errno == ENOENT)
			return 0;
		secret_error_set_errno(error_r, "open", path);
		return -1;
	}
	if (fstat(fd, &st) < 0)
		secret_error_set_errno(error_r, "fstat", path);
	else if (!S_ISREG(st.st_mode))
		secret_error_set(error_r, "%s is not a regular file", path);
	else if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		secret_error_set(error_r, "%s has mode %04o, which lets others "
				 "than its owner in; expected 0600", path,
				 (unsigned int)st.st_mode & 07777);
	} else if (st.st_uid != 0 && geteuid() != 0 &&
		   st.st_uid != geteuid()) {
		secret_error_set(error_r, "%s belongs to user %ld; expected "
				 "root or the user of this process, %ld", path,
				 (long)st.st_uid, (long)geteuid());
	} else {
		*fd_r = fd;
		return 1;
	}
	close(fd);
	return -1;
}

ssize_t secret_file_read_at(int fd, off_t offset, void *data_r, size_t size)
{
	size_t used = 0;
	ssize_t ret;

	while (used < size) {
		ret = pread(fd, (char *)data_r + used, size - used,
			    offset + (off_t)used);
		if (ret < 0 && errno == EINTR)
			continue;
		if (ret < 0)
			return -1;
		if (ret == 0)
			break;
		used += (size_t)ret;
	}
	return (ssize_t)used;
}

static int
damaged(const char *path, off_t offset, struct secret_error *error_r)
{
	secret_error_set(error_r, "%s is damaged at byte %lld", path,
			 (long long)offset);
	return -1;
}

int secret_file_next(const char *path, int fd, off_t *offset,
		     struct secret_record *record_r,
		     struct secret_error *error_r)
{
	char line[SECRET_LINE_MAX_BYTES];
	const char *end;
	ssize_t size;

	size = secret_file_read_at(fd, *offset, line, sizeof(line));
	if (size < 0) {
		secret_error_set_errno(error_r, "read", path);
		return -1;
	}
	if (size == 0)
		return 0;
	end = memchr(line, '\n', (size_t)size);
	if (end == NULL ||
	    !secret_record_parse(line, (size_t)(end - line), record_r))
		return damaged(path, *offset, error_r);
	*offset += end - line + 1;
	return 1;
}

/* What is in memory of a file that is searched. Most of the last steps of a
   search look at the same few lines. */
struct window {
	off_t begin;
	ssize_t size;
	char data[4096];
};

/* Returns the bytes from begin to end (fewer than half a window), which lie
   around the byte at middle, or NULL and *error_r. Nothing before low is
   needed. */
static const char *
window_get(struct window *window, const char *path, int fd, off_t low,
	   off_t begin, off_t middle, off_t end, struct secret_error *error_r)
{
	const off_t half = (off_t)sizeof(window->data) / 2;

	if (begin < window->begin || end > window->begin + window->size) {
		window->begin = middle - low > half ? middle - half : low;
		window->size = secret_file_read_at(fd, window->begin,
						   window->data,
						   sizeof(window->data));
		if (window->size < 0) {
			secret_error_set_errno(error_r, "read", path);
			return NULL;
		}
		if (end > window->begin + window->size) {
			secret_error_set(error_r, "%s changed while it was "
					 "read", path);
			return NULL;
		}
	}
	return window->data + (begin - window->begin);
}

/* Reads the record whose line has the byte at middle. low: where some line
   begins that is not behind it; high: where one begins or the file ends.
   Returns 0, *line_r and *next_r, or -1 and *error_r. */
static int
window_get_record(struct window *window, const char *path, int fd, off_t low,
		  off_t middle, off_t high, off_t *line_r, off_t *next_r,
		  struct secret_record *record_r, struct secret_error *error_r)
{
	const off_t begin = middle - low > SECRET_LINE_MAX_BYTES ?
		middle - SECRET_LINE_MAX_BYTES : low;
	const off_t end = high - middle > SECRET_LINE_MAX_BYTES ?
		middle + SECRET_LINE_MAX_BYTES : high;
	const char *data, *line, *newline;

	data = window_get(window, path, fd, low, begin, middle, end, error_r);
	if (data == NULL)
		return -1;
	newline = memrchr(data, '\n', (size_t)(middle - begin));
	if (newline == NULL && begin != low)
		return damaged(path, begin, error_r);
	line = newline == NULL ? data : newline + 1;
	*line_r = begin + (line - data);
	newline = memchr(line, '\n', (size_t)(end - *line_r));
	if (newline == NULL ||
	    !secret_record_parse(line, (size_t)(newline - line), record_r))
		return damaged(path, *line_r, error_r);
	*next_r = *line_r + (newline - line) + 1;
	return 0;
}

int secret_file_find(const char *path, int fd, const char *user,
		     off_t *offset_r, struct secret_error *error_r)
{
	char header[sizeof(SECRET_HEADER) - 1];
	struct window window = { .size = 0 };
	struct secret_record record;
	off_t low = HEADER_LENGTH, high, line, next;
	struct stat st;
	int ret, found = 0;

	if (fstat(fd, &st) < 0) {
		secret_error_set_errno(error_r, "fstat", path);
		return -1;
	}
	if (secret_file_read_at(fd, 0, header, sizeof(header)) !=
	    (ssize_t)sizeof(header) ||
	    memcmp(header, SECRET_HEADER, sizeof(header)) != 0) {
		secret_error_set(error_r, "%s is not a file of secrets; "
				 "expected it to begin with "
				 "\"pop3-policy-apop 1\"", path);
		return -1;
	}

	/* low and high begin lines; what is before low is less than the user,
	   what is at high or behind is not */
	high = st.st_size;
	while (low < high) {
		if (window_get_record(&window, path, fd, low,
				      low + (high - low) / 2, high, &line,
				      &next, &record, error_r) < 0)
			return -1;
		ret = strcmp(record.user, user);
		if (ret < 0)
			low = next;
		else {
			high = line;
			found = ret == 0 ? 1 : 0;
		}
	}
	*offset_r = low;
	return found;
}
