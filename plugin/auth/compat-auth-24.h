/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_COMPAT_AUTH_24_H
#define POP3_POLICY_COMPAT_AUTH_24_H

/*
 * What both prototypes of preinit in 2.4 share.
 */

/* Returns 0, or -1 and *error_r. */
int pop3_passdb_24_create(pool_t pool, struct event *event,
			  struct passdb_module **module_r,
			  const char **error_r);

#endif
