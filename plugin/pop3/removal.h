/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_REMOVAL_H
#define POP3_POLICY_REMOVAL_H

/*
 * What a QUIT does to the messages that were marked by DELE: the verdict is
 * taken again, and the message is removed, archived, hidden or kept. Knows
 * afterwards what did not happen as the client was promised. mailbox.c calls
 * it from Dovecot's hooks.
 */

struct mail;
struct mailbox;
struct pop3_session;
struct removal;

enum removal_outcome {
	/* It stays, and everything that happens instead has been done. */
	REMOVAL_KEEP = 0,
	/* Remove it (or flag it, with pop3_delete_type = flag). */
	REMOVAL_REMOVE,
	/* Somebody else has removed it already, or the mailbox has been
	   numbered anew: leave it alone. */
	REMOVAL_GONE,
};

/* Before the INBOX is opened. */
struct removal *removal_init(struct pop3_session *session, struct mailbox *box);
void removal_deinit(struct removal **removal);

/* Is the removal busy with the mailbox itself? Then hooks pass everything on
   to Dovecot: it is archiving, or asking queries. */
bool removal_is_busy(const struct removal *removal);

/* Decide about one message and do what happens instead of its removal. Uses the
   data stack, so call it between T_BEGIN and T_END. */
enum removal_outcome removal_decide(struct removal *removal, struct mail *mail);

/* The message is being expunged: after QUIT it must be gone. */
void removal_note(struct removal *removal, struct mail *mail);

/* Before the transaction with the removals commits: write to the journal what
   is about to happen, commit archives. Returns 0, or -1 if nothing may happen,
   because the policy requires a journal and there is none. Then roll back, and
   removal_refuse() sets the storage's error to what the client shall hear. */
int removal_commit(struct removal *removal);
void removal_refuse(struct removal *removal);
/* The transaction could not be committed. */
void removal_commit_failed(struct removal *removal);
/* It is rolled back: nothing happens, archives included. */
void removal_rollback(struct removal *removal);

/* The QUIT's sync is done: has everything happened? sync_failed: something
   failed in it, see hidden_keyword_sync(). Returns 0, or -1 and the storage's
   error is what the client shall hear. */
int removal_finish(struct removal *removal, bool sync_failed);

#endif
