/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "array.h"
#include "dict.h"
#include "eacces-error.h"
#include "fdatasync-path.h"
#include "hex-binary.h"
#include "randgen.h"
#include "str.h"
#include "mail-storage-private.h"
#include "mail-user.h"
#include "compat.h"
#include "kept-text.h"
#include "kept-store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEPT_FILE_NAME "pop3-policy.uidls"
#define KEPT_KEY_PREFIX DICT_PATH_PRIVATE"pop3-policy/uidls/"
#define KEPT_KEY_HEAD KEPT_KEY_PREFIX"head"
/* Replaced by others that often while we read them: something is wrong. */
#define KEPT_READ_MAX_TRIES 10

struct kept_store {
	struct mailbox *box;
	struct mail_user *user;
	struct dict *dict;
	/* NULL where a dict is configured */
	const char *path;
	/* What errors call it */
	const char *name;
	/* Of the transaction, once it has one */
	enum dict_commit_ret commit_ret;
	char *commit_error;
};

/*
 * Opening
 */

/* Returns 1, 0 if there is nothing, -1 and error_r. */
static int kept_store_stat(const struct kept_store *store,
			   const char **error_r)
{
	struct stat st;

	if (stat(store->path, &st) == 0)
		return 1;
	if (errno == ENOENT)
		return 0;
	*error_r = errno == EACCES ? eacces_error_get("stat", store->path) :
		t_strdup_printf("stat(%s) failed: %m", store->path);
	return -1;
}

/* Returns 1, 0 if there is none to read (for_writing: or to write to), -1 and
   error_r. */
static int kept_store_open(struct kept_store *store, struct mailbox *box,
			   bool for_writing, const char **error_r)
{
	const char *root;
	int ret;

	i_zero(store);
	store->box = box;
	store->user = box->storage->user;
	store->name = "pop3_policy_uidl_dict";
	ret = pop3_policy_compat_uidl_dict(store->user, &store->dict, error_r);
	if (ret < 0)
		*error_r = t_strdup_printf("%s: %s", store->name, *error_r);
	if (ret != 0)
		return ret;

	if (!mailbox_list_get_root_path(box->list,
					MAILBOX_LIST_PATH_TYPE_CONTROL,
					&root)) {
		*error_r = "pop3_policy_uidl_dict is not set, and the "
			"INBOX's namespace has no folder on disk";
		return 0;
	}
	store->path = t_strconcat(root, "/"KEPT_FILE_NAME, NULL);
	store->name = store->path;
	if (for_writing) {
		if (mailbox_list_try_mkdir_root(
			box->list, root, MAILBOX_LIST_PATH_TYPE_CONTROL,
			error_r) < 0)
			return -1;
	} else {
		ret = kept_store_stat(store, error_r);
		if (ret <= 0)
			return ret;
	}
	return pop3_policy_compat_file_dict(store->user, store->path,
					    &store->dict, error_r) < 0 ?
		-1 : 1;
}

static void kept_store_close(struct kept_store *store)
{
	if (store->dict != NULL)
		dict_deinit(&store->dict);
	i_free(store->commit_error);
}

bool kept_store_may_exist(struct mailbox *box)
{
	struct kept_store store;
	const char *error;
	int ret;

	T_BEGIN {
		ret = kept_store_open(&store, box, FALSE, &error);
	} T_END;
	kept_store_close(&store);
	return ret != 0;
}

/*
 * Reading
 */

static const char *part_key(unsigned int part)
{
	return t_strdup_printf(KEPT_KEY_PREFIX"%u", part);
}

/* Returns 1, 0 if it isn't there, -1 and error_r. */
static int
kept_store_lookup(struct kept_store *store, const char *key,
		  const char **value_r, const char **error_r)
{
	/* 2.3 looks at it whatever has happened */
	const char *error = NULL;
	int ret;

	ret = dict_lookup(store->dict,
			  mail_user_get_dict_op_settings(store->user),
			  pool_datastack_create(), key, value_r, &error);
	if (ret < 0)
		*error_r = t_strdup_printf("%s: %s", store->name, error);
	return ret;
}

static int kept_store_damaged(const struct kept_store *store, const char *key,
			      const char **error_r)
{
	*error_r = t_strdup_printf("%s: The value of %s is damaged",
				   store->name, key);
	return -1;
}

/* Returns 1, 0 if there is nothing, -1 and error_r. */
static int kept_store_read_head(struct kept_store *store,
				struct kept_head *head_r, const char **error_r)
{
	const char *value;
	int ret;

