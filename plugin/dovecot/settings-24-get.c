/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "settings.h"
#include "pop3-policy-config.h"
#include "compat.h"
#include "settings-24.h"

int pop3_policy_settings_24_get(struct event *event, pool_t pool,
				struct pop3_policy_settings *set_r,
				const char **error_r)
{
	const struct pop3_policy_settings_24 *set;

	if (settings_get(event, &pop3_policy_setting_parser_info, 0,
			 &set, error_r) < 0)
		return -1;
	set_r->file_is_set = set->pop3_policy_file[0] != '\0';
	set_r->file = p_strdup(pool, set_r->file_is_set ?
			       set->pop3_policy_file : POP3_POLICY_DEFAULT_FILE);
	set_r->section = p_strdup(pool, set->pop3_policy);
	set_r->uidl_key = p_strdup(pool, set->pop3_policy_uidl_key);
	settings_free(set);
	return 0;
}
