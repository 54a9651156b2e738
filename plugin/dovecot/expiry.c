/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "lib-signals.h"
#include "master-service.h"
#include "mail-storage-private.h"
#include "mail-search.h"
#include "array.h"
#include "seq-range-array.h"
#include "archive.h"
#include "fresh-flags.h"
#include "hidden-keyword.h"
#include "history.h"
#include "journal.h"
#include "judge.h"
#include "expiry-due.h"
#include "expiry-plan.h"
#include "policy-events.h"
#include "policy-needs.h"
#include "policy-script.h"
#include "remaining.h"
#include "expiry.h"

/* SIGTERM is noticed and memory given back between batches. */
#define EXPIRY_BATCH_COUNT 1000

struct expiry {
	struct mailbox *box;
	struct history *history;
	const struct policy *policy;
	const struct policy_session_facts *facts;
	struct event *event;
	bool want_decisions;
	/* A verdict may depend on flags or keywords. */
	bool uses_flags;
	bool script_expires;
	/* Of the policy, and of the script if it has a say. */
	uint32_t fingerprint;

	struct mailbox_transaction_context *trans;
	struct judge *judge;
	struct mail *mail;
	struct archive *archive;
	struct journal *journal;
	/* Sequences of the batch about which something is to be done */
	ARRAY_TYPE(seq_range) due;
	/* UIDs of the batch that have to be gone afterwards, expunged or moved,
	   and those with which something else happened than the journal
	   says, or may yet happen */
	ARRAY_TYPE(seq_range) removed, moved, failed, pending;
	/* Those that were given the keyword */
	ARRAY_TYPE(seq_range) hidden;

	struct expiry_result result;
	unsigned int batch_count, removed_count;
	/* the last UID that was looked at */
	uint32_t last_uid;
	/* When a message that was kept may fall due */
	struct expiry_due due_time;
	bool failure_logged;
};

/* On 2.3 the master service hears of a signal only in the ioloop, which does
   not run here. */
