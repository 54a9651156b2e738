/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SECRET_SEAL_H
#define POP3_POLICY_SECRET_SEAL_H

/*
 * The keys, and what they seal: AES-256-GCM with a random nonce of 96 bits;
 * user, name, times and the id of the key are bound to the secret, so that a
 * record can't be passed off as another one or made to live longer. Keys are in
 * memory only between secret_keys_read() and secret_keys_clear().
 */

#include "secret-record.h"

#define SECRET_KEY_BYTES 32
/* More than anybody rotates at once. */
#define SECRET_KEYS_MAX 16

struct secret_key {
	unsigned char key[SECRET_KEY_BYTES];
	char id[SECRET_KEY_ID_LENGTH + 1];
};

struct secret_keys {
	struct secret_key keys[SECRET_KEYS_MAX];
	size_t count;
};

/* Returns 0, or -1 and *error_r; then there is nothing to clear. */
int secret_keys_read(const char *path, struct secret_keys *keys_r,
		     struct secret_error *error_r);
void secret_keys_clear(struct secret_keys *keys);

/* Fill key_id and sealed from everything else. Returns 0, or -1 and
   *error_r. */
int secret_seal(const struct secret_keys *keys, const void *secret,
		size_t size, struct secret_record *record,
		struct secret_error *error_r);
/* Returns 0, or -1 and *error_r: no such key, or the record is not what was
   sealed. Wipe the secret after use. */
int secret_unseal(const struct secret_keys *keys,
		  const struct secret_record *record,
		  unsigned char secret_r[SECRET_MAX_BYTES], size_t *size_r,
		  struct secret_error *error_r);

#endif
