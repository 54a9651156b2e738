/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_POLICY_SCRIPT_H
#define POP3_POLICY_POLICY_SCRIPT_H

/*
 * The script of a user's policy: found, loaded, asked. It knows who asks; what
 * the message is comes from whoever asks about one. One state serves one
 * session, the expiry after it included, or one command of doveadm.
 */

#include "pop3-policy/policy.h"
#include "pop3-policy/script.h"

struct event;
struct mail;
struct mail_user;
struct policy_script;

/* What only a POP3 session knows. */
struct policy_script_session {
	/* Number of the message with this sequence, from 1. */
	uint32_t (*get_number)(void *context, uint32_t seq);
	/* Its size as POP3 counts it. Returns FALSE if it is unknown. */
	bool (*get_size)(void *context, uint32_t seq, uoff_t *size_r);
	/* SCRIPT_SESSION_LAST_LOGIN, _MESSAGES and _BYTES, mail is NULL, and
	   SCRIPT_MESSAGE_UIDL: see script_get_func_t. */
	int (*get)(void *context, enum script_field field, struct mail *mail,
		   struct script_value *value_r);
	void *context;
};

/* The message that a question is about. Most scripts never look into the
   mail itself. */
struct policy_script_message {
	uint32_t seq, uid;
	struct mail *(*get_mail)(void *context);
	/* What script_facts_get() knows, and the flags: see
	   script_get_func_t. */
	int (*get)(void *context, enum script_field field,
		   struct script_value *value_r);
	void *context;
};

/* Find and compile the script that the policy names (it has one), and see
   whether it loads, if this process hasn't seen it yet. policy must outlive
   it. Returns 0, or -1 and *error_r (data stack). */
int policy_script_init(const struct policy *policy,
		       struct policy_script **script_r, const char **error_r);
/* NULL is allowed. */
void policy_script_deinit(struct policy_script **script);

/* Make it ready to be asked about this user, who must outlive it, as the event
   must, to which its log lines go; both NULL where only its hooks are asked
   for. Returns 0, or -1 and *error_r (data stack)
   if it doesn't load. */
int policy_script_begin(struct policy_script *script, struct mail_user *user,
			struct event *event, const char **error_r);
/* From now on it is a POP3 session that asks (copied), or isn't (NULL). */
void policy_script_set_session(struct policy_script *script,
			       const struct policy_script_session *session);

/* Is the hook defined? script has begun, or is NULL: no. */
bool policy_script_has_hook(const struct policy_script *script,
			    enum script_hook hook);

/* Ask. facts: of the session, with the moment of the question. message: NULL
   for the hooks that are about none. The answer stays until the next one,
   but file and mailbox as long as the script. Tracebacks of failures go to
   debug logging, everything else about them is for the caller to report. */
void policy_script_ask(struct policy_script *script, enum script_hook hook,
		       const struct policy_session_facts *facts,
		       const struct policy_script_message *message,
		       struct script_answer *answer_r);

/* See script_facts_get(). */
int policy_script_facts_get(const struct policy_script *script,
			    const struct policy_message_facts *facts,
			    enum script_field field,
			    struct script_value *value_r);

/* Changes with the text of the script; never 0. */
uint32_t policy_script_get_fingerprint(const struct policy_script *script);

/* Free what is kept for the whole process. */
void policy_script_process_deinit(void);

#endif
