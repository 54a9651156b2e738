/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_UIDL_STORM_H
#define POP3_POLICY_UIDL_STORM_H

/*
 * Is a session about to show mail under other UIDLs than those that it was
 * shown with before? Clients would download all of it again.
 */

#include "seq-range-array.h"
#include "pop3-policy/uidl.h"

struct pop3_session;

/* entries: of all messages, by sequence - 1; those that the session shows have
   uidl, hash and shown_hash. removed: sequences that don't count. Returns
   FALSE if UIDL must be refused, which has been logged then. */
bool uidl_storm_pass(struct pop3_session *session,
		     const struct uidl_entry *entries,
		     const ARRAY_TYPE(seq_range) *removed);

#endif
