/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_VERDICT_H
#define POP3_POLICY_VERDICT_H

/*
 * The outcome of a decision: one action, why, and which rule won. A session
 * executes it and `doveadm pop3 explain` prints it; both get the same one.
 * The zero value of each enum is the one that keeps the mail.
 */

#include <stdbool.h>

enum policy_question {
	/* May the client remove this message (DELE, and again at QUIT)? */
	POLICY_QUESTION_DELETE,
	/* May the client have it (RETR, TOP)? */
	POLICY_QUESTION_RETRIEVE,
	/* Does the server remove it by itself? */
	POLICY_QUESTION_EXPIRE,
	/* May a program other than POP3 remove it (IMAP, doveadm, ...)? */
	POLICY_QUESTION_REMOVE,
};

/* Ordered: the smaller one is the stricter one. */
enum policy_action {
	/* delete, retrieve, remove: refused. expire: the message is kept. */
	POLICY_ACTION_DENY = 0,
	/* Stays in the mailbox, POP3 no longer shows it. */
	POLICY_ACTION_HIDE,
	/* Moved to another mailbox of the user. delete and expire only. */
	POLICY_ACTION_ARCHIVE,
	/* delete, retrieve, remove: allowed. expire: expunged. */
	POLICY_ACTION_ALLOW,
};

enum policy_reason {
	/* A condition could not be evaluated. The action is DENY. */
	POLICY_REASON_ERROR = 0,
	POLICY_REASON_HOLD,
	POLICY_REASON_MIN_RETENTION,
	POLICY_REASON_SCRIPT,
	POLICY_REASON_RULE,
	/* No rule matched. */
	POLICY_REASON_DEFAULT,
};

struct policy_verdict {
	enum policy_action action;
	enum policy_reason reason;
	/* Text for the client that the winning `deny:"text"` gives, or the
	   script, or NULL. Owned by the policy; a script's is valid until the
	   next verdict. */
	const char *text;
	/* ARCHIVE: the mailbox as it stands in the policy file, UTF-8, "/"
	   between the levels, or as the script gives it; else NULL. Owned by
	   the policy, or by whoever asks the script. */
	const char *mailbox;
	/* Where the winning rule, hold or min_retention stands, or the
	   script's hook (owned like mailbox), line counted from 1. line = 0: no such place (default,
	   or the whole policy is broken). */
	const char *file;
	unsigned int line;
	/* mode = report: rules (or the default, or an error in a rule) decided
	   this, and nobody obeys. policy_verdict_effective() says what happens
	   instead. */
	bool without_effect;
};

/* The word that the policy file uses for this action: "deny", "hide",
   "archive", "allow", and for expire "keep", "hide", "archive", "expunge".
   Never NULL. */
const char *policy_action_name(enum policy_question question,
			       enum policy_action action);
/* "error", "hold", "min_retention", "script", "rule" or "default". Never
   NULL. */
const char *policy_reason_name(enum policy_reason reason);
/* "delete", "retrieve", "expire" or "remove". Never NULL. */
const char *policy_question_name(enum policy_question question);

/* The verdict that is carried out: the verdict itself, or, if that is without
   effect, what plain Dovecot does: DELE and RETR are allowed, nothing
   expires. */
void policy_verdict_effective(enum policy_question question,
			      const struct policy_verdict *verdict,
			      struct policy_verdict *effective_r);

/* The verdict that obeys both: the stricter one, the second one if they are
   equally strict. Two that name different archives can't both be obeyed: DENY
   with POLICY_REASON_ERROR. */
void policy_verdict_combine(const struct policy_verdict *first,
			    const struct policy_verdict *second,
			    struct policy_verdict *verdict_r);

#endif
