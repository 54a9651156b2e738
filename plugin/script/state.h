/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SCRIPT_STATE_H
#define POP3_POLICY_SCRIPT_STATE_H

/*
 * One script: its Lua state, what it may use and what it has used. Seen by the
 * files of plugin/script only.
 *
 * A script that runs into a limit is stopped: an error that no pcall of the
 * script catches unwinds its call, and the state can be asked again. Should
 * that not end it, the state is abandoned (is_dead). The blocks of a state are
 * released as a whole, never by lua_close(), which would run code.
 */

#include "pop3-policy/script.h"

#include <lauxlib.h>
#include <lua.h>
#include <setjmp.h>

/* Longer strings take too long in one instruction (to compare, to search). */
#define SCRIPT_STRING_MAX_BYTES (1024 * 1024)
/* Source text: some 5,000 lines. */
#define SCRIPT_SOURCE_MAX_BYTES (128 * 1024)
/* One line for the client (RFC 1939 3 allows 512 in all) or for the log. */
#define SCRIPT_LINE_MAX_BYTES 400
#define SCRIPT_REASON_BYTES 600

enum script_stop {
	SCRIPT_STOP_NONE = 0,
	SCRIPT_STOP_MEMORY,
	SCRIPT_STOP_INSTRUCTIONS,
	SCRIPT_STOP_TIME,
	SCRIPT_STOP_SHOW_TIME,
	/* the adapter could not find something out */
	SCRIPT_STOP_DOUBT,
};

struct script_block;

/* Blocks of up to 256 bytes, by 16. */
#define SCRIPT_MEMORY_CLASSES 17

struct script_memory {
	/* all that was allocated */
	struct script_block *blocks;
	/* what is left of the last region */
	char *region;
	size_t region_left;
	/* small blocks that can be used again, by class */
	void *free[SCRIPT_MEMORY_CLASSES];
	size_t used, peak, max;
	/* requests that were refused since the script was stopped */
	unsigned int refused;
};

/* What stays on the stack of a state that is loaded. */
enum script_index {
	SCRIPT_INDEX_HANDLER = 1,
	SCRIPT_INDEX_SESSION,
	SCRIPT_INDEX_REQUEST,
	/* as many as there are hooks, nil where one is not defined */
	SCRIPT_INDEX_HOOKS,
	SCRIPT_INDEX_LAST = SCRIPT_INDEX_HOOKS + SCRIPT_HOOKS_COUNT - 1,
};

/* Which field a name is that was read before, by Lua's address of it. */
#define SCRIPT_FIELD_SLOTS 64
struct script_field_slot {
	const void *name;
	unsigned int field;
};

struct script {
	lua_State *L;
	struct script_setup setup;
	struct script_memory memory;
	char *name;

	/* Of the call that runs; odd while one does. */
	uintptr_t serial;
	const struct script_question *question;
	enum script_stop stop;
	uint64_t instructions;
	/* what the adapter was asked for */
	uint64_t fetched_bytes;
	int64_t started_usecs, deadline_usecs;
	enum script_stop deadline_stop;
	unsigned int hooks_since_stop;
	unsigned int logged;
	/* list that is being read, or -1 */
	int list_fd;
	jmp_buf abandon;
	struct script_cost cost;

	/* Of the session. */
	int64_t show_usecs, load_usecs;
	unsigned int logged_session;
	bool is_dead;
	/* a table has a metatable that a script has made */
	bool has_metatables;
	/* see script_budget_count_often() */
	bool counts_often;
	/* instructions are being counted */
	bool is_counted;
	/* see script_is_brief(); known once the hook has been asked */
	bool knows_brief[SCRIPT_HOOKS_COUNT], is_brief[SCRIPT_HOOKS_COUNT];

	char *load_error, *load_traceback;
	unsigned int hook_lines[SCRIPT_HOOKS_COUNT];
	struct script_field_slot session_slots[SCRIPT_FIELD_SLOTS];
	struct script_field_slot request_slots[SCRIPT_FIELD_SLOTS];
	struct script_field_slot message_slots[SCRIPT_FIELD_SLOTS];

	/* line in which the script was stopped, "" = unknown */
	char stop_place[80];
	char stop_text[SCRIPT_REASON_BYTES];
	char reason[SCRIPT_REASON_BYTES];
	char *traceback;
};

static inline struct script *script_of(lua_State *L)
{
	return *(struct script **)lua_getextraspace(L);
}

#endif
