/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Preloaded into a pop3 process: counts the bytes that it has got from malloc()
   and not given back, and the most that it ever had, in the file
   $BENCH_DIR/memory.PID (two numbers of 8 bytes). What is written over the
   second one while the process waits is where it goes on from. From outside
   nobody can tell what is in use from what is free again. */

#include <fcntl.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct memory {
	int64_t in_use, most;
};

/* glibc's */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void __libc_free(void *block);

static struct memory before_main, *memory = &before_main;

/* Before Dovecot empties the environment and gives up its rights. */
__attribute__((constructor)) static void open_result(void)
{
	const char *dir = getenv("BENCH_DIR");
	struct memory *shared;
	char path[1024];
	int fd;

	if (dir == NULL)
		return;
	snprintf(path, sizeof(path), "%s/memory.%ld", dir, (long)getpid());
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (ftruncate(fd, sizeof(*shared)) == 0) {
		shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
			      MAP_SHARED, fd, 0);
		if (shared != MAP_FAILED) {
			*shared = before_main;
			memory = shared;
		}
	}
	close(fd);
}

static void *count(void *block)
{
	memory->in_use += (int64_t)malloc_usable_size(block);
	if (memory->most < memory->in_use)
		memory->most = memory->in_use;
	return block;
}

void *malloc(size_t size)
{
	return count(__libc_malloc(size));
}

void *calloc(size_t number, size_t size)
{
	return count(__libc_calloc(number, size));
}

void *realloc(void *block, size_t size)
{
	size_t before = malloc_usable_size(block);
	void *after = __libc_realloc(block, size);

	if (after != NULL || size == 0)
		memory->in_use -= (int64_t)before;
	return count(after);
}

void free(void *block)
{
	memory->in_use -= (int64_t)malloc_usable_size(block);
	__libc_free(block);
}
