/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "array.h"
#include "iso8601-date.h"
#include "str.h"
#include "mail-cache.h"
#include "mail-namespace.h"
#include "mail-storage-private.h"
#include "mail-user.h"
#include "mailbox-list-private.h"
#include "compat.h"
#include "journal-file.h"
#include "policy-events.h"
#include "journal.h"

#include <time.h>

#define JOURNAL_FILE_NAME "pop3-policy.journal"

/* Lines are written in pieces of this size: some hundreds of them. */
#define JOURNAL_PIECE_BYTES (128 * 1024)
/* What RFC 5322 allows on a line. */
#define MESSAGE_ID_MAX_BYTES 998

enum journal_stage {
	JOURNAL_STAGE_INTENT,
	JOURNAL_STAGE_DONE,
	JOURNAL_STAGE_FAILED,
	JOURNAL_STAGE_PENDING,
	JOURNAL_STAGE_NONE,
};

struct journal_entry {
	uint32_t uid;
	enum journal_action action;
};

/* What the beginning of a line depends on. */
struct journal_head {
	enum journal_stage stage;
	enum journal_action action;
	enum policy_question question;
	bool has_verdict;
	struct policy_verdict verdict;
};

struct journal {
	struct mailbox_list *list;
	const struct policy *policy;
	const struct policy_session_facts *facts;
	struct event *event;

	/* Without an outcome */
	ARRAY(struct journal_entry) entries;
	/* Some of their intents are on disk, or could not be written */
	bool intents_written, intents_failed;

	/* It has looked for what is too old to be kept. */
	bool rotated;

	/* Lines that are not written yet */
	string_t *lines;
	/* How the last line began, up to the UID */
	struct journal_head head;
	string_t *head_text;
	/* User, session and so on, the same in all lines */
	string_t *who;

	struct mail_cache *cache;
	unsigned int message_id_idx;

	bool failure_logged;
	unsigned int logged_lines, unlogged_lines;
};

static const char journal_action_names[][8] = {
	"remove", "hide", "archive", "expunge", "move",
};

static const char journal_stage_texts[][32] = {
	"intent\"",
	"outcome\",\"result\":\"done\"",
	"outcome\",\"result\":\"failed\"",
	"outcome\",\"result\":\"pending\"",
	"outcome\",\"result\":\"none\"",
};

struct journal *
journal_init(struct mailbox_list *list, const struct policy *policy,
	     const struct policy_session_facts *facts, struct event *event)
{
	struct journal *journal = i_new(struct journal, 1);

	journal->list = list;
	journal->policy = policy;
	journal->facts = facts;
	journal->event = event;
	i_array_init(&journal->entries, 16);
	/* The few lines of most sessions are worth no mapping of their own. */
	journal->lines = str_new(default_pool, 4096);
	journal->head_text = str_new(default_pool, 512);
	return journal;
}

void journal_deinit(struct journal **_journal)
{
	struct journal *journal = *_journal;

	if (journal == NULL)
		return;
	*_journal = NULL;
	if (journal->unlogged_lines > 0) {
		e_info(journal->event, "journal: %u more lines are lost",
		       journal->unlogged_lines);
	}
	array_free(&journal->entries);
	str_free(&journal->lines);
	str_free(&journal->head_text);
	if (journal->who != NULL)
		str_free(&journal->who);
	i_free(journal);
}

static bool journal_is_off(const struct journal *journal)
{
	return journal->policy->journal == POLICY_JOURNAL_OFF;
}

/*
 * Writing
 */

/* Returns 0, or -1 and error_r. */
static int journal_get_path(struct journal *journal, const char **path_r,
			    const char **error_r)
{
	const char *root;

	if (!mailbox_list_get_root_path(journal->list,
					MAILBOX_LIST_PATH_TYPE_CONTROL,
					&root)) {
		*error_r = "the INBOX's namespace has no folder on disk";
		return -1;
	}
	if (mailbox_list_try_mkdir_root(journal->list, root,
					MAILBOX_LIST_PATH_TYPE_CONTROL,
					error_r) < 0)
		return -1;
	*path_r = t_strconcat(root, "/"JOURNAL_FILE_NAME, NULL);
	return 0;
}

