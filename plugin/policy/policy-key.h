/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_KEY_H
#define POP3_POLICY_KEY_H

/*
 * The keys of a section: what each of them makes of its value. Reading lines
 * and joining sections is policy-load.c's business.
 */

#include "arena.h"
#include "policy-error.h"
#include "policy-text.h"

struct policy;

struct policy_key_target {
	struct policy *policy;
	/* of the policy */
	struct policy_arena *arena;
	struct policy_errors *errors;
	/* A line of the value was refused already. */
	bool damaged;
};

struct policy_key {
	char name[23];
	/* One value goes over several lines; else it has one. */
	bool many_lines;
};

/* More than there will be, for arrays. */
#define POLICY_KEYS_MAX 64

/* Returns NULL if there is no such key. */
const struct policy_key *policy_key_find(const char *key, size_t length);
/* Walk all keys: index from 0 on, NULL after the last. */
const struct policy_key *policy_key_get(size_t index);
/* The index of a key, below POLICY_KEYS_MAX. */
size_t policy_key_index(const struct policy_key *key);

/* Set the value in the policy, or report what is wrong with it. count = 0: back
   to the default. */
void policy_key_set(const struct policy_key *key,
		    struct policy_key_target *target,
		    const struct policy_piece *pieces, size_t count);
/* Set everything that has a key to its default. */
void policy_key_set_defaults(struct policy_key_target *target);

#endif
