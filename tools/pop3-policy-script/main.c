/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * pop3-policy-script: try a policy script without a mail server. See its
 * manual page.
 */

#define _GNU_SOURCE
#include "program.h"
#include "policy-value.h"

#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

static void print_usage(FILE *file)
{
	fputs("usage: pop3-policy-script check FILE...\n"
	      "       pop3-policy-script run FILE --hook HOOK "
	      "[--message MAIL] [--set KEY=VALUE]...\n"
	      "       pop3-policy-script test FILE_test.lua...\n"
	      "options: --lists FOLDER, --modules FOLDER, --memory SIZE, "
	      "--instructions NUMBER,\n"
	      "         --time TIME\n"
	      "hooks: auth, login, show, uidl, retrieve, delete, expire, "
	      "logout\n"
	      "See pop3-policy-script(1).\n", file);
}

static int usage(void)
{
	print_usage(stderr);
	return EXIT_USAGE;
}

char *program_read_file(const char *path, size_t *size_r)
{
	char *data = NULL;
	size_t size = 0, room = 0, count;
	FILE *file = fopen(path, "rb");

	if (file == NULL) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return NULL;
	}
	do {
		if (room - size < 4096) {
			room = room * 2 + 8192;
			data = realloc(data, room);
			if (data == NULL)
				abort();
		}
		count = fread(data + size, 1, room - size, file);
		size += count;
	} while (count > 0);
	if (ferror(file) != 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		free(data);
		data = NULL;
	}
	(void)fclose(file);
	*size_r = size;
	return data;
}

struct script_source *
program_compile(const struct program *program, const char *path)
{
	struct script_source *source;
	char *text;
	size_t size;

	text = program_read_file(path, &size);
	if (text == NULL)
		return NULL;
	source = script_source_compile(path, text, size,
				       &program->setup.limits);
	free(text);
	if (source == NULL)
		abort();
	if (script_source_error(source) != NULL) {
		fprintf(stderr, "%s\n", script_source_error(source));
		script_source_free(&source);
	}
	return source;
}

struct script *
program_load(struct program *program, const struct script_source *source,
	     const char *path)
{
	struct script *script;

	free(program->folder);
	program->folder = strdup(path);
	if (program->folder == NULL)
		abort();
	program->setup.list_folder = program->lists != NULL ?
		program->lists : dirname(program->folder);
	script = script_create(source, &program->setup);
	if (script == NULL)
		abort();
	if (script_error(script) != NULL) {
		fprintf(stderr, "%s\n", script_error(script));
		script_free(&script);
	}
	return script;
}

static void print_log(void *context, const char *line)
{
	(void)context;
	printf("log: %s\n", line);
}

