/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_KEPT_UIDLS_H
#define POP3_POLICY_KEPT_UIDLS_H

/*
 * UIDLs that messages keep, whatever the policy says: imported from another
 * server, or pinned. A message is known by its GUID, which survives dsync,
 * other formats and other servers; UIDVALIDITY and UIDs, where they are still
 * the same, save looking for it: one GUID is compared, in case the mailbox was
 * restored from a backup and gives new mail UIDs that others had. What can't be
 * read is an error, never "none".
 */

struct mailbox;
struct mailbox_transaction_context;
struct kept_uidls;
struct kept_uidls_change;

/* Can there be any in this INBOX? Cheap, and TRUE in doubt. */
bool kept_uidls_may_exist(struct mailbox *box);

/* Read those of this INBOX, and find their messages in the transaction's view.
   Returns 1, 0 if there are none, -1 and *error_r (data stack). Free before
   the transaction ends. */
int kept_uidls_init(struct mailbox_transaction_context *trans,
		    struct kept_uidls **kept_r, const char **error_r);
/* NULL is allowed. */
void kept_uidls_deinit(struct kept_uidls **kept);

/* The UIDL that the message keeps, or NULL; valid as long as kept is. */
const char *kept_uidls_get(const struct kept_uidls *kept, uint32_t seq);
/* Would kept_uidls_refresh() help? */
bool kept_uidls_are_stale(const struct kept_uidls *kept);

/*
 * Changing them. Nobody else changes them between begin and commit or cancel,
 * at least where the index of the INBOX is on disk and shared by all servers.
 * Messages of this UIDVALIDITY that are gone are forgotten.
 */

/* As kept_uidls_init(). Returns 0, or -1 and *error_r (data stack). */
int kept_uidls_change_begin(struct mailbox_transaction_context *trans,
			    struct kept_uidls_change **change_r,
			    const char **error_r);
/* What the message with this sequence keeps so far, or NULL. */
const char *kept_uidls_change_get(struct kept_uidls_change *change,
				  uint32_t seq);
/* uidl: uidl_is_valid(). It should be no other message's; where it is, sessions
   number one of them. guid: not empty. Both are copied. */
void kept_uidls_change_set(struct kept_uidls_change *change, uint32_t seq,
			   const char *guid, const char *uidl);
void kept_uidls_change_unset(struct kept_uidls_change *change, uint32_t seq);
/* uidls: by sequence - 1, those that messages are about to keep, or NULL. What
   any other message keeps is forgotten where it is one of these, also where
   its message wasn't found. */
void kept_uidls_change_claim(struct kept_uidls_change *change,
			     const char *const *uidls);
/* Forget all, also those whose messages weren't found. */
void kept_uidls_change_clear(struct kept_uidls_change *change);
/* How many there are, those whose messages weren't found included */
unsigned int kept_uidls_change_count(struct kept_uidls_change *change);
/* All or nothing; writes nothing where nothing has changed. Returns 0, or -1
   and *error_r (data stack). */
int kept_uidls_change_commit(struct kept_uidls_change **change,
			     const char **error_r);
void kept_uidls_change_cancel(struct kept_uidls_change **change);

/* Throw away a store, also one that is damaged. Returns 0, or -1 and *error_r
   (data stack). */
int kept_uidls_remove_all(struct mailbox *box, const char **error_r);

/* Note where the messages are now, and forget those that are gone. box is
   open and synced. Returns 0, or -1 and *error_r (data stack). */
int kept_uidls_refresh(struct mailbox *box, const char **error_r);

#endif
