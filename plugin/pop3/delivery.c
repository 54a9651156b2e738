/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "array.h"
#include "llist.h"
#include "ostream-private.h"
#include "command-filter.h"
#include "delivery.h"
#include "session.h"

#include <sys/ioctl.h>

struct delivery_message {
	uint32_t seq;
	/* Offset of client->output behind the message */
	uoff_t end;
	/* Once SENT: a command that begins here or later was not in the input
	   when the last byte left. */
	uoff_t mark;
};

struct delivery {
	struct delivery *prev, *next;
	int refcount;

	/* NULL: the session has gone, but somebody still has our functions */
	struct pop3_session *session;
	struct ostream *output;

	stream_flush_callback_t *super_flushed;
	void *super_flushed_context;
	void (*super_cork)(struct ostream_private *stream, bool set);

	uoff_t input_received;
	/* In the order in which they were handed over, which is that of their
	   ends and marks: first confirmed ones, then SENT ones, then those
	   that wait to be sent. */
	ARRAY(struct delivery_message) messages;
	unsigned int confirmed_count, sent_count;
};

/* A stream's method is not told whose it is. */
static struct delivery *deliveries = NULL;

static bool delivery_is_broken(const struct delivery *delivery)
{
	return delivery->output->closed || delivery->output->stream_errno != 0;
}

static bool delivery_has_unsent(const struct delivery *delivery)
{
	return delivery->sent_count < array_count(&delivery->messages);
}

/* Where a command would begin that arrives from now on. */
static uoff_t delivery_get_mark(const struct delivery *delivery)
{
	int unread;

	if (ioctl(delivery->session->client->fd_in, FIONREAD, &unread) < 0) {
		/* who does not know what is waiting can't tell a command
		   behind it */
		return UOFF_T_MAX;
	}
	return delivery->input_received + unread;
}

/* mark: taken before the flush, or where somebody else flushed, now; a late
   mark can only lose a confirmation. */
static void delivery_notice_sent(struct delivery *delivery, uoff_t mark)
{
	struct delivery_message *message;
	uoff_t flushed;

	if (delivery_is_broken(delivery))
		return;

	flushed = delivery->output->offset -
		o_stream_get_buffer_used_size(delivery->output);
	while (delivery_has_unsent(delivery)) {
		message = array_idx_modifiable(&delivery->messages,
					       delivery->sent_count);
		if (message->end > flushed)
			break;
		message->mark = mark;
		delivery->sent_count++;
		pop3_session_sent(delivery->session, message->seq);
	}
}

static void delivery_unref(struct delivery *delivery)
{
	i_assert(delivery->refcount > 0);
	if (--delivery->refcount > 0)
		return;

	DLLIST_REMOVE(&deliveries, delivery);
	array_free(&delivery->messages);
	i_free(delivery);
}

/* Dovecot misses a write that fails in or right after its flush callback
   while the io is away because of pipelined input: nothing would wake it up
   before the idle timeout, and the mailbox stays locked until then. */
static void delivery_disconnect_broken(struct delivery *delivery)
{
	struct client *client = delivery->session->client;

	if (delivery_is_broken(delivery) && client->io == NULL) {
		client_disconnect(client, io_stream_get_disconnect_reason(
			client->input, client->output));
	}
}

static int delivery_flushed(void *context)
{
	struct delivery *delivery = context;
	int ret;

	if (delivery->session != NULL)
		(void)delivery_flush(delivery);

	/* this may destroy the client, and with it the session */
	delivery->refcount++;
	ret = delivery->super_flushed(delivery->super_flushed_context);
	if (delivery->session != NULL) {
		if (delivery->session->filter != NULL)
			command_filter_continue(delivery->session->filter);
		delivery_disconnect_broken(delivery);
	}
	delivery_unref(delivery);
	return ret;
}

