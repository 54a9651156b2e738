/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "array.h"
#include "str.h"
#include "master-service.h"
#include "pop3-policy-config.h"
#include "doveconf.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DOVECONF_MAX_BYTES (256 * 1024)

/* A process of Dovecot's master is told the socket of the config process,
   beside which the master has linked the file. */
static const char *doveconf_get_file(void)
{
	const char *path = master_service_get_config_path(master_service);
	const char *slash = strrchr(path, '/');
	struct stat st;

	if (slash == NULL || stat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return path;
	return t_strconcat(t_strdup_until(path, slash), "/dovecot.conf", NULL);
}

static const char *const *
doveconf_argv(const char *file, const char *const *args)
{
	ARRAY_TYPE(const_string) argv;

	t_array_init(&argv, 8);
	array_push_back(&argv, &(const char *){ POP3_POLICY_DOVECONF });
	array_push_back(&argv, &(const char *){ "-c" });
	array_push_back(&argv, &file);
	for (; *args != NULL; args++)
		array_push_back(&argv, args);
	array_append_zero(&argv);
	return array_front(&argv);
}

static void ATTR_NORETURN
doveconf_exec(const char *const *argv, int output)
{
	static char *const env[] = { NULL };
	int null = open("/dev/null", O_RDWR);

	if (null != -1 && dup2(null, STDIN_FILENO) >= 0 &&
	    dup2(null, STDERR_FILENO) >= 0 &&
	    dup2(output, STDOUT_FILENO) >= 0) {
		/* doveadm's environment tells that its settings were read */
		(void)execve(argv[0], (char *const *)(uintptr_t)argv, env);
	}
	_exit(127);
}

int doveconf_read(const char *const *args, const char **text_r,
		  const char **error_r)
{
	const char *const *argv = doveconf_argv(doveconf_get_file(), args);
	string_t *text = t_str_new(4096);
	char buf[4096];
	int fds[2], status;
	ssize_t size;
	pid_t pid;

	if (pipe(fds) < 0) {
		*error_r = t_strdup_printf("pipe() failed: %m");
		return -1;
	}
	pid = fork();
	if (pid == 0)
		doveconf_exec(argv, fds[1]);
	i_close_fd(&fds[1]);
	if (pid == -1) {
		*error_r = t_strdup_printf("fork() failed: %m");
		i_close_fd(&fds[0]);
		return -1;
	}
	while ((size = read(fds[0], buf, sizeof(buf))) > 0 &&
	       str_len(text) < DOVECONF_MAX_BYTES)
		str_append_data(text, buf, size);
	i_close_fd(&fds[0]);
	if (waitpid(pid, &status, 0) < 0 || size != 0 || status != 0) {
		*error_r = t_strdup_printf("%s failed",
					   t_strarray_join(argv, " "));
		return -1;
	}
	*text_r = str_c(text);
	return 0;
}
