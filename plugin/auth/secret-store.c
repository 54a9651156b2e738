/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "secret-fences.h"
#include "secret-file.h"
#include "secret-seal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define USED_PATH_MAX_BYTES 4096
#define USED_STEP_SECS (60 * 60)

bool secret_apop_parse(const void *response, size_t size,
		       struct secret_apop *apop_r)
{
	const char *text = response, *user, *digest;

	if (text == NULL)
		return false;
	user = memchr(text, '\0', size);
	if (user == NULL)
		return false;
	user++;
	digest = memchr(user, '\0', size - (size_t)(user - text));
	if (digest == NULL)
		return false;
	digest++;
	if (size - (size_t)(digest - text) != SECRET_APOP_DIGEST_BYTES)
		return false;
	apop_r->message_id = text;
	apop_r->message_id_length = (size_t)(user - text) - 1;
	apop_r->digest = (const unsigned char *)digest;
	return true;
}

/* Returns 1, 0 or -1 and *error_r. */
static int
apop_compare(const struct secret_apop *apop, const unsigned char *secret,
	     size_t size, struct secret_error *error_r)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int length = 0;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok;

	ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_md5(), NULL) == 1 &&
		EVP_DigestUpdate(ctx, apop->message_id,
				 apop->message_id_length) == 1 &&
		EVP_DigestUpdate(ctx, secret, size) == 1 &&
		EVP_DigestFinal_ex(ctx, digest, &length) == 1 &&
		length == SECRET_APOP_DIGEST_BYTES;
	EVP_MD_CTX_free(ctx);
	if (!ok) {
		secret_error_set(error_r, "MD5 failed, which APOP needs; is it "
				 "forbidden on this system?");
		return -1;
	}
	return CRYPTO_memcmp(digest, apop->digest, length) == 0 ? 1 : 0;
}

/* All secrets of the user are tried, whichever is the right one. Returns 1 or
   0; what can't be read is skipped, and said in *error_r. */
static int
check_user(const struct secret_store *store, int fd, off_t offset,
	   const char *user, const struct secret_keys *keys,
	   const struct secret_apop *apop, int64_t now,
	   struct secret_match *match_r, struct secret_error *error_r)
{
	unsigned char secret[SECRET_MAX_BYTES];
	struct secret_record record;
	size_t size, tried = 0;
	int ret, result = 0;

	while (secret_file_next(store->secrets, fd, &offset, &record,
				error_r) > 0 &&
	       strcmp(record.user, user) == 0) {
		if (++tried > SECRETS_MAX_PER_USER) {
			secret_error_set(error_r, "%s: %s has more than %d "
					 "secrets", store->secrets, user,
					 SECRETS_MAX_PER_USER);
			return 0;
		}
		if (secret_unseal(keys, &record, secret, &size, error_r) < 0)
			continue;
		ret = apop_compare(apop, secret, size, error_r);
		if (ret > 0 && result == 0 &&
		    (record.expires == 0 || record.expires > now)) {
			memcpy(match_r->name, record.name,
			       sizeof(match_r->name));
			memcpy(match_r->secret, secret, size);
			match_r->secret_size = size;
			result = 1;
		}
		OPENSSL_cleanse(secret, sizeof(secret));
	}
	return result;
}

/* Whatever fails here fails for everybody. Returns 0 and *fd_r, or -1 and
   *error_r. */
static int
check_begin(const struct secret_store *store, const struct secret_apop *apop,
	    struct secret_keys *keys_r, int *fd_r,
	    struct secret_error *error_r)
{
	int ret;

	if (apop_compare(apop, (const unsigned char *)"", 0, error_r) < 0 ||
	    secret_keys_read(store->keys, keys_r, error_r) < 0)
		return -1;
	ret = secret_file_open(store->secrets, fd_r, error_r);
	if (ret == 0) {
		secret_error_set(error_r, "%s does not exist",
				 store->secrets);
	} else if (ret > 0) {
		if (secret_file_check(store->secrets, *fd_r, error_r) == 0)
			return 0;
		close(*fd_r);
	}
	secret_keys_clear(keys_r);
	return -1;
}