/* Whoever shares the mailbox writes to its journal, too; nobody else sees it,
   whatever Dovecot does about other files. */
static void journal_get_permissions(struct journal *journal,
				    struct journal_file_settings *set)
{
	struct mailbox_permissions perm;

	mailbox_list_get_root_permissions(journal->list, &perm);
	set->mode = (perm.file_create_mode & 0060) == 0060 ? 0660 : 0600;
	set->gid = set->mode == 0600 ? (gid_t)-1 : perm.file_create_gid;
}

static void journal_log_lines(struct journal *journal)
{
	const char *line = str_c(journal->lines);
	const char *end = line + str_len(journal->lines), *newline;

	for (; line < end; line = newline + 1) {
		newline = memchr(line, '\n', end - line);
		i_assert(newline != NULL);
		if (journal->logged_lines == JOURNAL_LOG_MAX_LINES) {
			journal->unlogged_lines++;
			continue;
		}
		journal->logged_lines++;
		e_info(journal->event, "journal: %.*s",
		       (int)(newline - line), line);
	}
}

/* Returns 0, or -1 if lines were logged instead. */
static int journal_write(struct journal *journal, bool sync)
{
	const struct mail_storage_settings *set = journal->list->mail_set;
	struct journal_file_settings file_set = {
		.retention_secs = journal->policy->journal_retention_secs,
		.rotate = !journal->rotated,
		.durable = set->parsed_fsync_mode != FSYNC_MODE_NEVER,
		.sync = sync,
	};
	const char *path, *error;
	int ret = 0;

	if (str_len(journal->lines) == 0 && !sync)
		return 0;
	journal_get_permissions(journal, &file_set);
	T_BEGIN {
		if (journal_get_path(journal, &path, &error) < 0 ||
		    journal_file_append(path, &file_set,
					str_data(journal->lines),
					str_len(journal->lines), &error) < 0) {
			if (!journal->failure_logged) {
				journal->failure_logged = TRUE;
				policy_event_failure(journal->event,
					"Can't write journal", error);
			}
			journal_log_lines(journal);
			ret = -1;
		}
	} T_END;
	journal->rotated = TRUE;
	str_truncate(journal->lines, 0);
	/* the time is that of the first line of a piece */
	str_truncate(journal->head_text, 0);
	return ret;
}

static void journal_write_intents(struct journal *journal, bool sync)
{
	journal->intents_written = TRUE;
	if (journal_write(journal, sync) < 0)
		journal->intents_failed = TRUE;
}

/*
 * Lines
 */

/* Bytes that JSON wants escaped, or that may be no UTF-8, have their highest bit
   set in what this returns. */
static inline uint64_t special_bytes(const char *str)
{
	const uint64_t ones = 0x0101010101010101ULL;
	uint64_t x, quote, backslash;

	memcpy(&x, str, sizeof(x));
	quote = x ^ (ones * '"');
	backslash = x ^ (ones * '\\');
	return (x | (x - ones * ' ') | ((quote - ones) & ~quote) |
		((backslash - ones) & ~backslash)) & (ones << 7);
}

/* May all of it stand in a JSON string as it is? Most GUIDs may, and escaping
   costs a hundred instructions a byte; so eight bytes are looked at at once. */
static bool is_plain(const char *str, size_t size)
{
	char padded[sizeof(uint64_t)];
	uint64_t bad = 0;
	size_t i;

	if (size < sizeof(padded)) {
		memset(padded, ' ', sizeof(padded));
		memcpy(padded, str, size);
		return special_bytes(padded) == 0;
	}
	for (i = 0; i + sizeof(uint64_t) <= size; i += sizeof(uint64_t))
		bad |= special_bytes(str + i);
	/* the rest, and some bytes again */
	bad |= special_bytes(str + size - sizeof(uint64_t));
	return bad == 0;
}

