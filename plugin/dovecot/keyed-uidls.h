/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_KEYED_UIDLS_H
#define POP3_POLICY_KEYED_UIDLS_H

/*
 * The UIDLs of a mailbox's messages under `uidl = keyed...`, before those that
 * are the same are numbered. A message whose UIDL was shown under an older key
 * keeps that one.
 */

#include "pop3-policy/policy.h"
#include "pop3-policy/uidl.h"
#include "pop3-policy/uidl-key.h"

struct mailbox_transaction_context;
struct keyed_uidls;

/* source: one of POLICY_UIDL_KEYED... key: the setting pop3_policy_uidl_key.
   Returns 0, or -1 and *error_r (data stack), which names the setting. Free
   before the transaction ends. */
int keyed_uidls_init(enum policy_uidl source, const char *key,
		     struct mailbox_transaction_context *trans,
		     struct keyed_uidls **uidls_r, const char **error_r);
void keyed_uidls_deinit(struct keyed_uidls **uidls);

/* Is the message's UIDL kept in the index? Cheap, most of all before
   keyed_uidls_get() has been called for any message. Never for
   POLICY_UIDL_KEYED, which needs no memory. */
bool keyed_uidls_lookup(struct keyed_uidls *uidls, uint32_t seq,
			char uidl_r[UIDL_KEYED_LENGTH + 1]);

/* Make it, and keep it in the index if that took more than a look at it.
   entry: says what the message was shown with. Call it in a data stack frame,
   for which a few messages may share one. Returns 0, or -1 and *error_r (data
   stack). */
int keyed_uidls_get(struct keyed_uidls *uidls, uint32_t seq,
		    const struct uidl_entry *entry,
		    char uidl_r[UIDL_KEYED_LENGTH + 1],
		    const char **error_r);

#endif
