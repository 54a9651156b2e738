/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* doveadm pop3 apop: the secrets that APOP is checked against. */

#include "lib.h"
#include "doveadm.h"
#include "doveadm-print.h"
#include "policy-cache.h"
#include "policy-value.h"
#include "pop3-policy/secret.h"
#include "compat-doveadm.h"
#include "doveadm-pop3-policy.h"

#include <time.h>

#include <openssl/crypto.h>

struct apop_cmd {
	/* NULL: all users */
	const char *user;
	const char *name;
	/* 0: not given */
	int64_t lifetime_secs;
	/* The policy has the paths of the store. */
	struct policy *policy;
	struct secret_store store;
};

static void apop_error(int exit_code, const char *error)
{
	i_error("%s", error);
	doveadm_exit_code = exit_code;
}

static int apop_open_store(struct apop_cmd *cmd, const char *path)
{
	struct policy_first_error first = { NULL };
	const char *section, *file_error, *error;
	const struct policy_file *file;
	bool guards;

	if (policy_cache_load(path, &file, &file_error, &error) <= 0) {
		apop_error(EX_NOINPUT, error);
		return -1;
	}
	/* as the auth process finds it */
	if (policy_file_select(file, NULL, cmd->user == NULL ? "" : cmd->user,
			       NULL, &section) <= 0) {
		apop_error(EX_CONFIG, t_strdup_printf(
			"%s: no section is %s's", path,
			cmd->user == NULL ? "everybody" : cmd->user));
		return -1;
	}
	if (policy_load(file, section, &cmd->policy, &guards,
			policy_first_error_report, &first) < 0) {
		apop_error(EX_CONFIG, first.text);
		return -1;
	}
	cmd->store.secrets = cmd->policy->apop_secrets;
	cmd->store.keys = cmd->policy->apop_keys;
	if (cmd->store.secrets == NULL || cmd->store.keys == NULL) {
		apop_error(EX_CONFIG, t_strdup_printf(
			"%s: [%s] has no %s", path, section,
			cmd->store.secrets == NULL ? "apop_secrets" :
			"apop_keys"));
		return -1;
	}
	return 0;
}

/* Returns 0, or -1 once the error was told. deinit it in both cases. */
static int
apop_init(struct apop_cmd *cmd, struct doveadm_cmd_context *cctx)
{
	struct pop3_policy_settings set;
	const char *path, *lifetime, *error;

	i_zero(cmd);
	(void)doveadm_cmd_param_str(cctx, "user", &cmd->user);
	(void)doveadm_cmd_param_str(cctx, "name", &cmd->name);
	if (doveadm_cmd_param_str(cctx, "expires", &lifetime)) {
		error = policy_value_time(lifetime, strlen(lifetime),
					  &cmd->lifetime_secs);
		if (error != NULL) {
			apop_error(EX_USAGE, t_strdup_printf("-e %s: %s",
							     lifetime, error));
			return -1;
		}
	}
	if (!doveadm_cmd_param_str(cctx, "policy-file", &path)) {
		if (doveadm_pop3_compat_settings(pool_datastack_create(),
						 &set, &error) < 0) {
			apop_error(EX_CONFIG, error);
			return -1;
		}
		path = set.file;
	}
	return apop_open_store(cmd, path);
}

static int apop_init_named(struct apop_cmd *cmd,
			   struct doveadm_cmd_context *cctx)
{
	if (apop_init(cmd, cctx) < 0)
		return -1;
	if (cmd->user == NULL || cmd->name == NULL) {
		apop_error(EX_USAGE, "expected -u USER and NAME, the name of "
			   "a device");
		return -1;
	}
	return 0;
}

static void apop_deinit(struct apop_cmd *cmd)
{
	if (cmd->policy != NULL)
		policy_free(&cmd->policy);
}

static bool
find_info(struct secret_change *change, const struct apop_cmd *cmd,
	  struct secret_info *info_r)
{
	size_t i;

	for (i = 0; secret_change_get(change, i, info_r); i++) {
		if (strcmp(info_r->user, cmd->user) == 0 &&
		    strcmp(info_r->name, cmd->name) == 0)
			return TRUE;
	}
	return FALSE;
}

static void no_such_secret(const struct apop_cmd *cmd)
{
	apop_error(DOVEADM_EX_NOTFOUND, t_strdup_printf(
		"%s has no secret named %s", cmd->user, cmd->name));
}

/* Adds a new secret, commits, and prints it once it is on disk. Frees the
   change. */
