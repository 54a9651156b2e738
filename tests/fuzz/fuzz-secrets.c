/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * libFuzzer target: any bytes as a secrets file, and as the initial response
 * of APOP. Besides the sanitizers it checks that nothing that was not sealed
 * lets anybody in, that what can be read as a whole can be searched, and that
 * a record is written as it was read.
 * tests/fuzz/run builds and runs it.
 */

#include "secret-file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* Returns the path of a file with these bytes, which only we may read. */
static int memory_file(const void *data, size_t size, char path_r[40])
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	require(fd != -1 && fchmod(fd, 0600) == 0);
	require(write(fd, data, size) == (ssize_t)size);
	snprintf(path_r, 40, "/proc/self/fd/%d", fd);
	return fd;
}

static void check_lines(const char *path, int fd, const char *user)
{
	char line[SECRET_LINE_MAX_BYTES + 1], copy[SECRET_LINE_MAX_BYTES + 1];
	struct secret_record record, again;
	struct secret_error error;
	off_t offset;
	size_t length;

	if (secret_file_check(path, fd, &error) < 0 ||
	    secret_file_find(path, fd, user, &offset, &error) != 1)
		return;
	while (secret_file_next(path, fd, &offset, &record, &error) == 1) {
		length = secret_record_format(&record, line);
		require(length <= SECRET_LINE_MAX_BYTES);
		require(line[length - 1] == '\n');
		require(secret_record_parse(line, length - 1, &again));
		require(secret_record_format(&again, copy) == length);
		require(memcmp(line, copy, length) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char key[] =
		"000102030405060708090a0b0c0d0e0f"
		"101112131415161718191a1b1c1d1e1f\n";
	char secrets[40], keys[40];
	struct secret_store store = { .secrets = secrets, .keys = keys };
	int secrets_fd = memory_file(data, size, secrets);
	int keys_fd = memory_file(key, strlen(key), keys);
	struct secret_apop apop = {
		.message_id = "<1>",
		.message_id_length = 3,
		.digest = (const unsigned char *)"0123456789abcdef",
	};
	struct secret_change *change;
	struct secret_match match;
	struct secret_error error;
	struct secret_info info;
	size_t i;

	if (secret_apop_parse(data, size, &apop)) {
		require(apop.message_id_length + 18 <= size);
		require((const uint8_t *)apop.digest + 16 == data + size);
	}
	require(secret_store_check(&store, "alice", &apop, 1, &match,
				   &error) != 1);
	require(match.secret_size == 0);
	check_lines(secrets, secrets_fd, "alice");

	if (secret_change_begin_readonly(&store, &change, &error) == 0) {
		for (i = 0; secret_change_get(change, i, &info); i++)
			check_lines(secrets, secrets_fd, info.user);
		secret_change_abort(&change);
	}
	close(secrets_fd);
	close(keys_fd);
	return 0;
}
