/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "reported-errors.h"
#include "suite.h"

#include "pop3-policy/decide.h"

#define NOW INT64_C(1700000000)
#define DAY INT64_C(86400)

#define DELETE POLICY_QUESTION_DELETE
#define RETRIEVE POLICY_QUESTION_RETRIEVE
#define EXPIRE POLICY_QUESTION_EXPIRE
#define REMOVE POLICY_QUESTION_REMOVE
#define DENY POLICY_ACTION_DENY
#define HIDE POLICY_ACTION_HIDE
#define ARCHIVE POLICY_ACTION_ARCHIVE
#define ALLOW POLICY_ACTION_ALLOW
#define ERROR POLICY_REASON_ERROR
#define HOLD POLICY_REASON_HOLD
#define RETENTION POLICY_REASON_MIN_RETENTION
#define SCRIPT POLICY_REASON_SCRIPT
#define RULE POLICY_REASON_RULE
#define DEFAULT POLICY_REASON_DEFAULT

/* The query is answered by what it looks for: `from yes` matches, `from no`
   does not, `from doubt` can't be found out. */
struct asked {
	char queries[200];
};

static int answer(void *context, const struct policy_query *query)
{
	struct asked *asked = context;
	const char *wanted = query->words[query->words_count - 1].text;

	strcat(asked->queries, query->text);
	strcat(asked->queries, "|");
	if (strcmp(wanted, "yes") == 0)
		return 1;
	if (strcmp(wanted, "doubt") == 0)
		return -1;
	ck_assert_str_eq(wanted, "no");
	return 0;
}

