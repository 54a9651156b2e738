/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "secret-file.h"
#include "secret-seal.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#define PATH_MAX_BYTES 4096
/* Some ten million secrets; reading it all must not take a host's memory. */
#define FILE_MAX_BYTES ((off_t)4 * 1024 * 1024 * 1024)

struct secret_change {
	struct secret_store store;
	char path[PATH_MAX_BYTES], folder[PATH_MAX_BYTES];
	/* -1 if read only */
	int lock_fd;
	uid_t owner;
	gid_t group;

	/* sorted */
	struct secret_record **records;
	size_t count, room;
};

static int
change_grow(struct secret_change *change, struct secret_error *error_r)
{
	struct secret_record **records;
	size_t room;

	if (change->count < change->room)
		return 0;
	room = change->room == 0 ? 64 : change->room * 2;
	records = realloc(change->records, room * sizeof(*records));
	if (records == NULL) {
		secret_error_set(error_r, "Out of memory");
		return -1;
	}
	change->records = records;
	change->room = room;
	return 0;
}

/* record is copied. */
static int
change_insert(struct secret_change *change, size_t index,
	      const struct secret_record *record, struct secret_error *error_r)
{
	struct secret_record *copy;

	if (change_grow(change, error_r) < 0)
		return -1;
	copy = malloc(sizeof(*copy));
	if (copy == NULL) {
		secret_error_set(error_r, "Out of memory");
		return -1;
	}
	*copy = *record;
	memmove(&change->records[index + 1], &change->records[index],
		(change->count - index) * sizeof(*change->records));
	change->records[index] = copy;
	change->count++;
	return 0;
}