static void
apop_add_new(const struct apop_cmd *cmd, struct secret_change **change,
	     int64_t now, int64_t lifetime_secs)
{
	char secret[SECRET_MADE_BYTES + 1];
	struct secret_error error;
	int ret;

	ret = secret_make(secret, &error);
	if (ret == 0) {
		ret = secret_change_add(*change, cmd->user, cmd->name, secret,
					now, lifetime_secs == 0 ? 0 :
					now + lifetime_secs, &error);
	}
	if (ret == 0) {
		secret_change_abort(change);
		apop_error(EX_CANTCREAT, t_strdup_printf(
			"%s has a secret named %s already; rotate it, or "
			"choose another name", cmd->user, cmd->name));
	} else if (ret < 0) {
		secret_change_abort(change);
		apop_error(EX_TEMPFAIL, error.text);
	} else if (secret_change_commit(change, &error) < 0) {
		apop_error(EX_TEMPFAIL, error.text);
	} else {
		doveadm_print(secret);
	}
	OPENSSL_cleanse(secret, sizeof(secret));
}

static void print_init_text(void)
{
	doveadm_print_init(DOVEADM_PRINT_TYPE_FLOW);
	doveadm_print_header("secret", "secret",
			     DOVEADM_PRINT_HEADER_FLAG_HIDE_TITLE);
}

static void cmd_pop3_apop_add(struct doveadm_cmd_context *cctx)
{
	struct secret_change *change;
	struct secret_error error;
	struct apop_cmd cmd;

	print_init_text();
	if (apop_init_named(&cmd, cctx) < 0)
		;
	else if (secret_change_begin(&cmd.store, &change, &error) < 0)
		apop_error(EX_TEMPFAIL, error.text);
	else {
		apop_add_new(&cmd, &change, time(NULL),
			     cmd.lifetime_secs);
	}
	apop_deinit(&cmd);
}

static const char *time_text(int64_t time)
{
	return time == 0 ? "-" : unixdate2str(time);
}

static void cmd_pop3_apop_list(struct doveadm_cmd_context *cctx)
{
	struct secret_change *change;
	struct secret_error error;
	struct secret_info info;
	struct apop_cmd cmd;
	int64_t used;
	size_t i;

	doveadm_print_init(DOVEADM_PRINT_TYPE_TABLE);
	doveadm_print_header_simple("user");
	doveadm_print_header_simple("name");
	doveadm_print_header_simple("created");
	doveadm_print_header_simple("expires");
	doveadm_print_header_simple("last use");
	doveadm_print_header_simple("key");
	if (apop_init(&cmd, cctx) < 0) {
		apop_deinit(&cmd);
		return;
	}
	if (secret_change_begin_readonly(&cmd.store, &change, &error) < 0) {
		apop_error(EX_TEMPFAIL, error.text);
		apop_deinit(&cmd);
		return;
	}
	for (i = 0; secret_change_get(change, i, &info); i++) {
		if (cmd.user != NULL && strcmp(info.user, cmd.user) != 0)
			continue;
		used = secret_store_last_use(&cmd.store, info.user, info.name);
		doveadm_print(info.user);
		doveadm_print(info.name);
		doveadm_print(time_text(info.created));
		doveadm_print(time_text(info.expires));
		doveadm_print(time_text(used < info.created ? 0 : used));
		doveadm_print(info.key_id);
	}
	secret_change_abort(&change);
	apop_deinit(&cmd);
}

static void cmd_pop3_apop_remove(struct doveadm_cmd_context *cctx)
{
	struct secret_change *change;
	struct secret_error error;
	struct apop_cmd cmd;

	if (apop_init_named(&cmd, cctx) < 0)
		;
	else if (secret_change_begin(&cmd.store, &change, &error) < 0)
		apop_error(EX_TEMPFAIL, error.text);
	else if (!secret_change_remove(change, cmd.user, cmd.name)) {
		secret_change_abort(&change);
		no_such_secret(&cmd);
	} else if (secret_change_commit(&change, &error) < 0)
		apop_error(EX_TEMPFAIL, error.text);
	apop_deinit(&cmd);
}

/* The old secret of the device ends now; its lifetime stays as long. */
static void
rotate_secret(const struct apop_cmd *cmd, struct secret_change **change)
{
	struct secret_info info;
	int64_t lifetime_secs = cmd->lifetime_secs;

	if (!find_info(*change, cmd, &info)) {
		secret_change_abort(change);
		no_such_secret(cmd);
		return;
	}
	if (lifetime_secs == 0 && info.expires != 0)
		lifetime_secs = info.expires - info.created;
	(void)secret_change_remove(*change, cmd->user, cmd->name);
	apop_add_new(cmd, change, time(NULL), lifetime_secs);
}

