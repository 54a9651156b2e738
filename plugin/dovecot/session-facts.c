/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "net.h"
#include "mail-user.h"
#include "pop3-policy/login.h"
#include "compat.h"
#include "session-facts.h"

static const char *ip_text(struct mail_user *user, const struct ip_addr *ip)
{
	return ip == NULL || ip->family == 0 ? "" :
		p_strdup(user->pool, net_ip2addr(ip));
}

const char *session_facts_userdb_field(struct mail_user *user, const char *name)
{
	const char *const *field, *value;
	size_t length = strlen(name);

	if (user->userdb_fields == NULL)
		return NULL;
	for (field = user->userdb_fields; *field != NULL; field++) {
		if (strncmp(*field, name, length) != 0)
			continue;
		value = *field + length;
		if (*value == '=')
			return value + 1;
		/* without a value */
		if (*value == '\0')
			return "";
	}
	return NULL;
}

unsigned int session_facts_delay_kept(struct mail_user *user)
{
	const char *kept = session_facts_userdb_field(user,
						      "pop3_policy_delay_kept");
	unsigned int secs;

	return kept == NULL || str_to_uint(kept, &secs) < 0 ? 0 : secs;
}

static const char *device(struct mail_user *user, const char *login)
{
	const char *name =
		session_facts_userdb_field(user, "pop3_policy_device");
	size_t length;

	if (name != NULL)
		return name;
	length = policy_login_device(user->username, login, &name);
	return p_strndup(user->pool, name, length);
}

void session_facts_init(struct policy_session_facts *facts_r,
			struct mail_user *user, int64_t now)
{
	i_zero(facts_r);
	facts_r->user = user->username;
	facts_r->login = user->auth_user != NULL ? user->auth_user :
		user->username;
	facts_r->mechanism = user->auth_mech == NULL ? "" :
		p_strdup(user->pool, t_str_ucase(user->auth_mech));
	facts_r->device = device(user, facts_r->login);
	facts_r->remote_ip = ip_text(user, user->conn.remote_ip);
	facts_r->local_ip = ip_text(user, user->conn.local_ip);
	facts_r->id = user->session_id != NULL ? user->session_id : "";
	facts_r->tls = pop3_policy_compat_is_tls(user);
	facts_r->now = now;
}
