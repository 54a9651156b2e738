/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_FINGERPRINT_H
#define POP3_POLICY_FINGERPRINT_H

/*
 * Tells one set of expire rules from another. It is kept in mailboxes, so it
 * depends neither on the machine, nor on how the rules are laid out.
 */

#include <stdint.h>

struct policy;

/* See struct policy, expire_fingerprint. Never 0. */
uint32_t policy_fingerprint(const struct policy *policy);

#endif
