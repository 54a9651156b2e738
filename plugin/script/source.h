/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SCRIPT_SOURCE_H
#define POP3_POLICY_SCRIPT_SOURCE_H

#include "state.h"

/*
 * Source text, compiled once. The bytecode never leaves the process and none
 * comes in: Lua does not verify it.
 */

struct script_source {
	char *name;
	/* NULL where there is an error */
	char *bytecode;
	size_t bytecode_size, bytecode_room;
	char *error;
};

#endif