static bool expiry_is_killed(void)
{
	return signal_term_counter > 0 ||
		master_service_is_killed(master_service);
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

/* The message is kept now. */
static void expiry_add_kept(struct expiry *expiry, uint32_t seq)
{
	struct policy_message_facts facts;

	if (expiry->due_time.unknown)
		return;
	judge_get_facts(expiry->judge, expiry->trans, seq, &facts);
	expiry_due_add(&expiry->due_time, &facts);
}

static void expiry_count(struct expiry *expiry, enum policy_action action)
{
	switch (action) {
	case POLICY_ACTION_HIDE:
		expiry->result.hidden++;
		break;
	case POLICY_ACTION_ARCHIVE:
		expiry->result.archived++;
		break;
	case POLICY_ACTION_ALLOW:
		expiry->result.expunged++;
		break;
	case POLICY_ACTION_DENY:
		i_unreached();
	}
}

static void expiry_describe(const struct policy_verdict *verdict,
			    struct journal_message *message_r)
{
	i_zero(message_r);
	message_r->question = POLICY_QUESTION_EXPIRE;
	message_r->verdict = verdict;
	message_r->size = UOFF_T_MAX;
	message_r->action =
		verdict->action == POLICY_ACTION_HIDE ? JOURNAL_HIDE :
		verdict->action == POLICY_ACTION_ARCHIVE ? JOURNAL_ARCHIVE :
		JOURNAL_EXPUNGE;
}

static bool expiry_is_hidden(struct expiry *expiry, uint32_t seq)
{
	struct policy_message_facts facts;

	judge_get_facts(expiry->judge, expiry->trans, seq, &facts);
	return facts.hidden;
}

static void expiry_decided(struct expiry *expiry,
			   const struct policy_verdict *verdict, uint32_t uid)
{
	if (expiry->want_decisions) {
		policy_event_decision(expiry->event, POLICY_QUESTION_EXPIRE,
				      verdict, uid, NULL);
	}
}

/* Does what the verdict says. Returns 0, or -1 and error_r. */
static int
expiry_execute(struct expiry *expiry, const struct policy_verdict *verdict,
	       const char **what_r, const char **error_r)
{
	struct mail *mail = expiry->mail;
	struct journal_message message;

	switch (verdict->action) {
	case POLICY_ACTION_DENY:
		i_unreached();
	case POLICY_ACTION_HIDE:
		*what_r = "Can't hide expired mail";
		if (hidden_keyword_hide(mail, expiry->history,
					expiry->facts->now, error_r) < 0)
			return -1;
		seq_range_array_add(&expiry->hidden, mail->uid);
		/* it may be due for more from now on */
		expiry->due_time.unknown = TRUE;
		break;
	case POLICY_ACTION_ARCHIVE:
		*what_r = "Can't archive expired mail";
		if (archive_mail(expiry->archive, mail, verdict->mailbox,
				 error_r) < 0)
			return -1;
		break;
	case POLICY_ACTION_ALLOW:
		break;
	}
	expiry_describe(verdict, &message);
	journal_intent(expiry->journal, mail, &message);
	if (verdict->action == POLICY_ACTION_ALLOW) {
		mail_expunge(mail);
		seq_range_array_add(&expiry->removed, mail->uid);
	}
	return 0;
}

/* mode = report: what would be done, once. */
static void
expiry_report(struct expiry *expiry, const struct policy_verdict *verdict,
	      uint32_t seq)
{
	struct mail_index_view *view = expiry->trans->view;
	struct journal_message message;
	struct history_record rec;
	bool is_due = verdict->action != POLICY_ACTION_DENY;

	history_get(expiry->history, view, seq, &rec);
	if (is_due == ((rec.flags & HISTORY_REPORTED) != 0))
		return;
	history_note_reported(expiry->history, view, seq, is_due);
	if (!is_due)
		return;
	mail_set_seq(expiry->mail, seq);
	expiry_describe(verdict, &message);
	journal_report(expiry->journal, expiry->mail, &message);
	expiry->batch_count++;
	expiry->removed_count++;
	expiry_count(expiry, verdict->action);
	expiry_decided(expiry, verdict, expiry->mail->uid);
}

static void expiry_judge(struct expiry *expiry, uint32_t seq,
			 struct policy_verdict *verdict_r)
{
	const char *error = NULL;

	judge_verdict(expiry->judge, expiry->trans, POLICY_QUESTION_EXPIRE,
		      seq, verdict_r, &error);
	if (verdict_r->action == POLICY_ACTION_DENY &&
	    verdict_r->reason == POLICY_REASON_ERROR &&
	    !expiry_is_killed()) {
		expiry->due_time.unknown = TRUE;
		expiry_failure(expiry, "Can't decide about expire",
			       error != NULL ? error : "date is unknown");
	}
	if (verdict_r->action == POLICY_ACTION_HIDE &&
	    expiry_is_hidden(expiry, seq))
		verdict_r->action = POLICY_ACTION_DENY;
}

static void expiry_message(struct expiry *expiry, uint32_t seq)
{
	struct policy_verdict verdict;

	expiry_judge(expiry, seq, &verdict);
	if (expiry->policy->mode == POLICY_MODE_REPORT) {
		expiry_report(expiry, &verdict, seq);
		return;
	}
	if (verdict.action == POLICY_ACTION_DENY) {
		expiry_add_kept(expiry, seq);
		return;
	}
	seq_range_array_add(&expiry->due, seq);
	expiry->batch_count++;
	expiry->removed_count++;
}

static void expiry_due_message(struct expiry *expiry, uint32_t seq)
{
	struct policy_verdict verdict;
	const char *what, *error = NULL;

	expiry_judge(expiry, seq, &verdict);
	if (verdict.action == POLICY_ACTION_DENY) {
		expiry_add_kept(expiry, seq);
		return;
	}
	mail_set_seq(expiry->mail, seq);
	if (expiry_execute(expiry, &verdict, &what, &error) < 0) {
		expiry->due_time.unknown = TRUE;
		expiry_failure(expiry, what, error);
		return;
	}
	expiry_count(expiry, verdict.action);
	expiry_decided(expiry, &verdict, expiry->mail->uid);
}

/* It has taken a while to find them. Whoever has flagged or held one since is
   obeyed. */
static void expiry_due_messages(struct expiry *expiry)
{
	struct seq_range_iter iter;
	unsigned int n = 0;
	const char *error;
	uint32_t seq;

	if (array_is_empty(&expiry->due))
		return;
	if (fresh_flags_read(expiry->box, expiry->uses_flags &&
			     !fresh_flags_are_in_index(expiry->box),
			     &error) < 0) {
		expiry->due_time.unknown = TRUE;
		expiry_failure(expiry, "Can't reread flags", error);
		return;
	}
	judge_refresh(expiry->judge);
	seq_range_array_iter_init(&iter, &expiry->due);
	while (seq_range_array_iter_nth(&iter, n++, &seq)) {
		if (mail_index_is_expunged(expiry->trans->view, seq))
			continue;
		T_BEGIN {
			expiry_due_message(expiry, seq);
		} T_END;
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
		    expiry_is_killed())
			return;
		mail_index_lookup_uid(view, seq, &uid);
		T_BEGIN {
			expiry_message(expiry, seq);
		} T_END;
		expiry->last_uid = uid;
	}
}

