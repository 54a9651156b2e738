/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "hash.h"
#include "mail-storage.h"
#include "script-cache.h"
#include "script-engine.h"
#include "script-file.h"
#include "script-values.h"
#include "policy-script.h"

struct policy_script {
	const struct policy *policy;
	const struct script_engine *engine;
	struct cached_script *cached;
	/* Of the policy file. */
	char *folder;
	/* NULL until it is asked, or seen to load */
	struct script *state;

	struct mail_user *user;
	struct event *event;
	struct policy_script_session session;

	/* Names of archives, which verdicts refer to as long as they live */
	pool_t pool;
	HASH_TABLE(const char *, const char *) mailboxes;
};

/* One question while it is asked. */
struct policy_script_call {
	struct policy_script *script;
	const struct policy_script_message *message;
};

static void policy_script_log(void *context, const char *line)
{
	struct policy_script *script = context;

	if (script->event != NULL)
		e_info(script->event, "%s: %s", script->policy->script, line);
}

static bool policy_script_want_traceback(const struct policy_script *script)
{
	return script->event != NULL && event_want_debug(script->event);
}

/* Make the state. Returns 0, or -1 and *error_r. */
static int
policy_script_load(struct policy_script *script, const char **error_r)
{
	const struct script_engine *engine = script->engine;
	const struct script_setup setup = {
		.limits = script->policy->script_limits,
		.list_folder = script->folder,
		.modules = script_engine_get_modules(),
		.log = policy_script_log,
		.log_context = script,
		.want_traceback = policy_script_want_traceback(script),
	};
	const char *traceback;

	script->state = engine->create(script->cached->source, &setup);
	if (script->state == NULL) {
		*error_r = t_strdup_printf("%s: Out of memory",
					   script->cached->path);
		return -1;
	}
	if (engine->error(script->state) == NULL) {
		script->cached->has_loaded = TRUE;
		return 0;
	}
	*error_r = t_strdup(engine->error(script->state));
	traceback = engine->error_traceback(script->state);
	if (traceback != NULL)
		script_engine_log_traceback(script->event, traceback);
	engine->free(&script->state);
	return -1;
}

int policy_script_init(const struct policy *policy,
		       struct policy_script **script_r, const char **error_r)
{
	const struct script_engine *engine;
	struct cached_script *cached;
	struct policy_script *script;
	const char *path;

	engine = script_engine_load(error_r);
	if (engine == NULL)
		return -1;
	path = script_file_path(policy->file, policy->script);
	if (script_cache_get(engine, path, &policy->script_limits, &cached,
			     error_r) < 0)
		return -1;

	script = i_new(struct policy_script, 1);
	script->policy = policy;
	script->engine = engine;
	script->cached = cached;
	script->folder = i_strdup(script_file_path(policy->file, ""));
	if (!cached->has_loaded && policy_script_load(script, error_r) < 0) {
		policy_script_deinit(&script);
		return -1;
	}
	*script_r = script;
	return 0;
}

void policy_script_deinit(struct policy_script **_script)
{
	struct policy_script *script = *_script;

	if (script == NULL)
		return;
	*_script = NULL;
	if (script->state != NULL)
		script->engine->free(&script->state);
	if (hash_table_is_created(script->mailboxes))
		hash_table_destroy(&script->mailboxes);
	pool_unref(&script->pool);
	cached_script_unref(&script->cached);
	i_free(script->folder);
	i_free(script);
}

int policy_script_begin(struct policy_script *script, struct mail_user *user,
			struct event *event, const char **error_r)
{
	script->user = user;
	script->event = event;
	if (script->state != NULL && !policy_script_want_traceback(script))
		return 0;
	/* the one that was made to see whether it loads has no tracebacks */
	if (script->state != NULL)
		script->engine->free(&script->state);
	return policy_script_load(script, error_r);
}

void policy_script_set_session(struct policy_script *script,
			       const struct policy_script_session *session)
{
	if (session != NULL)
		script->session = *session;
	else
		i_zero(&script->session);
}

bool policy_script_has_hook(const struct policy_script *script,
			    enum script_hook hook)
{
	/* one that could not be asked would seem to have nothing to say */
	i_assert(script == NULL || script->state != NULL);
	return script != NULL &&
		script->engine->has_hook(script->state, hook);
}

