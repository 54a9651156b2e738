/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy-file.h"
#include "policy-key.h"
#include "policy-mechanism.h"
#include "policy-query.h"
#include "policy-rule.h"
#include "policy-value.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_EXPIRE_INTERVAL_SECS (24 * 60 * 60)
#define DEFAULT_EXPIRE_MAX 10000
#define DEFAULT_JOURNAL_RETENTION_SECS (366 * 24 * 60 * 60)
#define DEFAULT_UIDL_STORM_PERCENT 10
/* Longer is a slip of the pen: the user could not read his mail. */
#define LOGIN_DELAY_MAX_SECS (7 * 24 * 60 * 60)

static void
target_error(struct policy_key_target *target, const struct policy_piece *at,
	     const char *text)
{
	policy_errors_add(target->errors, at->line, at->column, "%s", text);
}

/* One of two words, the first of which is the default. Is it the second? */
static bool
set_word(struct policy_key_target *target, const struct policy_piece *pieces,
	 size_t count, const char *first, const char *second)
{
	char text[80];

	if (count == 0 || policy_piece_equals(pieces, first))
		return false;
	if (policy_piece_equals(pieces, second))
		return true;
	snprintf(text, sizeof(text), "expected %s or %s", first, second);
	target_error(target, pieces, text);
	return false;
}

static void
set_rules(struct policy_key_target *target, const struct policy_piece *pieces,
	  size_t count, enum policy_question question,
	  struct policy_rules *rules_r)
{
	const struct rule_parser parser = {
		.arena = target->arena,
		.errors = target->errors,
		.file = target->policy->file,
	};
	struct policy_rule *rules;
	size_t i;

	rules_r->rules = NULL;
	rules_r->count = 0;
	if (count == 0)
		return;
	rules = policy_arena_new(target->arena, count, sizeof(*rules));
	if (rules == NULL) {
		policy_errors_add_no_memory(target->errors);
		return;
	}
	for (i = 0; i < count; i++) {
		if (policy_piece_equals(&pieces[i], "none")) {
			target_error(target, &pieces[i], "\"none\" stands "
				     "alone; expected a rule");
		} else if (policy_rule_compile(&parser, question, &pieces[i],
					       &rules[rules_r->count]) == 0)
			rules_r->count++;
	}
	rules_r->rules = rules;
}

static void
set_delete(struct policy_key_target *target, const struct policy_piece *pieces,
	   size_t count)
{
	set_rules(target, pieces, count, POLICY_QUESTION_DELETE,
		  &target->policy->delete_rules);
}

static void
set_retrieve(struct policy_key_target *target, const struct policy_piece *pieces,
	     size_t count)
{
	set_rules(target, pieces, count, POLICY_QUESTION_RETRIEVE,
		  &target->policy->retrieve_rules);
}

static void
set_expire(struct policy_key_target *target, const struct policy_piece *pieces,
	   size_t count)
{
	set_rules(target, pieces, count, POLICY_QUESTION_EXPIRE,
		  &target->policy->expire_rules);
}

static void
set_query(struct policy_key_target *target, const struct policy_piece *pieces,
	  size_t count, const struct policy_query **query_r,
	  unsigned int *line_r)
{
	struct policy_query *query;

	*query_r = NULL;
	*line_r = 0;
	/* half a query would only give errors that are none */
	if (count == 0 || target->damaged)
		return;
	query = policy_arena_new(target->arena, 1, sizeof(*query));
	if (query == NULL) {
		policy_errors_add_no_memory(target->errors);
		return;
	}
	if (policy_query_compile(target->arena, target->errors, pieces, count,
				 query) < 0)
		return;
	*query_r = query;
	*line_r = query->line;
}

static void
set_hold(struct policy_key_target *target, const struct policy_piece *pieces,
	 size_t count)
{
	struct policy *policy = target->policy;

	set_query(target, pieces, count, &policy->hold, &policy->hold_line);
	policy->hold_file = policy->hold == NULL ? NULL : policy->file;
}

static void
set_show(struct policy_key_target *target, const struct policy_piece *pieces,
	 size_t count)
{
	set_query(target, pieces, count, &target->policy->show,
		  &target->policy->show_line);
}

