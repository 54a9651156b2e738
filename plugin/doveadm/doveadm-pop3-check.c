/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* doveadm pop3 check: is there anything wrong with a policy file? */

#include "lib.h"
#include "hash.h"
#include "doveadm.h"
#include "doveadm-print.h"
#include "policy-cache.h"
#include "policy-script.h"
#include "query.h"
#include "compat-doveadm.h"
#include "doveadm-pop3-policy.h"
#include "pop3-policy/uidl-key.h"
#include "doveconf.h"
#include "login-announcement.h"
#include "passdb-chain.h"

struct check {
	pool_t pool;
	/* What has been printed: an error is met again in each section that
	   inherits it. */
	HASH_TABLE(char *, char *) errors;
	unsigned int sections;
	/* The setting pop3_policy_uidl_key; NULL = not to be checked */
	const char *uidl_key;
	/* UNKNOWN where the chain of passdbs is not to be checked */
	enum passdb_chain_logins logins;
	/* Enabled, but not seen by passdb pop3_policy; NULL = not checked */
	const char *const *unseen_mechanisms;
	/* Empty where Dovecot's configuration is not to be checked */
	struct login_announcement announcement;
};

static void check_print_error(struct check *check, const char *text)
{
	char *error;

	if (hash_table_lookup(check->errors, text) != NULL)
		return;
	error = p_strdup(check->pool, text);
	hash_table_insert(check->errors, error, error);
	doveadm_print(error);
}

static void
check_report(void *context, const char *file, unsigned int line,
	     unsigned int column, const char *text)
{
	struct check *check = context;

	T_BEGIN {
		check_print_error(check, line == 0 ?
			t_strdup_printf("%s: %s", file, text) :
			t_strdup_printf("%s:%u:%u: %s", file, line,
					column, text));
	} T_END;
}

/* The core has checked the grammar; can Dovecot build a search of it too? */
static void
check_query(struct check *check, const char *file,
	    const struct policy_query *query)
{
	const char *error;

	if (query != NULL && query_check(query, &error) < 0)
		check_report(check, file, query->line, query->column, error);
}

static void
check_rules(struct check *check, const struct policy_rules *rules)
{
	size_t i;

	for (i = 0; i < rules->count; i++) {
		check_query(check, rules->rules[i].file,
			    &rules->rules[i].query);
	}
}

/* With the rights of whoever checks: whether the mail user could write the
   script, only his sessions know. Has it a say in what expires? */
static bool check_script(struct check *check, const struct policy *policy)
{
	struct policy_script *script;
	const char *error;
	bool asks_script;

	if (policy->script == NULL)
		return FALSE;
	if (policy_script_init(policy, &script, &error) < 0) {
		check_print_error(check, error);
		return TRUE;
	}
	if (policy_script_begin(script, NULL, NULL, &error) < 0) {
		check_print_error(check, error);
		asks_script = TRUE;
	} else {
		asks_script = policy_script_has_hook(script,
						     SCRIPT_HOOK_EXPIRE);
	}
	policy_script_deinit(&script);
	return asks_script;
}

/* It may be unset here and set for users, or for POP3 only. */
static void check_uidl_key(struct check *check)
{
	struct uidl_key_list keys;
	const char *error;

	if (check->uidl_key == NULL || check->uidl_key[0] == '\0')
		return;
	error = uidl_keys_parse(check->uidl_key, &keys);
	if (error != NULL) {
		check_print_error(check, t_strdup_printf(
			"pop3_policy_uidl_key: %s", error));
	}
}

/* The passdb needs both, or none. */
static void
check_apop(struct check *check, const struct policy *policy)
{
	if ((policy->apop_secrets == NULL) != (policy->apop_keys == NULL)) {
		check_print_error(check, t_strdup_printf(
			"%s: [%s] has one of apop_secrets and apop_keys; "
			"expected both", policy->file, policy->section));
	}
}

static bool
has_mechanism(const struct policy_mechanisms *mechanisms, const char *name)
{
	size_t i;

	for (i = 0; i < mechanisms->count; i++) {
		if (strcmp(mechanisms->list[i].name, name) == 0)
			return TRUE;
	}
	return mechanisms->count == 0;
}

