/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_USER_POLICY_H
#define POP3_POLICY_USER_POLICY_H

/*
 * Finds the policy of a mail user: the file that the settings name, its
 * section for this user, compiled. The file is read with the rights of the
 * process and kept while its identity and mtime stay the same. A policy whose
 * script doesn't load is broken.
 */

#include "pop3-policy/policy.h"

struct mail_user;
struct policy_script;

enum user_policy_state {
	/* The policy is broken; nothing can be removed. */
	USER_POLICY_BROKEN = 0,
	/* No section concerns this user: plain Dovecot. */
	USER_POLICY_NONE,
	USER_POLICY_ACTIVE,
};

struct user_policy {
	enum user_policy_state state;
	/* ACTIVE: never NULL. BROKEN: NULL, or whatever could be read. */
	struct policy *policy;
	/* ACTIVE: the script that the policy names. NULL = none */
	struct policy_script *script;
	/* "policy gold", "user alice@example.org", ...; "" if unknown */
	char *section;
	/* Path of the policy file */
	char *file;
	/* The setting pop3_policy_uidl_key as it is written */
	char *uidl_key;
	/* BROKEN: the first error, with file, line and column */
	char *error;
	/* BROKEN: it guards, or may guard, what may be seen, so nobody may
	   log in under it */
	bool guards;
};

/* Take it out of force: nothing can be removed, and it guards. error is
   copied. */
void user_policy_set_broken(struct user_policy *policy, const char *error);

/* Load this user's policy. Never fails: that is what BROKEN is for. Free
   after use, before the user is. */
struct user_policy *user_policy_load(struct mail_user *user);
void user_policy_free(struct user_policy **policy);

/* Frees what is kept for the whole process. */
void user_policy_deinit(void);

#endif
