/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "master-service.h"
#include "mail-storage-private.h"
#include "mail-search.h"
#include "array.h"
#include "seq-range-array.h"
#include "archive.h"
#include "hidden-keyword.h"
#include "history.h"
#include "judge.h"
#include "policy-events.h"
#include "expiry.h"

#define EXPIRY_DAY_SECS (24 * 60 * 60)
/* A run that lies further back than this leaves room for a clock that jumped
   in between. */
#define EXPIRY_TRUST_SECS (7 * EXPIRY_DAY_SECS)
/* SIGTERM is noticed and memory given back between batches. */
#define EXPIRY_BATCH_COUNT 1000

struct expiry {
	struct mailbox *box;
	struct history *history;
	const struct policy *policy;
	const struct policy_session_facts *facts;
	struct event *event;
	bool want_decisions;

	struct mailbox_transaction_context *trans;
	struct judge *judge;
	struct mail *mail;
	struct archive *archive;

	struct expiry_result result;
	unsigned int batch_count, removed_count;
	/* the last UID that was looked at */
	uint32_t last_uid;
	/* the earliest time at which a message that was kept may fall due;
	   0 = none */
	int64_t next_due;
	bool next_due_unknown;
	bool failure_logged;
};

bool expiry_note_run(struct history_header *header, int64_t now)
{
	int64_t last = header->last_expire, armed = header->armed;
	bool may_remove;

	may_remove = (last != 0 && last <= now &&
		      now - last <= EXPIRY_TRUST_SECS) ||
		(armed != 0 && armed <= now - EXPIRY_DAY_SECS);
	if (may_remove || last == 0)
		header->armed = 0;
	else if (armed == 0 || armed > now)
		header->armed = now;
	header->last_expire = now;
	return may_remove;
}

enum expiry_plan expiry_plan(const struct policy *policy,
			     const struct history_header *header,
			     uint32_t uidnext, int64_t now)
{
	struct history_header noted = *header;

	if (policy->expire_rules.count == 0)
		return EXPIRY_NOT_NOW;
	if (header->last_expire != 0 && header->last_expire <= now &&
	    now - header->last_expire < policy->expire_interval_secs)
		return EXPIRY_NOT_NOW;
	if (!expiry_note_run(&noted, now))
		return EXPIRY_NOTE;
	if (header->next_due != 0 && now < header->next_due &&
	    header->next_due_uidnext == uidnext &&
	    header->next_due_fingerprint == policy->expire_fingerprint)
		return EXPIRY_NOTE;
	return EXPIRY_RUN;
}

static void expiry_failure(struct expiry *expiry, const char *what,
			   const char *error)
{
	expiry->result.errors++;
	if (!expiry->failure_logged) {
		expiry->failure_logged = TRUE;
		policy_event_failure(expiry->event, what, error);
	}
}

static void expiry_add_due(struct expiry *expiry, int64_t base, int64_t secs)
{
	/* Conditions ask for "more than secs ago". */
	int64_t due = base + secs + 1;

	if (base != 0 && due > expiry->facts->now &&
	    (expiry->next_due == 0 || due < expiry->next_due))
		expiry->next_due = due;
}

static void
expiry_add_query_due(struct expiry *expiry, const struct policy_query *query,
		     const struct policy_message_facts *facts)
{
	for (size_t i = 0; i < query->words_count; i++) {
		const struct policy_query_word *word = &query->words[i];

		if (!word->is_interval)
			continue;
		switch (word->clock) {
		case POLICY_CLOCK_SAVED:
			expiry_add_due(expiry, facts->saved,
				       word->interval_secs);
			break;
		case POLICY_CLOCK_RECEIVED:
			expiry_add_due(expiry, facts->received,
				       word->interval_secs);
			break;
		case POLICY_CLOCK_RETRIEVED:
			expiry_add_due(expiry, facts->retrieved,
				       word->interval_secs);
			break;
		case POLICY_CLOCK_HIDDEN:
			expiry_add_due(expiry, facts->hidden_since,
				       word->interval_secs);
			break;
		case POLICY_CLOCK_SENT:
			expiry->next_due_unknown = TRUE;
			break;
		}
	}
}

