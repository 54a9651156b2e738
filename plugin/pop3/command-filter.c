/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "ioloop.h"
#include "istream-private.h"
#include "ostream.h"
#include "capabilities.h"
#include "command-filter.h"
#include "command-line.h"
#include "dele-answer.h"
#include "delivery.h"
#include "session.h"
#include "uidl-list.h"
#include "uidls.h"

/* Some clients repeat a refused command for ever: RFC 1939 has no answer that
   means "don't try again". */
#define COMMAND_FILTER_MAX_REPEATED_REFUSALS 20

struct command_filter {
	struct istream_private istream;
	/* NULL: the session has gone */
	struct pop3_session *session;
	/* v_offset of the parent when the filter was attached */
	uoff_t parent_base;

	/* The first line that has not been handed on is refused with this, and
	   waits for the lines before it to be executed. */
	char *refusal;
	/* What policy was asked about last: that line, if there is a refusal */
	struct command_line asked_cmd;

	/* Answered last, and how many times in a row */
	struct command_line refused_cmd;
	unsigned int refused_count;

	/* There are whole lines that have not been handed on. */
	bool lines_waiting;
};

/* What Dovecot is going to execute before the line that is looked at. */
struct command_run {
	/* Messages retrieved are within first..last; none if first > last. */
	uint32_t retr_first, retr_last;
	bool has_rset;
};

enum scan_result {
	/* Nothing is left but the beginning of a line. */
	SCAN_END,
	/* A line is left that has to wait for those before it. */
	SCAN_STOPPED,
	/* The first line is refused. */
	SCAN_REFUSED,
	/* The first lines are DELEs that have been answered. */
	SCAN_ANSWERED,
	/* The first line is a CAPA that the plugin answers. */
	SCAN_CAPABILITIES,
	/* The first line is a UIDL that the plugin answers. */
	SCAN_LISTED,
	/* The first line waits for the client to take what was sent. */
	SCAN_OUTPUT_WAITS,
};

static void command_filter_set_pending(struct command_filter *filter)
{
	/* Where there is no io just now, the stream keeps this in mind until
	   client_output() adds one. */
	i_stream_set_input_pending(&filter->istream.istream, TRUE);
}

/* Does what must happen before this line depend on a command that has been
   handed on, but not executed? */
static bool
command_run_must_end(const struct command_run *run,
		     const struct command_line *cmd)
{
	if (cmd->command == COMMAND_QUIT) {
		/* sent messages have to be recorded before it commits */
		return run->retr_first <= run->retr_last;
	}
	/* RSET: whether the message is marked as deleted.
	   RETR, TOP: its history. */
	return run->has_rset || (cmd->msgnum >= run->retr_first &&
				 cmd->msgnum <= run->retr_last);
}

static bool command_is_uidl(enum command command)
{
	return command == COMMAND_UIDL || command == COMMAND_UIDL_ALL;
}

/* Are its UIDLs the plugin's to answer, unless the message is deleted? */
static bool
command_is_listed(const struct pop3_session *session,
		  const struct command_line *cmd)
{
	return session->uidls != NULL &&
		(cmd->command == COMMAND_UIDL_ALL ||
		 cmd->msgnum != COMMAND_LINE_NO_MESSAGE);
}

/* Ask policy about a DELE, RETR, TOP or UIDL. Returns FALSE and sets
   filter->refusal if it is refused. */
static bool
command_filter_ask(struct command_filter *filter,
		   const struct command_line *cmd)
{
	struct pop3_session *session = filter->session;

	filter->refusal = i_strdup(
		command_is_uidl(cmd->command) ? uidls_prepare(session) :
		cmd->command == COMMAND_DELE ?
		pop3_session_dele(session, cmd->msgnum) :
		pop3_session_retr(session, cmd->msgnum));
	filter->asked_cmd = *cmd;
	return filter->refusal == NULL;
}