static const struct decide_row {
	const char *title;
	/* lines 2 and on of the file, behind [default] */
	const char *policy;
	enum policy_question question;
	/* of the message, 0 = unknown */
	int64_t saved, received;
	bool history_known;

	enum policy_action want_action;
	enum policy_reason want_reason;
	const char *want_text;
	unsigned int want_line;
	/* "|" behind each */
	const char *want_asked;
} decide_rows[] = {
	/* defaults */
	{ "DELE is allowed", "", DELETE, NOW, NOW, true,
	  ALLOW, DEFAULT, NULL, 0, "" },
	{ "RETR is allowed", "", RETRIEVE, NOW, NOW, true,
	  ALLOW, DEFAULT, NULL, 0, "" },
	{ "nothing expires", "", EXPIRE, NOW, NOW, true,
	  DENY, DEFAULT, NULL, 0, "" },
	{ "the same where nothing is known", "", DELETE, 0, 0, false,
	  ALLOW, DEFAULT, NULL, 0, "" },

	/* rules: the first one that matches wins */
	{ "all is not asked", "delete = hide all\n", DELETE, NOW, NOW, true,
	  HIDE, RULE, NULL, 2, "" },
	{ "allow by rule", "delete = allow from yes\n deny all\n", DELETE,
	  NOW, NOW, true, ALLOW, RULE, NULL, 2, "from yes|" },
	{ "the first match wins, the rest is not asked",
	  "delete = deny from no\n hide from yes\n allow from yes\n", DELETE,
	  NOW, NOW, true, HIDE, RULE, NULL, 3, "from no|from yes|" },
	{ "no rule matches", "delete = deny from no\n hide to no\n", DELETE,
	  NOW, NOW, true, ALLOW, DEFAULT, NULL, 0, "from no|to no|" },
	{ "text of a refusal", "delete = deny:\"keep it\" from yes\n",
	  DELETE, NOW, NOW, true, DENY, RULE, "keep it", 2, "from yes|" },
	{ "no text of a rule that did not match",
	  "delete = deny:\"keep it\" from no\n hide all\n", DELETE, NOW, NOW,
	  true, HIDE, RULE, NULL, 3, "from no|" },
	{ "doubt ends the search", "delete = deny from no\n hide from doubt\n"
	  " allow all\n", DELETE, NOW, NOW, true, DENY, ERROR, NULL, 3,
	  "from no|from doubt|" },
	{ "doubt behind a match is not asked", "delete = allow all\n"
	  " deny from doubt\n", DELETE, NOW, NOW, true, ALLOW, RULE, NULL, 2,
	  "" },
	{ "doubt denies RETR", "retrieve = allow from doubt\n", RETRIEVE, NOW,
	  NOW, true, DENY, ERROR, NULL, 2, "from doubt|" },
	{ "doubt expires nothing", "expire = expunge from doubt\n", EXPIRE,
	  NOW, NOW, true, DENY, ERROR, NULL, 2, "from doubt|" },
	{ "RETR by its own rules", "delete = hide all\n"
	  "retrieve = deny:\"no\" from yes\n", RETRIEVE, NOW, NOW, true,
	  DENY, RULE, "no", 3, "from yes|" },
	{ "expunge", "expire = keep from no\n expunge from yes\n", EXPIRE,
	  NOW, NOW, true, ALLOW, RULE, NULL, 3, "from no|from yes|" },
	{ "keep", "expire = keep from yes\n expunge all\n", EXPIRE, NOW, NOW,
	  true, DENY, RULE, NULL, 2, "from yes|" },
	{ "archive", "delete = archive:a from yes\n", DELETE, NOW, NOW, true,
	  ARCHIVE, RULE, NULL, 2, "from yes|" },
	{ "archive by expiry", "expire = archive:a all\n", EXPIRE, NOW, NOW,
	  true, ARCHIVE, RULE, NULL, 2, "" },
	{ "hide by expiry", "expire = hide all\n", EXPIRE, NOW, NOW, true,
	  HIDE, RULE, NULL, 2, "" },

	/* history that nobody knows */
	{ "a rule about history matches no unknown mail",
	  "delete = deny retrieved from yes\n hide all\n", DELETE, NOW, NOW,
	  false, HIDE, RULE, NULL, 3, "" },
	{ "whatever not stands in it",
	  "delete = deny not retrieved from yes\n hide all\n", DELETE, NOW,
	  NOW, false, HIDE, RULE, NULL, 3, "" },
	{ "unretrieved does not match it either",
	  "delete = deny unretrieved from yes\n", DELETE, NOW, NOW, false,
	  ALLOW, DEFAULT, NULL, 0, "" },
	{ "known history is asked", "delete = deny unretrieved from yes\n",
	  DELETE, NOW, NOW, true, DENY, RULE, NULL, 2,
	  "unretrieved from yes|" },
	{ "nothing expires by unknown history",
	  "expire = expunge retrievedbefore 14d from yes\n", EXPIRE, NOW, NOW,
	  false, DENY, DEFAULT, NULL, 0, "" },
	{ "keep by unknown history keeps from the rules below",
	  "expire = keep unretrieved from no\n expunge all\n", EXPIRE, NOW,
	  NOW, false, DENY, RULE, NULL, 2, "" },
	{ "hide by unknown history, too",
	  "expire = hide retrieved from no\n expunge all\n", EXPIRE, NOW,
	  NOW, false, DENY, RULE, NULL, 2, "" },
	{ "expunge by unknown history goes on",
	  "expire = expunge retrieved from yes\n hide all\n", EXPIRE, NOW,
	  NOW, false, HIDE, RULE, NULL, 3, "" },
	{ "keep by known history is asked",
	  "expire = keep unretrieved from no\n expunge all\n", EXPIRE, NOW,
	  NOW, true, ALLOW, RULE, NULL, 3, "unretrieved from no|" },
	{ "hiding is not history", "expire = expunge hidden from yes\n",
	  EXPIRE, NOW, NOW, false, ALLOW, RULE, NULL, 2,
	  "hidden from yes|" },
	{ "a hold about history holds unknown mail",
	  "hold = retrieved from no\n", DELETE, NOW, NOW, false, HIDE, HOLD,
	  NULL, 2, "" },
	{ "whatever not stands in it, too",
	  "hold = not retrieved from no\n", EXPIRE, NOW, NOW, false, DENY,
	  HOLD, NULL, 2, "" },
	{ "a hold about known history is asked", "hold = retrieved from no\n",
	  DELETE, NOW, NOW, true, ALLOW, DEFAULT, NULL, 0,
	  "retrieved from no|" },

	/* hold */
	{ "held: DELE hides", "hold = from yes\ndelete = allow all\n", DELETE,
	  NOW, NOW, true, HIDE, HOLD, NULL, 2, "from yes|" },
	{ "held: DELE is denied", "hold = all\nprotected_delete = deny\n"
	  "delete = allow all\n", DELETE, NOW, NOW, true, DENY, HOLD, NULL, 2,
	  "" },
	{ "held: expiry keeps, never hides", "hold = from yes\n"
	  "expire = expunge all\n", EXPIRE, NOW, NOW, true, DENY, HOLD, NULL,
	  2, "from yes|" },
	{ "held: expiry keeps under deny, too", "protected_delete = deny\n"
	  "hold = all\nexpire = hide all\n", EXPIRE, NOW, NOW, true, DENY,
	  HOLD, NULL, 3, "" },
	{ "held: RETR is free", "hold = from doubt\n", RETRIEVE, NOW, NOW,
	  true, ALLOW, DEFAULT, NULL, 0, "" },
	{ "not held", "hold = from no\ndelete = hide to yes\n", DELETE, NOW,
	  NOW, true, HIDE, RULE, NULL, 3, "from no|to yes|" },
	{ "doubt about a hold denies", "hold = from doubt\n"
	  "delete = allow all\n", DELETE, NOW, NOW, true, DENY, ERROR, NULL,
	  2, "from doubt|" },
	{ "doubt about a hold keeps", "hold = from doubt\n"
	  "expire = expunge all\n", EXPIRE, NOW, NOW, true, DENY, ERROR, NULL,
	  2, "from doubt|" },
	{ "hold comes before min_retention", "min_retention = 1d\n"
	  "hold = from yes\n", DELETE, NOW, NOW, true, HIDE, HOLD, NULL, 3,
	  "from yes|" },

	/* min_retention */
	{ "too young: DELE hides", "min_retention = 1d\n"
	  "delete = allow from yes\n", DELETE, NOW - DAY + 1, 1, true, HIDE,
	  RETENTION, NULL, 2, "" },
	{ "too young: DELE is denied", "protected_delete = deny\n"
	  "min_retention = 1d\n", DELETE, NOW, 1, true, DENY, RETENTION, NULL,
	  3, "" },
	{ "too young: expiry keeps", "min_retention = 1d\n"
	  "expire = expunge all\n", EXPIRE, NOW, 1, true, DENY, RETENTION,
	  NULL, 2, "" },
	{ "too young: RETR is free", "min_retention = 1d\n", RETRIEVE, NOW,
	  NOW, true, ALLOW, DEFAULT, NULL, 0, "" },
	{ "old enough, to the second", "min_retention = 1d\n", DELETE,
	  NOW - DAY, NOW, true, ALLOW, DEFAULT, NULL, 0, "" },
	{ "old enough: rules decide", "min_retention = 1d\n"
	  "delete = hide from yes\n", DELETE, 1, NOW, true, HIDE, RULE, NULL,
	  3, "from yes|" },
	{ "a date in the future is too young", "min_retention = 1s\n", DELETE,
	  NOW + 1000 * DAY, 1, true, HIDE, RETENTION, NULL, 2, "" },
	{ "the latest date there is", "min_retention = 1s\n", DELETE,
	  INT64_MAX, 1, true, HIDE, RETENTION, NULL, 2, "" },
	{ "no date is doubt", "min_retention = 1d\ndelete = allow all\n",
	  DELETE, 0, 1, true, DENY, ERROR, NULL, 2, "" },
	{ "a negative date is doubt", "min_retention = 1d\n"
	  "expire = expunge all\n", EXPIRE, INT64_MIN, 1, true, DENY, ERROR,
	  NULL, 2, "" },
	{ "no date, but nobody asks", "delete = hide all\n", DELETE, 0, 0,
	  true, HIDE, RULE, NULL, 2, "" },
	{ "min_retention = 0 binds nothing", "min_retention = 0\n", DELETE, 0,
	  0, true, ALLOW, DEFAULT, NULL, 0, "" },
	{ "age_from = received: too young", "age_from = received\n"
	  "min_retention = 1d\n", DELETE, 1, NOW, true, HIDE, RETENTION,
	  NULL, 3, "" },
	{ "age_from = received: old enough", "age_from = received\n"
	  "min_retention = 1d\n", DELETE, NOW, 1, true, ALLOW, DEFAULT, NULL,
	  0, "" },
	{ "age_from = received: no date", "age_from = received\n"
	  "min_retention = 1d\n", DELETE, 1, 0, true, DENY, ERROR, NULL, 3,
	  "" },
	{ "not held: min_retention still binds", "hold = from no\n"
	  "min_retention = 1d\n", EXPIRE, NOW, NOW, true, DENY, RETENTION,
	  NULL, 3, "from no|" },

	/* other programs: hold and min_retention, no rules */
	{ "removed by others", "", REMOVE, 0, 0, false, ALLOW, DEFAULT, NULL,
	  0, "" },
	{ "rules do not bind others", "delete = deny all\nretrieve = deny all\n"
	  "expire = keep all\n", REMOVE, NOW, NOW, true, ALLOW, DEFAULT, NULL,
	  0, "" },
	{ "held: others can't hide", "hold = from yes\n"
	  "protected_delete = hide\n", REMOVE, NOW, NOW, true, DENY, HOLD,
	  NULL, 2, "from yes|" },
	{ "held: denied to others", "hold = all\nprotected_delete = deny\n",
	  REMOVE, NOW, NOW, true, DENY, HOLD, NULL, 2, "" },
	{ "not held, others", "hold = from no\ndelete = deny from yes\n",
	  REMOVE, NOW, NOW, true, ALLOW, DEFAULT, NULL, 0, "from no|" },
	{ "doubt about a hold, others", "hold = from doubt\n", REMOVE, NOW,
	  NOW, true, DENY, ERROR, NULL, 2, "from doubt|" },
	{ "a hold about unknown history, others", "hold = retrieved from no\n",
	  REMOVE, NOW, NOW, false, DENY, HOLD, NULL, 2, "" },
	{ "too young, others", "min_retention = 1d\n", REMOVE,
	  NOW - DAY + 1, 1, true, DENY, RETENTION, NULL, 2, "" },
	{ "old enough, others", "min_retention = 1d\n", REMOVE, NOW - DAY,
	  NOW, true, ALLOW, DEFAULT, NULL, 0, "" },
	{ "no date, others", "min_retention = 1d\n", REMOVE, 0, 1, true, DENY,
	  ERROR, NULL, 2, "" },
};

