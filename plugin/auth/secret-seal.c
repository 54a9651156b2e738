/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "secret-seal.h"
#include "secret-file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#define KEYS_FILE_MAX_BYTES 4096

/*
 * Keys
 */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* A key is known by the beginning of its hash, so that nobody has to number
   them. */
static bool key_set_id(struct secret_key *key)
{
	static const char prefix[] = "pop3-policy key ";
	unsigned char text[sizeof(prefix) - 1 + SECRET_KEY_BYTES];
	unsigned char hash[EVP_MAX_MD_SIZE];
	int ret;

	memcpy(text, prefix, sizeof(prefix) - 1);
	memcpy(text + sizeof(prefix) - 1, key->key, SECRET_KEY_BYTES);
	ret = EVP_Digest(text, sizeof(text), hash, NULL, EVP_sha256(), NULL);
	secret_hex_encode(hash, SECRET_KEY_ID_LENGTH / 2, key->id);
	OPENSSL_cleanse(text, sizeof(text));
	return ret == 1;
}

static int
keys_parse(const char *path, const char *text, size_t size,
	   struct secret_keys *keys_r, struct secret_error *error_r)
{
	const char *line = text, *end = text + size, *stop, *next;
	unsigned int number = 1;
	struct secret_key *key;

	for (; line < end; line = next, number++) {
		stop = memchr(line, '\n', (size_t)(end - line));
		next = stop == NULL ? end : stop + 1;
		if (stop == NULL)
			stop = end;
		while (line < stop && is_space(*line))
			line++;
		while (stop > line && is_space(stop[-1]))
			stop--;
		if (line == stop || *line == '#')
			continue;
		if (keys_r->count == SECRET_KEYS_MAX) {
			secret_error_set(error_r, "%s:%u: expected at most %d "
					 "keys", path, number,
					 SECRET_KEYS_MAX);
			return -1;
		}
		key = &keys_r->keys[keys_r->count];
		if (stop - line != 2 * SECRET_KEY_BYTES ||
		    !secret_hex_decode(line, SECRET_KEY_BYTES, key->key)) {
			secret_error_set(error_r, "%s:%u: expected a key of "
					 "64 hexadecimal digits", path, number);
			return -1;
		}
		if (!key_set_id(key)) {
			secret_error_set(error_r, "SHA-256 failed");
			return -1;
		}
		keys_r->count++;
	}
	if (keys_r->count == 0) {
		secret_error_set(error_r, "%s: expected a key, there is none",
				 path);
		return -1;
	}
	return 0;
}

int secret_keys_read(const char *path, struct secret_keys *keys_r,
		     struct secret_error *error_r)
{
	char text[KEYS_FILE_MAX_BYTES];
	ssize_t size;
	int fd, ret;

	keys_r->count = 0;
	ret = secret_file_open(path, &fd, error_r);
	if (ret == 0)
		secret_error_set(error_r, "%s does not exist", path);
	if (ret <= 0)
		return -1;
	size = secret_file_read_at(fd, 0, text, sizeof(text));
	close(fd);
	if (size < 0) {
		secret_error_set_errno(error_r, "read", path);
		ret = -1;
	} else if ((size_t)size == sizeof(text)) {
		secret_error_set(error_r, "%s is too large for a keys file",
				 path);
		ret = -1;
	} else {
		ret = keys_parse(path, text, (size_t)size, keys_r, error_r);
	}
	OPENSSL_cleanse(text, sizeof(text));
	if (ret < 0)
		secret_keys_clear(keys_r);
	return ret;
}

void secret_keys_clear(struct secret_keys *keys)
{
	OPENSSL_cleanse(keys, sizeof(*keys));
}

/*
 * Sealing
 */

#define BOUND_MAX_BYTES \
	(SECRET_USER_MAX_BYTES + SECRET_NAME_MAX_BYTES + \
	 SECRET_KEY_ID_LENGTH + 64)

/* No field has a NUL or a LF in it, so no two records have the same. */
static int
bound_data(const struct secret_record *record, char data_r[BOUND_MAX_BYTES])
{
	return snprintf(data_r, BOUND_MAX_BYTES,
			"%s\n%s\n%"PRId64"\n%"PRId64"\n%s\n",
			record->user, record->name, record->created,
			record->expires, record->key_id);
}