/* Answer the first lines if they are DELEs that need no Dovecot, or else find
   the longest run of lines that can be executed one after the other.
   *run_size_r = 0 for SCAN_REFUSED, SCAN_CAPABILITIES, SCAN_LISTED and
   SCAN_OUTPUT_WAITS. */
static enum scan_result
command_filter_scan(struct command_filter *filter,
		    const unsigned char *data, size_t size, size_t *run_size_r)
{
	struct pop3_session *session = filter->session;
	const unsigned char *lf, *line = data, *end = data + size;
	/* Behind the lines that have been answered */
	const unsigned char *first = data;
	const uoff_t offset = filter->istream.parent->v_offset -
		filter->parent_base;
	struct command_run run = { .retr_first = UINT32_MAX };
	struct command_line cmd;
	enum scan_result result = SCAN_END;

	for (; (lf = memchr(line, '\n', end - line)) != NULL; line = lf + 1) {
		/* first, because it may change what the verdict is based on */
		delivery_command(session->delivery, offset + (line - data));

		command_line_parse(session->client, line, lf, &cmd);
		if (first > data && cmd.command != COMMAND_DELE)
			break;
		if (cmd.command == COMMAND_OTHER)
			continue;
		if (cmd.command == COMMAND_RSET) {
			run.has_rset = TRUE;
			continue;
		}
		if (cmd.command == COMMAND_CAPA) {
			if (!capabilities_are_changed(session))
				continue;
			result = line == data ? SCAN_CAPABILITIES :
				SCAN_STOPPED;
			break;
		}
		if (command_is_uidl(cmd.command)) {
			if (filter->refusal != NULL ||
			    !command_filter_ask(filter, &cmd)) {
				result = line == data ? SCAN_REFUSED :
					SCAN_STOPPED;
				break;
			}
			if (!command_is_listed(session, &cmd))
				continue;
			if (line > data) {
				result = SCAN_STOPPED;
				break;
			}
			if (cmd.command == COMMAND_UIDL &&
			    pop3_session_is_deleted(session->client,
						    cmd.msgnum)) {
				/* Dovecot says so */
				continue;
			}
			result = SCAN_LISTED;
			break;
		}

		if (command_run_must_end(&run, &cmd)) {
			result = SCAN_STOPPED;
			break;
		}
		if (cmd.command != COMMAND_QUIT &&
		    pop3_session_is_deleted(session->client, cmd.msgnum)) {
			/* Dovecot says so; also where the mark was set by a
			   line in front of one that has been refused */
			i_free(filter->refusal);
			if (first > data)
				break;
			continue;
		}
		if (!delivery_flush(session->delivery)) {
			/* Otherwise it would depend on how fast the client
			   reads, whether a DELE behind a RETR is one of mail
			   that was sent. */
			result = line == data ? SCAN_OUTPUT_WAITS :
				SCAN_STOPPED;
			break;
		}
		if (cmd.command == COMMAND_QUIT) {
			/* what is behind it is never executed */
			line = lf + 1;
			break;
		}
		if (filter->refusal != NULL ||
		    !command_filter_ask(filter, &cmd)) {
			result = line == data ? SCAN_REFUSED : SCAN_STOPPED;
			break;
		}
		if (cmd.command == COMMAND_DELE && line == first &&
		    dele_may_answer(session)) {
			if (first == data)
				o_stream_cork(session->client->output);
			first = lf + 1;
			if (!dele_answer(session, cmd.msgnum))
				break;
			continue;
		}
		if (cmd.command != COMMAND_DELE) {
			run.retr_first = I_MIN(run.retr_first, cmd.msgnum);
			run.retr_last = I_MAX(run.retr_last, cmd.msgnum);
		}
	}
	if (first > data) {
		/* the line behind them is looked at again */
		*run_size_r = first - data;
		return SCAN_ANSWERED;
	}
	*run_size_r = line - data;
	return result;
}

