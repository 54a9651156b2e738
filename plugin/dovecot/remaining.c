/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "array.h"
#include "str.h"
#include "mail-index.h"
#include "mail-storage-private.h"
#include "remaining.h"

#include <sys/stat.h>
#include <unistd.h>

/* For how long files that are being unlinked are waited for: a second. */
#define SDBOX_UNLINK_RETRIES 50
#define SDBOX_UNLINK_RETRY_USECS 20000

/* sdbox has removed the message from the index. Is its file still there? */
static bool sdbox_file_exists(const char *path, unsigned int *retries)
{
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

void remaining_find_in_index(struct mailbox *box,
			     const ARRAY_TYPE(seq_range) *uids,
			     ARRAY_TYPE(seq_range) *remaining)
{
	struct mail_index_view *view;
	const struct seq_range *range;
	uint32_t seq, seq2, uid;

	/* If that fails the view is an old one, and has them all. */
	(void)mail_index_refresh(box->index);
	view = mail_index_view_open(box->index);
	array_foreach(uids, range) {
		if (!mail_index_lookup_seq_range(view, range->seq1,
						 range->seq2, &seq, &seq2))
			continue;
		for (; seq <= seq2; seq++) {
			mail_index_lookup_uid(view, seq, &uid);
			seq_range_array_add(remaining, uid);
		}
	}
	mail_index_view_close(&view);
}

/* type: where mail is kept, or the alternative storage, which may not be
   configured. */
static void
remaining_find_files(struct mailbox *box, enum mailbox_list_path_type type,
		     const ARRAY_TYPE(seq_range) *uids,
		     ARRAY_TYPE(seq_range) *remaining)
{
	const char *dir;
	unsigned int n = 0, retries = SDBOX_UNLINK_RETRIES;
	char number[MAX_INT_STRLEN];
	string_t *path;
	struct seq_range_iter iter;
	size_t prefix_len;
	uint32_t uid;

	if (mailbox_get_path_to(box, type, &dir) <= 0)
		return;
	path = t_str_new(strlen(dir) + 32);
	str_append(path, dir);
	str_append(path, "/u.");
	prefix_len = str_len(path);
	seq_range_array_iter_init(&iter, uids);
	while (seq_range_array_iter_nth(&iter, n++, &uid)) {
		str_truncate(path, prefix_len);
		str_append(path, dec2str_buf(number, uid));
		if (sdbox_file_exists(str_c(path), &retries))
			seq_range_array_add(remaining, uid);
	}
}

void remaining_find(struct mailbox *box, const ARRAY_TYPE(seq_range) *uids,
		    ARRAY_TYPE(seq_range) *remaining)
{
	if (array_is_empty(uids))
		return;
	remaining_find_in_index(box, uids, remaining);
	if (strcmp(box->storage->name, "sdbox") == 0) {
		remaining_find_files(box, MAILBOX_LIST_PATH_TYPE_MAILBOX, uids,
				     remaining);
		remaining_find_files(box, MAILBOX_LIST_PATH_TYPE_ALT_MAILBOX,
				     uids, remaining);
	}
}
