/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SCRIPT_PATTERN_H
#define POP3_POLICY_SCRIPT_PATTERN_H

/*
 * Lua's patterns (Lua 5.4 reference manual 6.4.1), compiled once and matched
 * with a budget: the time that backtracking takes grows with a high power of
 * the text's length, and Lua's own matcher can't be interrupted.
 * Nothing here allocates or knows Lua's stack.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATTERN_NODES_MAX 256
/* A set may be longer than it has members. */
#define PATTERN_BYTES_MAX 4096
#define PATTERN_SETS_MAX 16
#define PATTERN_CAPTURES_MAX 32

struct pattern_node {
	uint8_t op;
	/* '*', '+', '-', '?', or 0 = once */
	uint8_t repeat;
	/* what op takes: a byte, an index, a letter of a class */
	uint8_t a, b;
};

struct pattern {
	bool is_anchored;
	unsigned int nodes_count, sets_count, captures_count;
	/* 32 bytes a set: one bit for each byte that is in it */
	uint8_t sets[PATTERN_SETS_MAX][32];
	struct pattern_node nodes[PATTERN_NODES_MAX];
};

/* Returns NULL, or what is wrong with the pattern (static text). */
const char *pattern_compile(struct pattern *pattern, const char *text,
			    size_t length);

struct pattern_capture {
	const char *start;
	/* PATTERN_POSITION: only start counts */
	ptrdiff_t length;
};
#define PATTERN_POSITION (-1)

struct pattern_match {
	const struct pattern *pattern;
	const char *text, *text_end;
	/* Called about every 256 steps with their number; may not return. */
	void (*charge)(void *context, unsigned int steps);
	void *context;

	/* set when it matched */
	struct pattern_capture captures[PATTERN_CAPTURES_MAX];
	unsigned int captures_count;

	unsigned int steps;
};

/* Does the pattern match at start, which lies in text? Returns the end of the
   match, or NULL. An anchor is the caller's business. */
const char *pattern_match_at(struct pattern_match *match, const char *start);

#endif
