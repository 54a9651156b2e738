/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state-memory.h"
#include "budget.h"
#include "collisions.h"

#include <stdlib.h>
#include <string.h>

/* Blocks of this size cost time themselves, so that asking for the time with
   each of them does not count. */
#define LARGE_BLOCK_BYTES 4096

/* Each refusal may cost one collection of the whole state. */
#define REFUSALS_AFTER_STOP 4

/* Small blocks are cut off regions and reused by those of their class, which
   takes a fraction of malloc()'s instructions and needs no header. */
#define REGION_BYTES (8 * 1024)
#define CLASS_BYTES 16

/* For a block that has grown out of being small. */
#define KIND_GROWN SIZE_MAX

/* Lua's kind of what is no object of its own, like the elements of a table. */
#define KIND_NONE 0

/* To compare such a string, or to take it for a number, takes so long that the
   clock has to be looked at more often. */
#define LONG_STRING_BYTES (64 * 1024)

/* Precedes a region and a block that is not small. */
struct script_block {
	struct script_block *next, **self;
	/* so many elements of a table, 0 = something else */
	size_t nodes;
} __attribute__((aligned(16)));

static unsigned int get_class(size_t size)
{
	return (unsigned int)((size + CLASS_BYTES - 1) / CLASS_BYTES);
}

static bool is_small(size_t size)
{
	return get_class(size) < SCRIPT_MEMORY_CLASSES;
}

static void block_unlink(struct script_block *block)
{
	*block->self = block->next;
	if (block->next != NULL)
		block->next->self = block->self;
}

static void block_link(struct script_memory *memory,
		       struct script_block *block)
{
	block->nodes = 0;
	block->next = memory->blocks;
	block->self = &memory->blocks;
	if (block->next != NULL)
		block->next->self = &block->next;
	memory->blocks = block;
}

/* May the state have growth bytes more, for a block of new_size bytes?
   is_new: not for one that grows, which may be Lua's stack. */
static bool
memory_may_grow(struct script *script, size_t growth, size_t new_size,
		bool is_new)
{
	struct script_memory *memory = &script->memory;

	if (script->stop != SCRIPT_STOP_NONE) {
		if (++memory->refused > REFUSALS_AFTER_STOP)
			script_abandon(script);
		return new_size < LARGE_BLOCK_BYTES &&
			memory->used + growth <= memory->max;
	}
	if (new_size >= LARGE_BLOCK_BYTES && script_is_late(script))
		return false;
	if (memory->used + growth > memory->max) {
		if (is_new)
			script_note_place(script);
		/* a collection follows, which should not come too often */
		(void)script_is_late(script);
		return false;
	}
	return true;
}

static void memory_add(struct script_memory *memory, size_t size)
{
	memory->used += size;
	if (memory->used > memory->peak)
		memory->peak = memory->used;
}

static bool memory_new_region(struct script *script, bool force)
{
	struct script_memory *memory = &script->memory;
	struct script_block *block;

	/* what is left of the old one goes to the class that it fits */
	if (memory->region_left >= CLASS_BYTES) {
		unsigned int class = (unsigned int)(memory->region_left /
						    CLASS_BYTES);

		*(void **)memory->region = memory->free[class];
		memory->free[class] = memory->region;
		memory->region_left = 0;
	}
	if (!force && !memory_may_grow(script, REGION_BYTES, 0, true))
		return false;
	block = malloc(sizeof(*block) + REGION_BYTES);
	if (block == NULL)
		return false;
	block_link(memory, block);
	memory_add(memory, REGION_BYTES);
	memory->region = (char *)(block + 1);
	memory->region_left = REGION_BYTES;
	return true;
}

/* force: even if that goes over the cap */
static void *small_alloc(struct script *script, size_t size, bool force)
{
	struct script_memory *memory = &script->memory;
	unsigned int class = get_class(size);
	void *block = memory->free[class];

	if (block != NULL) {
		memory->free[class] = *(void **)block;
		return block;
	}
	size = (size_t)class * CLASS_BYTES;
	if (memory->region_left < size && !memory_new_region(script, force))
		return NULL;
	block = memory->region;
	memory->region += size;
	memory->region_left -= size;
	return block;
}

static void small_free(struct script_memory *memory, void *block, size_t size)
{
	unsigned int class = get_class(size);

	*(void **)block = memory->free[class];
	memory->free[class] = block;
}

