/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* doveadm pop3 uidl verify: would clients of the old server that come here
   find their mail again? */

#include "lib.h"
#include "mail-user.h"
#include "doveadm-print.h"
#include "old-listing.h"
#include "uidl-inbox.h"
#include "uidl-listing-cmd.h"
#include "uidl-messages.h"
#include "doveadm-pop3-policy.h"
#include "pop3-policy/uidl-verify.h"

struct uidl_verify_cmd {
	struct uidl_listing_cmd cmd;
	/* A line for each message, and only users with something to tell */
	bool details, quiet;

	/* All users, those who would find everything, those who wouldn't; what
	   is left could not be found out */
	unsigned int users, users_same, users_changed;
	size_t counts[UIDL_VERIFY_STATES];
};

struct uidl_verify_user {
	struct uidl_verify_cmd *cmd;
	struct uidl_inbox *inbox;
	const struct uidl_listing *listing;
	struct uidl_messages *messages;
	/* Of each of these */
	const char **shown;
};

/*
 * What is printed
 */

static void
verify_print_detail(struct uidl_verify_user *verify,
		    enum uidl_verify_state state,
		    const struct uidl_listing_entry *entry, size_t message,
		    const char *reason)
{
	const char *shown = message == UIDL_MATCH_NOTHING ? NULL :
		verify->shown[message];

	doveadm_print(verify->inbox->user->username);
	doveadm_print(uidl_verify_state_name(state));
	doveadm_print(entry == NULL ? "-" : entry->uidl);
	doveadm_print(message == UIDL_MATCH_NOTHING ? "-" :
		      dec2str(uidl_messages_uid(verify->messages, message)));
	doveadm_print(shown == NULL ? "-" : shown);
	doveadm_print(reason == NULL ? "-" : reason);
}

static void
verify_print_details(struct uidl_verify_user *verify,
		     const struct uidl_verification *result)
{
	const struct uidl_verify_entry *entry = result->entries;
	const size_t count = uidl_messages_source(verify->messages)->count;
	size_t i;

	for (i = 0; i < verify->listing->count; i++, entry++) {
		if (verify->cmd->quiet && entry->state == UIDL_VERIFY_SAME)
			continue;
		T_BEGIN {
			verify_print_detail(verify, entry->state,
					    &verify->listing->entries[i],
					    entry->message, entry->reason);
		} T_END;
	}
	for (i = 0; i < count && !verify->cmd->quiet; i++) T_BEGIN {
		if (result->are_new[i])
			verify_print_detail(verify, UIDL_VERIFY_NEW, NULL, i,
					    NULL);
	} T_END;
}

static void verify_print_user(struct uidl_verify_user *verify,
			      const struct uidl_verification *result)
{
	doveadm_print(verify->inbox->user->username);
	doveadm_print_num(verify->listing->count);
	doveadm_print_num(result->counts[UIDL_VERIFY_SAME]);
	doveadm_print_num(result->counts[UIDL_VERIFY_MISSING]);
	doveadm_print_num(result->counts[UIDL_VERIFY_CHANGED]);
	doveadm_print_num(result->counts[UIDL_VERIFY_NEW]);
}

/* To standard error, where it is in no formatter's way. */
static void verify_print_summary(const struct uidl_verify_cmd *cmd)
{
	i_info("UIDLs of %u users: %u as before, %u not, %u could not be "
	       "verified; %zu the same, %zu missing, %zu changed, %zu new",
	       cmd->users, cmd->users_same, cmd->users_changed,
	       cmd->users - cmd->users_same - cmd->users_changed,
	       cmd->counts[UIDL_VERIFY_SAME],
	       cmd->counts[UIDL_VERIFY_MISSING],
	       cmd->counts[UIDL_VERIFY_CHANGED],
	       cmd->counts[UIDL_VERIFY_NEW]);
}

static void verify_count(struct uidl_verify_user *verify,
			 const struct uidl_verification *result)
{
	struct uidl_verify_cmd *cmd = verify->cmd;
	const bool same = result->counts[UIDL_VERIFY_MISSING] == 0 &&
		result->counts[UIDL_VERIFY_CHANGED] == 0;
	unsigned int state;

	for (state = 0; state < UIDL_VERIFY_STATES; state++)
		cmd->counts[state] += result->counts[state];
	if (same) {
		cmd->users_same++;
	} else {
		cmd->users_changed++;
		/* a failure says more */
		if (cmd->cmd.cmd.ctx.exit_code == 0)
			cmd->cmd.cmd.ctx.exit_code = EX_DATAERR;
	}
	if (cmd->details)
		verify_print_details(verify, result);
	else if (!same || !cmd->quiet)
		verify_print_user(verify, result);
}

/*
 * One user
 */

static void verify_find_shown(struct uidl_verify_user *verify)
{
	const struct uidl_inbox *inbox = verify->inbox;
	const size_t count = uidl_messages_source(verify->messages)->count;
	uint32_t seq;
	size_t i;

	verify->shown = i_new(const char *, count + 1);
	for (i = 0; i < count; i++) {
		seq = uidl_messages_seq(verify->messages, i);
		if (!seq_range_exists(&inbox->unseen, seq))
			verify->shown[i] = inbox->entries[seq - 1].uidl;
	}
}