/* Before the commit of everything else, so that originals are never gone
   without a copy. */
static void expiry_archive_commit(struct expiry *expiry)
{
	ARRAY_TYPE(seq_range) failed;
	const char *error;

	i_array_init(&failed, 8);
	if (archive_commit(expiry->archive, &expiry->moved, &failed,
			   &error) < 0) {
		expiry->due_time.unknown = TRUE;
		expiry_failure(expiry, "Can't archive expired mail", error);
	}
	expiry->result.archived -= seq_range_count(&failed);
	seq_range_array_merge(&expiry->failed, &failed);
	array_free(&failed);
}

/* The run is over: note that in the header. */
static void expiry_note_finished(struct expiry *expiry)
{
	const struct policy *policy = expiry->policy;
	struct history_header header;

	history_get_header(expiry->history, expiry->trans->view, &header);
	header.version = HISTORY_VERSION;
	(void)expiry_note_run(policy->mode, &header, expiry->facts->now);
	if (policy->mode == POLICY_MODE_REPORT) {
		history_set_header(expiry->history, &header);
		return;
	}
	header.next_due = 0;
	if (!expiry->due_time.unknown && !expiry->result.more) {
		header.next_due = expiry_due_get(&expiry->due_time);
		header.next_due_uidnext =
			mail_index_get_header(expiry->trans->view)->next_uid;
		header.next_due_fingerprint = expiry->fingerprint;
	}
	history_set_header(expiry->history, &header);
}

/* Has it happened? Maildir keeps what can't be unlinked, sdbox its file. */
static void expiry_check_removed(struct expiry *expiry)
{
	ARRAY_TYPE(seq_range) remaining;
	unsigned int count;

	i_array_init(&remaining, 8);
	seq_range_array_merge(&expiry->removed, &expiry->moved);
	remaining_find(expiry->box, &expiry->removed, &remaining);
	count = seq_range_count(&remaining);
	if (count > 0) {
		expiry_failure(expiry, "Can't remove expired mail",
			t_strdup_printf("%u messages are still there", count));
		/* those that were archived have a copy, and are still here */
		expiry->result.expunged -=
			I_MIN(count, expiry->result.expunged);
		seq_range_array_merge(&expiry->pending, &remaining);
	}
	array_free(&remaining);
}

