/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "line.h"
#include "policy-text.h"

#include <string.h>

bool script_line_is_valid(const char *text, size_t length, size_t max_bytes)
{
	size_t offset;

	return length > 0 && length <= max_bytes &&
		memchr(text, '\t', length) == NULL &&
		policy_text_find_bad(text, length, false, &offset) == NULL;
}

void script_line_copy(char *line, size_t size, const char *text, size_t length)
{
	size_t offset, i, used = 0;

	/* so that a long text costs no more than what is kept of it */
	if (length > size)
		length = size;
	while (length > 0 && used + 1 < size) {
		if (policy_text_find_bad(text, length, false, &offset) == NULL)
			offset = length;
		for (i = 0; i < offset && used + 1 < size; i++)
			line[used++] = text[i] == '\t' ? ' ' : text[i];
		if (i == length || used + 1 >= size)
			break;
		if (text[i] == '\n' && used + 2 < size)
			line[used++] = ';';
		line[used++] = text[i] == '\n' || text[i] == '\r' ? ' ' : '?';
		text += i + 1;
		length -= i + 1;
	}
	line[used] = '\0';
	/* a character that was cut in two */
	while (used > 0 &&
	       policy_text_find_bad(line, used, false, &offset) != NULL) {
		used = offset;
		line[used] = '\0';
	}
}