static int run_call(struct program *program, struct script *script)
{
	struct script_question question = { .hook = program->hook };
	struct script_answer answer;
	struct script_cost cost;
	char text[1200];

	case_values_ask(&program->values, &question);
	script_call(script, &question, &answer);
	script_get_cost(script, &cost);
	case_answer_print(&answer, program->hook, text, sizeof(text));
	printf("verdict: %s\n", text);
	if (answer.line == 0) {
		printf("reason: %s does not define pop3_policy_%s\n",
		       answer.file, script_hook_name(program->hook));
	} else {
		printf("reason: pop3_policy_%s at %s:%u\n",
		       script_hook_name(program->hook), answer.file,
		       answer.line);
	}
	printf("cost: %llu instructions, %llu kB, %.3f ms\n",
	       (unsigned long long)cost.instructions,
	       (unsigned long long)(cost.memory_bytes + 1023) / 1024,
	       (double)cost.usecs / 1000);
	if (answer.traceback != NULL)
		printf("%s\n", answer.traceback);
	return answer.outcome == SCRIPT_FAILED ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int command_run(struct program *program, const char *path)
{
	struct script_source *source;
	struct script *script = NULL;
	int ret = EXIT_FAILURE;

	source = program_compile(program, path);
	if (source != NULL)
		script = program_load(program, source, path);
	if (script != NULL)
		ret = run_call(program, script);
	script_free(&script);
	script_source_free(&source);
	return ret;
}

static const char *set_message(struct program *program, const char *path)
{
	const char *error;
	char *data;
	size_t size;

	data = program_read_file(path, &size);
	if (data == NULL)
		return "the message can't be read";
	error = case_values_set_message(&program->values, data, size);
	free(data);
	return error;
}

static const char *set_assignment(struct program *program, char *assignment)
{
	char *value = strchr(assignment, '=');

	if (value == NULL)
		return "expected KEY=VALUE";
	*value++ = '\0';
	return case_values_set(&program->values, assignment, value);
}

enum program_option {
	OPTION_HOOK = 256,
	OPTION_MESSAGE,
	OPTION_SET,
	OPTION_LISTS,
	OPTION_MODULES,
	OPTION_MEMORY,
	OPTION_INSTRUCTIONS,
	OPTION_TIME,
};

static const char *
set_option(struct program *program, int option, char *value)
{
	struct script_limits *limits = &program->setup.limits;

	switch (option) {
	case OPTION_HOOK:
		program->has_hook = case_hook_find(value, &program->hook);
		return program->has_hook ? NULL : "there is no such hook";
	case OPTION_MESSAGE:
		return set_message(program, value);
	case OPTION_SET:
		return set_assignment(program, value);
	case OPTION_LISTS:
		program->lists = value;
		return NULL;
	case OPTION_MODULES:
		program->modules = value;
		return NULL;
	case OPTION_MEMORY:
		return policy_value_size(value, strlen(value),
					 &limits->memory_bytes);
	case OPTION_INSTRUCTIONS:
		return policy_value_thousands(value, strlen(value),
					      &limits->instructions);
	case OPTION_TIME:
		return policy_value_msecs(value, strlen(value),
					  SCRIPT_TIME_MAX_MSECS,
					  &limits->time_msecs);
	default:
		return "unknown option";
	}
}

/* Returns false after saying what is wrong. */
static bool read_options(struct program *program, int argc, char *argv[])
{
	static const struct option options[] = {
		{ "hook", required_argument, NULL, OPTION_HOOK },
		{ "message", required_argument, NULL, OPTION_MESSAGE },
		{ "set", required_argument, NULL, OPTION_SET },
		{ "lists", required_argument, NULL, OPTION_LISTS },
		{ "modules", required_argument, NULL, OPTION_MODULES },
		{ "memory", required_argument, NULL, OPTION_MEMORY },
		{ "instructions", required_argument, NULL,
		  OPTION_INSTRUCTIONS },
		{ "time", required_argument, NULL, OPTION_TIME },
		{ NULL, 0, NULL, 0 }
	};
	const char *error;
	int option, index = 0;

	while ((option = getopt_long(argc, argv, "", options, &index)) != -1) {
		if (option == '?')
			return false;
		error = set_option(program, option, optarg);
		if (error != NULL) {
			fprintf(stderr, "--%s %s: %s\n", options[index].name,
				optarg, error);
			return false;
		}
	}
	return true;
}

static int run_command(struct program *program, int argc, char *argv[])
{
	const char *command;
	int ret, result = EXIT_SUCCESS;

	if (argc == 2 && (strcmp(argv[1], "--help") == 0 ||
			  strcmp(argv[1], "-h") == 0)) {
		print_usage(stdout);
		return EXIT_SUCCESS;
	}
	if (!read_options(program, argc, argv) || argc - optind < 2)
		return usage();
	program->setup.modules = script_modules_create(program->modules,
						       false);
	if (program->setup.modules == NULL)
		abort();
	command = argv[optind++];
	if (strcmp(command, "run") == 0) {
		program->setup.log = print_log;
		return argc - optind == 1 && program->has_hook ?
			command_run(program, argv[optind]) : usage();
	}
	for (; optind < argc; optind++) {
		if (strcmp(command, "check") == 0)
			ret = command_check(program, argv[optind]);
		else if (strcmp(command, "test") == 0)
			ret = command_test(program, argv[optind]);
		else
			return usage();
		if (ret != EXIT_SUCCESS)
			result = ret;
	}
	return result;
}

int main(int argc, char *argv[])
{
	struct program program = {
		.modules = SCRIPT_MODULES_FOLDER,
		.setup.limits.memory_bytes = SCRIPT_MEMORY_DEFAULT_BYTES,
		.setup.limits.instructions = SCRIPT_INSTRUCTIONS_DEFAULT,
		.setup.limits.time_msecs = SCRIPT_TIME_DEFAULT_MSECS,
		.setup.want_traceback = true,
		.setup.count_exactly = true,
	};
	int ret;

	case_values_init(&program.values);
	ret = run_command(&program, argc, argv);
	case_values_deinit(&program.values);
	script_modules_free(&program.setup.modules);
	free(program.folder);
	return ret;
}
