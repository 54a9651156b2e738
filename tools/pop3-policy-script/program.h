/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_PROGRAM_H
#define POP3_POLICY_PROGRAM_H

/*
 * pop3-policy-script's commands. Each returns an exit status and says on
 * standard error what is wrong.
 */

#include "case-values.h"

#define EXIT_USAGE 2

struct program {
	struct script_setup setup;
	struct case_values values;
	enum script_hook hook;
	bool has_hook;
	/* folder of lists, NULL = that of the script */
	const char *lists;
	/* folder of modules */
	const char *modules;
	char *folder;
};

/* Returns allocated bytes, or NULL after saying why. */
char *program_read_file(const char *path, size_t *size_r);
/* Both return NULL after saying what is wrong. */
struct script_source *
program_compile(const struct program *program, const char *path);
struct script *
program_load(struct program *program, const struct script_source *source,
	     const char *path);

/* Syntax, hooks, and names that do not exist. */
int command_check(struct program *program, const char *path);
/* Run a file of cases. */
int command_test(struct program *program, const char *path);

#endif