static void
set_min_retention(struct policy_key_target *target,
		  const struct policy_piece *pieces, size_t count)
{
	struct policy *policy = target->policy;
	const char *error = NULL;

	policy->min_retention_secs = 0;
	policy->min_retention_line = 0;
	if (count == 0)
		return;
	if (!policy_piece_equals(pieces, "0")) {
		error = policy_value_time(pieces->data, pieces->length,
					  &policy->min_retention_secs);
	}
	if (error != NULL)
		target_error(target, pieces, error);
	policy->min_retention_line = pieces->line;
}

static void
set_age_from(struct policy_key_target *target,
	     const struct policy_piece *pieces, size_t count)
{
	target->policy->age_from =
		set_word(target, pieces, count, "saved", "received") ?
		POLICY_AGE_FROM_RECEIVED : POLICY_AGE_FROM_SAVED;
}

static void
set_protected_delete(struct policy_key_target *target,
		     const struct policy_piece *pieces, size_t count)
{
	target->policy->protected_delete =
		set_word(target, pieces, count, "hide", "deny") ?
		POLICY_ACTION_DENY : POLICY_ACTION_HIDE;
}

static void
set_time(struct policy_key_target *target, const struct policy_piece *pieces,
	 size_t count, int64_t default_secs, int64_t *secs_r)
{
	const char *error;

	*secs_r = default_secs;
	if (count == 0)
		return;
	error = policy_value_time(pieces->data, pieces->length, secs_r);
	if (error != NULL)
		target_error(target, pieces, error);
}

static void
set_expire_interval(struct policy_key_target *target,
		    const struct policy_piece *pieces, size_t count)
{
	set_time(target, pieces, count, DEFAULT_EXPIRE_INTERVAL_SECS,
		 &target->policy->expire_interval_secs);
}

static void
set_expire_max(struct policy_key_target *target,
	       const struct policy_piece *pieces, size_t count)
{
	uint32_t *max = &target->policy->expire_max;
	const char *error;

	*max = DEFAULT_EXPIRE_MAX;
	if (count == 0)
		return;
	error = policy_value_count(pieces->data, pieces->length, max);
	if (error != NULL)
		target_error(target, pieces, error);
}

static void
set_script(struct policy_key_target *target, const struct policy_piece *pieces,
	   size_t count)
{
	struct policy *policy = target->policy;

	policy->script = NULL;
	policy->script_line = 0;
	if (count == 0)
		return;
	if (pieces->data[pieces->length - 1] == '/') {
		target_error(target, pieces, "expected the name of a file, "
			     "not of a folder");
		return;
	}
	policy->script = policy_arena_strndup(target->arena, pieces->data,
					      pieces->length);
	if (policy->script == NULL)
		policy_errors_add_no_memory(target->errors);
	policy->script_line = pieces->line;
}

static void
set_script_memory(struct policy_key_target *target,
		  const struct policy_piece *pieces, size_t count)
{
	uint64_t *bytes = &target->policy->script_limits.memory_bytes;
	const char *error;

	*bytes = SCRIPT_MEMORY_DEFAULT_BYTES;
	if (count == 0)
		return;
	error = policy_value_size(pieces->data, pieces->length, bytes);
	if (error == NULL && (*bytes < SCRIPT_MEMORY_MIN_BYTES ||
			      *bytes > SCRIPT_MEMORY_MAX_BYTES))
		error = "expected a size from 256k to 128M";
	if (error != NULL)
		target_error(target, pieces, error);
}

static void
set_script_instructions(struct policy_key_target *target,
			const struct policy_piece *pieces, size_t count)
{
	uint64_t *instructions = &target->policy->script_limits.instructions;
	const char *error;

	*instructions = SCRIPT_INSTRUCTIONS_DEFAULT;
	if (count == 0)
		return;
	error = policy_value_thousands(pieces->data, pieces->length,
				       instructions);
	if (error == NULL && (*instructions < SCRIPT_INSTRUCTIONS_MIN ||
			      *instructions > SCRIPT_INSTRUCTIONS_MAX))
		error = "expected a number from 1k to 1000M";
	if (error != NULL)
		target_error(target, pieces, error);
}

