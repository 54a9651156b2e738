/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "mail-index.h"
#include "mail-storage-private.h"
#include "content-hash.h"
#include "keyed-uidls.h"
#include "pop3-policy/uidl.h"

struct keyed_uidls {
	enum policy_uidl source;
	struct uidl_key_list keys;
	struct mailbox_transaction_context *trans;
	/* NULL until one is needed */
	struct mail *mail;
	uint32_t uid_validity;
	/* KEYED_CONTENT */
	unsigned int content_field;
};

/* What the function is over */
struct keyed_data {
	enum uidl_kind kind;
	const void *data;
	size_t size;
	unsigned char bytes[CONTENT_HASH_BYTES];
};

int keyed_uidls_init(enum policy_uidl source, const char *key,
		     struct mailbox_transaction_context *trans,
		     struct keyed_uidls **uidls_r, const char **error_r)
{
	struct keyed_uidls *uidls;
	struct uidl_key_list keys;
	const char *error;

	error = uidl_keys_parse(key, &keys);
	if (error != NULL) {
		*error_r = t_strdup_printf("pop3_policy_uidl_key: %s", error);
		return -1;
	}
	uidls = i_new(struct keyed_uidls, 1);
	uidls->source = source;
	uidls->keys = keys;
	uidls->trans = trans;
	uidls->uid_validity = mail_index_get_header(trans->view)->uid_validity;
	if (source == POLICY_UIDL_KEYED_CONTENT)
		uidls->content_field = content_hash_register(trans->box);
	*uidls_r = uidls;
	return 0;
}

void keyed_uidls_deinit(struct keyed_uidls **_uidls)
{
	struct keyed_uidls *uidls = *_uidls;

	if (uidls == NULL)
		return;
	*_uidls = NULL;
	if (uidls->mail != NULL)
		mail_free(&uidls->mail);
	i_free(uidls);
}

static struct mail *keyed_uidls_mail(struct keyed_uidls *uidls, uint32_t seq)
{
	if (uidls->mail == NULL)
		uidls->mail = mail_alloc(uidls->trans, 0, NULL);
	mail_set_seq(uidls->mail, seq);
	return uidls->mail;
}

static void keyed_data_set_uid(struct keyed_uidls *uidls, uint32_t seq,
			       struct keyed_data *data_r)
{
	uint32_t uid;

	mail_index_lookup_uid(uidls->trans->view, seq, &uid);
	cpu32_to_be_unaligned(uidls->uid_validity, data_r->bytes);
	cpu32_to_be_unaligned(uid, data_r->bytes + sizeof(uint32_t));
	data_r->kind = UIDL_KIND_UID;
	data_r->data = data_r->bytes;
	data_r->size = 2 * sizeof(uint32_t);
}

static int keyed_data_set_guid(struct keyed_uidls *uidls, uint32_t seq,
			       struct keyed_data *data_r, const char **error_r)
{
	struct mail *mail = keyed_uidls_mail(uidls, seq);
	const char *guid;

	if (mail_get_special(mail, MAIL_FETCH_GUID, &guid) < 0) {
		*error_r = t_strdup(
			mailbox_get_last_internal_error(mail->box, NULL));
		return -1;
	}
	data_r->kind = UIDL_KIND_GUID;
	data_r->data = guid;
	data_r->size = strlen(guid);
	if (data_r->size == 0 || data_r->size > UIDL_DATA_MAX) {
		*error_r = t_strdup_printf("UID %u: The GUID has %zu bytes",
					   mail->uid, data_r->size);
		return -1;
	}
	return 0;
}

static int keyed_data_set_content(struct keyed_uidls *uidls, uint32_t seq,
				  struct keyed_data *data_r,
				  const char **error_r)
{
	data_r->kind = UIDL_KIND_CONTENT;
	data_r->data = data_r->bytes;
	data_r->size = CONTENT_HASH_BYTES;
	if (content_hash_lookup(uidls->trans, seq, uidls->content_field,
				data_r->bytes))
		return 0;
	return content_hash_read(keyed_uidls_mail(uidls, seq),
				 uidls->content_field, data_r->bytes, error_r);
}

/* The key under which it was shown; the first one if there is none. */
static void
keyed_uidls_choose(struct keyed_uidls *uidls, const struct keyed_data *data,
		   uint32_t shown_hash, char uidl_r[UIDL_KEYED_LENGTH + 1])
{
	unsigned int i;

	for (i = 0; i < uidls->keys.count; i++) {
		uidl_keyed(uidls->keys.keys[i], data->kind, data->data,
			   data->size, uidl_r);
		if (shown_hash == 0 || uidl_hash(uidl_r) == shown_hash)
			return;
	}
	/* or with a number behind it? */
	for (i = 0; i < uidls->keys.count; i++) {
		uidl_keyed(uidls->keys.keys[i], data->kind, data->data,
			   data->size, uidl_r);
		if (uidl_was_shown(uidl_r, shown_hash))
			return;
	}
	uidl_keyed(uidls->keys.keys[0], data->kind, data->data, data->size,
		   uidl_r);
}

int keyed_uidls_get(struct keyed_uidls *uidls, uint32_t seq,
		    uint32_t shown_hash, char uidl_r[UIDL_KEYED_LENGTH + 1],
		    const char **error_r)
{
	struct keyed_data data;

	i_zero(&data);
	switch (uidls->source) {
	case POLICY_UIDL_DOVECOT:
		i_unreached();
	case POLICY_UIDL_KEYED:
		keyed_data_set_uid(uidls, seq, &data);
		break;
	case POLICY_UIDL_KEYED_GUID:
		if (keyed_data_set_guid(uidls, seq, &data, error_r) < 0)
			return -1;
		break;
	case POLICY_UIDL_KEYED_CONTENT:
		if (keyed_data_set_content(uidls, seq, &data, error_r) < 0)
			return -1;
		break;
	}
	if (uidls->keys.count == 1) {
		uidl_keyed(uidls->keys.keys[0], data.kind, data.data,
			   data.size, uidl_r);
	} else {
		keyed_uidls_choose(uidls, &data, shown_hash, uidl_r);
	}
	return 0;
}