START_TEST(test_decide)
{
	const struct decide_row *row = &decide_rows[_i];
	const struct policy_session_facts session = {
		.user = "alice", .login = "alice", .mechanism = "PLAIN",
		.remote_ip = "127.0.0.1", .local_ip = "127.0.0.1", .id = "x",
		.now = NOW,
	};
	const struct policy_message_facts message = {
		.saved = row->saved,
		.received = row->received,
		.history_known = row->history_known,
	};
	struct reported_errors errors = { .count = 0 };
	struct asked asked = { "" };
	const struct policy_callbacks callbacks = {
		.match = answer,
		.context = &asked,
	};
	struct policy_verdict verdict;
	struct policy_file *file;
	struct policy *policy;
	char data[400];
	bool guards;

	snprintf(data, sizeof(data), "[default]\n%s", row->policy);
	file = policy_file_parse(TEST_FILE_NAME, data, strlen(data), NULL,
				 NULL);
	(void)policy_load(file, "default", &policy, &guards, report_error,
			  &errors);
	policy_file_free(&file);
	assert_errors(row->title, &errors, "");

	memset(&verdict, 0xFF, sizeof(verdict));
	policy_decide(policy, row->question, &session, &message, &callbacks,
		      &verdict);
	ck_assert_msg(verdict.action == row->want_action, "%s: %s",
		      row->title,
		      policy_action_name(row->question, verdict.action));
	ck_assert_msg(verdict.reason == row->want_reason, "%s: %s",
		      row->title, policy_reason_name(verdict.reason));
	ck_assert_pstr_eq(verdict.text, row->want_text);
	ck_assert_msg(verdict.line == row->want_line, "%s: line %u",
		      row->title, verdict.line);
	ck_assert_pstr_eq(verdict.file,
			  row->want_line == 0 ? NULL : TEST_FILE_NAME);
	ck_assert_msg(!verdict.without_effect, "%s", row->title);
	ck_assert_msg(strcmp(asked.queries, row->want_asked) == 0,
		      "%s: asked %s", row->title, asked.queries);
	policy_free(&policy);
}
END_TEST

