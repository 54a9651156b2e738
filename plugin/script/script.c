/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "answer.h"
#include "brief.h"
#include "budget.h"
#include "line.h"
#include "list.h"
#include "state-memory.h"
#include "objects.h"
#include "policy-object.h"
#include "reason.h"
#include "sandbox.h"
#include "source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An error outside of a protected call: no memory for its first values. */
static int script_panic(lua_State *L)
{
	script_abandon(script_of(L));
}

/* Pushes one value for each hook. */
static void push_hooks(lua_State *L)
{
	struct script *script = script_of(L);
	int globals = lua_gettop(L) + 1;
	enum script_hook hook;
	lua_Debug ar;
	char name[40];

	lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
	for (hook = 0; hook < SCRIPT_HOOKS_COUNT; hook++) {
		(void)snprintf(name, sizeof(name), "pop3_policy_%s",
			       script_hook_name(hook));
		lua_pushstring(L, name);
		if (lua_rawget(L, globals) != LUA_TFUNCTION)
			continue;
		lua_pushvalue(L, -1);
		(void)lua_getinfo(L, ">S", &ar);
		/* a function of a library has no line */
		script->hook_lines[hook] = ar.linedefined > 0 ?
			(unsigned int)ar.linedefined : 1;
	}
	lua_remove(L, globals);
}

/* Index 1: the source */
static int load_protected(lua_State *L)
{
	const struct script_source *source = lua_touserdata(L, 1);
	char chunk_name[SCRIPT_REASON_BYTES];

	sandbox_push(L);
	policy_object_push(L);
	lua_setfield(L, -2, "policy");
	lua_settop(L, 0);
	objects_register(L);
	(void)snprintf(chunk_name, sizeof(chunk_name), "@%s", source->name);
	if (luaL_loadbufferx(L, source->bytecode, source->bytecode_size,
			     chunk_name, "b") != LUA_OK)
		return lua_error(L);
	(void)lua_gc(L, LUA_GCRESTART);
	lua_call(L, 0, 0);
	push_hooks(L);
	return SCRIPT_INDEX_LAST - SCRIPT_INDEX_HANDLER;
}

static void script_keep_load_error(struct script *script)
{
	script->load_error = strdup(script->reason);
	script->load_traceback = script->traceback;
	script->traceback = NULL;
}

static void
script_load(struct script *script, const struct script_source *source)
{
	lua_State *L;
	int status;

	script->L = lua_newstate(script_memory_alloc, script);
	L = script->L;
	if (L == NULL) {
		script_reason_set(script, LUA_ERRMEM, "to load");
		return;
	}
	*(struct script **)lua_getextraspace(L) = script;
	(void)lua_atpanic(L, script_panic);
	/* a new state has nothing to collect */
	(void)lua_gc(L, LUA_GCSTOP);
	script_budget_count(script, true);
	lua_pushcfunction(L, script_error_handler);
	lua_pushcfunction(L, load_protected);
	lua_pushlightuserdata(L, (void *)(uintptr_t)source);
	status = lua_pcall(L, 1, SCRIPT_INDEX_LAST - SCRIPT_INDEX_HANDLER,
			   SCRIPT_INDEX_HANDLER);
	if (status != LUA_OK || script->stop != SCRIPT_STOP_NONE)
		script_reason_set(script, status, "to load");
}

struct script *script_create(const struct script_source *source,
			     const struct script_setup *setup)
{
	struct script *script;

	script = calloc(1, sizeof(*script));
	if (script == NULL)
		return NULL;
	script->setup = *setup;
	script->memory.max = setup->limits.memory_bytes;
	script->list_fd = -1;
	script->name = strdup(source->name);
	if (script->name == NULL) {
		free(script);
		return NULL;
	}
	if (source->error != NULL) {
		(void)snprintf(script->reason, sizeof(script->reason), "%s",
			       source->error);
	} else {
		script_budget_begin(script, -1);
		if (_setjmp(script->abandon) == 0)
			script_load(script, source);
		else
			script_reason_set(script, LUA_ERRMEM, "to load");
		script_budget_end(script, -1);
		list_close(script);
	}
	if (script->reason[0] != '\0') {
		script_keep_load_error(script);
		if (script->load_error == NULL)
			script_free(&script);
	}
	return script;
}

const char *script_error(const struct script *script)
{
	return script->load_error;
}

const char *script_error_traceback(const struct script *script)
{
	return script->load_traceback;
}

void script_free(struct script **_script)
{
	struct script *script = *_script;

	*_script = NULL;
	if (script == NULL)
		return;
	script_memory_release(&script->memory);
	free(script->name);
	free(script->load_error);
	free(script->load_traceback);
	free(script->traceback);
	free(script);
}

bool script_has_hook(const struct script *script, enum script_hook hook)
{
	return script->hook_lines[hook] != 0;
}

