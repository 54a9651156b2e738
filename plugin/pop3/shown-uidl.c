/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "hex-binary.h"
#include "str.h"
#include "mail-storage-private.h"
#include "mail-storage-settings.h"
#include "pop3-settings.h"
#include "compat.h"
#include "shown-uidl.h"

enum uidl_format {
	/* Can't be told without Dovecot's own code. */
	UIDL_FORMAT_OTHER = 0,
	UIDL_FORMAT_UID_VALIDITY,
	UIDL_FORMAT_GUID,
};

/* In the languages of all versions: none means another thing in another one. */
static const struct {
	const char *text;
	enum uidl_format format;
} uidl_formats[] = {
	{ "%08Xu%08Xv", UIDL_FORMAT_UID_VALIDITY },
	{ "%{uid | hex(8)}%{uidvalidity | hex(8)}", UIDL_FORMAT_UID_VALIDITY },
	{ "%g", UIDL_FORMAT_GUID },
	{ "%{guid}", UIDL_FORMAT_GUID },
};

struct shown_uidl {
	struct client *client;
	bool has_own;
	enum uidl_format format;
	char uidvalidity[9];
	string_t *text;
	/* By sequence - 1: message number + 1, 0 = not seen. NULL: they are
	   the same. */
	uint32_t *msgnums;
};

struct shown_uidl *shown_uidl_init(struct client *client, bool has_own)
{
	const char *format = client->mail_set->pop3_uidl_format;
	struct shown_uidl *shown = i_new(struct shown_uidl, 1);
	unsigned int i;

	shown->client = client;
	shown->has_own = has_own;
	shown->text = str_new(default_pool, 64);
	if (i_snprintf(shown->uidvalidity, sizeof(shown->uidvalidity), "%08x",
		       client->uid_validity) < 0)
		i_unreached();
	for (i = 0; i < N_ELEMENTS(uidl_formats); i++) {
		if (strcmp(uidl_formats[i].text, format) == 0)
			shown->format = uidl_formats[i].format;
	}
	if (client->msgnum_to_seq_map_count > 0) {
		shown->msgnums = i_new(uint32_t, client->highest_seq);
		for (i = 0; i < client->messages_count; i++) {
			uint32_t seq = i < client->msgnum_to_seq_map_count ?
				client->msgnum_to_seq_map[i] : i + 1;

			if (seq <= client->highest_seq)
				shown->msgnums[seq - 1] = i + 1;
		}
	}
	return shown;
}

void shown_uidl_deinit(struct shown_uidl **_shown)
{
	struct shown_uidl *shown = *_shown;

	if (shown == NULL)
		return;
	*_shown = NULL;
	str_free(&shown->text);
	i_free(shown->msgnums);
	i_free(shown);
}

bool shown_uidl_get_msgnum(const struct shown_uidl *shown, uint32_t seq,
			   uint32_t *msgnum_r)
{
	if (shown->msgnums == NULL)
		*msgnum_r = seq - 1;
	else if (seq <= shown->client->highest_seq &&
		 shown->msgnums[seq - 1] != 0)
		*msgnum_r = shown->msgnums[seq - 1] - 1;
	else
		return FALSE;
	return *msgnum_r < shown->client->messages_count;
}

static const char *shown_uidl_by_uid(struct shown_uidl *shown, uint32_t uid)
{
	uint32_t be_uid = cpu32_to_be(uid);

	str_truncate(shown->text, 0);
	binary_to_hex_append(shown->text, (const unsigned char *)&be_uid,
			     sizeof(be_uid));
	str_append(shown->text, shown->uidvalidity);
	return str_c(shown->text);
}

const char *shown_uidl_get(struct shown_uidl *shown, struct mail *mail)
{
	struct client *client = shown->client;
	const char *value;
	uint32_t msgnum;

	if (client->message_uidls != NULL)
		return shown_uidl_get_msgnum(shown, mail->seq, &msgnum) ?
			client->message_uidls[msgnum] : NULL;
	if (shown->has_own)
		return NULL;
	if (mail_get_special(mail, MAIL_FETCH_UIDL_BACKEND, &value) == 0 &&
	    value[0] != '\0')
		return value;
	if (client->set->pop3_reuse_xuidl)
		return NULL;

	switch (shown->format) {
	case UIDL_FORMAT_UID_VALIDITY:
		return shown_uidl_by_uid(shown, mail->uid);
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
uidl_get_special(struct client *client, struct mail *mail, unsigned int key,
		 enum mail_fetch_field field, const char **value_r,
		 const char **error_r)
{
	if ((client->uidl_keymask & key) == 0)
		return 0;
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

int shown_uidl_compute(struct shown_uidl *shown, struct mail *mail,
		       const char **uidl_r, bool *permanent_r,
		       const char **error_r)
{
	struct client *client = shown->client;
	struct pop3_policy_uidl_values values = {
		.uid = mail->uid,
		.uidvalidity = client->uid_validity,
	};

	*permanent_r = mail_get_special(mail, MAIL_FETCH_UIDL_BACKEND,
					uidl_r) == 0 && (*uidl_r)[0] != '\0';
	if (*permanent_r)
		return 0;
	if (client->set->pop3_reuse_xuidl &&
	    mail_get_first_header(mail, "X-UIDL", uidl_r) > 0)
		return 0;
	if (shown->format == UIDL_FORMAT_UID_VALIDITY) {
		*uidl_r = shown_uidl_by_uid(shown, mail->uid);
		return 0;
	}
	if (uidl_get_special(client, mail, UIDL_MD5, MAIL_FETCH_HEADER_MD5,
			     &values.md5, error_r) < 0 ||
	    uidl_get_special(client, mail, UIDL_FILE_NAME,
			     MAIL_FETCH_STORAGE_ID, &values.filename,
			     error_r) < 0 ||
	    uidl_get_special(client, mail, UIDL_GUID, MAIL_FETCH_GUID,
			     &values.guid, error_r) < 0)
		return -1;
	if (shown->format == UIDL_FORMAT_GUID) {
		*uidl_r = values.guid;
		return 0;
	}
	str_truncate(shown->text, 0);
	if (pop3_policy_compat_expand_uidl(shown->text,
					   client->mail_set->pop3_uidl_format,
					   &values, client->user->event,
					   error_r) < 0)
		return -1;
	*uidl_r = str_c(shown->text);
	return 0;
}

uoff_t shown_uidl_get_size(struct shown_uidl *shown, struct mail *mail)
{
	uint32_t msgnum;

	return shown_uidl_get_msgnum(shown, mail->seq, &msgnum) ?
		shown->client->message_sizes[msgnum] : UOFF_T_MAX;
}
