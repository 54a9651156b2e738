/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "reported-errors.h"
#include "suite.h"

#define TEXT(text) text, sizeof(text) - 1

/* What a policy says, as far as it is not the default: "key=value@LINE" each
   followed by a blank; rules as "key[LINE:action 'text' query]". */
static void policy_text(const struct policy *policy, char *text)
{
	static const enum policy_question questions[] = {
		POLICY_QUESTION_DELETE, POLICY_QUESTION_RETRIEVE,
		POLICY_QUESTION_EXPIRE
	};
	const struct policy_rules *const rules[] = {
		&policy->delete_rules, &policy->retrieve_rules,
		&policy->expire_rules
	};
	const struct policy_rule *rule;
	size_t i, j;

	*text = '\0';
	ck_assert_str_eq(policy->file, TEST_FILE_NAME);
	if (policy->hold != NULL) {
		ck_assert_str_eq(policy->hold_file, TEST_FILE_NAME);
		text += sprintf(text, "hold=%s@%u ", policy->hold->text,
				policy->hold_line);
	}
	if (policy->show != NULL) {
		text += sprintf(text, "show=%s@%u ", policy->show->text,
				policy->show_line);
	}
	if (policy->min_retention_line > 0) {
		text += sprintf(text, "min=%lld@%u ",
				(long long)policy->min_retention_secs,
				policy->min_retention_line);
	}
	if (policy->age_from == POLICY_AGE_FROM_RECEIVED)
		text += sprintf(text, "age=received ");
	if (policy->protected_delete == POLICY_ACTION_DENY)
		text += sprintf(text, "protected=deny ");
	for (i = 0; i < 3; i++) {
		for (j = 0; j < rules[i]->count; j++) {
			rule = &rules[i]->rules[j];
			ck_assert_str_eq(rule->file, TEST_FILE_NAME);
			text += sprintf(text, "%s[%u:%s ",
				policy_question_name(questions[i]), rule->line,
				policy_action_name(questions[i],
						   rule->action));
			if (rule->text != NULL)
				text += sprintf(text, "'%s' ", rule->text);
			if (rule->mailbox != NULL)
				text += sprintf(text, "<%s> ", rule->mailbox);
			text += sprintf(text, "%s] ", rule->query.text);
		}
	}
	if (policy->expire_interval_secs != 24 * 60 * 60) {
		text += sprintf(text, "interval=%lld ",
				(long long)policy->expire_interval_secs);
	}
	if (policy->expire_max != 10000)
		text += sprintf(text, "max=%u ", policy->expire_max);
	if (policy->uidl != POLICY_UIDL_DOVECOT) {
		text += sprintf(text, "uidl=keyed%s ",
				policy->uidl == POLICY_UIDL_KEYED ? "" :
				policy->uidl == POLICY_UIDL_KEYED_GUID ?
				":guid" : ":content");
	}
	if (policy->uidl_storm != POLICY_UIDL_STORM_REFUSE) {
		text += sprintf(text, "storm=%s ",
				policy->uidl_storm == POLICY_UIDL_STORM_WARN ?
				"warn" : "allow");
	}
	if (policy->uidl_storm_percent != 10) {
		text += sprintf(text, "limit=%u%% ",
				policy->uidl_storm_percent);
	}
	if (policy->login_delay_secs != 0) {
		text += sprintf(text, "login_delay=%u ",
				policy->login_delay_secs);
	}
	if (policy->login_delay_failure == POLICY_LOGIN_DELAY_REFUSE)
		text += sprintf(text, "login_delay_failure=refuse ");
	if (policy->mode == POLICY_MODE_REPORT)
		text += sprintf(text, "report ");
	if (policy->journal != POLICY_JOURNAL_POP3) {
		text += sprintf(text, "journal=%s ",
				policy->journal == POLICY_JOURNAL_ALL ?
				"all" : "off");
	}
	if (policy->journal_required)
		text += sprintf(text, "required ");
	if (policy->journal_retention_secs != 366 * 24 * 60 * 60) {
		text += sprintf(text, "retention=%lld ",
				(long long)policy->journal_retention_secs);
	}
	if (policy->script != NULL) {
		text += sprintf(text, "script=%s@%u ", policy->script,
				policy->script_line);
	}
	if (policy->script_limits.memory_bytes != 16 * 1024 * 1024) {
		text += sprintf(text, "memory=%llu ", (unsigned long long)
				policy->script_limits.memory_bytes);
	}
	if (policy->script_limits.instructions != 2000000) {
		text += sprintf(text, "instructions=%llu ",
				(unsigned long long)
				policy->script_limits.instructions);
	}
	if (policy->script_limits.time_msecs != 100) {
		text += sprintf(text, "time=%u ",
				policy->script_limits.time_msecs);
	}
}

