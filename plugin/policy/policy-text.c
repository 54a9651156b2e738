/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy-text.h"

#include <string.h>

/* Long enough for any address, short enough for a line in a log. */
#define TEXT_SHOWN_BYTES 80

/* Longer words are never a slip of the pen. */
#define DISTANCE_MAX_BYTES 24

bool policy_lines_next(struct policy_lines *lines, struct policy_piece *line_r)
{
	const char *start, *end;
	size_t left;

	if (lines->offset == 0 && lines->size >= 3 &&
	    memcmp(lines->data, "\xEF\xBB\xBF", 3) == 0)
		lines->offset = 3;
	if (lines->offset >= lines->size)
		return false;

	start = lines->data + lines->offset;
	left = lines->size - lines->offset;
	end = memchr(start, '\n', left);

	line_r->data = start;
	line_r->length = end == NULL ? left : (size_t)(end - start);
	line_r->line = lines->line++;
	line_r->column = 1;

	lines->offset += line_r->length + (end == NULL ? 0 : 1);
	if (end != NULL && line_r->length > 0 &&
	    start[line_r->length - 1] == '\r')
		line_r->length--;
	return true;
}

bool policy_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

bool policy_piece_is_blank(const struct policy_piece *piece)
{
	size_t i;

	for (i = 0; i < piece->length; i++) {
		if (!policy_is_blank(piece->data[i]))
			return false;
	}
	return true;
}

void policy_piece_skip(struct policy_piece *piece, size_t count)
{
	piece->data += count;
	piece->length -= count;
	piece->column += count;
}

void policy_piece_trim(struct policy_piece *piece)
{
	size_t blanks = 0;

	while (blanks < piece->length && policy_is_blank(piece->data[blanks]))
		blanks++;
	policy_piece_skip(piece, blanks);
	while (piece->length > 0 &&
	       policy_is_blank(piece->data[piece->length - 1]))
		piece->length--;
}

struct policy_piece policy_piece_cut_word(struct policy_piece *piece)
{
	struct policy_piece word;

	policy_piece_trim(piece);
	word = *piece;
	word.length = 0;
	while (word.length < piece->length &&
	       !policy_is_blank(piece->data[word.length]))
		word.length++;
	policy_piece_skip(piece, word.length);
	policy_piece_trim(piece);
	return word;
}

bool policy_piece_equals(const struct policy_piece *piece, const char *text)
{
	return piece->length == strlen(text) &&
		memcmp(piece->data, text, piece->length) == 0;
}

/* Bytes of the UTF-8 character that begins here (RFC 3629: shortest form, no
   surrogates, nothing above U+10FFFF), or 0. */
static size_t utf8_char_bytes(const unsigned char *p, size_t left)
{
	unsigned int min2 = 0x80, max2 = 0xBF;
	size_t bytes, i;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xC2)
		return 0;
	if (p[0] < 0xE0)
		bytes = 2;
	else if (p[0] < 0xF0) {
		bytes = 3;
		if (p[0] == 0xE0)
			min2 = 0xA0;
		else if (p[0] == 0xED)
			max2 = 0x9F;
	} else if (p[0] < 0xF5) {
		bytes = 4;
		if (p[0] == 0xF0)
			min2 = 0x90;
		else if (p[0] == 0xF4)
			max2 = 0x8F;
	} else
		return 0;

	if (left < bytes || p[1] < min2 || p[1] > max2)
		return 0;
	for (i = 2; i < bytes; i++) {
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	}
	return bytes;
}

bool policy_text_is_control(const char *text, size_t length)
{
	const unsigned char *p = (const unsigned char *)text;

	return p[0] < 0x20 || p[0] == 0x7F ||
		(p[0] == 0xC2 && length > 1 && p[1] < 0xA0);
}

const char *policy_text_find_bad(const char *text, size_t length,
				 bool is_comment, size_t *offset_r)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t i, bytes;

	for (i = 0; i < length; i += bytes) {
		*offset_r = i;
		if (p[i] == '\0')
			return "NUL byte; expected text in UTF-8";
		bytes = utf8_char_bytes(p + i, length - i);
		if (bytes == 0)
			return "byte that is not UTF-8; expected text in UTF-8";
		if (!is_comment && p[i] != '\t' &&
		    policy_text_is_control(text + i, length - i))
			return "control character; expected printable text";
	}
	return NULL;
}

char policy_ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool policy_ascii_equals(const char *a, size_t a_length,
			 const char *b, size_t b_length)
{
	size_t i;

	if (a_length != b_length)
		return false;
	for (i = 0; i < a_length; i++) {
		if (policy_ascii_lower(a[i]) != policy_ascii_lower(b[i]))
			return false;
	}
	return true;
}

unsigned int policy_text_distance(const char *a, size_t a_length,
				  const char *b, size_t b_length,
				  unsigned int limit)
{
	unsigned int row[DISTANCE_MAX_BYTES + 1], diagonal, best;
	size_t i, j;

	if (a_length > DISTANCE_MAX_BYTES || b_length > DISTANCE_MAX_BYTES ||
	    a_length > b_length + limit || b_length > a_length + limit)
		return limit + 1;

	for (j = 0; j <= b_length; j++)
		row[j] = (unsigned int)j;
	for (i = 1; i <= a_length; i++) {
		diagonal = row[0];
		row[0] = (unsigned int)i;
		for (j = 1; j <= b_length; j++) {
			best = diagonal +
				(policy_ascii_lower(a[i - 1]) !=
				 policy_ascii_lower(b[j - 1]) ? 1 : 0);
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[b_length] > limit ? limit + 1 : row[b_length];
}

void policy_nearest_try(struct policy_nearest *nearest, const char *word)
{
	/* in a short word two slips leave nothing to recognize it by */
	unsigned int limit = nearest->length <= 3 ? 1 : 2;
	unsigned int distance =
		policy_text_distance(nearest->text, nearest->length,
				     word, strlen(word), limit);

	if (distance <= limit &&
	    (nearest->word == NULL || distance < nearest->distance ||
	     /* two letters that changed places */
	     (distance == nearest->distance &&
	      strlen(word) == nearest->length &&
	      strlen(nearest->word) != nearest->length))) {
		nearest->word = word;
		nearest->distance = distance;
	}
}

int policy_text_shown(const char *text, size_t length)
{
	if (length <= TEXT_SHOWN_BYTES)
		return (int)length;
	length = TEXT_SHOWN_BYTES;
	while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
		length--;
	return (int)length;
}
