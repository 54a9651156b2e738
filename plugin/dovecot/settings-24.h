/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SETTINGS_24_H
#define POP3_POLICY_SETTINGS_24_H

/*
 * The settings as 2.4's config process and lib-settings want them described.
 */

#include "lib.h"
#include "settings-parser.h"

struct pop3_policy_settings;

struct pop3_policy_settings_24 {
	pool_t pool;
	const char *pop3_policy_file;
	const char *pop3_policy;
	const char *pop3_policy_uidl_key;
};

extern const struct setting_parser_info pop3_policy_setting_parser_info;

/* The settings in force for this event, as compat.h wants them; strings are
   allocated from pool. Returns 0, or -1 and error_r (data stack). In
   settings-24-get.c, which the settings module does not have. */
int pop3_policy_settings_24_get(struct event *event, pool_t pool,
				struct pop3_policy_settings *set_r,
				const char **error_r);

#endif
