/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "mail-cache-private.h"
#include "index-storage.h"
#include "index-mail.h"
#include "cached-guid.h"

static bool format_caches_guids(const struct mail_storage *storage)
{
	return strcmp(storage->name, "sdbox") == 0 ||
		strcmp(storage->name, "mdbox") == 0;
}

const char *cached_guid_find(struct mail *_mail)
{
	struct mail_private *mail = (struct mail_private *)_mail;
	struct index_mailbox_context *ibox = INDEX_STORAGE_CONTEXT(_mail->box);
	struct mail_cache_view *view = _mail->transaction->cache_view;
	struct mail_cache_lookup_iterate_ctx iter;
	struct mail_cache_iterate_field field;
	unsigned int field_idx;

	if (!format_caches_guids(_mail->box->storage))
		return NULL;
	field_idx = ibox->cache_fields[MAIL_CACHE_GUID].idx;
	mail_cache_decision_state_update(view, _mail->seq, field_idx);
	mail_cache_lookup_iter_init(view, _mail->seq, &iter);
	while (mail_cache_lookup_iter_next(&iter, &field) > 0) {
		if (field.field_idx != field_idx)
			continue;
		return field.size == 0 ? NULL :
			p_strndup(mail->data_pool, field.data, field.size);
	}
	return NULL;
}
