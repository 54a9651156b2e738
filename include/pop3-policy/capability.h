/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_CAPABILITY_H
#define POP3_POLICY_CAPABILITY_H

/*
 * What CAPA says of a policy (RFC 2449). Pure; it promises nothing that is not
 * kept: where it can't know, it says so.
 */

#include <stdbool.h>
#include <stdint.h>

struct policy;

/* EXPIRE, RFC 2449 section 6.7 */
enum policy_expire {
	/* The policy does not say it: no EXPIRE at all. */
	POLICY_EXPIRE_UNKNOWN = 0,
	/* The server removes nothing by itself. */
	POLICY_EXPIRE_NEVER,
	/* It removes nothing that has been there for fewer days; 0 = it may
	   remove mail at once. */
	POLICY_EXPIRE_DAYS,
};

/* asks_script: has its script a say in what expires? *days_r is set for
   DAYS. */
enum policy_expire
policy_expire_capability(const struct policy *policy, bool asks_script,
			 uint32_t *days_r);

#endif
