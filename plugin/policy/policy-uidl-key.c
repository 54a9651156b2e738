/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pop3-policy/uidl-key.h"
#include "siphash.h"

#include <stdbool.h>
#include <string.h>

#define KEY_MAX_BYTES 64

#define KEY_EXPECTED "expected 32 to 128 hexadecimal digits for each key"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Reads one key and moves *text behind it. Returns NULL, or what is wrong. */
static const char *
uidl_key_parse(const char **text, unsigned char key_r[UIDL_KEY_BYTES])
{
	unsigned char bytes[KEY_MAX_BYTES];
	const char *p = *text;
	size_t size = 0;
	int high, low;

	for (; *p != '\0' && !is_blank(*p); p += 2) {
		high = hex_value(p[0]);
		if (high < 0)
			return "something in it is no hexadecimal digit; "
				KEY_EXPECTED;
		if (p[1] == '\0' || is_blank(p[1]))
			return "a key has an odd number of digits; "
				KEY_EXPECTED;
		low = hex_value(p[1]);
		if (low < 0)
			return "something in it is no hexadecimal digit; "
				KEY_EXPECTED;
		if (size == KEY_MAX_BYTES)
			return "a key is too long; " KEY_EXPECTED;
		bytes[size++] = (unsigned char)(high * 16 + low);
	}
	if (size < UIDL_KEY_BYTES)
		return "a key is too short; " KEY_EXPECTED;
	if (size == UIDL_KEY_BYTES)
		memcpy(key_r, bytes, UIDL_KEY_BYTES);
	else {
		siphash_2_4_128(bytes, bytes + UIDL_KEY_BYTES,
				size - UIDL_KEY_BYTES, key_r);
	}
	*text = p;
	return NULL;
}

const char *uidl_keys_parse(const char *text, struct uidl_key_list *keys_r)
{
	const char *error;

	keys_r->count = 0;
	for (;;) {
		while (is_blank(*text))
			text++;
		if (*text == '\0')
			break;
		if (keys_r->count == UIDL_KEYS_MAX) {
			keys_r->count = 0;
			return "too many keys; expected 8 at most";
		}
		error = uidl_key_parse(&text, keys_r->keys[keys_r->count]);
		if (error != NULL) {
			keys_r->count = 0;
			return error;
		}
		keys_r->count++;
	}
	return keys_r->count > 0 ? NULL : "it is empty; " KEY_EXPECTED;
}

static const char uidl_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	"abcdefghijklmnopqrstuvwxyz0123456789-_";

/* Three bytes become four characters; of the last byte six bits and two. */
void uidl_keyed_encode(const unsigned char bytes[UIDL_KEYED_BYTES],
		       char uidl_r[UIDL_KEYED_LENGTH + 1])
{
	const unsigned char *b = bytes;
	char *p = uidl_r;

	for (; b < bytes + UIDL_KEYED_BYTES - 1; b += 3) {
		*p++ = uidl_digits[b[0] >> 2];
		*p++ = uidl_digits[(b[0] << 4 | b[1] >> 4) & 63];
		*p++ = uidl_digits[(b[1] << 2 | b[2] >> 6) & 63];
		*p++ = uidl_digits[b[2] & 63];
	}
	*p++ = uidl_digits[b[0] >> 2];
	*p++ = uidl_digits[b[0] << 4 & 63];
	*p = '\0';
}

void uidl_keyed(const unsigned char key[UIDL_KEY_BYTES], enum uidl_kind kind,
		const void *data, size_t size,
		unsigned char bytes_r[UIDL_KEYED_BYTES])
{
	unsigned char input[1 + UIDL_DATA_MAX];

	input[0] = (unsigned char)kind;
	memcpy(input + 1, data, size);
	siphash_2_4_128(key, input, size + 1, bytes_r);
}

uint32_t uidl_keys_fingerprint(const struct uidl_key_list *keys,
			       uint32_t number)
{
	unsigned char result[SIPHASH_BYTES];
	unsigned char input[UIDL_KEYS_MAX * UIDL_KEY_BYTES + sizeof(number)];
	const size_t size = keys->count * (size_t)UIDL_KEY_BYTES;
	uint32_t fingerprint;

	memcpy(input, keys->keys, size);
	memcpy(input + size, &number, sizeof(number));
	siphash_2_4_128(keys->keys[0], input, size + sizeof(number), result);
	memcpy(&fingerprint, result, sizeof(fingerprint));
	return fingerprint == 0 ? 1 : fingerprint;
}
