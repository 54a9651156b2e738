/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "strescape.h"
#include "mail-user.h"
#include "doveconf.h"
#include "uidl-settings.h"

static void
uidl_settings_set(struct dovecot_uidl_settings *set, const char *key,
		  const char *value)
{
	if (strcmp(key, "pop3_uidl_format") == 0)
		set->format = value;
	else if (strcmp(key, "pop3_reuse_xuidl") == 0)
		set->reuse_xuidl = strcasecmp(value, "yes") == 0;
	else if (strcmp(key, "pop3_uidl_duplicates") == 0)
		set->rename_duplicates = strcmp(value, "rename") == 0;
}

/* doveconf quotes a value that would not be read back otherwise. */
static const char *doveconf_unquote(const char *value)
{
	size_t length = strlen(value);
	char *copy;

	if (length < 2 || value[0] != '"' || value[length - 1] != '"')
		return value;
	copy = t_strdup_noconst(value + 1);
	copy[length - 2] = '\0';
	return str_unescape(copy);
}

int uidl_settings_read(pool_t pool, struct dovecot_uidl_settings *set_r,
		       const char **error_r)
{
	static const char *const args[] = {
		"-f", "protocol=pop3", "pop3_uidl_format", "pop3_reuse_xuidl",
		"pop3_uidl_duplicates", NULL
	};
	const char *const *lines, *text, *value;

	i_zero(set_r);
	if (doveconf_read(args, &text, error_r) < 0)
		return -1;
	for (lines = t_strsplit(text, "\n"); *lines != NULL; lines++) {
		value = strstr(*lines, " = ");
		if (value == NULL)
			continue;
		uidl_settings_set(set_r, t_strdup_until(*lines, value),
				  p_strdup(pool, doveconf_unquote(value + 3)));
	}
	if (set_r->format == NULL) {
		*error_r = "doveconf doesn't say what pop3_uidl_format is";
		return -1;
	}
	return 0;
}

void uidl_settings_of_user(const struct dovecot_uidl_settings *common,
			   const struct mail_user *user,
			   struct dovecot_uidl_settings *set_r)
{
	const char *const *field = user->userdb_fields, *value;

	*set_r = *common;
	for (; field != NULL && *field != NULL; field++) {
		value = strchr(*field, '=');
		if (value != NULL) {
			uidl_settings_set(set_r,
					  t_strdup_until(*field, value),
					  value + 1);
		}
	}
}
