/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_PASSDB_H
#define POP3_POLICY_PASSDB_H

/*
 * passdb { driver = pop3_policy }. It lets in who has a right APOP digest;
 * else it only refuses. It never answers OK to anything but APOP, so that no
 * setting of the chain can make it vouch for a password, and never "internal
 * failure", which Dovecot hands on to the next passdb.
 */

#include "auth-common.h"
#include "auth-request.h"
#include "passdb.h"

struct dict;
struct module;

struct pop3_passdb {
	struct passdb_module module;
	/* Policy file: never NULL or "" */
	const char *file;
	/* Was it set, or is it the compiled-in default? */
	bool file_is_set;
	/* Where last logins are kept, owned; it answers asynchronously.
	   NULL: in the memory of this process */
	struct dict *dict;
};

extern const char *authdb_pop3_policy_version;

void authdb_pop3_policy_init(struct module *module);
void authdb_pop3_policy_deinit(void);

#endif
