/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "mail-storage-private.h"
#include "maildir-mtimes.h"

#include <sys/stat.h>
#include <time.h>

/* Clocks of file systems tick in whole seconds at worst. */
#define MTIME_MAX_TICK_SECS 2

static bool get_mtimes(struct mailbox *box, struct maildir_mtimes *mtimes_r)
{
	const char *path;
	struct stat st;
	bool ret = FALSE;

	i_zero(mtimes_r);
	if (mailbox_get_path_to(box, MAILBOX_LIST_PATH_TYPE_MAILBOX,
				&path) <= 0)
		return FALSE;
	T_BEGIN {
		if (stat(t_strconcat(path, "/cur", NULL), &st) == 0) {
			mtimes_r->cur = st.st_mtim;
			ret = stat(t_strconcat(path, "/new", NULL), &st) == 0;
			mtimes_r->new = st.st_mtim;
		}
	} T_END;
	return ret;
}

void maildir_mtimes_note(struct mailbox *box, struct maildir_mtimes *mtimes_r)
{
	time_t recent = time(NULL) - MTIME_MAX_TICK_SECS;

	if (!get_mtimes(box, mtimes_r) || mtimes_r->cur.tv_sec >= recent ||
	    mtimes_r->new.tv_sec >= recent)
		i_zero(mtimes_r);
}

bool maildir_mtimes_are_same(struct mailbox *box,
			     const struct maildir_mtimes *mtimes)
{
	struct maildir_mtimes now;

	return mtimes->cur.tv_sec != 0 && get_mtimes(box, &now) &&
		memcmp(&now, mtimes, sizeof(now)) == 0;
}
