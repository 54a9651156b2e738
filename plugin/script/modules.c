/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "modules.h"
#include "budget.h"
#include "file-identity.h"
#include "sandbox.h"
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MODULE_PREFIX "pop3_policy."
#define MODULE_NAME_MAX_BYTES 40

/* In the registry: name -> value, false while the module runs. */
static const char cache_key[] = "pop3_policy.modules";

struct module {
	struct module *next;
	/* without the prefix */
	char name[MODULE_NAME_MAX_BYTES + 1];
	struct file_identity identity;
	struct script_source *source;
};

struct script_modules {
	char *folder;
	bool only_roots;
	struct module *modules;
	/* what is wrong with the one that was asked for last */
	char error[SCRIPT_REASON_BYTES];
};

struct script_modules *
script_modules_create(const char *folder, bool only_roots)
{
	struct script_modules *modules;

	modules = calloc(1, sizeof(*modules));
	if (modules == NULL)
		return NULL;
	modules->only_roots = only_roots;
	modules->folder = strdup(folder);
	if (modules->folder == NULL)
		script_modules_free(&modules);
	return modules;
}

void script_modules_free(struct script_modules **_modules)
{
	struct script_modules *modules = *_modules;
	struct module *module;

	*_modules = NULL;
	if (modules == NULL)
		return;
	while ((module = modules->modules) != NULL) {
		modules->modules = module->next;
		script_source_free(&module->source);
		free(module);
	}
	free(modules->folder);
	free(modules);
}

/* Returns the name behind the prefix, or NULL. */
static const char *module_name(const char *name, size_t length)
{
	const char *at;

	if (strncmp(name, MODULE_PREFIX, strlen(MODULE_PREFIX)) != 0)
		return NULL;
	name += strlen(MODULE_PREFIX);
	length -= strlen(MODULE_PREFIX);
	for (at = name; (*at >= 'a' && *at <= 'z') ||
	     (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9') ||
	     *at == '_'; at++) ;
	/* a NUL inside is no end */
	return (size_t)(at - name) == length && length > 0 &&
		length <= MODULE_NAME_MAX_BYTES ? name : NULL;
}

static bool
modules_fail(struct script_modules *modules, const char *name,
	     const char *what)
{
	(void)snprintf(modules->error, sizeof(modules->error), "module "
		       MODULE_PREFIX "%s: %s", name, what);
	return false;
}

/* Returns a file descriptor, or -1 and the error is set. */
static int
modules_open(struct script_modules *modules, const char *name,
	     struct stat *st_r)
{
	const char *what = NULL;
	char *path;
	int fd;

	if (asprintf(&path, "%s/%s.lua", modules->folder, name) < 0) {
		(void)modules_fail(modules, name, "out of memory");
		return -1;
	}
	/* a pipe must not make anyone wait */
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	free(path);
	if (fd < 0 || fstat(fd, st_r) < 0)
		what = strerror(errno);
	else if (!S_ISREG(st_r->st_mode))
		what = "not a file";
	else if (modules->only_roots &&
		 (st_r->st_uid != 0 ||
		  (st_r->st_mode & (S_IWGRP | S_IWOTH)) != 0))
		what = "somebody else than root could write it";
	if (what == NULL)
		return fd;
	if (fd >= 0)
		(void)close(fd);
	(void)modules_fail(modules, name, what);
	return -1;
}

/* Reads and compiles what is new. Returns NULL, and the error is set. */
static struct script_source *
modules_compile(struct script_modules *modules, const char *name, int fd,
		const struct script_limits *limits)
{
	struct script_source *source = NULL;
	/* one byte more, so that a text that is too large is seen to be */
	const size_t room = SCRIPT_SOURCE_MAX_BYTES + 1;
	char chunk_name[MODULE_NAME_MAX_BYTES + 20];
	size_t size = 0;
	ssize_t ret = 1;
	char *text;

	text = malloc(room);
	while (text != NULL && ret != 0 && size < room) {
		ret = read(fd, text + size, room - size);
		if (ret < 0 && errno != EINTR)
			break;
		size += ret < 0 ? 0 : (size_t)ret;
	}
	if (text == NULL)
		(void)modules_fail(modules, name, "out of memory");
	else if (ret < 0)
		(void)modules_fail(modules, name, strerror(errno));
	else {
		(void)snprintf(chunk_name, sizeof(chunk_name),
			       "pop3_policy/%s.lua", name);
		source = script_source_compile(chunk_name, text, size, limits);
		if (source == NULL)
			(void)modules_fail(modules, name, "out of memory");
	}
	free(text);
	if (source != NULL && script_source_error(source) != NULL) {
		(void)snprintf(modules->error, sizeof(modules->error), "%s",
			       script_source_error(source));
		script_source_free(&source);
	}
	return source;
}

/* Returns what stays until the next call, or NULL, and the error is set. */
static const struct script_source *
modules_find(struct script_modules *modules, const char *name,
	     const struct script_limits *limits)
{
	struct file_identity identity;
	struct script_source *source;
	struct module *module;
	struct stat st;
	int fd;

	fd = modules_open(modules, name, &st);
	if (fd < 0)
		return NULL;
	file_identity_get(&st, &identity);
	for (module = modules->modules; module != NULL; module = module->next) {
		if (strcmp(module->name, name) == 0)
			break;
	}
	if (module != NULL &&
	    memcmp(&module->identity, &identity, sizeof(identity)) == 0) {
		(void)close(fd);
		return module->source;
	}
	source = modules_compile(modules, name, fd, limits);
	(void)close(fd);
	if (source == NULL)
		return NULL;
	if (module == NULL) {
		module = calloc(1, sizeof(*module));
		if (module == NULL) {
			script_source_free(&source);
			(void)modules_fail(modules, name, "out of memory");
			return NULL;
		}
		(void)snprintf(module->name, sizeof(module->name), "%s", name);
		module->next = modules->modules;
		modules->modules = module;
	}
	script_source_free(&module->source);
	module->source = source;
	module->identity = identity;
	return source;
}

/* upvalue 1: names, 2: what they are called */
static int module_index(lua_State *L)
{
	return sandbox_raise_unknown(L, lua_tostring(L, lua_upvalueindex(2)),
				     2, lua_upvalueindex(1), 0);
}

static int module_newindex(lua_State *L)
{
	return luaL_error(L, "a module can't be changed");
}

/* Replaces the table on top by what a script gets for it. */
static void module_push_view(lua_State *L, const char *name)
{
	lua_createtable(L, 0, 1);
	lua_pushvalue(L, -2);
	lua_pushfstring(L, "name in " MODULE_PREFIX "%s", name);
	lua_pushcclosure(L, module_index, 2);
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2);

	lua_newtable(L);
	lua_createtable(L, 0, 3);
	lua_pushvalue(L, -3);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, module_newindex);
	lua_setfield(L, -2, "__newindex");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
	lua_remove(L, -2);
}

