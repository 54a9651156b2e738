/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SCRIPT_H
#define POP3_POLICY_SCRIPT_H

/*
 * A policy script: Lua that decides where rules do not reach. Source text in,
 * typed answers out; what a script wants to know about a session or a message
 * is fetched from the adapter when it asks. A script only decides: nothing in
 * here changes anything, and nothing in here is about Dovecot or names Lua's
 * types, so that whoever includes this does not load liblua.
 *
 * The functions live in a shared object of their own. Who has no script never
 * loads it; who has one looks up pop3_policy_script_engine() in it.
 *
 * Whatever a script does: no call takes more memory, instructions or time than
 * its limits say (none is exceeded by more than twice), and no answer is
 * taken from a call that failed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "facts.h"
#include "limits.h"
#include "verdict.h"

/* Source text that was compiled; may be kept by a process, for many scripts. */
struct script_source;
/* What scripts may require(); of a process, for many scripts. */
struct script_modules;
/* One Lua state: of one session, or of one request of the auth process. */
struct script;

enum script_hook {
	SCRIPT_HOOK_AUTH = 0,
	SCRIPT_HOOK_LOGIN,
	SCRIPT_HOOK_SHOW,
	SCRIPT_HOOK_UIDL,
	SCRIPT_HOOK_RETRIEVE,
	SCRIPT_HOOK_DELETE,
	SCRIPT_HOOK_EXPIRE,
	SCRIPT_HOOK_LOGOUT,
};
#define SCRIPT_HOOKS_COUNT (SCRIPT_HOOK_LOGOUT + 1)

/* What the engine asks the adapter for, each only when the script reads it. */
enum script_field {
	/* text: the section, as struct policy has it */
	SCRIPT_SESSION_POLICY,
	/* number: 0 or 1 */
	SCRIPT_SESSION_SECURED,
	/* number: time of the login before this one */
	SCRIPT_SESSION_LAST_LOGIN,
	/* text: value of the userdb field that is called name */
	SCRIPT_SESSION_FIELD,
	/* number; not asked for in auth and login */
	SCRIPT_SESSION_MESSAGES,
	SCRIPT_SESSION_BYTES,

	/* text */
	SCRIPT_MESSAGE_GUID,
	SCRIPT_MESSAGE_UIDL,
	/* number: bytes as POP3 counts them */
	SCRIPT_MESSAGE_SIZE,
	/* number: 0 or 1 */
	SCRIPT_MESSAGE_SEEN,
	SCRIPT_MESSAGE_FLAGGED,
	SCRIPT_MESSAGE_ANSWERED,
	/* list */
	SCRIPT_MESSAGE_KEYWORDS,
	/* text: the first header called name, unfolded and decoded to UTF-8 */
	SCRIPT_MESSAGE_HEADER,
	/* list: all headers called name */
	SCRIPT_MESSAGE_HEADERS,

	/* What script_facts_get() knows. */
	SCRIPT_MESSAGE_SAVED,
	SCRIPT_MESSAGE_RECEIVED,
	SCRIPT_MESSAGE_HIDDEN,
	SCRIPT_MESSAGE_RETRIEVED,
	SCRIPT_MESSAGE_RETRIEVE_COUNT,
};

struct script_value {
	int64_t number;
	const char *text;
	/* ends with NULL */
	const char *const *list;
};

/* Fetch one value of the session or the message that the question is about.
   name: as the script wrote it, printable without ":" where it is a header's;
   NULL unless the field takes one. What is put into value_r belongs to the
   adapter and must stay until the next call. Returns 1, 0 = there is none
   (nil to the script; false, for a flag), -1 = it could not be found out, then
   value_r->text says why in one line or is NULL: the whole call fails, whatever the script
   does about it. */
typedef int script_get_func_t(void *context, enum script_field field,
			      const char *name, struct script_value *value_r);

struct script_setup {
	/* all of them greater than 0 */
	struct script_limits limits;
	/* Where policy.list() reads its files, NULL = it fails. Must outlive
	   the script. */
	const char *list_folder;
	/* What require() finds, NULL = nothing. Must outlive the script. */
	struct script_modules *modules;
	/* Gets what policy.log() says: one printable line, UTF-8, at most 400
	   bytes, rate-limited. NULL = nobody listens. */
	void (*log)(void *context, const char *line);
	void *log_context;
	/* Collect tracebacks of errors. */
	bool want_traceback;
	/* Count every instruction, not in steps of SCRIPT_COUNT_STEP: slower,
	   for those who want to know the cost. */
	bool count_exactly;
};
#define SCRIPT_COUNT_STEP 64

struct script_question {
	enum script_hook hook;
	/* never NULL; the request, where hook is AUTH */
	const struct policy_session_facts *session;
	/* Of the message, from 1; ignored by AUTH, LOGIN and LOGOUT. */
	uint32_t number;
	uint32_t uid;

	script_get_func_t *get;
	void *context;
};

enum script_outcome {
	/* Refuse, keep, or fail, as is safest for the hook; reason is set. */
	SCRIPT_FAILED = 0,
	/* No answer: ask the rules, or the next passdb. */
	SCRIPT_PASS,
	SCRIPT_ANSWER,
};

