/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "budget.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Unwinding runs no code of the script, unless there is a way that nobody has
   thought of. */
#define HOOKS_AFTER_STOP 16

/* Two strings of 1 MB are compared within some 10 milliseconds. */
#define COUNT_OFTEN_STEP 4

static int64_t now_usecs(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void script_note_place(struct script *script)
{
	lua_Debug ar;
	int level;

	if (script->L == NULL)
		return;
	for (level = 0; level < 10; level++) {
		if (lua_getstack(script->L, level, &ar) == 0)
			return;
		if (lua_getinfo(script->L, "Sl", &ar) != 0 &&
		    ar.currentline > 0) {
			snprintf(script->stop_place,
				 sizeof(script->stop_place), "%s:%d",
				 ar.short_src, ar.currentline);
			return;
		}
	}
}

static void script_set_stop(struct script *script, enum script_stop stop)
{
	if (script->stop == SCRIPT_STOP_NONE)
		script->stop = stop;
}

void script_abandon(struct script *script)
{
	script->is_dead = true;
	longjmp(script->abandon, 1);
}

int script_raise_stop(lua_State *L)
{
	/* needs no memory */
	lua_pushlightuserdata(L, script_of(L));
	return lua_error(L);
}

void script_rethrow_stop(lua_State *L, int status)
{
	struct script *script = script_of(L);

	if (status == LUA_ERRMEM)
		script_set_stop(script, SCRIPT_STOP_MEMORY);
	if (script->stop != SCRIPT_STOP_NONE)
		(void)script_raise_stop(L);
}

int script_raise_doubt(lua_State *L, const char *text)
{
	struct script *script = script_of(L);

	snprintf(script->stop_text, sizeof(script->stop_text), "%s", text);
	script_note_place(script);
	script_set_stop(script, SCRIPT_STOP_DOUBT);
	return script_raise_stop(L);
}

int script_raise_memory(lua_State *L)
{
	script_note_place(script_of(L));
	script_set_stop(script_of(L), SCRIPT_STOP_MEMORY);
	return script_raise_stop(L);
}

void script_stop_late(struct script *script)
{
	script_note_place(script);
	script_set_stop(script, script->deadline_stop);
}

bool script_is_late(struct script *script)
{
	if (now_usecs() < script->deadline_usecs)
		return false;
	script_set_stop(script, script->deadline_stop);
	return true;
}

static bool script_has_used_up(struct script *script)
{
	if (script->instructions > script->setup.limits.instructions)
		script_set_stop(script, SCRIPT_STOP_INSTRUCTIONS);
	else if (!script_is_late(script))
		return false;
	script_note_place(script);
	return true;
}

void script_charge(lua_State *L, uint64_t instructions)
{
	struct script *script = script_of(L);

	if (instructions > UINT64_MAX / 2)
		instructions = UINT64_MAX / 2;
	script->instructions += instructions;
	if (script->stop != SCRIPT_STOP_NONE || script_has_used_up(script))
		(void)script_raise_stop(L);
}

static int count_step(const struct script *script)
{
	if (script->setup.count_exactly)
		return 1;
	return script->counts_often ? COUNT_OFTEN_STEP : SCRIPT_COUNT_STEP;
}

static void count_hook(lua_State *L, lua_Debug *ar)
{
	struct script *script = script_of(L);

	(void)ar;
	script->instructions += (uint64_t)count_step(script);
	if (script->stop != SCRIPT_STOP_NONE) {
		if (++script->hooks_since_stop > HOOKS_AFTER_STOP)
			script_abandon(script);
		(void)script_raise_stop(L);
	}
	if (script_has_used_up(script)) {
		/* whatever still runs is told so with each instruction */
		lua_sethook(L, count_hook, LUA_MASKCOUNT, 1);
		(void)script_raise_stop(L);
	}
}

void script_budget_count(struct script *script, bool count)
{
	script->is_counted = count;
	if (!count)
		lua_sethook(script->L, NULL, 0, 0);
	else {
		lua_sethook(script->L, count_hook, LUA_MASKCOUNT,
			    count_step(script));
	}
}

void script_budget_count_often(struct script *script)
{
	if (script->counts_often)
		return;
	script->counts_often = true;
	if (script->stop == SCRIPT_STOP_NONE)
		script_budget_count(script, true);
}

void script_budget_begin(struct script *script, int hook)
{
	int64_t left;

	script->started_usecs = now_usecs();
	script->deadline_usecs = script->started_usecs +
		(int64_t)script->setup.limits.time_msecs * 1000;
	script->deadline_stop = SCRIPT_STOP_TIME;
	/* the auth process does nothing else meanwhile */
	if (hook == SCRIPT_HOOK_AUTH)
		script->deadline_usecs -= script->load_usecs;
	if (hook == SCRIPT_HOOK_SHOW) {
		left = (int64_t)script->setup.limits.time_msecs * 1000 *
			SCRIPT_SHOW_TIME_FACTOR - script->show_usecs;
		if (script->started_usecs + left < script->deadline_usecs) {
			script->deadline_usecs = script->started_usecs + left;
			script->deadline_stop = SCRIPT_STOP_SHOW_TIME;
		}
	}
	if (script->stop != SCRIPT_STOP_NONE && script->L != NULL)
		script_budget_count(script, true);
	script->stop = SCRIPT_STOP_NONE;
	script->stop_place[0] = '\0';
	script->instructions = 0;
	script->fetched_bytes = 0;
	script->hooks_since_stop = 0;
	script->logged = 0;
	script->memory.refused = 0;
	script->memory.peak = script->memory.used;
}

void script_budget_end(struct script *script, int hook)
{
	int64_t usecs = 0;

	if (hook < 0 || hook == SCRIPT_HOOK_SHOW ||
	    script->setup.count_exactly)
		usecs = now_usecs() - script->started_usecs;
	if (hook == SCRIPT_HOOK_SHOW)
		script->show_usecs += usecs;
	else if (hook < 0)
		script->load_usecs = usecs;
	script->cost.instructions = script->instructions;
	script->cost.usecs = (uint64_t)usecs;
	script->cost.memory_bytes = script->memory.peak;
}