/* Take so much off; it will not be handed on. */
static void command_filter_take(struct command_filter *filter, size_t size)
{
	i_stream_skip(filter->istream.parent, size);
	/* as if Dovecot had read it: its log line says how much it read */
	filter->istream.istream.v_offset += size;
}

static void command_filter_take_line(struct command_filter *filter)
{
	const unsigned char *data, *lf;
	size_t size;

	data = i_stream_get_data(filter->istream.parent, &size);
	lf = memchr(data, '\n', size);
	i_assert(lf != NULL);
	command_filter_take(filter, lf - data + 1);
}

/* Answer the first line. Returns FALSE if that was the end of the session. */
static bool command_filter_refuse(struct command_filter *filter)
{
	struct client *client = filter->session->client;

	command_filter_take_line(filter);
	/* client_handle_input() runs in any case after this, and uncorks */
	o_stream_cork(client->output);
	client_send_line(client, "%s", filter->refusal);
	i_free(filter->refusal);

	if (filter->refused_count > 0 &&
	    command_line_is_same(&filter->refused_cmd, &filter->asked_cmd))
		filter->refused_count++;
	else
		filter->refused_count = 1;
	filter->refused_cmd = filter->asked_cmd;
	if (filter->refused_count >= COMMAND_FILTER_MAX_REPEATED_REFUSALS) {
		/* Closes this stream, too. The client is destroyed when
		   read() has returned. */
		client_disconnect(client, "Too many refused commands");
		return FALSE;
	}
	return TRUE;
}

/* Answer the first line. Returns FALSE if the lines behind it must wait for the
   end of the answer. */
static bool command_filter_list(struct command_filter *filter)
{
	struct client *client = filter->session->client;

	command_filter_take_line(filter);
	filter->refused_count = 0;
	client->bad_counter = 0;
	if (filter->asked_cmd.command == COMMAND_UIDL) {
		/* as in command_filter_refuse() */
		o_stream_cork(client->output);
		uidl_list_one(filter->session, filter->asked_cmd.msgnum);
		return TRUE;
	}
	if (uidl_list_begin(filter->session))
		return TRUE;
	filter->lines_waiting = TRUE;
	command_filter_set_pending(filter);
	return FALSE;
}

static void command_filter_send_capabilities(struct command_filter *filter)
{
	command_filter_take_line(filter);
	filter->refused_count = 0;
	filter->session->client->bad_counter = 0;
	T_BEGIN {
		capabilities_send(filter->session);
	} T_END;
}

static void command_filter_wait_for_output(struct command_filter *filter)
{
	struct client *client = filter->session->client;

	/* client_output() puts it back */
	io_remove(&client->io);
	o_stream_set_flush_pending(client->output, TRUE);
	filter->lines_waiting = TRUE;
	command_filter_set_pending(filter);
}

static void command_filter_hand_on(struct command_filter *filter, size_t size)
{
	struct istream_private *stream = &filter->istream;
	const unsigned char *data;
	size_t avail;

	data = i_stream_get_data(stream->parent, &avail);
	i_assert(size > 0 && size <= avail);

	stream->skip = stream->pos = 0;
	memcpy(i_stream_alloc(stream, size), data, size);
	stream->pos = size;
	i_stream_skip(stream->parent, size);
}

/* Read, once, unless there is a whole line already. Returns 1 if there is one
   now, or what read() has to return. */
static ssize_t command_filter_read_parent(struct command_filter *filter)
{
	struct istream_private *stream = &filter->istream;
	struct istream *parent = stream->parent;
	const unsigned char *data;
	size_t size;
	ssize_t ret;

	data = i_stream_get_data(parent, &size);
	if (memchr(data, '\n', size) != NULL)
		return 1;

	ret = i_stream_read_memarea(parent);
	data = i_stream_get_data(parent, &size);
	switch (ret) {
	case -2:
		/* Dovecot must find something in a buffer that it is told is
		   full */
		command_filter_hand_on(filter, size);
		return -2;
	case -1:
		stream->istream.stream_errno = parent->stream_errno;
		stream->istream.eof = TRUE;
		return -1;
	case 0:
		return 0;
	}
	delivery_input_received(filter->session->delivery,
				parent->v_offset - filter->parent_base + size);
	return memchr(data, '\n', size) != NULL ? 1 : 0;
}

