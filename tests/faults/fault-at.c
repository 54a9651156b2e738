/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Preloaded into pop3 processes: counts the calls that change something below
   one folder, and lets the one with a given number fail, or the process die at
   it. What to do stands in the file $FAULT_CONTROL, which the test maps into
   its memory as well, so that it can change its mind between two commands of
   a session, and read how far the process came after that has been killed.
   fault_at.py has the other side of struct control. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>
#include <utime.h>

#define MAX_FDS 1024

enum mode {
	/* count only */
	MODE_COUNT = 0,
	/* the call fails, those behind it work again */
	MODE_FAIL,
	/* this one and all behind it fail; a write ends in the middle first */
	MODE_FAIL_ON,
	/* the process dies before the call */
	MODE_KILL,
	/* the process dies after the call; in the middle of it if it writes */
	MODE_TORN,
};

struct control {
	uint32_t armed;
	uint32_t mode;
	uint32_t error;
	uint32_t number;
	/* what the library answers: calls so far; has it struck? */
	uint32_t count;
	uint32_t struck;
	/* bytes used of trace */
	uint32_t trace_size;
	uint32_t reserved;
	/* an absolute path without "/" at its end */
	char folder[512];
	/* the call at which it struck */
	char call[512];
	/* all calls, one a line */
	char trace[256 * 1024];
};

static struct control *control;
static char *fd_paths[MAX_FDS];

__attribute__((constructor)) static void map_control(void)
{
	/* before Dovecot empties the environment and gives up its rights */
	const char *path = getenv("FAULT_CONTROL");
	void *base;
	int fd;

	if (path == NULL)
		return;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		abort();
	base = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED,
		    fd, 0);
	if (base == MAP_FAILED)
		abort();
	close(fd);
	control = base;
}

#define REAL(name) \
	static __typeof__(&name) real; \
	if (real == NULL) \
		real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static int is_below(const char *path)
{
	char cwd[512];
	size_t len;

	if (control == NULL || control->folder[0] == '\0' || path == NULL)
		return 0;
	if (path[0] != '/') {
		if (getcwd(cwd, sizeof(cwd)) == NULL)
			return 0;
		path = cwd;
	}
	len = strlen(control->folder);
	return strncmp(path, control->folder, len) == 0 &&
		(path[len] == '/' || path[len] == '\0');
}

static const char *path_of_fd(int fd)
{
	return fd >= 0 && fd < MAX_FDS ? fd_paths[fd] : NULL;
}

static void forget_fd(int fd)
{
	if (path_of_fd(fd) != NULL) {
		free(fd_paths[fd]);
		fd_paths[fd] = NULL;
	}
}

static int note_fd(int fd, const char *path)
{
	if (fd >= 0 && fd < MAX_FDS) {
		forget_fd(fd);
		if (is_below(path))
			fd_paths[fd] = strdup(path);
	}
	return fd;
}

static void note_call(const char *name, const char *path)
{
	char line[600];
	int len;

	len = snprintf(line, sizeof(line), "%s %s\n", name, path);
	if (len >= (int)sizeof(line))
		len = sizeof(line) - 1;
	if (control->trace_size + (uint32_t)len <= sizeof(control->trace)) {
		memcpy(control->trace + control->trace_size, line, (size_t)len);
		control->trace_size += (uint32_t)len;
	}
}

