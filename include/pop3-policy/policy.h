/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_POLICY_H
#define POP3_POLICY_POLICY_H

/*
 * The policy file: an index of its sections, and one section compiled with
 * everything that it inherits. Pure: bytes in, structs out; it opens nothing
 * and knows nothing about Dovecot. Only the section that is asked for (and
 * its ancestors) is parsed. An error inside a section concerns that section
 * and its heirs; one outside sections concerns everybody.
 *
 * Lines: `[default]`, `[policy NAME]`, `[user NAME]`, `[domain NAME]`,
 * `key = value`. A line that begins with a blank or tab continues the value
 * above it; empty lines and lines that begin with `#` may stand between and
 * end nothing. LF or CRLF; a UTF-8 byte order mark is passed over and not
 * counted. Names of policies and domains are one word.
 */

#include "limits.h"
#include "mechanism.h"
#include "query.h"
#include "verdict.h"

struct policy_file;

enum policy_age_from {
	POLICY_AGE_FROM_SAVED = 0,
	POLICY_AGE_FROM_RECEIVED,
};

enum policy_mode {
	POLICY_MODE_ENFORCE = 0,
	/* Rules are decided and recorded, without effect. */
	POLICY_MODE_REPORT,
};

/* What is written to the journal. */
enum policy_journal {
	/* What POP3 sessions and expiry do. */
	POLICY_JOURNAL_POP3 = 0,
	/* What other programs do, too. */
	POLICY_JOURNAL_ALL,
	POLICY_JOURNAL_OFF,
};

/* Where the UIDLs of a session's messages come from; see uidl.h. */
enum policy_uidl {
	/* Dovecot's own settings */
	POLICY_UIDL_DOVECOT = 0,
	POLICY_UIDL_KEYED,
	POLICY_UIDL_KEYED_GUID,
	POLICY_UIDL_KEYED_CONTENT,
};

/* What is done if mail would be shown under other UIDLs than before. */
enum policy_uidl_storm {
	POLICY_UIDL_STORM_REFUSE = 0,
	POLICY_UIDL_STORM_WARN,
	POLICY_UIDL_STORM_ALLOW,
};

/* What a login does if nobody can say when the last one was. */
enum policy_login_delay_failure {
	POLICY_LOGIN_DELAY_ALLOW = 0,
	POLICY_LOGIN_DELAY_REFUSE,
};

struct policy_rule {
	enum policy_action action;
	/* deny:"text", or NULL */
	const char *text;
	/* archive:MAILBOX, or NULL; see struct policy_verdict */
	const char *mailbox;
	struct policy_query query;
	/* Where the rule begins, line counted from 1. */
	const char *file;
	unsigned int line;
};

struct policy_rules {
	const struct policy_rule *rules;
	size_t count;
};

struct policy {
	/* Section as written between the brackets: "policy gold", "default". */
	const char *section;
	/* Name given to policy_file_parse(). */
	const char *file;

	/* NULL = not set */
	const struct policy_query *hold;
	const char *hold_file;
	unsigned int hold_line;
	const struct policy_query *show;
	unsigned int show_line;

	int64_t min_retention_secs;
	unsigned int min_retention_line;
	enum policy_age_from age_from;
	/* What a DELE on held or too young mail does: HIDE (default) or DENY. */
	enum policy_action protected_delete;

	struct policy_rules delete_rules;
	struct policy_rules retrieve_rules;
	struct policy_rules expire_rules;
	int64_t expire_interval_secs;	/* default one day */
	uint32_t expire_max;		/* messages a run, default 10000 */

	/* Name of the Lua file as it is written, NULL = not set. Relative: to
	   the folder of the policy file. */
	const char *script;
	unsigned int script_line;
	struct script_limits script_limits;

	enum policy_uidl uidl;
	enum policy_uidl_storm uidl_storm;
	uint32_t uidl_storm_percent;	/* 0 to 100, default 10 */
	struct policy_mechanisms mechanisms;
	/* From one login to the next, 0 = not set */
	uint32_t login_delay_secs;
	enum policy_login_delay_failure login_delay_failure;
	/* Absolute paths, NULL = not set: there is no APOP. */
	const char *apop_secrets;
	const char *apop_keys;