static void append_escaped(string_t *dest, const char *str, size_t size)
{
	if (is_plain(str, size))
		str_append_data(dest, str, size);
	else
		pop3_policy_compat_json_append(dest, str, size);
}

/* name with its quotes and commas; nothing where the value is empty */
static inline void
append_field(string_t *dest, const char *name, const char *value)
{
	if (value[0] == '\0')
		return;
	str_append(dest, name);
	append_escaped(dest, value, strlen(value));
	str_append_c(dest, '"');
}

static inline unsigned char *
put(unsigned char *p, const void *data, size_t size)
{
	memcpy(p, data, size);
	return p + size;
}
#define put_literal(p, str) put(p, str, sizeof(str) - 1)

static unsigned char *put_number(unsigned char *p, uint64_t number)
{
	char buf[MAX_INT_STRLEN], *end = buf + sizeof(buf), *digit = end;

	do {
		*--digit = '0' + number % 10;
		number /= 10;
	} while (number > 0);
	return put(p, digit, end - digit);
}

/* What stands between quotes. */
struct journal_text {
	const char *data;
	size_t size;
};

static const string_t *journal_who(struct journal *journal)
{
	const struct policy_session_facts *facts = journal->facts;

	if (journal->who != NULL)
		return journal->who;
	journal->who = str_new(default_pool, 256);
	append_field(journal->who, ",\"service\":\"", journal->list->ns->user->service);
	append_field(journal->who, ",\"user\":\"", facts->user);
	append_field(journal->who, ",\"session\":\"", facts->id);
	append_field(journal->who, ",\"ip\":\"", facts->remote_ip);
	append_field(journal->who, ",\"mechanism\":\"", facts->mechanism);
	append_field(journal->who, ",\"device\":\"", facts->device);
	return journal->who;
}

static void append_verdict(string_t *dest, const struct journal_head *head)
{
	const struct policy_verdict *verdict = &head->verdict;

	append_field(dest, ",\"question\":\"",
		     policy_question_name(head->question));
	if (verdict->without_effect) {
		append_field(dest, ",\"decided\":\"",
			     policy_action_name(head->question,
						verdict->action));
	}
	append_field(dest, ",\"reason\":\"",
		     policy_reason_name(verdict->reason));
	append_field(dest, ",\"rule\":\"", verdict->line == 0 ? "" :
		     t_strdup_printf("%s:%u", verdict->file, verdict->line));
	if (verdict->mailbox != NULL)
		append_field(dest, ",\"mailbox\":\"", verdict->mailbox);
}

static bool head_equals(const struct journal_head *head1,
			const struct journal_head *head2)
{
	const struct policy_verdict *v1 = &head1->verdict;
	const struct policy_verdict *v2 = &head2->verdict;

	/* strings of one policy are equal if their addresses are */
	return head1->stage == head2->stage &&
		head1->action == head2->action &&
		head1->question == head2->question &&
		head1->has_verdict == head2->has_verdict &&
		v1->action == v2->action && v1->reason == v2->reason &&
		v1->file == v2->file && v1->line == v2->line &&
		v1->mailbox == v2->mailbox &&
		v1->without_effect == v2->without_effect;
}

/* {"time": ... "uid": */
static void append_head(struct journal *journal, const struct journal_head *head)
{
	time_t now = time(NULL);

	str_append(journal->head_text, "{\"time\":\"");
	str_append(journal->head_text,
		   iso8601_date_create_tm(gmtime(&now), INT_MAX));
	str_append(journal->head_text, "\",\"stage\":\"");
	str_append(journal->head_text, journal_stage_texts[head->stage]);
	append_field(journal->head_text, ",\"action\":\"",
		     journal_action_names[head->action]);
	append_field(journal->head_text, ",\"mode\":\"",
		     journal->policy->mode == POLICY_MODE_REPORT ?
		     "report" : "enforce");
	str_append_str(journal->head_text, journal_who(journal));
	if (head->has_verdict)
		append_verdict(journal->head_text, head);
	str_append(journal->head_text, ",\"uid\":");
}

