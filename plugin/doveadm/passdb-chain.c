/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "array.h"
#include "str.h"
#include "passdb-chain.h"

struct chain_passdb {
	/* "passdb users", or "passdb 2 (passwd-file)" where it has no name */
	const char *title;
	const char *driver;
	/* "" = all */
	const char *mechanisms;
	const char *result_success, *result_failure, *result_internalfail;
	const char *skip;
	bool deny, master;
};

struct chain {
	ARRAY(struct chain_passdb) passdbs;
	const char *mechanisms;
	void (*report)(void *context, const char *text);
	void *context;
};

/*
 * Reading
 */

static void
chain_begin_passdb(struct chain *chain, const char *name)
{
	struct chain_passdb *passdb = array_append_space(&chain->passdbs);

	/* what is not printed has its default */
	passdb->title = name[0] == '\0' ? NULL :
		t_strconcat("passdb ", name, NULL);
	passdb->driver = name;
	passdb->mechanisms = "";
	passdb->result_success = "return-ok";
	passdb->result_failure = "continue";
	passdb->result_internalfail = "continue";
	passdb->skip = "never";
}

static void
chain_set(struct chain *chain, const char *key, const char *value)
{
	struct chain_passdb *passdb = array_back_modifiable(&chain->passdbs);

	if (strcmp(key, "driver") == 0)
		passdb->driver = value;
	else if (strcmp(key, "mechanisms") == 0 ||
		 strcmp(key, "mechanisms_filter") == 0)
		passdb->mechanisms = value;
	else if (strcmp(key, "result_success") == 0)
		passdb->result_success = value;
	else if (strcmp(key, "result_failure") == 0)
		passdb->result_failure = value;
	else if (strcmp(key, "result_internalfail") == 0)
		passdb->result_internalfail = value;
	else if (strcmp(key, "skip") == 0)
		passdb->skip = value;
	else if (strcmp(key, "deny") == 0)
		passdb->deny = strcmp(value, "yes") == 0;
	else if (strcmp(key, "master") == 0)
		passdb->master = strcmp(value, "yes") == 0;
}

static void chain_parse(struct chain *chain, const char *text)
{
	const char *const *lines = t_strsplit(text, "\n");
	const char *line, *key, *value;
	unsigned int depth = 0;

	for (; *lines != NULL; lines++) {
		line = t_str_trim(*lines, " \t");
		value = strstr(line, " = ");
		key = value == NULL ? line : t_strdup_until(line, value);
		value = value == NULL ? "" : t_str_trim(value + 3, " \t");
		if (strcmp(line, "}") == 0) {
			if (depth > 0)
				depth--;
		} else if (line[0] != '\0' && line[strlen(line) - 1] == '{') {
			if (depth++ == 0 && strncmp(line, "passdb ", 7) == 0) {
				line = t_strndup(line + 7, strlen(line) - 8);
				chain_begin_passdb(chain,
						   t_str_trim(line, " "));
			}
		} else if (depth == 0 && strcmp(key, "auth_mechanisms") == 0) {
			chain->mechanisms = value;
		} else if (depth == 1 && array_not_empty(&chain->passdbs)) {
			chain_set(chain, key, value);
		}
	}
}

/*
 * Checking
 */

static bool has_mechanism(const char *mechanisms, const char *name)
{
	return str_array_icase_find(t_strsplit_spaces(mechanisms, " ,"), name);
}

static bool is_ours(const struct chain_passdb *passdb)
{
	return strcmp(passdb->driver, "pop3_policy") == 0;
}

static bool
is_asked(const struct chain_passdb *passdb, const char *mechanism)
{
	return passdb->mechanisms[0] == '\0' ||
		has_mechanism(passdb->mechanisms, mechanism);
}

static bool sees_apop(const struct chain *chain,
		      const struct chain_passdb *passdb)
{
	return has_mechanism(chain->mechanisms, "apop") &&
		is_asked(passdb, "apop");
}

static void
chain_report(struct chain *chain, const struct chain_passdb *passdb,
	     const char *text)
{
	chain->report(chain->context, t_strconcat(passdb->title, ": ", text,
						  NULL));
}

/* One before pop3_policy. */
static void
chain_check_before(struct chain *chain, const struct chain_passdb *passdb,
		   bool ours_is_last)
{
	if (passdb->deny || passdb->master)
		return;
	if (sees_apop(chain, passdb)) {
		chain_report(chain, passdb, "it answers APOP before "
			     "pop3_policy does and takes its passwords for "
			     "secrets; put pop3_policy first, or name all of "
			     "its mechanisms but APOP");
	}
	if (ours_is_last &&
	    (strcmp(passdb->result_failure, "return-fail") != 0 ||
	     strcmp(passdb->result_internalfail, "return-fail") != 0)) {
		chain_report(chain, passdb, "what it refuses goes on to "
			     "pop3_policy, which verifies no password; "
			     "expected result_failure = return-fail and "
			     "result_internalfail = return-fail");
	}
}

