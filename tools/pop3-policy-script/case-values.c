/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "case-values.h"
#include "header.h"
#include "policy-value.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum case_type {
	TYPE_TEXT,
	TYPE_FLAG,
	TYPE_NUMBER,
	TYPE_SIZE,
	/* ago, as "3d"; or a date */
	TYPE_TIME,
	/* as well "never", "unknown" */
	TYPE_RETRIEVED,
	/* words with commas between them */
	TYPE_LIST,
};

static const struct case_key {
	const char *name;
	enum case_type type;
	/* what it stands for, -1 = told otherwise */
	int field;
	/* where it is not set; NULL = nil, no or none */
	const char *otherwise;
} case_keys[] = {
	{ "user", TYPE_TEXT, -1, NULL },
	{ "login", TYPE_TEXT, -1, NULL },
	{ "mechanism", TYPE_TEXT, -1, NULL },
	{ "device", TYPE_TEXT, -1, NULL },
	{ "tls", TYPE_FLAG, -1, NULL },
	{ "remote_ip", TYPE_TEXT, -1, NULL },
	{ "local_ip", TYPE_TEXT, -1, NULL },
	{ "id", TYPE_TEXT, -1, NULL },
	{ "now", TYPE_TIME, -1, NULL },
	{ "policy", TYPE_TEXT, SCRIPT_SESSION_POLICY, NULL },
	{ "secured", TYPE_FLAG, SCRIPT_SESSION_SECURED, "yes" },
	{ "last_login", TYPE_TIME, SCRIPT_SESSION_LAST_LOGIN, NULL },
	{ "messages", TYPE_NUMBER, SCRIPT_SESSION_MESSAGES, "1" },
	{ "bytes", TYPE_SIZE, SCRIPT_SESSION_BYTES, "1000" },

	{ "number", TYPE_NUMBER, -1, NULL },
	{ "uid", TYPE_NUMBER, -1, NULL },
	{ "guid", TYPE_TEXT, SCRIPT_MESSAGE_GUID, "guid" },
	{ "uidl", TYPE_TEXT, SCRIPT_MESSAGE_UIDL, "uidl" },
	{ "size", TYPE_SIZE, SCRIPT_MESSAGE_SIZE, "1000" },
	{ "seen", TYPE_FLAG, SCRIPT_MESSAGE_SEEN, NULL },
	{ "flagged", TYPE_FLAG, SCRIPT_MESSAGE_FLAGGED, NULL },
	{ "answered", TYPE_FLAG, SCRIPT_MESSAGE_ANSWERED, NULL },
	{ "keywords", TYPE_LIST, SCRIPT_MESSAGE_KEYWORDS, NULL },
	{ "saved", TYPE_TIME, SCRIPT_MESSAGE_SAVED, "1s" },
	{ "received", TYPE_TIME, SCRIPT_MESSAGE_RECEIVED, "1s" },
	{ "hidden", TYPE_FLAG, SCRIPT_MESSAGE_HIDDEN, NULL },
	{ "retrieved", TYPE_RETRIEVED, SCRIPT_MESSAGE_RETRIEVED, "never" },
	{ "retrieve_count", TYPE_NUMBER, SCRIPT_MESSAGE_RETRIEVE_COUNT, NULL },
};
#define CASE_KEYS_COUNT (sizeof(case_keys) / sizeof(case_keys[0]))

static const struct case_key *case_key_find(const char *name)
{
	size_t i;

	for (i = 0; i < CASE_KEYS_COUNT; i++) {
		if (strcmp(case_keys[i].name, name) == 0)
			return &case_keys[i];
	}
	return NULL;
}

static bool parse_flag(const char *text, bool *flag_r)
{
	*flag_r = strcmp(text, "yes") == 0 || strcmp(text, "true") == 0;
	return *flag_r || strcmp(text, "no") == 0 ||
		strcmp(text, "false") == 0;
}

/* A date, or a time before now; now = 0: a date only. */
static const char *parse_time(const char *text, int64_t now, int64_t *time_r)
{
	struct tm tm = { 0 };
	const char *error;
	int64_t secs;

	if (policy_value_is_date(text, strlen(text))) {
		const char *end = strptime(text, "%Y-%m-%d", &tm);

		if (end != NULL && *end == ' ')
			end = strptime(end + 1, "%H:%M", &tm);
		if (end == NULL || *end != '\0')
			return "expected a date like 2024-12-31 or "
				"\"2024-12-31 18:00\"";
		tm.tm_isdst = -1;
		*time_r = (int64_t)mktime(&tm);
		return NULL;
	}
	error = policy_value_time(text, strlen(text), &secs);
	if (error != NULL)
		return "expected a time before now, like 3d, or a date like "
			"2024-12-31";
	*time_r = now - secs;
	return NULL;
}

