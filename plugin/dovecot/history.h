/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_HISTORY_H
#define POP3_POLICY_HISTORY_H

/*
 * What POP3 did to each message, kept in an extension of the INBOX's index:
 * 16 bytes a message and a header for the mailbox. Changes are collected in
 * memory and written in one go into a transaction of the caller's, so that a
 * session costs one write. Lookups see the collected changes.
 *
 * Lost records (force-resync on dbox, a deleted index, dsync) mean "unknown",
 * which keeps mail longer. Nothing is ever written into a message.
 */

#include "seq-range-array.h"
#include "pop3-policy/facts.h"

struct mailbox;
struct mailbox_transaction_context;
struct mail_index_view;

#define HISTORY_KEYWORD "$POP3Hidden"

enum history_flags {
	/* Handed to the kernel whole, at least once. */
	HISTORY_SENT = 0x01,
	/* HISTORY_KEYWORD has been put on the message after it was hidden:
	   from then on the keyword alone says whether it is hidden. */
	HISTORY_KEYWORD_SET = 0x02,
	/* A copy of it may be in the archive already. */
	HISTORY_ARCHIVING = 0x04,
	/* An expiry run in mode = report has said what it would do. */
	HISTORY_REPORTED = 0x08,
	/* The UIDL last shown had a number behind it. */
	HISTORY_UIDL_NUMBERED = 0x10,
};

/* On disk, in the byte order of the index, as all of Dovecot's extensions. */
struct history_record {
	uint32_t retrieved;	/* first confirmed retrieval, 0 = never */
	uint32_t hidden;	/* since when, 0 = not hidden or not dated */
	uint32_t uidl_hash;	/* of the UIDL last shown; 0 = never shown */
	uint16_t retrieve_count;/* confirmed retrievals, sticks at 65535 */
	uint16_t flags;		/* enum history_flags */
};

/* On disk, too. A header that is all zero has never been written. */
struct history_header {
	uint32_t version;	/* HISTORY_VERSION */
	uint32_t first_watched_uid;
	uint32_t last_session;
	uint32_t last_expire;
	uint32_t armed;		/* 0 = not armed */
	uint32_t uidls_accepted;/* the next session's are right, since when;
				   0 = only those shown before */
	uint32_t next_due;	/* 0 = unknown */
	uint32_t next_due_uidnext;
	uint32_t next_due_fingerprint;
	/* Of expiry runs in mode = report, which have clocks of their own: */
	uint32_t last_report;	/* as last_expire */
	uint32_t report_armed;	/* as armed */
	uint32_t report_fingerprint; /* of the rules that were reported */
	uint32_t reserved2[4];
};
#define HISTORY_VERSION 1

struct history;

/* Attach to a mailbox that has been opened. Never fails; a mailbox whose
   index is only in memory has a history that is not persistent. Free before
   the mailbox is closed; what was not written is forgotten. */
struct history *history_init(struct mailbox *box);
void history_deinit(struct history **history);

/* Is there an index to keep this in? Without one, rules about history and
   hiding must be refused. */
bool history_is_persistent(struct history *history);

/* Why can't rules about history, and hiding, be applied to this mailbox? NULL
   if they can; else what the mailbox is ("this mailbox ..."), static. */
const char *history_get_obstacle(struct history *history);

/* The header as it is in this view; all zero if it was never written. */
void history_get_header(struct history *history, struct mail_index_view *view,
			struct history_header *header_r);
/* Collect a new header; written by history_write(). */
void history_set_header(struct history *history,
			const struct history_header *header);

/* Could any message have a record, or a collected change? FALSE spares the
   caller to ask for each. */
bool history_may_have_records(
	struct history *history,
	const struct mailbox_transaction_context *trans);
/* The record of one message, collected changes included; all zero if there
   is none. */
void history_get(struct history *history, struct mail_index_view *view,
		 uint32_t seq, struct history_record *rec_r);

/* Fill history_known, sent, retrieved and retrieve_count of facts_r. */
void history_get_retrieval(struct history *history,
			   struct mail_index_view *view, uint32_t seq,
			   struct policy_message_facts *facts_r);

/* Fill history_known, sent, retrieved, retrieve_count, hidden and
   hidden_since of facts_r and nothing else. The keyword is looked up in the
   view; now dates a keyword that has no date. */
void history_get_facts(struct history *history, struct mail_index_view *view,
		       uint32_t seq, int64_t now,
		       struct policy_message_facts *facts_r);

/* Is HISTORY_KEYWORD on the message? */
bool history_has_keyword(struct history *history, struct mail_index_view *view,
			 uint32_t seq);
/* From a record and whether the keyword is there. */
bool history_is_hidden(const struct history_record *rec, bool has_keyword);

/* Could any message be hidden? FALSE spares the caller a walk over all. */
bool history_may_have_hidden(struct history *history,
			     struct mail_index_view *view);

/* Collect changes. uid must exist in the view. */
void history_note_sent(struct history *history, struct mail_index_view *view,
		       uint32_t seq);
void history_note_retrieved(struct history *history,
			    struct mail_index_view *view, uint32_t seq,
			    int64_t now);
void history_note_hidden(struct history *history, struct mail_index_view *view,
			 uint32_t seq, int64_t now);
/* The keyword has been set (is_set), or was found missing, which undoes the
   hiding. */
void history_note_keyword(struct history *history,
			  struct mail_index_view *view, uint32_t seq,
			  bool is_set, int64_t now);
/* An expiry run in mode = report has (is_set) or has not reported it. */
void history_note_reported(struct history *history,
			   struct mail_index_view *view, uint32_t seq,
			   bool is_set);
/* It is shown under the UIDL with this uidl_hash(), which has a number behind
   it or not. */
void history_note_uidl(struct history *history, struct mail_index_view *view,
		       uint32_t seq, uint32_t hash, bool is_numbered);
/* Forget that the message was hidden, if that was collected. */
void history_forget_hidden(struct history *history, uint32_t uid);
/* Forget the collected changes of messages that are about to be removed. */
void history_forget(struct history *history,
		    const ARRAY_TYPE(seq_range) *uids);

/* Mark these messages (UIDs) with HISTORY_ARCHIVING, now, in a transaction of
   its own. Returns 0, or -1 if it could not be written. A history that is not
   persistent marks nothing, and returns 0. */
int history_mark_archiving(struct history *history,
			   const ARRAY_TYPE(seq_range) *uids);

/* Is anything collected? */
bool history_has_changes(struct history *history);

/* Write what was collected into the transaction (which the caller commits)
   and forget it. Messages that the transaction's view no longer has are
   skipped. Unless a new header was set, next_due becomes unknown. */
void history_write(struct history *history,
		   struct mailbox_transaction_context *trans);

#endif