static void
set_script_time(struct policy_key_target *target,
		const struct policy_piece *pieces, size_t count)
{
	uint32_t *msecs = &target->policy->script_limits.time_msecs;
	const char *error;

	*msecs = SCRIPT_TIME_DEFAULT_MSECS;
	if (count == 0)
		return;
	error = policy_value_msecs(pieces->data, pieces->length,
				   SCRIPT_TIME_MAX_MSECS, msecs);
	if (error != NULL)
		target_error(target, pieces, error);
}

static void
set_uidl(struct policy_key_target *target, const struct policy_piece *pieces,
	 size_t count)
{
	enum policy_uidl *uidl = &target->policy->uidl;

	*uidl = POLICY_UIDL_DOVECOT;
	if (count == 0 || policy_piece_equals(pieces, "dovecot"))
		return;
	if (policy_piece_equals(pieces, "keyed"))
		*uidl = POLICY_UIDL_KEYED;
	else if (policy_piece_equals(pieces, "keyed:guid"))
		*uidl = POLICY_UIDL_KEYED_GUID;
	else if (policy_piece_equals(pieces, "keyed:content"))
		*uidl = POLICY_UIDL_KEYED_CONTENT;
	else
		target_error(target, pieces, "expected dovecot, keyed, "
			     "keyed:guid or keyed:content");
}

static void
set_uidl_storm(struct policy_key_target *target,
	       const struct policy_piece *pieces, size_t count)
{
	enum policy_uidl_storm *storm = &target->policy->uidl_storm;

	*storm = POLICY_UIDL_STORM_REFUSE;
	if (count == 0 || policy_piece_equals(pieces, "refuse"))
		return;
	if (policy_piece_equals(pieces, "warn"))
		*storm = POLICY_UIDL_STORM_WARN;
	else if (policy_piece_equals(pieces, "allow"))
		*storm = POLICY_UIDL_STORM_ALLOW;
	else
		target_error(target, pieces, "expected refuse, warn or allow");
}

static void
set_uidl_storm_limit(struct policy_key_target *target,
		     const struct policy_piece *pieces, size_t count)
{
	uint32_t *percent = &target->policy->uidl_storm_percent;
	const char *error;

	*percent = DEFAULT_UIDL_STORM_PERCENT;
	if (count == 0)
		return;
	error = policy_value_percent(pieces->data, pieces->length, percent);
	if (error != NULL)
		target_error(target, pieces, error);
}

static void
set_mechanisms(struct policy_key_target *target,
	       const struct policy_piece *pieces, size_t count)
{
	policy_mechanisms_parse(target->arena, target->errors, pieces, count,
				&target->policy->mechanisms);
}

static void
set_login_delay(struct policy_key_target *target,
		const struct policy_piece *pieces, size_t count)
{
	uint32_t *delay = &target->policy->login_delay_secs;
	int64_t secs = 0;
	const char *error;

	*delay = 0;
	if (count == 0)
		return;
	error = policy_value_time(pieces->data, pieces->length, &secs);
	if (error == NULL && secs > LOGIN_DELAY_MAX_SECS)
		error = "expected a time of at most 1w";
	if (error != NULL)
		target_error(target, pieces, error);
	else
		*delay = (uint32_t)secs;
}

static void
set_login_delay_failure(struct policy_key_target *target,
			const struct policy_piece *pieces, size_t count)
{
	target->policy->login_delay_failure =
		set_word(target, pieces, count, "allow", "refuse") ?
		POLICY_LOGIN_DELAY_REFUSE : POLICY_LOGIN_DELAY_ALLOW;
}

static void
set_path(struct policy_key_target *target, const struct policy_piece *pieces,
	 size_t count, const char **path_r)
{
	*path_r = NULL;
	if (count == 0)
		return;
	if (pieces->data[0] != '/') {
		target_error(target, pieces, "expected an absolute path");
		return;
	}
	*path_r = policy_arena_strndup(target->arena, pieces->data,
				       pieces->length);
	if (*path_r == NULL)
		policy_errors_add_no_memory(target->errors);
}

static void
set_apop_secrets(struct policy_key_target *target,
		 const struct policy_piece *pieces, size_t count)
{
	set_path(target, pieces, count, &target->policy->apop_secrets);
}

static void
set_apop_keys(struct policy_key_target *target,
	      const struct policy_piece *pieces, size_t count)
{
	set_path(target, pieces, count, &target->policy->apop_keys);
}

