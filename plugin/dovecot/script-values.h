/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SCRIPT_VALUES_H
#define POP3_POLICY_SCRIPT_VALUES_H

/*
 * What a script wants to know about a session or a message, as Dovecot has it.
 * Both return as script_get_func_t does.
 */

#include "pop3-policy/script.h"

struct mail;
struct mail_user;

/* SCRIPT_SESSION_SECURED and SCRIPT_SESSION_FIELD. */
int script_values_user(struct mail_user *user, enum script_field field,
		       const char *name, struct script_value *value_r);

/* SCRIPT_MESSAGE_GUID, _SIZE, _KEYWORDS, _HEADER and _HEADERS. */
int script_values_mail(struct mail *mail, enum script_field field,
		       const char *name, struct script_value *value_r);

#endif
