/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "eacces-error.h"
#include "fdatasync-path.h"
#include "file-lock.h"
#include "iso8601-date.h"
#include "write-full.h"
#include "journal-file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A session holds the lock for one write of some megabytes. */
#define JOURNAL_LOCK_TIMEOUT_SECS 30
/* Rotated by others that often while we waited: something is wrong. */
#define JOURNAL_OPEN_MAX_TRIES 10
/* How long a jumped clock has to last until something is removed. */
#define JOURNAL_BELIEF_SECS (24 * 60 * 60)
/* Where the first and the last line are looked for. Longer than any line. */
#define JOURNAL_EDGE_BYTES (64 * 1024)

#define LINE_BEGIN "{\"time\":\""
/* In which the time of the first line is found, unless that was damaged. */
#define LINE_TIME_BYTES 64

struct journal_file {
	const char *path;
	const struct journal_file_settings *set;
	int fd;
	struct file_lock *lock;
	struct stat st;
};

static const char *
journal_file_error(const struct journal_file *file, const char *function)
{
	if (errno == EACCES) {
		return strcmp(function, "creat") == 0 ?
			eacces_error_get_creating(function, file->path) :
			eacces_error_get(function, file->path);
	}
	return t_strdup_printf("%s(%s) failed: %m", function, file->path);
}

static bool line_get_time(const char *line, const char *end, int64_t *time_r)
{
	const size_t skip = strlen(LINE_BEGIN);
	const char *quote;
	time_t date;
	int tz;

	if ((size_t)(end - line) <= skip ||
	    memcmp(line, LINE_BEGIN, skip) != 0)
		return FALSE;
	line += skip;
	quote = memchr(line, '"', end - line);
	if (quote == NULL ||
	    !iso8601_date_parse((const unsigned char *)line, quote - line,
				&date, &tz))
		return FALSE;
	*time_r = date;
	return TRUE;
}

/* When was the first (or the last) line written? Where lines can't be read:
   when the file was changed last. */
static int64_t edge_time(int fd, const struct stat *st, bool last)
{
	size_t size = I_MIN(st->st_size, JOURNAL_EDGE_BYTES);
	char *data = t_malloc_no0(JOURNAL_EDGE_BYTES);
	const char *line, *end, *newline;
	int64_t time = st->st_mtime;
	ssize_t ret;

	ret = pread(fd, data, size, last ? st->st_size - (off_t)size : 0);
	end = data + I_MAX(ret, 0);
	for (line = data; line < end; line = newline + 1) {
		newline = memchr(line, '\n', end - line);
		if (newline == NULL)
			break;
		if (line_get_time(line, newline, &time) && !last)
			break;
	}
	return time;
}

/* Each session asks for it. */
static int64_t begin_time(int fd, const struct stat *st)
{
	char data[LINE_TIME_BYTES];
	ssize_t size = pread(fd, data, sizeof(data), 0);
	int64_t time;

	if (size > 0 && line_get_time(data, data + size, &time))
		return time;
	return edge_time(fd, st, FALSE);
}

/* When was the last line of a rotated file written? Returns 1, 0 if there is
   no such file, -1 if it can't be found out. */
static int rotated_last_time(const char *path, int64_t *time_r)
{
	struct stat st;
	int fd, ret = 1;

	fd = open(path, O_RDONLY);
	if (fd == -1)
		return errno == ENOENT ? 0 : -1;
	if (fstat(fd, &st) < 0)
		ret = -1;
	else T_BEGIN {
		*time_r = edge_time(fd, &st, TRUE);
	} T_END;
	i_close_fd(&fd);
	return ret;
}

/* Returns TRUE if the file isn't there any more. Whatever fails: it only
   grows. */
static bool journal_file_rotate(struct journal_file *file)
{
	const char *path1 = t_strconcat(file->path, ".1", NULL);
	const char *path2 = t_strconcat(file->path, ".2", NULL);
	int64_t begin, last, now = time(NULL);
	int ret;

	if (file->st.st_size == 0)
		return FALSE;
	T_BEGIN {
		begin = begin_time(file->fd, &file->st);
	} T_END;

	ret = rotated_last_time(path2, &last);
	if (ret > 0 && begin <= now - JOURNAL_BELIEF_SECS &&
	    last < now - file->set->retention_secs && unlink(path2) == 0)
		ret = 0;
	if (ret != 0 || begin >= now - file->set->retention_secs)
		return FALSE;
	/* whoever has just written to it is going to sync the new one */
	if (fdatasync(file->fd) < 0 ||
	    (rename(path1, path2) < 0 && errno != ENOENT))
		return FALSE;
	return rename(file->path, path1) == 0;
}

