/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "str.h"
#include "pop3-capability.h"
#include "judge.h"
#include "session-facts.h"
#include "user-policy.h"
#include "capabilities.h"
#include "session.h"
#include "pop3-policy/capability.h"

static enum policy_expire
session_expire(struct pop3_session *session, uint32_t *days_r)
{
	/* While it is broken nothing is removed, but it may not be for long. */
	if (session->judge == NULL)
		return POLICY_EXPIRE_UNKNOWN;
	return policy_expire_capability(
		session->policy->policy,
		judge_asks_script(session->judge, POLICY_QUESTION_EXPIRE),
		days_r);
}

bool capabilities_are_changed(struct pop3_session *session)
{
	uint32_t days;

	return session_expire(session, &days) != POLICY_EXPIRE_UNKNOWN ||
		session_facts_delay_kept(session->user) > 0;
}

void capabilities_send(struct pop3_session *session)
{
	string_t *answer = t_str_new(128);
	unsigned int delay_secs = session_facts_delay_kept(session->user);
	uint32_t days;

	str_append(answer, "+OK\r\n"POP3_CAPABILITY_REPLY);
	switch (session_expire(session, &days)) {
	case POLICY_EXPIRE_UNKNOWN:
		break;
	case POLICY_EXPIRE_NEVER:
		str_append(answer, "EXPIRE NEVER\r\n");
		break;
	case POLICY_EXPIRE_DAYS:
		str_printfa(answer, "EXPIRE %u\r\n", days);
		break;
	}
	if (delay_secs > 0)
		str_printfa(answer, "LOGIN-DELAY %u\r\n", delay_secs);
	str_append_c(answer, '.');
	client_send_line(session->client, "%s", str_c(answer));
}