/* The message is kept now. When might that change by time alone? */
static void expiry_add_kept(struct expiry *expiry, uint32_t seq)
{
	const struct policy *policy = expiry->policy;
	const struct policy_rules *rules = &policy->expire_rules;
	struct policy_message_facts facts;

	if (expiry->next_due_unknown)
		return;
	judge_get_facts(expiry->judge, expiry->trans, seq, &facts);
	if (policy->min_retention_secs > 0) {
		expiry_add_due(expiry,
			policy->age_from == POLICY_AGE_FROM_RECEIVED ?
			facts.received : facts.saved,
			policy->min_retention_secs);
	}
	if (policy->hold != NULL)
		expiry_add_query_due(expiry, policy->hold, &facts);
	for (size_t i = 0; i < rules->count; i++)
		expiry_add_query_due(expiry, &rules->rules[i].query, &facts);
}

/* Could something else than time and new mail change a verdict? */
static bool query_is_volatile(const struct policy_query *query)
{
	return query->uses_flags || query->uses_content;
}

static bool policy_is_volatile(const struct policy *policy)
{
	const struct policy_rules *rules = &policy->expire_rules;

	if (policy->hold != NULL && query_is_volatile(policy->hold))
		return TRUE;
	for (size_t i = 0; i < rules->count; i++) {
		if (query_is_volatile(&rules->rules[i].query))
			return TRUE;
	}
	return FALSE;
}

static void expiry_message(struct expiry *expiry, uint32_t seq, uint32_t uid)
{
	struct policy_verdict verdict;
	const char *error = NULL;

	judge_verdict(expiry->judge, expiry->trans, POLICY_QUESTION_EXPIRE,
		      seq, &verdict, &error);
	switch (verdict.action) {
	case POLICY_ACTION_DENY:
		if (verdict.reason == POLICY_REASON_ERROR &&
		    !master_service_is_killed(master_service)) {
			expiry->next_due_unknown = TRUE;
			expiry_failure(expiry, "Can't decide about expire",
				       error != NULL ? error :
				       "date is unknown");
		}
		expiry_add_kept(expiry, seq);
		return;
	case POLICY_ACTION_HIDE: {
		struct policy_message_facts facts;

		judge_get_facts(expiry->judge, expiry->trans, seq, &facts);
		if (facts.hidden) {
			expiry_add_kept(expiry, seq);
			return;
		}
		mail_set_seq(expiry->mail, seq);
		if (hidden_keyword_hide(expiry->mail, expiry->history,
					expiry->facts->now, &error) < 0) {
			expiry->next_due_unknown = TRUE;
			expiry_failure(expiry, "Can't hide expired mail",
				       error);
			return;
		}
		/* it may be due for more from now on */
		expiry->next_due_unknown = TRUE;
		expiry->result.hidden++;
		break;
	}
	case POLICY_ACTION_ARCHIVE:
		mail_set_seq(expiry->mail, seq);
		if (archive_mail(expiry->archive, expiry->mail,
				 verdict.mailbox, &error) < 0) {
			expiry->next_due_unknown = TRUE;
			expiry_failure(expiry, "Can't archive expired mail",
				       error);
			return;
		}
		break;
	case POLICY_ACTION_ALLOW:
		mail_set_seq(expiry->mail, seq);
		mail_expunge(expiry->mail);
		history_forget(expiry->history, uid);
		expiry->result.expunged++;
		break;
	}
	expiry->batch_count++;
	expiry->removed_count++;
	if (expiry->want_decisions) {
		policy_event_decision(expiry->event, POLICY_QUESTION_EXPIRE,
				      &verdict, uid, error);
	}
}

/* Looks at messages until the batch or the run is full. */
static void expiry_messages(struct expiry *expiry)
{
	struct mail_index_view *view = expiry->trans->view;
	uint32_t seq, seq2, uid, max = expiry->policy->expire_max;

	if (expiry->last_uid == UINT32_MAX ||
	    !mail_index_lookup_seq_range(view, expiry->last_uid + 1,
					 UINT32_MAX, &seq, &seq2))
		return;
	for (; seq <= seq2; seq++) {
		if (expiry->removed_count >= max) {
			expiry->result.more = TRUE;
			return;
		}
		if (expiry->batch_count >= EXPIRY_BATCH_COUNT ||
		    master_service_is_killed(master_service))
			return;
		mail_index_lookup_uid(view, seq, &uid);
		T_BEGIN {
			expiry_message(expiry, seq, uid);
		} T_END;
		expiry->last_uid = uid;
	}
}

/* Before the commit of everything else, so that originals are never gone
   without a copy. */
static void expiry_archive_commit(struct expiry *expiry)
{
	ARRAY_TYPE(seq_range) moved, failed;
	const char *error;

	t_array_init(&moved, 8);
	t_array_init(&failed, 8);
	if (archive_commit(expiry->archive, &moved, &failed, &error) < 0) {
		expiry->next_due_unknown = TRUE;
		expiry_failure(expiry, "Can't archive expired mail", error);
	}
	expiry->result.archived += seq_range_count(&moved);
}