/* mode = report: what is decided, and what happens. */
static const struct report_row {
	const char *title;
	const char *policy;
	enum policy_question question;
	enum policy_action want_decided, want_effective;
	enum policy_reason want_reason;
	bool want_without_effect;
} report_rows[] = {
	{ "deny", "delete = deny all\n", DELETE, DENY, ALLOW, RULE, true },
	{ "hide", "delete = hide all\n", DELETE, HIDE, ALLOW, RULE, true },
	{ "archive", "delete = archive:a all\n", DELETE, ARCHIVE, ALLOW, RULE,
	  true },
	{ "allow", "delete = allow all\n", DELETE, ALLOW, ALLOW, RULE, true },
	{ "the default", "", DELETE, ALLOW, ALLOW, DEFAULT, true },
	{ "doubt about a rule", "delete = deny from doubt\n", DELETE, DENY,
	  ALLOW, ERROR, true },
	{ "RETR", "retrieve = deny all\n", RETRIEVE, DENY, ALLOW, RULE, true },
	{ "doubt about RETR", "retrieve = deny from doubt\n", RETRIEVE, DENY,
	  ALLOW, ERROR, true },
	{ "expunge", "expire = expunge all\n", EXPIRE, ALLOW, DENY, RULE,
	  true },
	{ "expire: hide", "expire = hide all\n", EXPIRE, HIDE, DENY, RULE,
	  true },
	{ "expire: archive", "expire = archive:a all\n", EXPIRE, ARCHIVE,
	  DENY, RULE, true },
	{ "expire: the default", "", EXPIRE, DENY, DENY, DEFAULT, true },
	{ "a hold binds", "hold = all\ndelete = deny all\n", DELETE, HIDE,
	  HIDE, HOLD, false },
	{ "and may deny", "hold = all\nprotected_delete = deny\n", DELETE,
	  DENY, DENY, HOLD, false },
	{ "doubt about a hold binds", "hold = from doubt\n", DELETE, DENY,
	  DENY, ERROR, false },
	{ "min_retention binds", "min_retention = 2d\n", DELETE, HIDE, HIDE,
	  RETENTION, false },
	{ "a hold against expiry", "hold = all\nexpire = expunge all\n",
	  EXPIRE, DENY, DENY, HOLD, false },
};