/* Sections that load. */
static const struct load_row {
	const char *title;
	const char *data;
	size_t size;
	const char *section;
	const char *want;
} load_rows[] = {
	{ "nothing is set", TEXT("[default]\n"), "default", "" },
	{ "every key", TEXT("[default]\n"
	  "hold = all\nmin_retention = 90d\nage_from = received\n"
	  "protected_delete = deny\ndelete = hide all\n"
	  "retrieve = deny retrieved\nexpire = expunge hidden\n"
	  "expire_interval = 2w\nexpire_max = 5\nshow = seen\n"),
	  "default", "hold=all@2 show=seen@11 min=7776000@3 age=received "
	  "protected=deny delete[6:hide all] retrieve[7:deny retrieved] "
	  "expire[8:expunge hidden] interval=1209600 max=5 " },
	{ "a script", TEXT("[default]\nscript = my policy.lua\n"), "default",
	  "script=my policy.lua@2 " },
	{ "a script and what it may use", TEXT("[default]\n"
	  "script = lua/a.lua\nscript_memory = 1M\n"
	  "script_instructions = 500k\nscript_time = 2s\n"), "default",
	  "script=lua/a.lua@2 memory=1048576 instructions=500000 time=2000 " },
	{ "the least of everything", TEXT("[default]\nscript_memory = 256k\n"
	  "script_instructions = 1000\nscript_time = 1ms\n"), "default",
	  "memory=262144 instructions=1000 time=1 " },
	{ "the most of everything", TEXT("[default]\nscript_memory = 128M\n"
	  "script_instructions = 1000M\nscript_time = 1m\n"), "default",
	  "memory=134217728 instructions=1000000000 time=60000 " },
	{ "back to the defaults", TEXT("[policy a]\nscript = a.lua\n"
	  "script_memory = 1M\nscript_instructions = 5k\n"
	  "script_time = 5ms\n[user b]\ninherit = a\nscript = none\n"
	  "script_memory = none\nscript_instructions = none\n"
	  "script_time = none\n"), "user b", "" },
	{ "the other words", TEXT("[default]\n"
	  "age_from = saved\nprotected_delete = hide\ndelete = allow all\n"
	  "\tdeny all\nretrieve = allow all\nexpire = keep all\n"
	  "\thide all\n"),
	  "default", "delete[4:allow all] delete[5:deny all] "
	  "retrieve[6:allow all] expire[7:keep all] expire[8:hide all] " },
	{ "no blanks around =", TEXT("[default]\nhold=all"), "default",
	  "hold=all@2 " },
	{ "many blanks around =", TEXT("[default]\nhold \t=  all \t\n"),
	  "default", "hold=all@2 " },
	{ "= in a value", TEXT("[default]\nhold = subject a=b\n"), "default",
	  "hold=subject a=b@2 " },
	{ "CRLF", TEXT("[default]\r\nhold = all\r\n\r\ndelete = hide all\r\n"
	  "\tallow seen\r\n"),
	  "default", "hold=all@2 delete[4:hide all] delete[5:allow seen] " },
	{ "no final newline, CR at the end of the file",
	  TEXT("[default]\r\nhold = all\r\n"), "default", "hold=all@2 " },

	/* continuation lines */
	{ "rules: one a line", TEXT("[default]\ndelete = hide seen\n"
	  "         allow larger 20M\n\tdeny all\n"),
	  "default", "delete[2:hide seen] delete[3:allow larger 20M] "
	  "delete[4:deny all] " },
	{ "rules begin on the next line", TEXT("[default]\ndelete =\n"
	  " hide all\n"), "default", "delete[3:hide all] " },
	{ "queries: joined by one blank", TEXT("[default]\nhold = seen   or\n"
	  "\t flagged  \n  or draft\n"),
	  "default", "hold=seen   or flagged or draft@2 " },
	{ "a query begins on the next line", TEXT("[default]\nhold =\n"
	  " all\n"), "default", "hold=all@3 " },
	{ "a comment in between ends nothing", TEXT("[default]\n"
	  "delete = hide seen\n# why\n allow all\n"),
	  "default", "delete[2:hide seen] delete[4:allow all] " },
	{ "an empty line in between ends nothing", TEXT("[default]\n"
	  "delete = hide seen\n\n \t \n\n allow all\n"),
	  "default", "delete[2:hide seen] delete[6:allow all] " },
	{ "# within a line is no comment", TEXT("[default]\n"
	  "delete = hide subject #1\n"), "default",
	  "delete[2:hide subject #1] " },
	{ "control characters in comments", TEXT("[default]\n# \x0C\n"
	  "hold = all\n"), "default", "hold=all@3 " },
	{ "UTF-8 in queries and texts", TEXT("[default]\n"
	  "delete = deny:\"nicht l\xC3\xB6schen\" from j\xC3\xBCrgen\n"),
	  "default",
	  "delete[2:deny 'nicht l\xC3\xB6schen' from j\xC3\xBCrgen] " },

	/* archive:MAILBOX */
	{ "archive", TEXT("[default]\ndelete = archive:Old/POP3 seen\n"
	  "expire = archive:\"Old mail/\\\"x\\\"\" all\n"), "default",
	  "delete[2:archive <Old/POP3> seen] "
	  "expire[3:archive <Old mail/\"x\"> all] " },
	{ "archive below the INBOX is another mailbox", TEXT("[default]\n"
	  "delete = archive:INBOX/Old all\n"), "default",
	  "delete[2:archive <INBOX/Old> all] " },

	/* deny:"text" */
	{ "text of a refusal", TEXT("[default]\n"
	  "delete = deny:\"fetch this first\" unretrieved\n"), "default",
	  "delete[2:deny 'fetch this first' unretrieved] " },
	{ "quotes and backslashes in it", TEXT("[default]\n"
	  "retrieve = deny:\"a \\\"b\\\" \\\\ c\" all\n"), "default",
	  "retrieve[2:deny 'a \"b\" \\ c' all] " },
	{ "colons and brackets in it", TEXT("[default]\n"
	  "delete = deny:\"a: (b)\"\tall\n"), "default",
	  "delete[2:deny 'a: (b)' all] " },

	/* times */
	{ "min_retention = 0", TEXT("[default]\nmin_retention = 0\n"),
	  "default", "min=0@2 " },
	{ "min_retention = 1y", TEXT("[default]\nmin_retention = 1y\n"),
	  "default", "min=31622400@2 " },
	{ "mode and journal", TEXT("[default]\nmode = report\n"
	  "journal = all\njournal_required = yes\njournal_retention = 30d\n"),
	  "default", "report journal=all required retention=2592000 " },
	{ "no journal", TEXT("[default]\njournal = off\n"
	  "journal_required = no\nmode = enforce\n"), "default",
	  "journal=off " },
	{ "the journal as it is by default", TEXT("[default]\n"
	  "journal = pop3\njournal_retention = 1y\n"), "default", "" },
	{ "none takes mode and journal away", TEXT("[default]\n"
	  "mode = report\njournal = off\njournal_required = yes\n"
	  "journal_retention = 1d\n[policy a]\ninherit = default\n"
	  "mode = none\njournal = none\njournal_required = none\n"
	  "journal_retention = none\n"), "policy a", "" },
	{ "UIDLs", TEXT("[default]\nuidl = keyed\nuidl_storm = warn\n"
	  "uidl_storm_limit = 0%\n"), "default",
	  "uidl=keyed storm=warn limit=0% " },
	{ "UIDLs by GUID", TEXT("[default]\nuidl = keyed:guid\n"
	  "uidl_storm = allow\nuidl_storm_limit = 100%\n"), "default",
	  "uidl=keyed:guid storm=allow limit=100% " },
	{ "UIDLs by content", TEXT("[default]\nuidl = keyed:content\n"),
	  "default", "uidl=keyed:content " },
	{ "UIDLs as they are by default", TEXT("[default]\nuidl = dovecot\n"
	  "uidl_storm = refuse\nuidl_storm_limit = 10%\n"), "default", "" },
	{ "none takes UIDLs away", TEXT("[default]\nuidl = keyed\n"
	  "uidl_storm = warn\nuidl_storm_limit = 5%\n[policy a]\n"
	  "inherit = default\nuidl = none\nuidl_storm = none\n"
	  "uidl_storm_limit = none\n"), "policy a", "" },
	{ "login_delay", TEXT("[default]\nlogin_delay = 5m\n"
	  "login_delay_failure = refuse\n"), "default",
	  "login_delay=300 login_delay_failure=refuse " },
	{ "the longest login_delay", TEXT("[default]\nlogin_delay = 1w\n"
	  "login_delay_failure = allow\n"), "default", "login_delay=604800 " },
	{ "none takes login_delay away", TEXT("[default]\nlogin_delay = 5m\n"
	  "login_delay_failure = refuse\n[policy a]\ninherit = default\n"
	  "login_delay = none\nlogin_delay_failure = none\n"), "policy a",
	  "" },
	{ "expire_max at its ends", TEXT("[default]\nexpire_max = 4294967295"),
	  "default", "max=4294967295 " },
	{ "expire_max = 1", TEXT("[default]\nexpire_max = 1"), "default",
	  "max=1 " },

	/* none */
	{ "none without anything inherited", TEXT("[default]\nhold = none\n"
	  "delete = none\nmin_retention = none\nexpire_max = none\n"
	  "inherit = none\n"), "default", "" },
	{ "none takes an inherited value away", TEXT("[default]\n"
	  "hold = all\nshow = all\nmin_retention = 1d\nage_from = received\n"
	  "protected_delete = deny\ndelete = hide all\nretrieve = deny all\n"
	  "expire = hide all\nexpire_interval = 2d\nexpire_max = 5\n"
	  "[policy a]\ninherit = default\n"
	  "hold = none\nshow = none\nmin_retention = none\nage_from = none\n"
	  "protected_delete = none\ndelete = none\nretrieve = none\n"
	  "expire = none\nexpire_interval = none\nexpire_max = none\n"),
	  "policy a", "" },

	/* inherit */
	{ "every key that is not given is inherited", TEXT("[default]\n"
	  "hold = all\nmin_retention = 1d\ndelete = hide all\n allow all\n"
	  "[policy a]\ndelete = deny all\ninherit = default\n"),
	  "policy a", "hold=all@2 min=86400@3 delete[7:deny all] " },
	{ "from an heir on", TEXT("[policy c]\ninherit = b\n"
	  "[policy b]\ninherit = a\nexpire_max = 2\n"
	  "[policy a]\nexpire_max = 1\nhold = all\n"),
	  "policy c", "hold=all@8 max=2 " },
	{ "what an heir took away stays away", TEXT("[policy c]\n"
	  "inherit = b\n[policy b]\ninherit = a\nhold = none\n"
	  "[policy a]\nhold = all\n"), "policy c", "" },
	{ "a bare name is a policy", TEXT("[user a]\ninherit = b\n[user b]\n"
	  "hold = seen\n[policy b]\nhold = all\n"), "user a", "hold=all@6 " },
	{ "default is [default]", TEXT("[user a]\ninherit = default\n"
	  "[policy default]\nhold = seen\n[default]\nhold = all\n"),
	  "user a", "hold=all@6 " },
	{ "policy default is not", TEXT("[user a]\ninherit = policy default\n"
	  "[policy default]\nhold = seen\n[default]\nhold = all\n"),
	  "user a", "hold=seen@4 " },
	{ "from a user, spelled out", TEXT("[policy a]\ninherit = user  b c\n"
	  "[user b c]\nhold = all\n"), "policy a", "hold=all@4 " },
	{ "from a domain, in any case", TEXT("[default]\n"
	  "inherit = domain EXAMPLE.org\n[domain example.ORG]\n"
	  "hold = all\n"), "default", "hold=all@4 " },
	{ "siblings do not share", TEXT("[policy a]\nhold = all\n"
	  "[policy b]\n"), "policy b", "" },
	{ "an error elsewhere concerns nobody here", TEXT("[policy a]\n"
	  "bogus\n[policy b]\nhold = all\n"), "policy b", "hold=all@4 " },
	{ "an heir's error does not concern its ancestor", TEXT("[policy a]\n"
	  "hold = all\n[policy b]\ninherit = a\nbogus = 1\n"), "policy a",
	  "hold=all@2 " },
	{ "a user's section", TEXT("[user a@b.org]\nhold = all"),
	  "user a@b.org", "hold=all@2 " },
};

