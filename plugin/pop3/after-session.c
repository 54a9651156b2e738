/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "ioloop.h"
#include "mail-storage.h"
#include "mail-namespace.h"
#include "expiry.h"
#include "guard.h"
#include "hidden-keyword.h"
#include "history.h"
#include "kept-uidls.h"
#include "user-policy.h"
#include "session.h"
#include "after-session.h"

static void after_session_inbox(struct pop3_session *session,
				struct mailbox *box)
{
	struct history *history;
	const char *error;

	if (mailbox_open(box) < 0 ||
	    mailbox_sync(box, MAILBOX_SYNC_FLAG_FULL_READ) < 0) {
		pop3_session_failure(session, "Can't open INBOX after session",
			mailbox_get_last_internal_error(box, NULL));
		return;
	}
	session->facts.now = time(NULL);
	history = history_init(box);
	if (session->keywords_pending &&
	    hidden_keyword_update(box, history, session->facts.now,
				  &error) < 0) {
		pop3_session_failure(session,
			"Can't set "HISTORY_KEYWORD, error);
	}
	if (session->expiry_pending &&
	    session->policy->state == USER_POLICY_ACTIVE) {
		(void)expiry_run(box, history, session->policy->policy,
				 session->policy->script, &session->facts, session->event, NULL);
	}
	if (session->kept_uidls_stale && kept_uidls_refresh(box, &error) < 0)
		pop3_session_failure(session, "Can't refresh UIDLs", error);
	history_deinit(&history);
}

void after_session_run(struct pop3_session *session)
{
	struct mail_user *user = session->user;
	struct mail_namespace *ns;
	struct mailbox *box;

	/* there are none after a failed login */
	ns = user->namespaces == NULL ? NULL :
		mail_namespace_find_inbox(user->namespaces);
	if (ns == NULL || user->error != NULL)
		return;
	box = mailbox_alloc(ns->list, "INBOX", MAILBOX_FLAG_IGNORE_ACLS);
	pop3_policy_guard_exempt(box);
	after_session_inbox(session, box);
	mailbox_free(&box);
}
