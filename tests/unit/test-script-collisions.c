/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collisions.h"
#include "suite.h"

#include <check.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>

/* What is in a table's vector, and where Lua will put it, is not in Lua's
   headers. So these tables are filled by Lua itself. */
static const struct collisions_row {
	const char *name;
	/* the key of element i, from 1 */
	const char *key;
	bool want;
} collisions_rows[] = {
	{ "multiples of what Lua divides by", "i * 16383", true },
	{ "behind some number", "5 - i * 16383", true },
	{ "fractions that differ in the last bits", "1.5 + i * 2.0 ^ -45",
	  true },
	{ "negative fractions", "-0.75 - i * 2.0 ^ -46", true },
	/* all of them the same remainder, but not of the next size */
	{ "multiples for another size", "i * 32767", false },
	{ "one in 37", "i * 37", false },
	{ "one in 4096", "i * 4096", false },
	{ "times", "1700000000 + i * 60", false },
	{ "times with fractions", "1700000000.5 + i * 60", false },
	{ "strings", "'guid' .. i", false },
	{ "tables", "{}", false },
};

struct vectors {
	void *vector;
	size_t nodes;
	/* the answer where the vector grows beyond 8192 */
	bool is_known, are_many;
};

static void look(struct vectors *vectors, void *new_vector, size_t bytes)
{
	size_t nodes = collisions_vector_nodes(bytes);
	uint32_t *counts;
	size_t i;

	if (nodes == 0)
		return;
	if (vectors->nodes == 8192 && nodes == 16384) {
		counts = calloc(nodes, sizeof(*counts));
		vectors->is_known = true;
		vectors->are_many = collisions_are_many(vectors->vector,
			vectors->nodes, nodes, counts);
		for (i = 0; i < nodes; i++)
			ck_assert_uint_eq(counts[i], 0);
		free(counts);
	}
	vectors->vector = new_vector;
	vectors->nodes = nodes;
}

static void *
alloc(void *data, void *block, size_t size_or_kind, size_t new_size)
{
	bool is_vector = block == NULL && size_or_kind == 0;
	void *new_block;

	if (new_size == 0) {
		free(block);
		return NULL;
	}
	new_block = realloc(block, new_size);
	if (is_vector)
		look(data, new_block, new_size);
	return new_block;
}

START_TEST(test_collisions)
{
	const struct collisions_row *row = &collisions_rows[_i];
	struct vectors vectors = { .vector = NULL };
	lua_State *L = lua_newstate(alloc, &vectors);
	char text[200];

	(void)snprintf(text, sizeof(text), "local t = {}\n"
		       "for i = 1, 8193 do t[%s] = true end\n", row->key);
	/* a collection does not move elements */
	(void)lua_gc(L, LUA_GCSTOP);
	ck_assert(luaL_loadstring(L, text) == LUA_OK);
	ck_assert(lua_pcall(L, 0, 0, 0) == LUA_OK);
	ck_assert_msg(vectors.is_known, "%s", row->name);
	ck_assert_msg(vectors.are_many == row->want, "%s", row->name);
	lua_close(L);
}
END_TEST

START_TEST(test_vector_sizes)
{
	ck_assert_uint_eq(collisions_vector_nodes(0), 0);
	ck_assert_uint_eq(collisions_vector_nodes(2048 * 24), 0);
	ck_assert_uint_eq(collisions_vector_nodes(4096 * 24), 4096);
	ck_assert_uint_eq(collisions_vector_nodes(4096 * 24 + 1), 0);
	ck_assert_uint_eq(collisions_vector_nodes(4097 * 24), 0);
	ck_assert_uint_eq(collisions_vector_nodes(8192 * 24), 8192);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("collisions in tables");
	TCase *tcase = tcase_create("collisions in tables");

	tcase_add_loop_test(tcase, test_collisions, 0,
			    N_ROWS(collisions_rows));
	tcase_add_test(tcase, test_vector_sizes);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
