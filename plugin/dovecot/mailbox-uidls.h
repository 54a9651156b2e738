/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_MAILBOX_UIDLS_H
#define POP3_POLICY_MAILBOX_UIDLS_H

/*
 * The UIDLs of all messages of an INBOX, as a POP3 session shows them. One that
 * is kept (kept-uidls.h) stands above all else, and no other message gets it.
 * The others come from the script, or where it passes from the policy's key
 * uidl: a secret key, or Dovecot's settings. Sessions and doveadm make them
 * here, so that both say the same. Making them changes nothing but caches.
 */

#include "seq-range-array.h"
#include "dovecot-uidl.h"
#include "pop3-policy/uidl.h"

struct mailbox_transaction_context;
struct user_policy;
struct history;
struct judge;
struct mailbox_uidls;

struct mailbox_uidls_params {
	/* Of the INBOX, which has been synced. The caller commits it if what
	   was found out is to be remembered in the index. */
	struct mailbox_transaction_context *trans;
	const struct user_policy *policy;
	struct history *history;
	/* Asks the script. NULL is allowed where policy->script has no hook
	   SCRIPT_HOOK_UIDL. */
	struct judge *judge;
	struct dovecot_uidl_settings dovecot;
	/* Does a session show the message with this sequence? Dovecot leaves
	   those that it doesn't out when it renames duplicates. */
	bool (*is_shown)(void *context, uint32_t seq);
	void *context;
	/* Also those of Dovecot's own that a session doesn't show */
	bool want_unseen;
	/* The UIDLs are allocated from it */
	pool_t pool;
};

/* Are this policy's UIDLs others than Dovecot's own? */
bool mailbox_uidls_are_own(const struct user_policy *policy);

/* params is copied; everything in it must outlive the uidls. Free before the
   transaction ends. */
struct mailbox_uidls *
mailbox_uidls_init(const struct mailbox_uidls_params *params);
/* NULL is allowed. */
void mailbox_uidls_deinit(struct mailbox_uidls **uidls);

/* Make them, once. Returns 0, or -1 and *error_r (data stack): then there are
   none. */
int mailbox_uidls_make(struct mailbox_uidls *uidls, const char **error_r);

/* Of all messages, by sequence - 1; valid until the uidls are freed.
   shown_hash: of the one shown before. Of Dovecot's own a message that isn't
   shown has a uidl only with want_unseen, else NULL. */
const struct uidl_entry *
mailbox_uidls_get(const struct mailbox_uidls *uidls, uint32_t *count_r);
/* Should kept_uidls_refresh() be called? */
bool mailbox_uidls_kept_are_stale(const struct mailbox_uidls *uidls);
/* Sequences whose messages others have removed meanwhile, so that their UIDLs
   could not be found out: they have one that no other message has or will
   have, which must not be remembered. */
const ARRAY_TYPE(seq_range) *
mailbox_uidls_get_removed(const struct mailbox_uidls *uidls);

/* While they are made: the UIDL that a message would have if the script
   passed. Returns 0, or -1 and *error_r (data stack). *uidl_r is valid until
   the next call. */
int mailbox_uidls_get_base(struct mailbox_uidls *uidls, uint32_t seq,
			   const char **uidl_r, const char **error_r);

#endif
