/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "mail-index-private.h"
#include "mail-storage-private.h"
#include "content-hash.h"
#include "index-extension.h"
#include "keyed-uidls.h"
#include "pop3-policy/uidl.h"

#define KEYED_EXT_NAME "pop3-policy-uidl"

/* On disk: what finding out took more than a look at the index. */
struct keyed_record {
	/* Of the keys, the source and UIDVALIDITY that it was made with */
	uint32_t fingerprint;
	unsigned char bytes[UIDL_KEYED_BYTES];
};

struct keyed_uidls {
	enum policy_uidl source;
	struct uidl_key_list keys;
	struct mailbox_transaction_context *trans;
	/* NULL until one is needed */
	struct mail *mail;
	uint32_t uid_validity;
	/* KEYED_CONTENT */
	unsigned int content_field;

	/* All but KEYED */
	uint32_t ext_id, fingerprint;
	/* Was anything kept before? */
	bool may_have_records;
	bool is_readonly;
	/* The index map whose record size is right */
	const struct mail_index_map *checked_map;
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
	uidls->ext_id = mail_index_ext_register(
		trans->box->index, KEYED_EXT_NAME, 0,
		sizeof(struct keyed_record), sizeof(uint32_t));
	uidls->may_have_records =
		index_extension_may_have_records(trans, uidls->ext_id);
	uidls->is_readonly = mailbox_is_readonly(trans->box);
	uidls->fingerprint = uidl_keys_fingerprint(&keys, source ^
						   uidls->uid_validity);
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

/* Under the key with which it was shown; the first one if there is none. */
static void
keyed_uidls_compute(struct keyed_uidls *uidls, const struct keyed_data *data,
		    const struct uidl_entry *entry,
		    unsigned char bytes_r[UIDL_KEYED_BYTES])
{
	const struct uidl_key_list *keys = &uidls->keys;
	char uidl[UIDL_KEYED_LENGTH + 1];
	unsigned int i;

	for (i = 0; keys->count > 1 && entry->shown_hash != 0 &&
	     i < keys->count; i++) {
		uidl_keyed(keys->keys[i], data->kind, data->data, data->size,
			   bytes_r);
		uidl_keyed_encode(bytes_r, uidl);
		if (entry->shown_numbered ?
		    uidl_was_shown(uidl, entry->shown_hash) :
		    uidl_hash(uidl) == entry->shown_hash)
			return;
	}
	uidl_keyed(keys->keys[0], data->kind, data->data, data->size, bytes_r);
}

/* Returns 0, or -1 and error_r. */
static int
keyed_uidls_get_data(struct keyed_uidls *uidls, uint32_t seq,
		     struct keyed_data *data_r, const char **error_r)
{
	i_zero(data_r);
	switch (uidls->source) {
	case POLICY_UIDL_DOVECOT:
	case POLICY_UIDL_KEYED:
		break;
	case POLICY_UIDL_KEYED_GUID:
		return keyed_data_set_guid(uidls, seq, data_r, error_r);
	case POLICY_UIDL_KEYED_CONTENT:
		return keyed_data_set_content(uidls, seq, data_r, error_r);
	}
	i_unreached();
}

bool keyed_uidls_lookup(struct keyed_uidls *uidls, uint32_t seq,
			char uidl_r[UIDL_KEYED_LENGTH + 1])
{
	const struct keyed_record *rec;
	struct mail_index_map *map;
	const void *data;
	uint32_t hdr_size;
	uint16_t record_size, align;

	if (!uidls->may_have_records || uidls->source == POLICY_UIDL_KEYED)
		return FALSE;
	mail_index_lookup_ext_full(uidls->trans->view, seq, uidls->ext_id,
				   &map, &data, NULL);
	if (data == NULL)
		return FALSE;
	if (uidls->checked_map != map) {
		mail_index_ext_get_size(map, uidls->ext_id, &hdr_size,
					&record_size, &align);
		if (record_size != sizeof(*rec))
			return FALSE;
		uidls->checked_map = map;
	}
	rec = data;
	if (rec->fingerprint != uidls->fingerprint)
		return FALSE;
	uidl_keyed_encode(rec->bytes, uidl_r);
	return TRUE;
}

static void
keyed_uidls_keep(struct keyed_uidls *uidls, uint32_t seq,
		 const unsigned char bytes[UIDL_KEYED_BYTES])
{
	struct keyed_record rec;

	if (uidls->is_readonly)
		return;
	rec.fingerprint = uidls->fingerprint;
	memcpy(rec.bytes, bytes, sizeof(rec.bytes));
	mail_index_update_ext(uidls->trans->itrans, seq, uidls->ext_id, &rec,
			      NULL);
}

int keyed_uidls_get(struct keyed_uidls *uidls, uint32_t seq,
		    const struct uidl_entry *entry,
		    char uidl_r[UIDL_KEYED_LENGTH + 1],
		    const char **error_r)
{
	unsigned char bytes[UIDL_KEYED_BYTES];
	struct keyed_data data;

	if (uidls->source == POLICY_UIDL_KEYED) {
		keyed_data_set_uid(uidls, seq, &data);
		keyed_uidls_compute(uidls, &data, entry, bytes);
	} else {
		if (keyed_uidls_get_data(uidls, seq, &data, error_r) < 0)
			return -1;
		keyed_uidls_compute(uidls, &data, entry, bytes);
		keyed_uidls_keep(uidls, seq, bytes);
	}
	uidl_keyed_encode(bytes, uidl_r);
	return 0;
}
