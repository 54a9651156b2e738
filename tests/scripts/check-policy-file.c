/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * check-policy-file FILE...: every error of policy files. The grammar of
 * queries is checked as well; whether Dovecot can search for them is not.
 */

#include "pop3-policy/policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
print_error(void *context, const char *file, unsigned int line,
	    unsigned int column, const char *text)
{
	(void)context;
	printf("%s:%u:%u: %s\n", file, line, column, text);
}

static bool check(const char *path)
{
	static char data[64 * 1024];
	struct policy_file *policy_file;
	size_t size, errors, sections = 0;
	FILE *file;

	file = fopen(path, "rb");
	if (file == NULL) {
		printf("%s: %s\n", path, strerror(errno));
		return false;
	}
	size = fread(data, 1, sizeof(data), file);
	(void)fclose(file);
	policy_file = policy_file_parse(path, data, size, NULL, NULL);
	if (policy_file == NULL)
		return false;
	errors = policy_file_check(policy_file, print_error, NULL);
	if (policy_file_next_section(policy_file, &sections) == NULL) {
		printf("%s: there is no section\n", path);
		errors++;
	}
	policy_file_free(&policy_file);
	return errors == 0;
}

int main(int argc, char *argv[])
{
	int i, status = EXIT_SUCCESS;

	for (i = 1; i < argc; i++) {
		if (!check(argv[i]))
			status = EXIT_FAILURE;
	}
	return argc > 1 ? status : EXIT_FAILURE;
}
