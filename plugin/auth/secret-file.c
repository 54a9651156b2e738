/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "secret-fences.h"
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

/* A search, and what is in memory of its file. Most of the last steps look at
   the same few lines. */
struct search {
	const char *path;
	int fd;
	off_t size;
	const char *user;

	off_t begin;
	ssize_t length;
	char data[8192];
};

/* Returns the bytes from begin to end (fewer than half of the data in memory),
   or NULL and *error_r. Nothing before low is needed. */
static const char *
search_get(struct search *search, off_t low, off_t begin, off_t end,
	   struct secret_error *error_r)
{
	const off_t middle = begin + (end - begin) / 2;
	const off_t half = (off_t)sizeof(search->data) / 2;

	if (begin < search->begin || end > search->begin + search->length) {
		search->begin = middle - low > half ? middle - half : low;
		search->length = secret_file_read_at(search->fd, search->begin,
						     search->data,
						     sizeof(search->data));
		if (search->length < 0) {
			secret_error_set_errno(error_r, "read", search->path);
			return NULL;
		}
		if (end > search->begin + search->length) {
			secret_error_set(error_r, "%s changed while it was "
					 "read", search->path);
			return NULL;
		}
	}
	return search->data + (begin - search->begin);
}

/* A line is not longer than that. */
static off_t line_low(off_t offset, off_t low)
{
	return offset - low > SECRET_LINE_MAX_BYTES ?
		offset - SECRET_LINE_MAX_BYTES : low;
}

static off_t line_high(off_t offset, off_t high)
{
	return high - offset > SECRET_LINE_MAX_BYTES ?
		offset + SECRET_LINE_MAX_BYTES : high;
}

/* Reads the record whose line has the byte at middle. low: where some line
   begins that is not behind it; high: where one begins or the file ends.
   Returns 0, *record_r and *fence_r, whose user is the record's; or -1 and
   *error_r. */
static int
search_get_record(struct search *search, off_t low, off_t middle, off_t high,
		  struct secret_record *record_r,
		  struct secret_fence *fence_r, struct secret_error *error_r)
{
	const off_t begin = line_low(middle, low);
	const off_t end = line_high(middle, high);
	const char *data, *line, *newline;

	/* The line before is for search_is_proved(). */
	data = search_get(search, line_low(low, HEADER_LENGTH), begin, end,
			  error_r);
	if (data == NULL)
		return -1;
	newline = memrchr(data, '\n', (size_t)(middle - begin));
	if (newline == NULL && begin != low)
		return damaged(search->path, begin, error_r);
	line = newline == NULL ? data : newline + 1;
	fence_r->line = begin + (line - data);
	newline = memchr(line, '\n', (size_t)(end - fence_r->line));
	if (newline == NULL ||
	    !secret_record_parse(line, (size_t)(newline - line), record_r))
		return damaged(search->path, fence_r->line, error_r);
	fence_r->next = fence_r->line + (newline - line) + 1;
	fence_r->user = record_r->user;
	return 0;
}

/* fences: NULL = read everything. Returns as secret_file_find(). */
static int
search_run(struct search *search, struct secret_fences *fences,
	   off_t *offset_r, struct secret_error *error_r)
{
	off_t low = HEADER_LENGTH, high = search->size;
	struct secret_record record;
	struct secret_fence fence;
	unsigned int step = 1;
	int ret, found = 0;

	/* low and high begin lines; what is before low is less than the user,
	   what is at high or behind is not */
	while (low < high) {
		if (fences == NULL ||
		    !secret_fences_find(fences, step, &fence)) {
			if (search_get_record(search, low,
					      low + (high - low) / 2, high,
					      &record, &fence, error_r) < 0)
				return -1;
			if (fences != NULL)
				secret_fences_add(fences, step, &fence);
		}
		ret = strcmp(fence.user, search->user);
		if (ret < 0)
			low = fence.next;
		else {
			high = fence.line;
			found = ret == 0 ? 1 : 0;
		}
		if (step < SECRET_FENCES_MAX)
			step = 2 * step + (ret < 0 ? 1 : 0);
	}
	*offset_r = low;
	return found;
}

/* Is it in the file that the user's first line, or that of the next one, begins
   at this offset? Whatever led there, the lines on both sides say so, since
   lines are sorted. found: is it his? */
static bool search_is_proved(struct search *search, off_t offset, bool found)
{
	const off_t begin = line_low(offset, HEADER_LENGTH);
	const off_t end = line_high(offset, search->size);
	struct secret_record record;
	struct secret_error error;
	const char *data, *here, *line, *newline;
	int ret;

	data = search_get(search, begin, begin, end, &error);
	if (data == NULL)
		return false;
	here = data + (offset - begin);
	if (offset > HEADER_LENGTH) {
		if (here[-1] != '\n')
			return false;
		newline = memrchr(data, '\n', (size_t)(here - data) - 1);
		if (newline == NULL && begin != HEADER_LENGTH)
			return false;
		line = newline == NULL ? data : newline + 1;
		if (!secret_record_parse(line, (size_t)(here - line) - 1,
					 &record) ||
		    strcmp(record.user, search->user) >= 0)
			return false;
	}
	if (offset == search->size)
		return !found;
	newline = memchr(here, '\n', (size_t)(end - offset));
	if (newline == NULL ||
	    !secret_record_parse(here, (size_t)(newline - here), &record))
		return false;
	ret = strcmp(record.user, search->user);
	return found ? ret == 0 : ret > 0;
}

int secret_file_check(const char *path, int fd, struct secret_error *error_r)
{
	char header[sizeof(SECRET_HEADER) - 1];
	ssize_t size;

	size = secret_file_read_at(fd, 0, header, sizeof(header));
	if (size < 0) {
		secret_error_set_errno(error_r, "read", path);
		return -1;
	}
	if (size != (ssize_t)sizeof(header) ||
	    memcmp(header, SECRET_HEADER, sizeof(header)) != 0) {
		secret_error_set(error_r, "%s is not a file of secrets; "
				 "expected it to begin with "
				 "\"pop3-policy-apop 1\"", path);
		return -1;
	}
	return 0;
}

int secret_file_find(const char *path, int fd, const char *user,
		     off_t *offset_r, struct secret_error *error_r)
{
	struct search search = {
		.path = path,
		.fd = fd,
		.user = user,
		.length = 0,
	};
	struct secret_fences *fences = NULL;
	struct secret_error error;
	struct stat st;
	int ret;

	if (fstat(fd, &st) < 0) {
		secret_error_set_errno(error_r, "fstat", path);
		return -1;
	}
	search.size = st.st_size;
	/* one that is read at once needs none */
	if (search.size > (off_t)sizeof(search.data))
		fences = secret_fences_get(path, &st);
	if (fences != NULL) {
		ret = search_run(&search, fences, offset_r, &error);
		if (ret >= 0 && search_is_proved(&search, *offset_r, ret > 0))
			return ret;
		/* The file was written to in its place, which its times need
		   not show, or it is damaged. */
		secret_fences_forget(fences);
		search.length = 0;
	}
	return search_run(&search, NULL, offset_r, error_r);
}