unsigned int script_hook_line(const struct script *script,
			      enum script_hook hook)
{
	return script->hook_lines[hook];
}

void script_get_cost(const struct script *script, struct script_cost *cost_r)
{
	*cost_r = script->cost;
}

const char *script_hook_name(enum script_hook hook)
{
	switch (hook) {
	case SCRIPT_HOOK_AUTH:
		break;
	case SCRIPT_HOOK_LOGIN:
		return "login";
	case SCRIPT_HOOK_SHOW:
		return "show";
	case SCRIPT_HOOK_UIDL:
		return "uidl";
	case SCRIPT_HOOK_RETRIEVE:
		return "retrieve";
	case SCRIPT_HOOK_DELETE:
		return "delete";
	case SCRIPT_HOOK_EXPIRE:
		return "expire";
	case SCRIPT_HOOK_LOGOUT:
		return "logout";
	}
	return "auth";
}

static bool script_needs_counting(struct script *script, enum script_hook hook)
{
	if (!script->knows_brief[hook]) {
		script->knows_brief[hook] = true;
		script->is_brief[hook] = !script->setup.count_exactly &&
			script_is_brief(script->L,
					SCRIPT_INDEX_HOOKS + (int)hook);
	}
	return !script->is_brief[hook] || script->has_metatables ||
		script->counts_often;
}

/* Runs the hook; its answer goes to answer, or the reason to script. Returns
   false if it failed. */
static bool
script_run_hook(struct script *script, const struct script_question *question,
		struct script_answer *answer)
{
	lua_State *L = script->L;
	bool count_it = script_needs_counting(script, question->hook);
	int status, count;

	if (count_it != script->is_counted)
		script_budget_count(script, count_it);
	lua_settop(L, SCRIPT_INDEX_LAST);
	lua_pushvalue(L, SCRIPT_INDEX_HOOKS + (int)question->hook);
	count = objects_push(L, question);
	status = lua_pcall(L, count, LUA_MULTRET, SCRIPT_INDEX_HANDLER);
	if (status != LUA_OK || script->stop != SCRIPT_STOP_NONE) {
		script_reason_set(script, status, "for one call");
		return false;
	}
	return answer_check(script, question->hook, SCRIPT_INDEX_LAST + 1,
			    lua_gettop(L) - SCRIPT_INDEX_LAST, answer);
}

static void
answer_fail(const struct script *script, struct script_answer *answer,
	    const char *reason, const char *traceback)
{
	answer->outcome = SCRIPT_FAILED;
	answer->action = POLICY_ACTION_DENY;
	answer->text = answer->code = answer->mailbox = answer->uidl = NULL;
	answer->reason = reason;
	answer->traceback = traceback;
	answer->file = script->name;
}

void script_call(struct script *script, const struct script_question *question,
		 struct script_answer *answer_r)
{
	volatile bool ok = false;

	memset(answer_r, 0, sizeof(*answer_r));
	answer_r->file = script->name;
	if (script->load_error != NULL) {
		answer_fail(script, answer_r, script->load_error,
			    script->load_traceback);
		return;
	}
	answer_r->line = script->hook_lines[question->hook];
	if (answer_r->line == 0) {
		answer_r->outcome = SCRIPT_PASS;
		return;
	}
	if (script->is_dead) {
		/* the reason is still the one it died of */
		answer_fail(script, answer_r, script->reason, NULL);
		return;
	}
	if (script->traceback != NULL) {
		free(script->traceback);
		script->traceback = NULL;
	}
	script_budget_begin(script, question->hook);
	script->question = question;
	script->serial++;
	if (_setjmp(script->abandon) == 0)
		ok = script_run_hook(script, question, answer_r);
	else
		script_reason_set(script, LUA_ERRMEM, "for one call");
	script->question = NULL;
	script->serial++;
	script_budget_end(script, question->hook);
	list_close(script);
	if (!ok)
		answer_fail(script, answer_r, script->reason,
			    script->traceback);
}

int script_facts_get(const struct policy_message_facts *facts,
		     enum script_field field, struct script_value *value_r)
{
	switch (field) {
	case SCRIPT_MESSAGE_SAVED:
		value_r->number = facts->saved;
		return facts->saved != 0 ? 1 : 0;
	case SCRIPT_MESSAGE_RECEIVED:
		value_r->number = facts->received;
		return facts->received != 0 ? 1 : 0;
	case SCRIPT_MESSAGE_HIDDEN:
		value_r->number = facts->hidden ? 1 : 0;
		return 1;
	case SCRIPT_MESSAGE_RETRIEVED:
		value_r->number = facts->retrieved;
		return facts->history_known && facts->retrieved != 0 ? 1 : 0;
	case SCRIPT_MESSAGE_RETRIEVE_COUNT:
		value_r->number = facts->retrieve_count;
		return facts->history_known ? 1 : 0;
	default:
		return 0;
	}
}