static void journal_file_close(struct journal_file *file)
{
	if (file->lock != NULL)
		file_unlock(&file->lock);
	i_close_fd(&file->fd);
}

static int
journal_file_lock(struct journal_file *file, const char **error_r)
{
	static const struct file_lock_settings lock_set = {
		.lock_method = FILE_LOCK_METHOD_FCNTL,
	};
	int ret;

	ret = file_wait_lock(file->fd, file->path, F_WRLCK, &lock_set,
			     JOURNAL_LOCK_TIMEOUT_SECS, &file->lock, error_r);
	if (ret == 0) {
		*error_r = t_strdup_printf("Timed out while waiting for the "
					   "lock of %s", file->path);
	}
	return ret > 0 ? 0 : -1;
}

/* Only now, so that nobody else can read it before it has its group. Whoever
   else opens it this moment is refused, as if he could not write. */
static void journal_file_share(struct journal_file *file)
{
	const struct journal_file_settings *set = file->set;

	if (file->st.st_size > 0 || file->st.st_uid != geteuid() ||
	    (file->st.st_mode & 0777) == set->mode)
		return;
	if (set->gid == (gid_t)-1 || file->st.st_gid == set->gid ||
	    fchown(file->fd, (uid_t)-1, set->gid) == 0) {
		/* what can't be shared stays private */
		(void)fchmod(file->fd, set->mode);
	}
}

/* Returns 1 if it is open and locked, 0 if it is another file by now, -1 on
   error. */
static int journal_file_try_open(struct journal_file *file,
				 const char **error_r)
{
	struct stat st;

	/* in a shared folder a link may be somebody else's */
	file->fd = open(file->path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW,
			0600);
	if (file->fd == -1) {
		*error_r = journal_file_error(file, "creat");
		return -1;
	}
	if (journal_file_lock(file, error_r) < 0)
		return -1;
	if (fstat(file->fd, &file->st) < 0) {
		*error_r = journal_file_error(file, "fstat");
		return -1;
	}
	if (stat(file->path, &st) < 0 || st.st_ino != file->st.st_ino ||
	    !CMP_DEV_T(st.st_dev, file->st.st_dev))
		return 0;
	if (file->set->rotate && journal_file_rotate(file))
		return 0;
	journal_file_share(file);
	return 1;
}

static int journal_file_open(struct journal_file *file, const char **error_r)
{
	unsigned int i;
	int ret;

	for (i = 0; i < JOURNAL_OPEN_MAX_TRIES; i++) {
		ret = journal_file_try_open(file, error_r);
		if (ret > 0)
			return 0;
		journal_file_close(file);
		if (ret < 0)
			return -1;
	}
	*error_r = t_strdup_printf("%s is replaced again and again",
				   file->path);
	return -1;
}

/* Has the file's last line been cut short? */
static bool journal_file_is_torn(struct journal_file *file)
{
	char last;

	return file->st.st_size > 0 &&
		(pread(file->fd, &last, 1, file->st.st_size - 1) != 1 ||
		 last != '\n');
}

static int
journal_file_write(struct journal_file *file, const void *data, size_t size,
		   const char **error_r)
{
	if ((journal_file_is_torn(file) &&
	     write_full(file->fd, "\n", 1) < 0) ||
	    write_full(file->fd, data, size) < 0) {
		*error_r = journal_file_error(file, "write");
		/* If this fails, too, the next one ends the torn line. */
		if (ftruncate(file->fd, file->st.st_size) < 0)
			*error_r = t_strdup_printf("%s (ftruncate() failed: "
						   "%m)", *error_r);
		return -1;
	}
	return 0;
}

static int journal_file_sync(struct journal_file *file, const char **error_r)
{
	const char *p = strrchr(file->path, '/');

	if (file->set->sync && fdatasync(file->fd) < 0) {
		*error_r = journal_file_error(file, "fdatasync");
		return -1;
	}
	/* Whoever writes next finds a file that is there, and waits for its
	   lines only. */
	if (file->st.st_size == 0 && p != NULL &&
	    fdatasync_path(t_strdup_until(file->path, p)) < 0) {
		*error_r = journal_file_error(file, "fdatasync_path");
		return -1;
	}
	return 0;
}

int journal_file_append(const char *path,
			const struct journal_file_settings *set,
			const void *data, size_t size, const char **error_r)
{
	struct journal_file file = {
		.path = path,
		.set = set,
		.fd = -1,
	};
	int ret;

	if (journal_file_open(&file, error_r) < 0)
		return -1;
	ret = journal_file_write(&file, data, size, error_r);
	file_unlock(&file.lock);
	if (ret == 0 && set->durable)
		ret = journal_file_sync(&file, error_r);
	journal_file_close(&file);
	return ret;
}
