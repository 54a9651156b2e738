/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "settings-24.h"

#define DEF(type, name) \
	SETTING_DEFINE_STRUCT_##type(#name, name, struct pop3_policy_settings_24)

static const struct setting_define pop3_policy_setting_defines[] = {
	DEF(STR, pop3_policy_file),
	DEF(STR, pop3_policy),
	DEF(STR, pop3_policy_uidl_key),
	{ .type = SET_FILTER_NAME, .key = "pop3_policy_login_delay",
	  .required_setting = "dict", },
	{ .type = SET_FILTER_NAME, .key = "pop3_policy_uidl_dict",
	  .required_setting = "dict", },
	SETTING_DEFINE_LIST_END
};

static const struct pop3_policy_settings_24 pop3_policy_default_settings = {
	.pop3_policy_file = "",
	.pop3_policy = "",
	.pop3_policy_uidl_key = "",
};

const struct setting_parser_info pop3_policy_setting_parser_info = {
	.name = "pop3_policy",

	.defines = pop3_policy_setting_defines,
	.defaults = &pop3_policy_default_settings,

	.struct_size = sizeof(struct pop3_policy_settings_24),
	.pool_offset1 = 1 + offsetof(struct pop3_policy_settings_24, pool),
};
