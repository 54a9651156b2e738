/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "str.h"
#include "mail-storage-private.h"
#include "compat.h"
#include "dovecot-uidl.h"

enum uidl_format {
	/* Can't be told without Dovecot's own code. */
	UIDL_FORMAT_OTHER = 0,
	UIDL_FORMAT_UID_VALIDITY,
	UIDL_FORMAT_GUID,
};

/* In the languages of all versions: none means another thing in another one. */
static const struct {
	char text[40];
	enum uidl_format format;
} uidl_formats[] = {
	{ "%08Xu%08Xv", UIDL_FORMAT_UID_VALIDITY },
	{ "%{uid | hex(8)}%{uidvalidity | hex(8)}", UIDL_FORMAT_UID_VALIDITY },
	{ "%g", UIDL_FORMAT_GUID },
	{ "%{guid}", UIDL_FORMAT_GUID },
};

struct dovecot_uidl {
	struct dovecot_uidl_settings set;
	enum uidl_format format;
	/* UIDL_FORMAT_OTHER: what it refers to, or why that is unknown */
	struct pop3_policy_uidl_variables variables;
	char *format_error;
	uint32_t uid_validity;
	/* UIDL_FORMAT_UID_VALIDITY: the UID stands in front of what stays */
	char by_uid[2 * 2 * sizeof(uint32_t) + 1];
	string_t *text;
};

static void dovecot_uidl_parse_format(struct dovecot_uidl *uidl)
{
	const char *error;
	unsigned int i;

	for (i = 0; i < N_ELEMENTS(uidl_formats); i++) {
		if (strcmp(uidl_formats[i].text, uidl->set.format) == 0)
			uidl->format = uidl_formats[i].format;
	}
	if (uidl->format != UIDL_FORMAT_OTHER)
		return;
	T_BEGIN {
		if (pop3_policy_compat_parse_uidl_format(uidl->set.format,
							 &uidl->variables,
							 &error) < 0) {
			uidl->format_error = i_strdup_printf(
				"pop3_uidl_format = %s: %s", uidl->set.format,
				error);
		}
	} T_END;
}

struct dovecot_uidl *
dovecot_uidl_init(const struct dovecot_uidl_settings *set,
		  uint32_t uid_validity)
{
	struct dovecot_uidl *uidl = i_new(struct dovecot_uidl, 1);

	uidl->set = *set;
	uidl->uid_validity = uid_validity;
	uidl->text = str_new(default_pool, 64);
	if (i_snprintf(uidl->by_uid, sizeof(uidl->by_uid), "%08x%08x", 0,
		       uid_validity) < 0)
		i_unreached();
	dovecot_uidl_parse_format(uidl);
	return uidl;
}

void dovecot_uidl_deinit(struct dovecot_uidl **_uidl)
{
	struct dovecot_uidl *uidl = *_uidl;

	if (uidl == NULL)
		return;
	*_uidl = NULL;
	str_free(&uidl->text);
	i_free(uidl->format_error);
	i_free(uidl);
}

struct mail *dovecot_uidl_mail_alloc(struct dovecot_uidl *uidl,
				     struct mailbox_transaction_context *trans)
{
	return mail_alloc(trans, uidl->variables.md5 ?
			  MAIL_FETCH_HEADER_MD5 : 0, NULL);
}

static const char *dovecot_uidl_by_uid(struct dovecot_uidl *uidl, uint32_t uid)
{
	static const char digits[] = "0123456789abcdef";
	unsigned int i;

	for (i = 2 * sizeof(uid); i-- > 0; uid >>= 4)
		uidl->by_uid[i] = digits[uid & 0xF];
	return uidl->by_uid;
}

const char *dovecot_uidl_peek(struct dovecot_uidl *uidl, struct mail *mail)
{
	const char *value;

	if (mail_get_special(mail, MAIL_FETCH_UIDL_BACKEND, &value) == 0 &&
	    value[0] != '\0')
		return value;
	if (uidl->set.reuse_xuidl)
		return NULL;

	switch (uidl->format) {
	case UIDL_FORMAT_UID_VALIDITY:
		return dovecot_uidl_by_uid(uidl, mail->uid);
	case UIDL_FORMAT_GUID:
		return mail_get_special(mail, MAIL_FETCH_GUID, &value) == 0 ?
			value : NULL;
	case UIDL_FORMAT_OTHER:
		break;
	}
	return NULL;
}

/* Returns 0, or -1 and error_r. */
static int
uidl_get_special(struct mail *mail, enum mail_fetch_field field,
		 const char **value_r, const char **error_r)
{
	if (mail_get_special(mail, field, value_r) < 0) {
		*error_r = t_strdup(
			mailbox_get_last_internal_error(mail->box, NULL));
		return -1;
	}
	if ((*value_r)[0] == '\0') {
		*error_r = "the storage has nothing that pop3_uidl_format "
			"asks for";
		return -1;
	}
	return 0;
}

/* Returns 0, or -1 and error_r. */
static int
dovecot_uidl_expand(struct dovecot_uidl *uidl, struct mail *mail,
		    const char **error_r)
{
	struct pop3_policy_uidl_values values = {
		.uid = mail->uid,
		.uidvalidity = uidl->uid_validity,
	};

	if (uidl->format_error != NULL) {
		*error_r = t_strdup(uidl->format_error);
		return -1;
	}
	if ((uidl->variables.md5 &&
	     uidl_get_special(mail, MAIL_FETCH_HEADER_MD5, &values.md5,
			      error_r) < 0) ||
	    (uidl->variables.filename &&
	     uidl_get_special(mail, MAIL_FETCH_STORAGE_ID, &values.filename,
			      error_r) < 0) ||
	    (uidl->variables.guid &&
	     uidl_get_special(mail, MAIL_FETCH_GUID, &values.guid,
			      error_r) < 0))
		return -1;
	str_truncate(uidl->text, 0);
	return pop3_policy_compat_expand_uidl(uidl->text, uidl->set.format,
					      &values,
					      mail->box->storage->user->event,
					      error_r);
}

int dovecot_uidl_compute(struct dovecot_uidl *uidl, struct mail *mail,
			 const char **uidl_r, bool *permanent_r,
			 const char **error_r)
{
	*permanent_r = mail_get_special(mail, MAIL_FETCH_UIDL_BACKEND,
					uidl_r) == 0 && (*uidl_r)[0] != '\0';
	if (*permanent_r)
		return 0;
	if (uidl->set.reuse_xuidl &&
	    mail_get_first_header(mail, "X-UIDL", uidl_r) > 0)
		return 0;

	switch (uidl->format) {
	case UIDL_FORMAT_UID_VALIDITY:
		*uidl_r = dovecot_uidl_by_uid(uidl, mail->uid);
		return 0;
	case UIDL_FORMAT_GUID:
		return uidl_get_special(mail, MAIL_FETCH_GUID, uidl_r,
					error_r);
	case UIDL_FORMAT_OTHER:
		break;
	}
	if (dovecot_uidl_expand(uidl, mail, error_r) < 0)
		return -1;
	*uidl_r = str_c(uidl->text);
	return 0;
}