START_TEST(test_load)
{
	const struct load_row *row = &load_rows[_i];
	struct reported_errors errors = { .count = 0 };
	struct policy_file *file;
	struct policy *policy;
	char text[2000];
	bool guards = true;
	int ret;

	file = policy_file_parse(TEST_FILE_NAME, row->data, row->size,
				 report_error, &errors);
	ck_assert_ptr_nonnull(file);
	ret = policy_load(file, row->section, &policy, &guards, report_error,
			  &errors);
	policy_file_free(&file);
	assert_errors(row->title, &errors, "");
	ck_assert_int_eq(ret, 0);
	/* the file is gone, the policy is not */
	ck_assert_str_eq(policy->section, row->section);
	policy_text(policy, text);
	ck_assert_msg(strcmp(text, row->want) == 0, "%s: %s", row->title,
		      text);
	ck_assert_msg(guards == (policy->show != NULL ||
				 policy->script != NULL ||
				 policy->mechanisms.count > 0 ||
				 policy->login_delay_secs > 0), "%s: guards",
		      row->title);
	ck_assert_uint_ne(policy->expire_fingerprint, 0);
	policy_free(&policy);
	ck_assert_ptr_null(policy);
}
END_TEST

/* Sections that do not load. */
static const struct broken_row {
	const char *title;
	const char *data;
	size_t size;
	const char *section;
	bool want_guards;
	const char *want_errors;
} broken_rows[] = {
	/* keys */
	{ "unknown key", TEXT("[default]\ncolour = red\n"), "default", false,
	  "2:1 unknown key \"colour\"; expected one like" },
	{ "a known key is near", TEXT("[default]\ndelet = all\n"), "default",
	  false, "2:1 unknown key \"delet\"; did you mean delete?" },
	{ "keys are lower case", TEXT("[default]\nHold = all\n"), "default",
	  false, "2:1 did you mean hold?" },
	{ "no =", TEXT("[default]\nhold all\n"), "default", false,
	  "2:1 expected key = value" },
	{ "a rule that is not indented", TEXT("[default]\n"
	  "delete = hide seen\nallow all\n"), "default", false,
	  "3:1 begins with a blank" },
	{ "no key", TEXT("[default]\n= all\n"), "default", false,
	  "2:1 expected a key" },
	{ "key twice", TEXT("[default]\nhold = all\ndelete = hide all\n"
	  "hold = seen\n"), "default", false,
	  "4:1 hold was given on line 2 already" },
	{ "empty value", TEXT("[default]\nhold =\ndelete = hide all\n"),
	  "default", false, "2:7 expected a value for hold, or \"none\"" },
	{ "empty value at the end", TEXT("[default]\ndelete = "), "default",
	  false, "2:10 expected a value for delete" },
	{ "only comments in a value", TEXT("[default]\nhold =\n# all\n\n"),
	  "default", false, "2:7 expected a value" },
	{ "a continued value that takes one line", TEXT("[default]\n"
	  "min_retention = 1d\n 2d\n"), "default", false,
	  "3:2 expected the value of min_retention on one line" },
	{ "the same on the next line", TEXT("[default]\nexpire_max =\n 5\n"),
	  "default", false, "3:2 expected the value of expire_max on one" },
	{ "nothing to continue", TEXT("[default]\n hide all\n allow all\n"),
	  "default", false, "2:2 continues a value, but there is none" },
	{ "an indented key", TEXT("[default]\nhold = all\n"
	  "  delete = hide all\n"), "default", false,
	  "3:3 expected this key at the start of its line" },
	{ "an indented comment", TEXT("[default]\ndelete = hide seen\n"
	  " # why\n allow xx\n"), "default", false,
	  "3:2 comment begins at the start of its line|4:8 unknown search" },
	{ "a comment behind a value", TEXT("[default]\nhold = all # x\n"),
	  "default", false, "2:12 comment begins at the start of its line" },
	{ "a comment as a value", TEXT("[default]\ndelete = # all\n"),
	  "default", false, "2:10 comment begins at the start of its line" },

	/* rules */
	{ "no query", TEXT("[default]\ndelete = allow\n"), "default", false,
	  "2:15 \"allow\" needs a query; write \"all\"" },
	{ "no query behind a text", TEXT("[default]\ndelete = deny:\"x\" \n"),
	  "default", false, "2:18 \"deny\" needs a query" },
	{ "unknown action", TEXT("[default]\ndelete = expunge all\n"),
	  "default", false, "2:10 unknown action \"expunge\"; expected allow, "
	  "deny, deny:\"text\", hide or archive:MAILBOX" },
	{ "unknown action of expire", TEXT("[default]\nexpire = allow all\n"),
	  "default", false, "2:10 unknown action \"allow\"; expected keep, "
	  "hide, archive:MAILBOX or expunge" },
	{ "archive without a mailbox", TEXT("[default]\ndelete = archive all\n"),
	  "default", false, "2:17 expected archive:MAILBOX" },
	{ "archive with an empty mailbox", TEXT("[default]\n"
	  "delete = archive: all\n archive:\"\" all\n"), "default", false,
	  "2:18 expected archive:MAILBOX|3:10 expected a text of 1 to 255" },
	{ "archive without a query", TEXT("[default]\n"
	  "delete = archive:Old\n"), "default", false,
	  "2:21 \"archive\" needs a query" },
	{ "archive in the INBOX", TEXT("[default]\ndelete = archive:InBox all\n"
	  " archive:\"INBOX\" all\n"), "default", false,
	  "2:18 mail can't be archived in the INBOX|3:10 mail can't be" },
	{ "archive in no name", TEXT("[default]\ndelete = archive:/Old all\n"
	  " archive:Old/ all\n archive:a//b all\n archive:a* all\n"),
	  "default", false, "2:18 one \"/\" between|3:10 one \"/\" between|"
	  "4:10 one \"/\" between|5:10 without * and %" },

	{ "hide is none for retrieve", TEXT("[default]\nretrieve = hide all"),
	  "default", false, "2:12 unknown action \"hide\"; expected allow, "
	  "deny or deny:\"text\"" },
	{ "a near action", TEXT("[default]\ndelete = hid all\n"), "default",
	  false, "2:10 did you mean hide?" },
	{ "actions are lower case", TEXT("[default]\ndelete = Hide all\n"),
	  "default", false, "2:10 did you mean hide?" },
	{ "a query alone", TEXT("[default]\ndelete = all\n"), "default",
	  false, "2:10 unknown action \"all\"" },
	{ "none among rules", TEXT("[default]\ndelete = hide seen\n none\n"),
	  "default", false, "3:2 \"none\" stands alone" },
	{ "each bad rule is reported", TEXT("[default]\ndelete = hide xx\n"
	  " allow all\n deny\n foo all\n hide not\n"), "default", false,
	  "2:15 unknown search key|4:6 needs a query|5:2 unknown action|"
	  "6:7 behind this \"not\"" },
	{ "text for an action without", TEXT("[default]\n"
	  "delete = allow:\"x\" all\n hide: all\n"), "default", false,
	  "2:15 allow takes no text|3:6 hide takes no text" },
	{ "text without quotes", TEXT("[default]\ndelete = deny:no all\n"),
	  "default", false, "2:15 the text in quotes" },
	{ "no text", TEXT("[default]\ndelete = deny: all\n"), "default",
	  false, "2:15 the text in quotes" },
	{ "empty text", TEXT("[default]\ndelete = deny:\"\" all\n"),
	  "default", false, "2:15 1 to 400 bytes" },
	{ "unclosed text", TEXT("[default]\ndelete = deny:\"no all\n"),
	  "default", false, "2:15 not closed on its line" },
	{ "unclosed by a backslash", TEXT("[default]\n"
	  "delete = deny:\"no\\\" all\n"), "default", false,
	  "2:15 not closed" },
	{ "other escapes", TEXT("[default]\ndelete = deny:\"a\\r\" all\n"),
	  "default", false, "2:17 after a backslash" },
	{ "a tab in a text", TEXT("[default]\ndelete = deny:\"a\tb\" all\n"),
	  "default", false, "2:17 not a tab" },
	{ "a text that touches the query", TEXT("[default]\n"
	  "delete = deny:\"a\"all\n"), "default", false,
	  "2:18 a blank behind the closing quote" },
	{ "an unquoted condition in a second line", TEXT("[default]\n"
	  "hold = from \"a\n b\"\n"), "default", false,
	  "2:13 not closed on its line" },

	/* queries of several lines have their errors where they are */
	{ "an error on a later line", TEXT("[default]\nhold = seen\n"
	  "\tflagged or\n\tdraft\n"), "default", false,
	  "3:10 expected parentheses" },
	{ "a missing argument at the end", TEXT("[default]\nhold = seen\n"
	  "  from\n"), "default", false, "3:3 FROM needs an argument" },
	{ "a hold that matches nothing by mistake", TEXT("[default]\n"
	  "hold = savedbefore 2\n"), "default", false,
	  "2:20 a time needs a unit" },

	/* values */
	{ "a bare time", TEXT("[default]\nmin_retention = 90\n"), "default",
	  false, "2:17 a time needs a unit" },
	{ "not a time", TEXT("[default]\nmin_retention = 1 d\n"), "default",
	  false, "2:17 one unit" },
	{ "too long a time", TEXT("[default]\nmin_retention = 136y\n"),
	  "default", false, "2:17 too long" },
	{ "expire_interval = 0", TEXT("[default]\nexpire_interval = 0\n"),
	  "default", false, "2:19 a time needs a unit" },
	{ "expire_interval = 0d", TEXT("[default]\nexpire_interval = 0d\n"),
	  "default", false, "2:19 longer than 0" },
	{ "expire_max = 0", TEXT("[default]\nexpire_max = 0\n"), "default",
	  false, "2:14 from 1 to 4294967295" },
	{ "expire_max with unit", TEXT("[default]\nexpire_max = 5k\n"),
	  "default", false, "2:14 from 1 to 4294967295" },
	{ "expire_max too large", TEXT("[default]\nexpire_max = 4294967296"),
	  "default", false, "2:14 from 1 to 4294967295" },
	{ "expire_max far too large", TEXT("[default]\n"
	  "expire_max = 18446744073709551617"), "default", false,
	  "2:14 from 1 to 4294967295" },
	{ "age_from", TEXT("[default]\nage_from = sent\n"), "default", false,
	  "2:12 expected saved or received" },
	{ "protected_delete", TEXT("[default]\nprotected_delete = allow\n"),
	  "default", false, "2:20 expected hide or deny" },
	{ "mode", TEXT("[default]\nmode = test\n"), "default", false,
	  "2:8 expected enforce or report" },
	{ "uidl", TEXT("[default]\nuidl = guid\n"), "default", false,
	  "2:8 " },
	{ "uidl in two words", TEXT("[default]\nuidl = keyed guid\n"),
	  "default", false, "2:8 " },
	{ "login_delay without a unit", TEXT("[default]\n"
	  "login_delay = 300\n"), "default", true, "2:15 a time needs a unit" },
	{ "login_delay too long", TEXT("[default]\nlogin_delay = 8d\n"),
	  "default", true, "2:15 at most 1w" },
	{ "a slip for login_delay", TEXT("[default]\nlogin_dely = 5m\n"),
	  "default", true, "2:1 " },
	{ "login_delay_failure", TEXT("[default]\n"
	  "login_delay_failure = deny\n"), "default", false,
	  "2:23 expected allow or refuse" },
	{ "uidl_storm", TEXT("[default]\nuidl_storm = no\n"), "default",
	  false, "2:14 " },
	{ "uidl_storm_limit without sign", TEXT("[default]\n"
	  "uidl_storm_limit = 10\n"), "default", false, "2:20 " },
	{ "uidl_storm_limit too large", TEXT("[default]\n"
	  "uidl_storm_limit = 101%\n"), "default", false, "2:20 " },
	{ "uidl_storm_limit with a fraction", TEXT("[default]\n"
	  "uidl_storm_limit = 2.5%\n"), "default", false, "2:20 " },
	{ "uidl_storm_limit without number", TEXT("[default]\n"
	  "uidl_storm_limit = %\n"), "default", false, "2:20 " },
	{ "journal", TEXT("[default]\njournal = yes\n"), "default", false,
	  "2:11 expected pop3, all or off" },
	{ "journal_required", TEXT("[default]\njournal_required = true\n"),
	  "default", false, "2:20 expected no or yes" },
	{ "journal_retention without unit", TEXT("[default]\n"
	  "journal_retention = 30\n"), "default", false, "2:21 " },
	{ "journal_retention = 0", TEXT("[default]\n"
	  "journal_retention = 0\n"), "default", false, "2:21 " },

	/* bytes */
	{ "NUL in a section", TEXT("[default]\nhold = a\0ll\nbogus = 1\n"),
	  "default", false, "2:9 NUL byte|3:1 unknown key" },
	{ "NUL in a comment of a section", TEXT("[default]\n# \0\n"),
	  "default", false, "2:3 NUL byte" },
	{ "invalid UTF-8 in a section", TEXT("[default]\n"
	  "delete = hide from \xE4\n allow xx\n"), "default", false,
	  "2:20 not UTF-8" },
	{ "invalid UTF-8 in a rule, the others are still read",
	  TEXT("[default]\ndelete = hide seen\n hide from \xE4\n"
	  " allow xx\n"), "default", false,
	  "3:12 not UTF-8|4:8 unknown search key" },
	{ "half a query is not judged", TEXT("[default]\nhold = seen or\n"
	  " \xFF\n"), "default", false, "3:2 not UTF-8" },
	{ "C1 control character", TEXT("[default]\n"
	  "delete = deny:\"\xC2\x85\" all\n"), "default", false,
	  "2:16 control character" },
	{ "CR within a line", TEXT("[default]\nhold = all\rdelete = x\n"),
	  "default", false, "2:11 control character" },

	/* sections */
	{ "repeated section", TEXT("[policy a]\nhold = all\n[default]\n"
	  "[policy a]\nbogus = 1\n"), "policy a", false,
	  "4:1 section [policy a] is on line 1 already|5:1 unknown key" },
	{ "there three times", TEXT("[default]\n[default]\n[default]\n"),
	  "default", false, "2:1 on line 1 already|3:1 on line 1 already" },
	{ "repeated domain in another case", TEXT("[domain a.org]\n"
	  "[domain A.org]\n"), "domain a.org", false,
	  "2:1 section [domain A.org] is on line 1 already" },
	{ "heirs of a repeated section", TEXT("[policy a]\n[policy a]\n"
	  "[policy b]\ninherit = a\n"), "policy b", false,
	  "2:1 on line 1 already" },
	{ "no such section", TEXT("[default]\n"), "policy x", false,
	  "0:0 no such section" },
	{ "not the name of a section", TEXT("[default]\n"), "x\ny", false,
	  "0:0 no such section" },
	{ "errors outside sections concern everybody", TEXT("[group x]\n"
	  "[default]\nhold = all\n"), "default", false,
	  "1:2 unknown kind" },
	{ "and do not hide those inside", TEXT("[default]\nbogus = 1\n"
	  "[group x]\n"), "default", false,
	  "2:1 unknown key|3:2 unknown kind" },

	/* inherit */
	{ "missing ancestor", TEXT("[user a]\ninherit = gold\n"), "user a",
	  true, "2:11 does not exist (user a -> policy gold)" },
	{ "missing ancestor of an ancestor", TEXT("[user a]\n"
	  "inherit = b\n[policy b]\ninherit = default\n"), "user a", true,
	  "4:11 does not exist (user a -> policy b -> default)" },
	{ "names are exact", TEXT("[user a]\ninherit = Gold\n[policy gold]\n"),
	  "user a", true, "2:11 policy Gold" },
	{ "from itself", TEXT("[policy a]\ninherit = a\n"), "policy a", true,
	  "2:11 inherit from itself; expected another one "
	  "(policy a -> policy a)" },
	{ "from itself by others", TEXT("[policy a]\ninherit = b\n"
	  "[policy b]\ninherit = c\n[policy c]\ninherit = b\n"), "policy a",
	  true, "6:11 (policy a -> policy b -> policy c -> policy b)" },
	{ "two words that name nothing", TEXT("[policy a]\n"
	  "inherit = group b\n"), "policy a", true,
	  "2:11 expected default, the name of a policy" },
	{ "a name for default", TEXT("[policy a]\ninherit = default b\n"),
	  "policy a", true, "2:11 expected default, the name of a policy" },
	{ "three words", TEXT("[policy a]\ninherit = policy b c\n"),
	  "policy a", true, "2:11 expected default, the name of a policy" },
	{ "empty", TEXT("[policy a]\ninherit =\n"), "policy a", true,
	  "2:10 expected a value for inherit" },
	{ "twice", TEXT("[policy a]\ninherit = none\ninherit = none\n"),
	  "policy a", true, "3:1 inherit was given on line 2 already" },
	{ "on the next line", TEXT("[policy a]\ninherit =\n b\n"),
	  "policy a", true, "3:2 on one line" },
	{ "NUL in it", TEXT("[policy a]\ninherit = b\0\n"), "policy a", true,
	  "2:12 NUL byte" },
	{ "an ancestor's error concerns its heirs", TEXT("[user a]\n"
	  "inherit = b\nhold = all\n[policy b]\nhold = xx\n"), "user a",
	  false, "5:8 unknown search key" },
	{ "errors come in the order of the file", TEXT("[policy a]\n"
	  "x1 = 1\n[policy b]\ninherit = a\nx2 = 2\n"), "policy b", false,
	  "2:1 \"x1\"|5:1 \"x2\"" },

	/* scripts */
	{ "script without a name", TEXT("[default]\nscript =\n"), "default",
	  true, "2:9 expected a value for script" },
	{ "script is a folder", TEXT("[default]\nscript = lua/\n"),
	  "default", true, "2:10 not of a folder" },
	{ "script on the next line", TEXT("[default]\nscript =\n a.lua\n"),
	  "default", true, "3:2 on one line" },
	{ "caps that are no numbers", TEXT("[default]\nscript_memory = x\n"
	  "script_instructions = 1.5M\nscript_time = fast\n"), "default",
	  false, "2:17 expected a size|3:23 expected a number|"
	  "4:15 expected a number with a unit" },
	{ "caps that are too small", TEXT("[default]\n"
	  "script_memory = 255k\nscript_instructions = 999\n"
	  "script_time = 0ms\n"), "default", false,
	  "2:17 from 256k to 128M|3:23 from 1k to 1000M|4:15 longer than 0" },
	{ "caps that are too large", TEXT("[default]\n"
	  "script_memory = 129M\nscript_instructions = 1001M\n"
	  "script_time = 61s\n"), "default", false,
	  "2:17 from 256k to 128M|3:23 from 1k to 1000M|4:15 too long" },
	{ "caps that overflow", TEXT("[default]\n"
	  "script_memory = 99999999999999999999G\n"
	  "script_instructions = 99999999999999999999M\n"
	  "script_time = 99999999999999999999s\n"), "default", false,
	  "2:17 too large|3:23 too large|4:15 too long" },
	{ "a time in days", TEXT("[default]\nscript_time = 1d\n"),
	  "default", false, "2:15 ms, s or m" },
	{ "a time without a unit", TEXT("[default]\nscript_time = 100\n"),
	  "default", false, "2:15 a time needs a unit here" },

	/* guards */
	{ "script beside an error", TEXT("[default]\nscript = a.lua\n"
	  "x = 1\n"), "default", true, "3:1 unknown key" },
	{ "script misspelt", TEXT("[default]\nscrpit = a.lua\n"), "default",
	  true, "2:1 did you mean script?" },
	{ "show that does not parse", TEXT("[default]\nshow = xx\n"),
	  "default", true, "2:8 unknown search key" },
	{ "show beside an error", TEXT("[default]\nshow = all\nx = 1\n"),
	  "default", true, "3:1 unknown key" },
	{ "show taken away again, beside an error", TEXT("[default]\n"
	  "show = none\nx = 1\n"), "default", true, "3:1 unknown key" },
	{ "show of an ancestor", TEXT("[default]\nshow = all\n[user a]\n"
	  "inherit = default\nx = 1\n"), "user a", true,
	  "5:1 unknown key" },
	{ "show of somebody else", TEXT("[default]\nshow = all\n[user a]\n"
	  "x = 1\n"), "user a", false, "4:1 unknown key" },
	{ "show misspelt", TEXT("[default]\nshwo = all\n"), "default", true,
	  "2:1 did you mean show?" },
	{ "show without =", TEXT("[default]\nshow all\n"), "default", true,
	  "2:1 expected key = value" },
	{ "show indented", TEXT("[default]\nhold = all\n show = all\n"),
	  "default", true, "3:2 at the start of its line" },
	{ "show in a repeated section", TEXT("[default]\n[default]\n"
	  "show = all\n"), "default", true, "2:1 on line 1 already" },
	{ "a repeated section inherits", TEXT("[default]\n[default]\n"
	  "inherit = none\n"), "default", true, "2:1 on line 1 already" },
	{ "inherit misspelt", TEXT("[default]\ninherits = a\n"), "default",
	  true, "2:1 did you mean inherit?" },
	{ "inherit without =", TEXT("[default]\ninherit a\n"), "default",
	  true, "2:1 expected key = value" },
	{ "show anywhere, an error outside sections", TEXT("[default]\n[x]\n"
	  "show = all\n"), "default", true, "2:2 unknown kind" },
};