/* Does a passdb that verifies passwords come before pop3_policy, and go on to
   it with those that are right? */
static bool
has_verifier_before(const struct chain_passdb *passdbs, unsigned int ours)
{
	unsigned int i;

	for (i = 0; i < ours; i++) {
		if (!passdbs[i].deny && !passdbs[i].master &&
		    !is_ours(&passdbs[i]))
			return strncmp(passdbs[i].result_success, "continue",
				       8) == 0;
	}
	return FALSE;
}

static enum passdb_chain_logins chain_check(struct chain *chain)
{
	struct chain_passdb *passdb, *passdbs;
	unsigned int i, count, ours = UINT_MAX, last_ours = UINT_MAX;

	passdbs = array_get_modifiable(&chain->passdbs, &count);
	for (i = 0; i < count; i++) {
		passdb = &passdbs[i];
		if (passdb->title == NULL) {
			passdb->title = t_strdup_printf("passdb %u (%s)",
							i + 1, passdb->driver);
		}
		if (!is_ours(passdb))
			continue;
		if (ours == UINT_MAX)
			ours = i;
		last_ours = i;
	}
	if (ours == UINT_MAX)
		return PASSDB_CHAIN_LOGINS_NONE;
	for (i = 0; i < ours; i++)
		chain_check_before(chain, &passdbs[i], ours + 1 == count);
	for (i = ours; i < count; i++) {
		passdb = &passdbs[i];
		if (is_ours(passdb) &&
		    (strcmp(passdb->result_success, "return-ok") != 0 ||
		     strcmp(passdb->result_failure, "continue") != 0)) {
			chain_report(chain, passdb, "expected result_success "
				     "= return-ok and result_failure = "
				     "continue, the defaults");
		}
		if (is_ours(passdb) && strcmp(passdb->skip, "never") != 0) {
			chain_report(chain, passdb, "with this skip it sees "
				     "only some of the logins; expected skip "
				     "= never, the default");
		}
	}
	return has_verifier_before(passdbs, last_ours) ?
		PASSDB_CHAIN_LOGINS_ALL : PASSDB_CHAIN_LOGINS_APOP;
}

/* Does pop3_policy come to know that the secret was right? Of most mechanisms
   it is asked for credentials, before anybody has proved that he knows
   them. */
static bool
is_seen(const struct chain *chain, const char *mechanism,
	bool tokens_come_verified)
{
	const struct chain_passdb *passdb;
	bool verified = FALSE, token;

	token = strcasecmp(mechanism, "xoauth2") == 0 ||
		strcasecmp(mechanism, "oauthbearer") == 0;
	if (token)
		verified = tokens_come_verified;
	else if (strcasecmp(mechanism, "external") != 0)
		return FALSE;
	array_foreach(&chain->passdbs, passdb) {
		if (passdb->deny || passdb->master ||
		    !is_asked(passdb, mechanism))
			continue;
		if (is_ours(passdb)) {
			if (verified)
				return TRUE;
		} else if (strncmp(passdb->result_success, "continue",
				   8) == 0) {
			verified = TRUE;
		} else {
			return FALSE;
		}
	}
	return FALSE;
}

static const char *const *
chain_find_unseen(const struct chain *chain, bool tokens_come_verified)
{
	static const char *const counted[] = {
		"plain", "login", "apop", NULL
	};
	const char *const *names = t_strsplit_spaces(chain->mechanisms, " ,");
	ARRAY_TYPE(const_string) unseen;
	const char *name;

	t_array_init(&unseen, 4);
	for (; *names != NULL; names++) {
		if (str_array_icase_find(counted, *names) ||
		    is_seen(chain, *names, tokens_come_verified))
			continue;
		name = t_str_ucase(*names);
		array_push_back(&unseen, &name);
	}
	array_append_zero(&unseen);
	return array_front(&unseen);
}

enum passdb_chain_logins
passdb_chain_check(const char *text, bool tokens_come_verified,
		   void (*report)(void *context, const char *text),
		   void *context, const char *const **unseen_mechanisms_r)
{
	struct chain chain = {
		.mechanisms = "",
		.report = report,
		.context = context,
	};

	t_array_init(&chain.passdbs, 4);
	chain_parse(&chain, text);
	*unseen_mechanisms_r = chain_find_unseen(&chain, tokens_come_verified);
	return chain_check(&chain);
}