START_TEST(test_report)
{
	const struct report_row *row = &report_rows[_i];
	const struct policy_session_facts session = {
		.user = "alice", .login = "alice", .now = NOW,
	};
	const struct policy_message_facts message = {
		.saved = NOW - DAY, .history_known = true,
	};
	struct policy_verdict verdict, effective;
	struct asked asked = { "" };
	const struct policy_callbacks callbacks = {
		.match = answer,
		.context = &asked,
	};
	struct policy_file *file;
	struct policy *policy;
	char data[400];
	bool guards;

	snprintf(data, sizeof(data), "[default]\n%smode = report\n",
		 row->policy);
	file = policy_file_parse(TEST_FILE_NAME, data, strlen(data), NULL,
				 NULL);
	ck_assert_int_eq(policy_load(file, "default", &policy, &guards, NULL,
				     NULL), 0);
	policy_file_free(&file);
	policy_decide(policy, row->question, &session, &message, &callbacks,
		      &verdict);
	policy_verdict_effective(row->question, &verdict, &effective);
	ck_assert_msg(verdict.action == row->want_decided &&
		      verdict.reason == row->want_reason, "%s", row->title);
	ck_assert_msg(effective.action == row->want_effective, "%s",
		      row->title);
	ck_assert_msg(verdict.without_effect == row->want_without_effect,
		      "%s", row->title);
	policy_free(&policy);
}
END_TEST

