/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state-memory.h"
#include "budget.h"

#include <stdlib.h>

/* Blocks of this size cost time themselves, so that asking for the time with
   each of them does not count. */
#define LARGE_BLOCK_BYTES 4096

/* Each refusal may cost one collection of the whole state. */
#define REFUSALS_AFTER_STOP 4

struct script_block {
	struct script_block *next, **self;
} __attribute__((aligned(16)));

static void block_unlink(struct script_block *block)
{
	*block->self = block->next;
	if (block->next != NULL)
		block->next->self = block->self;
}

static void block_link(struct script_memory *memory,
		       struct script_block *block)
{
	block->next = memory->blocks;
	block->self = &memory->blocks;
	if (block->next != NULL)
		block->next->self = &block->next;
	memory->blocks = block;
}

static bool
memory_may_grow(struct script *script, const void *block, size_t kind,
		size_t old_size, size_t new_size)
{
	struct script_memory *memory = &script->memory;

	if (script->stop != SCRIPT_STOP_NONE) {
		if (++memory->refused > REFUSALS_AFTER_STOP)
			script_abandon(script);
		return new_size < LARGE_BLOCK_BYTES &&
			memory->used + (new_size - old_size) <= memory->max;
	}
	if (new_size >= LARGE_BLOCK_BYTES && script_is_late(script))
		return false;
	if (block == NULL && kind == LUA_TSTRING &&
	    new_size > SCRIPT_STRING_MAX_BYTES + 64) {
		script_note_place(script);
		return false;
	}
	if (memory->used + (new_size - old_size) > memory->max) {
		script_note_place(script);
		/* a collection follows, which should not come too often */
		(void)script_is_late(script);
		return false;
	}
	return true;
}

void *script_memory_alloc(void *data, void *pointer, size_t size_or_kind,
			  size_t new_size)
{
	struct script *script = data;
	struct script_memory *memory = &script->memory;
	size_t old_size = pointer == NULL ? 0 : size_or_kind;
	struct script_block *block = NULL, *new_block;

	if (pointer != NULL) {
		block = (struct script_block *)pointer - 1;
		if (new_size == 0) {
			block_unlink(block);
			free(block);
			memory->used -= old_size;
			return NULL;
		}
	} else if (new_size == 0)
		return NULL;

	if (new_size > old_size) {
		if (!memory_may_grow(script, pointer, size_or_kind, old_size,
				     new_size))
			return NULL;
	}
	if (block != NULL)
		block_unlink(block);
	new_block = realloc(block, sizeof(*block) + new_size);
	if (new_block == NULL) {
		if (block != NULL)
			block_link(memory, block);
		/* Lua relies on it that blocks can always shrink */
		return new_size <= old_size ? pointer : NULL;
	}
	block_link(memory, new_block);
	memory->used = memory->used - old_size + new_size;
	if (memory->used > memory->peak)
		memory->peak = memory->used;
	return new_block + 1;
}

void script_memory_release(struct script_memory *memory)
{
	struct script_block *block = memory->blocks, *next;

	memory->blocks = NULL;
	for (; block != NULL; block = next) {
		next = block->next;
		free(block);
	}
	memory->used = 0;
}
