/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* libpop3_policy_settings.so: tells doveconf and the config process that these
   settings exist. */

#include "settings-24.h"

extern const struct setting_parser_info *pop3_policy_settings_set_infos[];
extern const char *pop3_policy_settings_version;

const struct setting_parser_info *pop3_policy_settings_set_infos[] = {
	&pop3_policy_setting_parser_info,
	NULL
};
const char *pop3_policy_settings_version = DOVECOT_ABI_VERSION;