/* Where it is (returns true), or belongs. */
static bool
change_find(struct secret_change *change, const char *user, const char *name,
	    size_t *index_r)
{
	size_t low = 0, high = change->count, middle;
	const struct secret_record *record;
	int ret;

	while (low < high) {
		middle = low + (high - low) / 2;
		record = change->records[middle];
		ret = strcmp(record->user, user);
		if (ret == 0)
			ret = strcmp(record->name, name);
		if (ret == 0) {
			*index_r = middle;
			return true;
		}
		if (ret < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*index_r = low;
	return false;
}

static int
change_parse(struct secret_change *change, const char *text, size_t size,
	     struct secret_error *error_r)
{
	const char *line = text, *end = text + size, *stop;
	struct secret_record record;
	unsigned int number = 1;

	if (size < sizeof(SECRET_HEADER) - 1 ||
	    memcmp(text, SECRET_HEADER, sizeof(SECRET_HEADER) - 1) != 0) {
		secret_error_set(error_r, "%s is not a file of secrets",
				 change->path);
		return -1;
	}
	for (line += sizeof(SECRET_HEADER) - 1; line < end; line = stop + 1) {
		number++;
		stop = memchr(line, '\n', (size_t)(end - line));
		if (stop == NULL || stop - line >= SECRET_LINE_MAX_BYTES ||
		    !secret_record_parse(line, (size_t)(stop - line),
					 &record)) {
			secret_error_set(error_r, "%s:%u: this line is damaged",
					 change->path, number);
			return -1;
		}
		if (change->count > 0 && secret_record_compare(
				change->records[change->count - 1],
				&record) >= 0) {
			secret_error_set(error_r, "%s:%u: expected lines in "
					 "the order of users and names",
					 change->path, number);
			return -1;
		}
		if (change_insert(change, change->count, &record,
				  error_r) < 0)
			return -1;
	}
	return 0;
}

static int
change_read(struct secret_change *change, struct secret_error *error_r)
{
	struct stat st;
	char *text;
	int fd, ret;

	ret = secret_file_open(change->path, &fd, error_r);
	if (ret < 0)
		return -1;
	if (ret == 0) {
		/* it will belong to whom the folder belongs to */
		if (stat(change->folder, &st) < 0) {
			secret_error_set_errno(error_r, "stat",
					       change->folder);
			return -1;
		}
		change->owner = st.st_uid;
		change->group = st.st_gid;
		return 0;
	}
	text = NULL;
	ret = -1;
	if (fstat(fd, &st) < 0)
		secret_error_set_errno(error_r, "fstat", change->path);
	else if (st.st_size > FILE_MAX_BYTES)
		secret_error_set(error_r, "%s is too large", change->path);
	else if ((text = malloc((size_t)st.st_size + 1)) == NULL)
		secret_error_set(error_r, "Out of memory");
	else if (secret_file_read_at(fd, 0, text, (size_t)st.st_size) !=
		 st.st_size)
		secret_error_set(error_r, "%s changed while it was read",
				 change->path);
	else {
		change->owner = st.st_uid;
		change->group = st.st_gid;
		ret = change_parse(change, text, (size_t)st.st_size, error_r);
	}
	free(text);
	close(fd);
	return ret;
}

static void change_free(struct secret_change **_change)
{
	struct secret_change *change = *_change;
	size_t i;

	*_change = NULL;
	/* the lock goes with it; its file stays, or two could hold it */
	if (change->lock_fd != -1)
		close(change->lock_fd);
	for (i = 0; i < change->count; i++)
		free(change->records[i]);
	free(change->records);
	free(change);
}

static int
change_create(const struct secret_store *store,
	      struct secret_change **change_r, struct secret_error *error_r)
{
	struct secret_change *change = calloc(1, sizeof(*change));
	char copy[PATH_MAX_BYTES];

	if (change == NULL) {
		secret_error_set(error_r, "Out of memory");
		return -1;
	}
	change->lock_fd = -1;
	change->store = *store;
	if ((size_t)snprintf(change->path, sizeof(change->path) - 8, "%s",
			     store->secrets) >= sizeof(change->path) - 8) {
		secret_error_set(error_r, "%s: the path is too long",
				 store->secrets);
		free(change);
		return -1;
	}
	memcpy(copy, change->path, sizeof(copy));
	snprintf(change->folder, sizeof(change->folder), "%s", dirname(copy));
	*change_r = change;
	return 0;
}

static int
change_lock(struct secret_change *change, struct secret_error *error_r)
{
	char path[PATH_MAX_BYTES + 8];

	snprintf(path, sizeof(path), "%s.lock", change->path);
	change->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
			       0600);
	if (change->lock_fd == -1) {
		secret_error_set_errno(error_r, "open", path);
		return -1;
	}
	while (flock(change->lock_fd, LOCK_EX) < 0) {
		if (errno == EINTR)
			continue;
		secret_error_set_errno(error_r, "flock", path);
		return -1;
	}
	return 0;
}

int secret_change_begin_readonly(const struct secret_store *store,
				 struct secret_change **change_r,
				 struct secret_error *error_r)
{
	if (change_create(store, change_r, error_r) < 0)
		return -1;
	if (change_read(*change_r, error_r) < 0) {
		change_free(change_r);
		return -1;
	}
	return 0;
}

int secret_change_begin(const struct secret_store *store,
			struct secret_change **change_r,
			struct secret_error *error_r)
{
	if (change_create(store, change_r, error_r) < 0)
		return -1;
	if (change_lock(*change_r, error_r) < 0 ||
	    change_read(*change_r, error_r) < 0) {
		change_free(change_r);
		return -1;
	}
	return 0;
}

bool secret_change_get(struct secret_change *change, size_t index,
		       struct secret_info *info_r)
{
	const struct secret_record *record;

	if (index >= change->count)
		return false;
	record = change->records[index];
	info_r->user = record->user;
	info_r->name = record->name;
	info_r->created = record->created;
	info_r->expires = record->expires;
	info_r->key_id = record->key_id;
	return true;
}

static size_t change_count(struct secret_change *change, const char *user)
{
	size_t first, i;

	/* no name is before "" */
	(void)change_find(change, user, "", &first);
	for (i = first; i < change->count; i++) {
		if (strcmp(change->records[i]->user, user) != 0)
			break;
	}
	return i - first;
}

int secret_change_add(struct secret_change *change, const char *user,
		      const char *name, const char *secret, int64_t created,
		      int64_t expires, struct secret_error *error_r)
{
	struct secret_record record;
	struct secret_keys keys;
	size_t index;
	int ret;

	if (!secret_user_is_valid(user)) {
		secret_error_set(error_r, "expected a user of 1 to %d bytes "
				 "without control characters",
				 SECRET_USER_MAX_BYTES);
		return -1;
	}
	if (!secret_name_is_valid(name)) {
		secret_error_set(error_r, "expected a name of 1 to %d "
				 "letters, digits, '.', '_' and '-'",
				 SECRET_NAME_MAX_BYTES);
		return -1;
	}
	if (change_find(change, user, name, &index))
		return 0;
	if (change_count(change, user) >= SECRETS_MAX_PER_USER) {
		secret_error_set(error_r, "%s has %d secrets already", user,
				 SECRETS_MAX_PER_USER);
		return -1;
	}
	memset(&record, 0, sizeof(record));
	snprintf(record.user, sizeof(record.user), "%s", user);
	snprintf(record.name, sizeof(record.name), "%s", name);
	record.created = created;
	record.expires = expires;
	if (secret_keys_read(change->store.keys, &keys, error_r) < 0)
		return -1;
	ret = secret_seal(&keys, secret, strlen(secret), &record, error_r);
	secret_keys_clear(&keys);
	if (ret < 0 || change_insert(change, index, &record, error_r) < 0)
		return -1;
	return 1;
}

bool secret_change_remove(struct secret_change *change, const char *user,
			  const char *name)
{
	size_t index;

	if (!change_find(change, user, name, &index))
		return false;
	free(change->records[index]);
	change->count--;
	memmove(&change->records[index], &change->records[index + 1],
		(change->count - index) * sizeof(*change->records));
	return true;
}

static int
record_seal_anew(struct secret_record *record, const struct secret_keys *keys,
		 struct secret_error *error_r)
{
	unsigned char secret[SECRET_MAX_BYTES];
	size_t size;
	int ret;

	if (secret_unseal(keys, record, secret, &size, error_r) < 0)
		return -1;
	ret = secret_seal(keys, secret, size, record, error_r);
	OPENSSL_cleanse(secret, sizeof(secret));
	return ret;
}

int secret_change_seal_anew(struct secret_change *change, const char *user,
			    size_t *count_r, struct secret_error *error_r)
{
	struct secret_record *record;
	struct secret_keys keys;
	size_t i;
	int ret = 0;

	*count_r = 0;
	if (secret_keys_read(change->store.keys, &keys, error_r) < 0)
		return -1;
	for (i = 0; i < change->count && ret == 0; i++) {
		record = change->records[i];
		if ((user != NULL && strcmp(record->user, user) != 0) ||
		    strcmp(record->key_id, keys.keys[0].id) == 0)
			continue;
		ret = record_seal_anew(record, &keys, error_r);
		if (ret == 0)
			(*count_r)++;
	}
	secret_keys_clear(&keys);
	return ret;
}

static int
change_write(struct secret_change *change, FILE *file)
{
	char line[SECRET_LINE_MAX_BYTES + 1];
	size_t i;

	if (fputs(SECRET_HEADER, file) == EOF)
		return -1;
	for (i = 0; i < change->count; i++) {
		(void)secret_record_format(change->records[i], line);
		if (fputs(line, file) == EOF)
			return -1;
	}
	return fflush(file) == EOF || fsync(fileno(file)) < 0 ? -1 : 0;
}

/* Returns 0, or -1 and *error_r; then there is no new file. */
static int
change_write_new(struct secret_change *change, const char *path,
		 struct secret_error *error_r)
{
	FILE *file = NULL;
	int fd, ret = -1;

	/* one that somebody left who was killed; we have the lock */
	if (unlink(path) < 0 && errno != ENOENT) {
		secret_error_set_errno(error_r, "unlink", path);
		return -1;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1) {
		secret_error_set_errno(error_r, "open", path);
		return -1;
	}
	if (geteuid() == 0 && fchown(fd, change->owner, change->group) < 0)
		secret_error_set_errno(error_r, "fchown", path);
	else if ((file = fdopen(fd, "w")) == NULL)
		secret_error_set_errno(error_r, "fdopen", path);
	else if (change_write(change, file) < 0)
		secret_error_set_errno(error_r, "write", path);
	else
		ret = 0;
	if (file == NULL)
		close(fd);
	else if (fclose(file) == EOF && ret == 0) {
		secret_error_set_errno(error_r, "close", path);
		ret = -1;
	}
	if (ret < 0)
		(void)unlink(path);
	return ret;
}

static int
folder_sync(const char *path, struct secret_error *error_r)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret;

	ret = fd == -1 ? -1 : fsync(fd);
	if (ret < 0)
		secret_error_set_errno(error_r, "fsync", path);
	if (fd != -1)
		close(fd);
	return ret;
}

int secret_change_commit(struct secret_change **_change,
			 struct secret_error *error_r)
{
	struct secret_change *change = *_change;
	char path[PATH_MAX_BYTES + 8];
	int ret;

	snprintf(path, sizeof(path), "%s.new", change->path);
	ret = change_write_new(change, path, error_r);
	if (ret == 0 && rename(path, change->path) < 0) {
		secret_error_set_errno(error_r, "rename", path);
		(void)unlink(path);
		ret = -1;
	}
	if (ret == 0)
		ret = folder_sync(change->folder, error_r);
	change_free(_change);
	return ret;
}

void secret_change_abort(struct secret_change **change)
{
	if (*change != NULL)
		change_free(change);
}
