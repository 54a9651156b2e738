/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "mail-user.h"
#include "mail-storage-private.h"
#include "compat.h"
#include "session-facts.h"
#include "script-values.h"

int script_values_user(struct mail_user *user, enum script_field field,
		       const char *name, struct script_value *value_r)
{
	switch (field) {
	case SCRIPT_SESSION_SECURED:
		value_r->number = pop3_policy_compat_is_secured(user) ? 1 : 0;
		return 1;
	case SCRIPT_SESSION_FIELD:
		value_r->text = session_facts_userdb_field(user, name);
		return value_r->text != NULL ? 1 : 0;
	default:
		i_unreached();
	}
}

static int mail_size(struct mail *mail, struct script_value *value_r)
{
	uoff_t size;

	if (mail_get_virtual_size(mail, &size) < 0)
		return -1;
	value_r->number = I_MIN(size, (uoff_t)INT64_MAX);
	return 1;
}

/* Returns the number of headers of this name, or -1. */
static int
mail_headers(struct mail *mail, const char *name, struct script_value *value_r)
{
	static const char *const none[] = { NULL };
	int ret;

	ret = mail_get_headers_utf8(mail, name, &value_r->list);
	if (ret == 0)
		value_r->list = none;
	return ret < 0 ? -1 : 1;
}

static int
mail_get_value(struct mail *mail, enum script_field field, const char *name,
	       struct script_value *value_r)
{
	switch (field) {
	case SCRIPT_MESSAGE_GUID:
		return mail_get_special(mail, MAIL_FETCH_GUID,
					&value_r->text) < 0 ? -1 : 1;
	case SCRIPT_MESSAGE_SIZE:
		return mail_size(mail, value_r);
	case SCRIPT_MESSAGE_KEYWORDS:
		value_r->list = mail_get_keywords(mail);
		return 1;
	case SCRIPT_MESSAGE_HEADER:
		return mail_get_first_header_utf8(mail, name, &value_r->text);
	case SCRIPT_MESSAGE_HEADERS:
		return mail_headers(mail, name, value_r);
	default:
		i_unreached();
	}
}

int script_values_mail(struct mail *mail, enum script_field field,
		       const char *name, struct script_value *value_r)
{
	struct mail_storage *storage = mail->box->storage;
	int ret;

	if (mail->expunged) {
		value_r->text = "the message is gone";
		return -1;
	}
	/* The caller may have an error of its own to report yet. */
	mail_storage_last_error_push(storage);
	ret = mail_get_value(mail, field, name, value_r);
	if (ret < 0) {
		value_r->text = t_strdup(
			mailbox_get_last_internal_error(mail->box, NULL));
	}
	mail_storage_last_error_pop(storage);
	return ret;
}
