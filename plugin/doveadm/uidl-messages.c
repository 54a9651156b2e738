/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "array.h"
#include "hex-binary.h"
#include "str.h"
#include "mail-search-build.h"
#include "mail-storage-private.h"
#include "content-hash.h"
#include "uidl-inbox.h"
#include "uidl-messages.h"

struct uidl_messages {
	struct uidl_inbox *inbox;
	struct uidl_match_source source;
	ARRAY(uint32_t) seqs;
	struct mail *mail;
	unsigned int content_field;
	/* The last identity */
	string_t *value;
	char *error;
};

/* Returns 0 if somebody else has removed the message, so that nothing can be
   said about it any more, else -1. */
static int uidl_messages_failed(struct uidl_messages *messages,
				const char *error)
{
	struct mail *mail = messages->mail;

	if (mail->expunged)
		return 0;
	i_free(messages->error);
	messages->error = i_strdup_printf("UID %u: %s", mail->uid, error);
	return -1;
}

static int uidl_messages_mail_failed(struct uidl_messages *messages)
{
	return uidl_messages_failed(messages, mailbox_get_last_internal_error(
		messages->inbox->box, NULL));
}

static int
uidl_messages_get_size(void *context, size_t message, uint64_t *size_r)
{
	struct uidl_messages *messages = context;
	uoff_t size;

	if (mail_get_virtual_size(uidl_messages_mail(messages, message),
				  &size) < 0)
		return uidl_messages_mail_failed(messages);
	*size_r = size;
	return 1;
}

/*
 * Identities
 */

static int
uidl_messages_get_content(struct uidl_messages *messages)
{
	struct mail *mail = messages->mail;
	unsigned char hash[CONTENT_HASH_BYTES];
	const char *error;

	if (!content_hash_lookup(mail->transaction, mail->seq,
				 messages->content_field, hash) &&
	    content_hash_read(mail, messages->content_field, hash,
			      &error) < 0)
		return uidl_messages_failed(messages, error);
	binary_to_hex_append(messages->value, hash, sizeof(hash));
	return 1;
}

static int
uidl_messages_get_guid(struct uidl_messages *messages, bool as_128_bits)
{
	const char *guid;
	guid_128_t guid_128;

	if (mail_get_special(messages->mail, MAIL_FETCH_GUID, &guid) < 0)
		return uidl_messages_mail_failed(messages);
	if (*guid == '\0')
		return 0;
	if (!as_128_bits) {
		str_append(messages->value, guid);
	} else {
		mail_generate_guid_128_hash(guid, guid_128);
		str_append(messages->value, guid_128_to_string(guid_128));
	}
	return 1;
}

static int
uidl_messages_get_message_id(struct uidl_messages *messages)
{
	const char *header, *start, *end;
	int ret;

	ret = mail_get_first_header(messages->mail, "Message-ID", &header);
	if (ret < 0)
		return uidl_messages_mail_failed(messages);
	if (ret == 0)
		return 0;
	start = strchr(header, '<');
	end = start == NULL ? NULL : strchr(start, '>');
	if (end == NULL)
		return 0;
	str_append_data(messages->value, start, end + 1 - start);
	return 1;
}

static int
uidl_messages_get_identity(void *context, size_t message,
			   enum uidl_identity identity, const char **value_r)
{
	struct uidl_messages *messages = context;
	int ret = 0;

	(void)uidl_messages_mail(messages, message);
	str_truncate(messages->value, 0);
	T_BEGIN {
		switch (identity) {
		case UIDL_IDENTITY_CONTENT:
			ret = uidl_messages_get_content(messages);
			break;
		case UIDL_IDENTITY_GUID_128:
		case UIDL_IDENTITY_GUID:
			ret = uidl_messages_get_guid(messages,
				identity == UIDL_IDENTITY_GUID_128);
			break;
		case UIDL_IDENTITY_MESSAGE_ID:
			ret = uidl_messages_get_message_id(messages);
			break;
		case UIDL_IDENTITY_NONE:
			break;
		}
	} T_END;
	*value_r = str_c(messages->value);
	return ret;
}

/*
 * The mailbox
 */

/* Returns 0, or -1 and error_r. */
static int
uidl_messages_sort(struct uidl_messages *messages, const char **error_r)
{
	static const enum mail_sort_type sort_program[] = {
		MAIL_SORT_POP3_ORDER,
		MAIL_SORT_END
	};
	struct mail_search_context *ctx;
	struct mail_search_args *args;
	struct mail *mail;

	args = mail_search_build_init();
	mail_search_build_add_all(args);
	ctx = mailbox_search_init(messages->inbox->trans, args, sort_program,
				  0, NULL);
	mail_search_args_unref(&args);
	while (mailbox_search_next(ctx, &mail)) {
		if (!seq_range_exists(messages->inbox->removed, mail->seq))
			array_push_back(&messages->seqs, &mail->seq);
	}
	if (mailbox_search_deinit(&ctx) < 0) {
		*error_r = t_strdup(mailbox_get_last_internal_error(
			messages->inbox->box, NULL));
		return -1;
	}
	return 0;
}

int uidl_messages_init(struct uidl_inbox *inbox,
		       struct uidl_messages **messages_r, const char **error_r)
{
	struct uidl_messages *messages = i_new(struct uidl_messages, 1);

	messages->inbox = inbox;
	messages->value = str_new(default_pool, 128);
	messages->content_field = content_hash_register(inbox->box);
	messages->mail = mail_alloc(inbox->trans, 0, NULL);
	i_array_init(&messages->seqs, inbox->count);
	if (uidl_messages_sort(messages, error_r) < 0) {
		uidl_messages_deinit(&messages);
		return -1;
	}
	messages->source.count = array_count(&messages->seqs);
	messages->source.get_size = uidl_messages_get_size;
	messages->source.get_identity = uidl_messages_get_identity;
	messages->source.context = messages;
	*messages_r = messages;
	return 0;
}

void uidl_messages_deinit(struct uidl_messages **_messages)
{
	struct uidl_messages *messages = *_messages;

	if (messages == NULL)
		return;
	*_messages = NULL;
	mail_free(&messages->mail);
	array_free(&messages->seqs);
	str_free(&messages->value);
	i_free(messages->error);
	i_free(messages);
}

const struct uidl_match_source *
uidl_messages_source(const struct uidl_messages *messages)
{
	return &messages->source;
}

const char *uidl_messages_error(const struct uidl_messages *messages)
{
	return messages->error;
}

uint32_t uidl_messages_seq(const struct uidl_messages *messages,
			   size_t message)
{
	return *array_idx(&messages->seqs, message);
}

uint32_t uidl_messages_uid(const struct uidl_messages *messages,
			   size_t message)
{
	uint32_t uid;

	mail_index_lookup_uid(messages->inbox->trans->view,
			      uidl_messages_seq(messages, message), &uid);
	return uid;
}

struct mail *uidl_messages_mail(struct uidl_messages *messages,
				size_t message)
{
	uint32_t seq = uidl_messages_seq(messages, message);

	if (messages->mail->seq != seq)
		mail_set_seq(messages->mail, seq);
	return messages->mail;
}
