/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_KEPT_TEXT_H
#define POP3_POLICY_KEPT_TEXT_H

/*
 * What the store of kept UIDLs writes into its keys; see kept-store.h.
 */

#include "kept-store.h"

/* A line of dict-client has 64 kB, and a TEXT column of MySQL. */
#define KEPT_PART_BYTES (32 * 1000)
#define KEPT_GENERATION_BYTES 17

struct kept_head {
	char generation[KEPT_GENERATION_BYTES];
	uint32_t uid_validity, uidnext;
	unsigned int messages, parts;
};

void kept_text_append_head(string_t *dest, const struct kept_head *head);
/* Append as many of the messages from *index on as go into a part, and move
   *index on. */
void kept_text_append_part(string_t *dest, const char *generation,
			   const ARRAY_TYPE(kept_uidl) *uidls,
			   unsigned int *index);

/* Returns FALSE if it is damaged. */
bool kept_text_parse_head(const char *text, struct kept_head *head_r);
/* Appends to uidls; strings are allocated from pool. Returns 1, 0 if it
   belongs to another generation, -1 if it is damaged. */
int kept_text_parse_part(const char *text, const char *generation,
			 pool_t pool, ARRAY_TYPE(kept_uidl) *uidls);

#endif
