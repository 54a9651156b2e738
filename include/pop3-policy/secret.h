/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SECRET_H
#define POP3_POLICY_SECRET_H

/*
 * Secrets for APOP: several a user, each with a name (the device), sealed by
 * AES-256-GCM. Plain C and OpenSSL; it knows nothing about Dovecot. What it
 * can't read, or doubts, is an error besides; it is nobody's secret.
 *
 * The secrets file has one line a secret, sorted by user and name. It is read
 * by binary search, so that many secrets cost no more than few, and replaced
 * as a whole by each change, so that a reader sees the old or the new one.
 * The keys file has one key a line, 64 hexadecimal digits; the first one
 * seals, all of them open. When a secret was used last is kept apart, in the
 * folder SECRETS.used, as the time of an empty file.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECRET_USER_MAX_BYTES 255
#define SECRET_NAME_MAX_BYTES 64
#define SECRET_MAX_BYTES 64
/* Those that are made have 120 random bits. */
#define SECRET_MADE_BYTES 24
/* More would make a login slow. */
#define SECRETS_MAX_PER_USER 64

#define SECRET_APOP_DIGEST_BYTES 16

struct secret_store {
	/* Paths of both files. */
	const char *secrets;
	const char *keys;
};

/* One line: what went wrong and with which file. */
struct secret_error {
	char text[512];
};

/* Users: 1 to 255 bytes without control characters. Names: 1 to 64 letters,
   digits, '.', '_' and '-'; no '.' at the start. */
bool secret_user_is_valid(const char *user);
bool secret_name_is_valid(const char *name);

/* What the client sent, as the auth process gets it: message id, NUL, user,
   NUL, 16 bytes of digest. Pointers into the response. */
struct secret_apop {
	const char *message_id;
	size_t message_id_length;
	const unsigned char *digest;
};
/* Returns false if it is not that. */
bool secret_apop_parse(const void *response, size_t size,
		       struct secret_apop *apop_r);

struct secret_match {
	char name[SECRET_NAME_MAX_BYTES + 1];
	/* The secret itself; wipe it by secret_match_clear(). */
	unsigned char secret[SECRET_MAX_BYTES];
	size_t secret_size;
};
/* Was the digest made with one of the user's secrets that has not expired?
   now: Unix time. Returns 1 and *match_r; 0 if it was not (no such user
   included); or -1 and *error_r if nobody's digest can be checked.
   Where the file is damaged, or a secret can't be unsealed, it is as if that
   secret did not exist, since any other answer would tell who has one. Then
   *error_r says what is wrong; else its text is "". */
int secret_store_check(const struct secret_store *store, const char *user,
		       const struct secret_apop *apop, int64_t now,
		       struct secret_match *match_r,
		       struct secret_error *error_r);
void secret_match_clear(struct secret_match *match);
/* Forget what lookups keep in memory to read less: lines' places and names of
   users, nothing of a secret. */
void secret_store_deinit(void);

/* Note that it was used now; written at most once an hour. Returns 0, or -1
   and *error_r. */
int secret_store_note_use(const struct secret_store *store, const char *user,
			  const char *name, int64_t now,
			  struct secret_error *error_r);
/* Returns 0 if it was never used. A secret that was replaced by another one
   of its name leaves its time behind: what is before `created` is not its own.
   */
int64_t secret_store_last_use(const struct secret_store *store,
			      const char *user, const char *name);

/* Fills text_r with a random secret and a NUL. Returns 0, or -1 and
   *error_r. */
int secret_make(char text_r[SECRET_MADE_BYTES + 1],
		struct secret_error *error_r);

/* What is known without the key. */
struct secret_info {
	const char *user;
	const char *name;
	/* Unix times; expires = 0: never */
	int64_t created, expires;
	/* id of the key that sealed it */
	const char *key_id;
};

/*
 * A change: begin locks the file and reads all of it, commit replaces it.
 * Until then nothing has happened. A file that has an error anywhere can't be
 * changed.
 */
struct secret_change;

/* There need not be a file yet. Returns 0, or -1 and *error_r. */
int secret_change_begin(const struct secret_store *store,
			struct secret_change **change_r,
			struct secret_error *error_r);
/* The same for reading only: no lock, no commit. */
int secret_change_begin_readonly(const struct secret_store *store,
				 struct secret_change **change_r,
				 struct secret_error *error_r);
/* Walk all secrets, index from 0 on. Returns false behind the last. The info
   is valid until the next change. */
bool secret_change_get(struct secret_change *change, size_t index,
		       struct secret_info *info_r);
/* Seal a new secret. Returns 1, 0 if the user has one of this name, or -1 and
   *error_r. */
int secret_change_add(struct secret_change *change, const char *user,
		      const char *name, const char *secret, int64_t created,
		      int64_t expires, struct secret_error *error_r);
/* Returns false if there is none. */
bool secret_change_remove(struct secret_change *change, const char *user,
			  const char *name);
/* Seal with the first key what another one has sealed; user = NULL: of all
   users. Returns 0 and how many, or -1 and *error_r. */
int secret_change_seal_anew(struct secret_change *change, const char *user,
			    size_t *count_r, struct secret_error *error_r);
/* Both free the change. commit: returns 0 once it is on disk, or -1 and
   *error_r; then the old file is in place, unless only its folder could not be
   synced. */
int secret_change_commit(struct secret_change **change,
			 struct secret_error *error_r);
void secret_change_abort(struct secret_change **change);

#endif