	/* See struct policy_verdict, without_effect. */
	enum policy_mode mode;

	enum policy_journal journal;
	/* What can't be written to the journal doesn't happen. */
	bool journal_required;
	int64_t journal_retention_secs;	/* default 366 days */

	/* Same value for the same expire rules, hold, min_retention, age_from,
	   name of the script and nothing else; never 0. Changes when any of
	   them does. What is in the script is for the caller to add. */
	uint32_t expire_fingerprint;
};

/* Called once for each error, in the order of the file. text: one line
   without file and position, what was expected included. line and column
   count from 1, the column in bytes; line = 0: the file as a whole. */
typedef void policy_error_func_t(void *context, const char *file,
				 unsigned int line, unsigned int column,
				 const char *text);

/* Index a policy file. name: for messages (its path), copied. data: size
   bytes, any bytes at all, copied. Returns a file even where there are errors
   outside sections; then policy_file_has_error(), each was reported to the
   callback (NULL allowed) and policy_load() fails for every section. NULL only
   if there is no memory. Linear in size; no section is parsed. */
struct policy_file *
policy_file_parse(const char *name, const char *data, size_t size,
		  policy_error_func_t *report, void *context);
void policy_file_free(struct policy_file **file);

/* Errors outside sections? They concern everybody. */
bool policy_file_has_error(const struct policy_file *file);
/* Does any section of the file have a key that guards what may be seen
   (show, script) or who may log in how and how often (mechanisms,
   login_delay), or one that looks like a slip of the pen for it? For use when
   it is unknown which section counts. */
bool policy_file_has_guards(const struct policy_file *file);

/* Which section is this user's: [policy NAME] where name is given and not
   "", else the [user USER+DEVICE] of the device that he logs in with, else
   [user USER], else [domain DOMAIN] (what follows the last '@',
   ASCII case-insensitive), else [default].
   user: never NULL, UTF-8. login: the name as typed, see login.h; NULL where
   nobody logs in. Returns 1 and the section as it stands between
   the brackets (owned by file), 0 if none of them exists, -1 if name is given
   and there is no [policy NAME]. */
int policy_file_select(const struct policy_file *file, const char *name,
		       const char *user, const char *login,
		       const char **section_r);

/* Walk all sections in the order of the file, a section that is there twice
   once: *index starts at 0 and is advanced. Returns NULL after the last. */
const char *policy_file_next_section(const struct policy_file *file,
				     size_t *index);

/* Report every error of the file, outside sections and in each of them, all
   once and in the order of the file. Those that policy_file_parse() reported
   come again. report may be NULL. Returns the number of errors. */
size_t policy_file_check(const struct policy_file *file,
			 policy_error_func_t *report, void *context);

/* Compile one section. section: as policy_file_select() or
   policy_file_next_section() gave it. Returns 0 and a policy that stays valid
   after the file was freed, or -1 after reporting at least one error: those
   outside sections (again), of the section and of its ancestors.
   *has_guards_r says whether policy_has_guards(); if it failed, also whether it
   might have one: an ancestor has it or can't be found, the key is misspelt.
   report may be NULL. */
int policy_load(const struct policy_file *file, const char *section,
		struct policy **policy_r, bool *has_guards_r,
		policy_error_func_t *report, void *context);
void policy_free(struct policy **policy);

/* Has the policy a key that guards what may be seen, or who may log in how and
   how often (show, script, mechanisms, login_delay)? */
bool policy_has_guards(const struct policy *policy);

/* Compile a query that does not stand in a policy file (an argument of
   doveadm). Errors carry line 1. Free with policy_query_free(). Returns 0 or
   -1, then *column_r (from 1) and *error_r (static or owned by the query
   module until the next call) are set. */
int policy_query_parse(const char *text, struct policy_query **query_r,
		       unsigned int *column_r, const char **error_r);
void policy_query_free(struct policy_query **query);

#endif