static void
journal_set_head(struct journal *journal, const struct journal_head *head)
{
	if (str_len(journal->head_text) == 0 ||
	    !head_equals(&journal->head, head)) T_BEGIN {
		journal->head = *head;
		str_truncate(journal->head_text, 0);
		append_head(journal, head);
	} T_END;
}

/* A whole line is composed in one go: a call for each of its parts would cost
   as much as all the rest. */
static void
journal_add_line(struct journal *journal, const struct journal_head *head,
		 uint32_t uid, const struct journal_text *guid,
		 const struct journal_text *uidl, uoff_t size,
		 const string_t *more)
{
	size_t begin = str_len(journal->lines);
	unsigned char *p, *first;

	journal_set_head(journal, head);
	first = p = buffer_append_space_unsafe(journal->lines,
		str_len(journal->head_text) + guid->size + uidl->size +
		(more == NULL ? 0 : str_len(more)) + 128);
	p = put(p, str_data(journal->head_text), str_len(journal->head_text));
	p = put_number(p, uid);
	if (guid->size > 0) {
		p = put_literal(p, ",\"guid\":\"");
		p = put(p, guid->data, guid->size);
		*p++ = '"';
	}
	if (uidl->size > 0) {
		p = put_literal(p, ",\"uidl\":\"");
		p = put(p, uidl->data, uidl->size);
		*p++ = '"';
	}
	if (size != UOFF_T_MAX) {
		p = put_literal(p, ",\"size\":");
		p = put_number(p, size);
	}
	if (more != NULL)
		p = put(p, str_data(more), str_len(more));
	p = put_literal(p, "}\n");
	str_truncate(journal->lines, begin + (p - first));
}

static bool message_id_is_cached(struct journal *journal, struct mail *mail)
{
	struct mailbox *box = mail->box;

	if (journal->cache != box->cache) {
		journal->cache = box->cache;
		journal->message_id_idx =
			mail_cache_register_lookup(box->cache,
						   "hdr.message-id");
	}
	return journal->message_id_idx != UINT_MAX &&
		mail_cache_field_exists(mail->transaction->cache_view,
					mail->seq,
					journal->message_id_idx) > 0;
}

/* value: NULL = none */
static void escape(const char *value, struct journal_text *text_r)
{
	string_t *str;

	text_r->data = value;
	text_r->size = value == NULL ? 0 : strlen(value);
	if (text_r->size == 0 || is_plain(value, text_r->size))
		return;
	str = t_str_new(2 * text_r->size);
	pop3_policy_compat_json_append(str, value, text_r->size);
	text_r->data = str_c(str);
	text_r->size = str_len(str);
}

/* Returns NULL if it isn't cached. */
static const string_t *
message_id_field(struct journal *journal, struct mail *mail)
{
	const char *value;
	string_t *field;

	if (!message_id_is_cached(journal, mail) ||
	    mail_get_first_header(mail, "Message-ID", &value) <= 0 ||
	    value[0] == '\0')
		return NULL;
	field = t_str_new(128);
	str_append(field, ",\"message_id\":\"");
	append_escaped(field, value,
		       I_MIN(strlen(value), MESSAGE_ID_MAX_BYTES));
	str_append_c(field, '"');
	return field;
}

static const char *
message_guid(struct mail *mail, const struct journal_message *message)
{
	struct mail_private *pmail = (struct mail_private *)mail;
	const char *guid;

	/* What is found out about a message that goes away isn't worth a place
	   in the cache. */
	if (message->action != JOURNAL_HIDE)
		pmail->v.set_uid_cache_updates(mail, TRUE);
	return mail_get_special(mail, MAIL_FETCH_GUID, &guid) < 0 ? NULL : guid;
}