/* Returns 1 if another batch is to follow, 0 if this was the last one, -1 on
   error. */
static int expiry_batch(struct expiry *expiry)
{
	struct history_header header;
	bool finished, killed;
	int ret;

	expiry->batch_count = 0;
	expiry->trans = mailbox_transaction_begin(expiry->box, 0, __func__);
	expiry->mail = mail_alloc(expiry->trans, 0, NULL);
	expiry_messages(expiry);
	/* Dovecot interrupts searches then; what was decided is carried out. */
	killed = master_service_is_killed(master_service);
	mail_free(&expiry->mail);
	judge_forget_all(expiry->judge);
	expiry_archive_commit(expiry);

	finished = expiry->batch_count < EXPIRY_BATCH_COUNT ||
		expiry->result.more;
	if (killed) {
		/* The time is not noted: the next session goes on. */
		expiry->result.more = TRUE;
		finished = TRUE;
	} else if (finished) {
		history_get_header(expiry->history, expiry->trans->view,
				   &header);
		header.version = HISTORY_VERSION;
		(void)expiry_note_run(&header, expiry->facts->now);
		header.next_due = 0;
		if (!expiry->next_due_unknown && !expiry->result.more) {
			header.next_due = expiry->next_due == 0 ? UINT32_MAX :
				I_MIN(expiry->next_due, UINT32_MAX);
			header.next_due_uidnext =
				mail_index_get_header(expiry->trans->view)->
				next_uid;
			header.next_due_fingerprint =
				expiry->policy->expire_fingerprint;
		}
		history_set_header(expiry->history, &header);
	}
	history_write(expiry->history, expiry->trans);
	ret = mailbox_transaction_commit(&expiry->trans);
	if (ret == 0)
		ret = mailbox_sync(expiry->box, 0);
	if (ret < 0) {
		expiry_failure(expiry, "Can't remove expired mail",
			mailbox_get_last_internal_error(expiry->box, NULL));
		return -1;
	}
	return finished ? 0 : 1;
}

static void expiry_send_event(struct expiry *expiry)
{
	const struct expiry_result *result = &expiry->result;
	struct event_passthrough *e =
		event_create_passthrough(expiry->event)->
		set_name("pop3_policy_expire_finished")->
		add_int("expunged", result->expunged)->
		add_int("hidden", result->hidden)->
		add_int("archived", result->archived)->
		add_int("errors", result->errors)->
		add_str("more", result->more ? "yes" : "no");

	if (result->expunged == 0 && result->hidden == 0 &&
	    result->archived == 0 && result->errors == 0) {
		e_debug(e->event(), "Expiry: nothing due");
	} else {
		e_info(e->event(), "Expiry: expunged=%u hidden=%u archived=%u "
		       "errors=%u%s", result->expunged, result->hidden,
		       result->archived, result->errors,
		       result->more ? " (more is due)" : "");
	}
}

int expiry_run(struct mailbox *box, struct history *history,
	       const struct policy *policy,
	       const struct policy_session_facts *facts, struct event *event,
	       struct expiry_result *result_r)
{
	struct history_header header;
	struct expiry expiry;
	int ret;

	i_zero(&expiry);
	expiry.box = box;
	expiry.history = history;
	expiry.policy = policy;
	expiry.facts = facts;
	expiry.event = event;
	expiry.want_decisions = policy_events_want_decisions();
	expiry.next_due_unknown = policy_is_volatile(policy);

	/* Another run may have come first. */
	history_get_header(history, box->view, &header);
	if (mailbox_is_readonly(box) ||
	    expiry_plan(policy, &header,
			mail_index_get_header(box->view)->next_uid,
			facts->now) == EXPIRY_NOT_NOW ||
	    !expiry_note_run(&header, facts->now)) {
		if (result_r != NULL)
			*result_r = expiry.result;
		return 0;
	}

	expiry.judge = judge_init(policy, facts, history);
	expiry.archive = archive_init(box, history);
	do T_BEGIN {
		ret = expiry_batch(&expiry);
	} T_END; while (ret > 0);
	archive_deinit(&expiry.archive);
	judge_deinit(&expiry.judge);
	expiry_send_event(&expiry);
	if (result_r != NULL)
		*result_r = expiry.result;
	return ret < 0 || expiry.result.errors > 0 ? -1 : 0;
}
