/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "crc32.h"
#include "regular-file.h"
#include "script-file.h"
#include "script-cache.h"

#include <unistd.h>

/* The engine says what is too large for a script; this is what is too large
   to be read. */
#define SCRIPT_FILE_MAX_SIZE (512 * 1024)
/* More than these only where users of one process have scripts of their
   own. */
#define SCRIPT_CACHE_SIZE 16

struct script_cache_slot {
	struct cached_script *script;
	struct stat st;
};

/* Used last first. */
static struct script_cache_slot cache[SCRIPT_CACHE_SIZE];
static const struct script_engine *cache_engine;

static bool
limits_are_same(const struct script_limits *limits1,
		const struct script_limits *limits2)
{
	return limits1->memory_bytes == limits2->memory_bytes &&
		limits1->instructions == limits2->instructions &&
		limits1->time_msecs == limits2->time_msecs;
}

static struct cached_script *
cache_find(const char *path, const struct script_limits *limits,
	   const struct stat *st)
{
	struct script_cache_slot slot;
	unsigned int i;

	for (i = 0; i < SCRIPT_CACHE_SIZE && cache[i].script != NULL; i++) {
		if (strcmp(cache[i].script->path, path) != 0 ||
		    !limits_are_same(&cache[i].script->limits, limits) ||
		    !regular_file_is_same(&cache[i].st, st))
			continue;
		slot = cache[i];
		memmove(&cache[1], &cache[0], i * sizeof(cache[0]));
		cache[0] = slot;
		slot.script->refcount++;
		return slot.script;
	}
	return NULL;
}

static void cache_add(struct cached_script *script, const struct stat *st)
{
	struct script_cache_slot *last = &cache[SCRIPT_CACHE_SIZE - 1];

	if (last->script != NULL)
		cached_script_unref(&last->script);
	memmove(&cache[1], &cache[0],
		(SCRIPT_CACHE_SIZE - 1) * sizeof(cache[0]));
	cache[0].script = script;
	cache[0].st = *st;
	script->refcount++;
}

static int
cached_script_compile(const struct script_engine *engine, const char *path,
		      const struct script_limits *limits, const char *text,
		      size_t size, struct cached_script **script_r,
		      const char **error_r)
{
	struct cached_script *script;
	struct script_source *source;

	source = engine->source_compile(path, text, size, limits);
	if (source == NULL) {
		*error_r = t_strdup_printf("%s: Out of memory", path);
		return -1;
	}
	if (engine->source_error(source) != NULL) {
		*error_r = t_strdup(engine->source_error(source));
		engine->source_free(&source);
		return -1;
	}
	script = i_new(struct cached_script, 1);
	script->refcount = 1;
	script->path = i_strdup(path);
	script->limits = *limits;
	script->source = source;
	script->fingerprint = I_MAX(crc32_data(text, size), 1);
	*script_r = script;
	return 0;
}

int script_cache_get(const struct script_engine *engine, const char *path,
		     const struct script_limits *limits,
		     struct cached_script **script_r, const char **error_r)
{
	struct stat st;
	char *text;
	int fd, ret;

	cache_engine = engine;
	if (regular_file_open(path, SCRIPT_FILE_MAX_SIZE, &fd, &st,
			      error_r) <= 0)
		return -1;
	/* each time: rights change without the file being touched */
	if (script_file_check_owner(path, error_r) < 0) {
		i_close_fd(&fd);
		return -1;
	}
	*script_r = cache_find(path, limits, &st);
	if (*script_r != NULL) {
		i_close_fd(&fd);
		return 0;
	}
	ret = regular_file_read(path, fd, &st, &text, error_r);
	i_close_fd(&fd);
	if (ret < 0)
		return -1;
	ret = cached_script_compile(engine, path, limits, text, st.st_size,
				    script_r, error_r);
	i_free(text);
	if (ret == 0)
		cache_add(*script_r, &st);
	return ret;
}

void cached_script_unref(struct cached_script **_script)
{
	struct cached_script *script = *_script;

	*_script = NULL;
	i_assert(script->refcount > 0);
	if (--script->refcount > 0)
		return;
	cache_engine->source_free(&script->source);
	i_free(script->path);
	i_free(script);
}

void script_cache_clear(void)
{
	unsigned int i;

	for (i = 0; i < SCRIPT_CACHE_SIZE; i++) {
		if (cache[i].script != NULL)
			cached_script_unref(&cache[i].script);
	}
}
