/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_POLICY_MECHANISM_H
#define POP3_POLICY_POLICY_MECHANISM_H

/*
 * Reads the value of `mechanisms`.
 */

#include "pop3-policy/mechanism.h"
#include "arena.h"
#include "policy-error.h"
#include "policy-text.h"

/* count pieces, one a line. Errors are added to errors; then the list is not
   to be used. */
void policy_mechanisms_parse(struct policy_arena *arena,
			     struct policy_errors *errors,
			     const struct policy_piece *pieces, size_t count,
			     struct policy_mechanisms *mechanisms_r);

#endif
