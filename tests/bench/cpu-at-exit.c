/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Preloaded into a pop3 process: notes the CPU time that it has used when it
   exits, in nanoseconds, in the file $BENCH_DIR/cpu.PID. The process can't be
   started below a parent that waits for it instead: Dovecot's master knows its
   children by their process IDs. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int result_fd = -1;

/* Before Dovecot empties the environment and gives up its rights. */
__attribute__((constructor)) static void open_result(void)
{
	const char *dir = getenv("BENCH_DIR");
	char path[1024];

	if (dir == NULL)
		return;
	snprintf(path, sizeof(path), "%s/cpu.%ld", dir, (long)getpid());
	result_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

__attribute__((destructor)) static void write_result(void)
{
	struct timespec ts;

	if (result_fd >= 0 &&
	    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts) == 0) {
		dprintf(result_fd, "%lld\n",
			(long long)ts.tv_sec * 1000000000LL + ts.tv_nsec);
	}
}
