/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "header.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes in place of dest, which has room for length bytes. */
static size_t decode_q(char *dest, const char *text, size_t length)
{
	size_t i, used = 0;

	for (i = 0; i < length; i++) {
		if (text[i] == '=' && i + 2 < length &&
		    hex_digit(text[i + 1]) >= 0 &&
		    hex_digit(text[i + 2]) >= 0) {
			dest[used++] = (char)(hex_digit(text[i + 1]) * 16 +
					      hex_digit(text[i + 2]));
			i += 2;
		} else
			dest[used++] = text[i] == '_' ? ' ' : text[i];
	}
	return used;
}

static size_t decode_b(char *dest, const char *text, size_t length)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"abcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned int bits = 0, bits_count = 0;
	const char *digit;
	size_t i, used = 0;

	for (i = 0; i < length; i++) {
		digit = text[i] == '\0' ? NULL : strchr(digits, text[i]);
		if (digit == NULL)
			continue;
		bits = bits << 6 | (unsigned int)(digit - digits);
		bits_count += 6;
		if (bits_count >= 8) {
			bits_count -= 8;
			dest[used++] = (char)(bits >> bits_count & 0xFF);
		}
	}
	return used;
}

/* =?charset?encoding?text?= at text. Returns its length and writes what it
   means, or 0. */
static size_t
decode_word(const char *text, size_t length, char *dest, size_t *used_r)
{
	const char *charset, *encoding, *word, *end;
	char *decoded;
	size_t count, i, used = 0;
	bool latin1;

	if (length < 8 || memcmp(text, "=?", 2) != 0)
		return 0;
	charset = text + 2;
	encoding = memchr(charset, '?', length - 2);
	if (encoding == NULL || encoding + 4 > text + length ||
	    encoding[2] != '?')
		return 0;
	word = encoding + 3;
	end = memmem(word, (size_t)(text + length - word), "?=", 2);
	count = (size_t)(encoding - charset);
	latin1 = count == 10 && strncasecmp(charset, "iso-8859-1", 10) == 0;
	if (end == NULL ||
	    !(latin1 || (count == 5 && strncasecmp(charset, "utf-8", 5) == 0) ||
	      (count == 8 && strncasecmp(charset, "us-ascii", 8) == 0)))
		return 0;
	decoded = malloc((size_t)(end - word) + 1);
	if (decoded == NULL)
		return 0;
	count = encoding[1] == 'q' || encoding[1] == 'Q' ?
		decode_q(decoded, word, (size_t)(end - word)) :
		decode_b(decoded, word, (size_t)(end - word));
	for (i = 0; i < count; i++) {
		if (latin1 && (decoded[i] & 0x80) != 0) {
			dest[used++] = (char)(0xC0 |
					      (unsigned char)decoded[i] >> 6);
			dest[used++] = (char)(0x80 | (decoded[i] & 0x3F));
		} else
			dest[used++] = decoded[i];
	}
	free(decoded);
	*used_r = used;
	return (size_t)(end + 2 - text);
}

/* Returns an allocated string. */
static char *decode_value(const char *text, size_t length)
{
	/* one byte of ISO-8859-1 becomes two of UTF-8 */
	char *value = malloc(length * 2 + 1);
	size_t i = 0, used = 0, word_used, word_length, after_word = 0;

	if (value == NULL)
		abort();
	while (i < length) {
		word_length = decode_word(text + i, length - i, value + used,
					  &word_used);
		if (word_length > 0) {
			/* blanks between two encoded words do not count */
			if (after_word > 0 &&
			    strspn(value + after_word - 1, " ") ==
			    used - (after_word - 1) && used >= after_word) {
				memmove(value + after_word - 1, value + used,
					word_used);
				used = after_word - 1;
			}
			i += word_length;
			used += word_used;
			after_word = used + 1;
			value[used] = '\0';
			continue;
		}
		value[used++] = text[i] == '\t' ? ' ' : text[i];
		value[used] = '\0';
		i++;
	}
	value[used] = '\0';
	return value;
}

void header_parse(const char *data, size_t size, header_func_t *func,
		  void *context)
{
	const char *end = data + size, *line_end, *colon;
	char *text, *name, *value;
	size_t length;

	text = malloc(size + 1);
	if (text == NULL)
		abort();
	while (data < end && *data != '\n' && *data != '\r') {
		length = 0;
		do {
			line_end = memchr(data, '\n', (size_t)(end - data));
			if (line_end == NULL)
				line_end = end;
			memcpy(text + length, data, (size_t)(line_end - data));
			length += (size_t)(line_end - data);
			while (length > 0 && text[length - 1] == '\r')
				length--;
			data = line_end == end ? end : line_end + 1;
		} while (data < end && (*data == ' ' || *data == '\t'));
		colon = memchr(text, ':', length);
		if (colon == NULL)
			continue;
		name = strndup(text, (size_t)(colon - text));
		for (colon++; colon < text + length && *colon == ' '; colon++) ;
		value = decode_value(colon, (size_t)(text + length - colon));
		if (name == NULL)
			abort();
		func(context, name, value);
		free(name);
		free(value);
	}
	free(text);
}
