/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "source.h"
#include "budget.h"
#include "line.h"
#include "state-memory.h"
#include "reason.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The parser looks at the clock as often as it is fed. */
#define FEED_BYTES 256

/* The parser's time grows with the square of the jumps that it has not found
   the end of yet. Not only those in the code are counted. */
static const struct {
	const char *word;
	unsigned int max;
	const char *refusal;
} jumps[] = {
	{ "goto", 500, "too many gotos" },
	{ "break", 5000, "too many breaks" },
};

/* In front of each text, on its first line: as a local, policy is found at
   once, and not behind the globals. */
static const char source_prefix[] = "local policy <const> = policy; ";

struct source_feed {
	struct script *script;
	const char *at, *end;
	bool has_begun;
};

static const char *source_read(lua_State *L, void *data, size_t *size_r)
{
	struct source_feed *feed = data;
	const char *at = feed->at;

	(void)L;
	if (!feed->has_begun) {
		feed->has_begun = true;
		*size_r = sizeof(source_prefix) - 1;
		return source_prefix;
	}
	*size_r = (size_t)(feed->end - at);
	if (*size_r > FEED_BYTES)
		*size_r = FEED_BYTES;
	if (*size_r == 0 || script_is_late(feed->script)) {
		*size_r = 0;
		return NULL;
	}
	feed->at += *size_r;
	return at;
}

static int
source_write(lua_State *L, const void *data, size_t size, void *context)
{
	struct script_source *source = context;
	size_t room = source->bytecode_room;
	char *bytecode;

	(void)L;
	if (source->bytecode_size + size > room) {
		room = room * 2 + size + 1024;
		bytecode = realloc(source->bytecode, room);
		if (bytecode == NULL)
			return 1;
		source->bytecode = bytecode;
		source->bytecode_room = room;
	}
	memcpy(source->bytecode + source->bytecode_size, data, size);
	source->bytecode_size += size;
	return 0;
}

static unsigned int
source_count(const char *text, size_t size, const char *word)
{
	const char *at = text, *found;
	size_t length = strlen(word);
	unsigned int count = 0;

	while ((found = memmem(at, size - (size_t)(at - text), word,
			       length)) != NULL) {
		count++;
		at = found + length;
	}
	return count;
}

static const char *source_find_refusal(const char *text, size_t size)
{
	size_t i;

	if (size > SCRIPT_SOURCE_MAX_BYTES)
		return "a script can't be larger than 128 kB";
	for (i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		if (source_count(text, size, jumps[i].word) > jumps[i].max)
			return jumps[i].refusal;
	}
	return NULL;
}

/* Byte order mark, and a first line for the shell; its end stays, so that
   lines keep their numbers. */
static void source_skip_start(const char **text, size_t *size)
{
	if (*size >= 3 && memcmp(*text, "\xEF\xBB\xBF", 3) == 0) {
		*text += 3;
		*size -= 3;
	}
	if (*size > 0 && **text == '#') {
		while (*size > 0 && **text != '\n') {
			(*text)++;
			(*size)--;
		}
	}
}

/* Fills bytecode, or script->reason. */
static void
source_run_parser(struct script_source *source, struct script *script,
		  struct source_feed *feed)
{
	char chunk_name[SCRIPT_REASON_BYTES], *bytecode;
	lua_State *L;
	int status;

	script->L = lua_newstate(script_memory_alloc, script);
	if (script->L == NULL) {
		(void)snprintf(script->reason, sizeof(script->reason),
			       "%s: not enough memory", source->name);
		return;
	}
	L = script->L;
	*(struct script **)lua_getextraspace(L) = script;
	(void)snprintf(chunk_name, sizeof(chunk_name), "@%s", source->name);
	status = lua_load(L, source_read, feed, chunk_name, "t");
	if (status != LUA_OK || script->stop != SCRIPT_STOP_NONE) {
		script_reason_set(script, status, "to compile");
		return;
	}
	if (lua_dump(L, source_write, source, 0) != 0) {
		(void)snprintf(script->reason, sizeof(script->reason),
			       "%s: out of memory", source->name);
		return;
	}
	/* it stays as long as the process */
	bytecode = realloc(source->bytecode, source->bytecode_size);
	if (bytecode != NULL) {
		source->bytecode = bytecode;
		source->bytecode_room = source->bytecode_size;
	}
}

static void
source_compile(struct script_source *source, const char *text, size_t size,
	       const struct script_limits *limits)
{
	struct source_feed feed;
	struct script *script;
	const char *refusal;

	refusal = source_find_refusal(text, size);
	if (refusal != NULL) {
		if (asprintf(&source->error, "%s: %s", source->name,
			     refusal) < 0)
			source->error = NULL;
		return;
	}
	source_skip_start(&text, &size);
	/* a state of its own, of which only the parser is used */
	script = calloc(1, sizeof(*script));
	if (script == NULL)
		return;
	script->setup.limits = *limits;
	script->memory.max = limits->memory_bytes;
	script->name = source->name;
	script->list_fd = -1;
	feed.script = script;
	feed.at = text;
	feed.end = text + size;
	feed.has_begun = false;
	script_budget_begin(script, -1);
	if (_setjmp(script->abandon) == 0)
		source_run_parser(source, script, &feed);
	else
		script_reason_set(script, LUA_ERRMEM, "to compile");
	if (script->reason[0] != '\0') {
		free(source->bytecode);
		source->bytecode = NULL;
		source->error = strdup(script->reason);
	}
	script_memory_release(&script->memory);
	free(script);
}

struct script_source *
script_source_compile(const char *name, const char *text, size_t size,
		      const struct script_limits *limits)
{
	struct script_source *source;

	source = calloc(1, sizeof(*source));
	if (source == NULL)
		return NULL;
	source->name = strdup(name);
	if (source->name != NULL)
		source_compile(source, text, size, limits);
	if (source->bytecode == NULL && source->error == NULL)
		script_source_free(&source);
	return source;
}

const char *script_source_error(const struct script_source *source)
{
	return source->error;
}

void script_source_free(struct script_source **_source)
{
	struct script_source *source = *_source;

	*_source = NULL;
	if (source == NULL)
		return;
	free(source->name);
	free(source->bytecode);
	free(source->error);
	free(source);
}