static void journal_add_message(struct journal *journal, struct mail *mail,
				const struct journal_message *message,
				enum journal_stage stage)
{
	struct journal_head head = {
		.stage = stage,
		.action = message->action,
		.question = message->question,
		.has_verdict = message->verdict != NULL,
	};
	enum mail_lookup_abort old_abort = mail->lookup_abort;
	struct journal_text guid, uidl;
	uoff_t size = message->size;

	if (head.has_verdict)
		head.verdict = *message->verdict;
	/* callers have a frame of the data stack for each message */
	escape(message_guid(mail, message), &guid);
	escape(message->uidl, &uidl);
	mail->lookup_abort = MAIL_LOOKUP_ABORT_NOT_IN_CACHE;
	if (size == UOFF_T_MAX && mail_get_virtual_size(mail, &size) < 0)
		size = UOFF_T_MAX;
	journal_add_line(journal, &head, mail->uid, &guid, &uidl, size,
			 message_id_field(journal, mail));
	mail->lookup_abort = old_abort;
}

static bool
has_uid(const ARRAY_TYPE(seq_range) *uids, uint32_t uid)
{
	return uids != NULL && array_count(uids) > 0 &&
		seq_range_exists(uids, uid);
}

static void journal_add_outcomes(struct journal *journal, bool all_failed,
				 const ARRAY_TYPE(seq_range) *failed,
				 const ARRAY_TYPE(seq_range) *pending)
{
	const struct journal_entry *entry;
	struct journal_head head = { .has_verdict = FALSE };
	const struct journal_text none = { .size = 0 };

	array_foreach(&journal->entries, entry) {
		head.stage = all_failed || has_uid(failed, entry->uid) ?
			JOURNAL_STAGE_FAILED :
			has_uid(pending, entry->uid) ?
			JOURNAL_STAGE_PENDING : JOURNAL_STAGE_DONE;
		head.action = entry->action;
		journal_add_line(journal, &head, entry->uid, &none, &none,
				 UOFF_T_MAX, NULL);
		if (str_len(journal->lines) >= JOURNAL_PIECE_BYTES)
			(void)journal_write(journal, FALSE);
	}
	(void)journal_write(journal, FALSE);
	array_clear(&journal->entries);
	journal->intents_written = FALSE;
	journal->intents_failed = FALSE;
}

/*
 * What is told
 */

void journal_intent(struct journal *journal, struct mail *mail,
		    const struct journal_message *message)
{
	struct journal_entry *entry;

	if (journal_is_off(journal))
		return;
	entry = array_append_space(&journal->entries);
	entry->uid = mail->uid;
	entry->action = message->action;
	journal_add_message(journal, mail, message, JOURNAL_STAGE_INTENT);
	if (str_len(journal->lines) >= JOURNAL_PIECE_BYTES)
		journal_write_intents(journal, FALSE);
}

void journal_report(struct journal *journal, struct mail *mail,
		    const struct journal_message *message)
{
	if (journal_is_off(journal))
		return;
	journal_add_message(journal, mail, message, JOURNAL_STAGE_NONE);
	if (str_len(journal->lines) >= JOURNAL_PIECE_BYTES)
		(void)journal_write(journal, FALSE);
}

int journal_sync(struct journal *journal)
{
	if (array_count(&journal->entries) > 0)
		journal_write_intents(journal, TRUE);
	return journal->intents_failed && journal->policy->journal_required ?
		-1 : 0;
}

void journal_outcomes(struct journal *journal,
		      const ARRAY_TYPE(seq_range) *failed,
		      const ARRAY_TYPE(seq_range) *pending)
{
	journal_add_outcomes(journal, FALSE, failed, pending);
}

void journal_rollback(struct journal *journal)
{
	if (!journal->intents_written) {
		/* nobody has heard of it */
		str_truncate(journal->lines, 0);
		array_clear(&journal->entries);
	}
	journal_add_outcomes(journal, TRUE, NULL, NULL);
}