/* Returns 0, or -1 and error_r. */
static int
verify_compare(struct uidl_verify_user *verify, const char **error_r)
{
	const struct uidl_match_source *source =
		uidl_messages_source(verify->messages);
	struct uidl_verification *result = NULL;
	struct uidl_matches *matches;
	bool no_memory;

	matches = uidl_match(verify->listing, source, &no_memory);
	if (matches != NULL) {
		result = uidl_verify(verify->listing, source, matches,
				     verify->shown, &no_memory);
	}
	if (result == NULL) {
		*error_r = no_memory ? "Out of memory" :
			t_strdup(uidl_messages_error(verify->messages));
	} else {
		verify_count(verify, result);
	}
	uidl_matches_free(&matches);
	if (result == NULL)
		return -1;
	uidl_verification_free(&result);
	return 0;
}

static int
verify_inbox(struct uidl_listing_cmd *_cmd, const struct uidl_listing *listing,
	     struct uidl_inbox *inbox)
{
	struct uidl_verify_cmd *cmd =
		container_of(_cmd, struct uidl_verify_cmd, cmd);
	struct uidl_verify_user verify = {
		.cmd = cmd,
		.inbox = inbox,
		.listing = listing,
	};
	const char *error;
	int ret;

	ret = uidl_messages_init(inbox, &verify.messages, &error);
	if (ret == 0) {
		verify_find_shown(&verify);
		ret = verify_compare(&verify, &error);
	}
	if (ret < 0) {
		e_error(inbox->user->event, "INBOX: %s", error);
		doveadm_mail_failed_error(&_cmd->cmd.ctx, MAIL_ERROR_TEMP);
	}
	i_free(verify.shown);
	uidl_messages_deinit(&verify.messages);
	return ret;
}

/*
 * The command
 */

static int
cmd_pop3_uidl_verify_prerun(struct doveadm_mail_cmd_context *ctx,
			    struct mail_storage_service_user *user,
			    const char **error_r)
{
	struct uidl_verify_cmd *cmd =
		container_of(ctx, struct uidl_verify_cmd, cmd.cmd.ctx);

	/* counted here, since not everybody's mail can be opened */
	cmd->users++;
	return uidl_listing_cmd_prerun(ctx, user, error_r);
}

static void verify_print_headers(const struct uidl_verify_cmd *cmd)
{
	static const char *const columns[] = {
		"listed", "same", "missing", "changed", "new"
	};
	unsigned int i;

	doveadm_print_header_simple("user");
	if (cmd->details) {
		doveadm_print_header_simple("state");
		doveadm_print_header_simple("uidl");
		doveadm_print_header_simple("uid");
		doveadm_print_header_simple("shown");
		doveadm_print_header_simple("reason");
		return;
	}
	for (i = 0; i < N_ELEMENTS(columns); i++) {
		doveadm_print_header(columns[i], columns[i],
				     DOVEADM_PRINT_HEADER_FLAG_NUMBER);
	}
}

static void cmd_pop3_uidl_verify_init(struct doveadm_pop3_mail_cmd *_cmd)
{
	struct uidl_verify_cmd *cmd =
		container_of(_cmd, struct uidl_verify_cmd, cmd.cmd);
	struct doveadm_cmd_context *cctx = _cmd->ctx.cctx;

	(void)doveadm_cmd_param_bool(cctx, "details", &cmd->details);
	(void)doveadm_cmd_param_bool(cctx, "quiet", &cmd->quiet);
	verify_print_headers(cmd);
	uidl_listing_cmd_init(&cmd->cmd, TRUE);
}

static void cmd_pop3_uidl_verify_deinit(struct doveadm_mail_cmd_context *ctx)
{
	struct uidl_verify_cmd *cmd =
		container_of(ctx, struct uidl_verify_cmd, cmd.cmd.ctx);

	if (cmd->cmd.listings != NULL)
		verify_print_summary(cmd);
	uidl_listing_cmd_deinit(&cmd->cmd);
}

static struct doveadm_mail_cmd_context *cmd_pop3_uidl_verify_alloc(void)
{
	struct doveadm_pop3_mail_cmd *base;
	struct uidl_verify_cmd *cmd;

	cmd = doveadm_mail_cmd_alloc(struct uidl_verify_cmd);
	base = &cmd->cmd.cmd;
	base->ctx.v.prerun = cmd_pop3_uidl_verify_prerun;
	base->ctx.v.run = uidl_listing_cmd_run;
	base->ctx.v.deinit = cmd_pop3_uidl_verify_deinit;
	base->init = cmd_pop3_uidl_verify_init;
	base->options = "dqt:l:m:w:";
	cmd->cmd.inbox = verify_inbox;
	doveadm_pop3_compat_set_init(base);
	doveadm_print_init(DOVEADM_PRINT_TYPE_TABLE);
	return &base->ctx;
}

struct doveadm_cmd_ver2 doveadm_cmd_pop3_uidl_verify = {
	.name = "pop3 uidl verify",
	.usage = DOVEADM_CMD_MAIL_USAGE_PREFIX"[-d] [-q] "
		OLD_LISTINGS_SERVER_USAGE"<file>|<folder>|<host>:<port>",
	.mail_cmd = cmd_pop3_uidl_verify_alloc,
DOVEADM_CMD_PARAMS_START
DOVEADM_CMD_MAIL_COMMON
DOVEADM_CMD_PARAM('d', "details", CMD_PARAM_BOOL, 0)
DOVEADM_CMD_PARAM('q', "quiet", CMD_PARAM_BOOL, 0)
OLD_LISTINGS_SERVER_PARAMS
DOVEADM_CMD_PARAM('\0', "source", CMD_PARAM_STR, CMD_PARAM_FLAG_POSITIONAL)
DOVEADM_CMD_PARAMS_END
};