static void
set_inherit(struct policy_key_target *target,
	    const struct policy_piece *pieces,
	    size_t count)
{
	/* chain_resolve() has judged it already */
	(void)target;
	(void)pieces;
	(void)count;
}

static void
set_mode(struct policy_key_target *target, const struct policy_piece *pieces,
	 size_t count)
{
	target->policy->mode =
		set_word(target, pieces, count, "enforce", "report") ?
		POLICY_MODE_REPORT : POLICY_MODE_ENFORCE;
}

static void
set_journal(struct policy_key_target *target,
	    const struct policy_piece *pieces, size_t count)
{
	enum policy_journal *journal = &target->policy->journal;

	*journal = POLICY_JOURNAL_POP3;
	if (count == 0 || policy_piece_equals(pieces, "pop3"))
		return;
	if (policy_piece_equals(pieces, "all"))
		*journal = POLICY_JOURNAL_ALL;
	else if (policy_piece_equals(pieces, "off"))
		*journal = POLICY_JOURNAL_OFF;
	else
		target_error(target, pieces, "expected pop3, all or off");
}

static void
set_journal_required(struct policy_key_target *target,
		     const struct policy_piece *pieces, size_t count)
{
	target->policy->journal_required =
		set_word(target, pieces, count, "no", "yes");
}

static void
set_journal_retention(struct policy_key_target *target,
		      const struct policy_piece *pieces, size_t count)
{
	set_time(target, pieces, count, DEFAULT_JOURNAL_RETENTION_SECS,
		 &target->policy->journal_retention_secs);
}

/* In the order of the guide's table: the name, and whether the value has many
   lines. */
#define POLICY_KEYS(KEY) \
	KEY(inherit, false) \
	KEY(hold, true) \
	KEY(min_retention, false) \
	KEY(age_from, false) \
	KEY(protected_delete, false) \
	KEY(delete, true) \
	KEY(retrieve, true) \
	KEY(expire, true) \
	KEY(expire_interval, false) \
	KEY(expire_max, false) \
	KEY(show, true) \
	KEY(script, false) \
	KEY(script_memory, false) \
	KEY(script_instructions, false) \
	KEY(script_time, false) \
	KEY(uidl, false) \
	KEY(uidl_storm, false) \
	KEY(uidl_storm_limit, false) \
	KEY(mechanisms, true) \
	KEY(login_delay, false) \
	KEY(login_delay_failure, false) \
	KEY(apop_secrets, false) \
	KEY(apop_keys, false) \
	KEY(mode, false) \
	KEY(journal, false) \
	KEY(journal_required, false) \
	KEY(journal_retention, false)

/* Not beside their functions, so that only those need to be relocated. */
#define KEY_NAME(name, many_lines) { #name, many_lines },
static const struct policy_key policy_keys[] = { POLICY_KEYS(KEY_NAME) };
#define KEYS_COUNT (sizeof(policy_keys) / sizeof(policy_keys[0]))

#define KEY_SET(name, many_lines) set_##name,
static void (*const policy_key_setters[KEYS_COUNT])(
	struct policy_key_target *target, const struct policy_piece *pieces,
	size_t count) = { POLICY_KEYS(KEY_SET) };

const struct policy_key *policy_key_find(const char *key, size_t length)
{
	size_t i;

	for (i = 0; i < KEYS_COUNT; i++) {
		if (strlen(policy_keys[i].name) == length &&
		    memcmp(policy_keys[i].name, key, length) == 0)
			return &policy_keys[i];
	}
	return NULL;
}

bool policy_key_is_known(const char *key, size_t length)
{
	return policy_key_find(key, length) != NULL;
}

const struct policy_key *policy_key_get(size_t index)
{
	return index < KEYS_COUNT ? &policy_keys[index] : NULL;
}

size_t policy_key_index(const struct policy_key *key)
{
	return (size_t)(key - policy_keys);
}

void policy_key_set(const struct policy_key *key,
		    struct policy_key_target *target,
		    const struct policy_piece *pieces, size_t count)
{
	policy_key_setters[policy_key_index(key)](target, pieces, count);
}

void policy_key_set_defaults(struct policy_key_target *target)
{
	size_t i;

	for (i = 0; i < KEYS_COUNT; i++)
		policy_key_setters[i](target, NULL, 0);
}
