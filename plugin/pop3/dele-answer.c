/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "ioloop.h"
#include "ostream.h"
#include "session.h"
#include "dele-answer.h"

bool dele_may_answer(const struct pop3_session *session)
{
	const struct client *client = session->client;

	return client->deleted_count > 0 && client->deleted_bitmask != NULL &&
		!session->want_decision_events;
}

bool dele_answer(struct pop3_session *session, uint32_t msgnum)
{
	static const char answer[] = "+OK Marked to be deleted.\r\n";
	struct client *client = session->client;

	client->deleted_bitmask[msgnum / CHAR_BIT] |= 1 << (msgnum % CHAR_BIT);
	client->deleted_count++;
	client->deleted_size += client->message_sizes[msgnum];
	client->bad_counter = 0;
	o_stream_nsend(client->output, answer, sizeof(answer) - 1);
	if (client->output->closed || POP3_CLIENT_OUTPUT_FULL(client))
		return FALSE;
	client->last_output = ioloop_time;
	return TRUE;
}