/* What a script says is taken after hold and min_retention, before rules. */
static const struct script_row {
	const char *title;
	const char *policy;
	enum policy_question question;
	/* 1: answers with these, 0: passes, -1: fails */
	int ret;
	enum policy_action action;
	const char *text, *mailbox;
	unsigned int line;

	enum policy_action want_action;
	enum policy_reason want_reason;
	/* 0: the script's file and line */
	unsigned int want_line;
	bool want_asked, want_without_effect;
} script_rows[] = {
	{ "an answer", "delete = hide all\n", DELETE, 1, ALLOW, NULL, NULL, 7,
	  ALLOW, SCRIPT, 0, true, false },
	{ "deny with a text", "", DELETE, 1, DENY, "no", NULL, 7,
	  DENY, SCRIPT, 0, true, false },
	{ "hide", "", DELETE, 1, HIDE, NULL, NULL, 7,
	  HIDE, SCRIPT, 0, true, false },
	{ "archive", "", DELETE, 1, ARCHIVE, NULL, "A/b", 7,
	  ARCHIVE, SCRIPT, 0, true, false },
	{ "passed to a rule", "delete = hide all\n", DELETE, 0, ALLOW, "x",
	  "y", 7, HIDE, RULE, 2, true, false },
	{ "passed to the default", "", EXPIRE, 0, ALLOW, NULL, NULL, 7,
	  DENY, DEFAULT, 0, true, false },
	{ "failed", "delete = allow all\n", DELETE, -1, ALLOW, NULL, NULL, 7,
	  DENY, ERROR, 0, true, false },
	{ "failed to load", "expire = expunge all\n", EXPIRE, -1, ALLOW, NULL,
	  NULL, 0, DENY, ERROR, 0, true, false },
	{ "RETR", "retrieve = allow all\n", RETRIEVE, 1, DENY, "no", NULL, 7,
	  DENY, SCRIPT, 0, true, false },
	{ "RETR fails", "", RETRIEVE, -1, ALLOW, NULL, NULL, 7,
	  DENY, ERROR, 0, true, false },
	{ "expunge", "expire = keep all\n", EXPIRE, 1, ALLOW, NULL, NULL, 7,
	  ALLOW, SCRIPT, 0, true, false },
	{ "hold stands above", "hold = all\n", DELETE, 1, ALLOW, NULL, NULL,
	  7, HIDE, HOLD, 2, false, false },
	{ "hold stands above expiry", "hold = all\n", EXPIRE, 1, ALLOW, NULL,
	  NULL, 7, DENY, HOLD, 2, false, false },
	{ "but not above RETR", "hold = all\n", RETRIEVE, 1, DENY, NULL,
	  NULL, 7, DENY, SCRIPT, 0, true, false },
	{ "doubt about a hold", "hold = from doubt\n", DELETE, 1, ALLOW, NULL,
	  NULL, 7, DENY, ERROR, 2, false, false },
	{ "min_retention stands above", "min_retention = 2d\n", DELETE, 1,
	  ALLOW, NULL, NULL, 7, HIDE, RETENTION, 2, false, false },
	{ "old enough", "min_retention = 1h\n", EXPIRE, 1, ALLOW, NULL, NULL,
	  7, ALLOW, SCRIPT, 0, true, false },
	{ "other programs don't ask it", "", REMOVE, 1, DENY, NULL, NULL, 7,
	  ALLOW, DEFAULT, 0, false, false },
	{ "report", "mode = report\n", DELETE, 1, DENY, NULL, NULL, 7,
	  DENY, SCRIPT, 0, true, true },
	{ "report: failed", "mode = report\n", DELETE, -1, ALLOW, NULL, NULL,
	  7, DENY, ERROR, 0, true, true },
};

struct script_asked {
	const struct script_row *row;
	unsigned int count;
};

