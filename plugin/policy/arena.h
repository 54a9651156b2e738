/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_ARENA_H
#define POP3_POLICY_ARENA_H

/*
 * Memory that is given back all at once: whatever a parsed file, a policy or
 * a query consists of lives in one arena and dies with it. Nothing in here
 * aborts; where there is no memory every function returns NULL, and so does
 * each later call on the same arena, so that a caller may check once at the
 * end with policy_arena_has_failed().
 */

#include <stdbool.h>
#include <stddef.h>

struct policy_arena;

/* Returns NULL if there is no memory. */
struct policy_arena *policy_arena_create(void);
/* NULL is allowed. */
void policy_arena_free(struct policy_arena **arena);

/* count zeroed elements of size bytes, aligned for any type. An overflowing
   product counts as no memory. */
void *policy_arena_new(struct policy_arena *arena, size_t count, size_t size);
/* A NUL-terminated copy of length bytes. */
char *policy_arena_strndup(struct policy_arena *arena, const char *text,
			   size_t length);
/* Room for count elements where *items, which lives in the arena, has *room
   of them. Returns 0 with *items and *room updated and old elements kept, or
   -1. */
int policy_arena_grow(struct policy_arena *arena, void **items, size_t *room,
		      size_t count, size_t size);

/* Has any call failed? */
bool policy_arena_has_failed(const struct policy_arena *arena);

#endif