static const char *case_check(enum case_type type, const char *value)
{
	const char *error;
	uint64_t number;
	int64_t when;
	bool flag;

	switch (type) {
	case TYPE_TEXT:
	case TYPE_LIST:
		return NULL;
	case TYPE_FLAG:
		return parse_flag(value, &flag) ? NULL : "expected yes or no";
	case TYPE_NUMBER:
		error = policy_value_thousands(value, strlen(value), &number);
		return error == NULL && number > UINT32_MAX ?
			"this number is too large" : error;
	case TYPE_SIZE:
		return policy_value_size(value, strlen(value), &number);
	case TYPE_RETRIEVED:
		if (strcmp(value, "never") == 0 ||
		    strcmp(value, "unknown") == 0)
			return NULL;
		/* fall through */
	case TYPE_TIME:
		return parse_time(value, INT64_C(1) << 40, &when);
	}
	return NULL;
}

void case_values_init(struct case_values *values)
{
	memset(values, 0, sizeof(*values));
}

void case_values_deinit(struct case_values *values)
{
	unsigned int i;

	for (i = 0; i < values->count; i++) {
		free(values->values[i].key);
		free(values->values[i].value);
	}
	free(values->scratch);
	memset(values, 0, sizeof(*values));
}

static const char *
case_values_find(const struct case_values *values, const char *key)
{
	unsigned int i;

	for (i = 0; i < values->count; i++) {
		if (strcasecmp(values->values[i].key, key) == 0)
			return values->values[i].value;
	}
	return NULL;
}

const char *case_values_set(struct case_values *values, const char *key,
			    const char *value)
{
	bool is_header = strncmp(key, "header.", 7) == 0 && key[7] != '\0';
	bool is_field = strncmp(key, "field.", 6) == 0 && key[6] != '\0';
	const struct case_key *known = case_key_find(key);
	const char *error;
	unsigned int i;

	if (known == NULL && !is_header && !is_field)
		return "unknown key";
	error = known == NULL ? NULL : case_check(known->type, value);
	if (error != NULL)
		return error;
	for (i = 0; i < values->count && !is_header; i++) {
		if (strcmp(values->values[i].key, key) == 0)
			break;
	}
	if (is_header)
		i = values->count;
	if (i == CASE_VALUES_MAX)
		return "too many values";
	if (i == values->count) {
		values->values[i].key = strdup(key);
		values->count++;
	} else
		free(values->values[i].value);
	values->values[i].value = strdup(value);
	if (values->values[i].key == NULL || values->values[i].value == NULL)
		abort();
	return NULL;
}

struct header_context {
	struct case_values *values;
	const char *error;
};

static void add_header(void *_context, const char *name, const char *value)
{
	struct header_context *context = _context;
	char key[200];

	/* a line that begins with a colon */
	if (name[0] == '\0')
		return;
	(void)snprintf(key, sizeof(key), "header.%s", name);
	if (context->error == NULL)
		context->error = case_values_set(context->values, key, value);
}

const char *case_values_set_message(struct case_values *values,
				    const char *data, size_t size)
{
	struct header_context context = { .values = values };
	char text[30];
	size_t i, bytes = size;

	/* POP3 counts the ends of lines as two */
	for (i = 0; i < size; i++) {
		if (data[i] == '\n' && (i == 0 || data[i - 1] != '\r'))
			bytes++;
	}
	(void)snprintf(text, sizeof(text), "%zu", bytes);
	context.error = case_values_set(values, "size", text);
	header_parse(data, size, add_header, &context);
	return context.error;
}

static int
case_get_list(struct case_values *values, const char *name,
	      struct script_value *value_r)
{
	unsigned int i, count = 0;

	for (i = 0; i < values->count; i++) {
		if (strncmp(values->values[i].key, "header.", 7) == 0 &&
		    strcasecmp(values->values[i].key + 7, name) == 0)
			values->list[count++] = values->values[i].value;
	}
	values->list[count] = NULL;
	value_r->list = values->list;
	value_r->text = values->list[0];
	return count > 0 ? 1 : 0;
}

static int
case_get_words(struct case_values *values, const char *text,
	       struct script_value *value_r)
{
	unsigned int count = 0;
	char *word, *next;

	free(values->scratch);
	values->scratch = strdup(text);
	if (values->scratch == NULL)
		return -1;
	for (word = strtok_r(values->scratch, ",", &next);
	     word != NULL && count < CASE_VALUES_MAX;
	     word = strtok_r(NULL, ",", &next))
		values->list[count++] = word;
	values->list[count] = NULL;
	value_r->list = values->list;
	return 1;
}

