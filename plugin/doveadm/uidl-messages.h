/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_UIDL_MESSAGES_H
#define POP3_POLICY_UIDL_MESSAGES_H

/*
 * An INBOX as uidl_match() wants to see it: all its messages, those that POP3
 * doesn't show included, in POP3's order.
 */

#include "pop3-policy/uidl-match.h"

struct uidl_inbox;
struct uidl_messages;

/* The inbox must outlive it. Returns 0, or -1 and *error_r (data stack). */
int uidl_messages_init(struct uidl_inbox *inbox,
		       struct uidl_messages **messages_r, const char **error_r);
/* NULL is allowed. */
void uidl_messages_deinit(struct uidl_messages **messages);

const struct uidl_match_source *
uidl_messages_source(const struct uidl_messages *messages);
/* Why one of its functions returned -1 (valid until deinit). */
const char *uidl_messages_error(const struct uidl_messages *messages);

/* The sequence of a message of the source. */
uint32_t uidl_messages_seq(const struct uidl_messages *messages,
			   size_t message);
uint32_t uidl_messages_uid(const struct uidl_messages *messages,
			   size_t message);
/* The mail, positioned at that message until the next call. */
struct mail *uidl_messages_mail(struct uidl_messages *messages,
				size_t message);

#endif
