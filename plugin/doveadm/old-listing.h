/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_OLD_LISTING_H
#define POP3_POLICY_OLD_LISTING_H

/*
 * Where `doveadm pop3 uidl verify` and `import` have users' listings from: a
 * file, a folder with a file for each user, or the old server itself.
 */

#include "pop3-policy/uidl-listing.h"

struct doveadm_cmd_context;
struct mail_user;
struct old_listings;

/* The parameters of commands that may ask the server. */
#define OLD_LISTINGS_SERVER_PARAMS \
DOVEADM_CMD_PARAM('t', "tls", CMD_PARAM_STR, 0) \
DOVEADM_CMD_PARAM('l', "login", CMD_PARAM_STR, 0) \
DOVEADM_CMD_PARAM('m', "master-user", CMD_PARAM_STR, 0) \
DOVEADM_CMD_PARAM('w', "password-file", CMD_PARAM_STR, 0)
#define OLD_LISTINGS_SERVER_USAGE \
	"[-t pop3s|stls|no] [-l <login>] [-m <master user>] " \
	"[-w <password file>] "

/* Reads the command's parameters; "source" (positional) is the file, folder or
   HOST:PORT. Returns 0, or -1 and *error_r (data stack). */
int old_listings_init(struct doveadm_cmd_context *cctx, bool allow_server,
		      struct old_listings **listings_r, const char **error_r);
/* NULL is allowed. */
void old_listings_deinit(struct old_listings **listings);

/* With the rights of the administrator, before doveadm takes on those of the
   mail user: read the user's file, or his password. What fails is told by
   old_listings_get(). */
void old_listings_prepare(struct old_listings *listings, const char *username);

/* The listing of the user that was prepared. Returns NULL after reporting at
   least one error. */
struct uidl_listing *
old_listings_get(struct old_listings *listings, struct mail_user *user);

/* Where that one came from, for messages: a path, or HOST:PORT. */
const char *old_listings_name(const struct old_listings *listings);

#endif