static void
check_login_delay(struct check *check, const struct policy *policy)
{
	const char *const *unseen = check->unseen_mechanisms;

	if (policy->login_delay_secs == 0)
		return;
	switch (check->logins) {
	case PASSDB_CHAIN_LOGINS_NONE:
		check_print_error(check, "login_delay is not enforced: there "
				  "is no passdb pop3_policy");
		break;
	case PASSDB_CHAIN_LOGINS_APOP:
		check_print_error(check, "login_delay is not enforced for "
				  "passwords: passdb pop3_policy has to come "
				  "behind the one that verifies them");
		break;
	case PASSDB_CHAIN_LOGINS_ALL:
	case PASSDB_CHAIN_LOGINS_UNKNOWN:
		break;
	}
	for (; unseen != NULL && *unseen != NULL; unseen++) {
		if (!has_mechanism(&policy->mechanisms, *unseen))
			continue;
		check_print_error(check, t_strdup_printf(
			"%s is refused to everybody who has a login_delay: "
			"passdb pop3_policy does not see whether it succeeded; "
			"leave it out of mechanisms, or of auth_mechanisms",
			*unseen));
	}
}

static void check_report_text(void *context, const char *text)
{
	check_print_error(context, text);
}

static void check_dovecots_configuration(struct check *check)
{
	static const char *const args[] = {
		"passdb", "auth_mechanisms", "import_environment", NULL
	};
	const char *text, *error;

	if (doveconf_read(args, &text, &error) < 0) {
		check_print_error(check, t_strdup_printf(
			"Dovecot's configuration was not checked: %s", error));
		return;
	}
	check->logins = passdb_chain_check(
		text, doveadm_pop3_compat_verifies_tokens(),
		check_report_text, check, &check->unseen_mechanisms);
	login_announcement_read(text, &check->announcement);
}

static void check_file(struct check *check, struct policy_file *file)
{
	struct policy *policy;
	const char *section;
	size_t index = 0;
	bool has_guards, asks_script;

	while ((section = policy_file_next_section(file, &index)) != NULL) {
		check->sections++;
		if (policy_load(file, section, &policy, &has_guards,
				check_report, check) < 0)
			continue;
		check_query(check, policy->hold_file, policy->hold);
		check_query(check, policy->file, policy->show);
		check_rules(check, &policy->delete_rules);
		check_rules(check, &policy->retrieve_rules);
		check_rules(check, &policy->expire_rules);
		asks_script = check_script(check, policy);
		check_apop(check, policy);
		check_login_delay(check, policy);
		T_BEGIN {
			login_announcement_check(&check->announcement, policy,
						 asks_script,
						 check_report_text, check);
		} T_END;
		policy_free(&policy);
	}
}

static int
check_run(struct check *check, const char *path, const char *section_name)
{
	struct policy_file *file;
	const char *section, *error;
	unsigned int errors;

	if (policy_cache_read(path, check_report, check, &file, &error) < 0) {
		check_print_error(check, error);
		return EX_NOINPUT;
	}
	check_file(check, file);
	if (policy_file_select(file, section_name, "", NULL, &section) < 0) {
		check_print_error(check, t_strdup_printf(
			"%s: There is no [policy %s], which the setting "
			"pop3_policy names", path, section_name));
	}
	policy_file_free(&file);
	check_uidl_key(check);

	errors = hash_table_count(check->errors);
	doveadm_print(t_strdup_printf("%s: %u section%s, %s", path,
		check->sections, check->sections == 1 ? "" : "s",
		errors == 0 ? "no errors" :
		errors == 1 ? "1 error" :
		t_strdup_printf("%u errors", errors)));
	return errors == 0 ? EX_OK : EX_CONFIG;
}

static void cmd_pop3_check(struct doveadm_cmd_context *cctx)
{
	struct pop3_policy_settings set;
	struct check check;
	const char *path, *error;
	int ret;

	doveadm_print_init(DOVEADM_PRINT_TYPE_FLOW);
	doveadm_print_header("result", "result",
			     DOVEADM_PRINT_HEADER_FLAG_HIDE_TITLE);

	i_zero(&check);
	check.pool = pool_alloconly_create("pop3 check", 1024);
	hash_table_create(&check.errors, check.pool, 0, str_hash, strcmp);
	if (doveadm_cmd_param_str(cctx, "file", &path)) {
		ret = check_run(&check, path, "");
	} else if (doveadm_pop3_compat_settings(check.pool, &set, &error) < 0) {
		doveadm_print(error);
		ret = EX_CONFIG;
	} else {
		check.uidl_key = set.uidl_key;
		check_dovecots_configuration(&check);
		ret = check_run(&check, set.file, set.section);
	}
	hash_table_destroy(&check.errors);
	pool_unref(&check.pool);

	if (ret != EX_OK)
		doveadm_exit_code = ret;
}

struct doveadm_cmd_ver2 doveadm_cmd_pop3_check = {
	.name = "pop3 check",
	.usage = "[<policy file>]",
	.cmd = cmd_pop3_check,
DOVEADM_CMD_PARAMS_START
DOVEADM_CMD_PARAM('\0', "file", CMD_PARAM_STR, CMD_PARAM_FLAG_POSITIONAL)
DOVEADM_CMD_PARAMS_END
};