static void delivery_cork(struct ostream_private *stream, bool set)
{
	struct delivery *delivery = deliveries;
	const struct pop3_session *session;
	uoff_t mark;

	while (delivery->output != &stream->ostream)
		delivery = delivery->next;
	session = delivery->session;

	if (set || session == NULL) {
		delivery->super_cork(stream, set);
		return;
	}
	/* Each uncorking is a handful of system calls and a small packet,
	   which a run of refused commands would pay for one by one. */
	if (session->filter != NULL &&
	    command_filter_is_about_to_read(session->filter))
		return;

	if (!delivery_has_unsent(delivery))
		delivery->super_cork(stream, FALSE);
	else {
		mark = delivery_get_mark(delivery);
		delivery->super_cork(stream, FALSE);
		delivery_notice_sent(delivery, mark);
	}
	delivery_disconnect_broken(delivery);
}

static void delivery_output_destroyed(struct delivery *delivery)
{
	delivery_unref(delivery);
}

struct delivery *delivery_init(struct pop3_session *session)
{
	struct ostream *output = session->client->output;
	struct ostream_private *stream = output->real_stream;
	struct delivery *delivery;

	delivery = i_new(struct delivery, 1);
	delivery->session = session;
	delivery->output = output;
	i_array_init(&delivery->messages, 8);
	DLLIST_PREPEND(&deliveries, delivery);

	/* one for the session, one for the functions set below */
	delivery->refcount = 2;
	o_stream_add_destroy_callback(output, delivery_output_destroyed,
				      delivery);

	delivery->super_flushed = stream->callback;
	delivery->super_flushed_context = stream->context;
	stream->set_flush_callback(stream, delivery_flushed, delivery);
	delivery->super_cork = stream->cork;
	stream->cork = delivery_cork;
	return delivery;
}

void delivery_deinit(struct delivery **_delivery)
{
	struct delivery *delivery = *_delivery;
	struct ostream *output = delivery->output;
	struct ostream_private *stream = output->real_stream;

	*_delivery = NULL;
	delivery->session = NULL;

	/* Where another plugin has put its own functions on top of ours, ours
	   have to stay until the stream goes. */
	if (stream->cork == delivery_cork &&
	    stream->callback == delivery_flushed) {
		stream->cork = delivery->super_cork;
		stream->set_flush_callback(stream, delivery->super_flushed,
					   delivery->super_flushed_context);
		o_stream_remove_destroy_callback(output,
						 delivery_output_destroyed);
		delivery_unref(delivery);
	}
	delivery_unref(delivery);
}

void delivery_handed_over(struct delivery *delivery, uint32_t seq)
{
	struct delivery_message *message;

	if (delivery_is_broken(delivery))
		return;

	message = array_append_space(&delivery->messages);
	message->seq = seq;
	message->end = delivery->output->offset;
}

bool delivery_flush(struct delivery *delivery)
{
	uoff_t mark;

	if (!delivery_has_unsent(delivery) || delivery_is_broken(delivery))
		return TRUE;

	mark = delivery_get_mark(delivery);
	if (o_stream_flush(delivery->output) >= 0)
		delivery_notice_sent(delivery, mark);
	return !delivery_has_unsent(delivery) || delivery_is_broken(delivery);
}

void delivery_command(struct delivery *delivery, uoff_t offset)
{
	const struct delivery_message *message;

	if (array_is_empty(&delivery->messages) || delivery_is_broken(delivery))
		return;

	while (delivery->confirmed_count < delivery->sent_count) {
		message = array_idx(&delivery->messages,
				    delivery->confirmed_count);
		if (message->mark > offset)
			return;
		delivery->confirmed_count++;
		pop3_session_confirmed(delivery->session, message->seq);
	}
	if (!delivery_has_unsent(delivery)) {
		array_clear(&delivery->messages);
		delivery->confirmed_count = 0;
		delivery->sent_count = 0;
	}
}

void delivery_input_received(struct delivery *delivery, uoff_t offset)
{
	delivery->input_received = offset;
}