struct script_answer {
	enum script_outcome outcome;
	/* ANSWER of
	   auth, login:  DENY
	   show:         HIDE, or ALLOW for policy.SHOW
	   uidl:         see below
	   retrieve:     ALLOW, DENY
	   delete:       ALLOW, DENY, HIDE, ARCHIVE
	   expire:       DENY for policy.KEEP, HIDE, ARCHIVE, ALLOW for
	                 policy.EXPUNGE
	   otherwise DENY. */
	enum policy_action action;
	/* DENY: for the client, one printable line of 1 to 400 bytes, UTF-8;
	   or NULL. */
	const char *text;
	/* DENY of auth and login: "AUTH", "SYS/TEMP", "SYS/PERM", "IN-USE",
	   "LOGIN-DELAY", or NULL. */
	const char *code;
	/* ARCHIVE: see struct policy_verdict. */
	const char *mailbox;
	/* ANSWER of uidl: 1 to 70 characters 0x21 to 0x7E. */
	const char *uidl;
	/* FAILED: one printable line that names the script and, where it is
	   known, the line. */
	const char *reason;
	/* FAILED: several lines, for debug logging; NULL unless wanted. */
	const char *traceback;
	/* Where the hook that answered, passed or failed stands. line = 0: it
	   is not defined. */
	const char *file;
	unsigned int line;
};

/* What the last call of a script took, or what loading took. */
struct script_cost {
	uint64_t instructions;
	uint64_t usecs;
	/* most bytes that the state had during the call */
	uint64_t memory_bytes;
};

/* Compile. name: for messages ("alice.lua"), copied. text: size bytes, any at
   all; source text only, never bytecode. Returns NULL only if there is no
   memory; a text that does not compile is a source with an error, which may be
   kept as well. Compiling takes no more than limits. */
struct script_source *
script_source_compile(const char *name, const char *text, size_t size,
		      const struct script_limits *limits);
/* One printable line with name and line, or NULL. */
const char *script_source_error(const struct script_source *source);
/* NULL is allowed. Scripts that were made from it stay. */
void script_source_free(struct script_source **source);

/* For require("pop3_policy.NAME"): the files NAME.lua in this folder, which is
   copied. Each is compiled when it is first asked for, kept, and read again
   once it has changed. A module runs in the state and under the caps of the
   script that asks for it. only_roots: refuse files that anybody but root
   could write. Who may write the folder is for the caller to look at.
   Returns NULL only if there is no memory. */
struct script_modules *
script_modules_create(const char *folder, bool only_roots);
/* NULL is allowed. */
void script_modules_free(struct script_modules **modules);

/* A fresh state in which the source has run once. Returns NULL only if there
   is no memory; script_error() says whether it failed, then every question
   is answered with FAILED. While it is loaded it knows nothing about sessions
   and messages. */
struct script *script_create(const struct script_source *source,
			     const struct script_setup *setup);
/* Why it could not be loaded, or NULL. */
const char *script_error(const struct script *script);
/* Several lines, or NULL. */
const char *script_error_traceback(const struct script *script);
/* NULL is allowed. Runs nothing of the script. */
void script_free(struct script **script);

/* Is the hook defined? Asking one that is not costs next to nothing. */
bool script_has_hook(const struct script *script, enum script_hook hook);
/* Where it is defined, 0 if it is not. */
unsigned int script_hook_line(const struct script *script,
			      enum script_hook hook);

/* Ask. Everything in the answer stays until the script is asked again or
   freed. Must not be called from within a callback. */
void script_call(struct script *script, const struct script_question *question,
		 struct script_answer *answer_r);
/* What loading took, or the last call. */
void script_get_cost(const struct script *script, struct script_cost *cost_r);

/* "delete"; the function is called "pop3_policy_delete". Never NULL. */
const char *script_hook_name(enum script_hook hook);

/* Answers SCRIPT_MESSAGE_SAVED to SCRIPT_MESSAGE_RETRIEVE_COUNT from facts, as
   every adapter has to: what is unknown is nil, also the number of retrievals
   of a message whose history is unknown. Returns 1 or 0. */
int script_facts_get(const struct policy_message_facts *facts,
		     enum script_field field, struct script_value *value_r);

/* All of the above, for those who load the shared object. */
struct script_engine {
	struct script_source *
	(*source_compile)(const char *name, const char *text, size_t size,
			  const struct script_limits *limits);
	const char *(*source_error)(const struct script_source *source);
	void (*source_free)(struct script_source **source);
	struct script *(*create)(const struct script_source *source,
				 const struct script_setup *setup);
	const char *(*error)(const struct script *script);
	const char *(*error_traceback)(const struct script *script);
	void (*free)(struct script **script);
	bool (*has_hook)(const struct script *script, enum script_hook hook);
	unsigned int (*hook_line)(const struct script *script,
				  enum script_hook hook);
	void (*call)(struct script *script,
		     const struct script_question *question,
		     struct script_answer *answer_r);
	void (*get_cost)(const struct script *script,
			 struct script_cost *cost_r);
	const char *(*hook_name)(enum script_hook hook);
	int (*facts_get)(const struct policy_message_facts *facts,
			 enum script_field field,
			 struct script_value *value_r);
	struct script_modules *(*modules_create)(const char *folder,
						 bool only_roots);
	void (*modules_free)(struct script_modules **modules);
};

#define SCRIPT_ENGINE_SYMBOL "pop3_policy_script_engine"
/* Never NULL; static. */
const struct script_engine *pop3_policy_script_engine(void);

#endif
