/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "str.h"
#include "lib-event-private.h"
#include "event-filter.h"
#include "mail-user.h"
#include "compat.h"
#include "policy-events.h"

static struct event_category event_category_pop3_policy = {
	.name = "pop3-policy",
};

struct event *policy_event_create(struct mail_user *user, const char *section)
{
	struct event *event = pop3_policy_compat_event(user);

	event_add_category(event, &event_category_pop3_policy);
	event_set_append_log_prefix(event, "pop3-policy: ");
	if (section[0] != '\0')
		event_add_str(event, "section", section);
	return event;
}

static bool is_listening(struct event_filter *filter)
{
	bool ret = FALSE;

	if (filter != NULL) T_BEGIN {
		string_t *str = t_str_new(128);

		event_filter_export(filter, str);
		ret = str_len(str) > 0;
	} T_END;
	return ret;
}

bool policy_events_want_decisions(void)
{
	return is_listening(event_get_global_debug_log_filter()) ||
		is_listening(event_get_global_debug_send_filter());
}

void policy_event_decision(struct event *parent,
			   enum policy_question question,
			   const struct policy_verdict *verdict,
			   uint32_t uid, const char *error)
{
	const char *action = policy_action_name(question, verdict->action);
	const char *rule = verdict->line == 0 ? "" :
		t_strdup_printf("%s:%u", verdict->file, verdict->line);
	struct event_passthrough *e =
		event_create_passthrough(parent)->
		set_name("pop3_policy_decision")->
		add_str("question", policy_question_name(question))->
		add_str("action", action)->
		add_str("reason", policy_reason_name(verdict->reason))->
		add_str("rule", rule)->
		add_str("mode", verdict->without_effect ?
			"report" : "enforce")->
		add_int("uid", uid);

	if (error != NULL)
		e->add_str("error", error);
	e_debug(e->event(), "UID %u: %s: %s (%s%s%s)%s%s%s", uid,
		policy_question_name(question), action,
		policy_reason_name(verdict->reason),
		rule[0] == '\0' ? "" : " ", rule,
		verdict->without_effect ? " without effect" : "",
		error == NULL ? "" : ": ", error == NULL ? "" : error);
}

void policy_event_guard_refused(struct event *parent, const char *operation,
				const char *mailbox,
				const struct policy_refusals *refusals)
{
	struct event_passthrough *e =
		event_create_passthrough(parent)->
		set_name("pop3_policy_guard_refused")->
		add_str("operation", operation)->
		add_str("mailbox", mailbox)->
		add_int("hold", refusals->hold)->
		add_int("min_retention", refusals->min_retention)->
		add_int("errors", refusals->errors);

	e_info(e->event(), "Refused %s in %s: hold=%u min_retention=%u "
	       "errors=%u", operation, mailbox, refusals->hold,
	       refusals->min_retention, refusals->errors);
}

void policy_event_uidl_storm(struct event *parent,
			     const struct policy_uidl_changes *changes)
{
	const char *text = t_strdup_printf(
		"%u of %u messages would get other UIDLs than before (limit "
		"%u), so that clients would download them again",
		changes->changed, changes->compared, changes->limit);
	struct event_passthrough *e =
		event_create_passthrough(parent)->
		set_name("pop3_policy_uidl_storm")->
		add_str("result", changes->result)->
		add_int("compared", changes->compared)->
		add_int("changed", changes->changed)->
		add_int("limit", changes->limit);

	if (strcmp(changes->result, "refused") == 0) {
		e_error(e->event(), "UIDL refused: %s; if that is wanted: "
			"doveadm pop3 uidl accept", text);
	} else if (strcmp(changes->result, "warned") == 0) {
		e_warning(e->event(), "UIDLs changed: %s", text);
	} else {
		e_info(e->event(), "UIDLs changed, as accepted: %s", text);
	}
}

void policy_event_uidl_unknown(struct event *parent, uint32_t messages)
{
	struct event_passthrough *e =
		event_create_passthrough(parent)->
		set_name("pop3_policy_uidl_unknown")->
		add_int("messages", messages);

	e_info(e->event(), "The UIDLs of %u messages can't be compared with "
	       "those shown before: this is the first session here, or the "
	       "index was lost", messages);
}

void policy_event_failure(struct event *parent, const char *what,
			  const char *error)
{
	struct event_passthrough *e =
		event_create_passthrough(parent)->
		set_name("pop3_policy_failure")->
		add_str("what", what)->
		add_str("error", error);

	e_error(e->event(), "%s: %s", what, error);
}