static int
case_get_known(struct case_values *values, const struct case_key *key,
	       const char *text, struct script_value *value_r)
{
	const char *retrieved = case_values_find(values, "retrieved");
	uint64_t number = 0;
	bool flag = false;

	if (text == NULL)
		text = key->otherwise;
	if (key->field == SCRIPT_MESSAGE_RETRIEVE_COUNT && text == NULL) {
		value_r->number = retrieved == NULL ||
			strcmp(retrieved, "never") == 0 ? 0 : 1;
		return retrieved == NULL ||
			strcmp(retrieved, "unknown") != 0 ? 1 : 0;
	}
	if (text == NULL)
		return key->type == TYPE_FLAG ? 1 : 0;
	switch (key->type) {
	case TYPE_TEXT:
		value_r->text = text;
		return *text == '\0' ? 0 : 1;
	case TYPE_LIST:
		return case_get_words(values, text, value_r);
	case TYPE_FLAG:
		(void)parse_flag(text, &flag);
		value_r->number = flag ? 1 : 0;
		return 1;
	case TYPE_NUMBER:
		(void)policy_value_thousands(text, strlen(text), &number);
		break;
	case TYPE_SIZE:
		(void)policy_value_size(text, strlen(text), &number);
		break;
	case TYPE_RETRIEVED:
	case TYPE_TIME:
		return parse_time(text, values->session.now,
				  &value_r->number) == NULL ? 1 : 0;
	}
	value_r->number = (int64_t)number;
	return 1;
}

static int
case_get(void *context, enum script_field field, const char *name,
	 struct script_value *value_r)
{
	struct case_values *values = context;
	char key[200];
	size_t i;

	switch (field) {
	case SCRIPT_MESSAGE_HEADER:
	case SCRIPT_MESSAGE_HEADERS:
		return case_get_list(values, name, value_r);
	case SCRIPT_SESSION_FIELD:
		(void)snprintf(key, sizeof(key), "field.%s", name);
		value_r->text = case_values_find(values, key);
		return value_r->text != NULL ? 1 : 0;
	default:
		break;
	}
	for (i = 0; i < CASE_KEYS_COUNT; i++) {
		if (case_keys[i].field == (int)field) {
			return case_get_known(values, &case_keys[i],
				case_values_find(values, case_keys[i].name),
				value_r);
		}
	}
	value_r->text = "nobody has made it up";
	return -1;
}

static const char *
case_text(const struct case_values *values, const char *key,
	  const char *otherwise)
{
	const char *text = case_values_find(values, key);

	return text == NULL ? otherwise : text;
}

void case_values_ask(struct case_values *values,
		     struct script_question *question)
{
	struct policy_session_facts *session = &values->session;
	const char *now = case_values_find(values, "now");
	uint64_t number;

	session->user = case_text(values, "user", "user@example.org");
	session->login = case_text(values, "login", session->user);
	session->mechanism = case_text(values, "mechanism", "PLAIN");
	session->device = case_text(values, "device", "");
	session->remote_ip = case_text(values, "remote_ip", "192.0.2.1");
	session->local_ip = case_text(values, "local_ip", "192.0.2.2");
	session->id = case_text(values, "id", "session");
	(void)parse_flag(case_text(values, "tls", "yes"), &session->tls);
	session->now = (int64_t)time(NULL);
	if (now != NULL)
		(void)parse_time(now, session->now, &session->now);

	question->session = session;
	number = 1;
	(void)policy_value_thousands(case_text(values, "number", "1"),
				     strlen(case_text(values, "number", "1")),
				     &number);
	question->number = (uint32_t)number;
	(void)policy_value_thousands(case_text(values, "uid", "1"),
				     strlen(case_text(values, "uid", "1")),
				     &number);
	question->uid = (uint32_t)number;
	question->get = case_get;
	question->context = values;
}

static const char *
answer_word(const struct script_answer *answer, enum script_hook hook)
{
	if (hook == SCRIPT_HOOK_SHOW)
		return answer->action == POLICY_ACTION_ALLOW ? "show" : "hide";
	return policy_action_name(hook == SCRIPT_HOOK_EXPIRE ?
				  POLICY_QUESTION_EXPIRE :
				  POLICY_QUESTION_DELETE, answer->action);
}

void case_answer_print(const struct script_answer *answer,
		       enum script_hook hook, char *text, size_t size)
{
	const char *parameter = answer->text != NULL ? answer->text :
		answer->mailbox;

	switch (answer->outcome) {
	case SCRIPT_FAILED:
		(void)snprintf(text, size, "error \"%s\"", answer->reason);
		return;
	case SCRIPT_PASS:
		(void)snprintf(text, size, "pass");
		return;
	case SCRIPT_ANSWER:
		break;
	}
	if (answer->uidl != NULL) {
		(void)snprintf(text, size, "uidl \"%s\"", answer->uidl);
		return;
	}
	(void)snprintf(text, size, "%s%s%s%s%s%s%s",
		       answer_word(answer, hook),
		       parameter != NULL ? " \"" : "",
		       parameter != NULL ? parameter : "",
		       parameter != NULL ? "\"" : "",
		       answer->code != NULL ? " [" : "",
		       answer->code != NULL ? answer->code : "",
		       answer->code != NULL ? "]" : "");
}

bool case_hook_find(const char *name, enum script_hook *hook_r)
{
	enum script_hook hook;

	for (hook = 0; hook < SCRIPT_HOOKS_COUNT; hook++) {
		if (strcmp(script_hook_name(hook), name) == 0) {
			*hook_r = hook;
			return true;
		}
	}
	return false;
}