	ret = kept_store_lookup(store, KEPT_KEY_HEAD, &value, error_r);
	if (ret > 0 && !kept_text_parse_head(value, head_r))
		return kept_store_damaged(store, KEPT_KEY_HEAD, error_r);
	if (ret == 0 && store->path != NULL) {
		/* what we write into the file has one */
		ret = kept_store_stat(store, error_r);
		if (ret > 0) {
			return kept_store_damaged(store, KEPT_KEY_HEAD,
						  error_r);
		}
	}
	return ret;
}

/* Returns 1, 0 if it was replaced meanwhile, -1 and error_r. */
static int
kept_store_read_parts(struct kept_store *store, const struct kept_head *head,
		      pool_t pool, ARRAY_TYPE(kept_uidl) *uidls,
		      const char **error_r)
{
	const char *key, *value;
	unsigned int part;
	int ret = 1;

	for (part = 0; part < head->parts && ret > 0; part++) T_BEGIN {
		key = part_key(part);
		ret = kept_store_lookup(store, key, &value, error_r);
		if (ret > 0) {
			ret = kept_text_parse_part(value, head->generation,
						   pool, uidls);
			if (ret < 0)
				(void)kept_store_damaged(store, key, error_r);
		}
	} T_END_PASS_STR_IF(ret < 0, error_r);
	if (ret > 0 && array_count(uidls) != head->messages)
		return kept_store_damaged(store, KEPT_KEY_HEAD, error_r);
	return ret;
}

static int
kept_store_read_all(struct kept_store *store, pool_t pool,
		    struct kept_uidls_content *content,
		    const char **error_r)
{
	struct kept_head head;
	unsigned int i;
	int ret;

	for (i = 0; i < KEPT_READ_MAX_TRIES; i++) {
		array_clear(&content->uidls);
		ret = kept_store_read_head(store, &head, error_r);
		if (ret <= 0)
			return ret;
		content->uid_validity = head.uid_validity;
		content->uidnext = head.uidnext;
		ret = kept_store_read_parts(store, &head, pool,
					    &content->uidls, error_r);
		if (ret != 0)
			return ret;
	}
	*error_r = t_strdup_printf("%s: Parts are missing", store->name);
	return -1;
}

int kept_store_read(struct mailbox *box, pool_t pool,
		    struct kept_uidls_content *content_r,
		    const char **error_r)
{
	struct kept_store store;
	int ret;

	i_zero(content_r);
	p_array_init(&content_r->uidls, pool, 32);
	T_BEGIN {
		ret = kept_store_open(&store, box, FALSE, error_r);
		if (ret > 0) {
			ret = kept_store_read_all(&store, pool, content_r,
						  error_r);
		}
		kept_store_close(&store);
	} T_END_PASS_STR_IF(ret < 0, error_r);
	return ret;
}

/*
 * Writing
 */

static void kept_store_set_generation(struct kept_head *head)
{
	unsigned char bytes[(KEPT_GENERATION_BYTES - 1) / 2];

	random_fill(bytes, sizeof(bytes));
	if (i_strocpy(head->generation, binary_to_hex(bytes, sizeof(bytes)),
		      sizeof(head->generation)) < 0)
		i_unreached();
}

static void
kept_store_set_all(struct dict_transaction_context *trans,
		   const struct kept_uidls_content *content,
		   struct kept_head *head)
{
	string_t *value = t_str_new(KEPT_PART_BYTES + 1024);
	unsigned int index = 0;

	head->uid_validity = content->uid_validity;
	head->uidnext = content->uidnext;
	head->messages = array_count(&content->uidls);
	while (index < head->messages) T_BEGIN {
		str_truncate(value, 0);
		kept_text_append_part(value, head->generation,
				      &content->uidls, &index);
		dict_set(trans, part_key(head->parts++), str_c(value));
	} T_END;
	str_truncate(value, 0);
	kept_text_append_head(value, head);
	dict_set(trans, KEPT_KEY_HEAD, str_c(value));
}

/* Some dicts say that all is well whatever has become of a transaction. */
static int
kept_store_verify(struct kept_store *store, const struct kept_head *wanted,
		  const char **error_r)
{
	struct kept_head head;
	int ret;

	ret = kept_store_read_head(store, &head, error_r);
	if (ret < 0)
		return -1;
	if (wanted->messages == 0 ? ret == 0 :
	    (ret > 0 && strcmp(head.generation, wanted->generation) == 0))
		return 0;
	*error_r = t_strdup_printf("%s: What was written isn't there",
				   store->name);
	return -1;
}

static void kept_store_committed(const struct dict_commit_result *result,
				 struct kept_store *store)
{
	store->commit_ret = result->ret;
	i_free(store->commit_error);
	store->commit_error = i_strdup(result->error);
}

