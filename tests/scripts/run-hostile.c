/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * run-hostile [-v] FOLDER: loads each script of the folder and asks its delete
 * hook, each in a process of its own. Its first line says how that has to end:
 * "-- want: A|B" with memory, instructions, time, error, allow, deny or any;
 * behind "load:", loading it. No cap may be exceeded by more than twice. A
 * second line "-- caps: BYTES INSTRUCTIONS" sets others than the default ones.
 * A file that does not begin so (bytecode) must not load.
 */

#define _GNU_SOURCE
#include "case-values.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CAP_MSECS 100
/* beyond twice the cap: the machine's own uncertainty */
#define GRACE_MSECS 20
/* the sanitizers need time and memory of their own */
#ifdef __SANITIZE_ADDRESS__
#  define IS_SANITIZED true
#else
#  define IS_SANITIZED false
#endif

static bool verbose;
static char modules_folder[500];

static double cpu_msecs(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1000000;
}

static long max_rss_kbytes(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

/* "memory", "error", "allow" and so on */
static const char *
outcome_name(const struct script_answer *answer)
{
	if (answer->outcome == SCRIPT_FAILED) {
		if (strstr(answer->reason, "needs more memory") != NULL)
			return "memory";
		if (strstr(answer->reason, "needs more instructions") != NULL)
			return "instructions";
		if (strstr(answer->reason, "needs more time") != NULL)
			return "time";
		return "error";
	}
	if (answer->outcome == SCRIPT_PASS)
		return "pass";
	return policy_action_name(POLICY_QUESTION_DELETE, answer->action);
}

static bool is_wanted(const char *want, const char *got)
{
	size_t length = strlen(got);

	for (; *want != '\0'; want += *want == '|' ? 1 : 0) {
		if (strncmp(want, "any", 3) == 0 ||
		    (strncmp(want, got, length) == 0 &&
		     (want[length] == '|' || want[length] == '\0')))
			return true;
		want += strcspn(want, "|");
	}
	return false;
}

static int fail(const char *path, const char *what, const char *detail)
{
	printf("FAIL %s: %s: %s\n", path, what, detail);
	return EXIT_FAILURE;
}

static void ignore_line(void *context, const char *line)
{
	(void)context;
	(void)line;
}

static int run_script(const char *path, const char *text, size_t size)
{
	struct script_setup setup = {
		.limits = { SCRIPT_MEMORY_DEFAULT_BYTES,
			    SCRIPT_INSTRUCTIONS_DEFAULT, CAP_MSECS },
		.list_folder = "/nonexistent",
		.log = ignore_line,
		.want_traceback = true,
	};
	struct script_limits *limits = &setup.limits;
	struct script_question question = { .hook = SCRIPT_HOOK_DELETE };
	char want[100] = "load:error", detail[900];
	const char *wanted = want, *got;
	double started, load_msecs, call_msecs;
	struct script_source *source;
	struct case_values values;
	struct script_answer answer;
	struct script_cost cost;
	struct script *script;
	long rss;
	bool loads;

	setup.modules = script_modules_create(modules_folder, false);
	if (setup.modules == NULL)
		return fail(path, "no modules", "");
	(void)sscanf(text, "-- want: %99[^\n]\n-- caps: %" SCNu64 " %" SCNu64, want,
		     &limits->memory_bytes, &limits->instructions);
	case_values_init(&values);
	(void)case_values_set(&values, "header.Subject", "x");
	(void)case_values_set(&values, "keywords", "a,b");
	case_values_ask(&values, &question);

	rss = max_rss_kbytes();
	started = cpu_msecs();
	source = script_source_compile("hostile.lua", text, size,
				       &setup.limits);
	if (source == NULL)
		return fail(path, "no source", "");
	script = script_create(source, &setup);
	if (script == NULL)
		return fail(path, "no script", "");
	load_msecs = cpu_msecs() - started;
	loads = script_error(script) == NULL;
	started = cpu_msecs();
	script_call(script, &question, &answer);
	script_get_cost(script, &cost);
	script_source_free(&source);
	got = outcome_name(&answer);
	(void)snprintf(detail, sizeof(detail), "%s, load %.1f ms, call %.1f "
		       "ms, %llu instructions, %llu kB, rss +%ld kB: %.300s",
		       got, load_msecs, cpu_msecs() - started,
		       (unsigned long long)cost.instructions,
		       (unsigned long long)cost.memory_bytes / 1024,
		       max_rss_kbytes() - rss,
		       answer.reason == NULL ? "" : answer.reason);
	call_msecs = cpu_msecs() - started;
	/* where others have the processor meanwhile, time is over sooner */
	if (strcmp(got, "time") == 0 &&
	    (IS_SANITIZED || load_msecs + call_msecs < 0.8 * CAP_MSECS))
		got = "any";
	if (strncmp(want, "load:", 5) == 0) {
		wanted += 5;
		if (loads)
			return fail(path, "it loads", detail);
	} else if (!loads && strcmp(want, "any") != 0 &&
		   strcmp(got, "any") != 0)
		return fail(path, "it does not load", detail);
	if (strcmp(got, "any") != 0 && !is_wanted(wanted, got))
		return fail(path, want, detail);
	if (load_msecs > 2 * CAP_MSECS + GRACE_MSECS ||
	    call_msecs > 2 * CAP_MSECS + GRACE_MSECS)
		return fail(path, "too long", detail);
	if (cost.instructions > 2 * limits->instructions &&
	    strcmp(got, "instructions") != 0)
		return fail(path, "too many instructions", detail);
	if (cost.memory_bytes > limits->memory_bytes)
		return fail(path, "too much memory", detail);
	if (!IS_SANITIZED && max_rss_kbytes() - rss >
	    2 * (long)limits->memory_bytes / 1024)
		return fail(path, "too much memory of the process", detail);
	/* whatever it was, the next question is answered, and closing runs
	   nothing */
	script_call(script, &question, &answer);
	started = cpu_msecs();
	script_free(&script);
	if (cpu_msecs() - started > 2 * CAP_MSECS + GRACE_MSECS)
		return fail(path, "closing takes too long", detail);
	if (verbose)
		printf("%s: %s\n", path, detail);
	script_modules_free(&setup.modules);
	case_values_deinit(&values);
	return EXIT_SUCCESS;
}

static int run_file(const char *folder, const char *name)
{
	static char text[256 * 1024];
	char path[500];
	size_t size;
	FILE *file;
	pid_t pid;
	int status;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "rb");
	if (file == NULL)
		return fail(path, "can't be opened", "");
	size = fread(text, 1, sizeof(text) - 1, file);
	(void)fclose(file);
	text[size] = '\0';
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		/* a script that is not stopped at all */
		(void)alarm(30);
		status = run_script(path, text, size);
		(void)fflush(stdout);
		_exit(status);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return fail(path, "no process", "");
	if (!WIFEXITED(status))
		return fail(path, "died of", strsignal(WTERMSIG(status)));
	return WEXITSTATUS(status);
}

int main(int argc, char *argv[])
{
	struct dirent **names;
	unsigned int run = 0, failed = 0;
	int count, i;
	size_t length;

	verbose = argc == 3 && strcmp(argv[1], "-v") == 0;
	if (argc != (verbose ? 3 : 2))
		return EXIT_FAILURE;
	(void)snprintf(modules_folder, sizeof(modules_folder),
		       "%s/../../lua/pop3_policy", argv[argc - 1]);
	count = scandir(argv[argc - 1], &names, NULL, alphasort);
	for (i = 0; i < count; i++) {
		length = strlen(names[i]->d_name);
		if (length > 4 &&
		    strcmp(names[i]->d_name + length - 4, ".lua") == 0) {
			run++;
			if (run_file(argv[argc - 1], names[i]->d_name) != 0)
				failed++;
		}
		free(names[i]);
	}
	free(names);
	printf("%u hostile scripts, %u failed\n", run, failed);
	return failed == 0 && run >= 60 ? EXIT_SUCCESS : EXIT_FAILURE;
}
