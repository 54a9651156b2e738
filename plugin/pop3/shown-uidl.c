/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "mail-storage-private.h"
#include "mail-storage-settings.h"
#include "pop3-settings.h"
#include "dovecot-uidl.h"
#include "session.h"
#include "shown-uidl.h"
#include "uidl-texts.h"
#include "uidls.h"

struct shown_uidl {
	const struct pop3_session *session;
	struct client *client;
	/* Until the client asks, nobody knows which ones. */
	bool has_own;
	struct dovecot_uidl *dovecot;
	/* By sequence - 1: message number + 1, 0 = not seen. NULL: they are
	   the same. */
	uint32_t *msgnums;
};

void shown_uidl_get_settings(const struct client *client,
			     struct dovecot_uidl_settings *set_r)
{
	const struct pop3_settings *set = client->set;

	set_r->format = client->mail_set->pop3_uidl_format;
	set_r->reuse_xuidl = set->pop3_reuse_xuidl;
	set_r->rename_duplicates =
		strcmp(set->pop3_uidl_duplicates, "rename") == 0;
	set_r->save = set->pop3_save_uidl;
}

struct shown_uidl *shown_uidl_init(struct pop3_session *session)
{
	struct client *client = session->client;
	struct shown_uidl *shown = i_new(struct shown_uidl, 1);
	struct dovecot_uidl_settings set;
	unsigned int i;

	shown->session = session;
	shown->client = client;
	shown->has_own = session->uidls == NULL && uidls_may_be_own(session);
	shown_uidl_get_settings(client, &set);
	shown->dovecot = dovecot_uidl_init(&set, client->uid_validity);
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
	dovecot_uidl_deinit(&shown->dovecot);
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

const char *shown_uidl_get(struct shown_uidl *shown, struct mail *mail)
{
	const struct client *client = shown->client;
	uint32_t msgnum;

	if (shown->session->uidls != NULL)
		return shown_uidl_get_msgnum(shown, mail->seq, &msgnum) ?
			uidl_texts_get(shown->session->uidls, msgnum) : NULL;
	if (client->message_uidls != NULL)
		return shown_uidl_get_msgnum(shown, mail->seq, &msgnum) ?
			client->message_uidls[msgnum] : NULL;
	return shown->has_own ? NULL :
		dovecot_uidl_peek(shown->dovecot, mail);
}

uoff_t shown_uidl_get_size(struct shown_uidl *shown, struct mail *mail)
{
	uint32_t msgnum;

	return shown_uidl_get_msgnum(shown, mail->seq, &msgnum) ?
		shown->client->message_sizes[msgnum] : UOFF_T_MAX;
}
