/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "ostream.h"
#include "str.h"
#include "session.h"
#include "uidl-list.h"
#include "uidl-texts.h"

#define CHUNK_BYTES (16 * 1024)

static void
uidl_list_line(uint32_t msgnum, const char *uidl, size_t length,
	       string_t *chunk)
{
	char digits[MAX_INT_STRLEN], *end = digits + sizeof(digits), *p = end;
	uint32_t number = msgnum + 1;
	char *line;

	*--p = ' ';
	do {
		*--p = '0' + number % 10;
		number /= 10;
	} while (number > 0);
	line = buffer_append_space_unsafe(chunk, (end - p) + length + 2);
	memcpy(line, p, end - p);
	line += end - p;
	memcpy(line, uidl, length);
	memcpy(line + length, "\r\n", 2);
}

/* Returns TRUE if that was the last one. */
static bool uidl_list_chunk(struct pop3_session *session, string_t *chunk)
{
	struct client *client = session->client;
	uint32_t msgnum = session->uidl_list_next;
	const char *uidl;
	size_t length;
	bool finished;

	str_truncate(chunk, 0);
	if (msgnum == 0)
		str_append(chunk, "+OK\r\n");
	uidl = msgnum == client->messages_count ? NULL :
		uidl_texts_get(session->uidls, msgnum);
	for (; msgnum < client->messages_count &&
	     str_len(chunk) < CHUNK_BYTES; msgnum++, uidl += length + 1) {
		length = strlen(uidl);
		if (!pop3_session_is_deleted(client, msgnum))
			uidl_list_line(msgnum, uidl, length, chunk);
	}
	finished = msgnum == client->messages_count;
	if (finished)
		str_append(chunk, ".\r\n");
	session->uidl_list_next = msgnum;
	o_stream_nsend(client->output, str_data(chunk), str_len(chunk));
	return finished;
}

static bool uidl_list_more(struct pop3_session *session)
{
	struct client *client = session->client;
	string_t *chunk = str_new(default_pool, CHUNK_BYTES + 256);
	bool finished = FALSE;

	while (!finished && !POP3_CLIENT_OUTPUT_FULL(client)) {
		/* Closed: there is nobody to list them to. */
		finished = client->output->closed ||
			uidl_list_chunk(session, chunk);
	}
	str_free(&chunk);
	return finished;
}

/* Called by Dovecot when the output has been flushed, and a last time with the
   output closed when the client is destroyed. */
static void uidl_list_continue(struct client *client)
{
	struct pop3_session *session = client->cmd_context;

	if (client->output->closed || uidl_list_more(session))
		client->cmd = NULL;
}

bool uidl_list_begin(struct pop3_session *session)
{
	struct client *client = session->client;

	session->uidl_list_next = 0;
	if (uidl_list_more(session))
		return TRUE;
	client->cmd = uidl_list_continue;
	client->cmd_context = session;
	o_stream_set_flush_pending(client->output, TRUE);
	return FALSE;
}

void uidl_list_one(struct pop3_session *session, uint32_t msgnum)
{
	client_send_line(session->client, "+OK %u %s", msgnum + 1,
			 uidl_texts_get(session->uidls, msgnum));
}
