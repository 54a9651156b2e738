/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_POLICY_FILE_H
#define POP3_POLICY_POLICY_FILE_H

/*
 * The index of a policy file, as the loader of sections sees it. Everything
 * belongs to the file.
 */

#include "pop3-policy/policy.h"
#include "policy-error.h"
#include "policy-text.h"

enum policy_section_kind {
	POLICY_SECTION_DEFAULT,
	POLICY_SECTION_POLICY,
	POLICY_SECTION_USER,
	POLICY_SECTION_DOMAIN,
};

#define POLICY_SECTION_NONE SIZE_MAX

struct policy_section {
	enum policy_section_kind kind;
	/* "policy gold", and the "gold" in it ("" for default) */
	const char *text;
	const char *name;
	size_t name_length;

	/* the lines between this header and the next one */
	struct policy_lines body;
	unsigned int line;

	/* Index of the next section with the same name, which is an error. */
	size_t next_same;
	bool is_repeated;

	/* Has the key show, script, mechanisms or login_delay, or one that
	   looks like a slip for one. */
	bool has_guards;
	/* Has a line that may be meant as inherit, but is not one. */
	bool has_unclear_inherit;
	unsigned int inherit_count;
	/* value of the first one */
	struct policy_piece inherit;
};

struct policy_file {
	struct policy_arena *arena;
	const char *name;
	/* errors outside sections */
	struct policy_errors errors;
	bool has_guards;

	struct policy_section *sections;
	size_t sections_count, sections_room;
	/* open addressing; index of a section + 1, 0 = free */
	uint32_t *table;
	size_t table_mask;
};

/* The word before the name: "default", "policy", ... */
const char *policy_section_kind_name(enum policy_section_kind kind);
/* Returns false if there is no such kind. */
bool policy_section_kind_parse(const char *text, size_t length,
			       enum policy_section_kind *kind_r);
/* Returns the first section of this name, or NULL. */
const struct policy_section *
policy_file_find(const struct policy_file *file, enum policy_section_kind kind,
		 const char *name, size_t length);

/* Is it one of the keys that a section may have? */
bool policy_key_is_known(const char *key, size_t length);

#endif
