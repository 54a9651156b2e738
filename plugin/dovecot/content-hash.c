/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "buffer.h"
#include "istream.h"
#include "istream-header-filter.h"
#include "sha2.h"
#include "mail-cache.h"
#include "mail-storage-private.h"
#include "compat.h"
#include "content-hash.h"

#define CONTENT_HASH_FIELD "pop3-policy.content"

/* Sorted. */
static const char *const content_hash_without[] = {
	"Content-Length",
	"Status",
	"X-IMAP",
	"X-IMAPbase",
	"X-Keywords",
	"X-Status",
	"X-UID",
	"X-UIDL",
};

struct content_hash {
	struct sha256_ctx ctx;
	/* CRs, and LFs before these, that are still to be hashed if something
	   else follows */
	uoff_t crs, lfs;
};

unsigned int content_hash_register(struct mailbox *box)
{
	struct mail_cache_field field = {
		.name = CONTENT_HASH_FIELD,
		.type = MAIL_CACHE_FIELD_FIXED_SIZE,
		.field_size = CONTENT_HASH_BYTES,
		.decision = MAIL_CACHE_DECISION_YES |
			MAIL_CACHE_DECISION_FORCED,
	};

	return pop3_policy_compat_register_cache_field(box->cache, &field);
}

bool content_hash_lookup(struct mailbox_transaction_context *trans,
			 uint32_t seq, unsigned int field,
			 unsigned char hash_r[CONTENT_HASH_BYTES])
{
	buffer_t buf;

	buffer_create_from_data(&buf, hash_r, CONTENT_HASH_BYTES);
	return mail_cache_lookup_field(trans->cache_view, &buf, seq,
				       field) > 0 &&
		buf.used == CONTENT_HASH_BYTES;
}

static void content_hash_add(struct content_hash *hash,
			     const unsigned char *data, size_t size)
{
	for (; hash->lfs > 0; hash->lfs--)
		sha256_loop(&hash->ctx, "\n", 1);
	for (; hash->crs > 0; hash->crs--)
		sha256_loop(&hash->ctx, "\r", 1);
	sha256_loop(&hash->ctx, data, size);
}

static void content_hash_more(struct content_hash *hash,
			      const unsigned char *data, size_t size)
{
	const unsigned char *start, *end = data + size;

	while (data < end) {
		switch (*data) {
		case '\r':
			hash->crs++;
			data++;
			break;
		case '\n':
			hash->crs = 0;
			hash->lfs++;
			data++;
			break;
		default:
			start = data;
			while (data < end && *data != '\r' && *data != '\n')
				data++;
			content_hash_add(hash, start, data - start);
			break;
		}
	}
}

static int content_hash_stream(struct istream *input,
			       unsigned char hash_r[CONTENT_HASH_BYTES],
			       const char **error_r)
{
	struct content_hash hash;
	unsigned char digest[SHA256_RESULTLEN];
	const unsigned char *data;
	size_t size;

	i_zero(&hash);
	sha256_init(&hash.ctx);
	while (i_stream_read_more(input, &data, &size) > 0) {
		content_hash_more(&hash, data, size);
		i_stream_skip(input, size);
	}
	if (input->stream_errno != 0) {
		*error_r = t_strdup_printf("read(%s): %s",
					   i_stream_get_name(input),
					   i_stream_get_error(input));
		return -1;
	}
	/* CRs that no LF follows are content */
	if (hash.crs > 0)
		content_hash_add(&hash, NULL, 0);
	sha256_result(&hash.ctx, digest);
	memcpy(hash_r, digest, CONTENT_HASH_BYTES);
	return 0;
}

int content_hash_read(struct mail *mail, unsigned int field,
		      unsigned char hash_r[CONTENT_HASH_BYTES],
		      const char **error_r)
{
	struct mailbox_transaction_context *trans = mail->transaction;
	struct istream *input, *filter;
	int ret;

	if (mail_get_stream_because(mail, NULL, NULL, "UIDL", &input) < 0) {
		*error_r = t_strdup(
			mailbox_get_last_internal_error(mail->box, NULL));
		return -1;
	}
	filter = i_stream_create_header_filter(
		input, HEADER_FILTER_EXCLUDE | HEADER_FILTER_NO_CR,
		content_hash_without, N_ELEMENTS(content_hash_without),
		*null_header_filter_callback, (void *)NULL);
	ret = content_hash_stream(filter, hash_r, error_r);
	i_stream_unref(&filter);
	if (ret == 0 && mail_cache_field_exists(trans->cache_view, mail->seq,
						field) == 0) {
		mail_cache_add(trans->cache_trans, mail->seq, field, hash_r,
			       CONTENT_HASH_BYTES);
	}
	return ret;
}