static ssize_t command_filter_read(struct istream_private *stream)
{
	struct command_filter *filter =
		container_of(stream, struct command_filter, istream);
	const unsigned char *data;
	enum scan_result result;
	size_t size, run_size;
	ssize_t ret;

	if (filter->session == NULL) {
		stream->istream.eof = TRUE;
		return -1;
	}
	if (stream->skip < stream->pos || filter->session->client->cmd != NULL) {
		/* what was handed on must be executed first */
		return 0;
	}

	filter->lines_waiting = FALSE;
	while ((ret = command_filter_read_parent(filter)) > 0) {
		data = i_stream_get_data(stream->parent, &size);
		/* one frame for all lines: an allowed one leaves next to
		   nothing in it */
		T_BEGIN {
			result = command_filter_scan(filter, data, size,
						     &run_size);
		} T_END;
		switch (result) {
		case SCAN_STOPPED:
			filter->lines_waiting = TRUE;
			/* fall through */
		case SCAN_END:
			command_filter_hand_on(filter, run_size);
			filter->refused_count = 0;
			if (filter->lines_waiting)
				command_filter_set_pending(filter);
			return run_size;
		case SCAN_REFUSED:
			if (!command_filter_refuse(filter))
				return -1;
			if (filter->session->client->io == NULL) {
				/* the output is full */
				command_filter_wait_for_output(filter);
				return 0;
			}
			break;
		case SCAN_ANSWERED:
			command_filter_take(filter, run_size);
			filter->refused_count = 0;
			if (POP3_CLIENT_OUTPUT_FULL(filter->session->client)) {
				command_filter_wait_for_output(filter);
				return 0;
			}
			break;
		case SCAN_CAPABILITIES:
			command_filter_send_capabilities(filter);
			if (filter->session->client->io == NULL) {
				command_filter_wait_for_output(filter);
				return 0;
			}
			break;
		case SCAN_LISTED:
			if (!command_filter_list(filter))
				return 0;
			if (filter->session->client->io == NULL) {
				command_filter_wait_for_output(filter);
				return 0;
			}
			break;
		case SCAN_OUTPUT_WAITS:
			command_filter_wait_for_output(filter);
			return 0;
		}
	}
	return ret;
}

struct command_filter *command_filter_attach(struct pop3_session *session)
{
	struct client *client = session->client;
	struct istream *parent = client->input;
	struct command_filter *filter;

	filter = i_new(struct command_filter, 1);
	filter->session = session;
	filter->parent_base = parent->v_offset;
	filter->istream.max_buffer_size = parent->real_stream->max_buffer_size;
	filter->istream.read = command_filter_read;
	filter->istream.istream.blocking = parent->blocking;

	/* client->io stays: it hangs on the stream below all others. */
	client->input = i_stream_create(&filter->istream, parent,
					i_stream_get_fd(parent), 0);
	i_stream_unref(&parent);
	return filter;
}

void command_filter_detach(struct command_filter **_filter)
{
	struct command_filter *filter = *_filter;

	*_filter = NULL;
	filter->session = NULL;
	i_free(filter->refusal);
}

void command_filter_continue(struct command_filter *filter)
{
	const struct istream_private *stream = &filter->istream;

	/* What read() left pending is gone if client_input() found a command
	   still running. */
	if (filter->lines_waiting && filter->session->client->cmd == NULL &&
	    stream->skip == stream->pos)
		command_filter_set_pending(filter);
}

bool command_filter_is_about_to_read(const struct command_filter *filter)
{
	const struct client *client = filter->session->client;

	return filter->lines_waiting && client->cmd == NULL &&
		client->io != NULL && io_is_pending(client->io);
}
