/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "net.h"
#include "ioloop.h"
#include "pop3-policy/login.h"
#include "compat-auth.h"
#include "login-facts.h"

static const char *ip_text(const struct ip_addr *ip)
{
	return ip->family == 0 ? "" : net_ip2addr(ip);
}

static const char *typed_device(const struct auth_request_fields *fields)
{
	const char *device;
	size_t length;

	length = policy_login_device(fields->user, fields->original_username,
				     &device);
	return t_strndup(device, length);
}

void login_facts_init(struct policy_session_facts *facts_r,
		      const struct auth_request *request, const char *device)
{
	const struct auth_request_fields *fields = &request->fields;

	i_zero(facts_r);
	facts_r->user = fields->user;
	facts_r->login = fields->original_username;
	facts_r->mechanism = t_str_ucase(fields->mech_name);
	facts_r->device = device != NULL ? device : typed_device(fields);
	facts_r->remote_ip = ip_text(&fields->remote_ip);
	facts_r->local_ip = ip_text(&fields->local_ip);
	facts_r->id = fields->session_id == NULL ? "" : fields->session_id;
	/* where it is not certain, the pop3 process will know */
	facts_r->tls = !pop3_passdb_compat_lacks_tls(request);
	facts_r->now = ioloop_time;
}
