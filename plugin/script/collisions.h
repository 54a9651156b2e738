/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SCRIPT_COLLISIONS_H
#define POP3_POLICY_SCRIPT_COLLISIONS_H

/*
 * Lua spreads the numbers among a table's keys by their value alone. Whoever
 * chooses them can have all of them in one place once the table grows: Lua then
 * moves them within one instruction, each past all those before it, which takes
 * minutes where there are 100,000. So keys are looked at before they are moved.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What fewer elements can cost is less than a millisecond for each of the
   table's size. */
#define COLLISIONS_NODES_MIN 4096

/* How many elements Lua keeps in a vector that it has asked so many bytes for,
   if it is one at all; 0 = it is none, or a small one. */
size_t collisions_vector_nodes(size_t bytes);

/* Would it take too long to move what is in the vector into one of new_nodes?
   nodes and new_nodes are what collisions_vector_nodes() said, counts is room
   for new_nodes of these, all 0 before and after. */
bool collisions_are_many(const void *vector, size_t nodes, size_t new_nodes,
			 uint32_t *counts);

#endif
