/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SECRET_FILES_H
#define POP3_POLICY_SECRET_FILES_H

/*
 * A folder with a secrets file and a keys file, for one test.
 */

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/evp.h>

#include "pop3-policy/secret.h"

#define KEY1 "000102030405060708090a0b0c0d0e0f" \
	"101112131415161718191a1b1c1d1e1f"
#define KEY2 "ffeeddccbbaa99887766554433221100" \
	"ffeeddccbbaa99887766554433221100"
#define HEADER "pop3-policy-apop 1\n"
#define NOW INT64_C(1700000000)
#define MESSAGE_ID "<1a2b.3.6600aabb.abc==@mail.example.org>"

static char folder[] = "/tmp/pop3-policy-secret.XXXXXX";
static char secrets_path[100], keys_path[100];
static struct secret_store store = {
	.secrets = secrets_path,
	.keys = keys_path,
};
static struct secret_error error;

static inline void write_file(const char *path, const void *data, size_t size)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(data, 1, size, file), size);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(path, 0600), 0);
}

static inline char *read_file(size_t *size_r)
{
	static char data[100000];
	FILE *file = fopen(secrets_path, "r");

	ck_assert_ptr_nonnull(file);
	*size_r = fread(data, 1, sizeof(data) - 1, file);
	fclose(file);
	data[*size_r] = '\0';
	return data;
}

static inline void set_up(void)
{
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(secrets_path, sizeof(secrets_path), "%s/secrets", folder);
	snprintf(keys_path, sizeof(keys_path), "%s/keys", folder);
	write_file(keys_path, KEY1 "\n", strlen(KEY1) + 1);
}

static inline void tear_down(void)
{
	char command[200];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

static inline void
add(const char *user, const char *name, const char *secret, int64_t expires)
{
	struct secret_change *change;

	ck_assert_msg(secret_change_begin(&store, &change, &error) == 0,
		      "%s", error.text);
	ck_assert_msg(secret_change_add(change, user, name, secret, NOW,
					expires, &error) == 1,
		      "%s", error.text);
	ck_assert_msg(secret_change_commit(&change, &error) == 0,
		      "%s", error.text);
}

/* Returns what secret_store_check() does of a digest by this secret. */
static inline int
check(const char *user, const char *secret, int64_t now,
      struct secret_match *match_r)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	const struct secret_apop apop = {
		.message_id = MESSAGE_ID,
		.message_id_length = strlen(MESSAGE_ID),
		.digest = digest,
	};
	char text[200];

	snprintf(text, sizeof(text), "%s%s", MESSAGE_ID, secret);
	ck_assert_int_eq(EVP_Digest(text, strlen(text), digest, NULL,
				    EVP_md5(), NULL), 1);
	error.text[0] = '\0';
	return secret_store_check(&store, user, &apop, now, match_r, &error);
}

#endif
