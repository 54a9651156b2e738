/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_COMMAND_LINE_H
#define POP3_POLICY_COMMAND_LINE_H

/*
 * A line that a POP3 client has sent, as Dovecot will understand it. Looks at
 * nothing but the line and the number of messages.
 */

struct client;

#define COMMAND_LINE_NO_MESSAGE UINT32_MAX

enum command {
	/* Nothing that policy asks about, or not valid: Dovecot's business */
	COMMAND_OTHER = 0,
	COMMAND_CAPA,
	COMMAND_DELE,
	COMMAND_RETR,
	COMMAND_TOP,
	/* of one message */
	COMMAND_UIDL,
	/* of all of them */
	COMMAND_UIDL_ALL,
	COMMAND_RSET,
	COMMAND_QUIT,
};

struct command_line {
	enum command command;
	/* DELE, RETR, TOP: the message, from 0; it exists. UIDL: the same, or
	   COMMAND_LINE_NO_MESSAGE. */
	uint32_t msgnum;
	/* TOP */
	uoff_t lines;
};

/* What is the line's command, if Dovecot would execute it, as far as its
   arguments say? lf: the end of the line, so that no number runs out of the
   buffer. */
void command_line_parse(const struct client *client, const unsigned char *line,
			const unsigned char *lf, struct command_line *cmd_r);
bool command_line_is_same(const struct command_line *cmd1,
			  const struct command_line *cmd2);

#endif
