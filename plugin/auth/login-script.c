/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "auth-fields.h"
#include "compat-auth.h"
#include "script-cache.h"
#include "script-engine.h"
#include "script-file.h"
#include "login-script.h"

#define DENIED_TEXT "Login is not allowed."

/* One login while its script is asked. */
struct login_script {
	const struct policy *policy;
	const struct auth_request *request;
};

static int
login_script_get(void *context, enum script_field field, const char *name,
		 struct script_value *value_r)
{
	const struct login_script *login = context;
	const struct auth_request_fields *fields = &login->request->fields;

	switch (field) {
	case SCRIPT_SESSION_POLICY:
		value_r->text = login->policy->section;
		return 1;
	case SCRIPT_SESSION_SECURED:
		value_r->number =
			pop3_passdb_compat_lacks_tls(login->request) ? 0 : 1;
		return 1;
	case SCRIPT_SESSION_FIELD:
		value_r->text = fields->userdb_reply == NULL ? NULL :
			auth_fields_find(fields->userdb_reply, name);
		return value_r->text != NULL ? 1 : 0;
	default:
		/* what only a session knows */
		return 0;
	}
}

static void login_script_log(void *context, const char *line)
{
	const struct login_script *login = context;
	struct event *event = event_create(authdb_event(login->request));

	/* else it would be heard with auth_verbose only */
	event_set_min_log_level(event, LOG_TYPE_INFO);
	e_info(event, "%s: %s", login->policy->script, line);
	event_unref(&event);
}

static enum login_script_result
login_script_take(const struct login_script *login,
		  const struct script_answer *answer, const char **text_r)
{
	switch (answer->outcome) {
	case SCRIPT_PASS:
		return LOGIN_SCRIPT_PASSED;
	case SCRIPT_ANSWER:
		/* With a code of its own a text can't be taken for one. */
		*text_r = t_strdup_printf("[%s] %s",
			answer->code != NULL ? answer->code : "AUTH",
			answer->text != NULL ? answer->text : DENIED_TEXT);
		return LOGIN_SCRIPT_DENIED;
	case SCRIPT_FAILED:
		break;
	}
	if (answer->traceback != NULL) {
		script_engine_log_traceback(authdb_event(login->request),
					    answer->traceback);
	}
	*text_r = t_strdup(answer->reason);
	return LOGIN_SCRIPT_FAILED;
}

static enum login_script_result
login_script_run(const struct script_engine *engine,
		 const struct script_source *source,
		 struct login_script *login,
		 const struct policy_session_facts *facts,
		 const char **text_r)
{
	const struct policy *policy = login->policy;
	const struct script_setup setup = {
		.limits = policy->script_limits,
		.list_folder = script_file_path(policy->file, ""),
		.modules = script_engine_get_modules(),
		.log = login_script_log,
		.log_context = login,
		.want_traceback =
			event_want_debug(authdb_event(login->request)),
	};
	const struct script_question question = {
		.hook = SCRIPT_HOOK_AUTH,
		.session = facts,
		.get = login_script_get,
		.context = login,
	};
	enum login_script_result result;
	struct script_answer answer;
	struct script *script;

	script = engine->create(source, &setup);
	if (script == NULL) {
		*text_r = t_strdup_printf("%s: Out of memory", policy->script);
		return LOGIN_SCRIPT_FAILED;
	}
	/* of one that did not load as well */
	engine->call(script, &question, &answer);
	result = login_script_take(login, &answer, text_r);
	engine->free(&script);
	return result;
}

enum login_script_result
login_script_ask(const struct policy *policy,
		 const struct auth_request *request,
		 const struct policy_session_facts *facts,
		 const char **text_r)
{
	struct policy_session_facts script_facts = *facts;
	struct login_script login = {
		.policy = policy,
		.request = request,
	};
	enum login_script_result result;
	const struct script_engine *engine;
	struct cached_script *cached;

	if (policy->script == NULL)
		return LOGIN_SCRIPT_PASSED;
	engine = script_engine_load(text_r);
	if (engine == NULL ||
	    script_cache_get(engine,
			     script_file_path(policy->file, policy->script),
			     &policy->script_limits, &cached, text_r) < 0)
		return LOGIN_SCRIPT_FAILED;
	/* A script refuses for want of it, so it has to be certain. */
	script_facts.tls = pop3_passdb_compat_has_tls(request);
	result = login_script_run(engine, cached->source, &login,
				  &script_facts, text_r);
	cached_script_unref(&cached);
	return result;
}

void login_script_deinit(void)
{
	script_cache_clear();
	script_engine_unload();
}
