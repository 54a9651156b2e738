/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SCRIPT_ENGINE_H
#define POP3_POLICY_SCRIPT_ENGINE_H

/*
 * The shared object with the Lua engine. Loaded when the first section that
 * has a script is, so that nobody else pays for liblua.
 */

#include "pop3-policy/script.h"

/* Returns the engine, or NULL and *error_r (data stack). */
const struct script_engine *script_engine_load(const char **error_r);

/* What scripts may require(), of this process; the engine must be loaded.
   NULL if there is no memory, then they can't. */
struct script_modules *script_engine_get_modules(void);

/* Log several lines, each as a line of its own, for debugging. */
void script_engine_log_traceback(struct event *event, const char *traceback);

/* No source and no script of it may be left. */
void script_engine_unload(void);

#endif
