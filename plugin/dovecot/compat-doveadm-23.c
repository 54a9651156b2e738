/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "iostream-ssl.h"
#include "mail-user.h"
#include "pop3-policy-config.h"
#include "compat-doveadm.h"

static const char *getenv_nonempty(const char *name)
{
	const char *value = doveadm_plugin_getenv(name);

	return value == NULL || value[0] == '\0' ? NULL : value;
}

int doveadm_pop3_compat_settings(pool_t pool,
				 struct pop3_policy_settings *set_r,
				 const char **error_r ATTR_UNUSED)
{
	const char *file = getenv_nonempty("pop3_policy_file");
	const char *section = getenv_nonempty("pop3_policy");
	const char *uidl_key = getenv_nonempty("pop3_policy_uidl_key");

	set_r->file_is_set = file != NULL;
	set_r->file = p_strdup(pool, file != NULL ? file :
			       POP3_POLICY_DEFAULT_FILE);
	set_r->section = p_strdup(pool, section != NULL ? section : "");
	set_r->uidl_key = p_strdup(pool, uidl_key != NULL ? uidl_key : "");
	return 0;
}

bool doveadm_pop3_compat_verifies_tokens(void)
{
	return FALSE;
}

static void compat_init(struct doveadm_mail_cmd_context *ctx,
			const char *const args[] ATTR_UNUSED)
{
	struct doveadm_pop3_mail_cmd *cmd =
		container_of(ctx, struct doveadm_pop3_mail_cmd, ctx);

	cmd->init(cmd);
}

/* Values are asked for by doveadm_cmd_param_...() all the same. */
static bool compat_parse_arg(struct doveadm_mail_cmd_context *ctx, int c)
{
	return strchr(ctx->getopt_args, c) != NULL;
}

void doveadm_pop3_compat_set_init(struct doveadm_pop3_mail_cmd *cmd)
{
	cmd->ctx.v.init = compat_init;
	if (cmd->options != NULL) {
		cmd->ctx.getopt_args = cmd->options;
		cmd->ctx.v.parse_arg = compat_parse_arg;
	}
}

int doveadm_pop3_compat_start_tls(struct mail_user *user, const char *host,
				  struct istream **input,
				  struct ostream **output,
				  struct ssl_iostream **ssl_r,
				  const char **error_r)
{
	struct ssl_iostream_settings set;
	struct ssl_iostream_context *ctx;
	int ret;

	mail_user_init_ssl_client_settings(user, &set);
	set.verbose_invalid_cert = !set.allow_invalid_cert;
	if (ssl_iostream_client_context_cache_get(&set, &ctx, error_r) < 0)
		return -1;
	ret = io_stream_create_ssl_client(ctx, host, &set, input, output,
					  ssl_r, error_r);
	ssl_iostream_context_unref(&ctx);
	return ret;
}
