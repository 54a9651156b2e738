/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* doveadm pop3 uidl import: let messages keep the UIDLs that the old server
   showed for them. */

#include "lib.h"
#include "mail-storage-private.h"
#include "mail-user.h"
#include "doveadm-print.h"
#include "kept-uidls.h"
#include "old-listing.h"
#include "uidl-inbox.h"
#include "uidl-listing-cmd.h"
#include "uidl-messages.h"
#include "user-policy.h"
#include "doveadm-pop3-policy.h"
#include "pop3-policy/uidl.h"

/* Of those that could not be matched so many are logged. */
#define MAX_LOGGED 10

struct uidl_import_cmd {
	struct uidl_listing_cmd cmd;
	bool details, dry_run, partial;
};

struct uidl_import_user {
	struct uidl_import_cmd *cmd;
	struct uidl_inbox *inbox;
	const struct uidl_listing *listing;
	struct uidl_messages *messages;
	const struct uidl_matches *matches;
	/* Entries of the listing, by what became of them */
	size_t counts[UIDL_MATCH_RESULTS];
	size_t unmatched;
	/* Messages whose UIDL changes, and those of them for which clients
	   have been shown another one */
	unsigned int changed, changed_shown;
};

/*
 * What is printed
 */

static void import_log_unmatched(struct uidl_import_user *import)
{
	struct event *event = import->inbox->user->event;
	const struct uidl_listing_entry *entry;
	const struct uidl_match *match;
	size_t i, logged = 0;

	for (i = 0; i < import->listing->count && logged < MAX_LOGGED; i++) {
		entry = &import->listing->entries[i];
		match = &import->matches->entries[i];
		if (match->message != UIDL_MATCH_NOTHING)
			continue;
		e_warning(event, "%s:%u: UIDL %s: %s",
			  old_listings_name(import->cmd->cmd.listings),
			  entry->line, entry->uidl,
			  uidl_match_result_name(match->result));
		logged++;
	}
	if (import->unmatched > logged) {
		e_warning(event, "%zu more of the listing could not be "
			  "matched; -d prints them",
			  import->unmatched - logged);
	}
}

static void import_print_details(struct uidl_import_user *import)
{
	const struct uidl_match *match = import->matches->entries;
	size_t i;

	for (i = 0; i < import->listing->count; i++, match++) T_BEGIN {
		doveadm_print(import->inbox->user->username);
		doveadm_print(import->listing->entries[i].uidl);
		doveadm_print_num(import->listing->entries[i].line);
		doveadm_print(match->message == UIDL_MATCH_NOTHING ? "-" :
			dec2str(uidl_messages_uid(import->messages,
						  match->message)));
		doveadm_print(uidl_match_result_name(match->result));
	} T_END;
}

static void import_print_user(struct uidl_import_user *import)
{
	doveadm_print(import->inbox->user->username);
	doveadm_print_num(import->listing->count);
	doveadm_print_num(import->counts[UIDL_MATCH_BY_CONTENT]);
	doveadm_print_num(import->counts[UIDL_MATCH_BY_GUID]);
	doveadm_print_num(import->counts[UIDL_MATCH_BY_MESSAGE_ID]);
	doveadm_print_num(import->counts[UIDL_MATCH_BY_SIZE]);
	doveadm_print_num(import->unmatched);
	doveadm_print_num(import->changed);
}

/* What the administrator must know, now that it has been done. */
static void import_warn(const struct uidl_import_user *import)
{
	struct event *event = import->inbox->user->event;

	if (import->inbox->policy->state == USER_POLICY_NONE &&
	    import->changed > 0) {
		e_warning(event, "No section of the policy is this user's: "
			  "what is imported has no effect until one is");
	}
	if (import->changed_shown > 0) {
		e_warning(event, "POP3 clients have been shown other UIDLs for "
			  "%u of these messages, and would download them "
			  "again; see uidl_storm in pop3-policy.conf(5)",
			  import->changed_shown);
	}
}

/*
 * One user
 */