/* Of the keys, not of the secrets. */
static void
rotate_key(const struct apop_cmd *cmd, struct secret_change **change)
{
	struct secret_error error;
	size_t count;

	if (secret_change_seal_anew(*change, cmd->user, &count, &error) < 0) {
		secret_change_abort(change);
		apop_error(EX_TEMPFAIL, error.text);
	} else if (count == 0) {
		secret_change_abort(change);
		doveadm_print("0 sealed anew");
	} else if (secret_change_commit(change, &error) < 0) {
		apop_error(EX_TEMPFAIL, error.text);
	} else {
		doveadm_print(t_strdup_printf("%zu sealed anew", count));
	}
}

static void cmd_pop3_apop_rotate(struct doveadm_cmd_context *cctx)
{
	struct secret_change *change;
	struct secret_error error;
	struct apop_cmd cmd;
	const char *name;
	int ret;

	print_init_text();
	ret = doveadm_cmd_param_str(cctx, "name", &name) ?
		apop_init_named(&cmd, cctx) : apop_init(&cmd, cctx);
	if (ret < 0)
		;
	else if (secret_change_begin(&cmd.store, &change, &error) < 0)
		apop_error(EX_TEMPFAIL, error.text);
	else if (cmd.name != NULL)
		rotate_secret(&cmd, &change);
	else
		rotate_key(&cmd, &change);
	apop_deinit(&cmd);
}

struct doveadm_cmd_ver2 doveadm_cmd_pop3_apop_add = {
	.name = "pop3 apop add",
	.usage = "-u <user> [-e <lifetime>] [-p <policy file>] <name>",
	.cmd = cmd_pop3_apop_add,
DOVEADM_CMD_PARAMS_START
DOVEADM_CMD_PARAM('u', "user", CMD_PARAM_STR, 0)
DOVEADM_CMD_PARAM('e', "expires", CMD_PARAM_STR, 0)
DOVEADM_CMD_PARAM('p', "policy-file", CMD_PARAM_STR, 0)
DOVEADM_CMD_PARAM('\0', "name", CMD_PARAM_STR, CMD_PARAM_FLAG_POSITIONAL)
DOVEADM_CMD_PARAMS_END
};

struct doveadm_cmd_ver2 doveadm_cmd_pop3_apop_list = {
	.name = "pop3 apop list",
	.usage = "[-u <user>] [-p <policy file>]",
	.cmd = cmd_pop3_apop_list,
DOVEADM_CMD_PARAMS_START
DOVEADM_CMD_PARAM('u', "user", CMD_PARAM_STR, 0)
DOVEADM_CMD_PARAM('p', "policy-file", CMD_PARAM_STR, 0)
DOVEADM_CMD_PARAMS_END
};

struct doveadm_cmd_ver2 doveadm_cmd_pop3_apop_remove = {
	.name = "pop3 apop remove",
	.usage = "-u <user> [-p <policy file>] <name>",
	.cmd = cmd_pop3_apop_remove,
DOVEADM_CMD_PARAMS_START
DOVEADM_CMD_PARAM('u', "user", CMD_PARAM_STR, 0)
DOVEADM_CMD_PARAM('p', "policy-file", CMD_PARAM_STR, 0)
DOVEADM_CMD_PARAM('\0', "name", CMD_PARAM_STR, CMD_PARAM_FLAG_POSITIONAL)
DOVEADM_CMD_PARAMS_END
};

struct doveadm_cmd_ver2 doveadm_cmd_pop3_apop_rotate = {
	.name = "pop3 apop rotate",
	.usage = "[-u <user>] [-e <lifetime>] [-p <policy file>] [<name>]",
	.cmd = cmd_pop3_apop_rotate,
DOVEADM_CMD_PARAMS_START
DOVEADM_CMD_PARAM('u', "user", CMD_PARAM_STR, 0)
DOVEADM_CMD_PARAM('e', "expires", CMD_PARAM_STR, 0)
DOVEADM_CMD_PARAM('p', "policy-file", CMD_PARAM_STR, 0)
DOVEADM_CMD_PARAM('\0', "name", CMD_PARAM_STR, CMD_PARAM_FLAG_POSITIONAL)
DOVEADM_CMD_PARAMS_END
};