static int never_match(void *context, const struct policy_query *query)
{
	const char *wanted = query->words[query->words_count - 1].text;

	(void)context;
	return strcmp(wanted, "doubt") == 0 ? -1 : 0;
}

static int script_answer(void *context, enum policy_question question,
			 struct policy_verdict *verdict)
{
	struct script_asked *asked = context;
	const struct script_row *row = asked->row;

	ck_assert(question == row->question);
	asked->count++;
	verdict->action = row->action;
	verdict->text = row->text;
	verdict->mailbox = row->mailbox;
	verdict->file = "a.lua";
	verdict->line = row->line;
	return row->ret;
}

START_TEST(test_script)
{
	const struct script_row *row = &script_rows[_i];
	const struct policy_session_facts session = {
		.user = "alice", .login = "alice", .now = NOW,
	};
	const struct policy_message_facts message = {
		.saved = NOW - DAY, .history_known = true,
	};
	struct script_asked asked = { .row = row };
	const struct policy_callbacks callbacks = {
		.match = never_match,
		.script = script_answer,
		.context = &asked,
	};
	struct policy_verdict verdict;
	struct policy_file *file;
	struct policy *policy;
	char data[400];
	bool guards;

	snprintf(data, sizeof(data), "[default]\n%s", row->policy);
	file = policy_file_parse(TEST_FILE_NAME, data, strlen(data), NULL,
				 NULL);
	ck_assert_int_eq(policy_load(file, "default", &policy, &guards, NULL,
				     NULL), 0);
	policy_file_free(&file);
	memset(&verdict, 0xFF, sizeof(verdict));
	policy_decide(policy, row->question, &session, &message, &callbacks,
		      &verdict);
	ck_assert_msg(verdict.action == row->want_action &&
		      verdict.reason == row->want_reason, "%s: %s by %s",
		      row->title,
		      policy_action_name(row->question, verdict.action),
		      policy_reason_name(verdict.reason));
	ck_assert_msg(asked.count == (row->want_asked ? 1U : 0U), "%s",
		      row->title);
	ck_assert_msg(verdict.without_effect == row->want_without_effect,
		      "%s", row->title);
	if (row->want_line != 0) {
		ck_assert_str_eq(verdict.file, TEST_FILE_NAME);
		ck_assert_uint_eq(verdict.line, row->want_line);
	} else if (row->want_asked && verdict.reason != DEFAULT) {
		ck_assert_str_eq(verdict.file, "a.lua");
		ck_assert_uint_eq(verdict.line, row->line);
	}
	if (verdict.reason == SCRIPT) {
		ck_assert_pstr_eq(verdict.text, row->text);
		ck_assert_pstr_eq(verdict.mailbox, row->mailbox);
	} else {
		ck_assert_ptr_null(verdict.text);
		ck_assert_ptr_null(verdict.mailbox);
	}
	policy_free(&policy);
}
END_TEST

static const struct name_row {
	enum policy_question question;
	enum policy_action action;
	const char *want_question, *want_action;
} name_rows[] = {
	{ DELETE, DENY, "delete", "deny" },
	{ DELETE, HIDE, "delete", "hide" },
	{ DELETE, ARCHIVE, "delete", "archive" },
	{ DELETE, ALLOW, "delete", "allow" },
	{ RETRIEVE, DENY, "retrieve", "deny" },
	{ RETRIEVE, ALLOW, "retrieve", "allow" },
	{ EXPIRE, DENY, "expire", "keep" },
	{ EXPIRE, HIDE, "expire", "hide" },
	{ EXPIRE, ARCHIVE, "expire", "archive" },
	{ EXPIRE, ALLOW, "expire", "expunge" },
	{ REMOVE, DENY, "remove", "deny" },
	{ REMOVE, ALLOW, "remove", "allow" },
};

START_TEST(test_names)
{
	const struct name_row *row = &name_rows[_i];

	ck_assert_str_eq(policy_question_name(row->question),
			 row->want_question);
	ck_assert_str_eq(policy_action_name(row->question, row->action),
			 row->want_action);
}
END_TEST

