/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "strnum.h"
#include "pop3-common.h"
#include "command-line.h"

static bool
command_is(const unsigned char *line, const unsigned char *end,
	   const char *name, size_t len)
{
	if ((size_t)(end - line) < len ||
	    strncasecmp((const char *)line, name, len) != 0)
		return FALSE;
	line += len;
	return line == end || *line == ' ' || *line == '\0';
}

/* Dovecot treats the line as a C string. */
static bool is_line_end(const char *p, const unsigned char *end)
{
	return (const unsigned char *)p == end || *p == '\0';
}

void command_line_parse(const struct client *client, const unsigned char *line,
			const unsigned char *lf, struct command_line *cmd_r)
{
	const unsigned char *end = lf;
	enum command command;
	const char *p;
	unsigned int num;

	cmd_r->command = COMMAND_OTHER;
	cmd_r->msgnum = 0;
	cmd_r->lines = 0;
	if (end > line && end[-1] == '\r')
		end--;

	switch (*line) {
	case 'c': case 'C':
		if (command_is(line, end, "CAPA", 4))
			cmd_r->command = COMMAND_CAPA;
		return;
	case 'd': case 'D':
		if (!command_is(line, end, "DELE", 4))
			return;
		command = COMMAND_DELE;
		break;
	case 'r': case 'R':
		if (command_is(line, end, "RETR", 4)) {
			command = COMMAND_RETR;
			break;
		}
		if (command_is(line, end, "RSET", 4))
			cmd_r->command = COMMAND_RSET;
		return;
	case 't': case 'T':
		if (!command_is(line, end, "TOP", 3))
			return;
		command = COMMAND_TOP;
		break;
	case 'q': case 'Q':
		if (command_is(line, end, "QUIT", 4))
			cmd_r->command = COMMAND_QUIT;
		return;
	case 'u': case 'U':
		/* asked even where Dovecot will say that there is no such
		   message: it makes UIDLs known */
		if (!command_is(line, end, "UIDL", 4))
			return;
		p = (const char *)line + 4;
		while (*p == ' ') p++;
		cmd_r->command = is_line_end(p, end) ? COMMAND_UIDL_ALL :
			COMMAND_UIDL;
		cmd_r->msgnum = COMMAND_LINE_NO_MESSAGE;
		command = COMMAND_UIDL;
		break;
	default:
		return;
	}

	p = (const char *)line + (command == COMMAND_TOP ? 3 : 4);
	while (*p == ' ') p++;
	if (str_parse_uint(p, &num, &p) < 0 ||
	    num == 0 || num > client->messages_count)
		return;
	if (command == COMMAND_TOP) {
		if (*p != ' ')
			return;
		while (*p == ' ') p++;
		if (str_parse_uoff(p, &cmd_r->lines, &p) < 0)
			return;
	}
	if (!is_line_end(p, end))
		return;
	cmd_r->command = command;
	cmd_r->msgnum = num - 1;
}

bool command_line_is_same(const struct command_line *cmd1,
			  const struct command_line *cmd2)
{
	return cmd1->command == cmd2->command &&
		cmd1->msgnum == cmd2->msgnum && cmd1->lines == cmd2->lines;
}
