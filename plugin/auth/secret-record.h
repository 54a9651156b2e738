/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SECRET_RECORD_H
#define POP3_POLICY_SECRET_RECORD_H

/*
 * A line of the secrets file: user, name, created, expires, id of the key,
 * and in hexadecimal digits nonce, sealed secret and tag; tabs between them.
 */

#include "pop3-policy/secret.h"

#define SECRET_HEADER "pop3-policy-apop 1\n"

#define SECRET_NONCE_BYTES 12
#define SECRET_TAG_BYTES 16
#define SECRET_SEALED_MAX_BYTES \
	(SECRET_NONCE_BYTES + SECRET_MAX_BYTES + SECRET_TAG_BYTES)
#define SECRET_KEY_ID_LENGTH 16
/* With its LF */
#define SECRET_LINE_MAX_BYTES 640

struct secret_record {
	char user[SECRET_USER_MAX_BYTES + 1];
	char name[SECRET_NAME_MAX_BYTES + 1];
	int64_t created, expires;
	char key_id[SECRET_KEY_ID_LENGTH + 1];
	unsigned char sealed[SECRET_SEALED_MAX_BYTES];
	size_t sealed_size;
};

/* line: length bytes, without LF. Returns false if it is damaged. */
bool secret_record_parse(const char *line, size_t length,
			 struct secret_record *record_r);
/* Writes the line with its LF; returns its length. */
size_t secret_record_format(const struct secret_record *record,
			    char line_r[SECRET_LINE_MAX_BYTES + 1]);
/* The order of the file. */
int secret_record_compare(const struct secret_record *record1,
			  const struct secret_record *record2);

/* Decode exactly 2 * size digits. Returns false if they are none. */
bool secret_hex_decode(const char *hex, size_t size, unsigned char *data_r);
void secret_hex_encode(const unsigned char *data, size_t size, char *hex_r);

#endif
