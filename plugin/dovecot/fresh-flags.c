/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "mail-storage-private.h"
#include "fresh-flags.h"

bool fresh_flags_are_in_index(struct mailbox *box)
{
	return strcmp(box->storage->name, "maildir") != 0 &&
		strcmp(box->storage->name, "virtual") != 0;
}

/* Returns 0, or -1 and error_r. */
static int sync_second_mailbox(struct mailbox *box, const char **error_r)
{
	struct mailbox *box2;
	int ret;

	box2 = mailbox_alloc(box->list, box->vname,
			     MAILBOX_FLAG_READONLY | MAILBOX_FLAG_IGNORE_ACLS);
	ret = mailbox_open(box2);
	if (ret == 0)
		ret = mailbox_sync(box2, 0);
	if (ret < 0) {
		*error_r = t_strdup(
			mailbox_get_last_internal_error(box2, NULL));
	}
	mailbox_free(&box2);
	return ret;
}

int fresh_flags_read(struct mailbox *box, bool reread, const char **error_r)
{
	int ret = 0;

	if (reread) {
		mail_storage_last_error_push(box->storage);
		ret = sync_second_mailbox(box, error_r);
		mail_storage_last_error_pop(box->storage);
	}
	if (mail_index_refresh(box->index) < 0) {
		*error_r = "Can't refresh the index";
		ret = -1;
	}
	return ret;
}