/* Pushes the module as a function. */
static void module_push_function(lua_State *L, const char *name)
{
	struct script *script = script_of(L);
	struct script_modules *modules = script->setup.modules;
	const struct script_source *source;
	char chunk_name[MODULE_NAME_MAX_BYTES + 20];

	if (modules == NULL) {
		(void)script_raise_doubt(L, "there are no modules here");
		return;
	}
	source = modules_find(modules, name, &script->setup.limits);
	/* not caught by pcall: a script that does without would decide
	   something else than what is written in it */
	if (source == NULL)
		(void)script_raise_doubt(L, modules->error);
	/* compiling may have taken the time of this call */
	script_charge(L, 1);
	(void)snprintf(chunk_name, sizeof(chunk_name), "@%s", source->name);
	if (luaL_loadbufferx(L, source->bytecode, source->bytecode_size,
			     chunk_name, "b") != LUA_OK)
		(void)lua_error(L);
}

bool modules_push_names(lua_State *L, const char *name)
{
	int top = lua_gettop(L);

	(void)luaL_getsubtable(L, LUA_REGISTRYINDEX, cache_key);
	lua_pushstring(L, name);
	if (lua_rawget(L, -2) == LUA_TTABLE && lua_getmetatable(L, -1) != 0) {
		lua_pushliteral(L, "__index");
		if (lua_rawget(L, -2) == LUA_TTABLE) {
			lua_replace(L, top + 1);
			lua_settop(L, top + 1);
			return true;
		}
	}
	lua_settop(L, top);
	return false;
}

int modules_require(lua_State *L)
{
	const char *name;
	size_t length;
	int status;

	name = luaL_checklstring(L, 1, &length);
	name = module_name(name, length);
	if (name == NULL) {
		return luaL_error(L, "require(name) knows the modules of this "
				  "plugin only, like \"" MODULE_PREFIX
				  "clock\"");
	}
	lua_settop(L, 1);
	(void)luaL_getsubtable(L, LUA_REGISTRYINDEX, cache_key);
	lua_pushvalue(L, 1);
	if (lua_rawget(L, 2) != LUA_TNIL) {
		if (lua_toboolean(L, 3) == 0) {
			return luaL_error(L, "module " MODULE_PREFIX "%s "
					  "requires itself", name);
		}
		return 1;
	}
	lua_settop(L, 2);
	module_push_function(L, name);
	lua_pushvalue(L, 1);
	lua_pushboolean(L, 0);
	lua_rawset(L, 2);
	status = lua_pcall(L, 0, 1, 0);
	if (status != LUA_OK) {
		/* needs no memory: the key is there */
		lua_pushvalue(L, 1);
		lua_pushnil(L);
		lua_rawset(L, 2);
		script_rethrow_stop(L, status);
		return lua_error(L);
	}
	if (lua_toboolean(L, 3) == 0) {
		lua_pushvalue(L, 1);
		lua_pushnil(L);
		lua_rawset(L, 2);
		return luaL_error(L, "module " MODULE_PREFIX "%s returns "
				  "nothing", name);
	}
	if (lua_istable(L, 3))
		module_push_view(L, name);
	lua_pushvalue(L, 1);
	lua_pushvalue(L, 3);
	lua_rawset(L, 2);
	return 1;
}
