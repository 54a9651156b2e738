/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SCRIPT_LIST_H
#define POP3_POLICY_SCRIPT_LIST_H

#include "state.h"

/* policy.list(name): push the set of the lines of the file name in the folder
   of lists; name is at index 1. Read again once the file has changed. */
int list_push(lua_State *L);
/* Close the file that a call has left open because it ended in an error. */
void list_close(struct script *script);

#endif