/* Returns 0, or -1 and error_r. */
static int
import_message(struct uidl_import_user *import,
	       struct kept_uidls_change *change, const char *uidl,
	       size_t message, const char **error_r)
{
	const uint32_t seq = uidl_messages_seq(import->messages, message);
	const struct uidl_entry *entry = &import->inbox->entries[seq - 1];
	const char *kept = kept_uidls_change_get(change, seq), *guid;
	struct mail *mail;

	/* What the policy makes anyway needs no keeping. */
	if (kept == NULL && !entry->kept)
		kept = entry->uidl;
	if (kept != NULL && strcmp(kept, uidl) == 0)
		return 0;
	mail = uidl_messages_mail(import->messages, message);
	if (mail_get_special(mail, MAIL_FETCH_GUID, &guid) < 0) {
		if (mail->expunged)
			return 0;
		*error_r = t_strdup_printf("UID %u: %s", mail->uid,
			mailbox_get_last_internal_error(mail->box, NULL));
		return -1;
	}
	if (guid[0] == '\0') {
		*error_r = t_strdup_printf("UID %u: It has no GUID",
					   mail->uid);
		return -1;
	}
	kept_uidls_change_set(change, seq, guid, uidl);
	import->changed++;
	if (entry->shown_hash != 0 && entry->shown_hash != uidl_hash(uidl))
		import->changed_shown++;
	return 0;
}

/* What is imported is no other message's any more. */
static void import_claim(struct uidl_import_user *import,
			 struct kept_uidls_change *change)
{
	const struct uidl_match *match = import->matches->entries;
	const struct uidl_entry *entry = import->inbox->entries;
	uint32_t seq, count = import->inbox->count;
	const char **uidls = i_new(const char *, I_MAX(count, 1));
	size_t i;

	for (i = 0; i < import->listing->count; i++, match++) {
		if (match->message == UIDL_MATCH_NOTHING)
			continue;
		seq = uidl_messages_seq(import->messages, match->message);
		uidls[seq - 1] = import->listing->entries[i].uidl;
	}
	kept_uidls_change_claim(change, uidls);
	for (seq = 1; seq <= count; seq++, entry++) {
		if (uidls[seq - 1] != NULL || !entry->kept ||
		    kept_uidls_change_get(change, seq) != NULL)
			continue;
		import->changed++;
		if (entry->shown_hash != 0)
			import->changed_shown++;
	}
	i_free(uidls);
}

/* Returns 0, or -1 and error_r: then nothing has changed, unless the error says
   otherwise. */
static int
import_matched(struct uidl_import_user *import, const char **error_r)
{
	const struct uidl_match *match = import->matches->entries;
	struct kept_uidls_change *change;
	size_t i;
	int ret = 0;

	if (kept_uidls_change_begin(import->inbox->trans, &change,
				    error_r) < 0)
		return -1;
	import_claim(import, change);
	for (i = 0; i < import->listing->count && ret == 0; i++, match++) {
		if (match->message == UIDL_MATCH_NOTHING)
			continue;
		T_BEGIN {
			ret = import_message(import, change,
					     import->listing->entries[i].uidl,
					     match->message, error_r);
		} T_END_PASS_STR_IF(ret < 0, error_r);
	}
	if (ret < 0 || import->cmd->dry_run)
		kept_uidls_change_cancel(&change);
	else
		ret = kept_uidls_change_commit(&change, error_r);
	return ret;
}

static void import_count(struct uidl_import_user *import)
{
	const struct uidl_match *match = import->matches->entries;
	size_t i;

	for (i = 0; i < import->listing->count; i++, match++) {
		import->counts[match->result]++;
		if (match->message == UIDL_MATCH_NOTHING)
			import->unmatched++;
	}
}

/* Returns 1, 0 if not everything could be matched, -1 and error_r. In the
   latter two cases nothing has changed, unless the error says otherwise. */
static int
import_inbox(struct uidl_import_user *import, const char **error_r)
{
	const bool partial = import->cmd->partial;

	import_count(import);
	if (import->unmatched > 0 && !import->cmd->details)
		import_log_unmatched(import);
	if ((import->unmatched == 0 || partial) &&
	    import_matched(import, error_r) < 0)
		return -1;
	if (import->cmd->details)
		import_print_details(import);
	else
		import_print_user(import);
	if (import->unmatched > 0 && !partial) {
		e_error(import->inbox->user->event, "Nothing was imported: "
			"%zu of %zu messages of the listing could not be "
			"matched, and -p, which imports the others, was not "
			"given", import->unmatched, import->listing->count);
		return 0;
	}
	import_warn(import);
	return 1;
}

/* Returns as import_inbox() */
static int import_match(struct uidl_import_user *import, const char **error_r)
{
	struct uidl_matches *matches;
	bool no_memory;
	int ret;

	matches = uidl_match(import->listing,
			     uidl_messages_source(import->messages),
			     &no_memory);
	if (matches == NULL) {
		*error_r = no_memory ? "Out of memory" :
			t_strdup(uidl_messages_error(import->messages));
		return -1;
	}
	import->matches = matches;
	ret = import_inbox(import, error_r);
	uidl_matches_free(&matches);
	return ret;
}

