/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SCRIPT_CACHE_H
#define POP3_POLICY_SCRIPT_CACHE_H

/*
 * Scripts that this process has compiled, for the next session that needs
 * them. The file is opened with the rights of the process each time, and
 * compiled again when it has changed.
 */

#include "script-engine.h"

struct cached_script {
	int refcount;
	char *path;
	struct script_limits limits;

	/* Never one with an error. */
	struct script_source *source;
	/* Of the text; never 0. */
	uint32_t fingerprint;
	/* A state has been made of it once. */
	bool has_loaded;
};

/* Get the script at this absolute path, compiled. Returns 0, or -1 and
   *error_r (data stack) if it can't be read, could be written by the mail
   user, or does not compile. */
int script_cache_get(const struct script_engine *engine, const char *path,
		     const struct script_limits *limits,
		     struct cached_script **script_r, const char **error_r);
void cached_script_unref(struct cached_script **script);

/* Forget all of them; those in use stay until they are given back. */
void script_cache_clear(void);

#endif
