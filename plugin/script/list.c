/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "list.h"
#include "budget.h"
#include "file-identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Some 100,000 lines, more than script_memory usually takes. */
#define LIST_MAX_BYTES (4 * 1024 * 1024)
#define LIST_LINE_MAX_BYTES 1000
#define READ_BYTES 4096

static int list_newindex(lua_State *L)
{
	return luaL_error(L, "a list can't be changed");
}

/* upvalue 1: set */
static int list_pairs(lua_State *L)
{
	lua_getglobal(L, "next");
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_pushnil(L);
	return 3;
}

static const char *check_name(lua_State *L)
{
	const char *name;
	size_t length, i;

	if (lua_type(L, 1) != LUA_TSTRING) {
		luaL_error(L, "policy.list(name) takes the name of a file, "
			   "not a %s", luaL_typename(L, 1));
	}
	name = lua_tolstring(L, 1, &length);
	for (i = 0; i < length; i++) {
		if (name[i] == '/' || (unsigned char)name[i] < 0x20)
			break;
	}
	if (length == 0 || length > 255 || name[0] == '.' || i < length) {
		luaL_error(L, "policy.list(name) takes the name of a file "
			   "beside the policy file, without folders");
	}
	return name;
}

static int list_error(lua_State *L, const char *name, const char *what)
{
	/* not caught by pcall: a list that can't be read is no empty list */
	lua_pushfstring(L, "list %s: %s", name, what);
	return script_raise_doubt(L, lua_tostring(L, -1));
}

/* Adds a line to the set on top. */
static void list_add_line(lua_State *L, const char *line, size_t length)
{
	script_charge(L, 1);
	while (length > 0 && (line[length - 1] == ' ' ||
			      line[length - 1] == '\t' ||
			      line[length - 1] == '\r'))
		length--;
	while (length > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		length--;
	}
	if (length == 0 || *line == '#')
		return;
	lua_pushlstring(L, line, length);
	lua_pushboolean(L, 1);
	lua_rawset(L, -3);
}

/* Reads the file into the set on top. Returns NULL, or what is wrong. */
static const char *list_read(lua_State *L, int fd)
{
	char data[READ_BYTES], line[LIST_LINE_MAX_BYTES];
	const char *at, *end, *line_end;
	size_t total = 0, length, line_length = 0;
	ssize_t ret;

	while ((ret = read(fd, data, sizeof(data))) != 0) {
		if (ret < 0 && errno == EINTR)
			continue;
		if (ret < 0)
			return strerror(errno);
		total += (size_t)ret;
		if (total > LIST_MAX_BYTES)
			return "larger than 4 MB";
		end = data + ret;
		for (at = data; at < end; at = line_end + 1) {
			line_end = memchr(at, '\n', (size_t)(end - at));
			length = (size_t)((line_end == NULL ? end :
					   line_end) - at);
			if (line_length + length > sizeof(line))
				return "a line is longer than 1000 bytes";
			memcpy(line + line_length, at, length);
			line_length += length;
			if (line_end == NULL)
				break;
			list_add_line(L, line, line_length);
			line_length = 0;
		}
	}
	list_add_line(L, line, line_length);
	return NULL;
}

void list_close(struct script *script)
{
	if (script->list_fd != -1)
		(void)close(script->list_fd);
	script->list_fd = -1;
}

/* Pushes what a script gets for the set on top, which is popped. */
static void list_push_view(lua_State *L)
{
	lua_newtable(L);
	lua_createtable(L, 0, 4);
	lua_pushvalue(L, -3);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, list_newindex);
	lua_setfield(L, -2, "__newindex");
	lua_pushvalue(L, -3);
	lua_pushcclosure(L, list_pairs, 1);
	lua_setfield(L, -2, "__pairs");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
	lua_remove(L, -2);
}

/* The file stays open in script->list_fd until list_close(). */
static void list_open(lua_State *L, const char *name, struct stat *st)
{
	struct script *script = script_of(L);
	const char *folder = script->setup.list_folder;
	int folder_fd, error;

	if (folder == NULL)
		(void)list_error(L, name, "there are no lists here");
	folder_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (folder_fd < 0)
		(void)list_error(L, name, strerror(errno));
	list_close(script);
	/* a pipe must not make anyone wait */
	script->list_fd = openat(folder_fd, name, O_RDONLY | O_NONBLOCK |
				 O_CLOEXEC | O_NOCTTY);
	error = errno;
	(void)close(folder_fd);
	if (script->list_fd < 0)
		(void)list_error(L, name, strerror(error));
	if (fstat(script->list_fd, st) < 0 || !S_ISREG(st->st_mode))
		(void)list_error(L, name, "not a file");
}

int list_push(lua_State *L)
{
	static const char cache_key[] = "pop3_policy.lists";
	const char *name = check_name(L), *error;
	struct script *script = script_of(L);
	struct file_identity identity;
	struct stat st;

	lua_settop(L, 1);
	/* name -> { identity, view } */
	(void)luaL_getsubtable(L, LUA_REGISTRYINDEX, cache_key);
	list_open(L, name, &st);
	file_identity_get(&st, &identity);
	lua_pushvalue(L, 1);
	if (lua_rawget(L, 2) == LUA_TTABLE) {
		(void)lua_rawgeti(L, 3, 1);
		if (memcmp(lua_touserdata(L, -1), &identity,
			   sizeof(identity)) == 0) {
			list_close(script);
			(void)lua_rawgeti(L, 3, 2);
			return 1;
		}
	}
	lua_settop(L, 2);
	lua_newtable(L);
	error = list_read(L, script->list_fd);
	if (error != NULL)
		return list_error(L, name, error);
	list_close(script);
	list_push_view(L);
	lua_pushvalue(L, 1);
	lua_createtable(L, 2, 0);
	memcpy(lua_newuserdatauv(L, sizeof(identity), 0), &identity,
	       sizeof(identity));
	lua_rawseti(L, -2, 1);
	lua_pushvalue(L, 3);
	lua_rawseti(L, -2, 2);
	lua_rawset(L, 2);
	lua_settop(L, 3);
	return 1;
}