static int
import_user(struct uidl_listing_cmd *_cmd, const struct uidl_listing *listing,
	    struct uidl_inbox *inbox)
{
	struct uidl_import_cmd *cmd =
		container_of(_cmd, struct uidl_import_cmd, cmd);
	struct doveadm_mail_cmd_context *ctx = &_cmd->cmd.ctx;
	struct uidl_import_user import = {
		.cmd = cmd,
		.inbox = inbox,
		.listing = listing,
	};
	const char *error;
	int ret;

	ret = uidl_messages_init(inbox, &import.messages, &error);
	if (ret == 0)
		ret = import_match(&import, &error);
	if (ret < 0) {
		e_error(inbox->user->event, "Importing UIDLs failed: %s",
			error);
		doveadm_mail_failed_error(ctx, MAIL_ERROR_TEMP);
	} else if (ret == 0 && ctx->exit_code == 0) {
		ctx->exit_code = EX_DATAERR;
	}
	uidl_messages_deinit(&import.messages);
	return ret > 0 ? 0 : -1;
}

/*
 * The command
 */

static void import_print_headers(const struct uidl_import_cmd *cmd)
{
	static const char *const columns[] = {
		"listed", "content", "guid", "message_id", "size",
		"unmatched", "changed"
	};
	unsigned int i;

	doveadm_print_header_simple("user");
	if (cmd->details) {
		doveadm_print_header_simple("uidl");
		doveadm_print_header("line", "line",
				     DOVEADM_PRINT_HEADER_FLAG_NUMBER);
		doveadm_print_header_simple("uid");
		doveadm_print_header_simple("matched");
		return;
	}
	for (i = 0; i < N_ELEMENTS(columns); i++) {
		doveadm_print_header(columns[i], columns[i],
				     DOVEADM_PRINT_HEADER_FLAG_NUMBER);
	}
}

static void cmd_pop3_uidl_import_init(struct doveadm_pop3_mail_cmd *_cmd)
{
	struct uidl_import_cmd *cmd =
		container_of(_cmd, struct uidl_import_cmd, cmd.cmd);
	struct doveadm_cmd_context *cctx = _cmd->ctx.cctx;

	(void)doveadm_cmd_param_bool(cctx, "details", &cmd->details);
	(void)doveadm_cmd_param_bool(cctx, "dry-run", &cmd->dry_run);
	(void)doveadm_cmd_param_bool(cctx, "partial", &cmd->partial);
	import_print_headers(cmd);
	uidl_listing_cmd_init(&cmd->cmd, FALSE);
}

static void cmd_pop3_uidl_import_deinit(struct doveadm_mail_cmd_context *ctx)
{
	uidl_listing_cmd_deinit(UIDL_LISTING_CMD(ctx));
}

static struct doveadm_mail_cmd_context *cmd_pop3_uidl_import_alloc(void)
{
	struct doveadm_pop3_mail_cmd *base;
	struct uidl_import_cmd *cmd;

	cmd = doveadm_mail_cmd_alloc(struct uidl_import_cmd);
	base = &cmd->cmd.cmd;
	base->ctx.v.prerun = uidl_listing_cmd_prerun;
	base->ctx.v.run = uidl_listing_cmd_run;
	base->ctx.v.deinit = cmd_pop3_uidl_import_deinit;
	base->init = cmd_pop3_uidl_import_init;
	base->options = "dnp";
	cmd->cmd.inbox = import_user;
	doveadm_pop3_compat_set_init(base);
	doveadm_print_init(DOVEADM_PRINT_TYPE_TABLE);
	return &base->ctx;
}

struct doveadm_cmd_ver2 doveadm_cmd_pop3_uidl_import = {
	.name = "pop3 uidl import",
	.usage = DOVEADM_CMD_MAIL_USAGE_PREFIX
		"[-d] [-n] [-p] <file>|<folder>",
	.mail_cmd = cmd_pop3_uidl_import_alloc,
DOVEADM_CMD_PARAMS_START
DOVEADM_CMD_MAIL_COMMON
DOVEADM_CMD_PARAM('d', "details", CMD_PARAM_BOOL, 0)
DOVEADM_CMD_PARAM('n', "dry-run", CMD_PARAM_BOOL, 0)
DOVEADM_CMD_PARAM('p', "partial", CMD_PARAM_BOOL, 0)
DOVEADM_CMD_PARAM('\0', "source", CMD_PARAM_STR, CMD_PARAM_FLAG_POSITIONAL)
DOVEADM_CMD_PARAMS_END
};
