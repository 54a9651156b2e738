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

/* 128 bits are 21 characters and two bits, which are the upper ones of the
   last character. */
static void
uidl_encode(const unsigned char bytes[SIPHASH_BYTES],
	    char uidl_r[UIDL_KEYED_LENGTH + 1])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"abcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned int bits = 0, value = 0;
	size_t i, length = 0;

	for (i = 0; i < SIPHASH_BYTES; i++) {
		value = (value << 8 | bytes[i]) & 0xFFFF;
		for (bits += 8; bits >= 6; bits -= 6)
			uidl_r[length++] = digits[value >> (bits - 6) & 63];
	}
	uidl_r[length++] = digits[value << (6 - bits) & 63];
	uidl_r[length] = '\0';
}

void uidl_keyed(const unsigned char key[UIDL_KEY_BYTES], enum uidl_kind kind,
		const void *data, size_t size,
		char uidl_r[UIDL_KEYED_LENGTH + 1])
{
	unsigned char input[1 + UIDL_DATA_MAX], result[SIPHASH_BYTES];

	input[0] = (unsigned char)kind;
	memcpy(input + 1, data, size);
	siphash_2_4_128(key, input, size + 1, result);
	uidl_encode(result, uidl_r);
}