START_TEST(test_broken)
{
	const struct broken_row *row = &broken_rows[_i];
	struct reported_errors errors = { .count = 0 };
	struct policy_file *file;
	struct policy *policy;
	bool guards = !row->want_guards;
	int ret;

	file = policy_file_parse(TEST_FILE_NAME, row->data, row->size, NULL,
				 NULL);
	ck_assert_ptr_nonnull(file);
	ret = policy_load(file, row->section, &policy, &guards, report_error,
			  &errors);
	ck_assert_msg(ret == -1, "%s: loaded", row->title);
	ck_assert_ptr_null(policy);
	assert_errors(row->title, &errors, row->want_errors);
	ck_assert_msg(guards == row->want_guards, "%s: guards is %d",
		      row->title, guards);
	/* without anyone to tell */
	ck_assert_int_eq(policy_load(file, row->section, &policy, &guards,
				     NULL, NULL), -1);
	policy_file_free(&file);
}
END_TEST

/* A text of 400 bytes is taken, one of 401 is not. */
START_TEST(test_text_length)
{
	const size_t length = _i == 0 ? 400 : 401;
	struct reported_errors errors = { .count = 0 };
	struct policy_file *file;
	struct policy *policy;
	char data[600], long_text[420];
	bool guards;
	int ret;

	memset(long_text, 'x', length);
	long_text[length] = '\0';
	snprintf(data, sizeof(data), "[default]\ndelete = deny:\"%s\" all\n",
		 long_text);
	file = policy_file_parse(TEST_FILE_NAME, data, strlen(data), NULL,
				 NULL);
	ret = policy_load(file, "default", &policy, &guards, report_error,
			  &errors);
	if (length == 400) {
		assert_errors("400 bytes", &errors, "");
		ck_assert_int_eq(ret, 0);
		ck_assert_str_eq(policy->delete_rules.rules[0].text,
				 long_text);
	} else {
		ck_assert_int_eq(ret, -1);
		assert_errors("401 bytes", &errors, "2:15 1 to 400 bytes");
	}
	policy_free(&policy);
	policy_file_free(&file);
}
END_TEST

