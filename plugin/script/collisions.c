/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collisions.h"

#include <lua.h>

#include <limits.h>
#include <math.h>

/* What Lua 5.4 keeps an element of a table in. */
struct node {
	union {
		lua_Integer integer;
		lua_Number number;
		void *pointer;
	} value;
	unsigned char value_type, key_type;
	int next;
	union {
		lua_Integer integer;
		lua_Number number;
		void *pointer;
	} key;
};

#define TYPE_MASK 0x0F
#define KEY_INTEGER LUA_TNUMBER
#define KEY_FLOAT (LUA_TNUMBER | 1 << 4)

/* Some 30 milliseconds. Keys that nobody has chosen for it need less than a
   step each. */
#define STEPS_MAX (8 * 1024 * 1024)

size_t collisions_vector_nodes(size_t bytes)
{
	size_t nodes = bytes / sizeof(struct node);

	return bytes % sizeof(struct node) == 0 &&
		nodes >= COLLISIONS_NODES_MIN && (nodes & (nodes - 1)) == 0 ?
		nodes : 0;
}

/* As Lua has it, so that it meets the same keys. */
static unsigned int hash_float(lua_Number number)
{
	unsigned int hash;
	int exponent;

	number = frexp(number, &exponent) * -(lua_Number)INT_MIN;
	if (!isfinite(number))
		return 0;
	hash = (unsigned int)exponent + (unsigned int)(lua_Integer)number;
	return hash <= INT_MAX ? hash : ~hash;
}

/* Returns the place of an element whose key is a number, or SIZE_MAX. Strings
   have a hash that a script can't foresee. */
static size_t node_place(const struct node *node, size_t nodes)
{
	if ((node->value_type & TYPE_MASK) == LUA_TNIL)
		return SIZE_MAX;
	switch (node->key_type) {
	case KEY_INTEGER:
		return (lua_Unsigned)node->key.integer % (nodes - 1);
	case KEY_FLOAT:
		return hash_float(node->key.number) % (nodes - 1);
	default:
		return SIZE_MAX;
	}
}

bool collisions_are_many(const void *vector, size_t nodes, size_t new_nodes,
			 uint32_t *counts)
{
	const struct node *node = vector;
	uint64_t steps = 0;
	size_t i, place;

	for (i = 0; i < nodes; i++) {
		place = node_place(&node[i], new_nodes);
		if (place != SIZE_MAX)
			steps += counts[place]++;
	}
	for (i = 0; i < nodes; i++) {
		place = node_place(&node[i], new_nodes);
		if (place != SIZE_MAX)
			counts[place] = 0;
	}
	return steps > STEPS_MAX;
}
