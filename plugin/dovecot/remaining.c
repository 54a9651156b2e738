/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "array.h"
#include "mail-index.h"
#include "mail-storage-private.h"
#include "remaining.h"

#include <sys/stat.h>
#include <unistd.h>

/* For how long files that are being unlinked are waited for: a second. */
#define SDBOX_UNLINK_RETRIES 50
#define SDBOX_UNLINK_RETRY_USECS 20000

/* sdbox has removed the message from the index. Is its file still there? */
static bool sdbox_file_exists(const char *dir, uint32_t uid,
			      unsigned int *retries)
{
	const char *path = t_strdup_printf("%s/u.%u", dir, uid);
	struct stat st;

	while (stat(path, &st) == 0) {
		/* Another session may just be about to unlink it. */
		if (*retries == 0)
			return TRUE;
		*retries -= 1;
		usleep(SDBOX_UNLINK_RETRY_USECS);
	}
	return FALSE;
}

void remaining_find(struct mailbox *box, const ARRAY_TYPE(seq_range) *uids,
		    ARRAY_TYPE(seq_range) *remaining)
{
	unsigned int n = 0, retries = SDBOX_UNLINK_RETRIES;
	struct mail_index_view *view;
	struct seq_range_iter iter;
	const char *dir = NULL;
	uint32_t uid, seq;
	bool found;

	if (array_is_empty(uids))
		return;
	if (strcmp(box->storage->name, "sdbox") == 0 &&
	    mailbox_get_path_to(box, MAILBOX_LIST_PATH_TYPE_MAILBOX,
				&dir) <= 0)
		dir = NULL;
	/* If that fails the view is an old one, and has them all. */
	(void)mail_index_refresh(box->index);
	view = mail_index_view_open(box->index);
	seq_range_array_iter_init(&iter, uids);
	while (seq_range_array_iter_nth(&iter, n++, &uid)) {
		found = mail_index_lookup_seq(view, uid, &seq);
		if (!found && dir != NULL) T_BEGIN {
			found = sdbox_file_exists(dir, uid, &retries);
		} T_END;
		if (found)
			seq_range_array_add(remaining, uid);
	}
	mail_index_view_close(&view);
}