/* Returns 0, or -1 and error_r. */
static int
kept_store_commit_trans(struct kept_store *store,
			struct dict_transaction_context *trans,
			const char **error_r)
{
	store->commit_ret = DICT_COMMIT_RET_FAILED;
	/* 2.3's redis crashes when it is told to wait itself */
	dict_transaction_commit_async(&trans, kept_store_committed, store);
	dict_wait(store->dict);
	if (store->commit_ret == DICT_COMMIT_RET_OK)
		return 0;
	*error_r = t_strdup_printf("%s: %s%s", store->name,
		store->commit_error == NULL ? "There was no answer" :
		store->commit_error,
		store->commit_ret == DICT_COMMIT_RET_WRITE_UNCERTAIN ?
		" (but the UIDLs may have been written)" : "");
	return -1;
}

/* Returns 0, or -1 and error_r. */
static int
kept_store_commit(struct kept_store *store, unsigned int old_parts,
		  const struct kept_uidls_content *content,
		  const char **error_r)
{
	const bool is_empty = array_count(&content->uidls) == 0;
	struct dict_transaction_context *trans;
	struct kept_head head;
	unsigned int part;

	i_zero(&head);
	kept_store_set_generation(&head);
	trans = dict_transaction_begin(
		store->dict, mail_user_get_dict_op_settings(store->user));
	if (is_empty)
		dict_unset(trans, KEPT_KEY_HEAD);
	else
		kept_store_set_all(trans, content, &head);
	for (part = head.parts; part < old_parts; part++)
		dict_unset(trans, part_key(part));
	if (kept_store_commit_trans(store, trans, error_r) < 0)
		return -1;
	return kept_store_verify(store, &head, error_r);
}

/* Others can't read the user's unless the folder is theirs, too. */
static int kept_store_share_file(struct kept_store *store, int fd)
{
	struct mailbox_permissions perm;
	struct stat st;
	mode_t mode;

	mailbox_list_get_root_permissions(store->box->list, &perm);
	mode = (perm.file_create_mode & 0060) == 0060 ? 0660 : 0600;
	if (fstat(fd, &st) < 0)
		return -1;
	if (mode == 0660 && perm.file_create_gid != (gid_t)-1 &&
	    st.st_gid != perm.file_create_gid &&
	    fchown(fd, (uid_t)-1, perm.file_create_gid) < 0)
		return -1;
	return (st.st_mode & 0777) == mode ? 0 : fchmod(fd, mode);
}

/* The file dict takes permissions from the folder, and leaves it to the kernel
   when the file goes to the disk. */
static int
kept_store_finish_file(struct kept_store *store, const char **error_r)
{
	const char *folder =
		t_strdup_until(store->path, strrchr(store->path, '/'));
	const char *what = NULL;
	int fd;

	fd = open(store->path, O_RDWR | O_NOFOLLOW);
	if (fd == -1)
		what = "open()";
	else if (kept_store_share_file(store, fd) < 0)
		what = "Setting its permissions";
	else if (fdatasync(fd) < 0 || fdatasync_path(folder) < 0)
		what = "fdatasync()";
	if (what != NULL) {
		*error_r = t_strdup_printf("%s: %s failed: %m (but the UIDLs "
					   "have been written)", store->path,
					   what);
	}
	i_close_fd(&fd);
	return what == NULL ? 0 : -1;
}

/* Returns 0, or -1 and error_r. */
static int
kept_store_write_all(struct kept_store *store,
		     const struct kept_uidls_content *content,
		     const char **error_r)
{
	struct kept_head old;

	if (store->path != NULL && array_count(&content->uidls) == 0) {
		if (unlink(store->path) == 0 || errno == ENOENT)
			return 0;
		*error_r = t_strdup_printf("unlink(%s) failed: %m",
					   store->path);
		return -1;
	}
	if (kept_store_read_head(store, &old, error_r) <= 0) {
		/* damaged, and to be replaced */
		old.parts = 0;
	}
	if (kept_store_commit(store, old.parts, content, error_r) < 0)
		return -1;
	return store->path == NULL ? 0 :
		kept_store_finish_file(store, error_r);
}

int kept_store_write(struct mailbox *box,
		     const struct kept_uidls_content *content,
		     const char **error_r)
{
	struct kept_store store;
	int ret;

	T_BEGIN {
		ret = kept_store_open(&store, box, TRUE, error_r);
		if (ret == 0)
			ret = -1;
		else if (ret > 0)
			ret = kept_store_write_all(&store, content, error_r);
		kept_store_close(&store);
	} T_END_PASS_STR_IF(ret < 0, error_r);
	return ret;
}
