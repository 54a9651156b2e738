/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_UIDL_SETTINGS_H
#define POP3_POLICY_UIDL_SETTINGS_H

/*
 * Dovecot's settings of UIDLs as they are in force for POP3 sessions:
 * `protocol pop3 { }` included, which doveadm doesn't read for itself, and the
 * user's own from the userdb. Those of local and remote addresses are not.
 */

#include "dovecot-uidl.h"

struct mail_user;

/* Of all users; read once a command. set_r->format is allocated from the
   pool. save is FALSE: doveadm saves nothing. Returns 0, or -1 and *error_r
   (data stack). */
int uidl_settings_read(pool_t pool, struct dovecot_uidl_settings *set_r,
		       const char **error_r);
/* Of this user; valid as long as he and common are. */
void uidl_settings_of_user(const struct dovecot_uidl_settings *common,
			   const struct mail_user *user,
			   struct dovecot_uidl_settings *set_r);

#endif
