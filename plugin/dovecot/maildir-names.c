/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "hash.h"
#include "istream.h"
#include "mail-storage-private.h"
#include "maildir-names.h"

#include <dirent.h>

#define MAILDIR_FLAGS_SEP ":2,"
#define MAILDIR_KEYWORDS_NAME "dovecot-keywords"
#define MAILDIR_KEYWORDS_MAX 26

/* name without its flags -> UID */
HASH_TABLE_DEFINE_TYPE(maildir_names, char *, void *);

/* Returns 0 and '\0' where it has none, or -1 and error_r. */
static int keyword_get_letter(struct mailbox *box, const char *keyword,
			      char *letter_r, const char **error_r)
{
	struct istream *input;
	const char *dir, *path, *line, *name;
	unsigned int idx;
	int ret = 0;

	*letter_r = '\0';
	if (mailbox_get_path_to(box, MAILBOX_LIST_PATH_TYPE_CONTROL,
				&dir) <= 0) {
		*error_r = "The Maildir has no control folder";
		return -1;
	}
	path = t_strconcat(dir, "/"MAILDIR_KEYWORDS_NAME, NULL);
	input = i_stream_create_file(path, SIZE_MAX);
	while ((line = i_stream_read_next_line(input)) != NULL) {
		/* "0 $Name" */
		name = strchr(line, ' ');
		if (name != NULL && strcmp(name + 1, keyword) == 0 &&
		    str_to_uint(t_strdup_until(line, name), &idx) == 0 &&
		    idx < MAILDIR_KEYWORDS_MAX)
			*letter_r = 'a' + idx;
	}
	if (input->stream_errno != 0 && input->stream_errno != ENOENT) {
		*error_r = t_strdup_printf("read(%s) failed: %s", path,
					   i_stream_get_error(input));
		ret = -1;
	}
	i_stream_unref(&input);
	return ret;
}

/* The names without their flags. */
static void names_get(struct mailbox *box, const ARRAY_TYPE(seq_range) *uids,
		      pool_t pool, HASH_TABLE_TYPE(maildir_names) names)
{
	struct mailbox_transaction_context *trans;
	struct seq_range_iter iter;
	unsigned int n = 0;
	const char *name;
	struct mail *mail;
	uint32_t uid;

	trans = mailbox_transaction_begin(box, 0, __func__);
	mail = mail_alloc(trans, 0, NULL);
	seq_range_array_iter_init(&iter, uids);
	while (seq_range_array_iter_nth(&iter, n++, &uid)) {
		if (mail_set_uid(mail, uid) &&
		    mail_get_special(mail, MAIL_FETCH_STORAGE_ID,
				     &name) == 0 && *name != '\0') {
			hash_table_update(names, p_strdup(pool, name),
					  POINTER_CAST(uid));
		}
	}
	mail_free(&mail);
	mailbox_transaction_rollback(&trans);
}

static int names_find(const char *dir, char letter,
		      HASH_TABLE_TYPE(maildir_names) names,
		      ARRAY_TYPE(seq_range) *found, const char **error_r)
{
	const struct dirent *entry;
	const char *flags;
	void *uid;
	DIR *dirp;

	dirp = opendir(dir);
	if (dirp == NULL) {
		*error_r = t_strdup_printf("opendir(%s) failed: %m", dir);
		return -1;
	}
	while ((entry = readdir(dirp)) != NULL) {
		flags = strstr(entry->d_name, MAILDIR_FLAGS_SEP);
		if (flags == NULL || strchr(flags, letter) == NULL)
			continue;
		T_BEGIN {
			uid = hash_table_lookup(names,
				t_strdup_until(entry->d_name, flags));
		} T_END;
		if (uid != NULL)
			seq_range_array_add(found, POINTER_CAST_TO(uid, uint32_t));
	}
	(void)closedir(dirp);
	return 0;
}

int maildir_names_with_keyword(struct mailbox *box, const char *keyword,
			       const ARRAY_TYPE(seq_range) *uids,
			       ARRAY_TYPE(seq_range) *found,
			       const char **error_r)
{
	HASH_TABLE_TYPE(maildir_names) names;
	const char *dir;
	char letter;
	pool_t pool;
	int ret;

	if (keyword_get_letter(box, keyword, &letter, error_r) < 0)
		return -1;
	if (letter == '\0') {
		seq_range_array_merge(found, uids);
		return 0;
	}
	if (mailbox_get_path_to(box, MAILBOX_LIST_PATH_TYPE_MAILBOX,
				&dir) <= 0) {
		*error_r = "The Maildir has no folder";
		return -1;
	}
	pool = pool_alloconly_create("maildir names", 1024);
	hash_table_create(&names, pool, 0, str_hash, strcmp);
	names_get(box, uids, pool, names);
	/* in new/ as well: with pop3_no_flag_updates mail stays there */
	ret = names_find(t_strconcat(dir, "/cur", NULL), letter, names, found,
			 error_r);
	if (ret == 0) {
		ret = names_find(t_strconcat(dir, "/new", NULL), letter, names,
				 found, error_r);
	}
	hash_table_destroy(&names);
	pool_unref(&pool);
	return ret;
}
