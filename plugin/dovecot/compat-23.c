/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "net.h"
#include "str.h"
#include "mail-user.h"
#include "pop3-policy-config.h"
#include "compat.h"

static const char *getenv_nonempty(struct mail_user *user, const char *name)
{
	const char *value = mail_user_plugin_getenv(user, name);

	return value == NULL || value[0] == '\0' ? NULL : value;
}

int pop3_policy_compat_settings(struct mail_user *user, pool_t pool,
				struct pop3_policy_settings *set_r,
				const char **error_r ATTR_UNUSED)
{
	const char *file = getenv_nonempty(user, "pop3_policy_file");
	const char *section = getenv_nonempty(user, "pop3_policy");

	set_r->file_is_set = file != NULL;
	set_r->file = p_strdup(pool, file != NULL ? file :
			       POP3_POLICY_DEFAULT_FILE);
	set_r->section = p_strdup(pool, section != NULL ? section : "");
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
	facts_r->tls = user->conn.ssl_secured;
}

struct event *pop3_policy_compat_event(struct mail_user *user)
{
	struct event *event = event_create(user->event);

	/* 2.4's user event has these by itself */
	event_add_str(event, "service", user->service);
	if (user->conn.remote_ip != NULL && user->conn.remote_ip->family != 0) {
		event_add_str(event, "remote_ip",
			      net_ip2addr(user->conn.remote_ip));
	}
	if (user->conn.local_ip != NULL && user->conn.local_ip->family != 0) {
		event_add_str(event, "local_ip",
			      net_ip2addr(user->conn.local_ip));
	}
	return event;
}
