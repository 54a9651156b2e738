/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SCRIPT_CASE_H
#define POP3_POLICY_SCRIPT_CASE_H

/*
 * Scripts in tests: loaded, asked about made-up sessions and messages, and rows
 * of both.
 */

#include "case-values.h"
#include "suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define NAME "t.lua"
/* A script of one hook, whose body stands on line 1. */
#define HOOK(name, body) \
	"function pop3_policy_" name "(session, message) " body " end"
#define DELETE(body) HOOK("delete", body)
#define RETURN(name, values) HOOK(name, "return " values)

/* Where policy.list() looks; NULL = nowhere. */
static const char *list_folder;

static inline struct script *
load_within(const char *text, size_t size, const struct script_setup *setup)
{
	struct script_source *source;
	struct script *script;

	source = script_source_compile(NAME, text, size, &setup->limits);
	ck_assert_ptr_nonnull(source);
	script = script_create(source, setup);
	ck_assert_ptr_nonnull(script);
	ck_assert((script_source_error(source) == NULL) ||
		  script_error(script) != NULL);
	script_source_free(&source);
	return script;
}

static const struct script_setup default_setup = {
	.limits = { SCRIPT_MEMORY_DEFAULT_BYTES, SCRIPT_INSTRUCTIONS_DEFAULT,
		    /* others use this machine as well */
		    10 * SCRIPT_TIME_DEFAULT_MSECS },
	.want_traceback = true,
};

static inline struct script *load(const char *text)
{
	struct script_setup setup = default_setup;

	setup.list_folder = list_folder;
	return load_within(text, strlen(text), &setup);
}

/* sets: "key=value|key=value", or NULL */
static inline void set_all(struct case_values *values, const char *sets)
{
	char *copy, *word, *next, *value;

	case_values_init(values);
	if (sets == NULL)
		return;
	copy = strdup(sets);
	for (word = strtok_r(copy, "|", &next); word != NULL;
	     word = strtok_r(NULL, "|", &next)) {
		value = strchr(word, '=');
		ck_assert_ptr_nonnull(value);
		*value++ = '\0';
		ck_assert_ptr_null(case_values_set(values, word, value));
	}
	free(copy);
}

/* Asks, and returns what case_answer_print() makes of the answer. */
static inline const char *
ask(struct script *script, enum script_hook hook, const char *sets)
{
	static char text[1200];
	struct script_question question = { .hook = hook };
	struct script_answer answer;
	struct case_values values;

	set_all(&values, sets);
	case_values_ask(&values, &question);
	script_call(script, &question, &answer);
	case_answer_print(&answer, hook, text, sizeof(text));
	ck_assert_str_eq(answer.file, NAME);
	ck_assert((answer.outcome == SCRIPT_FAILED) ==
		  (answer.reason != NULL));
	ck_assert(answer.outcome == SCRIPT_ANSWER ||
		  (answer.action == POLICY_ACTION_DENY &&
		   answer.text == NULL && answer.code == NULL &&
		   answer.mailbox == NULL && answer.uidl == NULL));
	case_values_deinit(&values);
	return text;
}

/* A script, and what it answers; `error "...` wants that somewhere in it. */
struct answer_row {
	const char *script;
	const char *hook;
	const char *sets;
	const char *want;
};

static inline void check_answer(const struct answer_row *row)
{
	struct script *script = load(row->script);
	const char *got, *want = row->want;
	enum script_hook hook;
	char plain[300];
	size_t used = 0;
	bool same;

	ck_assert_msg(script_error(script) == NULL, "%s: %s", row->script,
		      script_error(script));
	ck_assert(case_hook_find(row->hook, &hook));
	got = ask(script, hook, row->sets);
	if (strncmp(want, "error ", 6) == 0 && want[6] != '"') {
		for (want += 6; *want != '\0'; want++) {
			if (*want != '\\')
				plain[used++] = *want;
		}
		plain[used] = '\0';
		same = strncmp(got, "error ", 6) == 0 &&
			strstr(got, plain) != NULL;
	} else if (strcmp(want, "deny \"xxx") == 0)
		same = strncmp(got, want, strlen(want)) == 0;
	else
		same = strcmp(got, want) == 0;
	ck_assert_msg(same, "%s: %s", row->script, got);
	script_free(&script);
	ck_assert_ptr_null(script);
}

#endif
