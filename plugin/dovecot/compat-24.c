/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "net.h"
#include "str.h"
#include "settings.h"
#include "mail-user.h"
#include "pop3-policy-config.h"
#include "compat.h"
#include "settings-24.h"

int pop3_policy_compat_settings(struct mail_user *user, pool_t pool,
				struct pop3_policy_settings *set_r,
				const char **error_r)
{
	const struct pop3_policy_settings_24 *set;

	if (settings_get(user->event, &pop3_policy_setting_parser_info, 0,
			 &set, error_r) < 0)
		return -1;
	set_r->file_is_set = set->pop3_policy_file[0] != '\0';
	set_r->file = p_strdup(pool, set_r->file_is_set ?
			       set->pop3_policy_file : POP3_POLICY_DEFAULT_FILE);
	set_r->section = p_strdup(pool, set->pop3_policy);
	settings_free(set);
	return 0;
}

static const char *ip_text(struct mail_user *user, const struct ip_addr *ip)
{
	return ip == NULL || ip->family == 0 ? "" :
		p_strdup(user->pool, net_ip2addr(ip));
}

void pop3_policy_compat_session_facts(struct mail_user *user,
				      struct policy_session_facts *facts_r)
{
	i_zero(facts_r);
	facts_r->user = user->username;
	facts_r->login = user->auth_user != NULL ? user->auth_user :
		user->username;
	facts_r->mechanism = user->auth_mech == NULL ? "" :
		p_strdup(user->pool, t_str_ucase(user->auth_mech));
	facts_r->remote_ip = ip_text(user, user->conn.remote_ip);
	facts_r->local_ip = ip_text(user, user->conn.local_ip);
	facts_r->id = user->session_id != NULL ? user->session_id : "";
	facts_r->tls = user->conn.end_client_tls_secured;
}

struct event *pop3_policy_compat_event(struct mail_user *user)
{
	return event_create(user->event);
}