/* A session has read all sizes when it began. */
static bool
policy_script_get_size(const struct policy_script *script,
		       const struct policy_script_message *message,
		       struct script_value *value_r)
{
	uoff_t size;

	if (script->session.get_size == NULL ||
	    !script->session.get_size(script->session.context, message->seq,
				      &size))
		return FALSE;
	value_r->number = I_MIN(size, (uoff_t)INT64_MAX);
	return TRUE;
}

static int
policy_script_get(void *context, enum script_field field, const char *name,
		  struct script_value *value_r)
{
	struct policy_script_call *call = context;
	struct policy_script *script = call->script;
	const struct policy_script_message *message = call->message;

	switch (field) {
	case SCRIPT_SESSION_POLICY:
		value_r->text = script->policy->section;
		return 1;
	case SCRIPT_SESSION_SECURED:
	case SCRIPT_SESSION_FIELD:
		return script_values_user(script->user, field, name, value_r);
	case SCRIPT_SESSION_LAST_LOGIN:
	case SCRIPT_SESSION_MESSAGES:
	case SCRIPT_SESSION_BYTES:
		return script->session.get == NULL ? 0 :
			script->session.get(script->session.context, field,
					    NULL, value_r);
	case SCRIPT_MESSAGE_UIDL:
		return script->session.get == NULL ? 0 :
			script->session.get(script->session.context, field,
					    message->get_mail(message->context),
					    value_r);
	case SCRIPT_MESSAGE_SIZE:
		if (policy_script_get_size(script, message, value_r))
			return 1;
		break;
	case SCRIPT_MESSAGE_SEEN:
	case SCRIPT_MESSAGE_FLAGGED:
	case SCRIPT_MESSAGE_ANSWERED:
	case SCRIPT_MESSAGE_SAVED:
	case SCRIPT_MESSAGE_RECEIVED:
	case SCRIPT_MESSAGE_HIDDEN:
	case SCRIPT_MESSAGE_RETRIEVED:
	case SCRIPT_MESSAGE_RETRIEVE_COUNT:
		return message->get(message->context, field, value_r);
	default:
		break;
	}
	return script_values_mail(message->get_mail(message->context), field,
				  name, value_r);
}

static const char *
policy_script_keep_mailbox(struct policy_script *script, const char *name)
{
	const char *kept;

	if (!hash_table_is_created(script->mailboxes)) {
		script->pool = pool_alloconly_create("script mailboxes", 256);
		hash_table_create(&script->mailboxes, script->pool, 0,
				  str_hash, strcmp);
	}
	kept = hash_table_lookup(script->mailboxes, name);
	if (kept == NULL) {
		kept = p_strdup(script->pool, name);
		hash_table_insert(script->mailboxes, kept, kept);
	}
	return kept;
}

void policy_script_ask(struct policy_script *script, enum script_hook hook,
		       const struct policy_session_facts *facts,
		       const struct policy_script_message *message,
		       struct script_answer *answer_r)
{
	struct policy_script_call call = {
		.script = script,
		.message = message,
	};
	struct script_question question = {
		.hook = hook,
		.session = facts,
		.get = policy_script_get,
		.context = &call,
	};

	i_assert(script->state != NULL);
	if (message != NULL) {
		question.uid = message->uid;
		question.number = script->session.get_number == NULL ?
			message->seq :
			script->session.get_number(script->session.context,
						   message->seq);
	}
	script->engine->call(script->state, &question, answer_r);
	if (answer_r->traceback != NULL)
		script_engine_log_traceback(script->event, answer_r->traceback);
	if (answer_r->mailbox != NULL) {
		answer_r->mailbox =
			policy_script_keep_mailbox(script, answer_r->mailbox);
	}
}

int policy_script_facts_get(const struct policy_script *script,
			    const struct policy_message_facts *facts,
			    enum script_field field,
			    struct script_value *value_r)
{
	return script->engine->facts_get(facts, field, value_r);
}

uint32_t policy_script_get_fingerprint(const struct policy_script *script)
{
	return script->cached->fingerprint;
}

void policy_script_process_deinit(void)
{
	script_cache_clear();
	script_engine_unload();
}