int secret_seal(const struct secret_keys *keys, const void *secret,
		size_t size, struct secret_record *record,
		struct secret_error *error_r)
{
	const struct secret_key *key = &keys->keys[0];
	unsigned char *text = record->sealed + SECRET_NONCE_BYTES;
	EVP_CIPHER_CTX *ctx;
	char bound[BOUND_MAX_BYTES];
	int length, last = 0;
	bool ok;

	if (size == 0 || size > SECRET_MAX_BYTES) {
		secret_error_set(error_r, "a secret has 1 to %d bytes",
				 SECRET_MAX_BYTES);
		return -1;
	}
	memcpy(record->key_id, key->id, sizeof(record->key_id));
	ctx = EVP_CIPHER_CTX_new();
	ok = ctx != NULL &&
		RAND_bytes(record->sealed, SECRET_NONCE_BYTES) == 1 &&
		EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->key,
				   record->sealed) == 1 &&
		EVP_EncryptUpdate(ctx, NULL, &length,
				  (const unsigned char *)bound,
				  bound_data(record, bound)) == 1 &&
		EVP_EncryptUpdate(ctx, text, &length, secret,
				  (int)size) == 1 &&
		EVP_EncryptFinal_ex(ctx, text + length, &last) == 1 &&
		(size_t)(length + last) == size &&
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG,
				    SECRET_TAG_BYTES, text + size) == 1;
	EVP_CIPHER_CTX_free(ctx);
	if (!ok) {
		secret_error_set(error_r, "sealing by AES-256-GCM failed");
		return -1;
	}
	record->sealed_size = SECRET_NONCE_BYTES + size + SECRET_TAG_BYTES;
	return 0;
}

static const struct secret_key *
keys_find(const struct secret_keys *keys, const char *id)
{
	size_t i;

	for (i = 0; i < keys->count; i++) {
		if (strcmp(keys->keys[i].id, id) == 0)
			return &keys->keys[i];
	}
	return NULL;
}

int secret_unseal(const struct secret_keys *keys,
		  const struct secret_record *record,
		  unsigned char secret_r[SECRET_MAX_BYTES], size_t *size_r,
		  struct secret_error *error_r)
{
	const struct secret_key *key = keys_find(keys, record->key_id);
	const unsigned char *text = record->sealed + SECRET_NONCE_BYTES;
	size_t size = record->sealed_size - SECRET_NONCE_BYTES -
		SECRET_TAG_BYTES;
	EVP_CIPHER_CTX *ctx;
	char bound[BOUND_MAX_BYTES];
	int length, last = 0;
	bool ok;

	if (key == NULL) {
		secret_error_set(error_r, "secret %s of %s: its key %s is not "
				 "in the keys file", record->name,
				 record->user, record->key_id);
		return -1;
	}
	ctx = EVP_CIPHER_CTX_new();
	ok = ctx != NULL &&
		EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->key,
				   record->sealed) == 1 &&
		EVP_DecryptUpdate(ctx, NULL, &length,
				  (const unsigned char *)bound,
				  bound_data(record, bound)) == 1 &&
		EVP_DecryptUpdate(ctx, secret_r, &length, text,
				  (int)size) == 1 &&
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG,
				    SECRET_TAG_BYTES,
				    (void *)(uintptr_t)(text + size)) == 1 &&
		EVP_DecryptFinal_ex(ctx, secret_r + length, &last) == 1;
	EVP_CIPHER_CTX_free(ctx);
	if (!ok) {
		OPENSSL_cleanse(secret_r, SECRET_MAX_BYTES);
		secret_error_set(error_r, "secret %s of %s is not what was "
				 "sealed", record->name, record->user);
		return -1;
	}
	*size_r = size;
	return 0;
}

int secret_make(char text_r[SECRET_MADE_BYTES + 1],
		struct secret_error *error_r)
{
	/* 32 of them, none of which looks like another */
	static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
	unsigned char random[SECRET_MADE_BYTES];
	size_t i;

	if (RAND_bytes(random, sizeof(random)) != 1) {
		secret_error_set(error_r, "no random numbers to be had");
		return -1;
	}
	for (i = 0; i < sizeof(random); i++)
		text_r[i] = letters[random[i] & 31];
	text_r[i] = '\0';
	OPENSSL_cleanse(random, sizeof(random));
	return 0;
}
