/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SETTINGS_24_H
#define POP3_POLICY_SETTINGS_24_H

/*
 * The settings as 2.4's config process and lib-settings want them described.
 */

#include "lib.h"
#include "settings-parser.h"

struct pop3_policy_settings_24 {
	pool_t pool;
	const char *pop3_policy_file;
	const char *pop3_policy;
};

extern const struct setting_parser_info pop3_policy_setting_parser_info;

#endif
