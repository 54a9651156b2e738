/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_TEXT_H
#define POP3_POLICY_TEXT_H

/*
 * The bytes of a policy file as lines and pieces of lines. Nothing here owns
 * memory; pieces point into the bytes of the file. Byte order mark and CR
 * before LF belong to no line. ASCII only where case is concerned, whatever
 * the locale.
 */

#include <stdbool.h>
#include <stddef.h>

/* A piece of one line: what it says and where it stands. */
struct policy_piece {
	const char *data;
	size_t length;
	/* both counted from 1, the column in bytes */
	unsigned int line, column;
};

struct policy_lines {
	const char *data;
	size_t size, offset;
	/* line number of the line that offset is at */
	unsigned int line;
};

/* The next line without its end. Returns false behind the last one. */
bool policy_lines_next(struct policy_lines *lines, struct policy_piece *line_r);

/* Blank and tab */
bool policy_is_blank(char c);
/* Nothing in it but blanks and tabs? */
bool policy_piece_is_blank(const struct policy_piece *piece);
/* Take blanks and tabs off both ends. */
void policy_piece_trim(struct policy_piece *piece);
/* Drop the first count bytes. */
void policy_piece_skip(struct policy_piece *piece, size_t count);
/* Cut the next run of non-blanks off the front (empty at the end). */
struct policy_piece policy_piece_cut_word(struct policy_piece *piece);
/* Is it exactly this? */
bool policy_piece_equals(const struct policy_piece *piece, const char *text);

/* Looks for the first byte that may not stand in a policy file: NUL, what is
   not UTF-8 and, unless in a comment, control characters other than tab.
   Returns NULL if there is none, else what is wrong, with its offset. */
const char *policy_text_find_bad(const char *text, size_t length,
				 bool is_comment, size_t *offset_r);

/* The character at text is a control character (C0, DEL, C1)? text must be
   UTF-8. */
bool policy_text_is_control(const char *text, size_t length);

char policy_ascii_lower(char c);
/* Equal, ASCII case-insensitively? */
bool policy_ascii_equals(const char *a, size_t a_length,
			 const char *b, size_t b_length);

/* Number of single character insertions, deletions and replacements between
   both, ASCII case-insensitively, but never more than limit + 1. */
unsigned int policy_text_distance(const char *a, size_t a_length,
				  const char *b, size_t b_length,
				  unsigned int limit);
/* The known word that somebody who wrote this probably meant, or NULL. The
   words are told one by one: initialize nearest with { text, length }. */
struct policy_nearest {
	const char *text;
	size_t length;
	const char *word;
	unsigned int distance;
};
void policy_nearest_try(struct policy_nearest *nearest, const char *word);

/* How much of a text goes into an error, without splitting a character:
   printf("%.*s", policy_text_shown(text, length), text). */
int policy_text_shown(const char *text, size_t length);

#endif
