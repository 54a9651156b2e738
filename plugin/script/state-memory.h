/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SCRIPT_STATE_MEMORY_H
#define POP3_POLICY_SCRIPT_STATE_MEMORY_H

/*
 * The memory of a Lua state: capped, and released as a whole.
 */

#include "state.h"

/* A lua_Alloc; data is the struct script. Refuses what goes over the cap,
   strings of more than SCRIPT_STRING_MAX_BYTES, and larger blocks once the
   time is over: a table that is rehashed again and again, or a collection
   again and again, would else run on between two instructions. */
void *script_memory_alloc(void *data, void *block, size_t old_size,
			  size_t new_size);
void script_memory_release(struct script_memory *memory);

#endif
