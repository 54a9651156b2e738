/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_POLICY_QUERY_H
#define POP3_POLICY_POLICY_QUERY_H

/*
 * Compiles queries: words, grammar, arguments. Everything that Dovecot's own
 * parser takes silently and then understands otherwise than it was meant is
 * refused here, because a hold that never matches protects nothing.
 */

#include "pop3-policy/query.h"
#include "arena.h"
#include "policy-error.h"
#include "policy-text.h"

/* Compile the query that stands on these pieces (at least one), each from a
   line of its own; a quoted word does not go over the end of a line. They must
   hold no bytes that policy_text_find_bad() finds. The result lives in the
   arena. Returns 0, or -1 after adding one error. */
int policy_query_compile(struct policy_arena *arena,
			 struct policy_errors *errors,
			 const struct policy_piece *pieces, size_t count,
			 struct policy_query *query_r);

#endif
