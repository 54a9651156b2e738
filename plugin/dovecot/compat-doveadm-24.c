/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "iostream-ssl.h"
#include "mail-user.h"
#include "master-service.h"
#include "compat-doveadm.h"
#include "settings-24.h"

int doveadm_pop3_compat_settings(pool_t pool,
				 struct pop3_policy_settings *set_r,
				 const char **error_r)
{
	return pop3_policy_settings_24_get(
		master_service_get_event(master_service), pool, set_r, error_r);
}

bool doveadm_pop3_compat_verifies_tokens(void)
{
	return TRUE;
}

static void compat_init(struct doveadm_mail_cmd_context *ctx)
{
	struct doveadm_pop3_mail_cmd *cmd =
		container_of(ctx, struct doveadm_pop3_mail_cmd, ctx);

	cmd->init(cmd);
}

void doveadm_pop3_compat_set_init(struct doveadm_pop3_mail_cmd *cmd)
{
	cmd->ctx.v.init = compat_init;
}

int doveadm_pop3_compat_start_tls(struct mail_user *user, const char *host,
				  struct istream **input,
				  struct ostream **output,
				  struct ssl_iostream **ssl_r,
				  const char **error_r)
{
	const struct ssl_iostream_client_autocreate_parameters parameters = {
		.event_parent = user->event,
		.host = host,
		.application_protocols = (const char *const[]) {
			"pop3", NULL
		},
	};

	return io_stream_autocreate_ssl_client(&parameters, input, output,
					       ssl_r, error_r);
}
