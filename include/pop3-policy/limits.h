/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_LIMITS_H
#define POP3_POLICY_LIMITS_H

/*
 * What a policy script may use, as the keys script_memory,
 * script_instructions and script_time give it. Plain values, without Lua.
 */

#include <stdint.h>

struct script_limits {
	/* of one session's Lua state, its libraries and code included */
	uint64_t memory_bytes;
	/* Lua's virtual machine instructions, or as much work in a library
	   function, of one call of a hook; loading may take as many */
	uint64_t instructions;
	/* wall clock, of one call of a hook; loading may take as much, but of
	   auth it is for both together */
	uint32_t time_msecs;
};

#define SCRIPT_MEMORY_DEFAULT_BYTES (UINT64_C(16) * 1024 * 1024)
/* An empty state with its libraries needs 40 kB. */
#define SCRIPT_MEMORY_MIN_BYTES (UINT64_C(256) * 1024)
/* A garbage collection of more, which nothing can interrupt, would take longer
   than script_time is by default. */
#define SCRIPT_MEMORY_MAX_BYTES (UINT64_C(128) * 1024 * 1024)
#define SCRIPT_INSTRUCTIONS_DEFAULT 2000000
#define SCRIPT_INSTRUCTIONS_MIN 1000
#define SCRIPT_INSTRUCTIONS_MAX 1000000000
#define SCRIPT_TIME_DEFAULT_MSECS 100
#define SCRIPT_TIME_MAX_MSECS (60 * 1000)
/* pop3_policy_show is called for every message before the client gets its
   "+OK": all its calls of a session may take this many times script_time. */
#define SCRIPT_SHOW_TIME_FACTOR 20

#endif