static void expiry_confirm_hidden(struct expiry *expiry, bool sync_failed)
{
	const char *error = "the mailbox can't be synced";

	if (array_is_empty(&expiry->hidden) ||
	    (!sync_failed &&
	     hidden_keyword_confirm(expiry->box, expiry->history,
				    &expiry->hidden, expiry->facts->now,
				    &error) == 0))
		return;
	expiry_failure(expiry, "Can't set "HISTORY_KEYWORD, error);
	/* The record alone hides them, and a session tries again; unless the
	   disk was full and there is no record either. */
	if (!history_is_persistent(expiry->history)) {
		seq_range_array_merge(&expiry->failed, &expiry->hidden);
		expiry->result.hidden -= seq_range_count(&expiry->hidden);
	}
}

static int expiry_commit(struct expiry *expiry)
{
	bool sync_failed;
	int ret;

	if (mailbox_transaction_commit(&expiry->trans) < 0) {
		/* archives have been committed on their own */
		expiry_failure(expiry, "Can't remove expired mail",
			mailbox_get_last_internal_error(expiry->box, NULL));
		expiry->result.expunged -= seq_range_count(&expiry->removed);
		expiry->result.hidden -= seq_range_count(&expiry->hidden);
		seq_range_array_merge(&expiry->failed, &expiry->removed);
		seq_range_array_merge(&expiry->failed, &expiry->hidden);
		array_clear(&expiry->removed);
		expiry_check_removed(expiry);
		return -1;
	}
	ret = hidden_keyword_sync(expiry->box, &sync_failed);
	if (ret < 0) {
		expiry_failure(expiry, "Can't remove expired mail",
			mailbox_get_last_internal_error(expiry->box, NULL));
	}
	expiry_confirm_hidden(expiry, sync_failed);
	expiry_check_removed(expiry);
	return ret;
}

/* Returns 1 if another batch is to follow, 0 if this was the last one, -1 on
   error. */
static int expiry_batch(struct expiry *expiry)
{
	struct expiry_result before = expiry->result;
	bool finished, killed;
	int ret;

	expiry->batch_count = 0;
	array_clear(&expiry->due);
	array_clear(&expiry->removed);
	array_clear(&expiry->moved);
	array_clear(&expiry->failed);
	array_clear(&expiry->hidden);
	array_clear(&expiry->pending);
	expiry->trans = mailbox_transaction_begin(expiry->box, 0, __func__);
	expiry->mail = mail_alloc(expiry->trans, 0, NULL);
	expiry_messages(expiry);
	expiry_due_messages(expiry);
	/* Dovecot interrupts searches then; what was decided is carried out. */
	killed = expiry_is_killed();
	mail_free(&expiry->mail);
	judge_forget_all(expiry->judge);
	if (journal_sync(expiry->journal) < 0) {
		archive_rollback(expiry->archive);
		mailbox_transaction_rollback(&expiry->trans);
		journal_rollback(expiry->journal);
		before.errors = expiry->result.errors + 1;
		expiry->result = before;
		return -1;
	}
	expiry_archive_commit(expiry);

	finished = expiry->batch_count < EXPIRY_BATCH_COUNT ||
		expiry->result.more;
	if (killed) {
		/* The time is not noted: the next session goes on. */
		expiry->result.more = TRUE;
		finished = TRUE;
	} else if (finished) {
		expiry_note_finished(expiry);
	}
	history_forget(expiry->history, &expiry->removed);
	history_write(expiry->history, expiry->trans);
	ret = expiry_commit(expiry);
	archive_unlock(expiry->archive);
	journal_outcomes(expiry->journal, &expiry->failed, &expiry->pending);
	return ret < 0 ? -1 : finished ? 0 : 1;
}