/* Words know where they stand, whatever line that is. */
START_TEST(test_word_places)
{
	static const char data[] = "[default]\r\nhold = seen\r\n# x\r\n\r\n"
		"\t ( from \"a b\"\r\n  or text c )\r\n";
	static const struct {
		const char *text;
		unsigned int line, column;
	} want[] = {
		{ "SEEN", 2, 8 }, { "(", 5, 3 }, { "FROM", 5, 5 },
		{ "a b", 5, 10 }, { "OR", 6, 3 }, { "TEXT", 6, 6 },
		{ "c", 6, 11 }, { ")", 6, 13 }
	};
	struct policy_file *file;
	struct policy *policy;
	bool guards;
	size_t i;

	file = policy_file_parse(TEST_FILE_NAME, data, strlen(data), NULL,
				 NULL);
	ck_assert_int_eq(policy_load(file, "default", &policy, &guards, NULL,
				     NULL), 0);
	policy_file_free(&file);
	ck_assert_str_eq(policy->hold->text,
			 "seen ( from \"a b\" or text c )");
	ck_assert_uint_eq(policy->hold->line, 2);
	ck_assert_uint_eq(policy->hold->column, 8);
	ck_assert_uint_eq(policy->hold->words_count, 8);
	for (i = 0; i < 8; i++) {
		const struct policy_query_word *word = &policy->hold->words[i];

		ck_assert_str_eq(word->text, want[i].text);
		ck_assert_uint_eq(word->line, want[i].line);
		ck_assert_uint_eq(word->column, want[i].column);
	}
	policy_free(&policy);
}
END_TEST

