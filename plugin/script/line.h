/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SCRIPT_LINE_H
#define POP3_POLICY_SCRIPT_LINE_H

/*
 * What a script says becomes one printable line, for logs and for clients.
 */

#include <stdbool.h>
#include <stddef.h>

/* Is it one printable line of 1 to max_bytes bytes, UTF-8? */
bool script_line_is_valid(const char *text, size_t length, size_t max_bytes);
/* Copies as much as fits into size bytes, NUL included: "?" for what is not
   printable, "; " for the end of a line, no half characters. */
void script_line_copy(char *line, size_t size, const char *text,
		      size_t length);

#endif