/* The rules are others than those that messages were reported for? */
static void expiry_forget_reports(struct expiry *expiry)
{
	struct mailbox_transaction_context *trans;
	struct history_header header;
	struct history_record rec;
	uint32_t seq, count;

	history_get_header(expiry->history, expiry->box->view, &header);
	if (header.report_fingerprint == expiry->fingerprint)
		return;
	header.report_fingerprint = expiry->fingerprint;
	history_set_header(expiry->history, &header);

	trans = mailbox_transaction_begin(expiry->box, 0, __func__);
	count = mail_index_view_get_messages_count(trans->view);
	for (seq = 1; seq <= count; seq++) {
		history_get(expiry->history, trans->view, seq, &rec);
		if ((rec.flags & HISTORY_REPORTED) != 0) {
			history_note_reported(expiry->history, trans->view,
					      seq, FALSE);
		}
	}
	history_write(expiry->history, trans);
	if (mailbox_transaction_commit(&trans) < 0) {
		expiry_failure(expiry, "Can't write history",
			mailbox_get_last_internal_error(expiry->box, NULL));
	}
}

static void expiry_send_event(struct expiry *expiry)
{
	const struct expiry_result *result = &expiry->result;
	bool report = expiry->policy->mode == POLICY_MODE_REPORT;
	struct event_passthrough *e =
		event_create_passthrough(expiry->event)->
		set_name("pop3_policy_expire_finished")->
		add_str("mode", report ? "report" : "enforce")->
		add_int("expunged", result->expunged)->
		add_int("hidden", result->hidden)->
		add_int("archived", result->archived)->
		add_int("errors", result->errors)->
		add_str("more", result->more ? "yes" : "no");

	if (result->expunged == 0 && result->hidden == 0 &&
	    result->archived == 0 && result->errors == 0) {
		e_debug(e->event(), "Expiry: nothing due");
	} else {
		e_info(e->event(), "Expiry%s: expunged=%u hidden=%u archived=%u "
		       "errors=%u%s", report ? " (mode=report, without effect)" : "",
		       result->expunged, result->hidden,
		       result->archived, result->errors,
		       result->more ? " (more is due)" : "");
	}
}

int expiry_run(struct mailbox *box, struct history *history,
	       const struct policy *policy, struct policy_script *script,
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
	expiry.uses_flags =
		policy_uses_flags(policy, POLICY_QUESTION_EXPIRE);
	expiry_due_init(&expiry.due_time, policy, facts->now);
	expiry.fingerprint = policy->expire_fingerprint;
	if (policy_script_has_hook(script, SCRIPT_HOOK_EXPIRE)) {
		/* nobody knows what it looks at */
		expiry.due_time.unknown = TRUE;
		expiry.script_expires = TRUE;
		expiry.fingerprint ^= policy_script_get_fingerprint(script);
	}

	/* Another run may have come first. */
	history_get_header(history, box->view, &header);
	if (mailbox_is_readonly(box) ||
	    expiry_plan(policy, expiry.script_expires, &header,
			mail_index_get_header(box->view)->next_uid,
			facts->now) == EXPIRY_NOT_NOW ||
	    !expiry_note_run(policy->mode, &header, facts->now)) {
		if (result_r != NULL)
			*result_r = expiry.result;
		return 0;
	}

	expiry.judge = judge_init(policy, facts, history, script);
	expiry.archive = archive_init(box, history);
	expiry.journal = journal_init(box->list, policy, facts, event);
	i_array_init(&expiry.due, 32);
	i_array_init(&expiry.removed, 32);
	i_array_init(&expiry.moved, 8);
	i_array_init(&expiry.failed, 8);
	i_array_init(&expiry.hidden, 8);
	i_array_init(&expiry.pending, 8);
	if (policy->mode == POLICY_MODE_REPORT)
		expiry_forget_reports(&expiry);
	do T_BEGIN {
		ret = expiry_batch(&expiry);
	} T_END; while (ret > 0);
	array_free(&expiry.due);
	array_free(&expiry.removed);
	array_free(&expiry.moved);
	array_free(&expiry.failed);
	array_free(&expiry.hidden);
	array_free(&expiry.pending);
	journal_deinit(&expiry.journal);
	archive_deinit(&expiry.archive);
	judge_deinit(&expiry.judge);
	expiry_send_event(&expiry);
	if (result_r != NULL)
		*result_r = expiry.result;
	return ret < 0 || expiry.result.errors > 0 ? -1 : 0;
}
