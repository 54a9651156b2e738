/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "mailbox-list-private.h"
#include "mail-namespace.h"
#include "mail-storage-private.h"
#include "guard-inbox.h"

#include <sys/stat.h>

/* By its name. An alias namespace does not have the flag. */
static bool name_is_inbox(struct mailbox *box)
{
	const struct mail_namespace *alias_for = box->list->ns->alias_for;

	return box->inbox_any ||
		(strcmp(box->name, "INBOX") == 0 && alias_for != NULL &&
		 (alias_for->flags & NAMESPACE_FLAG_INBOX_ANY) != 0);
}

static bool
stat_mailbox(struct mailbox_list *list, const char *name, struct stat *st_r)
{
	const char *path;

	return mailbox_list_get_path(list, name, MAILBOX_LIST_PATH_TYPE_MAILBOX,
				     &path) > 0 && stat(path, st_r) == 0;
}

static bool
list_inbox_is(struct mailbox_list *list, const struct stat *st)
{
	struct stat inbox_st;

	return stat_mailbox(list, "INBOX", &inbox_st) &&
		st->st_ino == inbox_st.st_ino &&
		st->st_dev == inbox_st.st_dev;
}

/* Compared by where the mail is, whatever leads there. An alias of the INBOX's
   namespace has the first flag only; on 2.3, for a Maildir whose location
   doesn't say where the INBOX is, it is what "INBOX" leads to. */
static bool path_is_inbox(struct mailbox *box)
{
	struct mail_namespace *ns = box->storage->user->namespaces;
	struct stat st;

	if (!stat_mailbox(box->list, box->name, &st))
		return FALSE;
	for (; ns != NULL; ns = ns->next) {
		if ((ns->flags & (NAMESPACE_FLAG_INBOX_USER |
				  NAMESPACE_FLAG_INBOX_ANY)) != 0 &&
		    list_inbox_is(ns->list, &st))
			return TRUE;
	}
	return FALSE;
}

bool guard_inbox_is(struct mailbox *box)
{
	bool ret;

	if (name_is_inbox(box))
		return TRUE;
	T_BEGIN {
		ret = path_is_inbox(box);
	} T_END;
	return ret;
}

bool guard_inbox_is_link(struct mailbox *box)
{
	struct stat st;
	const char *path;
	bool ret;

	/* its folder may well be a link, but it is the INBOX's name */
	if (name_is_inbox(box))
		return FALSE;
	T_BEGIN {
		ret = mailbox_list_get_path(box->list, box->name,
					    MAILBOX_LIST_PATH_TYPE_DIR,
					    &path) > 0 &&
			lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
	} T_END;
	return ret;
}

struct mail_user *guard_inbox_owner(struct mailbox *box)
{
	struct mail_user *owner = box->list->ns->owner;

	return owner != NULL ? owner : box->storage->user;
}

struct mailbox_list *guard_inbox_list(struct mailbox *box)
{
	struct mail_user *user = box->storage->user;

	/* a link in another namespace leads to the user's own */
	return box->inbox_any || guard_inbox_owner(box) != user ? box->list :
		mail_namespace_find_inbox(user->namespaces)->list;
}
