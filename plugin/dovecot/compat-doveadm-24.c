/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "settings.h"
#include "master-service.h"
#include "pop3-policy-config.h"
#include "compat-doveadm.h"
#include "settings-24.h"

int doveadm_pop3_compat_settings(pool_t pool,
				 struct pop3_policy_settings *set_r,
				 const char **error_r)
{
	const struct pop3_policy_settings_24 *set;

	if (settings_get(master_service_get_event(master_service),
			 &pop3_policy_setting_parser_info, 0,
			 &set, error_r) < 0)
		return -1;
	set_r->file_is_set = set->pop3_policy_file[0] != '\0';
	set_r->file = p_strdup(pool, set_r->file_is_set ?
			       set->pop3_policy_file : POP3_POLICY_DEFAULT_FILE);
	set_r->section = p_strdup(pool, set->pop3_policy);
	settings_free(set);
	return 0;
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