static void *large_alloc(struct script *script, size_t size, bool is_new)
{
	struct script_block *block;

	if (!memory_may_grow(script, size, size, is_new))
		return NULL;
	block = malloc(sizeof(*block) + size);
	if (block == NULL)
		return NULL;
	block_link(&script->memory, block);
	memory_add(&script->memory, size);
	return block + 1;
}

static void large_free(struct script_memory *memory, void *pointer,
		       size_t size)
{
	struct script_block *block = (struct script_block *)pointer - 1;

	block_unlink(block);
	free(block);
	memory->used -= size;
}

static void *
large_realloc(struct script *script, void *pointer, size_t old_size,
	      size_t new_size)
{
	struct script_memory *memory = &script->memory;
	struct script_block *block = (struct script_block *)pointer - 1;
	struct script_block *new_block;

	if (new_size > old_size &&
	    !memory_may_grow(script, new_size - old_size, new_size,
			     false))
		return NULL;
	block_unlink(block);
	new_block = realloc(block, sizeof(*block) + new_size);
	if (new_block == NULL) {
		block_link(memory, block);
		/* Lua relies on it that blocks can always shrink */
		return new_size <= old_size ? pointer : NULL;
	}
	block_link(memory, new_block);
	memory->used -= old_size;
	memory_add(memory, new_size);
	return new_block + 1;
}

/* A table is about to move its elements into this new block. Which table is
   unknown, so all are looked at. */
static bool
table_may_grow(struct script *script, void *new_vector, size_t new_nodes)
{
	const struct script_block *block = script->memory.blocks;

	/* Lua fills it when it has got it */
	memset(new_vector, 0, new_nodes * sizeof(uint32_t));
	for (; block != NULL; block = block->next) {
		if (block->nodes > 0 &&
		    collisions_are_many(block + 1, block->nodes, new_nodes,
					new_vector))
			return false;
	}
	return true;
}

static void *
vector_alloc(struct script *script, size_t size, size_t nodes)
{
	void *vector = large_alloc(script, size, true);

	if (vector == NULL)
		return NULL;
	if (!table_may_grow(script, vector, nodes)) {
		script_stop_late(script);
		large_free(&script->memory, vector, size);
		return NULL;
	}
	((struct script_block *)vector - 1)->nodes = nodes;
	return vector;
}

/* kind: of the new object, as Lua names it, or one that is none of them */
static void *memory_new(struct script *script, size_t kind, size_t size)
{
	size_t nodes;

	if (is_small(size))
		return small_alloc(script, size, false);
	if (kind == LUA_TSTRING && size > SCRIPT_STRING_MAX_BYTES + 64) {
		script_note_place(script);
		return NULL;
	}
	if (kind == LUA_TSTRING && size > LONG_STRING_BYTES)
		script_budget_count_often(script);
	nodes = kind == KIND_NONE ? collisions_vector_nodes(size) : 0;
	if (nodes > 0)
		return vector_alloc(script, size, nodes);
	return large_alloc(script, size, kind != KIND_GROWN);
}

static void
memory_free(struct script_memory *memory, void *block, size_t size)
{
	if (is_small(size))
		small_free(memory, block, size);
	else
		large_free(memory, block, size);
}

void *script_memory_alloc(void *data, void *block, size_t size_or_kind,
			  size_t new_size)
{
	struct script *script = data;
	size_t old_size = size_or_kind;
	void *new_block;

	if (block == NULL)
		return new_size == 0 ? NULL :
			memory_new(script, size_or_kind, new_size);
	if (new_size == 0) {
		memory_free(&script->memory, block, old_size);
		return NULL;
	}
	/* A shrinking block must not fail. A small one that has shrunk is one
	   of its new class, with some room that is lost. */
	if (is_small(old_size) && get_class(new_size) <= get_class(old_size))
		return block;
	if (!is_small(old_size) && !is_small(new_size))
		return large_realloc(script, block, old_size, new_size);
	new_block = new_size > old_size ? 
		memory_new(script, KIND_GROWN, new_size) :
		small_alloc(script, new_size, true);
	if (new_block == NULL)
		return NULL;
	memcpy(new_block, block, old_size < new_size ? old_size : new_size);
	memory_free(&script->memory, block, old_size);
	return new_block;
}

void script_memory_release(struct script_memory *memory)
{
	struct script_block *block = memory->blocks, *next;

	for (; block != NULL; block = next) {
		next = block->next;
		free(block);
	}
	memset(memory, 0, sizeof(*memory));
}
