/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A policy of a few rules fits into one block. */
#define ARENA_BLOCK_BYTES 2000

struct arena_block {
	struct arena_block *next;
	max_align_t data[];
};

struct policy_arena {
	struct arena_block *blocks;
	char *free;
	size_t left;
	bool failed;
};

struct policy_arena *policy_arena_create(void)
{
	return calloc(1, sizeof(struct policy_arena));
}

void policy_arena_free(struct policy_arena **_arena)
{
	struct policy_arena *arena = *_arena;
	struct arena_block *block, *next;

	*_arena = NULL;
	if (arena == NULL)
		return;
	for (block = arena->blocks; block != NULL; block = next) {
		next = block->next;
		free(block);
	}
	free(arena);
}

static struct arena_block *
arena_add_block(struct policy_arena *arena, size_t bytes)
{
	struct arena_block *block;

	block = bytes > SIZE_MAX - sizeof(*block) ? NULL :
		calloc(1, sizeof(*block) + bytes);
	if (block == NULL) {
		arena->failed = true;
		return NULL;
	}
	block->next = arena->blocks;
	arena->blocks = block;
	return block;
}

void *policy_arena_new(struct policy_arena *arena, size_t count, size_t size)
{
	const size_t align = sizeof(max_align_t);
	struct arena_block *block;
	size_t bytes;
	void *ret;

	if (arena->failed)
		return NULL;
	if (size != 0 && count > (SIZE_MAX - align) / size) {
		arena->failed = true;
		return NULL;
	}
	bytes = (count * size + align - 1) / align * align;
	if (bytes == 0)
		bytes = align;

	if (bytes > arena->left) {
		/* what is large gets a block of its own, so that the rest of
		   the current one is not lost */
		if (bytes > ARENA_BLOCK_BYTES / 4) {
			block = arena_add_block(arena, bytes);
			return block == NULL ? NULL : block->data;
		}
		block = arena_add_block(arena, ARENA_BLOCK_BYTES);
		if (block == NULL)
			return NULL;
		arena->free = (char *)block->data;
		arena->left = ARENA_BLOCK_BYTES;
	}
	ret = arena->free;
	arena->free += bytes;
	arena->left -= bytes;
	return ret;
}

char *policy_arena_strndup(struct policy_arena *arena, const char *text,
			   size_t length)
{
	char *copy;

	if (length == SIZE_MAX) {
		arena->failed = true;
		return NULL;
	}
	copy = policy_arena_new(arena, length + 1, 1);
	if (copy != NULL && length > 0)
		memcpy(copy, text, length);
	return copy;
}

int policy_arena_grow(struct policy_arena *arena, void **items, size_t *room,
		      size_t count, size_t size)
{
	size_t new_room = *room;
	void *new_items;

	if (count <= *room)
		return 0;
	while (new_room < count) {
		if (new_room > SIZE_MAX / 2) {
			arena->failed = true;
			return -1;
		}
		new_room = new_room == 0 ? 8 : new_room * 2;
	}
	new_items = policy_arena_new(arena, new_room, size);
	if (new_items == NULL)
		return -1;
	if (*room > 0)
		memcpy(new_items, *items, *room * size);
	*items = new_items;
	*room = new_room;
	return 0;
}

bool policy_arena_has_failed(const struct policy_arena *arena)
{
	return arena->failed;
}