static void die(void)
{
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

/* A disk that stays full still lets one remove things. */
static int is_space_error(void)
{
	return control->error == ENOSPC || control->error == EDQUOT;
}

static int needs_space(const char *name)
{
	static const char *const frugal[] = {
		"unlink", "rmdir", "ftruncate", "chmod", "fchmod", "chown",
		"fchown", "utime", "utimes", "fsync", "fdatasync", "rename",
	};

	for (size_t i = 0; i < sizeof(frugal) / sizeof(frugal[0]); i++) {
		if (strcmp(name, frugal[i]) == 0)
			return 0;
	}
	return 1;
}

enum fate {
	/* do it */
	FATE_LIVE,
	/* it fails, errno is set */
	FATE_FAIL,
	/* write half, which succeeds */
	FATE_HALF,
	/* do it, or half of it, and die */
	FATE_TORN,
};

/* path: what the call changes, NULL if it is none of our business. */
static enum fate fate_of(const char *name, const char *path, int is_write)
{
	if (path == NULL || control == NULL || control->armed == 0)
		return FATE_LIVE;
	control->count++;
	note_call(name, path);
	if (control->mode == MODE_COUNT || control->count < control->number ||
	    (control->mode != MODE_FAIL_ON &&
	     control->count > control->number))
		return FATE_LIVE;

	if (control->struck == 0) {
		snprintf(control->call, sizeof(control->call), "%s %s", name,
			 path);
		control->struck = 1;
		if (control->mode == MODE_FAIL_ON && is_write)
			return FATE_HALF;
	}
	if (control->mode == MODE_FAIL_ON && is_space_error() &&
	    !needs_space(name))
		return FATE_LIVE;
	switch ((enum mode)control->mode) {
	case MODE_KILL:
		die();
		break;
	case MODE_TORN:
		return FATE_TORN;
	case MODE_FAIL:
	case MODE_FAIL_ON:
		errno = (int)control->error;
		return FATE_FAIL;
	case MODE_COUNT:
		break;
	}
	return FATE_LIVE;
}

static enum fate fate_of_path(const char *name, const char *path)
{
	return fate_of(name, is_below(path) ? path : NULL, 0);
}

/* For calls that succeed as a whole or not at all. */
#define CALL(type, failure, what, call) \
	enum fate _fate = (what); \
	type _ret; \
	if (_fate == FATE_FAIL) \
		return (failure); \
	_ret = (call); \
	if (_fate == FATE_TORN) \
		die(); \
	return _ret

/* Files */

static int changes(int flags)
{
	return (flags & (O_CREAT | O_TRUNC)) != 0;
}

static mode_t mode_of(int flags, va_list args)
{
	return (flags & (O_CREAT | __O_TMPFILE)) != 0 ?
		(mode_t)va_arg(args, unsigned int) : 0;
}

int open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	REAL(open);
	va_start(args, flags);
	mode = mode_of(flags, args);
	va_end(args);
	CALL(int, -1, changes(flags) ? fate_of_path("open", path) : FATE_LIVE,
	     note_fd(real(path, flags, mode), path));
}

int __open_2(const char *path, int flags);
int __open_2(const char *path, int flags)
{
	return open(path, flags);
}