/* 64 sections may inherit from each other, no more. */
START_TEST(test_long_chain)
{
	struct reported_errors errors = { .count = 0 };
	struct policy_file *file;
	struct policy *policy;
	char data[4000], *p = data;
	unsigned int i;
	bool guards;

	for (i = 0; i < 65; i++) {
		p += sprintf(p, "[policy p%u]\ninherit = %s%.0u\n", i,
			     i == 64 ? "none" : "p", i == 64 ? 0 : i + 1);
	}
	file = policy_file_parse(TEST_FILE_NAME, data, strlen(data), NULL,
				 NULL);
	ck_assert_int_eq(policy_load(file, "policy p1", &policy, &guards,
				     report_error, &errors), 0);
	policy_free(&policy);
	ck_assert_int_eq(policy_load(file, "policy p0", &policy, &guards,
				     report_error, &errors), -1);
	assert_errors("65 sections", &errors,
		      "128:11 at most 64 sections");
	ck_assert(guards);
	policy_file_free(&file);
}
END_TEST

/* A check of the whole file tells each error once, in order. */
static const struct check_row {
	const char *title;
	const char *data;
	const char *want_errors;
} check_rows[] = {
	{ "empty", "", "" },
	{ "fine", "[default]\nhold = all\n[user a]\ninherit = default\n",
	  "" },
	{ "an ancestor's error, not once an heir",
	  "[user a]\ninherit = default\n[user b]\ninherit = default\n"
	  "[default]\nx = 1\n[user c]\ny = 1\n",
	  "6:1 \"x\"|8:1 \"y\"" },
	{ "outside and inside", "x\n[default]\ny = 1\n[z]\n",
	  "1:1 section header|3:1 \"y\"|4:2 \"z\"" },
	{ "a missing ancestor, not once an heir",
	  "[user a]\ninherit = p\n[policy p]\ninherit = q\n",
	  "4:11 does not exist" },
	{ "every section of a circle",
	  "[policy a]\ninherit = b\n[policy b]\ninherit = a\n",
	  "2:11 itself|4:11 itself" },
	{ "repeated sections", "[user a]\n[user a]\nx = 1\n[user b]\n"
	  "inherit = user a\n", "2:1 on line 1 already|3:1 \"x\"" },
};

START_TEST(test_check)
{
	const struct check_row *row = &check_rows[_i];
	struct reported_errors errors = { .count = 0 };
	struct policy_file *file;
	size_t count;

	file = policy_file_parse(TEST_FILE_NAME, row->data, strlen(row->data),
				 NULL, NULL);
	count = policy_file_check(file, report_error, &errors);
	assert_errors(row->title, &errors, row->want_errors);
	ck_assert_uint_eq(count, errors.count);
	ck_assert_uint_eq(policy_file_check(file, NULL, NULL), count);
	policy_file_free(&file);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("policy-load");
	TCase *tcase = tcase_create("policy-load");

	tcase_add_loop_test(tcase, test_load, 0, N_ROWS(load_rows));
	tcase_add_loop_test(tcase, test_broken, 0, N_ROWS(broken_rows));
	tcase_add_loop_test(tcase, test_text_length, 0, 2);
	tcase_add_test(tcase, test_word_places);
	tcase_add_test(tcase, test_long_chain);
	tcase_add_loop_test(tcase, test_check, 0, N_ROWS(check_rows));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
