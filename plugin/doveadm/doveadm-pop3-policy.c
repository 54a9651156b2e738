/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "user-policy.h"
#include "doveadm-pop3-policy.h"

const char *doveadm_pop3_policy_plugin_version = DOVECOT_ABI_VERSION;

static struct doveadm_cmd_ver2 *const doveadm_pop3_cmds[] = {
	&doveadm_cmd_pop3_apop_add,
	&doveadm_cmd_pop3_apop_list,
	&doveadm_cmd_pop3_apop_remove,
	&doveadm_cmd_pop3_apop_rotate,
	&doveadm_cmd_pop3_check,
	&doveadm_cmd_pop3_explain,
	&doveadm_cmd_pop3_uidl_accept,
	&doveadm_cmd_pop3_uidl_export,
	&doveadm_cmd_pop3_uidl_import,
	&doveadm_cmd_pop3_uidl_pin,
	&doveadm_cmd_pop3_uidl_unpin,
	&doveadm_cmd_pop3_uidl_verify,
};

void doveadm_pop3_policy_plugin_init(struct module *module ATTR_UNUSED)
{
	unsigned int i;

	for (i = 0; i < N_ELEMENTS(doveadm_pop3_cmds); i++)
		doveadm_cmd_register_ver2(doveadm_pop3_cmds[i]);
}

void doveadm_pop3_policy_plugin_deinit(void)
{
	user_policy_deinit();
}
