/* SPDX-License-Identifier: LGPL-2.1-or-later */

#define _GNU_SOURCE /* for dladdr() */
#include "lib.h"
#include "str-sanitize.h"
#include "script-engine.h"

#include <dlfcn.h>

#define ENGINE_FILE "pop3-policy/libpop3_policy_script.so"

#define TRACEBACK_LINE_MAX_CHARS 400

static void *engine_handle;
static const struct script_engine *engine;
static struct script_modules *modules;

/* Beside the plugin that this is linked into, wherever Dovecot loaded it
   from; doveadm's and auth's plugins are one folder further down. */
static const char *engine_path(void)
{
	const char *p, *dir;
	Dl_info info;

	if (dladdr(&engine_handle, &info) == 0 || info.dli_fname == NULL ||
	    (p = strrchr(info.dli_fname, '/')) == NULL)
		return ENGINE_FILE;
	dir = t_strdup_until(info.dli_fname, p);
	p = strrchr(dir, '/');
	if (p != NULL && (strcmp(p + 1, "doveadm") == 0 ||
			  strcmp(p + 1, "auth") == 0))
		dir = t_strdup_until(dir, p);
	return t_strconcat(dir, "/" ENGINE_FILE, NULL);
}

const struct script_engine *script_engine_load(const char **error_r)
{
	const struct script_engine *(*get_engine)(void);
	void *symbol;

	if (engine != NULL)
		return engine;
	/* RTLD_LOCAL: Dovecot's own Lua plugins must not see it */
	engine_handle = dlopen(engine_path(), RTLD_NOW | RTLD_LOCAL);
	if (engine_handle == NULL) {
		*error_r = t_strdup_printf("Can't load the script engine: %s",
					   dlerror());
		return NULL;
	}
	symbol = dlsym(engine_handle, SCRIPT_ENGINE_SYMBOL);
	if (symbol == NULL) {
		*error_r = t_strdup_printf("Can't load the script engine: %s",
					   dlerror());
		script_engine_unload();
		return NULL;
	}
	memcpy(&get_engine, &symbol, sizeof(get_engine));
	engine = get_engine();
	return engine;
}

struct script_modules *script_engine_get_modules(void)
{
	i_assert(engine != NULL);
	if (modules == NULL)
		modules = engine->modules_create(SCRIPT_MODULES_FOLDER, TRUE);
	return modules;
}

void script_engine_log_traceback(struct event *event, const char *traceback)
{
	const char *const *lines;

	/* what follows a newline would be logged as an error of nobody's */
	for (lines = t_strsplit(traceback, "\n"); *lines != NULL; lines++) {
		e_debug(event, "%s", str_sanitize(*lines + strspn(*lines, "\t"),
						  TRACEBACK_LINE_MAX_CHARS));
	}
}

void script_engine_unload(void)
{
	if (modules != NULL)
		engine->modules_free(&modules);
	engine = NULL;
	if (engine_handle != NULL) {
		(void)dlclose(engine_handle);
		engine_handle = NULL;
	}
}
