/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * script-decision FILE LOADS CALLS: loads a script so many times, then asks
 * its delete hook so many times. Under callgrind, the difference of two runs
 * is the cost of what was added: see README.md.
 */

#include "case-values.h"

#include <stdlib.h>

static int get_fixed(void *context, enum script_field field, const char *name,
		     struct script_value *value_r)
{
	(void)context;
	(void)field;
	(void)name;
	value_r->number = 1000;
	value_r->text = "text";
	return 1;
}

int main(int argc, char *argv[])
{
	static const struct policy_session_facts session = {
		.user = "user@example.org", .login = "user",
		.mechanism = "PLAIN",
		.remote_ip = "192.0.2.1", .local_ip = "192.0.2.2", .id = "id",
		.now = 1700000000,
	};
	const struct script_setup setup = {
		.limits = { SCRIPT_MEMORY_DEFAULT_BYTES,
			    SCRIPT_INSTRUCTIONS_DEFAULT,
			    SCRIPT_TIME_MAX_MSECS },
	};
	struct script_question question = {
		.hook = SCRIPT_HOOK_DELETE,
		.session = &session,
		.get = get_fixed,
	};
	struct script_source *source;
	struct script_answer answer;
	struct script *script = NULL;
	static char text[128 * 1024];
	long loads, calls, i;
	FILE *file;

	if (argc != 4 || (file = fopen(argv[1], "r")) == NULL)
		return EXIT_FAILURE;
	source = script_source_compile(argv[1], text,
				       fread(text, 1, sizeof(text), file),
				       &setup.limits);
	(void)fclose(file);
	loads = strtol(argv[2], NULL, 10);
	calls = strtol(argv[3], NULL, 10);
	for (i = 0; i < loads; i++) {
		script_free(&script);
		script = script_create(source, &setup);
	}
	if (script == NULL || script_error(script) != NULL)
		return EXIT_FAILURE;
	for (i = 0; i < calls; i++) {
		script_call(script, &question, &answer);
		if (answer.outcome == SCRIPT_FAILED) {
			fprintf(stderr, "%s\n", answer.reason);
			return EXIT_FAILURE;
		}
	}
	script_free(&script);
	script_source_free(&source);
	return EXIT_SUCCESS;
}
