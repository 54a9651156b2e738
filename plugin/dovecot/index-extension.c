/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "array.h"
#include "mail-index-private.h"
#include "mail-index-transaction-private.h"
#include "mail-storage-private.h"
#include "index-extension.h"

static bool
transaction_has_records(const struct mail_index_transaction *itrans,
			uint32_t ext_id)
{
	return array_is_created(&itrans->ext_rec_updates) &&
		ext_id < array_count(&itrans->ext_rec_updates) &&
		array_is_created(array_idx(&itrans->ext_rec_updates, ext_id));
}

bool index_extension_may_have_records(
	const struct mailbox_transaction_context *trans, uint32_t ext_id)
{
	uint32_t idx;

	/* A view looks into the newest map as well. */
	return mail_index_map_get_ext_idx(trans->view->index->map, ext_id,
					  &idx) ||
		mail_index_map_get_ext_idx(trans->view->map, ext_id, &idx) ||
		transaction_has_records(trans->itrans, ext_id);
}
