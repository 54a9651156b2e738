/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_KEPT_STORE_H
#define POP3_POLICY_KEPT_STORE_H

/*
 * Where a user's kept UIDLs lie: Dovecot's dict of the setting
 * pop3_policy_uidl_dict, or without one a file beside the journal. All of them
 * are read at once and replaced at once. They take few keys, of bounded
 * size and without iteration, so that any of Dovecot's dicts will do:
 *
 *   priv/pop3-policy/uidls/head     CHECKSUM 1 GENERATION UIDVALIDITY UIDNEXT
 *                                   MESSAGES PARTS
 *   priv/pop3-policy/uidls/N        CHECKSUM GENERATION {UID GUID UIDL}...
 *
 * GENERATION tells parts that were written together. A GUID's bytes that are
 * not printable are written as %XX. What is damaged, or incomplete, is an
 * error, never an empty store.
 */

struct mailbox;

struct kept_uidl {
	/* 0 = unknown: only the GUID counts */
	uint32_t uid;
	const char *guid, *uidl;
};
ARRAY_DEFINE_TYPE(kept_uidl, struct kept_uidl);

struct kept_uidls_content {
	/* Of the mailbox when they were written */
	uint32_t uid_validity, uidnext;
	/* By UID */
	ARRAY_TYPE(kept_uidl) uidls;
};

/* Could there be any? A stat() where no dict is configured. */
bool kept_store_may_exist(struct mailbox *box);

/* Read them all. The strings and the array are allocated from pool. Returns
   1, 0 if there is no store (the array is empty then), -1 and *error_r (data
   stack), which names the store. */
int kept_store_read(struct mailbox *box, pool_t pool,
		    struct kept_uidls_content *content_r,
		    const char **error_r);

/* Replace them all; none at all removes the store. The caller keeps others
   from doing the same. Returns 0 when they are written to stay, or -1 and
   *error_r (data stack): then the store is as it was, unless the error says
   otherwise. */
int kept_store_write(struct mailbox *box,
		     const struct kept_uidls_content *content,
		     const char **error_r);

#endif