int creat(const char *path, mode_t mode)
{
	return open(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
	const char *below = path;
	va_list args;
	mode_t mode;

	REAL(openat);
	va_start(args, flags);
	mode = mode_of(flags, args);
	va_end(args);
	if (dir != AT_FDCWD && path[0] != '/')
		below = path_of_fd(dir);
	CALL(int, -1, changes(flags) ? fate_of_path("openat", below) :
	     FATE_LIVE, note_fd(real(dir, path, flags, mode), below));
}

int __openat_2(int dir, const char *path, int flags);
int __openat_2(int dir, const char *path, int flags)
{
	return openat(dir, path, flags);
}

int close(int fd)
{
	REAL(close);
	forget_fd(fd);
	return real(fd);
}

int dup(int fd)
{
	REAL(dup);
	return note_fd(real(fd), path_of_fd(fd));
}

int dup2(int fd, int fd2)
{
	REAL(dup2);
	return note_fd(real(fd, fd2), path_of_fd(fd));
}

/* Writing */

ssize_t write(int fd, const void *data, size_t size)
{
	enum fate fate = fate_of("write", path_of_fd(fd), 1);
	ssize_t ret;

	REAL(write);
	if (fate == FATE_FAIL)
		return -1;
	ret = real(fd, data, fate == FATE_LIVE ? size : (size + 1) / 2);
	if (fate == FATE_TORN)
		die();
	return ret;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
	enum fate fate = fate_of("pwrite", path_of_fd(fd), 1);
	ssize_t ret;

	REAL(pwrite);
	if (fate == FATE_FAIL)
		return -1;
	ret = real(fd, data, fate == FATE_LIVE ? size : (size + 1) / 2,
		   offset);
	if (fate == FATE_TORN)
		die();
	return ret;
}

/* What stands in the buffer of a FILE: the C library writes it without
   calling write(). Where half of it can be written, the other half fails. */
int fflush(FILE *file)
{
	const char *path = file == NULL ? NULL : path_of_fd(fileno(file));
	enum fate fate = fate_of("fflush", path, 1);
	ssize_t (*real_write)(int, const void *, size_t);
	size_t size;

	REAL(fflush);
	if (fate == FATE_LIVE)
		return real(file);
	if (fate != FATE_FAIL) {
		real_write = (__typeof__(&write))dlsym(RTLD_NEXT, "write");
		size = (size_t)(file->_IO_write_ptr - file->_IO_write_base);
		if (real_write(fileno(file), file->_IO_write_base,
			       (size + 1) / 2) < 0 || fate == FATE_TORN)
			die();
		errno = (int)control->error;
	}
	return EOF;
}

ssize_t writev(int fd, const struct iovec *iov, int count)
{
	enum fate fate = fate_of("writev", path_of_fd(fd), 1);
	struct iovec half;
	ssize_t ret;

	REAL(writev);
	if (fate == FATE_FAIL)
		return -1;
	if (fate == FATE_LIVE || count == 0)
		return real(fd, iov, count);
	half = iov[0];
	if (count == 1)
		half.iov_len = (half.iov_len + 1) / 2;
	ret = real(fd, &half, 1);
	if (fate == FATE_TORN)
		die();
	return ret;
}

ssize_t sendfile(int out_fd, int in_fd, off_t *offset, size_t count)
{
	enum fate fate = fate_of("sendfile", path_of_fd(out_fd), 1);
	ssize_t ret;

	REAL(sendfile);
	if (fate == FATE_FAIL)
		return -1;
	ret = real(out_fd, in_fd, offset,
		   fate == FATE_LIVE ? count : (count + 1) / 2);
	if (fate == FATE_TORN)
		die();
	return ret;
}

int ftruncate(int fd, off_t length)
{
	REAL(ftruncate);
	CALL(int, -1, fate_of("ftruncate", path_of_fd(fd), 0),
	     real(fd, length));
}

int fallocate(int fd, int mode, off_t offset, off_t length)
{
	REAL(fallocate);
	CALL(int, -1, fate_of("fallocate", path_of_fd(fd), 0),
	     real(fd, mode, offset, length));
}

int posix_fallocate(int fd, off_t offset, off_t length)
{
	REAL(posix_fallocate);
	CALL(int, (int)control->error,
	     fate_of("posix_fallocate", path_of_fd(fd), 0),
	     real(fd, offset, length));
}

int fsync(int fd)
{
	REAL(fsync);
	CALL(int, -1, fate_of("fsync", path_of_fd(fd), 0), real(fd));
}

int fdatasync(int fd)
{
	REAL(fdatasync);
	CALL(int, -1, fate_of("fdatasync", path_of_fd(fd), 0), real(fd));
}

int fchmod(int fd, mode_t mode)
{
	REAL(fchmod);
	CALL(int, -1, fate_of("fchmod", path_of_fd(fd), 0), real(fd, mode));
}

int fchown(int fd, uid_t uid, gid_t gid)
{
	REAL(fchown);
	CALL(int, -1, fate_of("fchown", path_of_fd(fd), 0),
	     real(fd, uid, gid));
}

/* Names */

/* The new name matters: what comes from outside changes things inside. */
int rename(const char *from, const char *to)
{
	REAL(rename);
	CALL(int, -1, fate_of_path("rename", to), real(from, to));
}

int link(const char *from, const char *to)
{
	REAL(link);
	CALL(int, -1, fate_of_path("link", to), real(from, to));
}

int symlink(const char *target, const char *path)
{
	REAL(symlink);
	CALL(int, -1, fate_of_path("symlink", path), real(target, path));
}

int unlink(const char *path)
{
	REAL(unlink);
	CALL(int, -1, fate_of_path("unlink", path), real(path));
}

int mkdir(const char *path, mode_t mode)
{
	REAL(mkdir);
	CALL(int, -1, fate_of_path("mkdir", path), real(path, mode));
}

int rmdir(const char *path)
{
	REAL(rmdir);
	CALL(int, -1, fate_of_path("rmdir", path), real(path));
}

int chmod(const char *path, mode_t mode)
{
	REAL(chmod);
	CALL(int, -1, fate_of_path("chmod", path), real(path, mode));
}

int chown(const char *path, uid_t uid, gid_t gid)
{
	REAL(chown);
	CALL(int, -1, fate_of_path("chown", path), real(path, uid, gid));
}

int utime(const char *path, const struct utimbuf *times)
{
	REAL(utime);
	CALL(int, -1, fate_of_path("utime", path), real(path, times));
}

int utimes(const char *path, const struct timeval times[2])
{
	REAL(utimes);
	CALL(int, -1, fate_of_path("utimes", path), real(path, times));
}