START_TEST(test_reason_names)
{
	ck_assert_str_eq(policy_reason_name(ERROR), "error");
	ck_assert_str_eq(policy_reason_name(HOLD), "hold");
	ck_assert_str_eq(policy_reason_name(RETENTION), "min_retention");
	ck_assert_str_eq(policy_reason_name(RULE), "rule");
	ck_assert_str_eq(policy_reason_name(DEFAULT), "default");
}
END_TEST

/* Nothing said is the verdict that keeps the mail. */
START_TEST(test_zero_keeps)
{
	const struct policy_verdict verdict = { 0 };

	ck_assert_int_eq(verdict.action, DENY);
	ck_assert_int_eq(verdict.reason, ERROR);
}
END_TEST

/* deny, then hide, then archive, then allow; two archives keep. */
static const struct combine_row {
	enum policy_action first;
	const char *first_mailbox;
	enum policy_action second;
	const char *second_mailbox;
	enum policy_action want_action;
	const char *want_mailbox;
	enum policy_reason want_reason;
} combine_rows[] = {
	{ DENY, NULL, DENY, NULL, DENY, NULL, RULE },
	{ DENY, NULL, HIDE, NULL, DENY, NULL, RULE },
	{ DENY, NULL, ARCHIVE, "a", DENY, NULL, RULE },
	{ DENY, NULL, ALLOW, NULL, DENY, NULL, RULE },
	{ HIDE, NULL, DENY, NULL, DENY, NULL, RULE },
	{ HIDE, NULL, HIDE, NULL, HIDE, NULL, RULE },
	{ HIDE, NULL, ARCHIVE, "a", HIDE, NULL, RULE },
	{ HIDE, NULL, ALLOW, NULL, HIDE, NULL, RULE },
	{ ARCHIVE, "a", DENY, NULL, DENY, NULL, RULE },
	{ ARCHIVE, "a", HIDE, NULL, HIDE, NULL, RULE },
	{ ARCHIVE, "a", ARCHIVE, "a", ARCHIVE, "a", RULE },
	{ ARCHIVE, "a", ARCHIVE, "b", DENY, NULL, ERROR },
	{ ARCHIVE, "a", ALLOW, NULL, ARCHIVE, "a", RULE },
	{ ALLOW, NULL, DENY, NULL, DENY, NULL, RULE },
	{ ALLOW, NULL, HIDE, NULL, HIDE, NULL, RULE },
	{ ALLOW, NULL, ARCHIVE, "b", ARCHIVE, "b", RULE },
	{ ALLOW, NULL, ALLOW, NULL, ALLOW, NULL, RULE },
};

START_TEST(test_combine)
{
	const struct combine_row *row = &combine_rows[_i];
	const struct policy_verdict first = {
		.action = row->first, .mailbox = row->first_mailbox,
		.reason = RULE, .line = 1,
	};
	const struct policy_verdict second = {
		.action = row->second, .mailbox = row->second_mailbox,
		.reason = RULE, .line = 2,
	};
	struct policy_verdict verdict;

	policy_verdict_combine(&first, &second, &verdict);
	ck_assert_int_eq(verdict.action, row->want_action);
	ck_assert_int_eq(verdict.reason, row->want_reason);
	ck_assert_pstr_eq(verdict.mailbox, row->want_mailbox);
	ck_assert_uint_eq(verdict.line, row->first < row->second ? 1 : 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("policy-decide");
	TCase *tcase = tcase_create("policy-decide");

	tcase_add_loop_test(tcase, test_decide, 0, N_ROWS(decide_rows));
	tcase_add_loop_test(tcase, test_report, 0, N_ROWS(report_rows));
	tcase_add_loop_test(tcase, test_script, 0, N_ROWS(script_rows));
	tcase_add_loop_test(tcase, test_names, 0, N_ROWS(name_rows));
	tcase_add_test(tcase, test_reason_names);
	tcase_add_test(tcase, test_zero_keeps);
	tcase_add_loop_test(tcase, test_combine, 0, N_ROWS(combine_rows));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