int secret_store_check(const struct secret_store *store, const char *user,
		       const struct secret_apop *apop, int64_t now,
		       struct secret_match *match_r,
		       struct secret_error *error_r)
{
	struct secret_keys keys;
	off_t offset;
	int fd, ret;

	memset(match_r, 0, sizeof(*match_r));
	error_r->text[0] = '\0';
	if (check_begin(store, apop, &keys, &fd, error_r) < 0)
		return -1;
	ret = secret_file_find(store->secrets, fd, user, &offset, error_r);
	if (ret > 0) {
		ret = check_user(store, fd, offset, user, &keys, apop, now,
				 match_r, error_r);
	}
	close(fd);
	secret_keys_clear(&keys);
	if (ret <= 0) {
		secret_match_clear(match_r);
		return 0;
	}
	return 1;
}

void secret_store_deinit(void)
{
	secret_fences_clear();
}

void secret_match_clear(struct secret_match *match)
{
	OPENSSL_cleanse(match, sizeof(*match));
}

/*
 * Last use
 */

/* The folder, or the file in it. Returns false if the path is too long. */
static bool
used_path(const struct secret_store *store, const char *user,
	  const char *name, char path_r[USED_PATH_MAX_BYTES])
{
	char text[SECRET_USER_MAX_BYTES + SECRET_NAME_MAX_BYTES + 2];
	char hex[2 * 16 + 1];
	unsigned char hash[EVP_MAX_MD_SIZE];
	int length;

	if (user == NULL) {
		length = snprintf(path_r, USED_PATH_MAX_BYTES, "%s.used",
				  store->secrets);
		return length < USED_PATH_MAX_BYTES;
	}
	length = snprintf(text, sizeof(text), "%s\n%s", user, name);
	if ((size_t)length >= sizeof(text) ||
	    EVP_Digest(text, (size_t)length, hash, NULL, EVP_sha256(),
		       NULL) != 1)
		return false;
	secret_hex_encode(hash, 16, hex);
	length = snprintf(path_r, USED_PATH_MAX_BYTES, "%s.used/%s",
			  store->secrets, hex);
	return length < USED_PATH_MAX_BYTES;
}

int64_t secret_store_last_use(const struct secret_store *store,
			      const char *user, const char *name)
{
	char path[USED_PATH_MAX_BYTES];
	struct stat st;

	if (!used_path(store, user, name, path) || lstat(path, &st) < 0)
		return 0;
	return st.st_mtime;
}

int secret_store_note_use(const struct secret_store *store, const char *user,
			  const char *name, int64_t now,
			  struct secret_error *error_r)
{
	const struct timespec times[2] = {
		{ .tv_sec = now }, { .tv_sec = now }
	};
	char path[USED_PATH_MAX_BYTES], folder[USED_PATH_MAX_BYTES];
	int64_t last = secret_store_last_use(store, user, name);
	int fd, ret;

	if (last <= now && now - last < USED_STEP_SECS)
		return 0;
	if (!used_path(store, user, name, path) ||
	    !used_path(store, NULL, NULL, folder)) {
		secret_error_set(error_r, "%s: the path is too long",
				 store->secrets);
		return -1;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1 && errno == ENOENT) {
		if (mkdir(folder, 0700) < 0 && errno != EEXIST) {
			secret_error_set_errno(error_r, "mkdir", folder);
			return -1;
		}
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
			  0600);
	}
	if (fd == -1) {
		secret_error_set_errno(error_r, "open", path);
		return -1;
	}
	ret = futimens(fd, times);
	if (ret < 0)
		secret_error_set_errno(error_r, "futimens", path);
	close(fd);
	return ret;
}
