/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * libFuzzer target: any bytes as a policy file. Besides the sanitizers it
 * checks what the headers promise whatever the file holds: a section loads or
 * reports an error, never both, and what loads for each section is what
 * policy_file_check() has nothing to say about.
 * tests/fuzz/run builds and runs it.
 */

#include "pop3-policy/capability.h"
#include "pop3-policy/decide.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void
count_error(void *context, const char *file, unsigned int line,
	    unsigned int column, const char *text)
{
	size_t *errors = context;

	require(strcmp(file, "fuzz") == 0 && *text != '\0');
	require(strpbrk(text, "\r\n") == NULL);
	require(line > 0 && column > 0);
	(*errors)++;
}

/* Different answers for different queries, doubt included. */
static int match_query(void *context, const struct policy_query *query)
{
	size_t *asked = context;

	require(query->words_count > 0 && !query->is_all);
	(*asked)++;
	return (int)(query->words_count % 3) - 1;
}

static void decide_all(const struct policy *policy)
{
	static const struct policy_session_facts session = {
		.user = "u", .login = "u", .mechanism = "", .remote_ip = "",
		.local_ip = "", .id = "", .now = 1700000000,
	};
	static const struct policy_message_facts message = {
		.saved = 1600000000, .history_known = true,
	};
	enum policy_question question;
	struct policy_verdict verdict;
	size_t asked = 0;
	const struct policy_callbacks callbacks = {
		.match = match_query,
		.context = &asked,
	};

	for (question = POLICY_QUESTION_DELETE;
	     question <= POLICY_QUESTION_REMOVE; question++) {
		policy_decide(policy, question, &session, &message,
			      &callbacks, &verdict);
		require(verdict.reason != POLICY_REASON_ERROR ||
			verdict.action == POLICY_ACTION_DENY);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t file_errors = 0, errors, all_errors = 0, counted, index = 0;
	struct policy_query *query;
	struct policy_file *file;
	struct policy *policy;
	const char *section, *error;
	unsigned int column;
	uint32_t days;
	bool guards, failed = false;
	char *text;
	int ret;

	file = policy_file_parse("fuzz", (const char *)data, size,
				 count_error, &file_errors);
	require(file != NULL);
	require(policy_file_has_error(file) == (file_errors > 0));
	counted = policy_file_check(file, count_error, &all_errors);
	require(counted == all_errors && all_errors >= file_errors);

	while ((section = policy_file_next_section(file, &index)) != NULL) {
		errors = 0;
		ret = policy_load(file, section, &policy, &guards,
				  count_error, &errors);
		require((ret == 0) == (errors == 0));
		require((ret == 0) == (policy != NULL));
		if (ret < 0) {
			failed = true;
			continue;
		}
		require(guards == (policy->show != NULL ||
			   policy->script != NULL ||
			   policy->mechanisms.count > 0 ||
			   policy->login_delay_secs > 0));
		require(policy->expire_fingerprint != 0);
		decide_all(policy);
		(void)policy_expire_capability(policy, false, &days);
		(void)policy_expire_capability(policy, true, &days);
		policy_free(&policy);
	}
	require(!failed || all_errors > 0);
	require(file_errors > 0 || failed == (all_errors > 0));
	(void)policy_file_select(file, "gold", "alice@example.org", NULL,
				 &section);
	(void)policy_file_select(file, NULL, "alice@example.org",
				 "alice+phone@example.org", &section);
	policy_file_free(&file);

	text = malloc(size + 1);
	require(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	if (policy_query_parse(text, &query, &column, &error) < 0)
		require(column > 0 && *error != '\0');
	policy_query_free(&query);
	free(text);
	return 0;
}
