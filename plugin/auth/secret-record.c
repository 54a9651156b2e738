/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "secret-record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FIELDS_COUNT 6
#define TIME_MAX_DIGITS 12

bool secret_user_is_valid(const char *user)
{
	size_t i, length = strlen(user);

	if (length == 0 || length > SECRET_USER_MAX_BYTES)
		return false;
	for (i = 0; i < length; i++) {
		if ((unsigned char)user[i] < 0x20 || user[i] == 0x7f)
			return false;
	}
	return true;
}

bool secret_name_is_valid(const char *name)
{
	size_t length = strlen(name);

	return length > 0 && length <= SECRET_NAME_MAX_BYTES &&
		name[0] != '.' &&
		strspn(name, "abcdefghijklmnopqrstuvwxyz"
		       "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == length;
}

static int hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

bool secret_hex_decode(const char *hex, size_t size, unsigned char *data_r)
{
	size_t i;

	for (i = 0; i < size; i++) {
		int high = hex_value(hex[2 * i]);
		int low = high < 0 ? -1 : hex_value(hex[2 * i + 1]);

		if (low < 0)
			return false;
		data_r[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

void secret_hex_encode(const unsigned char *data, size_t size, char *hex_r)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < size; i++) {
		hex_r[2 * i] = digits[data[i] >> 4];
		hex_r[2 * i + 1] = digits[data[i] & 15];
	}
	hex_r[2 * size] = '\0';
}

struct field {
	const char *data;
	size_t length;
};

static bool
field_copy(const struct field *field, char *text_r, size_t max_length)
{
	if (field->length > max_length)
		return false;
	memcpy(text_r, field->data, field->length);
	text_r[field->length] = '\0';
	return strlen(text_r) == field->length;
}

static bool field_time(const struct field *field, int64_t *time_r)
{
	size_t i;

	if (field->length == 0 || field->length > TIME_MAX_DIGITS ||
	    (field->length > 1 && field->data[0] == '0'))
		return false;
	*time_r = 0;
	for (i = 0; i < field->length; i++) {
		if (field->data[i] < '0' || field->data[i] > '9')
			return false;
		*time_r = *time_r * 10 + (field->data[i] - '0');
	}
	return true;
}

static bool field_sealed(const struct field *field,
			 struct secret_record *record)
{
	record->sealed_size = field->length / 2;
	return field->length % 2 == 0 &&
		record->sealed_size <= sizeof(record->sealed) &&
		record->sealed_size > SECRET_NONCE_BYTES + SECRET_TAG_BYTES &&
		secret_hex_decode(field->data, record->sealed_size,
				  record->sealed);
}

bool secret_record_parse(const char *line, size_t length,
			 struct secret_record *record_r)
{
	struct field fields[FIELDS_COUNT];
	const char *tab;
	size_t i;

	for (i = 0; i < FIELDS_COUNT; i++) {
		tab = i + 1 == FIELDS_COUNT ? NULL : memchr(line, '\t', length);
		if (tab == NULL && i + 1 < FIELDS_COUNT)
			return false;
		fields[i].data = line;
		fields[i].length = tab == NULL ? length : (size_t)(tab - line);
		if (tab != NULL) {
			length -= fields[i].length + 1;
			line = tab + 1;
		}
	}
	return field_copy(&fields[0], record_r->user,
			  sizeof(record_r->user) - 1) &&
		secret_user_is_valid(record_r->user) &&
		field_copy(&fields[1], record_r->name,
			   sizeof(record_r->name) - 1) &&
		secret_name_is_valid(record_r->name) &&
		field_time(&fields[2], &record_r->created) &&
		field_time(&fields[3], &record_r->expires) &&
		fields[4].length == SECRET_KEY_ID_LENGTH &&
		field_copy(&fields[4], record_r->key_id,
			   sizeof(record_r->key_id) - 1) &&
		strspn(record_r->key_id, "0123456789abcdef") ==
		SECRET_KEY_ID_LENGTH &&
		field_sealed(&fields[5], record_r);
}

size_t secret_record_format(const struct secret_record *record,
			    char line_r[SECRET_LINE_MAX_BYTES + 1])
{
	char hex[2 * SECRET_SEALED_MAX_BYTES + 1];

	secret_hex_encode(record->sealed, record->sealed_size, hex);
	return (size_t)snprintf(line_r, SECRET_LINE_MAX_BYTES + 1,
				"%s\t%s\t%"PRId64"\t%"PRId64"\t%s\t%s\n",
				record->user, record->name, record->created,
				record->expires, record->key_id, hex);
}

int secret_record_compare(const struct secret_record *record1,
			  const struct secret_record *record2)
{
	int ret = strcmp(record1->user, record2->user);

	return ret != 0 ? ret : strcmp(record1->name, record2->name);
}
